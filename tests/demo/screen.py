# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints headings, commands, excerpts of their output, and checks, which are counted."""

import sys
import textwrap
import time
from collections.abc import Mapping
from typing import Any

WIDTH = 120
LONGEST = 1500  # characters of the actual values of a failed check


class Screen:
    """The output of the demo, on a terminal or in a log."""

    def __init__(self):
        self._started = time.monotonic()
        self.passed = 0
        self.failed = 0
        unicode = "utf" in (sys.stdout.encoding or "").lower()
        self._marks = ("✓", "✗") if unicode else ("ok", "FAILED")

    @property
    def seconds(self) -> int:
        """Seconds since the start."""
        return round(time.monotonic() - self._started)

    def line(self, text: str = "") -> None:
        """Print one line and flush it."""
        print(text, flush=True)

    def heading(self, text: str) -> None:
        """Print the heading of a part, with the seconds since the start."""
        self.line(f"\n=== {text} ({self.seconds} s)")

    def say(self, text: str) -> None:
        """Print an explanation."""
        for line in textwrap.wrap(text, WIDTH):
            self.line(line)

    def command(self, text: str, prompt: str = "$") -> None:
        """Print a command. For a command on a node, the prompt contains the name of the node."""
        self.line(f"{prompt} {text}")

    def excerpt(self, text: str, limit: int = 24) -> None:
        """Print the output of a command, at most `limit` lines."""
        lines = [line.rstrip() for line in text.rstrip().splitlines()]
        for line in lines[:limit]:
            wrapped = textwrap.wrap(line, WIDTH, drop_whitespace=False, subsequent_indent="    ")
            self.line(textwrap.indent("\n".join(wrapped), "    "))
        if len(lines) > limit:
            self.line(f"    ... ({len(lines) - limit} more lines)")

    def check(self, claim: str, seen: Mapping[str, Any], expected: Any = True) -> None:
        """Count and print a check: it passes if `seen` equals `expected` for each node; print values that differ."""
        other = {node: value for node, value in seen.items() if value != expected}
        if seen and not other:
            self.passed += 1
            self.line(f"  {self._marks[0]} {claim}")
            return
        self.failure(
            claim, "\n".join(f"{node}: {value!r}, expected {expected!r}" for node, value in other.items())
        )

    def failure(self, claim: str, seen: str) -> None:
        """Count and print a failed check."""
        self.failed += 1
        self.line(f"  {self._marks[1]} {claim}")
        self.line(textwrap.indent(f"actual: {seen or 'nothing'}"[:LONGEST], "      "))
