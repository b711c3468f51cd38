# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what CRI-O did with each image of cases.yml after each run of the roles, and which registry served it."""

import json
from pathlib import Path

import pytest
import yaml

testinfra_hosts = ["ansible://nodes"]

CASES = yaml.safe_load((Path(__file__).parent.parent / "vars/cases.yml").read_text())["pulls_cases"]
STATES = ("wrong", "right", "unambiguous")


def expectations():
    """Yield (state, position of the pull in the record of that state, what is expected) of each pull."""
    for state in STATES:
        pulls = [(case["name"], pull) for case in CASES for pull in case["pulls"] if state in pull]
        for position, (name, pull) in enumerate(pulls):
            image = pull["image"].rpartition("/")[2].replace("{{ pulls_made.digest }}", "digest")
            yield pytest.param(state, position, pull[state], id=f"{state}: {name}: {image}")


@pytest.fixture(scope="module")
def records(host):
    return {state: json.loads(host.file(f"/root/pulls-{state}.json").content_string) for state in STATES}


@pytest.mark.parametrize(("state", "position", "expected"), expectations())
def test_a_pull_is_refused_with_its_reason_or_served_by_one_registry(records, state, position, expected):
    done = records[state]["pulls"][position]
    if "refused" in expected:
        assert done["rc"] != 0, done
        assert expected["refused"] in done["stderr"]
    else:
        assert (done["rc"], done["served_by"]) == (0, [expected["served_by"]]), done["stderr"]


def test_every_pull_was_recorded(records):
    for state in STATES:
        expected = sum(state in pull for case in CASES for pull in case["pulls"])
        assert len(records[state]["pulls"]) == expected > 0


def test_settings_of_registries_need_no_restart(records):
    assert records["wrong"]["invocation"] == records["right"]["invocation"]


def test_settings_that_are_removed_leave_no_secrets(host):
    assert "robot" not in host.check_output("cat /root/.config/containers/auth.json 2>&1 || true")
    assert host.check_output("find /etc/containers/certs.d -type f") == ""
