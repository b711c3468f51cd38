# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a pod needs from its node besides the runtime: paths, memory, a folder for logs, and whether a kubelet is running."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable

from ..crictl.log import Log
from ..crictl.log_selection import Selection, newest
from ..errors import NodeError, PodError
from ..program import run
from ..text import CUT
from .marks import LOGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import HostPath

_TYPES = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}

# A kubelet's oom_score_adj for the two extremes; between them it depends on the share of the memory.
_SCORES = {"guaranteed": -997, "best-effort": 1000}


class UnfitPathError(NodeError):
    """A host path does not match the manifest or cannot be created; the message begins with the field."""


def refuse_unfit(host_paths: Iterable[HostPath]) -> None:
    """Raise UnfitPathError for the first path that does not match its type."""
    for wanted in host_paths:
        if not wanted["type"]:
            continue
        fits, words = _TYPES[wanted["type"]]
        try:
            found = os.stat(wanted["path"]).st_mode
        except FileNotFoundError:
            if wanted["type"].endswith("OrCreate"):
                continue
            raise UnfitPathError(f"{wanted['key']}: {wanted['path']} does not exist on the node") from None
        except (OSError, ValueError) as error:  # the latter for a NUL in the path
            reason = getattr(error, "strerror", None) or error
            raise UnfitPathError(f"{wanted['key']}: {wanted['path']}: {reason}") from None
        if not fits(found):
            raise UnfitPathError(f"{wanted['key']}: {wanted['path']} is not {words}")


def make_paths(host_paths: Iterable[HostPath]) -> None:
    """Create missing paths of the types that allow it, with the permissions that a kubelet uses. Raises UnfitPathError."""
    for wanted in host_paths:
        path = wanted["path"]
        try:
            if wanted["type"] == "DirectoryOrCreate":
                os.makedirs(path, mode=0o755, exist_ok=True)
            elif wanted["type"] == "FileOrCreate" and not os.path.exists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        except OSError as error:
            raise UnfitPathError(f"{wanted['key']}: cannot create {path}: {error.strerror}") from None


def make_log_folders(folder: str, names: Iterable[str]) -> None:
    """Create a pod's folder for logs with one folder for each container, which the runtime requires. Raises PodError."""
    for name in names:
        path = os.path.join(folder, name)
        try:
            os.makedirs(path, mode=0o755, exist_ok=True)
        except OSError as error:
            raise PodError(f"cannot create the log directory {path}: {error.strerror}") from None


def remove_logs(namespace: str, name: str, uid: str) -> None:
    """Remove a pod's folder for logs, if it exists. Raises PodError."""
    folder = f"{namespace}_{name}_{uid}"
    path = os.path.join(LOGS, folder)
    for _attempt in range(3):
        if "/" in folder or not os.path.isdir(path):
            return
        try:
            shutil.rmtree(path)
        except FileNotFoundError:  # the runtime or a kubelet removes files of it as well
            continue
        except OSError as error:
            raise PodError(f"cannot remove the log directory {path}: {error.strerror or error}") from None


def last_lines(path: str, count: int = 10) -> list[str]:
    """Return the last lines of a log, oldest first; [] if it cannot be read. A shortened line says so."""
    try:
        with Log(path, rotated=False) as log:
            entries, _truncated = newest([log], Selection(tail=count, max_bytes=4096))
            return [f"{entry.text}{CUT}" if entry.cut else entry.text for entry in entries]
    except (NodeError, OSError, ValueError):
        return []


def oom_score_adj(oom: int | str) -> int:
    """Return the oom_score_adj that a kubelet would set. oom: guaranteed, best-effort, or the requested bytes of memory."""
    if isinstance(oom, str):
        return _SCORES[oom]
    least, most = 1000 + _SCORES["guaranteed"], _SCORES["best-effort"] - 1
    return min(max(1000 - 1000 * oom // _memory(), least), most)


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def kubelet_is_active() -> bool:
    """Whether systemd runs a kubelet on this node."""
    status, _output, _error = run(["systemctl", "is-active", "--quiet", "kubelet.service"], timeout=10)
    return status == 0
