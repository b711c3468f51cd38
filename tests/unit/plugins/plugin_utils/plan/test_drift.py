# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node differs from its desired state: what was changed on the node is told from variables that have moved on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plugins.plugin_utils.plan.test_plan import PATH, entry, of_kind, report

from ansible_collections.cri.node.plugins.plugin_utils.plan import drift, plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

ORPHAN = "/etc/old"
PORT = {"crio": {"metrics": {"metrics_port": 9537}}}
CRIO = DesiredFiles([of_kind("crio_conf", ("crio_config", PORT))])
OTHER = {
    "file_type": "file",
    "mode": "0644",
    "uid": 0,
    "gid": 0,
    "as_wanted": False,
    "loaded": False,
    "disruption": "restart",
}
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
RIGHT = {**OTHER, "as_wanted": True, "loaded": True, "as_committed": True}
EDITED = {"content": "[crio.metrics]\nmetrics_port = 9600\nenable_metrics = true\n"}


def node(files=None, orphans=None, **more):
    made = report({PATH: RIGHT} if files is None else files, orphans, generation=1, interrupted=False, **more)
    made["crio"].setdefault("installed", True)
    return made


def found(made, wanted=CRIO):
    """The differences as kind, path, key and detail."""
    return [
        (each["kind"], each["path"], each["key"], each["detail"]) for each in drift.differences(wanted, made)
    ]


@pytest.mark.parametrize(
    ("file", "kind", "detail"),
    [
        ({**ABSENT, "as_committed": False}, "missing", "it was removed from the node"),
        (ABSENT, "settings", "it has not been applied to this node"),
        (OTHER, "settings", "it exists, but no change of this node is recorded for it"),
        ({**OTHER, "as_committed": True}, "settings", "the variables have changed since the last change"),
        ({**OTHER, "as_committed": False}, "changed", "it was changed on the node"),
        ({**OTHER, "as_committed": False, "file_type": "symlink"}, "changed", "it is now a symbolic link"),
        (
            {**OTHER, "as_committed": False, "same_content": True, "mode": "0666"},
            "changed",
            "its mode or owner was changed on the node, to 0666 and 0:0",
        ),
        ({**OTHER, "as_committed": False, "shared": True, "same_content": True}, "changed", "it was changed on the node"),
    ],
)  # fmt: skip
def test_a_desired_file_differs_for_one_reason(file, kind, detail):
    assert found(node({PATH: file})) == [(kind, PATH, "", detail)]


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (OTHER, "unmanaged"),
        ({**OTHER, "as_committed": True}, "settings"),
        ({**OTHER, "as_committed": False}, "changed"),
    ],
)
def test_a_file_that_is_not_desired_is_a_leftover_or_was_changed(file, kind):
    [difference] = drift.differences(CRIO, node(orphans={ORPHAN: file}))
    assert (difference["kind"], difference["path"]) == (kind, ORPHAN)


@pytest.mark.parametrize(
    ("as_committed", "kind", "edited", "added"),
    [
        (False, "changed", "has another value in the file", "is in the file, but no variable sets it"),
        (
            True,
            "settings",
            "the variables set another value than the last change",
            "is no longer set by a variable",
        ),
    ],
)
def test_a_file_that_can_be_read_differs_key_by_key_with_the_variable(as_committed, kind, edited, added):
    differences = drift.differences(CRIO, node({PATH: {**OTHER, **EDITED, "as_committed": as_committed}}))
    assert [(each["kind"], each["key"], each["variable"], each["detail"]) for each in differences] == [
        (kind, "crio.metrics.metrics_port", "crio_config", edited),
        (kind, "crio.metrics.enable_metrics", "", added),
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (node({PATH: {**RIGHT, "loaded": False}}), ("not_live", PATH, "", "the running daemon has not loaded it")),
        (node(unit={"active": False}), ("not_live", "", "", "crio.service is not running")),
        (node(unit={"enabled": False}), ("changed", "", "", "crio.service is not enabled")),
        ({**node(unit={"enabled": False}), "generation": 0}, ("settings", "", "", "crio.service is not enabled")),
        (
            node(unit={"binary_replaced": True}),
            ("not_live", "", "", "the running daemon was started from a different binary than /usr/bin/crio"),
        ),
        (
            node(live={"crio.metrics.metrics_port": "9600"}, effective={"crio.metrics.metrics_port": "9537"}),
            ("not_live", PATH, "crio.metrics.metrics_port", "the running CRI-O uses 9600, not the value in its files"),
        ),
        (
            node(live={"crio.metrics.metrics_port": "9600"}, effective={"crio.metrics.metrics_port": "9600"}),
            ("outranked", PATH, "crio.metrics.metrics_port", "it is set to 9537, but the running CRI-O uses 9600"),
        ),
    ],
)  # fmt: skip
def test_the_service_and_its_values_differ_although_the_files_are_right(made, expected):
    assert found(made) == [expected]
    assert bool(drift.counted(drift.differences(CRIO, made))) == (expected[0] != "outranked")


def test_a_node_without_crio_misses_it_and_an_interrupted_change_counts():
    without = node()
    without["crio"] |= {"installed": False}
    assert found(without) == [("missing", "", "", "CRI-O is not installed")]
    assert found({**node(), "interrupted": True})[0][0] == "changed"
    only_crictl = DesiredFiles([entry(disruption="none")])
    assert found({**without, "files": {PATH: {**RIGHT, "disruption": "none"}}}, only_crictl) == []


def test_ignored_kinds_do_not_count():
    differences = drift.differences(CRIO, node({PATH: ABSENT}, unit={"active": False}))
    assert [each["kind"] for each in drift.counted(differences)] == ["settings", "not_live"]
    assert [each["kind"] for each in drift.counted(differences, ["settings"])] == ["not_live"]


FILES = st.fixed_dictionaries(
    {
        "file_type": st.sampled_from(["absent", "file", "symlink", "directory"]),
        "as_wanted": st.booleans(),
        "loaded": st.booleans(),
        "disruption": st.sampled_from(["none", "reload", "restart"]),
        "mode": st.just("0644"),
    },
    optional={
        "as_committed": st.booleans(),
        "same_content": st.booleans(),
        "shared": st.booleans(),
        "content": st.sampled_from(["", "x", EDITED["content"]]),
    },
).map(lambda file: {**file, "loaded": file["as_wanted"] and (file["loaded"] or file["disruption"] == "none")})
NODES = st.builds(
    node,
    st.fixed_dictionaries({PATH: FILES}),
    st.one_of(st.just({}), st.fixed_dictionaries({ORPHAN: FILES})),
    unit=st.fixed_dictionaries(
        {name: st.booleans() for name in ("active", "enabled", "binary_replaced", "reloads")}
    ),
    live=st.one_of(st.just({}), st.just({"crio.metrics.metrics_port": "1"})),
    effective=st.one_of(st.just({}), st.just({"crio.metrics.metrics_port": "9537"})),
    reload=st.just({"log_level": '"info"', "log_filter": None, "options": []}),
)


@given(NODES, st.sampled_from([CRIO, DesiredFiles([entry()]), DesiredFiles([entry(disruption="none")])]))
def test_a_node_has_drifted_exactly_if_a_run_would_change_it(made, wanted):
    change = plan.make(wanted, made)
    differences = drift.differences(wanted, made)
    assert bool(drift.counted(differences)) == change.changes_anything
    assert change.files.keys() <= {each["path"] for each in drift.counted(differences)}
    assert {each["kind"] for each in differences} <= set(drift.KINDS)
