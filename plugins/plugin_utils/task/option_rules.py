# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates and normalises options of the collection's actions beyond their types.

This happens on the controller, before the node is contacted. Messages never contain the content of a file.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.layout import CRIO_CONFIG_DIRECTORY, CRIO_SOCKET
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.module_utils.transaction.guards import GUARDS
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.did_you_mean import did_you_mean
from ansible_collections.cri.node.plugins.plugin_utils.text.one_line import line_fault
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

MODE = 'three or four octal digits in quotes, for example "0644"'
SECONDS = ("ready_timeout", "timeout", "wait_timeout", "pull_timeout")
LONGEST_CONTENT = 1024 * 1024  # characters of one file
_OF_PLAYBOOKS = ("rollback_generation", "preview_report_file")
_LONGEST_TEXT = 4096  # characters of any other option
_MOST_SECONDS = 7 * 24 * 3600
_GENERATION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_OWNER_WORDS = "at most 64 letters, digits, '_', '.' and '-', for example crio"
_UNIT = re.compile(r"(?![-.@])[A-Za-z0-9:_.\\@-]{1,247}(?<!@)\.service", re.ASCII)
_ENDPOINT = re.compile("(?:unix:(?://)?)?/", re.IGNORECASE)
_SYMBOLIC_MODE = re.compile(r"[ugoa]*[-+=][rwxXstugo,=+-]*")
_OCTAL_MODE = re.compile(r"[0-7]{3,4}", re.ASCII)
_UNIT_WORDS = "the name of a service, for example crio.service"
IMAGE = "a name with or without tag and digest, for example registry.example.com/app:1.0"
_OTHER_UNITS = frozenset("automount device mount path scope slice socket swap target timer".split())
_PATH_WORDS = f"an absolute path such as {CRIO_CONFIG_DIRECTORY}/60-cri-node.conf"
_SEVERAL_LINES = ("problems", "results", "manifest", "password")
_LAYERS = "a list of pairs: a variable's name and its settings"


def problems_of_arguments(arguments: dict[str, Any], variables: dict[str, str] | None = None) -> list[str]:
    """Return the problems of a task's original arguments, before Ansible converts them to strings.

    `variables`: the role variables of the options, by option, for messages.
    """
    problems: list[Problem] = []
    for name in SECONDS:
        if isinstance(arguments.get(name), (bool, float)):
            value = shown(repr(arguments[name]), 40)
            place = labelled(name, variables)
            problems.append(Problem("", place, value, "is not a whole number of seconds", "for example 60"))
    given = arguments.get("generation")
    if given is not None and not _GENERATION.fullmatch(str(given)):
        place, value = labelled("generation", variables), shown(repr(given), 40)
        problems.append(Problem("", place, value, "is not the number of a generation", "for example 3"))
    try:
        files = plain(arguments.get("files"))
    except TooDeep as error:
        return [f"files: {error}"]
    for index, entry in enumerate(files if isinstance(files, list) else []):
        place = f"files[{index}]"
        if isinstance(entry, dict):
            place = _place(index, entry.get("path"))
            problems += _problems_of_types(entry, place)
        else:
            problems.append(
                Problem(place, "", None, f"is {kind(entry)}, not a mapping", "path, owner, content, ...")
            )
    if files is not None and not isinstance(files, list):
        problems.append(Problem("files", "", None, f"is {kind(files)}, not a list", "a list of mappings"))
    return [str(problem) for problem in problems]


def normalise(
    options: dict[str, Any], spec: dict[str, Any], variables: dict[str, str] | None = None
) -> list[str]:
    """Normalise validated options in place. Return their problems as sentences."""
    problems: list[Problem | str] = []
    for name, value in options.items():
        if name in spec and name not in _SEVERAL_LINES:
            problems += _problems_of_texts(labelled(name, variables), value)
    for name in SECONDS:
        if options.get(name) is not None:
            problems += _problems_of_seconds(labelled(name, variables), options[name])
    if options.get("unit") is not None:
        options["unit"], fault = unit_name(options["unit"])
        if fault:
            problems.append(Problem("", "unit", _quoted(options["unit"]), fault, _UNIT_WORDS))
    for name in ("endpoint", "image_endpoint"):
        if name == "image_endpoint" and options.get(name) == "":  # as in crictl: the same as endpoint
            continue
        if options.get(name) is not None and not _ENDPOINT.match(options[name]):
            accepted = f"for example unix://{CRIO_SOCKET}"
            problems.append(
                Problem("", name, _quoted(options[name]), "is not the path of a socket", accepted)
            )
    problems += _problems_of_names(options)
    problems += _problems_of_owners(options)
    problems += _problems_of_guards(options, variables)
    if options.get("files"):
        problems += _problems_of_files(options["files"])
    if "sha256" in options and "source" in options and options.get("state") != "absent":
        problems += _problems_of_bundle(options)
    return [str(problem) for problem in problems]


def labelled(option: str, variables: dict[str, str] | None) -> str:
    """Return the name of an option for a message, with its variable if a role or a playbook passes it."""
    variable = (variables or {}).get(option)
    owner = "playbook" if variable in _OF_PLAYBOOKS else "role"
    return f"{option} ({variable} of the {owner})" if variable else option


def image_fault(image: str) -> str:
    """Return why a text is not an image name, with the error message of containers/image, or ""."""
    from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference

    try:
        image_reference.parse(image)
    except ValueError as error:
        return f"is not an image name: {error}"
    return ""


def file_mode(text: str, secret: bool) -> tuple[str, str]:
    """Return (a mode as four octal digits, its problem or "")."""
    if _SYMBOLIC_MODE.fullmatch(text):
        return text, "is symbolic, so that its result depends on the current mode of the file"
    if not _OCTAL_MODE.fullmatch(text):
        return text, f"is not a file mode{_hint_of_quotes(text)}"
    mode = text.rjust(4, "0")
    special, owner, *others = (int(digit) for digit in mode)
    if not owner & 4 or any(digit & ~owner for digit in others):
        return (
            mode,
            f"gives the owner fewer permissions than others, or no read permission{_hint_of_quotes(text)}",
        )
    if special:
        return mode, "has setuid, setgid or the sticky bit, which no configuration file needs"
    if others[1] & 2:
        return mode, "lets every user of the node write what the runtime reads as root"
    if secret and others[1]:
        return mode, "lets every user of the node read a secret file"
    return mode, ""


def unit_name(text: str) -> tuple[str, str]:
    """Return (the full name of a unit, crio.service for crio; its problem or "")."""
    suffix = text.rpartition(".")[2]
    if suffix in _OTHER_UNITS and "." in text:
        return text, f"is a {suffix} unit, not a service"
    name = text if suffix == "service" and "." in text else f"{text}.service"
    if _UNIT.fullmatch(name):
        return name, ""
    if name.endswith("@.service"):
        return text, "is a template without an instance"
    return text, "is not a name that systemd accepts for a service"


def path_fault(path: str) -> str:
    """Return the problem of the path of a file of the set, or ""."""
    if len(path) > _LONGEST_TEXT or any(len(part) > 255 for part in path.split("/")):
        return "is too long for a file's path"
    if line_fault(path):
        return line_fault(path) or ""
    if not path.isprintable() or path != path.strip():
        return "contains invisible characters"
    if not path.startswith("/"):
        return "is not absolute"
    if path.endswith("/"):
        return "ends with a slash, but a file is required, not a directory"
    if path.startswith("//") or posixpath.normpath(path) != path:
        return f"is not in its normalized form, {posixpath.normpath(path).replace('//', '/')}"
    return ""


def pod_name_fault(name: object, key: str) -> str:
    """Return the problem of the name or the namespace (`key`) of a pod as a sentence, or ""."""
    from ansible_collections.cri.node.plugins.plugin_utils.pod import fields

    field: Any = fields.METADATA[key]
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if isinstance(name, str) and len(name) <= 253 and re.fullmatch(field.pattern, name):
        return ""
    value = _quoted(name) if isinstance(name, str) else None
    fault = "is not valid" if isinstance(name, str) else f"is {kind(name)}, not a string"
    return str(
        Problem("", key, value, fault, field.accepted or "at most 63 lowercase letters, digits and '-'")
    )


def _place(index: int, path: object) -> str:
    return shown(path, 300) if isinstance(path, str) and path.startswith("/") else f"files[{index}]"


def _quoted(text: object) -> str:
    return f'"{shown(text, 80)}"'


def _hint_of_quotes(text: str) -> str:
    """Return a hint for a number that YAML read from an unquoted mode, such as 420 from 0644."""
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII):
        return ""
    meant = f"{int(text):04o}"
    sensible = len(meant) == 4 and meant[0] == "0" and meant[1] in "4567" and max(meant[2:]) <= meant[1]
    return f"; without quotes YAML reads {meant} as the number {text}: write it in quotes" if sensible else ""


def _problems_of_types(entry: dict[str, Any], place: str) -> list[Problem]:
    problems = []
    mode = entry.get("mode")
    if isinstance(mode, int) and not isinstance(mode, bool):
        hint = _hint_of_quotes(str(mode)[:5]) or "; write it in quotes"
        problems.append(Problem(place, "mode", str(mode)[:40], f"is a number{hint}", MODE))
    elif mode is not None and not isinstance(mode, str):
        problems.append(Problem(place, "mode", None, f"is {kind(mode)}, not a string", MODE))
    for name in ("path", "owner", "content"):
        if entry.get(name) is not None and not isinstance(entry[name], str):
            problems.append(Problem(place, name, None, f"is {kind(entry[name])}, not a string"))
    for name in ("layers", "crio_layers", "openshift_layers", "handlers_layers"):
        if entry.get(name) is not None and not _are_layers(entry[name]):
            problems.append(Problem(place, name, None, f"is not {_LAYERS}", "[[crio_config, {...}]]"))
    if entry.get("kind", "text") == "text":
        if entry.get("layers"):
            problems.append(
                Problem(
                    place,
                    "layers",
                    None,
                    "are not accepted for a file of kind text",
                    "content, or another kind",
                )
            )
    elif not entry.get("layers"):
        problems.append(
            Problem(place, "layers", None, "is missing", f"{_LAYERS}, or the name of one as variable")
        )
    elif entry.get("content"):
        problems.append(Problem(place, "content", None, "is only for files of kind text", "layers"))
    return problems


def _are_layers(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and _is_unicode(pair[0])
        for pair in value
    )


def _is_unicode(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_unicode(name) and _is_unicode(item) for name, item in value.items())
    if isinstance(value, list):
        return all(_is_unicode(item) for item in value)
    try:
        return not isinstance(value, str) or value.encode() is not None
    except UnicodeEncodeError:
        return False


def _problems_of_texts(name: str, value: object) -> list[Problem]:
    problems = []
    items = value if isinstance(value, list) else [value]
    for index, item in enumerate(items):
        if isinstance(item, str):
            place = f"{name}[{index}]" if isinstance(value, list) else name
            if len(item) > _LONGEST_TEXT:
                fault = f"has {len(item)} characters"
                problems.append(Problem("", place, None, fault, f"at most {_LONGEST_TEXT}"))
            elif line_fault(item):
                problems.append(Problem("", place, _quoted(item), line_fault(item) or "", "a single line"))
    return problems


def _problems_of_seconds(name: str, seconds: int) -> list[str]:
    if seconds <= 0:
        return [f"{name} is {seconds}; it must be at least 1 second"]
    if seconds > _MOST_SECONDS:
        return [f"{name} is {shown(seconds, 40)}; it must be at most {_MOST_SECONDS} seconds (one week)"]
    return []


def _problems_of_names(options: dict[str, Any]) -> list[str]:
    if "manifest" not in options:
        return []
    return [
        fault
        for key in ("name", "namespace")
        for fault in [pod_name_fault(options[key], key) if options.get(key) else ""]
        if fault
    ]


def _problems_of_owners(options: dict[str, Any]) -> list[Problem]:
    problems = []
    for index, owner in enumerate(options.get("owners") or []):
        if not _OWNER.fullmatch(owner):
            problems.append(
                Problem("", f"owners[{index}]", _quoted(owner), "is not the name of an owner", _OWNER_WORDS)
            )
    for index, entry in enumerate(options.get("files") or []):
        place = _place(index, entry["path"])
        if not _OWNER.fullmatch(entry["owner"]):
            fault = "is not the name of an owner"
            problems.append(Problem(place, "owner", _quoted(entry["owner"]), fault, _OWNER_WORDS))
        elif options.get("owners") and entry["owner"] not in options["owners"]:
            known = ", ".join(sorted(set(options["owners"])))
            fault = "is not among the owners whose files this task may write"
            problems.append(Problem(place, "owner", _quoted(entry["owner"]), fault, shown(known, 200)))
    return problems


def _problems_of_guards(options: dict[str, Any], variables: dict[str, str] | None) -> list[Problem]:
    place = labelled("overruled_guards", variables)
    return [
        Problem("", place, _quoted(name), f"is not a guard{did_you_mean(name, GUARDS)}", ", ".join(GUARDS))
        for name in options.get("overruled_guards") or []
        if name not in GUARDS
    ]


def _problems_of_files(files: list[dict[str, Any]]) -> list[Problem]:
    problems = []
    first: dict[str, int] = {}
    for index, entry in enumerate(files):
        path, place = entry["path"], _place(index, entry["path"])
        fault = path_fault(path)
        if fault:
            problems.append(Problem(f"files[{index}]", "path", _quoted(path), fault, _PATH_WORDS))
        elif path in first:
            fault = f"is also the path of files[{first[path]}]"
            problems.append(Problem(f"files[{index}]", "path", _quoted(path), fault, "each path once"))
        first.setdefault(path, index)
        if (
            entry.get("mode") or entry.get("kind", "text") == "text"
        ):  # for other kinds, the kind decides whether they are secret
            given = entry.get("mode") or ("0600" if entry["secret"] else "0644")
            entry["mode"], fault = file_mode(given, entry["secret"])
            if fault:
                problems.append(Problem(place, "mode", _quoted(given), fault, MODE))
        problems += _problems_of_content(entry.get("content") or "", place)
        environment = entry.get("environment_file")
        if environment and environment not in [each["path"] for each in files]:
            fault = "is not the path of a file of the set"
            problems.append(Problem(place, "environment_file", _quoted(environment), fault))
    wanted = {
        entry["path"] for entry in files if entry.get("layers") or (entry.get("content") or "").strip()
    } - {"", "/"}
    for path in sorted(wanted):
        inside = posixpath.dirname(path)
        if inside in wanted:
            problems.append(
                Problem(
                    "files",
                    "path",
                    _quoted(path),
                    f"is inside {shown(inside, 200)}, which is itself a file of the set",
                )
            )
    return problems


def _problems_of_content(content: str, place: str) -> list[Problem]:
    if len(content) > LONGEST_CONTENT:
        fault = f"has {len(content)} characters"
        return [Problem(place, "content", None, fault, f"at most {LONGEST_CONTENT}")]
    if "\0" in content:
        return [Problem(place, "content", None, "contains a NUL character", "a string")]
    if not _is_unicode(content):
        return [Problem(place, "content", None, "is not valid Unicode", "a string")]
    return []


def _problems_of_bundle(options: dict[str, Any]) -> list[Problem]:
    problems = []
    if not (options["source"] or "").strip():
        fault = "is missing" if options["source"] is None else "is empty"
        problems.append(Problem("crio_bundle", "source", None, fault, "a file on the controller, or a URL"))
    if not options["sha256"]:
        fault = "is missing" if options["sha256"] is None else "is empty"
        problems.append(
            Problem(
                "crio_bundle", "sha256", None, fault, "a SHA-256 for each architecture, for example amd64"
            )
        )
    for name in options["sha256"] or {}:
        known = {"x86_64": "amd64", "aarch64": "arm64"}.get(str(name))
        if known:
            problems.append(
                Problem(
                    "crio_bundle",
                    f"sha256.{name}",
                    None,
                    "is not the name of an architecture in the bundles of CRI-O",
                    known,
                )
            )
    return problems
