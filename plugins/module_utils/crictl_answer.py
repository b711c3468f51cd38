# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What came of a call of crictl: reads what a started crictl prints, and says what that means.

Apart from crictl_call.py because it is not needed before crictl runs.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import time

from .cri_error import CrictlError

_OUTPUT_LIMIT = 64 * 1024 * 1024
_ERROR_LIMIT = 1024 * 1024

# What crictl's last words mean; the first that fits decides.
_KINDS = (
    ("permission", ("connect: permission denied", "operation not permitted")),
    ("not_found", ("code = NotFound", "ID does not exist", "no such image", "could not find", "not found: ")),
    ("timeout", ("code = DeadlineExceeded", "context deadline exceeded", "error code: CANCEL")),
    ("failed", ("RegistryUnavailable",)),
    ("unreachable", ("code = Unavailable", "connect: no such file", "connect: connection refused")),
)


def read(process, name, deadline, too_late):
    """All that a crictl command prints, as bytes. Raises CrictlError; too_late once it is past the deadline (monotonic)."""
    status, output, errors = _read(process, name, deadline, too_late)
    if status:
        message = _last_words(errors) or _last_words(output) or f"exit status {status}"
        kind = next((kind for kind, marks in _KINDS if any(mark in message for mark in marks)), "failed")
        raise CrictlError(f"crictl {name} failed: {message}", kind)
    return output


def parse(output, name):
    """The JSON that a crictl command printed; several documents in a row become a list."""
    try:
        text = output.decode("utf-8").strip()
        if not text.startswith(("{", "[")):
            raise ValueError
        documents, position, decoder = [], 0, json.JSONDecoder()
        while position < len(text):
            document, position = decoder.raw_decode(text, position)
            documents.append(document)
            position = len(text) - len(text[position:].lstrip())
        return documents[0] if len(documents) == 1 else documents
    except (ValueError, RecursionError):
        shown = output[:200].decode("utf-8", "replace").strip()
        what = "its help" if _is_help(shown) else f"{' '.join(shown.split())[:80]!r}" if shown else "nothing"
        message = f"crictl {name} ended with status 0, but printed {what} instead of JSON"
        raise CrictlError(message, "not_json") from None


def plain_text(output, name):
    """What a crictl command without JSON printed."""
    answer = output.decode("utf-8", "replace")
    if _is_help(answer):
        raise CrictlError(f"crictl {name} printed its help instead of an answer", "failed")
    return answer


def _read(process, name, deadline, too_late):
    chunks = {process.stdout: [], process.stderr: []}
    room = {process.stdout: _OUTPUT_LIMIT, process.stderr: _ERROR_LIMIT}
    with selectors.DefaultSelector() as selector:
        for pipe in chunks:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:  # the pipes may be held by a child of a crictl that has ended
                raise too_late
            for key, _events in selector.select(remaining):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                room[key.fileobj] -= len(chunk)
                if room[key.fileobj] >= 0:
                    chunks[key.fileobj].append(chunk)
                elif key.fileobj is process.stdout:
                    raise CrictlError(f"crictl {name} printed more than {_OUTPUT_LIMIT >> 20} MiB")
    try:
        status = process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise too_late from None
    return status, b"".join(chunks[process.stdout]), b"".join(chunks[process.stderr])


def _is_help(text):
    return re.match(r"\s*NAME:\s+crictl\b", text) is not None


def _last_words(errors):
    """The message of crictl's last line of log, without the log's own decoration."""
    text = errors[-_ERROR_LIMIT:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        found = re.match(r'time=.*? level=(?:fatal|error) msg=("(?:[^"\\]|\\.)*"|\S+)', line)
        if found:
            message = found.group(1)
            return _unquoted(message[1:-1]) if message.startswith('"') else message
        found = re.match(r"(?:FATA|ERRO)\[\d+\] (.*)", line)
        if found:
            return found.group(1)
    return lines[-1][:1000] if lines else ""


def _unquoted(text):
    """What Go has quoted, on one line."""
    return re.sub(r"\\(.)", lambda found: " " if found.group(1) in "nrt" else found.group(1), text)
