# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a play: equal nodes in one row, nodes that were not read last, and the variables of all."""

import json

from tests.unit.plugins.plugin_utils.adopt.styles import ALVISTACK, KUBESPRAY, PACKAGE, adopted

from ansible_collections.cri.node.plugins.plugin_utils.adopt import report

UNREAD = {
    "error": "the node cannot be reached: no route",
    "crio_config": {},
    "settings": [],
    "left": [],
    "findings": [],
}
RESULTS = {
    "worker-1": adopted(KUBESPRAY),
    "worker-2": adopted(KUBESPRAY),
    "old": adopted(ALVISTACK),
    "gone": UNREAD,
    "worker-3": adopted(KUBESPRAY),
    "later": {},
}


def document(waiting=("later",)):
    return json.loads(json.dumps(report.document(RESULTS, waiting)))


def test_equal_results_are_one_entry_and_nodes_that_were_not_read_come_last():
    found = document()
    assert [(each["nodes"], each["status"], each["settings"]) for each in found["adoptions"]] == [
        (["worker-1", "worker-2", "worker-3"], "adopted", 19),
        (["old"], "incomplete", 10),
        (["gone"], "not_read", 0),
    ]
    assert found["summary"] == {
        "nodes": 6, "adopted": 3, "incomplete": 1, "pending": 1, "not_read": 1, "differing": 1,
    }  # fmt: skip
    assert found["common"] == RESULTS["worker-1"]["crio_config"]
    assert list(found["layers"]) == ["old"]


def test_the_table_names_what_to_know():
    lines = report.table(document())
    text = "\n".join(lines)
    assert lines[0].split() == ["node", "result", "settings", "findings"]
    assert "\nworker-[1:3]  adopted     19        without_effect: crio.image.insecure_registries" in text
    assert "\nold           INCOMPLETE  10        refused: crio.metrics.metrics_collectors" in text
    assert "\ngone          NOT READ              the node cannot be reached: no route" in text
    assert (
        lines[-1]
        == "6 nodes: 1 not read, 1 incomplete, 1 pending, 3 adopted; 1 node with settings of its own"
    )
    assert max(map(len, lines)) <= 110
    assert sum("deprecated:" in line for line in lines) == 2


def test_a_node_of_the_package_alone_needs_nothing():
    found = report.document({"a": adopted(PACKAGE)}, [])
    assert report.table(found)[-1] == "1 node: 1 adopted"
    assert report.messages(found) == {}


def test_a_node_without_a_result_was_not_read():
    found = report.document({"a": {}, "b": {"failed": True, "msg": "refused"}}, [])
    assert report.messages(found) == {
        "a": "an earlier task failed, or the node was unreachable",
        "b": "refused",
    }
    assert report.texts(found, {"a": {}, "b": {}}, []) == {}
