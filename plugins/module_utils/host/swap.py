# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap space: what is in use, and the units of systemd that turn it on at boot. /etc/fstab is never changed."""

from __future__ import annotations

import functools
import re

from .. import node_files, program
from .steps import HostError, Part, Step, call, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layout import Layout

_TIMEOUT = 600  # seconds for the pages of one swap space to be read back
_NOT_AT_BOOT = ("masked", "masked-runtime", "transient")  # states of unit files


def plan(layout: Layout, disable: bool, turned_off: list[str], masked: list[str]) -> Part:
    """Return what turns swap off now and at boot, or, without `disable`, puts back what we turned off and masked.

    Raises NodeFileError, HostError.
    """
    active = _active(layout)
    if not disable and not turned_off and not masked:
        return Part({"swap": item("keep", {"active": sorted(active), "units": []}, False)})
    if disable:
        return _disabling(layout, active, turned_off, masked)
    found = {"active": sorted(active), "units": masked}
    back = [name for name in turned_off if name not in active]
    steps = [Step(functools.partial(_unmask, masked), functools.partial(_mask, masked))] if masked else []
    steps += [
        Step(functools.partial(_on, layout, name), functools.partial(_off, layout, name)) for name in back
    ]
    return Part({"swap": item("enabled", found, bool(steps))}, steps)


def _disabling(layout: Layout, active: dict[str, int], turned_off: list[str], masked: list[str]) -> Part:
    units = _units_at_boot()
    found = {"active": sorted(active), "units": units}
    steps, problems = [], []
    used, available = sum(active.values()), _available_memory(layout)
    if active and available is not None and used > available:
        problems.append(
            f"swap: disable: {used >> 10} MiB are in swap, but only {available >> 10} MiB of memory are available to read them"
            " back; stop some processes first"
        )
    if units:
        steps.append(Step(functools.partial(_mask, units), functools.partial(_unmask, units)))
    steps += [
        Step(functools.partial(_off, layout, name), functools.partial(_on, layout, name)) for name in active
    ]
    record = {
        "turned_off": list(dict.fromkeys([*turned_off, *active])),
        "masked_units": list(dict.fromkeys([*masked, *units])),
    }
    return Part({"swap": item("disabled", found, bool(steps))}, steps, problems=problems, record=record)


def _active(layout: Layout) -> dict[str, int]:
    """Return {path: KiB in use} of the swap spaces in /proc/swaps (proc(5))."""
    lines = (node_files.read_text(layout.at("/proc/swaps")) or "").splitlines()[1:]
    fields = [line.split() for line in lines]
    return {
        re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), each[0]): int(each[3])
        for each in fields
        if len(each) > 3
    }


def _available_memory(layout: Layout) -> int | None:
    """Return the memory that is available to processes, in KiB; None if the kernel does not report it."""
    found = re.search(
        r"^MemAvailable:\s+(\d+) kB", node_files.read_text(layout.at("/proc/meminfo")) or "", re.MULTILINE
    )
    return int(found[1]) if found else None


def _units_at_boot() -> list[str]:
    """Return the swap units that have a file, such as those that systemd generates from /etc/fstab, and are not masked."""
    status, output, errors = program.run(
        ["systemctl", "list-unit-files", "--type=swap", "--no-legend", "--plain", "--no-pager"]
    )
    if status and (errors.strip() or output.strip()):
        raise HostError(f"swap: systemctl list-unit-files failed: {errors.strip() or output.strip()}")
    fields = [line.split() for line in output.splitlines()]
    return [
        each[0]
        for each in fields
        if len(each) > 1 and each[0].endswith(".swap") and each[1] not in _NOT_AT_BOOT
    ]


def _mask(units: list[str]) -> None:
    call(["systemctl", "mask", *units])


def _unmask(units: list[str]) -> None:
    call(["systemctl", "unmask", *units])


def _off(layout: Layout, name: str) -> None:
    if name in _active(layout):
        call(["swapoff", name], _TIMEOUT)


def _on(layout: Layout, name: str) -> None:
    if name not in _active(layout):
        call(["swapon", name])
