# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's files as Ansible's --diff shows them, each key with the variable it came from."""

from __future__ import annotations

import json


def of(wanted, report, plan):
    """A list of diff dictionaries for a task's result; secret files appear by their hash alone."""
    shown = []
    for path, action in sorted(plan.files.items()):
        found = report["files"].get(path) or report["orphans"][path]
        secret = found.get("secret") if action == "remove" else wanted.entry(path)["secret"]
        before, after = found.get("content", ""), "" if action == "remove" else wanted.content(path)
        if secret:
            before, after = (
                _hidden(found.get("sha256")),
                _hidden(None if action == "remove" else _wanted_hash(wanted, path)),
            )
        mode = None if action == "remove" else wanted.entry(path)["mode"]
        shown.append(
            {
                "before_header": f"{path} ({found.get('mode', 'absent')})",
                "after_header": f"{path} ({mode or 'absent'})",
                "before": before,
                "after": after,
            }
        )
    origins = [setting for setting in wanted.settings() if setting["path"] in plan.writes]
    if origins:
        shown.append({"prepared": "".join(f"{_origin(each)}\n" for each in origins)})
    return shown


def _origin(setting):
    value = "(secret)" if setting["value"] is None else json.dumps(setting["value"])
    return f"{setting['key']} = {value}  (from {setting['variable']})"


def _wanted_hash(wanted, path):
    return next(entry["sha256"] for entry in wanted.described if entry["path"] == path)


def _hidden(sha256):
    return f"(secret, SHA-256 {sha256})\n" if sha256 else ""
