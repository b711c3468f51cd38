# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's own HTTP interface, served beside gRPC on its socket: plain HTTP/1.1, root only (CRI-O's README: not stable).

Whatever listens on the socket, an answer takes bounded time and memory, and every failure is a CrioSocketError.
"""

from __future__ import annotations

import io
import os
import socket
import stat
import time

from ..errors import NodeError
from ..os_errors import size
from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client
    from typing import Any

LIMIT = 16 * 1024 * 1024  # bytes of one whole answer
_BLOCK = 64 * 1024


class CrioSocketError(NodeError):
    """CRI-O did not answer; the message says what was requested and why it failed.

    kind: unreachable, timeout, malformed (not an HTTP response, or too large) or status (not 200).
    """


class _Stream(io.RawIOBase):
    """A socket, read until a deadline, as a file of at most LIMIT bytes."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket, self._deadline, self._room = connected, deadline, LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _set_timeout(self._socket, self._deadline)
        count = self._socket.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise CrioSocketError(f"the response is longer than {size(LIMIT)}", "malformed")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand for the socket that http.client.HTTPResponse reads from."""
        return io.BufferedReader(self, _BLOCK)


def get(path: str, socket_path: str, timeout: float = 10) -> str:
    """GET `path` from the daemon that listens on `socket_path`, within `timeout` seconds. Returns the text of the body."""
    try:
        return _get(path, socket_path, time.monotonic() + timeout)
    except CrioSocketError as error:
        kind, reason = error.kind, str(error)
    except socket.timeout:
        kind, reason = "timeout", f"no complete response within {timeout} s"
    except OSError as error:
        kind, reason = "unreachable", error.strerror or str(error)
    except (
        Exception
    ) as error:  # http.client meets a garbage answer with many types, ValueError and OverflowError too
        kind, reason = "malformed", f"not an HTTP response: {type(error).__name__}: {error}"
    raise CrioSocketError(f"GET {shown(path)} on {shown(str(socket_path))}: {shown(reason)}", kind)


def _get(path: str, socket_path: str, deadline: float) -> str:
    import http.client  # a fifth of all that a transaction loads, and not needed before its daemon has started

    if not stat.S_ISSOCK(os.stat(socket_path).st_mode):
        raise CrioSocketError("not a socket", "unreachable")
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
    """Connect to a Unix socket. A socket with a full queue returns EAGAIN at once, whatever the timeout is."""
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
    """Return the whole body. The stream limits its length, so that no header decides how much memory is used."""
    announced, blocks, count = response.length, [], 0
    while True:
        block = response.read(_BLOCK)
        if not block:
            break
        blocks.append(block)
        count += len(block)
    if announced is not None and count < announced:
        raise CrioSocketError(f"the response ended after {count} of {announced} bytes", "malformed")
    return b"".join(blocks)


def live_configuration(socket_path: str, timeout: float = 10) -> dict[str, str]:
    """Return the configuration of the running daemon: {"crio.metrics.metrics_port": "9537", ...}, values as CRI-O prints them.

    Values stay text: Python 3.9 and 3.10 have no TOML parser, and `/config` has one key on each line.
    """
    return parse_lines(get("/config", socket_path, timeout))


def parse_lines(text: str) -> dict[str, str]:
    """Return the `key = value` lines of generated TOML by their dotted keys."""
    table, values = "", {}
    for line in text.split("\n"):  # no other character ends a line of TOML
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            table = line.strip("[]")
        elif " = " in line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            values[f"{table}.{key}"] = value
    return values
