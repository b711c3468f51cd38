# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a start of CRI-O, in CRI-O's order and with its messages. They do not affect a running daemon.

CRI-O makes folders on its way through these checks, so they are made here, too.
"""

import contextlib
import os
import re
import shutil
import socket

import crio_checks as checks
import crio_programs as programs
import crio_registries
from crio_checks import DEFAULT_MONITOR_CGROUP, Refused, within
from crio_handlers import check_handlers, read_profile

STORAGE_DRIVERS = ("overlay", "vfs", "btrfs", "zfs")
OVERLAY_OPTIONS = (
    "override_kernel_check mountopt size inodes imagestore additionalimagestore additionallayerstore use_composefs "
    "mount_program skip_mount_home ignore_chown_errors force_mask"
).split()
NAMESPACES = ("net", "ipc", "uts", "user", "pid")
_APPARMOR = "/sys/kernel/security/apparmor"
_SYNC, _GLOBAL_SIZE = (2, 0, 19), (2, 1, 2)  # conmon's versions from which on it has these


def check_start(settings, journal, places=crio_registries.SYSTEM):
    """Run all checks of a start, and fill in what CRI-O determines itself. Raises Refused.

    `places` is where the daemon has its registries from.
    """
    checks.check_volumes(settings)
    within("validating root config", _check_root, settings, journal)
    within("validating runtime config", _check_runtime, settings, journal, places)
    within("validating checkpoint/restore config", _check_checkpoint, settings, journal)
    within("validating image config", checks.check_image, settings, _make_folder)
    within("validating network config", _check_network, settings, journal)
    within("validating api config", _check_api, settings)
    within("validating stats config", checks.check_stats, settings)


def _check_root(settings, journal):
    path = settings["crio.log_dir"]
    if not os.path.isabs(path):
        raise Refused("log_dir is not an absolute path")
    _make_folder(path, "invalid log_dir", 0o700)
    within("failed to get store to set defaults", _check_store, settings, journal)


def _check_store(settings, journal):
    root, driver = settings["crio.root"], settings["crio.storage_driver"] or "overlay"
    for path in (settings["crio.runroot"], root, os.path.join(root, driver)):
        _make_folder(path, "", 0o700)
    if driver not in STORAGE_DRIVERS:
        journal.error(f"Failed to GetDriver graph {driver} {root}")
        raise Refused(f"failed to GetDriver graph {driver} {root}: driver not supported")
    for option in settings["crio.storage_option"] or [] if driver == "overlay" else []:
        name, equals, value = (part.strip() for part in option.partition("="))
        if not equals:
            raise Refused(f"unable to parse key/value option: {option}")
        bare = re.sub(r"^(overlay2?)?\.", "", name.lower())
        if bare not in OVERLAY_OPTIONS:
            raise Refused(f"overlay: unknown option {name}")
        if bare == "mount_program" and value and not os.path.exists(value):
            told = f"faccessat {value}: no such file or directory"
            raise Refused(f'overlay: can\'t stat program "{value}": {told}')
    settings.values["crio.storage_driver"] = driver


def _check_runtime(settings, journal, places):
    checks.check_runtime(settings, journal)
    manager = settings["crio.runtime.cgroup_manager"]
    if manager not in ("systemd", "cgroupfs"):
        raise Refused(f"unable to update cgroup manager: invalid cgroup manager: {manager}")
    within("runtime validation", check_handlers, settings, journal)
    try:
        crio_registries.check(places)
    except crio_registries.RegistriesError as error:
        raise Refused(f"invalid registries: {error}") from None
    settings.values["crio.runtime.hooks_dir"] = list(_hooks(settings, journal))
    pinns = within("pinns validation", programs.find, "pinns", settings["crio.runtime.pinns_path"], journal)
    settings.values["crio.runtime.pinns_path"] = pinns
    within("initialize nsmgr", _check_namespaces, settings["crio.runtime.namespaces_dir"], journal)
    _check_profiles(settings, journal)
    systemd = manager == "systemd"
    checks.translate_monitors(settings, systemd, lambda handler: _check_monitor(handler, systemd, journal))


def _hooks(settings, journal):
    for path in settings["crio.runtime.hooks_dir"] or []:
        if os.path.isdir(path):
            yield path
            continue
        try:
            os.makedirs(path)
        except (FileExistsError, NotADirectoryError):
            journal.warning(f"Skipping invalid hooks directory: {path} exists but is not a directory")
        except OSError as error:
            journal.debug(f"Failed to create requested hooks dir: {error}")
        else:
            yield path


def _check_namespaces(folder, journal):
    _make_folder(folder, "invalid namespaces_dir")
    for name in NAMESPACES:
        path = os.path.join(folder, f"{name}ns")
        if os.path.exists(path) and not os.path.isdir(path):
            os.unlink(path)
            journal.info(f"Removed file {path} to create directory in that path.")
        _make_folder(path, "invalid namespaces sub-dir")


def _check_profiles(settings, journal):
    within("unable to load seccomp profile", check_seccomp, settings["crio.runtime.seccomp_profile"], journal)
    within(
        "unable to load AppArmor profile", check_apparmor, settings["crio.runtime.apparmor_profile"], journal
    )
    within("blockio configuration", check_blockio, settings["crio.runtime.blockio_config_file"], journal)
    journal.info("RDT not available in the host system")


def check_seccomp(path, journal):
    """Read the profile; a missing file means the default. Raises Refused."""
    try:
        if path:
            read_profile(path)
            journal.info(f'Successfully loaded seccomp profile "{path}"')
            return
    except Refused as error:
        if not str(error).endswith("no such file or directory"):
            raise
        journal.info("Seccomp profile does not exist on disk, fallback to internal default profile")
    journal.info("Using the internal default seccomp profile")


def check_apparmor(name, journal):
    """Refuse a profile of the node that is not loaded, if AppArmor is available. Raises Refused."""
    if not os.path.exists(_APPARMOR) or not shutil.which("apparmor_parser"):
        journal.info("AppArmor is disabled by the system or at CRI-O build-time")
        return
    if name in ("", "crio-default", "unconfined"):
        return
    journal.info(f"Assuming user-provided AppArmor profile: {name}")
    with open(f"{_APPARMOR}/profiles", encoding="utf-8") as file:
        if not any(line.startswith(f"{name} (") for line in file):
            raise Refused(f'config provided AppArmor profile "{name}" not loaded')


def check_blockio(path, journal):
    """Refuse a missing file; its content is not checked. Raises Refused."""
    if not path:
        journal.info("No blockio config file specified, blockio not configured")
        return
    try:
        open(path, "rb").close()
    except OSError as error:
        told = f"open {path}: {os.strerror(error.errno).lower()}"
        raise Refused(f"reading blockio config file failed: {told}") from None
    journal.info(f'Blockio config successfully loaded from "{path}"')


def _check_monitor(handler, systemd, journal):
    path = handler["monitor_path"] = programs.find("conmon", handler["monitor_path"], journal)
    if not os.path.isabs(path):
        raise Refused(f"conmon path is not absolute: {path}")
    try:
        said = programs.output(path, "--version")
    except programs.ProgramError as error:
        raise Refused(f"get conmon version: {error}") from None
    words = said.split()
    if len(words) < 3:
        told = f"expected three fields, got {len(words)} in {said}"
        raise Refused(f"conmon version output too short: {told}")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", words[2])
    if not numbers:
        raise Refused("parse conmon version: No Major.Minor.Patch elements found")
    version = tuple(map(int, numbers.groups()))
    for option, since in (("--sync", _SYNC), ("--log-global-size-max", _GLOBAL_SIZE)):
        journal.info(f"Conmon {'does' if version >= since else 'does not'} support the {option} option")
    group = handler["monitor_cgroup"]
    if systemd:
        if group != "pod" and not group.endswith(".slice"):
            raise Refused("conmon cgroup should be 'pod' or a systemd slice")
        return
    if group == DEFAULT_MONITOR_CGROUP:
        handler["monitor_cgroup"] = group = ""
    if group not in ("", "pod"):
        raise Refused(f"cgroupfs manager conmon cgroup should be 'pod' or empty, but got: '{group}'")


def _check_checkpoint(settings, journal):
    checks.check_checkpoint(settings, journal)
    name = "crio.checkpoint_restore.container_level_enabled"
    if settings[name] == "none":
        journal.info("Checkpoint/restore support disabled via configuration")
    elif shutil.which("criu"):
        journal.info(f'Checkpoint/restore support enabled (level: "{settings[name]}")')
    else:
        settings.values[name] = "none"
        journal.info("Checkpoint/restore support disabled: CRIU binary not found in $PATH")


def _check_network(settings, journal):
    checks.check_network(settings)
    network, single = settings["crio.network.network_dir"], settings["crio.network.plugin_dir"]
    if os.path.exists(network) and not os.path.isdir(network):
        raise Refused(f"invalid network_dir: {network}: stat {network}: not a directory")
    _make_folder(network, f"cannot create network_dir: {network}")
    for path in settings["crio.network.plugin_dirs"] or []:
        _make_folder(path, "invalid plugin_dirs entry")
    if single:
        journal.warning("The config field plugin_dir is being deprecated. Please use plugin_dirs instead")
        _make_folder(single, "invalid plugin_dir entry")
        settings.values["crio.network.plugin_dirs"] = [*(settings["crio.network.plugin_dirs"] or []), single]
        settings.values["crio.network.plugin_dir"] = ""


def _check_api(settings):
    """Refuse a second daemon; remove the socket of one that has ended."""
    checks.check_api(settings)
    path = settings["crio.api.listen"]
    _make_folder(os.path.dirname(path), "creating socket directories")
    if os.path.exists(path):
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(path)
            raise Refused(f"already existing connection on {path}")
        os.unlink(path)


def _make_folder(path, what, mode=0o755):
    """Create directories like Go's MkdirAll, whose error names the part of the path that is not a directory."""
    try:
        os.makedirs(path, mode, exist_ok=True)
    except OSError as error:
        blocked = next(
            (part for part in _parts(path) if os.path.lexists(part) and not os.path.isdir(part)), path
        )
        told = (
            "not a directory" if blocked != path or os.path.exists(path) else os.strerror(error.errno).lower()
        )
        raise Refused(f"{what}{': ' if what else ''}mkdir {blocked}: {told}") from None


def _parts(path):
    whole = ""
    for name in path.rstrip("/").split("/"):
        whole += f"{name}/"
        if name:
            yield whole.rstrip("/")
