# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls crictl so that nothing on the node but the runtime decides what comes back.

A call always names both endpoints and the timeout, ignores crictl.yaml and crictl's environment variables,
ends when its time is over, keeps a bounded amount of output, and takes nothing for an answer but JSON (or
text, where crictl has no JSON). Every failure is a CrictlError: one sentence, and a kind to act on.

Needs nothing of Ansible, since a program that runs on the node by itself uses it too.
"""

from __future__ import annotations

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
_GRACE = 1  # seconds that crictl gets to report a timeout by itself
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


class CrictlError(NodeError):
    """What went wrong, in one sentence.

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
        if timeout <= 0:
            raise CrictlError(f"timeout is {timeout}; it must be at least 1 second")
        self.endpoint = _as_url(endpoint)
        self.image_endpoint = _as_url(image_endpoint) if image_endpoint else self.endpoint
        self.timeout = timeout
        self.binary = _find(binary)

    def within(self, seconds):
        """The same crictl, for calls that may take that long."""
        other = copy.copy(self)
        other.timeout = max(seconds, 1)
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
        """The results of several calls that run at the same time; the first one's error counts."""
        results = [None] * len(calls)

        def run(index, call):
            try:
                results[index] = (call(), None)
            except Exception as error:  # re-raised below, in the caller's thread
                results[index] = (None, error)

        threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(calls)]
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
            message = _last_words(errors) or _last_words(output) or f"exit status {status}"
            kind = next((kind for kind, marks in _KINDS if any(mark in message for mark in marks)), "failed")
            raise CrictlError(f"crictl {name} failed: {message}", kind)
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
            kind = "permission" if isinstance(error, PermissionError) else "missing"
            raise CrictlError(f"cannot run {self.binary}: {error.strerror}", kind) from None
        try:
            with process.stdout, process.stderr:
                return self._read(process, name)
        finally:
            _kill(process)

    def _read(self, process, name):
        deadline = time.monotonic() + self.timeout + _GRACE
        chunks = {process.stdout: [], process.stderr: []}
        room = {process.stdout: _OUTPUT_LIMIT, process.stderr: _ERROR_LIMIT}
        with selectors.DefaultSelector() as selector:
            for pipe in chunks:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                remaining = deadline - time.monotonic()
                if remaining <= 0:  # the pipes may be held by a child of a crictl that has ended
                    raise self._too_late(name)
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
            raise self._too_late(name) from None
        return status, b"".join(chunks[process.stdout]), b"".join(chunks[process.stderr])

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
                error.errno, (f"cannot connect to {{}}: {error}", "unreachable")
            )
            raise CrictlError(message.format(path), kind) from None


def _as_url(endpoint):
    """A bare path is as good as a URL; TCP is for Windows."""
    if endpoint.startswith(("unix:///", "/")):
        return endpoint if endpoint.startswith("unix://") else f"unix://{endpoint}"
    raise CrictlError(f"endpoint is {endpoint!r}; it must be a socket's path, such as {ENDPOINT}", "failed")


def _in_memory(document):
    """A file of JSON that has no name, and goes with the last process that has it open."""
    file = os.fdopen(os.memfd_create("cri-node"), "wb", buffering=0)
    file.write(json.dumps(document).encode())
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
        process.wait()


def _parse(output, name):
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
