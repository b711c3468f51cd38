# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays changes on a node, several in one run of ansible-playbook, and looks at the node around each task.

For each change: somebody's work by hand, then the same settings in check mode, as a plan, as a run, and as a second run. After a
refused change the second run has the settings of the last one that succeeded.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from check_mode import settings as known
from check_mode.generate import Change
from testbed import playbooks
from testbed.bed import TestBed
from testbed.node import Node

ON_NODE = Path(__file__).parent / "on_node"
FAULTS_LOOK = Path(__file__).parents[1] / "faults" / "on_node" / "look.py"
FOLDER = "/usr/local/lib/check-mode"
ROOTS = (
    "/etc/crio", "/etc/containers", "/etc/systemd/system", "/etc/cni", "/etc/crictl.yaml", "/etc/bash_completion.d",
    "/etc/fish", "/usr/local/share/zsh", "/usr/share/containers", "/var/lib/cri-node", "/run/cri-node", "/run/systemd/system",
    "/run/systemd/transient", "/root/.config/containers",
)  # fmt: skip
CHECK, PLAN, RUN, AGAIN = "check", "plan", "run", "again"
TIDIED = "tidied"
PHASES = (CHECK, PLAN, RUN, AGAIN)
ACTION, CHECKED, REPORT = "cri.node.runtime_config", "cri.node.runtime_check", "cri.node.runtime_report"
BATCH = 5  # changes in one run of ansible-playbook, which starts faster for few plays
LIMIT = 900  # seconds for a batch, on a machine that is busy with other things


@dataclass
class Phase:
    """What one of PHASES did. look: the node afterwards."""

    result: dict[str, Any]  # of the task that read the node, or that failed before it
    report: dict[str, Any]  # of runtime_report, {} without one
    look: dict[str, Any]


@dataclass
class Played:
    """One change as it was played."""

    change: Change
    before: dict[str, Any]  # the look after what was done by hand
    phases: dict[str, Phase]
    settled: dict[str, Any]  # the look before the second run


def prepare(node: Node) -> None:
    """Put the program that looks and the files that settings refer to on a node, and start the containers that must survive."""
    node.copy_in(f"{FOLDER}/look.py", (ON_NODE / "look.py").read_text())
    node.copy_in(f"{FOLDER}/node_look.py", FAULTS_LOOK.read_text())
    node.copy_in(known.SECCOMP, json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}))
    node.copy_in(known.BAD_FILE, "classes: [")
    node.check(f"mkdir -p {known.FILES}/keys {known.FILES}/more-keys {known.FILES}/cdi /etc/crio/keys")
    pods = [node.run_pod() for _each in range(2)]
    pids = [str(node.crictl("inspect", "-o", "json", pod.container_id)["info"]["pid"]) for pod in pods]
    request = {"roots": ROOTS, "compared": known.COMPARED, "pids": pids}
    node.copy_in(f"{FOLDER}/request.json", json.dumps(request))


def play(node: Node, changes: list[Change], test_bed: TestBed) -> list[Played]:
    """Play all changes on a node. Raises AssertionError if a task for the test itself fails."""
    played: list[Played] = []
    for start in range(0, len(changes), BATCH):
        batch = changes[start : start + BATCH]
        plays = [each for change in batch for each in _plays(change)]
        run = playbooks.run_playbook(plays, [node], "--diff", test_bed=test_bed, limit=LIMIT)
        played += _played(batch, run.expect_success().results)
    return played


def _plays(change: Change) -> list[dict[str, Any]]:
    desired = {**change.all_variables(), "plan_report_file": ""}
    last = {**change.before.variables(), "plan_report_file": ""}
    by_hand = [_shell(command) for command in change.by_hand]
    tidy = [_shell(command) for command in change.tidy]
    check = [*by_hand, _look(change, "before"), _task(change, CHECK, check_mode=True), _look(change, CHECK)]
    plan = [_task(change, PLAN, check_mode=True)]
    run = [_look(change, PLAN), _task(change, RUN), _look(change, RUN)]
    looks = [_look(change, TIDIED)] if tidy else []
    again = [*tidy, *looks, _task(change, AGAIN), _look(change, AGAIN)]
    if change.playbook:
        playbook = {"ansible.builtin.import_playbook": "cri.node.plan", "vars": desired}
        return [_play(desired, check), playbook, _play(desired, [*run, *again])]
    if change.refusal is None:
        return [_play(desired, [*check, *plan, *run, *again])]
    return [_play(desired, [*check, *plan, *run]), _play(last, again)]


def _play(variables: dict[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"hosts": "nodes", "gather_facts": False, "vars": variables, "tasks": tasks}


def _shell(command: str) -> dict[str, Any]:
    """Return a task that does what an administrator does, without Python: the daemon answers when it ends."""
    wait = "for each in $(seq 100); do crictl -t 2s info >/dev/null 2>&1 && break; sleep 0.1; done"
    return {
        "name": "by hand",
        "ansible.builtin.raw": f"{command}{f'; {wait}' if 'restart crio' in command else ''}",
    }


def _look(change: Change, after: str) -> dict[str, Any]:
    name = f"{change.number} {after}"
    return {"name": name, "ansible.builtin.raw": f"python3 -IS {FOLDER}/look.py", "changed_when": False}


def _task(change: Change, phase: str, **options: Any) -> dict[str, Any]:
    """Return a task that goes on after a failure, which the judge looks at."""
    if change.module:
        tasks = _module(phase)
    else:
        tasks = [_role("cri.node.plan" if phase == PLAN else "cri.node.runtime")]
        # The role plans in check mode by itself.
        options = {name: value for name, value in options.items() if phase != PLAN or name != "check_mode"}
    return {"block": tasks, "rescue": [{"ansible.builtin.meta": "noop"}], **options}


def _role(name: str, **more: str) -> dict[str, Any]:
    return {"ansible.builtin.import_role": {"name": name, **more}}


def _module(phase: str) -> list[dict[str, Any]]:
    """Return the tasks of the role runtime, with files of another owner in the same transaction."""
    options = {
        "files": "{{ runtime_files + raw_files }}",
        "owners": "{{ runtime_owners + ['raw'] }}",
        "max_disruption": "{{ runtime_max_disruption }}",
    }
    report = {REPORT: {"variable": "module_result", "planned": True, "details": True}}
    return [
        _role("cri.node.runtime", tasks_from="files"),
        {
            "block": [{ACTION: options, "register": "module_result"}],
            "always": [report] if phase == PLAN else [],
        },
    ]


def _played(changes: list[Change], results: list[dict[str, Any]]) -> list[Played]:
    """Return each change with its results, which are between the looks."""
    found: dict[tuple[str, str], tuple[list[dict[str, Any]], dict[str, Any]]] = {}
    since: list[dict[str, Any]] = []
    for entry in results:
        number, _space, after = entry["task"].partition(" ")
        if number.isdigit() and after:
            found[number, after] = since, json.loads(entry["result"]["stdout"])
            since = []
        else:
            since.append(entry)
    return [
        Played(
            change,
            found[str(change.number), "before"][1],
            {phase: _phase(*found[str(change.number), phase]) for phase in PHASES},
            found[str(change.number), TIDIED if change.tidy else RUN][1],
        )
        for change in changes
    ]


def _phase(entries: list[dict[str, Any]], look: dict[str, Any]) -> Phase:
    counted = [each for each in entries if each["action"] == ACTION]
    failed = [each for each in entries if each["status"] == "failed"]
    reports = [each["result"] for each in entries if each["action"] == REPORT]
    entry = counted[-1] if counted else failed[-1] if failed else {"result": {}, "status": ""}
    result = {**entry["result"], "failed": entry["status"] == "failed"}
    return Phase(result, reports[-1] if reports else {}, look)
