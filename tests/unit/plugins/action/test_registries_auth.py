# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the whole way of credentials, from the variable of the role to the file of a node and its report."""

import base64
import json
import os
import stat

import pytest
from tests.unit.plugins.action.real_node import RealNode

AUTH = "/root/.config/containers/auth.json"
PASSWORD = "canary-Pa55word"
ENCODED = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
OURS = {"registry.example.com": {"username": "robot", "password": PASSWORD}}
THEIRS = {
    "auths": {"theirs.example": {"auth": "dGhlaXJzOng="}},
    "credHelpers": {"cloud.example": "other"},
    "credsStore": "pass",
}


@pytest.fixture
def node(tmp_path, monkeypatch):
    return RealNode(tmp_path, monkeypatch)


class Role:
    """Applies the variable, as the role does, and checks that no secret left its place."""

    def __init__(self, run, node):
        self._run, self._node = run, node
        self.everything = ""

    def __call__(self, *layers, **more):
        entry = {"path": self._node.path(AUTH), "owner": "registries", "kind": "auth_json"}
        entry["layers"] = [
            [f"registries_auth{'__' * bool(n)}{n or ''}", each] for n, each in enumerate(layers)
        ]
        task = self._run("runtime_config", {"files": [entry], "owners": ["registries"]}, self._node, **more)
        self.everything += json.dumps(task.result) + self._node.said + self._node.records()
        for secret in (PASSWORD, ENCODED):
            assert secret not in self.everything
        return task


@pytest.fixture
def role(run, node):
    return Role(run, node)


def test_entries_are_written_beside_those_of_others_and_removed_again(role, node):
    node.write(AUTH, json.dumps(THEIRS))
    first = role({**OURS, "aws.example": {"helper": "ecr-login"}}, diff=True)
    assert first.result["changed"]
    assert node.json(AUTH) == {
        "auths": {**THEIRS["auths"], "registry.example.com": {"auth": ENCODED}},
        "credHelpers": {"cloud.example": "other", "aws.example": "ecr-login"},
        "credsStore": "pass",
    }
    assert stat.S_IMODE(os.stat(node.path(AUTH)).st_mode) == 0o600
    assert first.result["plan"]["files"] == {node.path(AUTH): "change"}
    assert first.result["plan"]["disruption"] == "none"
    assert {(each["key"], each["change"], each["variable"]) for each in first.result["plan"]["keys"]} == {
        ('"registry.example.com"', "add", "registries_auth"),
        ('"aws.example"', "add", "registries_auth"),
    }
    assert first.result["diff"][0]["before"] == ""
    assert first.result["diff"][0]["after"] == (
        'auths."registry.example.com" = (secret)\ncredHelpers."aws.example" = (secret)\n'
    )
    assert not role({**OURS, "aws.example": {"helper": "ecr-login"}}).result["changed"]

    last = role({}, diff=True)
    assert last.result["changed"]
    assert node.json(AUTH) == THEIRS
    assert last.result["diff"][0]["after"] == ""
    assert not role({}).result["changed"]


def test_a_changed_password_shows_as_a_secret_that_changed(role, node):
    role(OURS)
    other = {"registry.example.com": {"username": "robot", "password": "another"}}
    task = role(OURS, other, diff=True)
    [diff, origins] = task.result["diff"]
    assert diff["before"] == 'auths."registry.example.com" = (secret)\n'
    assert diff["after"] == 'auths."registry.example.com" = (secret, changed)\n'
    assert origins["prepared"] == '"registry.example.com" = (secret)  (from registries_auth__1)\n'
    encoded = base64.b64encode(b"robot:another").decode()
    assert node.json(AUTH) == {"auths": {"registry.example.com": {"auth": encoded}}}
    assert encoded not in role.everything


def test_check_mode_predicts_the_change_and_makes_none(role, node):
    node.write(AUTH, json.dumps(THEIRS))
    node.check_mode = True
    predicted = role(OURS, check_mode=True)
    assert node.json(AUTH) == THEIRS
    node.check_mode = False
    done = role(OURS)
    assert predicted.result["changed"]
    assert predicted.result["plan"] == done.result["plan"]
    assert node.json(AUTH) != THEIRS


def test_a_file_that_is_not_json_is_one_error_and_stays(role, node):
    damaged = f'{{"auths": {{"theirs.example": {{"auth": "{PASSWORD[:4]}"'
    node.write(AUTH, damaged)
    task = role(OURS)
    assert "auth.json is not JSON" in task.message
    assert "\n" not in task.message
    with open(node.path(AUTH)) as file:
        assert file.read() == damaged


def test_a_file_that_we_created_is_removed_with_the_last_entry(role, node):
    role(OURS)
    assert os.path.exists(node.path(AUTH))
    role({})
    assert not os.path.exists(node.path(AUTH))


def test_the_path_is_the_one_that_crio_conf_names_and_the_entries_move_with_it(run, node):
    def task(crio):
        entry = {
            "path": node.path(AUTH),
            "owner": "registries",
            "kind": "auth_json",
            "layers": [["registries_auth", OURS]],
            "crio_layers": [["crio_config", crio]],
        }
        return run("runtime_config", {"files": [entry], "owners": ["registries"]}, node)

    task({})
    named = node.path("/etc/crio/auth.json")
    done = task({"crio": {"image": {"global_auth_file": named}}})
    assert done.result["plan"]["files"] == {node.path(AUTH): "remove", named: "create"}
    assert not os.path.exists(node.path(AUTH))
    assert node.json("/etc/crio/auth.json") == {"auths": {"registry.example.com": {"auth": ENCODED}}}


@pytest.mark.parametrize(
    ("live", "warned"), [({}, False), ({"crio.image.global_auth_file": '"/etc/other.json"'}, True)]
)
def test_a_file_that_crio_does_not_read_is_a_warning(run, live, warned):
    from tests.unit.plugins.action.test_messages import report

    found = {"file_type": "file", "as_wanted": True, "loaded": True, "mode": "0600", "disruption": "none"}
    asked = []

    def node(request):
        asked.append(request["expect"])
        return {"report": report(files={AUTH: found}, live=live)}

    entry = {"path": AUTH, "owner": "registries", "kind": "auth_json", "layers": [["registries_auth", OURS]]}
    task = run("runtime_config", {"files": [entry]}, node)
    assert asked == [{"crio.image.global_auth_file": '""'}]
    assert not task.result["changed"]
    warnings = [each for each in task.result["warnings"] if "/etc/other.json" in each]
    assert bool(warnings) is warned
    assert "outranked" not in task.result


def test_only_what_is_secret_is_masked_in_the_result_of_the_module(run, node):
    """Ansible masks each value of the secret option wherever it occurs, and the name of a helper may be as short as "pass"."""
    entry = {"path": node.path(AUTH), "owner": "registries", "kind": "auth_json"}
    entry["layers"] = [["registries_auth", {**OURS, "aws.example": {"helper": "pass"}}]]
    task = run("runtime_config", {"files": [entry], "owners": ["registries"]}, node)
    [sent] = [call for call in task.calls if call["request"].get("call") == "apply"]
    assert sent["secrets"]["secret_entries"] == {
        node.path(AUTH): {"auths": {"registry.example.com": {"auth": ENCODED}}}
    }
    assert sent["request"]["entries"] == {node.path(AUTH): {"credHelpers": {"aws.example": "pass"}}}
    assert node.json(AUTH)["credHelpers"] == {"aws.example": "pass"}
