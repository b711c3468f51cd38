# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the report of a play: the status of each node in the document, and the table."""

from ansible_collections.cri.node.plugins.plugin_utils.text.table import WIDTH
from ansible_collections.cri.node.plugins.plugin_utils.verify import report

NOW = "2026-01-31T08:00:00Z"


def check(name, status="passed", detail="fine"):
    return {"name": name, "status": status, "detail": detail}


def result(*checks):
    failed = [each["name"] for each in checks if each["status"] == "failed"]
    return {"changed": False, "checks": list(checks), "failed_checks": failed, "version": "1.37.0"}


RESULTS = {
    "good": result(check("service"), check("pod", "skipped")),
    "warned": result(check("service"), check("cni_plugins", "warning", "no executable in /opt/cni/bin")),
    "broken": result(
        check("service"), check("metrics", "failed", "GET http://127.0.0.1:9537/metrics: timed out")
    ),
    "gone": {},
    "crashed": {"failed": True, "msg": "2 problems:\n- one\n- two"},
    "later": {},
}


def document(results=None, waiting=("later",), lost=("gone", "crashed", "broken"), check_mode=False):
    return report.document(RESULTS if results is None else results, waiting, lost, check_mode, NOW)


def test_each_node_has_a_status_and_all_keys():
    made = document()
    assert {name: node["status"] for name, node in made["nodes"].items()} == {
        "good": "passed",
        "warned": "passed",
        "broken": "failed",
        "gone": "not_verified",
        "crashed": "not_verified",
        "later": "pending",
    }
    assert {tuple(node) for node in made["nodes"].values()} == {
        ("status", "version", "reason", "checks", "counts")
    }
    assert made["nodes"]["crashed"]["reason"] == "2 problems: - one - two"
    assert made["nodes"]["good"]["counts"] == {"passed": 1, "failed": 0, "warning": 0, "skipped": 1}
    assert made["summary"] == {
        "nodes": 6, "passed": 2, "pending": 1, "not_verified": 2, "failed": 1, "warnings": 1,
    }  # fmt: skip


def test_a_result_of_an_earlier_play_is_not_reported_as_one_of_this_play():
    nodes = document({"now": {}, "then": result(check("service"))}, waiting=["then"], lost=[])["nodes"]
    assert (nodes["then"]["status"], nodes["now"]["status"]) == ("pending", "not_verified")
    nodes = document({"then": result(check("service"))}, waiting=["then"], lost=["then"])["nodes"]
    assert (nodes["then"]["status"], nodes["then"]["checks"]) == ("not_verified", [])


def test_nodes_that_did_not_pass_are_listed_with_their_failed_checks():
    assert report.not_passed(document()) == {
        "broken": {"status": "failed", "failed": ["metrics"], "reason": ""},
        "crashed": {"status": "not_verified", "failed": [], "reason": "2 problems: - one - two"},
        "gone": {
            "status": "not_verified",
            "failed": [],
            "reason": "an earlier task failed, or the node was unreachable",
        },
        "later": {"status": "pending", "failed": [], "reason": "its batch has not run yet"},
    }


def test_the_first_earlier_task_that_failed_is_the_reason():
    undone = "CRI-O did not restart. The change was undone: the node is as it was."
    results = {
        "undone": {},
        "gone": {},
        "good": result(check("service")),
        "own": {"failed": True, "msg": "own"},
        "old": {},
    }
    results["before"] = result(check("service"))
    earlier = [
        {
            "undone": {"changed": False, "msg": "fine"},
            "gone": {"unreachable": True, "msg": "no route"},
            "old": None,
        },
        {
            "undone": {"failed": True, "msg": undone},
            "gone": {"failed": True, "msg": "later"},
            "own": {"failed": True, "msg": "x"},
            "good": {"failed": True, "msg": "rescued"},
            "before": {"failed": True, "msg": undone},
        },
    ]
    made = document(
        report.with_reasons(results, earlier), waiting=[], lost=["undone", "gone", "own", "old", "before"]
    )
    assert {name: node["reason"] for name, node in made["nodes"].items()} == {
        "undone": undone,
        "gone": "no route",
        "good": "",
        "own": "own",
        "old": "an earlier task failed, or the node was unreachable",
        "before": undone,
    }
    assert report.not_passed(made)["undone"]["reason"] == undone
    assert undone in " ".join(" ".join(report.table(made)).split())


def test_the_table_has_one_line_for_a_node_that_passed_and_failed_nodes_last():
    assert report.table(document()) == [
        "node     result        checks",
        "-" * 110,
        "good     passed        1 passed, 1 skipped  (CRI-O 1.37.0)",
        "warned   passed        1 passed, 1 warning  (CRI-O 1.37.0)",
        "    warning  cni_plugins: no executable in /opt/cni/bin",
        "later    pending       its batch has not run yet",
        "crashed  NOT VERIFIED  2 problems: - one - two",
        "gone     NOT VERIFIED  an earlier task failed, or the node was unreachable",
        "broken   FAILED        1 passed, 1 failed  (CRI-O 1.37.0)",
        "    failed   metrics: GET http://127.0.0.1:9537/metrics: timed out",
        "-" * 110,
        "6 nodes: 2 passed, 1 failed, 2 not verified, 1 pending, 1 warning",
    ]


def test_the_table_stays_readable_for_hundreds_of_nodes_and_long_details():
    results = {f"node-{number:03}": result(check("service")) for number in range(400)}
    results["node-with-a-name-of-more-than-fifty-characters.example.com"] = result(
        check("pull registry.example.com/a:1", "failed", "word " * 150)
    )
    lines = report.table(document(results))
    assert max(len(line) for line in lines) <= WIDTH
    assert len(lines) == 400 + 4 + 1 + len([line for line in lines if "word" in line])


def test_the_summary_of_check_mode_names_what_was_not_done():
    assert report.table(document(check_mode=True))[-1].endswith(
        "(check mode: no pod was run, no image was pulled)"
    )
