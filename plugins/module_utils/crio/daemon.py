# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon around a change: what it was, started anew, what it has loaded, and whether all that ran still runs."""

from __future__ import annotations

import time

from ..crictl import info as cri_info
from ..crictl import output as cri_output
from ..crictl.call import Crictl
from ..errors import NodeError, TransactionError
from ..program import run
from ..text import shown
from . import containers, journald
from .live import CrioSocketError, live_configuration
from .service import CrioService

_RELOADED = 'msg="Configuration reload completed"'  # server/server.go, CRI-O 1.20 to 1.37
_NOT_RELOADED = "Unable to reload configuration: "
_RELOAD_LIMIT = 15  # seconds; CRI-O takes some milliseconds
_SETTLED = 3  # seconds that a daemon must have run before its start counts
_POLL = 0.05  # seconds between two looks at a daemon that is coming up
STOP_LIMIT = (
    180  # seconds for a stop or a start outside of a change's own limits; systemd's default is 90 for each
)
START_MARGIN = 120  # seconds beyond ready_timeout: systemd's limits for the stop that precedes the start


def snapshot(service):
    """The daemon before the change, a contract.Before: what must not be worse afterwards.

    Of a daemon that does not serve the containers are known by their monitors. Raises TransactionError where a serving one
    cannot be asked.
    """
    found = {
        "aim": service.aim,
        "enabled": service.enabled,
        "invocation_id": service.invocation_id,
        "version": None,
        "running": [],
        "network_ready": False,
    }
    if not service.active:
        return dict(found, running=containers.snapshot())
    try:
        crictl = _crictl(service)
        running, conditions, version = crictl.together(
            lambda: cri_output.running(crictl.json("ps", "-o", "json")),
            lambda: _conditions(crictl),
            lambda: cri_info.version(crictl.text("version")),
        )
    except NodeError as error:
        raise TransactionError("refused", f"the runtime cannot be asked what runs on it: {error}") from error
    found["version"] = version.get("runtime_version")
    found["network_ready"] = conditions.get("NetworkReady", ("", False))[1]
    found["running"] = containers.snapshot(running)
    return found


def _crictl(service):
    return Crictl(f"unix://{service.socket}")


def _conditions(crictl):
    """{type: (why not, whether it holds)}"""
    return {
        each["type"]: (
            shown(": ".join(part for part in (each["reason"], each["message"]) if part)),
            each["status"],
        )
        for each in cri_info.conditions(crictl.json("info", "-q", "-o", "json"))
    }


def restart(unit, before, ready_timeout, words):
    """Start or restart the daemon. Raises TransactionError with what CRI-O or systemd said when it does not come up.

    words: start or restart, for the message.
    """
    after = journald.cursor()
    if before["aim"] == "down":
        run(["systemctl", "reset-failed", unit])
    status, _output, error = run(["systemctl", "restart", unit], timeout=ready_timeout + START_MARGIN)
    if status != 0:
        said = journald.complaint(unit, after, before["invocation_id"])
        service = CrioService(unit)
        said = said or service.ending or f"{error.strip()}; it is {service.state_words}"
        raise TransactionError("activate", f"CRI-O did not {words} with the new configuration", said)
    return after


def reload(unit):
    """Make the daemon read its files anew, and wait for its own word of how that went: systemctl's means nothing.

    Only lines that the daemon's main process wrote after the signal count. Raises TransactionError: with what CRI-O said where it
    refused, without `detail` where it said nothing.
    """
    pid, after = CrioService(unit).main_pid, journald.cursor()
    status, _output, error = run(["systemctl", "reload", unit])
    if status != 0:
        raise TransactionError("activate", f"systemctl reload {unit} failed", error.strip())
    deadline = time.monotonic() + _RELOAD_LIMIT
    while time.monotonic() < deadline:
        lines = journald.messages_of(pid, after)
        refused = next((line for line in lines if _NOT_RELOADED in line), None)
        if refused:
            said = journald.last_complaint([refused]).replace(_NOT_RELOADED, "")
            raise TransactionError("activate", "CRI-O did not reload the new configuration", said)
        if any(_RELOADED in line for line in lines):
            return
        time.sleep(_POLL)
    raise TransactionError(
        "acknowledge", f"after {_RELOAD_LIMIT} s {unit} has not said in its journal that it reloaded"
    )


def acknowledge(expect, started, service, before):
    """Make sure that the running daemon is one that started from the new files.

    expect: {key: value as CRI-O prints it}; started: whether the change starts the daemon. Returns {key: live value} for keys
    that something with a higher rank decides: a later file, an option of the daemon.
    """
    if not service.active:
        raise TransactionError(
            "acknowledge", f"{service.unit} is {service.state_words}, not active", service.ending
        )
    if started and service.invocation_id == before["invocation_id"]:
        raise TransactionError(
            "acknowledge", f"{service.unit} still runs under the InvocationID it had before"
        )
    try:
        live = live_configuration(service.socket)
    except CrioSocketError as error:
        raise TransactionError(
            "acknowledge", f"the daemon does not report its configuration: {error}"
        ) from error
    return {key: live.get(key) for key, value in sorted(expect.items()) if live.get(key) != value}


def probe(service, before, ready_timeout, after=None):
    """Wait until the runtime is as ready as it was, with every container that ran still running.

    Containers that ended by themselves meanwhile do not count; they are returned as sentences. A daemon that was started
    must still be the same one a moment later. after: a journal cursor from before the start. Raises TransactionError.
    """
    crictl = _crictl(service)
    deadline = time.monotonic() + ready_timeout
    while True:
        lacking, ended = _what_lacks(crictl, service, before)
        if not lacking:
            break
        now = CrioService(service.unit)
        if now.phase == "stopped" or now.invocation_id != service.invocation_id:
            raise TransactionError("probe", *_died(now, after, before))
        if time.monotonic() > deadline:
            raise TransactionError("probe", f"after {ready_timeout} s {lacking}")
        time.sleep(_POLL)
    _settle(service, before, after)
    return ended


def _settle(service, before, after):
    """Make sure that a start lasts: the same daemon, some seconds after its start."""
    if service.serving_for < _SETTLED:
        time.sleep(_SETTLED - service.serving_for)
    now = CrioService(service.unit)
    same = (now.invocation_id, now.main_pid, now.restarts) == (
        service.invocation_id,
        service.main_pid,
        service.restarts,
    )
    if not (now.active and same):
        raise TransactionError("probe", *_died(now, after, before))


def _died(now, after, before):
    said = journald.complaint(now.unit, after, before["invocation_id"]) or now.ending
    return f"{now.unit} did not stay up: it is {now.state_words}", said


def _what_lacks(crictl, service, before):
    """(what is not as it was, as a clause, "" for nothing; the containers that ended by themselves)"""
    try:
        conditions, listed = crictl.together(
            lambda: _conditions(crictl), lambda: cri_output.running(crictl.json("ps", "-o", "json"))
        )
    except NodeError as error:
        return f"the runtime does not answer: {error}", []
    for name, needed in (("RuntimeReady", True), ("NetworkReady", before["network_ready"])):
        why, holds = conditions.get(name, ("", False))
        if needed and not holds:
            return f"{name} is false{f': {why}' if why else ''}", []
    ids = {each["id"] for each in listed}
    missing = [each for each in before["running"] if each["id"] not in ids]
    # Under another KillMode a stop ends the daemon alone.
    group = service.control_group if service.kill_mode in ("control-group", "mixed") else ""
    lost, pending, ended = containers.judge(missing, ids, group, _exit_codes(crictl, missing))
    return "; ".join([*lost, *pending]), ended


def _exit_codes(crictl, missing):
    """{id: exit code, -1 where it has none} of containers that the runtime still knows."""
    if not missing:
        return {}
    try:
        details = crictl.details([each["id"] for each in missing])
    except NodeError:
        return {}
    return {identity: each.get("exit_code", -1) for identity, each in details.items()}


def start_again(unit):
    """Start the daemon from the files it has now. Returns what is wrong, "" for nothing.

    After failed starts systemd refuses until its counter is reset.
    """
    run(["systemctl", "reset-failed", unit])
    after = journald.cursor()
    status, _output, error = run(["systemctl", "start", unit], timeout=STOP_LIMIT)
    if status == 0:
        return ""
    said = journald.complaint(unit, after, "") or error.strip()
    return f"{unit} did not start again: {said}"


def as_ready_as_before(unit, before, limit):
    """What is worse than before, as a clause; "" for nothing. Waits up to `limit` seconds."""
    try:
        probe(CrioService(unit), before, limit)
    except NodeError as error:
        return str(error)
    return ""


def reload_back(unit):
    """Let a daemon that was told of a change read the old files again. Returns what is left wrong, "" if nothing.

    A daemon that refuses once more, because of somebody else's file, has kept what it had.
    """
    try:
        reload(unit)
    except TransactionError as problem:
        return "" if problem.detail else str(problem)
    return ""
