# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon: started as CRI-O is, reloaded by SIGHUP in CRI-O's order, ended by SIGTERM."""

import contextlib
import json
import os
import queue
import signal
import socket

import containerd
import crio_registries
from crio import VERSION
from crio_checks import Refused, check, check_handlers, check_pause_image, check_start
from crio_journal import LevelError
from crio_settings import to_toml

# SIGHUP makes these live, in this order; every other key waits for a restart.
_LATE = ("decryption_keys_path", "seccomp_profile", "privileged_seccomp_profile", "apparmor_profile",
         "blockio_config_file", "blockio_reload", "rdt_config_file")  # fmt: skip
_ALWAYS_TOLD = ("seccomp_profile", "privileged_seccomp_profile")


def run(settings, reread, journal):
    """Serve until SIGTERM; returns the exit code. `reread()` gives the settings that a reload would begin with."""
    daemon = Daemon(settings, reread, journal)
    try:
        daemon.start()
    except (Refused, containerd.ContainerdError, OSError) as error:
        journal.fatal(str(error))
        return 1
    daemon.serve()
    return 0


class Daemon:
    """What runs: `settings` are the live ones, `started_with` those that pods get."""

    def __init__(self, settings, reread, journal):
        self.settings = settings
        self.started_with = settings
        self.reread = reread
        self.journal = journal
        self.signals = queue.SimpleQueue()

    def start(self):
        """All that may fail, in CRI-O's order; then tell systemd. Raises Refused, ContainerdError, OSError."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self.signals.put(received))
        check(self.settings, self.journal)
        check_start(self.settings, self.journal)
        self._pin_pause_image()
        self.started_with = self.settings.copy()
        self.journal.info(f"Current CRI-O configuration:\n{to_toml(self.settings)}")
        self._refuse_second_daemon()
        containerd.ensure(self.settings)
        # grpc is imported once the configuration is known to be good: a refusal should come as fast as CRI-O's.
        import crio_cri
        import crio_metrics
        from crio_socket import Socket

        self.metrics = crio_metrics.Metrics()
        self.metrics.default_runtime = self.settings["crio.runtime.default_runtime"]
        self.cri = crio_cri.CriServer(self)
        try:
            self.cri.ask("Version", crio_cri.api.VersionRequest(), crio_cri.api.VersionResponse)
            self._wipe_after_a_boot()
        except crio_cri.grpc.RpcError as error:
            # Its CRI part may be missing, for want of the host's inotify instances: the next start begins anew.
            containerd.stop()
            raise containerd.ContainerdError(f"containerd does not serve CRI: {error.details()}") from None
        self._check_streaming()
        self.journal.info("Registered SIGHUP reload watcher")
        if self.settings["crio.metrics.enable_metrics"]:
            try:
                crio_metrics.serve(self.metrics, self.settings)
            except crio_metrics.MetricsError as error:
                raise Refused(str(error)) from None
        self.server = self.cri.start()
        self._listen(Socket(self.settings["crio.api.listen"], crio_cri.PATH, self.http))
        self._write_version()
        _notify("READY=1")

    def serve(self):
        """Handle signals until one ends the daemon."""
        while self.signals.get() == signal.SIGHUP:
            self.reload()
        self.server.stop(1).wait()
        clean = self.settings["crio.clean_shutdown_file"]
        if clean:
            os.makedirs(os.path.dirname(clean), exist_ok=True)
            open(clean, "w").close()

    def http(self, path):
        """Answer what CRI-O's own HTTP interface answers: (status, content type, body)."""
        if path == "/config":
            return "200 OK", "application/toml", to_toml(self.settings).encode()
        if path == "/info":
            mappings = [{"container_id": 0, "host_id": 0, "size": 4294967295}]
            told = {
                "storage_driver": self.settings["crio.storage_driver"],
                "storage_image": "",
                "storage_root": self.settings["crio.root"],
                "cgroup_driver": self.settings["crio.runtime.cgroup_manager"],
                "default_id_mappings": {"uids": mappings, "gids": mappings},
            }
            return "200 OK", "application/json", json.dumps(told, separators=(",", ":")).encode()
        if path.startswith("/containers/"):
            told = f"can't find the container with id {path.removeprefix('/containers/')}\n"
            return "404 Not Found", "text/plain; charset=utf-8", told.encode()
        return "404 Not Found", "text/plain; charset=utf-8", b"404 page not found\n"

    def reload(self):
        """Make live what CRI-O makes live on SIGHUP; on the first error stop, with all before it applied."""
        self.journal.info("Reloading configuration")
        try:
            wanted = self.reread()
            self._reload_log(wanted)
            self._reload_images(wanted)
            self._reload_registries()
            self.journal.info(
                "Applied new registry configuration: (told by the stand-in without its content)"
            )
            self._reload_late(wanted)
            self._reload_handlers(wanted)
        except (Refused, LevelError, OSError) as error:
            self.journal.error(f"Unable to reload configuration: {error}")
            return
        self.metrics.default_runtime = self.settings["crio.runtime.default_runtime"]
        self.journal.info("Configuration reload completed")
        self.journal.info(f"Current CRI-O configuration:\n{to_toml(self.settings)}")

    def _reload_log(self, wanted):
        level, pattern = wanted["crio.runtime.log_level"], wanted["crio.runtime.log_filter"]
        if level != self.settings["crio.runtime.log_level"]:
            # Told at every level: CRI-O goes to info for this line.
            self.journal.set_level("info")
            self.journal.info(f'Set config log_level to "{level}"')
            self.journal.set_level(level)
            self._take(wanted, "crio.runtime.log_level")
        if pattern != self.settings["crio.runtime.log_filter"]:
            self.journal.set_filter("")
            self.journal.info(f'Set config log_filter to "{pattern}"')
            self.journal.set_filter(pattern)
            self._take(wanted, "crio.runtime.log_filter")

    def _reload_images(self, wanted):
        if wanted["crio.image.pause_image"] != self.settings["crio.image.pause_image"]:
            check_pause_image(wanted["crio.image.pause_image"])
        for name in ("pause_image", "pause_image_auth_file", "pause_command"):
            self._take_and_tell(wanted, f"crio.image.{name}")
        pinned = [image for image in wanted["crio.image.pinned_images"] or [] if image]
        if not pinned or sorted(pinned) != sorted(self.settings["crio.image.pinned_images"] or []):
            self.settings.values["crio.image.pinned_images"] = pinned
            self.journal.info(f'Set config pinned_images to "{",".join(pinned) or "[]"}"')

    def _reload_registries(self):
        try:
            crio_registries.remember()
        except crio_registries.RegistriesError as error:
            told = f"system registries reload failed: {crio_registries.CONTAINERS}/registries.conf: {error}"
            raise Refused(told) from None

    def _reload_late(self, wanted):
        for name in _LATE:
            self._take_and_tell(wanted, f"crio.runtime.{name}", always=name in _ALWAYS_TOLD)

    def _reload_handlers(self, wanted):
        if wanted.handlers != self.settings.handlers:
            self.journal.info("Updating runtime configuration")
            self.settings.handlers = wanted.handlers
        default = wanted["crio.runtime.default_runtime"] or "crun"
        if default != self.settings["crio.runtime.default_runtime"]:
            self.settings.values["crio.runtime.default_runtime"] = default
            if default not in self.settings.handlers:
                told = f"no runtime entry table [crio.runtime.runtimes.{default}] was found"
                raise Refused(f'unable to reload runtimes: default_runtime set to "{default}", but {told}')
            self.journal.info(f'Set config default_runtime to "{default}"')
        try:
            check_handlers(self.settings, self.journal)
        except Refused as error:
            raise Refused(f"unable to reload runtimes: {error}") from None

    def _take(self, wanted, key):
        self.settings.values[key] = wanted[key]

    def _take_and_tell(self, wanted, key, always=False):
        if always or wanted[key] != self.settings[key]:
            self._take(wanted, key)
            value = str(wanted[key]).lower() if isinstance(wanted[key], bool) else wanted[key]
            self.journal.info(f'Set config {key.rpartition(".")[2]} to "{value}"')

    def _pin_pause_image(self):
        pinned = self.settings["crio.image.pinned_images"] or []
        pause = self.settings["crio.image.pause_image"]
        self.settings.values["crio.image.pinned_images"] = [*pinned, *([] if pause in pinned else [pause])]

    def _refuse_second_daemon(self):
        path = self.settings["crio.api.listen"]
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(path)
            raise Refused(f"validating api config: already existing connection on {path}")

    def _listen(self, opened):
        try:
            opened.open()
        except OSError as error:
            told = os.strerror(error.errno).lower()
            raise Refused(f"Failed to listen: listen unix {opened.path}: bind: {told}") from None

    def _check_streaming(self):
        from crio_settings import DURATION

        timeout, port = self.settings["crio.api.stream_idle_timeout"], self.settings["crio.api.stream_port"]
        if not port.isdigit():
            raise Refused(f"lookup tcp/{port}: unknown port")
        if timeout and not DURATION.fullmatch(timeout):
            raise Refused("unable to parse timeout as duration")

    def _wipe_after_a_boot(self):
        """Without the version file of this boot, or with one of another minor version, every pod goes."""
        if not self.settings["crio.internal_wipe"]:
            return
        path = self.settings["crio.version_file"]
        try:
            with open(path, encoding="utf-8") as file:
                before = json.load(file)
        except (OSError, ValueError):
            told = f"open {path}: no such file or directory"
            self.journal.warning(
                f"Error encountered when checking whether cri-o should wipe containers: {told}"
            )
            before = ""
        if before.split(".")[:2] != VERSION.split(".")[:2]:
            self.cri.remove_pods()

    def _write_version(self):
        for name in ("crio.version_file", "crio.version_file_persist"):
            path = self.settings[name]
            if path:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(VERSION, file)


def _notify(state):
    """Tell systemd, where it has started this."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(path.replace("@", "\0", 1))
            manager.send(state.encode())
