# SPDX-License-Identifier: GPL-3.0-or-later
"""All tests, in two lanes side by side; every run is made, whatever became of the others.

Integration tests wait for nodes most of their time, so the other runs go on beside them. A run's output is printed whole
when it has ended. Says in its first and last line which CRI-O the nodes got, and how many tests the stand-in could not
show. Exits with 1 when any run failed or ran nothing. Arguments go to every pytest.
"""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from testbed import pick_source
from testbed.paths import CHECKOUT

NO_TESTS = 5  # pytest's exit code
NEEDS_REAL_CRIO = "needs real CRI-O"  # in the reason of each test skipped for the stand-in
LANES = (
    [("integration tests", ".venv", "tests/integration")],
    [
        ("unit tests, newest controller", ".venv", "tests/unit"),
        ("unit tests, oldest controller", ".venv-2.16", "tests/unit"),
        ("Molecule scenarios", ".venv", "tests/scenarios"),
    ],
)
_printing = threading.Lock()


def run(name: str, environment: str, folder: str, options: list[str]) -> tuple[int, str, int]:
    """One pytest run; prints what it said. Returns its exit code, a line about it, and what only real CRI-O can show."""
    started = time.monotonic()
    command = [CHECKOUT / environment / "bin" / "python", "-m", "pytest", folder, *options]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = {0: "passed", NO_TESTS: "ran no test"}.get(
        done.returncode, f"failed (exit code {done.returncode})"
    )
    with _printing:
        print(f"\n=== {name}\n{done.stdout}", flush=True)
    skipped = sum(NEEDS_REAL_CRIO in line for line in done.stdout.splitlines() if line.startswith("SKIPPED"))
    return done.returncode, f"{name}: {said}, {time.monotonic() - started:.0f} s", skipped


def main(options: list[str]) -> int:
    """Run them all; returns the exit code."""
    source = f"CRI-O in the nodes: {pick_source()}"
    print(source, flush=True)
    with ThreadPoolExecutor(len(LANES)) as pool:
        lanes = pool.map(lambda lane: [run(*each, options) for each in lane], LANES)
        outcomes = [outcome for lane in lanes for outcome in lane]
    print()
    for _code, line, _skipped in outcomes:
        print(line)
    skipped = sum(count for _code, _line, count in outcomes)
    print(
        f"{source}: {skipped} tests or files skipped that need real CRI-O" if skipped else source, flush=True
    )
    return int(any(code for code, _line, _skipped in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
