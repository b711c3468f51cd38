# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong or dangerous in the registries of a node, a sentence each, with the file that it is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.registries import of_report, resolution
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import mirrors_without_credentials
from ansible_collections.cri.node.plugins.plugin_utils.registries.document import Registry
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import RegistriesReport


_MOST = 500  # findings
_SEARCH = "unqualified-search-registries"


class Finding(TypedDict):
    """One finding: the file or "", the dotted key or "", the kind (see RETURN of registry_resolve), one sentence."""

    path: str
    key: str
    kind: str
    message: str


def findings(report: RegistriesReport, effective: Effective) -> list[Finding]:
    """Return the findings of one node."""
    found = [
        *_unread(report),
        *_refused(effective),
        *_hidden(report),
        *_overriding_ours(effective),
        *_unknown_keys(effective),
        *_of_settings(effective),
        *_ambiguous(report, effective),
        *_pause_image(report, effective),
        *_without_credentials(report, effective),
    ]
    if len(found) > _MOST:
        return [
            *found[:_MOST],
            _finding("", "", "more", f"{len(found) - _MOST} more findings are not listed"),
        ]
    return found


def table_data(table: Registry) -> dict[str, Any]:
    """Return a table as registries.conf has it."""
    data: dict[str, Any] = {"prefix": table.prefix}
    if table.location:
        data["location"] = table.location
    for key, value in (
        ("insecure", table.insecure),
        ("blocked", table.blocked),
        ("mirror-by-digest-only", table.mirror_by_digest_only),
    ):
        if value:
            data[key] = value
    mirrors = [
        {
            "location": each.location,
            **({"insecure": True} if each.insecure else {}),
            **({"pull-from-mirror": each.pull_from_mirror} if each.pull_from_mirror else {}),
        }
        for each in table.mirrors
    ]
    return {**data, **({"mirror": mirrors} if mirrors else {})}


def _finding(path: str, key: str, kind: str, message: str) -> Finding:
    return {"path": path, "key": shown(key, 300), "kind": kind, "message": shown(message)}


def _unread(report: RegistriesReport) -> Iterator[Finding]:
    for file in report["files"]:
        if "problem" in file:
            message = (
                f"{file['path']} {file['problem']}; CRI-O does not start with it, and does not reload it"
            )
            yield _finding(file["path"], "", "unreadable", message)
    for auth in report["auth"]:
        if "problem" in auth:
            yield _finding(auth["path"], "", "auth_file", f"{auth['path']} {auth['problem']}")


def _refused(effective: Effective) -> Iterator[Finding]:
    for fault in effective.faults:
        message = f"CRI-O does not start with this file, and does not reload it: {fault}"
        yield _finding(fault.path, "", "refused", message)


def _hidden(report: RegistriesReport) -> Iterator[Finding]:
    if report["hidden"]:
        main = next(
            (file["path"] for file in report["files"] if not file["drop_in"]), "root's registries.conf"
        )
        message = f"{main} exists, so that CRI-O does not read {', '.join(report['hidden'])}"
        yield _finding(main, "", "hides_files", message)


def _overriding_ours(effective: Effective) -> Iterator[Finding]:
    for replaced in effective.replaced:
        if replaced.path == FILE and replaced.by != FILE:
            key = toml.dotted(replaced.key)
            message = (
                f"{replaced.by} replaces {key} of {FILE}, which the role registries wrote: it is read later"
            )
            yield _finding(replaced.by, key, "overrides_ours", message)


def _unknown_keys(effective: Effective) -> Iterator[Finding]:
    for path, key in effective.unknown:
        message = f"{key} in {path} is unknown to containers/image, which silently ignores it"
        yield _finding(path, key, "unknown_key", message)


def _of_settings(effective: Effective) -> Iterator[Finding]:
    """Yield what the check of the role's variables says of the settings that are in effect."""
    layers: dict[str, dict[str, Any]] = {}
    for table in effective.registries.values():
        layers.setdefault(table.path, {}).setdefault("registry", []).append(table_data(table))
    if effective.search:
        layers.setdefault(effective.paths[_SEARCH], {})[_SEARCH] = list(effective.search)
    if "credential-helpers" in effective.paths:
        path = effective.paths["credential-helpers"]
        layers.setdefault(path, {})["credential-helpers"] = list(effective.credential_helpers)
    checked = registries_conf.check(list(layers.items()))
    for problem in (*checked.problems, *checked.warnings):
        if "CRI-O refuses" not in problem.message:  # per file, so that two files may contradict each other
            message = str(problem._replace(variable=""))
            yield _finding(problem.variable, problem.key, "setting", message)


def _ambiguous(report: RegistriesReport, effective: Effective) -> Iterator[Finding]:
    if len(effective.search) > 1 and report["short_name_mode"] != "disabled":
        message = (
            f"{_SEARCH} has {len(effective.search)} entries: CRI-O refuses each short name that has no alias, unless"
            " crio.image.short_name_mode is disabled"
        )
        yield _finding(effective.search_origin, _SEARCH, "ambiguous_short_names", message)


def _pause_image(report: RegistriesReport, effective: Effective) -> Iterator[Finding]:
    image = report["pause_image"]
    if not image:
        return
    found = resolution.resolve(image, effective, report["short_name_mode"])
    blocked = [each for each in found.endpoints if each.blocked]
    if found.endpoints and len(blocked) == len(found.endpoints):
        table = effective.registries[blocked[-1].blocked]
        message = f"the table {table.prefix} blocks the pause image {image}, which every pod needs"
        yield _finding(table.path, toml.dotted(("registry", table.prefix, "blocked")), "pause_image", message)
    elif not found.endpoints:
        reason = found.error or "; ".join(found.problems)
        yield _finding("", "", "pause_image", f"the pause image {image} cannot be pulled: {reason}")


def _without_credentials(report: RegistriesReport, effective: Effective) -> Iterator[Finding]:
    for prefix, location in mirrors_without_credentials(effective, of_report.auth_files(report["auth"])):
        message = (
            f"the mirror {location} of {prefix} has no credential in the auth files, although {prefix} has one;"
            " credentials of pods are not sent to a mirror on another host"
        )
        path = effective.registries[prefix].path
        yield _finding(
            path, toml.dotted(("registry", prefix, "mirror")), "mirror_without_credentials", message
        )
