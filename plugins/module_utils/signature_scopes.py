# SPDX-License-Identifier: GPL-3.0-or-later
"""The scopes that the files of registries.d define. containers/image refuses every pull if two files have the same one.

The files are YAML, for which Python has no reader. Only block style is understood, which all packages and the collection use; a
scope in another style is not found.
"""

from __future__ import annotations

import os
import re

from . import node_files
from .node_files import NodeFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 1000  # files
_LARGEST = 1024 * 1024  # characters of one
_LONGEST = 2000  # characters of a line with a scope
# indentation, a key with or without quotes, and what follows it on the line
_KEY = re.compile(r"""( *)(?:"([^"]+)"|'([^']+)'|([^\s#'"{\[-][^#]*?))\s*:(?:\s+(.*)|)$""")


class DuplicateScopeError(NodeFileError):
    """A scope is defined in two files. Nothing was changed. kind: shared."""

    kind = "shared"


def refuse_duplicates(contents: Mapping[str, str], directory: str) -> None:
    """Raise DuplicateScopeError if a file that is to be written to registries.d has a scope of another file there.

    contents: by path; files outside of `directory` are ignored.
    """
    for path, content in sorted(contents.items()):
        if os.path.dirname(path) != directory:
            continue
        ours = scopes(content)
        for other in _others(path, directory):
            text = node_files.read_text(other)
            common = sorted(ours & scopes(text or "")) if len(text or "") <= _LARGEST else []
            if common:
                raise DuplicateScopeError(
                    f"{path} and {other} would both define {', '.join(common[:5])}, and CRI-O would then refuse every pull;"
                    " remove it from one of them"
                )


def _others(path: str, directory: str) -> list[str]:
    try:
        names = sorted(os.listdir(directory))[:_MOST]
    except OSError:
        return []
    found = [os.path.join(directory, name) for name in names if name.endswith(".yaml")]
    return [each for each in found if each != path and os.path.isfile(each)]


def scopes(text: str) -> set[str]:
    """Return the scopes of a file of registries.d; "default-docker" for the default of all images."""
    found: set[str] = set()
    table, depth = "", 0
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#") or len(line) > _LONGEST:
            continue
        match = _KEY.match(line)
        if line[0] not in " \t":
            name = (match.group(2) or match.group(3) or match.group(4)) if match else ""
            table, depth = (name if name in ("default-docker", "docker") else ""), 0
            rest = ((match.group(5) or "") if match else "").strip()
            if table == "default-docker" and rest and not rest.startswith(("#", "null", "~")):
                found.add(table)
        elif table == "default-docker":
            found.add(table)
        elif table == "docker" and match:
            depth = depth or len(match.group(1))
            if len(match.group(1)) == depth:
                found.add(match.group(2) or match.group(3) or match.group(4))
    return found
