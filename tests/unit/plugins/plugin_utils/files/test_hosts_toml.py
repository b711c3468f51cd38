# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests hosts.toml of each registry, which containerd reads for each pull."""

import tomllib

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.files.hosts_toml import HostsToml, check

KIND = HostsToml()
FOLDER = "/etc/containerd/certs.d"
HOSTS = {
    "https://z.example.com": {"capabilities": ["pull", "resolve"], "ca": ["/etc/ca.pem"]},
    "http://a.example.com:5000": {"capabilities": ["pull"], "override_path": "true"},
}
DATA = {
    "docker.io": {"server": "https://registry-1.docker.io", "host": HOSTS},
    "registry:5000": {"server": "http://registry:5000", "skip_verify": True},
    "_default": {"host": {"mirror.example.com": {"client": [["/c.pem", "/k.pem"]]}}},
}


def test_each_registry_has_a_file_with_its_hosts_in_their_order():
    checked = check([("v", DATA)])
    assert checked.problems == []
    parts = KIND.parts(FOLDER, checked.data)
    assert sorted(parts) == [f"{FOLDER}/{name}/hosts.toml" for name in sorted(DATA)]
    read = {path.split("/")[-2]: tomllib.loads(KIND.render(part)) for path, part in parts.items()}
    assert list(read["docker.io"]["host"]) == list(HOSTS)
    assert read["docker.io"]["host"]["http://a.example.com:5000"]["override_path"] is True
    assert read["registry:5000"] == DATA["registry:5000"]
    assert read["_default"] == DATA["_default"]


def test_layers_are_merged_by_registry_and_host():
    later = {"docker.io": {"host": {"https://z.example.com": {"ca": None}}}, "registry:5000": None}
    checked = check([("v", DATA), ("v__lab", later)])
    assert sorted(checked.data) == ["_default", "docker.io"]
    assert "ca" not in checked.data["docker.io"]["host"]["https://z.example.com"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"a.io/team": {"server": "https://a.io"}}, "is not the name of a registry"),
        ({"a.io": []}, "a.io': is a list, not a mapping"),
        (
            {"a.io": {"sever": "https://a.io"}},
            "sever: is unknown to containerd, which ignores it; did you mean server?",
        ),
        ({"a.io": {"server": "ftp://a.io"}}, 'server = "ftp://a.io": is not the address of a registry'),
        ({"a.io": {"host": {"https://": {}}}}, "is not the address of a registry"),
        (
            {"a.io": {"host": {"https://b.io": {"capabilities": ["pul"]}}}},
            'capabilities[0] = "pul": is not a capability',
        ),
        ({"a.io": {"host": {"https://b.io": {"skip_verify": "yes"}}}}, "skip_verify"),
        ({"a.io": {"host": {"https://b.io": {"ca": 5}}}}, "ca: is an integer of another form"),
        ({"a.io": {"host": {"https://b.io": {"header": []}}}}, "header: is a list, not a mapping"),
        ({"a.io": {"dial_timeout": 5}}, "dial_timeout = 5: is a number"),
        ({"a.io": {}}, "has no settings"),
    ],
)
def test_what_is_wrong_is_named_with_the_variable(data, words):
    (problem,) = [str(each) for each in check([("containerd_registries", data)]).problems]
    assert problem.startswith("containerd_registries: ")
    assert words in problem


def test_a_password_in_an_address_is_refused_and_not_shown():
    (problem,) = check([("v", {"a.io": {"server": "https://user:hunter2@a.io"}})]).problems
    assert "contains a user name or a password" in str(problem)
    assert "hunter2" not in str(problem)


def test_a_header_makes_its_file_alone_secret():
    header = {"header": {"Authorization": "Basic aHVudGVyMg=="}}
    checked = check([("v", {**DATA, "a.io": {"host": {"https://a.io": header}}})])
    assert checked.problems == []
    parts = KIND.parts(FOLDER, checked.data)
    assert [path for path, part in parts.items() if KIND.is_secret(part)] == [f"{FOLDER}/a.io/hosts.toml"]
    assert "aHVudGVyMg" in KIND.render(parts[f"{FOLDER}/a.io/hosts.toml"])
    assert KIND.secrets(checked.data, "") == ["Basic aHVudGVyMg=="]
    assert "aHVudGVyMg" not in str(KIND.walk(checked.data))


def test_containerd_looks_first_in_another_folder_of_a_registry_with_a_port():
    assert KIND.outranked_by(f"{FOLDER}/a.io:5000/hosts.toml") == (f"{FOLDER}/a.io_5000_",)
    assert KIND.outranked_by(f"{FOLDER}/a.io/hosts.toml") == ()
