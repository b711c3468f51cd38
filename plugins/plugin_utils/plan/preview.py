# SPDX-License-Identifier: GPL-3.0-or-later
"""What another version of CRI-O changes for settings of crio.conf, from the catalogue of keys alone. Pure functions over data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.findings import shown, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Layers, Path, merge, source_of
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

#: the changes that CRI-O of the other version refuses or silently ignores
BREAKING = ("removed", "refused", "without_effect")
#: all changes, the breaking ones first
CHANGES = (*BREAKING, "deprecated", "default", "live")
_LONGEST_VALUE = 200  # characters of a default; a longer one is a list, whose difference is shown


class Change(NamedTuple):
    """One change for the settings of one node: one of CHANGES, and where it is."""

    change: str
    problem: Problem


def changes(layers: Layers, current: str, target: str, accept_keys: object = None) -> list[Change]:
    """Return what changes for these settings between two versions of CRI-O, such as "1.35.2" and "1.37".

    current: "" if it is not known; then defaults and the effect of a change are not compared, and everything that the other
    version does not use counts. What this version does not use either is not a change.
    """
    mappings = [(name, layer) for name, layer in layers if isinstance(layer, dict)]
    found = list(_refused(layers, target, accept_keys))
    if not mappings:
        return found
    data, sources = merge(mappings)
    new, old = parse_version(target), parse_version(current) if current else None
    for path, key, value in CATALOGUE.walk(data):
        if key.exists_in(new):
            place = (source_of(sources, path), shown(path), None if key.secret else shown_value(value))
            found += [Change(name, Problem(*place, text)) for name, text in _of_key(key, old, new)]
    if old is not None:
        found += _defaults(data, old, new)
    return found


def _refused(layers: Layers, target: str, accept_keys: object) -> Iterator[Change]:
    """Yield the problems that the settings have in a version."""
    for problem in crio_conf.check(layers, target, accept_keys).problems:
        key = CATALOGUE.lookup(problem.key) if problem.key else None
        gone = key is not None and not key.exists_in(parse_version(target))
        yield Change("removed" if gone else "refused", problem)


def _of_key(key: Key, old: Version | None, new: Version) -> Iterator[tuple[str, str]]:
    """Yield (change, a sentence) of a key that is set, and that the new version has."""
    useless, deprecated = key.without_effect_in(new), key.deprecated_in(new)
    if useless and not (old and key.without_effect_in(old)):
        yield "without_effect", f"has no effect in CRI-O {new}, which reads it but does not use it; {useless}"
    elif deprecated and not (old and key.deprecated_in(old)):
        yield "deprecated", f"is deprecated in CRI-O {new}: {deprecated}"
    if old and key.exists_in(old) and key.live_in(old) != key.live_in(new):
        yield "live", f"a change of it needs a {key.live_in(new)} in CRI-O {new}, not a {key.live_in(old)}"


def _defaults(data: dict[str, object], old: Version, new: Version) -> Iterator[Change]:
    """Yield the keys that are not set, and whose default differs. Those of handlers only count if there is a handler."""
    names = {key.key for _path, key, _value in CATALOGUE.walk(data)}
    tables = {_pattern(path) for path in CATALOGUE.named_tables(data)}
    for key in CATALOGUE.keys:
        path = tuple(key.key.split("."))
        relevant = ANY not in path or path[: path.index(ANY) + 1] in tables
        if key.key in names or not relevant or not (key.exists_in(old) and key.exists_in(new)):
            continue
        before, after = key.default_in(old), key.default_in(new)
        if before != after:
            yield Change("default", Problem("", key.key, None, _difference(before, after, old, new)))


def _pattern(path: Path) -> Path:
    return (*path[:-1], ANY)


def _difference(before: object, after: object, old: Version, new: Version) -> str:
    """Return how a default differs, as a sentence."""
    if isinstance(before, list) and isinstance(after, list):
        gained = [str(item) for item in after if item not in before]
        lost = [str(item) for item in before if item not in after]
        parts = [
            f"{words} {', '.join(items)}" for words, items in (("adds", gained), ("loses", lost)) if items
        ]
        return f"is not set, and its default in CRI-O {new} {' and '.join(parts) or 'has another order'}"
    return f"is not set, and its default in CRI-O {new} is {_literal(after)}; it was {_literal(before)} in CRI-O {old}"


def _literal(value: object) -> str:
    text = "decided by CRI-O on the node" if value is None else toml.literal(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
