# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the plan as Ansible's --diff shows them, and the variable of each key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.module_utils.text import without_credentials
from ansible_collections.cri.node.plugins.plugin_utils.layers import Setting
from ansible_collections.cri.node.plugins.plugin_utils.plan.plan import Plan
from ansible_collections.cri.node.plugins.plugin_utils.text import toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import ChangedEntry, Report, ReportedFile
    from ansible_collections.cri.node.plugins.plugin_utils.plan.file_set import FileSet, ShownFile


def of(wanted: FileSet, report: Report, plan: Plan) -> list[dict[str, str]]:
    """Return the diff of a task's result. Of a secret file it only shows that it exists and that it changes."""
    shown = []
    for path, action in sorted(plan.files.items()):
        found = report["files"].get(path) or report["orphans"][path]
        file = None if action == "remove" or path in plan.left else wanted.file(path)
        before, after = found.get("content") or "", file.content if file else ""
        if "changed_entries" in found:
            before, after = _of_entries(found["changed_entries"], file, bool(found.get("secret")))
        elif _is_secret(found) or (file and file.secret):
            before, after = _hidden(found, file)
        shown.append(
            {
                "before_header": f"{path} ({found.get('mode', 'absent')})",
                "after_header": f"{path} ({'absent' if action == 'remove' else _mode_after(found, file)})",
                "before": without_credentials(before),
                "after": without_credentials(after),
            }
        )
    origins = [setting for setting in wanted.settings() if setting["path"] in plan.writes]
    if origins:
        shown.append({"prepared": "".join(f"{_origin(each)}\n" for each in origins)})
    return shown


def _mode_after(found: ReportedFile, file: ShownFile | None) -> str:
    """Return the mode of a file that stays. A shared one keeps its own, restricted for secrets (managed_file.SharedFile)."""
    present = found.get("mode", "")
    if file and not (found.get("shared") and present):
        return file.mode
    return f"{int(present, 8) & int(file.mode, 8):04o}" if file and found.get("secret") else present


def _of_entries(entries: list[ChangedEntry], file: ShownFile | None, secret: bool) -> tuple[str, str]:
    """Return (before, after) of a shared file: only the entries that change, one a line."""
    before, after = [], []
    values = {} if file is None or secret else file.entries
    for entry in entries:
        section, name, change = entry["section"], entry["name"], entry["change"]
        key = toml.dotted((*(section.split(".") if section else ()), name))
        if change != "add":
            before.append(f"{key} = {'(secret)' if secret else entry.get('before', '')}\n")
        if change != "remove":
            value = entry.get("after", "")
            if name in values.get(section, {}):
                value = json.dumps(values[section][name], sort_keys=True)
            hidden = "(secret, changed)" if change == "change" else "(secret)"
            after.append(f"{key} = {value or hidden}\n")
    return "".join(before), "".join(after)


def _is_secret(found: ReportedFile) -> bool:
    """Return whether a file was recorded as secret, or only root can read it: the secret key may have been removed since."""
    return bool(found.get("secret")) or (
        found["file_type"] == "file" and not int(found.get("mode", "0"), 8) & 0o004
    )


def _hidden(found: ReportedFile, file: ShownFile | None) -> tuple[str, str]:
    """Return (before, after) of a secret file, without its hash, from which a short secret could be guessed."""
    before = "" if found["file_type"] == "absent" else "(secret)\n"
    if file is None:
        return before, ""
    same = found.get("same_content") or not before
    return before, "(secret)\n" if same else "(secret, changed)\n"


def _origin(setting: Setting) -> str:
    value = "(secret)" if setting["value"] is None else json.dumps(setting["value"])
    return without_credentials(f"{setting['key']} = {value}  (from {setting['variable']})")
