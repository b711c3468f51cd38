# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the node's own programs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_LONGEST = 4 * 1024 * 1024  # characters kept of each stream; `crio config` prints some 40 KiB
_LONGEST_NAME = 100  # characters of a command in a message
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

    A program that cannot be started, or that does not end in time, gives status 127 or 124, as a shell would. A program that does
    not end is killed together with what it has started, which stderr names.
    """
    try:
        process = _started(arguments, stdin, subprocess.PIPE, environment)
    except (OSError, ValueError) as error:
        return 127, "", f"{arguments[0]}: {getattr(error, 'strerror', None) or error}"
    with process:
        try:
            output, error_output = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return _ended(process, arguments, timeout)
    return process.returncode, _text(output), _text(error_output)


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
            process = _started(arguments, stdin, errors)
        except (OSError, ValueError) as error:
            return 127, "", f"{arguments[0]}: {getattr(error, 'strerror', None) or error}"
        listener = threading.Thread(target=listen, args=(process.stdout,), daemon=True)
        listener.start()
        listener.join(timeout)  # until the output ends; Popen.wait would poll meanwhile
        try:
            status = process.wait(_LATE if not listener.is_alive() else 0)
        except subprocess.TimeoutExpired:
            return _ended(process, arguments, timeout)
        errors.seek(0)
        return status, _text(b"".join(said)), _text(errors.read())


def _started(
    arguments: Sequence[str],
    stdin: int | IO[bytes],
    stderr: int | IO[bytes],
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, by which everything that it starts can be found."""
    return subprocess.Popen(
        list(arguments),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        start_new_session=True,
    )


def _ended(
    process: subprocess.Popen[bytes], arguments: Sequence[str], timeout: float
) -> tuple[int, str, str]:
    """Kill a program and what it has started, and return what `run` returns for it."""
    waited_for = _started_by(process.pid)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    words = " ".join(arguments)
    words = words if len(words) <= _LONGEST_NAME else f"{words[:_LONGEST_NAME]}..."
    waits = f", and waits for {waited_for}" if waited_for else ""
    return 124, "", f"{words} did not finish within {timeout} s{waits}"


def _started_by(session: int) -> str:
    """Return the first words of the command of the oldest other process in a session; "" if there is none."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if not name.isdigit() or int(name) == session:
                continue
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # proc(5): the second field is in brackets
            if int(fields[3]) == session:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    # Further arguments may be anything.
                    words = _text(file.read()).split("\0")[:3]
                found.append((int(fields[19]), " ".join(words).strip()[:_LONGEST_NAME]))
    return min(found)[1] if found else ""


def _text(output: bytes) -> str:
    return output[-_LONGEST:].decode("utf-8", "replace")
