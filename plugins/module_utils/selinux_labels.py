# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux labels of new files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from .program import run


def restore(paths: Iterable[str]) -> None:
    """Apply the policy's labels to new paths. Files that are put back are the same inodes and keep theirs."""
    if os.path.exists("/sys/fs/selinux/enforce") and shutil.which("restorecon"):
        run(["restorecon", *sorted(paths)])
