# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node returns to registry_resolve: the unit's options and environment decide which files are read."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import effective, registries
from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service
from ansible_collections.cri.node.plugins.module_utils.layout import Layout


@pytest.fixture
def read(tmp_path, monkeypatch):
    def report(options="", environment="", printed=None, **files):
        shown = {
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "SubState": "dead",
            "ExecStart": f"{{ path=/x/crio ; argv[]=/x/crio {options} ; ignore_errors=no ; }}",
            "Environment": environment,
        }
        output = "".join(f"{name}={value}\n" for name, value in shown.items())
        monkeypatch.setattr(crio_service, "run", lambda _command, **_more: (0, output, ""))
        monkeypatch.setattr(effective, "present", lambda _service: printed or {})
        for path, text in files.items():
            place = tmp_path / path.strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return registries.read({"unit": "crio.service", "timeout": 1}, Layout(str(tmp_path)))

    return report


MAIN, OTHER = "/etc/containers/registries.conf", "/x/registries.conf"
TEXT = "[[registry]]\nlocation = 'a.io'\n"


def test_the_files_and_settings_of_a_node_are_returned(read):
    printed = {
        "crio.image.short_name_mode": '"disabled"',
        "crio.image.pause_image": '"a.io/pause:1"',
        "crio.image.global_auth_file": '"/etc/auth.json"',
    }
    auth = json.dumps({"auths": {"a.io": {"auth": "CANARY"}}})
    found = read(printed=printed, **{MAIN: TEXT, "/etc/auth.json": auth, "/run/containers/0/auth.json": auth})
    assert "CANARY" not in json.dumps(found)
    assert found["files"] == [{"path": MAIN, "drop_in": False, "data": {"registry": [{"location": "a.io"}]}}]
    assert (found["short_name_mode"], found["pause_image"]) == ("disabled", "a.io/pause:1")
    assert [each["path"] for each in found["auth"]] == ["/etc/auth.json"]


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (f"--registries-conf {OTHER}", ""),
        (f"--registries-conf={OTHER}", ""),
        ("", f"CONTAINER_REGISTRIES_CONF={OTHER}"),
    ],
)
def test_an_option_or_a_variable_of_the_daemon_names_another_file(read, options, environment):
    found = read(options, environment, **{MAIN: TEXT, OTHER: TEXT})
    assert [file["path"] for file in found["files"]] == [OTHER]


def test_the_home_of_the_daemon_has_its_own_files(read):
    own = "/home/crio/.config/containers/registries.conf"
    found = read(environment="HOME=/home/crio", **{MAIN: TEXT, own: TEXT})
    assert [file["path"] for file in found["files"]] == [own]
    assert found["hidden"] == [MAIN]


def test_a_crio_that_prints_no_configuration_is_a_note(read):
    assert read()["notes"][0] == "crio config prints nothing on this node: the defaults of CRI-O are assumed"
