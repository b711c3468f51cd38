# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges one change: whether check mode and the plan predicted what the run did, as the node shows it, and changed nothing."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from check_mode import read
from check_mode import settings as known
from check_mode.generate import CONTROLLER
from check_mode.generate import RUN as BY_THE_RUN
from check_mode.play import AGAIN, CHECK, PHASES, PLAN, RUN, Phase, Played
from check_mode.settings import RELOAD, RESTART, changed_keys, flat

ORDER = ("none", RELOAD, RESTART)
START = "start"
_STATE = ("/var/lib/cri-node", "/run/")  # what a run may write beside the files of its plan
_UNIT = "/crio.service"
_PREDICTED = ("changed", "plan", "diff", "validated_by", "containers", "without_effect")
_STARTS, _ENABLES = "is not running and will be started", "is not enabled and will be enabled"
_MOST_KEYS = 5  # that a reason names
_KEY = re.compile(r"\bcrio\.[a-z_]+(?:\.[a-z_]+)+")


NOTHING = {"disruption": "none", "reasons": [], "files": {}, "keys": [], "overruled_guards": {}}  # a plan


def judge(played: Played) -> tuple[list[str], set[str]]:
    """Return what is untrue, as sentences, and what happened on the node, as features."""
    found = [*_changes_nothing(played)]
    refusal = played.change.refusal
    if refusal is None:
        happened = _happened(played)
        found += _applied(played, happened)
        features = happened.features()
    elif refusal.where == BY_THE_RUN:
        found += _undone(played)
        features = {"undone"}
    else:
        found += _refused(played)
        features = {"refused"}
    found += _again(played)
    return [f"{played.change}: {sentence}" for sentence in found], features


# Check mode and a plan change nothing.


def _changes_nothing(played: Played) -> Iterator[str]:
    look = played.before
    for phase in (CHECK, PLAN):
        after = played.phases[phase].look
        yield from (f"{phase} touched the node: {each}" for each in touched(look, after))
        look = after


def touched(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield what is different on the node: any write, start, stop or reload shows."""
    paths = sorted({*before["files"], *after["files"]})
    yield from (
        f"{path} was {_entry(before, path)} and is {_entry(after, path)}"
        for path in paths
        if _is_written(path, before, after)
    )
    yield from _same_daemon(before, after)
    if after["events"]:
        yield f"crio.service: {', '.join(after['events'])}"
    if before["configuration"] != after["configuration"]:
        yield "the daemon reports another configuration"


def _entry(look: dict[str, Any], path: str) -> list[Any]:
    return [*look["files"].get(path, ["absent"]), *look["times"].get(path, [])]


def _is_written(path: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Return whether a file or folder differs, or was written with what it had."""
    old, new = _entry(before, path), _entry(after, path)
    if old[0] == new[0] == "folder" and old[:5] == new[:5]:
        # An overlay file system may show a write of a folder's times late.
        return old != new and new[-1] > before["at"]
    return old != new


def _same_daemon(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name in ("InvocationID", "ActiveState", "UnitFileState", "NRestarts", "NeedDaemonReload"):
        if before["unit"].get(name) != after["unit"].get(name):
            yield f"{name} was {before['unit'].get(name)} and is {after['unit'].get(name)}"
    yield from _same_containers(before, after)


def _same_containers(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    if before["started"] != after["started"] or not all(after["started"].values()):
        yield f"the containers' processes were {before['started']} and are {after['started']}"
    if (
        None not in (before["containers"], after["containers"])
        and before["containers"] != after["containers"]
    ):
        yield f"the containers were {before['containers']} and are {after['containers']}"


# A change that must be refused.


def _refused(played: Played) -> Iterator[str]:
    refusal, phases = played.change.refusal, played.phases
    for name in (CHECK, PLAN, RUN):
        result = phases[name].result
        if not result.get("failed"):
            yield f"{name} does not refuse it"
        yield from (
            f"{name}: no {word!r} in the message: {result.get('msg')}"
            for word in refusal.words
            if word not in str(result.get("msg"))
        )
    messages = {name: phases[name].result.get("msg") for name in (CHECK, PLAN, RUN)}
    if len(set(messages.values())) != 1:
        yield f"the messages differ: {messages}"
    plans = {str(phases[name].result.get("plan")) for name in (CHECK, PLAN, RUN)}
    if len(plans) != 1:
        yield f"the plans differ: {sorted(plans)}"
    if refusal.where == CONTROLLER and "plan" in phases[CHECK].result:
        yield "the node was read"
    yield from (
        f"the refused run touched the node: {each}"
        for each in touched(phases[PLAN].look, phases[RUN].look)
        if not _is_state(each)
    )
    if refusal.where != CONTROLLER:
        yield from _reports(phases[PLAN], "failed")


def _undone(played: Played) -> Iterator[str]:
    refusal, phases = played.change.refusal, played.phases
    check, result = phases[CHECK].result, phases[RUN].result
    yield from _agree("check", check, "plan", phases[PLAN].result)
    if check.get("failed"):
        yield f"check mode refuses it, although {refusal.why_late}: {check.get('msg')}"
    yield from (
        f"no {word!r} in the message: {result.get('msg')}"
        for word in refusal.words
        if word not in str(result.get("msg"))
    )
    if (result.get("failed"), result.get("rolled_back"), result.get("as_before")) != (True, True, True):
        yield f"the run does not report that it was undone: {result.get('msg')}"
    if result.get("plan") != check.get("plan"):
        yield f"check predicts {check.get('plan')}, the run reports {result.get('plan')}"
    before, after = phases[PLAN].look, phases[RUN].look
    yield from (
        f"{path} was {before['files'].get(path)} and is {after['files'].get(path)}"
        for path in _differing(before, after)
    )
    yield from _same_containers(before, after)
    if after["unit"]["ActiveState"] != "active":
        yield f"the daemon is {after['unit']['ActiveState']}"


# A change that is applied.


class Happened:
    """What a run did to the node, from two looks at it."""

    def __init__(self, before: dict[str, Any], after: dict[str, Any]):
        old, new = before["files"], after["files"]
        self.files = {
            path: "create" if path not in old else "remove" if path not in new else "change"
            for path in _differing(before, after)
        }
        #: files of the same content, mode and owner that were written all the same
        self.rewritten = [
            path
            for path in sorted({*old} & {*new})
            if path not in self.files and old[path][0] != "folder" and _is_written(path, before, after)
            if not path.startswith(_STATE)
        ]
        was_active = before["unit"]["ActiveState"] == "active"
        is_new = before["unit"]["InvocationID"] != after["unit"]["InvocationID"]
        self.events = after["events"]
        self.daemon = (
            (RESTART if was_active else START) if is_new else RELOAD if "reloaded" in self.events else "none"
        )
        self.enabled = before["unit"]["UnitFileState"] != after["unit"]["UnitFileState"] == "enabled"
        self.mode_alone = any(
            action == "change" and old[path][4] == new[path][4] for path, action in self.files.items()
        )
        if self.enabled:  # by links to the unit
            self.files = {
                path: action
                for path, action in self.files.items()
                if not str(new.get(path, [""])[-1]).endswith(_UNIT)
            }

    @property
    def anything(self) -> bool:
        """Whether the run changed anything."""
        return bool(self.files) or self.daemon != "none" or self.enabled

    def features(self) -> set[str]:
        """Return the features of what happened."""
        found = {f"file {action}d" for action in self.files.values()} | {f"daemon: {self.daemon}"}
        found |= {"enabled"} if self.enabled else set()
        found |= {"mode or owner alone"} if self.mode_alone else set()
        return found | (set() if self.anything else {"unchanged"})


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the paths outside of the collection's own folders that differ; of folders, those that are not parents of such."""
    old, new = before["files"], after["files"]
    paths = [
        path
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path) and not path.startswith(_STATE)
    ]
    return [
        path
        for path in paths
        if (old.get(path) or new.get(path))[0] != "folder"
        or not any(each.startswith(f"{path}/") for each in paths)
    ]


def _is_state(sentence: str) -> bool:
    return sentence.startswith(_STATE)


def _happened(played: Played) -> Happened:
    return Happened(played.phases[PLAN].look, played.phases[RUN].look)


def _agree(name: str, one: dict[str, Any], other_name: str, other: dict[str, Any]) -> Iterator[str]:
    yield from (
        f"{each}: {name} has {one.get(each)}, {other_name} has {other.get(each)}"
        for each in _PREDICTED
        if one.get(each) != other.get(each)
    )


def _applied(played: Played, happened: Happened) -> Iterator[str]:
    phases = played.phases
    failed = [
        f"{name} fails: {phases[name].result.get('msg')}"
        for name in PHASES
        if phases[name].result.get("failed")
    ]
    if failed or any("plan" not in phases[name].result for name in PHASES):
        yield from failed or ["a phase has no plan"]
        return
    check, ran = phases[CHECK].result, phases[RUN].result
    yield from _agree("check", check, "plan", phases[PLAN].result)
    yield from _agree("check", check, "the run", ran)
    status = "changed" if check["changed"] else "unchanged"
    yield from _reports(phases[PLAN], status)
    yield from _reports(phases[RUN], status)
    if check["changed"] != happened.anything:
        yield f"changed is predicted as {check['changed']}, on the node {happened.files}, daemon: {happened.daemon}"
    yield from _files(played, happened)
    yield from _daemon(played, happened)
    yield from _keys(played)
    yield from _live(played)
    if played.change.plain:
        yield from _cost(played)


def _reports(phase: Phase, status: str) -> Iterator[str]:
    """Judge the report of all nodes against the result of the node."""
    if not phase.report:
        return
    if phase.report["summary"][status] != 1:
        yield f"the report does not count a node as {status}: {phase.report['summary']}"
    plan = {**phase.result.get("plan", {})}
    images = plan.pop("images", [])  # the report counts them over nodes
    if images:
        plan["reasons"] = [reason for reason in plan["reasons"] if " of this node " not in reason]
    for each in phase.report["plans"]:
        different = [name for name in plan if each[name] != plan[name]]
        if different:
            yield f"the report has another plan: {', '.join(f'{name}: {each[name]}' for name in different)}"
        if sorted(image["name"] for image in images) != sorted(
            image["name"] for image in each.get("images", [])
        ):
            yield f"the report has other images: {each.get('images')}"


def _files(played: Played, happened: Happened) -> Iterator[str]:
    plan = played.phases[CHECK].result["plan"]
    before, after = played.phases[PLAN].look, played.phases[RUN].look
    if plan["files"] != happened.files:
        yield f"files are predicted as {plan['files']}, on the node: {happened.files}"
    yield from (f"{path} was written again" for path in happened.rewritten)
    diff = {
        each["after_header"].rpartition(" (")[0]: each
        for each in played.phases[CHECK].result.get("diff", [])
        if "after_header" in each
    }
    if set(diff) != set(plan["files"]):
        yield f"the diff is of {sorted(diff)}, the plan of {sorted(plan['files'])}"
    for path, shown in diff.items():
        for name, look in (("before", before), ("after", after)):
            mode = look["files"].get(path, ("", "absent"))[1]
            if shown[f"{name}_header"] != f"{path} ({mode})":
                yield f"{path}: the diff has {shown[f'{name}_header']}, on the node it is {mode} {name} the run"
        yield from _texts(path, shown, before, after)
    for path, action in plan["files"].items():
        entry = after["files"].get(path)
        if action != "remove" and (entry is None or entry[0] != "file" or entry[2:4] != [0, 0]):
            yield f"{path} is {entry}"


def _texts(path: str, shown: dict[str, str], before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = before["texts"].get(path, ""), after["texts"].get(path, "")
    if path in known.SHARED:
        yield from _entries(path, shown, old, new)
    elif "(secret" in shown["before"] + shown["after"]:
        if not any(look["files"].get(path, ("", "0644"))[1].endswith("0") for look in (before, after)):
            yield f"{path}: the diff hides a file that everybody can read"
        if old and new and ("changed" in shown["after"]) != (old != new):
            yield f"{path}: the diff has {shown['after'].strip()}, the content {'differs' if old != new else 'is the same'}"
    elif (shown["before"], shown["after"]) != (old, new):
        yield f"{path}: the diff is {shown}, the file was {old!r} and is {new!r}"


def _entries(path: str, shown: dict[str, str], old: str, new: str) -> Iterator[str]:
    """Judge the diff of a file that others write too: it has the entries that change, those of a secret file without values."""
    both = [read.keys(path, text) if text else {} for text in (old, new)]
    names = {key for key in {*both[0], *both[1]} if both[0].get(key) != both[1].get(key)}
    for side, values in (("before", both[0]), ("after", both[1])):
        lines = dict(line.split(" = ", 1) for line in shown[side].splitlines())
        if path == known.AUTH:
            hidden = {key.removeprefix("auths."): value for key, value in lines.items()}
            expected = {
                key: "(secret, changed)" if side == "after" and key in both[0] else "(secret)"
                for key in names & {*values}
            }
        else:
            hidden = {key: json.loads(value) for key, value in lines.items()}
            expected = {key: values[key] for key in names & {*values}}
        if hidden != expected:
            yield f"{path}: the diff has {hidden} {side} the run, the file {sorted(expected)}"


def _daemon(played: Played, happened: Happened) -> Iterator[str]:
    plan, look = played.phases[CHECK].result["plan"], played.phases[RUN].look
    starts = any(_STARTS in reason for reason in plan["reasons"])
    predicted = START if starts else plan["disruption"]
    if predicted != happened.daemon:
        yield f"{predicted} is predicted ({plan['reasons']}), and the daemon had: {happened.daemon}, {happened.events}"
    if any(_ENABLES in reason for reason in plan["reasons"]) != happened.enabled:
        yield f"the unit was {'' if happened.enabled else 'not '}enabled, the reasons are {plan['reasons']}"
    starts_once = happened.events.count("started") == (happened.daemon in (RESTART, START))
    reloads_once = happened.events.count("reloaded") == (happened.daemon == RELOAD)
    if not (starts_once and reloads_once):
        yield f"after {happened.daemon}, the journal has {happened.events}"
    if happened.daemon == RELOAD and "acknowledged a reload" not in happened.events:
        yield f"CRI-O did not log that it reloaded: {happened.events}"
    if (plan["disruption"] == "none" and not starts and not happened.enabled) != (
        not plan["reasons"]
    ) and not happened.mode_alone:
        yield f"the reasons of {plan['disruption']} are {plan['reasons']}"
    if look["unit"]["ActiveState"] != "active" or look["unit"]["UnitFileState"] != "enabled":
        yield f"the daemon is {look['unit']['ActiveState']} and {look['unit']['UnitFileState']}"
    if look["unit"]["NeedDaemonReload"] != "no":
        yield "systemd has not read the unit's files"
    if look["litter"]:
        yield f"left behind: {look['litter']}"
    yield from _same_containers(played.phases[PLAN].look, look)


def _keys(played: Played) -> Iterator[str]:
    """Judge the keys of the plan against those of the files before and after the run."""
    plan = played.phases[CHECK].result["plan"]
    before, after = played.phases[PLAN].look, played.phases[RUN].look
    variables = played.change.all_variables()
    for path in plan["files"]:
        planned = {each["key"]: each["change"] for each in plan["keys"] if each["path"] == path}
        was_secret = before["files"].get(path, ("", "0644"))[1].endswith("0")
        hidden = path in before["files"] and (
            was_secret or after["files"].get(path, ("", "0644"))[1].endswith("0")
        )
        try:
            old, new = (read.keys(path, look["texts"].get(path)) for look in (before, after))
        except tomllib.TOMLDecodeError:  # somebody's edit
            old = new = None
        if old is None or new is None or (hidden and not planned):
            continue
        actual = {
            key: "add" if key not in old else "remove" if key not in new else "change"
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        }
        if (path in after["files"] or planned) and planned != actual:
            yield f"{path}: keys are predicted as {planned}, in the file: {actual}"
    for each in plan["keys"]:
        name = each["variable"]
        if each["path"] == known.CRIO and each["change"] != "remove":
            layer = dict(flat(variables.get(name) or {}))
            later = [
                other
                for other in known.LAYERS
                if other > name and each["key"] in dict(flat(variables[other]))
            ]
            if each["key"] not in layer or later:
                yield f"{each['key']}: the plan names {name}, which does not decide it"


def _live(played: Played) -> Iterator[str]:
    """Judge whether the daemon uses the desired values: the predicted disruption was sufficient."""
    live = dict(flat(tomllib.loads(played.phases[RUN].look["configuration"])))
    raw = {
        key: value
        for each in played.change.settings.raw.values()
        for key, value in each.get("live", {}).items()
    }
    for key, value in {**played.change.settings.merged(), **raw}.items():
        if key not in known.UNPRINTED and key not in played.change.foreign and live.get(key) != value:
            yield f"{key} is {value!r}, and the daemon uses {live.get(key)!r}"


def _cost(played: Played) -> Iterator[str]:
    """Judge the cost of the changed settings by this package's own table of costs."""
    change, plan = played.change, played.phases[CHECK].result["plan"]
    old, new = change.before, change.settings
    costs = changed_keys(old, new)
    expected = [*costs.values()]
    expected += [RESTART for name in ("service", "environment") if getattr(old, name) != getattr(new, name)]
    expected += [RELOAD] if old.registries != new.registries else []
    expected += [RESTART] if old.storage != new.storage else []
    raw = [
        new.raw.get(path) or old.raw[path]
        for path in {*old.raw, *new.raw}
        if old.raw.get(path) != new.raw.get(path)
    ]
    expected += [each.get("disruption", RESTART) for each in raw if change.module]
    cost = max(expected, key=ORDER.index, default="none")
    is_new = (
        plan["files"].get(known.CRIO) == "create"
    )  # the daemon may have been started since the file was removed
    if ORDER.index(plan["disruption"]) < ORDER.index(cost) or (plan["disruption"] != cost and not is_new):
        yield f"{plan['disruption']} is predicted, and {costs} with {expected} cost {cost}: {plan['reasons']}"
    if is_new or len(costs) > _MOST_KEYS:
        return
    named = {
        key
        for reason in plan["reasons"]
        if "a reload is enough for" in reason or "a restart" in reason
        for key in _KEY.findall(reason)
    }
    due = {key for key, each in costs.items() if RESTART not in costs.values() or each == RESTART}
    named -= {key for key in named if any(each.startswith(f"{key}.") for each in due)}  # a whole entry
    if named != due:
        yield f"the reasons name {sorted(named)}, and {sorted(due)} decide: {plan['reasons']}"


# The next run.


def _again(played: Played) -> Iterator[str]:
    result = played.phases[AGAIN].result
    if result.get("failed") or result.get("changed") is not False:
        yield f"the next run changes something: {result.get('msg') or result.get('plan')}"
    elif result["plan"] != NOTHING:
        yield f"the next run does nothing, but has a plan: {result['plan']}"
    yield from (
        f"the next run touched the node: {each}"
        for each in touched(played.settled, played.phases[AGAIN].look)
    )
