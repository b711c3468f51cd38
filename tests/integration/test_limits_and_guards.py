# SPDX-License-Identifier: GPL-3.0-or-later
"""A change above its limit is left alone, and a guard refuses a loss by its name unless it is overruled, on live nodes."""

import json

import pytest

from testbed import article
from testbed.observed import litter, observe, running_containers, service

PATH = article.DROP_IN
UNIT = {
    "path": article.UNIT_DROP_IN,
    "owner": "crio",
    "content": "[Service]\nKillMode=process\n",
    "disruption": "restart",
}
TESTBED = "/etc/crio/crio.conf.d/10-testbed.conf"
KUBELET = "/var/lib/kubelet/config.yaml"
NO_CONMON = "the stand-in has no monitors whose containers a change can lose"


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node whose unit has no KillMode: a restart stops its containers."""
    yield testbed.add("limits")[0]
    testbed.remove("limits")


def files(crio, *more, **entry):
    layers = [["crio_config", {"crio": crio}]]
    return [{"path": PATH, "owner": "crio", "kind": "crio_conf", "layers": layers, **entry}, *more]


@pytest.fixture
def apply(call_module):
    """apply(node, tables of crio.conf, options of the module) -> the result, in check mode with check=True."""

    def call(node, crio, *more, check=False, entry=(), **options):
        asked = {"files": files(crio, *more, **dict(entry)), "owners": ["crio"], **options}
        return call_module(node, "cri.node.runtime_config", asked, *(["--check"] if check else []))

    return call


def runtime(**keys):
    return {"runtime": {"log_level": "info", "pids_limit": 1024, **keys}}


def test_a_deferred_change_leaves_the_node_as_it_is_and_a_higher_limit_applies_it(shared, apply):
    shared.remove_pods()
    assert "msg" not in apply(shared, runtime())
    before = observe(shared)
    limit = {"max_disruption": "reload", "above_max_disruption": "defer"}
    for check in (True, False):
        left = apply(shared, runtime(pids_limit=2048), check=check, **limit)
        assert (left["changed"], left["deferred"], left["generation"]) == (False, True, 1)
        assert left["plan"]["disruption"] == "restart"
        assert "crio.runtime.pids_limit needs a restart" in left["plan"]["reasons"]
        assert "crio.runtime.pids_limit needs a restart" in left["msg"]
        assert observe(shared) == before
        assert litter(shared) == ""
    done = apply(shared, runtime(pids_limit=2048), max_disruption="restart", above_max_disruption="defer")
    assert (done["changed"], done.get("deferred")) == (True, None)
    assert service(shared, "InvocationID") != before.invocation_id
    assert "pids_limit = 2048" in shared.read_file(PATH)


def test_a_key_with_a_raised_disruption_stops_a_change_that_crio_would_reload(shared, apply):
    shared.remove_pods()
    apply(shared, runtime())
    before = observe(shared)
    raised = {"disruptions": {"crio.runtime.log_level": "drain"}}
    refused = apply(shared, runtime(log_level="debug"), **raised)
    assert (
        "crio.runtime.log_level needs a drain (runtime_disruptions: crio.runtime.log_level: drain)"
        in (refused["msg"])
    )
    assert observe(shared) == before
    done = apply(shared, runtime(log_level="debug"), max_disruption="drain", **raised)
    assert (done["changed"], done["plan"]["disruption"]) == (True, "drain")
    assert service(shared, "InvocationID") != before.invocation_id
    assert apply(shared, runtime(log_level="debug"), **raised)["changed"] is False


def test_an_accepted_key_with_a_lowered_disruption_disturbs_nothing(shared, apply):
    shared.remove_pods()
    entry = {"accept_keys": ["crio.runtime.vendor_key"]}
    assert "msg" not in apply(shared, runtime(vendor_key="a"), entry=entry)
    before = service(shared, "InvocationID")
    for level in ("none", "reload"):
        lowered = {"disruptions": {"crio.runtime.vendor_key": level}, "entry": entry}
        done = apply(shared, runtime(vendor_key=f"for {level}"), **lowered)
        assert (done["changed"], done["plan"]["disruption"]) == (True, level)
        assert f'vendor_key = "for {level}"' in shared.read_file(PATH)
        assert service(shared, "InvocationID") == before
        assert apply(shared, runtime(vendor_key=f"for {level}"), **lowered)["changed"] is False


@pytest.mark.real_crio(NO_CONMON)
def test_a_restart_that_stops_containers_is_refused_deferred_or_made_as_the_user_decides(shared, apply):
    shared.remove_pods()
    apply(shared, runtime())
    shared.run_pod(name="stopped")
    [container] = running_containers(shared)
    before = observe(shared)
    refused = apply(shared, runtime(pids_limit=4096))
    assert (refused["guard"], refused["plan"]["disruption"]) == ("kill_mode", "drain")
    assert "overrule the guard with overruled_guards: [kill_mode]" in refused["msg"]
    left = apply(shared, runtime(pids_limit=4096), above_max_disruption="defer")
    assert (left["changed"], left["deferred"], left["plan"]["disruption"]) == (False, True, "drain")
    other = apply(shared, runtime(pids_limit=4096), overruled_guards=["handler_in_use"])
    assert other["guard"] == "kill_mode"
    assert (observe(shared), running_containers(shared)) == (before, [container])
    predicted = apply(shared, runtime(pids_limit=4096), check=True, overruled_guards=["kill_mode"])
    assert (observe(shared), running_containers(shared)) == (before, [container])
    done = apply(shared, runtime(pids_limit=4096), overruled_guards=["kill_mode"])
    assert predicted["plan"] == done["plan"]
    assert "would stop 1 running container" in done["plan"]["overruled_guards"]["kill_mode"]
    assert any("the guard kill_mode is overruled" in each for each in predicted["warnings"])
    assert any(container[:12] in each for each in done["warnings"])
    assert running_containers(shared) == []
    assert litter(shared) == ""


@pytest.mark.real_crio(NO_CONMON)
@pytest.mark.parametrize(
    ("guard", "crio"),
    [
        ("handler_in_use", "handler"),
        ("storage_in_use", {"root": "/var/lib/containers/other"}),
    ],
)
def test_a_guard_is_named_and_overruled_by_its_name(fresh_node, apply, guard, crio):
    node = fresh_node()
    if crio == "handler":
        monitor = node.check(["sed", "-n", 's/^monitor_path = "\\(.*\\)"/\\1/p', TESTBED]).strip()
        handler = {"runtime_path": "/usr/local/lib/testbed/crun", "runtime_root": "/run/other"}
        crio = {"runtime": {"runtimes": {"crun": {**handler, "monitor_path": monitor}}}}
    assert "msg" not in apply(node, runtime(), UNIT)
    node.run_pod(name="in-use")
    [container] = running_containers(node)
    before = observe(node)
    refused = apply(node, crio, UNIT)
    assert refused["guard"] == guard
    assert f"[{guard}] (runtime_overruled_guards of the role runtime)" in refused["msg"]
    assert (observe(node), running_containers(node)) == (before, [container])
    predicted = apply(node, crio, UNIT, check=True, overruled_guards=[guard])
    assert observe(node) == before
    done = apply(node, crio, UNIT, overruled_guards=[guard])
    assert "msg" not in done
    assert done["plan"] == predicted["plan"]
    assert list(done["plan"]["overruled_guards"]) == [guard]
    assert running_containers(node) == []
    assert any(container[:12] in each for each in done["warnings"])
    assert litter(node) == ""


def test_a_cgroup_manager_other_than_that_of_the_kubelet_is_refused(fresh_node, apply):
    node = fresh_node()
    node.copy_in(KUBELET, "kind: KubeletConfiguration\ncgroupDriver: systemd\n")
    # The node's own files set cgroupfs, so the change is not the cause of the difference.
    assert "msg" not in apply(node, runtime(), UNIT)
    node.copy_in(KUBELET, "kind: KubeletConfiguration\ncgroupDriver: cgroupfs\n")
    before = observe(node)
    changed = runtime(cgroup_manager="systemd", conmon_cgroup="system.slice")
    refused = apply(node, changed, UNIT)
    assert refused.get("guard") == "kubelet_cgroup_driver", refused["msg"]
    assert f"the cgroup driver cgroupfs ({KUBELET})" in refused["msg"]
    predicted = apply(node, changed, UNIT, check=True, overruled_guards=["kubelet_cgroup_driver"])
    assert list(predicted["plan"]["overruled_guards"]) == ["kubelet_cgroup_driver"]
    assert observe(node) == before


def test_a_deferred_node_is_reported_as_deferred_and_passes_its_verification(shared, run_playbook, tmp_path):
    shared.remove_pods()
    reports = {
        "plan_report_file": "",
        "drift_report_file": "",
        "verify_report_file": str(tmp_path / "verify.json"),
    }
    settings = {**article.settings(), **reports, "verify_image": ""}
    run_playbook("cri.node.provision", shared, variables=settings).expect_success()
    before = observe(shared)
    settings["crio_config"]["crio"]["metrics"]["metrics_port"] = 9600
    limited = {**settings, "runtime_max_disruption": "reload", "runtime_above_max_disruption": "defer"}
    run = run_playbook("cri.node.provision", shared, variables=limited).expect_success()
    assert run.changed == 0
    assert "1 node: 1 deferred (1 restart)" in run.out
    [checks] = [
        each["checks"] for each in json.loads((tmp_path / "verify.json").read_text())["nodes"].values()
    ]
    warned = {each["name"]: each["detail"] for each in checks if each["status"] == "warning"}
    assert "the change is deferred" in warned["files"]
    assert not [each for each in checks if each["status"] == "failed"]
    drifted = run_playbook("cri.node.drift", shared, variables=limited)
    assert drifted.rc != 0
    assert "crio.metrics.metrics_port" in drifted.out
    assert observe(shared) == before
    run_playbook("cri.node.provision", shared, variables=settings).expect_success()
    assert "metrics_port = 9600" in shared.read_file(PATH)
