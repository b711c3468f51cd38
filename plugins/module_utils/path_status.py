# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads which paths exist, without waiting for a file system that does not answer, such as NFS without its server."""

from __future__ import annotations

import collections
import os
import threading
import time

SECONDS = 5  # for all paths together
_THREADS = 16  # each of them may end up waiting for a file system


def changed_at(paths, seconds=SECONDS):
    """Return {path: when its inode or its link's last changed, in seconds since the epoch; None if it does not exist}.

    A path without an answer within `seconds` is left out. What still waits for one is a daemon thread, which does not keep the
    process from ending.
    """
    waiting, answers = collections.deque(paths), {}
    deadline = time.monotonic() + seconds
    workers = [
        threading.Thread(target=_work, args=(waiting, answers), daemon=True)
        for _each in range(min(_THREADS, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0))
    waiting.clear()
    return answers.copy()


def _work(waiting, answers):
    while True:
        try:
            path = waiting.popleft()
        except IndexError:
            return
        answers[path] = _changed_at(path)


def _changed_at(path):
    try:
        return max(os.lstat(path).st_ctime, os.stat(path).st_ctime)
    except (OSError, ValueError):  # the latter for a NUL in the path
        return None
