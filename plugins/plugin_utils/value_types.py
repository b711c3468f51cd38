# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of CRI-O's keys. Values are converted if that is possible without loss, else refused with a reason.

Templates and inventories turn numbers into strings and back. "9537" for an integer and 10010 for a string are unambiguous and
accepted; 9537.5 for an integer, "yes" for a boolean, or true for a string are ambiguous and refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration

_DURATION = 'a string with a unit, for example "90s" or "1m30s"'
_INTEGER = "an integer"
_STRING = "a string"
_ANY_VALUE = "a string, a number or a boolean"
_LARGEST = 1.7976931348623157e308  # of a float; infinity is above it, and NaN is not comparable
LONGEST = 128 * 1024 - 1  # characters of a text: the maximum length of an argument in Linux


class Unfit(ValueError):
    """A value cannot be converted to its type: the reason, accepted values, and the index or name inside it, if any."""

    def __init__(self, message: str, accepted: str, value: object, inside: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.accepted = accepted
        self.value = value
        self.inside = inside


class Type(NamedTuple):
    """A type: convert returns the typed value or raises Unfit; python is what it returns."""

    convert: Callable[[object], object]
    python: type


def _boolean(value: object) -> bool:
    """Accept true and false in any case, as YAML and templates write them, but not yes, on or 1."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Unfit(f"is {kind(value)}, not a boolean", "true or false", value)


def _integer(value: object) -> int:
    number = _lossless_integer(value)
    if number is None:
        raise Unfit(f"is {kind(value)}, not an integer", _INTEGER, value)
    if not -(2**63) <= number < 2**63:
        raise Unfit("does not fit in 64 bits", _INTEGER, value)
    return number


def _lossless_integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"0|-?[1-9]\d{0,19}", value, re.ASCII) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _string(value: object) -> str:
    if isinstance(value, str):
        if not is_unicode(value):
            raise Unfit("is not valid Unicode", _STRING, None)
        if len(value) > LONGEST:
            raise Unfit(f"has {len(value)} characters", f"at most {LONGEST} characters", None)
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    raise Unfit(f"is {kind(value)}, not a string: put it in quotes", _STRING, value)


def _duration(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Unfit("is a number, which CRI-O reads as nanoseconds: write the unit", _DURATION, value)
    text = _string(value)
    if go_duration.parse(text) is None:
        raise Unfit("is not a valid Go duration", _DURATION, value)
    return text


def _strings(value: object) -> list[str]:
    if not isinstance(value, list):
        hint = "" if isinstance(value, dict) or value is None else ": write it as a list with one entry"
        raise Unfit(f"is {kind(value)}, not a list{hint}", "a list of strings", value)
    return [_inside(item, f"[{index}]") for index, item in enumerate(value)]


def _table(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Unfit(f"is {kind(value)}, not a mapping", "a mapping of names to strings", value)
    return {_name(name): _inside(item, f".{name}") for name, item in value.items()}


def of_value(value: object) -> object:
    """Return the value of a key whose type is not known. Its own type is kept; raises Unfit if TOML cannot hold it."""
    if isinstance(value, dict):
        return {_name(name): _item(item, f".{name}") for name, item in value.items()}
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            raise Unfit("is a list that contains mappings", f"{_ANY_VALUE} or a list of these", value)
        return [_item(item, f"[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not -_LARGEST <= value <= _LARGEST:
        raise Unfit("is not a finite number", "another number", value)
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        return _string(value)
    raise Unfit(f"is {kind(value)}, which crio.conf cannot contain", _ANY_VALUE, value)


def _item(value: object, place: str) -> object:
    try:
        return of_value(value)
    except Unfit as unfit:
        unfit.inside = f"{place}{unfit.inside}"
        raise


def _inside(value: object, place: str) -> str:
    try:
        return _string(value)
    except Unfit as unfit:
        unfit.inside = place
        raise


def _name(text: str) -> str:
    """Return the name of an entry of a table, which must be text that a file can hold."""
    if not is_unicode(text):
        raise Unfit("contains a name that is not valid Unicode", "names of valid Unicode", None)
    return text


def is_unicode(text: str) -> bool:
    """Return whether the text has no lone surrogate, which cannot be written to a file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def kind(value: object) -> str:
    """Return the type of a value for messages."""
    return _KINDS.get(type(value)) or f"a {type(value).__name__}"


_KINDS = {
    bool: "a boolean",
    dict: "a mapping",
    float: "a number with a fraction",
    int: "an integer",
    list: "a list",
    str: "a string",
    type(None): "empty",
}

TYPES = {
    "boolean": Type(_boolean, bool),
    "duration": Type(_duration, str),
    "integer": Type(_integer, int),
    "string": Type(_string, str),
    "strings": Type(_strings, list),
    "table": Type(_table, dict),
}
