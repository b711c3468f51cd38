# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of registries on a node that is a folder."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import registries_files
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

MAIN, FOLDER = "/etc/containers/registries.conf", "/etc/containers/registries.conf.d"
OWN = "/root/.config/containers/registries.conf"


class Node:
    """Files below a folder."""

    def __init__(self, root):
        self.layout = Layout(str(root))

    def write(self, path, text="", mode=0o644):
        place = self.layout.at(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(text)
        os.chmod(place, mode)

    def read(self, **options):
        places = registries_files.Places(self.layout, **options)
        return places, registries_files.read(places, self.layout)

    def paths(self, **options):
        return [file["path"] for file in self.read(**options)[1]]


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_the_main_file_comes_first_then_the_drop_ins_by_name_then_those_of_root(node):
    for path in (f"{FOLDER}/b.conf", f"{FOLDER}/a.conf", f"{FOLDER}/Z.conf", f"{OWN}.d/00.conf", MAIN):
        node.write(path)
    assert node.paths() == [
        MAIN,
        f"{FOLDER}/Z.conf",
        f"{FOLDER}/a.conf",
        f"{FOLDER}/b.conf",
        f"{OWN}.d/00.conf",
    ]


def test_only_files_that_end_with_conf_are_read_and_folders_and_broken_links_are_skipped(node):
    for path in (
        f"{FOLDER}/a.conf",
        f"{FOLDER}/a.conf.bak",
        f"{FOLDER}/sub/x.conf",
        f"{FOLDER}/folder.conf/x.conf",
    ):
        node.write(path)
    os.symlink("nothing", node.layout.at(f"{FOLDER}/link.conf"))
    assert node.paths() == [f"{FOLDER}/a.conf"]


def test_roots_own_file_hides_those_below_etc(node):
    for path in (MAIN, f"{FOLDER}/a.conf", f"{FOLDER}/notes", OWN, f"{OWN}.d/b.conf"):
        node.write(path)
    places, files = node.read()
    assert [file["path"] for file in files] == [OWN, f"{OWN}.d/b.conf"]
    assert places.hidden == [MAIN, f"{FOLDER}/a.conf"]


def test_the_options_of_the_daemon_name_other_files(node):
    for path in (MAIN, f"{FOLDER}/a.conf", OWN, "/x/d/b.conf"):
        node.write(path)
    assert node.paths(main="/x/r.conf", folder="/x/d") == ["/x/r.conf", "/x/d/b.conf"]
    assert node.paths(folder="/x/d") == [OWN, "/x/d/b.conf"]
    assert "problem" in node.read(main="/x/r.conf")[1][0]  # it must exist


def test_a_folder_that_is_a_link_is_reported_because_it_is_not_read(node):
    node.write("/x/a.conf")
    os.makedirs(node.layout.at("/etc/containers"))
    os.symlink(node.layout.at("/x"), node.layout.at(FOLDER))
    places, files = node.read()
    assert files == []
    assert registries_files.notes(places, node.layout) == [
        f"{FOLDER} is a symbolic link: containers/image does not follow it and reads none of its files"
    ]


def test_a_file_that_cannot_be_read_has_a_problem_and_the_others_are_read(node):
    node.write(f"{FOLDER}/a.conf", "[[registry]\n")
    node.write(f"{FOLDER}/b.conf", "[[registry]]\nlocation = 'a.io'\n")
    os.mkfifo(node.layout.at(f"{FOLDER}/c.conf"))
    first, second, third = node.read()[1]
    assert first["problem"].startswith("is not valid TOML: line 1")
    assert second["data"] == {"registry": [{"location": "a.io"}]}
    assert "is not a regular file" in third["problem"]


def test_values_of_unknown_keys_and_credentials_stay_on_the_node(node):
    node.write(
        MAIN,
        "password = 'CANARY'\n[nothing]\nx = 'CANARY'\n[[registry]]\nlocation = 'user:CANARY@a.io'\nsecret = 'CANARY'\n"
        "[[registry.mirror]]\nlocation = 'm.io'\ntoken = ['CANARY']\n",
    )
    [file] = node.read()[1]
    assert "CANARY" not in json.dumps(file)
    assert file["data"] == {
        "password": None,
        "nothing": None,
        "registry": [
            {"location": "***@a.io", "secret": None, "mirror": [{"location": "m.io", "token": None}]}
        ],
    }


def test_the_answer_can_be_sent_as_json_whatever_the_types_are(node):
    node.write(MAIN, "registry = [2020-01-01, nan]\nshort-name-mode = 07:00\n[[aliases]]\nx = inf\n")
    [file] = node.read()[1]
    assert json.loads(json.dumps(file, allow_nan=False)) == file
    assert file["data"]["registry"] == [{"time": "2020-01-01"}, 0.5]


class TestAuthKeys:
    """Only keys are returned, never credentials."""

    def test_the_keys_are_sorted_by_whether_they_have_a_credential(self, node):
        path = "/run/containers/0/auth.json"
        document = {
            "auths": {"a.io": {"auth": "CANARY"}, "b.io": {}, "c.io": 5},
            "credHelpers": {"d.io": "CANARY"},
        }
        node.write(path, json.dumps(document))
        node.write("/root/.dockercfg", json.dumps({"e.io": {"auth": "CANARY"}}))
        found = registries_files.read_auth_keys(registries_files.auth_paths(""), node.layout)
        assert "CANARY" not in json.dumps(found)
        assert found == [
            {
                "path": path,
                "keys": ["a.io"],
                "empty_keys": ["b.io", "c.io"],
                "helpers": ["d.io"],
                "old_format": False,
            },
            {
                "path": "/root/.dockercfg",
                "keys": ["e.io"],
                "empty_keys": [],
                "helpers": [],
                "old_format": True,
            },
        ]

    def test_the_file_of_crio_is_the_only_one(self):
        assert registries_files.auth_paths("/etc/crio/auth.json") == ["/etc/crio/auth.json"]

    @pytest.mark.parametrize(
        ("text", "problem"), [("{", "is not valid JSON"), ("[]", "is not a JSON object")]
    )
    def test_a_file_that_is_not_json_has_a_problem_without_its_text(self, node, text, problem):
        node.write("/a.json", text)
        [found] = registries_files.read_auth_keys(["/a.json", "/missing"], node.layout)
        assert (found["problem"], found["keys"]) == (problem, [])
