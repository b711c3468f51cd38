# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a round: many changes at once on a live node, first with SIGHUP, then with a restart, and then without them."""

from collections.abc import Iterable, Sequence
from typing import Any

from predict import changes, residents
from predict.base import DRAINED
from predict.changes import Change
from predict.daemon import Daemon
from predict.effects import EFFECTS
from predict.evidence import Evidence
from predict.judge import LIVE, Observation
from predict.search import failing
from testbed.node import NodeError, Pod


class Theatre:
    """A node with the base configuration, on which rounds are played one after the other."""

    def __init__(self, daemon: Daemon, base: dict[str, Any], before: Evidence) -> None:
        """before: a look at the node before any change, with all pods."""
        self.daemon, self.base, self.before = daemon, base, before

    def play(self, made: Sequence[Change]) -> list[Observation]:
        """Make the changes of a round, and return what was seen of each.

        Raises NodeError if the end is not as the beginning, or if the round could not be played; the node is of no use then.
        """
        seen = {each: _observation(each, self.before) for each in made}
        self._reload(seen)
        self._restart(seen)
        self._restore()
        return list(seen.values())

    def _reload(self, seen: dict[Change, Observation]) -> None:
        refused = failing(list(seen), self._reloaded)
        usable = [each for each in seen if each not in refused]
        if refused and self._reloaded(usable):
            raise NodeError(f"CRI-O refuses a reload, whatever is left out: {', '.join(map(_key, refused))}")
        for change in refused:
            seen[change].config["reload"] = False
            seen[change].effect.update({"reload": False} if seen[change].effect else {})
        self._see("reload", usable, seen)
        reloaded = [each for each in usable if seen[each].config["reload"] or seen[each].effect.get("reload")]
        self._reloaded([])
        self._see("back", reloaded, seen)

    def _restart(self, seen: dict[Change, Observation]) -> None:
        usable = list(seen)
        living = self._move_in(usable)
        if self._restarted(usable):
            refused = failing(usable, self._restarted)
            for change, why in refused.items():
                seen[change].refused = why
            usable = [each for each in usable if each not in refused]
            self._back_to_base()
            living = self._move_in(usable)
            self._must_restart(usable)
        for change, why in self._lost(usable, self._losses(living)).items():
            seen[change].lost = why
        self._see("restart", usable, seen)

    def _lost(self, made: Sequence[Change], losses: dict[str, str]) -> dict[Change, str]:
        """Return what each of the changes did to running pods. losses: what all of them did, by handler."""
        own = {each: losses[_handler(each)] for each in made if _handler(each) and losses[_handler(each)]}
        shared = [each for each in made if not _handler(each)]
        if not losses.get(""):
            return own
        found = failing(shared, self._loses) if len(shared) > 1 else {shared[0]: losses[""]}
        if len(shared) > 1:
            self._must_restart(made)
        return {**own, **found}

    def _see(self, step: str, made: Sequence[Change], seen: dict[Change, Observation]) -> None:
        if not made:
            return
        shown_by = {pod for each in made if each.key in EFFECTS for pod in EFFECTS[each.key].pods}
        pull = any(each.key == "crio.image.signature_policy" for each in made)
        evidence = self.daemon.look(shown_by, pull)
        for each in made:
            _note(step, each, seen[each], evidence, self.before)

    def _reloaded(self, made: Sequence[Change]) -> str:
        self.daemon.write(changes.drop_in(list(made), self.base))
        return self.daemon.reload()

    def _restarted(self, made: Sequence[Change]) -> str:
        self.daemon.write(changes.drop_in(list(made), self.base))
        return self.daemon.restart()

    def _loses(self, made: Sequence[Change]) -> str:
        """Restart with these changes while a pod of the default handler runs, and return what became of it."""
        self._back_to_base()
        living = self._move_in(made)
        self._must_restart(made)
        return self._losses(living)[""]

    def _must_restart(self, made: Sequence[Change]) -> None:
        why = self._restarted(made)
        if why:
            raise NodeError(f"CRI-O does not start with {', '.join(map(_key, made)) or 'the base'}: {why}")

    def _move_in(self, made: Iterable[Change]) -> dict[str, Pod]:
        handlers = {_handler(each) for each in made}
        return {handler: residents.move_in(self.daemon.node, handler) for handler in sorted(handlers)}

    def _losses(self, living: dict[str, Pod]) -> dict[str, str]:
        socket = self.daemon.socket()
        return {handler: residents.loss(self.daemon.node, pod, socket) for handler, pod in living.items()}

    def _back_to_base(self) -> None:
        self._must_restart([])
        residents.move_out(self.daemon.node)

    def _restore(self) -> None:
        self._back_to_base()
        now = self.daemon.look([])
        if now.config != self.before.config:
            raise NodeError("GET /config is not as it was before the round")


def _key(change: Change) -> str:
    return change.key


def _handler(change: Change) -> str:
    """Return the handler whose pods show what a restart with this change does; "" is the default one."""
    return change.path[3] if change.path[:3] == changes.RUNTIMES and change.path[3] in DRAINED else ""


def _observation(change: Change, before: Evidence) -> Observation:
    effect = EFFECTS.get(change.key)
    seen = Observation(change.key, change.predicted, change.of_a_handler, effect.what if effect else LIVE)
    _note("before", change, seen, before, before)
    return seen


def _note(step: str, change: Change, seen: Observation, evidence: Evidence, before: Evidence) -> None:
    old, new = before.value(change), evidence.value(change)
    seen.config[step] = new != old if step != "before" else old == change.value
    if change.key in EFFECTS:
        seen.effect[step] = bool(EFFECTS[change.key].shows(evidence, change))
