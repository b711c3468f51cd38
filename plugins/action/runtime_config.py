# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of runtime_config: validates, reads the node, plans, and applies the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.action import crio_bundle
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.plan import handler_layers, overrides, plan, probes
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles, unreadable_versions
from ansible_collections.cri.node.plugins.plugin_utils.plan.levels import DISRUPTIONS, LEVELS
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.task import (
    option_rules,
    option_variables,
    variable_names,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.changing_action import (
    ChangingAction,
    result_of,
    warnings_about,
    warnings_about_guards,
)
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import mapping_of

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Report


#: the options of a verification, as runtime_verify documents them
VERIFICATION: dict[str, dict[str, Any]] = {
    "network": {"type": "str", "choices": ["optional", "required"], "default": "optional"},
    "image": {"type": "str", "default": ""},
    "pull": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 120},
}
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
            "layered": {"type": "bool", "default": True},
            "variables": {"type": "dict"},
            "layers": {"type": "list", "elements": "raw"},
            "defaults": {"type": "dict"},
            "crio_variable": {"type": "str"},
            "crio_layers": {"type": "list", "elements": "raw"},
            "openshift_variable": {"type": "str"},
            "openshift_layers": {"type": "list", "elements": "raw"},
            "handlers_variable": {"type": "str"},
            "handlers_layers": {"type": "list", "elements": "raw"},
            "environment_file": {"type": "str"},
            "version": {"type": "raw"},
            "accept_keys": {"type": "raw"},
            "content": {"type": "str"},
            "element": {"type": "str"},
            "mode": {"type": "str"},
            "secret": {"type": "bool", "default": False},
            "disruption": {"type": "str", "choices": list(DISRUPTIONS)},
            "warnings_are_errors": {"type": "bool", "default": False},
        },
    },
    "owners": {"type": "list", "elements": "str"},
    "problems": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["checked", "present"], "default": "present"},
    "install": {"type": "str", "choices": ["preinstalled", "bundle", "packages"]},
    "bundle": {"type": "dict", "options": crio_bundle.BUNDLE_SPEC},
    "packages": {"type": "dict"},  # checked by its action, which most plays do not need
    "crio_version": {"type": "raw", "default": ""},
    "upgrade": {"type": "bool", "default": False},
    "require_crio": {"type": "bool", "default": True},
    "unit": {"type": "str"},
    "ready_timeout": {"type": "int", "default": 60},
    "max_disruption": {"type": "str", "choices": list(LEVELS), "default": "restart"},
    "above_max_disruption": {"type": "str", "choices": ["fail", "defer"], "default": "fail"},
    "disruptions": {"type": "raw", "default": {}},
    "overruled_guards": {"type": "list", "elements": "str", "default": []},
    "probes": {"type": "dict", "options": probes.OPTIONS},
    "verify": {"type": "dict", "options": VERIFICATION},
    **option_variables.SPEC,
}

_OF_CRIO = ("bundle", "packages", "verify")
_LONGEST_REASON = 2000  # characters of the reason of a deferred change, which is an option of runtime_verify


class ActionModule(ChangingAction):
    """Makes no remote call for `checked`, one if nothing differs, and two for a change."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {
        "ready_timeout": "crio_ready_timeout",
        "install": "crio_install",
        "max_disruption": "runtime_max_disruption",
        "above_max_disruption": "runtime_above_max_disruption",
        "disruptions": overrides.VARIABLE,
        "overruled_guards": "runtime_overruled_guards",
        "probes": "runtime_probes",
    }
    MODULE = "cri.node.node_runtime_config"
    READING_MODULE = "cri.node.node_runtime_drift"

    @classmethod
    def prepared(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is not installed and an empty verification; read mappings that are given as text."""
        if not arguments.get("verify"):
            arguments = {name: value for name, value in arguments.items() if name != "verify"}
        if "probes" in arguments:
            arguments = {**arguments, "probes": mapping_of(plain(arguments["probes"])) or None}
        for way in ("bundle", "packages"):
            if "install" in arguments and way in arguments:
                given = mapping_of(plain(arguments[way])) if arguments["install"] == way else None
                arguments = {**arguments, way: given}
        return arguments

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        wanted = DesiredFiles(options["files"], options["owners"])
        problems = [Problem("", "", None, sentence) for sentence in options["problems"]] + wanted.problems
        problems += overrides.read(options["disruptions"], options["files"]).problems
        problems += cls._problems_of_probes(options)
        return Examined(problems, wanted.warnings, len(wanted.settings()), len(list(wanted)))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        wanted = DesiredFiles(options["files"], options["owners"])
        self.secrets = wanted.secrets()
        of_users = overrides.read(options["disruptions"], options["files"])
        of_probes = self._problems_of_probes(options)
        refuse([*options["problems"], *wanted.problems, *of_users.problems, *of_probes])
        _refuse_options_of_crio(wanted, options)
        misnamed = variable_names.warnings(task_vars or {})
        result: dict[str, Any] = {"changed": False}
        if options["state"] != "checked":
            installed = self._install(options, task_vars)
            try:
                result = self._present(wanted, options, of_users, task_vars, installed)
            finally:
                if "unpacked" in installed:
                    # The user of the connection, who owns the directory above it, may not be allowed to.
                    request = {"call": "discard", "directory": installed["unpacked"]}
                    self.ask_node(request, task_vars, module=crio_bundle.ActionModule.MODULE)
            if installed:
                _add_installation(result, "bundle" if options["bundle"] else "packages", installed)
        if misnamed:
            result["warnings"] = [shown(warning) for warning in misnamed] + result.get("warnings", [])
        return result

    def _install(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Install CRI-O as a task of crio_bundle or crio_packages does. Return its result, {} if nothing is to be installed.

        An installed CRI-O from another bundle is left to the change, and the bundle is unpacked for it. Raises TaskFailure with
        the message of that task.
        """
        if options["bundle"]:
            action: type[CheckedAction] = crio_bundle.ActionModule
            arguments = options["bundle"]
        elif options["packages"] is not None:
            action = _packages_action()
            arguments = {"version": options["crio_version"], **options["packages"]}
        else:
            return {}
        task = self._task.copy()
        task.args = {name: value for name, value in arguments.items() if value is not None}
        installs = action(
            task, self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj
        )
        if isinstance(installs, crio_bundle.ActionModule):
            installs.only_unpacks_replacements = True
            installs.accepts_other_minor = options["upgrade"]
        result = installs.run(task_vars=task_vars)
        # Ansible only cleans up for the action of the task itself, which needs an unpacked bundle until then.
        if installs._cleanup_remote_tmp:
            self._cleanup_remote_tmp = True
        if result.get("failed") or result.get("unreachable"):
            raise TaskFailure(result["msg"], result)
        return result

    def _present(
        self,
        wanted: DesiredFiles,
        options: dict[str, Any],
        of_users: overrides.Overrides,
        task_vars: dict[str, Any],
        installed: dict[str, Any],
    ) -> dict[str, Any]:
        report = self._report(wanted, options, task_vars)
        replaced = installed.get("replaces", "")
        if replaced:
            report["crio"]["version"] = installed["version"]
        refuse(wanted.problems_for(report["crio"]["version"], report["crictl_version"]))
        made = plan.make(wanted, report, of_users, replaced)
        probed = probes.planned(options["probes"], wanted, made, report)
        made.probes = probed.as_sentences()
        result = result_of(made, report)
        known_outranked = plan.outranked(wanted, report) if plan.is_settled(report) else []
        _warn(result, wanted, report, known_outranked)
        if made.is_above(options["max_disruption"]):
            return self._above_the_limit(made, options, result)

        def apply(request: dict[str, Any]) -> dict[str, Any]:
            request = {
                **request,
                **_contents(wanted, made),
                "overruled_guards": options["overruled_guards"],
                "probes": probed.as_request(),
                "bundle": installed.get("bundle"),
            }
            if self._task.check_mode:
                request["coming"] = handler_layers.coming(options["files"])
            if self._task.check_mode or not options["verify"]:
                return self._apply(wanted, options, request, task_vars)
            return self._apply_and_verify(wanted, options, request, task_vars, result)

        # Check mode only predicts an installation.
        installs = bool(options["bundle"] or options["packages"] is not None) and self._task.check_mode
        installs = installs and not replaced
        try:
            outcome = self.change(
                made, wanted, report, result, apply, options["require_crio"] and not installs
            )
        except TaskFailure as failure:
            if _is_deferred_drain(failure, made, options):
                return _deferred({**result, **_known_of(failure)}, failure.result["msg"])
            raise
        if outcome:
            _old, outranked = live_values.split(wanted.expect, outcome["outranked"], {})
            _warn(
                result,
                wanted,
                report,
                outranked,
                [*warnings_about_guards(made), *outcome.get("warnings", [])],
            )
        elif made.overruled:
            _warn(result, wanted, report, known_outranked, warnings_about_guards(made))
        return result

    @classmethod
    def _problems_of_probes(cls, options: dict[str, Any]) -> list[Problem]:
        return probes.problems(options["probes"], option_rules.labelled("probes", cls.VARIABLES))

    def _apply_and_verify(
        self,
        wanted: DesiredFiles,
        options: dict[str, Any],
        request: dict[str, Any],
        task_vars: dict[str, Any],
        result: dict[str, Any],
    ) -> dict[str, Any]:
        """Apply the change and let the node answer the verification in the same call. Adds its checks to `result`."""
        # A fork of Ansible compiles what it imports, and most runs change nothing.
        from ansible_collections.cri.node.plugins.plugin_utils.verify import asked

        refuse(asked.bad_images(options["verify"]))
        verified = asked.options_of(options["verify"], check_mode=False)
        observe = asked.request_of(wanted, verified, options["verify"]["timeout"])
        answer = self._apply(wanted, options, {**request, "observe": observe}, task_vars)
        if "seen" in answer:
            result["verification"] = asked.result_of(wanted, verified, answer["seen"])
        return answer

    def _above_the_limit(
        self, made: plan.Plan, options: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the result of a change that is deferred because it needs more than the user allows, or raise TaskFailure."""
        reason = (
            f"{option_rules.labelled('max_disruption', self.VARIABLES)} is {options['max_disruption']}, but the change needs a"
            f" {made.disruption_of_daemon}: {'; '.join(shown(reason) for reason in made.reasons)}"
        )
        if _defers(options):
            return _deferred(result, reason)
        raise TaskFailure(
            f"{reason}. Nothing was changed on the node.",
            {"plan": made.as_data(), "phase": "refused", "rolled_back": False, "as_before": True},
        )

    def _report(self, wanted: DesiredFiles, options: dict[str, Any], task_vars: dict[str, Any]) -> Report:
        """Return what the node reports. Only a node with an interrupted change takes a second call, which ends it."""
        request = request_of(wanted, options["unit"], options["ready_timeout"])
        asked = {**request, "for_plan": True}
        answer = self._answer(asked, wanted, task_vars, module=self.READING_MODULE)
        if answer.get("needs_settling"):
            answer = self._answer({**request, "call": "settle"}, wanted, task_vars)
        report: Report = answer["report"]
        return report

    def _apply(
        self,
        wanted: DesiredFiles,
        options: dict[str, Any],
        further: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        request = request_of(wanted, options["unit"], options["ready_timeout"])
        # What names the path of a file is only reported: it does not decide whether a daemon has loaded a change.
        request |= {"call": "apply", "expect": wanted.expect, **further}
        values = {name: request.pop(name, {}) for name in ("secret_contents", "secret_entries")}
        return self._answer(request, wanted, task_vars, values)

    def _answer(
        self,
        request: dict[str, Any],
        wanted: DesiredFiles,
        task_vars: dict[str, Any],
        values: dict[str, Any] | None = None,
        module: str = "",
    ) -> dict[str, Any]:
        """Return the successful answer of the node. values: secret ones of the request."""
        secrets = {**wanted.secrets_described, **(values or {})}
        return succeeded(self.ask_node(request, task_vars, secrets, module=module), self.secrets)


def _refuse_options_of_crio(wanted: DesiredFiles, options: dict[str, Any]) -> None:
    """Raise TaskFailure for options that only CRI-O has, in a task with files of another runtime."""
    given = [name for name in _OF_CRIO if options.get(name) not in (None, {}, [])]
    if wanted.runtime != "crio" and given:
        raise TaskFailure(
            f"{', '.join(given)}: only for CRI-O, but the files of this task are of {wanted.runtime}"
        )


def _add_installation(result: dict[str, Any], way: str, installed: dict[str, Any]) -> None:
    """Add what was installed to the result of the change. A replacement was part of that change, which may be deferred."""
    changed = result["changed"] if "replaces" in installed else installed["changed"]
    result["changed"] = result["changed"] or changed
    if changed and "diff" in installed:
        diff = installed["diff"] if isinstance(installed["diff"], list) else [installed["diff"]]
        result["diff"] = [*diff, *result.get("diff", [])]
    if installed.get("warnings"):
        result["warnings"] = installed["warnings"] + result.get("warnings", [])
    kept = {name: installed[name] for name in ("version", "installed") if name in installed}
    result[way] = {"changed": changed, **kept}


def _packages_action() -> type[CheckedAction]:
    """Return the action of crio_packages, which a fork of Ansible compiles only if it is used."""
    from ansible_collections.cri.node.plugins.action import crio_packages

    return crio_packages.ActionModule


def _defers(options: dict[str, Any]) -> bool:
    return bool(options["above_max_disruption"] == "defer")


def _is_deferred_drain(failure: TaskFailure, made: plan.Plan, options: dict[str, Any]) -> bool:
    """Return whether the node refuses a change because it needs a drain, which the user allows only in a later run."""
    refused = failure.result.get("phase") == "refused" and failure.result.get("as_before")
    return bool(
        _defers(options) and refused and made.needs_drain and made.is_above(options["max_disruption"])
    )


def _known_of(failure: TaskFailure) -> dict[str, Any]:
    """Return what a deferred change keeps of its refusal by the node."""
    return {name: failure.result[name] for name in ("plan", "containers", "guard") if name in failure.result}


def _deferred(result: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return the result of a change that is left for a later run. The result of a change that was only predicted is dropped."""
    kept = {name: value for name, value in result.items() if name not in ("diff", "validated_by")}
    message = shown(f"the change is deferred: {reason}", _LONGEST_REASON)
    return {**kept, "changed": False, "deferred": True, "msg": message}


def request_of(wanted: DesiredFiles, unit: str | None, ready_timeout: int) -> dict[str, Any]:
    """Return what each call of the node has. unit: None for the usual one of the runtime.

    ready_timeout: seconds that the node waits for a running change.
    """
    return {
        "unit": unit or wanted.usual_unit,
        **wanted.as_request,
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
    """Return the contents and the entries of the files that are written, those of secret ones apart."""
    files = [wanted.file(path) for path in made.writes]
    whole = [file for file in files if not file.kind.shared]
    shared = [file for file in files if file.kind.shared]
    return {
        "contents": {file.path: file.content for file in whole if not file.secret},
        "secret_contents": {file.path: file.content for file in whole if file.secret},
        "entries": {file.path: file.public_entries for file in shared},
        "secret_entries": {
            file.path: {
                section: names
                for section, names in file.entries.items()
                if section not in file.public_entries
            }
            for file in shared
            if file.secret
        },
    }
