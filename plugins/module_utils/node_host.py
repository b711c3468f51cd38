# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements for a host that is changed."""

from __future__ import annotations

import os
import sys

from .errors import NodeError

MINIMUM_PYTHON = (3, 9)


class UnfitHostError(NodeError):
    """The host cannot be managed; the message says why and what helps."""


def refuse_unfit() -> None:
    """Raise UnfitHostError for a Python before 3.9, a user other than root, or a host without systemd."""
    if sys.version_info < MINIMUM_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise UnfitHostError(
            f"cri.node needs Python 3.9 or later on a node; {sys.executable} is Python {found}."
            " Set ansible_python_interpreter"
        )
    if os.geteuid() != 0:
        raise UnfitHostError("cri.node changes a node as root; set become: true for the play or the task")
    if not os.path.isdir("/run/systemd/system"):  # sd_booted(3)
        raise UnfitHostError(
            "this node is not run by systemd (there is no /run/systemd/system); cri.node manages CRI-O as a systemd service"
        )
