# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that runs by itself on a node: applies a request, or ends an interrupted change."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

from .. import node_files
from ..crio.service import DEFAULT_UNIT
from ..errors import NodeError
from ..layout import NODE
from ..program import run
from . import apply, intent, lock, recovery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Outcome


_RETRY_UNIT = "cri-node-retry.service"
_PAUSE = 5  # seconds between two tries
_TRIES = 120  # for what is no danger once the files are back, a daemon and our own files: ten minutes
_LOCK_LIMIT = 300  # seconds that a recovery waits for whoever holds the lock
_RETRY_LIMIT = 60  # seconds that a change waits for a retry to pause


def main(arguments: Sequence[str]) -> int:
    """Run a verb: `apply ID PROGRAM` (the request is on standard input), `recover PROGRAM`, `recover-at-boot`, `retry UNIT`.

    Returns the exit status: 1 if a change is still open.
    """
    os.umask(0o077)
    verb = arguments[0]
    try:
        if verb == "apply":
            return _apply(*arguments[1:3])
        if verb == "retry":
            return _retry(arguments[1])
        return _recover(at_boot=verb == "recover-at-boot")
    except NodeError as error:
        _print(
            {"format": 1, "failed": True, "phase": "refused", "message": str(error), "detail": error.detail}
        )
        return 1


def _apply(identity: str, program: str) -> int:
    try:
        request = json.loads(sys.stdin.read())
    except ValueError:
        return _recover(
            at_boot=False
        )  # systemd's next start after a kill: the first one has read the request
    with lock.held(NODE, _RETRY_LIMIT, identity):
        layout = NODE.of(request.get("runtime", "crio"))
        outcome = apply.apply(layout, request, program, lambda socket: _print({"settling": socket}))
        with contextlib.suppress(NodeError):  # it is printed, too
            node_files.write_json(NODE.result(identity), outcome)
    _print(outcome)
    _retry_later(outcome, request["unit"])
    return 0


def _recover(at_boot: bool) -> int:
    with lock.held(NODE, _LOCK_LIMIT, "recover"):
        outcome = recovery.recover(NODE, at_boot) or {}
    _print(outcome)
    _retry_later(outcome, outcome.get("unit", DEFAULT_UNIT), at_boot)
    return int(bool(outcome.get("open")))


def _retry_later(outcome: Outcome, unit: str, at_boot: bool = False) -> None:
    """Start a unit that tries again if files or the daemon could not be restored, or something of the change is left."""
    restored = not outcome.get("open") and (outcome.get("as_before", True) or at_boot)
    if restored and not intent.needs_recovery(NODE):
        return
    arguments = [
        "systemd-run",
        "--quiet",
        "--collect",
        "--no-block",
        f"--unit={_RETRY_UNIT}",
        "-p",
        "Restart=on-failure",
    ]
    arguments += ["-p", f"RestartSec={_PAUSE}", sys.executable, os.path.abspath(sys.argv[0]), "retry", unit]
    run(arguments)


def _retry(unit: str) -> int:
    """Try until the files are restored, and for some minutes until the daemon is and nothing of the change is left."""
    tries, told = 0, None
    while True:
        time.sleep(_PAUSE)
        try:
            with lock.held(NODE, word="retry"):
                outcome = recovery.recover(NODE) if intent.needs_recovery(NODE) else {}
                open_still = bool((outcome or {}).get("open"))
                problem = "" if open_still else recovery.retry_daemon(unit)
                ended = not problem and not intent.needs_recovery(NODE)
            if outcome and outcome != told:
                _print(outcome)  # to the journal, once for each cause
                told = outcome
        except lock.Busy:
            continue  # another change is running; what it leaves open is handled next
        if not open_still:
            tries += 1
            if ended or tries > _TRIES:
                return 0


def _print(outcome: Mapping[str, object]) -> None:
    """Print an outcome, or that a wait begins, for a caller that is still there."""
    with contextlib.suppress(OSError, ValueError):  # the latter for a closed output
        sys.stdout.write(f"{json.dumps(outcome)}\n")
        sys.stdout.flush()
