# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds CRI-O on a node: its systemd unit, binary, options and configuration paths.

RuntimeService has what is the same for each runtime, and is all that a transaction knows of one.
"""

from __future__ import annotations

import copy
import os
import re
import shlex
import stat
import time

from ..errors import NodeError
from ..layout import CRIO_CONFIG, CRIO_CONFIG_DIRECTORY, CRIO_SOCKET, UNIT_DIRECTORY
from ..program import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Service = TypeVar("Service", bound="RuntimeService")

DEFAULT_UNIT = "crio.service"
_LARGEST = 4 * 1024 * 1024  # characters of a file that is read whole
_POLL = 0.1  # seconds between two polls of a unit that changes its state
BINARY_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/bin")

_PROPERTIES = (
    "Names,LoadState,ActiveState,SubState,UnitFileState,InvocationID,MainPID,KillMode,ControlGroup,NeedDaemonReload,Job,"
    "FragmentPath,DropInPaths,ExecStart,ExecReload,Environment,EnvironmentFiles,ExecMainStartTimestampMonotonic,"
    "ActiveEnterTimestampMonotonic,Result,"
    "NRestarts,ExecMainCode,ExecMainStatus"
)
# Where systemd looks for units, the first one wins; for a systemd that does not report its UnitPath.
_UNIT_FOLDERS = (
    UNIT_DIRECTORY,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_OPTION_FOR = {
    "--config": "config",
    "-c": "config",
    "--config-dir": "config_directory",
    "-d": "config_directory",
}


class CrioServiceError(NodeError):
    """CRI-O or its systemd unit cannot be used; the message is a sentence for the user."""


class RuntimeService:
    """The state of a runtime's unit at one moment, and what the unit starts. `again` reads it again."""

    runtime = ""  # its name in a request
    product = ""  # its name in messages
    program = ""  # the name of the daemon's binary
    configuration = (
        ""  # where managed files of its configuration are: a file, or a folder with a slash at the end
    )
    reports_configuration = False  # whether the daemon answers GET /config on its socket
    starts_monitors = (
        False  # whether each container has a conmon, by which it is found while the daemon is down
    )

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._replacement = ""
        status, output, error = run(["systemctl", "show", unit, "-p", _PROPERTIES])
        if status != 0:
            raise CrioServiceError(f"systemctl show {unit} failed: {error.strip() or output.strip()}")
        self.properties = _parse_show(output)

    def cannot_become_ready(self, after: str | None) -> str:
        """Return why a daemon that runs will never serve pods, in its own words; "" if it may.

        after: a journal cursor from before its start.
        """
        return ""

    def again(self: Service) -> Service:
        """Return the unit as it is now."""
        return type(self)(self.unit)

    @property
    def exists(self) -> bool:
        """Whether systemd has loaded the unit."""
        return self.properties.get("LoadState") == "loaded"

    @property
    def masked(self) -> bool:
        """Whether the unit is masked, so that nothing can start it."""
        return self.properties.get("LoadState") == "masked"

    @property
    def active_state(self) -> str:
        """systemd's ActiveState: active, inactive, failed, activating, deactivating or reloading."""
        return self.properties.get("ActiveState", "")

    @property
    def phase(self) -> str:
        """serving, stopped, or between: starting, stopping, reloading, waiting for the next start, or with a queued job.

        A daemon between two states may be running, with containers that depend on it.
        """
        if self.properties.get("Job", "0") not in ("", "0"):
            return "between"
        if self.active_state in ("inactive", "failed"):
            return "stopped"
        serves = self.active_state == "active" and self.properties.get("SubState") != "auto-restart"
        return "serving" if serves else "between"

    @property
    def state_words(self) -> str:
        """The state as systemctl status prints it, and whether a job is queued."""
        job = " with a queued job" if self.properties.get("Job", "0") not in ("", "0") else ""
        return f"{self.active_state} ({self.properties.get('SubState', '')}){job}"

    @property
    def aim(self) -> str:
        """The state that systemd is aiming at, up or down. For a daemon that waits for its next start it is up."""
        return "down" if self.active_state in ("inactive", "failed", "deactivating") else "up"

    @property
    def active(self) -> bool:
        """Whether the daemon serves and no job of systemd is about to change that."""
        return self.phase == "serving"

    @property
    def restarts(self) -> int:
        """How often systemd itself has restarted the daemon."""
        return _number(self.properties.get("NRestarts"))

    @property
    def uptime(self) -> float:
        """Seconds since the daemon's process was started; 0 if it is not running."""
        microseconds = _number(self.properties.get("ExecMainStartTimestampMonotonic"))
        return time.monotonic() - microseconds / 1e6 if self.main_pid and microseconds else 0

    @property
    def serving_for(self) -> float:
        """Seconds since the unit became active; 0 if the daemon is not running."""
        microseconds = _number(self.properties.get("ActiveEnterTimestampMonotonic"))
        return time.monotonic() - microseconds / 1e6 if self.main_pid and microseconds else 0

    @property
    def ending(self) -> str:
        """How the last run of the daemon ended, in systemd's words; empty after a success."""
        result = self.properties.get("Result", "")
        if result in ("", "success"):
            return ""
        status = self.properties.get("ExecMainStatus", "0")
        words = f"systemd reports for {self.unit}: {result}"
        return words + (f", status {status}" if status not in ("", "0") else "")

    @property
    def enabled(self) -> bool:
        """Whether something starts the unit at boot."""
        return self.properties.get("UnitFileState") in (
            "enabled",
            "enabled-runtime",
            "static",
            "alias",
            "linked",
        )

    @property
    def invocation_id(self) -> str:
        """The id of the unit's last start, "" where it was never started."""
        return self.properties.get("InvocationID", "")

    @property
    def main_pid(self) -> int:
        """The process id of the daemon; 0 if it is not running."""
        return _number(self.properties.get("MainPID"))

    @property
    def kill_mode(self) -> str:
        """The unit's KillMode (systemd.kill(5))."""
        return self.properties.get("KillMode", "control-group")

    @property
    def needs_daemon_reload(self) -> bool:
        """Whether the unit's files changed since systemd read them."""
        return self.properties.get("NeedDaemonReload") == "yes"

    @property
    def reloads(self) -> bool:
        """Whether the unit has an ExecReload."""
        return bool(self.properties.get("ExecReload"))

    def drop_ins(self) -> list[str]:
        """Return the unit's drop-ins in the order in which the next daemon-reload reads them (systemd.unit(5)).

        systemd's own list is that of the last daemon-reload. A file in a folder of higher rank replaces one of the same name.
        """
        _status, output, _error = run(["systemctl", "show", "-p", "UnitPath", "--value"])
        chosen = {}
        names = sorted(
            {self.unit, *self.properties.get("Names", "").split()}, key=lambda name: name == self.unit
        )
        for name in ["service", *names]:
            for folder in reversed(output.split() or _UNIT_FOLDERS):
                for path in _files_of(f"{folder}/{name}.d"):
                    chosen[os.path.basename(path)] = path
        return [chosen[name] for name in sorted(chosen)]

    @property
    def started_at(self) -> float | None:
        """When the daemon's process was started, in seconds since the epoch; None if it is not running."""
        return time.time() - self.uptime if self.uptime else None

    @property
    def unit_command(self) -> list[str]:
        """The arguments of ExecStart with variables expanded; [] without a unit."""
        _before, found, rest = self.properties.get("ExecStart", "").partition("argv[]=")
        words = rest.partition(" ; ignore_errors=")[0].split() if found else []
        return _expand(words, self.environment)

    @property
    def command(self) -> list[str]:
        """The daemon's own arguments, from the unit or from behind a wrapper; [] if its program is not found.

        Behind a wrapper they are those of the running process, else the words from the one that is such a program on.
        """
        words = self.unit_command
        if not words or os.path.basename(words[0]) == self.program:
            return words
        running = _arguments(self.main_pid)
        if running and os.path.basename(_executable(self.main_pid)) == self.program:
            return [_executable(self.main_pid), *running[1:]]
        for position, word in enumerate(words):
            if os.path.basename(word) == self.program and os.access(word, os.X_OK):
                return words[position:]
        return []

    @property
    def wrapped_by(self) -> str:
        """What the unit starts instead of the daemon's program if that is not found behind it; else empty."""
        words = self.unit_command
        return words[0] if words and not self.command else ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables from Environment= and EnvironmentFile=; the later one wins (systemd.exec(5))."""
        values = {}
        for assignment in _split(self.properties.get("Environment", "")):
            name, _equals, value = assignment.partition("=")
            values[name] = value
        for path in self.environment_files:
            values.update(_read_environment_file(path))
        return values

    @property
    def environment_files(self) -> list[str]:
        """The unit's EnvironmentFile= paths, in the order in which systemd reads them."""
        lines = self.properties.get("EnvironmentFiles", "").splitlines()
        return [
            path for path, found, _rest in (line.rpartition(" (ignore_errors=") for line in lines) if found
        ]

    @property
    def binary(self) -> str | None:
        """The path of the program: that of the unit, else the first one in the usual folders; None if there is none."""
        if self._replacement:
            return self._replacement
        if self.wrapped_by:
            return None
        candidates = self.command[:1] + [
            os.path.join(directory, self.program) for directory in BINARY_DIRECTORIES
        ]
        return next((path for path in candidates if os.access(path, os.X_OK)), None)

    @property
    def options(self) -> list[str]:
        """The daemon's options without those that name its configuration files."""
        raise NotImplementedError

    @property
    def config_path(self) -> str:
        """The file that the daemon reads first."""
        raise NotImplementedError

    @property
    def config_directory(self) -> str:
        """The folder that the daemon reads, too; "" if there is none."""
        raise NotImplementedError

    @property
    def socket(self) -> str:
        """The socket that the daemon listens on."""
        raise NotImplementedError

    @property
    def redirected_by(self) -> str:
        """The option or variable that makes the daemon read other files than `configuration`; empty if there is none."""
        raise NotImplementedError

    @property
    def binary_replaced(self) -> bool:
        """Whether the file that the running daemon was started from is gone: an upgrade without a restart."""
        try:
            return self.main_pid > 0 and os.readlink(f"/proc/{self.main_pid}/exe").endswith(" (deleted)")
        except OSError:
            return False

    @property
    def control_group(self) -> str:
        """The unit's control group; "" while it has none."""
        return self.properties.get("ControlGroup", "")

    def with_binary(self: Service, path: str) -> Service:
        """Return the same unit with another program, for what that would do as its daemon."""
        service = copy.copy(self)
        service._replacement = path
        return service

    def settled(self: Service, seconds: float) -> Service:
        """Return the unit once it is serving or stopped, or as it is after that many seconds."""
        service, deadline = self, time.monotonic() + seconds
        while service.phase == "between" and time.monotonic() < deadline:
            time.sleep(_POLL)
            service = service.again()
        return service


class CrioService(RuntimeService):
    """The state of CRI-O's unit at one moment."""

    runtime = "crio"
    product = "CRI-O"
    program = "crio"
    configuration = CRIO_CONFIG_DIRECTORY + "/"
    reports_configuration = True
    starts_monitors = True

    def __init__(self, unit: str = DEFAULT_UNIT) -> None:
        super().__init__(unit)

    @property
    def options(self) -> list[str]:
        """The daemon's options without those that name its configuration files."""
        return _without_configuration(self.command[1:])[0]

    @property
    def config_path(self) -> str:
        """The file that the daemon reads as its crio.conf."""
        return self._configured("config", "CONTAINER_CONFIG", CRIO_CONFIG)

    @property
    def config_is_named(self) -> bool:
        """Whether an option or a variable names the file, which CRI-O then requires to exist."""
        named = _without_configuration(self.command[1:])[1]
        return "config" in named or "CONTAINER_CONFIG" in self.environment

    @property
    def config_directory(self) -> str:
        """The folder that the daemon reads as its crio.conf.d."""
        return self._configured("config_directory", "CONTAINER_CONFIG_DIR", CRIO_CONFIG_DIRECTORY)

    @property
    def socket(self) -> str:
        """The socket that the daemon listens on: its options outrank its files, and the file that is read last wins."""
        named = option_value(self.command, "--listen") or self.environment.get("CONTAINER_LISTEN")
        return named or _listen_of(self.config_path, self.config_directory) or CRIO_SOCKET

    @property
    def registries_options(self) -> tuple[str, str]:
        """The values of --registries-conf and --registries-conf-dir, or of their variables; "" for one that is not set."""
        path = option_value(self.command, "--registries-conf") or self.environment.get(
            "CONTAINER_REGISTRIES_CONF"
        )
        folder = option_value(self.command, "--registries-conf-dir") or self.environment.get(
            "CONTAINER_REGISTRIES_CONF_DIR"
        )
        return path or "", folder or ""

    @property
    def redirected_by(self) -> str:
        """The option or variable that makes the daemon read another configuration folder; empty if there is none."""
        if self.config_directory == CRIO_CONFIG_DIRECTORY:
            return ""
        named = _without_configuration(self.command[1:])[1]
        if "config_directory" in named:
            return f"--config-dir={named['config_directory']}"
        return f"CONTAINER_CONFIG_DIR={self.environment.get('CONTAINER_CONFIG_DIR', '')}"

    def _configured(self, option: str, variable: str, default: str) -> str:
        named = _without_configuration(self.command[1:])[1]
        if option in named:
            return named[option].rstrip("/")
        return self.environment.get(variable, default).rstrip("/")  # CRI-O uses an empty one as a name, too


def not_found_behind(wrapper: str, unit: str, program: str = "crio") -> str:
    """Describe a unit that starts `wrapper` if no `program` was found behind it (RuntimeService.wrapped_by)."""
    return (
        f"ExecStart of {unit} is {wrapper}, and the {program} that it starts is unknown: the daemon is not running, and no"
        f" argument is a program named {program}. Start {unit}, so that the program can be read from its process"
    )


def version_of(binary: str) -> str | None:
    """Return the version that a program prints with --version, such as "1.37.0" or "1.37.0~rc1"; None if it fails."""
    status, output, _error = run([binary, "--version"], timeout=20)
    found = re.search(r"\d{1,9}\.\d{1,9}\.\d{1,9}[\w.~+:-]{0,60}", output[:4096], re.ASCII)
    return found.group(0) if status == 0 and found else None


def binary_identity(binary: str) -> list[Any]:
    """Return what distinguishes one crio file from the next without reading it: path, inode, size, modification time."""
    status = os.stat(binary)
    return [binary, status.st_ino, status.st_size, status.st_mtime_ns]


def _files_of(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".conf")]
    except OSError:
        return []


def _parse_show(output: str) -> dict[str, str]:
    """Parse the KEY=VALUE lines of systemctl show; values of a repeated key (EnvironmentFiles) become lines."""
    properties: dict[str, str] = {}
    for line in output.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            properties[name] = f"{properties[name]}\n{value}" if name in properties else value
    return properties


def _expand(words: list[str], environment: dict[str, str]) -> list[str]:
    """Expand variables: $NAME as a word is split at white space and may vanish, ${NAME} stays one word (systemd.service(5))."""
    expanded = []
    for word in words:
        whole = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", word)
        if whole:
            expanded += _split(environment.get(whole.group(1), ""))
        else:
            expanded.append(
                re.sub(
                    r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}",
                    lambda name: environment.get(str(name.group(1)), ""),
                    word,
                )
            )
    return expanded


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _read_environment_file(path: str) -> dict[str, str]:
    """Return the assignments of an EnvironmentFile; {} if it cannot be read."""
    values = {}
    for line in _read(path).replace("\\\n", "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # A file's value is one word for the daemon; a $NAME of the command line splits it later.
            value = value.strip()
            values[name] = (
                value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
            )
    return values


def _without_configuration(options: list[str]) -> tuple[list[str], dict[str, str]]:
    """Split a daemon's options into (the others, {config, config_directory} if they are given)."""
    rest: list[str] = []
    named: dict[str, str] = {}
    pending = None
    for option in options:
        name, equals, value = option.partition("=")
        if pending:
            named[pending], pending = option, None
        elif name in _OPTION_FOR and equals:
            named[_OPTION_FOR[name]] = value
        elif option in _OPTION_FOR:
            pending = _OPTION_FOR[option]
        else:
            rest.append(option)
    return rest, named


def option_value(command: list[str], name: str) -> str | None:
    """Return the value of an option, written as --name=value or --name value; None if it is not given."""
    for position, word in enumerate(command):
        if word.startswith(name + "="):
            return word[len(name) + 1 :]
        if word == name and position + 1 < len(command):
            return command[position + 1]
    return None


def _listen_of(config_path: str, config_directory: str) -> str | None:
    """Return crio.api.listen from the configuration files."""
    below = [
        os.path.join(folder, name) for folder, _folders, names in os.walk(config_directory) for name in names
    ]
    # CRI-O enters folders in the order of their names among those of files.
    files = [config_path, *sorted(below, key=lambda path: os.fsencode(path).split(b"/"))]
    found = [text_at(path, "crio.api", "listen") for path in files]
    return next((each for each in reversed(found) if each is not None), None)


def text_at(path: str, wanted_table: str, wanted_name: str) -> str | None:
    """Return a text from a TOML file; None if there is none. Only the usual form of a line is understood, not all of TOML."""
    table, text = "", None
    for line in _read(path).splitlines():
        line = line.strip()
        name, equals, value = line.partition("=")
        if line.startswith("["):
            table = line.strip("[] ")
        elif table == wanted_table and equals and name.strip() == wanted_name:
            found = re.match(r"\s*(?:\"([^\"]{1,4096})\"|'([^']{1,4096})')", value)
            text = (found.group(1) or found.group(2)) if found else text
    return text


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _executable(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe").replace(" (deleted)", "") if pid else ""
    except OSError:
        return ""


def _arguments(pid: int) -> list[str]:
    return _read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0") if pid else []


def _read(path: str) -> str:
    """Return the text of a small file; "" if it cannot be read or is not a regular file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else ""
    except OSError:
        return ""
