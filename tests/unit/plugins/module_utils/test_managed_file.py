# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests our entries in a document of several owners: they are written, removed and rolled back one by one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.managed_file import (
    SharedFile,
    SharedFileError,
    changes,
    entry_hash,
    hashes_of,
    merged,
    parse,
    render,
    undone,
)

PATH = "/etc/containers/auth.json"
CANARY = "Y2FuYXJ5OmNhbmFyeQ=="
SECTIONS = ("auths", "credHelpers")
HOSTS = st.sampled_from(["a.example", "b.example:5000", "c.example/team"])
# Few values, so that several writers often mean the same.
VALUES = st.sampled_from([{"auth": "b25l"}, {"auth": "dHdv", "identitytoken": "x"}, "helper", None, {}, 1])
ENTRIES = st.dictionaries(st.sampled_from(SECTIONS), st.dictionaries(HOSTS, VALUES, max_size=3), max_size=2)
EDITS = st.lists(
    st.tuples(st.sampled_from(SECTIONS), HOSTS, st.one_of(st.just("remove"), st.tuples(VALUES))), max_size=5
)
FOREIGN = {"credsStore": "pass", "HttpHeaders": {"User-Agent": "Docker-Client/27"}}


def flat(document):
    return {
        (section, name): entry_hash(value)
        for section in SECTIONS
        for name, value in (document.get(section) or {}).items()
    }


def edited(document, edits):
    """Return the document after changes by another program, and the entries whose values it changed."""
    document, touched = json.loads(json.dumps(document)), set()
    for section, name, edit in edits:
        before = flat(document).get((section, name))
        if edit == "remove":
            document.get(section, {}).pop(name, None)
        else:
            document.setdefault(section, {})[name] = edit[0]
        if flat(document).get((section, name)) != before:
            touched.add((section, name))
    return document, touched


def change(document, desired, recorded):
    written = changes(document, hashes_of(desired), hashes_of(recorded), PATH)
    return written, merged(document, written, desired, PATH)


@given(ENTRIES, ENTRIES, ENTRIES)
def test_a_change_sets_the_desired_entries_and_touches_no_others(others, recorded, desired):
    before = {**FOREIGN, **others}
    _written, after = change(before, desired, recorded)
    ours, theirs = flat(desired), flat(before)
    expected = {**theirs, **ours}
    for place, digest in flat(recorded).items():
        if place not in ours and theirs.get(place) == digest:
            del expected[place]
    assert flat(after) == expected
    assert {name: after[name] for name in FOREIGN} == FOREIGN
    assert [name for name in after if name in before] == [name for name in before if name in after]
    assert changes(after, hashes_of(desired), {}, PATH) == {}
    assert parse(render(after), PATH) == after


@given(ENTRIES, ENTRIES, ENTRIES, EDITS)
def test_a_rollback_restores_our_entries_and_keeps_what_others_wrote_meanwhile(
    others, recorded, desired, edits
):
    before = {**FOREIGN, **others}
    written, after = change(before, desired, recorded)
    now, _touched = edited(after, edits)
    back = undone(now, before, written, PATH)
    for place in {*flat(before), *flat(after), *flat(now)}:
        section, name = place
        ours = name in written.get(section, {})
        is_as_we_left_it = flat(now).get(place) == flat(after).get(place)
        expected = flat(before) if ours and is_as_we_left_it else flat(now)
        assert flat(back).get(place) == expected.get(place), place
    assert {name: back[name] for name in FOREIGN} == FOREIGN
    assert undone(back, before, written, PATH) == back


@given(ENTRIES, ENTRIES, ENTRIES)
def test_an_immediate_rollback_restores_the_document(others, recorded, desired):
    before = {**FOREIGN, **others}
    written, after = change(before, desired, recorded)
    back = undone(after, before, written, PATH)
    assert flat(back) == flat(before)
    assert undone(before, before, written, PATH) == before  # never swapped


def test_equal_data_is_not_a_change_in_any_order_of_names():
    present = {"auths": {"a.example": {"identitytoken": "x", "auth": "b25l"}}}
    desired = {"auths": {"a.example": {"auth": "b25l", "identitytoken": "x"}}}
    assert changes(present, hashes_of(desired), {}, PATH) == {}
    assert entry_hash(True) != entry_hash(1)


def test_an_entry_that_somebody_else_changed_is_not_removed_with_our_setting():
    ours = hashes_of({"auths": {"a.example": {"auth": "b25l"}}})
    assert changes({"auths": {"a.example": {"auth": "b25l"}}}, {}, ours, PATH) == {
        "auths": {"a.example": None}
    }
    assert changes({"auths": {"a.example": {"auth": "dHdv"}}}, {}, ours, PATH) == {}


def test_entries_may_be_in_nested_objects_and_in_the_document_itself():
    desired = {"transports.docker": {"quay.io": [{"type": "reject"}]}, "": {"default": [{"type": "reject"}]}}
    before = {"default": [{"type": "insecureAcceptAnything"}]}
    written, after = change(before, desired, {})
    assert after == {
        "default": [{"type": "reject"}],
        "transports": {"docker": {"quay.io": [{"type": "reject"}]}},
    }
    assert undone(after, before, written, PATH) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'{{"auths": {{"a": {{"auth": "{CANARY}"}}'.encode(), "is not JSON"),
        (f'{{"{CANARY}": NaN}}'.encode(), "is not JSON"),
        (f'{{"{CANARY}": 1e999}}'.encode(), "is not JSON"),
        (b'{"a": %s}' % (b"9" * 5000), "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (f'["{CANARY}"]'.encode(), "does not contain a JSON object"),
        (b"null", "does not contain a JSON object"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_damaged_document_is_one_clear_message_without_its_content(content, words):
    with pytest.raises(SharedFileError) as caught:
        parse(content, PATH)
    message = str(caught.value)
    assert message.startswith(f"{PATH} ")
    assert words in message
    assert "repair or remove the file. It was not changed" in message
    assert CANARY not in message
    assert len(message) < 250


@pytest.mark.parametrize("section", [[], "text", 1, True])
def test_a_section_that_is_not_an_object_is_refused_by_name(section):
    with pytest.raises(SharedFileError, match="auths is not a JSON object"):
        changes({"auths": section}, {"auths": {"a.example": "x"}}, {}, PATH)


def test_null_in_place_of_a_section_is_an_empty_section():
    """Programs that read these files do the same."""
    desired = {"auths": {"a.example": {"auth": "b25l"}}}
    assert change({"auths": None}, desired, {})[1] == desired


OURS = {"auths": {"a.example": {"auth": "b25l"}}}


@pytest.mark.parametrize(
    ("present", "recorded", "stays"),
    [
        pytest.param(OURS, {"created": True}, False, id="only our entries, in our file"),
        pytest.param(OURS, {"created": False}, True, id="only our entries, in the file of others"),
        pytest.param({**OURS, **FOREIGN}, {"created": True}, True, id="entries of others"),
        pytest.param(
            OURS,
            {"created": True, "replaced": {"auths": {"a.example": "theirs"}}},
            True,
            id="an entry of others that ours has replaced",
        ),
    ],
)
def test_a_file_without_our_entries_stays_exactly_if_the_change_does_not_remove_it(
    tmp_path, present, recorded, stays
):
    path = tmp_path / "auth.json"
    path.write_text(json.dumps(present))
    committed = {"entries": hashes_of(OURS), "secret": False, "disruption": "none", **recorded}
    file = SharedFile(str(path), None, committed)
    assert file.is_removed() is not stays
    file.prepare({})
    assert (file.content is not None) is stays
