# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Ansible against nodes, as users do: ansible-playbook, over SSH, the collection by its name."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.bed import TestBed, inventory_text
from testbed.node import Node
from testbed.paths import FILES, STATE, link_collection

# A user's settings must not decide a test; what a user could rely on is Ansible's own defaults.
CLEARED = ("ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_STRATEGY", "ANSIBLE_FORCE_COLOR", "ANSIBLE_INVENTORY")


@dataclass(frozen=True)
class Run:
    """The result of a run of ansible-playbook.

    `results` has one entry for each task and host: task, action, host, status (ok, failed, skipped,
    unreachable), changed, result. `stats` has ok, changed, failures, unreachable, ... by host;
    `custom` is what set_stats left.
    """

    rc: int
    out: str
    err: str
    results: list[dict[str, Any]] = field(repr=False)
    stats: dict[str, dict[str, int]]
    custom: dict[str, Any] = field(repr=False)

    @property
    def changed(self) -> int:
        """The number of tasks that changed something, on all hosts."""
        return sum(host["changed"] for host in self.stats.values())

    def of(self, task: str, host: str | None = None) -> dict[str, Any]:
        """Return the result of the last task with this name or action. Raises KeyError."""
        for entry in reversed(self.results):
            if task in (entry["task"], entry["action"]) and host in (None, entry["host"]):
                return entry["result"]
        raise KeyError(
            f"no task {task!r} among {[entry['task'] for entry in self.results]}\n{self.out}\n{self.err}"
        )

    @property
    def failure(self) -> dict[str, Any]:
        """The result of the last task that failed; a report may follow it. Raises AssertionError if no task failed."""
        failed = [entry["result"] for entry in self.results if entry["status"] == "failed"]
        assert failed, f"no task failed\n{self.out}\n{self.err}"
        return failed[-1]

    def expect_success(self) -> "Run":
        """Return this run if it succeeded; else raise AssertionError with Ansible's output."""
        assert self.rc == 0, f"ansible-playbook: exit code {self.rc}\n{self.out}\n{self.err}"
        return self


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for Ansible; `more` overrides it."""
    kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '')}",
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "testbed_results",
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection()),
        "ANSIBLE_CONFIG": str(FILES / "ansible.cfg"),
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_HOME": str(STATE / "ansible"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        **(more or {}),
    }


def ansible_playbook(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit: float = 300,
) -> Run:
    """Run ansible-playbook with these arguments, in `folder` (the current one by default); `limit` is seconds.

    A run that fails is returned, not raised.
    """
    with tempfile.TemporaryDirectory(prefix="testbed-") as kept:
        results = Path(kept) / "results.json"
        done = subprocess.run(
            ["ansible-playbook", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**environment(env), "TESTBED_RESULTS": str(results)},
            timeout=limit,
            check=False,
        )
        data = json.loads(results.read_text()) if results.exists() else {}
    return Run(
        done.returncode,
        done.stdout,
        done.stderr,
        data.get("results", []),
        data.get("stats", {}),
        data.get("custom", {}),
    )


def run_playbook(
    playbook: str | Path | Sequence[Mapping],
    nodes: Sequence[Node],
    *options: str,
    test_bed: TestBed,
    variables: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    limit: float = 300,
) -> Run:
    """Run a playbook on nodes.

    `playbook` is a Path, the text of one, its data as a list of plays, or a collection's playbook by its full
    name (cri.node.rollout). `options` go to ansible-playbook (--check, --diff, -e ...); `variables` are
    group variables of `nodes`, `limit` is seconds. A run that fails is returned, not raised.
    """
    inventory = test_bed.inventory(nodes)
    inventory["all"]["children"]["nodes"]["vars"] = dict(variables or {})
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        hosts = Path(folder) / "inventory.json"
        hosts.write_text(inventory_text(inventory))
        if isinstance(playbook, str) and "\n" not in playbook:
            named = playbook
        elif isinstance(playbook, Path):
            named = str(playbook)
        else:
            named = str(Path(folder) / "playbook.yml")
            Path(named).write_text(playbook if isinstance(playbook, str) else json.dumps(playbook, indent=2))
        return ansible_playbook("--inventory", str(hosts), named, *options, env=env, limit=limit)


def call_module(
    node: Node,
    module: str,
    arguments: Mapping[str, Any] | None = None,
    *options: str,
    test_bed: TestBed,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run one module (or action) on a node and return its result, which contains `failed` if it failed.

    Raises AssertionError with Ansible's output when there is no result at all.
    """
    task = {"name": "call", module: dict(arguments or {})}
    play = {"hosts": "nodes", "gather_facts": False, "tasks": [task]}
    run = run_playbook([play], [node], *options, test_bed=test_bed, env=env)
    assert run.results, f"{module}: no result\n{run.out}\n{run.err}"
    return run.results[-1]["result"]
