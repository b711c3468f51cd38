# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes configurations: each key with each value that may be one for it, patterns of log_filter, and several keys at once.

A configuration depends on the seed and on its number alone, so that one that was found can be made again by itself. The keys,
their types, choices, limits and formats come from the catalogue, so that a new key is tried without a change here.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from configurations import values
from configurations.crio import PROGRAMS
from configurations.patterns import PATTERNS, random_pattern

_HANDLER = ("crio", "runtime", "runtimes")
_PATTERNS = 400  # random ones
_SHORT = 40  # characters of a value in a description


@dataclass(frozen=True)
class Configuration:
    """A configuration as crio_config has it, and how it was made. alone: a value was set for this key only."""

    number: int
    made: str
    data: dict[str, Any]


def configurations(seed: int, count: int, version: str) -> Iterator[Configuration]:
    """Yield at least `count` configurations for a version of CRI-O, the systematic ones first."""
    made = 0
    for how, data in _systematic(seed, parse_version(version)):
        yield Configuration(made, how, data)
        made += 1
    chance = random.Random(f"{seed} several")
    keys = CATALOGUE.keys_of(version)
    while made < count:
        yield Configuration(made, *_several(chance, keys, parse_version(version)))
        made += 1


def _systematic(seed: int, version: Version) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in CATALOGUE.keys:
        known = key.exists_in(version)
        for value in values.of(key, version) if known else values.good(key):
            yield f"{key.key} = {_shown(value)}", nested(key, value)
    yield from (("together: " + how, data) for how, data in values.TOGETHER)
    chance = random.Random(f"{seed} patterns")
    for pattern in [*PATTERNS, *(random_pattern(chance) for _each in range(_PATTERNS))]:
        yield f"the pattern {_shown(pattern)}", nested(CATALOGUE.lookup("crio.runtime.log_filter"), pattern)


def _several(chance: random.Random, keys: tuple[Key, ...], version: Version) -> tuple[str, dict[str, Any]]:
    """Some keys with good values, and in half of the cases one with any value."""
    data: dict[str, Any] = {}
    names = []
    chosen = chance.sample(keys, chance.randint(2, 6))
    for index, key in enumerate(chosen):
        good = not (index == 0 and chance.random() < 0.5)
        options = values.good(key) if good else values.of(key, version)
        value = chance.choice(options)
        names.append(f"{key.key} = {_shown(value)}")
        merge(data, nested(key, value))
    return ", ".join(names), data


def nested(key: Key, value: object) -> dict[str, Any]:
    """Return the data with one key. A handler is crun, the default one, whose program exists; a workload is complete."""
    path = tuple("crun" if path == "*" else path for path in key.key.split("."))
    data: Any = value
    for name in reversed(path):
        data = {name: data}
    if path[:3] == _HANDLER and path[-1] != "runtime_path":
        merge(data, {"crio": {"runtime": {"runtimes": {"crun": {"runtime_path": f"{PROGRAMS}/crun"}}}}})
    if path[:3] == ("crio", "runtime", "workloads") and path[-1] != "activation_annotation":
        merge(data, {"crio": {"runtime": {"workloads": {"crun": {"activation_annotation": "io.example"}}}}})
    return data


def merge(data: dict[str, Any], more: dict[str, Any]) -> None:
    """Add what is not there yet."""
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            merge(data[name], value)
        else:
            data.setdefault(name, value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}... ({len(text)} characters)"
