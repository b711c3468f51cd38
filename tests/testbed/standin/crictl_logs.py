# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's log file as crictl logs prints it: the file is read here, on the node, not by the runtime."""

import datetime
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from crictl_errors import CrictlError, log_failed_call, quoted
from crictl_options import seconds

_LINE = re.compile(rb"(\S+) (stdout|stderr) (\S+) (.*\n?)", re.DOTALL)
_POLL = 0.2  # seconds between looks at a log that is followed


class Entry(NamedTuple):
    """One line of a log file; a partial one ends without a line feed. moment: nanoseconds since the epoch."""

    moment: int
    written: str
    stream: str
    text: bytes


def moment(written: str) -> tuple[int, str]:
    """Return an RFC 3339 time in nanoseconds, and as text with nine digits. Raises ValueError."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", written)
    if not match:
        raise ValueError(written)
    digits = (match[2] or "").ljust(9, "0")
    whole = datetime.datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    zone = "Z" if match[3] == "+00:00" else match[3]
    return int(whole.timestamp()) * 10**9 + int(digits), f"{match[1]}.{digits}{zone}"


def since(value: str, now: float) -> int:
    """Return --since in nanoseconds since the epoch: a duration before now, a time, or a Unix time."""
    if not value:
        return -(2**63)
    try:
        return int(now - seconds(value)) * 10**9
    except ValueError:
        pass
    if re.fullmatch(r"\d+(\.\d+)?", value):
        whole, _separator, rest = value.partition(".")
        return int(whole) * 10**9 + int((rest or "0").ljust(9, "0")[:9])
    try:
        return int(datetime.datetime.fromisoformat(value).timestamp() * 1e6) * 1000
    except ValueError:
        raise CrictlError(f"failed to parse value as time or duration: {quoted(value)}") from None


def entry(line: bytes) -> Entry | None:
    """Return a line of the log, or None if it is not one."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    try:
        at, written = moment(match[1].decode())
    except ValueError:
        return None
    partial = match[3].partition(b":")[0] == b"P"
    return Entry(at, written, match[2].decode(), match[4].removesuffix(b"\n") if partial else match[4])


def _lines(file: IO[bytes], running: Callable[[], bool] | None) -> Iterator[bytes]:
    """Yield the content of the file, and, with `running`, what is added while the container runs."""
    while True:
        here = file.tell()
        line = file.readline()
        if line and (running is None or line.endswith(b"\n")):
            yield line
        elif running is None:
            return
        else:
            file.seek(here)
            alive = running()
            time.sleep(_POLL)
            if not alive and not file.readline():
                return
            file.seek(here)


def print_log(
    path: str,
    tail: int = -1,
    limit: int = -1,
    after: int = -(2**63),
    timestamps: bool = False,
    streams: tuple[str, ...] = ("stdout", "stderr"),
    running: Callable[[], bool] | None = None,
) -> None:
    """Write the lines of each stream to the same stream of this process. tail: lines of the file; limit: bytes; -1 for no end.

    running: follow the log while it says so. Raises CrictlError.
    """
    try:
        file = Path(path).open("rb")
    except OSError as error:
        why = f"lstat {path}: {(error.strerror or '').lower()}"
        raise CrictlError(f"failed to try resolving symlinks in path {quoted(path)}: {why}") from None
    outputs = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    with file:
        if tail >= 0:
            whole = file.readlines()
            file.seek(sum(map(len, whole[: max(len(whole) - tail, 0)])))
        starts, known = True, False
        for line in _lines(file, running):
            read = entry(line)
            if read is None and not known:
                text = quoted(line.decode(errors="replace"))
                raise CrictlError(f"failed to get parse function: unsupported log format: {text}")
            if read is None:
                log_failed_call(
                    "logs.go:1", "Failed when parsing line in log file", "no CRI log", {"path": path}
                )
                continue
            known = True
            if read.moment >= after and read.stream in streams and limit:
                text = (f"{read.written} ".encode() if timestamps and starts else b"") + read.text
                text = text if limit < 0 else text[:limit]
                limit = limit if limit < 0 else limit - len(text)
                outputs[read.stream].write(text)
                outputs[read.stream].flush()
            starts = not read.text or read.text.endswith(b"\n")
