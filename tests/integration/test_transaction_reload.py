# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the files of a change decide its disruption: none, a reload whose success the daemon itself logs, or a restart."""

import pytest

from testbed import article, playbooks
from testbed.observed import litter, observe, running_containers, service

DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"
INSECURE = '[[registry]]\nlocation = "unlisted:5000"\ninsecure = true\n'
IMAGE = "unlisted:5000/hello-world:1"


def a_file(content, path=DROP_IN, owner="registries", disruption="reload"):
    return {"path": path, "owner": owner, "content": content, "disruption": disruption}


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node with the article's settings."""
    node = testbed.add("reload")[0]
    playbooks.run_playbook(
        article.ROLE, [node], test_bed=testbed, variables=article.settings()
    ).expect_success()
    yield node
    testbed.remove("reload")


@pytest.fixture
def apply(shared, call_module):
    """Return a function that applies one file to the node and returns the result."""

    def call(entry, *options):
        return call_module(
            shared, "cri.node.runtime_config", {"files": [entry], "owners": [entry["owner"]]}, *options
        )

    return call


def pull(node):
    return node.run(["crictl", "pull", IMAGE])


def test_registries_take_effect_with_a_reload_while_pods_run(shared, apply):
    shared.run_pod()
    running = running_containers(shared)
    before = observe(shared)
    assert "server gave HTTP response to HTTPS client" in pull(shared).err
    predicted = apply(a_file(INSECURE), "--check")
    done = apply(a_file(INSECURE))
    assert done["plan"] == predicted["plan"]
    assert done["plan"]["disruption"] == "reload"
    assert done["plan"]["reasons"] == [f"{DROP_IN} is new"]
    assert service(shared, "InvocationID") == before.invocation_id
    assert running_containers(shared) == running
    assert pull(shared).rc == 0
    shared.run_pod()  # with the handlers that the daemon started with, whatever /config says of them since
    assert apply(a_file(INSECURE))["changed"] is False
    assert litter(shared) == ""
    shared.remove_pods()


def test_registries_that_crio_refuses_never_reach_the_daemon(shared, apply):
    apply(a_file(INSECURE))
    before = observe(shared)
    result = apply(a_file('[[registry]]\nlocation = "http://unlisted:5000"\n'))
    assert "CRI-O could not start with this configuration" in result["msg"]
    assert "invalid location 'http://unlisted:5000': URI schemes are not supported" in result["msg"]
    assert DROP_IN in result["msg"]
    assert "Nothing was changed on the node" in result["msg"]
    assert observe(shared) == before
    assert pull(shared).rc == 0
    assert litter(shared) == ""


def test_registries_that_are_no_longer_configured_are_gone_after_a_reload(shared, apply):
    apply(a_file(INSECURE))
    result = apply(a_file(None))
    assert result["plan"]["disruption"] == "reload"
    assert not shared.exists(DROP_IN)
    shared.run(["crictl", "rmi", IMAGE])
    assert pull(shared).rc == 1


def test_registries_that_the_file_of_root_overrides_are_reported_as_ineffective(shared, apply):
    own = "/root/.config/containers/registries.conf"
    settings = {"registry": [{"location": "unlisted:5000", "insecure": True}]}
    hidden = {"path": DROP_IN, "owner": "registries", "kind": "registries_conf"}
    hidden["layers"] = [["registries_config", settings]]
    shared.copy_in(own, "")
    try:
        [found] = apply(hidden)["without_effect"]
        assert found["key"] == DROP_IN
        assert own in found["reason"]
        assert pull(shared).rc == 1
    finally:
        shared.check(["rm", own])
        shared.check(["systemctl", "reload", "crio"])
    assert "without_effect" not in apply(hidden)


def test_a_daemon_that_does_not_log_reloads_is_restarted(shared, apply):
    apply(a_file(None))
    quiet = "/etc/crio/crio.conf.d/70-quiet.conf"
    shared.copy_in(quiet, '[crio.runtime]\nlog_level = "warn"\n')
    shared.check(["systemctl", "restart", "crio"])
    try:
        before = service(shared, "InvocationID")
        result = apply(a_file(INSECURE))
        assert result["plan"]["disruption"] == "restart"
        assert "log_level" in result["plan"]["reasons"][-1]
        assert service(shared, "InvocationID") != before
        assert pull(shared).rc == 0
    finally:
        shared.check(["rm", quiet])
        shared.check(["systemctl", "restart", "crio"])


def test_a_file_that_no_daemon_reads_requires_no_restart_even_if_another_owner_s_file_is_not_loaded(
    shared, apply
):
    apply(a_file(INSECURE))
    apply(a_file(None))  # as after a manual change: what CRI-O's owner has is loaded, registries have no file
    crictl = a_file("timeout: 10\n", "/etc/crictl.yaml", "crictl", "none")
    before = observe(shared)
    result = apply(crictl)
    assert result["plan"] == {
        "disruption": "none",
        "reasons": [],
        "files": {"/etc/crictl.yaml": "change"},
        "keys": [],
        "overruled_guards": {},
    }
    after = observe(shared)
    assert after.invocation_id == before.invocation_id
    assert after.files == before.files
    assert shared.read_file("/etc/crictl.yaml") == "timeout: 10\n"


def test_a_change_of_another_owner_does_not_mark_an_unread_file_as_loaded(shared, apply, call_module):
    desired = a_file(
        '[crio.image]\nbig_files_temporary_dir = "/var/tmp"\n', article.DROP_IN, "crio", "restart"
    )
    apply(desired)
    # The daemon's memory of it is taken away: the state says another start, and the file is newer than this one.
    shared.check(["systemctl", "restart", "crio"])
    shared.check(["touch", article.DROP_IN])
    apply(a_file("timeout: 11\n", "/etc/crictl.yaml", "crictl", "none"))
    result = call_module(
        shared, "cri.node.runtime_config", {"files": [desired], "owners": ["crio"]}, "--check"
    )
    assert result["plan"]["disruption"] in ("restart", "drain")  # with running containers
    assert "has not loaded it" in result["plan"]["reasons"][0]


def test_a_node_without_crio_gets_a_file_that_no_daemon_reads(bare_node, call_module):
    entry = a_file("timeout: 10\n", "/etc/crictl.yaml", "crictl", "none")
    result = call_module(bare_node, "cri.node.runtime_config", {"files": [entry], "owners": ["crictl"]})
    assert result["changed"] is True, result
    assert bare_node.read_file("/etc/crictl.yaml") == "timeout: 10\n"
    entry["content"] = None
    call_module(bare_node, "cri.node.runtime_config", {"files": [entry], "owners": ["crictl"]})
    assert not bare_node.exists("/etc/crictl.yaml")
