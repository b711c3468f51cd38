# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook drift: every node is compared by one call, all are reported, and then those that differ fail. Every controller.

A node is a program in place of its Python, as for the plan table of the roles.
"""

import json
import re

from tests.unit.roles.test_plan_on_the_controller import GONE, RECORD
from tests.unit.roles.test_report_on_the_controller import CRICTL, CRIO, SETTLED, node
from tests.unit.roles.test_verify_on_the_controller import run

EDITED = {
    CRIO: {
        **SETTLED,
        "as_wanted": False,
        "loaded": False,
        "as_committed": False,
        "content": "[crio.metrics]\nmetrics_port = 1\n",
    }
}
MOVED_ON = {
    CRICTL: {
        **SETTLED,
        "as_wanted": False,
        "as_committed": True,
        "disruption": "none",
        "content": "timeout: 9\ndebug: true\n",
    }
}
IN_SYNC = {CRIO: SETTLED}


def drift(tmp_path, hosts, *options):
    return run(tmp_path, [], hosts, *options, playbook="cri.node.drift")


def recorded(folder, files):
    """A node that keeps a copy of each module that it is sent."""
    variables = node(folder, files)
    python = folder / "python"
    python.write_text(python.read_text().replace("cd ", RECORD, 1))
    return variables


def written(tmp_path):
    return json.loads((tmp_path / "cri-node-drift.json").read_text())


def failed(done):
    return dict(re.findall(r"^(\S+) +: ok=.* failed=(\d+)", done.stdout, re.MULTILINE))


def test_all_nodes_are_reported_before_those_that_differ_fail(tmp_path):
    hosts = {f"edited-{number}": recorded(tmp_path / str(number), EDITED) for number in (1, 2)}
    hosts |= {
        "moved": recorded(tmp_path / "moved", MOVED_ON),
        "quiet": recorded(tmp_path / "quiet", IN_SYNC),
        "gone": GONE,
    }
    done = drift(tmp_path, hosts, "-e", '{"drift_ignore": "[settings]"}')
    assert done.returncode == 2, done.stdout + done.stderr
    report = done.stdout.partition("Report the drift of all nodes")[2]
    assert "\nmoved               ignored   settings (ignored) /etc/crictl.yaml:\n" in report
    assert f"\nedited-1, edited-2  DRIFTED   changed {CRIO}:\n" in report
    assert f"\n{' ' * 32}crio_config: crio.metrics.metrics_port: has another value in the file\n" in report
    assert "\ngone                NOT READ  the node cannot be reached: " in report
    assert "5 nodes: 2 drifted (2 changed), 1 not read, 1 ignored, 1 in the desired state" in report
    assert failed(done) == {"edited-1": "1", "edited-2": "1", "gone": "1", "moved": "0", "quiet": "0"}
    assert f"the node differs from its desired state: changed: {CRIO}" in report
    assert done.stdout.count("TASK [") == 4
    assert "changed=1" not in done.stdout
    document = written(tmp_path)
    assert sorted(document) == ["created_at", "drifts", "ignored", "kinds", "nodes", "summary"]
    found = {
        name: document["drifts"][each["drift"]] for name, each in document["nodes"].items() if name != "quiet"
    }
    assert found["edited-1"] == found["edited-2"]
    assert found["edited-1"]["differences"][0]["key"] == "crio.metrics.metrics_port"
    assert {each["key"]: each["variable"] for each in found["moved"]["differences"]} == {
        "runtime-endpoint": "the role's default", "timeout": "the role's default", "debug": "",
    }  # fmt: skip
    assert document["nodes"]["gone"]["status"] == "not_read"
    assert '"cri_node_drift"' in done.stdout.split("CUSTOM STATS")[1]
    for name in ("1", "2", "moved", "quiet"):
        [call] = (tmp_path / name).glob("call-*")  # one for each node, which reads only
        assert "node_runtime_drift" in call.read_text()


def test_a_batch_in_which_all_nodes_differ_does_not_hide_the_next_one(tmp_path):
    hosts = {f"edited-{number}": node(tmp_path / str(number), EDITED) for number in (1, 2)}
    hosts["quiet"] = node(tmp_path / "quiet", IN_SYNC)
    done = drift(tmp_path, hosts, "-e", "cri_node_serial=1")
    assert done.returncode == 2
    summaries = [line for line in done.stdout.splitlines() if line.startswith("3 nodes: ")]
    assert summaries == [
        "3 nodes: 1 drifted (1 changed), 2 pending",
        "3 nodes: 2 drifted (2 changed), 1 pending",
        "3 nodes: 2 drifted (2 changed), 1 in the desired state",
    ]
    assert "nodes of earlier batches differ or were not read: edited-1, edited-2" in done.stdout
    assert written(tmp_path)["summary"]["drifted"] == 2


def test_nodes_in_the_desired_state_or_with_ignored_differences_succeed(tmp_path):
    hosts = {"quiet": node(tmp_path / "quiet", IN_SYNC), "moved": node(tmp_path / "moved", MOVED_ON)}
    done = drift(tmp_path, hosts, "-e", "drift_ignore=settings", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 nodes: 1 ignored, 1 in the desired state" in done.stdout
    assert not (tmp_path / "cri-node-drift.json").exists()


def test_an_unknown_kind_and_a_path_that_cannot_be_written_are_found_before_any_node_is_read(tmp_path):
    variables = {"drift_ignore": ["edited"], "drift_report_file": "missing/x.json"}
    done = drift(tmp_path, {"node-1": GONE}, "-e", json.dumps(variables))
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2
    assert "drift_ignore" in output
    assert "edited" in output
    assert "not_live" in output
    assert "Connection refused" not in output
