# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several files of a node's file set, which the check of a single file cannot judge.

Each rule is one function over the set's settings: {dotted key: {"value", "variable", ...}}, as DesiredFiles.settings has them.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

_MODE = "crio.image.short_name_mode"


def warnings(settings: list[dict]) -> list[Problem]:
    """Return a warning for each setting of the set that is not recommended or has no effect."""
    by_key = {setting["key"]: setting for setting in settings}
    return [problem for rule in RULES for problem in rule(by_key)]


def _warning(setting: dict, message: str) -> Problem:
    return Problem(setting["variable"], setting["key"], None, message)


def _short_names_need_one_registry(settings: dict) -> list[Problem]:
    search = settings.get("unqualified-search-registries")
    if not search or len(search["value"]) < 2 or settings.get(_MODE, {}).get("value") == "disabled":
        return []
    message = f"has more than one entry: CRI-O refuses each short name that has no alias, unless {_MODE} is disabled"
    return [_warning(search, message)]


def _short_name_mode_belongs_to_crio_conf(settings: dict) -> list[Problem]:
    mode = settings.get("short-name-mode")
    if not mode or not mode["value"] or _MODE in settings:
        return []
    return [_warning(mode, f"has no effect on CRI-O 1.34 and later, which uses {_MODE} instead")]


RULES = (_short_names_need_one_registry, _short_name_mode_belongs_to_crio_conf)
