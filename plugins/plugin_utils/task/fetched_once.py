# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that the controller downloads once in a run of Ansible, whatever the number of hosts that need it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time

from ansible import constants

from ansible_collections.cri.node.plugins.module_utils import download


def path_of(url: str) -> str:
    """Return the path of the downloaded file, which stays until the run ends; it must not be changed.

    The hosts of a run are tasks in processes of their own. The first one downloads, with the credentials of ~/.netrc if there
    are any, while the others wait for it. If that fails, it fails for those that waited; a later task tries again.
    Raises DownloadError.
    """
    folder = os.path.join(
        constants.DEFAULT_LOCAL_TMP, "cri-node"
    )  # of this run: Ansible removes it at its end
    path = os.path.join(folder, hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest())
    began = time.time_ns()
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise download.DownloadError(
            f"{download.redacted(url)} cannot be stored in {folder}: {error.strerror}"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            _fetch(url, path, began)
    finally:
        os.close(lock)
    return path


def _fetch(url: str, path: str, began: int) -> None:
    part, failed = f"{path}.part", f"{path}.failed"
    if os.path.exists(failed) and os.stat(failed).st_mtime_ns > began:
        with open(failed, encoding="utf-8") as file:
            raise download.DownloadError(file.read())
    if os.path.exists(part):  # of a task that was killed
        os.unlink(part)
    try:
        download.fetch(url, part, use_netrc=True)
        os.rename(part, path)
    except download.DownloadError as error:
        with open(failed, "w", encoding="utf-8", errors="replace") as file:
            file.write(str(error))
        raise
