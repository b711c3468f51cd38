# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls crictl so that nothing on the node but the runtime decides what comes back.

A call always names both endpoints and the timeout, ignores crictl.yaml and crictl's environment variables,
ends when its time is over, keeps a bounded amount of output, and takes nothing for an answer but JSON (or
text, where crictl has no JSON). Every failure is a CrictlError: one printable line without credentials, and a kind to act on.

Needs nothing of Ansible, since a program that runs on the node by itself uses it too.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import errno
import json
import os
import re
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from ..errors import NodeError
from ..node_host import MINIMUM_PYTHON
from ..text import beginning, printable, shown
from . import output as cri_output

ENDPOINT = "unix:///var/run/crio/crio.sock"
#: the options that every module here takes; described in doc_fragments/crictl.py
OPTIONS = {
    "endpoint": {"type": "str", "default": ENDPOINT},
    "image_endpoint": {"type": "str"},
    "timeout": {"type": "int", "default": 10},
}

_FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/bin", "/usr/local/sbin", "/usr/sbin", "/opt/cni/bin")
_OUTPUT_LIMIT = 64 * 1024 * 1024
_ERROR_LIMIT = 1024 * 1024
_START = 256 * 1024  # bytes of an output in the place of JSON that are read for a message
_LINE_LIMIT = 16 * 1024  # characters that are read of a line of crictl's log
_MESSAGE_LIMIT = 2000  # characters of crictl's own words in a message
_GRACE = 1  # seconds that crictl gets to report a timeout by itself
_LONGEST = 24 * 60 * 60  # seconds that one call may take
_KILLED = 5  # seconds that a killed process gets to end; one that waits for a dead disk does not
_TOGETHER = 16  # calls that run at the same time
_BATCH = 50  # containers per crictl inspect: up to 100 KiB of JSON each, and 3 KiB of arguments
_SCRUBBED = ("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT", "CRI_CONFIG_FILE")
# crictl ends before it is worth collecting its garbage: that takes a tenth of its time with 300 containers.
_GO = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}

# What crictl's last words mean; the first that fits decides.
_KINDS = (
    ("permission", ("connect: permission denied", "operation not permitted")),
    ("not_found", ("code = NotFound", "ID does not exist", "no such image", "could not find", "not found: ")),
    ("timeout", ("code = DeadlineExceeded", "context deadline exceeded", "error code: CANCEL")),
    ("failed", ("RegistryUnavailable",)),
    ("unreachable", ("code = Unavailable", "connect: no such file", "connect: connection refused")),
)

_SOCKET_ERRORS = {
    errno.ENOENT: ("there is no socket {}; is the runtime running, and is endpoint right?", "unreachable"),
    errno.ENOTDIR: ("there is no socket {}; is the runtime running, and is endpoint right?", "unreachable"),
    errno.ECONNREFUSED: ("nothing listens on {}; is the runtime running?", "unreachable"),
    errno.EACCES: ("no permission to use {}; run as root (become: true)", "permission"),
    errno.EPERM: ("no permission to use {}; run as root (become: true)", "permission"),
}

_START_ERRORS = {
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR), "missing"),
}


class CrictlError(NodeError):
    """What went wrong, in one sentence on one printable line.

    kind: missing, unreachable, timeout, not_found, permission, not_json or failed
    """


class Crictl:
    """crictl for one runtime. timeout: seconds that one call may take, all its requests together."""

    def __init__(self, endpoint=ENDPOINT, image_endpoint=None, timeout=10, binary=None):
        if sys.version_info < MINIMUM_PYTHON:
            needed, found = (
                ".".join(map(str, version)) for version in (MINIMUM_PYTHON, sys.version_info[:3])
            )
            raise CrictlError(
                f"Python {needed} or newer is needed on the node, {sys.executable} is {found}; "
                "set ansible_python_interpreter"
            )
        if not 0 < timeout <= _LONGEST:
            raise CrictlError(
                f"timeout is {printable(timeout, 20)}; it must be between 1 and {_LONGEST} seconds"
            )
        self.endpoint = _as_url(endpoint)
        self.image_endpoint = _as_url(image_endpoint) if image_endpoint else self.endpoint
        self.timeout = timeout
        self.binary = _find(binary)

    def within(self, seconds):
        """The same crictl, for calls that may take that long, one day at most."""
        other = copy.copy(self)
        other.timeout = min(max(seconds, 1), _LONGEST)
        return other

    @property
    def socket_path(self):
        return self.endpoint[len("unix://") :]

    def json(self, *arguments):
        """The parsed JSON of a crictl command; several documents in a row become a list.

        An argument that is a dict is given to crictl as a file of JSON, which is never on a disk: it may be secret.
        """
        if "-o" not in arguments and "--output" not in arguments:
            arguments = (*arguments[:1], "-o", "json", *arguments[1:])  # crictl reads flags before IDs only
        return _parse(self._run(arguments), arguments[0])

    def text(self, *arguments):
        """What a crictl command prints, for those that have no JSON. Arguments as for json()."""
        text = self._run(arguments).decode("utf-8", "replace")
        if _is_help(text):
            raise CrictlError(f"crictl {arguments[0]} printed its help instead of an answer", "failed")
        return text

    def together(self, *calls):
        """The results of several calls that run at the same time, 16 at most; the first one's error counts."""
        results = [None] * len(calls)
        waiting = collections.deque(enumerate(calls))

        def work():
            while True:
                try:
                    index, call = waiting.popleft()
                except IndexError:
                    return
                try:
                    results[index] = (call(), None)
                except Exception as error:  # re-raised below, in the caller's thread
                    results[index] = (None, error)

        threads = [threading.Thread(target=work, daemon=True) for _each in calls[:_TOGETHER]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _value, error in results:
            if error:
                raise error
        return [value for value, _error in results]

    def containers(self):
        """All containers, typed, with their pods' names (which takes a second call if labels do not tell)."""
        found = cri_output.containers(self.json("ps", "-a"))
        if all("name" in container["pod"] for container in found):
            return found
        pods = cri_output.pods(self.json("pods"))
        return [cri_output.with_pod(container, pods) for container in found]

    def details(self, ids):
        """Typed details by id. One call for many containers; those that vanish while it runs are left out."""
        ids, found = list(ids), {}
        for start in range(0, len(ids), _BATCH):
            found.update(self._details(ids[start : start + _BATCH]))
        return found

    def _details(self, ids):
        for _attempt in range(3):
            if not ids:
                return {}
            try:
                return cri_output.details(self.json("inspect", *ids))
            except CrictlError as error:  # one id that is not there fails the whole call
                if error.kind != "not_found":
                    raise
            present = {item["id"] for item in cri_output.containers(self.json("ps", "-a"))}
            ids = [each for each in ids if each in present]
        found = {}
        for each in ids:
            try:
                found.update(cri_output.details(self.json("inspect", each)))
            except CrictlError as error:
                if error.kind != "not_found":
                    raise
        return found

    def _run(self, arguments):
        self._require_socket()
        name = arguments[0]
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(_in_memory(each)) for each in arguments if isinstance(each, dict)]
            paths = iter([f"/proc/self/fd/{file.fileno()}" for file in files])
            command = [
                self.binary,
                *("--config", "/dev/null"),
                *("--runtime-endpoint", self.endpoint),
                *("--image-endpoint", self.image_endpoint),
                *("--timeout", f"{self.timeout}s"),
                *(next(paths) if isinstance(each, dict) else each for each in arguments),
            ]
            status, output, errors = self._execute(command, name, [file.fileno() for file in files])
        if status:
            raise _failure(name, status, output, errors)
        return output

    def _execute(self, command, name, descriptors):
        environment = {key: value for key, value in os.environ.items() if key not in _SCRUBBED} | _GO
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError as error:
            kind = _START_ERRORS.get(error.errno, "failed")
            raise CrictlError(f"cannot run {self.binary}: {error.strerror}", kind) from None
        except ValueError:  # a NUL, or half of a surrogate pair
            raise CrictlError(
                f"crictl {name}: an argument holds a character that no program can be given"
            ) from None
        try:
            with process.stdout, process.stderr:
                return self._read(process, name)
        finally:
            _kill(process)

    def _read(self, process, name):
        deadline = time.monotonic() + self.timeout + _GRACE
        output, size, errors, errors_size = [], 0, collections.deque(), 0
        with selectors.DefaultSelector() as selector:
            for pipe in (process.stdout, process.stderr):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                remaining = deadline - time.monotonic()
                if remaining <= 0:  # the pipes may be held by a child of a crictl that has ended
                    raise self._too_late(name)
                for key, _events in selector.select(remaining):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    if key.fileobj is process.stderr:
                        errors.append(chunk)
                        errors_size += len(chunk)
                        while errors_size - len(errors[0]) >= _ERROR_LIMIT:  # the last words count
                            errors_size -= len(errors.popleft())
                        continue
                    output.append(chunk)
                    size += len(chunk)
                    if size > _OUTPUT_LIMIT:
                        raise CrictlError(f"crictl {name} printed more than {_OUTPUT_LIMIT >> 20} MiB")
        try:
            status = process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            raise self._too_late(name) from None
        return status, b"".join(output), b"".join(errors)

    def _too_late(self, name):
        message = f"crictl {name} gave no answer within {self.timeout} s ({self.endpoint})"
        return CrictlError(message, "timeout")

    def _require_socket(self):
        """Notices at once what crictl would retry for seconds and then tell in four lines."""
        path = self.socket_path
        try:
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                raise CrictlError(
                    f"{path} is not a socket; endpoint must name the runtime's socket", "unreachable"
                )
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self.timeout)
                connection.connect(path)
        except socket.timeout:
            raise CrictlError(f"{path} accepted no connection within {self.timeout} s", "timeout") from None
        except OSError as error:
            message, kind = _SOCKET_ERRORS.get(
                error.errno,
                (f"cannot connect to {{}}: {error.strerror or 'its path is too long'}", "unreachable"),
            )
            raise CrictlError(message.format(path), kind) from None


def _as_url(endpoint):
    """A bare path is as good as a URL, and unix: as good as unix://; TCP is for Windows."""
    found = re.fullmatch("(?:unix:(?://)?)?(/.*)", endpoint, re.IGNORECASE)
    if found and endpoint.isprintable():
        return f"unix://{found.group(1)}"
    message = f"endpoint is {printable(repr(endpoint), 200)}; it must be a socket's path, such as {ENDPOINT}"
    raise CrictlError(message, "failed")


def _in_memory(document):
    """A file of JSON that has no name, and goes with the last process that has it open."""
    try:
        file = os.fdopen(os.memfd_create("cri-node"), "wb", buffering=0)
        file.write(json.dumps(document).encode())
    except OSError as error:
        raise CrictlError(f"no memory for a file of crictl's: {error.strerror}") from None
    return file


def _find(binary):
    if binary:
        if os.path.isfile(binary) and os.access(binary, os.X_OK):
            return binary
        raise CrictlError(f"there is no program {binary}", "missing")
    path = os.pathsep.join(part for part in (os.environ.get("PATH"), *_FOLDERS) if part)
    found = shutil.which("crictl", path=path)
    if not found:
        message = f"there is no crictl in PATH or in {', '.join(_FOLDERS)}; install cri-tools"
        raise CrictlError(message, "missing")
    return found


def _kill(process):
    """Ends a process that was not waited for yet, and whatever it started."""
    if process.returncode is None:  # else its number may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILLED)


def _parse(output, name):
    try:
        text = output.decode("utf-8").strip()
        if not text.startswith(("{", "[")):
            raise ValueError
        documents, position = [], 0
        while position < len(text):
            document, position = _DECODER.raw_decode(text, position)
            documents.append(document)
            position = _SPACE.match(text, position).end()
        return documents[0] if len(documents) == 1 else documents
    except (ValueError, RecursionError):
        start = beginning(output[:_START].decode("utf-8", "replace"))
        what = "its help" if _is_help(start) else repr(shown(start)[:80]) if start.strip() else "nothing"
        message = f"crictl {name} ended with status 0, but printed {what} instead of JSON"
        raise CrictlError(message, "not_json") from None


def _no_number(text):
    raise ValueError(f"{text} is not JSON")


def _integer(text):
    if len(text) > 4300:  # Python's own limit, where it has one: its time grows with the square of the length
        raise ValueError("an integer of more than 4300 digits")
    return int(text)


_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder(
    parse_constant=_no_number, parse_int=None if hasattr(sys, "get_int_max_str_digits") else _integer
)


def _is_help(text):
    return re.match(r"\s*NAME:\s+crictl\b", text[:1000]) is not None


def _failure(name, status, output, errors):
    """The error for a call that ended with that exit status."""
    words = _last_words(errors) or _last_words(output) or f"exit status {status}"
    kind = next((kind for kind, marks in _KINDS if any(mark in words for mark in marks)), "failed")
    return CrictlError(f"crictl {name} failed: {shown(words, _MESSAGE_LIMIT)}", kind)


def _last_words(errors):
    """The message of crictl's last line of log, without the log's own decoration."""
    text = errors[-_ERROR_LIMIT:].decode("utf-8", "replace")
    lines = [beginning(line.strip(), _LINE_LIMIT) for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        found = re.match(r'time=.*? level=(?:fatal|error) msg=(?:"((?:[^"\\]|\\.)*)|(\S+))', line)
        if found:
            return found.group(2) or _unquoted(found.group(1) or "")
        found = re.match(r"(?:FATA|ERRO)\[\d+\] (.*)", line)
        if found:
            return found.group(1)
    return lines[-1] if lines else ""


def _unquoted(text):
    """What Go has quoted, on one line."""
    return re.sub(r"\\(.)", lambda found: " " if found.group(1) in "nrt" else found.group(1), text)
