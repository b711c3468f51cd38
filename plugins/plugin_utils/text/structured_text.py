# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses data that is passed as a string, as by extra variables in key=value form, AWX surveys and INI inventories.

The string can contain JSON or YAML. Messages never contain the string, which may be secret.
"""

from __future__ import annotations

import json
from itertools import accumulate

from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

_LONGEST = 128 * 1024  # characters of a text: the maximum length of an argument in Linux
_DEEPEST = 100  # nested brackets; the YAML parser needs seconds for thousands
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_MOST = 100_000  # values after YAML aliases are expanded


def mapping_of(value: object) -> object:
    """Return the mapping of a plain value: {} for null or a blank string, the parsed mapping of a string, else the value itself.

    The caller must check that the result is a mapping; see fault_of_mapping.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    read = _read(value)[0] if isinstance(value, str) else value
    return read if isinstance(read, dict) else value


def fault_of_mapping(value: object, of: str = "") -> str:
    """Return why mapping_of does not return a mapping for this value, as the end of a sentence, or "". of: what it should map."""
    if isinstance(mapping_of(value), dict):
        return ""
    if not isinstance(value, str):
        return f"is {kind(value)}, not a mapping{of}"
    fault = _read(value)[1]
    return f"is a string that does not contain a mapping{of} as JSON or YAML{f': {fault}' if fault else ''}"


def list_of(value: object) -> object:
    """Return the list of a plain value: [] for null or a blank string, the parsed list of a string, else its words by comma.

    Another scalar becomes a list with one entry, as in Ansible. A mapping is returned unchanged.
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
    """Return (the non-empty documents of a text of JSON or YAML, "") or ([], why it cannot be parsed)."""
    found, fault = _load(text)
    return [document for document in found if document is not None], fault


def _read(text: str) -> tuple[object, str]:
    """Return (the data of a text with one document, "") or (None, why it cannot be parsed)."""
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
    import yaml  # slow to load, and only needed for strings

    try:
        found = list(yaml.safe_load_all(text))  # not libyaml, which crashes on deep nesting
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "it"
        return [], f"{place} cannot be read"
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return [], "it cannot be read"
    if _is_too_much(found):
        return [], f"it expands to more than {_MOST} values"
    try:
        return [plain(each) for each in found], ""
    except TooDeep as error:
        return [], str(error)


def _is_too_much(value: object) -> bool:
    """Return whether data contains more values than any configuration; shared parts count each time they occur."""
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
