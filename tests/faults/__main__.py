# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects every fault on real nodes: ``python -m faults [--list] [--nodes N] [TEXT ...]``.

Each fault is injected before or during a change of a node. Then the node is judged from outside for up to a minute,
without a further run; then it is repaired, a normal run must succeed, and a second one must change nothing. Nodes are reused,
and replaced after a failure. Exits with 1 unless every fault was survived.
"""

import argparse
import importlib
import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import dataclass, replace

from faults import table
from faults.installations import Supply
from faults.judge import judge
from faults.scene import Scene, Unplayable, Wrong, message, results
from testbed import NodeError, TestBed, bed, pick_source
from testbed.engine import EngineError
from testbed.paths import link_collection

THEMES = (
    "unit_states",
    "configuration",
    "strangers",
    "clock_and_journal",
    "containers",
    "storage",
    "power",
    "concurrency",
    "probes",
    "releases",
)
HEALED = table.Fault("a normal run after it", None, "", ends=table.AFTER, reports=table.DONE)


@dataclass
class Verdict:
    """The outcome of a fault; `why` is empty if it was handled correctly."""

    fault: table.Fault
    why: str
    seconds: float


def load_table() -> None:
    """Import all themes, which add their faults to the table."""
    link_collection()
    for theme in THEMES:
        importlib.import_module(f"faults.{theme}")


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="faults", description="Injects faults on real nodes and judges the nodes."
    )
    parser.add_argument(
        "only", nargs="*", metavar="TEXT", help="faults with this text in their name, or of this theme"
    )
    parser.add_argument("--list", action="store_true", help="print the faults without injecting them")
    parser.add_argument(
        "--nodes", type=int, default=3, metavar="N", help="nodes at a time (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the nodes of failed faults for inspection")
    return parser.parse_args(arguments)


def play(scene: Scene, fault: table.Fault) -> str:
    """Inject one fault on an intact node, and repair the node. Return what was wrong, or ""."""
    scene.reset()
    story = fault.story(scene)
    try:
        run = next(story)
        side = judge(scene, fault, run)
        scene.unhook()
        if side == table.AFTER:
            scene.marks = dict(scene.desired)
        for _rest in story:
            raise Wrong("a fault's story has one yield")
        heal(scene, fault)
    except Unplayable:
        raise
    except (Wrong, NodeError, AssertionError) as error:
        return str(error) or traceback.format_exc()
    except Exception:
        return traceback.format_exc()
    finally:
        story.close()
    return ""


def heal(scene: Scene, fault: table.Fault) -> None:
    """A normal run must succeed now, and a second one must change nothing. Raises Wrong."""
    lost, also_changed = scene.loses_residents, scene.also_changed
    scene.reset()
    scene.also_changed = also_changed
    if lost:
        scene.node.wait_for_crio()
        scene.node.remove_pods()
        scene.move_in()
    run = scene.apply(times=2)
    if run.rc:
        raise Wrong(f"a normal run afterwards failed: {message(run)}")
    reported = results(run)
    if len(reported) != 2 or reported[1]["changed"]:
        raise Wrong(f"a second run afterwards changed something: {reported[-1].get('plan')}")
    judge(scene, replace(HEALED, unfinished=fault.unfinished), run)
    unfinished = scene.installation.unfinished()
    if unfinished:
        raise Wrong(f"packages are not installed completely: {unfinished}")
    scene.marks = dict(scene.desired)


class Stage:
    """The workers, each with a node, and their outcomes."""

    def __init__(self, test_bed: TestBed, supply: Supply, chosen: list[table.Fault], count: int, keep: bool):
        self.bed = test_bed
        self._supply = supply
        self.verdicts: list[Verdict] = []
        self.skipped: list[table.Fault] = []  # for which a node lacks something
        self._queue: queue.Queue[table.Fault] = queue.Queue()
        # Faults of nodes that get CRI-O alike follow each other, so that few nodes are replaced.
        for fault in sorted(chosen, key=lambda each: (-each.weight, each.crio)):
            self._queue.put(fault)
        self._keep = keep
        self._printing = threading.Lock()
        self._workers = [
            threading.Thread(target=self._work, args=(f"node-{number}",), daemon=True)
            for number in range(1, min(count, len(chosen)) + 1)
        ]

    def run(self) -> None:
        """Inject all faults."""
        for worker in self._workers:
            worker.start()
        for worker in self._workers:
            worker.join()

    def _work(self, name: str) -> None:
        scene, number, ready = Scene(self.bed, name, self._supply), 0, ""
        while True:
            try:
                fault = self._queue.get_nowait()
            except queue.Empty:
                return
            started = time.monotonic()
            if ready != fault.crio:
                ready = ""
                try:
                    if self._keep and number:
                        scene.name = f"{name}-{number}"
                    scene.make(fault.crio)
                except Unplayable as reason:
                    self._tell_skipped(fault, str(reason))
                    continue
                except (NodeError, EngineError, AssertionError, Wrong) as error:
                    self._tell(Verdict(fault, f"no node to play it on: {error}", time.monotonic() - started))
                    continue
            started = time.monotonic()
            try:
                why = play(scene, fault)
            except Unplayable as reason:
                ready = fault.crio
                self._tell_skipped(fault, str(reason))
                continue
            ready, number = "" if why else fault.crio, number + bool(why)
            self._tell(Verdict(fault, why, time.monotonic() - started), scene.name)

    def _tell_skipped(self, fault: table.Fault, reason: str) -> None:
        with self._printing:
            self.skipped.append(fault)
            print(f"skipped           {fault.name}: {reason}", flush=True)

    def _tell(self, verdict: Verdict, where: str = "") -> None:
        with self._printing:
            self.verdicts.append(verdict)
            words = "FAILED" if verdict.why else "ok"
            why = f": {' '.join(verdict.why.split())[:300]} ({where})" if verdict.why else ""
            print(f"{words:7} {verdict.seconds:6.1f} s  {verdict.fault.name}{why}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Inject the selected faults; return the exit code."""
    options = options_of(arguments)
    load_table()
    chosen = table.chosen(options.only)
    if options.list:
        for fault in chosen:
            print(f"{fault.theme:22} {fault.name}")
        print(f"{len(chosen)} faults")
        return 0
    source = pick_source()
    print(f"CRI-O in the nodes: {source}", flush=True)
    skipped = [fault for fault in chosen if source.standin and fault.real_crio]
    for fault in skipped:
        print(f"skipped           {fault.name}: needs real CRI-O: {fault.real_crio}")
    bed.sweep()
    test_bed = TestBed(f"faults-{os.getpid()}", source, owner="" if options.keep else bed.owner_mark())
    supply = Supply(source)
    played = [fault for fault in chosen if fault not in skipped]
    stage = Stage(test_bed, supply, played, options.nodes, options.keep)
    started = time.monotonic()
    try:
        test_bed.prepare()
        stage.run()
    finally:
        supply.close()
        if not options.keep:
            test_bed.down()
    failed = [verdict for verdict in stage.verdicts if verdict.why]
    for verdict in failed:
        print(f"\n=== {verdict.fault.name} ({verdict.fault.theme})\n{verdict.why}")
    print(f"\n{time.monotonic() - started:.0f} s. CRI-O in the nodes: {source}", end="")
    print(f": {len(skipped)} faults skipped that need real CRI-O" if skipped else "")
    if stage.skipped:
        print(f"{len(stage.skipped)} faults skipped for which the nodes lack something")
    count = len(stage.verdicts)
    print(f"faults: {count - len(failed)} survived of {count}", flush=True)
    return int(bool(failed) or not count)


if __name__ == "__main__":
    sys.exit(main())
