# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what 2,000 registries with three mirrors each cost. No real host is called.

The settings are merged, checked and rendered, and compared with the standard library reading the result. Names are resolved with
2,000 registries and with 20. The remote calls are those of a node that matches, and of one that resolves a name of each registry,
over a connection that answers immediately; what it answers is what a node's code read from the rendered file.
"""

import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from testbed.paths import link_collection

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.module_utils.crio import registries_files
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Versions
from ansible_collections.cri.node.plugins.plugin_utils.files.registries_conf import RegistriesConf
from ansible_collections.cri.node.plugins.plugin_utils.registries import of_report, resolution
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE
from bench import fleet_rows
from bench.figures import NotMeasured, Row, counted, most_calls, timed
from testbed import TestBed

NAMES = ("registries_2000", "registries_growth", "remote_calls_registries")
MANY, FEW = 2000, 20
NAMES_RESOLVED = 1000
RUNS = 15
_HOST = "node-00-000"  # of fleet_rows.inventory
_HOSTING = "hosting.example.com"  # has the first half of the registries as paths below it
_RESOLVED = f"registries.images | length == {MANY} and registries.registries | length == {MANY} and registries.complete"
_RESOLVE = [
    {
        **fleet_rows.PLAY,
        "tasks": [
            {
                "name": "Resolve",
                "cri.node.registry_resolve": {"names": "{{ names }}"},
                "register": "registries",
            },
            {"name": "Judge", "ansible.builtin.assert": {"that": _RESOLVED, "quiet": True}},
        ],
    }
]


def measure(_test_bed: TestBed) -> list[Row]:
    """Return the rows of this part. Raises NotMeasured."""
    many, few = rendered(MANY), rendered(FEW)
    return [
        timed(
            "registries_2000",
            [(seconds(rendered, MANY), seconds(tomllib.loads, many)) for _number in range(RUNS)],
        ),
        timed("registries_growth", growth(many, few)),
        counted("remote_calls_registries", [remote_calls(many)]),
    ]


def location(number: int) -> str:
    """Return the location of a registry: half of them have a host of their own."""
    return f"registry-{number}.example.com" if number % 2 else f"{_HOSTING}/team-{number}"


def settings(count: int) -> dict[str, dict]:
    """Return variables that result in `count` registries with three mirrors each.

    A tenth of them are from a layer that replaces the mirrors of another tenth and removes what is beyond `count`. One table is
    for the host of many others, so that its settings are compared with theirs.
    """
    tenth = count // 10
    tables = [table(number) for number in range(count + tenth)]
    removed = [{"location": None, "prefix": location(number)} for number in range(count, count + tenth)]
    changed = [{**table(number), "mirror": table(number + 1)["mirror"]} for number in range(1, tenth)]
    base = [*tables[tenth:], {**table(0), "location": _HOSTING, "insecure": True}]
    return {
        "registries_config": {"registry": [*tables[1:tenth], *base]},
        "registries_config__site": {"registry": [*changed, *removed]},
    }


def table(number: int) -> dict:
    """Return the settings of a registry with three mirrors."""
    mirrors = [
        {"location": f"mirror-{mirror}.example.com:5000/of-{number}", "insecure": mirror == 2}
        for mirror in range(3)
    ]
    return {"location": location(number), "mirror": mirrors}


def rendered(count: int) -> str:
    """Merge, check and render the settings of `count` registries. Raises NotMeasured if the result is not what they describe."""
    kind = RegistriesConf()
    checked = kind.check(list(settings(count).items()), Versions())
    if checked.problems or len(checked.data["registry"]) != count:
        raise NotMeasured(f"{len(checked.data['registry'])} of {count} registries: {checked.problems[:3]}")
    return kind.render(checked.data)


def growth(many: str, few: str) -> list[tuple[float, float]]:
    """Return pairs of the seconds that the same number of names takes with many registries and with few."""
    sides = [(read(text), names(count)) for text, count in ((many, MANY), (few, FEW))]
    for effective, asked in sides:
        if any(len(resolution.resolve(name, effective).endpoints) != 4 for name in asked):
            raise NotMeasured("a name has not three mirrors and a source")
    return [tuple(seconds(resolve_all, *side) for side in sides) for _number in range(RUNS)]


def names(count: int, wanted: int = NAMES_RESOLVED) -> list[str]:
    """Return names of images that are spread over all registries."""
    return [f"{location(number % count or 1)}/app:{number}" for number in range(wanted)]


def resolve_all(effective: Effective, asked: list[str]) -> None:
    """Resolve each name."""
    for name in asked:
        resolution.resolve(name, effective)


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Return the processor time that a call takes."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


def files_of_node(text: str) -> list:
    """Return what a node with this file reports, read by the node's own code."""
    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        layout = Layout(root)
        path = Path(layout.at(FILE))
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return registries_files.read(registries_files.Places(layout), layout)


def read(text: str) -> Effective:
    """Return the registries of a node with this file."""
    return of_report.effective_of(files_of_node(text), None)


def remote_calls(text: str) -> int:
    """Return the most remote calls of a node with all registries, of a run without changes and of one that resolves names."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        write(
            folder,
            {
                "runtime.yml": fleet_rows.RUNTIME,
                "resolve.yml": _RESOLVE,
                "answers.json": answers(text),
                "inventory.json": inventory(),
            },
        )
        return max(calls_of(folder, playbook) for playbook in ("runtime.yml", "resolve.yml"))


def write(folder: Path, documents: Mapping[str, object]) -> None:
    """Write each document as JSON, which playbooks and inventories are too."""
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))


def inventory() -> dict:
    """Return the fleet with all registries, and the names that it resolves."""
    fleet = fleet_rows.inventory(fleet_rows.RACKS)
    fleet["all"]["vars"].update(settings(MANY), names=names(MANY, MANY))
    return fleet


def answers(text: str) -> dict:
    """Return the answers of a node that matches, and that has all registries."""
    report = {
        "files": files_of_node(text),
        "aliases": None,
        "hidden": [],
        "auth": [],
        "short_name_mode": "enforcing",
        "pause_image": "registry.k8s.io/pause:3.10.1",
        "notes": [],
    }
    return {**fleet_rows.answers(), "node_registry_resolve": {"changed": False, "report": report}}


def calls_of(folder: Path, playbook: str) -> int:
    """Return the remote calls of a playbook on one node. Raises NotMeasured if it fails, or calls no node."""
    file = folder / "calls"
    file.write_text("")
    fleet_rows.run(folder, playbook, "--limit", _HOST, counted=file)
    calls = most_calls(file)
    if not calls:
        raise NotMeasured(f"{playbook}: no node was called")
    return calls
