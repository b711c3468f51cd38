# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads keys on SIGHUP, in CRI-O's order; all other keys need a restart."""

import containerd
import crio_programs
import crio_registries
import crio_start
from crio_checks import Refused, check_default_handler, check_pause_image, within
from crio_handlers import check_handlers
from crio_journal import LevelError
from crio_shown import to_toml


def reload(daemon):
    """Reload the keys that CRI-O reloads on SIGHUP; stop at the first error, and keep what was applied before."""
    daemon.journal.info("Reloading configuration")
    try:
        wanted = daemon.reread()
        _reload_log(daemon, wanted)
        _reload_images(daemon, wanted)
        _reload_registries(daemon)
        daemon.journal.info("Applied new registry configuration: (told by the stand-in without its content)")
        _reload_late(daemon, wanted)
        _reload_handlers(daemon, wanted)
    except (Refused, LevelError, containerd.ContainerdError, OSError) as error:
        daemon.journal.error(f"Unable to reload configuration: {error}")
        return
    daemon.metrics.default_runtime = daemon.settings["crio.runtime.default_runtime"]
    daemon.journal.info("Configuration reload completed")
    daemon.journal.info(f"Current CRI-O configuration:\n{to_toml(daemon.settings)}")


def _reload_log(daemon, wanted):
    level, pattern = wanted["crio.runtime.log_level"], wanted["crio.runtime.log_filter"]
    if level != daemon.settings["crio.runtime.log_level"]:
        # Told at every level: CRI-O goes to info for this line.
        daemon.journal.set_level("info")
        daemon.journal.info(f'Set config log_level to "{level}"')
        daemon.journal.set_level(level)
        _take(daemon, wanted, "crio.runtime.log_level")
    if pattern != daemon.settings["crio.runtime.log_filter"]:
        daemon.journal.set_filter("")
        daemon.journal.info(f'Set config log_filter to "{pattern}"')
        daemon.journal.set_filter(pattern)
        _take(daemon, wanted, "crio.runtime.log_filter")


def _reload_images(daemon, wanted):
    if wanted["crio.image.pause_image"] != daemon.settings["crio.image.pause_image"]:
        check_pause_image(wanted["crio.image.pause_image"])
        daemon.started_with.values["crio.image.pause_image"] = wanted["crio.image.pause_image"]
        containerd.ensure(daemon.started_with)
    for name in ("pause_image", "pause_image_auth_file", "pause_command"):
        path = wanted[f"crio.image.{name}"]
        if name.endswith("_file") and path and path != daemon.settings[f"crio.image.{name}"]:
            problem = crio_programs.stat_problem(path)
            if problem:
                raise Refused(problem)
        _take_and_tell(daemon, wanted, f"crio.image.{name}")
    pinned = [image for image in wanted["crio.image.pinned_images"] or [] if image]
    if not pinned or sorted(pinned) != sorted(daemon.settings["crio.image.pinned_images"] or []):
        daemon.settings.values["crio.image.pinned_images"] = pinned
        daemon.journal.info(f'Set config pinned_images to "{",".join(pinned) or "[]"}"')


def _reload_registries(daemon):
    try:
        crio_registries.remember(daemon.registries)
    except crio_registries.RegistriesError as error:
        raise Refused(f"system registries reload failed: {daemon.registries.main()}: {error}") from None


def _reload_late(daemon, wanted):
    _take_and_tell(daemon, wanted, "crio.runtime.decryption_keys_path")
    profile = wanted["crio.runtime.seccomp_profile"]
    within("unable to load seccomp profile", crio_start.check_seccomp, profile, daemon.journal)
    for name in ("seccomp_profile", "privileged_seccomp_profile"):
        _take_and_tell(daemon, wanted, f"crio.runtime.{name}", always=True)
    for name, look in (
        ("apparmor_profile", crio_start.check_apparmor),
        ("blockio_config_file", crio_start.check_blockio),
    ):
        value = wanted[f"crio.runtime.{name}"]
        if value != daemon.settings[f"crio.runtime.{name}"]:
            within(f"unable to reload {name}", look, value, daemon.journal)
        _take_and_tell(daemon, wanted, f"crio.runtime.{name}")
    for name in ("blockio_reload", "rdt_config_file"):
        _take_and_tell(daemon, wanted, f"crio.runtime.{name}")


def _reload_handlers(daemon, wanted):
    if wanted.handlers != daemon.settings.handlers:
        daemon.journal.info("Updating runtime configuration")
        daemon.settings.handlers = wanted.handlers
    default = wanted["crio.runtime.default_runtime"]
    if default != daemon.settings["crio.runtime.default_runtime"]:
        _take(daemon, wanted, "crio.runtime.default_runtime")
        within("unable to reload runtimes", check_default_handler, daemon.settings)
        name = daemon.settings["crio.runtime.default_runtime"]
        daemon.journal.info(f'Set config default_runtime to "{name}"')
    within("unable to reload runtimes", check_handlers, daemon.settings, daemon.journal)


def _take(daemon, wanted, key):
    daemon.settings.values[key] = wanted[key]


def _take_and_tell(daemon, wanted, key, always=False):
    if always or wanted[key] != daemon.settings[key]:
        _take(daemon, wanted, key)
        value = str(wanted[key]).lower() if isinstance(wanted[key], bool) else wanted[key]
        daemon.journal.info(f'Set config {key.rpartition(".")[2]} to "{value}"')
