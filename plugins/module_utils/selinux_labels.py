# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux labels of new files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection

from .program import run


def restore(paths: Collection[str]) -> None:
    """Apply the SELinux policy's labels to paths, if there is a policy and the tool."""
    if paths and os.path.exists("/sys/fs/selinux/enforce") and shutil.which("restorecon"):
        run(["restorecon", *sorted(paths)])
