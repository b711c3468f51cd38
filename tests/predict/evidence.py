# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a node found, and how to read it: pure functions over the document of on_node/look.py."""

import tomllib
from typing import Any

from predict.changes import Change

_ENTRIES = ("runtimes", "workloads")


class Evidence:
    """One look at a node."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self.seen = seen
        self.config: dict[str, Any] = tomllib.loads(seen["config"])
        for entries in (self.config.get("crio", {}).get("runtime", {}).get(name, {}) for name in _ENTRIES):
            for entry in entries.values():
                # Computed from a map: in another order after each start.
                entry.pop("DisallowedAnnotations", None)

    def value(self, change: Change) -> object:
        """Return the value of a changed key in GET /config; None if it has no line."""
        found: Any = self.config
        for name in change.printed_path:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def error(self, pod: str) -> str:
        """Return why a pod could not be created; empty if it was."""
        return self.seen["pods"][pod]["error"]

    def spec(self, pod: str) -> dict[str, Any]:
        """Return the OCI configuration of a pod's container; empty if it was not created."""
        return _runtime_spec(self.seen["pods"][pod]["container"])

    def infra(self, pod: str = "infra") -> dict[str, Any]:
        """Return the OCI configuration of a pod itself."""
        return _runtime_spec(self.seen["pods"][pod]["pod"])

    def status(self, pod: str, of: str = "pod") -> dict[str, Any]:
        """Return what CRI reports of a pod, or of its container."""
        return self.seen["pods"][pod][of].get("status", {})

    def monitor(self, pod: str, what: str = "arguments") -> list[str]:
        """Return the arguments or the environment of the conmon of a pod's container."""
        return self.seen["pods"][pod]["monitor"].get(what, [])

    def argument(self, pod: str, name: str) -> str:
        """Return the value of an argument of the conmon of a pod's container; empty if it has none."""
        arguments = self.monitor(pod)
        return arguments[arguments.index(name) + 1] if name in arguments else ""

    def capabilities(self, pod: str, group: str) -> list[str]:
        """Return a set of capabilities of a pod's container, such as bounding."""
        return self.spec(pod).get("process", {}).get("capabilities", {}).get(group) or []

    def environment(self, pod: str) -> list[str]:
        """Return the environment of a pod's container."""
        return self.spec(pod).get("process", {}).get("env") or []

    def resources(self, pod: str, what: str) -> dict[str, Any]:
        """Return a kind of resources of a pod's container, such as cpu."""
        return self.spec(pod).get("linux", {}).get("resources", {}).get(what) or {}

    def mounts(self, pod: str) -> dict[str, str]:
        """Return {path in the container: source} of a pod's mounts."""
        return {each["destination"]: each.get("source", "") for each in self.spec(pod).get("mounts") or []}

    def devices(self, pod: str) -> dict[str, dict[str, Any]]:
        """Return the devices of a pod's container by their paths."""
        return {each["path"]: each for each in self.spec(pod).get("linux", {}).get("devices") or []}

    def filtered_calls(self, pod: str) -> list[str]:
        """Return the system calls that the seccomp profile of a pod's container names."""
        rules = (self.spec(pod).get("linux", {}).get("seccomp") or {}).get("syscalls") or []
        return [name for rule in rules for name in rule["names"]]

    def namespace(self, pod: str, kind: str) -> str:
        """Return the path of a namespace of a pod."""
        listed = self.infra(pod).get("linux", {}).get("namespaces") or []
        return next((each.get("path", "") for each in listed if each["type"] == kind), "")

    def listens(self, host: str, port: int | str) -> bool:
        """Return whether something listens on an address; any host or port for *."""
        for address in self.seen["listeners"]:
            its_host, _colon, its_port = address.rpartition(":")
            if host in ("*", its_host) and str(port) in ("*", its_port):
                return True
        return False

    def listens_at(self, path: str) -> bool:
        """Return whether something listens on a socket of this path."""
        return path in self.seen["listeners"]

    def exists(self, path: str) -> bool:
        """Return whether a path exists on the node."""
        return path in self.seen["files"]

    def tls(self, port: int, newest: str = "newest") -> dict[str, str]:
        """Return {certificate, version, cipher} of TLS on a port, with the newest version, or with 1.2 at most."""
        return next(
            (each[newest] for address, each in self.seen["tls"].items() if address.endswith(f":{port}")), {}
        )

    def certificate(self, path: str) -> str:
        """Return the certificate in one of the node's files, as PEM."""
        return self.seen["certificates"][path]

    def metrics(self, port: int) -> str:
        """Return the metrics that are served on a port."""
        return next(
            (text for address, text in self.seen["metrics"].items() if address.endswith(f":{port}")), ""
        )

    def logged(self, words: str) -> bool:
        """Return whether CRI-O logged these words during the look."""
        return words in self.seen["journal"]


def _runtime_spec(inspected: dict[str, Any]) -> dict[str, Any]:
    return inspected.get("info", {}).get("runtimeSpec") or {}
