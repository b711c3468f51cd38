# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds containerd on a node: its systemd unit, binary, options and configuration file."""

from __future__ import annotations

from ..crio import journald
from ..crio.service import RuntimeService, option_value, text_at
from ..layout import CONTAINERD, CONTAINERD_CONFIG, CONTAINERD_SOCKET

# The plugins without which containerd has no CRI: of 1.x, and of 2.x (plugins/plugins.go).
_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime")
_NAMES_OF_CONFIG = ("--config", "-config", "-c", "--c")


class ContainerdService(RuntimeService):
    """The state of containerd's unit at one moment. It reads its configuration at each start, and at no other time."""

    runtime = CONTAINERD
    product = "containerd"
    program = "containerd"
    configuration = CONTAINERD_CONFIG

    @property
    def options(self) -> list[str]:
        """The daemon's options without the one that names its configuration file."""
        rest: list[str] = []
        words = iter(self.command[1:])
        for word in words:
            if word.partition("=")[0] not in _NAMES_OF_CONFIG:
                rest.append(word)
            elif "=" not in word:
                next(words, None)
        return rest

    @property
    def config_path(self) -> str:
        """The file that the daemon reads as its config.toml."""
        named = (option_value(self.command, name) for name in _NAMES_OF_CONFIG)
        return next((path for path in named if path), CONTAINERD_CONFIG)

    @property
    def config_directory(self) -> str:
        """Empty: only `imports` in config.toml names further files."""
        return ""

    @property
    def socket(self) -> str:
        """The socket that the daemon listens on: its option outranks its file."""
        named = option_value(self.command, "--address") or option_value(self.command, "-a")
        return named or text_at(self.config_path, "grpc", "address") or CONTAINERD_SOCKET

    @property
    def redirected_by(self) -> str:
        """The option that makes the daemon read another file than config.toml in its usual place; empty if there is none."""
        return "" if self.config_path == CONTAINERD_CONFIG else f"--config={self.config_path}"

    def cannot_become_ready(self, after: str | None) -> str:
        """Why this start has no CRI, in its own words: containerd runs on without a plugin that it could not load."""
        for message in journald.messages_of(self.main_pid, after):
            if "failed to load plugin" in message and any(name in message for name in _PLUGINS):
                return reason(message)
        return ""


def reason(line: str) -> str:
    """Return a line of containerd's log as words: the field `error`, else the message, without logrus's format."""
    for field in ("error", "msg"):
        quoted = journald.field_of(line, field)
        if quoted:
            return quoted
    return line.removeprefix("containerd: ").strip()
