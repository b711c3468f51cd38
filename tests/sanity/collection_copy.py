# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the collection in the layout that Ansible's tools require, with the files that git tracks and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from testbed.paths import CHECKOUT


def tracked_files() -> list[str]:
    """The files that git tracks and that exist in the work tree, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return [name for name in listed.split("\0") if name and _exists(CHECKOUT / name)]


def copy_to(folder: Path, names: Iterable[str] | None = None) -> Path:
    """Copy files (all tracked ones by default) to ansible_collections/cri/node in `folder`; return that directory."""
    collection = folder / "ansible_collections" / "cri" / "node"
    for name in tracked_files() if names is None else names:
        target = collection / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target, follow_symlinks=False)
    return collection


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()
