# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between several keys of crio.conf, as in the `Validate` functions of CRI-O. Each rule is one function.

A rule gets the typed data, the original data (so that a key with another problem is not reported as missing), and the run that
collects problems and warnings. Rules only check keys that must be in the same file: handlers and workloads are replaced as whole
entries, so that no key can come from another file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import FORMATS
from ansible_collections.cri.node.plugins.plugin_utils.findings import shown_value

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.findings import Findings
    from ansible_collections.cri.node.plugins.plugin_utils.layers import Path

_RUNTIME = ("crio", "runtime")
_ABSOLUTE = "a path that begins with /"
_IGNORED = "CRI-O then ignores the handler, or does not start if it is the default handler"
_NO_START = "CRI-O does not start with it"
# Keys of a handler that CRI-O accepts for these runtime types only (pkg/config, RuntimeHandler.Validate).
_ONLY_FOR_TYPE = {
    "no_sync_log": "oci",
    "runtime_config_path": "vm",
    "stream_websockets": "pod",
}


_NOT_IN_A_URL = re.compile(r"[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_SLICE_OF_ALL = "system.slice"  # with cgroupfs CRI-O takes it for no cgroup
# Options of the storage drivers (containers/storage, drivers/*); a name without the driver before its dot is for overlay.
_OPTIONS_OF_OVERLAY = frozenset(
    """
    additionallayerstore force_mask ignore_chown_errors imagestore additionalimagestore inodes mount_program mountopt
    override_kernel_check size skip_mount_home use_composefs
    """.split()
)
_OPTIONS = {
    "btrfs": frozenset(["btrfs.min_space"]),
    "vfs": frozenset([".ignore_chown_errors", ".imagestore", "vfs.ignore_chown_errors", "vfs.imagestore"]),
    "zfs": frozenset(["zfs.fsname", "zfs.mountopt"]),
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


def _programs_of_handlers_are_absolute(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    """A relative path is one below CRI-O's working directory, which is / under systemd and says nothing of PATH."""
    monitor_of_all = _table(typed, *_RUNTIME).get("conmon")
    for name, handler in _handlers(typed):
        inherits = handler.get("inherit_default_runtime")
        of_oci = (handler.get("runtime_type") or "oci") == "oci"
        for key, lost, counts in (
            ("runtime_path", _IGNORED, not inherits),
            ("runtime_config_path", _IGNORED, not inherits),
            ("seccomp_profile", _IGNORED, True),
            ("monitor_path", _NO_START, of_oci and not monitor_of_all),
        ):
            if counts and handler.get(key) and not handler[key].startswith("/"):
                message = f"is not an absolute path: {lost}"
                run.problem((*_RUNTIME, "runtimes", name, key), message, _ABSOLUTE, shown_value(handler[key]))


def _cgroups_of_monitors_fit_the_manager(
    typed: dict[str, Any], _given: dict[str, Any], run: Findings
) -> None:
    runtime = _table(typed, *_RUNTIME)
    if runtime.get("cgroup_manager") != "cgroupfs":
        return
    found: list[tuple[Path, Any]] = [((*_RUNTIME, "conmon_cgroup"), runtime.get("conmon_cgroup"))]
    if not found[0][1]:  # it overrides those of the handlers
        for name, handler in _handlers(typed):
            of_oci = (handler.get("runtime_type") or "oci") == "oci"
            if of_oci or handler.get("inherit_default_runtime"):
                found.append(((*_RUNTIME, "runtimes", name, "monitor_cgroup"), handler.get("monitor_cgroup")))
    for path, cgroup in found:
        if cgroup not in (None, "", "pod", _SLICE_OF_ALL):
            message = f"is a slice of systemd, but cgroup_manager is cgroupfs: {_NO_START}"
            run.problem(path, message, '"pod" or an empty string', shown_value(cgroup))


def _options_fit_the_storage_driver(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    crio = _table(typed, "crio")
    driver = crio.get("storage_driver") or ""
    for index, option in enumerate(crio.get("storage_option", [])):
        name = option.partition("=")[0].strip().lower()
        known = [name_of for name_of in ("overlay", *_OPTIONS) if _is_option(name, name_of)]
        accepted = None
        if driver and driver.removesuffix("2") not in known:
            message = f"is no option of the storage driver {driver}, and CRI-O does not start with it"
        elif not known:
            message = "is no option of any storage driver, and CRI-O does not start with it"
        else:
            message, accepted = _fault_of_storage_option(name, option.partition("=")[2].strip())
        if message:
            run.problem(("crio", "storage_option"), message, accepted, shown_value(option), f"[{index}]")


def _is_option(name: str, driver: str) -> bool:
    if driver == "overlay":
        return (
            name.removeprefix("overlay.").removeprefix("overlay2.").removeprefix(".") in _OPTIONS_OF_OVERLAY
        )
    return name in _OPTIONS[driver]


def _fault_of_storage_option(name: str, value: str) -> tuple[str, str | None]:
    """Return the problem of an option's value, "" if it has none, and what is accepted."""
    kind = name.rpartition(".")[2]
    if kind in ("min_space", "size"):
        fault = FORMATS["size"].check(value) if value else "is not a size"
        return (f"{fault.partition(',')[0]}: {_NO_START}", FORMATS["size"].accepted) if fault else ("", None)
    if kind in ("ignore_chown_errors", "skip_mount_home", "use_composefs"):
        fits = value in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
        return ("", None) if fits else (f"is not a boolean: {_NO_START}", "NAME=true or NAME=false")
    if kind == "inodes":
        fits = bool(re.fullmatch("[0-9]{1,20}", value)) and int(value) < 2**64
        return ("", None) if fits else (f"is not a number of inodes: {_NO_START}", "NAME=number")
    if kind == "force_mask":
        fits = value in ("shared", "private") or bool(re.fullmatch("0?[0-7]{1,10}", value))
        return ("", None) if fits else (f"is not a mode: {_NO_START}", "shared, private, or an octal mode")
    if kind in ("imagestore", "additionalimagestore", "additionallayerstore"):
        relative = value and not all(path.startswith("/") for path in value.split(","))
        fits = not relative or name in _OPTIONS["vfs"]
        return ("", None) if fits else (f"is not an absolute path: {_NO_START}", "NAME=/path")
    return "", None


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


def _traces_have_an_endpoint(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    tracing = _table(typed, "crio", "tracing")
    endpoint = tracing.get("tracing_endpoint", "")
    faulty = _NOT_IN_A_URL.search(endpoint)
    if tracing.get("enable_tracing") and faulty:
        here = ("crio", "tracing", "tracing_endpoint")
        run.problem(here, f"cannot be part of a URL: {_NO_START}", "host:port", shown_value(endpoint))


def _all_metrics_stand_alone(typed: dict[str, Any], _given: dict[str, Any], run: Findings) -> None:
    metrics = _table(typed, "crio", "stats").get("included_pod_metrics", [])
    if "all" in metrics and len(metrics) > 1:
        here = ("crio", "stats", "included_pod_metrics")
        run.problem(here, '"all" must be the only entry', '["all"], or a list of other metrics')


RULES = (
    _handler_keys_fit_its_type,
    _vm_handlers_are_shims,
    _programs_of_handlers_are_absolute,
    _cgroups_of_monitors_fit_the_manager,
    _options_fit_the_storage_driver,
    _handlers_are_whole,
    _workloads_have_an_activation,
    _quota_covers_shares,
    _stream_tls_has_its_files,
    _traces_have_an_endpoint,
    _all_metrics_stand_alone,
)
