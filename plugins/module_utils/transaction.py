# SPDX-License-Identifier: GPL-3.0-or-later
"""The second of a run's two calls: one change of a node's file set, whole or not at all.

Runs as a program of its own in a transient systemd unit, so that neither a lost connection nor a dead controller stops
it half-way. Before the first rename an intent journal with everything needed to go back is on disk; state.json's rename is
the point of commit. Whatever interrupts it in between, `recover` (the unit's ExecStopPost, the next run, the next boot) ends in
one of the two states, files and daemon alike.
"""

from __future__ import annotations

import os
import shutil
import sys

from . import candidate, daemon, generation, node_files, node_state
from .crictl import CrictlError
from .crio_service import CrioService, CrioServiceError, run
from .node_files import NodeFileError
from .transaction_error import TransactionError

STAGE = "/etc/crio/.cri-node"
UNDO = node_state.TRANSACTION + "/undo"
PROGRAM = node_state.TRANSACTION + "/program.pyz"
REQUEST = node_state.TRANSACTION + "/request-{}.json"  # each transaction has its own, by its id
RESULT = node_state.TRANSACTION + "/result-{}.json"
BOOT_UNIT = candidate.UNIT_DIRECTORY + "cri-node-recover.service"
BOOT_LINK = candidate.UNIT_DIRECTORY + "multi-user.target.wants/cri-node-recover.service"


def apply(request):
    """Make the change, or leave the node as it was. Returns the outcome; raises TransactionError.

    After an error of phase activate, acknowledge or probe the caller must `recover`.
    """
    _forget_stage()
    node_files.make_private_directory(STAGE)
    report = node_state.read(request)
    if report["fingerprint"] != request["fingerprint"]:
        raise TransactionError(
            "refused", "the node changed between the look at it and the change; nothing was done, run again"
        )
    directory = os.path.join(STAGE, "candidate")
    os.mkdir(directory, 0o700)
    before = candidate.rehearse(request, directory)
    staged = {}
    for number, (path, content) in enumerate(sorted(request["contents"].items())):
        staged[path] = os.path.join(STAGE, str(number))
        node_files.write_durably(staged[path], content.encode(), int(_entry(request, path)["mode"], 8))
    _announce(request, before)
    _swap(request, staged)
    service, outranked = _make_live(request, before)
    number = generation.commit(request, service, report["crio"]["version"])
    _forget_intent()
    if _touches_units(request):
        # The unit that would have recovered at boot was read too; let systemd forget it.
        run(["systemctl", "daemon-reload"])
    return {
        "committed": True,
        "generation": number,
        "outranked": outranked,
        "invocation_id": service.invocation_id,
    }


def _entry(request, path):
    return next(entry for entry in request["files"] if entry["path"] == path)


def _forget_stage():
    shutil.rmtree(STAGE, ignore_errors=True)


def _announce(request, before):
    """The intent: with it on disk, anyone can go back; before it, nothing of the node's configuration was touched."""
    shutil.rmtree(UNDO, ignore_errors=True)
    node_files.make_private_directory(UNDO)
    undo = []
    for number, path in enumerate(sorted([*request["contents"], *request["remove"]])):
        found = node_files.describe(path)
        entry = {"path": path, "kind": found["kind"]}
        if found["kind"] == "file":
            entry.update(
                mode=found["mode"], uid=found["uid"], gid=found["gid"], saved=os.path.join(UNDO, str(number))
            )
            node_files.write_durably(entry["saved"], node_files.read_bytes(path))
        undo.append(entry)
    node_files.write_durably(BOOT_UNIT, _boot_unit().encode(), 0o644)
    os.makedirs(os.path.dirname(BOOT_LINK), exist_ok=True)
    if not os.path.islink(BOOT_LINK):
        os.symlink(BOOT_UNIT, BOOT_LINK)
    node_files.sync_directory(os.path.dirname(BOOT_LINK))
    intent = {
        "id": request["id"],
        "unit": request["unit"],
        "activate": request["activate"],
        "undo": undo,
        "before": before,
    }
    intent["directories"] = _missing_directories(request["contents"])
    node_files.write_json(node_state.INTENT, intent)


def _missing_directories(paths):
    missing = set()
    for path in paths:
        directory = os.path.dirname(path)
        while not os.path.isdir(directory):
            missing.add(directory)
            directory = os.path.dirname(directory)
    return sorted(missing, reverse=True)


def _boot_unit():
    return f"""[Unit]
Description=Undo a change of the container runtime's configuration that was interrupted
ConditionPathExists={node_state.INTENT}
Before=crio.service kubelet.service

[Service]
Type=oneshot
ExecStart={sys.executable} {PROGRAM} recover-at-boot
"""


def _swap(request, staged):
    for path in sorted(staged):
        node_files.make_directories(os.path.dirname(path))
        os.chown(staged[path], 0, 0)
        node_files.swap_in(staged[path], path)
    for path in sorted(request["remove"]):
        node_files.remove(path)
        _remove_empty_drop_in_directory(os.path.dirname(path))
    if os.path.exists("/sys/fs/selinux/enforce") and shutil.which("restorecon") and staged:
        run(["restorecon", *sorted(staged)])


def _remove_empty_drop_in_directory(directory):
    """A unit's own drop-in directory goes with its last file; crio.conf.d and the like stay."""
    if (
        directory.startswith(candidate.UNIT_DIRECTORY)
        and directory.endswith(".d")
        and not os.listdir(directory)
    ):
        os.rmdir(directory)


def _make_live(request, before):
    """Have the daemon load what changed, and prove that it did and is well. Returns the service, and what is outranked."""
    if before is None:
        return CrioService(request["unit"]), {}
    _activate(request, before)
    service = CrioService(request["unit"])
    outranked = daemon.acknowledge(request, service, before)
    daemon.probe(request, service, before)
    return service, outranked


def _activate(request, before):
    """Make systemd read what changed, enable the service, and start, restart or reload the daemon."""
    if _touches_units(request):
        _systemctl("daemon-reload")
    if not before["enabled"]:
        _systemctl("enable", "--quiet", request["unit"])
    if request["activate"] == "reload":
        daemon.reload(request)
    elif request["activate"] != "none":
        daemon.restart(request, before)


def _touches_units(request):
    paths = [*request["contents"], *request["remove"]]
    return request["daemon_reload"] or any(path.startswith(candidate.UNIT_DIRECTORY) for path in paths)


def _systemctl(*arguments):
    status, _output, error = run(["systemctl", *arguments])
    if status != 0:
        raise TransactionError("activate", f"systemctl {' '.join(arguments)} failed", error.strip())


def _forget_intent():
    """Nothing to go back to any more. The intent goes first: without it the rest is only litter."""
    node_files.remove(node_state.INTENT)
    _forget_boot_unit()
    shutil.rmtree(UNDO, ignore_errors=True)
    _forget_stage()


def _forget_boot_unit():
    node_files.remove(BOOT_LINK)
    node_files.remove(BOOT_UNIT)


def recover(at_boot=False):
    """End an interrupted or failed change: forward if it was committed, else back. Returns what was done, None if nothing.

    May itself be interrupted and run again. At boot the daemon is not started yet, so only files go back.
    """
    intent = node_files.read_json(node_state.INTENT)
    if intent is None:
        return None
    state = node_files.read_json(node_state.STATE_FILE) or {}
    if state.get("transaction") == intent["id"]:
        _forget_intent()
        run(["systemctl", "daemon-reload"])
        return _told(intent, {"committed": True, "generation": state["generation"]})
    problem = _bring_back(intent, at_boot) if intent["before"] else _restore(intent)
    _forget_intent()
    return _told(intent, {"rolled_back": True, "as_before": not problem, "problem": problem or ""})


def _bring_back(intent, at_boot):
    """The files, and the daemon with them. Returns what is left wrong, "" if nothing."""
    service = CrioService(intent["unit"])
    before = intent["before"]
    untouched = service.active and before["active"] and service.invocation_id == before["invocation_id"]
    if not untouched and not at_boot and service.active_state != "inactive":
        # Stopped under the new unit settings, which may be what keeps the containers alive.
        run(["systemctl", "stop", intent["unit"]], timeout=180)
    _restore(intent)
    if not before["enabled"]:
        run(["systemctl", "disable", "--quiet", intent["unit"]])
    # With the files back a boot needs no help any more; what is left to do is lost with the power anyway.
    _forget_boot_unit()
    run(["systemctl", "daemon-reload"])
    if at_boot or not before["active"]:
        return ""
    if not untouched:
        return daemon.bring_back(intent["unit"], before)
    return daemon.reload_back(intent["unit"]) if intent["activate"] == "reload" else ""


def _told(intent, outcome):
    """Leave the outcome where whoever asked for the transaction looks for it, if nobody has said more already."""
    outcome["id"] = intent["id"]
    if not os.path.exists(RESULT.format(intent["id"])):
        interrupted = {
            "failed": not outcome.get("committed"),
            "phase": "interrupted",
            "message": "the change was interrupted",
        }
        told = dict(
            interrupted, outranked={}, invocation_id=CrioService(intent["unit"]).invocation_id, **outcome
        )
        node_files.write_json(RESULT.format(intent["id"]), told)
    return outcome


def _restore(intent):
    for entry in intent["undo"]:
        if entry["kind"] != "file":
            node_files.remove(entry["path"])
            continue
        found = node_files.describe(entry["path"])
        if (
            found.get("sha256") == node_files.digest(node_files.read_bytes(entry["saved"]))
            and found["mode"] == entry["mode"]
        ):
            continue  # never swapped; its change time tells what the daemon has loaded
        # Staged beside the saved copies' journal, outside every configuration directory.
        node_files.make_private_directory(STAGE)
        staged = os.path.join(STAGE, "undo")
        node_files.write_durably(staged, node_files.read_bytes(entry["saved"]), int(entry["mode"], 8))
        os.chown(staged, entry["uid"], entry["gid"])
        node_files.make_directories(os.path.dirname(entry["path"]))
        node_files.swap_in(staged, entry["path"])
    for directory in intent["directories"]:
        if os.path.isdir(directory) and not os.listdir(directory):
            os.rmdir(directory)


def main(arguments):
    """The program's entry: `apply ID` reads that request and writes its result, `recover` and `recover-at-boot` clean up."""
    os.umask(0o077)
    if arguments[0] == "apply":
        _apply_and_tell(arguments[1])
    else:
        recover(at_boot=arguments[0] == "recover-at-boot")
    return 0


def _apply_and_tell(identity):
    request = node_files.read_json(REQUEST.format(identity))
    node_files.remove(REQUEST.format(identity))
    try:
        outcome = apply(request)
    except (TransactionError, CrioServiceError, CrictlError, NodeFileError, OSError) as error:
        phase = getattr(error, "phase", "activate" if os.path.exists(node_state.INTENT) else "refused")
        outcome = {
            "failed": True,
            "phase": phase,
            "message": str(error),
            "detail": getattr(error, "detail", ""),
        }
        outcome.update(recover() or {})
        _forget_stage()
    node_files.write_json(RESULT.format(identity), outcome)
