# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converts times: RFC 3339 text of any zone, nanoseconds since 1970, and the one form that facts have."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = 253402300800 * SECOND  # the year 10000
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)


def nanoseconds(text: str) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 time. Raises ValueError for any other text."""
    match = _RFC3339.fullmatch(text)
    if not match:
        raise _not_valid(text, "is not an RFC 3339 time such as 2026-01-31T08:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    if second > 60:
        raise _not_valid(text, "has more than 60 seconds in a minute")
    since = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc) - _EPOCH
    seconds = since.days * 86400 + since.seconds
    if sign:
        offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * SECOND + int((fraction or "")[:9].ljust(9, "0"))


def rfc3339(value: int) -> str | None:
    """Return the time so many nanoseconds after 1970 in RFC 3339, in UTC with nine digits; None if there is no such date."""
    if not 0 < value < _LAST:
        return None
    seconds, fraction = divmod(value, SECOND)
    return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]}.{fraction:09d}Z"


def _not_valid(text: str, why: str) -> ValueError:
    from .unexpected import shortened  # not at the top: compiled only for an error

    return ValueError(f"{shortened(text)} {why}")
