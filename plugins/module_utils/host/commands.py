# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that software on the node needs, and the packages that contain those that are missing."""

from __future__ import annotations

import os

from ..program import PATH
from . import os_release
from .steps import Part, item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..layout import Layout


def plan(
    layout: Layout, wanted: list[dict[str, Any]], families: dict[str, str], packages_follow: bool
) -> Part:
    """Return which commands are missing, and their packages. Nothing is changed here.

    wanted: [{name, alternatives, severity, packages: {family: package}}, ...]. families: {ID of os-release(5): family}.
    packages_follow: a missing command is no problem if the family of this system has a package with it.
    """
    items: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    warnings: list[str] = []
    packages: list[str] = []
    family = family_of(layout, families)
    for each in wanted:
        names = [each["name"], *each["alternatives"]]
        found = next((path for path in (_found(layout, name) for name in names) if path), None)
        items[each["name"]] = item(each["severity"], found, False)
        if found:
            continue
        package = each["packages"].get(family)
        if package and package not in packages:
            packages.append(package)
        if package and packages_follow:
            continue
        help_ = f"; install the package {package}" if package else ""
        sentence = f"commands: {' or '.join(names)} was not found in {PATH}{help_}"
        (problems if each["severity"] == "required" else warnings).append(sentence)
    return Part(items, problems=problems, warnings=warnings, packages=packages)


def _found(layout: Layout, name: str) -> str | None:
    """Return the path of a command on the node."""
    for folder in PATH.split(":"):
        path = layout.at(f"{folder}/{name}")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return f"{folder}/{name}"
    return None


def family_of(layout: Layout, families: dict[str, str]) -> str:
    """Return the family of the node's distribution, "" if it is not known. families: {ID of os-release(5): family}."""
    values = os_release.read(layout)
    names = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    return next((families[name] for name in names if name in families), "")
