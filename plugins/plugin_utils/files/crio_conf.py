# SPDX-License-Identifier: GPL-3.0-or-later
"""crio.conf: merges settings, checks them against the key catalogue, and renders them.

CRI-O itself silently ignores unknown keys and tables, reads numbers as nanoseconds, ignores an invalid handler, and fails on
some values only when it starts. Everything that can be known beforehand is checked here. All problems are found at once, and
nothing is raised. A key with a problem is left out of the typed data.
"""

from __future__ import annotations

from ansible_collections.cri.node.plugins.plugin_utils.crio import accepted_keys
from ansible_collections.cri.node.plugins.plugin_utils.crio.accepted_keys import NONE, AcceptedKeys
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE, Key, since_of
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.crio.rules import RULES
from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import (
    FORMATS,
    without_metric_prefix,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import (
    ACCEPTED,
    CATALOGUED_RANGE,
    SUPPORTED,
    Version,
    fault_of_declared,
    is_newer,
    parse_version,
)
from ansible_collections.cri.node.plugins.plugin_utils.files import secret_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import MOST, Checked, Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path, merge
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text import toml, toml_lines
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.value_types import (
    TYPES,
    Unfit,
    is_unicode,
    kind,
    of_value,
)

_REFUSED = "is not accepted by CRI-O, which does not start with it"
_LONGEST_NAME = 100  # characters of a name that could be a known one, misspelled


def check(layers: Layers, version: object = "", accept_keys: object = None) -> Checked:
    """Merge named layers that mirror crio.conf, and check the result.

    version: the declared version of CRI-O, such as "1.36". Without one, only keys and values that are wrong in all supported
    versions are a problem. In a version that is newer than the catalogue, an unknown key is only a warning. An invalid version
    is a problem too.
    accept_keys: keys that are accepted although the catalogue does not have them, see accepted_keys.read.
    """
    versions, faults = _declared(version)
    accepted = accepted_keys.read(accept_keys)
    faults += accepted.problems
    faults += [CrioConf().stray(name, layer) for name, layer in layers if not isinstance(layer, dict)]
    data, sources = merge([(name, layer) for name, layer in layers if isinstance(layer, dict)])
    checked = check_data(data, sources, versions, accepted)
    notes = _advice(versions, accepted)
    return checked._replace(problems=[*faults, *checked.problems], warnings=[*notes, *checked.warnings])


def _advice(versions: tuple[str, ...], accepted: AcceptedKeys) -> list[Problem]:
    """Return the warnings for the declared version and for accepted keys that the catalogue has."""
    found = [parse_version(text) for text in versions or SUPPORTED]
    warnings = []
    if is_newer(found[0]):
        fault = f"is newer than the catalogue of keys, which knows CRI-O {CATALOGUED_RANGE}: unknown keys are not refused"
        warnings.append(Problem("crio_version", "", shown_value(str(versions[0])), fault))
    for path in accepted.paths:
        key = CATALOGUE.lookup(path)
        if key is not None and all(key.exists_in(version) for version in found):
            fault = f"is a known key of CRI-O {', '.join(map(str, found))}: the entry is no longer needed"
            warnings.append(Problem(accepted_keys.VARIABLE, ".".join(path), None, fault))
    return warnings


def check_data(
    data: Data,
    sources: dict[Path, str],
    versions: tuple[str, ...] | list[str] = (),
    accepted: AcceptedKeys = NONE,
) -> Checked:
    """Check merged data that mirrors crio.conf; `sources` names each value's variable (see layers.merge).

    With one version, everything is checked against it. With several versions, or none (all supported versions), only keys and
    values that are wrong in all of them are a problem; the others are checked later, against the version of the node.
    """
    run = _Run(sources, tuple(parse_version(text) for text in versions or SUPPORTED), accepted)
    typed = run.table(data, ())
    for rule in RULES:
        rule(typed, data, run)
    return Checked(typed, sources, run.listed(), run.warnings)


def _declared(version: object) -> tuple[tuple[str, ...], list[Problem]]:
    if version is None or version == "":
        return (), []
    fault = fault_of_declared(version, newer=True)
    if fault:
        return (), [Problem("crio_version", "", shown_value(version), fault, f"{ACCEPTED}, or empty")]
    return (str(version),), []


def secret_keys(data: Data) -> list[str]:
    """Return the dotted keys of the data whose values may be secret."""
    return [toml.dotted(path) for path, key, _value in CATALOGUE.walk(data) if key.secret]


def _bare(key: Key, item: str) -> str:
    """Return a choice without the prefix that CRI-O accepts before the name of a metric."""
    return without_metric_prefix(item) if key.key == "crio.metrics.metrics_collectors" else item


def _since(column: object) -> str:
    """Return the release since which a column applies, as part of a sentence; "" if it applies to all."""
    since = since_of(column)
    return f" since CRI-O {since}" if since else ""


class _Run(Findings):
    """A check against one or several versions."""

    def __init__(
        self, sources: dict[Path, str], versions: tuple[Version, ...], accepted: AcceptedKeys
    ) -> None:
        super().__init__(sources)
        self.versions = versions
        self.newest = max(versions)
        self.accepted = accepted

    def table(self, table: Data, path: Path) -> Data:
        """Return the typed content of a table."""
        typed: Data = {}
        for name, value in table.items():
            here = (*path, name)
            key = CATALOGUE.lookup(here)
            if not is_unicode(name):
                self.problem(here, "is a name that is not valid Unicode", "a name of valid Unicode")
            elif key is not None:
                self._key(typed, here, key, value)
            elif not CATALOGUE.is_table(here):
                self._unknown(typed, here, value)
            elif isinstance(value, dict):
                content = self.table(value, here)
                if content or CATALOGUE.is_named(here):
                    typed[name] = content
            else:
                self.problem(
                    here,
                    f"is {kind(value)}, not a mapping: crio.conf has a table here",
                    "a mapping of its keys",
                )
        return typed

    def _unknown(self, typed: Data, path: Path, value: object) -> None:
        """Accept a key that the user accepts, warn of one that a newer CRI-O may have, refuse all others."""
        if self.accepted.include(path):
            self._as_given(typed, path, value)
        elif is_newer(self.newest) and path[0] == "crio" and "." not in path[-1]:
            meant = CATALOGUE.suggest(path) if len(path[-1]) <= _LONGEST_NAME else None
            hint = f"; did you mean {meant}?" if meant else ""
            known = (
                f"is not among the keys of CRI-O {CATALOGUED_RANGE}; a CRI-O without it silently ignores it"
            )
            self.warning(path, f"{known}{hint}")
            self._as_given(typed, path, value)
        else:
            self._refuse_unknown(path)

    def _as_given(self, typed: Data, path: Path, value: object) -> None:
        try:
            typed[path[-1]] = of_value(value)
        except Unfit as unfit:
            self.problem(path, unfit.message, unfit.accepted, shown_value(unfit.value), unfit.inside)

    def _refuse_unknown(self, path: Path) -> None:
        suggestion = CATALOGUE.suggest(path) if self.found < MOST and len(path[-1]) <= _LONGEST_NAME else None
        if path[0] != "crio":
            reason = "is not in crio.conf, whose only top-level table is crio"
            if CATALOGUE.is_table(("crio", *path)) or CATALOGUE.lookup(("crio", *path)):
                suggestion = ".".join(("crio", *path))
        elif "." in path[-1]:
            reason, suggestion = "contains a dot: write nested mappings instead", None
        elif suggestion and suggestion.rpartition(".")[2] == path[-1].lower() != path[-1]:
            reason = "is not spelled as in crio.conf"
        else:
            reason = "is unknown to CRI-O, which silently ignores it"
        self.problem(path, f"{reason}{f'; did you mean {suggestion}?' if suggestion else ''}")

    def _key(self, typed: Data, path: Path, key: Key, value: object) -> None:
        before = self.found
        if not any(key.exists_in(version) for version in self.versions):
            if self.accepted.include(path):
                self._as_given(typed, path, value)
            else:
                self.problem(path, self._absence(key))
            return
        try:
            converted = TYPES[key.type].convert(value)
        except Unfit as unfit:
            accepted = self._accepted(key) if key.choices and not unfit.inside else unfit.accepted
            self._unfit(path, key, unfit.message, accepted, unfit.value, unfit.inside)
            return
        self._value(path, key, converted)
        self._advise(path, key)
        if self.found == before:
            typed[path[-1]] = converted

    def _absence(self, key: Key) -> str:
        if key.removed and all(version.line >= parse_version(key.removed).line for version in self.versions):
            return (
                f"was removed in CRI-O {key.removed}, which silently ignores it; replacement: {key.instead}"
            )
        versions = ", ".join(str(version) for version in self.versions)
        return f"does not exist in CRI-O {versions}, which silently ignores it; available since {', '.join(key.span.arrival)}"

    def _value(self, path: Path, key: Key, value: object) -> None:
        items = value if isinstance(value, list) else [value]
        before = self.found
        for index, item in enumerate(items):
            fault, accepted = self._fault(key, item)
            if fault:
                if key.choices and self.found > before:
                    accepted = None  # list the many choices only once
                self._unfit(path, key, fault, accepted, item, f"[{index}]" if isinstance(value, list) else "")

    def _fault(self, key: Key, item: object) -> tuple[str | None, str | None]:
        if key.choices and not self._is_choice(key, str(item)):
            meant = (
                ""
                if self.found >= MOST
                else did_you_mean(_bare(key, str(item)), filter(None, self._choices(key)))
            )
            return f"{key.otherwise_in(self.newest) or _REFUSED}{meant}", self._accepted(key)
        if isinstance(item, str) and "\0" in item:
            return "contains a NUL character, which no path, name or variable can hold", "other characters"
        if isinstance(item, int) and not key.in_range(item):
            return "is out of range", self._accepted(key)
        if key.format:
            return FORMATS[key.format].check(item), FORMATS[key.format].accepted
        return None, None

    def _is_choice(self, key: Key, item: str) -> bool:
        name = _bare(key, item)
        return (name.lower() if key.ignore_case else name) in self._choices(key)

    def _choices(self, key: Key) -> list[str]:
        return list(
            dict.fromkeys(name for version in self.versions for name in key.choices_in(version) or ())
        )

    def _accepted(self, key: Key) -> str:
        if key.choices:
            return ", ".join(choice or '""' for choice in self._choices(key))
        if key.maximum is None:
            return f"an integer from {key.minimum}"
        return f"an integer from {key.minimum} to {key.maximum}"

    def _advise(self, path: Path, key: Key) -> None:
        useless, deprecated = key.without_effect_in(self.newest), key.deprecated_in(self.newest)
        if useless:
            since = _since(key.without_effect)
            self.warning(path, f"has no effect{since}, because CRI-O reads it but does not use it; {useless}")
        elif deprecated:
            self.warning(path, f"is deprecated{_since(key.deprecated)}: {deprecated}")

    def _unfit(
        self, path: Path, key: Key, message: str, accepted: str | None, value: object, inside: str
    ) -> None:
        self.problem(path, message, accepted, None if key.secret else shown_value(value), inside)


class CrioConf(Kind):
    """A drop-in of crio.conf."""

    name = "crio_conf"
    file = "crio.conf"
    runtime = "crio"
    accepted = "the tables of crio.conf, starting with crio"

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check them against the declared version of CRI-O."""
        return check(layers, versions.crio, versions.accept_keys)

    def check_for_node(self, checked: Checked, versions: Versions) -> list[Problem]:
        """Check the data again, against the node's own version of CRI-O."""
        if not versions.crio:
            return []
        accepted = accepted_keys.read(versions.accept_keys)
        return check_data(checked.data, checked.sources, (versions.crio,), accepted).problems

    def render(self, data: Data) -> str:
        """Return the data as TOML."""
        return toml.dumps(data)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each key that the data sets, those of the catalogue first."""
        known = [(path, None if key.secret else value) for path, key, value in CATALOGUE.walk(data)]
        return known + CATALOGUE.unknown(data)

    def read(self, text: str) -> dict[str, str] | None:
        """Return each key below its table."""
        found = toml_lines.read(text)
        return None if found is None else {toml_lines.dotted(path): value for path, value in found.items()}

    def is_secret(self, data: Data) -> bool:
        """Return whether a key is set whose value may be a password, such as an environment variable."""
        return bool(secret_keys(data))

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return the values of secret keys."""
        return secret_values.of_assignments(value for _path, key, value in CATALOGUE.walk(data) if key.secret)

    def expect(self, data: Data) -> dict[str, str | None]:
        """Return the lines of GET /config."""
        return config_lines(data)

    def key_hashes(self, data: Data) -> dict[str, str]:
        """Return the hash of each key, and one of each handler and workload, which may be without keys."""
        values = [(path, value) for path, _key, value in CATALOGUE.walk(data)] + CATALOGUE.unknown(data)
        hashes = {toml.dotted(path): _hash(toml.literal(value)) for path, value in values}
        for path in CATALOGUE.named_tables(data):
            hashes[toml.dotted(path)] = _hash("")
        return hashes


def _hash(text: str) -> str:
    """Return a hash that is long enough to tell two values of a key apart."""
    import hashlib  # the filters need it for nothing

    return hashlib.sha256(text.encode()).hexdigest()[:16]
