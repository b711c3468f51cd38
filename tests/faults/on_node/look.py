# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: prints the state of its files, daemon, containers and processes as one JSON document.

Reads {"roots": [...], "ignored": "word", "canary": "word", "pids": [...], "installation": "a shell command that prints the state
of the installed CRI-O"} from standard input. Uses nothing of the collection.
"""

import glob
import hashlib
import http.client
import json
import os
import re
import socket
import stat
import subprocess
import sys

SOCKET = "/var/run/crio/crio.sock"
PROPERTIES = (
    "ActiveState,SubState,Job,UnitFileState,LoadState,InvocationID,MainPID,NRestarts,NeedDaemonReload,Result"
)
# What a transaction may leave nowhere once it has ended.
LITTER = (
    "/var/lib/cri-node/transaction/intent.json*",
    "/var/lib/cri-node/transaction/preparation.json*",
    "/var/lib/cri-node/transaction/probes.json*",
    "/var/lib/cri-node/transaction/undo",
    "/var/lib/cri-node/transaction/request*",
    "/var/lib/cri-node/bundle-install.json*",
    "/usr/local/bin/.cri-node*",
    "/usr/libexec/crio/.cri-node*",
    "/var/lib/cri-node/*.partial",
    "/var/lib/cri-node/*/*.partial",
    "/etc/.cri-node*",
    "/etc/crio/.cri-node*",
    "/etc/containers/.cri-node*",
    "/etc/systemd/system/.cri-node*",
    "/etc/crio/crio.conf.d/*.partial",
    "/etc/systemd/system/cri-node-*",
    "/etc/systemd/system/*.wants/cri-node-*",
    "/run/cri-node/apply",
)
# Where a secret may lie after a run: nowhere of these. The generations and /etc keep it on purpose, readable by root alone.
SECRET_FREE = ("/var/lib/cri-node/transaction", "/run/cri-node", "/run/systemd/transient", "/tmp", "/var/tmp")


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.host)


def files(roots, ignored):
    """Return {path: [kind, mode, uid, gid, hash or target of a link]} of everything below the roots."""
    found = {}
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if ignored not in name and name != ".cri-node"]
            for name in [*folders, *names]:
                if ignored not in name and name != ".cri-node":
                    found[os.path.join(folder, name)] = entry(os.path.join(folder, name))
        if os.path.isfile(root):
            found[root] = entry(root)
    return found


def entry(path):
    """Return the kind, mode, owner and content of a file."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return ["symlink", "", status.st_uid, status.st_gid, os.readlink(path)]
        kind = (
            "file" if stat.S_ISREG(status.st_mode) else "folder" if stat.S_ISDIR(status.st_mode) else "other"
        )
        content = ""
        if kind == "file":
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        return [kind, f"{stat.S_IMODE(status.st_mode):04o}", status.st_uid, status.st_gid, content]
    except OSError as error:
        return ["gone", str(error.errno), 0, 0, ""]


def texts(paths):
    """Return {path: text} of small files, without missing ones."""
    found = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found[path] = file.read(65536)
        except OSError:
            continue
    return found


def said(command):
    """Return (exit status, standard output, standard error)."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, "", str(error)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def unit():
    """Return systemd's properties of crio.service."""
    lines = said(["systemctl", "show", "crio.service", "-p", PROPERTIES])[1].splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def live(path):
    """Return the running daemon's configuration; empty if it does not answer."""
    try:
        connection = UnixConnection(path, timeout=5)
        connection.request("GET", "/config", headers={"Host": "crio"})
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""


def environment(pid):
    """Return the environment that a process was started with."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def started(pid):
    """Return when a process was started, in clock ticks; empty if it has ended or is a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def litter():
    """Return paths and units that should not exist."""
    left = sorted(path for pattern in LITTER for path in glob.glob(pattern))
    units = said(["systemctl", "list-units", "--all", "--no-legend", "--plain", "cri-node-*"])[1]
    return left + [" ".join(line.split()[:4]) for line in units.splitlines()]


def spilled(canary):
    """Return files that contain the canary, a secret of the run, although nothing should store it."""
    if not canary:
        return []
    done = said(["grep", "-rlsF", "--", canary, *[path for path in SECRET_FREE if os.path.exists(path)]])
    return done[1].split()


def main():
    asked = json.load(sys.stdin)
    properties = unit()
    configuration = live(asked.get("socket") or SOCKET)
    status, listed, complaint = said(
        ["crictl", "-r", "unix://" + (asked.get("socket") or SOCKET), "-t", "10s", "ps", "-q", "--no-trunc"]
    )
    mark = re.search(r"(?m)^\s*grpc_max_recv_msg_size = (\d+)", configuration)
    json.dump(
        {
            "files": files(asked["roots"], asked["ignored"]),
            "texts": texts(asked["texts"]),
            "unit": properties,
            "live_mark": int(mark[1]) if mark else None,
            "configuration": hashlib.sha256(configuration.encode()).hexdigest() if configuration else "",
            "environment": [
                line for line in environment(properties.get("MainPID", "0")) if line.startswith("FAULTS_")
            ],
            "containers": listed.split() if status == 0 else None,
            "complaint": complaint.strip()[-300:],
            "started": {pid: started(pid) for pid in asked["pids"]},
            "litter": litter(),
            "spilled": spilled(asked["canary"]),
            "installation": said(["sh", "-c", asked["installation"]])[1],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
