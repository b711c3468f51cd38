# SPDX-License-Identifier: GPL-3.0-or-later
"""A node returns to an earlier generation as a whole, by a transaction of its own, or is refused beforehand."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.plugins.module_utils.transaction.changing_node import (
    AUTH,
    CONFIG,
    CRICTL,
    ENVIRONMENT,
    REGISTRIES,
    Node,
)

from ansible_collections.cri.node.plugins.module_utils import node_state
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, generation, history, state
from ansible_collections.cri.node.plugins.module_utils.transaction.rollback import Rollback, RollbackError
from ansible_collections.cri.node.plugins.plugin_utils.plan import diff, plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.earlier import EarlierFiles
from faults.fake_node import UNIT

ENTRIES = {"auths": {"a.example": {"auth": "b2xk"}}}
NEWER = {"auths": {"a.example": {"auth": "bmV3"}}}


class Roller:
    """Both sides of a rollback: what the internal module and the action do, without what lies between them."""

    def __init__(self, node):
        self.node = node

    def read(self, number=0, show_contents=False):
        asked = {
            "call": "read",
            "unit": UNIT,
            "generation": number,
            "ready_timeout": 1,
            "show_contents": show_contents,
        }
        rollback = Rollback(asked, self.node.layout)
        report = node_state.read(rollback.request, self.node.layout)
        rollback.refuse_lost_values(report)
        return asked, report, EarlierFiles(rollback.file_set(report, show_contents))

    def plan(self, number=0):
        _asked, report, earlier = self.read(number)
        return plan.make(earlier, report)

    def roll_back(self, number=0, meanwhile=lambda: None):
        """Return the outcome, None if nothing had to be done."""
        asked, report, earlier = self.read(number)
        made = plan.make(earlier, report)
        if not made.changes_anything:
            return None
        meanwhile()
        self.node.number += 1
        asked.update(
            writes=made.writes,
            remove=[path for path in made.removes if not report["orphans"][path].get("shared")],
            activate=made.activate,
            concerns_daemon=made.concerns_daemon,
            reload_keys=[],
            reload_is_logged=True,
            daemon_reload=False,
            id=f"rollback-{self.node.number}",
            fingerprint=report["fingerprint"],
            plan=made.as_data(),
        )
        asked["generation"] = earlier.generation
        request = Rollback(asked, self.node.layout).change(asked)
        return apply.apply(self.node.layout, request, "/nowhere/program.pyz")


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


@pytest.fixture
def roller(node):
    return Roller(node)


def committed(outcome):
    assert outcome.get("committed"), outcome
    return outcome


def in_words(node, made):
    return {path.removeprefix(str(node.root)): action for path, action in made.files.items()}


def test_changes_removals_and_additions_are_taken_back_in_a_new_generation(node, roller):
    node.change({CONFIG: "one", REGISTRIES: "r"})
    before = node.files()
    node.change({CONFIG: "two", CRICTL: "c"})
    made = roller.plan()
    assert in_words(node, made) == {CONFIG: "change", REGISTRIES: "create", CRICTL: "remove"}
    assert made.disruption == "restart"
    starts = node.daemon.starts
    assert committed(roller.roll_back())["generation"] == 3
    assert node.files() == before
    assert node.daemon.starts == starts + 1
    assert node.litter() == []
    assert history.facts(node.layout)["current"] == 3
    assert state.load(node.layout)[0]["owners"].keys() == {"crio", "registries"}
    assert roller.roll_back(1) is None


def test_a_second_rollback_undoes_the_first_one(node, roller):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two", CRICTL: "c"})
    after = node.files()
    committed(roller.roll_back())
    committed(roller.roll_back())
    assert node.files() == after


def test_the_latest_generation_undoes_what_somebody_else_changed(node, roller):
    node.change({CONFIG: "one", REGISTRIES: "r"})
    before = node.files()
    node.write(CONFIG, "edited")
    os.unlink(node.path(REGISTRIES))
    committed(roller.roll_back(1))
    assert node.files() == before


def test_a_file_that_no_daemon_reads_is_restored_without_a_restart(node, roller):
    node.change({CONFIG: "one", CRICTL: "a"})
    node.change({CONFIG: "one", CRICTL: "b"})
    starts = node.daemon.starts
    assert roller.plan().activate == "none"
    committed(roller.roll_back())
    assert node.files()[CRICTL] == ("a", "0644")
    assert node.daemon.starts == starts


def test_a_rollback_that_fails_leaves_the_node_as_it_was(node, roller):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two"})
    before = node.files()
    node.daemon.refuses_to_start = lambda files: "one" in files[CONFIG]
    outcome = roller.roll_back()
    assert outcome["failed"]
    assert outcome["as_before"], outcome
    assert node.files() == before
    assert node.daemon.active
    assert history.facts(node.layout)["current"] == 2


def test_a_plan_is_void_if_the_node_changed_since(node, roller):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two"})
    outcome = roller.roll_back(meanwhile=lambda: node.write(CONFIG, "edited"))
    assert (outcome["failed"], outcome["phase"]) == (True, "refused")
    assert "the node changed after it was read" in outcome["message"]
    assert node.files()[CONFIG][0] == "edited"


def refusal(roller, number=0):
    before = roller.node.files()
    with pytest.raises(RollbackError) as caught:
        roller.read(number)
    assert roller.node.files() == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_generation_that_does_not_exist_is_refused_with_those_that_do(node, roller):
    assert refusal(roller) == "there is no generation before the latest one; this node has no generations"
    assert refusal(roller, 3) == "generation 3 does not exist; this node has no generations"
    node.change({CONFIG: "one"})
    assert refusal(roller) == "there is no generation before the latest one; this node has: 1"
    for content in "abcdef":
        node.change({CONFIG: content})
    assert refusal(roller, 2) == ("generation 2 does not exist; this node has: 3, 4, 5, 6, 7")
    assert refusal(roller, 8).startswith("generation 8 does not exist")


def test_a_damaged_generation_is_refused_with_the_intact_ones(node, roller):
    for content in ("one", "two", "three"):
        node.change({CONFIG: content})
    path = f"{node.layout.generations}/2/{generation.LIST}"
    with open(path, "w") as file:
        file.write("{")
    message = refusal(roller)
    assert message.startswith(f"generation 2 is damaged: {path} is not JSON")
    assert message.endswith("this node has: 1, 3")
    committed(roller.roll_back(1))
    assert node.files()[CONFIG][0] == "one"


def test_a_generation_of_an_earlier_version_is_restored(node, roller):
    node.change({CONFIG: "one", REGISTRIES: "r"})
    before = node.files()
    node.change({CONFIG: "two"})
    path = f"{node.layout.generations}/1/{generation.LIST}"
    with open(path) as file:
        files = json.load(file)["files"]
    with open(path, "w") as file:
        json.dump(files, file)
    committed(roller.roll_back())
    assert node.files() == before


def test_a_secret_that_changed_since_is_refused_by_its_path(node, roller):
    node.change({CONFIG: "one", ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    node.change({CONFIG: "two", ENVIRONMENT: "P=correct"}, secret=[ENVIRONMENT])
    message = refusal(roller)
    assert message == (
        f"generation 1 cannot be restored: {node.path(ENVIRONMENT)} has changed since, and contains secrets, which are not kept."
        " Nothing was changed; apply the settings of that time with the role instead"
    )
    node.change({CONFIG: "three"})
    assert node.path(ENVIRONMENT) in refusal(roller, 1)


def test_a_secret_that_is_the_same_stays(node, roller):
    node.change({CONFIG: "one", ENVIRONMENT: "P=x"}, secret=[ENVIRONMENT])
    before = node.files()
    node.change({CONFIG: "two", ENVIRONMENT: "P=x"}, secret=[ENVIRONMENT])
    assert in_words(node, roller.plan()) == {CONFIG: "change"}
    committed(roller.roll_back())
    assert node.files() == before


def test_a_secret_that_the_generation_did_not_have_is_removed(node, roller):
    node.change({CONFIG: "one"})
    before = node.files()
    node.change({CONFIG: "one", ENVIRONMENT: "P=x"}, secret=[ENVIRONMENT])
    committed(roller.roll_back())
    assert node.files() == before


def test_the_mode_of_a_secret_is_restored_from_the_file_itself(node, roller):
    node.change({CONFIG: "one", ENVIRONMENT: "P=x"}, secret=[ENVIRONMENT])
    os.chmod(node.path(ENVIRONMENT), 0o644)
    committed(roller.roll_back(1))
    assert node.files()[ENVIRONMENT] == ("P=x", "0600")


def test_a_content_that_is_not_kept_is_refused_by_its_path_unless_the_node_still_has_it(node, roller):
    node.change({CONFIG: "one", REGISTRIES: "r"})
    node.change({CONFIG: "two", REGISTRIES: "r"})
    folder = f"{node.layout.generations}/1"
    for name in os.listdir(folder):
        if name != generation.LIST:
            os.unlink(f"{folder}/{name}")
    message = refusal(roller)
    assert f"{node.path(CONFIG)} has changed since, and its content of that time is not kept" in message
    assert node.path(REGISTRIES) not in message


def auth(node):
    with open(node.path(AUTH)) as file:
        return json.load(file)


def test_entries_that_are_the_same_stay_and_newer_ones_go(node, roller):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two"}, entries=ENTRIES)
    node.change({CONFIG: "three"}, entries={"auths": {**ENTRIES["auths"], "b.example": {"auth": "Yg=="}}})
    with open(node.path(AUTH), "w") as file:
        theirs = {"credsStore": "pass", "auths": {**ENTRIES["auths"], "b.example": {"auth": "Yg=="}}}
        json.dump(theirs, file)
    _asked, report, earlier = roller.read(show_contents=True)
    made = plan.make(earlier, report)
    assert in_words(node, made) == {CONFIG: "change", AUTH: "change"}
    assert "Yg==" not in json.dumps([report, diff.of(earlier, report, made)])
    committed(roller.roll_back())
    assert node.files()[CONFIG][0] == "two"
    assert auth(node) == {"credsStore": "pass", **ENTRIES}
    committed(roller.roll_back(1))
    assert auth(node) == {"credsStore": "pass"}
    assert "shared" not in state.load(node.layout)[0]


@pytest.mark.parametrize("newer", [NEWER, None], ids=["changed", "removed"])
def test_entries_whose_values_would_be_needed_are_refused_by_path_and_name(node, roller, newer):
    node.change({CONFIG: "one"}, entries=ENTRIES)
    node.change({CONFIG: "two"}, entries=newer)
    message = refusal(roller)
    assert f"{node.path(AUTH)} does not have the entries a.example of that time any more" in message
    assert "b2xk" not in message


def test_a_diff_has_the_contents_of_files_that_are_not_secret(node, roller):
    node.change({CONFIG: "one\n", ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    node.change({CONFIG: "two\n", REGISTRIES: "r\n", ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    os.chmod(node.path(ENVIRONMENT), 0o644)
    _asked, report, earlier = roller.read(1, show_contents=True)
    shown = diff.of(earlier, report, plan.make(earlier, report))
    assert [(each["before"], each["after"]) for each in shown] == [
        ("r\n", ""),
        ("(secret)\n", "(secret)\n"),
        ("two\n", "one\n"),
    ]
    assert "tr0ub4dor" not in json.dumps([report, shown])
    _asked, _report, without = roller.read(1)
    assert without.file(node.path(CONFIG)).content == ""


def test_no_secret_and_no_hash_of_one_leaves_the_node(node, roller):
    node.change({CONFIG: "one", ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    node.change({CONFIG: "two", ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    rollback = Rollback({"unit": UNIT, "generation": 1, "ready_timeout": 1}, node.layout)
    report = node_state.read(rollback.request, node.layout)
    said = json.dumps([report, rollback.file_set(report, True)])
    assert "tr0ub4dor" not in said
    assert node.digest("P=tr0ub4dor") not in said


PATHS = (CONFIG, REGISTRIES, CRICTL)
FILE_SETS = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["a\n", "b\n", "ä\n"]))
SECRETS = st.sampled_from(["", "P=x", "P=y"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), FILE_SETS, SECRETS),
        st.tuples(st.just("edit"), st.sampled_from(PATHS)),
        st.tuples(st.just("rollback"), st.integers(1, 8)),
    ),
    min_size=2,
    max_size=7,
)


def managed(node):
    """The files that the latest change left, without the secret one. An edit may have created others."""
    owners = state.load(node.layout)[0]["owners"]
    ours = {path.removeprefix(str(node.root)) for entries in owners.values() for path in entries}
    return {path: found for path, found in node.files().items() if path in ours - {ENVIRONMENT}}


def refused(roller, number):
    """Why a rollback is refused, "" if it is not."""
    try:
        roller.read(number)
    except RollbackError as error:
        return str(error)
    return ""


@settings(max_examples=25)
@given(STEPS, st.integers(1, 8))
def test_after_any_sequence_a_rollback_restores_every_file_that_is_not_secret(steps, last):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patches:
        node = Node(Path(folder), patches)
        roller = Roller(node)
        were = {}
        for step, value, *more in [*steps, ("rollback", last)]:
            before = node.files()
            if step == "edit":
                node.write(value, "edited\n")
                continue
            if step == "change":
                secret = {ENVIRONMENT: more[0]} if more[0] else {}
                node.change({**value, **secret}, secret=[ENVIRONMENT])
            else:
                kept = {each.number for each in history.read(node.layout, state.load(node.layout)[0])}
                why = refused(roller, value)
                assert node.files() == before
                assert bool(why) == (value not in kept) or node.path(ENVIRONMENT) in why
                if why:
                    continue
                outcome = roller.roll_back(value)
                assert managed(node) == were[value]
                if outcome is None:
                    continue
                committed(outcome)
            were[history.facts(node.layout)["current"]] = managed(node)
        assert node.litter() == []
