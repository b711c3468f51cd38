# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of registries files, judged by the collection, by the real CRI-O and by skopeo: ``python -m conformance``.

Prints each difference with the words of both, how often each rule was shown, and a last line with the counts. Exits with 1 if
there is a difference, and with 2 if there is no program to ask.
"""

import argparse
import collections
import contextlib
import dataclasses
import random
import re
import sys
import tempfile
from pathlib import Path

from testbed.paths import link_collection
from testbed.source import Source, SourceError, pick_source

sys.path.insert(0, str(link_collection()))

from configurations.crio import SandboxError
from conformance import compare
from conformance.cases import ACCEPTED, MERGING, REFUSED, Case, cases, coverage
from conformance.programs import CrioSession, SkopeoSession, skopeo_programs

COUNT = 546  # six times each rule and verdict
LEAST = 5  # times that each rule is shown, accepted and refused
_LONGEST = 1500  # characters of a line
# Where the library of Debian's skopeo is older than that of CRI-O: (words of the difference, what differs).
OLDER = {
    r"refused with .*mixing sysregistry v1/v2 is not supported', here": "it does not print the file that mixes versions",
    r"refused with .*has type \S*interface \{\}": "its TOML decoder prints interface {} for any",
    r"rewriting reference: invalid reference format', here all names can be rewritten": (
        "a slash at the end of a mirror's location stays, so that no image can be pulled through its table"
    ),
    r"refused with 'nothing', .*(?:must be in v2 format but is in v1|mixing sysregistry)": (
        "an empty list of version 1 is no setting for it, so that a drop-in with it passes"
    ),
}


def main(arguments: list[str]) -> int:
    """Compare, print the differences and the counts; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=COUNT, help="generated sets, beside those written by hand"
    )
    parser.add_argument("--seed", type=int, help="to make the same sets again")
    parser.add_argument("--only", default="", help="a part of the description of those to judge")
    parser.add_argument(
        "--seed-fault", choices=sorted(compare.SEEDED), help="a fault in the merge, which must be found"
    )
    parser.add_argument("--without-skopeo", action="store_true", help="ask CRI-O only")
    options = parser.parse_args(arguments)
    try:
        source = pick_source()
    except SourceError as error:
        print(f"registries: nothing was compared: {error}")
        return 2
    if source.standin:
        print(f"registries: nothing was compared: there is no CRI-O to ask, but {source}")
        return 2
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"SEED={seed} with {source}", flush=True)
    made = [each for each in cases(seed, options.count) if options.only in each.made]
    change = compare.SEEDED[options.seed_fault] if options.seed_fault else lambda ours: ours
    try:
        with tempfile.TemporaryDirectory(prefix="cri-node-conformance-") as folder:
            found = _compared(made, source, Path(folder), change, options.without_skopeo)
    except (SandboxError, OSError) as error:
        print(f"registries: nothing was compared: {error}")
        return 2
    missing = _print_coverage(made) if not options.only and options.count >= COUNT else []
    for rule in missing:
        print(f"shown less than {LEAST} times: {rule}")
    print(f"registries: {len(made)} cases, {found} differences")
    return int(bool(found or missing))


def _compared(made: list[Case], source: Source, folder: Path, change, without_skopeo: bool) -> int:
    """Ask the programs, print each difference, and return their number."""
    count = pulls = refusals = 0
    with contextlib.ExitStack() as stack:
        sessions = {}
        for mode in ("enforcing", "disabled"):
            (folder / mode).mkdir()
            sessions[mode] = stack.enter_context(CrioSession(source, folder / mode, mode).running())
        skopeo = None
        if not without_skopeo:
            programs = skopeo_programs()
            (folder / "skopeo").mkdir()
            skopeo = stack.enter_context(SkopeoSession(source, folder / "skopeo", programs).running())
        older: collections.Counter[str] = collections.Counter()
        for case in made:
            ours = change(compare.judge(case))
            theirs = sessions[case.mode].judge(case)
            pulls += sum(len(pull.attempts) for pull in theirs.pulls.values())
            refusals += bool(theirs.refusal)
            lines = [f"CRI-O {line}" for line in compare.differences(case, ours, theirs)]
            lines += [f"the check: {line}" for line in compare.check_differences(case)]
            if skopeo:
                for line in _of_skopeo(case, ours, skopeo):
                    known = next((why for words, why in OLDER.items() if re.search(words, line)), None)
                    if known and not any(each.startswith("CRI-O") for each in lines):
                        older[known] += 1
                    else:
                        lines.append(f"skopeo {line}")
            if case.is_refused != bool(theirs.refusal):
                lines.append(
                    f"the generator meant it to be {REFUSED if case.is_refused else ACCEPTED}: {theirs.refusal!r}"
                )
            count += len(lines)
            for line in lines:
                print(f"{case.number} {case.made}: {line}"[:_LONGEST], flush=True)
    print(f"CRI-O contacted {pulls} places, and refused {refusals} sets")
    for why, times in sorted(older.items()):
        print(f"skopeo's library is older, {times} times: {why}")
    return count


def _of_skopeo(case: Case, ours: compare.Ours, skopeo: SkopeoSession) -> list[str]:
    """Return the differences of skopeo, which has no short names, and is not given the credentials of a pod."""
    case = dataclasses.replace(case, credentials=False)
    resolved = [ours.resolved(name, case.mode) for name in case.names]
    names = [
        each.name for each in resolved if not each.is_short and not each.error and not _has_both(each.name)
    ]
    answer = skopeo.judge(case, names or ["quay.io/x"])
    return compare.differences(case, ours, answer, shows_result=False)


def _has_both(name: str) -> bool:
    """Whether a name has a tag and a digest, of which only CRI-O drops one."""
    name, at, _digest = name.partition("@")
    return bool(at) and ":" in name.rpartition("/")[2]


def _print_coverage(made: list[Case]) -> list[str]:
    """Print how often each rule was shown, and return those that were not often enough."""
    print(f"{'rule':<75} {ACCEPTED:>8} {REFUSED:>8}")
    missing = []
    for rule, counts in coverage(made).items():
        never = rule in MERGING
        print(f"{rule:<75} {counts[ACCEPTED]:>8} {'-' if never else counts[REFUSED]:>8}")
        if counts[ACCEPTED] < LEAST or (not never and counts[REFUSED] < LEAST):
            missing.append(rule)
    return missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
