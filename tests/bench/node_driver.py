# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: times commands that take turns, so that no figure includes SSH and the container engine.

Reads {"runs": N, "commands": {name: [[word, ...], ...]}} from standard input; prints {name: [seconds, ...]}. Commands under one
name run one after the other and count together. One round beforehand is not counted. Any command that fails ends it with exit
code 1 and that command's last words.
"""

import json
import subprocess
import sys
import time


def timed(command):
    """Return the seconds that a command takes, from its start to its end and the end of its output."""
    started = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")
    return taken


def main():
    asked = json.load(sys.stdin)
    taken = {name: [] for name in asked["commands"]}
    for number in range(asked["runs"] + 1):
        for name, commands in asked["commands"].items():
            seconds = sum(timed(command) for command in commands)
            if number:
                taken[name].append(seconds)
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()
