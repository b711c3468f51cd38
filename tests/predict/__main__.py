# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes every key of crio.conf on a live node, and compares the prediction with what CRI-O did: ``python -m predict``.

Prints a table of the keys, then those that could not be proved, each with the reason. Exits with 1 if a key contradicts its
prediction or fewer than nine tenths are confirmed, and with 2 if there is no CRI-O to ask.
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from testbed import bed
from testbed.bed import TestBed
from testbed.engine import EngineError
from testbed.node import Node, NodeError
from testbed.paths import link_collection
from testbed.source import SourceError, pick_source

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import (
    Version,
    is_catalogued,
    parse_version,
)
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from catalogue import compare
from predict import base, options, pods
from predict.changes import UNTRIED, Change, changes
from predict.daemon import Daemon
from predict.effects import EFFECTS
from predict.judge import UNPROVED, Verdict, judge, passes, summary, table
from predict.rounds import Theatre

NODES = 2  # that share the rounds
DEFAULTS = "crio --config /dev/null --config-dir /run/predict/no-such-directory config --default 2>/dev/null"


def main(arguments: list[str] | None = None) -> int:
    """Play all rounds on one node; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m predict", description=__doc__)
    parser.add_argument("--only", default="", help="a part of the keys or of the rounds to observe")
    parser.add_argument("--keep", action="store_true", help="keep the node for inspection")
    asked = parser.parse_args(arguments)
    try:
        source = pick_source()
    except SourceError as error:
        print(f"predict: nothing was observed: {error}")
        return 2
    version = parse_version(source.version)
    if source.standin or not is_catalogued(version):
        print(
            f"predict: nothing was observed: there is no CRI-O to ask, but {source}. tests/testbed/README.md names the places"
        )
        return 2
    print(f"CRI-O on the node: {source}", flush=True)
    bed.sweep()
    test_bed = TestBed(f"predict-{os.getpid()}", source, owner="" if asked.keep else bed.owner_mark())
    try:
        test_bed.prepare()
        discard = (lambda _node: None) if asked.keep else (lambda node: test_bed.remove(node.name))
        verdicts, faults = observe(_new_node(test_bed), discard, version, asked.only, NODES)
    except (NodeError, EngineError) as error:
        print(f"predict: {error}")
        return 1
    finally:
        if not asked.keep:
            test_bed.down()
    print(*(f"predict: {fault}" for fault in faults), *table(verdicts), *summary(verdicts), sep="\n")
    return int(bool(faults) or not passes(verdicts))


def observe(
    new_node: Callable[[], Node],
    discard: Callable[[Node], None],
    version: Version,
    only: str,
    at_once: int = 1,
) -> tuple[list[Verdict], list[str]]:
    """Return the verdicts on all keys, sorted, and what is wrong with the nodes at the end.

    new_node: another one is taken after a round that could not be played to its end, whose keys are unproved.
    discard: what becomes of the node of such a round.
    at_once: how many nodes share the rounds.
    """
    made = [each for each in changes(version) if only in each.key or only in each.round]
    parts = _parts(made, changes(version), only)
    waiting: SimpleQueue[Part] = SimpleQueue()
    for part in parts:
        waiting.put(part)
    with ThreadPoolExecutor(at_once) as pool:
        players = [
            pool.submit(_play, waiting, new_node, discard, made)
            for _player in range(min(at_once, len(parts)))
        ]
    printed: list[str] = []
    verdicts: list[Verdict] = []
    faults: list[str] = []
    for player in players:
        found, keys, fault = player.result()
        verdicts += found
        printed = printed or keys
        faults += [fault] if fault else []
    verdicts += [
        Verdict(key.key, key.live_in(version), "-", UNPROVED, why=UNTRIED[key.key])
        for key in CATALOGUE.keys_of(version)
        if key.key in UNTRIED and only in key.key
    ]
    verdicts += [
        Verdict(key, "-", "-", UNPROVED, why="the catalogue does not have this key, which CRI-O prints")
        for key in printed
        if key not in {each.key for each in CATALOGUE.keys_of(version)} and only in key
    ]
    return sorted(verdicts, key=lambda each: each.key), faults


@dataclass(frozen=True)
class Part:
    """What is played on one node at a time. rows: the row and the prediction of each change, for a part that cannot be played."""

    name: str
    play: Callable[[Theatre], list[Verdict]]
    rows: list[tuple[str, str]]


def _parts(made: Sequence[Change], every: Sequence[Change], only: str) -> list[Part]:
    """Return the rounds of changes, the largest first, and what SIGHUP does to options and variables."""
    names = dict.fromkeys(each.round for each in made)
    rounds = sorted(([each for each in made if each.round == name] for name in names), key=len, reverse=True)
    parts = [_round(played) for played in rounds]
    for form in options.FORMS:
        given = [
            each for each in options.given(every, form) if only in options.row(each, form) or only in form
        ]
        if any(options.is_discarded(each) for each in given):
            parts.append(_form(given, form))
    return parts


def _round(made: list[Change]) -> Part:
    return Part(
        made[0].round,
        lambda theatre: [judge(each) for each in theatre.play(made)],
        [(each.key, each.predicted) for each in made],
    )


def _form(given: list[Change], form: str) -> Part:
    return Part(
        form,
        lambda theatre: options.observe(theatre.daemon, given, form),
        [(options.row(each, form), options.LOST) for each in given if options.is_discarded(each)],
    )


def _play(
    waiting: "SimpleQueue[Part]",
    new_node: Callable[[], Node],
    discard: Callable[[Node], None],
    made: Sequence[Change],
) -> tuple[list[Verdict], list[str], str]:
    """Play parts until there are no more; returns the verdicts, the keys that CRI-O prints, and what is wrong at the end."""
    node: Node | None = None
    theatre: Theatre | None = None
    verdicts: list[Verdict] = []
    printed: list[str] = []
    while not waiting.empty():
        try:
            part = waiting.get_nowait()
        except Empty:
            break
        node = node or new_node()
        try:
            theatre = theatre or _theatre(node, made)
            printed = printed or sorted(compare.printed_keys(node.check(DEFAULTS)))
            started = time.monotonic()
            verdicts += part.play(theatre)
            print(f"{part.name}: {len(part.rows)} rows, {time.monotonic() - started:.0f} s", flush=True)
        except NodeError as error:
            print(f"{part.name}: {error}", flush=True)
            why = f"its round ended early: {(str(error).splitlines() or [''])[0][-300:]}"
            verdicts += [Verdict(row, predicted, "-", UNPROVED, why=why) for row, predicted in part.rows]
            discard(node)
            node = theatre = None
    try:
        if node:
            node.wait_for_crio()
            node.run_pod()
            node.remove_pods()
    except NodeError as error:
        return verdicts, printed, f"a node is not healthy at the end: {error}"
    return verdicts, printed, ""


def _new_node(test_bed: TestBed) -> Callable[[], Node]:
    """Return a function that adds a node."""
    numbers = itertools.count(1)
    return lambda: test_bed.add(f"node-{next(numbers)}")[0]


def _theatre(node: Node, made: Sequence[Change]) -> Theatre:
    conmon = base.prepare(node)
    node.copy_in(base.BASE_DROP_IN, toml.dumps(base.configuration(conmon)))
    daemon = Daemon(node)
    why = daemon.restart()
    if why:
        raise NodeError(f"CRI-O does not start with the settings of the node: {why}")
    for image in ("long-running", "hello-world"):
        node.check(["crictl", "pull", node.image(image)])
    before = daemon.look(_pods(made), pull=True)
    return Theatre(daemon, base.configuration(conmon), before)


def _pods(made: Sequence[Change]) -> list[str]:
    needed = {pod for each in made if each.key in EFFECTS for pod in EFFECTS[each.key].pods}
    return [name for name in pods.names() if name in needed]


if __name__ == "__main__":
    sys.exit(main())
