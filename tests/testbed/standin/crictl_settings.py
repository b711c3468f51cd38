# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint and the timeout of crictl: from options, then the environment, then crictl.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crictl_errors import CrictlError, log
from crictl_options import Options, duration, number, switch, text

DEFAULT_TIMEOUT = 2.0  # seconds
PROBED = (
    "unix:///run/containerd/containerd.sock",
    "unix:///run/crio/crio.sock",
    "unix:///var/run/cri-dockerd.sock",
)
GLOBAL_OPTIONS = [
    text("config", "c", default="/etc/crictl.yaml", environment="CRI_CONFIG_FILE"),
    switch("debug", "D"),
    switch("enable-tracing"),
    text("image-endpoint", "i", environment="IMAGE_SERVICE_ENDPOINT"),
    text("profile-cpu"),
    text("profile-mem"),
    text("runtime-endpoint", "r", environment="CONTAINER_RUNTIME_ENDPOINT"),
    duration("timeout", "t", default=DEFAULT_TIMEOUT),
    text("tracing-endpoint", default="127.0.0.1:4317"),
    number("tracing-sampling-rate-per-million", default=-1),
]
_SWITCHES = ("debug", "pull-image-on-create", "disable-pull-on-run")
_LINE = re.compile(r"([^\s:#][^:]*?)\s*:(?:\s+(.*))?")


@dataclass(frozen=True)
class Settings:
    """runtime_endpoint, image_endpoint: None where nothing names one; timeout: seconds for each call."""

    runtime_endpoint: str | None = None
    image_endpoint: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    debug: bool = False
    pull_image_on_create: bool = False
    disable_pull_on_run: bool = False


def read_file(content: str) -> dict[str, str | int | bool]:
    """Return the keys of crictl.yaml. Raises CrictlError for unknown keys and values that crictl cannot convert."""
    found: dict[str, str | int | bool] = {}
    for count, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or line.startswith("---"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if not match:
            raise CrictlError(f"yaml: line {count}: could not find expected ':'")
        found[match[1].strip("\"'")] = _scalar(match[2] or "")
    return {key: _typed(key, str(value)) for key, value in found.items()}


def _scalar(value: str) -> str:
    quote = re.match(r"([\"'])(.*?)\1", value)
    return quote[2] if quote else re.split(r"(?:^|\s)#", value)[0].strip()


def _typed(key: str, value: str) -> str | int | bool:
    if key in ("runtime-endpoint", "image-endpoint"):
        return value
    try:
        if key == "timeout":
            return int(value)
        if key in _SWITCHES:
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
    except (ValueError, KeyError):
        kind = "Atoi" if key == "timeout" else "ParseBool"
        raise CrictlError(
            f"parsing config option '{key}': strconv.{kind}: parsing \"{value}\": invalid syntax"
        ) from None
    raise CrictlError(f"Config option '{key}' is not valid")


def _file(path: str, beside: str) -> dict[str, str | int | bool]:
    """Return the keys of a file, or of crictl.yaml in the program's directory if that file is missing."""
    if not Path(path).exists():
        other = f"{beside}/crictl.yaml"
        log("warning", f'Config "{path}" does not exist, trying next: "{other}"')
        path = other
    try:
        return read_file(Path(path).read_text())
    except FileNotFoundError:
        raise CrictlError(f"load config file: stat {path}: no such file or directory") from None
    except CrictlError as error:
        raise CrictlError(f"load config file: {error}") from None


def settle(options: Options, beside: str) -> Settings:
    """Merge options and file. beside: the program's directory.

    A file that was named must be good; an unknown key in the default one makes crictl ignore it, and say nothing.
    """
    try:
        found: Mapping[str, str | int | bool] = _file(options["config"], beside)
    except CrictlError:
        if "config" in options.given:
            raise
        found = {}

    def endpoint(name: str) -> str | None:
        return options[name] if name in options.given else str(found.get(name, "")) or None

    if "timeout" in options.given:
        timeout = options["timeout"] if options["timeout"] > 0 else DEFAULT_TIMEOUT
    else:
        timeout = max(int(found.get("timeout", 0)), 0) or DEFAULT_TIMEOUT
    debug = options["debug"] if "debug" in options.given else bool(found.get("debug", False))
    return Settings(
        endpoint("runtime-endpoint"),
        endpoint("image-endpoint"),
        float(timeout),
        debug,
        *(bool(found.get(name, False)) for name in _SWITCHES[1:]),
    )
