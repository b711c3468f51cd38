# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O from its static bundle, on nodes without CRI-O or with another one."""

import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from testbed import article
from testbed.bundles import ARCHITECTURE, give_network_and_registry, pack, role_variables
from testbed.observed import metrics_answer, running_containers, service
from testbed.source import UNIT

INSTALL = "cri.node.crio_bundle"
APPLY = "cri.node.runtime_config"
SERVED_ON_THE_NODE = "http://127.0.0.1:8000/bundle.tar.gz"
# All that an installation could touch, with the times that tell a file rewritten with the same bytes. No
# directory's: an overlay file system gives it another one once something below it was copied up.
EVERYTHING = (
    "find /etc /usr/local /usr/libexec /opt /var/lib/cri-node"
    " -type d -printf '%p %m\\n' -o -printf '%p %C@ %m %s\\n' 2>/dev/null | sort;"
    " find /root/.ansible/tmp -mindepth 1"
)


@pytest.fixture(scope="module")
def bare(testbed, crio_source):
    """Return a node without CRI-O that every test of this module leaves unchanged."""
    return testbed.add("bundle", crio=False)[0]


@pytest.fixture(scope="module")
def other_bundle(programs, crio_source, tmp_path_factory):
    """Return a bundle of the same version with another hash."""
    return pack(tmp_path_factory.mktemp("bundle"), {**programs, "REVISION": b"2"}, crio_source.version)


@pytest.fixture
def install(run_playbook):
    """Return install(node, arguments, *options) -> the run of a play with only the module."""

    def run(node, arguments, *options):
        task = {INSTALL: arguments}
        return run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node, *options)

    return run


def serve_on_the_node(node, bundle):
    """Serve the bundle on the node over plain HTTP."""
    node.copy_in("/srv/bundle.tar.gz", bundle.path.read_bytes())
    node.check(
        "systemd-run --unit=bundle-server python3 -m http.server --bind 127.0.0.1 --directory /srv 8000"
    )
    node.wait_for("server", lambda: ((done := node.run("ss -Hltn sport = :8000")).out != "", done))


def remote_calls(run):
    """Return the number of remote calls in a run with -vvv: commands and uploads."""
    return len(re.findall(r"SSH: EXEC|sftp> put|PUT ", run.out))


def test_check_mode_predicts_an_installation_that_the_next_run_performs(bundle, fresh_node, run_playbook):
    node = fresh_node(crio=False)
    give_network_and_registry(node)
    before, variables = node.run(EVERYTHING).out, role_variables(bundle)
    predicted = run_playbook(article.ROLE, node, "--check", "--diff", variables=variables).expect_success()
    assert node.run(EVERYTHING).out == before
    assert predicted.of(APPLY)["validated_by"] == "controller"
    assert f"+CRI-O {bundle.version}" in predicted.out
    done = run_playbook(article.ROLE, node, "--diff", variables=variables).expect_success()
    assert done.of(APPLY)["bundle"] == {"changed": True, "version": bundle.version}
    for part in ("changed", "diff", "bundle", "plan"):
        assert predicted.of(APPLY)[part] == done.of(APPLY)[part], part
    assert service(node, "UnitFileState") == "enabled"
    assert service(node, "ActiveState") == "active"
    assert node.crictl("version").splitlines()[2].split() == ["RuntimeVersion:", bundle.version]
    assert metrics_answer(node, 9537)
    node.run_pod()
    assert len(running_containers(node)) == 1


def test_the_role_runtime_installs_and_configures_in_one_task(bundle, fresh_node, run_playbook):
    node = fresh_node(crio=False)
    give_network_and_registry(node)
    play = [{"hosts": "all", "gather_facts": False, "roles": ["cri.node.runtime"]}]
    variables = role_variables(bundle)
    predicted = run_playbook(play, node, "--check", "--diff", variables=variables).expect_success()
    first = run_playbook(play, node, "--diff", variables=variables).expect_success()
    for run in (predicted, first):
        assert run.changed == 1
        assert run.of(APPLY)["bundle"] == {"changed": True, "version": bundle.version}
        assert f"+CRI-O {bundle.version}" in run.out
    assert service(node, "ActiveState") == "active"
    second = run_playbook(play, node, "-vvv", variables=variables).expect_success()
    assert second.changed == 0
    assert second.of(APPLY)["bundle"] == {"changed": False, "version": bundle.version}
    assert remote_calls(second) == 2


@pytest.mark.real_crio(
    "a replaced crio is told by the file that runs, which is Python's where the stand-in runs"
)
def test_a_second_run_changes_nothing_and_another_bundle_of_the_same_version_stops_no_pod(
    bundle, other_bundle, fresh_node, run_playbook
):
    node = fresh_node(crio=False)
    give_network_and_registry(node)
    run_playbook(article.ROLE, node, variables=role_variables(bundle)).expect_success()
    node.run_pod()
    containers, invocation = running_containers(node), service(node, "InvocationID")
    second = run_playbook(article.ROLE, node, "-vvv", variables=role_variables(bundle)).expect_success()
    assert second.changed == 0
    # One for the bundle, one for the file set.
    assert remote_calls(second) == 2
    assert service(node, "InvocationID") == invocation
    replaced = run_playbook(article.ROLE, node, variables=role_variables(other_bundle)).expect_success()
    assert replaced.changed == 1
    assert replaced.of(APPLY)["plan"]["files"] == {}
    assert replaced.of(APPLY)["plan"]["reasons"] == [
        f"CRI-O {bundle.version} is replaced with {bundle.version}"
    ]
    assert service(node, "InvocationID") != invocation
    assert running_containers(node) == containers
    third = run_playbook(article.ROLE, node, variables=role_variables(other_bundle)).expect_success()
    assert third.changed == 0


def test_a_node_downloads_a_url_itself(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    serve_on_the_node(node, bundle)
    arguments = bundle.arguments(source=SERVED_ON_THE_NODE)
    first = install(node, arguments, "-vvv").expect_success()
    assert first.of(INSTALL)["version"] == bundle.version
    assert remote_calls(first) == 2
    assert node.check("/usr/local/bin/crio --version | head -1").split()[-1] == bundle.version
    for program in ("conmon", "crun"):
        assert node.run(f"/usr/libexec/crio/{program} --version").rc == 0
    assert node.run("find /root/.ansible/tmp -mindepth 1").out == ""
    # What is installed is known by its hash, so that nothing is fetched again.
    node.check("systemctl stop bundle-server")
    second = install(node, arguments, "-vvv").expect_success()
    assert second.changed == 0
    assert second.of(INSTALL)["version"] == bundle.version
    assert remote_calls(second) == 1
    # But a crio that is not the bundle's any more is.
    node.check("cp --preserve=mode /usr/local/bin/crio /tmp/ && mv /tmp/crio /usr/local/bin/crio")
    assert "cannot be fetched: Connection refused" in install(node, arguments).of(INSTALL)["msg"]


def test_the_controller_downloads_a_url_once_and_copies_the_bundle_to_the_nodes(bundle, fresh_node, install):
    requests = []

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=bundle.path.parent)

        def log_message(self, *arguments):
            requests.append(arguments)

    nodes = [fresh_node(crio=False), fresh_node(crio=False)]
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/cri-o.{{arch}}.v{bundle.version}.tar.gz"
        run = install(nodes, bundle.arguments(source=url, fetched_by="controller"))
        server.shutdown()
    assert run.expect_success().changed == len(nodes)
    assert len(requests) == 1
    for node in nodes:
        assert node.check("/usr/local/bin/crio --version | head -1").split()[-1] == bundle.version
        assert node.run("find /root/.ansible/tmp -mindepth 1").out == ""


def test_existing_configuration_is_kept(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    node.copy_in("/etc/crio/policy.json", '{"default": [{"type": "reject"}]}')
    node.copy_in("/etc/crictl.yaml", "timeout: 7\n")
    install(node, bundle.arguments()).expect_success()
    assert "reject" in node.read_file("/etc/crio/policy.json")
    assert node.read_file("/etc/crictl.yaml") == "timeout: 7\n"
    assert node.run("find / -xdev -name '.cri-node-*'").out == ""


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check mode"])
def test_a_wrong_hash_is_refused_before_anything_is_uploaded(bare, bundle, install, options):
    before = bare.run(EVERYTHING).out
    run = install(bare, bundle.arguments(sha256={ARCHITECTURE: "0" * 64}), "-vvv", *options)
    assert run.of(INSTALL)["msg"].endswith(f"has the SHA-256 {bundle.sha256}, not {'0' * 64}")
    assert remote_calls(run) == 1
    assert bare.run(EVERYTHING).out == before


def test_a_wrong_hash_of_a_file_that_the_node_downloaded_is_refused(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    serve_on_the_node(node, bundle)
    before = node.run(EVERYTHING).out
    for options in ((), ("--check",)):
        arguments = bundle.arguments(source=SERVED_ON_THE_NODE, sha256={ARCHITECTURE: "0" * 64})
        run = install(node, arguments, *options)
        assert f"{SERVED_ON_THE_NODE} has the SHA-256 {bundle.sha256}" in run.of(INSTALL)["msg"]
        assert node.run(EVERYTHING).out == before


def test_an_architecture_without_a_hash_is_refused(bare, bundle, install):
    run = install(bare, bundle.arguments(sha256={"pdp11": "0" * 64}))
    assert run.of(INSTALL)["msg"] == (
        f"crio_bundle has no SHA-256 for this node's architecture {ARCHITECTURE}; it has: pdp11"
    )


def test_an_invalid_hash_is_refused_without_a_remote_call(bare, bundle, install):
    run = install(bare, bundle.arguments(sha256={ARCHITECTURE: "latest"}), "-vvv")
    assert f'crio_bundle: sha256.{ARCHITECTURE} = "latest": is not a SHA-256' in run.of(INSTALL)["msg"]
    assert remote_calls(run) == 0


def test_a_file_that_is_not_on_the_controller_is_refused(bare, bundle, install):
    run = install(bare, bundle.arguments(source="/nowhere/{arch}.tar.gz"))
    assert run.of(INSTALL)["msg"] == (
        f"crio_bundle: the file /nowhere/{ARCHITECTURE}.tar.gz does not exist on the controller"
    )


def test_a_node_without_crio_is_one_clear_error_if_crio_should_be_preinstalled(bare, run_playbook):
    before = bare.run(EVERYTHING).out
    for options in ((), ("--check",)):
        run = run_playbook(article.ROLE, bare, *options, variables=article.settings())
        failed = [entry for entry in run.results if entry["status"] == "failed"]
        assert len(failed) == 1
        assert failed[0]["result"]["msg"].startswith("CRI-O is not installed on this node")
        assert "crio_install: bundle" in failed[0]["result"]["msg"]
        assert bare.run(EVERYTHING).out == before


def fake(node, path, version):
    """Write a program to `path` that reports this version of CRI-O."""
    node.copy_in(path, f"#!/bin/sh\necho 'crio version {version}'\n", 0o755)


def test_another_minor_version_is_not_replaced(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    # Once as a bundle left it, with its record, and once as somebody put it there.
    older = pack_fake(bundle, "1.2.3")
    install(node, older.arguments()).expect_success()
    for options in (("--check",), ()):
        before = node.run(EVERYTHING).out
        run = install(node, bundle.arguments(), *options)
        assert run.of(INSTALL)["msg"].startswith(
            f"CRI-O 1.2.3 is installed, but the bundle contains {bundle.version}: a different minor version"
        )
        assert node.run(EVERYTHING).out == before
        node.check("rm -rf /var/lib/cri-node")
    # What the message says to do helps.
    node.check("rm /usr/local/bin/crio")
    install(node, bundle.arguments()).expect_success()


def pack_fake(bundle, version):
    """Write a bundle next to this one whose crio only prints its version."""
    crio = f"#!/bin/sh\necho 'crio version {version}'\n".encode()
    files = {"bin/crio": crio, "bin/crictl": b"", "bin/pinns": b"", "contrib/crio.service": UNIT}
    return pack(bundle.path.parent, files, version)


def test_an_earlier_patch_release_is_replaced(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    fake(node, "/usr/local/bin/crio", f"{bundle.version.rpartition('.')[0]}.999")
    run = install(node, bundle.arguments(), "--diff").expect_success()
    assert ".999 (bundle with SHA-256 unknown)" in run.out
    assert node.check("/usr/local/bin/crio --version | head -1").split()[-1] == bundle.version


def test_a_preinstalled_crio_is_not_replaced(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    fake(node, "/usr/bin/crio", bundle.version)
    before = node.run(EVERYTHING).out
    for options in (("--check",), ()):
        run = install(node, bundle.arguments(), *options)
        assert run.of(INSTALL)["msg"] == (
            f"CRI-O {bundle.version} is installed as /usr/bin/crio, not from a bundle, which would be"
            " /usr/local/bin/crio; use crio_install: preinstalled"
        )
        assert node.run(EVERYTHING).out == before


def test_a_crio_that_does_not_run_is_replaced_if_it_came_from_a_bundle(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    node.copy_in("/usr/local/bin/crio", "", 0o755)
    unknown = install(node, bundle.arguments())
    assert "/usr/local/bin/crio exists, but does not print its version" in unknown.of(INSTALL)["msg"]
    node.check("rm /usr/local/bin/crio")
    install(node, bundle.arguments()).expect_success()
    # As a power loss leaves a file that never reached the disk.
    node.check("truncate --size 0 /usr/local/bin/crio")
    install(node, bundle.arguments()).expect_success()
    assert node.check("/usr/local/bin/crio --version | head -1").split()[-1] == bundle.version


GUARDED = """\
import base64, http.server
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        expected = "Basic " + base64.b64encode(b"user:" + open("/srv/password", "rb").read()).decode()
        if self.headers.get("Authorization") != expected or open("/srv/token").read() not in self.path:
            return self.send_error(403, "not for " + self.path)
        super().do_GET()
    def log_message(self, *more):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), lambda *more: Handler(*more, directory="/srv/public")).serve_forever()
"""


def test_no_secret_of_a_url_is_visible_anywhere(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    node.copy_in("/srv/public/bundle.tar.gz", bundle.path.read_bytes())
    node.copy_in("/srv/password", "canary-password")
    node.copy_in("/srv/token", "canary-token")
    node.copy_in("/srv/server.py", GUARDED)
    node.check("systemd-run --unit=bundle-server python3 /srv/server.py")
    node.wait_for("server", lambda: ((done := node.run("ss -Hltn sport = :8000")).out != "", done))
    # What every process was started with, as often as can be looked.
    look = "while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done >/srv/seen 2>/dev/null"
    node.check(["systemd-run", "--unit=watcher", "sh", "-c", look])
    url = "http://user:canary-password@127.0.0.1:8000/bundle.tar.gz?X-Amz-Signature=canary-token"
    options = ("-vvvv", "--diff")
    refused = install(node, bundle.arguments(source=url.replace("canary-token", "canary-wrong")), *options)
    message = refused.of(INSTALL)["msg"]
    assert (
        "http://***@127.0.0.1:8000/bundle.tar.gz?*** cannot be fetched: HTTP status 403 Forbidden" in message
    )
    predicted = install(node, bundle.arguments(source=url), "--check", *options).expect_success()
    done = install(node, bundle.arguments(source=url), *options).expect_success()
    assert (predicted.changed, done.changed) == (1, 1)
    assert node.check("/usr/local/bin/crio --version | head -1").split()[-1] == bundle.version
    node.check("systemctl stop watcher bundle-server")
    for run in (refused, predicted, done):
        assert "canary" not in run.out
        assert "canary" not in str(run.results)
    journal = node.check("journalctl --no-pager -o cat")
    assert "canary" not in journal
    assert re.search("Invoked with request={'call': 'install', .* secrets=NOT_LOGGING_PARAMETER", journal)
    assert node.check("test -s /srv/seen && grep -c canary /srv/seen || true").strip() == "0"
    assert node.run("grep -rl canary /var/lib/cri-node /root /etc /tmp /var/tmp").out == ""


def test_the_controller_does_not_show_secrets_of_a_url_either(bundle, bare, install):
    before = bare.run(EVERYTHING).out
    arguments = bundle.arguments(
        source="http://user:canary@127.0.0.1:9/b?token=canary", fetched_by="controller"
    )
    run = install(bare, arguments, "-vvvv")
    assert (
        run.of(INSTALL)["msg"]
        == "crio_bundle: http://***@127.0.0.1:9/b?*** cannot be fetched: Connection refused"
    )
    assert "canary" not in run.out
    assert bare.run(EVERYTHING).out == before


def programs_of(node):
    """Return the bundle's programs with their inodes, and other files in their directories."""
    folders = "/usr/local /usr/libexec/crio /etc/crio /etc/containers"
    return node.check(f"find {folders} -type f -printf '%p %i %s\\n' | sort; ls -A /var/lib/cri-node")


def test_a_run_that_is_killed_between_the_renames_is_undone_by_the_next_run(
    bundle, other_bundle, fresh_node, install
):
    node = fresh_node(crio=False)
    install(node, bundle.arguments()).expect_success()
    before = programs_of(node)
    # daemon-reload comes after the renames and before the commit.
    node.copy_in(
        "/usr/local/sbin/systemctl",
        '#!/bin/sh\n[ "$1" = daemon-reload ] && kill -9 $PPID\nexec /usr/bin/systemctl "$@"\n',
        0o755,
    )
    killed = install(node, other_bundle.arguments())
    assert killed.results[-1]["status"] == "failed", killed.out
    node.check("rm /usr/local/sbin/systemctl")
    assert "/usr/local/bin/.cri-node-kept-crio" in programs_of(node)
    predicted = install(node, bundle.arguments(), "--check").expect_success()
    done = install(node, bundle.arguments(), "-vvv").expect_success()
    assert (predicted.changed, done.changed) == (1, 1)
    # Not installed again but brought back.
    assert remote_calls(done) == 1
    assert programs_of(node) == before
    assert install(node, bundle.arguments()).expect_success().changed == 0
    assert install(node, other_bundle.arguments()).expect_success().changed == 1


def test_a_full_file_system_is_one_message_and_changes_nothing(bundle, fresh_node, install):
    node = fresh_node(crio=False)
    node.check("mkdir -p /usr/libexec/crio && mount -t tmpfs -o size=64k tmpfs /usr/libexec/crio")
    before = node.run(EVERYTHING).out
    for options in (("--check",), ()):
        message = install(node, bundle.arguments(), *options).of(INSTALL)["msg"]
        assert re.fullmatch(
            r"the bundle needs [\d.]+ MiB on the file system of /usr/libexec/crio, which has 64 KiB left",
            message,
        )
        assert node.run(EVERYTHING).out == before
