# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the documentation of crictl_pod matches its options and results."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from ansible_collections.cri.node.plugins.action import crictl_pod as action
from ansible_collections.cri.node.plugins.doc_fragments import crictl as fragment
from ansible_collections.cri.node.plugins.module_utils.errors import PodError
from ansible_collections.cri.node.plugins.module_utils.pod import result as pod_result
from ansible_collections.cri.node.plugins.modules import crictl_pod as module
from ansible_collections.cri.node.plugins.plugin_utils.pod import fields as pod_fields

RETURNED = yaml.safe_load(module.RETURN)
DETAIL = {
    **dict.fromkeys(("id", "state", "reason", "message", "started_at", "finished_at", "log_path"), "x"),
    "exit_code": 0,
}


def test_options_are_documented_as_declared():
    shared = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    options = {**shared, **yaml.safe_load(module.DOCUMENTATION)["options"]}
    for option in options.values():
        option.pop("description")
    assert options == action.ARGUMENT_SPEC


def test_every_supported_field_is_documented():
    text = " ".join(yaml.safe_load(module.DOCUMENTATION)["options"]["manifest"]["description"])
    for fields in (pod_fields.SPEC, pod_fields.CONTAINER):
        for name, field in fields.items():
            documented = isinstance(field, pod_fields.Field) and (not field.choices or len(field.choices) > 1)
            assert not documented or name == "os" or f"C({name})" in text, name


def test_every_returned_value_is_documented():
    container = {"name": "app", "config": {"image": {"image": "app:1"}, "envs": []}}
    pod = {"init_containers": [], "containers": [container]}
    made = pod_result.of(pod, {"id": "p", "containers": {"app": {**DETAIL, "pid": 1}}})
    assert set(made) - {"changed"} == {"pod", "containers", "pulled", "removed"}
    assert set(made["containers"][0]) == set(RETURNED["containers"]["contains"])
    documented = set(vars(PodError("", "app", 1, "Error", ["x"]))) - {"changed", "kind", "detail"}
    assert documented <= set(RETURNED)


def test_ansible_doc_renders_it():
    program = shutil.which("ansible-doc") or str(Path(sys.executable).with_name("ansible-doc"))
    command = [program, "-t", "module", "-j", "cri.node.crictl_pod"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    plugin = json.loads(done.stdout)["cri.node.crictl_pod"]
    assert plugin["doc"]["attributes"]["check_mode"]["support"] == "full"
    assert plugin["doc"]["attributes"]["action_group"]["membership"] == ["cri.node.cri"]
