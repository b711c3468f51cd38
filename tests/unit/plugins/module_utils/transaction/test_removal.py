# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal of all managed files gives back what they had replaced, as far as it is kept, and leaves what others wrote."""

import json
import os

import pytest
from tests.unit.plugins.module_utils.transaction.changing_node import (
    AUTH,
    CONFIG,
    CRICTL,
    ENVIRONMENT,
    REGISTRIES,
    Node,
)

from ansible_collections.cri.node.plugins.module_utils import documents, managed_file, node_state
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, origin, state
from ansible_collections.cri.node.plugins.module_utils.transaction.removal import Removal, removed_paths
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.earlier import EarlierFiles
from faults.fake_node import UNIT

ASKED = {"unit": UNIT, "ready_timeout": 1, "owners": [], "unwanted": []}
ENTRIES = {"auths": {"a.example": {"auth": "b2xk"}}}
OURS = {CONFIG: "ours\n", REGISTRIES: "ours\n", CRICTL: "ours\n"}


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def write(node, path, text, mode=0o644):
    os.makedirs(os.path.dirname(node.path(path)), exist_ok=True)
    with open(node.path(path), "w") as file:
        file.write(text)
    os.chmod(node.path(path), mode)


def remove(node):
    """Make the change of a removal. Returns its plan."""
    removal = Removal(ASKED, node.layout)
    report = node_state.read(removal.request, node.layout)
    made = plan.make(EarlierFiles(removal.file_set(report, False)), report)
    assert removed_paths(report) == made.removes
    if not made.changes_anything:
        return made
    request = removal.change(
        {
            **ASKED,
            "writes": made.writes,
            "remove": [path for path in made.removes if not report["orphans"][path].get("shared")],
            "activate": made.activate,
            "concerns_daemon": made.concerns_daemon,
            "reload_keys": made.reload_keys,
            "reload_is_logged": made.reload_is_logged,
            "daemon_reload": False,
            "id": "removal",
            "fingerprint": report["fingerprint"],
            "plan": made.as_data(),
        }
    )
    outcome = apply.apply(node.layout, request, "/nowhere/program.pyz")
    assert outcome.get("committed"), outcome
    return made


def recorded(node):
    return state.load(node.layout)[0].get("origin")


def test_files_of_all_owners_go_and_what_they_replaced_comes_back(node):
    write(node, CRICTL, "timeout: 3\n", 0o640 | 0o004)
    before = node.files()
    node.change(OURS, entries=ENTRIES)
    assert node.files() != before
    made = remove(node)
    assert node.files() == before
    assert state.load(node.layout)[0]["owners"] == {}
    assert {path.replace(str(node.root), ""): action for path, action in made.files.items()} == {
        CONFIG: "remove",
        REGISTRIES: "remove",
        CRICTL: "change",
        AUTH: "remove",
    }
    assert remove(node).changes_anything is False
    assert node.files() == before


def test_what_came_back_is_not_ours_and_does_not_come_back_twice(node):
    write(node, CRICTL, "theirs\n")
    node.change(OURS)
    remove(node)
    os.unlink(node.path(CRICTL))  # as a bundle whose file it is does
    assert remove(node).changes_anything is False
    assert node.files() == {}
    # The next change starts again from what is there.
    write(node, CRICTL, "newer\n")
    node.change(OURS)
    remove(node)
    assert node.files() == {CRICTL: ("newer\n", "0644")}


def test_later_changes_do_not_count_as_what_was_there_before(node):
    write(node, CRICTL, "theirs\n")
    node.change(OURS)
    node.change({**OURS, CRICTL: "newer\n"})
    remove(node)
    assert node.files() == {CRICTL: ("theirs\n", "0644")}


def test_a_replaced_file_comes_back_even_if_the_managed_one_was_removed_before(node):
    write(node, CRICTL, "theirs\n")
    node.change(OURS)
    node.change({CONFIG: "ours\n"})
    assert CRICTL not in node.files()
    remove(node)
    assert node.files() == {CRICTL: ("theirs\n", "0644")}


def test_a_file_that_somebody_wrote_since_is_left(node):
    write(node, CRICTL, "theirs\n")
    node.change(OURS)
    node.change({CONFIG: "ours\n"})
    write(node, CRICTL, "newer\n")
    remove(node)
    assert node.files() == {CRICTL: ("newer\n", "0644")}


def test_the_content_of_what_may_be_secret_is_not_kept_and_named(node):
    write(node, CRICTL, "canary", 0o600)
    write(node, ENVIRONMENT, "canary")
    node.change({**OURS, ENVIRONMENT: "ours\n"}, secret=[ENVIRONMENT])
    lost = [node.path(CRICTL), node.path(ENVIRONMENT)]
    assert Removal(ASKED, node.layout).not_kept() == sorted(lost)
    assert [recorded(node)["files"][path]["content"] for path in lost] == [None, None]
    with open(node.layout.state_file) as file:
        assert "Y2FuYXJ5" not in file.read()
    remove(node)
    assert node.files() == {}


def test_a_file_of_ours_that_the_state_does_not_know_is_not_kept_as_somebody_else_s(node):
    write(
        node,
        CRICTL,
        "# Written by the role cri.node.crictl, which undoes what is changed here: set it instead.\n",
    )
    node.change(OURS)
    assert recorded(node)["files"] == {}


def test_the_directories_and_the_enablement_before_the_first_change_are_recorded(node):
    node.change(OURS)
    first = recorded(node)
    assert first["enabled"] in (True, False)
    assert first["first_unit_change"] is False
    node.change({**OURS, CONFIG: "newer\n"})
    assert recorded(node) == first


def test_a_node_that_an_earlier_version_has_changed_has_an_unknown_enablement(node):
    node.change(OURS)
    known, _damage = state.load(node.layout)
    del known["origin"]
    with open(node.layout.state_file, "w") as file:
        json.dump(known, file)
    node.change({**OURS, CONFIG: "newer\n"})
    assert (recorded(node)["enabled"], recorded(node)["files"]) == (None, {})


@pytest.mark.parametrize(
    "data",
    [
        "text",
        {"files": [], "directories": []},
        {"files": {}, "directories": [1]},
        {"files": {"/x": {"owner": "a"}}, "directories": []},
        {
            "files": {"/x": {"owner": "a", "disruption": "none", "mode": "rw", "uid": 0, "gid": 0}},
            "directories": [],
        },
    ],
    ids=str,
)
def test_an_origin_that_cannot_be_used_is_as_good_as_none(data):
    text = json.dumps({**documents.empty_state(), "origin": data})
    assert "origin" not in documents.read_state(text, "/state.json")


@pytest.mark.parametrize("content", [None, "!", "//79"], ids=["none", "no base64", "no text"])
def test_content_that_cannot_be_used_is_as_good_as_none(content):
    assert origin.text_of({"content": content}) is None


@pytest.mark.parametrize("text", ['{ "default": [{ "type": "reject" }] }\n', '{\n   "default": []}', "{}"])
def test_a_shared_file_without_secrets_has_the_bytes_of_others_again(tmp_path, text):
    path = str(tmp_path / "policy.json")
    values = {"transports.docker": {"h": [{"type": "reject"}]}}
    desired = {
        "path": path,
        "owner": "registries",
        "mode": "0644",
        "secret": False,
        "disruption": "none",
        "entries": managed_file.hashes_of(values),
    }
    with open(path, "w") as file:
        file.write(text)
    written = managed_file.SharedFile(path, desired, None)
    written.prepare(values)
    record = written.record()
    assert record["original"] == text
    with open(path, "wb") as file:
        file.write(written.content)
    again = managed_file.SharedFile(path, desired, record)
    assert again.record()["original"] == text
    back = managed_file.SharedFile(path, None, record)
    back.prepare({})
    assert back.content == text.encode()
    # With another entry since, it is rendered anew.
    data = json.loads(written.content)
    with open(path, "w") as file:
        json.dump({**data, "theirs": 1}, file)
    back = managed_file.SharedFile(path, None, record)
    back.prepare({})
    assert json.loads(back.content) == {**json.loads(text), "theirs": 1}
