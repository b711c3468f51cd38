# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures everything and prints it: ``python -m bench`` writes build/bench.json.

Exits with 1 if something could not be measured. A figure that misses its goal is marked, but is not a failure.
"""

import json
import os
import sys

from bench import facts_rows, figures, fleet_rows, playbook_rows, registry_rows
from testbed import NodeError, TestBed, bed
from testbed.engine import EngineError
from testbed.paths import CHECKOUT

REPORT = CHECKOUT / "build" / "bench.json"
PARTS = (playbook_rows, facts_rows, fleet_rows, registry_rows)
FAILURES = (figures.NotMeasured, NodeError, EngineError)


def main() -> int:
    """Measure all parts on a separate test bed; return the exit code."""
    bed.sweep()
    test_bed = TestBed(f"bench-{os.getpid()}", owner=bed.owner_mark())
    source = str(test_bed.source)
    print(f"CRI-O in the nodes: {source}", flush=True)
    rows = []
    try:
        for part in PARTS:
            rows += measured(part, test_bed)
    finally:
        test_bed.down()
    rows.sort(key=lambda row: list(figures.GOALS).index(row["name"]))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([{**row, "crio": source} for row in rows], indent=2) + "\n")
    print(figures.table(rows))
    print(f"CRI-O in the nodes: {source}\nWritten: {REPORT.relative_to(CHECKOUT)}")
    return int(any(row["ratio"] is None for row in rows))


def measured(part, test_bed: TestBed) -> list[figures.Row]:
    """Return a part's rows, each with the machine's load before and after; without figures if it could not be measured."""
    before = os.getloadavg()[0]
    try:
        rows = part.measure(test_bed)
    except FAILURES as error:
        rows = [figures.unmeasured(name, error) for name in part.NAMES]
    load = [round(each, 1) for each in (before, os.getloadavg()[0])]
    return [{**row, "load": load} for row in rows]


if __name__ == "__main__":
    sys.exit(main())
