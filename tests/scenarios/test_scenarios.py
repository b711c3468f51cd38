# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every Molecule scenario, one test each, and checks that it tested something."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from testbed import TestBed, bed
from testbed.paths import CHECKOUT, link_collection

LIMIT = 900  # seconds for one scenario
# Molecule's idempotence step reads the default callback's output, and passes whatever another prints.
CLEARED = ("ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_INVENTORY", "ANSIBLE_STRATEGY")


def scenarios() -> list[Path]:
    """Return the directories of all scenarios, without `shared` and names with an underscore."""
    found = sorted((CHECKOUT / "molecule").glob("*/molecule.yml"))
    return [
        path.parent for path in found if path.parent.name != "shared" and not path.parent.name.startswith("_")
    ]


def counted(report: Path) -> int:
    """Return how many tests the verifier ran, without skipped ones."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    return sum(int(suite.get("tests", 0)) - int(suite.get("skipped", 0)) for suite in suites)


@pytest.fixture(scope="session", autouse=True)
def _swept() -> None:
    bed.sweep()


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda path: path.name)
def test_scenario(scenario: Path):
    report = CHECKOUT / "build" / "molecule" / f"{scenario.name}.xml"
    report.unlink(missing_ok=True)
    report.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in CLEARED}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(link_collection())
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["NO_COLOR"] = "1"
    environment["MOLECULE_GLOB"] = "molecule/*/molecule.yml"
    environment["TESTBED_OWNER"] = bed.owner_mark()
    command = ["molecule", "-c", ".config/molecule/config.yml", "test", "-s", scenario.name]
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    finally:
        TestBed(f"molecule-{scenario.name}").down()
    assert done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}"
    assert report.exists(), f"{scenario.name}: the verifier ran no tests\n{done.stdout}"
    assert counted(report) > 0, f"{scenario.name}: no test of the verifier ran\n{done.stdout}"
