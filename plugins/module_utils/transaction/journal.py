# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a change: on disk before the first rename, with all that is needed to go back, and gone once nothing is open.

Whoever finds it (the unit's ExecStopPost, the next run, the next boot) can end the change, see recovery.py.
"""

from __future__ import annotations

import os
import shutil
import sys

from .. import node_files, node_state
from . import candidate

STAGE = "/etc/crio/.cri-node"
UNDO = node_state.TRANSACTION + "/undo"
PROGRAM = node_state.TRANSACTION + "/program.pyz"
REQUEST = node_state.TRANSACTION + "/request-{}.json"  # each transaction has its own, by its id
RESULT = node_state.TRANSACTION + "/result-{}.json"
BOOT_UNIT = candidate.UNIT_DIRECTORY + "cri-node-recover.service"
BOOT_LINK = candidate.UNIT_DIRECTORY + "multi-user.target.wants/cri-node-recover.service"


def announce(request, before):
    """Write the intent: with it on disk, anyone can go back; before it, nothing of the node's configuration was touched.

    `before` is what candidate.rehearse returned.
    """
    shutil.rmtree(UNDO, ignore_errors=True)
    node_files.make_private_directory(UNDO)
    undo = []
    for number, path in enumerate(sorted([*request["contents"], *request["remove"]])):
        found = node_files.describe(path)
        entry = {"path": path, "kind": found["kind"]}
        if found["kind"] == "file":
            entry.update(
                mode=found["mode"], uid=found["uid"], gid=found["gid"], saved=os.path.join(UNDO, str(number))
            )
            node_files.write_durably(entry["saved"], node_files.read_bytes(path))
        undo.append(entry)
    node_files.write_durably(BOOT_UNIT, _boot_unit().encode(), 0o644)
    os.makedirs(os.path.dirname(BOOT_LINK), exist_ok=True)
    if not os.path.islink(BOOT_LINK):
        os.symlink(BOOT_UNIT, BOOT_LINK)
    node_files.sync_directory(os.path.dirname(BOOT_LINK))
    intent = {
        "id": request["id"],
        "unit": request["unit"],
        "activate": request["activate"],
        "undo": undo,
        "before": before,
    }
    intent["directories"] = _missing_directories(request["contents"])
    node_files.write_json(node_state.INTENT, intent)


def _missing_directories(paths):
    missing = set()
    for path in paths:
        directory = os.path.dirname(path)
        while not os.path.isdir(directory):
            missing.add(directory)
            directory = os.path.dirname(directory)
    return sorted(missing, reverse=True)


def _boot_unit():
    return f"""[Unit]
Description=Undo a change of the container runtime's configuration that was interrupted
ConditionPathExists={node_state.INTENT}
Before=crio.service kubelet.service

[Service]
Type=oneshot
ExecStart={sys.executable} {PROGRAM} recover-at-boot
"""


def restore(intent):
    """Put back every file as it was, and take away directories that the change made. May run twice."""
    for entry in intent["undo"]:
        if entry["kind"] != "file":
            node_files.remove(entry["path"])
            continue
        found = node_files.describe(entry["path"])
        if (
            found.get("sha256") == node_files.digest(node_files.read_bytes(entry["saved"]))
            and found["mode"] == entry["mode"]
        ):
            continue  # never swapped; its change time tells what the daemon has loaded
        # Staged beside the saved copies' journal, outside every configuration directory.
        node_files.make_private_directory(STAGE)
        staged = os.path.join(STAGE, "undo")
        node_files.write_durably(staged, node_files.read_bytes(entry["saved"]), int(entry["mode"], 8))
        os.chown(staged, entry["uid"], entry["gid"])
        node_files.make_directories(os.path.dirname(entry["path"]))
        node_files.swap_in(staged, entry["path"])
    for directory in intent["directories"]:
        if os.path.isdir(directory) and not os.listdir(directory):
            os.rmdir(directory)


def forget():
    """Nothing to go back to any more. The intent goes first: without it the rest is only litter."""
    node_files.remove(node_state.INTENT)
    forget_boot_unit()
    shutil.rmtree(UNDO, ignore_errors=True)
    forget_stage()


def forget_boot_unit():
    """Leave nothing for the next boot to do."""
    node_files.remove(BOOT_LINK)
    node_files.remove(BOOT_UNIT)


def forget_stage():
    """Take away what was staged beside the configuration."""
    shutil.rmtree(STAGE, ignore_errors=True)
