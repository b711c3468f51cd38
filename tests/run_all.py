# SPDX-License-Identifier: GPL-3.0-or-later
"""All tests, one pytest run after the other; every run is made, whatever became of the one before.

Says in its first and last line which CRI-O the nodes got. Exits with 1 when any run failed or ran nothing.
Arguments go to every pytest.
"""

import subprocess
import sys
import time

from testbed import pick_source
from testbed.paths import CHECKOUT

NO_TESTS = 5  # pytest's exit code
RUNS = (
    ("unit tests, newest controller", ".venv", "tests/unit"),
    ("unit tests, oldest controller", ".venv-2.16", "tests/unit"),
    ("integration tests", ".venv", "tests/integration"),
    ("Molecule scenarios", ".venv", "tests/scenarios"),
)


def main(options: list[str]) -> int:
    """Run them all; returns the exit code."""
    source = f"CRI-O in the nodes: {pick_source() or 'none at hand, tests that need it are skipped'}"
    print(source, flush=True)
    outcomes = []
    for name, environment, folder in RUNS:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        command = [CHECKOUT / environment / "bin" / "python", "-m", "pytest", folder, *options]
        code = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL).returncode
        said = {0: "passed", NO_TESTS: "ran no test"}.get(code, f"failed (exit code {code})")
        outcomes.append((code, f"{name}: {said}, {time.monotonic() - started:.0f} s"))
    print()
    for _code, line in outcomes:
        print(line)
    print(source, flush=True)
    return int(any(code for code, _line in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
