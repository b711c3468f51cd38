# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose whole configuration is changed again and again, as the roles do."""

import os
from pathlib import Path

from ansible_collections.cri.node.plugins.module_utils import managed_file, node_files, node_state
from ansible_collections.cri.node.plugins.module_utils.transaction import apply
from faults.fake_node import CONFIG, OBSOLETE, REGISTRIES, UNIT, FakeNode

ENVIRONMENT = "/etc/crio/cri-node.environment"
CRICTL = "/etc/crictl.yaml"
AUTH = "/etc/containers/auth.json"
OWNERS = {CONFIG: "crio", ENVIRONMENT: "crio", REGISTRIES: "registries", CRICTL: "crictl", AUTH: "registries"}
DISRUPTIONS = {CRICTL: "none", REGISTRIES: "reload"}


class Node(FakeNode):
    """A node without any configuration; every file on it belongs to root, whoever runs the tests."""

    def __init__(self, root: Path, monkeypatch):
        super().__init__(root, monkeypatch)
        for path in (CONFIG, OBSOLETE):
            os.unlink(self.path(path))
        self.number = 0
        monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
        describe = node_files.describe

        def of_root(path):
            found = describe(path)
            return found if found["file_type"] == "absent" else {**found, "uid": 0, "gid": 0}

        monkeypatch.setattr(node_files, "describe", of_root)

    def digest(self, content):
        return node_files.digest(content.encode())

    def change(self, contents, secret=(), entries=None, **more):
        """Commit these files, by their paths without the root, as all files of all owners. Returns the outcome."""
        self.number += 1
        files = [
            {
                "path": self.path(path), "owner": OWNERS[path], "sha256": self.digest(content),
                "mode": "0600" if path in secret else "0644", "secret": path in secret,
                "disruption": DISRUPTIONS.get(path, "restart"),
            }
            for path, content in sorted(contents.items())
        ]  # fmt: skip
        shared = {
            "path": self.path(AUTH), "owner": "registries", "mode": "0600", "secret": True, "disruption": "none",
            "entries": managed_file.hashes_of(entries or {}),
        }  # fmt: skip
        request = {
            "unit": UNIT, "owners": sorted(set(OWNERS.values())), "files": files, "unwanted": [],
            "shared": [shared] if entries else [], "expect": {}, "paths": [], "ready_timeout": 1,
            "asks_for_crictl": False, "contents": {self.path(path): content for path, content in contents.items()},
            "entries": {self.path(AUTH): entries or {}}, "activate": "restart", "concerns_daemon": True,
            "daemon_reload": False, "id": f"change-{self.number}", "remove": [],
            "reload_keys": [], "reload_is_logged": True, **more,
        }  # fmt: skip
        report = node_state.read(request, self.layout)
        request["remove"] = [
            path
            for path, found in report["orphans"].items()
            if not found.get("shared") and not found["as_wanted"]
        ]
        request["fingerprint"] = report["fingerprint"]
        outcome = apply.apply(self.layout, request, "/nowhere/program.pyz")
        assert outcome.get("committed"), outcome
        return outcome

    def files(self):
        """The content and the mode of each file below /etc, by its path without the root."""
        found = {}
        for path in sorted((self.root / "etc").rglob("*")):
            if path.is_file() and "systemd" not in path.parts:
                name = f"/{path.relative_to(self.root)}"
                found[name] = (path.read_text(), f"{path.stat().st_mode & 0o7777:04o}")
        return found
