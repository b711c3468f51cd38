# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIGHUP makes live, in CRI-O's order; every other key waits for a restart."""

import containerd
import crio_registries
from crio_checks import Refused, check_pause_image
from crio_journal import LevelError
from crio_shown import to_toml
from crio_start import check_handlers

_LATE = ("decryption_keys_path", "seccomp_profile", "privileged_seccomp_profile", "apparmor_profile",
         "blockio_config_file", "blockio_reload", "rdt_config_file")  # fmt: skip
_ALWAYS_TOLD = ("seccomp_profile", "privileged_seccomp_profile")


def reload(daemon):
    """Make live what CRI-O makes live on SIGHUP; on the first error stop, with all before it applied."""
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
        _take_and_tell(daemon, wanted, f"crio.image.{name}")
    pinned = [image for image in wanted["crio.image.pinned_images"] or [] if image]
    if not pinned or sorted(pinned) != sorted(daemon.settings["crio.image.pinned_images"] or []):
        daemon.settings.values["crio.image.pinned_images"] = pinned
        daemon.journal.info(f'Set config pinned_images to "{",".join(pinned) or "[]"}"')


def _reload_registries(daemon):
    try:
        crio_registries.remember()
    except crio_registries.RegistriesError as error:
        told = f"system registries reload failed: {crio_registries.CONTAINERS}/registries.conf: {error}"
        raise Refused(told) from None


def _reload_late(daemon, wanted):
    for name in _LATE:
        _take_and_tell(daemon, wanted, f"crio.runtime.{name}", always=name in _ALWAYS_TOLD)


def _reload_handlers(daemon, wanted):
    if wanted.handlers != daemon.settings.handlers:
        daemon.journal.info("Updating runtime configuration")
        daemon.settings.handlers = wanted.handlers
    default = wanted["crio.runtime.default_runtime"] or "crun"
    if default != daemon.settings["crio.runtime.default_runtime"]:
        daemon.settings.values["crio.runtime.default_runtime"] = default
        if default not in daemon.settings.handlers:
            told = f"no runtime entry table [crio.runtime.runtimes.{default}] was found"
            raise Refused(f'unable to reload runtimes: default_runtime set to "{default}", but {told}')
        daemon.journal.info(f'Set config default_runtime to "{default}"')
    try:
        check_handlers(daemon.settings, daemon.journal)
    except Refused as error:
        raise Refused(f"unable to reload runtimes: {error}") from None


def _take(daemon, wanted, key):
    daemon.settings.values[key] = wanted[key]


def _take_and_tell(daemon, wanted, key, always=False):
    if always or wanted[key] != daemon.settings[key]:
        _take(daemon, wanted, key)
        value = str(wanted[key]).lower() if isinstance(wanted[key], bool) else wanted[key]
        daemon.journal.info(f'Set config {key.rpartition(".")[2]} to "{value}"')
