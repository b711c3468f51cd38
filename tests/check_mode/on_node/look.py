# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: prints its files with their times, its daemon, what the journal has of it since the last look, and containers.

Uses nothing of the collection. Reads request.json beside it: {"roots": [...], "compared": [...], "pids": [...]}.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import node_look  # tests/faults/on_node/look.py

CURSOR = "/run/check-mode-cursor"
NOWHERE = "\0"  # no file is ignored
# systemd's own messages about a unit (sd-messages.h).
MESSAGES = {
    "39f53479d3a045ac8e11786248231fbf": "started",
    "7b05ebc668384222baa8881179cfda54": "reloaded",
    "9d1aaa27d60140bd96365438aad20286": "stopped",
}
LOGGED = {
    "Configuration reload completed": "acknowledged a reload",
    "Unable to reload configuration": "refused a reload",
}


def times(path):
    """Return the identity of a file: any write, even of the same bytes, changes it."""
    try:
        status = os.lstat(path)
    except OSError:
        return []
    return [status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def events():
    """Return what happened to crio.service since the last look."""
    fields = "--output-fields=MESSAGE,MESSAGE_ID"
    command = ["journalctl", "-q", "-u", "crio.service", "-o", "json", fields, f"--cursor-file={CURSOR}"]
    found = []
    for line in node_look.said(command)[1].splitlines():
        entry = json.loads(line)
        message = str(entry.get("MESSAGE"))
        found += [MESSAGES[entry["MESSAGE_ID"]]] if entry.get("MESSAGE_ID") in MESSAGES else []
        found += [event for words, event in LOGGED.items() if words in message]
    return found


def main():
    """Print the state of the node."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "request.json")) as file:
        asked = json.load(file)
    at = time.time_ns()
    files = node_look.files(asked["roots"], NOWHERE)
    files.update({root: node_look.entry(root) for root in asked["roots"] if os.path.isdir(root)})
    status, listed, _complaint = node_look.said(["crictl", "-t", "10s", "ps", "-q", "--no-trunc"])
    json.dump(
        {
            "at": at,
            "files": files,
            "times": {path: times(path) for path in files},
            "texts": node_look.texts(asked["compared"]),
            "unit": node_look.unit(),
            "events": events(),
            "configuration": node_look.live(node_look.SOCKET),
            "containers": sorted(listed.split()) if status == 0 else None,
            "started": {pid: node_look.started(pid) for pid in asked["pids"]},
            "litter": node_look.litter(),
        },
        sys.stdout,
    )


main()
