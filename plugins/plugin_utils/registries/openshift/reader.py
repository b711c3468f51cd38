# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads OpenShift's objects and checks them against their schema. All problems are found at once, and nothing is raised."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings, shown_value
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.documents import (
    INPUT,
    Document,
    documents,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import (
    CONFIG_MAP,
    OBJECTS,
    VERSIONS,
    Field,
    Fields,
)
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit, kind

REFUSED = "OpenShift refuses it"
_SCALARS = {"text": "string", "boolean": "boolean"}


class OpenShiftObject(NamedTuple):
    """A typed object; without a name, its place in the input."""

    kind: str
    name: str
    data: Data  # the typed fields, without fields that have a problem

    @property
    def path(self) -> Path:
        """The path of the object in findings."""
        return (f"{self.kind}/{self.name}" if self.name else self.kind,)

    @property
    def spec(self) -> Data:
        """The typed spec."""
        found: Data = self.data.get("spec", {})
        return found


def layers_of(value: object, variable: str) -> Layers:
    """Return layers from the input of a filter: a list of pairs (name, objects), or the objects of one variable.

    Raises TooDeep.
    """
    given = plain(value)
    if isinstance(given, list) and given and all(_is_pair(each) for each in given):
        return [(each[0], each[1]) for each in given]
    return [(variable, given)]


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def read(layers: Layers) -> tuple[list[OpenShiftObject], Findings]:
    """Return the typed objects of all layers, and what is wrong with them, for further findings.

    An object of a later layer replaces the object of the same kind and name of an earlier one. Inside one layer, this is a
    problem.
    """
    findings = Findings({})
    found: dict[Path, OpenShiftObject] = {}
    for variable, value in layers:
        findings.sources[INPUT] = variable
        try:
            given = list(documents(plain(value), findings))
        except TooDeep as error:
            findings.problem(INPUT, str(error))
            continue
        here: dict[Path, str] = {}
        for document in given:
            each = _object(document, variable, findings)
            if each is None:
                continue
            if each.path in here:
                fault = f"is defined twice: {here[each.path] or 'above'} has the same kind and name"
                findings.problem(each.path, fault, inside=document.place and f" ({document.place})")
            here[each.path] = document.place
            found[each.path] = each
    findings.sources.pop(INPUT, None)
    return list(found.values()), findings


def _object(document: Document, variable: str, findings: Findings) -> OpenShiftObject | None:
    place, data = document
    name = data.get("kind")
    if not isinstance(name, str) or name not in VERSIONS:
        fault = f"{_stated(name)}{findings.suggestion(str(name), list(VERSIONS))}"
        findings.problem(INPUT, fault, ", ".join(VERSIONS), shown_value(name), f"{place}.kind".lstrip("."))
        return None
    version = data.get("apiVersion")
    if version != VERSIONS[name]:
        fault = f"{_stated(version)} for {name}"
        findings.problem(
            INPUT, fault, VERSIONS[name], shown_value(version), f"{place}.apiVersion".lstrip(".")
        )
        return None
    metadata = data.get("metadata")
    named = metadata.get("name") if isinstance(metadata, dict) else None
    label = str(named) if isinstance(named, (str, int)) and str(named) else place
    read_object = OpenShiftObject(name, label, {})
    findings.sources[read_object.path] = variable
    typed = _Reader(findings, name).table(data, read_object.path, OBJECTS[name], "")
    return read_object._replace(data=typed)


def _stated(value: object) -> str:
    if value is None:
        return "is missing"
    return "is not supported" if isinstance(value, str) else f"is {kind(value)}, not a supported string"


class _Reader:
    """Reads the fields of one object."""

    def __init__(self, findings: Findings, of: str) -> None:
        self._findings = findings
        self._of = of

    def table(self, value: Data, path: Path, fields: Fields, inside: str) -> Data:
        """Return the typed fields of a mapping. path: of the mapping; inside: its place in the list that is at path."""
        typed = {}
        for name, item in value.items():
            here, within = ((*path, name), "") if not inside else (path, f"{inside}.{name}")
            field = fields.get(name)
            if isinstance(field, str):
                if item is not None:
                    self._findings.warning(here, field)
            elif field is None:
                if name not in fields:
                    fault = f"is not a field of {self._of}{self._findings.suggestion(name, list(fields))}"
                    self._findings.problem(here, fault, inside=within)
            elif item is not None:
                found = self._value(item, here, field, within)
                if found is not None:
                    typed[name] = found
        for name, field in fields.items():
            if isinstance(field, Field) and field.required and value.get(name) is None:
                here, within = ((*path, name), "") if not inside else (path, f"{inside}.{name}")
                self._findings.problem(here, f"is missing: {REFUSED}", inside=within)
        return typed

    def _value(self, value: object, path: Path, field: Field, inside: str) -> object:
        if field.kind in ("table", "map"):
            return self._mapping(value, path, field, inside)
        if field.kind in ("tables", "texts"):
            return self._list(value, path, field, inside)
        return self._scalar(value, path, field, inside)

    def _mapping(self, value: object, path: Path, field: Field, inside: str) -> object:
        if not isinstance(value, dict):
            self._findings.problem(path, f"is {kind(value)}, not a mapping", inside=inside)
            return None
        if field.kind == "table":
            return self.table(value, path, field.fields or {}, inside)
        texts = {name: self._scalar(item, (*path, name), field, inside) for name, item in value.items()}
        return {name: text for name, text in texts.items() if text is not None}

    def _list(self, value: object, path: Path, field: Field, inside: str) -> object:
        if not isinstance(value, list):
            self._findings.problem(path, f"is {kind(value)}, not a list", field.accepted, inside=inside)
            return None
        if field.most and len(value) > field.most:
            fault = f"{REFUSED}: Too many: {len(value)}: must have at most {field.most} items"
            self._findings.problem(path, fault, inside=inside)
            return None
        places = [(item, f"{inside}[{index}]") for index, item in enumerate(value)]
        if field.kind == "tables":
            return [
                self.table(item, path, field.fields or {}, place)
                for item, place in places
                if self._is_mapping(item, path, place)
            ]
        found: dict[int, str] = {}
        first: dict[str, str] = {}
        for number, (item, place) in enumerate(places):
            text = self._scalar(item, path, field, place)
            if not isinstance(text, str):
                continue
            if field.unique and text in first:
                fault = f"{REFUSED}: Duplicate value, the same as {first[text]}"
                self._findings.problem(path, fault, value=shown_value(text), inside=place)
                continue
            first[text] = place
            found[number] = text
        return list(found.values()) if len(found) == len(places) else None

    def _is_mapping(self, item: object, path: Path, place: str) -> bool:
        if not isinstance(item, dict):
            self._findings.problem(path, f"is {kind(item)}, not a mapping", inside=place)
        return isinstance(item, dict)

    def _scalar(self, value: object, path: Path, field: Field, inside: str) -> object:
        is_secret = self._of == CONFIG_MAP and path[1:2] != ("metadata",)
        try:
            typed = TYPES[_SCALARS.get(field.kind, "string")].convert(value)
        except Unfit as unfit:
            shown = None if is_secret else shown_value(unfit.value)
            self._findings.problem(path, unfit.message, unfit.accepted, shown, inside)
            return None
        if isinstance(typed, str) and field.longest and len(typed) > field.longest:
            fault = f"{REFUSED}: Too long: {len(typed)} characters: must have at most {field.longest}"
            self._findings.problem(path, fault, inside=inside)
            return None
        if field.choices and typed not in field.choices:
            fault = f"is not supported{self._findings.suggestion(str(typed), list(field.choices))}"
            self._findings.problem(path, fault, ", ".join(field.choices), shown_value(typed), inside)
            return None
        return typed
