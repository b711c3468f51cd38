# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engine of the nodes: Docker, or Podman if Docker is not installed."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.wait import wait_for

INSTALL_COMMAND = "apt-get install --yes --no-install-recommends docker.io"
SWITCH = "TESTBED_INSTALL_ENGINE"

# Kernel order, from linux/capability.h: bit number = position.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
    "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
    "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
).split()
# PERFMON, BPF and CHECKPOINT_RESTORE follow in the kernel's list. Docker 20.10 does not know them and
# no node needs them, so they are left out everywhere.


class EngineError(Exception):
    """The container engine is missing, or refused a command."""


def capabilities(mask: int) -> list[str]:
    """Return the names of capabilities in a mask as in /proc/self/status, without those that nodes do not need."""
    return [name for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1]


def host_capabilities() -> list[str]:
    """Return the capabilities that this host can grant; a host may withhold some of them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return capabilities(int(line.split()[1], 16))
    raise EngineError("/proc/self/status has no line CapBnd: is this Linux?")


def decide(answering: Sequence[str], root: bool, distribution: str, environment: Mapping[str, str]) -> str:
    """Return the engine to use, or "install".

    `answering` are the engines whose daemon answered; `distribution` is ID and ID_LIKE of /etc/os-release.
    Raises EngineError with the one command to type where nothing may be installed.
    """
    for engine in ("docker", "podman"):
        if engine in answering:
            return engine
    if environment.get(SWITCH, "yes").lower() in ("no", "false", "0"):
        raise EngineError(
            f"no container engine answers, and {SWITCH} forbids installing one. Type: {INSTALL_COMMAND}"
        )
    if not {"debian", "ubuntu"} & set(distribution.split()):
        raise EngineError(
            "no container engine answers. Install Docker or Podman with this system's package manager"
        )
    if not root:
        raise EngineError(f"no container engine answers. Type: sudo {INSTALL_COMMAND}")
    return "install"


def os_release(text: str) -> str:
    """Return ID and ID_LIKE of an os-release file, as words."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return " ".join(values.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE"))


def _answers(engine: str) -> bool:
    if not shutil.which(engine):
        return False
    try:
        return subprocess.run([engine, "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def install_packages(*packages: str) -> None:
    """Install Debian packages on this machine, after printing them. Raises EngineError if apt fails."""
    print(f"testbed: installing {' '.join(packages)} with apt on this machine", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-q", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"apt-get {' '.join(command)}: {done.stderr.strip()[-2000:]}")


def _install() -> str:
    install_packages("docker.io")
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker"], check=False)
    else:
        subprocess.run(["service", "docker", "start"], check=False)
    wait_for("dockerd", lambda: (_answers("docker"), "no answer"), limit=60, interval=0.5)
    return "docker"


@functools.cache
def engine() -> str:
    """Return the engine to use: "docker" or "podman". Raises EngineError if none is available."""
    answering = [name for name in ("docker", "podman") if _answers(name)]
    release = Path("/etc/os-release")
    choice = decide(
        answering,
        root=os.geteuid() == 0,
        distribution=os_release(release.read_text()) if release.exists() else "",
        environment=os.environ,
    )
    return _install() if choice == "install" else choice


def call(*arguments: str, stdin: bytes | None = None, limit: float = 120, check: bool = True) -> str:
    """Run an engine command and return its standard output without the last newline.

    `limit` is seconds. Raises EngineError with what the engine said, unless `check` is false.
    """
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    try:
        done = subprocess.run(
            [engine(), *arguments],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=limit,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{engine()} {arguments[0]}: no end within {limit:g} s") from error
    if check and done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise EngineError(f"{engine()} {' '.join(arguments[:4])}: {said[-3000:]}")
    return done.stdout.decode(errors="replace").rstrip("\n")
