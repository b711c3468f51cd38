# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls crictl and reads its answers.

A call ends within its timeout, keeps a bounded amount of output, and accepts only JSON as an answer (or text, for commands
without JSON). Every failure is a CrictlError. Needs nothing of Ansible, because a program that runs on a node by itself uses
it too.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import gc
import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from ..errors import CrictlError
from ..node_host import MINIMUM_PYTHON
from .start import ENDPOINT, LONGEST, OPTIONS, Call, Runtime, json_flag

__all__ = ["ENDPOINT", "OPTIONS", "Crictl", "CrictlError"]

_OUTPUT_LIMIT = 64 * 1024 * 1024
_ERROR_LIMIT = 1024 * 1024  # bytes of crictl's log that are kept, the last ones
_START = 256 * 1024  # bytes of an output other than JSON that are read for a message


class Crictl(Runtime):
    """crictl for one runtime; options as for Runtime.

    started: calls of start.early, whose answers are read here. A context manager, which ends those that nobody has read.
    """

    def __init__(
        self,
        endpoint: str = ENDPOINT,
        image_endpoint: str | None = None,
        timeout: float = 10,
        binary: str | None = None,
        started: dict[tuple[str, ...], Call] | None = None,
    ) -> None:
        self.started = started or {}
        _require_python()
        super().__init__(endpoint, image_endpoint, timeout, binary)

    def __enter__(self) -> Crictl:
        return self

    def __exit__(self, *_error: object) -> None:
        while self.started:
            self.started.popitem()[1].end()

    def within(self, seconds: float) -> Crictl:
        """Return the same crictl with another timeout, one day at most."""
        other = copy.copy(self)
        other.timeout = min(max(seconds, 1), LONGEST)
        return other

    def with_credentials(self, username: str, password: str) -> Crictl:
        """Return the same crictl, which passes these credentials to pulls.

        They are in its environment, not in its arguments, which every user of a node can read (crictl pull --creds).
        """
        other = copy.copy(self)
        other.secrets = {"CRICTL_CREDS": f"{username}:{password}"}
        return other

    def json(self, command: str, *arguments: str | dict[str, Any]) -> Any:
        """Return the parsed JSON of a crictl command; several documents in a row become a list.

        An argument that is a dict reaches crictl as a file of JSON that is never on a disk, because it may be secret.
        """
        return parse(self._run(command, *json_flag(arguments), *arguments), command)

    def text(self, command: str, *arguments: str | dict[str, Any]) -> str:
        """Return the output of a command that has no JSON. Arguments as for json()."""
        text = self._run(command, *arguments).decode("utf-8", "replace")
        if _is_help(text):
            raise CrictlError(f"crictl {command} printed its help instead of a result", "failed")
        return text

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Return the results of several calls that run at the same time, 16 at most. Raises the first call's error."""
        from .parallel import together  # not at the top: a single call needs no threads

        return together(*calls)

    def _run(self, name: str, *arguments: str | dict[str, Any]) -> bytes:
        texts = [each for each in arguments if not isinstance(each, dict)]
        # Only calls without documents are started early.
        call = self.started.pop((name, *texts), None) if len(texts) == len(arguments) else None
        with contextlib.ExitStack() as stack:
            if call is None:
                files = [
                    stack.enter_context(_in_memory(each)) for each in arguments if isinstance(each, dict)
                ]
                paths = iter([f"/proc/self/fd/{file.fileno()}" for file in files])
                words = [next(paths) if isinstance(each, dict) else each for each in arguments]
                call = self.start([name, *words], [file.fileno() for file in files])
            stack.callback(call.end)
            status, output, errors = self._read(call, name)
        if status:
            from .failure import failure  # not at the top: compiled only for a crictl that failed

            raise failure(name, status, output, errors)
        return output

    def _read(self, call: Call, name: str) -> tuple[int, bytes, bytes]:
        """Return exit status, output and the end of the log. Raises CrictlError for too much output, and at the deadline."""
        process = call.process
        output, size = [], 0
        errors: collections.deque[bytes] = collections.deque()
        errors_size = 0
        with selectors.DefaultSelector() as selector:
            for pipe in filter(None, (process.stdout, process.stderr)):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                remaining = call.deadline - time.monotonic()
                if remaining <= 0:  # a child of a crictl that has ended may hold the pipes
                    raise self._too_late(name)
                for key, _events in selector.select(remaining):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    if key.fileobj is process.stderr:
                        errors.append(chunk)
                        errors_size += len(chunk)
                        while errors_size - len(errors[0]) >= _ERROR_LIMIT:  # the last message counts
                            errors_size -= len(errors.popleft())
                        continue
                    output.append(chunk)
                    size += len(chunk)
                    if size > _OUTPUT_LIMIT:
                        raise CrictlError(f"crictl {name} printed more than {_OUTPUT_LIMIT >> 20} MiB")
        try:
            status = process.wait(max(call.deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            raise self._too_late(name) from None
        return status, b"".join(output), b"".join(errors)

    def _too_late(self, name: str) -> CrictlError:
        message = f"crictl {name} did not answer within {self.timeout} s ({self.endpoint})"
        return CrictlError(message, "timeout")


def _require_python() -> None:
    if sys.version_info < MINIMUM_PYTHON:
        needed, found = (".".join(map(str, version)) for version in (MINIMUM_PYTHON, sys.version_info[:3]))
        raise CrictlError(
            f"Python {needed} or newer is required on the node, but {sys.executable} is {found}; "
            "set ansible_python_interpreter"
        )


def _in_memory(document: dict[str, Any]) -> IO[bytes]:
    """Return a file of JSON that has no name and disappears with the last process that has it open."""
    try:
        file = os.fdopen(os.memfd_create("cri-node"), "wb", buffering=0)
        file.write(json.dumps(document).encode())
    except OSError as error:
        raise CrictlError(f"no memory for a file that crictl reads: {error.strerror}") from None
    return file


def parse(output: bytes, name: str) -> Any:
    """Return the JSON that the command `name` printed; several documents in a row become a list. Raises CrictlError."""
    try:
        text = output.decode("utf-8").strip()
        if not text.startswith(("{", "[")):
            raise ValueError
        documents, position = [], 0
        with _without_garbage_collection():
            while position < len(text):
                document, position = _DECODER.raw_decode(text, position)
                documents.append(document)
                following = _NO_SPACE.search(text, position)
                position = following.start() if following else len(text)
        return documents[0] if len(documents) == 1 else documents
    except (ValueError, RecursionError):
        raise _not_json(output, name) from None


def _not_json(output: bytes, name: str) -> CrictlError:
    from ..text import beginning, shown  # not at the top: compiled only for an error

    start = beginning(output[:_START].decode("utf-8", "replace"))
    what = "its help" if _is_help(start) else repr(shown(start)[:80]) if start.strip() else "nothing"
    return CrictlError(f"crictl {name} exited with status 0, but printed {what} instead of JSON", "not_json")


def _is_help(text: str) -> bool:
    """Return whether crictl printed its help, as it does with exit status 0 for arguments that it does not understand."""
    return re.match(r"\s*NAME:\s+crictl\b", text[:1000]) is not None


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Do not search for garbage where there cannot be any: that takes longer than to parse 300 containers."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > 4300:  # the limit of newer Pythons: the time grows with the square of the length
        raise ValueError("an integer of more than 4300 digits")
    return int(text)


_NO_SPACE = re.compile(r"\S")
_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=None if hasattr(sys, "get_int_max_str_digits") else _integer
)
