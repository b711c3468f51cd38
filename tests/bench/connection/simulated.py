# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a simulated node that answers immediately, to measure the work of the controller for a large fleet.

The file in BENCH_ANSWERS contains {module: its result}. The module is recognised by its name in the data that Ansible sends.
If BENCH_CALLS names a file, it also appends a line to it for each call.
"""

import json
import os

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: simulated
short_description: Simulate a node that answers immediately
description: Answers each module with the result in a file.
author: The cri.node contributors
extends_documentation_fragment: connection_pipelining
options: {}
"""


class Connection(ConnectionBase):
    """Modules are sent on standard input, as with pipelining over SSH. Files are not needed and are refused."""

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
        if "BENCH_CALLS" in os.environ:
            with open(os.environ["BENCH_CALLS"], "a") as file:
                file.write(f"{self._play_context.remote_addr}\n")
        for module, answer in self._answers.items():
            if in_data and module.encode() in in_data:
                return 0, json.dumps(answer).encode(), b""
        raise AnsibleConnectionFailure(f"no simulated answer to {cmd[:200]}")

    def put_file(self, in_path, out_path):
        """Raise AnsibleConnectionFailure."""
        raise AnsibleConnectionFailure(f"{in_path} was sent as a file")

    def fetch_file(self, in_path, out_path):
        """Raise AnsibleConnectionFailure."""
        raise AnsibleConnectionFailure(f"{in_path} was requested")

    def close(self):
        """Mark the connection as closed."""
        self._connected = False
