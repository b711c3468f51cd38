# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a transaction on a node with a fault of driver.py, and waits until the node is whole again without a further run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from testbed.node import Node
from testbed.observed import litter, service
from testbed.paths import link_collection

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.module_utils.transaction import unit

LIMIT = 60  # seconds after which a node must be whole again
_PROGRAM, _DRIVER = "/root/program.pyz", "/root/driver.py"


def prepare(node: Node) -> None:
    """Copy the program of a transaction and its driver to the node."""
    node.copy_in(_PROGRAM, unit.program((*unit.ALL_MODULES, "transaction.idle", "transaction.unit")))
    node.copy_in(_DRIVER, (Path(__file__).parent / "driver.py").read_text())


def start(node: Node, fault: str, request: dict[str, Any]) -> subprocess.Popen:
    """Start a transaction with a fault, and do not wait for it."""
    command = ["docker", "exec", "-i", node.container, "python3", _DRIVER, fault, _PROGRAM]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()
    return process


def kills(node: Node) -> int:
    """Return how many transactions were killed on a node so far."""
    log = node.check("journalctl --unit cri-node-apply.service --no-pager")
    return log.count("Main process exited, code=killed")


def wait_until_whole(node: Node, limit: int = LIMIT, unit: str = "crio.service") -> None:
    """Wait until no transaction is open and the daemon serves; nothing else is done to the node."""

    def whole() -> tuple[bool, str]:
        left, active = litter(node), service(node, "ActiveState", unit)
        return not left and active == "active", f"{active} {left}"

    node.wait_for("an end of the transaction", whole, limit)
    node.wait_for_crio()
