# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what runtime_config makes of a change above its limit, of disruptions that users set, and of overruled guards."""

import pytest
from tests.unit.plugins.action.test_messages import report

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
FILE = {
    "path": PATH,
    "owner": "crio",
    "kind": "crio_conf",
    "layers": [["crio_config", {"crio": {"runtime": {"pids_limit": 1024}}}]],
}
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
LOST = "a restart of crio.service would stop 2 running containers"
REFUSED = {
    "failed": True,
    "phase": "refused",
    "message": f"{LOST}. Drain the node first",
    "detail": "",
    "disruption": "drain",
    "guard": "kill_mode",
    "running": 2,
}
COMMITTED = {"committed": True, "generation": 8, "invocation_id": "b", "outranked": {}, "warnings": ["gone"]}


class Node:
    """Answers as node_runtime_config does."""

    def __init__(self, outcome=None):
        self.outcome = {"running": 2, **COMMITTED} if outcome is None else outcome
        self.calls = []

    def __call__(self, request):
        self.calls.append(request)
        if "call" not in request:
            return {"report": report(files={PATH: dict(ABSENT)}, fingerprint="f", generation=7)}
        return {"outcome": dict(self.outcome)}


@pytest.fixture
def config(run):
    """config(node, check_mode=, options) -> the result of the task."""

    def call(node, check_mode=False, **options):
        return run(
            "runtime_config", {"files": [FILE], **options}, node, check_mode=check_mode, diff=True
        ).result

    return call


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_deferred_change_is_neither_made_nor_a_failure(config, check_mode):
    node = Node()
    result = config(node, check_mode, max_disruption="reload", above_max_disruption="defer")
    assert [each.get("call", "read") for each in node.calls] == ["read"]
    assert (result["changed"], result["deferred"], result.get("failed")) == (False, True, None)
    assert (result["plan"]["disruption"], result["plan"]["files"]) == ("restart", {PATH: "create"})
    assert (result["generation"], "diff" in result) == (7, False)
    assert result["msg"] == (
        "the change is deferred: max_disruption (runtime_max_disruption of the role) is reload, but the change needs a"
        f" restart: {PATH} is new"
    )


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_change_that_the_node_refuses_because_it_needs_a_drain_is_deferred_too(config, check_mode):
    result = config(Node(REFUSED), check_mode, above_max_disruption="defer")
    assert (result["changed"], result["deferred"], result.get("failed")) == (False, True, None)
    assert (result["plan"]["disruption"], result["containers"], result["guard"]) == ("drain", 2, "kill_mode")
    assert result["msg"].startswith(f"the change is deferred: {LOST}")
    assert not {"diff", "validated_by"} & set(result)


@pytest.mark.parametrize(
    ("outcome", "options"),
    [
        (REFUSED, {}),
        (REFUSED, {"above_max_disruption": "defer", "max_disruption": "drain"}),
        ({**REFUSED, "as_before": False}, {"above_max_disruption": "defer"}),
        ({**REFUSED, "disruption": "", "guard": "kubelet_cgroup_driver"}, {"above_max_disruption": "defer"}),
        ({**REFUSED, "phase": "probe", "rolled_back": True}, {"above_max_disruption": "defer"}),
    ],
    ids=["by default", "a drain is allowed", "not as before", "another guard", "undone"],
)
def test_every_other_failure_of_a_change_stays_a_failure(config, outcome, options):
    result = config(Node(outcome), **options)
    assert result["failed"] is True
    assert "deferred" not in result
    assert result["guard"] == outcome["guard"]


def test_a_disruption_that_the_user_sets_is_limited_and_named(config):
    asked = {"disruptions": {"crio.runtime.pids_limit": "drain"}}
    refused = config(Node(), **asked)
    assert "is restart, but the change needs a drain:" in refused["msg"]
    assert (
        "crio.runtime.pids_limit needs a drain (runtime_disruptions: crio.runtime.pids_limit: drain)"
        in refused["msg"]
    )
    assert config(Node(), above_max_disruption="defer", **asked)["deferred"] is True
    node = Node()
    done = config(node, max_disruption="drain", **asked)
    assert (done["changed"], done["plan"]["disruption"], node.calls[1]["activate"]) == (
        True,
        "drain",
        "restart",
    )


def test_wrong_disruptions_and_guards_are_refused_before_the_node_is_called(refused):
    message = refused("runtime_config", {"files": [FILE], "disruptions": {"crio.runtime.pids_limit": "none"}})
    assert 'runtime_disruptions: crio.runtime.pids_limit = "none"' in message
    for action, options in (("runtime_config", {"files": [FILE]}), ("runtime_rollback", {})):
        message = refused(action, {**options, "overruled_guards": ["kill_mode", "Handler_in_use"]})
        assert (
            'overruled_guards (runtime_overruled_guards of the role) = "Handler_in_use": is not a guard'
            in message
        )
        assert "did you mean handler_in_use?; accepted: kill_mode, version_wipe, storage_in_use" in message


def test_several_losses_of_one_guard_are_all_in_the_plan(config):
    losses = [
        {"guard": "storage_in_use", "message": each, "containers": []} for each in ("a is lost", "b too")
    ]
    node = Node({"running": 1, "overruled": losses, **COMMITTED})
    result = config(node, False, overruled_guards="storage_in_use")
    assert result["plan"]["overruled_guards"] == {"storage_in_use": "a is lost; b too"}


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_overruled_guard_is_sent_to_the_node_and_its_loss_is_in_plan_and_warnings(config, check_mode):
    overruled = [{"guard": "kill_mode", "message": LOST, "containers": ["c" * 64]}]
    node = Node({"running": 2, "overruled": overruled, **({} if check_mode else COMMITTED)})
    result = config(node, check_mode, overruled_guards="kill_mode")
    assert node.calls[1]["overruled_guards"] == ["kill_mode"]
    assert (result["changed"], result.get("failed")) == (True, None)
    assert result["plan"]["overruled_guards"] == {"kill_mode": LOST}
    assert f"{LOST} (the guard kill_mode is overruled)" in result["warnings"]
    assert ("gone" in result["warnings"]) is not check_mode
    assert config(Node())["plan"]["overruled_guards"] == {}
