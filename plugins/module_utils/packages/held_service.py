# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps packages from starting, stopping or restarting CRI-O while they are installed.

The scripts of a package may start the service, and those of CRI-O restart it after an upgrade. A restart may stop containers, so
only the transaction of the configuration makes one, after its guards. A policy-rc.d would concern all services of the node. A
drop-in below /run refuses the calls of systemctl for this unit alone: the daemon keeps running, systemd itself may still restart
it after a crash, and nothing is left after a boot.
"""

from __future__ import annotations

import os

from .. import node_files, program
from ..crio.service import DEFAULT_UNIT
from .manager import PackageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout

_TEXT = b"# Written by cri.node while packages are installed.\n[Unit]\nRefuseManualStart=yes\nRefuseManualStop=yes\n"


def drop_in(layout: Layout) -> str:
    """Return the path of the drop-in."""
    return layout.at(f"/run/systemd/system/{DEFAULT_UNIT}.d/60-cri-node-packages.conf")


def hold(layout: Layout) -> None:
    """Make systemd refuse to start, stop or restart CRI-O. Raises PackageError, NodeFileError."""
    path = drop_in(layout)
    node_files.make_directories(os.path.dirname(path))
    node_files.write_durably(path, _TEXT, 0o644)
    _reload()


def release(layout: Layout) -> None:
    """Allow it again, and let systemd read the unit that a package has brought. Raises PackageError, NodeFileError."""
    path = drop_in(layout)
    node_files.remove(path)
    node_files.remove_empty_directory(os.path.dirname(path))
    _reload()


def _reload() -> None:
    status, output, errors = program.run(["systemctl", "daemon-reload"])
    if status:
        raise PackageError(f"systemctl daemon-reload failed: {(errors or output).strip()}")
