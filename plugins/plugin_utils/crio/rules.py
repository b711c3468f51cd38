# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several keys of crio.conf, as CRI-O's `Validate` functions have them; each is one function.

A rule gets the typed data, the data as given (so that a key with a problem of its own does not count as
missing), and the run that gathers problems and warnings. Only what must stand in one file is checked:
handlers and workloads are replaced by whole entries, so nothing can come from another file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings

_RUNTIME = ("crio", "runtime")
# Keys of a handler that CRI-O accepts for these runtime types only (pkg/config, RuntimeHandler.Validate).
_ONLY_FOR_TYPE = {
    "no_sync_log": ("oci", "no_sync_log is only for handlers of type oci"),
    "runtime_config_path": ("vm", "runtime_config_path is only for handlers of type vm"),
    "stream_websockets": ("pod", "stream_websockets is only for handlers of type pod"),
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
        for key, (needed, message) in _ONLY_FOR_TYPE.items():
            if handler.get(key) and runtime_type != needed:
                run.problem((*_RUNTIME, "runtimes", name, key), f"{message}, this one is {runtime_type}")


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
            run.problem(here, "is no binary for a handler of type vm", "a file named containerd-shim-<name>")


def _handlers_are_whole(_typed: dict[str, Any], given: dict[str, Any], run: Findings) -> None:
    for name, handler in _handlers(given):
        if "runtime_path" not in handler and "inherit_default_runtime" not in handler:
            lost = "has no runtime_path: it replaces the whole entry of any earlier file"
            message = f"{lost}, and CRI-O looks in its PATH for a program named {name}"
            run.warning((*_RUNTIME, "runtimes", name), message)


def _workloads_have_an_activation(_typed: dict[str, Any], given: dict[str, Any], run: Findings) -> None:
    for name, workload in _table(given, *_RUNTIME, "workloads").items():
        if isinstance(workload, dict) and not workload.get("activation_annotation"):
            here = (*_RUNTIME, "workloads", name)
            run.problem(here, "has no activation_annotation, which CRI-O demands of each workload")


def _quota_covers_shares(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    for name in _table(typed, *_RUNTIME, "workloads"):
        resources = _table(typed, *_RUNTIME, "workloads", name, "resources")
        quota, shares = resources.get("cpuquota", 0), resources.get("cpushares", 0)
        if quota and quota < shares:
            here = (*_RUNTIME, "workloads", name, "resources", "cpuquota")
            run.problem(here, "is less than cpushares", f"0 (none) or at least {shares}", str(quota))


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
        run.problem(here, '"all" must be the only entry', '["all"], or a list of single metrics')


RULES = (
    _handler_keys_fit_its_type,
    _vm_handlers_are_shims,
    _handlers_are_whole,
    _workloads_have_an_activation,
    _quota_covers_shares,
    _stream_tls_has_its_files,
    _all_metrics_stand_alone,
)
