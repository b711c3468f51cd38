# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the plan: the differences between the desired file set and a node's report, their disruption, and the reasons."""

import hashlib

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan import diff, plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from testbed.openshift_objects import image, pem, sources

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
        **more,
    }


def of_kind(kind, *layers, **more):
    """Return an entry whose text comes from layers."""
    return {"path": PATH, "owner": "crio", "kind": kind, "layers": [list(layer) for layer in layers], **more}


def report(files=None, orphans=None, **more):
    """Return the report of a node whose daemon runs and has loaded the desired files by default."""
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
        pytest.param(report(), {}, "none", None, id="all files match"),
        pytest.param(report({PATH: ABSENT}), {PATH: "create"}, "restart", "is new", id="a file is missing"),
        pytest.param(report({PATH: OTHER}), {PATH: "change"}, "restart", "changes", id="a file differs"),
        pytest.param(
            report(orphans={"/etc/x": OTHER}),
            {"/etc/x": "remove"},
            "restart",
            "is removed",
            id="a file is no longer desired",
        ),
        pytest.param(
            report(orphans={"/etc/x": {**OTHER, "shared": True, "is_removed": False}}),
            {"/etc/x": "change"},
            "restart",
            "changes",
            id="our entries are no longer desired in a file with others",
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
            "a different binary",
            id="CRI-O was upgraded, not restarted",
        ),
        pytest.param(
            report(unit={"active": False}), {}, "start", "is not running", id="the daemon is not running"
        ),
        pytest.param(
            report({PATH: ABSENT}, unit={"active": False}),
            {PATH: "create"},
            "start",
            "is new; crio.service is not running and will be started",
            id="first start",
        ),
        pytest.param(
            report(unit={"enabled": False}), {}, "none", "is not enabled", id="the unit is not enabled"
        ),
    ],
)
def test_the_plan_names_files_activation_and_reasons(node, files, activate, reason):
    made = plan.make(DesiredFiles([entry()]), node)
    assert made.files == files
    assert made.activate == activate
    assert (reason in "; ".join(made.reasons)) if reason else not made.reasons
    assert len(made.reasons) == len(reason.split("; ") if reason else [])
    settled = not files and activate == "none" and node["unit"]["enabled"]
    assert made.changes_anything is not settled
    assert made.as_data()["disruption"] == ("restart" if activate == "restart" else "none")


def test_a_file_without_our_entries_is_not_written_as_a_whole():
    made = plan.make(DesiredFiles([entry()]), report(orphans={"/etc/x": {**OTHER, "is_removed": False}}))
    assert (made.writes, made.left) == ([], ["/etc/x"])


def test_an_entry_without_content_is_not_desired_but_its_owner_counts():
    desired = DesiredFiles([entry(content=None), entry(path="/etc/y", owner="other", content="\n")])
    assert desired.described == []
    assert desired.owners == ["crio", "other"]


def test_a_node_compares_by_hash():
    [described] = DesiredFiles([entry()]).described
    assert described["sha256"] == hashlib.sha256(CONTENT.encode()).hexdigest()
    assert "content" not in described


SITE = of_kind(
    "crio_conf",
    ("crio_config", {"crio": {"runtime": {"selinux": True}}}),
    ("crio_config__site", {"crio": {"metrics": {"metrics_port": 9537}}}),
)


def test_a_key_without_effect_on_the_node_is_reported():
    desired = DesiredFiles([SITE])
    assert [each["key"] for each in plan.without_effect(desired, report())] == ["crio.runtime.selinux"]
    assert plan.without_effect(desired, report(selinux=True)) == []


def test_a_key_that_the_nodes_version_does_not_know_is_a_problem_that_names_the_layer():
    data = {"crio": {"network": {"cni_status_grace_period": "5s"}}}
    desired = DesiredFiles([of_kind("crio_conf", ("crio_config", data))])
    assert desired.problems_for("1.37.0") == []
    assert desired.problems_for(None) == []
    [problem] = desired.problems_for("1.35.2")
    assert problem.startswith("crio_config: crio.network.cni_status_grace_period")


def test_a_diff_shows_content_modes_and_the_variable_of_each_key():
    desired, node = DesiredFiles([SITE]), report({PATH: OTHER})
    [shown, origins] = diff.of(desired, node, plan.make(desired, node))
    assert shown["before"] == "old\n"
    assert shown["after"].endswith("[crio.metrics]\nmetrics_port = 9537\n\n[crio.runtime]\nselinux = true\n")
    assert shown["after_header"] == f"{PATH} (0644)"
    assert "crio.metrics.metrics_port = 9537  (from crio_config__site)" in origins["prepared"]


def test_a_diff_of_a_secret_file_only_shows_that_it_differs():
    secret = {**OTHER, "content": None}
    desired, node = DesiredFiles([entry(secret=True)]), report({PATH: secret})
    [shown] = diff.of(desired, node, plan.make(desired, node))
    assert (shown["before"], shown["after"]) == ("(secret)\n", "(secret, changed)\n")
    assert "9537" not in str(shown)
    removed = report({}, orphans={PATH: {**secret, "secret": True}})
    [shown] = diff.of(DesiredFiles([], ["crio"]), removed, plan.make(DesiredFiles([], ["crio"]), removed))
    assert shown["after"] == ""
    assert shown["before"] == "(secret)\n"


def reloading(log_level='"info"', log_filter=None, options=(), reloads=True, version="1.37.0"):
    """Return a node on which a file that a reload loads is missing."""
    return report(
        {PATH: {**ABSENT, "disruption": "reload"}},
        unit={"name": "crio.service", "reloads": reloads},
        crio={"version": version},
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
        pytest.param(reloading(reloads=False), "restart", "ExecReload", id="the unit has no ExecReload"),
        pytest.param(
            reloading(options=["--log-level", "--listen"]),
            "restart",
            "would discard --log-level,",
            id="an option would be lost",
        ),
        pytest.param(
            reloading(options=["CONTAINER_PAUSE_IMAGE"]),
            "restart",
            "CONTAINER_PAUSE_IMAGE",
            id="a variable would be lost",
        ),
        pytest.param(
            reloading(options=["--blockio-reload"]), "reload", "is new", id="an option that only a start uses"
        ),
        pytest.param(reloading(version="1.30.6"), "reload", "is new", id="the first CRI-O that tells"),
        pytest.param(
            reloading(version="1.30.5"),
            "restart",
            "CRI-O 1.30.5 does not log its outcome",
            id="a CRI-O too old",
        ),
        pytest.param(reloading(version=None), "reload", "is new", id="the version is not known"),
        pytest.param(reloading(version="garbled"), "reload", "is new", id="the version cannot be read"),
        pytest.param(reloading(log_level='"INFO"'), "reload", "is new", id="CRI-O reads levels in any case"),
        pytest.param(reloading(log_level='"WARN"'), "restart", "log_level", id="and this one is too high"),
        pytest.param(
            reloading(options=["--default-runtime", "crun"]),
            "restart",
            "would discard --default-runtime,",
            id="the default handler of the command line would be lost",
        ),
        pytest.param(
            reloading(options=["--runtimes"]),
            "restart",
            "would discard --runtimes,",
            id="handlers would be lost",
        ),
        pytest.param(
            reloading(options=["CONTAINER_DEFAULT_RUNTIME", "CONTAINER_RUNTIMES"]),
            "restart",
            "would discard CONTAINER_DEFAULT_RUNTIME, CONTAINER_RUNTIMES,",
            id="handlers of the environment would be lost",
        ),
        pytest.param(
            reloading(options=["-pinned-images", "-l"]),
            "restart",
            "would discard -l, -pinned-images,",
            id="one dash is as good as two",
        ),
        pytest.param(
            reloading(options=["--listen", "pause-image"]),
            "reload",
            "is new",
            id="other options and values stay",
        ),
    ],
)
def test_a_reload_is_planned_only_where_it_can_be_relied_on(node, disruption, reason):
    made = plan.make(DesiredFiles([entry(disruption="reload")]), node)
    assert made.as_data()["disruption"] == disruption
    assert reason in made.reasons[-1]


AUTH_FILE = "/etc/crio/pause-auth.json"


@pytest.mark.parametrize(
    ("missing", "live", "disruption"),
    [
        pytest.param([AUTH_FILE], '""', "restart", id="SIGHUP looks for a new file, a start does not"),
        pytest.param([], '""', "reload", id="the file exists"),
        pytest.param([AUTH_FILE], None, "reload", id="the daemon has this path already"),
    ],
)
def test_a_missing_auth_file_of_the_pause_image_makes_a_reload_fail(missing, live, disruption):
    settings = [("crio_config", {"crio": {"image": {"pause_image_auth_file": AUTH_FILE}}})]
    node = {**reloading(), "missing_paths": missing}
    node["live"] = {} if live is None else {"crio.image.pause_image_auth_file": live}
    made = plan.make(DesiredFiles([of_kind("crio_conf", *settings)]), node)
    assert made.as_data()["disruption"] == disruption
    if disruption == "restart":
        assert f"CRI-O would refuse it, because {AUTH_FILE}," in made.reasons[-1]


def test_the_most_disruptive_file_wins():
    files = {PATH: {**ABSENT, "disruption": "reload"}, "/etc/x": ABSENT}
    made = plan.make(DesiredFiles([entry(disruption="reload"), entry(path="/etc/x")]), report(files))
    assert made.activate == "restart"
    assert len(made.reasons) == 2


def test_a_file_set_that_no_daemon_reads_leaves_the_daemon_alone():
    node = report({PATH: {**ABSENT, "disruption": "none"}}, unit={"active": False, "enabled": False})
    made = plan.make(DesiredFiles([entry(disruption="none")]), node)
    assert (made.activate, made.enable, made.reasons) == ("none", False, [])
    assert made.files == {PATH: "create"}


def test_a_role_without_variables_still_requires_a_running_daemon():
    made = plan.make(DesiredFiles([entry(content=None)]), report({}, unit={"active": False}))
    assert made.activate == "start"


def test_a_diff_names_the_variables_of_registries_and_of_crictl_too():
    site = ("registries_config__site", {"registry": [{"location": "a.io", "insecure": True}]})
    desired = DesiredFiles(
        [
            of_kind("registries_conf", ("registries_config", {}), site),
            of_kind("crictl_yaml", ("crictl_config", {"timeout": 10}), path="/etc/crictl.yaml"),
        ]
    )
    found = {each["key"]: (each["value"], each["variable"]) for each in desired.settings()}
    assert found['registry."a.io".insecure'] == (True, "registries_config__site")
    assert found["timeout"] == (10, "crictl_config")


def test_a_key_that_the_nodes_crictl_does_not_know_is_a_problem_only_if_crictl_is_installed():
    known = DesiredFiles([of_kind("crictl_yaml", ("crictl_config", {"timeout": 10}))])
    assert known.asks_for_crictl is False
    desired = DesiredFiles([of_kind("crictl_yaml", ("mine", {"max-retries": 3}))])
    assert desired.asks_for_crictl is True
    assert desired.problems_for("1.37.0", None) == []
    assert desired.problems_for("1.37.0", "1.37.0") == []
    [problem] = desired.problems_for("1.37.0", "1.36.0")
    assert "mine" in problem
    assert "crictl 1.36.0 does not know this key" in problem


def test_crictl_uses_the_socket_of_the_last_layer():
    layers = [["crio_config", {"crio": {"api": {"listen": "/run/a.sock"}}}], ["crio_config__x", {"crio": {}}]]
    defaults = {"runtime-endpoint": "unix:///var/run/crio/crio.sock", "timeout": 10}
    entry = of_kind("crictl_yaml", ("crictl_config", {"timeout": 3}), defaults=defaults, crio_layers=layers)
    settings = {each["key"]: (each["value"], each["variable"]) for each in DesiredFiles([entry]).settings()}
    assert settings == {
        "runtime-endpoint": ("unix:///run/a.sock", "crio_config"),
        "timeout": (3, "crictl_config"),
    }
    entry["crio_layers"].append(["crio_config__y", {"crio": {"api": None}}])
    [endpoint, _timeout] = DesiredFiles([entry]).settings()
    assert (endpoint["value"], endpoint["variable"]) == (defaults["runtime-endpoint"], "the role's default")


def of_openshift(*objects, layers=(("registries_config", {}),), path=PATH):
    """Return an entry of registries.conf with objects of OpenShift."""
    return {
        **of_kind("registries_conf", *layers, openshift_layers=[["objects", list(objects)]]),
        "path": path,
    }


def test_objects_of_openshift_are_the_lowest_layer():
    objects = [sources(insecureRegistries=["a.io", "b.io"], containerRuntimeSearchRegistries=["a.io"])]
    layers = [
        ("registries_config", {"registry": [{"location": "a.io", "insecure": False}]}),
        ("registries_config__x", {"registry": [{"prefix": "b.io", "location": None}]}),
    ]
    desired = DesiredFiles([of_openshift(*objects, layers=layers)])
    settings = {each["key"]: (each["value"], each["variable"]) for each in desired.settings()}
    assert settings == {
        "unqualified-search-registries": (["a.io"], "objects"),
        'registry."a.io".location': ("a.io", "registries_config"),
        'registry."a.io".insecure': (False, "registries_config"),
    }
    assert (desired.problems, desired.warnings) == ([], [])


def test_problems_of_objects_of_several_files_are_reported_once_and_with_those_of_settings():
    layers = [("registries_config", {"insecur": True})]
    given = sources(insecureRegistries=["*"])
    desired = DesiredFiles([of_openshift(given, layers=layers), of_openshift(given, path="/etc/other.conf")])
    assert [str(problem).partition(":")[0] for problem in desired.problems] == [
        "objects",
        "registries_config",
    ]


def test_objects_that_need_a_file_that_is_not_in_the_set_are_refused():
    [problem] = DesiredFiles([of_openshift(sources(allowedRegistries=["a.io"]))]).problems
    assert "allowedRegistries: needs a policy.json, which is not among the files" in str(problem)
    blocked = DesiredFiles([of_openshift(sources(blockedRegistries=["a.io"]))])
    assert blocked.problems == []
    assert "blockedRegistries: needs a policy.json" in str(blocked.warnings[0])
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
        "data": {"a.io": pem("a")},
    }
    trusted = DesiredFiles([of_openshift(image(additionalTrustedCA={"name": "x"}), config_map)])
    assert "additionalTrustedCA: needs the certificates" in str(trusted.problems[0])


def test_each_kind_gets_its_part_of_the_objects():
    given = [
        image(
            registrySources={"allowedRegistries": ["a.io"], "insecureRegistries": ["b.io"]},
            additionalTrustedCA={"name": "trusted"},
        ),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "trusted"},
            "data": {"a.io..5000": pem("a")},
        },
    ]
    policy = {**of_openshift(*given, path="/etc/crio/policy.json"), "kind": "policy_json"}
    certificates = {**of_openshift(*given, path="/etc/containers/certs.d"), "kind": "certificates"}
    files = DesiredFiles([of_openshift(*given), policy, certificates])
    assert files.problems == []
    assert any("the pause image" in str(each) for each in files.warnings)
    assert files.by_path["/etc/crio/policy.json"].entries[""]["default"] == [{"type": "reject"}]
    assert files.by_path["/etc/containers/certs.d/a.io:5000/ca.crt"].content.endswith(pem("a"))
    [conf] = [file for file in files if file.kind.name == "registries_conf"]
    assert "b.io" in conf.content


def test_a_file_that_contains_a_secret_cannot_be_readable_by_others():
    secret = of_kind("crio_conf", ("crio_config", {"crio": {"runtime": {"default_env": ["TOKEN=x"]}}}))
    [file] = DesiredFiles([secret])
    assert (file.mode, file.secret) == ("0600", True)
    [problem] = DesiredFiles([{**secret, "mode": "0644"}]).problems
    assert "lets every user of the node read a secret file" in str(problem)


def test_registries_that_the_file_of_root_overrides_are_reported():
    desired = DesiredFiles([of_kind("registries_conf", ("v", {"aliases": {"a": "b.io/a"}}))])
    own = "/root/.config/containers/registries.conf"
    [found] = plan.without_effect(desired, report(root_registries=own))
    assert found["key"] == PATH
    assert own in found["reason"]
    assert plan.without_effect(desired, report()) == []


def test_an_unresponsive_path_is_a_sentence():
    assert plan.unanswered(report()) == []
    [sentence] = plan.unanswered(report(unanswered_paths=["/mnt/nfs/policy.json"]))
    assert sentence.startswith("/mnt/nfs/policy.json: its file system did not answer in time")


KATA = "crio.runtime.runtimes.kata"
PROGRAM, PROFILE = "/opt/kata/bin/kata", "/etc/crio/kata.json"


def kata(**more):
    """Return a file set with a handler whose program and seccomp profile are paths."""
    handler = {"runtime_path": PROGRAM, "seccomp_profile": PROFILE, "runtime_type": "vm", **more}
    data = {"crio": {"runtime": {"runtimes": {"kata": handler}}}}
    return DesiredFiles([of_kind("crio_conf", ("crio_config", data))])


def left_out(desired, **more):
    """Return a node whose CRI-O has loaded the file set and ignored the handler."""
    live = {key: None for key, value in desired.expect.items() if value is not None}
    return report(live=live, effective={key: desired.expect[key] for key in live}, **more)


@pytest.mark.parametrize("path", [PROGRAM, PROFILE])
def test_a_handler_whose_program_was_installed_after_the_start_is_a_reason_to_restart(path):
    node = left_out(kata(), newer_paths=[path])
    made = plan.make(kata(), node)
    assert (made.activate, made.files) == ("restart", {})
    [reason] = made.reasons
    assert reason.startswith(f"{KATA} is not in the configuration of the running CRI-O")
    assert f"{path} was installed or changed later" in reason
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
def test_a_handler_that_crio_would_ignore_again_is_not_a_reason_to_restart(node):
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
        f"{PATH} matches the desired state, but the running daemon has not loaded it"
    ]


def by_key(*keys, settings, log_level='"info"', **more):
    """Return the plan of a node whose daemon has not loaded these keys of a changed crio.conf."""
    node = reloading(log_level=log_level, **more)
    node["files"] = {PATH: {**OTHER, "unloaded_keys": list(keys), "content": ""}}
    layer = ("crio_config", {"crio": {"runtime": settings}})
    return plan.make(DesiredFiles([of_kind("crio_conf", layer)]), node)


LEVEL, FILTER, PIDS = "crio.runtime.log_level", "crio.runtime.log_filter", "crio.runtime.pids_limit"
PINNED = "crio.image.pinned_images"  # CRI-O completes the list, so that it is not compared


def test_a_key_that_sighup_reads_is_reloaded():
    made = by_key(LEVEL, settings={"log_level": "debug", "pids_limit": 5})
    assert (made.activate, made.reload_keys, made.reload_is_logged) == ("reload", [LEVEL], True)
    assert made.reasons == [f"{PATH} changes", f"a reload is enough for {LEVEL}"]


def test_a_key_that_only_a_start_reads_is_the_reason_of_a_restart():
    made = by_key(LEVEL, PIDS, settings={"log_level": "debug", "pids_limit": 5})
    assert made.activate == "restart"
    assert made.reasons == [f"{PATH} changes", f"{PIDS} needs a restart"]


@pytest.mark.parametrize(
    ("keys", "settings", "activate", "is_logged"),
    [
        ([LEVEL], {"log_level": "error"}, "reload", False),
        ([FILTER], {"log_filter": "x"}, "reload", False),
        ([LEVEL], {}, "reload", False),
        ([LEVEL, PINNED], {}, "restart", False),
        ([FILTER], {"log_filter": ""}, "reload", True),
    ],
    ids=[
        "a quieter level",
        "a filter",
        "a level that others decide",
        "with a key without live value",
        "no filter",
    ],
)
def test_a_reload_that_is_not_logged_must_show_in_live_values(keys, settings, activate, is_logged):
    made = by_key(*keys, settings={**settings, "pids_limit": 5})
    assert (made.activate, made.reload_is_logged) == (activate, is_logged)
    if activate == "restart":
        assert f"shows no value of {PINNED}" in made.reasons[-1]


def test_registries_and_a_quieter_level_together_need_a_restart():
    node = reloading()
    registries = "/etc/containers/registries.conf.d/zz-cri-node.conf"
    node["files"] = {
        PATH: {**OTHER, "unloaded_keys": [LEVEL]},
        registries: {**ABSENT, "disruption": "reload"},
    }
    layer = ("crio_config", {"crio": {"runtime": {"log_level": "error"}}})
    made = plan.make(DesiredFiles([of_kind("crio_conf", layer), entry(path=registries)]), node)
    assert made.activate == "restart"
    assert f"might not log whether it has read {registries}" in made.reasons[-1]


def test_other_rights_on_a_loaded_file_change_it_without_the_daemon():
    node = report({PATH: {**OTHER, "unloaded_keys": [], "same_content": True}})
    layer = ("crio_config", {"crio": {"runtime": {"pids_limit": 5}}})
    made = plan.make(DesiredFiles([of_kind("crio_conf", layer)]), node)
    assert (made.files, made.activate) == ({PATH: "change"}, "none")
    assert made.reasons == [f"{PATH} changes, but not its content, which the running daemon has loaded"]
