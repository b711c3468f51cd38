# SPDX-License-Identifier: GPL-3.0-or-later
"""A handler of CRI-O, and the files that its program consists of."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.handlers.known import Kind
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data


class NodeFile(NamedTuple):
    """A file that is installed: from a source with its SHA-256 by architecture ("" for all), or with this content.

    keep: whether a file that exists and is not ours is left as it is. program: whether it is what CRI-O starts.
    """

    path: str
    source: str = ""
    sha256: dict[str, str] = {}
    fetched_by: str = "node"
    content: str = ""
    mode: str = "0755"
    keep: bool = False
    program: bool = False


class Handler(NamedTuple):
    """One handler without problems. settings: its entry in crio.conf, for no certain version. runtime_class: None for none."""

    name: str
    kind: Kind
    install: str
    path: str
    package: str
    files: list[NodeFile]
    settings: Data
    own: frozenset[str]  # the keys of settings that the user has set
    runtime_class: Data | None
