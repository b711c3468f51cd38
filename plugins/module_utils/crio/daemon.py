# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon around a change: recorded before it, restarted, acknowledged, and probed. reload.py reloads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..crictl import container_output, queries
from ..crictl import info as cri_info
from ..crictl.call import Crictl
from ..errors import NodeError, TransactionError
from ..program import run
from ..text import shown
from . import containers, journald
from .live import CrioSocketError, live_configuration
from .service import RuntimeService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before, Container

_SETTLED = 3  # seconds that a daemon must have run before its start counts
_POLL = 0.05  # seconds between two polls of a daemon that is starting
STOP_LIMIT = (
    180  # seconds for a stop or a start outside of a change's own limits; systemd's default is 90 for each
)
START_MARGIN = 120  # seconds beyond ready_timeout: systemd's limits for the stop that precedes the start


def snapshot(service: RuntimeService, keys: Iterable[str] = ()) -> Before:
    """Record the daemon before a change, as a contract.Before. keys: those whose live values are recorded.

    The containers of a daemon that is not serving are found by their monitors, if it starts any. Raises TransactionError if a
    serving daemon cannot be asked.
    """
    found: Before = {
        "aim": service.aim,
        "enabled": service.enabled,
        "invocation_id": service.invocation_id,
        "running": [],
        "network_ready": False,
        "live": {},
    }
    if not service.active:
        found["running"] = containers.snapshot() if service.starts_monitors else []
        return found
    try:
        crictl = _crictl(service)
        running, conditions = crictl.together(
            lambda: container_output.running(crictl.json("ps", "-o", "json")), lambda: _conditions(crictl)
        )
    except NodeError as error:
        raise TransactionError(
            "refused", f"the containers of the runtime cannot be listed: {error}"
        ) from error
    found["network_ready"] = conditions.get("NetworkReady", ("", False))[1]
    found["running"] = containers.snapshot(running)
    found["live"] = _live_values(service, keys)
    return found


def _live_values(service: RuntimeService, keys: Iterable[str]) -> dict[str, str | None]:
    """Return the live values of these keys, {} for none. Raises TransactionError."""
    keys = list(keys)
    if not keys:
        return {}
    try:
        live = live_configuration(service.socket)
    except CrioSocketError as error:
        raise TransactionError("refused", f"the daemon does not report its configuration: {error}") from None
    return {key: live.get(key) for key in keys}


def _crictl(service: RuntimeService) -> Crictl:
    return Crictl(f"unix://{service.socket}")


def _conditions(crictl: Crictl) -> dict[str, tuple[str, bool]]:
    """Return {type of a condition: (reason, status)}."""
    return {
        each["type"]: (
            shown(": ".join(part for part in (each["reason"], each["message"]) if part)),
            each["status"],
        )
        for each in cri_info.conditions(crictl.json("info", "-q", "-o", "json"))
    }


def restart(service: RuntimeService, before: Before, ready_timeout: int, words: str) -> str | None:
    """Start or restart the daemon. Raises TransactionError with its message or that of systemd if it does not come up.

    words: start or restart, for the message. Returns the cursor of the system's journal before the start.
    """
    unit = service.unit
    after = journald.cursor()
    if before["aim"] == "down":
        run(["systemctl", "reset-failed", unit])
    status, _output, error = run(["systemctl", "restart", unit], timeout=ready_timeout + START_MARGIN)
    if status != 0:
        said = journald.complaint(unit, after, before["invocation_id"])
        service = service.again()
        said = said or service.ending or f"{error.strip()}; it is {service.state_words}"
        raise TransactionError(
            "activate", f"{service.product} did not {words} with the new configuration", said
        )
    return after


def acknowledge(
    expect: dict[str, str | None],
    started: bool,
    service: RuntimeService,
    before: Before,
    after: str | None = None,
) -> dict[str, str | None]:
    """Make sure that the running daemon uses the new files. Raises TransactionError.

    expect: {key: value as CRI-O prints it}. started: whether the change starts the daemon. after: a journal cursor from before
    the start. Returns {key: live value} for keys that something with a higher rank decides: a later file, or an option of the
    daemon.
    """
    if not service.active:
        said = journald.complaint(service.unit, after, before["invocation_id"]) or service.ending
        raise TransactionError("acknowledge", f"{service.unit} is {service.state_words}, not active", said)
    if started and service.invocation_id == before["invocation_id"]:
        raise TransactionError(
            "acknowledge", f"{service.unit} still has the same InvocationID as before: it was not restarted"
        )
    if not service.reports_configuration:
        return {}  # it reads its files at each start, and at no other time
    try:
        live = live_configuration(service.socket)
    except CrioSocketError as error:
        raise TransactionError(
            "acknowledge", f"the daemon does not report its configuration: {error}"
        ) from None
    return {key: live.get(key) for key, value in sorted(expect.items()) if live.get(key) != value}


def probe(
    service: RuntimeService,
    before: Before,
    ready_timeout: int,
    after: str | None = None,
    settling: Callable[[str], None] | None = None,
) -> tuple[RuntimeService, list[str]]:
    """Wait until the runtime is as ready as before, with all containers running that ran before.

    A daemon that was started must still be running a few seconds later. Returns the unit as it is then, and sentences about
    containers that ended by themselves in the meantime or whose loss an overruled guard has announced, neither of which count.
    after: a journal cursor from before the start. settling: called with the runtime's socket before the wait of some seconds,
    if there is one. Raises TransactionError.
    """
    crictl = _crictl(service)
    deadline = time.monotonic() + ready_timeout
    while True:
        lacking, ended = _what_lacks(crictl, service, before)
        if not lacking:
            break
        now = service.again()
        if now.phase == "stopped" or now.invocation_id != service.invocation_id:
            raise TransactionError("probe", *_died(now, after, before))
        hopeless = now.cannot_become_ready(after)
        if hopeless:
            raise TransactionError(
                "probe", f"{service.product} started, but serves no pods with the new configuration", hopeless
            )
        if time.monotonic() > deadline:
            raise TransactionError("probe", f"after {ready_timeout} s {lacking}")
        time.sleep(_POLL)
    return _settled(service, before, after, settling), ended


def _settled(
    service: RuntimeService, before: Before, after: str | None, settling: Callable[[str], None] | None
) -> RuntimeService:
    """Make sure that a start lasts: the same daemon still runs a few seconds later. Returns the unit as it is then."""
    if service.serving_for < _SETTLED:
        if settling:
            settling(service.socket)
        time.sleep(max(_SETTLED - service.serving_for, 0))
    now = service.again()
    same = (now.invocation_id, now.main_pid, now.restarts) == (
        service.invocation_id,
        service.main_pid,
        service.restarts,
    )
    if not (now.active and same):
        raise TransactionError("probe", *_died(now, after, before))
    return now


def _died(now: RuntimeService, after: str | None, before: Before) -> tuple[str, str]:
    said = journald.complaint(now.unit, after, before["invocation_id"]) or now.ending
    return f"{now.unit} did not stay up: it is {now.state_words}", said


def _what_lacks(crictl: Crictl, service: RuntimeService, before: Before) -> tuple[str, list[str]]:
    """Return (what is worse than before, as a clause, or ""; sentences about containers that do not count)."""
    try:
        conditions, listed = crictl.together(
            lambda: _conditions(crictl), lambda: container_output.running(crictl.json("ps", "-o", "json"))
        )
    except NodeError as error:
        return f"the runtime does not answer: {error}", []
    for name, needed in (("RuntimeReady", True), ("NetworkReady", before["network_ready"])):
        why, holds = conditions.get(name, ("", False))
        if needed and not holds:
            return f"{name} is false{f': {why}' if why else ''}", []
    ids = {each["id"] for each in listed}
    missing = [each for each in before["running"] if each["id"] not in ids]
    # With another KillMode a stop ends only the daemon.
    group = service.control_group if service.kill_mode in ("control-group", "mixed") else ""
    accepted = {identity for each in before.get("overruled", []) for identity in each["containers"]}
    lost, pending, ended = containers.judge(missing, ids, group, _exit_codes(crictl, missing), accepted)
    return "; ".join([*lost, *pending]), ended


def _exit_codes(crictl: Crictl, missing: list[Container]) -> dict[str, int]:
    """Return {id: exit code, -1 without one} for containers that the runtime still knows."""
    if not missing:
        return {}
    try:
        details = queries.container_details(crictl, [each["id"] for each in missing])
    except NodeError:
        return {}
    return {identity: each.get("exit_code", -1) for identity, each in details.items()}


def start_again(unit: str) -> str:
    """Start the daemon with its current files. Returns what is wrong, or "".

    After failed starts systemd refuses to start a unit until its counter is reset.
    """
    run(["systemctl", "reset-failed", unit])
    after = journald.cursor()
    status, _output, error = run(["systemctl", "start", unit], timeout=STOP_LIMIT)
    if status == 0:
        return ""
    said = journald.complaint(unit, after, "") or error.strip()
    return f"{unit} did not start again: {said}"


def as_ready_as_before(service: RuntimeService, before: Before, limit: int) -> str:
    """Wait up to `limit` seconds for the runtime. Returns what is worse than before, as a clause, or ""."""
    try:
        probe(service.again(), before, limit)
    except NodeError as error:
        return str(error)
    return ""
