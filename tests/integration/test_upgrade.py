# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces an installed CRI-O together with its configuration: the new daemon serves, or the former one as before.

Other versions are the CRI-O at hand with another number in its program. That is what decides whether it removes pods.
"""

import uuid

import pytest

from faults import interrupted
from testbed import article, bundles, playbooks
from testbed.bundles import of_minor
from testbed.observed import observe, running_containers

APPLY = "cri.node.runtime_config"
PLAY = [{"hosts": "all", "gather_facts": False, "roles": ["cri.node.runtime"]}]
UPGRADE = "cri.node.upgrade"
PROGRAMS = "sha256sum /usr/local/bin/* /usr/libexec/crio/* /usr/local/lib/systemd/system/crio.service"
RECORD = "/var/lib/cri-node/bundle.json"

pytestmark = pytest.mark.real_crio("the stand-in has one version")


@pytest.fixture(scope="module")
def version(crio_source):
    """Return the version of the CRI-O at hand."""
    return crio_source.version


@pytest.fixture
def other(programs, version, tmp_path):
    """Return a function that packs a bundle of another version: other("1.36.9", further files)."""

    def packed(number, **further):
        found = bundles.of_another_version(programs, version, number)
        return bundles.pack(tmp_path, {**found, **further}, number)

    return packed


@pytest.fixture
def installed(bundle, fresh_node, run_playbook):
    """Return a node with CRI-O from the bundle at hand."""
    node = fresh_node(crio=False)
    bundles.give_network_and_registry(node)
    run_playbook(PLAY, node, variables=bundles.role_variables(bundle)).expect_success()
    return node


@pytest.fixture
def provision(installed, run_playbook, tmp_path):
    """Return a function that applies the role with a bundle: provision(bundle, "--check", **variables)."""

    def run(bundle, *options, playbook=None, **variables):
        verification = {
            "verify_image": installed.image("hello-world"),
            "verify_report_file": str(tmp_path / "report.json"),
        }
        return run_playbook(
            playbook or PLAY,
            installed,
            *options,
            variables={**bundles.role_variables(bundle), **verification, **variables},
        )

    return run


def installation(node):
    """Return the hashes of all programs of the bundle, and its record."""
    return node.check(PROGRAMS), node.read_file(RECORD)


def running_version(node):
    """Return the version of the daemon."""
    return node.crictl("version").splitlines()[2].split()[1]


def test_another_patch_release_is_part_of_the_transaction_and_stops_no_pod(
    installed, provision, other, version
):
    newer = other(of_minor(version, 0))
    installed.run_pod()
    containers, before = running_containers(installed), installation(installed)
    predicted = provision(newer, "--check").expect_success()
    assert installation(installed) == before
    done = provision(newer, "-vvv").expect_success()
    for part in ("plan", "bundle", "changed"):
        assert predicted.of(APPLY)[part] == done.of(APPLY)[part]
    assert done.of(APPLY)["plan"]["reasons"] == [f"CRI-O {version} is replaced with {newer.version}"]
    assert done.of(APPLY)["runtime"]["version"] == newer.version
    assert running_version(installed) == newer.version
    assert running_containers(installed) == containers
    assert (
        installed.run(
            "find / -xdev -name '.cri-node*' -not -path '/proc/*'; find /root/.ansible/tmp -mindepth 1"
        ).out
        == ""
    )
    assert provision(newer).expect_success().changed == 0


def test_a_crio_that_cannot_start_is_refused_before_anything_is_changed(
    installed, provision, programs, version, tmp_path
):
    number = of_minor(version, 0)
    broken = (
        b"#!/bin/sh\ncase $* in *--version*) echo crio version %s;; *) echo broken >&2; exit 1;; esac\n"
        % number.encode()
    )
    bundle = bundles.pack(tmp_path, {**programs, "bin/crio": broken}, number)
    before, observed = installation(installed), observe(installed)
    for options in (("--check",), ()):
        refused = provision(bundle, *options).of(APPLY)
        assert "CRI-O refuses the configuration" in refused["msg"]
        assert "broken" in refused["msg"]
        assert refused["as_before"] is True
    assert (installation(installed), observe(installed)) == (before, observed)


@pytest.mark.parametrize("playbook", [PLAY, article.ROLE], ids=["runtime", "crio"])
def test_a_new_version_that_does_not_start_is_undone_with_its_configuration(
    installed, provision, other, programs, version, playbook
):
    unit = bundles.unit_that_fails(programs["contrib/crio.service"])
    failing = other(of_minor(version, 0), **{"contrib/crio.service": unit})
    installed.run_pod()
    containers, before, observed = running_containers(installed), installation(installed), observe(installed)
    more = {"crio": {"runtime": {"pids_limit": 77}}}
    failed = provision(failing, playbook=playbook, crio_config__more=more).of(APPLY)
    assert failed["rolled_back"] is True
    assert failed["as_before"] is True
    assert failed["msg"].startswith(f"CRI-O {version} cannot be replaced with {failing.version}: ")
    assert "Control process exited" in failed["msg"]
    assert installation(installed) == before
    after = observe(installed)
    assert (after.contents, after.configuration, after.active) == (
        observed.contents,
        observed.configuration,
        "active",
    )
    assert running_containers(installed) == containers
    assert running_version(installed) == version


def test_a_minor_version_is_only_changed_by_the_playbook_upgrade_one_at_a_time(
    installed, provision, bundle, other, version
):
    newer, newest = other(of_minor(version, 1)), other(of_minor(version, 2))
    before, observed = installation(installed), observe(installed)
    assert "The playbook cri.node.upgrade changes the minor version" in provision(newer).of(APPLY)["msg"]
    refused = provision(newest, playbook=UPGRADE)
    assert refused.rc != 0
    assert "an upgrade changes the minor version by one at a time" in refused.out
    assert (installation(installed), observe(installed)) == (before, observed)
    provision(newer, playbook=UPGRADE).expect_success()
    assert running_version(installed) == newer.version
    assert provision(newer, playbook=UPGRADE).expect_success().changed == 0
    provision(bundle, playbook=UPGRADE).expect_success()
    assert running_version(installed) == version
    assert provision(bundle).expect_success().changed == 0


def test_pods_are_moved_away_by_the_hook_and_return_after_the_upgrade(
    installed, provision, other, version, tmp_path
):
    newer = other(of_minor(version, 1))
    installed.run_pod()
    containers, before = running_containers(installed), installation(installed)
    refused = provision(newer, playbook=UPGRADE)
    assert refused.rc != 0
    assert "a start of a different minor version removes every pod (1 running container)" in refused.out
    assert running_containers(installed) == containers
    assert installation(installed) == before
    drain, restore = tmp_path / "drain.yml", tmp_path / "restore.yml"
    drain.write_text("[{ansible.builtin.command: crictl rmp -fa, changed_when: true}]")
    restore.write_text("[{ansible.builtin.file: {path: /root/restored, state: touch, mode: '0600'}}]")
    hooks = {"upgrade_drain": str(drain), "upgrade_restore": str(restore)}
    provision(newer, "--check", playbook=UPGRADE, **hooks).expect_success()
    assert running_containers(installed) == containers
    provision(newer, playbook=UPGRADE, **hooks).expect_success()
    assert running_version(installed) == newer.version
    assert installed.exists("/root/restored")


def test_the_previous_minor_version_is_upgraded_and_downgraded_again(
    fresh_node, run_playbook, bundle, crio_source, tmp_path
):
    earlier = bundles.of_previous_minor(crio_source)
    if earlier is None:
        pytest.skip("needs a bundle of the previous minor version in the cache folder")
    node = fresh_node(crio=False)
    bundles.give_network_and_registry(node)
    drain = tmp_path / "drain.yml"
    drain.write_text("[{ansible.builtin.command: crictl rmp -fa, changed_when: true}]")
    verification = {
        "verify_image": node.image("hello-world"),
        "verify_report_file": str(tmp_path / "report.json"),
        "upgrade_drain": str(drain),
    }
    run_playbook(PLAY, node, variables=bundles.role_variables(earlier)).expect_success()
    assert running_version(node) == earlier.version
    for wanted in (bundle, earlier):
        node.run_pod()
        images = node.crictl("images", "-q")
        run_playbook(
            UPGRADE, node, variables={**bundles.role_variables(wanted), **verification}
        ).expect_success()
        assert running_version(node) == wanted.version
        assert set(images.split()) <= set(node.crictl("images", "-q").split())
        assert running_containers(node) == []
        node.run_pod()
        assert len(running_containers(node)) == 1


@pytest.fixture(scope="module")
def node_to_kill(testbed, bundle, version, programs):
    """Return a node with CRI-O from the bundle and a pod, on which another version is unpacked."""
    node = testbed.add("killed", crio=False)[0]
    bundles.give_network_and_registry(node)
    playbooks.run_playbook(
        PLAY, [node], test_bed=testbed, variables=bundles.role_variables(bundle)
    ).expect_success()
    node.run_pod()
    node.copy_in(
        "/root/crio", bundles.of_another_version(programs, version, of_minor(version, 0))["bin/crio"], 0o755
    )
    interrupted.prepare(node)
    yield node
    testbed.remove("killed")


def request(version):
    """Return a transaction that only replaces crio."""
    return {
        "unit": "crio.service", "owners": [], "files": [], "contents": {}, "remove": [], "expect": {},
        "activate": "restart", "daemon_reload": False, "reload_keys": [], "reload_is_logged": True,
        "concerns_daemon": True, "ready_timeout": 30, "id": uuid.uuid4().hex, "fingerprint": "",
        "bundle": {
            "programs": [{"path": "/usr/local/bin/crio", "source": "/root/crio", "mode": "0755"}],
            "crio": "/usr/local/bin/crio",
            "record": RECORD,
            "recorded": {"format": 2, "sha256": "0" * 64, "version": version, "files": {}},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [
        "during the rehearsal",
        "before the generation",
        "before the intent",
        "after the intent",
        "between two renames",
        "between two renames, and so is its recovery",
        "during the restart",
        "after the restart",
    ],
)
def test_a_replacement_killed_before_its_commit_is_undone(node_to_kill, version, fault):
    before, containers, killed = (
        installation(node_to_kill),
        running_containers(node_to_kill),
        interrupted.kills(node_to_kill),
    )
    interrupted.start(node_to_kill, fault, request(of_minor(version, 0))).wait(timeout=interrupted.LIMIT)
    assert interrupted.kills(node_to_kill) > killed
    interrupted.wait_until_whole(node_to_kill)
    assert installation(node_to_kill) == before
    assert running_version(node_to_kill) == version
    assert running_containers(node_to_kill) == containers


def test_a_replacement_killed_after_its_commit_is_kept(node_to_kill, version):
    containers = running_containers(node_to_kill)
    interrupted.start(node_to_kill, "after the commit", request(of_minor(version, 0))).wait(
        timeout=interrupted.LIMIT
    )
    interrupted.wait_until_whole(node_to_kill)
    assert running_version(node_to_kill) == of_minor(version, 0)
    assert running_containers(node_to_kill) == containers
