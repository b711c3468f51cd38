# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that anything that a node returns reaches the result of a task as printable lines."""

import json

import pytest
from ansible.errors import AnsibleConnectionFailure

FILE = {"path": "/etc/crio/crio.conf.d/60-cri-node.conf", "owner": "crio", "content": "[crio]\n"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {
        "containers": [{"name": "c", "image": "i", "env": [{"name": "TOKEN", "value": "CANARY\nCANARY2"}]}]
    },
}
ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202e\udce9"


def report(version="1.37.0", **more):
    unit = {
        "name": "crio.service",
        "active": True,
        "enabled": True,
        "invocation_id": "a",
        "binary_replaced": False,
        "masked": False,
    }
    return {
        "files": {},
        "orphans": {},
        "crio": {
            "installed": True,
            "version": version,
            "socket": "/run/crio.sock",
            "binary": "/usr/bin/crio",
        },
        "crictl_version": None,
        "unit": {
            **unit,
            "phase": "serving",
            "state": "active (running)",
            "reloads": True,
            "needs_daemon_reload": False,
        },
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
        "notes": [],
        "selinux": False,
        "root_registries": "",
        "generation": 0,
        "interrupted": False,
        **more,
    }


def test_an_unreadable_version_is_a_warning_of_one_printable_line(run):
    layers = [["crio_config", {"crio": {"runtime": {"log_level": "info"}}}]]
    file = {"path": FILE["path"], "owner": "crio", "kind": "crio_conf", "layers": layers}
    as_wanted = {
        "file_type": "file",
        "as_wanted": True,
        "loaded": True,
        "mode": "0644",
        "disruption": "restart",
    }
    for version in (f"odd{ESCAPES}", "1.x", "9" * 5000, "one.two.three"):
        found = {"report": report(version, files={FILE["path"]: as_wanted})}
        task = run("runtime_config", {"files": [file]}, lambda _arguments, found=found: found)
        assert not task.result.get("failed"), task.result
        assert task.result["runtime"]["version"].isprintable()
        assert len(task.result["runtime"]["version"]) < 120
        [warning] = task.result["warnings"]
        assert "cannot be read" in warning
        assert warning.isprintable()


@pytest.mark.parametrize(
    ("outcome", "plan"),
    [
        ({"running": 3}, ("restart", 3)),
        ({}, ("restart", None)),
        (
            {"failed": True, "phase": "refused", "message": "no", "disruption": "drain", "running": 2},
            ("drain", 2),
        ),
    ],
)
def test_a_prediction_has_the_containers_and_the_disruption_that_the_node_returned(run, outcome, plan):
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    answers = {
        "read": {"report": report(files={FILE["path"]: absent}, fingerprint="f")},
        "apply": {"outcome": outcome},
    }
    task = run(
        "runtime_config",
        {"files": [FILE]},
        lambda request: answers[request.get("call", "read")],
        check_mode=True,
    )
    assert (task.result["plan"]["disruption"], task.result.get("containers")) == plan
    assert bool(task.result.get("failed")) == bool(outcome.get("failed"))


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_change_above_the_limit_fails_with_its_reasons_before_the_node_is_asked_again(run, check_mode):
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    calls = []

    def node(request):
        calls.append(request.get("call", "read"))
        return {"report": report(files={FILE["path"]: absent}, fingerprint="f")}

    limited = {"files": [FILE], "max_disruption": "reload"}
    task = run("runtime_config", limited, node, check_mode=check_mode)
    assert calls == ["read"]
    assert task.result["failed"]
    assert task.result["plan"]["disruption"] == "restart"
    assert task.message == (
        "max_disruption (runtime_max_disruption of the role) is reload, but the change needs a restart:"
        f" {FILE['path']} is new. Nothing was changed on the node."
    )


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_plan_names_the_probes_that_the_node_is_asked_for(run, check_mode):
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    done = {"committed": True, "generation": 1, "invocation_id": "b", "outranked": {}}
    answers = {
        "read": {"report": report(files={FILE["path"]: absent}, fingerprint="f")},
        "apply": {"outcome": {"running": 0} if check_mode else done},
    }
    probes = "{image: hello:1, handlers: [crun], pull: [app:1]}"  # as an extra variable
    arguments = {"files": [FILE], "probes": probes}
    task = run(
        "runtime_config",
        arguments,
        lambda request: answers[request.get("call", "read")],
        check_mode=check_mode,
    )
    assert not task.result.get("failed"), task.result
    assert task.result["plan"]["probes"] == ["pull app:1", "run a pod of hello:1 with the handler crun"]
    asked = task.calls[1]["request"]["probes"]
    assert (asked["handlers"], asked["pull"], len(asked["pods"])) == (["crun"], ["app:1"], 3)


@pytest.mark.parametrize("probes", [None, {}, "", " "])
def test_without_probes_the_plan_names_none_and_the_node_is_asked_for_none(run, probes):
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    answers = {
        "read": {"report": report(files={FILE["path"]: absent}, fingerprint="f")},
        "apply": {"outcome": {"running": 0}},
    }
    arguments = {"files": [FILE], "probes": probes}
    task = run(
        "runtime_config", arguments, lambda request: answers[request.get("call", "read")], check_mode=True
    )
    assert "probes" not in task.result["plan"]
    assert task.calls[1]["request"]["probes"]["pods"] == []


def test_a_probe_without_an_image_is_refused_before_the_node_is_called(refused):
    message = refused("runtime_config", {"files": [FILE], "probes": {"handlers": "all"}})
    assert "probes (runtime_probes of the role): image: is missing" in message


def test_a_limit_lets_a_stopped_daemon_be_started(run):
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    found = report(files={FILE["path"]: absent}, fingerprint="f")
    found["unit"].update(active=False, phase="stopped")
    answers = {"read": {"report": found}, "apply": {"outcome": {"running": 0}}}
    limited = {"files": [FILE], "max_disruption": "none"}
    task = run(
        "runtime_config", limited, lambda request: answers[request.get("call", "read")], check_mode=True
    )
    assert (task.result.get("failed"), task.result["changed"]) == (None, True)


@pytest.mark.parametrize("version", ["1.33.12", "1.38.0", "1.40", "2.36.0"])
def test_a_node_whose_version_is_not_supported_gets_a_warning(run, version):
    as_wanted = {
        "file_type": "file",
        "as_wanted": True,
        "loaded": True,
        "mode": "0644",
        "disruption": "restart",
    }
    found = {"report": report(version, files={FILE["path"]: as_wanted})}
    [warning] = run("runtime_config", {"files": [FILE]}, lambda _arguments: found).result["warnings"]
    assert f"CRI-O {version} on this node" in warning
    assert "1.34 to 1.37" in warning
    assert ("its settings are checked" in warning) == (version == "1.33.12")


def test_a_failed_pod_is_reported_without_escapes_and_environment(run):
    failure = {
        "container": "c",
        "exit_code": 1,
        "reason": f"Error{ESCAPES}",
        "log": [f"said{ESCAPES}CANARY", "CANARY2 http://u:p@h"],
    }
    returned = {"failed": True, "msg": f"did not come up\n  CANARY{ESCAPES}", "pod_failure": failure}
    task = run("crictl_pod", {"manifest": POD}, lambda _arguments: returned)
    assert task.message.isprintable()
    assert all(line.isprintable() for line in [*task.result["log"], task.result["reason"]])
    assert task.result["exit_code"] == 1
    assert "CANARY" not in json.dumps(task.result)
    assert "http://***@h" in task.result["log"][1]


def test_a_node_without_sudo_is_reported(run):
    returned = {
        "failed": True,
        "module_stdout": "",
        "module_stderr": "sudo: a password is required\n",
        "rc": 1,
        "msg": "MODULE FAILURE",
    }
    for name, arguments in (("runtime_config", {"files": [FILE]}), ("crictl_pod", {"manifest": POD})):
        message = run(name, arguments, lambda _arguments: returned).message
        assert (
            message
            == "the module returned no result on the node (exit status 1): sudo: a password is required"
        )
    task = run("runtime_verify", {}, lambda _arguments: returned)
    assert "sudo: a password is required" in task.result["checks"][0]["detail"]


def test_no_failure_repeats_the_content_of_a_secret_file(run):
    secret = {
        **FILE,
        "path": "/etc/crio/cri-node.environment",
        "secret": True,
        "content": '# x\nTOKEN="CANARY one"\nPASS=CANARY\n',
    }
    for output in ('Invalid line TOKEN="CANARY one"', "CANARY one", "PASS=CANARY"):
        for returned in (
            {"failed": True, "msg": output},
            {"failed": True, "module_stderr": output, "msg": ""},
        ):
            message = run(
                "runtime_config", {"files": [secret]}, lambda _arguments, returned=returned: dict(returned)
            ).message
            assert "CANARY" not in message


def test_an_unresponsive_path_is_a_warning_of_the_task(run):
    found = {"report": report(unanswered_paths=["/mnt/nfs/policy.json"])}
    [warning] = run("runtime_config", {"files": []}, lambda _arguments: found).result["warnings"]
    assert warning.startswith("/mnt/nfs/policy.json: its file system did not answer in time")


SECRET = {
    **FILE,
    "path": "/etc/crio/cri-node.environment",
    "secret": True,
    "content": 'TOKEN="CANARY one"\nPASS=CANARY\n',
}


def unreachable(_arguments):
    raise AnsibleConnectionFailure("ssh: CANARY one")


@pytest.mark.parametrize("output", ['Invalid line TOKEN="CANARY one"', "CANARY one", "PASS=CANARY"])
@pytest.mark.parametrize("kind", ["msg", "module_stderr", "unreachable"])
def test_no_check_repeats_the_content_of_a_secret_file_if_the_node_cannot_be_read(run, kind, output):
    returned = {"failed": True, "msg": "", kind: output}
    if kind == "unreachable":
        returned = {"unreachable": True, "msg": output}
    result = run("runtime_verify", {"files": [SECRET]}, lambda _arguments: dict(returned)).result
    assert result["failed_checks"] == ["node"]
    assert "CANARY" not in json.dumps(result)


def test_a_connection_that_fails_repeats_no_secret(run):
    result = run("runtime_verify", {"files": [SECRET]}, unreachable).result
    assert "cannot be reached" in result["checks"][0]["detail"]
    assert "CANARY" not in json.dumps(result)


@pytest.mark.parametrize("before", ["", "x" * 985])
def test_no_check_repeats_the_content_of_a_secret_file_that_the_runtime_prints(run, before):
    seen = {
        "state": report(),
        "owners": [],
        "configuration_error": f"{before} CANARY one",
        "conditions_error": f"{before} PASS=CANARY",
        "metrics": {},
        "pod": {},
        "pulls": {"a:1": f"{before}CANARY one"},
    }
    returned = {"seen": seen}
    result = run("runtime_verify", {"files": [SECRET], "pull": ["a:1"]}, lambda _arguments: returned).result
    assert {"runtime", "settings", "pull a:1"} <= set(result["failed_checks"])
    assert "CAN" not in json.dumps(result)


def bundle_node(**more):
    """Return a node's answers to crio_bundle, whose texts contain control characters."""
    here = {"architecture": "amd64", "installed": None, "sha256": None, "interrupted": False, **more}
    return lambda arguments: here if arguments["call"] == "read" else {"version": f"1.36.3{ESCAPES}"}


def test_what_a_node_returns_about_its_bundle_is_printable(run):
    task = {"source": "http://host/{arch}.tar.gz", "sha256": {"amd64": "a" * 64}}
    odd = f"1.36.2{ESCAPES} http://u:p@h/"
    message = run("crio_bundle", task, bundle_node(architecture=f"m68k{ESCAPES}")).message
    assert "this node's architecture m68k" in message
    changed = run("crio_bundle", task, bundle_node(installed=odd, sha256=odd), diff=True).result
    kept = run("crio_bundle", task, bundle_node(installed=odd, sha256="a" * 64)).result
    assert kept["version"].startswith("1.36.2")
    shown = [message, changed["version"], kept["version"], *changed["diff"]["before"].split("\n")]
    assert all(each.isprintable() for each in shown)
    assert "u:p" not in json.dumps([changed, kept])
