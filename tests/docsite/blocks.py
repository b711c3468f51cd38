# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the code blocks of documentation texts, in reStructuredText and Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from testbed.paths import CHECKOUT

GUIDES = CHECKOUT / "docs" / "docsite" / "rst"
# Texts for users that are not generated from the plugins' own documentation.
TEXTS = (
    CHECKOUT / "README.md",
    *sorted((CHECKOUT / "roles").glob("*/README.md")),
    *sorted(GUIDES.glob("*.rst")),
)

_RST = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\S+)\n"
    r"(?P<options>(?:(?P=indent) +:[\w-]+:.*\n)*)"
    r"\n"
    r"(?P<text>(?:(?P=indent) {3,}\S.*\n|[ ]*\n)+)",
    re.MULTILINE,
)
# What docsite.record is to do before it runs a block's command, or with its output: comments right above the block.
_NOTES = re.compile(r"(?:^ *\.\. recorded: .*\n)+\n?\Z", re.MULTILINE)
_NOTE = re.compile(r"\.\. recorded: (\w+) ?(.*)")
_OPTION = re.compile(r":([\w-]+): *(.*)")
_MARKDOWN = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One code block.

    `span` is where its text, indented as in the file, begins and ends; `line` counts from 1; `notes` are for docsite.record.
    """

    path: Path
    line: int
    language: str
    text: str
    span: tuple[int, int]
    options: dict[str, str] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def caption(self) -> str:
        """The block's caption: a file name, a command after `$ `, or words; empty if it has none."""
        return self.options.get("caption", "")

    @property
    def commands(self) -> list[str]:
        """The commands of a console block that are typed on the controller."""
        lines = self.text.splitlines() if self.language == "console" else []
        return [line[2:] for line in lines if line.startswith("$ ")]

    def __str__(self) -> str:
        return f"{self.path.relative_to(CHECKOUT) if self.path.is_relative_to(CHECKOUT) else self.path}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """Return all code blocks of a .rst or .md file that name a language, in order."""
    content = path.read_text(encoding="utf-8")
    for match in (_RST if path.suffix == ".rst" else _MARKDOWN).finditer(content):
        # The blank lines before the next paragraph are not part of the block.
        text = match["text"].rstrip()
        start = match.start("text")
        yield Block(
            path,
            content.count("\n", 0, match.start()) + 1,
            match["language"],
            textwrap.dedent(text) + "\n",
            (start, start + len(text)),
            dict(_OPTION.findall(match.groupdict().get("options") or "")),
            tuple(_NOTE.findall(notes[0])) if (notes := _NOTES.search(content, 0, match.start())) else (),
        )
