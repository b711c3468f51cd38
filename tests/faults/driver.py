# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: one transaction with the collection's code and a fault at one point.

    python3 driver.py FAULT PROGRAM < request.json

PROGRAM is the zip that unit.program() made. The transaction runs in its real transient unit; only the program's
entry is replaced by one that wraps a function of it, so that no production code knows of faults. The
recovery that follows is the unmodified program.
"""

import json
import sys

FAULT, PROGRAM = sys.argv[1:3]
sys.path.insert(0, PROGRAM)

from cri_node import node_state  # noqa: E402
from cri_node.errors import NodeError  # noqa: E402
from cri_node.layout import NODE  # noqa: E402
from cri_node.transaction import unit  # noqa: E402

ENTRY = """
import os, signal, subprocess, sys, time
from cri_node import node_files
from cri_node.containerd import candidate as of_containerd
from cri_node.crictl import start
from cri_node.crio import daemon
from cri_node.transaction import apply, candidate, generation, intent, main

def die(): os.kill(os.getpid(), signal.SIGKILL)
def stay(): time.sleep(300)
def after(module, name, then, call=1):
    real, calls = getattr(module, name), []
    def wrapped(*arguments, **named):
        returned = real(*arguments, **named)
        calls.append(name)
        if len(calls) == call: then()
        return returned
    setattr(module, name, wrapped)

def during_restart():
    real = daemon.run
    def wrapped(arguments, *more, **named):
        if list(arguments[:2]) == ["systemctl", "restart"]:
            subprocess.Popen(arguments)
            time.sleep(0.15)
            die()
        return real(arguments, *more, **named)
    daemon.run = wrapped

def during_command(name):
    real = start.Runtime.start
    def wrapped(self, arguments, *more):
        call = real(self, arguments, *more)
        if arguments[0] == name:
            time.sleep(0.03)
            die()
        return call
    start.Runtime.start = wrapped

def in_the_recovery_once():
    marker = "/run/recovery-was-killed"
    if sys.argv[1] == "recover" and not os.path.exists(marker):
        open(marker, "w").close()
        after(node_files, "swap_in", die)

def install(fault):
    if fault == "during the rehearsal":
        for module in (candidate, of_containerd): after(module, "validate", die)
    elif fault == "before the generation": after(intent, "prepare", die)
    elif fault == "before the intent": after(generation, "prepare", die)
    elif fault == "after the intent": after(intent, "announce", die)
    elif fault == "between two renames, and so is its recovery": after(node_files, "swap_in", die)
    elif fault == "while its record is removed": after(intent, "forget", die)
    elif fault == "between two renames": after(node_files, "swap_in", die)
    elif fault == "during the restart": during_restart()
    elif fault == "after the restart": after(apply, "_activate", die)
    elif fault.startswith("during a probe: "): during_command(fault.rpartition(" ")[2])
    elif fault == "after the commit": after(generation, "commit", die)
    elif fault == "hang between two renames": after(node_files, "swap_in", stay)
    elif fault == "hang after the restart": after(apply, "_activate", stay)
    elif fault != "none": sys.exit("no such fault: " + fault)

if FAULT.endswith("so is its recovery"): in_the_recovery_once()
if sys.argv[1] == "apply": install(FAULT)
sys.exit(main.main(sys.argv[1:]))
"""


def faulty_program(real=unit.program):
    """Return the program with the faulty entry point."""
    unit._MAIN = f"FAULT = {FAULT!r}\n{ENTRY}"
    return real()


unit.program = faulty_program
request = json.load(sys.stdin)
layout = NODE.of(request.get("runtime", "crio"))
request["fingerprint"] = node_state.read(request, layout)["fingerprint"]
try:
    print(json.dumps(unit.run_transaction(request, layout)))
except NodeError as error:
    print(json.dumps({"failed": True, "message": str(error)}))
