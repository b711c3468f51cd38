# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a whole play's verification: one document of data, and the table that a terminal shows of it."""

from __future__ import annotations

import textwrap

from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification

WIDTH = 110  # columns of the table

_LEFT_OUT = "an earlier task failed, or the node was unreachable"
# What the table shows last is what a reader sees first, right above the summary.
_ORDER = ("passed", "pending", "not_verified", "failed")
_SHOWN = {"passed": "passed", "pending": "pending", "not_verified": "NOT VERIFIED", "failed": "FAILED"}
_LONGEST_NAME = 40


def document(results, waiting, lost, check_mode, created_at):
    """The report: `results` has for each node what runtime_verify returned ({} for none).

    `waiting` are nodes whose batch is to come, `lost` those that have left the play; of either a result without a failed check
    is an earlier play's.

    Returns plain data with the keys created_at, check_mode, summary and nodes; see the module verify_report.
    """
    nodes = {name: _node(result, name in waiting, name in lost) for name, result in sorted(results.items())}
    summary = {"nodes": len(nodes)}
    for status in _ORDER:
        summary[status] = sum(node["status"] == status for node in nodes.values())
    summary["warnings"] = sum(node["counts"]["warning"] for node in nodes.values())
    return {"created_at": created_at, "check_mode": check_mode, "summary": summary, "nodes": nodes}


def with_reasons(results, earlier):
    """The results, each with the message of the first earlier task that failed on its node, where it has none of its own.

    `earlier` are results of tasks by node, in the order of the tasks: {node: {"failed", "unreachable", "msg"}}.
    """
    found = {}
    for name, result in results.items():
        messages = (_message(by_node.get(name)) for by_node in earlier)
        message = next((each for each in messages if each), "")
        found[name] = {**({"msg": message} if message else {}), **result}
    return found


def _message(result):
    if not isinstance(result, dict) or not (result.get("failed") or result.get("unreachable")):
        return ""
    return str(result.get("msg") or "")


def _node(result, is_waiting, is_lost):
    if (is_waiting or is_lost) and not result.get("failed_checks"):
        result = {name: value for name, value in result.items() if name == "msg"}
    checks = result.get("checks")
    node = {"status": "", "version": result.get("version"), "reason": "", "checks": checks or []}
    node["counts"] = {
        status: len(verification.named(node["checks"], status)) for status in verification.STATUSES
    }
    if checks is not None:
        node["status"] = "failed" if node["counts"]["failed"] else "passed"
    elif is_waiting and not is_lost:
        node["status"], node["reason"] = "pending", "its batch has not come yet"
    else:
        node["status"], node["reason"] = (
            "not_verified",
            verification.one_line(result.get("msg") or _LEFT_OUT),
        )
    return node


def not_passed(report):
    """The nodes that did not pass: {name: {"status", "failed": names of the failed checks, "reason": why there are none}}."""
    return {
        name: {
            "status": node["status"],
            "failed": verification.named(node["checks"], "failed"),
            "reason": node["reason"],
        }
        for name, node in report["nodes"].items()
        if node["status"] != "passed"
    }


def table(report):
    """The report as lines of at most WIDTH columns: a line for a node that passed, more where there is more to say."""
    nodes = sorted(report["nodes"].items(), key=_place)
    width = min(max([len(name) for name, _node in nodes] + [4]), _LONGEST_NAME)
    lines = [f"{'node':{width}}  {'result':12}  checks", "-" * WIDTH]
    for name, node in nodes:
        lines += _lines_of(name, node, width)
    return [*lines, "-" * WIDTH, _summary(report)]


def _place(item):
    name, node = item
    return (_ORDER.index(node["status"]), node["counts"]["warning"] > 0, name)


def _lines_of(name, node, width):
    told = ", ".join(f"{number} {status}" for status, number in node["counts"].items() if number)
    version = f"  (CRI-O {node['version']})" if node["version"] else ""
    # A name that is too long for its column pushes its own line, not those of others.
    first = f"{name:{width}}  {_SHOWN[node['status']]:12}  {node['reason'] or told}{version}"
    lines = _wrapped(first, " " * (width + 16))
    for check in node["checks"]:
        if check["status"] in ("failed", "warning"):
            lines += _wrapped(f"    {check['status']:7}  {check['name']}: {check['detail']}", " " * 13)
    return lines


def _wrapped(text, indent):
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _summary(report):
    summary = report["summary"]
    told = [f"{summary['passed']} passed"]
    for key in ("failed", "not_verified", "pending"):
        told += [f"{summary[key]} {key.replace('_', ' ')}"] if summary[key] else []
    told += [verification.count(summary["warnings"], "warning")] if summary["warnings"] else []
    mode = " (check mode: no pod was run, no image was pulled)" if report["check_mode"] else ""
    return f"{verification.count(summary['nodes'], 'node')}: {', '.join(told)}{mode}"
