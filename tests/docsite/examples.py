# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the roles, modules, options, variables, playbooks and tags in the examples of texts, and which of them do not exist."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from docsite import fragments
from testbed.paths import CHECKOUT

NAME = re.compile(r"cri\.node\.(\w+)")
# The roles' layered variables, and the filters that check them.
CHECKED = ("crio_config", "registries_config", "registries_openshift", "crictl_config")
LAYER = re.compile(rf"({'|'.join(CHECKED)})__\w+")
# A variable with one of these prefixes belongs to a role or playbook of the collection, or is misspelled.
OWN = (
    "cri_node_",
    "crio_",
    "registries_",
    "crictl_",
    "runtime_",
    "verify_",
    "images_",
    "prepare_",
    "oci_runtimes_",
    "cni_",
    "containerd_",
    "plan_",
    "drift_",
    "adopt_",
    "rollback_",
    "preview_",
    "upgrade_",
    "remove_",
    "migrate_",
)
# Other top-level keys of files that the guides have users write.
OTHERS = ("collections",)
# ansible-playbook's and ansible's options that take a value.
WITH_VALUE = ("-i", "-e", "-m", "-a", "--limit", "--tags", "--skip-tags", "--name")


class _Loader(yaml.SafeLoader):
    """Reads an encrypted value as text."""


_Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))


def load(text: str) -> list[Any]:
    """Return the YAML documents of an example. Raises yaml.YAMLError."""
    return [document for document in yaml.load_all(text, _Loader) if document is not None]


@cache
def variables() -> frozenset[str]:
    """Return all variables of roles and playbooks that users can set, without layers."""
    found = set()
    for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found |= set(entry["options"])
    for path in (CHECKOUT / "playbooks").glob("*.yml"):
        found |= set(
            re.findall(
                r"\b(?:cri_node_\w+|rollback_generation|preview_(?:version|report_file)|(?:upgrade|migrate)_(?:drain|restore))\b",
                path.read_text(encoding="utf-8"),
            )
        )
    return frozenset(found)


@cache
def tags() -> frozenset[str]:
    """Return all tags of tasks and playbooks."""
    files = [*(CHECKOUT / "roles").glob("*/tasks/*.yml"), *(CHECKOUT / "playbooks").glob("*.yml")]
    listed = re.findall(r"\btags: \[(.*?)\]", "\n".join(path.read_text(encoding="utf-8") for path in files))
    return frozenset(tag.strip() for tags in listed for tag in tags.split(","))


@cache
def options(module: str) -> frozenset[str]:
    """Return the documented options of a module with those of its fragments. Raises ModuleNotFoundError."""
    package = "ansible_collections.cri.node.plugins"
    documentation = yaml.safe_load(importlib.import_module(f"{package}.modules.{module}").DOCUMENTATION)
    found = set(documentation.get("options") or {})
    for shared in fragments.of(documentation):
        found |= set(shared.get("options") or {})
    return frozenset(found)


def unknown(document: Any) -> list[str]:
    """Return unknown names in a document: a list of plays or tasks, a part of a play, or a mapping of variables."""
    if isinstance(document, Mapping) and "tasks" in document:
        return list(_unknown_in_entry(document))
    if isinstance(document, Mapping):
        strange = [name for name in document if not name.startswith((*OWN, "vault_", *OTHERS))]
        return [f"{name} is no variable of the collection" for name in strange] + _unknown_variables(document)
    return [fault for entry in document for fault in _unknown_in_entry(entry)]


def _unknown_in_entry(entry: Mapping[str, Any]) -> Iterator[str]:
    """Return unknown names in a play, a task or a block."""
    yield from _unknown_variables(entry.get("vars", {}))
    for role in entry.get("roles", ()):
        name = role["role"] if isinstance(role, Mapping) else role
        yield from _missing("role", name, CHECKOUT / "roles")
    for part in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
        for task in entry.get(part, ()):
            yield from _unknown_in_entry(task)
    for key, value in entry.items():
        if key.endswith("import_playbook"):
            yield from _missing("playbook", value, CHECKOUT / "playbooks", ".yml")
        elif key.endswith(("import_role", "include_role")):
            file = f"{value['name'].removeprefix('cri.node.')}/tasks/{value.get('tasks_from', 'main')}"
            yield from _missing("role entry point", f"cri.node.{file}", CHECKOUT / "roles", ".yml")
        elif named := NAME.fullmatch(key):
            yield from unknown_options(named[1], value or {})


def unknown_options(module: str, given: Mapping[str, Any] | str) -> list[str]:
    """Return the unknown options of a module's call, or that the module does not exist."""
    try:
        known = options(module)
    except ModuleNotFoundError:
        return [f"there is no module cri.node.{module}"]
    if isinstance(given, str):
        given = (
            json.loads(given)
            if given.startswith("{")
            else dict(part.split("=", 1) for part in shlex.split(given))
        )
    return [f"cri.node.{module} has no option {name}" for name in given if name not in known]


def _missing(kind: str, name: str, folder: Path, ending: str = "") -> Iterator[str]:
    if name.startswith("cri.node.") and not (folder / (name.removeprefix("cri.node.") + ending)).exists():
        yield f"there is no {kind} {name}"


def _unknown_variables(given: Mapping[str, Any]) -> list[str]:
    return [
        f"no role or playbook has a variable {name}"
        for name in given
        if name.startswith(OWN) and name not in variables() and not LAYER.fullmatch(name)
    ]


def settings(document: Any) -> Iterator[tuple[str, list[list[Any]]]]:
    """Return (filter, its layers) for each variable of CHECKED that a document sets without a template, also in plays."""
    if isinstance(document, Mapping):
        for variable in CHECKED:
            layers = [[name, document[name]] for name in sorted(document)
                      if (name == variable or name.startswith(f"{variable}__")) and "{{" not in str(document[name])]  # fmt: skip
            if layers:
                yield variable, layers
    else:
        for entry in document:
            yield from settings(entry.get("vars", {}))


def commands(text: str) -> list[list[str]]:
    """Return the words of each call of ansible-playbook or ansible in a text, in any markup."""
    found = re.findall(r"(?:^|[ `$>])(ansible(?:-playbook)? -[^\n`]*)", text, re.MULTILINE)
    return [shlex.split(command, comments=True) for command in found]


def unknown_in_command(words: list[str]) -> list[str]:
    """Return unknown names in a command line: playbooks, modules with their options, tags, variables."""
    values: dict[str, list[str]] = {}
    names, rest = [], iter(words[1:])
    for word in rest:
        if word in WITH_VALUE:
            values.setdefault(word, []).append(next(rest, ""))
        elif not word.startswith("-"):
            names.append(word)
    found = [fault for name in names for fault in _missing("playbook", name, CHECKOUT / "playbooks", ".yml")]
    given = [
        tag
        for option in ("--tags", "--skip-tags")
        for each in values.get(option, ())
        for tag in each.split(",")
    ]
    found += [f"there is no tag {tag}" for tag in given if tag not in tags()]
    for extra in values.get("-e", ()):
        found += _unknown_variables(json.loads(extra) if extra.startswith("{") else [extra.partition("=")[0]])
    for module in values.get("-m", ()):
        if named := NAME.fullmatch(module):
            found += unknown_options(named[1], values.get("-a", [""])[0])
    return found
