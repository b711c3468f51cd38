# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the transaction as a transient systemd unit, which outlives the connection and the controller.

The request is passed in memory, on the unit's standard input, since it may hold secrets. The unit and its helpers:

- cri-node-apply.service runs the change; its ExecStopPost ends an interrupted one, and its next start ends what was killed then
- cri-node-recover.service (exists during a change) ends it at the next boot
- cri-node-retry.service continues an interrupted recovery, until its cause is gone
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any, cast

from .. import documents, node_files
from ..errors import NodeError
from ..layout import Layout
from ..program import run, run_aloud
from . import intent, lock
from . import state as committed
from .idle import UNIT, is_busy, wait_until_idle

if TYPE_CHECKING:
    # zip_import and main are what the program starts with. Ansible copies to a node what a module imports anywhere, with all that
    # this imports. Only the program itself runs it: each module that is imported at the top is compiled in each call of a node.
    from .. import zip_import  # noqa: F401
    from ..contract import Outcome, Request
    from . import main  # noqa: F401

_MARGIN = 900  # seconds for stopping, going back and cleaning up, beyond what the request allows for
_STOP_LIMIT = 600  # seconds for the recovery after a kill
_RESULTS_KEPT = 4
_PAUSE = 3  # seconds between a kill and the next start: never as often as systemd's limit of five starts in ten seconds
_POLL = 0.2
_ROOT = __name__.rpartition(".transaction.")[0]
#: the modules of the program, listed so that a missing one fails in a test and not on a node
PACKAGES = ("containerd", "crictl", "crio", "pod", "transaction")
MODULES = (
    "cni_networks",
    "credentials",
    "crictl.call",
    "crictl.container_details",
    "crictl.container_output",
    "crictl.failure",
    "crictl.fields",
    "crictl.image_output",
    "crictl.info",
    "crictl.parallel",
    "crictl.pod_output",
    "crictl.queries",
    "crictl.start",
    "crictl.start_errors",
    "crictl.times",
    "crictl.unexpected",
    "crio.containers",
    "crio.daemon",
    "crio.effective",
    "crio.handlers",
    "crio.journald",
    "crio.live",
    "crio.reload",
    "crio.sandboxes",
    "crio.service",
    "documents",
    "errors",
    "kubelet",
    "layout",
    "managed_file",
    "node_files",
    "node_host",
    "node_state",
    "os_errors",
    "program",
    "selinux_labels",
    "signature_scopes",
    "text",
    "transaction.apply",
    "transaction.candidate",
    "transaction.generation",
    "transaction.guards",
    "transaction.intent",
    "transaction.lock",
    "transaction.losses",
    "transaction.main",
    "transaction.origin",
    "transaction.probes",
    "transaction.programs",
    "transaction.recovery",
    "transaction.configuration_copy",
    "transaction.state",
    "trust_store",
    "zip_import",
)
# Imports all modules at once, also those that are only needed for an error: later a disk may be broken or too many files be open.
_MAIN = "\n".join(
    [
        "import sys",
        "import cri_node.zip_import",
        "cri_node.zip_import.compile_once()",
        *(f"import cri_node.{name}" for name in MODULES),
        "sys.exit(cri_node.transaction.main.main(sys.argv[1:]))\n",
    ]
)
#: more of its modules, which only a change with probes imports
MODULES_OF_PROBES = (
    "crictl.docker_log",
    "crictl.log",
    "crictl.log_files",
    "crictl.log_rotation",
    "crictl.log_selection",
    "crictl.log_unpacking",
    "pod.config_hash",
    "pod.host",
    "pod.images",
    "pod.marks",
    "pod.once",
    "pod.present",
    "pod.result",
)
#: those that only a change of containerd imports, before anything of it begins
MODULES_OF_CONTAINERD = ("containerd.candidate", "containerd.effective", "containerd.service", "toml_reader")
ALL_MODULES = (*MODULES, *MODULES_OF_PROBES, *MODULES_OF_CONTAINERD)


class UnitError(NodeError):
    """systemd did not run the transaction; the message is a sentence for the user."""


def run_transaction(
    request: Request, layout: Layout, settling: Callable[[str], None] | None = None
) -> Outcome:
    """Run transaction.apply for `request` in its unit and wait for it. Returns its contract.Outcome.

    settling: called with the runtime's socket while the change waits whether the start of its daemon lasts, in another
    thread. It is not called for a change without such a wait.

    A repeated request, as after a lost connection, gets the outcome of the first one. Raises UnitError, lock.Busy.
    """
    limit = _limit(request["ready_timeout"])
    known = known_outcome(layout, request["id"], request["ready_timeout"])
    if known is not None:
        return known
    if is_busy(layout):
        raise lock.Busy(
            f"another change of this node is in progress ({UNIT}); run again when it has finished"
        )
    program = _prepare(layout)
    heard = _listener(settling) if settling else None
    said = _run(layout, program, limit, ["apply", request["id"], program], json.dumps(request), heard)
    outcome = _outcome_of(layout, request["id"], 0) or _printed(said)
    if outcome is None:
        words = " ".join(said[1].split())[-300:]
        if "already" in words and UNIT in words:
            raise lock.Busy(
                f"another change of this node is in progress ({UNIT}); run again when it has finished"
            )
        raise UnitError(
            f"{UNIT} ended without a result{f': {words}' if words else ''}; see journalctl -u {UNIT}"
        )
    return outcome


def known_outcome(layout: Layout, identity: str, ready_timeout: int) -> Outcome | None:
    """Return the outcome of the transaction with this id: None if there was none. Waits for one that is running.

    ready_timeout: seconds, as in the request of the transaction.
    """
    return _outcome_of(layout, identity, _limit(ready_timeout))


def _limit(ready_timeout: int) -> int:
    """Return the seconds that a transaction may take."""
    return 3 * ready_timeout + _MARGIN


def _outcome_of(layout: Layout, identity: str, limit: float) -> Outcome | None:
    """Return the outcome of the transaction with this id, if it has ended or ends within `limit` seconds; else None."""
    deadline = time.monotonic() + limit
    while limit and lock.holder(layout) == identity and time.monotonic() < deadline:
        time.sleep(_POLL)
    try:
        text = node_files.read_text(layout.result(identity))
        if text is not None:
            return documents.read_outcome(text, layout.result(identity))
        state, _damage = committed.load(layout)
    except NodeError:
        return None
    if state["transaction"] == identity:
        from . import recovery  # compiled only when it is needed

        return recovery.interrupted({"committed": True, "generation": state["generation"], "warnings": []})
    return None


def _printed(said: tuple[str, str]) -> Outcome | None:
    """Return the outcome that the program printed, for a node whose disk is full or read-only."""
    for line in said[0].splitlines():
        outcome = _document(line)
        if "format" in outcome:
            return cast("Outcome", outcome)
    return None


def _listener(settling: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that reads one line of the program's output, and calls `settling` if that line announces it."""

    def heard(line: str) -> None:
        socket = _document(line).get("settling")
        if isinstance(socket, str):
            settling(socket)

    return heard


def _document(line: str) -> dict[str, Any]:
    """Return the object that the program printed as one line; {} for any other line."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def end_interrupted(layout: Layout, seconds: float) -> list[str]:
    """Wait for a running change, and end an interrupted one. Returns sentences about what is still wrong.

    Raises lock.Busy for a change that still runs after so many seconds, and UnitError if the change cannot be ended.
    """
    wait_until_idle(layout, seconds)
    notes = _set_damaged_state_aside(layout)
    if not intent.needs_recovery(layout):
        return notes
    program = _prepare(layout)
    said = _run(layout, program, _STOP_LIMIT, ["recover", program])
    outcome = _printed(said) or {}
    if intent.is_open(layout):
        problem = outcome.get("problem") or " ".join(said[1].split())[-300:] or "see journalctl -u " + UNIT
        raise UnitError(
            f"an earlier change of this node was interrupted and could not be undone yet: {problem}"
        )
    return notes + [each for each in (outcome.get("problem"), *outcome.get("warnings", [])) if each]


def _set_damaged_state_aside(layout: Layout) -> list[str]:
    """Rename a damaged state, which would be reported by every run that changes nothing. Returns notes."""
    _state, damage = committed.load(layout)
    if not damage:
        return []
    return [f"{damage}; the damaged file is kept as {node_files.set_aside(layout.state_file)}"]


def _prepare(layout: Layout) -> str:
    """Write the program, and remove what earlier runs left. Returns the path of the program."""
    node_files.make_private_directory(layout.state_directory)
    node_files.make_private_directory(layout.transaction)
    content = program()
    digest = node_files.digest(content)
    path = layout.program(digest)
    if node_files.describe(path).get("sha256") != digest:
        node_files.write_durably(path, content)
    _sweep(layout, keep=path)
    return path


def _sweep(layout: Layout, keep: str) -> None:
    """Remove requests of older versions (they may hold secrets), old results, and programs that are not needed."""
    names = os.listdir(layout.transaction)
    results = sorted(
        (name for name in names if name.startswith("result-")),
        key=lambda name: os.lstat(os.path.join(layout.transaction, name)).st_mtime,
    )
    old = [name for name in names if name.startswith("request-")] + results[:-_RESULTS_KEPT]
    if not intent.needs_recovery(layout):
        old += [name for name in names if name.startswith("program") and name != os.path.basename(keep)]
    for name in old:
        node_files.remove(os.path.join(layout.transaction, name))


def _run(
    layout: Layout,
    program: str,
    limit: int,
    verb: list[str],
    stdin: str = "",
    heard: Callable[[str], None] | None = None,
) -> tuple[str, str]:
    """Run the program in its unit and wait for it. Returns (stdout, stderr). heard: gets each line of the first at once."""
    if not shutil.which("systemd-run"):
        raise UnitError("systemd-run, which is part of systemd, is not installed on this node")
    call = f"{sys.executable} {program} recover {program}"
    arguments = [
        "systemd-run",
        "--quiet",
        "--collect",
        "--wait",
        "--pipe",
        f"--unit={UNIT}",
        "-p",
        "Type=exec",
    ]
    arguments += ["-p", f"TimeoutStopSec={_STOP_LIMIT}", "-p", f"RuntimeMaxSec={limit}"]
    # A shell avoids the start of another Python at the usual, uninterrupted end.
    # No dollar sign: systemd doubles one each time it reads a transient unit again (seen on 257).
    partial = f"ls {layout.transaction}/*{node_files.PARTIAL} >/dev/null 2>&1"
    look = f"test -e {layout.intent} || test -e {layout.preparation} || {partial}"
    arguments += ["-p", f"ExecStopPost=/bin/sh -c 'if {look}; then exec {call}; fi'"]
    # After a kill, of the recovery too, the next start ends what is open. The candidate's folder is removed with the unit.
    arguments += ["-p", "Restart=on-abnormal", "-p", f"RestartSec={_PAUSE}"]
    arguments += ["-p", f"RuntimeDirectory={os.path.relpath(layout.candidate, layout.at('/run'))}"]
    arguments += ["-p", "RuntimeDirectoryMode=0700"]
    arguments += [sys.executable, program, *verb]
    with _in_memory(stdin) as file:
        timeout = limit + _STOP_LIMIT + 30
        if heard:
            _status, output, error = run_aloud(arguments, heard, timeout, file)
        else:
            _status, output, error = run(arguments, timeout=timeout, stdin=file)
    return output, error


def _in_memory(text: str) -> IO[bytes]:
    """Return a file in memory with this text, at its start."""
    file = os.fdopen(os.memfd_create("cri-node"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file


def program(modules: Iterable[str] = ALL_MODULES) -> bytes:
    """Return the transaction as a zip file that Python can run, with the collection's own modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN)
        for name in ("", *PACKAGES):
            _add(archive, f"cri_node/{name}/__init__.py".replace("//", "/"), "")
        for name in modules:
            _add(archive, f"cri_node/{name.replace('.', '/')}.py", _source_of(f"{_ROOT}.{name}"))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a file with a fixed time: equal modules give equal bytes, and so the same name."""
    archive.writestr(
        zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED, compresslevel=1
    )


def _source_of(name: str) -> str:
    """Return the source of a module without importing it."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise UnitError(f"the module {name} of the transaction is missing on this node")
    loader: Any = found.loader  # one that has the source, as a zip file's has too
    source: str = loader.get_source(name)
    return source
