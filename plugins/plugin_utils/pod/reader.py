# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a manifest with the table of fields: returns typed values, and collects all problems with their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.pod import quantity
from ansible_collections.cri.node.plugins.plugin_utils.pod.fields import NO_VOLUME, Field
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.text.one_line import shown_name
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES, Unfit, kind

_SCALARS = {"text": "string", "boolean": "boolean", "integer": "integer"}


MOST = 200  # problems of one manifest


class Reader:
    """Collects problems while it reads. variable: the name of the manifest in problems."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        self.problems: list[Problem] = []

    def refuse(self, path: str, message: str, accepted: str | None = None, value: str | None = None) -> None:
        """Add a problem."""
        if len(self.problems) < MOST:
            self.problems.append(Problem(self.variable, path, value, message, accepted))

    def miss(self, path: str, message: str = "is missing") -> None:
        """Add a problem for a missing field, unless the field exists and has another problem."""
        if not any(problem.key.startswith(path) for problem in self.problems):
            self.refuse(path, message)

    def suggestion(self, name: str, fields: Iterable[str]) -> str:
        """Return the field that was probably meant, as the end of a sentence; "" if there are too many problems."""
        return did_you_mean(name, fields) if len(self.problems) < MOST else ""

    def table(
        self, value: object, path: str, fields: Mapping[str, Field | str], others: tuple[Any, ...] = ()
    ) -> dict[str, Any]:
        """Return the typed values of a table's fields, without fields that are null or have a problem."""
        if not isinstance(value, dict):
            self.refuse(path, f"is {kind(value)}, not a mapping")
            return {}
        typed = {}
        for name, item in value.items():
            here, field = f"{path}.{name}" if path else name, fields.get(name) or _other(name, others)
            if field is None:
                self.refuse(here, f"is not a field of a Pod{self.suggestion(str(name), fields)}")
            elif isinstance(field, str):
                if item is not None and (item not in ({}, []) or field == NO_VOLUME):
                    self.refuse(here, field)
            elif item is not None:
                found = self._value(item, here, field)
                if found is not None:
                    typed[name] = found
        for name, field in fields.items():
            if isinstance(field, Field) and field.required and value.get(name) is None:
                self.refuse(f"{path}.{name}" if path else name, "is missing")
        return typed

    def _value(self, value: object, path: str, field: Field) -> object:
        if field.kind == "table":
            return self.table(value, path, field.fields or {}, field.others)
        if field.kind in ("tables", "texts", "integers"):
            return self._list(value, path, field)
        if field.kind == "map":
            return self._map(value, path, field)
        return self._scalar(value, path, field)

    def _list(self, value: object, path: str, field: Field) -> list[Any] | None:
        if not isinstance(value, list):
            self.refuse(path, f"is {kind(value)}, not a list")
            return None
        places = [(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if field.kind == "tables":
            return [self.table(item, place, field.fields or {}) for item, place in places]
        one = field._replace(kind="integer" if field.kind == "integers" else "text")
        found = [self._scalar(item, place, one) for item, place in places]
        return [item for item in found if item is not None]

    def _map(self, value: object, path: str, field: Field) -> dict[str, str] | None:
        if not isinstance(value, dict):
            self.refuse(path, f"is {kind(value)}, not a mapping")
            return None
        one = field._replace(kind="text")
        found = {name: self._scalar(item, f"{path}.{name}", one) for name, item in value.items()}
        return {name: item for name, item in found.items() if item is not None}

    def _scalar(self, value: object, path: str, field: Field) -> Any:
        if field.kind == "quantity":
            return self._quantity(value, path)
        try:
            typed: Any = TYPES[_SCALARS[field.kind]].convert(value)
        except Unfit as unfit:
            self.refuse(path, unfit.message, unfit.accepted)
            return None
        shown = None if field.secret else _shown(typed)
        if field.assigns and shown and len(shown.partition("=")[2]) > 3:  # shorter texts are not secrets
            shown = shown_name(shown)
        if field.kind == "text" and "\0" in typed:
            self.refuse(path, "contains a NUL character")
        elif field.choices and typed not in field.choices:
            choices = ", ".join(_shown(choice) or '""' for choice in field.choices)
            self.refuse(path, "is not supported", field.accepted or choices, shown)
        elif field.pattern and not re.fullmatch(field.pattern, typed):
            self.refuse(path, "is not valid", field.accepted, shown)
        elif field.minimum is not None and not field.minimum <= typed <= field.maximum:
            self.refuse(path, "is out of range", f"{field.minimum} to {field.maximum}", shown)
        else:
            return typed
        return None

    def _quantity(self, value: object, path: str) -> object:
        is_number = isinstance(value, float) or (
            isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64
        )
        text = str(value) if is_number else value
        number = quantity.parse(text) if isinstance(text, str) else None
        if number is None:
            self.refuse(
                path,
                "is not a quantity",
                quantity.ACCEPTED,
                _shown(text)[:80] if isinstance(text, str) else None,
            )
        return number


def _other(name: str, others: tuple[Any, ...]) -> Field | str | None:
    """Return the field of the first pattern that a name matches."""
    return next((field for pattern, field in others if re.fullmatch(pattern, name)), None)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
