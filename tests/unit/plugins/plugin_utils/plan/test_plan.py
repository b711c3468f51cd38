# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what differs between a wanted file set and a node's report, what it costs, and why."""

import hashlib

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.plan import diff, plan

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
CONTENT = "[crio.metrics]\nmetrics_port = 9537\n"


def entry(**more):
    return {
        "path": PATH,
        "owner": "crio",
        "content": CONTENT,
        "mode": "0644",
        "secret": False,
        "disruption": "restart",
        "config": None,
        **more,
    }


def report(files=None, orphans=None, **more):
    """A node whose daemon runs and has loaded what is wanted, unless said otherwise."""
    unit = {
        "name": "crio.service",
        "active": True,
        "enabled": True,
        "binary_replaced": False,
        **more.pop("unit", {}),
    }
    unit.setdefault("phase", "serving" if unit["active"] else "stopped")
    as_wanted = {
        "file_type": "file",
        "as_wanted": True,
        "loaded": True,
        "mode": "0644",
        "disruption": "restart",
    }
    return {
        "files": {PATH: as_wanted} if files is None else files,
        "orphans": orphans or {},
        "unit": unit,
        "crio": {"binary": "/usr/bin/crio", "version": "1.37.0"},
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
        "notes": [],
        "selinux": False,
        "root_registries": "",
        **more,
    }


ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
OTHER = {
    "file_type": "file",
    "disruption": "restart",
    "as_wanted": False,
    "loaded": False,
    "mode": "0644",
    "content": "old\n",
    "sha256": "0" * 64,
}


@pytest.mark.parametrize(
    ("node", "files", "activate", "reason"),
    [
        pytest.param(report(), {}, "none", None, id="all is as wanted"),
        pytest.param(report({PATH: ABSENT}), {PATH: "create"}, "restart", "is new", id="a file is missing"),
        pytest.param(report({PATH: OTHER}), {PATH: "change"}, "restart", "changes", id="a file differs"),
        pytest.param(
            report(orphans={"/etc/x": OTHER}),
            {"/etc/x": "remove"},
            "restart",
            "is removed",
            id="a file is wanted no more",
        ),
        pytest.param(
            report({PATH: {**OTHER, "as_wanted": True}}),
            {},
            "restart",
            "has not loaded it",
            id="a file was not loaded",
        ),
        pytest.param(
            report(unit={"binary_replaced": True}),
            {},
            "restart",
            "another crio",
            id="CRI-O was upgraded, not restarted",
        ),
        pytest.param(
            report(unit={"active": False}), {}, "start", "does not run", id="the daemon does not run"
        ),
        pytest.param(
            report({PATH: ABSENT}, unit={"active": False}),
            {PATH: "create"},
            "start",
            "is new; crio.service does not run and is started",
            id="first start",
        ),
        pytest.param(
            report(unit={"enabled": False}), {}, "none", "is not enabled", id="the unit is not enabled"
        ),
    ],
)
def test_the_plan_names_files_activation_and_reasons(node, files, activate, reason):
    made = plan.make(plan.WantedFiles([entry()]), node)
    assert made.files == files
    assert made.activate == activate
    assert (reason in "; ".join(made.reasons)) if reason else not made.reasons
    assert len(made.reasons) == len(reason.split("; ") if reason else [])
    settled = not files and activate == "none" and node["unit"]["enabled"]
    assert made.changes_anything is not settled
    assert made.as_data()["disruption"] == ("restart" if activate == "restart" else "none")


def test_an_entry_without_content_is_not_wanted_but_its_owner_counts():
    wanted = plan.WantedFiles([entry(content=None), entry(path="/etc/y", owner="other", content="\n")])
    assert wanted.described == []
    assert wanted.owners == ["crio", "other"]


def test_a_node_compares_by_hash():
    [described] = plan.WantedFiles([entry()]).described
    assert described["sha256"] == hashlib.sha256(CONTENT.encode()).hexdigest()
    assert "content" not in described


def config(**more):
    return {
        "data": {"crio": {"metrics": {"metrics_port": 9537}, "runtime": {"selinux": True}}},
        "layers": {"crio.metrics.metrics_port": "crio_config__site", "crio.runtime.selinux": "crio_config"},
        "expect": {"crio.metrics.metrics_port": "9537"},
        **more,
    }


def test_a_key_without_effect_on_the_node_is_told():
    wanted = plan.WantedFiles([entry(config=config())])
    assert [each["key"] for each in plan.without_effect(wanted, report())] == ["crio.runtime.selinux"]
    assert plan.without_effect(wanted, report(selinux=True)) == []


def test_what_the_nodes_version_does_not_know_is_a_problem_that_names_the_layer():
    data = {"crio": {"network": {"cni_status_grace_period": "5s"}}}
    wanted = plan.WantedFiles(
        [entry(config={"data": data, "layers": {"crio.network.cni_status_grace_period": "crio_config"}})]
    )
    assert wanted.problems_for("1.37.0") == []
    assert wanted.problems_for(None) == []
    [problem] = wanted.problems_for("1.35.2")
    assert problem.startswith("crio_config: crio.network.cni_status_grace_period")


def test_a_diff_shows_content_modes_and_the_variable_of_each_key():
    wanted, node = plan.WantedFiles([entry(config=config())]), report({PATH: OTHER})
    [shown, origins] = diff.of(wanted, node, plan.make(wanted, node))
    assert (shown["before"], shown["after"]) == ("old\n", CONTENT)
    assert shown["after_header"] == f"{PATH} (0644)"
    assert "crio.metrics.metrics_port = 9537  (from crio_config__site)" in origins["prepared"]


def test_a_diff_of_a_secret_file_shows_that_there_is_one_alone():
    secret = {**OTHER, "content": None}
    wanted, node = plan.WantedFiles([entry(secret=True)]), report({PATH: secret})
    [shown] = diff.of(wanted, node, plan.make(wanted, node))
    assert (shown["before"], shown["after"]) == ("(secret)\n", "(secret, changed)\n")
    assert "9537" not in str(shown)
    removed = report({}, orphans={PATH: {**secret, "secret": True}})
    [shown] = diff.of(
        plan.WantedFiles([], ["crio"]), removed, plan.make(plan.WantedFiles([], ["crio"]), removed)
    )
    assert shown["after"] == ""
    assert shown["before"] == "(secret)\n"


def reloading(log_level='"info"', log_filter=None, options=(), reloads=True):
    """A node on which a file that a reload loads is missing."""
    return report(
        {PATH: {**ABSENT, "disruption": "reload"}},
        unit={"name": "crio.service", "reloads": reloads},
        reload={"log_level": log_level, "log_filter": log_filter, "options": list(options)},
    )


@pytest.mark.parametrize(
    ("node", "disruption", "reason"),
    [
        pytest.param(reloading(), "reload", "is new", id="CRI-O tells how a reload went"),
        pytest.param(reloading(log_level='"debug"', log_filter='""'), "reload", "is new", id="and more"),
        pytest.param(reloading(log_level='"warn"'), "restart", "log_level", id="CRI-O keeps silent"),
        pytest.param(reloading(log_level=None), "restart", "log_level", id="the level is not known"),
        pytest.param(
            reloading(log_filter='"pull"'), "restart", "log_filter", id="CRI-O's lines are filtered"
        ),
        pytest.param(reloading(reloads=False), "restart", "ExecReload", id="the unit has no reload"),
        pytest.param(
            reloading(options=["--log-level", "--listen"]),
            "restart",
            "would forget its --log-level,",
            id="an option would be lost",
        ),
        pytest.param(
            reloading(options=["CONTAINER_PAUSE_IMAGE"]),
            "restart",
            "CONTAINER_PAUSE_IMAGE",
            id="a variable would be lost",
        ),
        pytest.param(reloading(options=["--listen"]), "reload", "is new", id="other options stay"),
    ],
)
def test_a_reload_is_planned_only_where_it_can_be_relied_on(node, disruption, reason):
    made = plan.make(plan.WantedFiles([entry(disruption="reload")]), node)
    assert made.as_data()["disruption"] == disruption
    assert reason in made.reasons[-1]


def test_the_gravest_disruption_decides():
    files = {PATH: {**ABSENT, "disruption": "reload"}, "/etc/x": ABSENT}
    made = plan.make(plan.WantedFiles([entry(disruption="reload"), entry(path="/etc/x")]), report(files))
    assert made.activate == "restart"
    assert len(made.reasons) == 2


def test_a_set_that_no_daemon_reads_leaves_the_daemon_alone():
    node = report({PATH: {**ABSENT, "disruption": "none"}}, unit={"active": False, "enabled": False})
    made = plan.make(plan.WantedFiles([entry(disruption="none")]), node)
    assert (made.activate, made.enable, made.reasons) == ("none", False, [])
    assert made.files == {PATH: "create"}


def test_a_role_whose_variables_are_empty_still_asks_for_a_daemon_that_runs():
    made = plan.make(plan.WantedFiles([entry(content=None)]), report({}, unit={"active": False}))
    assert made.activate == "start"


def of_kind(kind, data, **layers):
    return {"kind": kind, "data": data, "layers": layers}


def test_a_diff_names_the_variables_of_registries_and_of_crictl_too():
    registries = of_kind("registries", {"registry": [{"location": "a.io", "insecure": True}]})
    registries["layers"] = {'registry."a.io".insecure': "registries_config__site"}
    wanted = plan.WantedFiles(
        [
            entry(config=registries),
            entry(
                path="/etc/crictl.yaml", config=of_kind("crictl", {"timeout": 10}, timeout="crictl_config")
            ),
        ]
    )
    told = {each["key"]: (each["value"], each["variable"]) for each in wanted.settings()}
    assert told['registry."a.io".insecure'] == (True, "registries_config__site")
    assert told["timeout"] == (10, "crictl_config")


def test_what_the_nodes_crictl_does_not_know_is_a_problem_only_where_it_matters():
    known = plan.WantedFiles([entry(config=of_kind("crictl", {"timeout": 10}))])
    assert known.asks_for_crictl is False
    wanted = plan.WantedFiles(
        [entry(config=of_kind("crictl", {"max-retries": 3}, **{"max-retries": "mine"}))]
    )
    assert wanted.asks_for_crictl is True
    assert wanted.problems_for("1.37.0", None) == []
    assert wanted.problems_for("1.37.0", "1.37.0") == []
    [problem] = wanted.problems_for("1.37.0", "1.36.0")
    assert "mine" in problem
    assert "crictl 1.36.0 does not know it" in problem


def test_registries_that_roots_own_file_hides_are_told():
    wanted = plan.WantedFiles([entry(config=of_kind("registries", {}))])
    own = "/root/.config/containers/registries.conf"
    [told] = plan.without_effect(wanted, report(root_registries=own))
    assert told["key"] == PATH
    assert own in told["reason"]
    assert plan.without_effect(wanted, report()) == []


def test_a_path_without_an_answer_is_a_sentence():
    assert plan.unanswered(report()) == []
    [sentence] = plan.unanswered(report(unanswered_paths=["/mnt/nfs/policy.json"]))
    assert sentence.startswith("/mnt/nfs/policy.json: its file system gave no answer in time")


KATA = "crio.runtime.runtimes.kata"
PROGRAM, PROFILE = "/opt/kata/bin/kata", "/etc/crio/kata.json"


def kata(**more):
    """A file set with a handler whose program and seccomp profile are paths."""
    handler = {"runtime_path": PROGRAM, "seccomp_profile": PROFILE, "runtime_type": "vm", **more}
    data = {"crio": {"runtime": {"runtimes": {"kata": handler}}}}
    return plan.WantedFiles([entry(config={"data": data, "expect": config_lines(data), "layers": {}})])


def left_out(wanted, **more):
    """A node whose CRI-O has loaded the file set and left out the handler."""
    live = {key: None for key, value in wanted.expect.items() if value is not None}
    return report(live=live, effective={key: wanted.expect[key] for key in live}, **more)


@pytest.mark.parametrize("path", [PROGRAM, PROFILE])
def test_a_handler_whose_program_was_installed_after_the_start_is_a_reason_to_restart(path):
    node = left_out(kata(), newer_paths=[path])
    made = plan.make(kata(), node)
    assert (made.activate, made.files) == ("restart", {})
    [reason] = made.reasons
    assert reason.startswith(f"{KATA} is not in the configuration of the running CRI-O")
    assert f"{path} was installed or changed after that" in reason
    assert plan.outranked(kata(), node) == []


@pytest.mark.parametrize(
    "node",
    [
        pytest.param({"missing_paths": [PROGRAM]}, id="its program is still missing"),
        pytest.param(
            {"newer_paths": [PROFILE], "missing_paths": [PROGRAM]}, id="one of two is still missing"
        ),
        pytest.param({"newer_paths": [PROGRAM], "unanswered_paths": [PROFILE]}, id="one of two is not known"),
        pytest.param({}, id="all of it is older than the start"),
        pytest.param({"newer_paths": ["/opt/other"]}, id="something else was installed"),
    ],
)
def test_a_handler_that_crio_would_leave_out_again_is_no_reason_to_restart(node):
    made = plan.make(kata(), left_out(kata(), **node))
    assert (made.activate, made.reasons) == ("none", [])
    assert plan.outranked(kata(), left_out(kata(), **node))


def test_a_handler_that_is_live_or_not_loaded_yet_is_not_late():
    assert plan.late_handlers(kata(), report(newer_paths=[PROGRAM])) == {}
    partly = {f"{KATA}.runtime_type": '"oci"'}
    assert plan.late_handlers(kata(), report(live=partly, newer_paths=[PROGRAM])) == {}
    node = left_out(kata(), newer_paths=[PROGRAM], files={PATH: {**OTHER, "as_wanted": True}})
    assert plan.late_handlers(kata(), node) == {}
    assert plan.make(kata(), node).reasons == [
        f"{PATH} is as wanted, but the running daemon has not loaded it"
    ]
