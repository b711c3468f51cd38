# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Recognises a pod by the configuration that it was created with, which the annotation HASH does not reveal.

The controller sends the SHA-256 of the configuration, from which a short secret in the environment could be guessed. The
annotation is its HMAC-SHA256 with a random key that never leaves this node. Annotations of earlier versions, the SHA-256
itself, are still recognised.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import hmac
import os
import stat

from .. import node_files
from ..errors import PodError
from ..layout import NODE
from ..os_errors import os_error
from .marks import HASH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Pod

KEY = NODE.state_directory + "/pod-hash.key"
_LOCK = NODE.run_directory + "/pod-hash.lock"
_LENGTH = 32  # bytes of the key
_PREFIX = "hmac-sha256:"
# A link, a socket or a part of the path that is not a directory: as good as no key.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


def is_of(annotation: str, pod: Pod) -> bool:
    """Whether a pod with this annotation was created with the configuration of `pod`. Writes nothing. Raises PodError."""
    plain = pod["sandbox"]["annotations"][HASH]
    if annotation == plain:
        return True
    key = _read_key()
    return key is not None and annotation == _keyed(plain, key)


def keyed(pod: Pod) -> Pod:
    """Return the pod with the annotation for the runtime. Creates this node's key if it has none. Raises PodError."""
    sandbox = pod["sandbox"]
    value = _keyed(sandbox["annotations"][HASH], _read_key() or _create_key())
    return {**pod, "sandbox": {**sandbox, "annotations": {**sandbox["annotations"], HASH: value}}}


def _keyed(plain: str, key: bytes) -> str:
    return _PREFIX + hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()


def _read_key() -> bytes | None:
    """Return the key; None if there is none, or if it is damaged or not owned by root."""
    try:
        handle = os.open(KEY, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(handle)
            is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
            key = os.read(handle, _LENGTH + 1) if is_ours else b""
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise PodError(os_error(error, "reading the key for the hashes of pods", KEY)) from error
    return key if len(key) == _LENGTH and any(key) else None


def _create_key() -> bytes:
    """Create a key, which replaces a damaged one. Returns it, or the one that another call has created in the meantime."""
    try:
        for path in (KEY, _LOCK):
            node_files.make_private_directory(os.path.dirname(path))
        with node_files.doing("locking the key for the hashes of pods", _LOCK):
            lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            key = _read_key()
            if key is None:
                key = os.urandom(_LENGTH)
                node_files.write_durably(KEY, key)
        finally:
            os.close(lock)
    except node_files.NodeFileError as error:
        raise PodError(f"the key for the hashes of pods cannot be created: {error}") from error
    return key
