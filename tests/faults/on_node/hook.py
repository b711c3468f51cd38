# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node in every Python process: does something at one step of a change, from outside its code.

A .pth file imports it. It acts only in the program that changes the node (a *.pyz with the verb "apply", "recover", ...), and
only while /run/faults/hook.json requests it. Python itself reports each file operation and each command to an audit hook
before it happens (sys.addaudithook), so that this file needs no names of the collection's code. A step is such an operation below
/etc, /usr/local/bin or /var/lib/cri-node, or the start of a command.

A second file, /run/faults/clock, moves the clock of every Python by the given number of seconds.

hook.json: {
    "verb": "apply",              the program's first argument, or a list of them
    "at": "os.rename /etc/crio/crio.conf.d/60-cri-node.conf",   a step, or a part of its text
    "number": 17,                 or the number of the step, from 1
    "then": 0,                    act this many steps later
    "do": "kill" | "pause" | "errno ENOSPC" | "run COMMAND" | "record",
    "for_good": false,            whether an errno stays for all writing steps that follow
}
"""

import errno
import json
import os
import sys
import time

FOLDER = "/run/faults"
ROOTS = ("/etc/", "/var/lib/cri-node", "/usr/local/bin/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NAMED = {
    "os.rename": 1,
    "os.link": 1,
    "os.symlink": 1,
    "os.remove": 0,
    "os.mkdir": 0,
    "os.rmdir": 0,
    "os.chmod": 0,
    "os.chown": 0,
    "shutil.rmtree": 0,
}
_state = {"number": 0, "left": None, "acted": False, "busy": False}


def program():
    """Return the arguments of the collection's program, if this process is it."""
    words = getattr(sys, "orig_argv", [])
    for position, word in enumerate(words):
        if word.endswith(".pyz"):
            return words[position + 1 :]
    return []


def asked():
    """Return the requested action, or None."""
    try:
        with open(f"{FOLDER}/hook.json") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def step_of(event, arguments):
    """Return the text of a step; empty for an event that is not a step."""
    if event == "subprocess.Popen":
        return "run " + " ".join(str(word) for word in arguments[1] or [arguments[0]])
    if event == "open":
        path, _mode, flags = arguments
        return f"open {path}" if isinstance(path, str) and path.startswith(ROOTS) and flags & WRITING else ""
    if event in NAMED:
        path = str(arguments[NAMED[event]])
        return f"{event} {path}" if path.startswith(ROOTS) else ""
    return ""


def is_it(wanted, step):
    """Return whether this is the requested step."""
    if _state["left"] is None:
        named = "at" in wanted and wanted["at"] in step
        if not (named or wanted.get("number") == _state["number"] or wanted["do"] == "record"):
            return False
        _state["left"] = wanted.get("then", 0)
    if _state["left"]:
        _state["left"] -= 1
        return False
    return True


def needs_it(do, step):
    """Return whether a permanent error also affects a step: a full disk only affects steps that need space."""
    what = step.partition(" ")[0]
    return what != "run" and ("ENOSPC" not in do or what in ("open", "os.mkdir", "os.link", "os.symlink"))


def act(wanted, step):
    """Do the requested action."""
    word, _space, rest = wanted["do"].partition(" ")
    if word == "record":
        with open(f"{FOLDER}/steps", "a") as file:
            file.write(step + "\n")
        return
    with open(f"{FOLDER}/reached", "a") as file:
        file.write(f"{os.getpid()} {_state['number']} {step}\n")
    if word in ("kill", "pause"):
        os.unlink(f"{FOLDER}/hook.json")  # systemd starts the program again after a kill
    if word == "kill":
        os.kill(os.getpid(), 9)
    elif word == "pause":
        while not os.path.exists(f"{FOLDER}/go"):
            time.sleep(0.02)
    elif word == "run":
        os.system(rest)
    elif word == "errno":
        number = getattr(errno, rest)
        raise OSError(number, os.strerror(number), step.partition(" ")[2])


def hook(event, arguments):
    """Handle an audit event of Python."""
    if _state["busy"]:
        return
    step = step_of(event, arguments)
    if not step:
        return
    wanted = _wanted
    _state["busy"] = True
    try:
        _state["number"] += 1
        if _state["acted"] and wanted["do"] != "record":
            if wanted.get("for_good") and needs_it(wanted["do"], step):
                act(wanted, step)
        elif is_it(wanted, step):
            _state["acted"] = True
            act(wanted, step)
    finally:
        _state["busy"] = False


def shift_clock():
    """Shift Python's clock by the seconds in /run/faults/clock, as soon as that file exists."""
    real, real_ns = time.time, time.time_ns

    def shift():
        try:
            with open(f"{FOLDER}/clock") as file:
                return int(file.read() or 0)
        except (OSError, ValueError):
            return 0

    time.time = lambda: real() + shift()
    time.time_ns = lambda: real_ns() + shift() * 10**9


if os.path.isdir(FOLDER) and not any("standin" in word for word in getattr(sys, "orig_argv", [])):
    shift_clock()
_wanted = asked() if program() else None
if _wanted:
    verbs = _wanted.get("verb", "apply")
    if program()[0] in ([verbs] if isinstance(verbs, str) else verbs):
        sys.addaudithook(hook)
