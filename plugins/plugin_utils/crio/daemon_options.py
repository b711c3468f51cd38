# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds settings that make CRI-O read its configuration from another location, so that the files of the roles have no effect.

CRI-O accepts them as options (urfave/cli: one or two dashes, value after = or as the next word) and as environment variables.
Messages never contain a value, which may be secret.
"""

from __future__ import annotations

import posixpath
import re

from ansible_collections.cri.node.plugins.module_utils.layout import CRIO_CONFIG, CRIO_CONFIG_DIRECTORY

# The kind of path, its default, and its option and environment variable (crio.8).
_PLACES = (
    ("a drop-in directory", CRIO_CONFIG_DIRECTORY, ("config-dir", "d"), "CONTAINER_CONFIG_DIR"),
    ("a configuration file", CRIO_CONFIG, ("config", "c"), "CONTAINER_CONFIG"),
)
_OPTION = re.compile(r"--?([a-z-]{1,20})(?:=(.*))?", re.DOTALL)
_OPTIONS_IN = re.compile(
    "OPT|ARG|FLAG"
)  # of variables that a unit's ExecStart expands, such as CRIO_CONFIG_OPTIONS
_LONGEST = 16 * 1024  # characters that are split into words


def fault_of_variable(name: str, value: str) -> str | None:
    """Return the problem of an environment variable of the daemon, or None."""
    for what, default, _options, variable in _PLACES:
        if name == variable and _is_elsewhere(value, default):
            return _reason(what, default)
    return _fault_of_options(value, False) if _OPTIONS_IN.search(name) else None


def fault_of_directive(section: str, name: str, value: str) -> str | None:
    """Return the problem of a directive of the daemon's unit, or None."""
    if section != "Service":
        return None
    if name == "ExecStart":
        return _fault_of_options(value, True)
    if name == "Environment":
        for word in words(value):
            variable, equals, text = word.partition("=")
            fault = fault_of_variable(variable, text) if equals else None
            if fault:
                return f"sets {variable}, which {fault}"
    if name == "PassEnvironment":
        for variable in value.split():
            if variable in [place[3] for place in _PLACES]:
                return (
                    f"passes on {variable}, which may make CRI-O read its configuration from another location"
                )
    return None


def _reason(what: str, default: str) -> str:
    return f"makes CRI-O read {what} other than {default}, but this role writes to {CRIO_CONFIG_DIRECTORY}"


def _is_elsewhere(value: str, default: str) -> bool:
    return posixpath.normpath(value.strip().strip("\"'")) != default


def _fault_of_options(text: str, is_command: bool) -> str | None:
    """Return the problem of options, or None. `is_command`: ignore single letters before the word crio: a wrapper's options."""
    given = [inner for word in words(text) for inner in (words(word) if " " in word else [word])]
    behind_crio = not is_command
    for word, following in zip(given, [*given[1:], ""]):
        found = _OPTION.fullmatch(word)
        behind_crio = behind_crio or posixpath.basename(word.lstrip("-@:+!|")) == "crio"
        if not found:
            continue
        for what, default, names, _variable in _PLACES:
            if found.group(1) not in names or (len(found.group(1)) == 1 and not behind_crio):
                continue
            value = following if found.group(2) is None else found.group(2)
            if _is_elsewhere(value, default):
                return f"has the option --{names[0]}, which {_reason(what, default)}"
    return None


def words(text: str) -> list[str]:
    """Split a line into words as systemd does, with quotes and backslashes."""
    found: list[str] = []
    word: list[str] = []
    quote, escaped, begun = "", False, False
    for character in text[:_LONGEST]:
        if escaped:
            word.append(character)
            escaped = False
        elif character == "\\":
            escaped = begun = True
        elif quote:
            if character == quote:
                quote = ""
            else:
                word.append(character)
        elif character in "\"'":
            quote, begun = character, True
        elif character.isspace():
            if word or begun:
                found.append("".join(word))
            word, begun = [], False
        else:
            word.append(character)
    return [*found, "".join(word)] if word or begun else found
