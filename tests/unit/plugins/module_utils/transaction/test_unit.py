# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the transaction is a self-contained program."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.transaction import unit


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "program.pyz"
    path.write_bytes(unit.program())
    with zipfile.ZipFile(path) as opened:
        yield opened


def sources(archive):
    """Return the text of each module of the program by its name, such as crictl.call; packages have none."""
    return {
        name.removeprefix("cri_node/").removesuffix(".py").replace("/", "."): archive.read(name).decode()
        for name in archive.namelist()
        if not name.endswith("__init__.py") and name != "__main__.py"
    }


def imported(text, name):
    """Return the names that a module imports, also in functions, but not for type hints: what may be modules of the program."""
    kept = [each for each in ast.parse(text).body if not ast.unparse(each).startswith("if TYPE_CHECKING:")]
    for node in ast.walk(ast.Module(kept, [])):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = name.split(".")[: -node.level] + (node.module.split(".") if node.module else [])
            yield ".".join(above)
            yield from (".".join([*above, each.name]) for each in node.names)


def test_the_program_contains_exactly_the_modules_that_it_imports(archive):
    folder = Path(unit.__file__).parents[1]
    needed, waiting = set(), ["transaction.main", "zip_import"]
    while waiting:
        name = waiting.pop()
        path = folder / f"{name.replace('.', '/')}.py"
        if name not in needed and path.is_file():
            needed.add(name)
            waiting += imported(path.read_text(), name)
    assert needed == sources(archive).keys()


def test_the_program_has_loaded_all_modules_but_those_of_few_changes_before_it_starts(archive):
    code = (
        f"import sys; sys.path.insert(0, {archive.filename!r})\n"
        "import cri_node.transaction.main\n"
        "cri_node.transaction.main.main = lambda _arguments: None\n"
        f"try: exec({archive.read('__main__.py').decode()!r})\n"
        "except SystemExit: print(*sorted(name for name in sys.modules if name.startswith('cri_node.')))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("cri_node.") for name in run.stdout.split()} - set(unit.PACKAGES)
    assert (
        loaded
        == set(unit.MODULES)
        == sources(archive).keys()
        - {
            *unit.MODULES_OF_PROBES,
            *unit.MODULES_OF_CONTAINERD,
        }
    )
