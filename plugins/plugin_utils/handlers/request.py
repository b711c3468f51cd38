# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a node for its handlers: the programs to look at, and the files to install."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.plugin_utils.handlers.handler import Handler, NodeFile
from ansible_collections.cri.node.plugins.plugin_utils.host.requirements import FAMILIES


def of(handlers: Iterable[Handler]) -> dict[str, Any]:
    """Return the request for these handlers. Sources with credentials are not in it, see secret_urls."""
    found = sorted(handlers, key=lambda each: each.name)
    files: dict[str, dict[str, Any]] = {}
    for handler in found:
        for file in handler.files:
            files.setdefault(file.path, _file(handler, file))
    return {
        "handlers": [_handler(each) for each in found],
        "files": list(files.values()),
        "families": FAMILIES,
    }


def _handler(handler: Handler) -> dict[str, Any]:
    kind = handler.kind
    config = handler.settings.get("runtime_config_path")
    return {
        "name": handler.name,
        "path": handler.path,
        "install": handler.install,
        "package": handler.package,
        "packages": kind.packages,
        "prints_version": kind.prints_version,
        "comes_with_crio": kind.comes_with_crio and handler.install == "preinstalled",
        "crio_since": kind.crio_since,
        "minimums": [minimum._asdict() for minimum in kind.minimums],
        "needs": [config] if isinstance(config, str) and config else [],
    }


def _file(handler: Handler, file: NodeFile) -> dict[str, Any]:
    return {
        "handler": handler.name,
        "path": file.path,
        "mode": file.mode,
        "keep": file.keep,
        "sha256": file.sha256,
        "content": file.content if not file.source else None,
        "source": file.source
        if is_fetched_by_node(file) and download.redacted(file.source) == file.source
        else "",
    }


def is_fetched_by_node(file: NodeFile) -> bool:
    """Return whether the node downloads a file."""
    return download.is_url(file.source) and file.fetched_by == "node"


def secret_urls(handlers: Iterable[Handler]) -> dict[str, str]:
    """Return the URLs that may contain credentials, by the path of their file."""
    return {
        file.path: file.source
        for handler in handlers
        for file in handler.files
        if is_fetched_by_node(file) and download.redacted(file.source) != file.source
    }
