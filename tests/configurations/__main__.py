# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of CRI-O, judged by the check on the controller and by the real CRI-O: ``python -m configurations``.

Prints each disagreement with the words of both. Exits with 1 if there is one, and with 2 if there is no CRI-O to ask.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from testbed.paths import link_collection
from testbed.source import SourceError, pick_source

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import is_supported, parse_version
from configurations.compare import BOTH, FALSE, MISSED, OUTCOMES, REFUSED, Comparison, compare
from configurations.crio import Crio, SandboxError
from configurations.generate import Configuration, configurations

COUNT = 4_500
_LONGEST = 400  # characters of a line


def main(arguments: list[str]) -> int:
    """Compare, print the disagreements and the counts; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m configurations", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=COUNT, help="configurations; those of single keys are never omitted"
    )
    parser.add_argument("--seed", type=int, help="of the random ones, to make the same again")
    parser.add_argument(
        "--only", default="", help="a part of the description of those to judge, such as a key"
    )
    parser.add_argument(
        "--show", action="append", default=[], help="print those with this outcome too; its first words"
    )
    options = parser.parse_args(arguments)
    try:
        source = pick_source()
    except SourceError as error:
        print(f"crio.conf: nothing was compared: {error}")
        return 2
    if source.standin or not is_supported(parse_version(source.version)):
        print(
            f"crio.conf: nothing was compared: there is no CRI-O to ask, but {source}. tests/testbed/README.md names the places"
        )
        return 2
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"SEED={seed} with {source}", flush=True)
    version = ".".join(source.version.split(".")[:2])
    given = (each for each in configurations(seed, options.count, version) if options.only in each.made)
    try:
        with tempfile.TemporaryDirectory(prefix="crio-config-check-") as folder:
            found = list(compared(given, version, Crio(source, Path(folder))))
    except (SandboxError, OSError) as error:
        print(f"crio.conf: nothing was compared: this machine cannot make the sandbox for CRI-O: {error}")
        return 2
    print_comparisons(found, [MISSED, FALSE, *options.show])
    print(summary(found))
    return int(any(each.outcome in (MISSED, FALSE) for each in found))


def compared(given: Iterable[Configuration], version: str, crio: Crio) -> Iterator[Comparison]:
    """Compare several configurations at a time, and yield them in order."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda each: compare(each, version, crio.judge), given)


def print_comparisons(found: list[Comparison], outcomes: list[str]) -> None:
    """Print a paragraph for each comparison with one of these outcomes."""
    for each in found:
        if not each.outcome.startswith(tuple(outcomes)):
            continue
        stage = {
            "": "accepts",
            "config": "refuses (crio config)",
            "start": "refuses (start)",
            "silent": "starts, but",
        }[each.verdict.stage]
        print(f"{each.outcome}: {each.configuration.number}: {each.configuration.made}"[:_LONGEST])
        print(f"    CRI-O {stage}: {each.verdict.words}"[:_LONGEST])
        for problem in each.problems or ["accepts"]:
            print(f"    here: {problem}"[:_LONGEST])


def summary(found: list[Comparison]) -> str:
    """Return the counts; the last line is the sum."""
    counts = collections.Counter(each.outcome for each in found)
    apart = [f"{counts[outcome]} {outcome}" for outcome in OUTCOMES[4:]]
    stages = collections.Counter(each.verdict.stage for each in found if each.outcome == REFUSED)
    apart.append(
        f"refused by both: {stages['config']} by crio config, {stages['start']} by a start, {stages['silent']} silently"
    )
    line = f"{counts[BOTH]} {BOTH}, {counts[REFUSED]} {REFUSED}, {counts[MISSED]} {MISSED}, {counts[FALSE]} {FALSE}"
    return "\n".join([*apart, f"crio.conf: {len(found)} configurations, {line}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
