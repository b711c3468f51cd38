# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the last part of a removal on a temporary root: what goes, what stays, and that an interrupted one is completed."""

import contextlib
import json
import os

import pytest
from tests.unit.plugins.module_utils.test_bundle_install import Operations, copy_of, failing, in_child, kill

from ansible_collections.cri.node.plugins.module_utils import bundle, bundle_removal, documents, node_files
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.removal import daemon, rest

ABSENT = {
    "modules": [],
    "sysctls": {},
    "swap": "keep",
    "cgroup_v2": "ignored",
    "subordinate_ids": None,
    "commands": [],
    "families": {},
    "packages_follow": False,
}
OURS = "ops:1:2\ncontainers:2147483647:2147483648\n"


class Service:
    """A preinstalled unit."""

    unit, exists, phase, active, state_words = "crio.service", True, "serving", True, "active (running)"
    properties = {"UnitFileState": "enabled"}


class Node:
    """A node without a bundle, below a temporary root."""

    def __init__(self, root):
        self.root = root
        self.layout = Layout(root)
        for folder in (
            "/etc/crio/crio.conf.d",
            "/etc/containers/certs.d/h",
            "/etc/systemd/system",
            "/var/lib",
        ):
            os.makedirs(root + folder)
        os.makedirs(f"{self.layout.generations}/1", 0o700)
        self.write("/etc/subuid", OURS)
        self.write("/etc/subgid", OURS)
        entry = {"line": OURS.splitlines()[1], "created": False, "unterminated": False}
        record = {"format": 1, "subordinate_ids": {"/etc/subuid": entry, "/etc/subgid": entry}}
        self.write("/var/lib/cri-node/prerequisites.json", json.dumps(record))
        self.write("/var/lib/cri-node/generations/1/files.json", "{}")
        self.state(enabled=False)

    def write(self, path, text):
        with open(self.root + path, "w") as file:
            file.write(text)

    def state(self, **origin):
        known = {
            "enabled": None,
            "first_unit_change": False,
            "directories": [],
            "files": {},
            "restored": False,
            **origin,
        }
        known["directories"] = [
            f"{self.root}/etc/containers/certs.d",
            f"{self.root}/etc/containers/certs.d/h",
        ]
        state = {**documents.empty_state(), "generation": 1, "origin": known}
        self.write("/var/lib/cri-node/state.json", json.dumps(state))

    def finish(self, check=False, **more):
        asked = {"unit": "crio.service", "prerequisites": ABSENT, "directories": [], **more}
        return rest.finish(asked, self.layout, check)

    def tree(self):
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                path = os.path.join(folder, name)
                with open(os.devnull if os.path.isdir(path) else path) as file:
                    found[os.path.relpath(path, self.root)] = file.read()
        return found


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Node(str(tmp_path / "node"))
    made.calls = []

    def run(arguments, *_more, **_named):
        made.calls.append(arguments)
        return 0, "", ""

    monkeypatch.setattr(daemon, "run", run)
    monkeypatch.setattr(rest, "run", run)
    monkeypatch.setattr(daemon, "CrioService", lambda _unit: Service)
    monkeypatch.setattr(bundle, "NODE", made.layout)
    monkeypatch.setattr(bundle, "RECORD", made.layout.bundle_record)
    monkeypatch.setattr(bundle, "INTENT", f"{made.layout.state_directory}/bundle-install.json")
    monkeypatch.setattr(bundle, "REMOVAL", f"{made.layout.state_directory}/bundle-remove.json")
    made.program = f"{made.root}/usr/local/bin/crio"
    monkeypatch.setattr(bundle, "CRIO", made.program)
    return made


CLEAN = {
    "etc": "",
    "etc/containers": "",
    "etc/crio": "",
    "etc/crio/crio.conf.d": "",
    "etc/subuid": "ops:1:2\n",
    "etc/subgid": "ops:1:2\n",
    "etc/systemd": "",
    "etc/systemd/system": "",
    "var": "",
    "var/lib": "",
}


def test_everything_of_ours_goes_and_check_mode_predicts_it(node):
    before = node.tree()
    predicted = node.finish(check=True)
    assert node.tree() == before
    assert node.calls == []
    done = node.finish()
    assert node.tree() == CLEAN
    assert predicted.as_data() == done.as_data()
    assert {(each["subject"], each["name"].replace(node.root, "")) for each in done.removed} == {
        ("service", "crio.service (disabled)"),
        ("files", "/etc/containers/certs.d"),
        ("files", "/etc/containers/certs.d/h"),
        ("prerequisites", "subordinate_ids /etc/subuid"),
        ("prerequisites", "subordinate_ids /etc/subgid"),
        ("prerequisites", "/etc/subuid"),
        ("prerequisites", "/etc/subgid"),
        ("state", "/var/lib/cri-node"),
    }
    assert node.calls == [["systemctl", "disable", "--quiet", "crio.service"]]
    again = node.finish()
    assert again.as_data() == {"removed": [], "kept": [], "warnings": []}


def test_what_others_have_put_into_our_directories_stays(node):
    node.write("/etc/containers/certs.d/h/theirs.crt", "theirs")
    predicted, done = node.finish(check=True), node.finish()
    assert predicted.as_data() == done.as_data()
    assert node.tree() == {
        **CLEAN,
        "etc/containers/certs.d": "",
        "etc/containers/certs.d/h": "",
        "etc/containers/certs.d/h/theirs.crt": "theirs",
    }


@pytest.mark.parametrize("enabled", [True, None], ids=["before", "unknown"])
def test_a_unit_that_was_enabled_before_stays_so_and_an_unknown_one_is_named(node, enabled):
    node.state(enabled=enabled)
    done = node.finish()
    assert node.calls == []
    reasons = [each["reason"] for each in done.kept if each["subject"] == "service"]
    assert reasons == ([] if enabled else ["it is enabled, and it is not recorded whether it was before"])


def test_the_record_of_the_host_stays_if_its_changes_do(node):
    predicted, done = node.finish(check=True, prerequisites=None), node.finish(prerequisites=None)
    assert predicted.as_data() == done.as_data()
    assert os.listdir(node.layout.state_directory) == ["prerequisites.json"]
    assert [each["reason"] for each in done.kept] == ["remove_prerequisites is false"]
    assert node.tree()["etc/subuid"] == OURS


def test_the_state_of_containerd_stays(node):
    os.makedirs(node.layout.of("containerd").generations)
    node.write("/var/lib/cri-node/containerd/state.json", "{}")
    found = node.finish().as_data()
    (kept,) = [each for each in found["kept"] if each["subject"] == "state"]
    assert kept["name"] == f"{node.layout.state_directory}/containerd"
    assert os.listdir(node.layout.state_directory) == ["containerd"]
    assert os.path.exists(node.layout.of("containerd").state_file)


def test_a_bundle_whose_crio_was_replaced_stays_with_its_record(node, monkeypatch):
    os.makedirs(os.path.dirname(node.program))
    node.write("/usr/local/bin/crio", "theirs")
    node.write("/usr/local/bin/pinns", "ours")
    files = {
        node.program: "0" * 64,
        node.program.replace("crio", "pinns"): node_files.hash_of(f"{node.root}/usr/local/bin/pinns"),
    }
    record = {"format": 2, "sha256": "a", "version": "1.37.0", "binary": [], "files": files}
    node.write("/var/lib/cri-node/bundle.json", json.dumps(record))
    predicted, done = node.finish(check=True), node.finish()
    assert predicted.as_data() == done.as_data()
    assert {each["name"]: each["reason"] for each in done.kept} == {
        node.program: "it was replaced since, so all files of the bundle stay"
    }
    assert node.tree()["usr/local/bin/pinns"] == "ours"
    assert os.listdir(node.layout.state_directory) == ["bundle.json"]


def test_litter_of_an_earlier_change_goes_too(node):
    os.makedirs(f"{node.layout.staging_directory}/old")
    os.makedirs(f"{node.root}/etc/systemd/system/multi-user.target.wants")
    node.write("/etc/systemd/system/cri-node-recover.service", "[Unit]")
    os.symlink(node.layout.recovery_unit, node.layout.recovery_link)
    node.finish()
    assert node.tree() == {**CLEAN, "etc/systemd/system/multi-user.target.wants": ""}
    assert ["systemctl", "daemon-reload"] in node.calls


def test_after_a_kill_or_an_error_at_any_operation_the_next_run_completes_it(node, tmp_path):
    fault = failing(5)
    for number in range(1, 1000):
        with copy_of(node, tmp_path):
            if not in_child(node.finish, Operations(kill, number)):
                break
            node.finish()
            assert node.tree() == CLEAN, number
        with copy_of(node, tmp_path):
            with Operations(fault, number), contextlib.suppress(NodeError, OSError):
                node.finish()
            node.finish()
            assert node.tree() == CLEAN, number
    assert number > 15


def test_a_removed_bundle_is_planned_with_what_comes_back_before(node, monkeypatch):
    """The configuration of the bundle that a managed file had replaced is the bundle's again, and goes with it."""
    monkeypatch.setattr(bundle_removal, "_refuse_running", lambda: None)
    node.write("/etc/crictl.yaml", "managed")
    path = f"{node.root}/etc/crictl.yaml"
    record = {"format": 2, "sha256": "a", "version": "1", "binary": [], "files": {path: "b" * 64}}
    node.write("/var/lib/cri-node/bundle.json", json.dumps(record))
    assert bundle_removal.plan().kept == {path: "it was changed since"}
    assert bundle_removal.plan(restored={path: "b" * 64}).files == [path]
    assert bundle_removal.plan(gone=[path]).files == []
