# SPDX-License-Identifier: GPL-3.0-or-later
"""The second of a run's two calls: one change of a node's file set, whole or not at all.

Runs as a program of its own in a transient systemd unit, so that neither a lost connection nor a dead controller stops
it half-way. Before the first rename an intent journal with everything needed to go back is on disk; state.json's rename is
the point of commit. Whatever interrupts it in between, `recover` (the unit's ExecStopPost, the next run, the next boot) ends in
one of the two states, files and daemon alike.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time

from . import crio_service, node_files, node_state
from .crictl import Crictl, CrictlError
from .crio_service import CrioService, CrioServiceError, run
from .crio_socket import CrioSocketError, live_configuration
from .node_files import NodeFileError

STAGE = "/etc/crio/.cri-node"
UNDO = node_state.TRANSACTION + "/undo"
PROGRAM = node_state.TRANSACTION + "/program.pyz"
BOOT_UNIT = "/etc/systemd/system/cri-node-recover.service"
BOOT_LINK = "/etc/systemd/system/multi-user.target.wants/cri-node-recover.service"
UNIT_DIRECTORY = "/etc/systemd/system/"
REQUEST = node_state.TRANSACTION + "/request-{}.json"  # each transaction has its own, by its id
RESULT = node_state.TRANSACTION + "/result-{}.json"
GENERATIONS_KEPT = 5
_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')  # logrus's text format; with log_level debug a file follows
_POLL = 0.05  # seconds between two looks at a daemon that is coming up


class TransactionError(Exception):
    """The change cannot be made. `phase` says how far it came: refused, validate, activate, acknowledge or probe."""

    def __init__(self, phase, message, detail=""):
        super().__init__(message)
        self.phase = phase
        self.detail = detail  # what CRI-O or systemd said, in its own words


def rehearse(request, directory):
    """Everything that may refuse a change, done in `directory` alone: nothing of the node is written.

    Returns the daemon as it is now (see _snapshot). Raises TransactionError with phase refused or validate.
    """
    for entry in request["files"]:
        try:
            node_files.refuse_untouchable(entry["path"])
        except NodeFileError as error:
            raise TransactionError("refused", str(error)) from error
    service = CrioService(request["unit"])
    if service.masked:
        raise TransactionError(
            "refused", f"{service.unit} is masked; systemctl unmask {service.unit} lets it be started"
        )
    if not service.exists or service.binary is None:
        raise TransactionError(
            "refused", f"CRI-O is not installed: there is no {service.unit} or no crio that it starts"
        )
    stage_candidate(request, service, directory)
    validate(service, directory)
    validate_unit(request, service, directory)
    snapshot = _snapshot(service)
    if request["activate"] == "restart":
        refuse_to_take_pods(request, service, snapshot)
    return snapshot


def stage_candidate(request, service, directory):
    """A copy of the configuration as the change would leave it: DIRECTORY/crio.conf and DIRECTORY/crio.conf.d."""
    node_files.copy_tree(service.config_directory, os.path.join(directory, "crio.conf.d"))
    if os.path.exists(service.config_path):
        shutil.copyfile(service.config_path, os.path.join(directory, "crio.conf"))
    for path, content in request["contents"].items():
        staged = _candidate_of(path, service, directory)
        if staged:
            os.makedirs(os.path.dirname(staged), exist_ok=True)
            _write_private(staged, content)
    for path in request["remove"]:
        staged = _candidate_of(path, service, directory)
        if staged:
            node_files.remove(staged)


def _candidate_of(path, service, directory):
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
        said = _last_complaint(error.splitlines()) or f"crio config ended with status {status}"
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


def refuse_to_take_pods(request, service, snapshot):
    """Raise TransactionError where the restart would end containers that run now."""
    running = snapshot["running"]
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
    was = snapshot["version"]
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
    candidate = os.path.join(STAGE, "candidate")
    os.mkdir(candidate, 0o700)
    snapshot = rehearse(request, candidate)
    staged = {}
    for number, (path, content) in enumerate(sorted(request["contents"].items())):
        staged[path] = os.path.join(STAGE, str(number))
        node_files.write_durably(staged[path], content.encode(), int(_entry(request, path)["mode"], 8))
    _announce(request, report, snapshot)
    _swap(request, staged)
    service = _activate(request, snapshot)
    outranked = _acknowledge(request, service, snapshot)
    _probe(request, service, snapshot)
    generation = _commit(request, service)
    _forget_intent()
    if _touches_units(request):
        # The unit that would have recovered at boot was read too; let systemd forget it.
        run(["systemctl", "daemon-reload"])
    return {
        "committed": True,
        "generation": generation,
        "outranked": outranked,
        "invocation_id": service.invocation_id,
    }


def _entry(request, path):
    return next(entry for entry in request["files"] if entry["path"] == path)


def _forget_stage():
    shutil.rmtree(STAGE, ignore_errors=True)


def _snapshot(service):
    """The daemon before the change: what must not be worse afterwards."""
    snapshot = {
        "active": service.active,
        "enabled": service.enabled,
        "invocation_id": service.invocation_id,
        "running": [],
        "network_ready": False,
        "version": None,
    }
    if service.active:
        try:
            crictl = Crictl(f"unix://{service.socket}")
            questions = (
                lambda: _running(crictl),
                lambda: _conditions(crictl),
                lambda: _running_version(crictl),
            )
            snapshot["running"], conditions, snapshot["version"] = crictl.together(*questions)
            snapshot["network_ready"] = conditions.get("NetworkReady", False)
        except CrictlError as error:
            raise TransactionError(
                "refused", f"the runtime cannot be asked what runs on it: {error}"
            ) from error
    return snapshot


def _running(crictl):
    return sorted(container["id"] for container in crictl.json("ps", "-o", "json").get("containers") or [])


def _conditions(crictl):
    status = crictl.json("info", "-q", "-o", "json").get("status") or {}
    return {condition["type"]: condition["status"] for condition in status.get("conditions") or []}


def _running_version(crictl):
    words = [line.split(":", 1) for line in crictl.text("version").splitlines() if ":" in line]
    return next((value.strip() for name, value in words if name == "RuntimeVersion"), None)


def _announce(request, report, snapshot):
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
        "undo": undo,
        "before": snapshot,
        "generation": report["generation"],
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
    if directory.startswith(UNIT_DIRECTORY) and directory.endswith(".d") and not os.listdir(directory):
        os.rmdir(directory)


def _activate(request, snapshot):
    if _touches_units(request):
        _systemctl("daemon-reload")
    if not snapshot["enabled"]:
        _systemctl("enable", "--quiet", request["unit"])
    if request["activate"] != "none":
        started_at = time.time()
        if not snapshot["active"]:
            run(["systemctl", "reset-failed", request["unit"]])
        status, _output, error = run(
            ["systemctl", "restart", request["unit"]], timeout=request["ready_timeout"] + 90
        )
        if status != 0:
            said = _complaint_since(request["unit"], started_at) or error.strip()
            raise TransactionError(
                "activate", f"CRI-O did not {request['activate']} with the new configuration", said
            )
    return CrioService(request["unit"])


def _touches_units(request):
    paths = [*request["contents"], *request["remove"]]
    return request["daemon_reload"] or any(path.startswith(UNIT_DIRECTORY) for path in paths)


def _systemctl(*arguments):
    status, _output, error = run(["systemctl", *arguments])
    if status != 0:
        raise TransactionError("activate", f"systemctl {' '.join(arguments)} failed", error.strip())


def _complaint_since(unit, since):
    """What the unit's journal holds as the reason of a failed start, from `since` (seconds since the epoch) on."""
    _status, output, _error = run(
        ["journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, "--since", f"@{since:.3f}"]
    )
    return _last_complaint(output.splitlines())


def _last_complaint(lines):
    """CRI-O's own line for what stopped it: the last fatal one, else the last error; without logrus's wrapping."""
    for level in ("level=fatal", "level=panic", "level=error"):
        for line in reversed(lines):
            said = _MESSAGE.search(line)
            if level in line and said:
                return said.group(1).replace('\\"', '"')
    return lines[-1].strip() if lines else ""


def _acknowledge(request, service, snapshot):
    """Make sure that the running daemon is one that started from the new files.

    Returns {key: live value} for keys that something with a higher rank decides: a later file, an option of the daemon.
    """
    if not service.active:
        raise TransactionError("acknowledge", f"{service.unit} is {service.active_state}, not active")
    if request["activate"] != "none" and service.invocation_id == snapshot["invocation_id"]:
        raise TransactionError(
            "acknowledge", f"{service.unit} still runs under the InvocationID it had before"
        )
    try:
        live = live_configuration(service.socket)
    except CrioSocketError as error:
        raise TransactionError(
            "acknowledge", f"the daemon does not tell its configuration: {error}"
        ) from error
    return {key: live.get(key) for key, value in sorted(request["expect"].items()) if live.get(key) != value}


def _probe(request, service, snapshot):
    """Wait until the runtime is as ready as it was, with every container that ran still running."""
    crictl = Crictl(f"unix://{service.socket}")
    deadline = time.monotonic() + request["ready_timeout"]
    while True:
        lacking = _what_lacks(crictl, snapshot)
        if not lacking:
            return
        if time.monotonic() > deadline:
            raise TransactionError("probe", f"after {request['ready_timeout']} s {lacking}")
        time.sleep(_POLL)


def _what_lacks(crictl, snapshot):
    try:
        conditions, running = crictl.together(lambda: _conditions(crictl), lambda: _running(crictl))
    except CrictlError as error:
        return f"the runtime does not answer: {error}"
    if not conditions.get("RuntimeReady"):
        return "RuntimeReady is false"
    if snapshot["network_ready"] and not conditions.get("NetworkReady"):
        return "NetworkReady is false, and it was true before"
    gone = sorted(set(snapshot["running"]) - set(running))
    return f"{len(gone)} containers that ran before run no more: {', '.join(gone)}" if gone else ""


def _commit(request, service):
    state = node_files.read_json(node_state.STATE_FILE) or {}
    generation = state.get("generation", 0) + 1
    owners = {
        owner: entries for owner, entries in state.get("owners", {}).items() if owner not in request["owners"]
    }
    for entry in request["files"]:
        described = {name: entry[name] for name in ("sha256", "mode", "secret")}
        owners.setdefault(entry["owner"], {})[entry["path"]] = described
    _keep_generation(generation, owners)
    acknowledged = {path: entry["sha256"] for entries in owners.values() for path, entry in entries.items()}
    new_state = {
        "generation": generation,
        "transaction": request["id"],
        "owners": owners,
        "acknowledged": {"invocation_id": service.invocation_id, "files": acknowledged},
        "binary": {
            "identity": node_state.binary_identity(service.binary),
            "version": crio_service.version_of(service.binary),
        },
    }
    node_files.write_json(node_state.STATE_FILE, new_state)
    return generation


def _keep_generation(number, owners):
    """Copy the managed files as they are now, for a return to them, and let go of the oldest copies."""
    directory = os.path.join(node_state.GENERATIONS, str(number))
    shutil.rmtree(directory, ignore_errors=True)
    node_files.make_private_directory(directory)
    kept = {}
    for owner, entries in owners.items():
        for path in entries:
            saved = os.path.join(directory, str(len(kept)))
            node_files.write_durably(saved, node_files.read_bytes(path))
            kept[path] = dict(entries[path], owner=owner, saved=os.path.basename(saved))
    node_files.write_json(os.path.join(directory, "files.json"), kept)
    numbers = sorted(int(name) for name in os.listdir(node_state.GENERATIONS) if name.isdigit())
    for old in [old for old in numbers if old <= number][:-GENERATIONS_KEPT]:
        shutil.rmtree(os.path.join(node_state.GENERATIONS, str(old)), ignore_errors=True)


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
    problem = ""
    if before["active"] and not untouched and not at_boot:
        problem = _bring_back(intent["unit"], before)
    _forget_intent()
    return _told(intent, {"rolled_back": True, "as_before": not problem, "problem": problem})


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


def _bring_back(unit, before):
    """Start the daemon from the files it had. After failed starts systemd refuses until its counter is reset."""
    run(["systemctl", "reset-failed", unit])
    status, _output, error = run(["systemctl", "start", unit], timeout=180)
    if status != 0:
        return f"{unit} did not start again: {error.strip()}"
    try:
        _probe({"ready_timeout": 60}, CrioService(unit), before)
    except TransactionError as problem:
        return str(problem)
    return ""


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
