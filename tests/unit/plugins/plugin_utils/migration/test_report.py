# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a migration: equal results are joined, failures come last, and the cluster's commands are listed."""

from ansible_collections.cri.node.plugins.plugin_utils.migration import annotation, report
from ansible_collections.cri.node.plugins.plugin_utils.text.table import WIDTH

RULE = "-" * WIDTH


def result(node="n", **more):
    return {
        "changed": True,
        "engine": "crio",
        "former": "docker",
        "containers": [{"name": name, "pod": "shop/web", "image": "a"} for name in ("main", "side")],
        "other_containers": [{"name": "cache", "image": "b"}],
        "images": [
            {"action": "carry"},
            {"action": "carry"},
            {"action": "none"},
            {"action": "carry", "error": "x"},
        ],
        "kubelet": {"files": ["/var/lib/kubelet/config.yaml"]},
        "commands": [f"kubectl annotate node {node}"],
        **more,
    }


CLEAN = result(changed=False, former="", commands=[])
RESULTS = {
    "worker-1": result("worker-1"),
    "worker-2": result("worker-2"),
    "done": CLEAN,
    "edge": {"failed": True, "msg": "1 pod runs in Docker (shop/web)\nand is stopped"},
    "lost": {},
    "later": result("later"),
}
REMOVALS = {"worker-1": {"packages": ["docker.io"]}, "worker-2": {"packages": ["docker.io"]}}


def test_the_table_has_one_row_for_equal_results_and_the_commands_of_all():
    made = report.document(RESULTS, REMOVALS, ["later"])
    assert report.table(made) == [
        "node                result    what was found and changed",
        RULE,
        "worker-1, worker-2  migrated  engine: Docker -> CRI-O",
        f"{' ' * 30}pods: shop/web",
        f"{' ' * 30}stopped, not of a kubelet: cache",
        f"{' ' * 30}images: 2 carried over, 1 already there, 1 not carried over",
        f"{' ' * 30}file: /var/lib/kubelet/config.yaml",
        f"{' ' * 30}packages removed: docker.io",
        "edge                FAILED    1 pod runs in Docker (shop/web) and is stopped",
        "lost                FAILED    an earlier task failed, or the node was unreachable",
        RULE,
        "6 nodes: 2 failed, 2 changed, 1 with nothing to migrate, 1 pending",
        "To be done in the cluster, by somebody who may annotate nodes:",
        "kubectl annotate node worker-1",
        "kubectl annotate node worker-2",
    ]


def test_check_mode_is_named():
    lines = report.table(report.document({"n": result(commands=[])}, {}, [], check_mode=True))
    assert lines[-1] == "1 node: 1 would be changed (check mode: nothing was changed)"
    assert "would migrate" in lines[2]


def test_a_removal_alone_is_a_change_and_a_refused_one_a_failure():
    made = report.document(
        {"a": CLEAN, "b": CLEAN}, {"a": {"packages": ["x"]}, "b": {"failed": True, "msg": "no"}}, []
    )
    assert made["summary"] == {"nodes": 2, "migrated": 1, "clean": 0, "pending": 0, "failed": 1}
    assert [each["message"] for each in made["migrations"]] == ["", "no"]


def test_the_file_names_each_node():
    made = report.document(RESULTS, {}, ["later"])
    written = report.as_file(made, RESULTS, {}, ["later"], "2026-01-01T00:00:00Z")
    assert {name: each["status"] for name, each in written["nodes"].items()} == {
        "worker-1": "migrated",
        "worker-2": "migrated",
        "done": "clean",
        "edge": "failed",
        "lost": "failed",
        "later": "pending",
    }
    assert written["nodes"]["worker-2"]["migration"] == 0
    assert written["nodes"]["done"]["migration"] is None


def test_the_annotation_is_only_told_for_a_changed_node_with_a_kubelet():
    answer = {
        "former": "containerd",
        "engine": "crio",
        "changed": True,
        "kubelet": {"found": True, "node_name": "worker-1"},
    }
    assert annotation.commands(answer) == [
        "kubectl annotate node worker-1 --overwrite kubeadm.alpha.kubernetes.io/cri-socket=unix:///var/run/crio/crio.sock"
    ]
    assert annotation.commands({**answer, "changed": False}) == []
    assert annotation.commands({**answer, "kubelet": {"found": False, "node_name": "x"}}) == []
