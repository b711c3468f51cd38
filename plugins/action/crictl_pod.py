# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crictl_pod: validates and converts the manifest, then applies it in one remote call."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ansible.errors import AnsibleError, AnsibleFileNotFound

from ansible_collections.cri.node.plugins.module_utils.crictl.call import OPTIONS
from ansible_collections.cri.node.plugins.module_utils.os_errors import os_reason
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest as pod_manifest
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import (
    TaskFailure,
    from_node,
    refuse,
    succeeded,
)

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Pod


ARGUMENT_SPEC = {
    **OPTIONS,
    "manifest": {"type": "raw"},
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "wait": {"type": "str", "choices": ["ready", "completed", "none"], "default": "ready"},
    "wait_timeout": {"type": "int", "default": 120},
    "pull_timeout": {"type": "int", "default": 300},
}
_ACCEPTED = "one Pod, as a mapping, as a string of YAML, or as the path of a file on the controller"
_LONGEST = 1024 * 1024  # characters of a file
_PASSED_ON = (*OPTIONS, "state", "wait", "wait_timeout", "pull_timeout")


class ActionModule(CheckedAction):
    """Makes no remote call for an invalid manifest, else one."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crictl_pod"

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if isinstance(options["manifest"], str):
            options["manifest"] = self._read(options["manifest"])
        names, pod = self._asked(options, task_vars["inventory_hostname"])
        result = self._call({**{name: options[name] for name in _PASSED_ON}, **names}, pod, task_vars)
        if self._task.diff and result["changed"]:
            result["diff"] = _diff(names, pod, result["removed"])
        return result

    def _read(self, given: str) -> object:
        """Return the manifest in a text, or in the file on the controller that it names."""
        if not given.strip():
            return None
        place, text = None, given
        if not pod_manifest.is_text(given):
            place, text = f'"{shown(given, 200)}"', self._content(given.strip())
        manifest, fault = pod_manifest.of_text(text)
        refuse([Problem("", "manifest", place, fault, _ACCEPTED)] if fault else [])
        return manifest

    def _content(self, name: str) -> str:
        place = f'"{shown(name, 200)}"'
        try:
            path = self._find_needle("files", name)
            if os.path.isfile(path):
                real = self._loader.get_real_file(path)  # decrypted if it is a vault file
                try:
                    with open(real, encoding="utf-8") as file:
                        return file.read(_LONGEST)
                finally:
                    self._loader.cleanup_tmp_file(real)
            fault = "is not a regular file"
        except AnsibleFileNotFound:
            fault = "there is no such file on the controller"
        except OSError as error:
            fault = f"cannot be read on the controller: {os_reason(error, name)}"
        except UnicodeDecodeError:
            fault = "is not valid UTF-8"
        except AnsibleError as error:
            fault = f"cannot be read on the controller: {shown(error, 300)}"
        raise TaskFailure(str(Problem("", "manifest", place, fault, _ACCEPTED)))

    def _asked(self, options: dict[str, Any], node: str) -> tuple[dict[str, str], Pod | None]:
        """Return (the pod's name and namespace, the pod or None)."""
        name, namespace = pod_manifest.identity(options["manifest"])
        if options["state"] == "absent":
            name, namespace = options["name"] or name, options["namespace"] or namespace
            if not name:
                raise TaskFailure("crictl_pod: state: absent requires a name, or a manifest that has one")
            pairs = (("name", name), ("namespace", namespace))
            refuse(
                fault for key, value in pairs for fault in [option_rules.pod_name_fault(value, key)] if fault
            )
            return {"name": str(name), "namespace": str(namespace)}, None
        if options["manifest"] is None:
            raise TaskFailure("crictl_pod: state: present requires a manifest")
        if options["name"] or options["namespace"]:
            raise TaskFailure(
                "crictl_pod: name and namespace are only for state: absent; with state: present, set them in the manifest"
            )
        converted, problems = pod_manifest.convert(options["manifest"], node=node)
        refuse(problems)
        pod = cast("Pod", converted)
        self.secrets = _environment(pod)
        return {"name": pod["name"], "namespace": pod["namespace"]}, pod

    def _call(self, request: dict[str, Any], pod: Pod | None, task_vars: dict[str, Any]) -> dict[str, Any]:
        # As one string: from a structure, Ansible would remove each value of the environment from all results.
        secrets = {} if pod is None else {"pod": json.dumps(pod)}
        result = self.ask_node(request, task_vars, secrets)
        result.pop("invocation", None)
        if result.get("failed") and "pod_failure" in result:
            raise TaskFailure(
                from_node(result.get("msg"), self.secrets), _readable(result["pod_failure"], self.secrets)
            )
        return succeeded(result, self.secrets)


def _readable(failure: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Return the details of a failed container, with each text and each log line as one printable line."""
    return {
        key: [from_node(line, secrets) for line in value]
        if isinstance(value, list)
        else from_node(value, secrets)
        if isinstance(value, str)
        else value
        for key, value in failure.items()
    }


def _environment(pod: Pod) -> list[str]:
    """Return the values of the environment, complete and line by line."""
    values = [
        each["value"]
        for container in (*pod["init_containers"], *pod["containers"])
        for each in container["config"]["envs"]
    ]
    return [text for value in values for text in (value, *value.splitlines())]


def _diff(names: dict[str, str], pod: Pod | None, removed: list[dict[str, Any]]) -> dict[str, str]:
    """Return the diff, without the environment and values that may be derived from it."""
    place = f"{names['namespace']}/{names['name']}"
    before = "".join(_lines(place, each["containers"], "previous") for each in removed)
    if pod is None:
        return {"before": before, "after": ""}
    wanted = [
        {"name": each["name"], "image": each["config"]["image"]["image"]}
        for each in (*pod["init_containers"], *pod["containers"])
    ]
    return {"before": before, "after": _lines(place, wanted, "as in the manifest")}


def _lines(place: str, containers: Iterable[dict[str, str]], configuration: str) -> str:
    listed = [
        f"  container {each['name']}: {each['image']}\n"
        for each in sorted(containers, key=lambda each: each["name"])
    ]
    return f"pod {place}\n  configuration: {configuration}\n{''.join(listed)}"
