# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in a temporary folder that answers the actions with the code of the internal module, as one transaction."""

import copy
import json
import os

from ansible_collections.cri.node.plugins.module_utils import node_files, node_state
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.transaction import apply, candidate
from ansible_collections.cri.node.plugins.modules import node_runtime_config, node_runtime_drift
from faults.fake_node import FakeNode


class RealNode(FakeNode):
    """Answers the calls of runtime_config. Everything that left it, or was sent to it openly, is in `said`."""

    complete = True
    check_mode = False

    def __init__(self, root, monkeypatch):
        super().__init__(root, monkeypatch)
        self.said = ""
        monkeypatch.setattr(os, "chown", lambda *_all, **_more: None)
        describe = node_files.describe

        def of_root(path):
            found = describe(path)
            return found if found["file_type"] == "absent" else {**found, "uid": 0, "gid": 0}

        monkeypatch.setattr(node_files, "describe", of_root)

    def __call__(self, arguments):
        self.said += json.dumps(arguments["request"])
        given = copy.deepcopy(arguments)
        try:
            if "call" not in given["request"]:
                request = node_request.with_secret_hashes(node_request.of(given, node_runtime_drift.REQUEST))
                answer = {"changed": False, "report": node_state.read(request, self.layout)}
            elif self.check_mode:
                request = node_runtime_config._request(given)
                candidate.rehearse(request, str(self.root / "tmp"), self.layout, {"/"})
                answer = {"changed": True, "outcome": {}}
            else:
                request = node_runtime_config._request(given)
                outcome = apply.apply(self.layout, request, "/nowhere/program.pyz")
                answer = {"changed": True, "outcome": outcome}
        except NodeError as error:
            answer = {"failed": True, "msg": str(error)}
        self.said += json.dumps(answer)
        return answer

    def json(self, path):
        with open(self.path(path)) as file:
            return json.load(file)

    def records(self):
        """Return everything that is stored outside of the configuration, as one text."""
        folder = self.root / "var/lib/cri-node"
        return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())
