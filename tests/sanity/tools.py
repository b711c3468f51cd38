# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools: how each is called and how its output is counted."""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from testbed.paths import CHECKOUT

BIN = Path(sys.executable).parent
OLDEST = CHECKOUT / ".venv-2.16" / "bin"  # the programs of the oldest supported ansible-core
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# ansible-test gives unit tests an environment without console scripts, and those below plugins/modules one without
# ansible.plugins. Tests that need either run in `make unit` only.
UNITS = [f"tests/unit/plugins/{name}/" for name in ("action", "module_utils", "plugin_utils")]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SANITY_FAILURE = re.compile(r"^ERROR: [^:\s]+:\d+:\d+: ")
_SANITY_TEST = re.compile(r'^Running sanity test "([\w-]+)"')
_UNSUPPORTED = re.compile(r'^(?:WARNING|FATAL): .*(?:Skipping|Unable to run) sanity test "?([\w-]+)"?')
_BOOTSTRAP = re.compile(r"bootstrap script can be manually downloaded and saved to: (\S+get_pip_\w+\.py)")
_ENSUREPIP = "import ensurepip\n\nensurepip.bootstrap(upgrade=True, default_pip=True)\n"


@dataclass(frozen=True)
class Place:
    """Where a tool works: the copied collection, a directory for its other files, its environment variables."""

    collection: Path
    scratch: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a tool ended: passed, failed or skipped, with a detail for its line and everything that it printed."""

    status: str
    detail: str
    output: str = ""


@dataclass(frozen=True)
class Tool:
    """One tool. `command` is what must be installed, a name or a path; `run` calls it and returns the outcome."""

    name: str
    command: str
    run: Callable[[Place], Outcome]

    def outcome(self, place: Place) -> Outcome:
        """Run the tool, or skip it with the reason."""
        if not (BIN / self.command).exists():
            return Outcome("skipped", f"{self.command} is not installed in {BIN}")
        return self.run(place)


def call(place: Place, *command: str | Path, folder: Path | None = None) -> tuple[int, str]:
    """(Exit status, output without colours) of a command in the copied collection, or in `folder`."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder or place.collection,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, _ANSI.sub("", done.stdout)


def environment(home: Path, collections_path: Path) -> dict[str, str]:
    """The environment variables of all tools: a home of their own, and only this environment's and the system's programs.

    ansible-test keeps its virtual environments in the home. A shim of a version manager would stop it.
    """
    home.mkdir(parents=True, exist_ok=True)
    for name in (".pip", ".config/pip"):
        real, link = Path.home() / name, home / name
        if real.exists() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(real)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": str(home),
        "PATH": _search_path(BIN),
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path),
    }


def _search_path(programs: Path) -> str:
    return f"{programs}{os.pathsep}{os.defpath}"


def ansible_test(place: Place, *arguments: str, programs: Path = BIN) -> tuple[int, str]:
    """Call the ansible-test of `programs`, a directory, by default this environment's.

    If it cannot download pip, give it the one that Python's ensurepip contains, and call it again.
    """
    place = replace(place, environment={**place.environment, "PATH": _search_path(programs)})
    command = [programs / "ansible-test", *arguments, "--color", "no", "--python", PYTHON]
    returned, output = call(place, *command)
    missing = _BOOTSTRAP.search(output)
    if returned and missing:
        Path(missing[1]).write_text(_ENSUREPIP, encoding="utf-8")
        returned, output = call(place, *command)
    return returned, output


def sanity_outcome(returned: int, output: str) -> Outcome:
    """Count the failures of `ansible-test sanity` by test."""
    failures: collections.Counter[str] = collections.Counter()
    tests, skipped, current = set(), set(), ""
    for line in output.splitlines():
        if started := _SANITY_TEST.match(line):
            current = started[1]
            tests.add(current)
        elif _SANITY_FAILURE.match(line):
            failures[current] += 1
        elif without := _UNSUPPORTED.match(line):
            skipped.add(without[1])
    ran = f"{len(tests - skipped)} tests" + (f", not run: {', '.join(sorted(skipped))}" if skipped else "")
    if failures:
        counted = ", ".join(f"{test} {count}" for test, count in sorted(failures.items()))
        return Outcome("failed", f"{failures.total()} errors ({counted}) in {ran}", output)
    if returned or not tests:
        return Outcome("failed", last_line(output), output)
    return Outcome("passed", ran, output)


def run_sanity(place: Place) -> Outcome:
    return sanity_outcome(*ansible_test(place, "sanity"))


def run_oldest_sanity(place: Place) -> Outcome:
    return sanity_outcome(*ansible_test(place, "sanity", programs=OLDEST))


def run_units(place: Place) -> Outcome:
    # One worker: parametrized cases that come from a set have another order in each.
    options = ("--venv", "--requirements", "--num-workers", "1")
    returned, output = ansible_test(place, "units", *options, *UNITS)
    counts = [
        line.strip("= ") for line in output.splitlines() if re.search(r"=+ .*\d+ (passed|failed|error)", line)
    ]
    detail = f"{'; '.join(counts) or last_line(output)}; below {', '.join(UNITS)}"
    return Outcome("failed" if returned or not counts else "passed", detail, output)


def run_importer(place: Place) -> Outcome:
    returned, output = call(
        place, BIN / "ansible-galaxy", "collection", "build", "--force", "--output-path", place.scratch, "."
    )
    archives = list(place.scratch.glob("cri-node-*.tar.gz"))
    if returned or len(archives) != 1:
        return Outcome("failed", f"the collection cannot be built: {last_line(output)}", output)
    returned, output = call(
        place, BIN / "python", "-m", "galaxy_importer.main", archives[0], folder=place.scratch
    )
    complaints = [line for line in output.splitlines() if line.startswith(("WARNING", "ERROR"))]
    if complaints:
        return Outcome("failed", f"{len(complaints)} warnings and errors", output)
    return _by_exit_status(returned, output)


def run_docs(place: Place) -> Outcome:
    command = (BIN / "antsibull-docs", "lint-collection-docs", "--plugin-docs")
    returned, output = call(place, *command, "--validate-collection-refs", "self", ".")
    lines = [line for line in output.splitlines() if re.match(r"[^:\s]+:\d+:\d+: ", line)]
    return Outcome("failed", f"{len(lines)} errors", output) if lines else _by_exit_status(returned, output)


def run_changelog(place: Place) -> Outcome:
    return _by_exit_status(*call(place, BIN / "antsibull-changelog", "lint"))


def run_reuse(place: Place) -> Outcome:
    return _by_exit_status(*call(place, BIN / "reuse", "lint", "--lines"))


def run_ansible_lint(place: Place) -> Outcome:
    return _by_exit_status(
        *call(place, BIN / "ansible-lint", "--offline", "--nocolor", "--profile", "production")
    )


def last_line(output: str) -> str:
    """The last line of a tool's output that is not empty."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def _by_exit_status(returned: int, output: str) -> Outcome:
    return Outcome("failed", last_line(output), output) if returned else Outcome("passed", "", output)


TOOLS = (
    Tool("sanity", "ansible-test", run_sanity),
    Tool("sanity-2.16", str(OLDEST / "ansible-test"), run_oldest_sanity),
    Tool("units", "ansible-test", run_units),
    Tool("importer", "ansible-galaxy", run_importer),
    Tool("docs", "antsibull-docs", run_docs),
    Tool("changelog", "antsibull-changelog", run_changelog),
    Tool("reuse", "reuse", run_reuse),
    Tool("lint", "ansible-lint", run_ansible_lint),
)
