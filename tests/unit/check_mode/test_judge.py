# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the judge of a change finds each untruth of check mode, of the plan and of the run, and none in a true one."""

from __future__ import annotations

import copy
import json

import pytest

from check_mode import settings as known
from check_mode.generate import NODE, RUN, Change, Refusal
from check_mode.judge import NOTHING, judge
from check_mode.play import PHASES, Phase, Played
from check_mode.settings import Settings

KEY = "crio.runtime.ctr_stop_timeout"


def text(value):
    return f"[crio]\n[crio.runtime]\nctr_stop_timeout = {value}\n"


def look(value, invocation, written, events=()):
    return {
        "at": written,
        "files": {known.CRIO: ["file", "0644", 0, 0, f"hash of {value}"], "/etc/crio": ["folder", "0755", 0, 0, ""]},
        "times": {known.CRIO: [value, written, written], "/etc/crio": [1, written, written]},
        "texts": {known.CRIO: text(value)},
        "unit": {
            "InvocationID": invocation, "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0",
            "NeedDaemonReload": "no",
        },
        "events": list(events),
        "configuration": text(value),
        "containers": ["one"],
        "started": {"17": "400"},
        "litter": [],
    }  # fmt: skip


def settings(value):
    return Settings(layers={"crio_config": {KEY: value}})


def result():
    plan = {
        "disruption": "restart",
        "reasons": [f"{known.CRIO} changes", f"{KEY} needs a restart"],
        "files": {known.CRIO: "change"},
        "keys": [{"path": known.CRIO, "key": KEY, "change": "change", "variable": "crio_config"}],
    }
    header = f"{known.CRIO} (0644)"
    diff = [{"before_header": header, "after_header": header, "before": text(31), "after": text(32)}]
    return {"changed": True, "plan": plan, "diff": diff, "containers": 1, "validated_by": "node"}


def report(found, status):
    plans = [copy.deepcopy(found["plan"])] if status != "unchanged" else []
    return {"summary": {"changed": 0, "unchanged": 0, "failed": 0, status: 1}, "plans": plans}


@pytest.fixture
def true():
    """A change of one key that costs a restart, predicted as it happened."""
    old, new = look(31, "first", 10), look(32, "second", 20, ["stopped", "started"])
    again = {"changed": False, "plan": dict(NOTHING)}
    phases = {each: Phase(result(), report(result(), "changed"), copy.deepcopy(old)) for each in PHASES}
    phases["run"].look = new
    phases["again"] = Phase(again, report(again, "unchanged"), {**copy.deepcopy(new), "events": []})
    return Played(Change(1, ["restart key"], settings(32), settings(31)), old, phases, new)


@pytest.fixture
def refused(true):
    """The same change, refused by the node."""
    true.change.refusal = Refusal(NODE, ("no room",))
    for each in ("check", "plan", "run"):
        failure = {"failed": True, "msg": "there is no room", "plan": result()["plan"]}
        true.phases[each] = Phase(failure, report(failure, "failed"), copy.deepcopy(true.before))
    true.settled = true.before
    true.phases["again"].look = copy.deepcopy(true.before)
    return true


def edit(path, value):
    """Return a function that sets one value of a change that was played: "check.result.plan.disruption"."""

    def change(played):
        phase, what, *names = path
        place = getattr(played.phases[phase], what)
        for name in names[:-1]:
            place = place[name]
        place[names[-1]] = value

    return change


def everywhere(*path, value):
    """Return the same for check mode, plan and run: they all say the same, and it is wrong."""

    def change(played):
        for phase in ("check", "plan", "run"):
            edit((phase, "result", *path), value)(played)
            for plan in played.phases[phase].report["plans"]:
                if path[0] == "plan":
                    plan[path[1]] = value

    return change


def test_a_true_prediction_is_no_fault_and_what_happened_is_counted(true):
    assert judge(true) == ([], {"file changed", "daemon: restart"})


def test_a_refusal_that_check_mode_foresees_is_no_fault(refused):
    assert judge(refused) == ([], {"refused"})


UNTRUE = {
    "a reload is predicted for a restart": everywhere("plan", "disruption", value="reload"),
    "nothing is predicted for a restart": everywhere("plan", "disruption", value="none"),
    "a file is missing in the plan": everywhere("plan", "files", value={}),
    "another action is planned": everywhere("plan", "files", value={known.CRIO: "create"}),
    "a key is missing in the plan": everywhere("plan", "keys", value=[]),
    "another variable is named": everywhere(
        "plan", "keys", value=[{"path": known.CRIO, "key": KEY, "change": "change", "variable": "crio_config__site"}]
    ),
    "another key is the reason": everywhere("plan", "reasons", value=["crio.runtime.log_size_max needs a restart"]),
    "no change is predicted": everywhere("changed", value=False),
    "the diff has other bytes": everywhere(
        "diff", value=[{**result()["diff"][0], "after": text(33)}]
    ),
    "the diff has another mode": everywhere(
        "diff", value=[{**result()["diff"][0], "after_header": f"{known.CRIO} (0600)"}]
    ),
    "the diff is missing": everywhere("diff", value=[]),
    "check mode and the plan differ": edit(("check", "result", "plan", "reasons"), ["something else"]),
    "check mode and the run differ": edit(("run", "result", "containers"), 2),
    "the report has another plan": edit(("plan", "report", "plans", 0, "disruption"), "reload"),
    "the report counts no change": edit(("plan", "report", "summary", "changed"), 0),
    "check mode wrote a file": edit(("check", "look", "times", known.CRIO), [31, 15, 15]),
    "check mode changed a mode": edit(("check", "look", "files", known.CRIO), ["file", "0600", 0, 0, "hash of 31"]),
    "check mode wrote a folder": edit(("check", "look", "times", "/etc/crio"), [1, 15, 15]),
    "check mode created a file": edit(("check", "look", "files", "/etc/crio/x"), ["file", "0600", 0, 0, ""]),
    "the plan reloaded the daemon": edit(("plan", "look", "events"), ["reloaded"]),
    "the plan changed what the daemon uses": edit(("plan", "look", "configuration"), text(30)),
    "the run started the daemon twice": edit(("run", "look", "events"), ["started", "stopped", "started"]),
    "the run only reloaded": edit(("run", "look", "unit", "InvocationID"), "first"),
    "the run lost a container": edit(("run", "look", "started", "17"), ""),
    "the run restarted a container": edit(("run", "look", "started", "17"), "500"),
    "the runtime no longer lists a container": edit(("run", "look", "containers"), []),
    "the run wrote another file": edit(("run", "look", "files", "/etc/crio/x"), ["file", "0600", 0, 0, ""]),
    "the run left something behind": edit(("run", "look", "litter"), ["/etc/crio/.cri-node"]),
    "the run failed": edit(("run", "result", "failed"), True),
    "the daemon uses another value": edit(("run", "look", "configuration"), text(31)),
    "the next run changes something": edit(("again", "result", "changed"), True),
    "the next run has a plan": edit(("again", "result", "plan", "reasons"), ["something"]),
    "the next run wrote a file": edit(("again", "look", "times", known.CRIO), [32, 30, 30]),
}  # fmt: skip


@pytest.mark.parametrize("change", UNTRUE.values(), ids=UNTRUE)
def test_each_untruth_is_found(true, change):
    change(true)
    assert judge(true)[0] != []


NOT_REFUSED = {
    "check mode does not refuse it": edit(("check", "result", "failed"), False),
    "the plan does not refuse it": edit(("plan", "result", "failed"), False),
    "the run has another message": edit(("run", "result", "msg"), "there is no room, and more"),
    "the plans differ": edit(("run", "result", "plan"), NOTHING),
    "the run wrote a file": edit(("run", "look", "times", known.CRIO), [31, 15, 15]),
    "the run restarted the daemon": edit(("run", "look", "unit", "InvocationID"), "second"),
    "the report counts no failure": edit(("plan", "report", "summary", "failed"), 0),
    "the next run changes something": edit(("again", "result", "changed"), True),
}


@pytest.mark.parametrize("change", NOT_REFUSED.values(), ids=NOT_REFUSED)
def test_each_untruth_about_a_refusal_is_found(refused, change):
    change(refused)
    assert judge(refused)[0] != []


def test_a_run_that_fails_without_being_undone_is_found(true):
    true.change.refusal = Refusal(RUN, ("port",), "only a daemon that serves binds its ports")
    failure = {
        "failed": True,
        "msg": "the port is taken",
        "plan": result()["plan"],
        "rolled_back": True,
        "as_before": True,
    }
    true.phases["run"] = Phase(failure, {}, copy.deepcopy(true.before))
    true.settled = true.before
    true.phases["again"].look = copy.deepcopy(true.before)
    assert judge(true) == ([], {"undone"})
    failure["as_before"] = False
    assert judge(true)[0] != []


POLICY_KEY = 'transports.docker."one.example.com"'
REJECT = [{"type": "reject"}]
THEIRS = {"default": REJECT, "transports": {"docker": {"theirs.example.com": REJECT}}}
BOTH = {
    "default": REJECT,
    "transports": {"docker": {**THEIRS["transports"]["docker"], "one.example.com": REJECT}},
}


@pytest.fixture
def shared(true):
    """The same change, which also adds an entry to a file that others write."""
    for played, document in (
        (true.before, THEIRS),
        (true.phases["run"].look, BOTH),
        (true.phases["again"].look, BOTH),
    ):
        _write(played, document)
    for phase in ("check", "plan"):
        _write(true.phases[phase].look, THEIRS)
    true.settled = true.phases["run"].look
    header = f"{known.POLICY} (0640)"
    shown = {
        "before_header": header,
        "after_header": header,
        "before": "",
        "after": f'{POLICY_KEY} = [{{"type": "reject"}}]\n',
    }
    key = {"path": known.POLICY, "key": POLICY_KEY, "change": "add", "variable": "registries_policy"}
    for phase in ("check", "plan", "run"):
        found = true.phases[phase]
        for plan in (found.result["plan"], *found.report["plans"]):
            plan["files"] = {**plan["files"], known.POLICY: "change"}
            plan["keys"] = [*plan["keys"], key]
        found.result["diff"] = [*found.result["diff"], dict(shown)]
    return true


def _write(played, document):
    text = json.dumps(document)
    played["files"][known.POLICY] = ["file", "0640", 0, 0, text]
    played["times"][known.POLICY] = [1, len(text), 1]
    played["texts"][known.POLICY] = text


def test_a_true_prediction_of_entries_is_no_fault(shared):
    assert judge(shared)[0] == []


@pytest.mark.parametrize(
    "value",
    ["", f'{POLICY_KEY} = [{{"type": "accept"}}]\n', f"default = []\n{POLICY_KEY} = {json.dumps(REJECT)}\n"],
)
def test_a_diff_with_other_entries_is_found(shared, value):
    for phase in ("check", "plan", "run"):
        shared.phases[phase].result["diff"][1]["after"] = value
    assert any("the diff has" in sentence for sentence in judge(shared)[0])


def test_a_report_with_other_images_than_the_plan_is_found(true):
    about = "1 image of this node can no longer be pulled: a.io/app:1, a.io is blocked"
    image = {
        "name": "a.io/app:1",
        "effect": "blocked",
        "reason": "a.io is blocked",
        "pinned": False,
        "pods": [],
    }
    for phase in ("check", "plan", "run"):
        plan = true.phases[phase].result["plan"]
        true.phases[phase].result["plan"] = {**plan, "reasons": [*plan["reasons"], about], "images": [image]}
        for each in true.phases[phase].report["plans"]:
            each["images"] = [{"name": "a.io/app:1", "nodes": 1, "pods": 0}]
    assert judge(true)[0] == []
    true.phases["plan"].report["plans"][0]["images"] = []
    assert any("other images" in sentence for sentence in judge(true)[0])


def test_a_change_of_storage_that_is_planned_without_a_restart_is_found(true):
    true.change.settings.storage = {"storage": {"driver": "overlay"}}
    assert judge(true)[0] == []
    everywhere("plan", "disruption", value="reload")(true)
    assert any("cost restart" in sentence for sentence in judge(true)[0])
