# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of the nodes for all tests.

Molecule, the integration tests, fault injection and benchmarks all get their nodes here: containers of
a Debian system with systemd as first process, sshd and Python, with or without a real CRI-O.
The command line is ``python -m testbed``; the Python interface is :class:`TestBed`.
"""

from testbed.bed import TestBed
from testbed.node import Node, NodeError, Pod, Result
from testbed.source import Source, pick_source

__all__ = ["Node", "NodeError", "Pod", "Result", "Source", "TestBed", "pick_source"]
