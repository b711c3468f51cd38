# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the objects in the input: an object, a list of objects and texts, a text of YAML with several documents, or a List."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import VERSIONS
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import documents_of
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

ACCEPTED = "objects of OpenShift: mappings with apiVersion and kind, or YAML or JSON of them"
#: the path in findings of what is not part of an object
INPUT: Path = ("",)
_LIST = "List"
_LIST_FIELDS = ("apiVersion", "items", "kind", "metadata")


class Document(NamedTuple):
    """One object as it was given. place: where it is in the input, such as [0].items[1]."""

    place: str
    data: Data


def documents(value: object, findings: Findings, place: str = "") -> Iterator[Document]:
    """Yield the objects of plain data. Null, a blank text and an empty mapping are no object; other data is a problem."""
    if value is None or value == {} or (isinstance(value, str) and not value.strip()):
        return
    if isinstance(value, str):
        found, fault = documents_of(value)
        if fault:
            findings.problem(
                INPUT, f"is a string that is neither YAML nor JSON: {fault}", ACCEPTED, inside=place
            )
        for index, document in enumerate(found):
            inside = place if len(found) == 1 and not isinstance(document, str) else f"{place}[{index}]"
            if isinstance(document, str):  # not read again: it would be a text in a text
                findings.problem(INPUT, "is a string, not an object", ACCEPTED, inside=inside)
            else:
                yield from documents(document, findings, inside)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from documents(item, findings, f"{place}[{index}]")
    elif not isinstance(value, dict):
        findings.problem(INPUT, f"is {kind(value)}, not an object", ACCEPTED, inside=place)
    elif isinstance(value.get("kind"), str) and value["kind"].endswith(_LIST):
        yield from _of_list(value, value["kind"][: -len(_LIST)], findings, place)
    else:
        yield Document(place, value)


def _of_list(value: Data, of: str, findings: Findings, place: str) -> Iterator[Document]:
    """Yield the objects of a List, or of a list of one kind, whose entries may omit their kind as the API does."""
    for name in value:
        if name not in _LIST_FIELDS:
            meant = findings.suggestion(name, list(_LIST_FIELDS))
            findings.problem(
                INPUT, f"is not a field of a {_LIST}{meant}", inside=f"{place}.{name}".lstrip(".")
            )
    items = value.get("items")
    if items is not None and not isinstance(items, list):
        findings.problem(
            INPUT, f"is {kind(items)}, not a list", "a list of objects", inside=f"{place}.items".lstrip(".")
        )
        return
    typed = {"apiVersion": VERSIONS[of], "kind": of} if of in VERSIONS else {}
    for index, item in enumerate(items or []):
        inside = f"{place}.items[{index}]".lstrip(".")
        if isinstance(item, dict):
            yield from documents({**typed, **item}, findings, inside)
        else:
            findings.problem(INPUT, f"is {kind(item)}, not an object", ACCEPTED, inside=inside)
