# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that documents on a node's disk are read in the current or an older format, or refused with one sentence."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils import documents

READERS = (
    documents.read_state,
    documents.read_intent,
    documents.read_generation,
    documents.read_outcome,
    documents.read_probe_record,
)
KEYS = "format generation transaction owners acknowledged files invocation_id binary identity version id unit undo activate path kind saved before running aim stages directories program committed failed shared entries created stage staged owner created_at plan disruption reasons pods images present name namespace uid"  # noqa: E501
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS.split()) | st.text(max_size=4), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("reader", READERS)
@given(document=JSON)
def test_any_json_is_a_valid_or_a_damaged_document(reader, document):
    with contextlib.suppress(documents.DamagedDocument):
        reader(json.dumps(document), "/var/lib/cri-node/x.json")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", ["", "null", '"text"', "[]", "{", "\x00", "[" * 100_000], ids=repr)
def test_a_document_that_is_not_an_object_is_damaged(reader, text):
    with pytest.raises(documents.DamagedDocument):
        reader(text, "/x.json")


def test_a_state_of_the_former_format_keeps_its_content():
    former = {
        "generation": 7,
        "transaction": "t",
        "owners": {
            "crio": {"/etc/a": {"sha256": "h", "mode": "0644", "secret": False, "disruption": "restart"}}
        },
        "acknowledged": {"invocation_id": "i", "files": {"/etc/a": "h"}},
        "binary": {"identity": ["/usr/bin/crio", 1, 2, 3], "version": "1.37.0"},
    }
    state = documents.read_state(json.dumps(former), "/state.json")
    assert state["format"] == documents.STATE_FORMAT
    recorded = former["owners"]["crio"]["/etc/a"]
    assert state["owners"] == {"crio": {"/etc/a": {**recorded, "key_hashes": None}}}
    assert state["acknowledged"] == {"invocation_id": "i", "files": {"/etc/a": {"sha256": "h"}}}
    assert state["binary"] == former["binary"]


def test_an_intent_of_the_former_format_can_still_be_undone():
    former = {
        "id": "t", "unit": "crio.service", "activate": "restart", "directories": ["/etc/x"],
        "undo": [{"path": "/etc/a", "kind": "absent"}, {"path": "/etc/b", "kind": "file", "saved": "/s", "mode": "0644"}],
        "before": {"active": True, "enabled": True, "invocation_id": "i", "running": ["c1"], "network_ready": True},
    }  # fmt: skip
    intent = documents.read_intent(json.dumps(former), "/intent.json")
    assert intent["before"]["aim"] == "up"
    assert intent["before"]["running"] == [{"id": "c1"}]
    assert intent["stages"] == []


def test_a_state_stores_entries_as_hashes():
    entries = {"entries": {"auths": {"host": "h"}}, "created": True, "secret": True, "disruption": "none"}
    state = {**documents.empty_state(), "shared": {"registries": {"/etc/containers/auth.json": entries}}}
    assert documents.read_state(json.dumps(state), "/state.json") == state


@pytest.mark.parametrize(
    ("reader", "document"),
    [
        (documents.read_state, {"format": 99}),
        (documents.read_state, {"generation": "seven"}),
        (documents.read_state, {"generation": True}),
        (documents.read_state, {"owners": []}),
        (documents.read_state, {"owners": {"crio": ["/etc/a"]}}),
        (documents.read_state, {"shared": {"registries": []}}),
        (documents.read_state, {"shared": {"registries": {"/a": {"entries": {"auths": {"host": None}}}}}}),
        (documents.read_intent, {"format": 3, "id": "x"}),
        (
            documents.read_intent,
            {
                "id": "x",
                "unit": "u",
                "activate": "none",
                "undo": [{"kind": "absent", "path": "/a", "entries": []}],
            },
        ),
        (
            documents.read_intent,
            {"id": "x", "unit": "u", "activate": "none", "undo": [{"kind": "file", "path": "/a"}]},
        ),
    ],
    ids=str,
)
def test_a_document_with_invalid_fields_is_damaged(reader, document):
    with pytest.raises(documents.DamagedDocument):
        reader(json.dumps(document), "/x.json")


@pytest.mark.parametrize("hashes", [None, "text", ["a"], {"a": 1}, 7])
def test_hashes_of_keys_that_cannot_be_used_are_left_out(hashes):
    entry = {"sha256": "h", "mode": "0644", "secret": False, "disruption": "restart", "key_hashes": hashes}
    state = documents.read_state(json.dumps({"format": 2, "owners": {"crio": {"/etc/a": entry}}}), "/s")
    assert state["owners"]["crio"]["/etc/a"]["key_hashes"] is None


def test_hashes_of_keys_are_kept():
    entry = {
        "sha256": "h",
        "mode": "0644",
        "secret": False,
        "disruption": "restart",
        "key_hashes": {"a": "1"},
    }
    state = documents.read_state(json.dumps({"format": 2, "owners": {"crio": {"/etc/a": entry}}}), "/s")
    assert state["owners"]["crio"]["/etc/a"]["key_hashes"] == {"a": "1"}
