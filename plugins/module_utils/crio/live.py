# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's own HTTP interface, served beside gRPC on its socket: plain HTTP/1.1, root only (CRI-O's README: not stable)."""

from __future__ import annotations

import http.client
import socket

from ..errors import NodeError


class CrioSocketError(NodeError):
    """CRI-O did not answer; the message says what was asked and why it failed."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("crio", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(path, socket_path, timeout=10):
    """GET `path` from the daemon behind `socket_path`; returns the body's text. `timeout` is in seconds."""
    connection = _UnixConnection(socket_path, timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise CrioSocketError(
            f"GET {path} on {socket_path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise CrioSocketError(
            f"GET {path} on {socket_path}: HTTP status {response.status}: {body.strip()[:200]}"
        )
    return body


def live_configuration(socket_path, timeout=10):
    """What the running daemon uses: {"crio.metrics.metrics_port": "9537", ...}, each value as CRI-O wrote it.

    Values stay text: nodes with Python 3.9 and 3.10 have no TOML reader, and `/config` is machine-written, a key a line.
    """
    return parse_lines(get("/config", socket_path, timeout))


def parse_lines(text):
    """The `key = value` lines of machine-written TOML under their tables' names."""
    table, values = "", {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            table = line.strip("[]")
        elif " = " in line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            values[f"{table}.{key}"] = value
    return values
