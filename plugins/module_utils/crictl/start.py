# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Starts crictl for one runtime, independent of everything else that is configured on the node.

Every call names both endpoints and the timeout, and ignores crictl.yaml and crictl's environment variables.

Ansible sends modules to a node as source, and Python compiles that source in every run. A module that starts crictl before it
imports `call` compiles most of its code while crictl is running. Therefore this module imports nothing of the collection until
something fails, and is the only part of the package that must be compiled first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

ENDPOINT = "unix:///var/run/crio/crio.sock"
#: The options of every module that calls crictl; doc_fragments/crictl.py documents them.
OPTIONS = {
    "endpoint": {"type": "str", "default": ENDPOINT},
    "image_endpoint": {"type": "str"},
    "timeout": {"type": "int", "default": 10},
}
ID_LENGTH = 64  # of a whole container ID
LONGEST = 24 * 60 * 60  # seconds that one call may take

_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/opt/bin", "/usr/local/sbin", "/usr/sbin", "/opt/cni/bin")
_GRACE = 1  # seconds that crictl gets to report a timeout itself
_KILLED = 5  # seconds to wait for a killed process; one that waits for a dead disk does not end
_REMOVED = (
    *("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT", "CRI_CONFIG_FILE"),
    *("CRICTL_CREDS", "CRICTL_AUTH", "CRICTL_PULL_TIMEOUT"),
)
# crictl ends before garbage collection pays off: collecting takes a tenth of its time with 300 containers.
_GO = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}


class Call:
    """A running crictl. deadline: when it must have answered, on the monotonic clock."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self.process, self.deadline = process, deadline

    def end(self) -> None:
        """Kill the process and its children, unless it was waited for already, and close the pipes."""
        process = self.process
        if process.returncode is None:  # otherwise the process ID may belong to another process by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILLED)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


class Runtime:
    """The sockets of one runtime and the crictl program that talks to it.

    timeout: seconds that one call may take, all its requests together. Raises errors.CrictlError for an option that is not
    valid, and if there is no crictl.
    """

    def __init__(
        self,
        endpoint: str = ENDPOINT,
        image_endpoint: str | None = None,
        timeout: float = 10,
        binary: str | None = None,
    ) -> None:
        if not 0 < timeout <= LONGEST:
            _fail("timeout is {:.20}; it must be between 1 and {} seconds", timeout, LONGEST)
        self.endpoint = _as_url(endpoint)
        self.image_endpoint = _as_url(image_endpoint) if image_endpoint else self.endpoint
        self.timeout = timeout
        self.binary = _find(binary)
        #: variables of crictl's environment, which, unlike its arguments, only root can read
        self.secrets: Mapping[str, str] = {}

    @property
    def socket_path(self) -> str:
        """The path of the runtime's socket."""
        return self.endpoint[len("unix://") :]

    def start(self, arguments: Iterable[str], descriptors: Iterable[int] = ()) -> Call:
        """Start crictl with these arguments. descriptors: the open files that it inherits. Raises errors.CrictlError."""
        self._require_socket()
        arguments = tuple(arguments)
        command = [
            self.binary,
            *("--config", "/dev/null"),
            *("--runtime-endpoint", self.endpoint),
            *("--image-endpoint", self.image_endpoint),
            *("--timeout", f"{self.timeout}s"),
            *arguments,
        ]
        environment = {key: value for key, value in os.environ.items() if key not in _REMOVED}
        environment.update(_GO, **self.secrets)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=tuple(descriptors),
                start_new_session=True,
            )
        except OSError as error:
            from .start_errors import not_run  # not at the top: compiled only when it is needed

            raise not_run(self.binary, error) from None
        except ValueError:  # a NUL, or half of a surrogate pair
            _fail("crictl {}: an argument contains a NUL or is not valid Unicode", arguments[0])
        return Call(process, time.monotonic() + self.timeout + _GRACE)

    def _require_socket(self) -> None:
        """Report at once what crictl would retry for seconds and then report in four lines."""
        path = self.socket_path
        try:
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                _fail("{} is not a socket; endpoint must be the runtime's socket", path, kind="unreachable")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self.timeout)
                connection.connect(path)
        except OSError as error:
            from .start_errors import not_connected

            raise not_connected(path, self.timeout, error) from None


def early(options: Mapping[str, Any], *calls: tuple[str, ...]) -> dict[tuple[str, ...], Call]:
    """Start calls whose answers Crictl.json and Crictl.text read later, and return them by their arguments.

    options: at least OPTIONS, by name. A call that cannot be started is left out: it fails again, and is reported, when its
    answer is read.
    """
    started: dict[tuple[str, ...], Call] = {}
    with contextlib.suppress(Exception):
        runtime = Runtime(**{name: options[name] for name in OPTIONS})
        for arguments in calls:
            started[arguments] = runtime.start(arguments)
    return started


def json_arguments(command: str, *arguments: str) -> tuple[str, ...]:
    """Add the flag for JSON, unless it is there. crictl reads flags in front of IDs only."""
    return (command, *json_flag(arguments), *arguments)


def json_flag(arguments: Iterable[object]) -> tuple[str, ...]:
    """Return the flag for JSON, or nothing if the arguments already contain it."""
    return () if any(argument in ("-o", "--output") for argument in arguments) else ("-o", "json")


def _as_url(endpoint: str) -> str:
    """Return the URL of a socket that is given as a path, as unix:PATH or as a URL."""
    path = endpoint[5:] if endpoint[:5].lower() == "unix:" else endpoint
    path = path[2:] if path.startswith("///") else path
    if not path.startswith("/") or not path.isprintable():
        _fail("endpoint is {!r:.200}; it must be the path of a socket, such as {}", endpoint, ENDPOINT)
    return f"unix://{path}"


def _find(binary: str | None) -> str:
    if binary:
        if os.path.isfile(binary) and os.access(binary, os.X_OK):
            return binary
        _fail("there is no program {}", binary, kind="missing")
    path = os.pathsep.join(part for part in (os.environ.get("PATH"), *_DIRECTORIES) if part)
    found = shutil.which("crictl", path=path)
    if not found:
        folders = ", ".join(_DIRECTORIES)
        _fail("there is no crictl in PATH or in {}; install cri-tools", folders, kind="missing")
    return found


def _fail(message: str, *values: object, kind: str = "failed") -> NoReturn:
    from .start_errors import not_started

    raise not_started(message, *values, kind=kind) from None
