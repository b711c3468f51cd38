# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_handlers: checks and completes the handlers, and sends the files that a node needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.plugin_utils.handlers import desired, request, runtime_class
from ansible_collections.cri.node.plugins.plugin_utils.handlers.desired import Desired
from ansible_collections.cri.node.plugins.plugin_utils.handlers.handler import NodeFile
from ansible_collections.cri.node.plugins.plugin_utils.plain import TooDeep, plain
from ansible_collections.cri.node.plugins.plugin_utils.task import sent_file
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import (
    TaskFailure,
    from_node,
    refuse,
    succeeded,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "handlers": {"type": "raw", "default": {}},
    "handlers_variable": {"type": "str"},
}
_RESULT = ("changed", "handlers", "packages", "removed", "pending")


class ActionModule(CheckedAction):
    """Makes one remote call, and a second one with an upload for files of the controller that the node does not have."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MODULE = "cri.node.node_crio_handlers"
    TRANSFERS_FILES = False

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(_desired(options).problems)

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        found = _desired(options)
        refuse(found.problems)
        handlers = list(found.handlers.values())
        asked = request.of(handlers)
        secrets = {"urls": request.secret_urls(handlers)}
        self.secrets = list(secrets["urls"].values())
        answer = succeeded(self.ask_node({**asked, "sent": {}}, task_vars, secrets))
        if answer.get("needed"):
            sent = self._sent(found, answer)
            answer = succeeded(self.ask_node({**asked, "sent": sent}, task_vars, secrets))
        result = {key: answer[key] for key in _RESULT}
        result["runtime_classes"] = runtime_class.documents(handlers)
        if answer["notes"]:
            result["warnings"] = [from_node(note) for note in answer["notes"]]
        if self._task.diff:
            result["diff"] = _diff(answer)
        return result

    def _sent(self, found: Desired, answer: dict[str, Any]) -> dict[str, str]:
        """Copy the needed files to the node; return their paths there by their own paths."""
        files = {file.path: (name, file) for name, each in found.handlers.items() for file in each.files}
        sent = {}
        for number, path in enumerate(answer["needed"]):
            name, file = files[path]
            remote = self.place_on_node(f"handler-{number}")
            self._send(name, file, str(answer["architecture"]), remote)
            sent[path] = remote
        return sent

    def _send(self, name: str, file: NodeFile, architecture: str, remote: str) -> None:
        source = file.source.replace("{arch}", architecture)
        digest = file.sha256.get(architecture) or file.sha256[""]
        place = source if download.is_url(source) else self.found_on_controller(source, desired.VARIABLE)
        self._transfer_file(sent_file.checked(place, digest, f"{desired.VARIABLE}: {name}"), remote)


def _desired(options: dict[str, Any]) -> Desired:
    """Return the handlers of validated options, which are a mapping, a text of one, or layers [[name, value], ...]."""
    try:
        given = plain(options["handlers"])
    except TooDeep as error:
        raise TaskFailure(f"handlers: {error}") from None
    layers = given if isinstance(given, list) and not isinstance(given, Mapping) else [["handlers", given]]
    pairs = [(str(each[0]), each[1]) for each in layers if isinstance(each, list) and len(each) == 2]
    return desired.read(pairs if len(pairs) == len(layers) else [("handlers", given)])


def _diff(answer: dict[str, Any]) -> list[dict[str, str]]:
    files = [
        {
            "before_header": path,
            "after_header": path,
            "before": f"SHA-256 {before}\n" if before else "",
            "after": f"SHA-256 {after}\n" if after else "",
        }
        for path, (before, after) in sorted(answer["files"].items())
    ]
    names = "".join(f"{name}\n" for name in answer["packages"])
    packages = {"before_header": "packages", "after_header": "packages", "before": "", "after": names}
    return [*files, packages] if names else files
