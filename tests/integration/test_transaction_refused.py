# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that invalid changes are refused as early as possible, and leave the node unchanged."""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils.transaction import unit
from testbed import article, playbooks
from testbed.observed import litter, metrics_answer, observe, running_containers, service

OLD = 9537
RUNTIME = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node with the article's settings, which no test of this module may change."""
    node = testbed.add("refused")[0]
    variables = article.settings(port=OLD)
    playbooks.run_playbook(article.ROLE, [node], test_bed=testbed, variables=variables).expect_success()
    yield node
    testbed.remove("refused")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        pytest.param(
            {"metrics": {"metrics_port": "many"}},
            ["crio_config__bad", "crio.metrics.metrics_port", "many", "integer"],
            id="a string for an integer",
        ),
        pytest.param(
            {"metrics": {"metrics_port": 9537.5}},
            ["crio_config__bad", "crio.metrics.metrics_port", "9537.5", "integer"],
            id="a fraction for an integer",
        ),
        pytest.param(
            {"runtime": {"log_level": "loud"}},
            ["crio_config__bad", "crio.runtime.log_level", "loud", "debug"],
            id="a log level that does not exist",
        ),
        pytest.param(
            {"runtime": {"cgroup_manager": "systemdd"}},
            ["crio_config__bad", "crio.runtime.cgroup_manager", "systemdd", "cgroupfs"],
            id="a cgroup manager that does not exist",
        ),
        pytest.param(
            {"runtime": {"log_levle": "info"}},
            ["crio_config__bad", "crio.runtime.log_levle", "crio.runtime.log_level"],
            id="a key that does not exist",
        ),
        pytest.param(
            {"network": {"plugin_dirs": "/usr/lib/cni"}},
            ["crio_config__bad", "crio.network.plugin_dirs", "list"],
            id="a string for a list",
        ),
    ],
)
def test_invalid_settings_are_refused_on_the_controller(shared, run_playbook, layer, expected):
    before = observe(shared)
    variables = {**article.settings(port=OLD), "crio_config__bad": {"crio": layer}}
    run = run_playbook(article.ROLE, shared, "-vvv", variables=variables)
    assert run.rc == 2
    for word in expected:
        assert word in run.failure["msg"]
    assert "SSH: EXEC" not in run.out
    assert observe(shared) == before


def test_all_problems_are_reported_together(shared, run_playbook):
    variables = {
        **article.settings(port=OLD),
        "crio_config__bad": {"crio": {"metrics": {"metrics_port": "many"}, "runtime": {"log_level": "loud"}}},
        "crio_service": {"Servce": {"KillMode": "process"}},
        "crio_environment": {"not a name": "x"},
    }
    message = run_playbook(article.ROLE, shared, variables=variables).failure["msg"]
    for word in ("metrics_port", "log_level", "Servce", "not a name"):
        assert word in message


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        pytest.param(
            {"metrics": {"metrics_port": 22}},
            ["crio.metrics.metrics_port = 22", "address already in use"],
            id="a metrics port that is in use",
        ),
        pytest.param(
            {"metrics": {"metrics_host": "192.0.2.1"}},
            ['crio.metrics.metrics_host = "192.0.2.1"', "cannot assign requested address"],
            id="a metrics address of another host",
        ),
    ],
)
def test_a_change_that_only_fails_at_the_start_is_undone(shared, run_playbook, layer, expected):
    before, containers = observe(shared), running_containers(shared)
    variables = {**article.settings(port=OLD), "crio_config__bad": {"crio": layer}}
    run = run_playbook(article.ROLE, shared, variables=variables)
    assert run.rc == 2
    result = run.failure
    for word in [
        *expected,
        article.DROP_IN,
        "crio_config__bad",
        "The change was undone: the node is as it was",
    ]:
        assert word in result["msg"]
    assert result["rolled_back"] is True
    assert result["as_before"] is True
    after = observe(shared)
    assert after.contents == before.contents
    assert after.configuration == before.configuration
    assert after.active == "active"
    assert running_containers(shared) == containers
    assert metrics_answer(shared, OLD)
    assert litter(shared) == ""
    assert (
        run_playbook(article.ROLE, shared, variables=article.settings(port=OLD)).expect_success().changed == 0
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            '[crio.runtime]\ncgroup_manager = "systemdd"\n',
            ["cgroup manager", "systemdd"],
            id="cgroup manager",
        ),
        pytest.param(
            '[crio.runtime]\n[crio.runtime.runtimes.crun]\nruntime_path = "/nowhere/crun"\n',
            ["/nowhere/crun"],
            id="default handler without its program",
        ),
    ],
)
def test_a_change_that_fails_in_a_dry_start_is_refused(shared, run_playbook, content, words):
    """The role refuses some of these on the controller; other file sets reach the node."""
    before = observe(shared)
    entry = {
        "path": "/etc/crio/crio.conf.d/61-other.conf",
        "owner": "other",
        "content": content,
    }
    play = [
        {"hosts": "nodes", "gather_facts": False, "tasks": [{"cri.node.runtime_config": {"files": [entry]}}]}
    ]
    for options in (["--check"], []):
        message = run_playbook(play, shared, *options).failure["msg"]
        assert "CRI-O could not start with this configuration" in message
        assert "Nothing was changed" in message
        for word in words:
            assert word in message
    assert observe(shared) == before


def test_check_mode_leaves_no_directory_that_only_a_start_creates(shared, run_playbook):
    before = observe(shared)
    folders = {
        "log_dir": "/srv/rehearsed/log/crio",
        "root": "/var/lib/containers/rehearsed",
        "runroot": "/run/rehearsed/storage",
    }
    variables = {**article.settings(port=OLD), "crio_config__folders": {"crio": folders}}
    overruled = {"runtime_overruled_guards": ["storage_in_use"]}  # there are images in the present root
    run_playbook(RUNTIME, shared, "--check", variables={**variables, **overruled}).expect_success()
    assert shared.run("ls -d /srv/rehearsed /run/rehearsed /var/lib/containers/rehearsed").out == ""
    assert "rehearsed" not in shared.read_file("/proc/mounts")
    assert observe(shared) == before


def test_systemd_settings_that_systemd_would_ignore_are_refused(shared, run_playbook):
    before = observe(shared)
    variables = {**article.settings(port=OLD), "crio_service": {"Service": {"KillMode": "gently"}}}
    run = run_playbook(article.ROLE, shared, variables=variables)
    assert "gently" in run.failure["msg"]
    assert article.UNIT_DROP_IN in run.failure["msg"]
    assert observe(shared) == before


def test_a_broken_file_of_another_owner_is_named_and_nothing_is_touched(shared, run_playbook):
    stranger = "/etc/crio/crio.conf.d/README"
    shared.copy_in(stranger, "Put files here.\n")
    before = observe(shared)
    for options in ([], ["--check"]):
        run = run_playbook(article.ROLE, shared, *options, variables=article.settings(port=9601))
        assert stranger in run.failure["msg"]
        assert "Nothing was changed" in run.failure["msg"]
    assert observe(shared) == before
    shared.check(["rm", stranger])


RUN_REQUEST = """
import json, sys
sys.path.insert(0, "/root/program.pyz")
from cri_node.layout import NODE
from cri_node.transaction import unit
print(json.dumps(unit.run_transaction(json.load(open("/root/request.json")), NODE)))
"""


def test_a_node_that_changed_since_it_was_read_is_left_alone(shared):
    stale = {
        "unit": "crio.service", "owners": ["crio"], "files": [], "contents": {}, "remove": [], "expect": {},
        "activate": "restart", "concerns_daemon": True, "daemon_reload": False,
        "reload_keys": [], "reload_is_logged": True,
        "ready_timeout": 30, "id": "stale", "fingerprint": "0" * 64,
    }  # fmt: skip
    before = observe(shared)
    shared.copy_in(
        "/root/program.pyz", unit.program((*unit.ALL_MODULES, "transaction.idle", "transaction.unit"))
    )
    shared.copy_in("/root/request.json", json.dumps(stale))
    outcome = json.loads(shared.check(["python3", "-"], stdin=RUN_REQUEST))
    assert outcome["phase"] == "refused"
    assert "the node changed after it was read" in outcome["message"]
    assert observe(shared) == before


def test_a_masked_unit_is_reported(fresh_node, run_playbook):
    node = fresh_node()
    node.check("systemctl stop crio; mv /etc/systemd/system/crio.service /root/; systemctl mask crio")
    run = run_playbook(article.ROLE, node, variables=article.settings())
    assert run.rc != 0
    assert "masked" in run.failure["msg"]
    assert service(node, "LoadState") == "masked"
