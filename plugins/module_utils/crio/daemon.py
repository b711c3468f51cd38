# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon around a change: what it was, started anew, what it has loaded, and whether all that ran still runs."""

from __future__ import annotations

import re
import time

from ..crictl.call import Crictl, CrictlError
from ..errors import TransactionError
from ..program import run
from .live import CrioSocketError, live_configuration
from .service import CrioService

_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')  # logrus's text format; with log_level debug a file follows
_RELOADED = 'msg="Configuration reload completed"'  # server/server.go, CRI-O 1.20 to 1.37
_NOT_RELOADED = "Unable to reload configuration: "
_RELOAD_LIMIT = 15  # seconds; CRI-O takes some milliseconds
_POLL = 0.05  # seconds between two looks at a daemon that is coming up


def snapshot(service):
    """The daemon before the change: what must not be worse afterwards."""
    found = {
        "active": service.active,
        "enabled": service.enabled,
        "invocation_id": service.invocation_id,
        "running": [],
        "network_ready": False,
        "version": None,
    }
    if service.active:
        try:
            crictl = Crictl(f"unix://{service.socket}")
            questions = (
                lambda: _running(crictl),
                lambda: _conditions(crictl),
                lambda: _running_version(crictl),
            )
            found["running"], conditions, found["version"] = crictl.together(*questions)
            found["network_ready"] = conditions.get("NetworkReady", False)
        except CrictlError as error:
            raise TransactionError(
                "refused", f"the runtime cannot be asked what runs on it: {error}"
            ) from error
    return found


def _running(crictl):
    return sorted(container["id"] for container in crictl.json("ps", "-o", "json").get("containers") or [])


def _conditions(crictl):
    status = crictl.json("info", "-q", "-o", "json").get("status") or {}
    return {condition["type"]: condition["status"] for condition in status.get("conditions") or []}


def _running_version(crictl):
    words = [line.split(":", 1) for line in crictl.text("version").splitlines() if ":" in line]
    return next((value.strip() for name, value in words if name == "RuntimeVersion"), None)


def restart(request, before):
    """Start or restart the daemon. Raises TransactionError with what CRI-O said when it does not come up."""
    started_at = time.time()
    if not before["active"]:
        run(["systemctl", "reset-failed", request["unit"]])
    command = ["systemctl", "restart", request["unit"]]
    status, _output, error = run(command, timeout=request["ready_timeout"] + 90)
    if status != 0:
        said = _complaint_since(request["unit"], started_at) or error.strip()
        raise TransactionError(
            "activate", f"CRI-O did not {request['activate']} with the new configuration", said
        )


def reload(request):
    """Make the daemon read its files anew, and wait for its own word of how that went: systemctl's means nothing.

    Raises TransactionError: with what CRI-O said where it refused, without `detail` where it said nothing.
    """
    unit, started_at = request["unit"], time.time()
    status, _output, error = run(["systemctl", "reload", unit])
    if status != 0:
        raise TransactionError("activate", f"systemctl reload {unit} failed", error.strip())
    deadline = time.monotonic() + _RELOAD_LIMIT
    while time.monotonic() < deadline:
        lines = _journal_since(unit, started_at)
        if any(_RELOADED in line for line in lines):
            return
        refused = next((line for line in lines if _NOT_RELOADED in line), None)
        if refused:
            said = last_complaint([refused]).replace(_NOT_RELOADED, "")
            raise TransactionError("activate", "CRI-O did not reload the new configuration", said)
        time.sleep(_POLL)
    raise TransactionError(
        "acknowledge", f"after {_RELOAD_LIMIT} s {unit} has not said in its journal that it reloaded"
    )


def acknowledge(request, service, before):
    """Make sure that the running daemon is one that started from the new files.

    Returns {key: live value} for keys that something with a higher rank decides: a later file, an option of the daemon.
    """
    if not service.active:
        raise TransactionError("acknowledge", f"{service.unit} is {service.active_state}, not active")
    if request["activate"] in ("start", "restart") and service.invocation_id == before["invocation_id"]:
        raise TransactionError(
            "acknowledge", f"{service.unit} still runs under the InvocationID it had before"
        )
    try:
        live = live_configuration(service.socket)
    except CrioSocketError as error:
        raise TransactionError(
            "acknowledge", f"the daemon does not tell its configuration: {error}"
        ) from error
    return {key: live.get(key) for key, value in sorted(request["expect"].items()) if live.get(key) != value}


def probe(request, service, before):
    """Wait until the runtime is as ready as it was, with every container that ran still running."""
    crictl = Crictl(f"unix://{service.socket}")
    deadline = time.monotonic() + request["ready_timeout"]
    while True:
        lacking = _what_lacks(crictl, before)
        if not lacking:
            return
        if time.monotonic() > deadline:
            raise TransactionError("probe", f"after {request['ready_timeout']} s {lacking}")
        time.sleep(_POLL)


def _what_lacks(crictl, before):
    try:
        conditions, running = crictl.together(lambda: _conditions(crictl), lambda: _running(crictl))
    except CrictlError as error:
        return f"the runtime does not answer: {error}"
    if not conditions.get("RuntimeReady"):
        return "RuntimeReady is false"
    if before["network_ready"] and not conditions.get("NetworkReady"):
        return "NetworkReady is false, and it was true before"
    gone = sorted(set(before["running"]) - set(running))
    return f"{len(gone)} containers that ran before run no more: {', '.join(gone)}" if gone else ""


def reload_back(unit):
    """Let a daemon that was told of a change read the old files again. Returns what is left wrong, "" if nothing.

    A daemon that refuses once more, because of somebody else's file, has kept what it had.
    """
    try:
        reload({"unit": unit})
    except TransactionError as problem:
        return "" if problem.detail else str(problem)
    return ""


def bring_back(unit, before):
    """Start the daemon from the files it had. After failed starts systemd refuses until its counter is reset."""
    run(["systemctl", "reset-failed", unit])
    status, _output, error = run(["systemctl", "start", unit], timeout=180)
    if status != 0:
        return f"{unit} did not start again: {error.strip()}"
    try:
        probe({"ready_timeout": 60}, CrioService(unit), before)
    except TransactionError as problem:
        return str(problem)
    return ""


def _complaint_since(unit, since):
    """What the unit's journal holds as the reason of a failed start, from `since` (seconds since the epoch) on."""
    return last_complaint(_journal_since(unit, since))


def _journal_since(unit, since):
    command = ["journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, "--since", f"@{since:.3f}"]
    return run(command)[1].splitlines()


def last_complaint(lines):
    """CRI-O's own line for what stopped it: the last fatal one, else the last error; without logrus's wrapping."""
    for level in ("level=fatal", "level=panic", "level=error"):
        for line in reversed(lines):
            said = _MESSAGE.search(line)
            if level in line and said:
                return said.group(1).replace('\\"', '"')
    return lines[-1].strip() if lines else ""
