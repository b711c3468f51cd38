# SPDX-License-Identifier: GPL-3.0-or-later
"""A node returns to an earlier configuration with its daemon, or stays as it is."""

import json

import pytest

from testbed import article
from testbed.observed import litter, metrics_answer, observe, running_containers, service

ROLLBACK = "cri.node.rollback"
RESTORE = "Restore the earlier configuration"
OLD, NEW = 9537, 9538
BLOCKER = "port-blocker.service"


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    yield testbed.add("rollback")[0]
    testbed.remove("rollback")


@pytest.fixture
def changed(node, run_playbook):
    """The node with two more generations: an older one with the old port, and the latest one with the new port."""
    run_playbook(article.ROLE, node, variables=article.settings(port=OLD)).expect_success()
    before = observe(node)
    newer = {**article.settings(port=NEW), "crio_environment": {"NO_PROXY": "registry,unlisted"}}
    run_playbook(article.ROLE, node, variables=newer).expect_success()
    yield before
    node.run(["systemctl", "stop", BLOCKER])


def generations(call_module, node):
    return call_module(node, "cri.node.runtime_generations_facts")["ansible_facts"]["runtime_generations"]


def test_a_rollback_restores_files_and_daemon_and_keeps_containers(changed, node, run_playbook, call_module):
    node.run_pod()
    containers = running_containers(node)
    assert containers
    newest = generations(call_module, node)["current"]
    before = observe(node)

    checked = run_playbook(ROLLBACK, node, "--check", "--diff").expect_success()
    assert observe(node) == before
    predicted = checked.of(RESTORE)
    assert "(secret" in json.dumps(predicted["diff"])
    assert "unlisted" not in json.dumps(predicted["diff"])

    done = run_playbook(ROLLBACK, node).expect_success()
    result = done.of(RESTORE)
    assert result["plan"] == predicted["plan"]
    assert result["plan"]["disruption"] == "restart"
    assert result["plan"]["files"][article.DROP_IN] == "change"
    assert result["plan"]["files"][article.ENVIRONMENT_FILE] == "remove"
    assert (result["restored_generation"], result["generation"]) == (newest - 1, newest + 1)
    assert f"rollback to generation {newest - 1}" in done.out
    assert "the next run of a role or of cri.node.provision applies them again" in " ".join(
        (done.out + done.err).split()
    )

    assert observe(node).contents == changed.contents
    assert metrics_answer(node, OLD)
    assert service(node, "ActiveState") == "active"
    assert running_containers(node) == containers
    assert litter(node) == ""
    facts = generations(call_module, node)
    assert facts["current"] == newest + 1
    assert len(facts["generations"]) <= 5
    assert all(file["matches_node"] for file in facts["generations"][0]["files"])
    kept = {name: result["plan"][name] for name in ("disruption", "reasons", "files")}
    assert facts["generations"][0]["plan"] == kept

    # The daemon has loaded it: neither a repeated rollback nor the variables of that time change anything.
    repeated = run_playbook(ROLLBACK, node, "-e", f"rollback_generation={newest - 1}").expect_success()
    assert repeated.changed == 0
    role = run_playbook(article.ROLE, node, variables=article.settings(port=OLD)).expect_success()
    assert role.changed == 0
    node.remove_pods()


def test_what_is_not_kept_is_refused_and_nothing_is_changed(changed, node, run_playbook, call_module):
    newest = generations(call_module, node)["current"]
    run_playbook(article.ROLE, node, variables=article.settings(port=OLD)).expect_success()
    before = observe(node)
    for options in (["--check"], []):
        secret = run_playbook(ROLLBACK, node, *options, "-e", f"rollback_generation={newest}")
        assert secret.rc == 2
        assert article.ENVIRONMENT_FILE in secret.failure["msg"]
        assert "contains secrets, which are not kept" in secret.failure["msg"]
        missing = run_playbook(ROLLBACK, node, *options, "-e", "rollback_generation=999")
        assert "generation 999 does not exist; this node has: " in missing.failure["msg"]
    assert observe(node) == before


def test_a_rollback_with_which_crio_does_not_start_is_undone(changed, node, run_playbook):
    before, containers = observe(node), running_containers(node)
    node.check(["systemd-run", f"--unit={BLOCKER}", "python3", "-m", "http.server", str(OLD)])
    node.check(f"until curl -s http://127.0.0.1:{OLD}/ >/dev/null; do sleep 0.1; done")
    result = run_playbook(ROLLBACK, node).failure
    assert "address already in use" in result["msg"]
    assert "The change was undone: the node is as it was" in result["msg"]
    assert (result["rolled_back"], result["as_before"]) == (True, True)
    after = observe(node)
    assert (after.contents, after.configuration, after.active) == (
        before.contents,
        before.configuration,
        "active",
    )
    assert running_containers(node) == containers
    assert metrics_answer(node, NEW)
    assert litter(node) == ""
