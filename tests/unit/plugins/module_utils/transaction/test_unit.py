# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the transaction is a self-contained program."""

import subprocess
import sys
import zipfile

from ansible_collections.cri.node.plugins.module_utils.transaction import unit


def test_the_program_contains_exactly_the_modules_that_it_imports(tmp_path):
    path = tmp_path / "program.pyz"
    path.write_bytes(unit.program())
    code = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n"
        "import cri_node.transaction.main\n"
        "import cri_node.pod.once\n"  # by transaction.probes, in a change with probes
        "print(*sorted(name for name in sys.modules if name.startswith('cri_node.')))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("cri_node.") for name in run.stdout.split()} - set(unit.PACKAGES)
    with zipfile.ZipFile(path) as archive:
        there = {
            name.removeprefix("cri_node/").removesuffix(".py").replace("/", ".")
            for name in archive.namelist()
            if not name.endswith("__init__.py") and name != "__main__.py"
        }
    assert loaded == there
