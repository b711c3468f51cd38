# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo prints: headings, commands, excerpts of their output, and checks, which are counted."""

import sys
import textwrap
import time
from collections.abc import Mapping
from typing import Any

WIDTH = 120
LONGEST = 1500  # characters of what a failed check has seen


class Screen:
    """A terminal or a log, from the top down."""

    def __init__(self):
        self._started = time.monotonic()
        self.passed = 0
        self.failed = 0
        unicode = "utf" in (sys.stdout.encoding or "").lower()
        self._marks = ("✓", "✗") if unicode else ("ok", "FAILED")

    @property
    def seconds(self) -> int:
        """Whole seconds since the beginning."""
        return round(time.monotonic() - self._started)

    def line(self, text: str = "") -> None:
        """One line as it is, at once."""
        print(text, flush=True)

    def heading(self, text: str) -> None:
        """The beginning of a part, and when it begins."""
        self.line(f"\n=== {text} ({self.seconds} s)")

    def say(self, text: str) -> None:
        """A sentence or two."""
        for line in textwrap.wrap(text, WIDTH):
            self.line(line)

    def command(self, text: str, prompt: str = "$") -> None:
        """What somebody would type; for a node's own shell the prompt says which node."""
        self.line(f"{prompt} {text}")

    def excerpt(self, text: str, limit: int = 24) -> None:
        """Some of what a command said, at most `limit` lines."""
        lines = [line.rstrip() for line in text.rstrip().splitlines()]
        for line in lines[:limit]:
            wrapped = textwrap.wrap(line, WIDTH, drop_whitespace=False, subsequent_indent="    ")
            self.line(textwrap.indent("\n".join(wrapped), "    "))
        if len(lines) > limit:
            self.line(f"    ... ({len(lines) - limit} more lines)")

    def check(self, claim: str, seen: Mapping[str, Any], wanted: Any = True) -> None:
        """Count a claim: it holds where every node's `seen` equals `wanted`; else what was seen is shown."""
        other = {node: value for node, value in seen.items() if value != wanted}
        if seen and not other:
            self.passed += 1
            self.line(f"  {self._marks[0]} {claim}")
            return
        self.failure(claim, "\n".join(f"{node}: {value!r}, not {wanted!r}" for node, value in other.items()))

    def failure(self, claim: str, seen: str) -> None:
        """Count a claim that does not hold."""
        self.failed += 1
        self.line(f"  {self._marks[1]} {claim}")
        self.line(textwrap.indent(f"seen: {seen or 'nothing'}"[:LONGEST], "      "))
