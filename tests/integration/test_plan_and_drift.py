# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks plan and drift on live nodes: what they predict and find is what a run changes, and they change nothing."""

import json
import re

import pytest

from testbed import article, playbooks
from testbed.observed import litter, observe

PLAN, DRIFT = "cri.node.plan", "cri.node.drift"
PROVISION = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]
CRIO = article.DROP_IN
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
PORT = "crio.metrics.metrics_port"


def settings(**more):
    return {
        **article.settings(),
        "registries_config": {"registry": [{"location": "unlisted:5000", "insecure": True}]},
        "crictl_config": {"timeout": 20},
        **more,
    }


@pytest.fixture(scope="module")
def nodes(testbed, crio_source):
    """Two nodes of this module's own, which its tests change one after the other."""
    names = ("drift-1", "drift-2")
    yield testbed.add(*names)
    testbed.remove(*names)


@pytest.fixture
def play(testbed, nodes, tmp_path):
    """play(playbook, *options, **variables) -> (Run, report or None); the nodes are observed to stay as they are."""

    def on_nodes(playbook, *options, **variables):
        path = tmp_path / "report.json"
        path.unlink(missing_ok=True)
        before = [observe(node) for node in nodes]
        wanted = settings(plan_report_file=str(path), drift_report_file=str(path), **variables)
        done = playbooks.run_playbook(playbook, nodes, *options, test_bed=testbed, variables=wanted)
        assert [observe(node) for node in nodes] == before
        assert [litter(node) for node in nodes] == ["", ""]
        assert done.changed == 0 or playbook == PLAN  # a plan's task reports the change that it predicts
        return done, json.loads(path.read_text()) if path.exists() else None

    return on_nodes


def provision(testbed, nodes, **variables):
    run = playbooks.run_playbook(PROVISION, nodes, test_bed=testbed, variables=settings(**variables))
    return run.expect_success()


def found(report, node):
    """The differences of a node as {(kind, path, key)}."""
    position = report["nodes"][node.name]["drift"]
    each = [] if position is None else report["drifts"][position]["differences"]
    return {(one["kind"], one["path"], one["key"]) for one in each}


def test_a_plan_of_fresh_nodes_changes_nothing_and_is_what_a_run_then_does(nodes, play, testbed):
    node = nodes[0]
    planned, report = play(PLAN, "--diff")
    planned.expect_success()
    [plan] = report["plans"]
    assert (plan["nodes"], plan["disruption"]) == ([each.name for each in nodes], "restart")
    assert {each["key"]: each["variable"] for each in plan["keys"] if each["path"] == CRIO}[
        PORT
    ] == "crio_config"
    assert set(plan["containers"]) == {each.name for each in nodes}
    assert f"create {CRIO}\n" in planned.out
    assert not node.exists("/var/lib/cri-node/state.json")
    applied = provision(testbed, nodes).of("cri.node.runtime_config", node.name)["plan"]
    assert {name: applied[name] for name in ("files", "disruption", "reasons", "keys")} == {
        name: plan[name] for name in ("files", "disruption", "reasons", "keys")
    }


def test_provisioned_nodes_have_no_drift_and_cost_one_call_each(nodes, play, testbed):
    provision(testbed, nodes)
    run, report = play(DRIFT, "-vvv")
    run.expect_success()
    assert "2 nodes: in the desired state" in run.out
    assert report["summary"]["in_sync"] == 2
    assert len(re.findall(r"SSH: EXEC", run.out)) == 2
    assert run.custom["_run"]["cri_node_drift"]["summary"] == report["summary"]
    planned, report = play(PLAN)
    planned.expect_success()
    assert report["summary"]["unchanged"] == 2


def test_edits_are_told_from_variables_and_a_run_repairs_them(nodes, play, testbed):
    provision(testbed, nodes)
    edited, moved = nodes
    edited.copy_in(
        CRIO, edited.read_file(CRIO).replace("9537", "9600") + '\n[crio.runtime]\nlog_level = "debug"\n'
    )
    edited.check(["rm", CRICTL])
    run, report = play(DRIFT)
    assert run.rc == 2
    assert found(report, edited) == {
        ("changed", CRIO, PORT), ("changed", CRIO, "crio.runtime.log_level"), ("missing", CRICTL, ""),
    }  # fmt: skip
    assert found(report, moved) == set()
    assert {name: stats["failures"] for name, stats in run.stats.items()} == {edited.name: 1, moved.name: 0}
    provision(testbed, nodes)
    play(DRIFT)[0].expect_success()
    # Now the variables move on, and the nodes are as they were committed.
    later = {"registries_config": {"registry": [{"location": "unlisted:5000", "insecure": False}]}}
    run, report = play(DRIFT, **later)
    assert run.rc == 2
    for node in nodes:
        assert found(report, node) == {("settings", REGISTRIES, 'registry."unlisted:5000".insecure')}
    play(DRIFT, drift_ignore="settings", **later)[0].expect_success()
    planned, report = play(PLAN, **later)
    planned.expect_success()
    assert [each["change"] for each in report["plans"][0]["keys"]] == ["change"]


def test_what_the_daemon_has_not_loaded_and_a_stopped_daemon_are_not_live(nodes, play, testbed):
    provision(testbed, nodes)
    restarted, stopped = nodes
    text = restarted.read_file(CRIO)
    restarted.copy_in(CRIO, text.replace("9537", "9600"))
    restarted.check("systemctl restart crio")
    restarted.copy_in(CRIO, text)
    stopped.check("systemctl stop crio")
    run, report = play(DRIFT)
    assert run.rc == 2
    assert found(report, restarted) == {("not_live", CRIO, "")}
    assert found(report, stopped) == {("not_live", "", "")}
    assert "crio.service is not running" in run.out
    provision(testbed, nodes)
    play(DRIFT)[0].expect_success()


def test_a_leftover_that_no_record_knows_and_a_node_that_is_gone_are_reported(nodes, play, testbed):
    provision(testbed, nodes)
    forgetful, gone = nodes
    forgetful.check(["rm", "/var/lib/cri-node/state.json"])
    unreachable = {
        "ansible_port": f"{{{{ 1 if inventory_hostname == '{gone.name}' else 22 }}}}",
        "ansible_control_path": "none",  # a connection that is still open would be used otherwise
    }
    run, report = play(DRIFT, "-e", json.dumps(unreachable), registries_config={})
    assert run.rc == 2
    assert ("unmanaged", REGISTRIES, "") in found(report, forgetful)
    assert report["nodes"][gone.name]["status"] == "not_read"
    assert re.search(rf"{gone.name} +NOT READ +the node cannot be reached", run.out)
