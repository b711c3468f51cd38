# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a layout, lets CRI-O and the collection merge it, and compares every key that `crio config` prints.

`crio config` does not print all keys, never prints bind_mount_prefix, does not quote names, prints some keys of crio.runtime
below the last handler, and validates as if the cgroup manager were systemd's.
"""

import os
import re
import subprocess
from pathlib import Path

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from ansible_collections.cri.node.plugins.module_utils.crio import configuration, configuration_files
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration, option_names
from merge.layouts import FOLDER, MAIN, Layout

_MISPLACED = ("hostnetwork_disable_selinux", "disable_hostport_mapping", "timezone")
_EXAMPLES = ("crio.runtime.runtimes.runtime-handler", "crio.runtime.workloads.workload-type")
# Printed wrongly, or known only on the node; the value is not in the catalogue as long as no file sets it.
_IGNORED = ("crio.runtime.bind_mount_prefix",)
_OF_HOST = (
    "crio.root",
    "crio.runroot",
    "crio.imagestore",
    "crio.storage_driver",
    "crio.storage_option",
    "crio.runtime.selinux",
)


def write(layout: Layout, folder: Path) -> None:
    """Create the files and links of a layout; the folder crio.conf.d always exists."""
    (folder / FOLDER).mkdir(parents=True)
    for name, text in layout.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name, target in layout.links.items():
        (folder / name).symlink_to(target)


def by_crio(program: Path, layout: Layout, folder: Path) -> dict | None:
    """Return {dotted key: value} that `crio config` prints; None if it refuses the layout."""
    storage = folder / "storage.conf"  # else the host's own would add options
    storage.write_text(
        '[storage]\ndriver = ""\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
    )
    named = ["--config", str(folder / MAIN)] if layout.named else ["--config", ""]
    environment = {"PATH": os.environ["PATH"], "CONTAINERS_STORAGE_CONF": str(storage), **layout.variables}
    command = [program, *named, "--config-dir", str(folder / FOLDER), *layout.options, "config"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return parse(done.stdout) if done.returncode == 0 else None


def parse(printed: str) -> dict:
    """Return what `crio config` printed, including the commented defaults."""
    values, table, lines = {}, "", iter(printed.splitlines())
    for line in lines:
        line = line.removeprefix("# ") if re.match(r"# (\[[^\] ]+\]$|[a-z_0-9]+ = )", line) else line
        if header := re.fullmatch(r"\[(.+)\]", line):
            table = header[1]
        elif found := re.match(r"([a-z_0-9]+) = (.+)", line):
            name, text = found.groups()
            while text.startswith("[") and not text.endswith("]"):
                text += next(lines).removeprefix("# ").strip()
            where = "crio.runtime" if name in _MISPLACED else table
            if not where.startswith(_EXAMPLES):
                values[f"{where}.{name}"] = toml_reader.loads(f"x = {text}".encode())["x"]
    return values


def report_of(layout: Layout, folder: Path, keys=None, version: str = "1.37.0") -> dict:
    """Return what a node would report of the layout, with the values of secrets for the comparison."""
    config = str(folder / MAIN) if layout.named else ""
    known = {name: {**entry, "shown": True} for name, entry in option_names.for_node().items()}
    shown = keys or dict.fromkeys(effective_configuration.shown_keys(), True)
    variables = [
        {"name": name, "known": True, "value": value}
        for name, value in layout.variables.items()
        if name in option_names.variables_for_node()
    ]
    return {
        "version": version,
        "config_path": config,
        "config_directory": str(folder / FOLDER),
        "is_named": layout.named,
        "socket": "/run/crio/crio.sock",
        "unit": {"name": "crio.service", "exists": True, "state": "inactive (dead)", "reloads": True},
        "started_at": None,
        "folders_changed_at": None,
        "files": configuration_files.read(config, str(folder / FOLDER), configuration_files.keys_of(shown)),
        "recorded": {},
        "options": configuration.options(layout.options, known),
        "variables": variables,
        "live": None,
        "live_problem": "",
        "notes": [],
    }


def by_collection(layout: Layout, folder: Path, version: str = "1.37.0") -> effective_configuration.Effective:
    """Return the effective configuration that the collection computes."""
    return effective_configuration.of_report(report_of(layout, folder, version=version))


def differences(printed: dict | None, ours: effective_configuration.Effective) -> list[str]:
    """Return a line for each difference between `crio config` and the collection."""
    if printed is None:
        return ["CRI-O refuses the layout, and the collection does not"] if ours.complete else []
    if not ours.complete:
        return [f"CRI-O accepts the layout, and the collection reports {ours.faults}"]
    values = {".".join(path): value for path, value in ours.values.items()}
    found = []
    for key, expected in printed.items():
        if key in _IGNORED or (key in _OF_HOST and key not in values):
            continue
        if key not in values:
            found.append(f"{key}: not computed; CRI-O: {expected!r}")
        elif not _equal(key, values, expected):
            found.append(f"{key}: {values[key].value!r}; CRI-O: {expected!r}")
    missing = {key for key, value in values.items() if value.source.kind != "default"} - set(printed)
    return found + [
        f"{key}: set, but CRI-O does not print it" for key in sorted(missing) if not _is_unprinted(key)
    ]


def _equal(key: str, values: dict, expected) -> bool:
    value = values[key].value
    if value == expected:
        return True
    if key.endswith(".monitor_cgroup") and values["crio.runtime.cgroup_manager"].value != "systemd":
        return expected == "system.slice" and value == ""
    return False


def _is_unprinted(key: str) -> bool:
    """Whether the template of `crio config` has no line for this key, at least not for an empty value."""
    return (
        key.startswith(("crio.runtime.runtimes.", "crio.runtime.workloads."))
        or key == "crio.image.namespaced_auth_dir"
    )
