# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses and formats durations as Go's time package does, such as "1m30s"."""

from __future__ import annotations

import re

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, micro sign
    "μs": 10**3,  # U+03BC, Greek mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_MOST = 2**63
_LONGEST = 200  # characters; Go prints 25 at most


def parse(text: str) -> int | None:
    """Return nanoseconds, or None if time.ParseDuration refuses the text or it is too long."""
    if len(text) > _LONGEST:
        return None
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    if not body.isascii() and not {"µ", "μ"} & set(body):
        return None
    if not re.fullmatch(f"(?:{_PART})+", body, re.ASCII):
        return None
    total = sum(_part(number, unit) for number, unit in re.findall(_PART, body, re.ASCII))
    if total > _MOST or (total == _MOST and sign > 0):
        return None
    return sign * total


def render(nanoseconds: int) -> str:
    """Return the text of time.Duration's String method, such as "0s", "1.5s", "1h0m0s" or "250ms"."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 0:
        return f"-{render(-nanoseconds)}"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if nanoseconds < size * 1000:
            return f"{_decimal(nanoseconds, size)}{unit}"
    minutes, rest = divmod(nanoseconds, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, _NANOSECONDS['s'])}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _part(number: str, unit: str) -> int:
    whole, _separator, fraction = number.partition(".")
    size = _NANOSECONDS[unit]
    return int(whole or "0") * size + int(fraction or "0") * size // 10 ** len(fraction)


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    fraction = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
