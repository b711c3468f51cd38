# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns the output of a crictl that failed into one error: a printable line without credentials, and a kind."""

from __future__ import annotations

import re

from ..errors import CrictlError
from ..text import beginning, shown

_LIMIT = 1024 * 1024  # bytes of an output that are read, the last ones
_LINE_LIMIT = 16 * 1024  # characters that are read of a line of crictl's log
_MESSAGE_LIMIT = 2000  # characters of crictl's own message in an error

# The kind of a failure by a part of crictl's message; the first match decides.
_KINDS = (
    ("permission", ("connect: permission denied", "operation not permitted")),
    ("not_found", ("code = NotFound", "ID does not exist", "no such image", "could not find", "not found: ")),
    ("timeout", ("code = DeadlineExceeded", "context deadline exceeded", "error code: CANCEL")),
    ("failed", ("RegistryUnavailable",)),
    ("unreachable", ("code = Unavailable", "connect: no such file", "connect: connection refused")),
)


def failure(name: str, status: int, output: bytes, errors: bytes) -> CrictlError:
    """Return the error for the command `name` that ended with an exit status other than 0."""
    message = _last_message(errors) or _last_message(output) or f"exit status {status}"
    kind = next((kind for kind, parts in _KINDS if any(part in message for part in parts)), "failed")
    return CrictlError(f"crictl {name} failed: {shown(message, _MESSAGE_LIMIT)}", kind)


def _last_message(errors: bytes) -> str:
    """Return the message of the last line of crictl's log, without time and level."""
    text = errors[-_LIMIT:].decode("utf-8", "replace")
    lines = [beginning(line.strip(), _LINE_LIMIT) for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        found = re.match(r'time=.*? level=(?:fatal|error) msg=(?:"((?:[^"\\]|\\.)*)|(\S+))', line)
        if found:
            return found.group(2) or _unquoted(found.group(1) or "")
        found = re.match(r"(?:FATA|ERRO)\[\d+\] (.*)", line)
        if found:
            return found.group(1)
    return lines[-1] if lines else ""


def _unquoted(text: str) -> str:
    """Undo Go's quoting, and turn line breaks and tabs into blanks."""
    return re.sub(r"\\(.)", lambda found: " " if found.group(1) in "nrt" else found.group(1), text)
