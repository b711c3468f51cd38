# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what was observed of a changed key, and prints the table: pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

CONFIRMED, CONTRADICTED, UNPROVED = "confirmed", "contradicted", "unproved"
EFFECT, LIVE = "effect", "/config"
LEAST = 0.9  # the part of the keys that must be confirmed
RESTARTS = ("restart", "drain")


@dataclass
class Observation:
    """What was seen of one change. Each step is True if the new value was there: "before", "reload", "back" and "restart".

    config: in GET /config; effect: where else it shows, empty if nowhere. back: after another SIGHUP without the change.
    lost: what a restart did to a pod that was running. refused: why CRI-O did not accept the change at all.
    """

    key: str
    predicted: str
    handler: bool = False
    what: str = LIVE
    config: dict[str, bool] = field(default_factory=dict)
    effect: dict[str, bool] = field(default_factory=dict)
    lost: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Verdict:
    """A row of the table. by: what decided, EFFECT, LIVE or ""; why: for a key that is not confirmed, or only in part."""

    key: str
    predicted: str
    observed: str
    outcome: str
    by: str = ""
    what: str = ""
    why: str = ""


def judge(seen: Observation) -> Verdict:
    """Return the verdict on one key."""
    why = _unusable(seen)
    if why:
        return Verdict(seen.key, seen.predicted, "-", UNPROVED, why=why)
    steps, by = (seen.effect, EFFECT) if seen.effect else (seen.config, LIVE)
    # A SIGHUP that cannot undo what another one did is not enough: a change that fails must be undone as it was made.
    observed = "reload" if steps["reload"] and not steps.get("back") else "restart"
    if observed == "restart" and seen.lost:
        observed = "drain"
    outcome, why = _outcome(seen, steps, observed)
    return Verdict(seen.key, seen.predicted, observed, outcome, by, seen.what, why)


def _unusable(seen: Observation) -> str:
    """Return why nothing can be concluded."""
    steps = seen.effect or seen.config
    if seen.refused:
        return f"CRI-O does not accept the change on this node: {seen.refused}"
    if not steps:
        return "not observed"
    if seen.handler and not seen.effect:
        return "GET /config shows values of handlers that no pod gets, and no pod of this node shows this one"
    if steps["before"]:
        return f"{seen.what}: the new value is there before the change"
    if not steps["reload"] and not steps.get("restart"):
        return f"{seen.what}: the new value is not there after a restart either"
    return ""


def _outcome(seen: Observation, steps: dict[str, bool], observed: str) -> tuple[str, str]:
    stays = "the old value does not come back with another SIGHUP" if steps.get("back") else ""
    if observed == seen.predicted:
        return CONFIRMED, stays
    if stays and seen.predicted == "reload":
        return CONTRADICTED, stays
    if (seen.predicted, observed) == ("drain", "restart"):
        return UNPROVED, "a restart suffices for the new value, and the pods of this node survived it"
    if observed == "drain":
        return CONTRADICTED, seen.lost
    return (
        CONTRADICTED,
        f"{seen.what} shows the new value after a {'SIGHUP' if observed == 'reload' else observed}",
    )


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of the table of all keys that were observed."""
    shown = [each for each in verdicts if each.outcome != UNPROVED]
    width = max((len(each.key) for each in shown), default=0)
    rows = [("key", "predicted", "observed", "outcome", "shown by")]
    rows += [(each.key, each.predicted, each.observed, each.outcome, _shown_by(each)) for each in shown]
    return [f"{a:{width}}  {b:9}  {c:8}  {d:12}  {e}".rstrip() for a, b, c, d, e in rows]


def _shown_by(verdict: Verdict) -> str:
    return verdict.what if not verdict.why else f"{verdict.what}: {verdict.why}"


def summary(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the unproved keys, each with the reason, and the counts; the last line is the sum."""
    unproved = [each for each in verdicts if each.outcome == UNPROVED]
    counts = Counter(each.by for each in verdicts if each.outcome == CONFIRMED)
    return [
        *(f"unproved: {each.key} ({each.predicted}): {each.why}" for each in unproved),
        f"confirmed by an effect: {counts[EFFECT]}, by GET /config alone: {counts[LIVE]}",
        f"contradicted: {sum(each.outcome == CONTRADICTED for each in verdicts)}",
        f"keys confirmed: {counts.total()} of {len(verdicts)}, unproved: {len(unproved)}",
    ]


def passes(verdicts: Sequence[Verdict]) -> bool:
    """Return whether no key contradicts its prediction, and enough are confirmed."""
    outcomes = Counter(each.outcome for each in verdicts)
    return not outcomes[CONTRADICTED] and outcomes[CONFIRMED] >= LEAST * len(verdicts) > 0
