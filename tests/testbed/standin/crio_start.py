# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a start of CRI-O refuses, in CRI-O's order and CRI-O's words."""

import os
import shutil

import crio_registries
from crio_checks import ANNOTATIONS, Refused, within


def check_start(settings, journal):
    """What only a start looks at; fills in what CRI-O finds out by itself. Raises Refused."""
    if not os.path.isabs(settings["crio.log_dir"]):
        raise Refused("validating root config: log_dir is not an absolute path")
    within("validating runtime config", _check_runtime_start, settings, journal)
    within("validating network config", _check_network_start, settings)
    settings.values["crio.storage_driver"] = settings["crio.storage_driver"] or "overlay"
    if shutil.which("criu") is None:
        settings.values["crio.checkpoint_restore.container_level_enabled"] = "none"
        journal.info("Checkpoint/restore support disabled: CRIU binary not found in $PATH")


def _check_runtime_start(settings, journal):
    manager = settings["crio.runtime.cgroup_manager"]
    if manager not in ("systemd", "cgroupfs"):
        raise Refused(f"unable to update cgroup manager: invalid cgroup manager: {manager}")
    within("runtime validation", check_handlers, settings, journal)
    try:
        crio_registries.remember()
    except crio_registries.RegistriesError as error:
        raise Refused(f"invalid registries: {error}") from None
    settings.values["crio.runtime.pinns_path"] = _executable(
        "pinns validation: ", "pinns", settings["crio.runtime.pinns_path"]
    )
    for name, handler in settings.handlers.items():
        if handler["runtime_type"] in ("", "oci"):
            what = f"monitor fields translation: failed to translate monitor fields for runtime {name}"
            within(what, _translate_monitor, settings, handler)


def check_handlers(settings, journal):
    """Refuse a broken default handler, forget any other broken one. Raises Refused."""
    for name, handler in list(settings.handlers.items()):
        try:
            _check_handler(name, handler)
        except Refused as error:
            if name == settings["crio.runtime.default_runtime"]:
                raise
            journal.warning(f'Runtime handler "{name}" is being ignored due to: {error}')
            del settings.handlers[name]


def _check_handler(name, handler):
    if handler["runtime_type"] not in ("", "oci", "vm", "pod"):
        raise Refused(f'invalid `runtime_type` "{handler["runtime_type"]}" for runtime "{name}"')
    path = handler["runtime_path"]
    if not path:
        handler["runtime_path"] = shutil.which(name) or ""
        if not handler["runtime_path"]:
            raise Refused(f'"{name}" not found in $PATH: exec: "{name}": executable file not found in $PATH')
    elif not os.path.exists(path):
        raise Refused(f"invalid runtime_path for runtime '{name}': stat {path}: no such file or directory")
    for annotation in handler["allowed_annotations"] or []:
        if annotation not in ANNOTATIONS:
            raise Refused(f"invalid allowed_annotation: {annotation}")
    handler["container_min_memory"] = handler["container_min_memory"] or "12MiB"
    handler["container_create_timeout"] = max(handler["container_create_timeout"] or 240, 30)


def _translate_monitor(settings, handler):
    runtime = {name.removeprefix("crio.runtime."): value for name, value in settings.values.items()}
    handler["monitor_cgroup"] = runtime["conmon_cgroup"] or handler["monitor_cgroup"]
    handler["monitor_env"] = runtime["conmon_env"] or handler["monitor_env"]
    handler["monitor_path"] = _executable("", "conmon", runtime["conmon"] or handler["monitor_path"])
    if runtime["cgroup_manager"] == "cgroupfs":
        if handler["monitor_cgroup"] == "system.slice":
            handler["monitor_cgroup"] = ""
        if handler["monitor_cgroup"] not in ("", "pod"):
            told = f"cgroupfs manager conmon cgroup should be 'pod' or empty, but got: '{handler['monitor_cgroup']}'"
            raise Refused(told)
        return
    handler["monitor_cgroup"] = handler["monitor_cgroup"] or "system.slice"
    if handler["monitor_cgroup"] != "pod" and not handler["monitor_cgroup"].endswith(".slice"):
        raise Refused("conmon cgroup should be 'pod' or a systemd slice")


def _executable(prefix, name, path):
    if not path:
        found = shutil.which(name)
        if not found:
            raise Refused(f'{prefix}exec: "{name}": executable file not found in $PATH')
        return found
    if not os.path.exists(path):
        raise Refused(f"{prefix}invalid {name} path: stat {path}: no such file or directory")
    return path


def _check_network_start(settings):
    network = settings["crio.network.network_dir"]
    _make_folder(network, f"cannot create network_dir: {network}")
    for path in settings["crio.network.plugin_dirs"]:
        _make_folder(path, "invalid plugin_dirs entry")
    if settings["crio.network.plugin_dir"]:
        settings.values["crio.network.plugin_dirs"].append(settings["crio.network.plugin_dir"])
        settings.values["crio.network.plugin_dir"] = ""


def _make_folder(path, what):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise Refused(f"{what}: mkdir {path}: {error.strerror.lower()}") from None
