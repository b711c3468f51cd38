# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of checks. A check is one question to a node; its judge answers it from data alone, without any call.

To add a check, add a row. A test then names the lines that the README of the role verify and runtime_verify's RETURN lack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import redacted
from ansible_collections.cri.node.plugins.plugin_utils.verify import (
    configuration_checks,
    handlers,
    runtime_checks,
    workload_checks,
)
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import Evidence
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import CheckResult, Verdict, failed


class Check(NamedTuple):
    """One row of the table.

    name: the check's name in results and reports, followed by the subject of a verdict that has one.
    question: what the check asks, in plain English, for the documentation of runtime_verify.
    judge: returns the verdicts: usually one, several if each has a subject, none if the check does not apply to the node.
    outcomes: when the check fails, warns or is skipped, for the README of the role verify.
    subject: the placeholder for a verdict's subject in documentation.
    """

    name: str
    question: str
    judge: Callable[[Evidence], list[Verdict]]
    outcomes: str
    subject: str = ""

    @property
    def documented_name(self) -> str:
        """The name as documentation writes it: pull IMAGE."""
        return _name(self.name, self.subject)


CHECKS = (
    Check(
        "service",
        "Is the service of CRI-O running and enabled?",
        runtime_checks.service,
        "Fails if CRI-O is not installed, or if its unit is masked, not running, or starting or stopping for more than 30"
        " seconds. Warns if the unit is not enabled.",
    ),
    Check(
        "runtime",
        "Is the runtime's condition RuntimeReady true?",
        runtime_checks.runtime,
        "Fails if RuntimeReady is false or the runtime does not answer.",
    ),
    Check(
        "network",
        "Is the runtime's condition NetworkReady true?",
        runtime_checks.network,
        "Fails if NetworkReady is false. With `verify_network: optional`, passes if there is no CNI configuration yet.",
    ),
    Check(
        "handlers",
        "Does the runtime offer all configured handlers?",
        handlers.judge,
        "Fails if CRI-O ignores a handler that `crio_config` sets, or if a path that the handler needs no longer exists."
        " Absent if no handler is set.",
    ),
    Check(
        "files",
        "Do the managed files match the desired state?",
        configuration_checks.files,
        "Fails if a file is missing, differs, or is no longer part of the configuration, or if a change was interrupted."
        " Warns if the node's records of its changes were damaged. Skipped if no files are managed.",
    ),
    Check(
        "loaded",
        "Has the running daemon loaded the files?",
        configuration_checks.loaded,
        "Fails if the daemon has not loaded a file, or was started from a different binary than the one installed now.",
    ),
    Check(
        "settings",
        "Does the running daemon use the desired values of crio.conf?",
        configuration_checks.settings,
        "Fails if the daemon uses another value, because a file that is read later or an option outranks it, or because the"
        " daemon was not restarted since. Skipped if nothing is set, or if the daemon has not loaded the files.",
    ),
    Check(
        "without_effect",
        "Do all settings take effect on this node?",
        configuration_checks.without_effect,
        "Warns about each setting that CRI-O silently ignores, for example because a seccomp profile, a credentials file or a"
        " hooks directory is missing, or because AppArmor is off. Absent if there are none.",
    ),
    Check(
        "cni_plugins",
        "Are CNI plugins installed?",
        runtime_checks.cni_plugins,
        "Warns if no directory of `crio.network.plugin_dirs` contains an executable.",
    ),
    Check(
        "metrics",
        "Does CRI-O serve its metrics?",
        runtime_checks.metrics,
        "Fails if the configured port does not return metrics of CRI-O. Skipped if metrics are disabled or the port is 0.",
    ),
    Check(
        "pod",
        "Can the runtime run a pod to completion?",
        workload_checks.pod,
        "Fails if the pod does not start, does not exit with code 0 in time, or writes no log. Skipped without"
        " `verify_image`.",
    ),
    Check(
        "pull",
        "Can the runtime pull this image?",
        workload_checks.pull,
        "Fails if CRI-O cannot pull the image, with the error that CRI-O reports. Absent without `verify_pull`.",
        subject="IMAGE",
    ),
)

# The only check of a node that could not be read.
NODE = Check(
    "node",
    "Can the node be read?",
    lambda evidence: failed(evidence.error),
    "Fails, as the only check, if the node is unreachable, the task does not run as root, systemd is missing, or a change of"
    " the node does not end within `verify_timeout`.",
)


def judge(evidence: Evidence, checks: Sequence[Check] = CHECKS) -> list[CheckResult]:
    """Return the results of all checks of one node, in the order of the table; of NODE alone if it could not be read."""
    secrets = evidence.desired.secrets()
    return [
        _result(check, verdict, secrets)
        for check in ((NODE,) if evidence.error else checks)
        for verdict in check.judge(evidence)
    ]


def named(results: Sequence[CheckResult], status: str) -> list[str]:
    """Return the names of the checks that ended with this status."""
    return [result["name"] for result in results if result["status"] == status]


def _result(check: Check, verdict: Verdict, secrets: list[str]) -> CheckResult:
    # Secrets are masked before the text is cut: a secret that was cut would not be recognized.
    detail = shown(redacted(verdict.detail, secrets))
    return {"name": _name(check.name, verdict.subject), "status": verdict.status, "detail": detail}


def _name(name: str, subject: str) -> str:
    return f"{name} {subject}" if subject else name
