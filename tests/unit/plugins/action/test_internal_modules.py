# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that requests of actions match the internal modules node_*, and that secrets are sent separately."""

import contextlib
import importlib
import io
import json
from unittest import mock

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.cri.node.plugins.doc_fragments.internal import ModuleDocFragment
from ansible_collections.cri.node.plugins.module_utils import request as node_request
from ansible_collections.cri.node.plugins.plugin_utils.install import openpgp

NAMES = (
    "cni_plugins",
    "crictl_image",
    "crictl_pod",
    "crio_bundle",
    "crio_config_facts",
    "crio_handlers",
    "crio_packages",
    "host_prerequisites",
    "registry_resolve",
    "runtime_config",
    "runtime_drift",
    "runtime_migration",
    "runtime_rollback",
    "runtime_verify",
)
PATH = "/etc/crio/token"
FILES = [
    {"path": PATH, "owner": "crio", "content": "CANARY\n", "secret": True},
    {"path": "/etc/crio/shown", "owner": "crio", "content": "shown\n"},
    {"path": "/etc/crio/gone", "owner": "crio"},
]
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
REPORT = {
    "files": {PATH: ABSENT, "/etc/crio/shown": ABSENT},
    "orphans": {},
    "unit": {
        "name": "crio.service",
        "active": True,
        "enabled": True,
        "phase": "serving",
        "binary_replaced": False,
        "needs_daemon_reload": False,
        "invocation_id": "i",
    },
    "crio": {
        "installed": True,
        "binary": "/usr/bin/crio",
        "version": "1.37.0",
        "socket": "/run/crio.sock",
        "wrapped_by": None,
    },
    "crictl_version": None,
    "live": {},
    "effective": {},
    "reload": {},
    "missing_paths": [],
    "newer_paths": [],
    "unanswered_paths": [],
    "notes": [],
    "selinux": False,
    "root_registries": "",
    "generation": 1,
    "interrupted": False,
    "fingerprint": "f",
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "a.io/b:1", "env": [{"name": "A", "value": "CANARY"}]}]},
}
BUNDLE = {"source": "https://user:CANARY@example.com/{arch}.tar.gz", "sha256": {"amd64": "a" * 64}}
KEY = openpgp.read(bytes([0x99, 0, 20]) + b"\x04" + bytes(19)).armored()
PACKAGES = {"version": "1.36", "repository": {"url": "https://user:CANARY@example.com/{minor}/", "key": KEY}}
TASKS = {
    "cni_plugins": {
        "install": "archive",
        "archive": {"source": "https://user:CANARY@example.com/{arch}.tgz", "sha256": {"amd64": "a" * 64}},
        "network": {"subnets": ["10.85.0.0/16"]},
    },
    "crictl_image": {"name": ["a.io/b:1"], "username": "ops", "password": "CANARY"},
    "crictl_pod": {"manifest": POD},
    "crio_bundle": BUNDLE,
    "crio_config_facts": {"desired": {"crio": {"runtime": {"default_env": ["A=CANARY"]}}}},
    "crio_handlers": {
        "handlers": {"youki": {"source": "https://user:CANARY@example.com/youki", "sha256": "a" * 64}}
    },
    "crio_packages": PACKAGES,
    "host_prerequisites": {"swap": "disable"},
    "registry_resolve": {"names": ["a.io/b:1"]},
    "runtime_config": {"files": FILES},
    "runtime_drift": {"files": FILES},
    "runtime_migration": {"overruled_guards": ["running_pods"]},
    "runtime_rollback": {"generation": 3},
    "runtime_verify": {"files": FILES, "image": "a.io/b:1", "pull": ["a.io/c:1"]},
}
ANSWERS = {
    "cni_plugins": {"failed": True, "msg": "not read"},
    "crictl_image": {"changed": True, "images": []},
    "crictl_pod": {"changed": True, "removed": []},
    "crio_bundle": {"architecture": "amd64", "installed": None, "sha256": None, "version": "1.37.0"},
    "crio_config_facts": {"failed": True, "msg": "not read"},
    "crio_handlers": {"failed": True, "msg": "not read"},
    "crio_packages": {"failed": True, "msg": "not read"},
    "host_prerequisites": {"failed": True, "msg": "not read"},
    "registry_resolve": {"failed": True, "msg": "not read"},
    "runtime_config": {
        "report": REPORT,
        "outcome": {"committed": True, "generation": 2, "invocation_id": "j", "outranked": {}},
    },
    "runtime_drift": {"report": REPORT},
    "runtime_migration": {"failed": True, "msg": "not read"},
    "runtime_verify": {"failed": True, "msg": "not observed"},
}
ANSWERS["runtime_rollback"] = {
    **ANSWERS["runtime_config"],
    "earlier": {
        "generation": 3,
        "files": {
            path: {"mode": "0600", "secret": True, "disruption": "restart", "content": ""}
            for path in REPORT["files"]
        },
    },
}
CALLS = {
    "cni_plugins": 1,
    "crictl_image": 1,
    "crictl_pod": 1,
    "crio_bundle": 2,
    "crio_config_facts": 1,
    "crio_handlers": 1,
    "crio_packages": 1,
    "host_prerequisites": 1,
    "registry_resolve": 1,
    "runtime_config": 2,
    "runtime_drift": 1,
    "runtime_migration": 1,
    "runtime_rollback": 2,
    "runtime_verify": 1,
}


def internal(name):
    return importlib.import_module(f"ansible_collections.cri.node.plugins.modules.node_{name}")


def returned(name, arguments):
    """Return the output of an internal module for arguments of the options that it documents."""
    return printed(internal(name), arguments)


def printed(module, arguments):
    """Return the output of a module for these arguments."""
    output = io.StringIO()
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    with (
        mock.patch.multiple(basic, _ANSIBLE_ARGS=given, _ANSIBLE_PROFILE="legacy", create=True),
        contextlib.redirect_stdout(output),
        pytest.raises(SystemExit),
    ):
        module.main()
    return json.loads(output.getvalue())


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_the_request_of_an_action_matches_its_internal_module(run, name):
    task = run(name, TASKS[name], lambda _request: dict(ANSWERS[name]), diff=True)
    assert len(task.calls) == CALLS[name], task.result
    for module, call in zip(task.modules, task.calls, strict=True):
        assert set(call) == set(node_request.OPTIONS)
        received = node_request.of(call, internal(module.removeprefix("cri.node.node_")).REQUEST)
        assert received == {**received, **call["request"], **call["secrets"]}


def test_secrets_are_in_the_option_that_is_not_logged(run, name):
    task = run(name, TASKS[name], lambda _request: dict(ANSWERS[name]))
    assert "CANARY" not in str([call["request"] for call in task.calls])
    if name not in (
        "crio_config_facts",
        "crio_packages",
        "host_prerequisites",
        "registry_resolve",
        "runtime_drift",
        "runtime_migration",
        "runtime_rollback",
        "runtime_verify",
    ):  # which send no content
        assert "CANARY" in str([call["secrets"] for call in task.calls])
    for call in task.calls:
        hashes = call["secrets"].get("secret_hashes", {})
        assert all(each not in str(call["request"]) for each in hashes.values())
        if name != "crio_packages":  # which sends those of all package managers
            assert set(hashes) == ({PATH} if "files" in TASKS[name] else set())
    assert node_request.OPTIONS["secrets"]["no_log"] is True


def test_the_action_calls_the_internal_module_of_its_name(name):
    action = importlib.import_module(f"ansible_collections.cri.node.plugins.action.{name}").ActionModule
    assert f"cri.node.node_{name}" == action.MODULE


def test_a_request_of_another_format_is_refused_without_its_secrets(name):
    result = returned(name, {"request": {"colour": "red"}, "secrets": {"state": "CANARY", "call": "CANARY"}})
    assert result["failed"] is True
    assert "the request does not match the options of this internal module" in result["msg"]
    assert "colour" in result["msg"]
    assert "CANARY" not in json.dumps(result)


def test_a_missing_request_is_refused_by_its_name(name):
    assert returned(name, {})["msg"] == "missing required arguments: request"


def test_the_options_of_internal_modules_are_documented_as_declared():
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    declared = {
        name: {key: value for key, value in option.items() if key != "no_log"}
        for name, option in node_request.OPTIONS.items()
    }
    for option in documented.values():
        option.pop("description")
    assert documented == declared
