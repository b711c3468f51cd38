# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the JSON lines of the Docker Engine, to which the log paths of cri-dockerd lead."""

from __future__ import annotations

import json

from .times import nanoseconds


def parse(line: bytes) -> tuple[str, str, bool, bytes] | None:
    """Return time, stream, whether it is partial, and text of a line; None if it is not a log line."""
    try:
        item = json.loads(line)
        when, stream, text = item["time"], item["stream"], item["log"]
        nanoseconds(when)
        if stream not in ("stdout", "stderr"):
            return None
        return when, stream, not text.endswith("\n"), text.rstrip("\n").encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
