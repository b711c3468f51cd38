# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the nodes after the role ran, including runs that had to fail."""

import json
import os
from pathlib import Path

import pytest

testinfra_hosts = ["ansible://nodes"]

DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
ENVIRONMENT_FILE = "/etc/crio/cri-node.environment"
PASSWORD = "tr0ub4dor"
SOCKET = "/var/run/crio/crio.sock"


def name_of(host):
    """Return the name of the node in the inventory."""
    return host.backend.host


def runs():
    """Return the results of the runs of the role, oldest first: check, converge, check, idempotence."""
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
    kept = sorted(folder.glob("run-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
    documents = [json.loads(path.read_text())["results"] for path in kept]
    return [results for results in documents if any(map(is_apply, results))]


def is_apply(entry):
    """Return whether this is the task of the role that changes a node."""
    return entry["action"] == "cri.node.runtime_config" and "plan" in entry["result"]


def applied(run, node):
    """Return the result of the task of the role that changes a node, for that node."""
    return next(entry["result"] for entry in run if is_apply(entry) and entry["host"] == node)


def show(host, name):
    """Return a property of crio.service."""
    return host.check_output("systemctl show --value --property=%s crio.service", name)


def test_the_drop_in_contains_the_settings_with_their_types(host):
    assert host.file(DROP_IN).content_string == (
        "# Written by the role cri.node.crio, which undoes what is changed here: set crio_config instead.\n"
        "[crio.metrics]\n"
        "enable_metrics = true\n"
        "metrics_port = 9537\n"
        "\n"
        "[crio.network]\n"
        'plugin_dirs = ["/usr/libexec/cni", "/usr/lib/cni"]\n'
        "\n"
        "[crio.runtime]\n"
        "selinux = true\n"
    )
    assert host.file(DROP_IN).mode == 0o644


def test_the_running_daemon_uses_the_settings(host):
    live = host.check_output("curl --silent --unix-socket %s http://crio/config", SOCKET).splitlines()
    for line in (
        "selinux = true",
        'plugin_dirs = ["/usr/libexec/cni", "/usr/lib/cni"]',
        "enable_metrics = true",
        "metrics_port = 9537",
    ):
        assert line in [each.strip() for each in live]


def test_metrics_are_served_on_the_port(host):
    assert "container_runtime_crio_" in host.check_output("curl --silent http://127.0.0.1:9537/metrics")


def test_crio_is_enabled_and_running(host):
    assert host.service("crio").is_enabled
    assert host.service("crio").is_running
    assert show(host, "NeedDaemonReload") == "no"


def test_the_runtime_and_its_network_are_ready(host):
    conditions = json.loads(host.check_output("crictl info"))["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions}.items() >= {
        ("RuntimeReady", True),
        ("NetworkReady", True),
    }


def test_files_of_other_owners_are_unchanged(host):
    remembered = host.file("/root/strangers").content_string.splitlines()
    assert any("70-stranger.conf~" in line for line in remembered)
    for line in remembered:
        path = line.split()[0]
        assert host.check_output("stat --format='%%n %%Z %%a %%U' %s", path) == line


def test_the_drop_in_is_the_only_new_file(host):
    remembered = [line.split()[0] for line in host.file("/root/strangers").content_string.splitlines()]
    found = host.check_output("find /etc/crio/crio.conf.d -mindepth 1").splitlines()
    assert sorted(found) == sorted([*remembered, DROP_IN])


def test_a_run_leaves_no_temporary_files(host):
    assert not host.file("/etc/crio/.cri-node").exists
    assert not host.file("/etc/systemd/system/cri-node-recover.service").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
    assert host.check_output("systemctl list-units --all --no-legend 'cri-node-*'") == ""
    assert host.file("/var/lib/cri-node").mode == 0o700


def test_a_container_kept_running_through_all_restarts(host):
    if name_of(host) != "pods":
        pytest.skip("no container runs on this node")
    container = host.file("/root/containers").content_string.strip()
    assert host.check_output("crictl ps --quiet --no-trunc") == container
    seen = json.loads(host.check_output("crictl inspect %s", container))
    started = host.check_output("date +%%s --date %s", seen["status"]["startedAt"])
    assert int(started) < int(host.check_output("date +%%s --date %s", show(host, "ActiveEnterTimestamp")))


def test_only_the_configured_node_keeps_containers_when_crio_stops(host):
    configured = name_of(host) == "pods"
    assert show(host, "KillMode") == ("process" if configured else "control-group")
    assert ("KillMode=process" in host.file(UNIT_DROP_IN).content_string) == configured


def test_the_daemon_has_the_environment(host):
    variables = host.check_output("tr '\\0' '\\n' < /proc/%s/environ", show(host, "MainPID")).splitlines()
    assert f"HTTPS_PROXY=http://crio:{PASSWORD}@proxy.example.com:3128" in variables
    assert "NO_PROXY=registry,localhost" in variables


def test_only_root_can_read_the_password(host):
    environment = host.file(ENVIRONMENT_FILE)
    assert (environment.mode, environment.user) == (0o600, "root")
    modes = host.check_output(
        "grep --recursive --files-with-matches %s /etc /var/lib/cri-node | xargs stat --format=%%a", PASSWORD
    )
    assert set(modes.split()) == {"600"}


def test_the_password_is_not_logged_or_returned(host):
    assert PASSWORD not in host.check_output("journalctl --no-pager")
    assert PASSWORD not in host.check_output("systemctl show crio.service; systemctl cat crio.service")
    assert PASSWORD not in host.check_output("crictl info")
    assert PASSWORD not in json.dumps(runs())


def test_a_run_does_what_check_mode_predicted(host):
    predicted, done = (applied(run, name_of(host)) for run in runs()[:2])
    assert predicted["changed"] is True
    assert predicted["validated_by"] == "node"
    for part in ("changed", "plan", "validated_by", "without_effect", "warnings"):
        assert predicted[part] == done[part], part
    assert predicted["generation"] == 0
    assert done["generation"] == 1


def test_a_second_run_changes_nothing_in_check_mode_and_in_normal_mode(host):
    for run in runs()[2:4]:
        assert applied(run, name_of(host))["changed"] is False
