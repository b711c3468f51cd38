# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cgroup driver the node's kubelet is configured with, as far as that is known without a reader of YAML."""

from __future__ import annotations

import glob
import json
import os
import re

from . import node_files
from .errors import NodeError

CONFIGURATION = "/var/lib/kubelet/config.yaml"  # kubeadm's and most other installers'
_LARGEST = 1024 * 1024  # bytes of a configuration file
_KEY = "cgroupDriver"
# A key at the start of a line is one of the document itself. The kubelet accepts these two values.
_LINE = re.compile(
    rf"""^["']?{_KEY}["']?[ \t]*:[ \t]+["']?(cgroupfs|systemd)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE
)

_ENDPOINT_LINE = re.compile(
    r"""^["']?containerRuntimeEndpoint["']?[ \t]*:[ \t]+["']?([^\s"'#]+)""", re.MULTILINE
)


def cgroup_driver(proc: str = "/proc", configuration: str = CONFIGURATION) -> tuple[str, str]:
    """Return (the driver, the file or option that sets it), or ("", "") without a kubelet or if it does not set one.

    A running kubelet names its files and may have the option, which takes precedence. Otherwise the usual file counts.
    """
    given = options(proc)
    if given.get("cgroup-driver") in ("cgroupfs", "systemd"):
        return given["cgroup-driver"], "--cgroup-driver of the kubelet"
    paths = configuration_files(given, configuration)
    found = ("", "")
    for path in paths:  # a later file takes precedence
        driver = _driver_in(path) if path.startswith("/") else ""
        found = (driver, path) if driver else found
    return found


def endpoint(proc: str = "/proc", configuration: str = CONFIGURATION) -> str:
    """Return the endpoint that the running kubelet has as an option, or that its files set, "" if neither is known."""
    given = options(proc)
    found = given.get("container-runtime-endpoint", "")
    for path in configuration_files(given, configuration) if not found else ():
        try:
            text = node_files.read_bytes(path, _LARGEST).decode("utf-8", "replace")
        except NodeError:
            continue
        match = _ENDPOINT_LINE.search(text)
        found = match.group(1) if match else found
    return found


def socket_path(endpoint: str) -> str:
    """Return the path of an endpoint's socket without its scheme, and with /run for /var/run, which are one directory."""
    path = re.sub("^unix:(?://)?", "", endpoint)
    return re.sub("^/var/run/", "/run/", path)


def configuration_files(given: dict[str, str], configuration: str = CONFIGURATION) -> list[str]:
    """Return the files of the kubelet's configuration; a later one takes precedence. given: its options, see `options`."""
    paths = [given.get("config") or configuration]
    if given.get("config-dir"):
        paths += sorted(glob.glob(os.path.join(glob.escape(given["config-dir"]), "*.conf")))
    return paths


def _driver_in(path: str) -> str:
    try:
        text = node_files.read_bytes(path, _LARGEST).decode("utf-8", "replace")
    except NodeError:
        return ""
    if text.lstrip().startswith("{"):
        return _driver_in_json(text)
    match = _LINE.search(text)
    return match.group(1) if match else ""


def _driver_in_json(text: str) -> str:
    try:
        value = json.loads(text).get(_KEY)
    except (ValueError, RecursionError):
        return ""
    return value if value in ("cgroupfs", "systemd") else ""


def options(proc: str = "/proc") -> dict[str, str]:
    """Return {name: value} of the options of the running kubelet, {} without one. The last of equal options counts."""
    for name in os.listdir(proc):
        try:
            if not name.isdigit() or node_files.read_bytes(f"{proc}/{name}/comm").strip() != b"kubelet":
                continue
            words = (
                node_files.read_bytes(f"{proc}/{name}/cmdline", _LARGEST)
                .decode("utf-8", "replace")
                .split("\0")
            )
        except NodeError:  # the process has ended
            continue
        found = {}
        for word, following in zip(words[1:], [*words[2:], ""]):
            option, equals, value = word.lstrip("-").partition("=")
            if word.startswith("-"):
                found[option] = value if equals else following
        return found
    return {}
