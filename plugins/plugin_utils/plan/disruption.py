# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running daemon needs to load the change of one file: none of it, a reload, or a restart. Pure functions over data.

Users can set another disruption for keys, see overrides.py; it may also be a drain, which a change never needs by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import most, of_entry
from ansible_collections.cri.node.plugins.plugin_utils.text.table import listed

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report, ReportedFile
    from ansible_collections.cri.node.plugins.plugin_utils.plan.overrides import Overrides

_MOST_KEYS = 5  # in a reason
_TOUCHED = "a reload is enough, in case the running daemon has loaded an edit of the file"


def of_file(
    found: ReportedFile, version: Version | None, overrides: Overrides, unknown_keys: Iterable[str] = ()
) -> tuple[str, list[str]]:
    """Return (disruption, sentences about the keys that require it) of a file that the daemon has not loaded.

    The keys of a file are known if the node has recorded what its daemon loaded. A file that was only touched needs a reload: the
    daemon may have read in between what is undone now. unknown_keys: those that may have changed if that is not known.
    """
    keys = found.get("unloaded_keys")
    if keys is None:
        levels = {key: overrides.level_of(key, found["disruption"]) for key in unknown_keys}
        needed = most([found["disruption"], *levels.values()])
        raised = [key for key, level in levels.items() if level == needed != found["disruption"]]
        return needed, _sentences(raised, needed, overrides)
    if not keys:
        return ("none", []) if found.get("same_content") else ("reload", [_TOUCHED])
    levels = {key: of_key(key, version, overrides) for key in keys}
    needed = most(levels.values())
    return needed, _sentences([key for key in keys if levels[key] == needed], needed, overrides)


def of_key(key: str, version: Version | None, overrides: Overrides) -> str:
    """Return what makes a daemon of this version use a changed key. A version that is not known restarts."""
    entry = CATALOGUE.lookup(key)
    return overrides.level_of(key, of_entry(entry, version) if entry and version else "restart")


def _sentences(keys: Iterable[str], needed: str, overrides: Overrides) -> list[str]:
    """Return why these keys need this disruption: one sentence for those without an override, and one for each override."""
    by_override: dict[str, list[str]] = {}
    for key in keys:
        override = overrides.of(key)
        note = f" ({override})" if override and override.disruption == needed else ""
        by_override.setdefault(note, []).append(key)
    return [f"{_sentence(of_it, needed)}{note}" for note, of_it in sorted(by_override.items())]


def _sentence(keys: list[str], needed: str) -> str:
    if needed == "reload":
        return f"a reload is enough for {listed(keys, _MOST_KEYS)}"
    what = "nothing of the running daemon" if needed == "none" else f"a {needed}"
    return f"{listed(keys, _MOST_KEYS)} {'needs' if len(keys) == 1 else 'need'} {what}"


def version_of(report: Report) -> Version | None:
    """Return the version of CRI-O on the node, or None if it cannot be read."""
    try:
        return parse_version(report["crio"]["version"] or "")
    except ValueError:
        return None
