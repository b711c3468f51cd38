# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests auth.json, which several tools write: a change only writes our entries, and is rolled back by entry."""

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.plugins.module_utils.test_managed_file import EDITS as EDITS_OF_OTHERS
from tests.unit.plugins.module_utils.test_managed_file import ENTRIES, edited, flat
from tests.unit.plugins.module_utils.transaction.test_every_operation import PROGRAM, Killed, killed, make

from ansible_collections.cri.node.plugins.module_utils import managed_file, node_files, node_state
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError, TransactionError
from ansible_collections.cri.node.plugins.module_utils.transaction import (
    apply,
    generation,
    intent,
    recovery,
    state,
)
from faults.fake_node import CONFIG, NEW, FakeNode

PATH = "/etc/containers/auth.json"
CANARY = "Y2FuYXJ5OnBhc3N3b3Jk"  # canary:password
OURS = {"auths": {"ours.example": {"auth": CANARY}}, "credHelpers": {"cloud.example": "ecr-login"}}
THEIRS = {
    "credsStore": "pass",
    "auths": {"theirs.example": {"auth": "dGhlaXJz"}, "another.example": {"auth": "YW5vdGhlcg=="}},
    "HttpHeaders": {"User-Agent": "Docker-Client/27"},
}


class Node(FakeNode):
    """A node with an auth.json, and requests for entries in it."""

    number = 0

    def auth(self):
        with open(self.path(PATH)) as file:
            return json.load(file)

    def write_auth(self, data, mode=0o600):
        with open(self.path(PATH), "w") as file:
            file.write(data if isinstance(data, str) else json.dumps(data, indent="\t"))
        os.chmod(self.path(PATH), mode)

    def entries(self, values, owners=("registries",), **more):
        self.number += 1
        sets = {
            "path": self.path(PATH), "owner": "registries", "mode": "0600", "secret": True, "disruption": "none",
            "entries": managed_file.hashes_of(values),
        }  # fmt: skip
        request = {
            "shared": [sets] if values else [], "entries": {self.path(PATH): values}, "contents": {}, "remove": [],
            "activate": "none", "concerns_daemon": False, "owners": list(owners), "id": f"entries-{self.number}",
            **more,
        }  # fmt: skip
        return self.request(**request)

    def apply(self, values, **more):
        return apply.apply(self.layout, self.entries(values, **more), PROGRAM)

    def remove_entries(self):
        return self.apply({})

    def report(self, values):
        request = self.entries(values, fingerprint="")
        report = node_state.read(request, self.layout)
        return {**report["files"], **report["orphans"]}.get(self.path(PATH)), report

    def records(self):
        """Return everything that is stored outside of the configuration, as one text."""
        folder = self.root / "var/lib/cri-node"
        return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def node(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
    return Node(tmp_path, monkeypatch)


def committed(outcome):
    assert outcome.get("committed"), outcome
    return outcome


def test_entries_are_added_changed_and_removed_and_those_of_others_are_kept(node):
    node.write_auth(THEIRS)
    committed(node.apply(OURS))
    expected = {**THEIRS, "auths": {**THEIRS["auths"], **OURS["auths"]}, "credHelpers": OURS["credHelpers"]}
    assert node.auth() == expected
    assert list(node.auth()) == ["credsStore", "auths", "HttpHeaders", "credHelpers"]
    assert list(node.auth()["auths"]) == ["theirs.example", "another.example", "ours.example"]

    changed = {"auths": {"ours.example": {"auth": "bmV3"}}}
    committed(node.apply(changed))
    assert node.auth() == {**THEIRS, "auths": {**THEIRS["auths"], **changed["auths"]}}

    committed(node.remove_entries())
    assert node.auth() == THEIRS
    assert "shared" not in state.load(node.layout)[0]
    assert node.litter() == []


def test_a_file_that_we_created_is_removed_with_its_last_entry_unless_others_use_it(node):
    committed(node.apply(OURS))
    assert node.auth() == OURS
    assert stat.S_IMODE(os.stat(node.path(PATH)).st_mode) == 0o600
    committed(node.remove_entries())
    assert not os.path.exists(node.path(PATH))

    committed(node.apply(OURS))
    node.write_auth({**node.auth(), "credsStore": "pass"})
    committed(node.remove_entries())
    assert node.auth() == {"credsStore": "pass"}


def test_equal_data_is_not_a_change(node):
    node.write_auth(
        {**THEIRS, "auths": {**THEIRS["auths"], **OURS["auths"]}, "credHelpers": OURS["credHelpers"]}
    )
    found, _report = node.report(OURS)
    assert found["as_wanted"]
    assert found["loaded"]
    node.write_auth({**node.auth(), "credHelpers": {"cloud.example": "other"}})
    assert not node.report(OURS)[0]["as_wanted"]


def test_an_entry_that_already_existed_is_not_removed(node):
    node.write_auth({"auths": OURS["auths"]})
    committed(node.apply(OURS))  # credHelpers is added
    committed(node.remove_entries())
    assert node.auth() == {"auths": OURS["auths"]}


def test_edits_of_other_entries_keep_a_plan_valid_and_edits_of_our_entries_do_not(node):
    node.write_auth(THEIRS)
    fingerprint = node.report(OURS)[1]["fingerprint"]
    node.write_auth({"auths": {}})
    assert node.report(OURS)[1]["fingerprint"] == fingerprint
    node.write_auth({"auths": {"ours.example": {"auth": "b3RoZXI="}}})
    assert node.report(OURS)[1]["fingerprint"] != fingerprint


def test_mode_and_owner_are_kept_and_no_secret_becomes_readable(node, monkeypatch):
    given = []
    monkeypatch.setattr(node_files, "give", lambda _path, uid, gid: given.append((uid, gid)))
    real = node_files.describe
    owned = {"uid": 1000, "gid": 1001}
    monkeypatch.setattr(
        node_files, "describe", lambda path: {**real(path), **(owned if "auth" in path else {})}
    )
    for mode, kept in ((0o600, 0o600), (0o400, 0o400), (0o644, 0o600)):
        node.write_auth(THEIRS, mode)
        committed(node.apply(OURS))
        assert stat.S_IMODE(os.stat(node.path(PATH)).st_mode) == kept
    assert given == [(1000, 1001)] * 3


def test_a_file_that_shows_our_secret_to_others_is_a_change(node):
    node.write_auth(OURS, 0o644)
    assert not node.report(OURS)[0]["as_wanted"]
    committed(node.apply(OURS))
    assert stat.S_IMODE(os.stat(node.path(PATH)).st_mode) == 0o600
    assert node.report(OURS)[0]["as_wanted"]


def test_the_report_tells_an_entry_that_another_tool_changed_from_one_that_is_desired_now(node):
    assert "as_committed" not in node.report(OURS)[0]
    node.write_auth(THEIRS)
    committed(node.apply(OURS))
    other = {"auths": {"ours.example": {"auth": "bmV3"}}}
    assert node.report(OURS)[0]["as_committed"] is True
    assert node.report(other)[0]["as_committed"] is True  # the variables have changed, not the file
    changed = node.auth()
    changed["auths"]["theirs.example"] = {"auth": "eA=="}
    node.write_auth(changed)
    assert node.report(OURS)[0]["as_committed"] is True
    changed["auths"]["ours.example"] = {"auth": "eA=="}
    node.write_auth(changed)
    assert node.report(OURS)[0]["as_committed"] is False
    os.unlink(node.path(PATH))
    assert node.report(OURS)[0]["as_committed"] is False


def test_a_damaged_file_is_refused_with_one_message_and_kept(node):
    damaged = f'{{"auths": {{"theirs.example": {{"auth": "{CANARY}"'
    request = node.entries(OURS)
    node.write_auth(damaged)
    with pytest.raises(NodeError, match=r"auth\.json is not JSON") as caught:
        node_state.read(request, node.layout)
    outcome = apply.apply(node.layout, request, PROGRAM)
    assert outcome["failed"]
    assert outcome["phase"] == "refused"
    assert outcome["message"] == str(caught.value)
    assert CANARY not in str(outcome)
    with open(node.path(PATH)) as file:
        assert file.read() == damaged
    assert node.litter() == []


def test_a_link_is_refused_and_not_followed(node):
    target = node.root / "elsewhere.json"
    target.write_text("{}")
    os.symlink(target, node.path(PATH))
    outcome = node.apply(OURS)
    assert "symbolic link" in outcome["message"]
    assert target.read_text() == "{}"


# Going back


def fail(monkeypatch, edit=lambda: None):
    """Let every change fail at its end, after another program has done `edit`."""

    def refuse(*_all):
        edit()
        raise TransactionError("probe", "the runtime is not ready")

    monkeypatch.setattr(generation, "commit", refuse)


def undone(outcome):
    assert outcome["failed"], outcome
    assert outcome["rolled_back"], outcome
    assert outcome["as_before"], outcome
    assert not outcome.get("open"), outcome


def test_a_rollback_restores_the_same_inode_if_nobody_wrote_the_file(node, monkeypatch):
    node.write_auth(json.dumps(THEIRS, indent=7), 0o644)
    before, inode = open(node.path(PATH)).read(), os.stat(node.path(PATH)).st_ino
    fail(monkeypatch)
    undone(node.apply(OURS))
    assert open(node.path(PATH)).read() == before
    assert os.stat(node.path(PATH)).st_ino == inode
    assert stat.S_IMODE(os.stat(node.path(PATH)).st_mode) == 0o644
    assert node.litter() == []


EDITS = {
    "added": lambda data: data["auths"].update({"new.example": {"auth": "bmV3"}}),
    "changed": lambda data: data["auths"].update({"theirs.example": {"auth": "Y2hhbmdlZA=="}}),
    "removed": lambda data: data["auths"].pop("another.example"),
    "a key of their own": lambda data: data.update({"proxies": {"default": {}}}),
    "all but ours": lambda data: [data.pop(name) for name in ("credsStore", "HttpHeaders")],
}


@pytest.mark.parametrize("name", EDITS)
def test_a_rollback_keeps_what_others_wrote_meanwhile(node, monkeypatch, name):
    node.write_auth(THEIRS)
    expected = json.loads(json.dumps(THEIRS))
    EDITS[name](expected)

    def edit():
        data = node.auth()
        assert data["auths"]["ours.example"] == OURS["auths"]["ours.example"]
        EDITS[name](data)
        node.write_auth(data)

    fail(monkeypatch, edit)
    undone(node.apply(OURS))
    assert node.auth() == expected
    assert node.litter() == []


def test_a_foreign_value_that_our_entry_replaces_is_kept_for_a_rollback(node, monkeypatch):
    foreign = {**THEIRS, "auths": {**THEIRS["auths"], "ours.example": {"auth": "Zm9yZWlnbg=="}}}
    node.write_auth(foreign)
    fail(monkeypatch, lambda: node.write_auth({**node.auth(), "credsStore": "desktop"}))
    undone(node.apply(OURS))
    assert node.auth() == {**foreign, "credsStore": "desktop"}


def test_a_rollback_of_a_removal_restores_our_entry(node, monkeypatch):
    node.write_auth(THEIRS)
    committed(node.apply(OURS))
    with monkeypatch.context() as patches:
        fail(patches, lambda: node.write_auth({**node.auth(), "credsStore": "desktop"}))
        undone(node.remove_entries())
    assert node.auth()["credsStore"] == "desktop"
    assert node.auth()["auths"]["ours.example"] == OURS["auths"]["ours.example"]
    assert node.report(OURS)[0]["as_wanted"]


def test_a_new_file_is_removed_by_a_rollback_unless_others_use_it(node, monkeypatch):
    fail(monkeypatch)
    undone(node.apply(OURS))
    assert not os.path.exists(node.path(PATH))
    fail(monkeypatch, lambda: node.write_auth({**node.auth(), "credsStore": "pass"}))
    undone(node.apply(OURS))
    assert node.auth() == {"credsStore": "pass"}


def test_an_entry_that_somebody_else_wrote_over_ours_is_kept(node, monkeypatch):
    node.write_auth(THEIRS)
    login = {"auths": {"ours.example": {"auth": "bG9naW4="}}}
    fail(monkeypatch, lambda: node.write_auth(login))
    undone(node.apply(OURS))
    assert node.auth() == login


def test_a_file_that_was_damaged_meanwhile_is_kept_and_retried(node, monkeypatch):
    node.write_auth(THEIRS)
    with monkeypatch.context() as patches:
        fail(patches, lambda: node.write_auth("{"))
        outcome = node.apply(OURS)
    assert outcome["open"]
    assert "is not JSON" in outcome["problem"]
    assert open(node.path(PATH)).read() == "{"
    node.write_auth({"credsStore": "repaired", **OURS})
    undone(recovery.recover(node.layout))
    assert node.auth() == {"credsStore": "repaired", "auths": {}}
    assert node.litter() == []


def test_an_edit_between_reading_and_writing_is_not_lost(node, monkeypatch):
    node.write_auth(THEIRS)
    announce = intent.announce

    def edited(*all_of_it):
        announce(*all_of_it)
        node.write_auth({**THEIRS, "credsStore": "desktop"})

    monkeypatch.setattr(intent, "announce", edited)
    outcome = node.apply(OURS)
    undone(outcome)
    assert "another process changed" in outcome["message"]
    assert node.auth() == {**THEIRS, "credsStore": "desktop"}


def test_a_boot_that_lost_the_file_and_its_copy_leaves_nothing_open(node, monkeypatch):
    """Such as in /run."""
    node.write_auth(THEIRS)
    with monkeypatch.context() as patches:
        patches.setattr(generation, "commit", killed)
        with pytest.raises(Killed):
            node.apply(OURS)
    os.unlink(node.path(PATH))
    shutil.rmtree(node.layout.staging_directory)
    assert not recovery.recover(node.layout, at_boot=True).get("open")
    assert not os.path.exists(node.path(PATH))


# Secrets


def test_no_record_message_or_generation_contains_a_secret(node, monkeypatch):
    node.write_auth({**THEIRS, "auths": {"ours.example": {"auth": f"{CANARY}Foreign"}}})
    seen = []
    swap = node_files.swap_in
    monkeypatch.setattr(node_files, "swap_in", lambda *paths: (seen.append(node.records()), swap(*paths)))
    found, report = node.report(OURS)
    assert "sha256" not in found
    texts = [json.dumps(report), json.dumps(committed(node.apply(OURS))), node.records(), *seen]
    fail(monkeypatch, lambda: node.write_auth({**node.auth(), "credsStore": "desktop"}))
    texts += [
        json.dumps(node.apply({"auths": {"ours.example": {"auth": f"{CANARY}New"}}})),
        node.records(),
        *seen,
    ]
    assert seen
    for text in texts:
        assert CANARY not in text
    assert managed_file.entry_hash(OURS["auths"]["ours.example"]) in node.records()


# Whatever fails


def each_operation(tmp_path, monkeypatch, error):
    """Yield changes that are interrupted at the first operation, at the second one, ..., up to one that succeeds."""
    count = number = 1
    while number <= count:
        for node, files in make(tmp_path, monkeypatch, f"{number}"):
            node.__class__ = Node
            node.write_auth(THEIRS)
            request = node.entries(OURS)
            files.fail(number, error, True)
            with contextlib.suppress(Killed):
                apply.apply(node.layout, request, PROGRAM)
            count = files.count if files.count < number else number + 1  # the last one was not reached
            files.heal()
            yield number, node, request
        shutil.rmtree(tmp_path / f"{number}")
        number += 1
    assert number > 60


@pytest.mark.parametrize("edits", [False, True], ids=["alone", "with edits of others"])
@pytest.mark.parametrize("error", [Killed, errno.EIO, errno.ENOSPC], ids=["SIGKILL", "EIO", "ENOSPC"])
def test_a_change_that_is_interrupted_anywhere_ends_before_or_after(tmp_path, monkeypatch, edits, error):
    for number, node, request in each_operation(tmp_path, monkeypatch, error):
        theirs = {**THEIRS, "credsStore": "desktop"} if edits else THEIRS
        if edits:
            node.write_auth({**node.auth(), "credsStore": "desktop"})
        outcome = recovery.recover(node.layout) or {}
        assert not outcome.get("open"), (number, outcome)
        ours = {**theirs, "auths": {**THEIRS["auths"], **OURS["auths"]}, "credHelpers": OURS["credHelpers"]}
        is_committed = state.load(node.layout)[0]["transaction"] == request["id"]
        assert node.auth() == (ours if is_committed else theirs), number
        assert node.litter() == [], number


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), EDITS_OF_OTHERS),
        st.tuples(st.just("change"), ENTRIES),
        st.tuples(st.just("failing change"), ENTRIES, EDITS_OF_OTHERS),
    ),
    min_size=1,
    max_size=4,
)


def edit_while_a_change_fails(node, desired, edits):
    """Return all entries right after the edits, before the change is undone."""
    meanwhile = {}

    def edit():
        node.write_auth(edited(node.auth(), edits)[0])
        meanwhile.update(flat(node.auth()))

    with pytest.MonkeyPatch.context() as failing:
        fail(failing, edit)
        node.apply(desired)
    return meanwhile


@settings(max_examples=40)
@given(ENTRIES, STEPS)
def test_in_any_order_of_changes_failures_and_edits_each_entry_has_the_value_of_its_last_writer(
    theirs, steps
):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patches:
        patches.setattr(os, "chown", lambda *_all, **_more: None)
        node = Node(Path(folder), patches)
        node.write_auth({"credsStore": "pass", **theirs})
        recorded = {}
        for step, given_entries, *more in steps:
            before = node.auth()
            if step == "edit":
                node.write_auth(edited(before, given_entries)[0])
                continue
            desired = given_entries
            expected = {**flat(before), **flat(desired)}
            for place, digest in recorded.items():
                if place not in flat(desired) and flat(before).get(place) == digest:
                    expected.pop(place, None)
            if step == "change":
                node.apply(desired)
                wrote = {place for place in expected if flat(before).get(place) != expected[place]}
                recorded = {
                    place: flat(desired)[place]
                    for place in flat(desired)
                    if place in wrote or place in recorded
                }
            else:
                [edits] = more
                meanwhile = edit_while_a_change_fails(node, desired, edits)
                ours = {
                    place
                    for place in {*expected, *flat(before)}
                    if flat(before).get(place) != expected.get(place)
                }
                left = {place for place in ours if meanwhile.get(place) == expected.get(place)}
                expected = {**{place: meanwhile[place] for place in meanwhile if place not in left},
                            **{place: flat(before)[place] for place in left if place in flat(before)}}  # fmt: skip
                assert node.litter() == []
            assert flat(node.auth()) == expected
            assert node.auth()["credsStore"] == "pass"


# Whole files beside it


def test_whole_and_shared_files_are_changed_in_one_transaction(node, monkeypatch):
    node.write_auth(THEIRS)
    contents = {node.path(CONFIG): NEW[CONFIG]}
    together = {"contents": contents, "activate": "restart", "concerns_daemon": True}
    with monkeypatch.context() as patches:
        fail(patches, lambda: node.write_auth({**node.auth(), "credsStore": "desktop"}))
        undone(node.apply(OURS, owners=["registries", "crio"], **together))
    assert node.configuration()[CONFIG] == "old\n644"
    assert node.auth() == {**THEIRS, "credsStore": "desktop"}
    committed(node.apply(OURS, owners=["registries", "crio"], **together))
    assert node.configuration()[CONFIG] == "new\n644"
    assert node.auth()["auths"]["ours.example"] == OURS["auths"]["ours.example"]


def test_the_entries_of_another_owner_stay_on_record(node):
    committed(node.apply(OURS))
    committed(apply.apply(node.layout, node.request(), PROGRAM))
    assert "registries" in state.load(node.layout)[0]["shared"]
    committed(node.remove_entries())
    assert not os.path.exists(node.path(PATH))


def test_documents_are_unchanged_on_a_node_without_shared_files(node):
    committed(apply.apply(node.layout, node.request(), PROGRAM))
    with open(node.layout.state_file) as file:
        assert set(json.load(file)) == {
            "format",
            "generation",
            "transaction",
            "owners",
            "acknowledged",
            "binary",
            "origin",
        }
    with open(f"{node.layout.generations}/1/files.json") as file:
        listed = json.load(file)
    assert set(listed) == {"format", "files", "created_at"}
    assert (
        listed["format"] == 2
    )  # so that an earlier version reads the files, and ignores what it does not know
