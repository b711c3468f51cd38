# SPDX-License-Identifier: GPL-3.0-or-later
"""Provides CNI plugins on a node: from a package, from an archive, or only checked.

Everything is read, fetched and judged first. The plugins of an archive are replaced together (file_swap), and recorded in
/var/lib/cri-node/cni-plugins.json.
"""

from __future__ import annotations

import json
import os

from . import archive, documents, node_files, selinux_labels
from .architecture import architecture
from .crio import effective, live
from .crio.handlers import value_of
from .crio.service import CrioService
from .errors import NodeError
from .file_swap import FileSwap, SwapError
from .handler import files, packages
from .host.commands import family_of
from .layout import NODE
from .os_errors import os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .layout import Layout

FORMAT = 1
_SUBJECT = "cni_plugins"


class PluginError(NodeError):
    """The plugins cannot be provided; the message says why, and whether anything was changed."""


def provide(request: dict[str, Any], folder: str, check: bool, layout: Layout = NODE) -> dict[str, Any]:
    """Give the node its CNI plugins. folder: for fetched files. check: only report what a run would do.

    request: install, directory, default_directory, required (names), package, packages ({family: [name, directory]}), families,
    source (for messages), url, sha256 (by architecture), and sent: the path of an archive that the controller sent, which is
    needed without a url. If it is missing, only {"needed": True, "architecture"} is returned. Raises PluginError and other
    NodeErrors; nothing is changed then, unless the message says otherwise.
    """
    interrupted = os.path.lexists(layout.cni_intent)
    if interrupted and not check:
        _recover(layout)
    family = family_of(layout, request["families"])
    known = request["packages"].get(family, ["", ""])
    package = (request["package"] or known[0]) if request["install"] == "package" else ""
    directory = request["directory"] or (known[1] if package else "") or request["default_directory"]
    result: dict[str, Any] = {"directory": directory, "package": package or None, "files": [], "notes": []}
    if request["install"] == "package":
        changed = _package(package, family, check)
    elif request["install"] == "archive":
        answer = _archive(request, directory, folder, check, layout)
        if answer is None:
            return {"changed": False, "needed": True, "architecture": architecture()}
        result["files"], changed = answer, bool(answer)
    else:
        changed = False
    coming = {os.path.basename(path) for path in result["files"]} if check else set()
    if not (check and changed and package):
        result["notes"] += _judge(request, layout.at(directory), directory, coming)
    return {**result, "changed": changed or interrupted}


def _package(package: str, family: str, check: bool) -> bool:
    """Install the package if it is missing. Returns whether it was."""
    if not package or not family:
        raise PluginError(
            f"{_SUBJECT}: no package is known for this distribution; set package, or install: archive. Nothing was changed"
        )
    if packages.installed(family, package) is not None:
        return False
    if packages.candidate(family, package) is None and not check:
        packages.refresh(family)
        if packages.candidate(family, package) is None:
            raise PluginError(
                f"{_SUBJECT}: no repository of this node has the package {package}. Nothing was changed"
            )
    if not check:
        packages.install(family, [package])
    return True


def _archive(
    request: dict[str, Any], directory: str, folder: str, check: bool, layout: Layout
) -> list[str] | None:
    """Install the plugins of an archive. Returns the paths that changed, None if the archive has to be sent first."""
    file = {
        "handler": _SUBJECT,
        "path": request["source"],
        "sha256": request["sha256"],
        "content": None,
        "source": request["url"].replace("{arch}", architecture()),
        "sent": request["sent"],
    }
    digest = files.wanted(file, architecture())
    recorded = _recorded(layout)
    if recorded["sha256"] == digest and _are_unchanged(recorded, directory, layout):
        return []
    if not file["source"] and not file["sent"]:
        return None
    content = files.fetched(file, digest, folder, 0)
    members = archive.unpack(content, os.path.join(folder, "plugins"), "", lambda name: "/" not in name)
    plugins = {name: path for name, path in members.items() if _is_program(path)}
    missing = [name for name in request["required"] if name not in plugins]
    if missing:
        raise PluginError(
            f"{_SUBJECT}: the archive does not contain {', '.join(missing)}. Nothing was changed"
        )
    placements = []
    for name, path in sorted(plugins.items()):
        target = layout.at(f"{directory}/{name}")
        node_files.refuse_untouchable(target)
        _refuse_foreign(f"{directory}/{name}", target, path, recorded)
        placements.append((target, path, 0o755))
    node_files.refuse_unwritable(
        layout.at(directory), sum(os.path.getsize(each) for each in plugins.values())
    )
    if not check:
        _swap(placements, digest, layout)
    return [f"{directory}/{name}" for name in sorted(plugins)]


def _is_program(path: str) -> bool:
    """Return whether an unpacked file is a program or a script, and not a licence or a manual."""
    with open(path, "rb") as file:
        return file.read(4).startswith((b"\x7fELF", b"#!"))


def _refuse_foreign(path: str, target: str, content: str, recorded: dict[str, Any]) -> None:
    if not os.path.lexists(target) or path in recorded["files"]:
        return
    if node_files.hash_of(target) != node_files.hash_of(content):
        raise PluginError(
            f"{_SUBJECT}: {path} exists with another content and was not installed by this module (CRI-O's bundle"
            " installs plugins too); remove it, or set another directory. Nothing was changed"
        )


def _swap(placements: list[tuple[str, str, int]], digest: str, layout: Layout) -> None:
    node_files.make_private_directory(layout.state_directory)
    swap = FileSwap(layout.cni_intent)
    try:
        staged = swap.stage(placements, layout.cni_record)
        identities = {target[len(layout.root) :]: _identity(staged[target]) for target in staged}
        record = {"format": FORMAT, "sha256": digest, "files": identities}
        swap.stage_record(json.dumps(record, sort_keys=True).encode())
        swap.swap()
        selinux_labels.restore(swap.new_paths)
        swap.commit()
    except (OSError, NodeError) as error:
        if not swap.is_committed():
            reason = os_error(error, "installing a plugin") if isinstance(error, OSError) else str(error)
            try:
                swap.undo()
            except SwapError as failure:
                raise PluginError(
                    f"{reason}. Undoing it also failed: {failure}; the next run continues"
                ) from None
            raise PluginError(f"{reason}. The previous files were restored") from None
    swap.finish()


def _identity(path: str) -> list[int]:
    status = os.lstat(path)
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _recorded(layout: Layout) -> dict[str, Any]:
    """Return the record, an empty one if there is none or it is damaged: then all files are compared."""
    text = node_files.read_text(layout.cni_record)
    empty: dict[str, Any] = {"sha256": "", "files": {}}
    if text is None:
        return empty
    try:
        data = documents.read_object(text, layout.cni_record)
        documents.refuse_other_format(data.get("format"), (FORMAT,), layout.cni_record)
    except documents.UnknownFormat:
        raise
    except documents.DamagedDocument:
        return empty
    return data if isinstance(data.get("sha256"), str) and isinstance(data.get("files"), dict) else empty


def _are_unchanged(recorded: dict[str, Any], directory: str, layout: Layout) -> bool:
    found = recorded["files"]
    return bool(found) and all(
        os.path.dirname(path) == directory
        and os.path.lexists(layout.at(path))
        and _identity(layout.at(path)) == identity
        for path, identity in found.items()
    )


def _recover(layout: Layout) -> None:
    try:
        FileSwap(layout.cni_intent).recover()
    except (OSError, SwapError) as error:
        words = os_error(error, "undoing it") if isinstance(error, OSError) else str(error)
        raise PluginError(f"an installation of CNI plugins was interrupted, and {words}") from error


def _judge(request: dict[str, Any], place: str, directory: str, coming: set[str]) -> list[str]:
    """Check the plugins that the network needs. Returns notes. Raises PluginError."""
    missing = [
        name
        for name in request["required"]
        if name not in coming and not os.access(os.path.join(place, name), os.X_OK)
    ]
    service = CrioService()
    if missing and service.binary is None and request["install"] == "preinstalled":
        return [f"{', '.join(missing)} will come to {directory} with CRI-O, which is not installed yet"]
    if missing:
        raise PluginError(
            f"{_SUBJECT}: {', '.join(missing)} not found in {directory}, but the network needs them; set install, or directory"
        )
    used = _plugin_dirs(service)
    if (
        request["required"]
        and isinstance(used, list)
        and directory not in [str(each).rstrip("/") for each in used]
    ):
        return [
            f"CRI-O does not look for plugins in {directory}, but in {', '.join(map(str, used))}: add it to"
            " crio.network.plugin_dirs of crio_config"
        ]
    return []


def _plugin_dirs(service: CrioService) -> Any:
    """Return where CRI-O looks for plugins: the running daemon, else its files; None if that is not known."""
    try:
        values = live.live_configuration(service.socket) if service.active else effective.present(service)
    except NodeError:
        return None
    return value_of(values.get("crio.network.plugin_dirs"))
