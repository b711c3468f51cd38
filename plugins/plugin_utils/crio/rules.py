# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several keys of crio.conf, as in the `Validate` functions of CRI-O. Each rule is one function.

A rule gets the typed data, the original data (so that a key with another problem is not reported as missing), and the run that
collects problems and warnings. Rules only check keys that must be in the same file: handlers and workloads are replaced as whole
entries, so that no key can come from another file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings

_RUNTIME = ("crio", "runtime")
# Keys of a handler that CRI-O accepts for these runtime types only (pkg/config, RuntimeHandler.Validate).
_ONLY_FOR_TYPE = {
    "no_sync_log": "oci",
    "runtime_config_path": "vm",
    "stream_websockets": "pod",
}


def _table(data: Any, *path: str) -> dict[str, Any]:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _handlers(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [item for item in _table(data, *_RUNTIME, "runtimes").items() if isinstance(item[1], dict)]


def _handler_keys_fit_its_type(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    for name, handler in _handlers(typed):
        if handler.get("inherit_default_runtime"):
            continue
        runtime_type = handler.get("runtime_type") or "oci"
        for key, needed in _ONLY_FOR_TYPE.items():
            if handler.get(key) and runtime_type != needed:
                message = f"is only for handlers of type {needed}, but this handler has type {runtime_type}"
                run.problem((*_RUNTIME, "runtimes", name, key), message)


def _vm_handlers_are_shims(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    for name, handler in _handlers(typed):
        path = handler.get("runtime_path")
        binary = (path or "").rpartition("/")[2]
        if (
            handler.get("runtime_type") == "vm"
            and path
            and not re.fullmatch(r"containerd-shim-[a-zA-Z0-9+-]+", binary)
        ):
            here = (*_RUNTIME, "runtimes", name, "runtime_path")
            run.problem(
                here, "is not a binary for a handler of type vm", "a file named containerd-shim-<name>"
            )


def _handlers_are_whole(_typed: dict[str, Any], given: dict[str, Any], run: Findings) -> None:
    for name, handler in _handlers(given):
        if "runtime_path" not in handler and "inherit_default_runtime" not in handler:
            lost = "has no runtime_path: the entry replaces that of earlier files as a whole"
            message = f"{lost}, so CRI-O searches its PATH for a program named {name}"
            run.warning((*_RUNTIME, "runtimes", name), message)


def _workloads_have_an_activation(_typed: dict[str, Any], given: dict[str, Any], run: Findings) -> None:
    for name, workload in _table(given, *_RUNTIME, "workloads").items():
        if isinstance(workload, dict) and not workload.get("activation_annotation"):
            here = (*_RUNTIME, "workloads", name)
            run.problem(here, "has no activation_annotation, which CRI-O requires for each workload")


def _quota_covers_shares(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    for name in _table(typed, *_RUNTIME, "workloads"):
        resources = _table(typed, *_RUNTIME, "workloads", name, "resources")
        quota, shares = resources.get("cpuquota", 0), resources.get("cpushares", 0)
        if quota and quota < shares:
            here = (*_RUNTIME, "workloads", name, "resources", "cpuquota")
            run.problem(here, "is less than cpushares", f"0 (no quota) or at least {shares}", str(quota))


def _stream_tls_has_its_files(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    api = _table(typed, "crio", "api")
    for key in ("stream_tls_cert", "stream_tls_key"):
        if api.get("stream_enable_tls") and api.get(key) == "":
            run.problem(
                ("crio", "api", key), "is empty although stream_enable_tls is true", "the path of a file"
            )


def _all_metrics_stand_alone(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    metrics = _table(typed, "crio", "stats").get("included_pod_metrics", [])
    if "all" in metrics and len(metrics) > 1:
        here = ("crio", "stats", "included_pod_metrics")
        run.problem(here, '"all" must be the only entry', '["all"], or a list of other metrics')


RULES = (
    _handler_keys_fit_its_type,
    _vm_handlers_are_shims,
    _handlers_are_whole,
    _workloads_have_an_activation,
    _quota_covers_shares,
    _stream_tls_has_its_files,
    _all_metrics_stand_alone,
)
