# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a time that a user gives: RFC 3339, or a duration before now."""

from __future__ import annotations

import contextlib
import re
import time

from .times import SECOND, nanoseconds

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


def moment(text: str, now: float | None = None) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 time, or of a duration before now (90s, 10m, 1h30m, 2d).

    now: seconds since 1970. Raises ValueError for any other text.
    """
    match = _DURATION.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        now = time.time() if now is None else now
        with contextlib.suppress(OverflowError):  # more days than any clock can go back
            return int((now - days * 86400 - hours * 3600 - minutes * 60 - seconds) * SECOND)
    try:
        return nanoseconds(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a duration (90s, 1h30m, 2d) nor an RFC 3339 time (2026-01-31T08:00:00Z)"
        ) from None
