# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks runtime handlers for a start and a reload: an invalid default handler is refused, another one ignored."""

import contextlib
import json
import os
import re

import crio_programs as programs
from crio_checks import ANNOTATIONS, Refused, within
from crio_settings import SIZE

DEFAULT_MEMORY = "12MiB"
DEFAULT_TIMEOUT, SHORTEST_TIMEOUT = 240, 30  # seconds
_SHIM = re.compile(r"containerd-shim-[a-zA-Z0-9\-+]+")
_INHERITED = ("runtime_path", "runtime_type", "runtime_config_path", "runtime_root")


def check_handlers(settings, journal):
    """Check all handlers, and fill in paths and features. Raises Refused."""
    default = settings["crio.runtime.default_runtime"]
    for name, handler in settings.handlers.items():
        if handler["inherit_default_runtime"]:
            _inherit(name, handler, default, settings.handlers[default], journal)
    for name, handler in list(settings.handlers.items()):
        try:
            _check(name, handler, journal)
        except Refused as error:
            if name == default:
                raise
            journal.warning(f'Runtime handler "{name}" is being ignored due to: {error}')
            del settings.handlers[name]
    settings.features = {name: _features(name, each, journal) for name, each in settings.handlers.items()}


def _inherit(name, handler, default, source, journal):
    journal.info(f'Inheriting runtime configuration "{name}" from "{default}"')
    handler.update({key: source[key] for key in _INHERITED})
    if not handler["runtime_path"]:
        with contextlib.suppress(Refused):  # the handler's own name is looked for next
            handler["runtime_path"] = programs.look_up(default)


def _check(name, handler, journal):
    kind, path = handler["runtime_type"], handler["runtime_path"]
    if kind not in ("", "oci", "vm", "pod"):
        raise Refused(f'invalid `runtime_type` "{kind}" for runtime "{name}"')
    if not path:
        handler["runtime_path"] = path = within(f'"{name}" not found in $PATH', programs.look_up, name)
    elif problem := programs.stat_problem(path, only_missing=True):
        raise Refused(f"invalid runtime_path for runtime '{name}': {problem}")
    if kind == "vm" and not _SHIM.fullmatch(os.path.basename(path)):
        told = "containerd binary naming pattern is not followed"
        raise Refused(f"invalid runtime_path for runtime '{name}': {told}")
    _check_configuration(name, handler)
    for annotation in handler["allowed_annotations"] or []:
        if annotation not in ANNOTATIONS:
            raise Refused(f"invalid allowed_annotation: {annotation}")
    _fill_in(name, handler, journal)
    if handler["no_sync_log"]:
        if kind not in ("", "oci"):
            told = f"no_sync_log is only allowed with runtime type 'oci', runtime type is '{kind}'"
            raise Refused(f"no sync log: {told}")
        journal.warning("NoSyncLog is enabled. This can lead to lost log data")
    if handler["stream_websockets"] and kind != "pod":
        told = (
            f'only the \'runtime_type = "pod"\' supports websocket streaming, not "{kind}" (runtime "{name}")'
        )
        raise Refused(f"websocket streaming: {told}")
    if handler["exec_cpu_affinity"] not in ("", "first"):
        raise Refused(f'invalid exec_cpu_affinity "{handler["exec_cpu_affinity"]}"')
    if handler["seccomp_profile"]:
        within("unable to load runtime handler seccomp profile", read_profile, handler["seccomp_profile"])
        journal.info(f'Successfully loaded seccomp profile "{handler["seccomp_profile"]}"')


def _check_configuration(name, handler):
    path = handler["runtime_config_path"]
    if not path:
        return
    if handler["runtime_type"] != "vm":
        raise Refused("runtime_config_path can only be used with the 'vm' runtime type")
    if problem := programs.stat_problem(path, only_missing=True):
        raise Refused(f"invalid runtime_config_path for runtime '{name}': {problem}")


def _fill_in(name, handler, journal):
    memory, timeout = handler["container_min_memory"], handler["container_create_timeout"]
    if memory and not SIZE.fullmatch(memory):
        told = f"unable to set runtime memory to \"{memory}\": invalid size: '{memory}'. Setting to 12582912 instead"
        journal.error(f'Unable to set minimum container memory for runtime handler "{name}": {told}')
        memory = ""
    handler["container_min_memory"] = memory or DEFAULT_MEMORY
    what = f'Runtime handler "{name}" container create timeout'
    if not timeout:
        timeout = DEFAULT_TIMEOUT
        journal.info(f"{what} not set, using default: {timeout} seconds")
    elif timeout < SHORTEST_TIMEOUT:
        least = f"{SHORTEST_TIMEOUT} seconds"
        journal.warning(
            f"{what} ({timeout} seconds) is less than minimum ({least}), setting to minimum: {least}"
        )
        timeout = SHORTEST_TIMEOUT
    else:
        journal.info(f"{what} set to: {timeout} seconds")
    handler["container_create_timeout"] = timeout


def _features(name, handler, journal):
    """Return (recursive read-only mounts, mapped users) as reported by a handler's program, if it reports them."""
    path = handler["runtime_path"]
    try:
        version = programs.output(path, "--version")
    except programs.ProgramError as error:
        journal.error(f'Unable to determine version of runtime handler "{name}": {error}')
        return False, False
    journal.info(f"Using runtime handler {', '.join(version.strip().splitlines())}")
    try:
        said = programs.output(path, "features")
    except programs.ProgramError as error:
        journal.error(f"Getting {path} OCI runtime features failed: {error}")
        return False, False
    try:
        features = json.loads(said)
        mapped = (
            (features.get("linux") or {}).get("mountExtensions", {}).get("idmap", {}).get("enabled", False)
        )
        return "rro" in (features.get("mountOptions") or []), mapped
    except (ValueError, AttributeError) as error:
        told = "unexpected end of JSON input" if not said.strip() else f"{error}"
        if said.strip() and said.strip()[0] not in "{[":
            told = f"invalid character '{said.strip()[0]}' looking for beginning of value"
        what = "unable to unmarshal features structure"
        journal.error(f'Unable to load OCI features for runtime handler "{name}": {what}: {told}')
        return False, False


def read_profile(path):
    """Read a seccomp profile; only a file that does not start as JSON has CRI-O's message. Raises Refused."""
    try:
        with open(path, "rb") as file:
            content = file.read().decode(errors="replace")
    except OSError as error:
        step = "read" if isinstance(error, IsADirectoryError) else "open"
        raise Refused(f"open seccomp profile: {step} {path}: {os.strerror(error.errno).lower()}") from None
    begin = len(content) - len(content.lstrip())
    if content[begin : begin + 1] not in ("{", "n"):
        head = min(begin + 1, len(content))
        near, around = (content[max(head - size, 0) : head + size] for size in (10, 50))
        found = content[begin : begin + 1] or "\x00"
        where = f"error found in #{min(head, 10)} byte of ...|{near}|..., bigger context ...|{around}|..."
        told = f"readObjectStart: expect {{ or n, but found {found}, {where}"
        raise Refused(f"decoding seccomp profile failed: {told}")
    try:
        json.loads(content)
    except ValueError as error:
        raise Refused(f"decoding seccomp profile failed: {error}") from None
