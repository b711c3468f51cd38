# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the node's own programs."""

from __future__ import annotations

import subprocess


def run(arguments, timeout=60, environment=None):
    """Run a program without a shell. Returns (status, stdout, stderr); `timeout` is in seconds.

    A program that cannot be started, or that does not end in time, gives status 127 or 124, as a shell would.
    """
    try:
        done = subprocess.run(
            list(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
    except OSError as error:
        return 127, "", f"{arguments[0]}: {error.strerror or error}"
    except subprocess.TimeoutExpired:
        return 124, "", f"{' '.join(arguments)} did not end within {timeout} s"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
