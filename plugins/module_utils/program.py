# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the node's own programs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_LONGEST = 4 * 1024 * 1024  # characters kept of each stream; `crio config` prints some 40 KiB
#: where systemd looks for the programs of a service (systemd.exec(5))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    arguments: Sequence[str],
    timeout: float = 60,
    environment: dict[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> tuple[int, str, str]:
    """Run a program without a shell. Returns (status, stdout, stderr); `timeout` is in seconds.

    A program that cannot be started, or that does not end in time, gives status 127 or 124, as a shell would.
    """
    try:
        done = subprocess.run(
            list(arguments),
            stdin=stdin,
            capture_output=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
    except (OSError, ValueError) as error:
        return 127, "", f"{arguments[0]}: {getattr(error, 'strerror', None) or error}"
    except subprocess.TimeoutExpired:
        return 124, "", f"{' '.join(arguments)[:200]} did not finish within {timeout} s"
    return done.returncode, _text(done.stdout), _text(done.stderr)


def _text(output: bytes) -> str:
    return output[-_LONGEST:].decode("utf-8", "replace")
