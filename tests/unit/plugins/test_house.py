# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the structure in docs/architecture.md: the direction of imports, and that every module is listed."""

import ast
import functools
import graphlib
import re
from pathlib import Path

import pytest

import run_all

COLLECTION = Path(__file__).parents[3]
PLUGINS = COLLECTION / "plugins"
PACKAGE = "ansible_collections.cri.node.plugins"
# What each room may import of the house beside itself.
BELOW = {
    "module_utils": set(),
    "doc_fragments": set(),
    "plugin_utils": {"module_utils"},
    "modules": {"module_utils"},
    "filter": {"module_utils", "plugin_utils"},
    "action": {"module_utils", "plugin_utils"},
}


def imported(path):
    """Return the directories that a file imports from, by absolute or relative names."""
    place = path.relative_to(PLUGINS).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [".".join([PACKAGE, *place[: len(place) - node.level], node.module or ""])]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        yield from (name.split(".")[4] for name in names if name.startswith(f"{PACKAGE}."))


@pytest.mark.parametrize("room", BELOW)
def test_imports_point_one_way(room):
    strangers = {
        f"{path.relative_to(PLUGINS)} imports {other}"
        for path in (PLUGINS / room).rglob("*.py")
        for other in imported(path)
        if other != room and other not in BELOW[room]
    }
    assert strangers == set()


@pytest.mark.parametrize("path", sorted((PLUGINS / "filter").glob("*.py")), ids=lambda path: path.stem)
def test_a_filter_imports_what_it_needs_when_it_is_called(path):
    """For one filter, Ansible imports all filters of the collection, in each of its forks."""
    top = [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ImportFrom)]
    assert [each.module for each in top if (each.module or "").startswith(PACKAGE)] == []


def at_run_time(tree):
    """Yield the imports of a file that Python executes, also in functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        yield from at_run_time(node)


def test_only_type_checkers_import_the_shapes_of_documents():
    """On a node Python needs 20 ms to create these classes, in each process of a change."""
    importing = {
        str(path.relative_to(PLUGINS))
        for path in PLUGINS.rglob("*.py")
        for node in at_run_time(ast.parse(path.read_text()))
        if "contract"
        in [*(getattr(node, "module", None) or "").split("."), *(each.name for each in node.names)]
    }
    assert importing == set()


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((PLUGINS / "modules").glob("*.py")) if "AnsibleModule" in path.read_text()],
    ids=lambda path: path.stem,
)
def test_a_module_compiles_what_it_imports_once(path):
    body = ast.parse(path.read_text()).body
    house = [
        node
        for node in body
        if isinstance(node, ast.ImportFrom)
        and not node.module.startswith(("__future__", "typing", "collections"))
    ]
    assert house[0].module.endswith("module_utils.zip_import")
    calls = [node.lineno for node in body if ast.unparse(node) == "compile_once()"]
    assert len(calls) == 1
    assert calls[0] < house[1].lineno


@functools.cache
def names_of(path):
    """Return what a file of the collection imports, also in functions or for type hints, as dotted names."""
    return set(names_in(path, (PACKAGE, *path.relative_to(PLUGINS).parts)))


def names_in(path, place):
    """Return what a file imports as dotted names. place: the parts of its own name, for relative imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(place[: -node.level]) if node.level else ""
            module = ".".join(filter(None, [above, node.module]))
            yield from (module, *(f"{module}.{each.name}" for each in node.names))


FILES = {
    ".".join([PACKAGE, *path.relative_to(PLUGINS).with_suffix("").parts]): path
    for path in PLUGINS.rglob("*.py")
}


def test_there_are_no_circular_imports():
    graph = {name: sorted(set(names_of(path)) & FILES.keys()) for name, path in FILES.items()}
    assert sum(map(len, graph.values())) > 300
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def uses_ansible(names, seen):
    """Return whether one of these names is part of Ansible, or imports it, however indirectly."""
    for name in set(names) - seen:
        seen.add(name)
        if name.partition(".")[0] == "ansible" or (
            name in FILES and uses_ansible(names_of(FILES[name]), seen)
        ):
            return True
    return False


def loads_plugins_by_name(path):
    """Return whether a file contains the name of a plugin as text, for importlib."""
    return (
        re.search(rf"""["']{re.escape(PACKAGE)}\.(action|filter|modules)\.""", path.read_text()) is not None
    )


def test_what_uses_ansible_is_tested_on_each_controller():
    unit = COLLECTION / "tests" / "unit"
    covered = [COLLECTION / path for path in run_all.USES_ANSIBLE]
    assert [path for path in covered if not path.exists()] == []
    missing = [
        path.relative_to(COLLECTION)
        for path in sorted(unit.rglob("test_*.py"))
        if (uses_ansible(names_in(path, ()), set()) or loads_plugins_by_name(path))
        and not any(path.is_relative_to(each) for each in covered)
    ]
    assert missing == []


def test_all_directories_are_known():
    assert {path.name for path in PLUGINS.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(
        BELOW
    )


def test_every_module_of_module_utils_is_listed_in_the_architecture():
    page = (COLLECTION / "docs" / "architecture.md").read_text()
    words = set(re.findall(r"\w+", page))
    modules = {path.stem for path in (PLUGINS / "module_utils").rglob("*.py")} - {"__init__"}
    assert modules - words == set()


def test_every_package_of_plugin_utils_is_listed_in_the_architecture():
    page = (COLLECTION / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in (PLUGINS / "plugin_utils").glob("*/__init__.py")}
    assert {name for name in packages if f"        {name}/" not in page} == set()


def test_every_path_in_the_architecture_exists():
    page = (COLLECTION / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:plugins|roles|tests|docs)/[\w./*-]+)`", page)
    places = [name for name in named if "*" not in name and "ROLE" not in name]
    assert len(places) > 30
    assert [name for name in places if not (COLLECTION / name).exists()] == []


def test_packages_of_module_utils_have_an_empty_init():
    # Ansible sends them to nodes with each module, and its oldest core's sanity test requires it.
    written = [
        path for path in (COLLECTION / "plugins/module_utils").rglob("__init__.py") if path.read_bytes()
    ]
    assert written == []
