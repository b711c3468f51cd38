# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a change that failed or was interrupted: forward if it was committed, else back, files and daemon alike."""

from __future__ import annotations

import os

from .. import node_files, node_state
from ..crio import daemon
from ..crio.service import CrioService
from ..program import run
from . import journal


def recover(at_boot=False):
    """End an interrupted or failed change: forward if it was committed, else back. Returns what was done, None if nothing.

    May itself be interrupted and run again. At boot the daemon is not started yet, so only files go back.
    """
    intent = node_files.read_json(node_state.INTENT)
    if intent is None:
        return None
    state = node_files.read_json(node_state.STATE_FILE) or {}
    if state.get("transaction") == intent["id"]:
        journal.forget()
        run(["systemctl", "daemon-reload"])
        return _told(intent, {"committed": True, "generation": state["generation"]})
    problem = _bring_back(intent, at_boot) if intent["before"] else journal.restore(intent)
    journal.forget()
    return _told(intent, {"rolled_back": True, "as_before": not problem, "problem": problem or ""})


def _bring_back(intent, at_boot):
    """The files, and the daemon with them. Returns what is left wrong, "" if nothing."""
    service = CrioService(intent["unit"])
    before = intent["before"]
    untouched = service.active and before["active"] and service.invocation_id == before["invocation_id"]
    if not untouched and not at_boot and service.active_state != "inactive":
        # Stopped under the new unit settings, which may be what keeps the containers alive.
        run(["systemctl", "stop", intent["unit"]], timeout=180)
    journal.restore(intent)
    if not before["enabled"]:
        run(["systemctl", "disable", "--quiet", intent["unit"]])
    # With the files back a boot needs no help any more; what is left to do is lost with the power anyway.
    journal.forget_boot_unit()
    run(["systemctl", "daemon-reload"])
    if at_boot or not before["active"]:
        return ""
    if not untouched:
        return daemon.bring_back(intent["unit"], before)
    return daemon.reload_back(intent["unit"]) if intent["activate"] == "reload" else ""


def _told(intent, outcome):
    """Leave the outcome where whoever asked for the transaction looks for it, if nobody has said more already."""
    outcome["id"] = intent["id"]
    if not os.path.exists(journal.RESULT.format(intent["id"])):
        interrupted = {
            "failed": not outcome.get("committed"),
            "phase": "interrupted",
            "message": "the change was interrupted",
        }
        told = dict(
            interrupted, outranked={}, invocation_id=CrioService(intent["unit"]).invocation_id, **outcome
        )
        node_files.write_json(journal.RESULT.format(intent["id"]), told)
    return outcome
