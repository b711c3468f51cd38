# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo needs on this machine: an ssh client, and an environment with ansible-core."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from testbed import engine
from testbed.paths import CHECKOUT

PINNED = CHECKOUT / "requirements" / "test.txt"
OWN = CHECKOUT / "build" / "demo-venv"  # ansible-core and nothing else; .venv takes some times as long
MODULES_OF_VENV = ("ensurepip", "venv")


class ControllerError(Exception):
    """This machine lacks something that could not be installed."""


def install_tools() -> None:
    """Install Debian's packages of ssh and venv where they are missing. Raises EngineError or ControllerError."""
    packages = [] if shutil.which("ssh") and shutil.which("ssh-keygen") else ["openssh-client"]
    if not all(importlib.util.find_spec(name) for name in MODULES_OF_VENV):
        packages.append("python3-venv")
    if not packages:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise ControllerError(
            f"{' and '.join(packages)} missing. Type: sudo apt-get install {' '.join(packages)}"
        )
    engine.install_packages(*packages)


def make_environment() -> Path:
    """The folder that has ansible-playbook: what `make test` made, else an environment of the demo's own.

    Raises ControllerError with pip's words.
    """
    for folder in (CHECKOUT / ".venv", OWN):
        stamp = folder / "stamp"
        if stamp.exists() and stamp.stat().st_mtime >= PINNED.stat().st_mtime:
            return folder / "bin"
    shutil.rmtree(OWN, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(OWN))
    pip = [str(OWN / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(*pip, "--constraint", str(PINNED), "ansible-core")
    (OWN / "stamp").touch()
    return OWN / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ControllerError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")
