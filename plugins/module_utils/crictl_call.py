# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls crictl so that nothing on the node but the runtime decides what comes back.

A call always names both endpoints and the timeout, ignores crictl.yaml and crictl's environment variables,
ends when its time is over, keeps a bounded amount of output, and takes nothing for an answer but JSON (or
text, where crictl has no JSON). Every failure is a CrictlError: one sentence, and a kind to act on.

Needs nothing of Ansible, since a program that runs on the node by itself uses it too.

Ansible sends modules as source, so that each run compiles them anew. What reads an answer is therefore imported once a call
runs, for modules that care for milliseconds; whatever else calls crictl uses crictl.Crictl, which loads it beforehand.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from .cri_error import CrictlError
from .node_host import MINIMUM_PYTHON

ENDPOINT = "unix:///var/run/crio/crio.sock"
#: the options that every module here takes; described in doc_fragments/crictl.py
OPTIONS = {
    "endpoint": {"type": "str", "default": ENDPOINT},
    "image_endpoint": {"type": "str"},
    "timeout": {"type": "int", "default": 10},
}

_FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/bin", "/usr/local/sbin", "/usr/sbin", "/opt/cni/bin")
_GRACE = 1  # seconds that crictl gets to report a timeout by itself
_SCRUBBED = ("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT", "CRI_CONFIG_FILE")
# crictl ends before it is worth collecting its garbage: that takes a tenth of its time with 300 containers.
_GO = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}

_SOCKET_ERRORS = {
    errno.ENOENT: ("there is no socket {}; is the runtime running, and is endpoint right?", "unreachable"),
    errno.ENOTDIR: ("there is no socket {}; is the runtime running, and is endpoint right?", "unreachable"),
    errno.ECONNREFUSED: ("nothing listens on {}; is the runtime running?", "unreachable"),
    errno.EACCES: ("no permission to use {}; run as root (become: true)", "permission"),
    errno.EPERM: ("no permission to use {}; run as root (become: true)", "permission"),
}


class Caller:
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

    def start(self, *arguments):
        """A crictl command that runs from now on, as a Call.

        An argument that is a dict is given to crictl as a file of JSON, which is never on a disk: it may be secret.
        """
        self._require_socket()
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
            process = self._execute(command, [file.fileno() for file in files])
        return Call(process, arguments[0], self)

    def json(self, *arguments):
        """The parsed JSON of a crictl command; several documents in a row become a list. Arguments as for start()."""
        if "-o" not in arguments and "--output" not in arguments:
            arguments = (*arguments[:1], "-o", "json", *arguments[1:])  # crictl reads flags before IDs only
        with self.start(*arguments) as call:
            return call.json()

    def text(self, *arguments):
        """What a crictl command prints, for those that have no JSON. Arguments as for start()."""
        with self.start(*arguments) as call:
            return call.text()

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

    def start_containers(self):
        """The Call whose answer crictl_containers.listed() begins with."""
        return self.start("ps", "-o", "json", "-a")

    def start_details(self, ids):
        """The Call whose answer crictl_containers.details() begins with; ids: at most 50."""
        return self.start("inspect", "-o", "json", *ids)

    def _execute(self, command, descriptors):
        environment = {key: value for key, value in os.environ.items() if key not in _SCRUBBED} | _GO
        try:
            return subprocess.Popen(
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


class Call:
    """A crictl command that runs. Its answer is taken once, in a with block, whose end ends the command too."""

    def __init__(self, process, name, caller):
        self._process, self._name, self._caller = process, name, caller
        self._deadline = time.monotonic() + caller.timeout + _GRACE

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for pipe in (self._process.stdout, self._process.stderr):
            pipe.close()
        _kill(self._process)

    def json(self):
        """As Caller.json; the command must have been told to print JSON."""
        from . import crictl_answer

        return crictl_answer.parse(self._output(), self._name)

    def text(self):
        """As Caller.text."""
        from . import crictl_answer

        return crictl_answer.plain_text(self._output(), self._name)

    def _output(self):
        from . import crictl_answer

        message = (
            f"crictl {self._name} gave no answer within {self._caller.timeout} s ({self._caller.endpoint})"
        )
        too_late = CrictlError(message, "timeout")
        return crictl_answer.read(self._process, self._name, self._deadline, too_late)


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
