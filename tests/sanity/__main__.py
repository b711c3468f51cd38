# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tools, or those named, on a copy of the files that git tracks.

Prints one line for each tool, then `sanity: N tools, F failures`. The output of each is in build/sanity/NAME.log.
A tool that is not installed is skipped with the reason, and not counted as passed. Exits with 1 if a tool failed or none ran.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from sanity.collection_copy import copy_to
from sanity.tools import TOOLS, Place, environment
from testbed.paths import CHECKOUT

LOGS = CHECKOUT / "build" / "sanity"


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status."""
    names = [tool.name for tool in TOOLS]
    parser = argparse.ArgumentParser(prog="python -m sanity", description=__doc__.partition("\n")[0])
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"one of: {', '.join(names)}; default: all")
    parser.add_argument("--verbose", action="store_true", help="print the output of tools that fail")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.tools) - set(names):
        parser.error(f"unknown tool {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    statuses = []
    for tool in TOOLS:
        if chosen.tools and tool.name not in chosen.tools:
            continue
        started = time.monotonic()
        # Not below the checkout, where tools that ask git would find every file of the copy ignored. A copy for each:
        # what one tool writes is not another one's input.
        with tempfile.TemporaryDirectory(prefix="cri-node-sanity-") as folder:
            root = Path(folder).resolve()
            collection = copy_to(root / "collections")
            (root / "scratch").mkdir()
            place = Place(collection, root / "scratch", environment(LOGS / "home", root / "collections"))
            outcome = tool.outcome(place)
        log = LOGS / f"{tool.name}.log"
        log.write_text(outcome.output, encoding="utf-8")
        detail = f": {outcome.detail}" if outcome.detail else ""
        print(f"{tool.name:12} {outcome.status}, {time.monotonic() - started:.0f} s{detail}", flush=True)
        if outcome.status == "failed":
            print(
                outcome.output if chosen.verbose else f"{'':12} see {log.relative_to(CHECKOUT)}", flush=True
            )
        statuses.append(outcome.status)
    skipped = f", {statuses.count('skipped')} skipped" if "skipped" in statuses else ""
    ran = len(statuses) - statuses.count("skipped")
    print(f"sanity: {ran} tools, {statuses.count('failed')} failures{skipped}")
    return 1 if "failed" in statuses or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
