# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the node's own programs."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_LONGEST = 4 * 1024 * 1024  # characters kept of each stream; `crio config` prints some 40 KiB
_LATE = 10  # seconds for the end of a program that has closed its output
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


def run_aloud(
    arguments: Sequence[str], heard: Callable[[str], None], timeout: float, stdin: IO[bytes]
) -> tuple[int, str, str]:
    """Run a program as `run` does, and call `heard` with each line of its output, in another thread, when it is printed."""
    said: list[bytes] = []

    def listen(output: IO[bytes]) -> None:
        for line in output:
            said.append(line)
            heard(_text(line))

    with os.fdopen(os.memfd_create("cri-node"), "w+b") as errors:
        try:
            process = subprocess.Popen(list(arguments), stdin=stdin, stdout=subprocess.PIPE, stderr=errors)
        except (OSError, ValueError) as error:
            return 127, "", f"{arguments[0]}: {getattr(error, 'strerror', None) or error}"
        listener = threading.Thread(target=listen, args=(process.stdout,), daemon=True)
        listener.start()
        listener.join(timeout)  # until the output ends; Popen.wait would poll meanwhile
        try:
            status = process.wait(_LATE if not listener.is_alive() else 0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return 124, "", f"{' '.join(arguments)[:200]} did not finish within {timeout} s"
        errors.seek(0)
        return status, _text(b"".join(said)), _text(errors.read())


def _text(output: bytes) -> str:
    return output[-_LONGEST:].decode("utf-8", "replace")
