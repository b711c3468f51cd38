# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's configuration as a change would leave it, tried before anything of the node is written.

Everything that may refuse a change beforehand is here: what must not be replaced, what the node's own crio and systemd say of the
candidate, and a restart that would take pods with it.
"""

from __future__ import annotations

import os
import shutil

from .. import node_files
from ..crio import daemon
from ..crio import service as crio_service
from ..crio.service import CrioService
from ..errors import TransactionError
from ..node_files import NodeFileError
from ..program import run

UNIT_DIRECTORY = "/etc/systemd/system/"


def rehearse(request, directory):
    """Everything that may refuse a change, done in `directory` alone: nothing of the node is written.

    Returns the daemon as it is now (see daemon.snapshot), None where the change concerns no daemon. Raises TransactionError
    with phase refused or validate.
    """
    for entry in request["files"]:
        try:
            node_files.refuse_untouchable(entry["path"])
        except NodeFileError as error:
            raise TransactionError("refused", str(error)) from error
    if not request["concerns_daemon"]:
        return None
    service = CrioService(request["unit"])
    if service.masked:
        raise TransactionError(
            "refused", f"{service.unit} is masked; systemctl unmask {service.unit} lets it be started"
        )
    if not service.exists or service.binary is None:
        raise TransactionError(
            "refused", f"CRI-O is not installed: there is no {service.unit} or no crio that it starts"
        )
    stage(request, service, directory)
    validate(service, directory)
    validate_unit(request, service, directory)
    before = daemon.snapshot(service)
    if request["activate"] == "restart":
        refuse_to_take_pods(request, service, before)
    return before


def stage(request, service, directory):
    """A copy of the configuration as the change would leave it: DIRECTORY/crio.conf and DIRECTORY/crio.conf.d."""
    node_files.copy_tree(service.config_directory, os.path.join(directory, "crio.conf.d"))
    if os.path.exists(service.config_path):
        shutil.copyfile(service.config_path, os.path.join(directory, "crio.conf"))
    for path, content in request["contents"].items():
        staged = _staged_path(path, service, directory)
        if staged:
            os.makedirs(os.path.dirname(staged), exist_ok=True)
            _write_private(staged, content)
    for path in request["remove"]:
        staged = _staged_path(path, service, directory)
        if staged:
            node_files.remove(staged)


def _staged_path(path, service, directory):
    if path == service.config_path:
        return os.path.join(directory, "crio.conf")
    if path.startswith(service.config_directory + "/"):
        return os.path.join(directory, "crio.conf.d", path[len(service.config_directory) + 1 :])
    return None


def _write_private(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def validate(service, directory):
    """Ask the node's own crio, with the unit's own options and environment, what it thinks of the whole candidate."""
    config = os.path.join(directory, "crio.conf")
    named = ["--config", config if os.path.exists(config) else ""]
    named += ["--config-dir", os.path.join(directory, "crio.conf.d")]
    environment = dict(os.environ, **service.environment)
    environment = {
        name: value for name, value in environment.items() if not name.startswith("CONTAINER_CONFIG")
    }
    status, _output, error = run(
        [service.binary, *named, *service.options, "config"], environment=environment
    )
    if status != 0:
        said = daemon.last_complaint(error.splitlines()) or f"crio config ended with status {status}"
        said = said.replace(os.path.join(directory, "crio.conf.d"), service.config_directory)
        said = said.replace(config, service.config_path)
        raise TransactionError("validate", "CRI-O refuses the configuration", said)


def validate_unit(request, service, directory):
    """Ask systemd what it thinks of the unit's drop-in; it would only log what it does not understand, and go on."""
    drop_ins = {
        path: text
        for path, text in request["contents"].items()
        if path.startswith(f"{UNIT_DIRECTORY}{service.unit}.d/")
    }
    if not drop_ins or not shutil.which("systemd-analyze"):
        return
    units = os.path.join(directory, "units")
    staged = os.path.join(units, service.unit)
    os.makedirs(staged + ".d", exist_ok=True)
    shutil.copyfile(service.properties["FragmentPath"], staged)
    for path, content in drop_ins.items():
        _write_private(os.path.join(staged + ".d", os.path.basename(path)), content)
    _status, output, error = run(["systemd-analyze", "verify", "--man=no", staged])
    for line in (output + error).splitlines():
        if staged + ".d/" in line:
            raise TransactionError(
                "validate",
                "systemd refuses the unit's settings",
                line.replace(staged, UNIT_DIRECTORY + service.unit),
            )


def refuse_to_take_pods(request, service, before):
    """Raise TransactionError where the restart would end containers that run now."""
    running = before["running"]
    if not running:
        return
    kill_mode = kill_mode_after(request, service)
    if kill_mode in ("control-group", "mixed") and service.strangers_in_cgroup():
        raise TransactionError(
            "refused",
            f"a restart of {service.unit} would take {len(running)} running containers with it: their monitors live in the"
            f" service's own control group (cgroup_manager = cgroupfs) and KillMode is {kill_mode}. Set"
            " crio_service: {Service: {KillMode: process}}, or drain the node first",
        )
    was = before["version"]
    now = crio_service.version_of(service.binary)
    if was and now and was.split(".")[:2] != now.split(".")[:2]:
        raise TransactionError(
            "refused",
            f"a restart would start CRI-O {now} where {was} runs now; a start with another minor version removes every pod"
            f" ({len(running)} containers run). Drain the node first",
        )


def kill_mode_after(request, service):
    """The KillMode the unit will have: from its own file and its drop-ins, as the change leaves them (systemd.kill(5))."""
    paths = [service.properties.get("FragmentPath", ""), *service.drop_ins]
    texts = {
        path: node_files.read_bytes(path).decode("utf-8", "replace") for path in paths if os.path.exists(path)
    }
    directory = f"{UNIT_DIRECTORY}{service.unit}.d/"
    texts.update({path: text for path, text in request["contents"].items() if path.startswith(directory)})
    kill_mode = "control-group"
    # Drop-ins apply in the order of their file names, wherever they lie; the unit's own file comes first.
    for path in sorted(
        set(texts) - set(request["remove"]), key=lambda path: (path != paths[0], os.path.basename(path))
    ):
        for line in texts[path].splitlines():
            name, _equals, value = line.partition("=")
            if name.strip() == "KillMode":
                kill_mode = value.strip() or "control-group"
    return kill_mode
