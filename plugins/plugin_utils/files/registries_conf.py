# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.conf: merges settings, checks them, and renders them.

containers/image, which reads the file for CRI-O, ignores unknown keys silently and uses the first of two tables for one prefix.
On other faults it refuses the file, and CRI-O then refuses to start. The format is that of containers-registries.conf(5),
version 2. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path, merge
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries.advice import ADVICE
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import conflict
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE, RULES
from ansible_collections.cri.node.plugins.plugin_utils.text import toml, toml_lines
from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode, kind

_ENDPOINT = {"insecure": "boolean", "location": "string", "pull-from-mirror": "string"}
_REGISTRY = {**_ENDPOINT, "blocked": "boolean", "mirror-by-digest-only": "boolean", "prefix": "string"}
_TOP = {
    "additional-layer-store-auth-helper": "string",
    "aliases": "table",
    "credential-helpers": "strings",
    "short-name-mode": "string",
    "unqualified-search-registries": "strings",
}
KEYS = frozenset((*_TOP, "registry"))
_LONGEST_PREFIX = 1024  # characters; an image's name has 255 at most, its tag 128
_UNKNOWN = "is unknown to containers/image, which silently ignores it"
_VERSION_1 = "is a table of version 1 of registries.conf, which a drop-in cannot use; did you mean registry?"


def check(layers: Layers) -> Checked:
    """Merge named layers that mirror registries.conf, and check the result.

    Tables of `registry` with the same prefix are merged into one. A table with `location: null` removes what earlier layers set
    for the prefix; a second table for the prefix may follow it in the same layer, and replaces what was removed. The tables of
    the result are sorted.
    """
    strays: list[Problem] = []
    keyed: list[tuple[str, Data]] = []
    for name, layer in layers:
        if isinstance(layer, dict):
            spelled = _spelled(name, layer, strays)
            keyed.extend((name, step) for step in _by_prefix(name, spelled, strays))
        else:
            strays.append(RegistriesConf().stray(name, layer))
    data, sources = merge(keyed)
    findings = Findings(sources)
    findings.problems += strays
    typed = _typed(data, findings)
    for rule in (*RULES, *ADVICE):
        rule(typed, findings)
    tables = [table for _prefix, table in sorted(typed.pop("registry").items())]
    return Checked(
        {**typed, "registry": tables} if tables else typed, sources, findings.listed(), findings.warnings
    )


def walk(data: Data) -> list[tuple[Path, object]]:
    """Return each value of checked data with its path; the path of a registry's table contains its prefix."""
    found: list[tuple[Path, object]] = []
    for name, value in data.items():
        if name == "registry":
            found += [(("registry", _prefix_of(table), key), table[key]) for table in value for key in table]
        elif isinstance(value, dict):
            found += [((name, key), item) for key, item in value.items()]
        else:
            found.append(((name,), value))
    return found


def _spelled(name: str, layer: Data, strays: list[Problem]) -> Data:
    """Return a layer with the names of keys as the format has them. containers/image accepts them in any case."""
    found = _in_lower_case(name, "", layer, KEYS, strays)
    if isinstance(found.get("registry"), list):
        found["registry"] = [
            _spelled_table(name, f"registry[{index}]", table, strays)
            for index, table in enumerate(found["registry"])
        ]
    return found


def _spelled_table(name: str, place: str, table: object, strays: list[Problem]) -> object:
    if not isinstance(table, dict):
        return table
    found = _in_lower_case(name, place, table, frozenset((*_REGISTRY, "mirror")), strays)
    if isinstance(found.get("mirror"), list):
        found["mirror"] = [
            _in_lower_case(name, f"{place}.mirror[{index}]", mirror, frozenset(_ENDPOINT), strays)
            if isinstance(mirror, dict)
            else mirror
            for index, mirror in enumerate(found["mirror"])
        ]
    return found


def _in_lower_case(name: str, place: str, table: Data, known: frozenset[str], strays: list[Problem]) -> Data:
    found: Data = {}
    for key, value in table.items():
        lower = key.lower() if key.lower() in known else key
        if lower in found:
            path = f"{place}.{key}" if place else key
            fault = f"is {lower} in another case: containers/image silently uses one of the two at random"
            strays.append(Problem(name, path, None, fault, f"one {lower}"))
        else:
            found[lower] = value
    return found


def _by_prefix(name: str, layer: Data, strays: list[Problem]) -> list[Data]:
    """Return a layer as steps of a merge, with the tables of `registry` as a mapping by prefix."""
    tables = layer.get("registry")
    if tables is None:
        return [layer]
    rest = {key: value for key, value in layer.items() if key != "registry"}
    if not isinstance(tables, list):
        fault = f"is {kind(tables)}, not a list: registries.conf has [[registry]]"
        strays.append(Problem(name, "registry", shown_value(tables), fault, "a list of mappings"))
        return [rest]
    keyed: dict[str, Data] = {}
    taken_back: dict[str, None] = {}
    for index, table in enumerate(tables):
        place = f"registry[{index}]"
        if not isinstance(table, dict):
            fault = f"is {kind(table)}, not a mapping"
            strays.append(
                Problem(name, place, shown_value(table), fault, "a mapping of the keys of a registry")
            )
            continue
        prefix = _prefix_of(table)
        if prefix in keyed:
            fault = _fault_of_second(prefix, keyed[prefix], table)
            strays.append(Problem(name, place, None, fault, "one table for each prefix"))
            continue
        if prefix and table.get("location", "") is None and prefix not in taken_back:
            taken_back[prefix] = None
            if not any(value is not None for key, value in table.items() if key != "prefix"):
                continue
        keyed[prefix or f"[{index}]"] = table
    return [{"registry": taken_back}, {**rest, "registry": keyed}]


def _fault_of_second(prefix: str, first: Data, second: Data) -> str:
    """Return what containers/image does with a second table for a prefix in one file."""
    location, other = (str(table.get("location") or "").rstrip("/") for table in (first, second))
    for key in ("insecure", "blocked"):
        if (location or prefix) == (other or prefix) and _is_set(first, key) != _is_set(second, key):
            return f"CRI-O refuses {FILE}: {conflict(location, key)}"
    return f"is a second table for {prefix}: containers/image silently uses the first table only"


def _is_set(table: Data, key: str) -> bool:
    return str(table.get(key)).lower() == "true"


def _prefix_of(table: Data) -> str:
    """Return the prefix of a registry's table, else its location, else an empty text."""
    for key in ("prefix", "location"):
        value = table.get(key)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).rstrip("/"):
            return str(value).rstrip("/")
    return ""


def _typed(data: Data, findings: Findings) -> Data:
    """Return the typed data, in which `registry` always exists and is still a mapping by prefix."""
    top = {name: value for name, value in data.items() if name != "registry"}
    if "registries" in top:
        del top["registries"]
        findings.problem(("registries",), _VERSION_1)
    typed = findings.flat_table(top, (), _TOP, _UNKNOWN, tables=("registry",))
    typed["registry"] = {}
    for prefix, table in sorted(data.get("registry", {}).items()):
        path = ("registry", prefix)
        if len(prefix) > _LONGEST_PREFIX:
            findings.problem(path, f"has a prefix of {len(prefix)} characters", f"at most {_LONGEST_PREFIX}")
        elif not is_unicode(prefix):
            findings.problem(path, "is not valid Unicode", "a registry, with or without a path")
        else:
            typed["registry"][prefix] = _typed_registry(table, path, findings)
    return typed


def _typed_registry(table: Data, path: Path, findings: Findings) -> Data:
    own = {name: value for name, value in table.items() if name != "mirror"}
    typed = findings.flat_table(own, path, _REGISTRY, _UNKNOWN, tables=("mirror",))
    if "mirror" in table:
        typed["mirror"] = _typed_mirrors(table["mirror"], (*path, "mirror"), findings)
    return typed


def _typed_mirrors(mirrors: object, path: Path, findings: Findings) -> list[Data]:
    if not isinstance(mirrors, list):
        findings.problem(path, f"is {kind(mirrors)}, not a list", "a list of mappings", shown_value(mirrors))
        return []
    typed = []
    for index, mirror in enumerate(mirrors):
        if isinstance(mirror, dict):
            typed.append(findings.flat_table(mirror, path, _ENDPOINT, _UNKNOWN, f"[{index}]"))
        else:
            findings.problem(
                path,
                f"is {kind(mirror)}, not a mapping",
                "a mapping, for example {location: mirror.example.com}",
                shown_value(mirror),
                f"[{index}]",
            )
    return typed


class RegistriesConf(Kind):
    """A drop-in of registries.conf."""

    name = "registries_conf"
    file = "registries.conf"
    runtime = "crio"
    disruption = "reload"
    accepted = "the keys of registries.conf"
    openshift = "registries_config"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by prefix and check them."""
        return check(layers)

    def render(self, data: Data) -> str:
        """Return the data as TOML."""
        return toml.dumps(data)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key; those of a registry are below its prefix."""
        return walk(data)

    def read(self, text: str) -> dict[str, str] | None:
        """Return each key; those of a registry are below its prefix, and its mirrors are one value."""
        values = toml_lines.read(text)
        if values is None:
            return None
        found: dict[str, str] = {}
        for path, value in values.items():
            if path[0] == "registry" and len(path) > 2:
                named = {
                    name: toml_lines.text_of(values.get((*path[:2], name), ""))
                    for name in ("prefix", "location")
                }
                key = toml.dotted(("registry", _prefix_of(named), str(path[2])))
                inside = toml_lines.dotted(path[3:])
                found[key] = f"{found.get(key, '')}{inside}{' ' if inside else ''}{value}"
            else:
                found[toml_lines.dotted(path)] = value
        return found
