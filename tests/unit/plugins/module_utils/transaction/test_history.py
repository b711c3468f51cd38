# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept generations of a node are listed as they are: with their plans and files, without secrets, damaged ones by name."""

import json
import os
import re
import shutil

import pytest
from tests.unit.plugins.module_utils.transaction.changing_node import CONFIG, ENVIRONMENT, REGISTRIES, Node

from ansible_collections.cri.node.plugins.module_utils import managed_file
from ansible_collections.cri.node.plugins.module_utils.transaction import generation, history, state

PLAN = {"disruption": "restart", "reasons": ["60-cri-node.conf changes"], "files": {CONFIG: "change"}}


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def listed(node):
    return {each["number"]: each for each in history.facts(node.layout)["generations"]}


def document(node, number, **more):
    """Change a generation's list on the disk: None removes a key."""
    path = f"{node.layout.generations}/{number}/{generation.LIST}"
    with open(path) as file:
        data = {**json.load(file), **more}
    with open(path, "w") as file:
        json.dump({name: value for name, value in data.items() if value is not None}, file)


def test_a_node_that_was_never_changed_has_no_generations(node):
    assert history.facts(node.layout) == {"current": 0, "generations": [], "problem": ""}


def test_each_generation_has_its_time_plan_and_files(node):
    node.change({CONFIG: "one"})
    node.change({CONFIG: "two", REGISTRIES: "r"}, plan=PLAN)
    facts = history.facts(node.layout)
    assert facts["current"] == 2
    assert [each["number"] for each in facts["generations"]] == [2, 1]
    latest, first = facts["generations"]
    assert (latest["current"], first["current"]) == (True, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", latest["created_at"])
    assert (latest["plan"], first["plan"]) == (PLAN, None)
    assert [os.path.basename(file["path"]) for file in latest["files"]] == [
        "zz-cri-node.conf",
        "60-cri-node.conf",
    ]
    assert latest["files"][1] == {
        "path": node.path(CONFIG),
        "owner": "crio",
        "mode": "0644",
        "secret": False,
        "sha256": node.digest("two"),
        "disruption": "restart",
        "content_kept": True,
        "matches_node": True,
    }
    assert [file["matches_node"] for file in first["files"]] == [False]


def test_a_recorded_plan_is_bounded(node):
    long = {
        "disruption": "none",
        "reasons": ["x" * 1000] * 50,
        "files": {f"/etc/{number}": "create" for number in range(500)},
    }
    node.change({CONFIG: "one"}, plan=long)
    [only] = listed(node).values()
    assert [len(reason) for reason in only["plan"]["reasons"]] == [300] * 20
    assert len(only["plan"]["files"]) == 100


def test_a_secret_file_is_listed_without_its_hash_and_its_content_is_not_kept(node):
    node.change({ENVIRONMENT: "P=tr0ub4dor"}, secret=[ENVIRONMENT])
    [only] = listed(node).values()
    [file] = only["files"]
    assert "sha256" not in file
    assert (file["secret"], file["content_kept"], file["matches_node"]) == (True, False, True)
    assert "tr0ub4dor" not in json.dumps(only)
    assert node.digest("P=tr0ub4dor") not in json.dumps(only)


@pytest.mark.parametrize("edit", ["content", "mode", "removed", "directory"])
def test_a_file_that_somebody_else_changed_does_not_match(node, edit):
    node.change({CONFIG: "one", REGISTRIES: "r"})
    path = node.path(CONFIG)
    if edit == "content":
        node.write(CONFIG, "edited")
    elif edit == "mode":
        os.chmod(path, 0o600)
    else:
        os.unlink(path)
    if edit == "directory":
        os.mkdir(path)
    found = {file["path"]: file["matches_node"] for file in listed(node)[1]["files"]}
    assert found == {path: False, node.path(REGISTRIES): True}


def test_of_shared_files_only_the_names_of_entries_are_listed(node):
    values = {"auths": {"b.example": {"auth": "c2VjcmV0"}, "a.example": {"auth": "c2VjcmV0"}}}
    node.change({CONFIG: "one"}, entries=values)
    [only] = listed(node).values()
    assert only["shared"] == [
        {
            "path": node.path("/etc/containers/auth.json"),
            "owner": "registries",
            "entries": {"auths": ["a.example", "b.example"]},
        }
    ]
    assert managed_file.entry_hash(values["auths"]["a.example"]) not in json.dumps(only)


def test_a_content_that_is_not_the_committed_one_is_not_kept(node):
    node.change({CONFIG: "one"})
    with open(f"{node.layout.generations}/1/1", "w") as file:
        file.write("other")
    assert [file["content_kept"] for file in listed(node)[1]["files"]] == [False]


DAMAGE = {
    "no list": os.unlink,
    "no JSON": lambda path: open(path, "w").write("{"),
    "another form": lambda path: open(path, "w").write('{"format": 2, "files": {"/etc/a": "text"}}'),
    "a later format": lambda path: open(path, "w").write('{"format": 99, "files": {}}'),
    "a folder": lambda path: (os.unlink(path), os.mkdir(path)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_generation_is_named_and_does_not_fail_the_others(node, name):
    for content in ("one", "two", "three"):
        node.change({CONFIG: content})
    path = f"{node.layout.generations}/2/{generation.LIST}"
    DAMAGE[name](path)
    found = listed(node)
    assert path in found[2]["problem"]
    assert found[2]["files"] == []
    assert [found[number]["problem"] for number in (1, 3)] == ["", ""]
    assert [len(found[number]["files"]) for number in (1, 3)] == [1, 1]


def test_a_damaged_state_is_named_and_the_generations_are_listed(node):
    node.change({CONFIG: "one"})
    with open(node.layout.state_file, "w") as file:
        file.write("{")
    facts = history.facts(node.layout)
    assert node.layout.state_file in facts["problem"]
    assert [(each["number"], each["current"]) for each in facts["generations"]] == [(1, False)]


@pytest.mark.parametrize("format_1", [False, True])
def test_a_generation_of_an_earlier_version_has_neither_time_nor_plan(node, format_1):
    node.change({CONFIG: "one"}, plan=PLAN)
    document(node, 1, created_at=None, plan=None)
    if format_1:
        path = f"{node.layout.generations}/1/{generation.LIST}"
        with open(path) as file:
            files = json.load(file)["files"]
        with open(path, "w") as file:
            json.dump(files, file)
    [only] = listed(node).values()
    assert (only["created_at"], only["plan"], only["problem"]) == (None, None, "")
    assert [file["content_kept"] for file in only["files"]] == [True]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("created_at", "yesterday"),
        ("plan", []),
        ("plan", {**PLAN, "disruption": "reboot"}),
        ("plan", {**PLAN, "reasons": [1]}),
        ("plan", {**PLAN, "files": {CONFIG: None}}),
    ],
)
def test_an_unusable_time_or_plan_does_not_damage_a_generation(node, key, value):
    node.change({CONFIG: "one"}, plan=PLAN)
    document(node, 1, **{key: value})
    [only] = listed(node).values()
    assert only[key] is None
    assert (only["problem"], len(only["files"])) == ("", 1)


def test_a_change_that_is_under_way_is_not_listed_and_one_that_was_just_committed_is(node, monkeypatch):
    node.change({CONFIG: "one"})
    folder = f"{node.layout.generations}/2.partial"
    shutil.copytree(f"{node.layout.generations}/1", folder)
    assert list(listed(node)) == [1]
    known, _damage = state.load(node.layout)
    monkeypatch.setattr(state, "load", lambda _layout: ({**known, "generation": 2}, ""))
    assert list(listed(node)) == [2, 1]


def test_tidying_keeps_a_generation_of_a_later_version_and_removes_a_damaged_one(node):
    for content in ("one", "two"):
        node.change({CONFIG: content})
    for number, text in ((1, '{"format": 99}'), (2, "{")):
        with open(f"{node.layout.generations}/{number}/{generation.LIST}", "w") as file:
            file.write(text)
    node.change({CONFIG: "three"})
    assert sorted(generation.names(node.layout)) == ["1", "3"]
