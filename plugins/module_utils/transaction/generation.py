# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations: each committed transaction, kept on the node to go back to. state.json's rename is the point of commit."""

from __future__ import annotations

import os
import shutil

from .. import node_files, node_state

GENERATIONS_KEPT = 5


def commit(request, service, version):
    """Record the change as made, by owner, hash and InvocationID. Returns the generation's number."""
    state = node_files.read_json(node_state.STATE_FILE) or {}
    generation = state.get("generation", 0) + 1
    owners = {
        owner: entries for owner, entries in state.get("owners", {}).items() if owner not in request["owners"]
    }
    for entry in request["files"]:
        described = {name: entry[name] for name in ("sha256", "mode", "secret", "disruption")}
        owners.setdefault(entry["owner"], {})[entry["path"]] = described
    _keep(generation, owners)
    new_state = {
        "generation": generation,
        "transaction": request["id"],
        "owners": owners,
        "acknowledged": {
            "invocation_id": service.invocation_id,
            "files": _acknowledged(request, service, owners, state),
        },
    }
    if service.binary:
        new_state["binary"] = {"identity": node_state.binary_identity(service.binary), "version": version}
    node_files.write_json(node_state.STATE_FILE, new_state)
    return generation


def _acknowledged(request, service, owners, state):
    """What the running daemon has loaded by now: this set, and of other owners' files all that it had loaded before.

    A start reads everything anew.
    """
    started = request["activate"] in ("start", "restart")
    ours = {entry["path"] for entry in request["files"]}
    return {
        path: entry["sha256"]
        for entries in owners.values()
        for path, entry in entries.items()
        if started or path in ours or node_state.is_loaded(path, node_files.describe(path), service, state)
    }


def _keep(number, owners):
    """Copy the managed files as they are now, for a return to them, and let go of the oldest copies."""
    directory = os.path.join(node_state.GENERATIONS, str(number))
    shutil.rmtree(directory, ignore_errors=True)
    node_files.make_private_directory(directory)
    kept = {}
    for owner, entries in owners.items():
        for path in entries:
            saved = os.path.join(directory, str(len(kept)))
            node_files.write_durably(saved, node_files.read_bytes(path))
            kept[path] = dict(entries[path], owner=owner, saved=os.path.basename(saved))
    node_files.write_json(os.path.join(directory, "files.json"), kept)
    numbers = sorted(int(name) for name in os.listdir(node_state.GENERATIONS) if name.isdigit())
    for old in [old for old in numbers if old <= number][:-GENERATIONS_KEPT]:
        shutil.rmtree(os.path.join(node_state.GENERATIONS, str(old)), ignore_errors=True)
