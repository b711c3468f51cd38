# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gathers the facts of crictl_ps_facts: the containers that match its filters.

options: the options of the module, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from . import queries
from .call import Crictl


def read(crictl: Crictl, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the matching containers, the newest first. Raises CrictlError and UnexpectedOutput."""
    found = [container for container in queries.containers(crictl) if _matches(container, options)]
    if options["details"]:
        found = [container for container in _with_details(found, crictl) if _matches(container, options)]
    return sorted(found, key=lambda container: container.get("created_at", ""), reverse=True)


def _with_details(containers: list[dict[str, Any]], crictl: Crictl) -> Iterator[dict[str, Any]]:
    """Yield the containers with details; a container that does not exist any more is left out, one that has ended is exited."""
    # Not at the top: without details it is not needed.
    from . import inspection

    pod_ids = dict.fromkeys(container["pod"]["id"] for container in containers if "id" in container["pod"])
    by_id, pods = crictl.together(
        lambda: queries.container_details(
            crictl, (container["id"] for container in containers), inspection.containers
        ),
        lambda: queries.pod_details(crictl, pod_ids, inspection.pods),
    )
    for container in containers:
        details = by_id.get(container["id"])
        if details:
            yield {
                **details,
                **container,
                "state": details["state"],
                "image": {**details["image"], **container["image"]},
                "pod": {**container["pod"], **pods.get(container["pod"].get("id"), {})},
            }


def _matches(container: dict[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether a container passes all filters."""
    pod, image = container["pod"], container["image"]
    return (
        (not options["states"] or container["state"] in options["states"])
        and (not options["id"] or container["id"].startswith(tuple(options["id"])))
        and _any_like(options["name"], container.get("name"))
        and _any_like(options["pod"], pod.get("name"), pod.get("id"))
        and _any_like(options["namespace"], pod.get("namespace"))
        and _any_like(options["image"], *image.values())
        and all(_has_label(container["labels"], *label) for label in (options["labels"] or {}).items())
    )


def _any_like(patterns: Iterable[str] | None, *values: str | None) -> bool:
    """Return whether any value matches any shell pattern, or there are no patterns."""
    return not patterns or any(fnmatchcase(value, each) for value in values if value for each in patterns)


def _has_label(labels: Mapping[str, str], name: str, value: Any) -> bool:
    """Return whether a label has this value, or any value if it is None."""
    if value is None:
        return name in labels
    return labels.get(name) == (str(value).lower() if isinstance(value, bool) else str(value))
