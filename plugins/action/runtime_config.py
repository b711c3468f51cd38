# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_config: validates, reads the node, plans, and applies the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.cri.node.plugins.action import crio_bundle
from ansible_collections.cri.node.plugins.module_utils.contract import Report
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks, live_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan, probes
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles, unreadable_versions
from ansible_collections.cri.node.plugins.plugin_utils.plan.disruption import DISRUPTIONS
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules, variable_names
from ansible_collections.cri.node.plugins.plugin_utils.task.changing_action import (
    ChangingAction,
    result_of,
    warnings_about,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "kind": {"type": "str", "choices": sorted(KINDS), "default": "text"},
            "variable": {"type": "str"},
            "layers": {"type": "list", "elements": "raw"},
            "defaults": {"type": "dict"},
            "crio_variable": {"type": "str"},
            "crio_layers": {"type": "list", "elements": "raw"},
            "environment_file": {"type": "str"},
            "version": {"type": "raw"},
            "accept_keys": {"type": "raw"},
            "content": {"type": "str"},
            "element": {"type": "str"},
            "mode": {"type": "str"},
            "secret": {"type": "bool", "default": False},
            "disruption": {"type": "str", "choices": list(DISRUPTIONS)},
        },
    },
    "owners": {"type": "list", "elements": "str"},
    "problems": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["checked", "present"], "default": "present"},
    "install": {"type": "str", "choices": ["preinstalled", "bundle"]},
    "bundle": {"type": "dict", "options": crio_bundle.ARGUMENT_SPEC},
    "require_crio": {"type": "bool", "default": True},
    "unit": {"type": "str", "default": "crio.service"},
    "ready_timeout": {"type": "int", "default": 60},
    "max_disruption": {"type": "str", "choices": list(DISRUPTIONS), "default": DISRUPTIONS[-1]},
    "probes": {"type": "dict", "options": probes.OPTIONS},
}


class ActionModule(ChangingAction):
    """Makes no remote call for `checked`, one if nothing differs, and two for a change."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {
        "ready_timeout": "crio_ready_timeout",
        "install": "crio_install",
        "max_disruption": "runtime_max_disruption",
        "probes": "runtime_probes",
    }
    MODULE = "cri.node.node_runtime_config"

    @classmethod
    def prepared(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Leave out a bundle that is not installed, and read one, and probes, that are given as text."""
        if "probes" in arguments:
            arguments = {**arguments, "probes": mapping_of(plain(arguments["probes"])) or None}
        if "install" not in arguments or "bundle" not in arguments:
            return arguments
        bundle = mapping_of(plain(arguments["bundle"])) if arguments["install"] == "bundle" else None
        return {**arguments, "bundle": bundle}

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        wanted = DesiredFiles(options["files"], options["owners"])
        problems = [Problem("", "", None, sentence) for sentence in options["problems"]] + wanted.problems
        problems += cls._problems_of_probes(options)
        return Examined(problems, wanted.warnings, len(wanted.settings()), len(list(wanted)))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        wanted = DesiredFiles(options["files"], options["owners"])
        self.secrets = wanted.secrets()
        refuse([*options["problems"], *wanted.problems, *self._problems_of_probes(options)])
        misnamed = variable_names.warnings(task_vars or {})
        result: dict[str, Any] = {"changed": False}
        if options["state"] != "checked":
            installed = self._install(options["bundle"], task_vars) if options["bundle"] else {}
            result = self._present(wanted, options, task_vars)
            if installed:
                result["changed"] = result["changed"] or installed["changed"]
                if "diff" in installed:
                    result["diff"] = [installed["diff"], *result.get("diff", [])]
                result["bundle"] = {
                    name: installed[name] for name in ("changed", "version") if name in installed
                }
        if misnamed:
            result["warnings"] = [shown(warning) for warning in misnamed] + result.get("warnings", [])
        return result

    def _install(self, bundle: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Install CRI-O as a task of crio_bundle does. Return its result; raise TaskFailure with its message."""
        task = self._task.copy()
        task.args = {name: value for name, value in bundle.items() if value is not None}
        action = crio_bundle.ActionModule(
            task, self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj
        )
        result = action.run(task_vars=task_vars)
        if result.get("failed") or result.get("unreachable"):
            raise TaskFailure(result["msg"], result)
        return result

    def _present(
        self, wanted: DesiredFiles, options: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        report = self._call("read", wanted, options, {}, task_vars)["report"]
        refuse(wanted.problems_for(report["crio"]["version"], report["crictl_version"]))
        made = plan.make(wanted, report)
        self._refuse_above(options["max_disruption"], made)
        probed = probes.planned(options["probes"], wanted, made, report)
        made.probes = probed.as_sentences()
        result = result_of(made, report)
        _warn(result, wanted, report, plan.outranked(wanted, report) if plan.is_settled(report) else [])

        def apply(request: dict[str, Any]) -> dict[str, Any]:
            further = {**request, **_contents(wanted, made), "probes": probed.as_request()}
            return self._call("apply", wanted, options, further, task_vars)

        # Check mode only predicts an installation.
        installs = bool(options["bundle"]) and self._task.check_mode
        outcome = self.change(made, wanted, report, result, apply, options["require_crio"] and not installs)
        if outcome:
            _old, outranked = live_values.split(wanted.expect, outcome["outranked"], {})
            _warn(result, wanted, report, outranked, outcome.get("warnings", []))
        return result

    @classmethod
    def _problems_of_probes(cls, options: dict[str, Any]) -> list[Problem]:
        return probes.problems(options["probes"], option_rules.labelled("probes", cls.VARIABLES))

    def _refuse_above(self, limit: str, made: plan.Plan) -> None:
        """Raise TaskFailure for a change that is more disruptive than the user allows."""
        if not made.is_above(limit):
            return
        raise TaskFailure(
            f"{option_rules.labelled('max_disruption', self.VARIABLES)} is {limit}, but the change needs a {made.activate}:"
            f" {'; '.join(shown(reason) for reason in made.reasons)}. Nothing was changed on the node.",
            {"plan": made.as_data(), "phase": "refused", "rolled_back": False, "as_before": True},
        )

    def _call(
        self,
        call: str,
        wanted: DesiredFiles,
        options: dict[str, Any],
        further: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        request = request_of(call, wanted, options["unit"], options["ready_timeout"]) | further
        secrets = {**wanted.secrets_described, "secret_contents": request.pop("secret_contents", {})}
        return succeeded(self.ask_node(request, task_vars, secrets), self.secrets)


def request_of(call: str, wanted: DesiredFiles, unit: str, ready_timeout: int) -> dict[str, Any]:
    """Return what each call of the node has. ready_timeout: seconds that the node waits for a running change."""
    return {
        "call": call,
        "unit": unit,
        "owners": wanted.owners,
        "files": wanted.described,
        "unwanted": wanted.unwanted,
        "expect": wanted.expect,
        "paths": fallbacks.paths(wanted.settings()),
        "asks_for_crictl": wanted.asks_for_crictl,
        "ready_timeout": ready_timeout,
    }


def _warn(
    result: dict[str, Any],
    wanted: DesiredFiles,
    report: Report,
    outranked: list[live_values.Outranked],
    further: Iterable[str] = (),
) -> None:
    result.pop("outranked", None)
    if outranked:
        result["outranked"] = outranked
    warnings = live_values.of_outranked(outranked, wanted.expect)
    without_effect = plan.without_effect(wanted, report)
    if without_effect:
        result["without_effect"] = without_effect
        warnings += [
            f"{entry['key']} is set, but has no effect on this node: {entry['reason']}"
            for entry in without_effect
        ]
    warnings += plan.unanswered(report)
    warnings += unreadable_versions(report)
    found = (*wanted.warnings, *warnings, *warnings_about(report), *further)
    result["warnings"] = [shown(str(warning)) for warning in found]


def _contents(wanted: DesiredFiles, made: plan.Plan) -> dict[str, Any]:
    """Return the contents of the files that are written, those of secret ones apart."""
    files = [wanted.file(path) for path in made.writes]
    return {
        "contents": {file.path: file.content for file in files if not file.secret},
        "secret_contents": {file.path: file.content for file in files if file.secret},
    }
