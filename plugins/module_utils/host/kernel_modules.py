# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules: whether they are loaded or built in, what loads them at boot, and how they are loaded and unloaded."""

from __future__ import annotations

import functools
import os
import re

from .. import node_files, program
from . import drop_ins
from .steps import Part, Step, call, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout

DIRECTORY = "modules-load.d"
# A built-in module without parameters has no folder in /sys/module, and modules.builtin is missing where the kernel has no
# modules at all. What a module provides then shows that it is there.
_PROVIDED_PATHS = {
    "br_netfilter": "/proc/sys/net/bridge",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
}
_PROVIDED_FILE_SYSTEMS = {"overlay", "fuse", "erofs", "nfs"}


def normalised(name: str) -> str:
    """Return the name as the kernel writes it."""
    return name.replace("-", "_")


def plan(layout: Layout, wanted: list[str], loaded_by_us: list[str]) -> tuple[Part, Part]:
    """Return what is needed to load the wanted modules now and at boot, and to unload those of ours that are not wanted.

    The second part comes after all others, since settings may need a module. Raises NodeFileError.
    """
    wanted = list(dict.fromkeys(normalised(name) for name in wanted))
    loaded = _loaded(layout)
    built_in = _built_in(layout)
    listed = {
        path: [normalised(line) for line in _lines(text)] for path, text in drop_ins.files(layout, DIRECTORY)
    }
    in_ours = listed.pop(drop_ins.ours(DIRECTORY), [])
    by_others = {name: path for path, names in listed.items() for name in names}
    items: dict[str, dict[str, Any]] = {}
    steps, problems, needed, to_load = [], [], [], []
    for name in wanted:
        is_built_in = name not in loaded and _is_built_in(layout, name, built_in)
        is_loaded = name in loaded or is_built_in
        needs_us = not is_built_in and name not in by_others
        if needs_us:
            needed.append(name)
        if not is_loaded:
            problems += _problems_of_loading(name)
            to_load.append(name)
            steps.append(
                Step(functools.partial(_load, layout, name), functools.partial(_unload, layout, name))
            )
        found = {
            "loaded": is_loaded,
            "built_in": is_built_in,
            "at_boot": is_built_in or name in in_ours or name in by_others,
        }
        items[name] = item(
            {"loaded": True, "at_boot": True}, found, not is_loaded or needs_us != (name in in_ours)
        )
    file = drop_ins.plan(layout, DIRECTORY, needed)
    ours = [name for name in dict.fromkeys([*loaded_by_us, *to_load]) if name in wanted]
    first = Part(
        items,
        [*steps, *file.steps],
        file.files,
        [*problems, *file.problems],
        record={"loaded_modules": ours},
    )
    return first, _unloading(layout, [name for name in loaded_by_us if name not in wanted], loaded, in_ours)


def _unloading(layout: Layout, names: list[str], loaded: dict[str, int], in_ours: list[str]) -> Part:
    """Return what unloads the modules that we loaded, if nothing uses them."""
    items, steps, warnings = {}, [], []
    for name in names:
        if name not in loaded:
            continue
        if loaded[name]:
            warnings.append(f"the kernel module {name} stays loaded, because it is in use")
            continue
        found = {"loaded": True, "built_in": False, "at_boot": name in in_ours}
        items[name] = item({"loaded": False, "at_boot": False}, found, True)
        steps.append(Step(functools.partial(_unload, layout, name), functools.partial(_load, layout, name)))
    return Part(items, steps, warnings=warnings)


def _problems_of_loading(name: str) -> list[str]:
    status, _output, errors = program.run(["modprobe", "--dry-run", name])
    if not status:
        return []
    words = (errors.strip() or f"exit status {status}").splitlines()[-1]
    help_ = "install the package kmod" if status == 127 else "install the modules of the running kernel"
    return [f"modules: {name}: cannot be loaded into kernel {os.uname().release}: {words}; {help_}"]


def _load(layout: Layout, name: str) -> None:
    if name not in _loaded(layout):
        call(["modprobe", name])


def _unload(layout: Layout, name: str) -> None:
    # rmmod, since modprobe --remove also removes what the module depends on, which somebody else may have loaded.
    if _loaded(layout).get(name) == 0:
        call(["rmmod", name])


def _loaded(layout: Layout) -> dict[str, int]:
    """Return {name: how many users it has} of the modules in /proc/modules."""
    lines = (node_files.read_text(layout.at("/proc/modules")) or "").splitlines()
    fields = [line.split() for line in lines]
    # "-" where the kernel cannot unload modules
    return {each[0]: int(each[2]) if each[2].isdigit() else 1 for each in fields if len(each) > 2}


def _built_in(layout: Layout) -> set[str]:
    path = layout.at(f"/lib/modules/{os.uname().release}/modules.builtin")
    names = re.findall(r"([^/\n]+)\.ko\S*$", node_files.read_text(path) or "", re.MULTILINE)
    return {normalised(name) for name in names}


def _is_built_in(layout: Layout, name: str, built_in: set[str]) -> bool:
    if name in built_in or os.path.isdir(layout.at(f"/sys/module/{name}")):
        return True
    if name in _PROVIDED_PATHS:
        return os.path.exists(layout.at(_PROVIDED_PATHS[name]))
    if name in _PROVIDED_FILE_SYSTEMS:
        return name in (node_files.read_text(layout.at("/proc/filesystems")) or "").split()
    return False


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and line[0] not in "#;"]
