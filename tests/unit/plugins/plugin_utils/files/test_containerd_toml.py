# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests config.toml of containerd: what is checked on the controller, for version 2 and 3."""

import tomllib

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.files.containerd_toml import ContainerdToml, check
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Versions

KIND = ContainerdToml()
CRI, IMAGES, RUNTIME = (
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
)
RUNC = {"runtime_type": "io.containerd.runc.v2", "options": {"SystemdCgroup": True}}
TWO = {
    "version": 2,
    "oom_score": "-999",
    "grpc": {"gid": 0},
    "plugins": {
        CRI: {
            "registry": {"config_path": "/etc/containerd/certs.d"},
            "containerd": {"runtimes": {"runc": RUNC}},
        }
    },
}
THREE = {
    "version": 3,
    "plugins": {
        CRI: {"stream_server_port": "0"},
        IMAGES: {"pinned_images": {"sandbox": "registry.example.com/pause:3.10"}},
        RUNTIME: {"containerd": {"runtimes": {"runc": RUNC}}},
    },
}


def problems(data):
    return [str(problem) for problem in check([("containerd_config", data)]).problems]


@pytest.mark.parametrize("data", [TWO, THREE], ids=["version 2", "version 3"])
def test_the_file_has_the_settings_of_all_layers(data):
    checked = check([("v", data), ("v__lab", {"debug": {"level": "debug"}, "metrics": {"address": None}})])
    assert checked.problems == []
    read = tomllib.loads(KIND.render(checked.data))
    assert read.pop("debug") == {"level": "debug"}
    read.pop("metrics", None)
    if "oom_score" in read:
        assert read["oom_score"] == -999
        read["oom_score"] = data["oom_score"]
    assert read == data
    assert checked.sources["debug", "level"] == "v__lab"
    keys = KIND.read(KIND.render(checked.data))
    assert keys.keys() == {
        ".".join(f'"{n}"' if "." in n else n for n in path) for path, _v in KIND.walk(checked.data)
    }


def test_no_settings_are_no_file():
    assert check([("containerd_config", {})]).data == {}
    assert problems({}) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"root": "/x"}, "version: is missing: containerd then reads the settings as those of version 1"),
        (
            {"version": 1},
            "version = 1: is not a version that is managed; accepted: 2 (containerd 1.x and 2.x) or 3",
        ),
        (
            {"version": 2, "rooot": "/x"},
            "rooot: is unknown to containerd, which ignores it; did you mean root?",
        ),
        ({"version": 2, "grpc": {"adress": "/x"}}, "grpc.adress: is unknown to containerd"),
        ({"version": 2, "root": "x"}, 'root = "x": is not absolute'),
        ({"version": 2, "imports": ["conf.d/*.toml"]}, 'imports[0] = "conf.d/*.toml": is not absolute'),
        ({"version": 2, "plugins": []}, "plugins: is a list, not a mapping"),
        ({"version": 2, "plugins": {CRI: 1}}, f"plugins.'{CRI}': is an integer, not a mapping"),
        ({"version": 2, "plugins": {"cri": {}}}, f"is the name of a plugin in version 1; accepted: {CRI}"),
        ({"version": 2, "plugins": {IMAGES: {}}}, "is a plugin of version 3"),
        (
            {"version": 3, "plugins": {CRI: {"sandbox_image": "x"}}},
            f"plugins.'{CRI}'.sandbox_image: is not in this plugin in version 3; accepted: {IMAGES} or {RUNTIME}",
        ),
        (
            {"version": 2, "plugins": {CRI: {"registry": {"config_path": "/c", "mirrors": {"a": {}}}}}},
            "registry.mirrors: cannot be set together with config_path",
        ),
        (
            {
                "version": 3,
                "plugins": {IMAGES: {"registry": {"config_path": "/c", "configs": {"a": {"tls": {"x": 1}}}}}},
            },
            "registry.configs: cannot be set together with config_path",
        ),
        ({"version": 2, "plugins": {CRI: {"x": float("inf")}}}, "is not a finite number"),
    ],
)
def test_what_is_wrong_is_named_with_the_variable(data, words):
    (problem,) = problems(data)
    assert problem.startswith("containerd_config: ")
    assert words in problem


def test_version_3_is_refused_for_a_node_with_containerd_1():
    checked = check([("containerd_config", THREE)])
    (problem,) = KIND.check_for_node(checked, Versions(containerd="1.7.24~ds1"))
    assert str(problem).startswith("containerd_config: version = 3: is not known to containerd 1.7.24~ds1")
    assert KIND.check_for_node(checked, Versions(containerd="2.0.0")) == []
    assert KIND.check_for_node(checked, Versions()) == []
    assert KIND.check_for_node(check([("v", TWO)]), Versions(containerd="1.7.24")) == []


def test_credentials_of_a_registry_make_the_file_secret():
    auth = {"username": "u", "password": "hunter2"}
    data = {"version": 2, "plugins": {CRI: {"registry": {"configs": {"a.io": {"auth": auth}}}}}}
    checked = check([("containerd_config", data)])
    assert checked.problems == []
    assert KIND.is_secret(checked.data)
    assert "hunter2" in KIND.secrets(checked.data, "")
    assert "hunter2" not in str(KIND.walk(checked.data))
    assert not KIND.is_secret(TWO)
