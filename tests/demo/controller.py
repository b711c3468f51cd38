# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs what the demo needs on this machine: an SSH client, and a virtual environment with ansible-core."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from testbed import engine
from testbed.paths import CHECKOUT

PINNED = CHECKOUT / "requirements" / "test.txt"
OWN = CHECKOUT / "build" / "demo-venv"  # only ansible-core: .venv takes several times as long
MODULES_OF_VENV = ("ensurepip", "venv")


class ControllerError(Exception):
    """Something that the demo needs could not be installed on this machine."""


def install_tools() -> None:
    """Install the Debian packages of ssh and venv if they are missing. Raises EngineError or ControllerError."""
    packages = [] if shutil.which("ssh") and shutil.which("ssh-keygen") else ["openssh-client"]
    if not all(importlib.util.find_spec(name) for name in MODULES_OF_VENV):
        packages.append("python3-venv")
    if not packages:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise ControllerError(
            f"{' and '.join(packages)} missing. Run: sudo apt-get install {' '.join(packages)}"
        )
    engine.install_packages(*packages)


def make_environment() -> Path:
    """Return the directory of ansible-playbook: that of the environment of `make test` if it exists, else of the demo's own.

    Raises ControllerError with the error message of pip.
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
