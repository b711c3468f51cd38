# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several files of a node's file set, which the check of a single file cannot judge.

Each rule is one function over the set's settings: {dotted key: setting}.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

_Settings = dict[str, Setting]  # by dotted key
_MODE = "crio.image.short_name_mode"


def warnings(settings: list[Setting]) -> list[Problem]:
    """Return a warning for each setting of the set that is not recommended or has no effect."""
    by_key = {setting["key"]: setting for setting in settings}
    return [problem for rule in RULES for problem in rule(by_key)]


def _warning(setting: Setting, message: str) -> Problem:
    return Problem(setting["variable"], setting["key"], None, message)


def _short_names_have_one_registry(settings: _Settings) -> list[Problem]:
    search = settings.get("unqualified-search-registries")
    mode = settings.get(_MODE)
    if not search or len(search["value"]) < 2 or (mode and mode["value"] == "disabled"):
        return []
    message = f"has more than one entry: CRI-O refuses each short name that has no alias, unless {_MODE} is disabled"
    return [_warning(search, message)]


def _the_mode_of_short_names_is_crios_own(settings: _Settings) -> list[Problem]:
    mode = settings.get("short-name-mode")
    if not mode or not mode["value"] or _MODE in settings:
        return []
    return [_warning(mode, f"has no effect on CRI-O 1.34 and later, which uses {_MODE} instead")]


def _the_pause_image_is_not_blocked(settings: _Settings) -> list[Problem]:
    pause = settings.get("crio.image.pause_image")
    if not pause or not isinstance(pause["value"], str):
        return []
    for prefix in image_reference.prefixes_of(pause["value"]):
        table = toml.dotted(("registry", prefix))
        if f"{table}.location" not in settings and f"{table}.prefix" not in settings:
            continue
        blocked, mirrors = settings.get(f"{table}.blocked"), settings.get(f"{table}.mirror")
        if blocked and blocked["value"] and not (mirrors and mirrors["value"]):
            return [_warning(blocked, f"blocks the pause image {pause['value']}, which every pod needs")]
        return []
    return []


RULES = (
    _short_names_have_one_registry,
    _the_mode_of_short_names_is_crios_own,
    _the_pause_image_is_not_blocked,
)
