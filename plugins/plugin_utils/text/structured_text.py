# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads data that arrives as text: extra variables as key=value, surveys of AWX and INI inventories know nothing else.

Accepted is JSON or YAML. No message quotes the text, which may hold secrets.
"""

from __future__ import annotations

import json
from itertools import accumulate

from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

_LONGEST = 128 * 1024  # characters of a text: Linux gives a program no longer one
_DEEPEST = 100  # brackets inside of each other; the reader of YAML takes seconds for thousands
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_MOST = 100_000  # values that a text may stand for: YAML's aliases multiply them


def mapping_of(value: object) -> object:
    """Return the mapping that a plain value stands for: {} for null or a blank text, what a text holds, else the value.

    Whether the result is a mapping is for the caller to check; see fault_of_mapping.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    read = _read(value)[0] if isinstance(value, str) else value
    return read if isinstance(read, dict) else value


def fault_of_mapping(value: object, of: str = "") -> str:
    """Return why mapping_of finds no mapping in this value, as the end of a sentence, or "". of: what it should map."""
    if isinstance(mapping_of(value), dict):
        return ""
    if not isinstance(value, str):
        return f"is {kind(value)}, not a mapping{of}"
    fault = _read(value)[1]
    return f"is a text that does not hold a mapping{of} in JSON or YAML{f': {fault}' if fault else ''}"


def list_of(value: object) -> object:
    """Return the list that a plain value stands for: [] for null or a blank text, what a text holds, else words by comma.

    Another scalar is a list of one, as everywhere in Ansible. A mapping stays as it is.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    if isinstance(value, (list, dict)):
        return value
    if not isinstance(value, str):
        return [value]
    if value.lstrip().startswith(("[", "- ", "-\n")):
        read = _read(value)[0]
        if isinstance(read, list):
            return read
    return [word.strip() for word in value.split(",")]


def documents_of(text: str) -> tuple[list[object], str]:
    """(the documents of a text in JSON or YAML, "") without the empty ones, or ([], why it cannot be read)."""
    found, fault = _load(text)
    return [document for document in found if document is not None], fault


def _read(text: str) -> tuple[object, str]:
    """(what a text of one document holds, "") or (None, why it cannot be read)."""
    found, fault = _load(text)
    if len(found) > 1:
        return None, f"it has {len(found)} documents"
    return (found[0] if found else None), fault


def _load(text: str) -> tuple[list[object], str]:
    if len(text) > _LONGEST:
        return [], f"it has more than {_LONGEST} characters"
    try:
        return [plain(json.loads(text))], ""
    except (ValueError, RecursionError, TooDeep):
        return _load_yaml(text)


def _load_yaml(text: str) -> tuple[list[object], str]:
    if max(accumulate(_STEPS[char] for char in text if char in _STEPS), default=0) > _DEEPEST:
        return [], f"lists and mappings are nested deeper than {_DEEPEST} levels"
    import yaml  # slow to load, and only texts need it

    try:
        found = list(yaml.safe_load_all(text))  # not by libyaml, which deep nesting crashes
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "it"
        return [], f"{place} cannot be read"
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return [], "it cannot be read"
    if _is_too_much(found):
        return [], f"it stands for more than {_MOST} values"
    try:
        return [plain(each) for each in found], ""
    except TooDeep as error:
        return [], str(error)


def _is_too_much(value: object) -> bool:
    """Whether data holds more values than any configuration does; shared parts count each time they are there."""
    count, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        count += 1
        if count > _MOST:
            return True
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
