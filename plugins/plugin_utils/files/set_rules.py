# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several files of a node's file set, which the check of a single file cannot judge.

Each rule is one function over the set's settings: {dotted key: setting}.
"""

from __future__ import annotations

import json

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import SUPPORTED, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import containerd_toml, hosts_toml, storage_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference, signature_policy
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

_Settings = dict[str, Setting]  # by dotted key
_MODE = "crio.image.short_name_mode"
_PAUSE = "crio.image.pause_image"
_DOCKER_SCOPES = f"transports.{signature_policy.DOCKER}."


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


def _the_pause_image_may_be_pulled(settings: _Settings) -> list[Problem]:
    default = settings.get("default")
    if not default or not isinstance(default["value"], list):
        return []
    known, image = CATALOGUE.lookup(_PAUSE), settings.get(_PAUSE)
    name = image["value"] if image else known and known.default_in(parse_version(SUPPORTED[-1]))
    scopes = {
        each["key"]: each["value"] for each in settings.values() if each["key"].startswith(_DOCKER_SCOPES)
    }
    docker = {_scope_of(key): value for key, value in scopes.items()}
    policy = {"default": default["value"], "transports": {signature_policy.DOCKER: docker}}
    found = signature_policy.requirements_of(policy, name) if isinstance(name, str) else None
    if found is None or not signature_policy.rejects(found[1]):
        return []
    scope, _requirements = found
    setting = default if scope == "default" else settings[f"{_DOCKER_SCOPES}{toml.dotted((scope,))}"]
    message = f"rejects {name}, the pause image, without which no pod starts, unless another tool's scope accepts it"
    return [_warning(setting, message)]


def _crio_conf_outranks_storage_conf(settings: _Settings) -> list[Problem]:
    return [
        _warning(settings[f"storage.{name}"], f"has no effect, because {key} is set, which outranks it")
        for name, key in storage_conf.OUTRANKED_BY.items()
        if f"storage.{name}" in settings
        and key in settings
        and settings[key]["value"] not in ("", settings[f"storage.{name}"]["value"])
    ]


def _scope_of(key: str) -> str:
    """Return the scope in the key of a setting, which TOML quotes."""
    name = key[len(_DOCKER_SCOPES) :]
    return str(json.loads(name)) if name.startswith('"') else name


def _the_pause_image_is_not_blocked(settings: _Settings) -> list[Problem]:
    pause = settings.get(_PAUSE)
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


def _hosts_are_in_a_folder_that_containerd_reads(settings: _Settings) -> list[Problem]:
    version = settings.get("version")
    table = containerd_toml.REGISTRY.get(version["value"]) if version else None
    if not version or table is None or not version["path"].endswith(".toml"):
        return []
    key = toml.dotted((*table, "config_path"))
    named = settings.get(key)
    if named is None and version["value"] != 2:
        return []  # newer releases have a default, which the node reports
    folders = str(named["value"]).split(":") if named else []
    for setting in settings.values():
        folder, _slash, name = setting["path"].rpartition("/")
        place = folder.rpartition("/")[0]
        if name == hosts_toml.FILE and place not in folders:
            message = (
                f"has no effect, because {key} does not name {place}, so that containerd does not read it"
            )
            return [_warning(setting, message)]
    return []


RULES = (
    _hosts_are_in_a_folder_that_containerd_reads,
    _short_names_have_one_registry,
    _the_mode_of_short_names_is_crios_own,
    _the_pause_image_may_be_pulled,
    _crio_conf_outranks_storage_conf,
    _the_pause_image_is_not_blocked,
)
