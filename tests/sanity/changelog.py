# SPDX-License-Identifier: GPL-3.0-or-later
"""Render CHANGELOG.md as a release of the version in galaxy.yml would, and keep the fragments."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from sanity.collection_copy import copy_to
from sanity.tools import BIN, Place, call, environment
from testbed.paths import CHECKOUT


def main() -> int:
    """Return the exit status."""
    with tempfile.TemporaryDirectory(prefix="cri-node-changelog-") as folder:
        root = Path(folder).resolve()
        collection = copy_to(root)
        place = Place(collection, root, environment(CHECKOUT / "build" / "sanity" / "home", root))
        pending = any((collection / "changelogs" / "fragments").glob("*.yml"))
        returned, output = call(place, BIN / "antsibull-changelog", "release" if pending else "generate")
        if returned:
            print(output, file=sys.stderr)
            return returned
        shutil.copyfile(collection / "CHANGELOG.md", CHECKOUT / "CHANGELOG.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
