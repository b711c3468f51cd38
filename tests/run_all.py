# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all tests in two concurrent lanes; each run is independent of the results of the others.

Integration tests wait for nodes most of their time, so the other runs continue alongside. The output of a run is printed
when it has ended. The first and last line state which CRI-O the nodes use, how many tests the stand-in could not
run, and how many comparisons were recorded for another crictl. Exits with 1 if any run failed or ran nothing.
Arguments are passed to every pytest.
"""

import collections
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from testbed import pick_source
from testbed.paths import CHECKOUT

NO_TESTS = 5  # pytest's exit code
SLOWEST = 20  # tests whose seconds each run prints
# Words in the reason of each test that is skipped, and how those are counted.
SKIPPED = {
    "needs real CRI-O": "that need real CRI-O",
    "recorded for another crictl": "that were recorded for another crictl",
    "of the previous minor version": "that need CRI-O of the previous minor version, too",
}
# What uses Ansible: the other unit tests would repeat the same code on the same Python. tests/unit/plugins/test_house.py
# ensures that this list is complete.
USES_ANSIBLE = [
    "tests/unit/docsite/test_examples.py",
    "tests/unit/plugins/action",
    "tests/unit/plugins/filter",
    "tests/unit/plugins/modules",
    "tests/unit/plugins/module_utils/test_module_result.py",
    "tests/unit/plugins/module_utils/test_zip_import.py",
    "tests/unit/plugins/module_utils/transaction/test_work.py",
    "tests/unit/plugins/plugin_utils/adopt/test_variable_files.py",
    "tests/unit/plugins/plugin_utils/task",
    "tests/unit/plugins/plugin_utils/text/test_name_ranges.py",
    "tests/unit/plugins/test_documentation.py",
    "tests/unit/plugins/test_one_source.py",
    "tests/unit/roles",
]
# Each takes as long as a third of all others: in the shorter lane.
PROMISES, CHECK_MODE = "tests/integration/test_promises.py", "tests/integration/test_check_mode.py"
# From a bare machine to a node, through its life, and back.
LIFE = [
    f"tests/integration/test_{name}.py"
    for name in ("prepare_role", "packages", "packages_dnf", "handlers", "cni", "upgrade", "remove")
]
LANES = (
    [
        (
            "integration tests",
            ".venv",
            ["tests/integration", *(f"--ignore={each}" for each in (PROMISES, CHECK_MODE, *LIFE))],
        )
    ],
    [
        ("unit tests, newest controller", ".venv", ["tests/unit"]),
        ("unit tests that use Ansible, oldest controller", ".venv-2.16", USES_ANSIBLE),
        ("Molecule scenarios", ".venv", ["tests/scenarios"]),
        ("life of a node", ".venv", LIFE),
        ("promises", ".venv", [PROMISES]),
        ("check mode", ".venv", [CHECK_MODE]),
    ],
)
_printing = threading.Lock()


def run(
    name: str, environment: str, chosen: list[str], options: list[str]
) -> tuple[int, str, collections.Counter]:
    """Run pytest once and print its output. Return its exit code, a line about it, and its skipped tests by SKIPPED's words."""
    started = time.monotonic()
    python = CHECKOUT / environment / "bin" / "python"
    command = [python, "-m", "pytest", *chosen, f"--durations={SLOWEST}", "--durations-min=5", *options]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = {0: "passed", NO_TESTS: "ran no test"}.get(
        done.returncode, f"failed (exit code {done.returncode})"
    )
    with _printing:
        print(f"\n=== {name}\n{done.stdout}", flush=True)
    return done.returncode, f"{name}: {said}, {time.monotonic() - started:.0f} s", count_skipped(done.stdout)


def count_skipped(printed: str) -> collections.Counter:
    """Return how often pytest printed each of SKIPPED's words as the reason of a skipped test or file."""
    lines = [line for line in printed.splitlines() if line.startswith("SKIPPED")]
    return collections.Counter({words: sum(words in line for line in lines) for words in SKIPPED})


def last_line(source: str, skipped: collections.Counter) -> str:
    """Return which CRI-O the nodes used, and what was skipped with it."""
    counted = [
        f"{skipped[words]} tests or files skipped {text}" for words, text in SKIPPED.items() if skipped[words]
    ]
    return f"{source}: {', '.join(counted)}" if counted else source


def main(options: list[str]) -> int:
    """Run them all; return the exit code."""
    source = f"CRI-O in the nodes: {pick_source()}"
    print(source, flush=True)
    with ThreadPoolExecutor(len(LANES)) as pool:
        lanes = pool.map(lambda lane: [run(*each, options) for each in lane], LANES)
        outcomes = [outcome for lane in lanes for outcome in lane]
    print()
    for _code, line, _skipped in outcomes:
        print(line)
    skipped = sum((count for _code, _line, count in outcomes), collections.Counter())
    print(last_line(source, skipped), flush=True)
    return int(any(code for code, _line, _skipped in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
