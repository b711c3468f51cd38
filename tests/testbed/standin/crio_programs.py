# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and runs other programs as CRI-O does, with Go's error messages."""

import os
import shutil
import signal
import subprocess

from crio_checks import Refused


class ProgramError(Exception):
    """A program did not run, or failed; the message is Go's."""


def look_up(name):
    """Return the path of a program in PATH. Raises Refused."""
    found = shutil.which(name)
    if not found:
        raise Refused(f'exec: "{name}": executable file not found in $PATH')
    return found


def find(name, path, journal):
    """Return the program at this path, or in PATH if it is empty. CRI-O accepts any existing path. Raises Refused."""
    if not path:
        return look_up(name)
    problem = stat_problem(path)
    if problem:
        raise Refused(f"invalid {name} path: {problem}")
    journal.info(f"Using {name} executable: {path}")
    return path


def stat_problem(path, only_missing=False):
    """Return Go's error for stat of a path, or "". Some checks of CRI-O only fail for a missing file."""
    try:
        os.stat(path)
    except OSError as error:
        if not only_missing or isinstance(error, FileNotFoundError):
            return f"stat {path}: {os.strerror(error.errno).lower()}"
    return ""


def output(path, *arguments):
    """Return what a program writes to both streams. Raises ProgramError."""
    try:
        done = subprocess.run(
            [path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ProgramError(f"fork/exec {path}: {os.strerror(error.errno).lower()}") from None
    if done.returncode < 0:
        raise ProgramError(f"signal: {signal.strsignal(-done.returncode).lower()}")
    if done.returncode:
        raise ProgramError(f"exit status {done.returncode}")
    return done.stdout
