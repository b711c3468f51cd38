# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes text from elsewhere fit to be shown: by a terminal, in a log, in a report. Each function takes linear time."""

from __future__ import annotations

import re

LIMIT = 1000  # characters of one message, unless the caller says otherwise
#: what follows a text that was cut
CUT = "... (cut)"
_LONGEST = 64 * 1024  # characters that are read of a text of which only the beginning is shown


def printable(text: object, limit: int = LIMIT) -> str:
    """The text as one line of at most `limit` characters (and a note where it was cut).

    White space becomes single blanks. Control and formatting characters (escape sequences, bidirectional controls, zero-width
    characters), surrogates and what Unicode has not assigned become U+FFFD.
    """
    text = " ".join(str(text).split())
    cut = len(text) > limit
    text = text[:limit]
    if not text.isprintable():  # a test of the whole is much faster than one of each character
        text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return f"{text}{CUT}" if cut else text


def without_credentials(text: object) -> str:
    """The text with *** in place of the user and password of each URL and of each user:password@host."""
    text = str(text)
    if "@" not in text and "://" not in text:
        return text
    from .credentials import masked  # not at the top: most texts have none

    return "".join(
        masked(word) if "@" in word or "://" in word else word for word in re.split(r"(\s+)", text)
    )


def shown(text: object, limit: int = LIMIT) -> str:
    """Return output of a program or a node for a message: one printable line without credentials."""
    return printable(without_credentials(text), limit)


def beginning(text: str, length: int = _LONGEST) -> str:
    """The first `length` characters of a text that is masked later, without a word that would be cut.

    A URL that is cut before its @ does not show any more that it has a password.
    """
    if len(text) <= length:
        return text
    words = text[:length].rsplit(None, 1)
    return words[0] if words else ""
