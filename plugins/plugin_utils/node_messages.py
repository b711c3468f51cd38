# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node said, told in the user's own terms: file, key, value, variable."""

from __future__ import annotations

import json
import re

# What CRI-O 1.37 says when a value stops it, and the keys it may be about; the first pattern that fits counts.
_TELLING = (
    (r"create metrics endpoint", ("crio.metrics.metrics_port", "crio.metrics.metrics_host")),
    (r"cgroup manager|cgroup_manager", ("crio.runtime.cgroup_manager",)),
    (r"stream.*(idle|timeout)", ("crio.api.stream_idle_timeout",)),
    (
        r"monitor cgroup|conmon cgroup|conmon_cgroup",
        ("crio.runtime.conmon_cgroup", "crio.runtime.runtimes.*.monitor_cgroup"),
    ),
    (r"conmon", ("crio.runtime.conmon", "crio.runtime.runtimes.*.monitor_path")),
    (r"pinns", ("crio.runtime.pinns_path",)),
    (r"log_dir|log dir", ("crio.log_dir",)),
    (
        r"runtime_path|runtime path|invalid runtime",
        ("crio.runtime.runtimes.*.runtime_path", "crio.runtime.default_runtime"),
    ),
)
_QUOTED_LAST_KEY = re.compile(r'last key \\?"([^"\\]+)')


def failure(outcome, wanted):
    """One message for a change that was refused or undone."""
    said = f": {outcome['detail']}" if outcome.get("detail") else ""
    suspects = blamed(outcome.get("detail", ""), wanted.settings()) if said else []
    named = "; ".join(_named(each) for each in suspects)
    return f"{outcome['message']}{said}{f' [{named}]' if named else ''}. {_ending(outcome)}"


def _named(setting):
    value = "(secret)" if setting["value"] is None else json.dumps(setting["value"])
    return f"{setting['path']}: {setting['key']} = {value} (from {setting['variable']})"


def _ending(outcome):
    if outcome.get("committed"):
        return "The change had been committed before that."
    if not outcome.get("rolled_back"):
        return "Nothing was changed on the node."
    if outcome.get("as_before"):
        return "The change was undone: the node is as it was."
    return (
        f"THE NODE IS NOT AS IT WAS: its files are back, but {outcome.get('problem') or 'the daemon is not'}."
    )


def blamed(detail, settings):
    """The settings that CRI-O's own line is about: by the key it names, by what it is known to say, else by the value in it."""
    last_key = _QUOTED_LAST_KEY.search(detail)
    if last_key:
        return [each for each in settings if each["key"] == last_key.group(1)]
    for pattern, keys in _TELLING:
        if re.search(pattern, detail, re.IGNORECASE):
            found = [each for each in settings if _matches(each["key"], keys)]
            exact = [each for each in found if _text(each["value"]) and _text(each["value"]) in detail]
            if found:
                return exact or found
    named = [each for each in settings if each["path"] in detail]
    if named:  # a file's faults are about values, and all of its registries have the same keys
        return [each for each in named if _is_quoted(each, detail)]
    return [each for each in settings if each["key"].rpartition(".")[2] in detail or _is_quoted(each, detail)]


def _is_quoted(setting, detail):
    return len(_text(setting["value"])) > 3 and _text(setting["value"]) in detail


def _matches(key, patterns):
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".+"), key) for pattern in patterns)


def _text(value):
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, bool) else json.dumps(value)


def outranked(entry):
    """A sentence for a key that another file or an option of the daemon decides."""
    live = "no value" if entry["live"] is None else entry["live"]
    return (
        f"{entry['key']} is set to {entry['wanted']}, but the running CRI-O uses {live}: a file of crio.conf.d"
        " that is read later, or an option of the daemon, outranks it"
    )
