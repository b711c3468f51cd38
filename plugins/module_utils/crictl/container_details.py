# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types how a container runs or how it ended, which crictl inspect prints. Pure functions; see fields.py."""

from __future__ import annotations

from typing import Any

from .fields import (
    CONTAINER_STATES,
    choice,
    identity,
    integer,
    known,
    mapping,
    mapping_if_any,
    path,
    pod_of,
    string,
    strings,
    time,
)


def details(document: Any) -> dict[str, dict[str, Any]]:
    """Read crictl inspect of one container or several: the details of each container by ID; see detail."""
    documents = document if isinstance(document, list) else [document]
    return {item["id"]: item for item in (detail(each) for each in documents)}


def detail(document: Any) -> dict[str, Any]:
    """Read crictl inspect: how a container runs or how it ended. There is an exit code only after it has exited."""
    document = mapping(document, "crictl inspect")
    status = mapping(document.get("status"), "status")
    metadata = mapping(status.get("metadata"), "metadata")
    verbose = mapping_if_any(document, "info")
    state = choice(status, "state", CONTAINER_STATES)
    pid = integer(verbose, "pid")
    return known(
        id=identity(status),
        name=string(metadata, "name"),
        attempt=integer(metadata, "attempt") or 0,
        state=state,
        created_at=time(status, "createdAt"),
        started_at=time(status, "startedAt"),
        finished_at=time(status, "finishedAt"),
        exit_code=(integer(status, "exitCode") or 0) if state == "exited" else None,
        reason=string(status, "reason"),
        message=string(status, "message"),
        log_path=path(status, "logPath"),
        pid=pid if pid and state == "running" else None,
        pod=pod_of(string(verbose, "sandboxID"), strings(status, "labels")),
    )
