# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Chromium that opens pages: the system's own, or Debian's package."""

import os
import shutil

from testbed import engine

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-dejavu-core")


def find() -> str | None:
    """Return the path of an installed browser, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def find_or_install() -> str:
    """Return the path of the browser, which is installed with apt if it is missing.

    Raises EngineError with the command to type if nothing may be installed, or with the output of apt.
    """
    if not find():
        if os.geteuid() or not shutil.which("apt-get"):
            raise engine.EngineError(
                f"no Chromium. On Debian, type: sudo apt-get install {' '.join(PACKAGES)}"
            )
        engine.install_packages(*PACKAGES)
    if path := find():
        return path
    raise engine.EngineError(f"{' and '.join(PACKAGES)} have no program of the names {', '.join(PROGRAMS)}")
