# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the test bed itself, on which every other integration test relies."""

import subprocess

from testbed import bed


def test_node_is_reached_over_ssh(node):
    done = subprocess.run(
        ["ssh", *node.ssh_options, f"root@{node.address}", "hostname; systemctl is-system-running"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.split() == ["shared", "running"], done.stderr


def test_pod_runs_and_logs(node):
    pod = node.run_pod("log-writer", environment={"LINES": "2"}, labels={"app": "test"})
    node.wait_for(
        "container ended",
        lambda: (
            (state := node.crictl("inspect", pod.container_id)["status"]["state"]) == "CONTAINER_EXITED",
            state,
        ),
    )
    assert node.read_file(pod.log_path).count("stdout F out") == 2


def test_unlisted_registry_is_refused(node, testbed):
    done = node.run(["crictl", "pull", f"{testbed.unlisted_registry}/pause:1"])
    assert done.rc != 0
    assert "HTTP response to HTTPS client" in done.err


def test_power_loss(fresh_node):
    node = fresh_node()
    node.copy_in("/etc/marker", "kept")
    node.kill()
    node.boot()
    assert node.read_file("/etc/marker") == "kept"
    assert node.crictl("info")["status"]["conditions"]


def test_bare_node_has_no_crio(bare_node):
    assert bare_node.run("command -v crio crictl").rc != 0
    assert bare_node.run("command -v crun && command -v conmon").rc == 0


def test_module_and_playbook(node, call_module, run_playbook):
    assert call_module(node, "ansible.builtin.command", {"argv": ["hostname"]})["stdout"] == "shared"
    run = run_playbook(
        "- hosts: nodes\n  gather_facts: false\n  tasks:\n    - ansible.builtin.fail: {msg: refused}\n", node
    )
    assert run.rc == 2
    assert run.stats["shared"]["failures"] == 1
    assert run.of("ansible.builtin.fail")["msg"] == "refused"


def test_removed_test_bed_leaves_nothing_behind(testbed):
    other = bed.TestBed(f"{testbed.prefix}-gone", owner=bed.owner_mark())
    other.up(1, crio=False)
    other.down()
    assert other.prefix not in bed.prefixes()
    assert not other.folder.exists()


def test_test_bed_of_a_dead_owner_is_removed(testbed):
    other = bed.TestBed(f"{testbed.prefix}-dead", owner="1-1")  # no process has this start time
    other.prepare()
    assert other.prefix in bed.sweep()
    assert other.prefix not in bed.prefixes()
    assert testbed.prefix in bed.prefixes()
