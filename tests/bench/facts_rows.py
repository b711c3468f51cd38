# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the overhead of the crictl modules compared with crictl itself, on the node.

A module's own cost is its run less the run of a module that does nothing, both as Ansible packs modules, so Ansible's share is in
neither side. The reference is crictl itself, called for the same data: once, for the runtime's facts twice (info and version).
"""

import json
from pathlib import Path

from bench.figures import NotMeasured, Row, timed, without
from testbed import Node, TestBed, playbooks
from testbed.paths import link_collection

RUNS = 31
CONTAINERS = 300
LINES = 1_000_000
TAIL = 100
NAMES = ("info_facts", "ps_facts", "logs_facts")
_PAYLOADS = "/root/bench-payloads"
_DRIVER = (Path(__file__).parent / "node_driver.py").read_text()
_COLLECTIONS = Path(__file__).parent / "collections"
_LOG_LINE = "2026-01-01T00:00:00.000000000Z stdout F " + "x" * 60

# Containers as a kubelet makes them, as to labels; they only sleep.
_CREATE = """
set -e
seq 2 "$1" | xargs -P 4 -n 1 sh -c '
    sed s/NUMBER/$1/g /root/container.json > /root/container-$1.json
    crictl start $(crictl create $0 /root/container-$1.json /root/pod.json)
' "$2" > /dev/null
"""


def measure(test_bed: TestBed) -> list[Row]:
    """Return the rows of this part, measured on a separate node. Raises NotMeasured, NodeError or EngineError."""
    node = test_bed.add("facts")[0]
    try:
        container_id = prepare(node)
        return [row(node, test_bed, *each) for each in plans(container_id)]
    finally:
        test_bed.remove(node.name)


def prepare(node: Node) -> str:
    """Start the containers; the one whose id is returned has the long log."""
    pod = node.run_pod("pause", name="many")
    labels = {"io.kubernetes.pod.name": "many", "io.kubernetes.pod.namespace": "default"}
    container = {
        "metadata": {"name": "cNUMBER"},
        "image": {"image": node.image("pause")},
        "command": ["sleep", "86400"],
        "labels": {**labels, "io.kubernetes.container.name": "cNUMBER"},
        "linux": {},
    }
    sandbox = {"metadata": {"name": "many", "namespace": "default", "uid": "many"}, "linux": {}}
    node.copy_in("/root/container.json", json.dumps(container))
    node.copy_in("/root/pod.json", json.dumps(sandbox))
    node.check(["sh", "-c", _CREATE, "sh", str(CONTAINERS), pod.pod_id], limit=600)
    node.check(f"yes '{_LOG_LINE}' | head -n {LINES} > {pod.log_path}", limit=120)
    return pod.container_id


def plans(container_id: str) -> list[tuple]:
    """Return (row, module, its options, crictl's calls, what its fact must contain) for each row."""
    return [
        (
            "info_facts",
            "crictl_info_facts",
            {},
            ["crictl info -o json", "crictl version"],
            lambda info: info["runtime_ready"] and info["version"]["runtime_version"],
        ),
        (
            "ps_facts",
            "crictl_ps_facts",
            {"states": []},
            ["crictl ps -a -o json"],
            lambda ps: len(ps["containers"]) == CONTAINERS,
        ),
        (
            "logs_facts",
            "crictl_logs_facts",
            {"id": container_id, "tail": TAIL},
            [f"crictl logs --tail {TAIL} {container_id}"],
            lambda logs: logs["lines"] == TAIL,
        ),
    ]


def row(node: Node, test_bed: TestBed, name, module, options, calls, shows) -> Row:
    """Measure one row."""
    nothing, ours = payloads(node, test_bed, module, options, shows)
    commands = {
        "nothing": [["/usr/bin/python3", nothing]],
        "ours": [["/usr/bin/python3", ours]],
        "reference": [call.split() for call in calls],
    }
    said = node.check(["python3", "-c", _DRIVER], json.dumps({"runs": RUNS, "commands": commands}), limit=600)
    taken = json.loads(said)
    return timed(name, list(zip(without(taken["nothing"], taken["ours"]), taken["reference"], strict=True)))


def payloads(node: Node, test_bed: TestBed, module: str, options: dict, shows) -> tuple[str, str]:
    """Copy both modules to the node as Ansible packs them; return their paths: the one that does nothing, the module."""
    node.check(["rm", "-rf", _PAYLOADS])
    # Of a collection, too: Ansible's way into one takes some milliseconds of its own.
    tasks = [{"bench.node.nothing": {}}, {f"cri.node.{module}": options}]
    run = playbooks.run_playbook(
        [{"hosts": "nodes", "gather_facts": False, "tasks": tasks}],
        [node],
        test_bed=test_bed,
        env={
            "ANSIBLE_KEEP_REMOTE_FILES": "true",
            "ANSIBLE_COLLECTIONS_PATH": f"{_COLLECTIONS}:{link_collection()}",
            "ANSIBLE_REMOTE_TMP": _PAYLOADS,
        },
    )
    if run.rc or not shows(next(iter(run.results[-1]["result"]["ansible_facts"].values()))):
        raise NotMeasured(f"{module} did not read what is there: {run.out[-2000:]}{run.err[-2000:]}")
    found = [f"{_PAYLOADS}/*/AnsiballZ_{each}.py" for each in ("nothing", module)]
    nothing, ours = node.check(f"ls {found[0]}; ls {found[1]}").split()
    return nothing, ours
