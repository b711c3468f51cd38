# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests a node's configuration as a change would leave it, before anything on the node is written.

Here is everything that may refuse a change beforehand: files that must not be replaced, file systems without room, a unit
between two states, what the node's own crio and systemd report about the candidate, and requirements of a start that are
missing. What would stop running containers is in losses.py.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator

from .. import managed_file, node_files, node_state, signature_scopes, trust_store
from ..crio import daemon, effective, handlers, journald
from ..crio import service as crio_service
from ..crio.live import CrioSocketError, live_configuration
from ..crio.service import CrioService, RuntimeService
from ..errors import NodeError, TransactionError
from ..layout import Layout
from ..node_files import NodeFileError
from ..program import run
from . import losses, programs
from . import state as committed
from .configuration_copy import ConfigurationCopy, copy, write_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..contract import Before, Request


_SLACK = 256 * 1024  # bytes beyond the files themselves: folders, intent, generation
# An option that CRI-O refuses only after it has judged all that a start needs of its runtime configuration: the last line of a
# dry start that went well is about it (pkg/config/config.go, CRI-O 1.28 to 1.37).
_DRY_START = "cri-node-dry-start"
# Folders that CRI-O creates before that (Config.Validate: root and runtime configuration).
_CREATED = (
    "crio.log_dir",
    "crio.root",
    "crio.runroot",
    "crio.runtime.hooks_dir",
    "crio.runtime.namespaces_dir",
)
_OF_A_DRIVER = ("", "-images", "-layers", "-containers", "-locks")
# CRI-O quotes the name (pkg/config/config.go, 1.37), and its log escapes the quotes.
_DROPPED = re.compile(
    r'Runtime handler (?:\\?")?([^\s"\\]{1,200})(?:\\?")? is being ignored due to: (.{1,500})'
)
# The words of those complaints of a start that a reload has too: always, or if the value of a key changes (pkg/config/reload.go,
# CRI-O 1.34 to 1.37). Each reload validates all handlers, because those of the daemon never equal those of the files (CRI-O
# completes the former), and it is refused if the default one is invalid. What else it validates, `crio config` does too.
_REFUSED_BY_A_RELOAD = (
    "invalid registries",
    "runtime validation: ",
    "unable to load default seccomp profile: ",
    "unable to load seccomp profile: ",
)
_REFUSED_IF_CHANGED = {
    "crio.runtime.apparmor_profile": "unable to load AppArmor profile: ",
    "crio.runtime.blockio_config_file": "blockio configuration: ",
    "crio.runtime.default_runtime": "default_runtime set to ",
    "crio.runtime.rdt_config_file": "rdt configuration: ",
}
_PREFIXES = ("validating runtime config: ", "validating root config: ", "runtime validation: ")


@contextlib.contextmanager
def folder(layout: Layout) -> Iterator[str]:
    """Provide a private folder in memory for the candidate, and remove it; after a kill systemd does."""
    directory = layout.candidate
    node_files.make_private_directory(layout.run_directory)
    node_files.remove_tree(directory)
    node_files.make_private_directory(directory)
    try:
        yield directory
    finally:
        with contextlib.suppress(NodeError):
            node_files.remove_tree(directory)


def rehearse(
    request: Request,
    directory: str,
    layout: Layout,
    mounts: Collection[str],
    service: RuntimeService | None = None,
) -> Before | None:
    """Perform every check that may refuse a change, in `directory` only: nothing on the node is written.

    service: the unit from `usable`, for a caller that has it already.
    Returns the daemon as it is now (see daemon.snapshot) with the guards that were overruled, None if the change concerns no
    daemon. Raises TransactionError with kind refused or validate.
    """
    try:
        _refuse_files(request, layout, mounts)
        signature_scopes.refuse_duplicates(request["contents"], layout.signatures)
        trust_store.refuse_unread(request["contents"])
        if any(path.endswith(".conflist") for path in request["contents"]):
            from .. import cni_networks  # few nodes have a network of ours

            cni_networks.refuse_unfit(request["contents"], layout)
    except NodeFileError as error:
        raise TransactionError("refused", str(error)) from error
    if not request["concerns_daemon"]:
        return None
    service = service or usable(request)
    if not isinstance(service, CrioService):
        from ..containerd import candidate as of_containerd

        validate_unit(request, service, directory)
        return of_containerd.rehearse(request, service, directory)
    future = programs.service_after(request, service)
    copied = ConfigurationCopy(request, service, directory, layout)
    configuration = validate(future, copied)
    validate_unit(request, service, directory)
    if request["activate"] in ("start", "restart"):
        losses.refuse_second_driver(configuration)
        dry_start(request, future, copied, configuration)
        refuse_unusable_handler(request, configuration)
    elif request["activate"] == "reload":
        dry_start(request, service, copied, configuration, only=_refused_by_a_reload(service, configuration))
    before = daemon.snapshot(service, request["reload_keys"])
    if request["activate"] in ("start", "restart"):
        losses.refuse_to_lose_containers(request, future, before, configuration)
        losses.refuse_to_lose_images(request, service, before, configuration)
        losses.refuse_other_cgroup_driver(request, service, before, configuration)
    return before


def _refused_by_a_reload(service: RuntimeService, configuration: dict[str, str]) -> tuple[str, ...]:
    """Return the words of those complaints of a start that a reload has too; all others are of files that a reload does not read.

    Somebody else may have changed a key too: what the daemon has loaded decides.
    """
    try:
        loaded = live_configuration(service.socket)
    except CrioSocketError:
        loaded = {}
    changed = [
        words
        for key, words in _REFUSED_IF_CHANGED.items()
        if key in loaded and loaded[key] != configuration.get(key)
    ]
    return (*_REFUSED_BY_A_RELOAD, *changed)


def _refuse_files(request: Request, layout: Layout, mounts: Collection[str]) -> None:
    sizes: dict[str, int] = {}
    shared = managed_file.shared_paths(request, committed.load(layout)[0])
    of_bundle = programs.sizes(request)
    for path in [*(entry["path"] for entry in request["files"]), *shared, *request["remove"], *of_bundle]:
        node_files.refuse_untouchable(path, mounts)
    for path, size in of_bundle.items():
        stage = node_files.staging_directory_of(path, layout, mounts)
        sizes[stage] = sizes.get(stage, _SLACK) + size
    for path in [*request["contents"], *shared, *request["remove"]]:
        stage = node_files.staging_directory_of(path, layout, mounts)
        size = len(request["contents"].get(path, "").encode())
        if path in shared:  # it is written anew, with what others have in it
            size = 2 * len(node_files.read_text(path) or "") + len(str(request.get("entries", {}).get(path)))
        sizes[stage] = sizes.get(stage, _SLACK) + size
    for stage, size in sizes.items():
        node_files.refuse_unwritable(stage + "/x", size)
    total = sum(len(content.encode()) for content in request["contents"].values())
    node_files.refuse_unwritable(layout.state_file, _SLACK + total)


def usable(request: Request, service: RuntimeService | None = None) -> RuntimeService:
    """Return the unit in a state that a change can begin from. Raises TransactionError with kind refused.

    service: the unit, for a caller that has just read it.
    """
    service = service or node_state.service_of(request)
    if service.masked:
        raise TransactionError("refused", f"{service.unit} is masked; run systemctl unmask {service.unit}")
    if service.wrapped_by:
        raise TransactionError(
            "refused", crio_service.not_found_behind(service.wrapped_by, service.unit, service.program)
        )
    if not service.exists or service.binary is None:
        raise TransactionError(
            "refused",
            f"{service.product} is not installed: there is no {service.unit}, or the {service.program} that it starts does not"
            " exist",
        )
    redirected = service.redirected_by
    lost = [
        path for path in [*request["contents"], *request["remove"]] if path.startswith(service.configuration)
    ]
    if redirected and lost:
        raise TransactionError(
            "refused",
            f"{service.unit} has {redirected}, so this daemon does not read {', '.join(lost)}; remove that option, or set"
            f" it to {service.configuration.rstrip('/')}",
        )
    service = service.settled(request["ready_timeout"])
    if service.phase == "between":
        raise TransactionError(
            "refused",
            f"{service.unit} is {service.state_words}, still after {request['ready_timeout']} s; it must be running or stopped"
            f" before a change. To end a loop of restarts, run systemctl stop {service.unit}",
        )
    return service


def _program_of(service: RuntimeService) -> str:
    """Return the path of crio, which `usable` has checked."""
    return service.binary or ""


def validate(service: RuntimeService, copied: ConfigurationCopy) -> dict[str, str]:
    """Let the node's own crio read the whole candidate, with the options and environment of the unit.

    Returns the candidate as crio prints it: dotted keys and the text of their values, defaults included. Raises
    TransactionError.
    """
    status, output, error = run(
        [_program_of(service), *copied.arguments, *service.options, "config"],
        environment={**effective.environment(service), **copied.environment},
    )
    if status != 0:
        said = journald.last_complaint(error.splitlines()) or f"crio config exited with status {status}"
        raise TransactionError("validate", "CRI-O refuses the configuration", copied.real_names(said))
    return effective.parse(output)


def dry_start(
    request: Request,
    service: RuntimeService,
    copied: ConfigurationCopy,
    configuration: dict[str, str],
    only: tuple[str, ...] = (),
) -> None:
    """Let the node's own crio check everything that a start needs, including other people's files, and stop before it serves.

    CRI-O itself judges its programs (pinns, conmon, the handlers'), cgroup manager, profiles, storage and registries, in a
    process without socket and network. The running daemon is not touched, and folders that a start creates are removed.
    only: refuse only complaints that contain one of these words; () for all. Raises TransactionError.
    """
    command = [_program_of(service), *copied.arguments, *service.options, *copied.registries_arguments]
    # A filter, a file or another format of the log would hide how it ended.
    command += ["--signature-policy-dir", _DRY_START, "--log-level", "info", "--log-filter", "", "--log", ""]
    command += ["--log-format", "text"]
    environment = {**effective.environment(service), **copied.environment}
    with _without_new_folders(configuration):
        # The storage library mounts its folder onto itself and leaves it so.
        status, output, error = run(["unshare", "--mount", *command], timeout=60, environment=environment)
        if status != 0 and error.startswith("unshare: "):
            status, output, error = run(command, timeout=60, environment=environment)
    lines = (output + error).splitlines()
    if status == 0 or any(_DRY_START in line and "level=fatal" in line for line in lines):
        if not only:
            _refuse_dropped_handlers(request, lines, service)
        return
    said = copied.real_names(journald.last_complaint(lines) or f"crio exited with status {status}")
    if _awaits(request, said):
        return
    if "flag provided but not defined" in said or (only and not any(words in said for words in only)):
        return  # a crio that has no such option, or another complaint than the one that counts
    for prefix in _PREFIXES:
        said = said.replace(prefix, "")
    raise TransactionError("validate", "CRI-O could not start with this configuration", said)


@contextlib.contextmanager
def _without_new_folders(configuration: dict[str, str]) -> Iterator[None]:
    """Remove those folders afterwards that a start of CRI-O creates and that did not exist."""
    folders = {"/usr/share/containers/oci/hooks.d"}  # hooks_dir's default
    for key in _CREATED:
        value = handlers.value_of(configuration.get(key))
        folders.update(each for each in (value if isinstance(value, list) else [value]) if _is_absolute(each))
    for root in [handlers.value_of(configuration.get(key)) for key in ("crio.root", "crio.runroot")]:
        if _is_absolute(root):
            names = [f"{driver}{end}" for driver in losses.DRIVERS for end in _OF_A_DRIVER]
            folders.update(f"{root}/{name}" for name in names)
    missing = set()
    for folder in folders:
        while not os.path.lexists(os.path.dirname(folder)):
            folder = os.path.dirname(folder)
        if not os.path.lexists(folder):
            missing.add(folder)
    try:
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(NodeError):
                node_files.remove_tree(folder)


def _is_absolute(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/") and os.path.normpath(path) == path


def _awaits(request: Request, complaint: str) -> bool:
    """Return whether CRI-O complains, in check mode, about a file that an earlier task of a run would have installed."""
    return any(path in complaint for path in request.get("coming", []) if not os.path.lexists(path))


def refuse_unusable_handler(request: Request, configuration: dict[str, str]) -> None:
    """Raise TransactionError for a default handler that cannot be executed: CRI-O starts with it and loses every container."""
    name, known = handlers.parse(configuration)
    path = (known.get(name) or {}).get("runtime_path")
    if path and not (os.path.isfile(path) and os.access(path, os.X_OK)) and not _awaits(request, path):
        raise TransactionError(
            "validate",
            "CRI-O could not start any container with this configuration",
            f"runtime_path of the default handler {name}, {path}, is not a program that can be executed",
        )


def _refuse_dropped_handlers(request: Request, lines: Iterable[str], service: RuntimeService) -> None:
    """Raise TransactionError for a handler that CRI-O would drop with a line in its log; pods that ask for it fail."""
    asked = "".join(
        content for path, content in request["contents"].items() if service.config_directory in path
    )
    for line in lines:
        found = _DROPPED.search(line)
        if found and f"runtimes.{found.group(1)}]" in asked.replace('"', ""):
            reason = journald.unquoted(found.group(2)).rstrip('"')
            if _awaits(request, reason):
                continue
            raise TransactionError(
                "validate",
                f"CRI-O would ignore the handler {found.group(1)}",
                f"{found.group(1)}: {reason}",
            )


def validate_unit(request: Request, service: RuntimeService, directory: str) -> None:
    """Raise TransactionError for a drop-in that systemd does not understand; it would only log that and go on."""
    drop_ins = {
        path: text
        for path, text in request["contents"].items()
        if path.startswith(f"{losses.UNITS}{service.unit}.d/")
    }
    fragment = service.properties.get("FragmentPath", "")
    if not drop_ins or not shutil.which("systemd-analyze") or not os.path.exists(fragment):
        return
    copied = os.path.join(directory, "units", service.unit)
    node_files.make_directories(copied + ".d")
    copy(fragment, copied)
    for path, content in drop_ins.items():
        write_private(os.path.join(copied + ".d", os.path.basename(path)), content)
    _status, output, error = run(["systemd-analyze", "verify", "--man=no", copied])
    for line in (output + error).splitlines():
        if copied + ".d/" in line:
            raise TransactionError(
                "validate",
                "systemd refuses the unit's settings",
                without_values(line.replace(copied, losses.UNITS + service.unit)),
            )


def without_values(line: str) -> str:
    """Return systemd's complaint without the values of an Environment=, which may be secrets."""
    if "nvironment" not in line:
        return line
    return re.sub(r"(assignment|syntax|[Ii]gnoring)[^:]{0,60}:.*", r"\1 (the value is not shown)", line)
