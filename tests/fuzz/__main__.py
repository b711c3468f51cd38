# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds malformed output of crictl to everything that reads it: ``python -m fuzz``.

Every reader must return plain data or raise one of the collection's errors, printable and within a bounded time. Prints how to
reproduce each finding. Exits with 1 if something was found.
"""

import argparse
import collections
import itertools
import random
import re
import sys

from testbed.paths import link_collection

sys.path.insert(0, str(link_collection()))

from fuzz.mutations import inputs
from fuzz.run import BOUND, Outcome, run

COUNT = 50_000
_SHOWN = 50  # kinds of faults, and bytes of an input


def main(arguments: list[str]) -> int:
    """Read the inputs and print the findings; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="inputs, half of them systematic")
    parser.add_argument("--seed", type=int, help="of the random ones, to make the same again")
    parser.add_argument("--input", type=int, help="the number of the only input to read")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"SEED={seed}", flush=True)
    given = inputs(seed, options.count)
    if options.input is not None:
        (one,) = itertools.islice(given, options.input, options.input + 1)
        print(f"input {one.number}, output of {one.source} ({one.made}):\n{one.data!r}")
        given = [one]
    outcome = run(given)
    print_times(outcome)
    print_faults(outcome, seed)
    print(f"fuzz: {outcome.count} inputs, {len(outcome.faults)} tracebacks")
    return int(bool(outcome.faults or outcome.too_slow))


def print_times(outcome: Outcome) -> None:
    """Print a line for each reader: its worst time, the input of that time, and how often it returned an answer."""
    print(f"{'worst ms':>9}  {'bytes':>7}  {'input':>7}  {'answers':>7}  reader")
    for name, (seconds, each) in sorted(outcome.worst.items(), key=lambda item: -item[1][0]):
        print(
            f"{seconds * 1000:9.1f}  {len(each.data):7}  {each.number:7}  {outcome.answers[name]:7}  {name}"
        )
    for name in outcome.too_slow:
        print(f"too slow: {name} took more than {BOUND} s for input {outcome.worst[name][1].number}")


def print_faults(outcome: Outcome, seed: int) -> None:
    """Print a paragraph for each kind of fault, the most frequent first."""
    kinds = collections.defaultdict(list)
    for fault in outcome.faults:
        kinds[fault.reader, re.sub(r"'.*'|\d+", "N", fault.what)].append(fault)
    for faults in sorted(kinds.values(), key=len, reverse=True)[:_SHOWN]:
        first = faults[0]
        print(
            f"{len(faults)} times {first.reader}: {first.what}\n"
            f"    make fuzz SEED={seed} INPUT={first.given.number}: output of {first.given.source}, {first.given.made},"
            f" {first.given.data[:_SHOWN]!r}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
