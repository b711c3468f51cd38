# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong or dangerous in the files and options that CRI-O reads, a sentence each, without any value.

CRI-O reads every file below crio.conf.d whatever its name, ignores keys that it does not know without a message, and replaces a
handler as a whole. So a forgotten backup may win, and a mistake in writing has no effect, and neither is logged.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.effective_configuration import (
    Effective,
    Value,
    canonical,
    version_of,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS
from ansible_collections.cri.node.plugins.plugin_utils.crio.option_names import is_discarded
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        ConfigurationFile,
        ConfigurationReport,
    )


# What editors, Ansible and people leave behind; the first group is the name of the file that it is a copy of.
_BACKUPS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"(.+)\.\d{1,10}\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~",  # backup: true of Ansible
        r"(.+)\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~",
        r"\.ansible_tmp[^.]{1,20}?(.+)",
        r"\.(.+)\.sw[a-p]",
        r"#(.+)#",
        r"(.+?)~+",
        r"(.+)\.(?:bak|backup|old|orig|save|saved|copy|disabled|off|tmp)(?:[.-]?\d{1,14})?",
    )
)
_PACKAGE_FILES = re.compile(
    r"(.+)\.(?:rpm(?:save|new|orig)|dpkg-\w{1,12}|ucf-\w{1,12}|pac(?:save|new|orig))", re.DOTALL
)
_MOST = 500  # findings
_LONGEST = 100  # characters of a name


class Finding(TypedDict):
    """One finding: the file or "", the dotted key or "", the kind (see RETURN of crio_config_facts), one sentence."""

    path: str
    key: str
    kind: str
    message: str


def findings(report: ConfigurationReport, effective: Effective, managed: dict[str, str]) -> list[Finding]:
    """Return the findings of one node. managed: {path: role} of the files that the collection wrote."""
    found = [
        *_faults(effective),
        *_left_behind(report, effective),
        *_readable_secrets(report),
        *_overriding_ours(effective, managed),
        *_replaced_entries(effective),
        *_unknown_keys(report, effective),
        *_written_twice(report),
        *_dropped_by_reload(effective),
    ]
    if len(found) > _MOST:
        more = len(found) - _MOST
        return [*found[:_MOST], _finding("", (), "more", f"{more} more findings are not listed")]
    return found


def copied_file(path: str) -> str:
    """Return the name of the file that this one is a backup of, by its name; "" if it does not look like a backup."""
    name = posixpath.basename(path)
    return next((match.group(1) for match in (pattern.fullmatch(name) for pattern in _BACKUPS) if match), "")


def package_file(path: str) -> str:
    """Return the name of the file that a package manager kept this one for; "" if the name does not look like that."""
    match = _PACKAGE_FILES.fullmatch(posixpath.basename(path))
    return match.group(1) if match else ""


def _finding(path: str, key: Path, kind: str, message: str) -> Finding:
    return {
        "path": path,
        "key": shown(toml.dotted(key), 300) if key else "",
        "kind": kind,
        "message": shown(message),
    }


def _named(path: Path) -> str:
    return shown(toml.dotted(tuple(name[:_LONGEST] for name in path)), 300)


def _faults(effective: Effective) -> Iterator[Finding]:
    for fault in effective.faults:
        if not fault.path:  # an option or a variable
            yield {
                "path": "",
                "key": fault.key[0],
                "kind": fault.kind,
                "message": shown(f"{fault.key[0]} {fault.reason}"),
            }
            continue
        subject = f"{_named(fault.key)} in {fault.path}" if fault.key else fault.path
        stops = (
            ", and CRI-O does not start with it"
            if fault.kind in ("not_toml", "not_a_file") and "tries" not in fault.reason
            else ""
        )
        yield _finding(fault.path, fault.key, fault.kind, f"{subject} {fault.reason}{stops}")


def _left_behind(report: ConfigurationReport, effective: Effective) -> Iterator[Finding]:
    for file in report["files"]:
        path = file["path"]
        if path == report["config_path"]:
            continue
        copied, kept = copied_file(path), package_file(path)
        if not copied and not kept:
            continue
        kind = "backup" if copied else "package_file"
        what = f"a backup of {copied}" if copied else f"a file that a package manager kept for {kept}"
        won = [key for key, value in effective.values.items() if value.source.name == path]
        end = _wins(won) if won else "but none of its values wins"
        yield _finding(path, won[0] if won else (), kind, f"CRI-O reads {path}, by its name {what}, {end}")


def _wins(keys: list[Path]) -> str:
    more = f" and of {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"and its value of {_named(keys[0])}{more} wins"


def _readable_secrets(report: ConfigurationReport) -> Iterator[Finding]:
    for file in report["files"]:
        if not int(file.get("mode", "0"), 8) & 0o004:
            continue
        for setting in file["settings"]:
            if setting.get("secret") and not setting.get("empty"):
                key = canonical(tuple(setting["path"]))
                message = f"{_named(key)} may hold a secret, but every user can read {file['path']} (mode {file['mode']})"
                yield _finding(file["path"], key, "readable_secret", message)


def _overriding_ours(effective: Effective, managed: dict[str, str]) -> Iterator[Finding]:
    for key, value in effective.values.items():
        ours = [source.name for _value, source in value.overridden if source.name in managed]
        if not ours or value.source.name in managed or _is_empty_of_entry(key, value):
            continue
        path = value.source.name if value.source.kind == "file" else ""
        message = f"{value.source.name} overrides {_named(key)} of {ours[-1]}, which the role {managed[ours[-1]]} wrote"
        yield _finding(path, key, "overrides_ours", message)


def _is_empty_of_entry(key: Path, value: Value) -> bool:
    """Whether this key is only empty because its entry was replaced, which is a finding of its own."""
    return value.key is not None and "*" in value.key.key and value.value in ("", [], {}, False, 0)


def _replaced_entries(effective: Effective) -> Iterator[Finding]:
    for replaced in effective.replaced:
        message = (
            f"{replaced.path} replaces the whole table {_named(replaced.entry)} of {replaced.before.name}, so that"
            f" {', '.join(replaced.lost)} {'is' if len(replaced.lost) == 1 else 'are'} empty now"
        )
        yield _finding(replaced.path, replaced.entry, "replaced_entry", message)


def _unknown_keys(report: ConfigurationReport, effective: Effective) -> Iterator[Finding]:
    version = version_of(report)
    for path, key in effective.unknown[:_MOST]:
        known = CATALOGUE.lookup(key)
        if known is not None and known.removed and not known.exists_in(version):
            reason = f"was removed in CRI-O {known.removed}, which ignores it; replacement: {known.instead}"
        elif known is not None:
            reason = f"does not exist in CRI-O {version}, which ignores it; available since {', '.join(known.span.arrival)}"
        else:
            reason = "is unknown to CRI-O, which ignores it"
            meant = CATALOGUE.suggest(key) if len(key[-1]) <= _LONGEST else None
            reason += f"; did you mean {meant}?" if meant else ""
        yield _finding(path, key, "unknown_key", f"{_named(key)} in {path} {reason}")


def _written_twice(report: ConfigurationReport) -> Iterator[Finding]:
    for file in report["files"]:
        for key in _repeated(file):
            message = f"{_named(key)} is set more than once in {file['path']}, in different case; CRI-O uses one at random"
            yield _finding(file["path"], key, "written_twice", message)


def _repeated(file: ConfigurationFile) -> list[Path]:
    found = [canonical(tuple(each["path"])) for each in file["settings"] if each["type"] != "table"]
    return sorted({key for key in found if found.count(key) > 1}) if len(found) < 2000 else []


def _dropped_by_reload(effective: Effective) -> Iterator[Finding]:
    # Of a handler, which an option or a variable sets as a whole, the table is named.
    given = {
        key[: len(HANDLERS) + 1] if key[: len(HANDLERS)] == HANDLERS else key: value.source
        for key, value in effective.values.items()
        if value.key and is_discarded(value.key) and value.source.kind in ("option", "variable")
    }
    for key, source in given.items():
        message = (
            f"{source.name} sets {_named(key)}, but a reload (SIGHUP) only reads the files and discards it"
        )
        yield _finding("", key, "dropped_by_reload", message)
