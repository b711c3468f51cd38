# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes for the integration tests.

`node` is shared by a whole session: leave it unchanged. `fresh_node` creates nodes that a test may break.
"""

import functools
import os
from collections.abc import Callable, Iterator

import pytest

from testbed import Node, Source, TestBed, bed, bundles, pick_source, playbooks
from testbed.crictl_build import CrictlBuild, build_of
from testbed.paths import STATE


@pytest.fixture(scope="session")
def testbed() -> Iterator[TestBed]:
    """Return this session's test bed, removed when the session ends; leftovers of dead sessions are removed first."""
    bed.sweep()
    made = TestBed(f"test-{os.getpid()}", _source(), owner=bed.owner_mark())
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def crio_source(testbed: TestBed):
    """Return the source of CRI-O, or the stand-in."""
    return testbed.source


@pytest.fixture(scope="session")
def programs(testbed: TestBed, crio_source) -> dict[str, bytes]:
    """Return the content of a bundle of the nodes' CRI-O, by name."""
    return bundles.files(crio_source, lambda: testbed.add("programs", crio=False)[0])


@pytest.fixture(scope="session")
def bundle(programs, crio_source, tmp_path_factory) -> bundles.Bundle:
    """Return a bundle of the nodes' CRI-O, which can run pods."""
    return bundles.pack(tmp_path_factory.mktemp("bundle"), programs, crio_source.version)


@pytest.fixture(scope="session")
def shared_node(testbed: TestBed, crio_source) -> Node:
    """Return the session's node with CRI-O; tests use `node`."""
    return testbed.add("shared")[0]


@pytest.fixture
def node(shared_node: Node) -> Iterator[Node]:
    """Return a running node with CRI-O, shared by the session. Its pods are removed after each test."""
    yield shared_node
    shared_node.remove_pods()


@pytest.fixture(scope="session")
def bare_node(testbed: TestBed) -> Node:
    """Return a running node without CRI-O, shared by the session."""
    return testbed.add("bare", crio=False)[0]


@pytest.fixture
def fresh_node(testbed: TestBed) -> Iterator[Callable[..., Node]]:
    """Return a function that creates nodes for this test alone: `fresh_node()`, or `fresh_node(crio=False)`.

    Each node takes about 4 seconds.
    """
    made: list[str] = []

    def make(crio: bool = True) -> Node:
        name = f"fresh-{next(_numbers)}"
        made.append(name)
        return testbed.add(name, crio=crio)[0]

    yield make
    testbed.remove(*made)


_numbers = iter(range(1, 1_000_000))


@pytest.fixture
def inventory(testbed: TestBed, tmp_path) -> Callable[..., str]:
    """Return a function that writes an inventory of nodes (all by default) and returns its path."""

    def write(*nodes: Node) -> str:
        path = tmp_path / "inventory.json"
        path.write_text(bed.inventory_text(testbed.inventory(nodes or None)))
        return str(path)

    return write


@pytest.fixture
def run_playbook(testbed: TestBed) -> Callable[..., playbooks.Run]:
    """run_playbook(text, path, name or plays, nodes, *options, variables=, env=) -> Run."""

    def run(playbook, nodes, *options: str, **more) -> playbooks.Run:
        nodes = [nodes] if isinstance(nodes, Node) else nodes
        return playbooks.run_playbook(playbook, nodes, *options, test_bed=testbed, **more)

    return run


@pytest.fixture
def call_module(testbed: TestBed) -> Callable[..., dict]:
    """call_module(node, "cri.node.crio_facts", {...}, *options) -> the module's result."""

    def call(node: Node, module: str, arguments=None, *options: str, **more) -> dict:
        return playbooks.call_module(node, module, arguments, *options, test_bed=testbed, **more)

    return call


NEEDS_REAL_CRIO = "needs real CRI-O"  # tests/run_all.py counts these words, and those
OTHER_CRICTL = "recorded for another crictl"
_skipped: dict[str, list[str]] = {NEEDS_REAL_CRIO: [], OTHER_CRICTL: []}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of tests for which the stand-in is not sufficient."""
    config.addinivalue_line("markers", "real_crio(why): skipped where nodes have the stand-in for CRI-O")
    config.addinivalue_line(
        "markers", "recorded_for(crictl): skipped where the crictl at hand is another build"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need real CRI-O."""
    mark = item.get_closest_marker("real_crio")
    if mark and _source().standin:
        pytest.skip(f"{NEEDS_REAL_CRIO}: {mark.args[0]}")
    mark = item.get_closest_marker("recorded_for")
    if mark and _crictl() != mark.args[0]:
        pytest.skip(f"{OTHER_CRICTL}: for {mark.args[0]}; at hand is {_crictl()}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember a skipped test."""
    _remember(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember a file that is skipped whole."""
    _remember(report)


def _remember(report: pytest.TestReport | pytest.CollectReport) -> None:
    for words, skipped in _skipped.items():
        if report.skipped and words in str(report.longrepr):
            skipped.append(report.nodeid)


@functools.cache
def _source() -> Source:
    return pick_source()


@functools.cache
def _crictl() -> CrictlBuild:
    program = STATE / f"crictl-asked-for-its-version-{os.getpid()}"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_bytes(_source().read("crictl"))
    program.chmod(0o755)
    try:
        return build_of(program)
    finally:
        program.unlink()


def _source_line() -> str:
    return f"CRI-O in the nodes: {_source()}"


def pytest_report_header() -> str:
    """Print in the first line of a run which CRI-O it uses."""
    return _source_line()


def pytest_unconfigure() -> None:
    """Print the same in the last line, with what was skipped with the stand-in."""
    counts = {NEEDS_REAL_CRIO: "that need real CRI-O", OTHER_CRICTL: "that were recorded for another crictl"}
    lines = [
        f"{len(_skipped[words])} tests or files skipped {text}"
        for words, text in counts.items()
        if _skipped[words]
    ]
    print(": ".join([_source_line(), *([", ".join(lines)] if lines else [])]))
