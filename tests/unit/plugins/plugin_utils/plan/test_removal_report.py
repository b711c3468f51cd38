# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a removal: equal results are joined, each node is named, and what is kept has its reason."""

from ansible_collections.cri.node.plugins.plugin_utils.plan import removal, removal_report
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import Plan
from ansible_collections.cri.node.plugins.plugin_utils.text.table import WIDTH

RULE = "-" * WIDTH


def removed(subject, *names):
    return [{"subject": subject, "name": name} for name in names]


def kept(subject, name, reason):
    return {"subject": subject, "name": name, "reason": reason}


def result(*parts, stays=(), changed=True):
    return {"changed": changed, "removed": [each for part in parts for each in part], "kept": list(stays)}


WHOLE = result(
    removed("service", "crio.service (stopped)", "crio.service (disabled)"),
    removed("files", "/a", "/b", "/c", "/d"),
    removed("bundle", "/usr/local/bin/crio"),
    removed("state", "/var/lib/cri-node"),
    stays=[kept("bundle", "/etc/crictl.yaml", "it was changed since")],
)
PREINSTALLED = kept("service", "crio.service", "CRI-O was not installed by cri.node")
RESULTS = {
    **{f"worker-{number:02}": WHOLE for number in range(1, 49)},
    "clean-1": result(changed=False),
    "clean-2": result(stays=[PREINSTALLED], changed=False),
    "edge-1": {"failed": True, "msg": "1 pod runs (shop/precious)\non this node"},
    "edge-2": {},
    "later": WHOLE,
}


def test_the_table_has_one_row_for_equal_results_and_failures_last():
    report = removal_report.document(RESULTS, ["later"])
    lines = removal_report.table(report)
    assert lines == [
        "node            result           removed and kept",
        RULE,
        "clean-2         nothing of ours  kept: service crio.service: CRI-O was not installed by cri.node",
        "worker-[01:48]  removed          service: crio.service (stopped), crio.service (disabled)",
        f"(48 nodes){' ' * 23}files: 4 paths",
        f"{' ' * 33}bundle: /usr/local/bin/crio",
        f"{' ' * 33}state: /var/lib/cri-node",
        f"{' ' * 33}kept: bundle /etc/crictl.yaml: it was changed since",
        "edge-1          FAILED           1 pod runs (shop/precious) on this node",
        "edge-2          FAILED           an earlier task failed, or the node was unreachable",
        RULE,
        "53 nodes: 2 failed, 48 changed, 2 with nothing of ours, 1 pending",
    ]
    assert report["summary"] == {"nodes": 53, "removed": 48, "clean": 2, "pending": 1, "failed": 2}


def test_check_mode_is_said_so():
    report = removal_report.document({"n": WHOLE}, [], check_mode=True)
    assert removal_report.table(report)[-1] == "1 node: 1 would be changed (check mode: nothing was changed)"
    assert "would remove" in removal_report.table(report)[2]


def test_the_file_names_each_node():
    report = removal_report.document(RESULTS, ["later"])
    written = removal_report.as_file(report, RESULTS, ["later"], "2026-01-01T00:00:00Z")
    assert written["nodes"]["later"] == {"status": "pending", "removal": None}
    assert written["nodes"]["clean-1"] == {"status": "clean", "removal": None}
    position = written["nodes"]["worker-07"]["removal"]
    assert "worker-07" in written["removals"][position]["nodes"]


def test_the_summary_of_a_node_names_what_goes_what_comes_back_and_whose_files_stay():
    files = {"/x": "remove", "/shared": "change", "/former": "change", "/bundled": "change"}
    made = Plan(files=files, left=["/shared", "/bundled"])
    parts = [
        {"removed": removed("bundle", "/bundled"), "kept": [], "warnings": []},
        {"removed": removed("state", "/var/lib/cri-node\x1b"), "kept": [], "warnings": []},
        {"removed": removed("pods", "a/b"), "kept": [kept("storage", "/s", "why")], "warnings": []},
    ]
    assert removal.summary(made, parts) == {
        "removed": [
            {"subject": "pods", "name": "a/b"},
            {"subject": "files", "name": "/bundled (entries of cri.node)"},
            {"subject": "files", "name": "/former (the former file is back)"},
            {"subject": "files", "name": "/shared (entries of cri.node)"},
            {"subject": "files", "name": "/x"},
            {"subject": "bundle", "name": "/bundled"},
            {"subject": "state", "name": "/var/lib/cri-node\ufffd"},
        ],
        "kept": [
            {"subject": "storage", "name": "/s", "reason": "why"},
            {"subject": "files", "name": "/shared", "reason": "others have entries in it"},
        ],
    }
