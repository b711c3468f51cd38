# SPDX-License-Identifier: GPL-3.0-or-later
"""The second of a run's two calls: one change of a node's file set, whole or not at all.

Runs as a program of its own in a transient systemd unit, so that neither a lost connection nor a dead controller stops
it half-way. Before the first rename an intent journal with everything needed to go back is on disk; state.json's rename is
the point of commit. Whatever interrupts it in between, recovery.recover (the unit's ExecStopPost, the next run, the next boot)
ends in one of the two states, files and daemon alike.
"""

from __future__ import annotations

import os
import shutil

from .. import node_files, node_state
from ..crictl.call import CrictlError
from ..crio import daemon
from ..crio.service import CrioService, CrioServiceError
from ..errors import TransactionError
from ..node_files import NodeFileError
from ..program import run
from . import candidate, generation, journal, recovery


def apply(request):
    """Make the change, or leave the node as it was. Returns the outcome; raises TransactionError.

    After an error of phase activate, acknowledge or probe the caller must `recover`.
    """
    journal.forget_stage()
    node_files.make_private_directory(journal.STAGE)
    report = node_state.read(request)
    if report["fingerprint"] != request["fingerprint"]:
        raise TransactionError(
            "refused", "the node changed between the look at it and the change; nothing was done, run again"
        )
    directory = os.path.join(journal.STAGE, "candidate")
    os.mkdir(directory, 0o700)
    before = candidate.rehearse(request, directory)
    staged = {}
    for number, (path, content) in enumerate(sorted(request["contents"].items())):
        staged[path] = os.path.join(journal.STAGE, str(number))
        node_files.write_durably(staged[path], content.encode(), int(_entry(request, path)["mode"], 8))
    journal.announce(request, before)
    _swap(request, staged)
    service, outranked = _make_live(request, before)
    number = generation.commit(request, service, report["crio"]["version"])
    journal.forget()
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


def main(arguments):
    """The program's entry: `apply ID` reads that request and writes its result, `recover` and `recover-at-boot` clean up."""
    os.umask(0o077)
    if arguments[0] == "apply":
        _apply_and_tell(arguments[1])
    else:
        recovery.recover(at_boot=arguments[0] == "recover-at-boot")
    return 0


def _apply_and_tell(identity):
    request = node_files.read_json(journal.REQUEST.format(identity))
    node_files.remove(journal.REQUEST.format(identity))
    try:
        outcome = apply(request)
    except (TransactionError, CrioServiceError, CrictlError, NodeFileError, OSError) as error:
        phase = getattr(error, "kind", "activate" if os.path.exists(node_state.INTENT) else "refused")
        outcome = {
            "failed": True,
            "phase": phase,
            "message": str(error),
            "detail": getattr(error, "detail", ""),
        }
        outcome.update(recovery.recover() or {})
        journal.forget_stage()
    node_files.write_json(journal.RESULT.format(identity), outcome)
