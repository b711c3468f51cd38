# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd units of engines and of the kubelet: their states, read at once and changed one by one."""

from __future__ import annotations

import time

from ..errors import NodeError
from ..program import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    # By unit: whether it runs (active), and whether it starts at boot (enabled), or could and does not (disabled).
    States = dict[str, dict[str, bool]]

KUBELET = "kubelet.service"
_LIMIT = 180  # seconds for one unit: systemd itself stops waiting after 90
_POLL = 0.5  # seconds
_ENABLED = ("enabled", "enabled-runtime")
_DOWN = ("inactive", "failed", "deactivating")


class UnitError(NodeError):
    """A unit cannot be started or stopped; the message has systemd's own words."""


def states(names: Sequence[str]) -> States:
    """Return {unit: {active, enabled, disabled}} of those units that exist, in the order of `names`. Raises UnitError."""
    if not names:
        return {}
    status, output, errors = run(
        ["systemctl", "show", *names, "-p", "Id,LoadState,ActiveState,UnitFileState"], _LIMIT
    )
    if status:
        raise UnitError(f"systemctl show {' '.join(names)} failed: {(errors or output).strip()[-300:]}")
    found = {}
    # One block for each name, in their order; an alias has the Id of its unit.
    for name, block in zip(names, output.strip().split("\n\n")):
        read = dict(line.partition("=")[::2] for line in block.splitlines())
        if read.get("LoadState") == "loaded":
            found[name] = {
                "active": read.get("ActiveState") not in _DOWN,
                "enabled": read.get("UnitFileState") in _ENABLED,
                "disabled": read.get("UnitFileState") == "disabled",
            }
    return found


def stop(names: Iterable[str]) -> None:
    """Stop units one after the other. Raises UnitError."""
    for name in names:
        _systemctl("stop", name)


def start(names: Iterable[str]) -> None:
    """Start units one after the other, also those that systemd has given up after failures. Raises UnitError."""
    for name in names:
        run(["systemctl", "reset-failed", name])
        _systemctl("start", name)


def refuse_unsteady(name: str, seconds: float) -> None:
    """Watch a service that was started. Raises UnitError if it does not stay active for some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _status, output, _errors = run(["systemctl", "show", name, "-p", "ActiveState,SubState"], _LIMIT)
        if "ActiveState=active" not in output:
            words = " ".join(output.split())
            raise UnitError(
                f"{name} does not stay active after its start ({words}); see journalctl -u {name}"
            )
        time.sleep(_POLL)


def enable(names: Iterable[str]) -> None:
    """Let units start at boot. Raises UnitError."""
    for name in names:
        _systemctl("enable", "--quiet", name)


def disable(names: Iterable[str]) -> None:
    """Let units not start at boot. Raises UnitError."""
    for name in names:
        _systemctl("disable", "--quiet", name)


def _systemctl(*arguments: str) -> None:
    status, output, errors = run(["systemctl", *arguments], _LIMIT)
    if status:
        raise UnitError(f"systemctl {' '.join(arguments)} failed: {(errors or output).strip()[-300:]}")
