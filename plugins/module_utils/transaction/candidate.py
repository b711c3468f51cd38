# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's configuration as a change would leave it, tried before anything of the node is written.

Everything that may refuse a change beforehand is here: what must not be replaced, a file system that takes no file, a unit
between two states, what the node's own crio and systemd say of the candidate, what a start needs and nobody has, and what
would take running containers with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat

from .. import node_files
from ..crictl import output as typed
from ..crictl.call import Crictl
from ..crio import containers, daemon, effective, handlers, journald
from ..crio import service as crio_service
from ..crio.live import CrioSocketError, live_configuration
from ..crio.service import CrioService
from ..errors import NodeError, TransactionError
from ..node_files import NodeFileError
from ..program import run
from ..text import shown

UNIT_DIRECTORY = "/etc/systemd/system/"
_SLACK = 256 * 1024  # bytes beyond the files themselves: folders, journal, generation
_DEEPEST = 8  # folders below crio.conf.d
_MOST = 1000  # files there
_VERSION_FILE = "/var/run/crio/version"  # crio.version_file's default
# An option that CRI-O refuses only after it has judged all that a start needs of its runtime configuration: the last line of a
# dry start that went well is about it (pkg/config/config.go, CRI-O 1.28 to 1.37).
_DRY_START = "cri-node-dry-start"
_DROPPED = re.compile(r"Runtime handler ([^\s\"\\]{1,200}) is being ignored due to: (.{1,500})")
_PREFIXES = ("validating runtime config: ", "validating root config: ", "runtime validation: ")


@contextlib.contextmanager
def folder(layout, identity):
    """A private folder for one candidate, in memory, gone afterwards."""
    node_files.make_private_directory(layout.run_directory)
    directory = os.path.join(layout.run_directory, f"candidate-{identity}")
    node_files.remove_tree(directory)
    node_files.make_private_directory(directory)
    try:
        yield directory
    finally:
        with contextlib.suppress(NodeError):
            node_files.remove_tree(directory)


def rehearse(request, directory, layout, mounts):
    """Everything that may refuse a change, done in `directory` alone: nothing of the node is written.

    Returns the daemon as it is now (see daemon.snapshot), None where the change concerns no daemon. Raises TransactionError
    with kind refused or validate.
    """
    try:
        _refuse_files(request, layout, mounts)
    except NodeFileError as error:
        raise TransactionError("refused", str(error)) from error
    if not request["concerns_daemon"]:
        return None
    service = _usable(request)
    staged = Staged(request, service, directory, layout)
    configuration = validate(service, staged)
    validate_unit(request, service, directory)
    if request["activate"] in ("start", "restart"):
        dry_start(request, service, staged)
        refuse_unusable_handler(configuration)
    elif request["activate"] == "reload":
        dry_start(request, service, staged, only="invalid registries")
    before = daemon.snapshot(service)
    if request["activate"] in ("start", "restart"):
        refuse_to_lose_containers(request, service, before, configuration)
    return before


def _refuse_files(request, layout, mounts):
    sizes = {}
    for path in [*(entry["path"] for entry in request["files"]), *request["remove"]]:
        node_files.refuse_untouchable(path, mounts)
    for path in [*request["contents"], *request["remove"]]:
        stage = node_files.stage_of(path, layout, mounts)
        size = len(request["contents"].get(path, "").encode())
        sizes[stage] = sizes.get(stage, _SLACK) + size
    for stage, size in sizes.items():
        node_files.refuse_unwritable(stage + "/x", size)
    total = sum(len(content.encode()) for content in request["contents"].values())
    node_files.refuse_unwritable(layout.state_file, _SLACK + total)


def _usable(request):
    """The unit, once it is in a state that a change can begin from."""
    service = CrioService(request["unit"])
    if service.masked:
        raise TransactionError(
            "refused", f"{service.unit} is masked; systemctl unmask {service.unit} lets it be started"
        )
    if service.wrapped_by:
        raise TransactionError(
            "refused",
            f"ExecStart of {service.unit} is {service.wrapped_by}, and no crio was found behind it: the daemon does not run,"
            " and none of the arguments is a program named crio. Start it, so that its process can be found",
        )
    if not service.exists or service.binary is None:
        raise TransactionError(
            "refused", f"CRI-O is not installed: there is no {service.unit} or no crio that it starts"
        )
    redirected = service.redirected_by
    lost = [
        path
        for path in [*request["contents"], *request["remove"]]
        if path.startswith(crio_service.DEFAULT_CONFIG_DIRECTORY + "/")
    ]
    if redirected and lost:
        raise TransactionError(
            "refused",
            f"{service.unit} has {redirected}, so this daemon does not read {', '.join(lost)}; take that option away, or make"
            f" it {crio_service.DEFAULT_CONFIG_DIRECTORY}",
        )
    service = service.settled(request["ready_timeout"])
    if service.phase == "between":
        raise TransactionError(
            "refused",
            f"{service.unit} is {service.state_words}, and still was after {request['ready_timeout']} s; a change begins only"
            f" from a daemon that runs or is stopped. systemctl stop {service.unit} ends a loop of starts",
        )
    return service


class Staged:
    """A copy of the configuration as the change would leave it: crio.conf, crio.conf.d, and where registries change, theirs."""

    def __init__(self, request, service, directory, layout):
        self._service = service
        self.config = os.path.join(directory, "crio.conf")
        self.config_directory = os.path.join(directory, "crio.conf.d")
        self.registries = os.path.join(directory, "registries.conf")
        self.registries_directory = os.path.join(directory, "registries.conf.d")
        self._places = [
            (service.config_path, self.config),
            (service.config_directory, self.config_directory),
            (layout.registries, self.registries),
            (layout.registries_directory, self.registries_directory),
        ]
        self.judges_registries = False
        if os.path.islink(service.config_directory):
            raise TransactionError(
                "refused",
                f"{service.config_directory} is a symbolic link; CRI-O reads no folder behind one and does not start",
            )
        copy_configuration(service.config_directory, self.config_directory)
        _copy(service.config_path, self.config)
        touched = [*request["contents"], *request["remove"]]
        if any(self._place(path, self._places[2:]) for path in touched) and not os.path.exists(
            layout.root_registries
        ):
            self.judges_registries = True
            copy_configuration(layout.registries_directory, self.registries_directory, deep=False)
            # A file that is named must exist, where the node's own need not.
            _write_private(self.registries, "")
            _copy(layout.registries, self.registries)
        for path, content in request["contents"].items():
            place = self._place(path, self._places)
            if place:
                node_files.make_directories(os.path.dirname(place))
                _write_private(place, content)
        for path in request["remove"]:
            place = self._place(path, self._places)
            if place:
                node_files.remove(place)

    @staticmethod
    def _place(path, places):
        for real, copied in places:
            if path == real:
                return copied
            if real and path.startswith(real + "/"):
                return copied + path[len(real) :]
        return None

    @property
    def arguments(self):
        """The options that name the copy in place of the node's files."""
        named = ["--config", self.config if os.path.exists(self.config) else ""]
        return [*named, "--config-dir", self.config_directory]

    @property
    def registries_arguments(self):
        if not self.judges_registries:
            return []
        return ["--registries-conf", self.registries, "--registries-conf-dir", self.registries_directory]

    def real_names(self, text):
        """A message about the copy, with the paths that it stands for."""
        for real, copied in sorted(self._places, key=lambda each: -len(each[1])):
            text = text.replace(copied, real or '""')
        return text


def copy_configuration(source, target, deep=True):
    """Copy a folder as its reader sees it, links as what they point to. Raises TransactionError for what would stop the reader.

    deep: as CRI-O reads crio.conf.d (every file, recursively, whatever its name); else as containers/image reads
    registries.conf.d (*.conf at the top).
    """
    node_files.make_directories(target)
    if not source or not os.path.isdir(source):
        return
    pending, count = [(source, target, 0)], 0
    while pending:
        here, there, depth = pending.pop()
        with node_files.doing("reading a folder", here):
            names = sorted(os.listdir(here))
        for name in names:
            path, copied = os.path.join(here, name), os.path.join(there, name)
            if not deep and not name.endswith(".conf"):
                continue
            kind = _kind_for_reader(path, deep)
            if kind == "directory":
                if deep:
                    _refuse_depth(path, depth)
                    os.mkdir(copied, 0o700)
                    pending.append((path, copied, depth + 1))
                continue
            count += 1
            if count > _MOST:
                raise TransactionError(
                    "refused", f"{source} has more than {_MOST} files; CRI-O reads every one of them"
                )
            _copy(path, copied)


def _refuse_depth(path, depth):
    if depth >= _DEEPEST:
        raise TransactionError(
            "refused", f"{path} is more than {_DEEPEST} folders deep; CRI-O reads them all"
        )


def _kind_for_reader(path, deep):
    """file or directory; TransactionError for what makes a start of CRI-O fail or hang."""
    reader = (
        "CRI-O reads every file of that folder"
        if deep
        else "containers/image reads every *.conf of that folder"
    )
    link = f", a symbolic link to {os.readlink(path)}," if os.path.islink(path) else ""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise TransactionError(
            "refused",
            f"{path}{link} cannot be read: {error.strerror}; {reader} and does not start without it",
        ) from None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode) and not link:
        return "directory"
    what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    raise TransactionError("refused", f"{path}{link} is {what}; {reader}, and its start fails at this one")


def _copy(source, target):
    if not os.path.exists(source):
        return
    try:
        content = node_files.read_bytes(source)
    except NodeFileError as error:
        raise TransactionError("refused", str(error)) from error
    _write_private(target, content)


def _write_private(path, content):
    content = content.encode() if isinstance(content, str) else content
    with node_files.doing("writing a file", path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)


def validate(service, staged):
    """Ask the node's own crio, with the unit's own options and environment, what it makes of the whole candidate.

    Returns the candidate as crio prints it: dotted keys to the text of their values, defaults included.
    """
    status, output, error = run(
        [service.binary, *staged.arguments, *service.options, "config"],
        environment=effective.environment(service),
    )
    if status != 0:
        said = journald.last_complaint(error.splitlines()) or f"crio config ended with status {status}"
        raise TransactionError("validate", "CRI-O refuses the configuration", staged.real_names(said))
    return effective.parse(output)


def dry_start(request, service, staged, only=""):
    """Let the node's own crio judge all that a start needs, other people's files included, and stop before it serves.

    Its programs (pinns, conmon, the handlers'), cgroup manager, profiles, storage and registries are judged by CRI-O itself in a
    process of its own, with neither socket nor network; the daemon that runs is not touched. only: refuse just for complaints
    that have these words. Raises TransactionError.
    """
    command = [service.binary, *staged.arguments, *service.options, *staged.registries_arguments]
    # A filter, a file or another format of the log would hide how it ended.
    command += ["--signature-policy-dir", _DRY_START, "--log-level", "info", "--log-filter", "", "--log", ""]
    command += ["--log-format", "text"]
    status, output, error = run(command, timeout=60, environment=effective.environment(service))
    lines = (output + error).splitlines()
    if status == 0 or any(_DRY_START in line and "level=fatal" in line for line in lines):
        if not only:
            _refuse_dropped_handlers(request, lines, service)
        return
    said = staged.real_names(journald.last_complaint(lines) or f"crio ended with status {status}")
    if "flag provided but not defined" in said or only not in said:
        return  # a crio that has no such option, or another complaint than the one that counts
    for prefix in _PREFIXES:
        said = said.replace(prefix, "")
    raise TransactionError("validate", "CRI-O could not start with this configuration", said)


def refuse_unusable_handler(configuration):
    """CRI-O starts with a default handler that nobody can execute, and then loses every container."""
    name, known = handlers.parse(configuration)
    path = (known.get(name) or {}).get("runtime_path")
    if path and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise TransactionError(
            "validate",
            "CRI-O could start no container with this configuration",
            f"runtime_path of the default handler {name}, {path}, is not a program that can be executed",
        )


def _refuse_dropped_handlers(request, lines, service):
    """A handler that CRI-O cannot use is left out of its runtime with one line of log, and pods that ask for it fail."""
    asked = "".join(
        content for path, content in request["contents"].items() if service.config_directory in path
    )
    for line in lines:
        found = _DROPPED.search(line)
        if found and f"runtimes.{found.group(1)}]" in asked.replace('"', ""):
            reason = journald.unquoted(found.group(2)).rstrip('"')
            raise TransactionError(
                "validate",
                f"CRI-O would leave out the handler {found.group(1)}",
                f"{found.group(1)}: {reason}",
            )


def validate_unit(request, service, directory):
    """Ask systemd what it thinks of the unit's drop-in; it would only log what it does not understand, and go on."""
    drop_ins = {
        path: text
        for path, text in request["contents"].items()
        if path.startswith(f"{UNIT_DIRECTORY}{service.unit}.d/")
    }
    fragment = service.properties.get("FragmentPath", "")
    if not drop_ins or not shutil.which("systemd-analyze") or not os.path.exists(fragment):
        return
    staged = os.path.join(directory, "units", service.unit)
    node_files.make_directories(staged + ".d")
    _copy(fragment, staged)
    for path, content in drop_ins.items():
        _write_private(os.path.join(staged + ".d", os.path.basename(path)), content)
    _status, output, error = run(["systemd-analyze", "verify", "--man=no", staged])
    for line in (output + error).splitlines():
        if staged + ".d/" in line:
            raise TransactionError(
                "validate",
                "systemd refuses the unit's settings",
                without_values(line.replace(staged, UNIT_DIRECTORY + service.unit)),
            )


def without_values(line):
    """systemd's complaint without the values of an Environment=, which may be secrets."""
    if "nvironment" not in line:
        return line
    return re.sub(r"(assignment|syntax|[Ii]gnoring)[^:]{0,60}:.*", r"\1 (the value is not shown)", line)


def refuse_to_lose_containers(request, service, before, configuration):
    """Raise TransactionError where the start would end containers that run now, or lose sight of them."""
    known = containers.monitors()
    alive = [each for each in known if "container" in each or "id" not in each]
    count = max(len(before["running"]), len([each for each in alive if "id" in each]))
    if not count and not alive:
        return
    count = count or len(alive)
    _refuse_to_stop_them(request, service, known, count)
    _refuse_another_minor(service, before, count)
    if service.active:
        _refuse_changed_handlers(service, known, configuration)


def _refuse_to_stop_them(request, service, known, count):
    kill_mode = kill_mode_after(request, service)
    group = service.control_group or f"/system.slice/{service.unit}"
    if kill_mode in ("control-group", "mixed") and any(
        containers.inside(each["groups"], group) for each in known
    ):
        raise TransactionError(
            "refused",
            f"a restart of {service.unit} would stop {_counted(count)}: their monitors live in the"
            f" service's own control group (cgroup_manager = cgroupfs) and KillMode is {kill_mode}. Set"
            " crio_service: {Service: {KillMode: process}}, or drain the node first",
        )


def _refuse_another_minor(service, before, count):
    was = before["version"] or _noted_version()
    now = crio_service.version_of(service.binary)
    if not service.active and not was:
        raise TransactionError(
            "refused",
            f"{service.unit} is stopped, {_counted(count)} still run, and {_VERSION_FILE} is gone: a start of CRI-O removes"
            " every pod then. Drain the node first",
        )
    if was and now and _minor(was) != _minor(now):
        raise TransactionError(
            "refused",
            f"a start would run CRI-O {now} where {was} ran; a start with another minor version removes every pod"
            f" ({_counted(count)}). Drain the node first",
        )


def _minor(version):
    return re.findall(r"\d{1,9}", version[:100])[:2]


def _noted_version():
    """The version that the last start noted: a JSON string, or an object with major and minor (internal/version)."""
    try:
        text = node_files.read_bytes(_VERSION_FILE, 4096).decode("utf-8", "replace")
    except NodeFileError:
        return None
    numbers = re.findall(r"\d{1,9}", text)
    return ".".join(numbers[:3]) if len(numbers) > 1 else None


def _counted(count):
    return f"{count} running container{'' if count == 1 else 's'}"


def _refuse_changed_handlers(service, known, configuration):
    """Pods must find the handler that they were started with."""
    crictl = Crictl(f"unix://{service.socket}")
    try:
        pods, listed = crictl.together(
            lambda: typed.sandboxes(crictl.json("pods", "--state", "ready")),
            lambda: typed.running(crictl.json("ps", "-o", "json")),
        )
        live = live_configuration(service.socket)
    except CrioSocketError:
        live = {}
    except NodeError as error:
        raise TransactionError("refused", f"the runtime cannot be asked what runs on it: {error}") from error
    of_pod = {}
    for each in listed:
        of_pod.setdefault(each.get("pod"), []).append(each["id"])
    running = [
        {
            "name": pod.get("name", pod["id"][:12]),
            "namespace": pod.get("namespace", ""),
            "handler": pod.get("handler") or "",
            "containers": of_pod[pod["id"]],
        }
        for pod in pods
        if pod["id"] in of_pod
    ]
    monitors = {each["id"]: each for each in known if "id" in each}
    problems = handlers.in_use(running, monitors, handlers.parse(live), handlers.parse(configuration))
    if problems:
        raise TransactionError("refused", f"{shown('; '.join(problems))}. Drain the node first")


def kill_mode_after(request, service):
    """The KillMode the unit will have: from its own file and its drop-ins, as the change leaves them (systemd.kill(5))."""
    paths = [service.properties.get("FragmentPath", ""), *service.drop_ins]
    texts = {}
    for path in paths:
        if os.path.exists(path):
            texts[path] = node_files.read_bytes(path).decode("utf-8", "replace")
    directory = f"{UNIT_DIRECTORY}{service.unit}.d/"
    texts.update({path: text for path, text in request["contents"].items() if path.startswith(directory)})
    kill_mode = "control-group"
    # Drop-ins apply in the order of their file names, wherever they lie; the unit's own file comes first.
    for path in sorted(
        set(texts) - set(request["remove"]), key=lambda path: (path != paths[0], os.path.basename(path))
    ):
        for line in texts[path].splitlines():
            name, _equals, value = line.partition("=")
            if name.strip() == "KillMode":
                kill_mode = value.strip() or "control-group"
    return kill_mode
