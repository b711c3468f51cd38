# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the whole way of policies, certificates and registries.d, from the variables of the role to the files of a node."""

import json
import os
import stat

import pytest
from tests.unit.plugins.action.real_node import RealNode
from tests.unit.plugins.action.test_messages import report
from tests.unit.plugins.plugin_utils.files.test_certificates import CA, CERTIFICATE, PEM_KEY, pem_of
from tests.unit.plugins.plugin_utils.files.test_certificates import KEY as CLIENT

from ansible_collections.cri.node.plugins.module_utils.transaction import rollback

POLICY = "/etc/crio/policy.json"
POLICIES = "/etc/crio/policies"
SIGNATURES = "/etc/containers/registries.d/cri-node.yaml"
CERTIFICATES = "/etc/containers/certs.d"
STORAGE = "/etc/containers/storage.conf"
ACCEPT = [{"type": "insecureAcceptAnything"}]
REJECT = [{"type": "reject"}]
# As CRI-O's package has it, with a scope of another tool.
PACKAGED = {
    "default": ACCEPT,
    "transports": {"docker": {"theirs.example": REJECT}, "docker-daemon": {"": ACCEPT}},
}
OURS = {"default": REJECT, "transports": {"docker": {"registry.example.com": ACCEPT}}}
HOST = "registry.example.com:5000"


@pytest.fixture
def node(tmp_path, monkeypatch):
    return RealNode(tmp_path, monkeypatch)


class Role:
    """Applies the variables as the role does."""

    def __init__(self, run, node):
        self._run, self._node = run, node

    def __call__(
        self, policy=None, namespaces=None, signatures=None, certificates=None, storage=None, **more
    ):
        entries = [
            (POLICY, "policy_json", policy),
            (POLICIES, "namespaced_policies", namespaces),
            (SIGNATURES, "registries_d", signatures),
            (CERTIFICATES, "certificates", certificates),
            (STORAGE, "storage_conf", storage),
        ]
        files = [
            {
                "path": self._node.path(path),
                "owner": "registries",
                "kind": kind,
                "layers": [[f"of_{kind}", data or {}]],
            }
            for path, kind, data in entries
        ]
        return self._run("runtime_config", {"files": files, "owners": ["registries"]}, self._node, **more)


@pytest.fixture
def role(run, node):
    return Role(run, node)


def test_a_policy_is_written_by_scope_and_what_it_replaced_returns_with_it(role, node):
    node.write(POLICY, json.dumps(PACKAGED))
    done = role(OURS, diff=True)
    assert node.json(POLICY) == {
        "default": REJECT,
        "transports": {
            **PACKAGED["transports"],
            "docker": {"theirs.example": REJECT, "registry.example.com": ACCEPT},
        },
    }
    assert stat.S_IMODE(os.stat(node.path(POLICY)).st_mode) == 0o644
    assert done.result["plan"]["disruption"] == "none"
    assert done.result["diff"][0]["before"] == f"default = {json.dumps(ACCEPT)}\n"
    assert done.result["diff"][0]["after"] == (
        f'default = {json.dumps(REJECT)}\ntransports.docker."registry.example.com" = {json.dumps(ACCEPT)}\n'
    )
    assert [(each["key"], each["change"], each["variable"]) for each in done.result["plan"]["keys"]] == [
        ("default", "change", "of_policy_json"),
        ('transports.docker."registry.example.com"', "add", "of_policy_json"),
    ]
    assert not role(OURS).result["changed"]

    changed = {**OURS, "default": [{"type": "sigstoreSigned", "keyPath": "/k"}]}
    assert role(changed).result["changed"]
    last = role({}, diff=True)
    assert node.json(POLICY) == PACKAGED
    assert last.result["diff"][0]["after"] == f"default = {json.dumps(ACCEPT)}\n"
    assert not role({}).result["changed"]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_the_plan_of_a_file_that_stays_without_our_entries_does_not_remove_it(role, node, mode):
    node.write(POLICY, json.dumps(PACKAGED))
    os.chmod(node.path(POLICY), mode)
    path, header = node.path(POLICY), f"{node.path(POLICY)} ({mode:04o})"
    made = [role(OURS, diff=True).result, role({}, diff=True).result]
    assert [each["plan"]["files"] for each in made] == [{path: "change"}] * 2
    shown = [each["diff"][0] for each in made]
    assert [(each["before_header"], each["after_header"]) for each in shown] == [(header, header)] * 2
    os.unlink(path)
    role(OURS)
    gone = role({}, diff=True).result
    assert gone["plan"]["files"] == {path: "remove"}
    assert gone["diff"][0]["after_header"] == f"{path} (absent)"
    assert not os.path.exists(path)


def test_a_value_of_another_tool_is_not_written_back_over_a_later_edit(role, node):
    node.write(POLICY, json.dumps(PACKAGED))
    role(OURS)
    node.write(POLICY, json.dumps({**node.json(POLICY), "default": [{"type": "signedBy"}]}))
    role({})
    assert node.json(POLICY) == {**PACKAGED, "default": [{"type": "signedBy"}]}


def test_a_policy_can_be_rolled_back_because_it_is_not_secret(role, node):
    node.write(POLICY, json.dumps(PACKAGED))
    role(OURS)
    first = node.json(POLICY)
    role({"default": ACCEPT, "transports": {"docker": {"other.example": REJECT}}})
    back = rollback.Rollback({"unit": "crio.service", "generation": 1, "ready_timeout": 1}, node.layout)
    seen = node_report(node, back)
    back.refuse_lost_values(seen)
    apply(node, back, seen)
    assert node.json(POLICY) == first
    role({})
    assert node.json(POLICY) == PACKAGED


def node_report(node, back):
    from ansible_collections.cri.node.plugins.module_utils import node_state

    return node_state.read(back.request, node.layout)


def apply(node, back, seen):
    from ansible_collections.cri.node.plugins.module_utils.transaction import apply as transaction

    asked = {
        "writes": [path for path, found in seen["files"].items() if not found["as_wanted"]],
        "remove": [],
        "activate": "none",
        "concerns_daemon": False,
        "reload_keys": [],
        "reload_is_logged": True,
        "daemon_reload": False,
        "id": "back",
        "fingerprint": seen["fingerprint"],
        "plan": {"disruption": "none", "reasons": [], "files": {}},
    }
    outcome = transaction.apply(node.layout, back.change(asked), "/nowhere/program.pyz")
    assert outcome.get("committed"), outcome


def test_each_namespace_is_a_file_that_is_removed_with_its_policy(role, node):
    role(namespaces={"team-a": OURS, "team-b": {"default": ACCEPT}})
    assert node.json(f"{POLICIES}/team-a.json") == OURS
    assert node.json(f"{POLICIES}/team-b.json") == {"default": ACCEPT}
    node.write(f"{POLICIES}/theirs.json", "{}")
    done = role(namespaces={"team-a": OURS})
    assert done.result["plan"]["files"] == {node.path(f"{POLICIES}/team-b.json"): "remove"}
    assert sorted(os.listdir(node.path(POLICIES))) == ["team-a.json", "theirs.json"]


def test_certificates_are_files_of_their_host_and_no_key_leaves_its_place(role, node):
    texts = {"ca": CA, "cert": CERTIFICATE, "key": PEM_KEY}
    done = role(certificates={HOST: texts, "other.example": {"ca": CA}}, diff=True)
    folder = node.path(f"{CERTIFICATES}/{HOST}")
    assert sorted(os.listdir(folder)) == ["ca.crt", "client.cert", "client.key"]
    modes = {name: stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) for name in os.listdir(folder)}
    assert modes == {"ca.crt": 0o644, "client.cert": 0o644, "client.key": 0o600}
    with open(f"{folder}/client.key") as file:
        header, written = file.read().split("\n", 1)
    assert header.startswith("# Written by the role cri.node.registries")
    assert written == PEM_KEY
    assert done.result["plan"]["disruption"] == "none"
    assert not role(certificates={HOST: texts, "other.example": {"ca": CA}}).result["changed"]

    from cryptography.hazmat.primitives import serialization

    same_key = pem_of(CLIENT, serialization.PrivateFormat.TraditionalOpenSSL)
    changed = role(certificates={HOST: {**texts, "key": same_key}}, diff=True)
    everything = json.dumps([done.result, changed.result]) + node.said + node.records()
    for key in (PEM_KEY, same_key):
        for line in key.split("\n")[1:-2]:
            assert line not in everything
    [secret] = [
        each
        for each in changed.result["diff"]
        if each.get("after_header", "").startswith(f"{folder}/client.key")
    ]
    assert secret["after"] == "(secret, changed)\n"
    assert not os.path.exists(
        node.path(f"{CERTIFICATES}/other.example")
    )  # where it would hide the one in /etc/docker

    node.write(f"{CERTIFICATES}/{HOST}/theirs.crt", CA)
    role()
    assert os.listdir(folder) == ["theirs.crt"]


def test_a_scope_of_another_file_is_refused_by_the_node(role, node):
    node.write(
        "/etc/containers/registries.d/default.yaml", "default-docker:\n  lookaside: https://x.example\n"
    )
    ours = {"docker": {"a.example": {"use-sigstore-attachments": True}}}
    assert role(signatures=ours).result["changed"]
    task = role(signatures={**ours, "default-docker": {"lookaside": "https://y.example"}})
    assert "would both define default-docker" in task.message
    assert task.result["as_before"]
    role()
    assert os.listdir(node.path("/etc/containers/registries.d")) == ["default.yaml"]


def test_what_has_no_variables_any_more_is_removed_and_nothing_else(role, node):
    before = node.configuration()
    role(
        OURS,
        {"team-a": OURS},
        {"docker": {"a.example": {"lookaside": "https://x.example"}}},
        {HOST: {"ca": CA}},
    )
    assert node.configuration() != before
    role()
    assert node.configuration() == before
    assert node.litter() == []


@pytest.mark.parametrize(
    ("live", "missing", "words"),
    [
        (
            {"crio.image.signature_policy": '""'},
            True,
            "the running CRI-O reads the default of containers/image instead",
        ),
        (
            {"crio.image.signature_policy": '"/etc/p.json"'},
            True,
            'the running CRI-O reads "/etc/p.json" instead',
        ),
        ({}, True, ""),
    ],
)
def test_a_policy_that_crio_does_not_read_is_a_warning(run, live, missing, words):
    found = {"file_type": "file", "as_wanted": True, "loaded": True, "mode": "0644", "disruption": "none"}
    entry = {
        "path": POLICY,
        "owner": "registries",
        "kind": "policy_json",
        "layers": [["registries_policy", OURS]],
    }
    task = run(
        "runtime_config",
        {"files": [entry]},
        lambda _request: {"report": report(files={POLICY: found}, live=live)},
    )
    warnings = [each for each in task.result["warnings"] if POLICY in each]
    assert [words in each for each in warnings] == ([True] if words else [])


@pytest.mark.parametrize("exists", [True, False])
def test_roots_own_policy_is_a_warning_only_where_it_counts(run, exists):
    system, own = "/etc/containers/policy.json", "/root/.config/containers/policy.json"
    found = {"file_type": "file", "as_wanted": True, "loaded": True, "mode": "0644", "disruption": "none"}
    asked = []

    def node(request):
        asked.append(request["paths"])
        return {"report": report(files={system: found}, missing_paths=[] if exists else [own])}

    entry = {
        "path": system,
        "owner": "registries",
        "kind": "policy_json",
        "layers": [["registries_policy", OURS]],
    }
    task = run("runtime_config", {"files": [entry]}, node)
    assert asked == [[own]]
    warnings = [each for each in task.result["warnings"] if own in each]
    assert bool(warnings) is exists


def test_another_storage_restarts_crio_once_it_has_validated_it(role, node):
    task = role(storage={"storage": {"driver": "overlay", "graphroot": "/data"}}, diff=True)
    assert task.result["plan"]["disruption"] == "restart"
    assert [each["key"] for each in task.result["plan"]["keys"]] == ["storage.driver", "storage.graphroot"]
    with open(node.path(STORAGE)) as file:
        assert file.read().endswith('[storage]\ndriver = "overlay"\ngraphroot = "/data"\n')
    assert node.daemon.starts == 2
    assert not role(storage={"storage": {"driver": "overlay", "graphroot": "/data"}}).result["changed"]
    role()
    assert not os.path.exists(node.path(STORAGE))
    assert node.daemon.starts == 3


def test_the_default_of_our_policy_stays_for_the_scopes_of_others(role, node):
    """Without it, containers/image would refuse the file as a whole, and CRI-O every pull."""
    role(OURS)
    theirs = {"theirs.example": REJECT}
    policy = node.json(POLICY)
    node.write(
        POLICY, json.dumps({**policy, "transports": {"docker": {**OURS["transports"]["docker"], **theirs}}})
    )
    assert role().result["plan"]["files"] == {node.path(POLICY): "change"}
    assert node.json(POLICY) == {"default": REJECT, "transports": {"docker": theirs}}
    assert not role().result["changed"]
    role(OURS)
    node.write(POLICY, json.dumps(OURS))
    role()
    assert node.json(POLICY) == {"default": REJECT}  # which is not ours any more
