# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the documentation fragments of a module, as ansible-doc does."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

_PACKAGE = "ansible_collections.cri.node.plugins.doc_fragments"


def of(documentation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what each fragment of a module's documentation contains. Raises ModuleNotFoundError or AttributeError."""
    for fragment in documentation.get("extends_documentation_fragment", []):
        _namespace, _collection, file, *section = fragment.split(".")
        plugin = importlib.import_module(f"{_PACKAGE}.{file}").ModuleDocFragment
        yield yaml.safe_load(getattr(plugin, section[0].upper() if section else "DOCUMENTATION"))
