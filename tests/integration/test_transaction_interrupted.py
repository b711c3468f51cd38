# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests interrupted transactions: files and daemon end in the state before or after the change, without a further run."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.pod.marks import PROBE
from ansible_collections.cri.node.plugins.plugin_utils.pod import once
from faults import interrupted
from faults.interrupted import LIMIT, kills, wait_until_whole
from testbed import article, bed, playbooks
from testbed.observed import metrics_answer, observe, running_containers

LIMIT_OF_PROBES = (
    180  # the same after a kill while CRI-O creates a container, whose removal has to wait for CRI-O
)
OLD, NEW = 9537, 9600

# While this command of crictl runs for the probe of a handler.
PROBES = [f"during a probe: {command}" for command in ("pull", "runp", "create", "start", "rmp", "rmi")]

# A start of CRI-O that takes long enough to be interrupted from outside.
SLOW_START = "[Service]\nExecStartPre=/bin/sleep 4\n"


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node for all faults: each must leave it consistent. Two containers run on it all the time."""
    node = testbed.add("interrupted")[0]
    variables = article.settings(port=OLD)
    playbooks.run_playbook(article.ROLE, [node], test_bed=testbed, variables=variables).expect_success()
    node.run_pod()
    node.run_pod()
    interrupted.prepare(node)
    yield node
    testbed.remove("interrupted")


def request(port: int, image: str = "") -> dict:
    """Return a transaction of two files: crio.conf's drop-in with another port, and the unit's with a comment.

    image: of a pod with which the transaction probes the handler crun.
    """
    contents = {
        article.DROP_IN: f"[crio.metrics]\nenable_metrics = true\nmetrics_port = {port}\n",
        article.UNIT_DROP_IN: f"# metrics on {port}\n[Service]\nKillMode=process\n",
    }
    files = [
        {
            "path": path,
            "owner": "crio",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "mode": "0644",
            "secret": False,
            "disruption": "restart",
        }
        for path, text in sorted(contents.items())
    ]
    return {
        "unit": "crio.service", "owners": ["crio"], "files": files, "contents": contents, "remove": [],
        "expect": {"crio.metrics.metrics_port": str(port)}, "activate": "restart", "daemon_reload": False,
        "reload_keys": [], "reload_is_logged": True,
        "concerns_daemon": True,
        "ready_timeout": 30, "id": uuid.uuid4().hex, "fingerprint": "",
        "probes": {"pods": once.pods(PROBE, image), "handlers": ["crun"]} if image else {},
    }  # fmt: skip


def start_with_fault(node, fault: str, port: int = NEW) -> subprocess.Popen:
    """Start a transaction of two files with a fault, and do not wait for it."""
    image = node.image("hello-world") if fault in PROBES else ""
    return interrupted.start(node, fault, request(port, image))


def probe_leftovers(node) -> str:
    """Return pods, containers, logs and images of probes on a node."""
    return node.check(
        f"crictl pods -q --name {PROBE}; crictl ps -aq --name hello-world; find /var/log/pods -name '*{PROBE}*';"
        f" crictl images | grep hello-world || true"
    )


def wait_for_intent(node) -> None:
    intent = "/var/lib/cri-node/transaction/intent.json"
    node.wait_for("the intent", lambda: (node.exists(intent), "no intent yet"), LIMIT)


@pytest.mark.parametrize(
    "fault",
    [
        "during the rehearsal",
        "before the generation",
        "before the intent",
        "after the intent",
        "between two renames",
        "between two renames, and so is its recovery",
        "during the restart",
        "after the restart",
        *PROBES,
    ],
)
def test_a_transaction_killed_before_its_commit_is_undone(shared, fault):
    before, containers = observe(shared), running_containers(shared)
    killed, limit = kills(shared), LIMIT_OF_PROBES if fault in PROBES else LIMIT
    start_with_fault(shared, fault).wait(timeout=limit)
    assert kills(shared) > killed
    wait_until_whole(shared, limit)
    after = observe(shared)
    assert after.contents == before.contents
    assert after.configuration == before.configuration
    assert metrics_answer(shared, OLD)
    assert running_containers(shared) == containers
    if fault in PROBES:
        assert probe_leftovers(shared) == ""
    elif "restart" not in fault:
        assert after.invocation_id == before.invocation_id


@pytest.mark.parametrize("fault", ["after the commit", "while its record is removed"])
def test_a_transaction_killed_after_its_commit_is_kept(shared, fault):
    containers = running_containers(shared)
    start_with_fault(shared, fault, NEW).wait(timeout=LIMIT)
    wait_until_whole(shared)
    assert metrics_answer(shared, NEW)
    assert f"metrics_port = {NEW}" in shared.read_file(article.DROP_IN)
    assert running_containers(shared) == containers
    start_with_fault(shared, "none", OLD).wait(timeout=LIMIT)
    assert metrics_answer(shared, OLD)


@pytest.mark.parametrize("fault", ["hang between two renames", "hang after the restart"])
def test_a_node_that_loses_power_boots_with_its_previous_configuration(fresh_node, run_playbook, fault):
    node = fresh_node()
    run_playbook(article.ROLE, node, variables=article.settings(port=OLD)).expect_success()
    interrupted.prepare(node)
    before = observe(node)
    process = start_with_fault(node, fault)
    at = "metrics" if fault == "hang after the restart" else "rename"
    seen = f"{NEW}" if at == "metrics" else f"metrics_port = {NEW}"
    node.wait_for(
        "the point of the fault",
        lambda: (
            metrics_answer(node, NEW) if at == "metrics" else seen in node.read_file(article.DROP_IN),
            "not there yet",
        ),
        LIMIT,
    )
    node.kill()
    process.wait(timeout=LIMIT)
    node.boot()
    wait_until_whole(node)
    after = observe(node)
    assert after.contents == before.contents
    assert after.configuration == before.configuration
    assert metrics_answer(node, OLD)
    again = run_playbook(article.ROLE, node, variables=article.settings(port=OLD)).expect_success()
    assert again.changed == 0


def test_a_change_continues_when_its_connection_is_cut(shared, testbed):
    containers = running_containers(shared)
    with slow_start(shared):
        process = start_playbook(testbed, shared, article.settings(port=NEW))
        wait_for_intent(shared)
        shared.check("pkill -9 sshd-session")
        process.wait(timeout=LIMIT)
        wait_until_whole(shared)
    assert process.returncode != 0
    assert metrics_answer(shared, NEW)
    assert running_containers(shared) == containers
    back_to_old(testbed, shared)


def test_a_change_continues_when_the_controller_dies(shared, testbed):
    containers = running_containers(shared)
    with slow_start(shared):
        process = start_playbook(testbed, shared, article.settings(port=NEW))
        wait_for_intent(shared)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=LIMIT)
        wait_until_whole(shared)
    assert metrics_answer(shared, NEW)
    assert running_containers(shared) == containers
    back_to_old(testbed, shared)


def test_a_second_change_is_refused_while_one_is_in_progress(shared, testbed):
    process = start_with_fault(shared, "hang between two renames")
    wait_for_intent(shared)
    run = playbooks.run_playbook(
        article.ROLE, [shared], test_bed=testbed, variables=article.settings(port=9700)
    )
    assert run.rc != 0
    assert "another change of this node has been in progress" in run.out
    shared.check("systemctl kill --kill-whom=main -s KILL cri-node-apply")
    process.wait(timeout=LIMIT)
    wait_until_whole(shared)
    assert metrics_answer(shared, OLD)


def test_an_open_intent_is_completed_by_the_next_run(shared, testbed):
    process = start_with_fault(shared, "hang between two renames")
    wait_for_intent(shared)
    # As if systemd itself had been unable to run the recovery.
    shared.check(
        "truncate -s 0 /var/lib/cri-node/transaction/program-*.pyz; systemctl kill --kill-whom=main -s KILL cri-node-apply"
    )
    process.wait(timeout=LIMIT)
    assert shared.exists("/var/lib/cri-node/transaction/intent.json")
    run = playbooks.run_playbook(
        article.ROLE, [shared], test_bed=testbed, variables=article.settings(port=OLD)
    )
    run.expect_success()
    wait_until_whole(shared)
    assert metrics_answer(shared, OLD)


class slow_start:
    """Delay the start of CRI-O by four seconds in this block."""

    path = "/run/systemd/system/crio.service.d/05-slow.conf"

    def __init__(self, node):
        self.node = node

    def __enter__(self):
        self.node.copy_in(self.path, SLOW_START)
        self.node.check("systemctl daemon-reload")

    def __exit__(self, *_error):
        self.node.check(f"rm {self.path}; systemctl daemon-reload")


def start_playbook(testbed, node, variables) -> subprocess.Popen:
    """Start the role's playbook in a process group of its own."""
    folder = testbed.folder
    inventory = testbed.inventory([node])
    inventory["all"]["children"]["nodes"]["vars"] = variables
    (folder / "interrupted.json").write_text(bed.inventory_text(inventory))
    (folder / "interrupted.yml").write_text(json.dumps(article.ROLE))
    return subprocess.Popen(
        [
            Path(sys.executable).parent / "ansible-playbook",
            "-i",
            folder / "interrupted.json",
            folder / "interrupted.yml",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=playbooks.environment(),
        start_new_session=True,
    )


def back_to_old(testbed, node) -> None:
    variables = article.settings(port=OLD)
    playbooks.run_playbook(article.ROLE, [node], test_bed=testbed, variables=variables).expect_success()
    assert metrics_answer(node, OLD)
