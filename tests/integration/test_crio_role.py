# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role crio on a live node: its settings take effect once and do not disturb running containers."""

import re

import pytest

from testbed import article
from testbed.observed import (
    litter,
    live_configuration,
    metrics_answer,
    observe,
    running_containers,
    service,
)

# A CNI plugin that leaves a mark and then does what the real one does.
MARKING_PLUGIN = """#!/bin/sh
[ "$CNI_COMMAND" != ADD ] || touch /run/plugin-of-the-article-was-used
exec /usr/lib/cni/bridge "$@"
"""


@pytest.fixture
def node(fresh_node):
    """Return a separate node for each test, because the role changes it."""
    return fresh_node()


def test_settings_are_in_force_on_the_live_daemon(node, run_playbook):
    node.check("mkdir -p /usr/libexec/cni && cp -a /usr/lib/cni/. /usr/libexec/cni/")
    node.copy_in("/usr/libexec/cni/bridge", MARKING_PLUGIN, 0o755)
    desired = article.settings(network={"plugin_dirs": ["/usr/libexec/cni"]})
    run = run_playbook(article.ROLE, node, variables=desired).expect_success()
    live = live_configuration(node)
    assert "selinux = true" in live
    assert 'plugin_dirs = ["/usr/libexec/cni"]' in live
    assert "metrics_port = 9537" in live
    assert metrics_answer(node, 9537)
    assert not node.exists("/run/plugin-of-the-article-was-used")
    node.run_pod()
    assert node.exists("/run/plugin-of-the-article-was-used")
    assert run.of(article.APPLY)["without_effect"] == [
        {"key": "crio.runtime.selinux", "reason": "the kernel of this node does not run SELinux"}
    ]
    assert "crio.runtime.selinux is set, but has no effect on this node" in run.err
    assert litter(node) == ""


def test_a_second_run_changes_nothing_and_takes_one_remote_call(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    before = observe(node)
    second = run_playbook(article.ROLE, node, "-vvv", variables=article.settings()).expect_success()
    assert second.changed == 0
    assert observe(node) == before
    # One ssh for each call of the controller; -vvv prints them all.
    assert len(re.findall(r"SSH: EXEC", second.out)) == 1


def test_check_mode_predicts_the_changes_of_a_run_and_touches_nothing(node, run_playbook):
    before = observe(node)
    predicted = run_playbook(
        article.ROLE, node, "--check", "--diff", variables=article.settings()
    ).expect_success()
    assert observe(node) == before
    assert not node.exists("/var/lib/cri-node")
    done = run_playbook(article.ROLE, node, "--diff", variables=article.settings()).expect_success()
    for part in ("changed", "plan", "diff", "validated_by", "without_effect"):
        assert predicted.of(article.APPLY)[part] == done.of(article.APPLY)[part], part
    assert predicted.of(article.APPLY)["validated_by"] == "node"
    again = run_playbook(article.ROLE, node, "--check", variables=article.settings()).expect_success()
    assert again.changed == 0


def test_the_diff_names_the_layer_of_each_key(node, run_playbook):
    variables = {
        **article.settings(),
        "crio_config__b_site": {"crio": {"metrics": {"metrics_port": "9600"}}},
        "crio_config__a_lab": {"crio": {"metrics": {"metrics_port": 9700}, "runtime": {"selinux": None}}},
    }
    run = run_playbook(article.ROLE, node, "--check", "--diff", variables=variables).expect_success()
    assert "crio.metrics.metrics_port = 9600  (from crio_config__b_site)" in run.out
    assert "crio.metrics.enable_metrics = true  (from crio_config)" in run.out
    assert "selinux" not in run.out


def test_values_are_written_with_the_types_that_crio_reads(node, run_playbook):
    variables = article.settings(port="9537", api={"stream_port": 10010})
    run_playbook(article.ROLE, node, variables=variables).expect_success()
    written = node.read_file(article.DROP_IN)
    assert "metrics_port = 9537" in written
    assert 'stream_port = "10010"' in written
    assert 'stream_port = "10010"' in live_configuration(node)


def test_running_containers_survive_a_restart(node, run_playbook):
    node.run_pod()
    node.run_pod()
    containers, invocation = running_containers(node), service(node, "InvocationID")
    assert len(containers) == 2
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    assert service(node, "InvocationID") != invocation
    assert running_containers(node) == containers
    # And once more, now that the unit has the setting already.
    run_playbook(article.ROLE, node, variables=article.settings(port=9600)).expect_success()
    assert running_containers(node) == containers


@pytest.mark.real_crio("the stand-in's pods have no monitor in the daemon's control group")
def test_a_restart_that_would_stop_containers_is_refused(node, run_playbook):
    node.run_pod()
    before, containers = observe(node), running_containers(node)
    variables = {"crio_config": article.settings()["crio_config"]}
    for options in ([], ["--check"]):
        run = run_playbook(article.ROLE, node, *options, variables=variables)
        assert run.rc != 0
        assert "KillMode is control-group" in run.out
        assert "crio_service: {Service: {KillMode: process}}" in run.out
    assert observe(node) == before
    assert running_containers(node) == containers


@pytest.mark.real_crio("the stand-in's pods have no monitor in the daemon's control group")
def test_removing_the_setting_that_protects_containers_is_refused_while_they_run(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    node.run_pod()
    before = observe(node)
    run = run_playbook(article.ROLE, node, variables={"crio_config": article.settings()["crio_config"]})
    assert run.rc != 0
    assert "KillMode is control-group" in run.out
    assert observe(node) == before


def test_the_environment_reaches_the_daemon_and_is_not_shown_anywhere(node, run_playbook):
    password = "tr0ub4dor-and-three"
    variables = {
        **article.settings(),
        "crio_environment": {
            "HTTPS_PROXY": f"http://user:{password}@proxy.example.com:3128",
            "NO_PROXY": "registry",
        },
    }
    runs = [
        run_playbook(article.ROLE, node, "--diff", "-vvv", *options, variables=variables).expect_success()
        for options in (["--check"], [], [])
    ]
    assert password in node.check("tr '\\0' '\\n' < /proc/$(systemctl show crio -p MainPID --value)/environ")
    assert node.check(["stat", "-c", "%a %U", article.ENVIRONMENT_FILE]).strip() == "600 root"
    for run in runs:
        assert password not in run.out + run.err
        assert password not in str(run.results)
    assert password not in node.check("journalctl --no-pager; systemctl show crio --no-pager")
    assert node.check(f"grep -rl {password} /var/lib/cri-node /run/cri-node /etc").split() == [
        article.ENVIRONMENT_FILE
    ]
    emptied = run_playbook(
        article.ROLE, node, variables={**variables, "crio_environment": {}}
    ).expect_success()
    assert emptied.of(article.APPLY)["plan"]["files"][article.ENVIRONMENT_FILE] == "remove"
    assert not node.exists(article.ENVIRONMENT_FILE)
    assert password not in node.check(
        "tr '\\0' '\\n' < /proc/$(systemctl show crio -p MainPID --value)/environ"
    )


def test_empty_service_settings_remove_the_drop_in(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    assert service(node, "KillMode") == "process"
    run_playbook(article.ROLE, node, variables={**article.settings(), "crio_service": {}}).expect_success()
    assert not node.exists(article.UNIT_DROP_IN)
    assert not node.exists("/etc/systemd/system/crio.service.d")
    assert service(node, "KillMode") == "control-group"


def test_a_daemon_that_has_not_loaded_the_files_is_restarted(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    text = node.read_file(article.DROP_IN)
    node.copy_in(article.DROP_IN, text.replace("9537", "9600"))
    node.check("systemctl restart crio")
    node.wait_for_crio()
    node.copy_in(article.DROP_IN, text)
    invocation = service(node, "InvocationID")
    run = run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    assert run.of(article.APPLY)["plan"]["files"] == {}
    assert "the running daemon has not loaded it" in run.of(article.APPLY)["plan"]["reasons"][0]
    assert service(node, "InvocationID") != invocation
    assert metrics_answer(node, 9537)


def test_a_daemon_restarted_by_somebody_else_is_not_restarted_again(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    node.check("systemctl restart crio")
    node.wait_for_crio()
    before = observe(node)
    assert run_playbook(article.ROLE, node, variables=article.settings()).expect_success().changed == 0
    assert observe(node) == before


def test_a_daemon_that_does_not_run_is_started_and_enabled(node, run_playbook):
    run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    node.check("systemctl disable --now crio")
    run = run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    assert run.changed == 1
    assert service(node, "ActiveState") == "active"
    assert service(node, "UnitFileState") == "enabled"


def test_a_key_that_a_later_file_overrides_is_reported(node, run_playbook):
    node.copy_in("/etc/crio/crio.conf.d/90-stranger.conf", "[crio.metrics]\nmetrics_port = 9999\n")
    run = run_playbook(article.ROLE, node, variables=article.settings()).expect_success()
    assert run.of(article.APPLY)["outranked"] == [
        {"key": "crio.metrics.metrics_port", "wanted": "9537", "live": "9999"}
    ]
    assert run_playbook(article.ROLE, node, variables=article.settings()).expect_success().changed == 0


def test_files_of_other_owners_are_unchanged(node, run_playbook):
    strangers = {
        "/etc/crio/crio.conf.d/70-stranger.conf": "[crio.runtime]\nlog_level = 'debug'\n",
        "/etc/crio/crio.conf.d/60-cri-node.conf.rpmsave~": "[crio.runtime]\n",
        "/etc/systemd/system/crio.service.d/10-stranger.conf": "[Service]\nNice=1\n",
    }
    for path, content in strangers.items():
        node.copy_in(path, content)
    names = " ".join(f"'{path}'" for path in [*strangers, "/etc/crio/crio.conf.d/10-testbed.conf"])
    before = node.check(f"stat -c '%n %Z %a' {names}")
    of_another_owner = {
        "owners": ["other"],
        "files": [{"path": "/etc/crio/crio.conf.d/50-other.conf", "owner": "other", "content": "# other\n"}],
    }
    task = [
        {"hosts": "nodes", "gather_facts": False, "tasks": [{"cri.node.runtime_config": of_another_owner}]}
    ]
    run_playbook(task, node).expect_success()
    for variables in (article.settings(), {}):
        run_playbook(article.ROLE, node, variables=variables).expect_success()
    assert node.check(f"stat -c '%n %Z %a' {names}") == before
    assert node.read_file("/etc/crio/crio.conf.d/50-other.conf") == "# other\n"
    assert not node.exists(article.DROP_IN)


def test_a_link_or_an_immutable_file_at_a_managed_path_is_refused(node, run_playbook):
    node.check(f"ln -s /dev/null {article.DROP_IN}")
    before = observe(node)
    run = run_playbook(article.ROLE, node, variables=article.settings())
    assert run.rc != 0
    assert f"{article.DROP_IN} is a symbolic link to /dev/null" in run.out
    assert observe(node) == before


def test_only_the_files_entry_point_makes_no_remote_call(node, run_playbook):
    tasks = [
        {"ansible.builtin.include_role": {"name": "cri.node.crio", "tasks_from": "files", "public": True}},
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ crio_files | map(attribute='path') | list }}"}},
    ]
    play = [{"hosts": "nodes", "gather_facts": False, "tasks": tasks}]
    run = run_playbook(play, node, "-vvv", variables=article.settings()).expect_success()
    assert "SSH: EXEC" not in run.out
    assert run.of("Show")["msg"] == [article.DROP_IN, article.UNIT_DROP_IN, article.ENVIRONMENT_FILE]
    checked = run_playbook(
        article.ROLE, node, "-vvv", "--tags", "check", variables=article.settings()
    ).expect_success()
    assert "SSH: EXEC" not in checked.out
