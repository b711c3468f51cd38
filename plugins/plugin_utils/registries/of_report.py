# SPDX-License-Identifier: GPL-3.0-or-later
"""The effective registries of a node, from its report (contract.RegistriesReport)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.plugin_utils.registries import effective, pull_changes
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective, File

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import (
        AuthKeys,
        RegistriesFile,
        RegistriesOfNode,
    )


def effective_of(files: Iterable[RegistriesFile], aliases: RegistriesFile | None) -> Effective:
    """Merge the files that could be read."""
    return effective.merge(readable(files), recorded(aliases))


def before_and_after(
    found: RegistriesOfNode, changed: Mapping[str, dict[str, Any] | None]
) -> tuple[Effective, Effective]:
    """Return the effective registries of a node before and after a change. changed: see pull_changes.files_after."""
    before = readable(found["files"])
    after = pull_changes.files_after(before, changed, found["main"], found["folders"])
    aliases = recorded(found["aliases"])
    return effective.merge(before, aliases), effective.merge(after, aliases)


def readable(files: Iterable[RegistriesFile]) -> list[File]:
    """Return the files that could be read, in their order."""
    return [File(file["path"], file["data"], file["drop_in"]) for file in files if "data" in file]


def recorded(aliases: RegistriesFile | None) -> File | None:
    """Return the file of recorded aliases, if it could be read."""
    return next(iter(readable([aliases] if aliases else [])), None)


def auth_files(found: Iterable[AuthKeys]) -> list[AuthFile]:
    """Return the keys of the auth files that could be read."""
    return [
        AuthFile(
            each["path"],
            tuple(each["keys"]),
            tuple(each["empty_keys"]),
            tuple(each["helpers"]),
            each["old_format"],
        )
        for each in found
        if "problem" not in each
    ]
