# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in a temporary directory: its files are real, and small models of systemd, crio and crictl execute commands."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from ansible_collections.cri.node.plugins.module_utils import node_files, node_state, program
from ansible_collections.cri.node.plugins.module_utils.crio import containers, daemon, live
from ansible_collections.cri.node.plugins.module_utils.crio.service import binary_identity
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host
from ansible_collections.cri.node.plugins.module_utils.pod.marks import HASH, LOGS
from ansible_collections.cri.node.plugins.module_utils.transaction import losses, probes
from faults.fake_runtime import FakeRuntime

UNIT = "crio.service"
CONFIG = "/etc/crio/crio.conf.d/60-cri-node.conf"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
NEW_FOLDER = "/etc/crio/made/by-the-change.conf"
OBSOLETE = "/etc/crio/crio.conf.d/61-obsolete.conf"
PROGRAM, CONMON, RECORD = "/usr/bin/crio", "/usr/libexec/crio/conmon", "/var/lib/cri-node/bundle.json"
OLD_PROGRAMS = {PROGRAM: "crio 1", CONMON: None, RECORD: None}
NEW_PROGRAMS = {PROGRAM: "crio 2", CONMON: "conmon 2", RECORD: "2"}
OLD = {CONFIG: "old\n", OBSOLETE: "obsolete\n"}
NEW = {CONFIG: "new\n", REGISTRIES: "registries\n", NEW_FOLDER: "made\n"}


class Daemon:
    """A model of crio.service for systemd and crictl. A start reads the current files."""

    def __init__(self, binary: Path, files: Callable[[], dict[str, str]]):
        self._binary, self._files = binary, files
        self.active, self.enabled, self.starts, self.reloads = True, True, 1, 0
        self.loaded = files()
        self.containers = ["c1", "c2"]
        self.refuses_to_start: Callable[[dict[str, str]], bool] = lambda _files: False

    @property
    def invocation(self) -> str:
        return f"invocation-{self.starts}"

    def start(self) -> int:
        self.starts += 1
        self.loaded = self._files()
        self.active = not self.refuses_to_start(self.loaded)
        return int(not self.active)

    def properties(self) -> str:
        return "\n".join(
            f"{name}={value}"
            for name, value in {
                "LoadState": "loaded",
                "ActiveState": "active" if self.active else "failed",
                "SubState": "running" if self.active else "failed",
                "UnitFileState": "enabled" if self.enabled else "disabled",
                "InvocationID": self.invocation,
                "MainPID": "4242" if self.active else "0",
                "KillMode": "process",
                "Job": "",
                "FragmentPath": "",
                "ExecStart": f"{{ path={self._binary} ; argv[]={self._binary} ; ignore_errors=no ; }}",
                "ExecReload": "kill",
                "ExecMainStartTimestampMonotonic": "1",
                "ActiveEnterTimestampMonotonic": "1",
                "NRestarts": "0",
            }.items()
        )


class FakeNode:
    """The node, its layout, and requests for changes."""

    def __init__(self, root: Path, monkeypatch):
        self.root = root
        self.layout = Layout(str(root))
        for path, content in OLD.items():
            self.write(path, content)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "etc/containers/registries.conf.d").mkdir(parents=True)
        binary = Path(self.path(PROGRAM))
        self.write(PROGRAM, OLD_PROGRAMS[PROGRAM])
        binary.chmod(0o755)
        self.daemon = Daemon(binary, self.configuration)
        self.runtime = FakeRuntime()  # for probes
        self.commands: list[list[str]] = []
        self._install(monkeypatch)

    def path(self, path: str) -> str:
        return self.layout.at(path)

    def write(self, path: str, content: str) -> None:
        target = Path(self.path(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o644)

    def configuration(self) -> dict[str, str]:
        """All files that configure the daemon, by the path on the node, with their content and mode."""
        found = {}
        for folder in ("etc/crio", "etc/containers"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.is_file() and ".cri-node" not in path.parts:
                    mode = path.stat().st_mode & 0o7777
                    found[f"/{path.relative_to(self.root)}"] = f"{path.read_text()}{mode:o}"
        return found

    def bundle(self) -> dict:
        """Unpack a bundle beside the node's files, and return what a request has of it."""
        programs = []
        for path in (PROGRAM, CONMON):
            source = self.root / "unpacked" / Path(path).name
            source.parent.mkdir(exist_ok=True)
            source.write_text(NEW_PROGRAMS[path])
            programs.append({"path": self.path(path), "source": str(source), "mode": "0755"})
        return {
            "programs": programs,
            "crio": self.path(PROGRAM),
            "record": self.path(RECORD),
            "recorded": {"format": 1, "sha256": NEW_PROGRAMS[RECORD], "version": "1.37.1"},
        }

    def programs(self) -> dict[str, str | None]:
        """Return the content of each program, None for a missing one, and the hash in the record of their bundle."""
        found: dict[str, str | None] = {}
        for path in OLD_PROGRAMS:
            file = Path(self.path(path))
            found[path] = file.read_text() if file.exists() else None
        if found[RECORD]:
            record = json.loads(found[RECORD])
            assert record["binary"] == binary_identity(self.path(PROGRAM))
            found[RECORD] = record["sha256"]
        return found

    def folders(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root))
            for top in ("etc", "usr")
            for path in (self.root / top).rglob("*")
            if path.is_dir() and ".cri-node" not in path.parts and not path.name.endswith(".wants")
        )

    def litter(self) -> list[str]:
        """Return files that a completed change must not leave behind."""
        patterns = (
            "**/.cri-node*",
            "**/*.partial",
            "**/intent.json*",
            "**/preparation.json*",
            "**/probes.json*",
            "etc/systemd/system/cri-node-*",
        )
        links = [path for path in (self.root / "etc/systemd/system").rglob("*") if path.is_symlink()]
        found = [path for pattern in patterns for path in self.root.glob(pattern)] + links
        return sorted({str(path.relative_to(self.root)) for path in found} | set(self.runtime.pods))

    def probes(self, *handlers: str, pull: tuple[str, ...] = ()) -> dict:
        """Return what a request has for probes: a pod with these handlers, and these pulls."""
        name = "cri-node-probe-1"
        config = {"metadata": {"name": "c"}, "labels": {}, "annotations": {}, "image": {"image": "hello:1"}}
        sandbox = {
            "metadata": {"name": name, "namespace": "default", "uid": "u"},
            "log_directory": f"{self.path(LOGS)}/default_{name}_u",
            "labels": {},
            "annotations": {HASH: "0" * 64},
        }
        container = {
            "name": "c",
            "pull": "IfNotPresent",
            "oom": "best-effort",
            "config": {**config, "linux": {"resources": {}}, "envs": []},
        }
        pod = {
            "name": name, "namespace": "default", "uid": "u", "handler": "", "host_paths": [], "sandbox": sandbox,
            "init_containers": [], "containers": [container],
        }  # fmt: skip
        return {
            "pods": [pod] if handlers else [],
            "handlers": list(handlers),
            "every_handler": False,
            "pull": list(pull),
        }

    def request(self, **more) -> dict:
        contents = {self.path(path): content for path, content in NEW.items()}
        request = {
            "unit": UNIT, "owners": ["crio"], "unwanted": [], "expect": {}, "paths": [], "ready_timeout": 1,
            "asks_for_crictl": False, "contents": contents, "remove": [self.path(OBSOLETE)], "activate": "restart",
            "reload_keys": [], "reload_is_logged": True, "concerns_daemon": True, "daemon_reload": False, "id": "change-1",
            **more,
        }  # fmt: skip
        request["files"] = [
            {
                "path": path, "owner": "crio", "sha256": node_files.digest(content.encode()), "mode": "0644",
                "secret": False, "disruption": "restart",
            }
            for path, content in sorted(request["contents"].items())
        ]  # fmt: skip
        if "fingerprint" not in more:
            request["fingerprint"] = node_state.read(request, self.layout)["fingerprint"]
        return request

    def _install(self, monkeypatch) -> None:
        monkeypatch.setattr(program, "_started", self._started)
        monkeypatch.setattr(daemon, "_crictl", lambda _service: FakeCrictl(self.daemon))
        monkeypatch.setattr(daemon.queries, "container_details", lambda crictl, ids: crictl.details(ids))
        monkeypatch.setattr(losses, "Crictl", lambda _endpoint: FakeCrictl(self.daemon))
        monkeypatch.setattr(probes, "Crictl", lambda _endpoint: self.runtime)
        monkeypatch.setattr(pod_host, "LOGS", self.path(LOGS))
        version = self.root / "var/run/crio/version"
        version.parent.mkdir(parents=True)
        version.write_text('"1.37.0"')
        monkeypatch.setattr(losses, "_VERSION_FILES", (("crio.version_file", str(version)),))
        monkeypatch.setattr(daemon, "_SETTLED", 0)
        monkeypatch.setattr(daemon, "live_configuration", lambda _socket: {})
        monkeypatch.setattr(node_state, "live_configuration", lambda _socket: {})
        monkeypatch.setattr(losses, "live_configuration", lambda _socket: {})
        monkeypatch.setattr(live, "get", lambda *_all: "")
        monkeypatch.setattr(containers, "monitors", lambda *_all: [])
        monkeypatch.setattr(node_files, "mount_points", lambda *_all: {"/"})

    def _started(self, arguments, *_more):
        words = [str(each) for each in arguments]
        self.commands.append(words)
        status, output = self._answer(words)
        return FakeProcess(status, output)

    def _answer(self, words: list[str]) -> tuple[int, str]:
        verb = words[1] if len(words) > 1 else ""
        if words[0] == "systemctl":
            if verb == "is-active":
                return 3, ""  # there is no kubelet
            if verb == "show":
                return 0, self.daemon.properties()
            if verb in ("restart", "start"):
                return (0, "") if verb == "start" and self.daemon.active else (self.daemon.start(), "")
            if verb == "stop":
                self.daemon.active = False
            elif verb in ("enable", "disable"):
                self.daemon.enabled = verb == "enable"
            elif verb == "reload":
                self.daemon.reloads += 1
        return 0, ""


class FakeProcess(contextlib.AbstractContextManager):
    """A program that has ended."""

    def __init__(self, status: int, output: str):
        self.returncode, self._output = status, output

    def __exit__(self, *_error):
        return None

    def communicate(self, timeout):
        return self._output.encode(), b""


class FakeCrictl:
    """Answer like the runtime."""

    def __init__(self, daemon: Daemon):
        self._daemon = daemon

    def together(self, *calls):
        return [call() for call in calls]

    def text(self, *_words) -> str:
        return "RuntimeName:  cri-o\nRuntimeVersion:  1.37.0\nRuntimeApiVersion:  v1\n"

    def details(self, _ids) -> dict:
        return {}

    def json(self, command: str, *_words) -> dict:
        if command == "ps":
            return {"containers": [{"id": each, "podSandboxId": "p"} for each in self._daemon.containers]}
        if command == "info":
            kinds = ("RuntimeReady", "NetworkReady")
            return {"status": {"conditions": [{"type": kind, "status": True} for kind in kinds]}}
        assert command == "pods"
        return {"items": []}
