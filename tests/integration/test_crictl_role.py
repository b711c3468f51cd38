# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role crictl on a node: crictl works without options, shells complete it, and no daemon is disturbed."""

import re

import pytest

from testbed.observed import litter, observe

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.crictl"]}]
APPLY = "cri.node.crictl : Apply the crictl configuration"
FILE = "/etc/crictl.yaml"
BASH = "/etc/bash_completion.d/crictl"
# What bash does when somebody types `crictl pul` and Tab.
TYPED = (
    "COMP_WORDS=(crictl pul); COMP_CWORD=1; $(complete -p crictl | awk '{print $3}'); echo ${COMPREPLY[@]}"
)


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node for all tests of this module."""
    yield testbed.add("crictl")[0]
    testbed.remove("crictl")


def test_a_file_that_crictl_ignores_is_replaced_with_a_valid_one(node, run_playbook):
    node.copy_in(FILE, "timeout: 2s\n")
    assert "connect using default endpoints" in node.run("crictl info").err
    before = observe(node)
    run = run_playbook(
        ROLE, node, variables={"crictl_config": {"timeout": "5", "debug": "true"}}
    ).expect_success()
    assert run.of(APPLY)["plan"]["disruption"] == "none"
    assert node.crictl("info")["status"]["conditions"]
    output = node.run("crictl info").err
    assert "level=debug" in output
    assert "default endpoints" not in output
    assert node.read_file(FILE).splitlines()[1:] == [
        "debug: true", "runtime-endpoint: unix:///var/run/crio/crio.sock", "timeout: 5",
    ]  # fmt: skip
    after = observe(node)
    assert (after.invocation_id, after.configuration) == (before.invocation_id, before.configuration)
    assert litter(node) == ""


def test_a_second_run_changes_nothing_and_takes_one_remote_call(node, run_playbook):
    run_playbook(ROLE, node).expect_success()
    before = observe(node)
    second = run_playbook(ROLE, node, "-vvv").expect_success()
    assert second.changed == 0
    assert observe(node) == before
    assert len(re.findall(r"SSH: EXEC", second.out)) == 1


def test_check_mode_predicts_the_changes_of_a_run_and_touches_nothing(node, run_playbook):
    variables = {"crictl_config": {"debug": False}, "crictl_completion": ["zsh"]}
    before = observe(node)
    predicted = run_playbook(ROLE, node, "--check", "--diff", variables=variables).expect_success()
    assert observe(node) == before
    done = run_playbook(ROLE, node, "--diff", variables=variables).expect_success()
    for part in ("changed", "plan", "diff"):
        assert predicted.of(APPLY)[part] == done.of(APPLY)[part], part
    assert not node.exists(BASH)


def test_bash_completes_the_commands_of_crictl(node, run_playbook):
    run_playbook(ROLE, node).expect_success()
    assert node.check(["bash", "-c", f"source {BASH}; {TYPED}; {TYPED}"]).split() == ["pull", "pull"]
    # And says nothing where crictl is gone.
    gone = node.run(["bash", "-c", f"source {BASH}; PATH=/usr/bin; {TYPED}"])
    assert (gone.out.strip(), gone.err) == ("", "")


def test_a_key_that_crictl_does_not_know_is_refused_before_the_node_is_contacted(node, run_playbook):
    before = observe(node)
    run = run_playbook(ROLE, node, "-vvv", variables={"crictl_config__x": {"runtime_endpoint": "unix:///a"}})
    assert run.rc == 2
    assert "crictl_config__x: runtime_endpoint" in run.failure["msg"]
    assert "SSH: EXEC" not in run.out
    assert observe(node) == before


def test_a_node_without_crio_gets_its_files_too(bare_node, run_playbook):
    run = run_playbook(
        ROLE, bare_node, variables={"crictl_config": {"runtime-endpoint": "unix:///run/x.sock"}}
    )
    run.expect_success()
    assert "runtime-endpoint: unix:///run/x.sock\n" in bare_node.read_file(FILE)
    assert (
        run_playbook(
            ROLE,
            bare_node,
            variables={"crictl_config": {"runtime-endpoint": None, "timeout": None}, "crictl_completion": []},
        )
        .expect_success()
        .changed
        == 1
    )
    assert not bare_node.exists(FILE)
    assert not bare_node.exists(BASH)
