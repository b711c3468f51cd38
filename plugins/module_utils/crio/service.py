# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds CRI-O on a node: its systemd unit, binary, options and configuration paths. Nothing is assumed."""

from __future__ import annotations

import os
import re
import shlex
import time

from ..errors import NodeError
from ..program import run

DEFAULT_UNIT = "crio.service"
DEFAULT_CONFIG = "/etc/crio/crio.conf"
DEFAULT_CONFIG_DIRECTORY = "/etc/crio/crio.conf.d"
DEFAULT_SOCKET = "/var/run/crio/crio.sock"
BINARY_DIRECTORIES = ("/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/bin")

_PROPERTIES = (
    "LoadState,ActiveState,SubState,UnitFileState,InvocationID,MainPID,KillMode,ControlGroup,NeedDaemonReload,Job,"
    "FragmentPath,DropInPaths,ExecStart,ExecReload,Environment,EnvironmentFiles,ExecMainStartTimestampMonotonic,Result"
)
_OPTION_FOR = {
    "--config": "config",
    "-c": "config",
    "--config-dir": "config_directory",
    "-d": "config_directory",
}


class CrioServiceError(NodeError):
    """CRI-O, or the systemd that should run it, cannot be used; the message is for people."""


class CrioService:
    """One look at CRI-O's unit. Make a new one to look again."""

    def __init__(self, unit=DEFAULT_UNIT):
        self.unit = unit
        status, output, error = run(["systemctl", "show", unit, "-p", _PROPERTIES])
        if status != 0:
            raise CrioServiceError(f"systemctl show {unit} failed: {error.strip() or output.strip()}")
        self.properties = _parse_show(output)

    @property
    def exists(self):
        return self.properties.get("LoadState") == "loaded"

    @property
    def masked(self):
        return self.properties.get("LoadState") == "masked"

    @property
    def active_state(self):
        return self.properties.get("ActiveState", "")

    @property
    def active(self):
        """Whether the daemon serves and no job of systemd is about to change that."""
        return self.active_state == "active" and self.properties.get("Job", "0") in ("", "0")

    @property
    def enabled(self):
        return self.properties.get("UnitFileState") in (
            "enabled",
            "enabled-runtime",
            "static",
            "alias",
            "linked",
        )

    @property
    def invocation_id(self):
        return self.properties.get("InvocationID", "")

    @property
    def main_pid(self):
        return int(self.properties.get("MainPID") or 0)

    @property
    def kill_mode(self):
        return self.properties.get("KillMode", "control-group")

    @property
    def needs_daemon_reload(self):
        return self.properties.get("NeedDaemonReload") == "yes"

    @property
    def reloads(self):
        """Whether the unit says how to reload the daemon."""
        return bool(self.properties.get("ExecReload"))

    @property
    def drop_ins(self):
        return self.properties.get("DropInPaths", "").split()

    @property
    def started_at(self):
        """When the daemon's process was started, in seconds since the epoch; None while it does not run."""
        microseconds = int(self.properties.get("ExecMainStartTimestampMonotonic") or 0)
        if not self.main_pid or not microseconds:
            return None
        return time.time() - time.monotonic() + microseconds / 1e6

    @property
    def command(self):
        """The daemon's argument list as its unit has it, variables expanded; [] where there is no unit."""
        found = re.search(r"argv\[\]=(.*?) ; ignore_errors=", self.properties.get("ExecStart", ""), re.DOTALL)
        return _expand(found.group(1).split(), self.environment) if found else []

    @property
    def environment(self):
        """What the unit's Environment= and EnvironmentFile= give the daemon; later wins, as systemd.exec(5) says."""
        values = {}
        for assignment in _split(self.properties.get("Environment", "")):
            name, _equals, value = assignment.partition("=")
            values[name] = value
        for path in re.findall(
            r"(\S+) \(ignore_errors=(?:yes|no)\)", self.properties.get("EnvironmentFiles", "")
        ):
            values.update(_read_environment_file(path))
        return values

    @property
    def binary(self):
        """The path of crio: the unit's own, else the first one in the usual places; None where there is none."""
        candidates = self.command[:1] + [os.path.join(directory, "crio") for directory in BINARY_DIRECTORIES]
        return next((path for path in candidates if os.access(path, os.X_OK)), None)

    @property
    def options(self):
        """The daemon's options without those that name its configuration files."""
        return _without_configuration(self.command[1:])[0]

    @property
    def config_path(self):
        return self._configured("config", "CONTAINER_CONFIG", DEFAULT_CONFIG)

    @property
    def config_directory(self):
        return self._configured("config_directory", "CONTAINER_CONFIG_DIR", DEFAULT_CONFIG_DIRECTORY)

    @property
    def socket(self):
        """The socket the daemon listens on: its options outrank its files, and the file read last wins."""
        named = _option(self.command, "--listen") or self.environment.get("CONTAINER_LISTEN")
        return named or _listen_of(self.config_path, self.config_directory) or DEFAULT_SOCKET

    def _configured(self, option, variable, default):
        named = _without_configuration(self.command[1:])[1]
        return (named.get(option) or self.environment.get(variable) or default).rstrip("/")

    @property
    def binary_replaced(self):
        """Whether the running daemon was started from a file that is not there any more: an upgrade without a restart."""
        try:
            return self.main_pid > 0 and os.readlink(f"/proc/{self.main_pid}/exe").endswith(" (deleted)")
        except OSError:
            return False

    def strangers_in_cgroup(self):
        """Container monitors (conmon, conmonrs) that live in the daemon's own control group.

        With cgroupfs CRI-O leaves them there (cri-o#2745), so a stop with KillMode=control-group or mixed ends them, and
        their containers with them. Returns their process ids.
        """
        group = self.properties.get("ControlGroup", "")
        return [pid for pid in _monitors() if group and _in_group(pid, group)]


def version_of(binary):
    """What `crio --version` says first, such as "1.37.0"; None where the binary does not answer."""
    status, output, _error = run([binary, "--version"], timeout=20)
    found = re.search(r"(\d+\.\d+\.\d+\S*)", output)
    return found.group(1) if status == 0 and found else None


def _parse_show(output):
    """systemctl show's KEY=VALUE lines; a repeated key (EnvironmentFiles) collects its values, a line each."""
    properties = {}
    for line in output.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            properties[name] = f"{properties[name]}\n{value}" if name in properties else value
    return properties


def _expand(words, environment):
    """$NAME as a word of its own is split at white space and may vanish, ${NAME} stays one word (systemd.service(5))."""
    expanded = []
    for word in words:
        whole = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", word)
        if whole:
            expanded += _split(environment.get(whole.group(1), ""))
        else:
            expanded.append(
                re.sub(
                    r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", lambda name: environment.get(name.group(1), ""), word
                )
            )
    return expanded


def _split(text):
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _read_environment_file(path):
    """The assignments of an EnvironmentFile; an absent or unreadable file gives none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().replace("\\\n", "").splitlines()
    except OSError:
        return {}
    values = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # A file's value is one word for the daemon; a $NAME of the command line splits it later.
            value = value.strip()
            values[name] = (
                value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
            )
    return values


def _without_configuration(options):
    """Part a daemon's options into (the rest, {config, config_directory} where they are named)."""
    rest, named, pending = [], {}, None
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


def _option(command, name):
    """The value of a daemon's option, written as --name=value or as --name value; None where it is not given."""
    for position, word in enumerate(command):
        if word.startswith(name + "="):
            return word[len(name) + 1 :]
        if word == name and position + 1 < len(command):
            return command[position + 1]
    return None


def _listen_of(config_path, config_directory):
    """crio.api.listen as the configuration files have it. Not every way to write TOML is understood, only the usual line."""
    files = [config_path]
    for directory, _directories, names in sorted(os.walk(config_directory)):
        files += sorted(os.path.join(directory, name) for name in names)
    listen = None
    for path in files:
        section = re.search(r"^\s*\[crio\.api\]\s*$(.*?)(?=^\s*\[|\Z)", _read(path), re.MULTILINE | re.DOTALL)
        line = section and re.search(r"^\s*listen\s*=\s*[\"'](.+?)[\"']", section.group(1), re.MULTILINE)
        listen = line.group(1) if line else listen
    return listen


def _monitors():
    for name in os.listdir("/proc"):
        if name.isdigit() and _read(f"/proc/{name}/comm").strip() in ("conmon", "conmonrs"):
            yield int(name)


def _in_group(pid, group):
    paths = [
        line.split(":", 2)[2] for line in _read(f"/proc/{pid}/cgroup").splitlines() if line.count(":") >= 2
    ]
    return any(path == group or path.startswith(group + "/") for path in paths)


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
