# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the playbooks provision and verify on live nodes: reports are correct, and no pod is left."""

import json

import pytest

from testbed import article, playbooks
from testbed.observed import metrics_answer, observe

PROVISION, VERIFY = "cri.node.provision", "cri.node.verify"
STRANGER = "/etc/crio/crio.conf.d/90-stranger.conf"
CNI = "/etc/cni/net.d/10-testbed.conflist"
PASSWORD = "tr0ub4dor-and-three"
# Nobody listens there.
PROXY = {"HTTPS_PROXY": f"http://user:{PASSWORD}@127.0.0.1:9", "NO_PROXY": "registry,unlisted"}


def perform(test_bed, playbook, on, path, *options, **variables):
    """Run a playbook on nodes. Returns (its Run, the report at path that it wrote, or None)."""
    desired = {
        **article.settings(),
        "crio_environment": PROXY,
        "verify_image": on[0].image("hello-world"),
        "verify_report_file": str(path),
        **variables,
    }
    path.unlink(missing_ok=True)
    done = playbooks.run_playbook(playbook, on, *options, test_bed=test_bed, variables=desired)
    for node in on:
        left = node.run("crictl pods --quiet 2>/dev/null; ls -d /var/log/pods/* 2>/dev/null").out
        assert left == "", f"{node}: left after {playbook}: {left}"
    written = path.read_text() if path.exists() else "null"
    assert PASSWORD not in done.out + done.err + str(done.results) + written
    return done, json.loads(written)


@pytest.fixture(scope="module")
def provisioned(testbed, crio_source, tmp_path_factory):
    """Return two provisioned nodes for this module: (nodes, run, report)."""
    names = ("provision-1", "provision-2")
    made = testbed.add(*names)
    image = f"{made[0].registry}/log-writer:1"
    path = tmp_path_factory.mktemp("provision") / "report.json"
    yield made, *perform(testbed, PROVISION, made, path, verify_pull=[image], verify_network="required")
    testbed.remove(*names)


@pytest.fixture
def nodes(provisioned):
    return provisioned[0]


@pytest.fixture
def play(testbed, nodes, tmp_path):
    """play(playbook, *options, on=nodes, **variables) -> (Run, report)."""

    def on_nodes(playbook, *options, on=nodes, **variables):
        return perform(testbed, playbook, on, tmp_path / "report.json", *options, **variables)

    return on_nodes


def failed(report, node):
    """Return the failed checks of a node, each with its detail."""
    return {
        check["name"]: check["detail"]
        for check in report["nodes"][node.name]["checks"]
        if check["status"] == "failed"
    }


def statuses(report, node):
    return {check["name"]: check["status"] for check in report["nodes"][node.name]["checks"]}


def test_nodes_are_provisioned_and_verified_as_one_job(provisioned):
    nodes, first, report = provisioned
    first.expect_success()
    assert all(host["changed"] == 1 for host in first.stats.values())
    for node in nodes:
        assert metrics_answer(node, 9537)
        assert set(statuses(report, node).values()) == {"passed"}
        assert report["nodes"][node.name]["version"] == node.crio
        assert f"pull {node.registry}/log-writer:1" in statuses(report, node)
    assert report["summary"] == {
        "nodes": 2, "passed": 2, "failed": 0, "not_verified": 0, "pending": 0, "warnings": 0,
    }  # fmt: skip
    assert first.custom["_run"]["cri_node_verification"] == {"summary": report["summary"], "not_passed": {}}
    [plan] = first.custom["_run"]["cri_node_plan"]["plans"]
    assert (plan["disruption"], plan["generations"]) == ("restart", {node.name: 1 for node in nodes})
    assert plan["files"] == first.of("cri.node.runtime_config", nodes[0].name)["plan"]["files"]
    assert "\n2 nodes: 2 changed (2 restarts)\n" in first.out


def test_a_node_that_changes_is_verified_by_the_call_that_changes_it(provisioned):
    nodes, first, _report = provisioned
    for node in nodes:
        known = first.of("cri.node.runtime_config", node.name)["verification"]
        verified = first.of("cri.node.runtime_verify", node.name)
        assert known == {name: verified[name] for name in ("checks", "failed_checks", "version")}


def test_a_change_that_is_undone_leaves_no_pod_of_its_verification(nodes, play):
    """Every new daemon is ended by systemd two seconds after its start, when the pod has run or is running."""
    before = [observe(node) for node in nodes]
    run, report = play(PROVISION, on=nodes[:1], crio_service={"Service": {"RuntimeMaxSec": "2"}})
    assert run.rc
    result = run.failure
    assert (result["phase"], result["rolled_back"], result["as_before"]) == ("probe", True, True), result
    assert report["summary"]["not_verified"] == 1
    assert [observe(node).contents for node in nodes] == [each.contents for each in before]


def test_a_second_run_changes_nothing_except_to_remove_leftovers_of_a_killed_run(nodes, play):
    killed = nodes[0].run_pod(name="verify-hello-world-old", annotations={"cri.node/config-sha256": "0"})
    nodes[0].check(["touch", "-d", "1 hour ago", killed.log_path.rsplit("/", 2)[0]])
    before = [observe(node) for node in nodes]
    second, report = play(PROVISION, "-vvv")
    assert second.expect_success().changed == 0
    assert "\n2 nodes: configuration unchanged\n" in second.out
    assert report["summary"]["passed"] == 2
    assert [observe(node) for node in nodes] == before


def test_check_mode_does_not_fail_what_a_run_would_change_and_runs_no_pod(nodes, play):
    before = [observe(node) for node in nodes]
    run, report = play(PROVISION, "--check", **article.settings(port=9600))
    run.expect_success()
    assert report is None
    assert "2 nodes: 2 passed (check mode: no pod was run, no image was pulled)" in run.out
    assert "2 nodes: 2 would change (2 restarts) (check mode: nothing was changed)" in run.out
    assert f" change {article.DROP_IN}\n" in run.out
    checks = {check["name"]: check for check in run.of("cri.node.runtime_verify", nodes[0].name)["checks"]}
    assert (checks["pod"]["status"], checks["pod"]["detail"]) == ("skipped", "not run in check mode")
    assert (checks["files"]["status"], checks["metrics"]["status"]) == ("skipped", "passed")
    assert f"{article.DROP_IN} would be changed" in checks["files"]["detail"]
    assert [observe(node) for node in nodes] == before


def test_each_fault_fails_its_check_only_on_the_node_that_has_it(nodes, bare_node, play, testbed):
    stopped, troubled = nodes
    stopped.check("systemctl stop crio")
    troubled.copy_in(STRANGER, "[crio.metrics]\nmetrics_port = 9999\n")
    troubled.copy_in(CNI, '{"cniVersion": "1.0.0", "name": "cut off", "plugins": [')
    troubled.check("systemctl restart crio")
    refused = f"{testbed.unlisted_registry}/hello-world:1"
    missing = f"{testbed.registry}/no-such-image:1"
    proxied = "registry.example.com/hello-world:1"
    run, report = play(VERIFY, on=[*nodes, bare_node], verify_pull=[refused, missing, proxied])
    assert run.rc != 0
    assert "crio.service is not running" in failed(report, stopped)["service"]
    assert "CRI-O is not installed" in failed(report, bare_node)["service"]
    found = failed(report, troubled)
    assert sorted(found) == [
        "metrics", "network", *sorted(f"pull {image}" for image in (refused, missing, proxied)), "settings",
    ]  # fmt: skip
    assert "crio.metrics.metrics_port is set to 9537, but the running CRI-O uses 9999" in found["settings"]
    assert "GET http://127.0.0.1:9537/metrics" in found["metrics"]
    assert f"existing CNI configuration: {CNI}" in found["network"]
    assert "server gave HTTP response to HTTPS client" in found[f"pull {refused}"]
    assert "manifest unknown" in found[f"pull {missing}"]
    assert "proxyconnect tcp" in found[f"pull {proxied}"]
    assert statuses(report, troubled)["pod"] == "passed"
    for name, words in found.items():
        assert (
            f"{name}: {words}"
            in run.of("cri.node.verify : Fail each node that has a failed check", troubled.name)["msg"]
        )
    assert run.custom["_run"]["cri_node_verification"]["not_passed"][stopped.name]["failed"] == ["service"]


def test_provisioning_repairs_a_node_and_verification_reports_what_the_daemon_has_not_loaded(nodes, play):
    restarted, troubled = nodes
    troubled.check(f"rm -f {STRANGER} {CNI}; systemctl restart crio")
    run, report = play(PROVISION)
    run.expect_success()
    network = next(each for each in report["nodes"][troubled.name]["checks"] if each["name"] == "network")
    assert network["status"] == "passed"
    assert "no CNI configuration yet, which is accepted" in network["detail"]
    text = restarted.read_file(article.DROP_IN)
    restarted.copy_in(article.DROP_IN, text.replace("9537", "9600"))
    restarted.check("systemctl restart crio")
    restarted.copy_in(article.DROP_IN, text)
    # A pod that does not end in time is removed, too.
    run, report = play(
        VERIFY, verify_image=restarted.image("long-running"), verify_timeout=2, verify_network="required"
    )
    assert run.rc != 0
    assert (
        f"{article.DROP_IN} matches the desired state, but the running daemon has not loaded it"
        in failed(report, restarted)["loaded"]
    )
    assert "9537/metrics" in failed(report, restarted)["metrics"]
    assert "was not completed in time" in failed(report, restarted)["pod"]
    assert "no CNI configuration file" in failed(report, troubled)["network"]
