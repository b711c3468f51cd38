# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads the daemon (SIGHUP), and makes sure that it uses what it read.

`systemctl reload` always succeeds, and CRI-O goes on with what it had if it refuses a file. So only its log and its live
configuration show how a reload ended.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..errors import TransactionError
from ..program import run
from . import effective, journald
from .live import CrioSocketError, live_configuration
from .service import CrioService, RuntimeService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before

_RELOADED = 'msg="Configuration reload completed"'  # server/server.go, CRI-O 1.20 to 1.37
_NOT_RELOADED = "Unable to reload configuration: "
_LIMIT = 15  # seconds; CRI-O takes some milliseconds
_QUIET = 1  # seconds without a complaint after the live values show a reload: CRI-O may still refuse something else
_POLL = 0.05  # seconds


def reload(unit: str, shown_by: Mapping[str, str | None]) -> None:
    """Reload the daemon, and wait until it shows how that went.

    Only lines that the daemon's main process wrote after the signal count. shown_by: live values that show a reload too, of a
    daemon that may not log it; {} if it logs it. Raises TransactionError: with CRI-O's message if it refused, without `detail` if
    nothing shows that it reloaded.
    """
    service, after = CrioService(unit), journald.cursor()
    status, _output, error = run(["systemctl", "reload", unit])
    if status != 0:
        raise TransactionError("activate", f"systemctl reload {unit} failed", error.strip())
    shown_since = None
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        if _is_logged(journald.messages_of(service.main_pid, after)):
            return
        if not shown_by or differing(shown_by, service):
            shown_since = None
        elif shown_since is None:
            shown_since = time.monotonic()
        elif time.monotonic() - shown_since > _QUIET:
            return
        time.sleep(_POLL)
    nor = ", nor do its live values show it" if shown_by else ""
    raise TransactionError("acknowledge", f"{unit} did not log within {_LIMIT} s that it reloaded{nor}")


def _is_logged(lines: list[str]) -> bool:
    """Return whether the daemon logged that it reloaded. Raises TransactionError if it logged that it refused to."""
    refused = next((line for line in lines if _NOT_RELOADED in line), None)
    if refused:
        said = journald.last_complaint([refused]).replace(_NOT_RELOADED, "")
        raise TransactionError("activate", "CRI-O did not reload the new configuration", said)
    return any(_RELOADED in line for line in lines)


def differing(expected: Mapping[str, str | None], service: RuntimeService) -> dict[str, str | None]:
    """Return the live values that are not the expected ones; those of all keys if the daemon reports none."""
    try:
        live = live_configuration(service.socket)
    except CrioSocketError:
        live = {}
    return {key: live.get(key) for key, value in expected.items() if live.get(key) != value}


def refuse_unloaded(
    expect: dict[str, str | None], live: dict[str, str | None], service: RuntimeService
) -> None:
    """Raise TransactionError if the daemon still uses another value of a key than the node's files have.

    expect: the expected values. live: those live values that differ. A key that a later file or an option decides is no fault.
    """
    present = effective.present(service) if live else {}
    for key, value in sorted(live.items()):
        if expect[key] is not None and effective.value(present, key) == expect[key]:
            raise TransactionError(
                "acknowledge",
                f"CRI-O reloaded its configuration, but still uses {key} = {value}, not {expect[key]}",
            )


def back(unit: str, before: Before) -> str:
    """Make a daemon that was reloaded use the old files again. Returns what is wrong, or "".

    A daemon that refuses them because of somebody else's file still uses what it had. If it uses new values, it is started
    anew where no container can be lost by that.
    """
    problem, live = "", before["live"]
    try:
        reload(unit, live)
    except TransactionError as error:
        problem = "" if error.detail else str(error)
    different = differing(live, CrioService(unit)) if live else {}
    if different and not before["running"]:
        status, _output, said = run(["systemctl", "restart", unit])
        problem = f"{unit} did not start again: {said.strip()}" if status else ""
        different = {} if status else differing(live, CrioService(unit))
    if different:
        keys = ", ".join(f"{key} = {value}" for key, value in sorted(different.items()))
        problem = f"the running CRI-O still uses {keys}; restart it when its containers may be stopped"
    return problem
