# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the node's control groups."""

from __future__ import annotations

import os

from .. import node_files
from .steps import Part, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout

_MOUNT_POINT = "/sys/fs/cgroup"
_V1 = (
    "cgroup_v2: {found} on this node, which the kubelet refuses from version 1.35 on; boot with"
    " systemd.unified_cgroup_hierarchy=1, or use a system that has cgroup v2"
)


def plan(layout: Layout, severity: str) -> Part:
    """Return whether the node has cgroup v2. severity: required, recommended (a warning) or ignored. Nothing is changed here."""
    version = _version(layout)
    items = {"cgroup": item({"required": 2, "recommended": 2}.get(severity), version, False)}
    if version == 2 or severity == "ignored":
        return Part(items)
    found = (
        "there are control groups of version 1"
        if version
        else f"no control groups are mounted at {_MOUNT_POINT}"
    )
    sentence = _V1.format(found=found)
    if severity == "required":
        return Part(items, problems=[f"{sentence}; cgroup_v2: recommended makes this a warning"])
    return Part(items, warnings=[sentence])


def _version(layout: Layout) -> int | None:
    """Return 1 or 2, None if no control groups are mounted. /sys/fs/cgroup decides, as for the kubelet."""
    fields = [line.split() for line in (node_files.read_text(layout.at("/proc/mounts")) or "").splitlines()]
    types = [each[2] for each in fields if len(each) > 2 and each[1] == _MOUNT_POINT]
    if not types:
        return None
    if types[-1] == "cgroup2":
        return 2
    # A tmpfs with a folder for each controller.
    is_v1 = types[-1] == "cgroup" or os.path.isdir(layout.at(f"{_MOUNT_POINT}/memory"))
    return 1 if is_v1 else None
