# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests handlers and workloads on a live node: a file that replaces one, an old daemon, and a handler that CRI-O ignores."""

import pytest

from testbed import article

STRANGER = "/etc/crio/crio.conf.d/70-other.conf"
KATA = 'crio.runtime.runtimes."kata.v2"'
WORKLOAD = "crio.runtime.workloads.throttled"
SETTINGS = article.settings(
    runtime={
        "seccomp_profile": "/etc/crio/missing.json",
        "runtimes": {
            "kata.v2": {
                "runtime_path": "/opt/kata",
                "runtime_root": "/run/kata",
                "allowed_annotations": ["bundle"],
                "default_annotations": {"run.oci.handler": "x"},
            }
        },
        "workloads": {
            "throttled": {"activation_annotation": "io.example/throttled", "resources": {"cpushares": 100}}
        },
    }
)
OTHER = """[crio.runtime.runtimes."kata.v2"]
runtime_path = "/opt/kata"
runtime_pull_image = true
[crio.runtime.workloads.throttled]
activation_annotation = "io.example/throttled"
[crio.runtime.workloads.throttled.resources]
cpushares = 5
"""


@pytest.fixture
def node(fresh_node):
    """Return a node with a program for the handler, which no pod of these tests uses."""
    made = fresh_node()
    made.copy_in("/opt/kata", "#!/bin/sh\nexit 0\n")
    made.check("chmod 0755 /opt/kata")
    return made


@pytest.fixture
def apply(node, run_playbook):
    """Return apply() -> the result of the task that applies the files."""

    def play():
        return run_playbook(article.ROLE, node, variables=SETTINGS).expect_success().of(article.APPLY)

    return play


@pytest.fixture
def verify(node, run_playbook, tmp_path):
    """verify() -> {check: (status, detail)}."""

    def play():
        variables = {**SETTINGS, "verify_image": "", "verify_report_file": str(tmp_path / "report.json")}
        run = run_playbook("cri.node.verify", node, variables=variables)
        checks = run.of("cri.node.runtime_verify")["checks"]
        return {check["name"]: (check["status"], check["detail"]) for check in checks}

    return play


def restart(node):
    node.check("systemctl restart crio")
    node.wait_for_crio()


def test_whole_entries_are_compared_with_the_daemon_until_they_are_removed(node, apply, verify):
    first = apply()
    assert first["changed"]
    assert "outranked" not in first
    checks = verify()
    assert checks["handlers"] == ("passed", "CRI-O offers kata.v2")
    assert checks["settings"][0] == "passed"
    assert checks["without_effect"][0] == "warning"
    assert "/etc/crio/missing.json does not exist on this node" in checks["without_effect"][1]

    node.copy_in(STRANGER, OTHER)
    restart(node)
    outranked = {each["key"]: (each["wanted"], each["live"]) for each in apply()["outranked"]}
    assert outranked == {
        f"{KATA}.allowed_annotations": ('["bundle"]', None),
        f'{KATA}.default_annotations."run.oci.handler"': ('"x"', None),
        f"{KATA}.runtime_pull_image": (None, "true"),
        f"{KATA}.runtime_root": ('"/run/kata"', '""'),
        f"{WORKLOAD}.resources.cpushares": ("100", "5"),
    }
    status, detail = verify()["settings"]
    assert status == "failed"
    assert f"{KATA} is set with " in detail
    assert "replaces the whole table" in detail

    node.check(f"rm {STRANGER}")
    status, detail = verify()["settings"]
    assert status == "failed"
    assert f"{WORKLOAD}.resources.cpushares: the running CRI-O uses 5" in detail
    assert "it has not been restarted since" in detail
    restart(node)
    assert verify()["settings"][0] == "passed"

    node.check("rm /opt/kata")
    status, detail = verify()["handlers"]
    assert status == "failed"
    assert (
        f"the handler kata.v2 cannot be used: {KATA}.runtime_path (from crio_config): /opt/kata does not"
        in detail
    )
    restart(node)
    checks = verify()
    assert checks["handlers"][0] == "failed"
    assert checks["handlers"][1].startswith(f"CRI-O does not offer the handler kata.v2: {KATA}.runtime_path")
    assert checks["settings"][0] == "failed"
    assert f"{KATA} is not in the configuration of the running CRI-O" in checks["settings"][1]
    assert "read later" not in checks["settings"][1]
    # It is reported, and no reason to restart CRI-O again and again.
    last = apply()
    assert not last["changed"]
    assert any(f"{KATA} is not in the configuration" in warning for warning in last["warnings"])
    assert any("/opt/kata does not exist on this node" in warning for warning in last["warnings"])
