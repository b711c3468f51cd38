# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what CRI-O's `crio config` prints for some layouts, for the unit tests: python -m merge PROGRAM > FILE.

Only values that differ from those without any file are recorded, null for a key that is not printed, and null instead of all
values for a layout that CRI-O refuses.
"""

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from testbed.paths import link_collection
from testbed.source import program_version

sys.path.insert(0, str(link_collection()))

from merge import compare  # which imports the collection
from merge.layouts import TRAPS, Layout, layouts


def main(program: Path) -> None:
    """Print one document with all recorded layouts."""
    with tempfile.TemporaryDirectory(prefix="cri-node-merge-") as folder:
        nothing = Layout(named=False)
        defaults = _recorded(program, nothing, Path(folder) / "nothing")
        entries = []
        for number, layout in enumerate(layouts(1, len(TRAPS))):
            printed = _recorded(program, layout, Path(folder) / str(number))
            changed = printed and {
                key: printed.get(key)
                for key in {**defaults, **printed}
                if printed.get(key) != defaults.get(key)
            }
            entries.append({"layout": dataclasses.asdict(layout), "printed": changed})
    document = {"version": program_version(program), "defaults": defaults, "layouts": entries}
    print(json.dumps(document, indent=1, ensure_ascii=False))


def _recorded(program: Path, layout: Layout, folder: Path) -> dict | None:
    compare.write(layout, folder)
    return compare.by_crio(program, layout, folder)


main(Path(sys.argv[1]))
