# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a node after a fault from outside: files, daemon, containers, leftovers, and the message of the run."""

import time

from faults.scene import DROP_IN, INTENT, MANAGED, UNIT_DROP_IN, Look, Scene, Wrong, message, results
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, FAILS, REFUSED, UNDONE, Fault
from testbed.node import NodeError
from testbed.playbooks import Run

PAUSE = 0.5  # seconds between two looks
STEADY = 1.5  # seconds after which a node that is as it should be is looked at once more


def judge(scene: Scene, fault: Fault, run: Run | None) -> str:
    """Wait until the node is consistent, and stays so. Return which side it ended on.

    Raises Wrong with all problems when the fault's limit has passed, or at once for problems that time cannot fix.
    """
    side = _reported(fault, run)
    _judge_message(fault, run)
    deadline, good_since = time.monotonic() + fault.limit, None
    while True:
        try:
            now = scene.look()
            found, ended = problems(scene, fault, side, now)
        except NodeError as error:
            found, ended = [str(error)], ""
        if not found:
            if good_since and time.monotonic() - good_since >= STEADY:
                return ended
            good_since = good_since or time.monotonic()
        else:
            good_since = None
            if time.monotonic() >= deadline:
                output = f" [the run: {message(run)}]" if run else ""
                raise Wrong(f"after {fault.limit:g} s: {'; '.join(found)}{output}{_of_recovery(scene)}")
        time.sleep(PAUSE)


def _of_recovery(scene: Scene) -> str:
    """Return the last lines of the recovery in the journal, which contain what it could not do."""
    units = "-u cri-node-apply -u cri-node-recover -u cri-node-retry"
    output = scene.node.run(f"journalctl -q --no-pager -o cat -n 6 {units}").out
    return f" [the recovery: {' / '.join(output.splitlines())}]"


def _reported(fault: Fault, run: Run | None) -> str:
    """Return which side the run reports, or an empty text. Raise Wrong if the fault does not allow it."""
    if run is None:
        return fault.ends if fault.ends != EITHER else ""
    output = run.out + run.err
    if "Traceback (most recent call last)" in output or "internal error" in message(run):
        raise Wrong(f"a traceback: {output[-3000:]}")
    if run.rc == 0:
        if fault.reports not in (ANY, DONE):
            raise Wrong(f"the run succeeded; expected: {fault.reports}")
        side = AFTER
    else:
        kind, side = _failure(fault, run)
        allowed = {FAILS: (REFUSED, UNDONE), ANY: (REFUSED, UNDONE, "")}.get(fault.reports, (fault.reports,))
        if kind not in allowed:
            raise Wrong(f"the run reports {kind or 'a failure'}, expected: {fault.reports}: {message(run)}")
    if fault.ends != EITHER and side and side != fault.ends:
        raise Wrong(f"the run reports the state {side} the change, expected: {fault.ends}: {message(run)}")
    return side or (fault.ends if fault.ends != EITHER else "")


def _failure(fault: Fault, run: Run) -> tuple[str, str]:
    """Return (refused or undone, before): the outcome that a failed run reports; ("", "") if it reports none."""
    reported = [each for each in results(run) if each.get("failed") or "phase" in each]
    result = reported[-1] if reported else {}
    if result.get("as_before") is False and not fault.loud:
        raise Wrong(f"the run reports that the node is not as it was: {message(run)}")
    if result.get("rolled_back"):
        return UNDONE, BEFORE
    if "phase" in result or not result.get("unreachable"):
        return REFUSED, BEFORE
    return "", ""


def _judge_message(fault: Fault, run: Run | None) -> None:
    """Raise Wrong if the message of a failed run does not name the cause."""
    if run is None or run.rc == 0:
        return
    output = message(run)
    for words in fault.names:
        alternatives = (words,) if isinstance(words, str) else words
        if not any(word.lower() in output.lower() for word in alternatives):
            raise Wrong(f"the message does not name the cause ({' or '.join(alternatives)}): {output}")
    for word in fault.not_named:
        if word.lower() in output.lower():
            raise Wrong(f"the message names what is not the cause ({word}): {output}")


def problems(scene: Scene, fault: Fault, side: str, now: Look) -> tuple[list[str], str]:
    """Return (problems as sentences, the side of the files)."""
    before = scene.before
    found, ended = _files(scene, side, now)
    found += _strangers(before, now, (*MANAGED, *scene.also_changed))
    found += _installation(scene, fault, ended, now)
    found += _daemon(scene, fault, ended, now)
    found += _containers(scene, now)
    if now.litter and not (fault.untidy and not any(INTENT in path for path in now.litter)):
        found.append(f"left behind: {', '.join(now.litter)}")
    if now.spilled:
        found.append(f"a secret is left in {', '.join(now.spilled)}")
    return found, ended


def _files(scene: Scene, side: str, now: Look) -> tuple[list[str], str]:
    """Judge the managed files: all as before, or all as desired."""
    before = {path: _same(scene.before.files.get(path), now.files.get(path)) for path in MANAGED}
    after = {path: _is_desired(scene, path, now) for path in MANAGED}
    fits = {BEFORE: all(before.values()), AFTER: all(after.values())}
    if side:
        wrong = [path for path in MANAGED if not (before if side == BEFORE else after)[path]]
        return [f"{path} is not as {side} the change: {now.files.get(path)}" for path in wrong], side
    if not any(fits.values()):
        states = {
            path: "before" if before[path] else "after" if after[path] else f"neither: {now.files.get(path)}"
            for path in MANAGED
        }
        return [f"the files are between before and after: {states}"], ""
    return [], BEFORE if fits[BEFORE] else AFTER


def _same(old: list | None, new: list | None) -> bool:
    return old == new


def _is_desired(scene: Scene, path: str, now: Look) -> bool:
    mark, entry = scene.desired[path], now.files.get(path)
    if mark is None:
        # Without a mark a file is absent, but for the unit's drop-in, which always has KillMode.
        return entry is None or path == UNIT_DROP_IN
    return (
        entry is not None
        and entry[:4] == ["file", scene.modes[path], 0, 0]
        and str(mark) in now.texts.get(path, "")
    )


def _strangers(before: Look, now: Look, managed: tuple[str, ...]) -> list[str]:
    """Judge files that are not managed, which must not change."""
    names = (set(before.files) | set(now.files)) - set(managed)
    changed = [
        name
        for name in sorted(names)
        if before.files.get(name) != now.files.get(name) and not _is_own_folder(name, now)
    ]
    return [f"{name} was {before.files.get(name)} and is {now.files.get(name)}" for name in changed[:5]]


def _installation(scene: Scene, fault: Fault, ended: str, now: Look) -> list[str]:
    """Judge the installed CRI-O: as before, or the release of the change."""
    if fault.unfinished:
        return []
    if ended == AFTER and scene.release:
        return (
            [] if scene.release in now.installation else [f"CRI-O is not {scene.release}: {now.installation}"]
        )
    if now.installation != scene.before.installation:
        return [f"the installed CRI-O was {scene.before.installation} and is {now.installation}"]
    return []


def _is_own_folder(name: str, now: Look) -> bool:
    """The directory of the unit's drop-ins exists only with its file; enabling and masking are judged by the unit."""
    return name in (UNIT_DROP_IN.rpartition("/")[0],) or name.endswith(
        ("/crio.service", "/cri-o.service", ".wants")
    )


def _daemon(scene: Scene, fault: Fault, ended: str, now: Look) -> list[str]:
    found = []
    aim = scene.aim or scene.before.aim
    if ended == AFTER:
        aim = "up"
    if fault.daemon:
        if now.active != fault.daemon:
            found.append(f"the unit is {now.active}, expected: {fault.daemon}")
    elif aim == "down":
        if now.active not in ("inactive", "failed"):
            found.append(f"the daemon is {now.active}, and it was down before")
    elif now.active != "active" or now.unit.get("Job", "0") not in ("", "0"):
        found.append(f"the daemon is {now.active} ({now.unit.get('SubState')}), and it should serve")
    elif now.containers is None:
        found.append(f"the runtime does not answer: {now.complaint}")
    elif ended:
        found += _live(scene, ended, now)
    refused = fault.reports == REFUSED and scene.before.active == "active" and not fault.daemon
    if refused and now.unit["InvocationID"] != scene.before.unit["InvocationID"]:
        found.append("the change was refused, and the daemon is another one all the same")
    enabled = scene.before.unit.get("UnitFileState")
    if ended == BEFORE and now.unit.get("UnitFileState") != enabled:
        found.append(f"the unit is {now.unit.get('UnitFileState')}, and it was {enabled}")
    if ended == AFTER and now.unit.get("UnitFileState") not in ("enabled", "alias"):
        found.append(f"the unit is {now.unit.get('UnitFileState')} after the change")
    return found


def _live(scene: Scene, ended: str, now: Look) -> list[str]:
    """Judge whether the serving daemon was started with the current files."""
    marks = scene.desired if ended == AFTER else scene.marks
    found = []
    desired = marks[DROP_IN] if scene.live_mark == "desired" else scene.live_mark
    if desired is not None and now.live_mark != desired:
        found.append(f"the daemon uses {now.live_mark}, and its file says {desired}")
    for name, path in (("FAULTS_UNIT", UNIT_DROP_IN),):
        line = f"{name}={marks[path]}"
        if scene.live_mark == "desired" and marks[path] and line not in now.environment:
            found.append(f"the daemon was started with {now.environment}, and its unit says {line}")
    return found


def _containers(scene: Scene, now: Look) -> list[str]:
    if scene.loses_residents:
        return []
    found = []
    for each in [*scene.residents, *scene.extra]:
        if now.started.get(each.pid) != each.started:
            found.append(f"container {each.identity[:12]} lost its process {each.pid}")
        elif now.containers is not None and each.identity not in now.containers:
            found.append(
                f"container {each.identity[:12]} runs as process {each.pid}, and the runtime lists it no longer"
            )
    return found
