# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crictl_image: checks and completes the names of images, and sends an archive to the node."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from typing import Any

from ansible.errors import AnsibleError, AnsibleFileNotFound

from ansible_collections.cri.node.plugins.module_utils.crictl.call import OPTIONS
from ansible_collections.cri.node.plugins.module_utils.errors import ImageError
from ansible_collections.cri.node.plugins.module_utils.image import imported
from ansible_collections.cri.node.plugins.module_utils.image_reference import full_name, parse
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import (
    TaskFailure,
    from_node,
    refuse,
    succeeded,
)

ARGUMENT_SPEC = {
    **OPTIONS,
    "name": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "latest", "absent"], "default": "present"},
    "username": {"type": "str"},
    "password": {"type": "str"},
    "archive": {"type": "str"},
    "remote_src": {"type": "bool", "default": False},
    "sha256": {"type": "str"},
    "pull_timeout": {"type": "int", "default": 300},
}
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_FAILURE = ("kind", "images", "changed")
_HASH = "64 hexadecimal digits, as sha256sum prints them"


class ActionModule(CheckedAction):
    """Makes one remote call; for an archive on the controller that has to be imported, a second one and an upload."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crictl_image"
    _supports_async = True

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(list(_problems(options)))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self.secrets = [options["password"]] if options["password"] else []
        refuse(_problems(options))
        request = {key: options[key] for key in (*OPTIONS, "state", "pull_timeout", "username")}
        request["name"] = _completed(options["name"] or [])
        if options["archive"] is None:
            secrets = {"password": options["password"]} if options["password"] else {}
            return self._last_call(request, secrets, task_vars)
        if options["remote_src"]:
            request.update(archive=options["archive"], sha256=options["sha256"] or "")
            return self._last_call(request, {}, task_vars)
        return self._imported(request, options, task_vars)

    def _imported(
        self, request: dict[str, Any], options: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Import an archive of the controller; it is sent to the node only if the node does not have its images."""
        path = self._loader.get_real_file(self._found(options["archive"]))  # decrypted if it is a vault file
        place = shown(options["archive"], 300)
        try:
            with imported.opened(path) as file:
                wanted = imported.described(file, place, options["sha256"] or "", request["name"])
            request.update(archive="", wanted=wanted)
            answer = _of_node(self.ask_node(request, task_vars), self.secrets)
            if answer["needs_archive"] and not self._task.check_mode:
                request = {**request, "archive": self._send(path)}
            elif not self._task.async_val:
                return self._with_diff(answer)
            return self._last_call(request, {}, task_vars)
        except ImageError as error:
            raise TaskFailure(f"crictl_image: {error}") from None
        finally:
            self._loader.cleanup_tmp_file(path)

    def _found(self, name: str) -> str:
        """Return the path of an archive on the controller."""
        try:
            path: str = self._find_needle("files", name)
        except AnsibleFileNotFound:
            fault = "there is no such file on the controller"
        except AnsibleError as error:
            fault = f"cannot be read on the controller: {shown(error, 300)}"
        else:
            if os.path.isfile(path):
                return path
            fault = "is not a regular file"
        problem = Problem(
            "crictl_image",
            "archive",
            f'"{shown(name, 200)}"',
            fault,
            "a file; remote_src: true for one on the node",
        )
        raise TaskFailure(str(problem))

    def _send(self, path: str) -> str:
        remote = self.place_on_node("images.tar")
        self._transfer_file(path, remote)
        return remote

    def _last_call(
        self, request: dict[str, Any], secrets: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Make the call whose result is that of the task, in the background if the task is asynchronous."""
        if self._task.async_val:
            return self.ask_node(request, task_vars, secrets, in_background=True)
        return self._with_diff(_of_node(self.ask_node(request, task_vars, secrets), self.secrets))

    def _with_diff(self, result: dict[str, Any]) -> dict[str, Any]:
        result.pop("needs_archive", None)
        if self._task.diff and result["changed"]:
            result["diff"] = _diff(result["images"], self._task.check_mode)
        return result


def _of_node(result: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Return the result of the module. Raises TaskFailure with what is known of each image."""
    result.pop("invocation", None)
    if result.get("failed") and "kind" in result:
        known = {key: result[key] for key in _FAILURE if key in result}
        raise TaskFailure(from_node(result.get("msg"), secrets), known)
    return succeeded(result, secrets)


def _problems(options: dict[str, Any]) -> Iterator[Problem]:
    names, state, archive = options["name"] or [], options["state"], options["archive"]

    def problem(key: str, value: str | None, message: str, accepted: str | None = None) -> Problem:
        return Problem("crictl_image", key, value, message, accepted)

    if not names and archive is None:
        yield problem("name", None, "is missing", option_rules.IMAGE)
    for index, name in enumerate(names):
        fault = _fault_of_name(name, state)
        if fault:
            yield problem(f"name[{index}]", f'"{shown(name, 80)}"', fault, option_rules.IMAGE)
    if archive is not None and state != "present":
        yield problem("archive", None, f"cannot be combined with state: {state}", "state: present")
    for key in ("sha256", "remote_src"):
        if options[key] and archive is None:
            yield problem(key, None, "is only for archive")
    if options["sha256"] and not re.fullmatch("[0-9a-fA-F]{64}", options["sha256"]):
        yield problem("sha256", f'"{shown(options["sha256"], 80)}"', "is not a SHA-256", _HASH)
    yield from _problems_of_credentials(options)


def _fault_of_name(name: str, state: str) -> str:
    if _ID.fullmatch(name):
        return "" if state == "absent" else "is the ID of an image, which no registry knows"
    fault = image_reference.fault_of_name(name)
    return f"is not an image name: {fault}" if fault else ""


def _problems_of_credentials(options: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of username and password. They are sent to one registry, which each name must name."""
    username, password = options["username"], options["password"]
    if username is None and password is None:
        return
    if not username or not password:
        missing = "password" if username else "username"
        yield Problem("crictl_image", missing, None, "is missing", "username and password together")
        return
    if ":" in username:
        yield Problem("crictl_image", "username", None, "contains a colon, which ends the name of a user")
    if "\0" in password or "\0" in username:
        yield Problem("crictl_image", "password", None, "contains a NUL character")
    if options["state"] == "absent" or options["archive"] is not None:
        yield Problem(
            "crictl_image", "username", None, "is only for pulls", "state: present or latest, without archive"
        )
        return
    registries = {_registry_of(name) for name in options["name"] or []}
    if len(registries) > 1 or "" in registries:
        yield Problem(
            "crictl_image",
            "username",
            None,
            "would be sent to more than one registry, or to one that a short name does not show",
            "names that begin with the same registry",
        )


def _registry_of(name: str) -> str:
    try:
        reference = parse(name)
    except ValueError:
        return ""
    return reference.host if reference.names_a_registry else ""


def _completed(names: list[str]) -> list[str]:
    """Return names as runtimes list them, each once; short names and IDs as they are, because the runtime resolves them."""
    return list(dict.fromkeys(full_name(name) if _registry_of(name) else name for name in names))


def _diff(images: list[dict[str, Any]], check: bool) -> dict[str, str]:
    """Return names and IDs, before and after. check: in check mode, the ID after a pull or an import is not known."""
    before, after = [], []
    for image in images:
        if not image["changed"]:
            continue
        is_removed = image["action"] == "remove"
        former = image.get("id") if is_removed or check else image.get("previous_id")
        if former:
            before.append(_line(image["name"], former))
        if not is_removed:
            after.append(
                _line(image["name"], f"(known after the {image['action']})" if check else image["id"])
            )
    return {"before": "".join(before), "after": "".join(after)}


def _line(name: str, identity: str) -> str:
    return f"image {shown(name, 300)}: {shown(identity, 100)}\n"
