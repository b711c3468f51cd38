# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a task merges, checks and renders the layers of a variable only once."""

import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from tests.unit.plugins.action.test_messages import report

from ansible_collections.cri.node.plugins.action import runtime_check
from ansible_collections.cri.node.plugins.plugin_utils import layers
from ansible_collections.cri.node.plugins.plugin_utils.files import environment_file, set_rules, unit_drop_in
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS

CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
REJECT = [{"type": "reject"}]
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"
# The files of the entries that are folders.
PARTS = {
    "/etc/certificates": "/etc/certificates/a.io/ca.crt",
    "/etc/ca_certificates": "/etc/ca_certificates/cri-node-root.crt",
    "/etc/namespaced_policies": "/etc/namespaced_policies/a.json",
}
OUTCOME = {"generation": 1, "invocation_id": "b", "outranked": {}, "warnings": []}


def file_set(level="info"):
    """Return one file of each kind, each with two layers."""
    layered = {
        "crio_conf": [["crio_config", log_level(level)], ["crio_config__lab", {"crio": {"metrics": {}}}]],
        "registries_conf": [
            ["registries_config", {"unqualified-search-registries": ["a.example"]}],
            ["registries_config__lab", {"registry": [{"location": "b.example"}]}],
        ],
        "crictl_yaml": [["crictl_config", {"timeout": 5}], ["crictl_config__lab", {"debug": True}]],
        "unit_drop_in": [
            ["crio_service", {"Service": {"KillMode": "process"}}],
            ["crio_environment", {"Service": {"EnvironmentFile": "-/etc/crio/cri-node.environment"}}],
        ],
        "environment_file": [["crio_environment", {"A": "x"}], ["crio_environment__lab", {"B": "y"}]],
        "auth_json": [["registries_auth", {"a.io": {"helper": "x"}}], ["registries_auth__lab", {}]],
        "policy_json": [["registries_policy", {"default": REJECT}], ["registries_policy__lab", {}]],
        "namespaced_policies": [
            ["registries_namespaced_policies", {"a": {"default": REJECT}}],
            ["registries_namespaced_policies__lab", {}],
        ],
        "registries_d": [
            ["registries_signatures", {"docker": {"a.io": {"use-sigstore-attachments": True}}}],
            ["registries_signatures__lab", {}],
        ],
        "certificates": [
            ["registries_certificates", {"a.io": {"ca": CERTIFICATE}}],
            ["registries_certificates__lab", {}],
        ],
        "ca_certificates": [
            ["registries_ca_certificates", {"root": CERTIFICATE}],
            ["registries_ca_certificates__lab", {}],
        ],
        "storage_conf": [
            ["registries_storage", {"storage": {"driver": "overlay"}}],
            ["registries_storage__lab", {}],
        ],
    }
    files = [
        {
            "path": CRIO if kind == "crio_conf" else f"/etc/{kind}",
            "owner": "crio",
            "kind": kind,
            "layers": each,
        }
        for kind, each in layered.items()
    ]
    return [*files, {"path": "/etc/text", "owner": "crio", "content": "text\n"}]


def log_level(level):
    return {"crio": {"runtime": {"log_level": level}}}


class Calls:
    """Counts the calls of functions by their arguments, regardless of how their callers imported them."""

    def __init__(self, **functions):
        self.found = Counter()
        self._names = {function.__code__: name for name, function in functions.items()}

    def __enter__(self):
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_error):
        sys.setprofile(None)

    def _count(self, frame, event, _argument):
        if event == "call" and frame.f_code in self._names:
            given = frame.f_locals.get("layers") or []
            variables = sorted({name for name, _layer in given})
            self.found[self._names[frame.f_code], *variables] += 1


def counted():
    functions = {
        f"{name} {verb}": getattr(type(kind), verb) for name, kind in KINDS.items() for verb in VERBS
    }
    return Calls(merge=layers.merge, rules=set_rules.warnings, **functions)


VERBS = ("check", "render")
ONCE = [
    ("merge", "crio_config", "crio_config__lab"),
    ("crio_conf check", "crio_config", "crio_config__lab"),
    ("crio_conf render",),
    ("merge", "registries_config", "registries_config__lab"),
    ("registries_conf check", "registries_config", "registries_config__lab"),
    ("registries_conf render",),
    ("merge", "crictl_config", "crictl_config__lab"),
    ("crictl_yaml check", "crictl_config", "crictl_config__lab"),
    ("crictl_yaml render",),
    ("unit_drop_in check", "crio_environment", "crio_service"),
    ("unit_drop_in render",),
    ("merge", "crio_environment", "crio_environment__lab"),
    ("environment_file check", "crio_environment", "crio_environment__lab"),
    ("environment_file render",),
    ("text check",),
    ("auth_json check", "registries_auth", "registries_auth__lab"),
    ("auth_json render",),
    ("merge", "registries_policy", "registries_policy__lab"),
    ("policy_json check", "registries_policy", "registries_policy__lab"),
    ("policy_json render",),
    ("merge", "registries_namespaced_policies", "registries_namespaced_policies__lab"),
    ("namespaced_policies check", "registries_namespaced_policies", "registries_namespaced_policies__lab"),
    ("namespaced_policies render",),
    ("merge", "registries_signatures", "registries_signatures__lab"),
    ("registries_d check", "registries_signatures", "registries_signatures__lab"),
    ("registries_d render",),
    ("merge", "registries_certificates", "registries_certificates__lab"),
    ("certificates check", "registries_certificates", "registries_certificates__lab"),
    ("certificates render",),
    ("merge", "registries_ca_certificates", "registries_ca_certificates__lab"),
    ("ca_certificates check", "registries_ca_certificates", "registries_ca_certificates__lab"),
    ("ca_certificates render",),
    ("merge", "registries_storage", "registries_storage__lab"),
    ("storage_conf check", "registries_storage", "registries_storage__lab"),
    ("storage_conf render",),
]


def node(files):
    """Return a node on which every file of the set is missing, and which makes the change."""
    absent = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
    found = report(
        files={PARTS.get(each["path"], each["path"]): dict(absent) for each in files}, fingerprint="a"
    )
    return lambda request: {"report": found} if "call" not in request else {"outcome": OUTCOME}


@pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
def test_a_change_merges_checks_and_renders_each_variable_once(run, check_mode):
    files = file_set()
    with counted() as calls:
        task = run("runtime_config", {"files": files}, node(files), check_mode=check_mode, diff=True)
    assert task.result["changed"], task.result
    assert len(task.calls) == 2
    assert calls.found == Counter([*ONCE, ("rules",)])


def test_a_change_that_the_node_refuses_is_explained_without_another_check(run):
    files = file_set()

    def refusing(request):
        outcome = {"failed": True, "phase": "validate", "message": "refused", "detail": "log_level"}
        return node(files)(request) if "call" not in request else {"outcome": outcome}

    with counted() as calls:
        task = run("runtime_config", {"files": files}, refusing)
    assert "crio.runtime.log_level" in task.message
    assert calls.found == Counter([*ONCE, ("rules",)])


def test_layers_that_are_not_merged_are_read_once(run):
    """A drop-in's layers stay separate, and an environment's are read before they are merged."""
    files = file_set()
    with Calls(unit=unit_drop_in._read, environment=environment_file._read) as calls:
        run("runtime_config", {"files": files}, node(files))
    assert calls.found == {("unit",): 2, ("environment",): 2}  # two layers each


class Hosts:
    """The host variables of a play, with templates already rendered."""

    def __init__(self, variables):
        self._all = variables
        self._variable_manager = self._inventory = self

    def get_host(self, name):
        return name

    def get_vars(self, play, host, task):
        return self._all[host]


def test_a_check_of_many_hosts_checks_each_distinct_set_of_variables_once():
    levels = ["info", "debug"] * 10
    settings = [{"runtime_config": {"files": file_set(level)}} for level in levels]
    hosts = {f"node-{number}": {"node_settings": each} for number, each in enumerate(settings)}
    task = SimpleNamespace(play=None, args={"settings": ["node_settings"]})
    action = runtime_check.ActionModule(
        task, None, None, None, SimpleNamespace(template=lambda value: value), None
    )
    variables = {
        "ansible_play_hosts_all": list(hosts),
        "hostvars": Hosts(hosts),
        "inventory_hostname": "node-0",
    }
    with counted() as calls:
        result = action.perform({"settings": ["node_settings"]}, variables)
    assert result["msg"] == "20 nodes checked: 280 keys in 260 files"
    assert calls.found == Counter(2 * [*ONCE, ("rules",)])
