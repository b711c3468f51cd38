# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that answers at once, for fleets that no machine could hold: what is left is the controller's own work.

The file that BENCH_ANSWERS names has {module: its result}; the module is found by its name in what Ansible sends.
"""

import json
import os

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: simulated
short_description: A node that answers at once
description: Answers each module with what a file says.
author: The cri.node contributors
extends_documentation_fragment: connection_pipelining
options: {}
"""


class Connection(ConnectionBase):
    """Modules come by standard input, as with pipelining over SSH; files are not needed, and refused."""

    transport = "simulated"
    has_pipelining = True
    always_pipeline_modules = True

    def _connect(self):
        with open(os.environ["BENCH_ANSWERS"]) as file:
            self._answers = json.load(file)
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Answer a module. Raises AnsibleConnectionFailure for one without an answer."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        for module, answer in self._answers.items():
            if in_data and module.encode() in in_data:
                return 0, json.dumps(answer).encode(), b""
        raise AnsibleConnectionFailure(f"no simulated answer to {cmd[:200]}")

    def put_file(self, in_path, out_path):
        """Refuse."""
        raise AnsibleConnectionFailure(f"{in_path} was sent as a file")

    def fetch_file(self, in_path, out_path):
        """Refuse."""
        raise AnsibleConnectionFailure(f"{in_path} was asked for")

    def close(self):
        """Nothing is open."""
        self._connected = False
