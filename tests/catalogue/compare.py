# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the catalogue with one CRI-O: pure functions over what it prints, its binary and its manual page.

Each function returns differences as sentences, in the order of what it read.
"""

import re
import tomllib
from collections.abc import Iterator

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit

RUNTIME = ("crio", "runtime")
HANDLERS = (*RUNTIME, "runtimes")
# Keys that `crio config` prints below the header of another table: (that table, their names, their own table). The source is
# pkg/config/template.go; the metrics are only misplaced before 1.35.
MISPLACED = (
    (HANDLERS, ("disable_hostport_mapping", "hostnetwork_disable_selinux", "timezone"), RUNTIME),
    (("crio", "network"), ("included_pod_metrics",), ("crio", "stats")),
)
# Headings of the manual page whose tables are not spelled as in the file, below the heading's other words.
TABLES = {
    "crio.runtime.runtimes": "crio.runtime.runtimes.*",
    "crio.runtime.workloads": "crio.runtime.workloads.*",
    "crio.runtime.workload.resources": "crio.runtime.workloads.*.resources",
}
# What crio.conf(5) of some versions has wrong, and what is right.
MISTAKES = {
    "crio.image.registries": "the default is empty, and any other value has no effect",
    "crio.image.separate_pull_cgroup": "it belongs to crio.runtime",
    "crio.metrics.metrics_collectors": "before 1.37, its default lacks some collectors",
    "crio.runtime.default_mounts": "removed in 1.20",
    "crio.runtime.runtimes.*.allowed_annotations": "not deprecated: the built-in handler uses it",
    "crio.runtime.seccomp_profile": "not deprecated: seccomp_use_default_when_empty was",
}
_RELOADS = "supports live configuration reload"
_DEPRECATED = re.compile(
    r"\b(?:option|field) is (?:currently )?(?:\*\*)?deprecated|\*\*deprecated:\*\*", re.IGNORECASE
)
_TAG = re.compile(rb'(?:toml|json):"(([a-z0-9_]+)(?:,[a-z,]*)?)"')
# Tags of libraries with the name of a key: containers/storage reads storage.conf with this one.
_OF_LIBRARIES = (b"imagestore,omitempty",)

Path = tuple[str, ...]


def of_printed(text: str, version: Version) -> list[str]:
    """Compare the output of `crio config --default`: its keys, types, defaults, and what its comments say about a reload."""
    reloaded = _reloaded(text)
    found = []
    for path, value in _leaves(tomllib.loads(text)):
        name, key = ".".join(path), CATALOGUE.lookup(path)
        if key is None or not key.exists_in(version):
            found.append(f"{name}: CRI-O {version} prints this key, which the catalogue does not have")
            continue
        if path[-1] in reloaded and key.live_in(version) != "reload":
            found.append(
                f"{name}: CRI-O {version} reloads this key, but the catalogue has {key.live_in(version)}"
            )
        try:
            same = TYPES[key.type].convert(value) == value
        except Unfit:
            same = False
        default = key.default_in(version)
        if not same:
            found.append(
                f"{name}: CRI-O {version} prints {value!r}, but the catalogue has the type {key.type}"
            )
        elif default is not None and default != value and path[: len(HANDLERS)] != HANDLERS:
            found.append(
                f"{name}: the default of CRI-O {version} is {value!r}, but the catalogue has {default!r}"
            )
    return found


def printed_keys(text: str) -> list[str]:
    """Return the dotted keys that `crio config --default` prints, with * for the name of a handler."""
    known = ((path, CATALOGUE.lookup(path)) for path, _value in _leaves(tomllib.loads(text)))
    return [key.key if key else ".".join(path) for path, key in known]


def of_binary(content: bytes, text: str, version: Version) -> list[str]:
    """Compare the struct tags that a binary contains: they show keys that `crio config` does not print.

    A tag has no table, and libraries have tags too. So only these are differences: a key that is neither printed nor has a tag,
    and a tag of a key that the catalogue only has in other versions.
    """
    tags = {name.decode() for tag, name in _TAG.findall(content) if tag not in _OF_LIBRARIES}
    printed = {path[-1] for path, _value in _leaves(tomllib.loads(text))}
    present = {key.key for key in CATALOGUE.keys_of(version)}
    names = {key.rpartition(".")[2] for key in present}
    found = []
    for key in CATALOGUE.keys:
        name = key.key.rpartition(".")[2]
        if key.key in present and name not in tags | printed:
            found.append(f"{key.key}: the catalogue has this key, but CRI-O {version} does not contain it")
        elif key.key not in present and not key.removed and name in tags - names:
            found.append(f"{key.key}: CRI-O {version} contains this key, which the catalogue does not have")
    return found


def of_manual(text: str, version: Version) -> list[str]:
    """Compare crio.conf.5.md: its keys, the defaults that it states, and the keys that it calls deprecated."""
    found = []
    for path, default, description in _documented(text):
        name = ".".join(path)
        key = CATALOGUE.lookup(path)
        if name in MISTAKES:
            continue
        if key is None or not key.exists_in(version):
            found.append(f"{name}: the manual page of CRI-O {version} has this key, but not the catalogue")
            continue
        if _DEPRECATED.search(description) and not (
            key.deprecated_in(version) or key.without_effect_in(version)
        ):
            found.append(f"{name}: the manual page of CRI-O {version} deprecates it, but not the catalogue")
        ours = key.default_in(version)
        # Empty values and placeholders also stand for what the page does not state.
        if default and ours is not None and ANY not in path and default != ours:
            found.append(
                f"{name}: the manual page of CRI-O {version} has the default {default!r}, the catalogue {ours!r}"
            )
    return found


def _leaves(data: dict, path: Path = ()) -> Iterator[tuple[Path, object]]:
    for name, value in data.items():
        here = (*_own_table(path, name), name)
        key = CATALOGUE.lookup(here)
        if isinstance(value, dict) and not (key and key.type == "table"):
            yield from _leaves(value, here)
        else:
            yield here, value


def _own_table(table: Path, name: str) -> Path:
    """Return the table that a printed key belongs to."""
    own = (right for wrong, names, right in MISPLACED if table[: len(wrong)] == wrong and name in names)
    return next(own, table)


def _reloaded(text: str) -> set[str]:
    """Return the names of keys whose comments say that a reload loads them; a comment belongs to the key below it."""
    names, comment = set(), ""
    for line in text.splitlines():
        if line.startswith("#"):
            comment += line[1:]
            continue
        found = re.match(r"([a-z0-9_]+) = ", line)
        if found and _RELOADS in " ".join(comment.split()):
            names.add(found[1])
        comment = ""
    return names


def _documented(text: str) -> Iterator[tuple[Path, object, str]]:
    """Yield the path of each key of the manual page, its default (None if it is no TOML), and its description."""
    table = ""
    for block in re.split(r"^(?=#+ |\*\*[a-z0-9_]+\*\*=)", text, flags=re.MULTILINE):
        first, _newline, description = block.partition("\n")
        if heading := re.match(r"#+ (CRIO[A-Z_.]*) TABLE", first):
            table = TABLES.get(heading[1].lower(), heading[1].lower())
        elif first.startswith("#"):
            table = ""
        elif table and (key := re.match(r"\*\*([a-z0-9_]+)\*\*=(.*)", first)):
            yield (*table.split("."), key[1]), _toml(key[2]), description


def _toml(text: str) -> object:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return None
