# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of CRI-O and their environment variables that SIGHUP discards, because it only reads the files.

CRI-O is started with all of them at once; GET /config shows which values it has, and which it still has after SIGHUP.
"""

from collections.abc import Sequence
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio import option_names
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from predict import base
from predict.changes import CONFIG, RUNTIMES, SECOND, Change
from predict.daemon import Daemon
from predict.evidence import Evidence
from predict.judge import CONFIRMED, CONTRADICTED, LIVE, UNPROVED, Verdict
from predict.search import failing
from testbed.node import NodeError

OPTIONS, VARIABLES = "options", "variables"
FORMS = (OPTIONS, VARIABLES)
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/predict-options.conf"
PASSED_BY_THE_UNIT = "CRIO_RUNTIME_OPTIONS"  # a variable that ExecStart of CRI-O's own unit contains
LOST, KEPT = "lost by SIGHUP", "kept"
# What --runtimes adds: name:path:root.
HANDLER = Change(
    "crio.runtime.runtimes.*", (*RUNTIMES, "given"), f"given:{base.WRAPPER}:/run/predict-given", "", "restart"
)


def given(changes: Sequence[Change], form: str) -> list[Change]:
    """Return the changes that are made with options or variables.

    These are all that SIGHUP discards, and for comparison keys that only a start reads and that no pod can see.
    """
    chosen = [
        each for each in changes if _option(each) and (is_discarded(each) or each.round in (CONFIG, SECOND))
    ]
    return [HANDLER, *(each for each in chosen if form == OPTIONS or _variables(each))]


def is_discarded(change: Change) -> bool:
    """Return what is predicted: whether SIGHUP discards an option for this key."""
    if change is HANDLER:
        return True
    key = CATALOGUE.lookup(change.key)
    return bool(key and option_names.is_discarded(key))


def drop_in(made: Sequence[Change], form: str) -> str:
    """Return a drop-in of the unit that gives CRI-O these values, as options or as variables."""
    if form == OPTIONS:
        lines = [f"{PASSED_BY_THE_UNIT}={' '.join(f'--{_name(each)}={_text(each.value)}' for each in made)}"]
    else:
        lines = [f"{_variables(each)[0]}={_text(each.value)}" for each in made]
    return "[Service]\n" + "".join(f'Environment="{line}"\n' for line in lines)


def row(change: Change, form: str) -> str:
    """Return the name of an option or a variable."""
    return f"--{_name(change)}" if form == OPTIONS else _variables(change)[0]


def observe(daemon: Daemon, made: Sequence[Change], form: str) -> list[Verdict]:
    """Return the verdict on each option that SIGHUP discards or should discard. Raises NodeError if it cannot be played."""

    def started(some: Sequence[Change]) -> str:
        _give(daemon, drop_in(some, form) if some else "")
        return daemon.restart()

    before = daemon.look([])
    refused = failing(made, started)
    accepted = [each for each in made if each not in refused]
    why = started(accepted) if refused else ""
    if why:
        raise NodeError(f"CRI-O does not start with these {form}: {why}")
    after_start = daemon.look([])
    why = daemon.reload()
    if why:
        raise NodeError(f"CRI-O refuses a reload with these {form}: {why}")
    after_reload = daemon.look([])
    why = started([])
    if why:
        raise NodeError(f"CRI-O does not start without these {form}: {why}")
    verdicts = [judge(each, form, before, after_start, after_reload) for each in accepted]
    verdicts += [
        Verdict(row(each, form), LOST, "-", UNPROVED, why=f"CRI-O does not start with it: {refused[each]}")
        for each in refused
        if is_discarded(each)
    ]
    # Options that are kept are no losses; they only count if they contradict this.
    return [each for each in verdicts if each.predicted == LOST or each.outcome == CONTRADICTED]


def judge(change: Change, form: str, before: Evidence, started: Evidence, reloaded: Evidence) -> Verdict:
    """Return the verdict on one option from GET /config: without it, with it, and after SIGHUP."""
    name, predicted = row(change, form), LOST if is_discarded(change) else KEPT
    if started.value(change) == before.value(change):
        return Verdict(
            name, predicted, "-", UNPROVED, why=f"{LIVE} does not show the value after a start with it"
        )
    observed = KEPT if reloaded.value(change) == started.value(change) else LOST
    return Verdict(
        name, predicted, observed, CONFIRMED if observed == predicted else CONTRADICTED, by=LIVE, what=LIVE
    )


def _give(daemon: Daemon, content: str) -> None:
    if content:
        daemon.node.copy_in(UNIT_DROP_IN, content)
    else:
        daemon.node.check(["rm", "-f", UNIT_DROP_IN])
    daemon.node.check(["systemctl", "daemon-reload"])


def _option(change: Change) -> option_names.Option | None:
    key = CATALOGUE.lookup(change.key)
    return option_names.option_of(key) if key else None


def _name(change: Change) -> str:
    option = _option(change)
    return option.name if option else option_names.RUNTIMES


def _variables(change: Change) -> tuple[str, ...]:
    option = _option(change)
    return option.variables if option else ("CONTAINER_RUNTIMES",)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
