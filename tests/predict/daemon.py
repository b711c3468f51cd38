# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon of a node: its drop-in with the changes, SIGHUP, restart, and a look at what it does."""

import json
import re
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from predict import base, pods
from predict.evidence import Evidence
from testbed.node import SOCKET, Node, NodeError

DROP_IN = "/etc/crio/crio.conf.d/90-predict.conf"
LOOK = "/usr/local/lib/predict/look.py"
RELOADED, REFUSED = "Configuration reload completed", "Unable to reload configuration"
RELOAD_LIMIT = 60  # seconds until one of these lines
START_LIMIT = 120  # seconds
LOOK_LIMIT = 1200  # seconds; a loaded machine takes many times what an idle one does
SOCKETS = (f"{base.RUN}/crio.sock", SOCKET)  # with and without the change of crio.api.listen
FILES = (
    f"{base.RUN}/pinns-was-called", f"{base.RUN}/version",
    f"{base.RUN}/storage/overlay-containers", "/var/lib/predict-version", "/var/lib/containers/predict-images/overlay-images",
)  # fmt: skip
CERTIFICATES = (f"{base.FILES}/cert.pem", f"{base.FILES}/metrics-cert.pem")
PULLED = "hello-world:1"
# The reason of a failed start: CRI-O's last line of this level.
_FATAL = re.compile(r'level=fatal msg="((?:[^"\\]|\\.)*)"')


class Daemon:
    """CRI-O on a node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        node.copy_in(LOOK, (Path(__file__).parent / "on_node" / "look.py").read_text())
        self._weight = 100  # of the block I/O class, another one for each look
        self._certificates = {path: node.read_file(path) for path in CERTIFICATES}

    def write(self, content: str) -> None:
        """Write the drop-in with the changes; an empty one removes it. CRI-O does not notice."""
        if content:
            self.node.copy_in(DROP_IN, content)
        else:
            self.node.check(["rm", "-f", DROP_IN])

    def reload(self) -> str:
        """Send SIGHUP, and return why CRI-O refuses the configuration; empty if it has loaded it."""
        cursor = self._cursor()
        self.node.check(["systemctl", "reload", "crio"])
        end = time.monotonic() + RELOAD_LIMIT
        while time.monotonic() < end:
            said = self._journal(cursor)
            if RELOADED in said:
                return ""
            if REFUSED in said:
                return said[said.index(REFUSED) :].splitlines()[0]
            time.sleep(0.1)
        raise NodeError(f"{self.node.name}: no line about the reload within {RELOAD_LIMIT} s: {said[-1000:]}")

    def restart(self) -> str:
        """Restart CRI-O, and return why it does not start; empty if it does."""
        cursor = self._cursor()
        self.node.check(["systemctl", "reset-failed", "crio"])
        done = self.node.run(
            ["timeout", str(START_LIMIT), "systemctl", "restart", "crio"], limit=2 * START_LIMIT
        )
        if not done.rc:
            return ""
        # Otherwise systemd goes on trying.
        self.node.run(["systemctl", "stop", "crio"])
        said = _FATAL.findall(self._journal(cursor))
        return said[-1].replace('\\"', '"') if said else done.err.strip() or "it does not start"

    def look(self, shown_by: Collection[str], pull: bool = False) -> Evidence:
        """Return what CRI-O does. shown_by: names of pods to create. pull: whether to try to pull an image."""
        asked: dict[str, Any] = {
            "sockets": SOCKETS,
            "pods": {name: pods.of(name, self.node.registry) for name in sorted(shown_by)},
            "new_files": [pods.ABSENT],
            "files": FILES,
            "tls": [10110, 9638, 9090],
            "pulls": [self.node.image(PULLED)] if pull else [],
        }
        # A pod that it can no longer handle may have made it panic, so that systemd starts it again.
        self.node.wait_for("CRI-O answers", self._answering, START_LIMIT)
        self._weight += 1
        self.node.copy_in(base.BLOCKIO, base.blockio(self._weight))
        # What CRI-O leaves there must not be taken for that of a later look.
        self.node.check(["rm", "-f", f"{base.RUN}/pinns-was-called"])
        seen = json.loads(self.node.check(["python3", LOOK], stdin=json.dumps(asked), limit=LOOK_LIMIT))
        if not seen["socket"]:
            raise NodeError(f"{self.node.name}: CRI-O does not answer on {', '.join(SOCKETS)}")
        return Evidence({**seen, "certificates": self._certificates, "weight": self._weight})

    def socket(self) -> str:
        """Return the path of the socket on which CRI-O answers. Raises NodeError."""
        return self.node.wait_for("CRI-O answers", self._answering, START_LIMIT)

    def _answering(self) -> tuple[bool, str]:
        for path in SOCKETS:
            if self.node.run(
                ["curl", "-s", "--max-time", "5", "--unix-socket", path, "http://crio/info"]
            ).out:
                return True, path
        return False, f"not on {', '.join(SOCKETS)}"

    def _cursor(self) -> str:
        out = self.node.check("journalctl -n 0 --show-cursor")
        return out.rpartition("cursor: ")[2].strip()

    def _journal(self, cursor: str) -> str:
        return self.node.check(
            ["journalctl", "-u", "crio", "--after-cursor", cursor, "-o", "cat", "--no-pager"]
        )
