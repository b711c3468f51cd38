# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that real CRI-O and the stand-in give the same answers to the requests of a transaction."""

import json
import re

import pytest

STAGED = "/tmp/staged"
DRY = (
    f"crio --config {STAGED}/crio.conf --config-dir {STAGED}/crio.conf.d"
    " --signature-policy-dir cri-node-dry-start"
)
WELL = 'validating image config: signature policy dir \\"cri-node-dry-start\\" is not absolute'
INVALID = 'unqualified-search-registries = ["a.example"\n'


@pytest.fixture
def staged(node):
    """Return a node with a copy of its configuration in STAGED; `put(name, content)` adds a file there."""
    node.check(f"rm -rf {STAGED} && cp -a /etc/crio {STAGED} && : >> {STAGED}/crio.conf")
    node.put = lambda name, content: node.copy_in(f"{STAGED}/{name}", content)
    yield node
    node.check(f"rm -rf {STAGED}")


def main_pid(node):
    return node.check(["systemctl", "show", "--value", "--property=MainPID", "crio.service"]).strip()


def end(node, *options):
    """Return how a dry start ends, without the text around the message."""
    done = node.run(f"{DRY} {' '.join(options)}")
    assert done.rc == 1, done
    return re.search(r'level=fatal msg="(.*)"$', done.err.strip())[1]


def test_a_dry_start_ends_with_the_provoked_error_and_leaves_the_daemon_alone(staged):
    before = main_pid(staged)
    staged.put("crio.conf.d/90.conf", '[crio.network]\nnetwork_dir = "/tmp/staged/net.d"\n')
    assert end(staged) == WELL
    assert staged.run(f"test -e {STAGED}/net.d").rc == 1
    assert main_pid(staged) == before
    assert staged.crictl("info")["status"]["conditions"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '[crio.runtime]\ncgroup_manager = "x"\n',
            "unable to update cgroup manager: invalid cgroup manager: x",
        ),
        (
            '[crio.runtime.runtimes.crun]\nruntime_path = "/nowhere"\n',
            "runtime validation: invalid runtime_path for runtime 'crun': stat /nowhere: no such file or directory",
        ),
        (
            '[crio.runtime]\npinns_path = "/nowhere"\n',
            "pinns validation: invalid pinns path: stat /nowhere: no such file or directory",
        ),
        (
            '[crio.runtime]\nseccomp_profile = "/etc/crio"\n',
            "unable to load seccomp profile: open seccomp profile: read /etc/crio: is a directory",
        ),
    ],
)
def test_a_dry_start_reports_invalid_settings_before_the_provoked_error(staged, content, message):
    staged.put("crio.conf.d/90.conf", content)
    assert end(staged) == f"validating runtime config: {message}"


def test_another_handler_that_is_broken_is_a_warning_and_the_start_continues(staged):
    staged.put("crio.conf.d/90.conf", '[crio.runtime.runtimes.other]\nruntime_path = "/nowhere"\n')
    done = staged.run(DRY)
    message = "invalid runtime_path for runtime 'other': stat /nowhere: no such file or directory"
    assert f'level=warning msg="Runtime handler \\"other\\" is being ignored due to: {message}"' in done.err
    assert end(staged) == WELL


def test_staged_registries_are_validated_under_their_own_paths(staged):
    staged.put("good.conf", 'unqualified-search-registries = ["a.example"]\n')
    staged.put("bad.conf", INVALID)
    staged.put("good.d/10.conf", "")
    staged.put("bad.d/10.conf", INVALID)
    conf, folder = f"--registries-conf {STAGED}", f"--registries-conf-dir {STAGED}"
    before = "validating runtime config: invalid registries: loading"
    assert end(staged, f"{conf}/good.conf", f"{folder}/good.d") == WELL
    assert end(staged, f"{conf}/bad.conf", f"{folder}/good.d").startswith(
        f'{before} registries configuration \\"{STAGED}/bad.conf\\": toml: line'
    )
    assert end(staged, f"{conf}/good.conf", f"{folder}/bad.d").startswith(
        f'{before} drop-in registries configuration \\"{STAGED}/bad.d/10.conf\\": toml: line'
    )
    assert end(staged, f"{conf}/none.conf", f"{folder}/good.d") == (
        f'{before} registries configuration \\"{STAGED}/none.conf\\": open {STAGED}/none.conf: no such file or directory'
    )


def checked(node, word):
    """Return the lines of the daemon's main process about an image that does not exist."""
    pid = main_pid(node)
    assert node.run(["crictl", "inspecti", f"cri-node.invalid/{word}"]).rc == 1
    node.check("journalctl --sync")
    lines = node.check(["journalctl", "--output=json", "--all", f"_PID={pid}"]).splitlines()
    return [
        text for text in (json.loads(line)["MESSAGE"] for line in lines) if f"cri-node.invalid/{word}" in text
    ]


def test_an_image_status_request_is_logged_by_the_daemon_s_main_process(fresh_node):
    node = fresh_node()
    line = checked(node, "first")[0]
    assert re.fullmatch(
        r'time="\S+" level=info msg="Checking image status: cri-node.invalid/first"'
        r" id=[0-9a-f-]{36} name=/runtime.v1.ImageService/ImageStatus",
        line,
    )
    # CRI-O refuses capitals, and has logged the question by then.
    assert "Checking image status" in checked(node, "SECOND")[0]
    for content in ('log_filter = "nothing like that"', 'log_level = "warn"'):
        node.copy_in("/etc/crio/crio.conf.d/90.conf", f"[crio.runtime]\n{content}\n")
        node.check("systemctl restart crio.service")
        assert checked(node, "third") == []


def test_crio_config_shows_the_handlers_of_all_files(staged):
    staged.put(
        "crio.conf.d/90.conf",
        '[crio.runtime.runtimes.other]\nruntime_path = "/nowhere"\n'
        'allowed_annotations = ["io.kubernetes.cri-o.Devices"]\n',
    )
    shown = staged.check(f"crio --config {STAGED}/crio.conf --config-dir {STAGED}/crio.conf.d config")
    table = shown.partition("\n[crio.runtime.runtimes.other]\n")[2].split("\n")
    assert table[:3] == ['runtime_path = "/nowhere"', 'runtime_type = ""', 'runtime_root = ""']
    assert '\t"io.kubernetes.cri-o.Devices",' in table[:20]
    assert '# default_runtime = "crun"' in shown.splitlines()
