# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a node's runtime (module_utils/observation.py) means: a list of checks, judged from data alone.

A check is {"name", "status": passed, failed, warning or skipped, "detail": one line without secrets}.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import redacted
from ansible_collections.cri.node.plugins.plugin_utils.verify import handlers as verification_handlers

STATUSES = ("passed", "failed", "warning", "skipped")

_IDLE = "CRI-O does not run"
_CHECK_MODE = "check mode"
# How CRI-O and others say that there is no network because nobody has set one up yet.
_NO_CNI = re.compile(
    r"no CNI configuration file|cni config uninitialized|cni plugin not initialized", re.IGNORECASE
)
_FOUND = {"create": "is missing", "change": "is not as wanted", "remove": "is not wanted any more"}
_PENDING = {"create": "would be created", "change": "would be changed", "remove": "would be removed"}


class Asked(NamedTuple):
    """What a verification was asked for: network is optional or required, image may be empty, pull is a list of images."""

    network: str
    image: str
    pull: list
    check_mode: bool


def judge(wanted, seen, asked):
    """The checks of one node: `wanted` is a desired.DesiredFiles, `seen` what observation.observe returned, `asked` an Asked."""
    state = _claimed(wanted, seen)
    made = plan.make(wanted, state)
    handlers = verification_handlers.judge(wanted, state, seen, asked.check_mode)
    checks = [
        _service(state, made, asked),
        _runtime(seen),
        _network(seen, asked),
        _check("handlers", handlers.status, handlers.detail) if handlers else None,
        _files(state, made, asked),
        _loaded(state, asked),
        _settings(wanted, state, seen, asked),
        _without_effect(wanted, state, handlers.keys if handlers else ()),
        _cni_plugins(seen),
        _metrics(seen),
        _pod(seen, asked),
        *(_pull(image, seen, asked) for image in asked.pull),
    ]
    return _finished([check for check in checks if check], wanted.secrets())


def _claimed(wanted, seen):
    """The node's state without files that the daemon does not read and that nobody has ever brought to this node.

    The role crictl wants some without being told to; a node that is not in its care lacks nothing.
    """
    files = {
        path: found
        for path, found in seen["state"]["files"].items()
        if found["disruption"] != "none" or wanted.file(path).owner in seen["owners"]
    }
    return dict(seen["state"], files=files)


def unseen(reason, secrets=()):
    """The checks of a node that could not be read; the reason may come from the node."""
    return _finished([_check("node", "failed", reason)], secrets)


def _finished(checks, secrets):
    """The checks with details that can be shown. Secrets are masked first: one that is cut would not be recognised."""
    return [dict(check, detail=one_line(redacted(check["detail"], secrets))) for check in checks]


def named(checks, status):
    """The names of the checks of that status."""
    return [check["name"] for check in checks if check["status"] == status]


def count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _check(name, status, detail):
    return {"name": name, "status": status, "detail": str(detail)}


def one_line(text):
    """A text as a terminal and a report can show it: one line, no control characters, no credentials of a URL."""
    return shown(text)


def _fault(name, detail, asked):
    """What a run of runtime_config would put right is no failure of a run that only predicts."""
    return _check(name, "skipped" if asked.check_mode else "failed", detail)


def _service(state, made, asked):
    unit = state["unit"]
    if not state["crio"]["installed"]:
        return _fault("service", "CRI-O is not installed", asked)
    if unit["masked"]:
        return _check("service", "failed", f"{unit['name']} is masked")
    if unit["phase"] == "between":
        return _check("service", "failed", f"{unit['name']} is {unit['state']}, neither running nor stopped")
    if not unit["active"]:
        hint = "would be started" if asked.check_mode else f"journalctl -u {unit['name']} may say why"
        return _fault("service", f"{unit['name']} does not run; {hint}", asked)
    if made.enable:
        return _check("service", "warning", f"{unit['name']} runs, but is not enabled: no boot starts it")
    return _check("service", "passed", f"{unit['name']} runs")


def _runtime(seen):
    if "configuration_error" not in seen:
        return _check("runtime", "skipped", _IDLE)
    if "conditions" not in seen:
        return _check("runtime", "failed", seen["conditions_error"])
    ready, why = _condition(seen, "RuntimeReady")
    return _check("runtime", *(("passed", "RuntimeReady") if ready else ("failed", why)))


def _network(seen, asked):
    if "conditions" not in seen:
        return _check("network", "skipped", "the runtime does not tell")
    ready, why = _condition(seen, "NetworkReady")
    if ready:
        return _check("network", "passed", "NetworkReady")
    files = seen["cni_files"]
    if asked.network == "optional" and _NO_CNI.search(why) and not files:
        return _check("network", "passed", f"no CNI yet, which is accepted: {why}")
    # CRI-O says that there is none of a configuration whose plugin is missing, too.
    there = f"; its files: {', '.join(files)}" if files else ""
    return _check("network", "failed", f"{why}{there}")


def _condition(seen, name):
    """(whether it holds, why not)"""
    found = next((each for each in seen["conditions"] if each["type"] == name), None)
    if found is None:
        return False, f"the runtime does not tell the condition {name}"
    why = ": ".join(part for part in (found["reason"], found["message"]) if part)
    return found["status"], f"{name} is false{': ' if why else ''}{why}"


def _files(state, made, asked):
    notes = "; ".join(state["notes"])
    if state["interrupted"]:
        return _fault(
            "files",
            _joined("a change of this node was interrupted and is still open; the next run undoes it", notes),
            asked,
        )
    words = _PENDING if asked.check_mode else _FOUND
    if made.files:
        told = "; ".join(f"{path} {words[action]}" for path, action in sorted(made.files.items()))
        return _fault("files", _joined(told, notes), asked)
    if notes:
        return _check("files", "warning", notes)
    if not state["files"]:
        return _check("files", "skipped", "no file is asked for")
    return _check("files", "passed", f"{count(len(state['files']), 'file')} as wanted")


def _joined(*parts):
    return "; ".join(part for part in parts if part)


def _loaded(state, asked):
    if not state["unit"]["active"]:
        return _check("loaded", "skipped", _IDLE)
    stale = [
        f"{path} is as wanted, but the running daemon has not loaded it"
        for path, found in sorted({**state["files"], **state["orphans"]}.items())
        if found["as_wanted"] and not found["loaded"]
    ]
    if state["unit"]["binary_replaced"]:
        stale.append(
            f"the running daemon was started from another crio than {state['crio']['binary']} is now"
        )
    if stale:
        return _fault("loaded", "; ".join(stale), asked)
    return _check("loaded", "passed", "the running daemon has loaded all files that are as wanted")


def _settings(wanted, state, seen, asked):
    if "configuration_error" not in seen:
        return _check("settings", "skipped", _IDLE)
    if seen["configuration_error"]:
        return _check("settings", "failed", seen["configuration_error"])
    if not wanted.expect:
        return _check("settings", "skipped", "no key of crio.conf is asked for")
    if not plan.is_settled(state):
        return _check("settings", "skipped", "not compared: the daemon has not loaded the wanted files")
    late = plan.late_handlers(wanted, state)
    stale, outranked = live_values.split(wanted.expect, state["live"], state["effective"], late)
    old = live_values.of_stale(stale, state["effective"], late)
    if outranked:
        told = [*live_values.of_outranked(outranked, wanted.expect), *old]
        return _check("settings", "failed", "; ".join(told))
    if old:
        return _fault("settings", "; ".join(old), asked)
    return _check("settings", "passed", f"CRI-O uses {count(len(wanted.expect), 'value')} as asked for")


def _without_effect(wanted, state, told):
    """What is set and CRI-O silently does without, save the keys that another check is about; None where nothing is.

    A path whose file system does not answer is reported here, since nobody knows what CRI-O does without then.

    That selinux is true on a host without SELinux is no fault of the node: a fleet of both kinds has one configuration.
    """
    found = [
        entry
        for entry in plan.without_effect(wanted, state)
        if entry["key"] not in {*told, "crio.runtime.selinux"}
    ]
    sentences = dict.fromkeys(f"{entry['key']}: {entry['reason']}" for entry in found)
    sentences.update(dict.fromkeys(plan.unanswered(state)))
    if not sentences:
        return None
    return _check("without_effect", "warning", "; ".join(sentences))


def _cni_plugins(seen):
    directories = seen.get("plugin_dirs")
    if not directories:
        return _check("cni_plugins", "skipped", "the runtime does not tell")
    errors = seen.get("plugin_dir_errors", {})
    found = sum(directories.values())
    places = ", ".join(f"{path} ({errors[path]})" if path in errors else path for path in directories)
    if not found:
        return _check("cni_plugins", "warning", f"no program in crio.network.plugin_dirs: {places}")
    return _check("cni_plugins", "passed", f"{count(found, 'program')} in {places}")


def _metrics(seen):
    metrics = seen.get("metrics")
    if not metrics:
        return _check("metrics", "skipped", "the runtime does not tell")
    if not metrics["enabled"]:
        return _check("metrics", "skipped", "crio.metrics.enable_metrics is off")
    more = f"; the socket {metrics['socket']} was not asked" if metrics["socket"] else ""
    if not metrics["port"]:
        return _check("metrics", "skipped", f"crio.metrics.metrics_port is 0, any free port{more}")
    if "error" in metrics:
        return _check("metrics", "failed", f"GET {metrics['url']}: {metrics['error']}{more}")
    if not metrics["lines"]:
        return _check("metrics", "failed", f"{metrics['url']} answers without metrics of CRI-O{more}")
    return _check("metrics", "passed", f"{count(metrics['lines'], 'metric')} at {metrics['url']}{more}")


def _pod(seen, asked):
    if not asked.image:
        return _check("pod", "skipped", "no image is given")
    if asked.check_mode:
        return _check("pod", "skipped", _CHECK_MODE)
    pod = seen.get("pod")
    if not pod:
        return _check("pod", "skipped", "the runtime cannot be asked")
    if "error" in pod:
        hint = "; this node's kubelet runs, and removes pods that are not its own" if pod["kubelet"] else ""
        return _check("pod", "failed", f"{asked.image}: {pod['error']}{hint}")
    if not pod["log_lines"]:
        return _check("pod", "failed", f"{asked.image} ended with exit code 0, but its log is empty")
    return _check("pod", "passed", f"{asked.image} ran, ended with exit code 0 and left a log")


def _pull(image, seen, asked):
    name = f"pull {image}"
    if asked.check_mode:
        return _check(name, "skipped", _CHECK_MODE)
    error = seen.get("pulls", {}).get(image)
    if error is None:
        return _check(name, "skipped", "the runtime cannot be asked")
    return _check(name, *(("failed", error) if error else ("passed", "pulled")))
