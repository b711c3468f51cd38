# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon: started like CRI-O, reloaded by SIGHUP in CRI-O's order, stopped by SIGTERM."""

import contextlib
import json
import os
import queue
import signal
import socket

import containerd
import crio_registries
import crio_reload
from crio import VERSION
from crio_checks import Refused
from crio_shown import to_toml
from crio_start import check_start


def run(settings, reread, journal, registries):
    """Serve until SIGTERM; return the exit code. `reread()` returns the settings for a reload."""
    daemon = Daemon(settings, reread, journal, registries)
    try:
        daemon.start()
    except (Refused, crio_registries.RegistriesError, containerd.ContainerdError, OSError) as error:
        journal.fatal(str(error))
        return 1
    daemon.serve()
    return 0


class Daemon:
    """The running daemon: `settings` are the live ones, `started_with` those that pods get."""

    def __init__(self, settings, reread, journal, registries=crio_registries.SYSTEM):
        self.settings = settings
        self.started_with = settings.copy()
        self.reread = reread
        self.journal = journal
        self.registries = registries
        self.signals = queue.SimpleQueue()

    def start(self):
        """Start everything in CRI-O's order, then notify systemd. Raises Refused, ContainerdError, OSError."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self.signals.put(received))
        check_start(self.settings, self.journal, self.registries)
        # Up to here another daemon may run, whose state is not this one's to change.
        self._pin_pause_image()
        self.started_with = self.settings.copy()
        self.journal.info(f"Current CRI-O configuration:\n{to_toml(self.settings)}")
        crio_registries.remember(self.registries)
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
            crio_reload.reload(self)
        self.server.stop(1).wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.settings["crio.api.listen"])
        clean = self.settings["crio.clean_shutdown_file"]
        if clean:
            os.makedirs(os.path.dirname(clean), exist_ok=True)
            open(clean, "w").close()

    def http(self, path):
        """Answer like CRI-O's HTTP interface: (status, content type, body)."""
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

    def _pin_pause_image(self):
        pinned = self.settings["crio.image.pinned_images"] or []
        pause = self.settings["crio.image.pause_image"]
        self.settings.values["crio.image.pinned_images"] = [*pinned, *([] if pause in pinned else [pause])]

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
        """Remove all pods if the version file of this boot is missing or has another minor version."""
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
    """Notify systemd, if it started this process."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(path.replace("@", "\0", 1))
            manager.send(state.encode())
