# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads single fields of crictl's JSON, typed.

Every crictl from 1.24 on is understood. Their JSON differs: a missing message is null until 1.30 and left out since, 64-bit
integers are strings, times are nanoseconds in listings and RFC 3339 in the node's zone in details. The result is the same:

- times are RFC 3339 strings in UTC with nine digits and a Z, so that they sort as text; a zero time is absent
- enumerations lose their prefix and are lower case: CONTAINER_RUNNING is running; a value that is not known here is unknown
- what the runtime does not report (null, left out, an empty string) is absent, except labels and annotations
- strings are valid Unicode: half of a surrogate pair, which JSON can contain, becomes U+FFFD
- identities can be arguments of a command, integers fit into 64 bits

Each function raises UnexpectedOutput for a value of another type, and takes time in proportion to the length of its input.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import NodeError
from .times import nanoseconds, rfc3339

UNKNOWN = "unknown"
POD_LABELS = {
    "name": "io.kubernetes.pod.name",
    "namespace": "io.kubernetes.pod.namespace",
    "uid": "io.kubernetes.pod.uid",
}
#: The states of a container as crictl prints them, and as facts have them.
CONTAINER_STATES = {f"CONTAINER_{name.upper()}": name for name in ("created", "running", "exited", UNKNOWN)}
#: Annotations with a copy of a whole manifest, the values of environment variables included.
MANIFEST_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_IDENTITY = re.compile(
    r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,255}"
)  # of CRI-O and containerd: 64 hexadecimal digits
_SURROGATE = "[\ud800-\udfff]"  # compiled only for a text that is not ASCII


class UnexpectedOutput(NodeError):
    """The JSON is valid, but it is not the answer of this crictl command."""

    kind = "unexpected"


def known(**items: Any) -> dict[str, Any]:
    """Return the items that have a value: neither None nor an empty string."""
    return {key: value for key, value in items.items() if value is not None and value != ""}


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Return an object; an empty one for null. where: its name, for the message."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unexpected(value, where, "an object")
    return value


def mapping_if_any(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return an object whose form differs between runtimes; an empty one if it is something else."""
    return document[key] if isinstance(document.get(key), dict) else {}


def entries(document: Any, command: str, key: str) -> list[Any]:
    """Return the list that a command prints. An empty document is an empty list; the output of another command is not."""
    document = mapping(document, command)
    if document and key not in document:
        raise UnexpectedOutput(f"the output of {command} has no {key}")
    return items(document, key)


def items(document: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list; an empty one for null."""
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _unexpected(value, key, "a list")
    return value


def string(document: Mapping[str, Any], key: str) -> str | None:
    """Return a string; None if it is empty or absent."""
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise _unexpected(value, key, "a string")
    return valid(value) if value else None


def required_string(document: Mapping[str, Any], key: str) -> str:
    """Return a string. Raises UnexpectedOutput if it is empty or absent."""
    value = string(document, key)
    if value is None:
        raise UnexpectedOutput(f"crictl printed an entry without {key}")
    return value


def identity(document: Mapping[str, Any]) -> str:
    """Return the ID of a container or pod. It becomes an argument of crictl, so it must not look like an option."""
    value = required_string(document, "id")
    if not _IDENTITY.fullmatch(value):
        raise _unexpected(value, "id", "an ID")
    return value


def path(document: Mapping[str, Any], key: str) -> str | None:
    """Return the path of a file; None if it is absent."""
    value = string(document, key)
    if value and "\0" in value:
        raise _unexpected(value, key, "a path")
    return value


def boolean(document: Mapping[str, Any], key: str) -> bool | None:
    """Return a boolean; None if it is absent."""
    value = document.get(key)
    if value is not None and not isinstance(value, bool):
        raise _unexpected(value, key, "a boolean")
    return value


def integer(document: Mapping[str, Any], key: str) -> int | None:
    """Return an integer, which JSON has as a number or (64 bits) in a string; None if it is absent."""
    value = document.get(key)
    return None if value is None else integer_value(value, key)


def integer_value(value: Any, where: str) -> int:
    """Return an integer that is a number or in a string. where: its name, for the message."""
    number = _as_integer(value)
    if number is None:
        raise _unexpected(value, where, "an integer")
    return number


def strings(document: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return an object of strings, such as labels."""
    found = mapping(document.get(key), key)
    for value in found.values():
        if not isinstance(value, str):
            raise _unexpected(value, f"a value of {key}", "a string")
    return {valid(name): valid(value) for name, value in found.items()}


def annotations_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations without those of MANIFEST_ANNOTATIONS."""
    found = strings(document, "annotations")
    return {name: value for name, value in found.items() if name not in MANIFEST_ANNOTATIONS}


def choice(document: Mapping[str, Any], key: str, choices: Mapping[str, str]) -> str:
    """Return the value of an enumeration, which `choices` maps from crictl's name to the fact's.

    A value that is not among them is unknown: crictl prints one that is newer than itself as a number.
    """
    value = document.get(key)
    if not isinstance(value, bool) and _as_integer(value) is not None:
        return UNKNOWN
    return choices.get(string(document, key) or "", UNKNOWN)


def time(document: Mapping[str, Any], key: str) -> str | None:
    """Return a time, which is in nanoseconds (a listing) or RFC 3339 (details); None for the zero time."""
    value = document.get(key)
    if value is None or value == "":
        return None
    number = _as_integer(value)
    if number is None and isinstance(value, str):
        with contextlib.suppress(ValueError):
            number = nanoseconds(value)
    if number is None:
        raise _unexpected(value, key, "a time")
    return rfc3339(number)


def pod_of(pod_id: str | None, labels: dict[str, str]) -> dict[str, str]:
    """Return the pod of a container, as far as its ID and the kubelet's labels tell."""
    return known(id=pod_id, **{key: labels.get(label) for key, label in POD_LABELS.items()})


def valid(text: str) -> str:
    """Return valid Unicode, which can be written anywhere."""
    return text if text.isascii() else re.sub(_SURROGATE, "\ufffd", text)


def _as_integer(value: Any) -> int | None:
    """Return an integer of at most 64 bits; None for anything else."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
        return value
    return None


def _unexpected(value: Any, where: str, what: str) -> UnexpectedOutput:
    from .unexpected import described  # not at the top: compiled only for an error

    return UnexpectedOutput(f"crictl printed {described(value)} where {where} should be {what}")
