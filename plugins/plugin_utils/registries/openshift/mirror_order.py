# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the mirrors of one source that several lists name.

The machine-config-operator sorts them so that the order inside each list is kept if possible, and deterministically otherwise:
mirrors that no list puts after another one first, each time in alphabetical order (openshift/runtime-utils,
pkg/registries/topo.go).
"""

from __future__ import annotations

from collections import deque


def merged(source: str, lists: list[list[str]]) -> list[str]:
    """Return the mirrors of all lists in one order, without the source if it is the last one.

    Each list must have a mirror that is not the source. The source comes after the mirrors of each list that does not name it.
    """
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for mirrors in lists:
        chain = mirrors if source in mirrors else [*mirrors, source]
        for first, second in zip(chain, chain[1:]):
            after.setdefault(first, set()).add(second)
            after.setdefault(second, set())
            before.setdefault(second, set()).add(first)
            before.setdefault(first, set())
    found = _sorted(after, before)
    return found[:-1] if found[-1] == source else found


def _sorted(after: dict[str, set[str]], before: dict[str, set[str]]) -> list[str]:
    """Return the names in topological order. A cycle is broken at its name that is first in alphabetical order."""
    names = sorted(after)
    ready = deque(name for name in names if not before[name])
    rest = iter(names)
    found: dict[str, None] = {}
    while len(found) < len(names):
        name = ready.popleft() if ready else next(rest)
        if name in found:
            continue
        found[name] = None
        freed = []
        for other in after[name]:
            before[other].discard(name)
            if not before[other] and other not in found:
                freed.append(other)
        ready.extend(sorted(freed))
    return list(found)
