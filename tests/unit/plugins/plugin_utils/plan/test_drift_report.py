# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of drift: equal results are joined, each node is named, and every node that differs fails in the end."""

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.plan import drift_report
from ansible_collections.cri.node.plugins.plugin_utils.plan.drift import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.text.table import WIDTH

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
RULE = "-" * WIDTH


def difference(kind="changed", path=CRIO, key="", variable="", detail="it was changed on the node"):
    return {"kind": kind, "path": path, "key": key, "variable": variable, "detail": detail}


def result(*differences, **more):
    return {"changed": False, "differences": list(differences), "error": "", **more}


EDITED = result(
    difference(key="crio.api.listen", variable="crio_config", detail="has another value in the file"),
    difference(key="crio.metrics.metrics_port", variable="crio_config", detail="has another value in the file"),
    difference(key="crio.x", detail="is in the file, but no variable sets it"),
    difference("not_live", "", detail="crio.service is not running"),
)  # fmt: skip
MOVED_ON = result(difference("settings", "/etc/crictl.yaml", detail="the variables no longer require it"))
RESULTS = {
    **{f"worker-{number:02}": EDITED for number in range(1, 49)},
    "storage-1": MOVED_ON,
    "edge-1": result(difference("outranked", key="crio.x", detail="it is set to 1")),
    "edge-2": result(error="the node cannot be reached: no\nroute"),
    "edge-3": {},
    "quiet": result(),
    "later": EDITED,
}


def document(results=None, waiting=("later",), ignored=("settings",)):
    return drift_report.document(RESULTS if results is None else results, waiting, ignored)


def test_the_table_has_one_row_for_equal_results_and_those_that_fail_last():
    assert drift_report.table(document()) == [
        "node            result    differences",
        RULE,
        f"edge-1          ignored   outranked {CRIO}:",
        f"{' ' * 26}  crio.x: it is set to 1",
        "storage-1       ignored   settings (ignored) /etc/crictl.yaml: the variables no longer require it",
        f"worker-[01:48]  DRIFTED   changed {CRIO}:",
        f"(48 nodes){' ' * 16}  crio_config: crio.api.listen, crio.metrics.metrics_port: has another value in the",
        f"{' ' * 26}file",
        f"{' ' * 26}  crio.x: is in the file, but no variable sets it",
        f"{' ' * 26}not_live: crio.service is not running",
        "edge-2          NOT READ  the node cannot be reached: no route",
        "edge-3          NOT READ  an earlier task failed, or the node was unreachable",
        RULE,
        "54 nodes: 48 drifted (48 changed, 48 not_live), 2 not read, 2 ignored, 1 pending, 1 in the desired state",
    ]


def test_the_file_has_each_result_once_and_each_node_by_name():
    made = document()
    written = drift_report.as_file(made, RESULTS, ["later"], "2026-01-01T00:00:00Z")
    assert {name: written[name] for name in made} == made
    assert written["nodes"]["quiet"] == {"status": "in_sync", "drift": None}
    assert written["nodes"]["later"] == {"status": "pending", "drift": None}
    assert len(written["drifts"]) == 5
    assert written["drifts"][written["nodes"]["worker-17"]["drift"]]["differences"] == EDITED["differences"]
    assert {each: number for each, number in made["kinds"].items() if number} == {
        "changed": 48, "not_live": 48, "settings": 1, "outranked": 1,
    }  # fmt: skip


def test_nodes_without_differences_are_one_line():
    assert drift_report.table(document({"a": result(), "b": result()}, ())) == [
        "2 nodes: in the desired state"
    ]


def test_nothing_fails_before_the_last_batch_and_then_every_node_that_differs_is_named():
    left = [node for node in RESULTS if node != "edge-3"]  # edge-3 has failed already
    assert drift_report.failures(document(), ["worker-01"], left) == {}
    assert drift_report.failures(document(waiting=()), ["quiet", "later", "edge-2"], left) == {
        "quiet": "nodes of earlier batches differ or were not read: worker-[01:48]",
        "later": f"the node differs from its desired state: changed: {CRIO}; not_live: crio.service is not running",
        "edge-2": "the node cannot be reached: no route",
    }


def test_a_node_whose_differences_are_all_ignored_does_not_fail():
    results = {"a": MOVED_ON, "b": result(difference("outranked"))}
    assert drift_report.failures(document(results, ()), ["a", "b"], ["a", "b"]) == {}
    assert list(drift_report.failures(document(results, (), ()), ["a", "b"], ["a", "b"])) == ["a"]


DIFFERENCES = st.builds(
    difference,
    st.sampled_from(KINDS),
    st.sampled_from([CRIO, ""]),
    st.sampled_from(["", "k" * 300]),
    st.sampled_from(["", "crio_config"]),
    st.text(max_size=30),
)
NODES = st.dictionaries(
    st.text("ab", min_size=1, max_size=4),
    st.one_of(
        st.sampled_from([{}, {"failed": True, "msg": "x"}, result(error="gone")]),
        st.lists(DIFFERENCES, max_size=40).map(lambda each: result(*each)),
    ),
    min_size=1,
    max_size=6,
)


@given(NODES, st.sets(st.sampled_from(KINDS)), st.integers(0, 6))
def test_any_results_are_counted_once_shown_within_a_terminal_and_failed_once(results, ignored, size):
    made = document(results, (), ignored)
    summary = made["summary"]
    assert summary["nodes"] == len(results) == sum(summary.values()) - summary["nodes"]
    assert all(len(line) <= WIDTH for line in drift_report.table(made))
    nodes = list(results)
    batch = nodes[-size:] if size else []
    failed = drift_report.failures(made, batch, nodes)
    assert bool(failed) == bool(batch and summary["drifted"] + summary["not_read"])
    assert failed.keys() <= set(batch)
