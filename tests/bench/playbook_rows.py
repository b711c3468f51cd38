# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures seconds and remote calls of whole playbooks, compared with a play of one ping on the same nodes.

Both sides are ansible-playbook over SSH with the same inventory, forks and pipelining, without facts; connections are open. The
remote calls are counted while the seconds are taken (it costs a line in a file for each call).
"""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.figures import NotMeasured, Row, counted, most_calls, timed
from testbed import Node, TestBed, bed, playbooks

NODES = 4
RUNS = 5
NAMES = (
    "provision_first",
    "provision_noop",
    "verify",
    "remote_calls_first",
    "remote_calls_noop",
    "tasks_noop",
)
_HERE = Path(__file__).parent
_PING = [
    {
        "name": "Ping",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "Ping", "ansible.builtin.ping": {}}],
    }
]
_PROVISION, _VERIFY = "cri.node.provision", "cri.node.verify"

# Every folder that a configured node differs in from one that was never configured. On those the node's own files are kept.
_FOLDERS = (
    "/etc/crio /etc/containers /etc/crictl.yaml /etc/systemd/system /etc/cni /etc/bash_completion.d"
    " /usr/local/share/zsh /etc/fish /var/lib/cri-node"
)
_REMEMBER = f"tar -C / -cf /root/unconfigured.tar $(ls -d {_FOLDERS} 2> /dev/null)"
_PUT_BACK = f"""
set -e
# On some overlay file systems, files of the image reappear behind removed ones, and are removed as well.
rm -rf {_FOLDERS} || rm -rf {_FOLDERS} || rm -rf {_FOLDERS}
tar -C / -xf /root/unconfigured.tar
crictl rmi "$1" > /dev/null 2>&1 || true
systemctl daemon-reload
systemctl restart crio
"""


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook: seconds, the most remote calls on any node, the tasks per node, and the nodes changed."""

    seconds: float
    calls: int
    changed: int
    tasks: (
        float  # mean of all nodes, including skipped tasks; a task that runs once for all nodes counts once
    )


def variables(node: Node) -> dict:
    """Return the desired state of every node: something of each role, and a pod that verification can run."""
    return {
        "crio_config": {
            "crio": {
                "metrics": {"enable_metrics": True, "metrics_port": 9537},
                "runtime": {"log_level": "info", "read_only": False},
            }
        },
        "registries_config": {"registry": [{"location": "unlisted:5000", "insecure": True}]},
        "crictl_config": {"timeout": 20},
        "verify_image": node.image("hello-world"),
    }


class Playbooks:
    """Runs playbooks on nodes from a separate directory, where they may leave their reports."""

    def __init__(self, test_bed: TestBed, nodes: Sequence[Node], folder: Path):
        self.nodes, self.folder = nodes, folder
        inventory = test_bed.inventory(nodes)
        group = inventory["all"]["children"]["nodes"]
        group["vars"] = {**variables(nodes[0]), "ansible_connection": "counting_ssh"}
        self.inventory, self.calls = folder / "inventory.json", folder / "calls"
        self.inventory.write_text(bed.inventory_text(inventory))
        self.ping = folder / "ping.yml"
        self.ping.write_text(json.dumps(_PING))
        self.environment = playbooks.environment(
            {
                "ANSIBLE_CONNECTION_PLUGINS": str(_HERE / "connection"),
                "BENCH_CALLS": str(self.calls),
            }
        )
        del self.environment["ANSIBLE_CALLBACKS_ENABLED"]  # the tests' own callback

    def run(self, playbook: str | Path, *options: str) -> Run:
        """Run one playbook. Raises NotMeasured if it fails."""
        self.calls.write_text("")
        started = time.perf_counter()
        done = subprocess.run(
            ["ansible-playbook", "--inventory", str(self.inventory), str(playbook), *options],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise NotMeasured(
                f"{playbook}: exit code {done.returncode}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
            )
        changed = [
            int(number) for number in re.findall(r"^\S+ +: ok=.* changed=(\d+)", done.stdout, re.MULTILINE)
        ]
        tasks = [
            int(ran) + int(skipped)
            for ran, skipped in re.findall(r"^\S+ +: ok=(\d+) .* skipped=(\d+)", done.stdout, re.MULTILINE)
        ]
        return Run(
            seconds,
            most_calls(self.calls),
            sum(number > 0 for number in changed),
            sum(tasks) / max(len(tasks), 1),
        )

    def pair(self, playbook: str, *options: str, changes: bool) -> tuple[Run, Run]:
        """Measure (ours, the ping), one right after the other. Raises NotMeasured if ours did not do what should be measured."""
        reference, ours = self.run(self.ping), self.run(playbook, *options)
        expected = len(self.nodes) if changes else 0
        if ours.changed != expected:
            raise NotMeasured(f"{playbook} changed {ours.changed} nodes where {expected} were expected")
        return ours, reference

    def on_all(self, script: str, *arguments: str) -> None:
        """Run a shell script on all nodes at once, without measuring it, and wait for CRI-O."""

        def on(node: Node) -> None:
            node.check(["sh", "-c", script, "sh", *arguments], limit=120)
            node.wait_for_crio()

        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(on, self.nodes))


def measure(test_bed: TestBed) -> list[Row]:
    """Return the rows of this part, measured on separate nodes. Raises NotMeasured, NodeError or EngineError."""
    nodes = test_bed.add(*[f"node-{number}" for number in range(1, NODES + 1)])
    try:
        return rows(test_bed, nodes)
    finally:
        test_bed.remove(*[node.name for node in nodes])


def rows(test_bed: TestBed, nodes: Sequence[Node]) -> list[Row]:
    """Return the rows, measured on nodes that were never configured."""
    first, noop, verify, whole = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ansible = Playbooks(test_bed, nodes, Path(folder))
        ansible.on_all(_REMEMBER)
        ansible.run(_PROVISION)  # opens the connections and fills the caches of both sides
        for _number in range(RUNS):
            ansible.on_all(_PUT_BACK, variables(nodes[0])["verify_image"])
            first.append(ansible.pair(_PROVISION, changes=True))
            noop.append(ansible.pair(_PROVISION, "--skip-tags", "verify", changes=False))
            verify.append(ansible.pair(_VERIFY, changes=False))
            whole.append(ansible.run(_PROVISION))
    seconds = {"provision_first": first, "provision_noop": noop, "verify": verify}
    calls = {"remote_calls_first": first, "remote_calls_noop": noop}
    return [
        *(
            timed(name, [(ours.seconds, ping.seconds) for ours, ping in pairs])
            for name, pairs in seconds.items()
        ),
        *(counted(name, [ours.calls for ours, _ping in pairs]) for name, pairs in calls.items()),
        counted("tasks_noop", [run.tasks for run in whole]),
    ]
