# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of the controller, or one that it downloads, with a known SHA-256: found, checked, and sent to a node."""

from __future__ import annotations

import hashlib
import os

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.module_utils.os_errors import os_reason, size
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.task import fetched_once
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure

_BLOCK = 1024 * 1024


def checked(source: str, sha256: str, subject: str) -> str:
    """Return the path of a file on the controller whose SHA-256 was verified. source: a path or a URL. subject: for messages.

    A URL is downloaded once in a run of Ansible. Raises TaskFailure.
    """
    path, name = source, shown(source)
    if download.is_url(source):
        path, name = _fetched(source, subject), download.redacted(source)
    if not os.path.exists(path):
        raise TaskFailure(f"{subject}: the file {name} does not exist on the controller")
    if not os.path.isfile(path):
        raise TaskFailure(f"{subject}: {name} on the controller is not a regular file")
    found = _hash_of(path, name, subject)
    if found != sha256:
        raise TaskFailure(f"{subject}: {name} has the SHA-256 {found}, not {sha256}")
    return path


def _fetched(url: str, subject: str) -> str:
    try:
        return fetched_once.path_of(url)
    except download.DownloadError as error:
        raise TaskFailure(f"{subject}: {error}") from None


def _hash_of(path: str, name: str, subject: str) -> str:
    found = hashlib.sha256()
    try:
        if os.path.getsize(path) > download.LIMIT:
            raise TaskFailure(
                f"{subject}: {name} is larger than {size(download.LIMIT)}, the largest size accepted"
            )
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                found.update(block)
    except OSError as error:
        raise TaskFailure(
            f"{subject}: {name} cannot be read on the controller: {os_reason(error, path)}"
        ) from error
    return found.hexdigest()
