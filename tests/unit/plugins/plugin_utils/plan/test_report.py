# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the report of a play's changes: equal plans are grouped, and the table shows each change with its nodes and reasons."""

from ansible_collections.cri.node.plugins.plugin_utils.plan import report
from ansible_collections.cri.node.plugins.plugin_utils.text.table import WIDTH

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
HIDDEN = "a reload is not enough: the log level of the running CRI-O hides whether it succeeded"
UNDONE = "CRI-O did not restart with the new configuration. The change was undone: the node is as it was."
RULE = "-" * WIDTH


def changed(disruption="restart", files=None, reasons=(), generation=1, **more):
    plan = {"disruption": disruption, "files": files or {}, "reasons": list(reasons)}
    return {"changed": True, "plan": plan, "generation": generation, **more}


UNCHANGED = {"changed": False, "plan": {"disruption": "none", "files": {}, "reasons": []}, "generation": 7}
WORKER = changed(files={CRIO: "change", CRICTL: "create"}, reasons=[f"{CRIO} changes"], generation=4)
RESULTS = {
    **{f"worker-{number:02}": WORKER for number in range(1, 48)},
    "worker-48": {**WORKER, "generation": 6},
    "storage-1": changed(files={REGISTRIES: "change"}, reasons=[f"{REGISTRIES} changes", HIDDEN]),
    "storage-2": {"failed": True, "msg": UNDONE, "plan": WORKER["plan"], "rolled_back": True},
    "edge-1": UNCHANGED,
    "edge-2": UNCHANGED,
    "edge-3": {},
    "later": UNCHANGED,
}


def document(results=None, waiting=("later",), check_mode=False):
    return report.document(RESULTS if results is None else results, waiting, check_mode)


def test_nodes_with_equal_plans_are_one_entry_whatever_their_generations():
    made = document()
    assert made["summary"] == {
        "nodes": 54, "changed": 49, "unchanged": 2, "deferred": 0, "pending": 1, "not_planned": 1, "failed": 1,
    }  # fmt: skip
    assert made["disruptions"] == {"none": 0, "reload": 0, "restart": 49, "drain": 0}
    storage, workers, edge, failed = made["plans"]
    assert (len(workers["nodes"]), workers["status"], workers["disruption"]) == (48, "changed", "restart")
    assert workers["generations"] == {**{f"worker-{number:02}": 4 for number in range(1, 48)}, "worker-48": 6}
    assert (storage["nodes"], storage["reasons"]) == (["storage-1"], [f"{REGISTRIES} changes", HIDDEN])
    assert (edge["nodes"], edge["status"], edge["disruption"]) == (["edge-3"], "not_planned", None)
    assert (failed["status"], failed["message"], failed["files"]) == (
        "failed",
        UNDONE,
        WORKER["plan"]["files"],
    )
    assert {tuple(plan) for plan in made["plans"]} == {tuple(storage)}


def test_the_table_shows_each_plan_once_failures_last_and_counts_the_rest():
    assert report.table(document()) == [
        "node            disruption   generation  files and reasons",
        RULE,
        f"storage-1       restart      1           change {REGISTRIES}",
        f"{' ' * 41}a reload is not enough: the log level of the running CRI-O hides",
        f"{' ' * 41}whether it succeeded",
        f"worker-[01:48]  restart      4 to 6      change {CRIO}",
        f"(48 nodes){' ' * 31}create {CRICTL} (needs no reload)",
        f"edge-3          NOT PLANNED{' ' * 14}an earlier task failed, or the node was unreachable",
        f"storage-2       FAILED{' ' * 19}CRI-O did not restart with the new configuration. The change was",
        f"{' ' * 41}undone: the node is as it was.",
        RULE,
        "54 nodes: 49 changed (49 restarts), 1 failed, 1 not planned, 1 pending, 2 unchanged",
    ]


def test_check_mode_shows_no_generation_and_states_that_nothing_was_changed():
    made = document({"node-1": WORKER, "node-2": UNCHANGED}, check_mode=True)
    assert made["plans"][0]["generations"] == {}
    assert report.table(made) == [
        "node    disruption  files and reasons",
        RULE,
        f"node-1  restart     change {CRIO}",
        f"{' ' * 20}create {CRICTL} (needs no reload)",
        RULE,
        "2 nodes: 1 would change (1 restart), 1 unchanged (check mode: nothing was changed)",
    ]


def test_the_probes_of_a_change_follow_its_reasons():
    plan = {**WORKER["plan"], "probes": ["pull app:1", "run a pod of hello:1 with the handler crun"]}
    made = document({"node-1": {**WORKER, "plan": plan}}, check_mode=True)
    assert made["plans"][0]["probes"] == plan["probes"]
    lines = [line.strip() for line in report.table(made)]
    assert lines[4:6] == ["probe: pull app:1", "probe: run a pod of hello:1 with the handler crun"]


def test_nodes_without_changes_are_one_line():
    assert report.table(document({"a": UNCHANGED, "b": UNCHANGED})) == ["2 nodes: configuration unchanged"]
    assert report.table(document({"a": UNCHANGED, "later": {}})) == ["2 nodes: 1 pending, 1 unchanged"]


def test_a_start_and_an_installation_are_shown():
    started = changed(
        "none", {CRIO: "create"}, [f"{CRIO} is new", "crio.service does not run and is started"],
        bundle={"changed": True, "version": "1.37.0"},
    )  # fmt: skip
    made = document(
        {"node-1": started, "node-2": {**UNCHANGED, "bundle": {"changed": False, "version": "1.37.0"}}}
    )
    [plan] = made["plans"]
    assert plan["installs"] == "1.37.0"
    assert [line[32:] for line in report.table(made)[2:5]] == [
        "install CRI-O 1.37.0",
        f"create {CRIO}",
        "crio.service does not run and is started",
    ]
    assert report.table(made)[-1] == "2 nodes: 1 changed, 1 unchanged"


def test_a_node_that_was_not_reached_or_skipped_has_its_own_reason():
    made = document(
        {
            "gone": {"unreachable": True, "msg": "no\nroute"},
            "out": {"skipped": True},
            "mute": {"failed": True},
        }
    )
    assert {plan["nodes"][0]: (plan["status"], plan["message"]) for plan in made["plans"]} == {
        "gone": ("failed", "no route"),
        "out": ("not_planned", "the task was skipped on this node"),
        "mute": ("failed", "the task failed without a message"),
    }


def test_a_row_is_bounded_and_fits_a_terminal():
    long = f"/srv/{'deep/' * 40}60-cri-node.conf"
    files = {long: "create", **{f"/etc/file-{number}": "change" for number in range(30)}}
    reasons = [f"reason {number} {'word ' * 30}" for number in range(20)]
    reasons.append(f"{long} is new")
    results = {"a-name-of-more-than-forty-characters.rack7.example.com": changed("reload", files, reasons)}
    results["failed"] = {"failed": True, "msg": "word " * 800}
    made = document(results)
    lines = report.table(made)
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) < 70
    [path] = [line for line in lines if "create " in line]
    assert "create /srv/d" in path
    assert path.endswith("deep/60-cri-node.conf")
    assert len(path) == WIDTH
    text = "\n".join(lines)
    assert "and 19 more files" in text
    assert "and 15 more reasons" in text
    assert len(made["plans"][0]["reasons"]) == 21


def test_hundreds_of_different_plans_keep_the_failed_ones_in_sight():
    results = {f"node-{number:03}": changed(files={f"/etc/{number}": "create"}) for number in range(500)}
    results["node-250"] = {"failed": True, "msg": UNDONE}
    lines = report.table(document(results))
    assert lines[2] == "300 rows more, not shown"
    assert len(lines) < 210
    assert lines[-1] == "500 nodes: 499 changed (499 restarts), 1 failed"
    assert "FAILED" in lines[-4]


LIMIT = f"the change is deferred: max_disruption is reload, but the change needs a restart: {CRIO} changes"


def deferred(disruption="restart", message=LIMIT):
    plan = {**WORKER["plan"], "disruption": disruption}
    return {"changed": False, "deferred": True, "msg": message, "plan": plan, "generation": 4}


def test_a_deferred_node_has_its_own_row_and_count_and_neither_a_generation_nor_a_disruption():
    results = {
        "a": deferred(),
        "b": deferred(),
        "c": deferred("drain", "would lose it"),
        "d": WORKER,
        "e": UNCHANGED,
    }
    made = document(results)
    assert made["summary"] == {
        "nodes": 5, "changed": 1, "unchanged": 1, "deferred": 3, "pending": 0, "not_planned": 0, "failed": 0,
    }  # fmt: skip
    assert made["disruptions"] == {"none": 0, "reload": 0, "restart": 1, "drain": 0}
    changed, row, drained = made["plans"]
    assert (changed["status"], row["nodes"], drained["nodes"]) == ("changed", ["a", "b"], ["c"])
    assert (row["status"], row["disruption"], row["message"], row["generations"]) == (
        "deferred",
        "restart",
        LIMIT,
        {},
    )
    lines = report.table(made)
    assert [line for line in lines if line.startswith("a, b  deferred  ")]
    assert " ".join(" ".join(lines).split()).count(f"{CRIO} changes") == 1
    assert lines[-1] == "5 nodes: 1 changed (1 restart), 3 deferred (1 drain, 2 restarts), 1 unchanged"
    assert report.as_file(made, results, (), "now")["nodes"]["a"] == {"status": "deferred", "plan": 1}


def test_a_deferred_node_on_which_crio_was_installed_shows_the_installation():
    made = document({"a": {**deferred(), "changed": True, "bundle": {"changed": True, "version": "1.37.0"}}})
    assert made["plans"][0]["status"] == "deferred"
    assert "install CRI-O 1.37.0" in "\n".join(report.table(made))


def test_an_overruled_guard_is_shown_and_its_containers_are_not_said_to_keep_running():
    lost = {"kill_mode": "a restart would stop 2 running containers"}
    plan = {**WORKER["plan"], "overruled_guards": lost}
    made = document({"a": {**WORKER, "plan": plan, "containers": 2}, "b": {**WORKER, "containers": 2}})
    assert [each["overruled_guards"] for each in made["plans"]] == [lost, {}]
    text = "\n".join(report.table(made, details=True))
    assert "overruled guard kill_mode: a restart would stop 2 running containers" in text
    assert text.count("they keep running") == 1
    assert text.count("2 containers running") == 2


def test_a_node_without_containers_is_said_to_have_none():
    made = document({"a": {**WORKER, "containers": 0}})
    text = "\n".join(report.table(made, details=True))
    assert "no container is running" in text
    assert "keep running" not in text


def test_a_planned_drain_is_counted_and_is_no_refusal():
    made = document(
        {"a": changed("drain"), "b": {"failed": True, "msg": "no", "plan": {"disruption": "drain"}}}
    )
    assert report.table(made)[-1] == "2 nodes: 1 changed (1 drain), 1 failed (1 drain required)"
