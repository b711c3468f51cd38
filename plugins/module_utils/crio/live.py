# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's own HTTP interface, served beside gRPC on its socket: plain HTTP/1.1, root only (CRI-O's README: not stable).

Whatever is behind the socket's path, an answer takes bounded time and memory and every failure is a CrioSocketError.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import stat
import time

from ..errors import NodeError, size
from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMIT = 16 * 1024 * 1024  # bytes of one whole answer
_BLOCK = 64 * 1024


class CrioSocketError(NodeError):
    """CRI-O did not answer; the message says what was asked and why it failed.

    kind: unreachable, timeout, malformed (not an HTTP answer, or one that is too large) or status (not 200).
    """


class _Stream(io.RawIOBase):
    """What comes from a socket until a deadline, as a file of at most LIMIT bytes."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline, self._room = connected, deadline, LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _set_timeout(self._socket, self._deadline)
        count = self._socket.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise CrioSocketError(f"the answer is longer than {size(LIMIT)}", "malformed")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand for the socket that http.client.HTTPResponse reads from."""
        return io.BufferedReader(self, _BLOCK)


def get(path: str, socket_path: str, timeout: float = 10) -> str:
    """GET `path` from the daemon behind `socket_path`; returns the body's text. `timeout`, in seconds, is for all of it."""
    try:
        return _get(path, socket_path, time.monotonic() + timeout)
    except CrioSocketError as error:
        kind, reason = error.kind, str(error)
    except socket.timeout:
        kind, reason = "timeout", f"no complete answer within {timeout} s"
    except OSError as error:
        kind, reason = "unreachable", error.strerror or str(error)
    except (
        Exception
    ) as error:  # http.client meets a garbage answer with many types, ValueError and OverflowError too
        kind, reason = "malformed", f"not an HTTP answer: {type(error).__name__}: {error}"
    raise CrioSocketError(f"GET {shown(path)} on {shown(str(socket_path))}: {shown(reason)}", kind)


def _get(path: str, socket_path: str, deadline: float) -> str:
    if not stat.S_ISSOCK(os.stat(socket_path).st_mode):
        raise CrioSocketError("this is not a socket", "unreachable")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        _connect(connected, socket_path, deadline)
        _set_timeout(connected, deadline)
        connected.sendall(f"GET {path} HTTP/1.1\r\nHost: crio\r\nConnection: close\r\n\r\n".encode("ascii"))
        # http.client.HTTPResponse asks its socket for a file and for nothing else.
        stream: Any = _Stream(connected, deadline)
        with http.client.HTTPResponse(stream, method="GET") as response:
            response.begin()
            body = _body(response).decode("utf-8", "replace")
    if response.status != 200:
        raise CrioSocketError(f"HTTP status {response.status}: {shown(body, 200)}", "status")
    return body


def _connect(connected: socket.socket, socket_path: str, deadline: float) -> None:
    """Connect to a Unix socket; one whose queue is full answers EAGAIN at once, whatever the timeout is."""
    while True:
        _set_timeout(connected, deadline)
        try:
            connected.connect(socket_path)
            return
        except BlockingIOError:
            time.sleep(0.05)


def _set_timeout(connected: socket.socket, deadline: float) -> None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise socket.timeout
    connected.settimeout(remaining)


def _body(response: http.client.HTTPResponse) -> bytes:
    """The whole body; its length is bounded by the stream below, so that no header decides how much memory is taken."""
    announced, blocks, count = response.length, [], 0
    while True:
        block = response.read(_BLOCK)
        if not block:
            break
        blocks.append(block)
        count += len(block)
    if announced is not None and count < announced:
        raise CrioSocketError(f"the answer ended after {count} of {announced} bytes", "malformed")
    return b"".join(blocks)


def live_configuration(socket_path: str, timeout: float = 10) -> dict[str, str]:
    """What the running daemon uses: {"crio.metrics.metrics_port": "9537", ...}, each value as CRI-O wrote it.

    Values stay text: nodes with Python 3.9 and 3.10 have no TOML reader, and `/config` is machine-written, a key a line.
    """
    return parse_lines(get("/config", socket_path, timeout))


def parse_lines(text: str) -> dict[str, str]:
    """The `key = value` lines of machine-written TOML under their tables' names."""
    table, values = "", {}
    for line in text.split("\n"):  # no other character ends a line of TOML
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            table = line.strip("[]")
        elif " = " in line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            values[f"{table}.{key}"] = value
    return values
