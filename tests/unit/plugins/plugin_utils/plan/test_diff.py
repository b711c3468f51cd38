# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a diff never shows current, former or possible secrets, or data to guess them from."""

import json
import re

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan import diff as file_diff
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
OLD = {"file_type": "file", "as_wanted": False, "loaded": False, "disruption": "restart", "sha256": "ab" * 32}
UNIT = {"active": True, "enabled": True, "binary_replaced": False}


def shown(entry, found, orphan=False):
    entries = (
        []
        if entry is None
        else [
            {"path": PATH, "owner": "crio", "mode": "0644", "disruption": "restart", "secret": False, **entry}
        ]
    )
    desired = DesiredFiles(entries, ["crio"])
    report = {
        "files": {} if orphan else {PATH: found},
        "orphans": {PATH: found} if orphan else {},
        "unit": UNIT,
    }
    made = plan.Plan(
        files={PATH: "remove" if orphan else "create" if found["file_type"] == "absent" else "change"}
    )
    return json.dumps(file_diff.of(desired, report, made)), file_diff.of(desired, report, made)[0]


NEW = {"content": "NEW\n"}
CASES = [
    pytest.param(
        {**NEW, "secret": True},
        {**OLD, "mode": "0600"},
        False,
        ("(secret)\n", "(secret, changed)\n"),
        id="desired as secret",
    ),
    pytest.param(
        {**NEW, "secret": True},
        {"file_type": "absent", "disruption": "restart"},
        False,
        ("", "(secret)\n"),
        id="new",
    ),
    pytest.param(
        NEW,
        {**OLD, "mode": "0644", "secret": True, "content": "CANARY"},
        False,
        ("(secret)\n", "(secret, changed)\n"),
        id="recorded as secret",
    ),
    pytest.param(
        NEW,
        {**OLD, "mode": "0600", "content": "CANARY"},
        False,
        ("(secret)\n", "(secret, changed)\n"),
        id="kept from others",
    ),
    pytest.param(
        NEW,
        {**OLD, "mode": "0640", "content": "CANARY"},
        False,
        ("(secret)\n", "(secret, changed)\n"),
        id="kept from others but a group",
    ),
    pytest.param(
        None,
        {**OLD, "mode": "0644", "secret": True, "content": "CANARY"},
        True,
        ("(secret)\n", ""),
        id="removed",
    ),
    pytest.param(
        None,
        {**OLD, "mode": "0600", "content": "CANARY"},
        True,
        ("(secret)\n", ""),
        id="removed, not readable by others",
    ),
]


@pytest.mark.parametrize(("entry", "found", "orphan", "texts"), CASES)
def test_a_secret_file_is_shown_without_content_and_hash(entry, found, orphan, texts):
    text, diff = shown(entry, found, orphan)
    assert (diff["before"], diff["after"]) == texts
    assert "CANARY" not in text
    assert "NEW" not in text
    assert not re.search("[0-9a-f]{16}", text)


def test_a_secret_file_of_which_only_the_mode_changes_is_shown_as_unchanged():
    desired = DesiredFiles(
        [{"path": PATH, "owner": "crio", "mode": "0600", "disruption": "restart", "secret": True, **NEW}]
    )
    report = {
        "files": {PATH: {**OLD, "mode": "0644", "same_content": True}},
        "orphans": {},
        "unit": UNIT,
    }
    [diff] = file_diff.of(desired, report, plan.Plan(files={PATH: "change"}))
    assert (diff["before"], diff["after"]) == ("(secret)\n", "(secret)\n")


def test_credentials_of_a_file_that_is_not_secret_are_masked():
    text, diff = shown(
        {"content": "proxy=http://user:CANARY@host\n"},
        {**OLD, "mode": "0644", "content": "http://u:CANARY@h\n"},
    )
    assert "CANARY" not in text
    assert diff["after"] == "proxy=http://***@host\n"
