# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the transaction as a transient systemd unit: it outlives the connection and the controller that asked for it."""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
import zipfile

from .. import node_files, node_state
from ..errors import NodeError
from ..program import run
from . import journal

UNIT = "cri-node-apply.service"
_LONGEST_RUN = 900  # seconds, after which systemd ends the change and it is undone
_ROOT = __name__.rpartition(".transaction.")[0]
_MAIN = "import sys\nfrom cri_node.transaction.apply import main\nsys.exit(main(sys.argv[1:]))\n"
#: what the program needs of this package, listed so that a missing module fails in a test and not on a node
PACKAGES = ("crictl", "crio", "transaction")
MODULES = (
    "crictl.call",
    "crictl.output",
    "crio.daemon",
    "crio.live",
    "crio.service",
    "errors",
    "node_files",
    "node_host",
    "node_state",
    "program",
    "text",
    "transaction.apply",
    "transaction.candidate",
    "transaction.generation",
    "transaction.journal",
    "transaction.recovery",
    "transaction.unit",
)


class UnitError(NodeError):
    """systemd did not run the transaction; the message is for people."""


def run_transaction(request):
    """Run transaction.apply for `request` in its unit and wait for it. Returns its outcome, a dictionary.

    The outcome has `committed`, or `failed` with `phase`, `message`, `detail`, and `rolled_back` with `as_before`.
    """
    if _is_busy():
        raise UnitError(f"another change of this node is under way ({UNIT}); wait for its end and run again")
    _prepare()
    node_files.write_json(journal.REQUEST.format(request["id"]), request)
    error = _run("apply", request["id"])
    outcome = node_files.read_json(journal.RESULT.format(request["id"]))
    if outcome is None:
        raise UnitError(f"{UNIT} ended without a result{error}; journalctl -u {UNIT} says more")
    node_files.remove(journal.RESULT.format(request["id"]))
    return outcome


def run_recovery():
    """End a transaction that something interrupted; nothing happens where none is open, or where one still runs."""
    if os.path.exists(node_state.INTENT) and not _is_busy():
        _prepare()
        _run("recover")


def _is_busy():
    """Whether the unit runs, its recovery included; systemd shows a unit that does not exist as inactive."""
    return run(["systemctl", "show", UNIT, "-p", "ActiveState", "--value"])[1].strip() not in (
        "",
        "inactive",
        "failed",
    )


def _prepare():
    """The program, and room for it; requests and results that nobody fetched go, since no transaction runs now."""
    node_files.make_private_directory(node_state.STATE_DIRECTORY)
    node_files.make_private_directory(node_state.TRANSACTION)
    for name in os.listdir(node_state.TRANSACTION):
        if name.startswith(("request-", "result-")):
            node_files.remove(os.path.join(node_state.TRANSACTION, name))
    node_files.write_durably(journal.PROGRAM, program())


def _run(*verb):
    program_call = f"{sys.executable} {journal.PROGRAM} recover"
    arguments = ["systemd-run", "--quiet", "--collect", "--wait", f"--unit={UNIT}", "-p", "Type=exec"]
    arguments += ["-p", "TimeoutStopSec=300", "-p", f"RuntimeMaxSec={_LONGEST_RUN}"]
    # A shell spares the usual, uninterrupted end the start of another Python.
    arguments += ["-p", f"ExecStopPost=/bin/sh -c 'test ! -e {node_state.INTENT} || exec {program_call}'"]
    arguments += [sys.executable, journal.PROGRAM, *verb]
    if not shutil.which("systemd-run"):
        raise UnitError("systemd-run is not on this node")
    _status, _output, error = run(arguments, timeout=_LONGEST_RUN + 330)
    return f": {error.strip()}" if error.strip() else ""


def program():
    """The transaction as one zip file that Python can run: this collection's own modules, by the paths they have here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", _MAIN)
        for name in ("", *PACKAGES):
            archive.writestr(f"cri_node/{name}/__init__.py".replace("//", "/"), "")
        for name in MODULES:
            archive.writestr(f"cri_node/{name.replace('.', '/')}.py", _source_of(f"{_ROOT}.{name}"))
    return buffer.getvalue()


def _source_of(name):
    return importlib.import_module(name).__loader__.get_source(name)
