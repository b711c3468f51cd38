# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role containerd with Debian's containerd: config.toml changes as a whole or not at all, hosts.toml at no cost."""

import hashlib
import json
import uuid

import pytest

from faults import interrupted
from testbed.observed import litter, running_containers, service

UNIT = "containerd.service"
CONFIG, HOSTS = "/etc/containerd/config.toml", "/etc/containerd/certs.d/unlisted:5000/hosts.toml"
CRI = "io.containerd.grpc.v1.cri"
CRUN = {"runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": "/usr/local/lib/testbed/crun"}}
# What pods need in a node that is itself a container, as tests/testbed/files/containerd.toml.
SETTINGS = {
    "sandbox_image": "registry:5000/pause:1",
    "restrict_oom_score_adj": True,
    "registry": {"config_path": "/etc/containerd/certs.d"},
    "cni": {"bin_dir": "/usr/lib/cni", "conf_dir": "/etc/cni/net.d"},
    "containerd": {"runtimes": {"runc": CRUN}},
}
# The test bed's registry, which speaks plain HTTP, under a name that no configuration mentions.
REGISTRIES = {
    "unlisted:5000": {
        "server": "http://unlisted:5000",
        "host": {"http://unlisted:5000": {"capabilities": ["pull", "resolve"]}},
    }
}
IMAGE = "unlisted:5000/log-writer:1"


def config(period=10, **more):
    """Return settings for config.toml. more: keys of the plugin that serves CRI."""
    settings = {**SETTINGS, "stats_collect_period": period, **more}
    return {"version": 2, "root": "/var/lib/containers/containerd", "plugins": {CRI: settings}}


def play(**variables):
    return {"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.containerd"], "vars": variables}


@pytest.fixture(scope="module")
def containerd_node(testbed):
    """Return a node with containerd and two running pods, shared by this file: each test must leave them running."""
    node = testbed.add_containerd("containerd-role")[0]
    node.run_pod("long-running")
    node.run_pod("long-running")
    interrupted.prepare(node)
    yield node
    testbed.remove("containerd-role")


@pytest.fixture
def node(containerd_node):
    """Return that node. All containers must survive each test."""
    containers = running_containers(containerd_node)
    assert len(containers) == 2
    yield containerd_node
    assert running_containers(containerd_node) == containers
    assert litter(containerd_node) == ""


@pytest.fixture
def apply(node, run_playbook):
    """Return a function that runs the role: apply("--check", containerd_config=...)."""

    def run(*options, **variables):
        return run_playbook([play(**variables)], node, *options)

    return run


@pytest.fixture
def settled(apply):
    """Bring the node to the configuration that the tests begin with."""
    apply(containerd_config=config()).expect_success()


def seen(node):
    """Return what must not change if nothing does: files with times and modes, and the start of the daemon."""
    files = (
        "find /etc/containerd /etc/systemd/system -type f -printf '%p %C@ %m ' -exec sha256sum {} \\; | sort"
    )
    return node.check(["sh", "-c", files]), service(node, "InvocationID", UNIT)


def plan(run):
    return run.of("cri.node.runtime_config")["plan"]


def can_pull(node):
    return node.run(["crictl", "pull", IMAGE]).rc == 0


def live_period(node):
    """Return the setting that the tests change, as the running daemon has it."""
    return node.crictl("info")["config"]["statsCollectPeriod"]


def test_a_changed_config_toml_is_loaded_by_one_restart_as_check_mode_predicted(node, apply, settled):
    before = seen(node)
    predicted = apply("--check", containerd_config=config(20)).expect_success()
    assert seen(node) == before
    done = apply(containerd_config=config(20)).expect_success()
    assert plan(predicted) == plan(done)
    assert (plan(done)["disruption"], plan(done)["files"]) == ("restart", {CONFIG: "change"})
    assert live_period(node) == 20
    after = seen(node)
    assert after[1] != before[1]
    again = apply(containerd_config=config(20)).expect_success()
    assert (again.changed, seen(node)) == (0, after)


def test_a_registry_is_pulled_from_over_plain_http_without_a_restart(node, apply, settled):
    start = service(node, "InvocationID", UNIT)
    assert not can_pull(node)
    done = apply(containerd_config=config(), containerd_registries=REGISTRIES).expect_success()
    assert (plan(done)["disruption"], plan(done)["files"]) == ("none", {HOSTS: "create"})
    assert can_pull(node)
    apply(containerd_config=config()).expect_success()
    node.check(["crictl", "rmi", IMAGE])
    assert not can_pull(node)
    assert not node.exists("/etc/containerd/certs.d/unlisted:5000")
    assert service(node, "InvocationID", UNIT) == start


def test_registries_without_a_config_path_are_a_warning(node, apply, settled):
    without = config(registry={})
    run = apply("--check", containerd_config=without, containerd_registries=REGISTRIES).expect_success()
    assert "config_path does not name /etc/containerd/certs.d" in run.out + run.err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sandbox_imge": "x"}, f'plugins."{CRI}".sandbox_imge = "x" (from containerd_config)'),
        ({"stats_collect_period": "ten"}, f'plugins."{CRI}".stats_collect_period is a string, but must be'),
    ],
)
def test_what_containerd_does_not_accept_is_refused_by_its_name(node, apply, settled, wrong, words):
    before = seen(node)
    for options in (["--check"], []):
        message = apply(*options, containerd_config=config(**wrong)).failure["msg"]
        assert words in message
        assert message.endswith("Nothing was changed on the node.")
    assert seen(node) == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"containerd": {**SETTINGS["containerd"], "snapshotter": "nosuch"}}, "failed to find snapshotter"),
        ({"stream_server_port": "abc"}, "stream server error: listen tcp"),
    ],
)
def test_a_start_that_serves_no_pods_is_undone_with_its_reason(node, apply, settled, wrong, words):
    before = node.read_file(CONFIG)
    failure = apply(containerd_config=config(**wrong)).failure
    assert words in failure["msg"]
    assert failure["msg"].endswith("The change was undone: the node is as it was.")
    assert (failure["rolled_back"], failure["as_before"]) == (True, True)
    assert node.read_file(CONFIG) == before
    assert service(node, "ActiveState", UNIT) == "active"


def test_a_restart_that_would_stop_containers_is_refused(node, apply, settled):
    before = seen(node)
    killing = {"Service": {"KillMode": "control-group"}}
    for options in (["--check"], []):
        run = apply(*options, containerd_config=config(), containerd_service=killing)
        assert "would stop 2 running containers: their shims" in run.failure["msg"]
        assert (run.failure["guard"], run.failure["plan"]["disruption"]) == ("kill_mode", "drain")
    assert seen(node) == before


def test_another_root_with_images_is_refused(node, apply, settled):
    before = seen(node)
    message = apply("--check", containerd_config={**config(), "root": "/var/lib/other"}).failure["msg"]
    assert "would lose the images and containers below /var/lib/containers/containerd" in message
    assert "containerd_overruled_guards of the role containerd" in message
    assert seen(node) == before


def request(period):
    """Return a transaction of two files: config.toml, and the unit's drop-in with a comment."""
    settings = {
        CONFIG: "\n".join(
            [
                'version = 2\nroot = "/var/lib/containers/containerd"',
                f'[plugins."{CRI}"]\nsandbox_image = "registry:5000/pause:1"\nrestrict_oom_score_adj = true',
                f"stats_collect_period = {period}",
                f'[plugins."{CRI}".cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "/etc/cni/net.d"',
                f'[plugins."{CRI}".registry]\nconfig_path = "/etc/containerd/certs.d"',
                f'[plugins."{CRI}".containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"',
                f'[plugins."{CRI}".containerd.runtimes.runc.options]',
                'BinaryName = "/usr/local/lib/testbed/crun"\n',
            ]
        ),
        "/etc/systemd/system/containerd.service.d/60-cri-node.conf": f"# {period}\n[Service]\nKillMode=process\n",
    }
    files = [
        {
            "path": path,
            "owner": "containerd",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "mode": "0644",
            "secret": False,
            "disruption": "restart",
        }
        for path, text in sorted(settings.items())
    ]
    return {
        "runtime": "containerd", "unit": UNIT, "owners": ["containerd"], "files": files, "contents": settings,
        "remove": [], "expect": {}, "activate": "restart", "daemon_reload": False, "reload_keys": [],
        "reload_is_logged": True, "concerns_daemon": True, "ready_timeout": 60, "id": uuid.uuid4().hex,
        "fingerprint": "",
    }  # fmt: skip


def start_with_fault(node, fault, period):
    interrupted.start(node, fault, request(period)).wait(timeout=interrupted.LIMIT * 2)


def contents(node):
    return node.check("find /etc/containerd /etc/systemd/system -type f -exec sha256sum {} + | sort -k2")


@pytest.mark.parametrize(
    "fault",
    [
        "during the rehearsal",
        "before the intent",
        "after the intent",
        "between two renames",
        "between two renames, and so is its recovery",
        "during the restart",
        "after the restart",
    ],
)
def test_a_change_killed_before_its_commit_is_undone(node, apply, settled, fault):
    before, killed, start = contents(node), interrupted.kills(node), service(node, "InvocationID", UNIT)
    start_with_fault(node, fault, 30)
    assert interrupted.kills(node) > killed
    interrupted.wait_until_whole(node, interrupted.LIMIT * 2, UNIT)
    assert contents(node) == before
    assert live_period(node) == 10
    if "restart" not in fault:
        assert service(node, "InvocationID", UNIT) == start
    assert apply(containerd_config=config()).expect_success().changed == 0


@pytest.mark.parametrize("fault", ["after the commit", "while its record is removed"])
def test_a_change_killed_after_its_commit_is_kept(node, settled, fault):
    start_with_fault(node, fault, 30)
    interrupted.wait_until_whole(node, interrupted.LIMIT * 2, UNIT)
    assert live_period(node) == 30
    assert "stats_collect_period = 30" in node.read_file(CONFIG)
    state = json.loads(node.read_file("/var/lib/cri-node/containerd/state.json"))
    assert CONFIG in state["owners"]["containerd"]
    assert not node.exists("/var/lib/cri-node/state.json")


@pytest.fixture
def powered_node(testbed):
    """Return a node with containerd for one test, which may end its life."""
    yield testbed.add_containerd("containerd-power")[0]
    testbed.remove("containerd-power")


@pytest.mark.parametrize("fault", ["hang between two renames", "hang after the restart"])
def test_a_node_that_loses_power_boots_with_its_previous_configuration(powered_node, run_playbook, fault):
    node = powered_node
    role = play(containerd_config=config())
    run_playbook([role], node).expect_success()
    interrupted.prepare(node)
    before = contents(node)
    process = interrupted.start(node, fault, request(30))
    seen_at = "the restart" if "restart" in fault else "the rename"

    def reached():
        there = "period = 30" in node.read_file(CONFIG) and (
            seen_at == "the rename" or (node.run("crictl info").rc == 0 and live_period(node) == 30)
        )
        return there, "not there yet"

    node.wait_for(seen_at, reached, interrupted.LIMIT * 2)
    node.kill()
    process.wait(timeout=interrupted.LIMIT)
    node.boot()
    interrupted.wait_until_whole(node, interrupted.LIMIT * 2, UNIT)
    assert contents(node) == before
    assert live_period(node) == 10
    assert run_playbook([role], node).expect_success().changed == 0


def test_differences_are_reported_without_a_change(node, run_playbook, settled):
    node.check(["sed", "-i", "s/stats_collect_period = 10/stats_collect_period = 11/", CONFIG])
    files = [
        {"path": CONFIG, "owner": "containerd", "kind": "containerd_toml", "variable": "containerd_config"}
    ]
    tasks = [{"cri.node.runtime_drift": {"files": files}}]
    drift = {"hosts": "nodes", "gather_facts": False, "vars": {"containerd_config": config()}, "tasks": tasks}
    run = run_playbook([drift], node).expect_success()
    (found,) = run.of("cri.node.runtime_drift")["differences"]
    assert (found["kind"], found["path"]) == ("changed", CONFIG)
    assert found["key"] == f'plugins."{CRI}".stats_collect_period'
