# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses Kubernetes quantities, and converts them for Linux as a kubelet does.

Format and rounding are those of resource.Quantity of apimachinery; the conversion is that of kuberuntime.
"""

from __future__ import annotations

import re
from fractions import Fraction

ACCEPTED = 'a quantity such as 500m, 0.5, "2", 128Mi or 1G'
CPU_PERIOD = 100_000  # microseconds

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?\d{1,2}))", re.ASCII)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_LARGEST = 2**63 - 1
_LONGEST = 100  # characters; 64 bits need 19 digits
_SHARES = (2, 262_144)
_SMALLEST_QUOTA = 1000  # microseconds


def parse(text: str) -> Fraction | None:
    """Return the exact number of a quantity; None if it is not a quantity, is negative or does not fit in 64 bits."""
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        return None
    digits, binary, decimal, exponent = found.groups()
    number = Fraction(digits.rstrip(".") if digits.endswith(".") else digits)
    if binary:
        number *= 1024 ** _BINARY[binary]
    else:
        number *= Fraction(10) ** (int(exponent) if exponent else _DECIMAL[decimal])
    return number if number <= _LARGEST else None


def whole(number: Fraction) -> int:
    """Round up, as Kubernetes does."""
    return -(-number.numerator // number.denominator)


def cpu_shares(cpu: Fraction) -> int:
    """Return the relative weight of a number of CPUs: 1024 for each, within the range of Linux."""
    least, most = _SHARES
    return min(max(whole(cpu * 1000) * 1024 // 1000, least), most)


def cpu_quota(cpu: Fraction) -> int:
    """Return the microseconds of each CPU_PERIOD for a limit of that many CPUs; 0 for no limit."""
    milli = whole(cpu * 1000)
    return max(milli * CPU_PERIOD // 1000, _SMALLEST_QUOTA) if milli else 0


def page_size(text: str) -> int:
    """Return the bytes of a huge page for the size in hugepages-<size>; 0 if it is not a power of 2."""
    number = parse(text)
    if number is None or number.denominator != 1:
        return 0
    size = int(number)
    return size if size > 0 and size & (size - 1) == 0 else 0


def page_size_name(size: int) -> str:
    """Return the size of a page as a kubelet and cgroups write it: 2MB, 1GB, 64KB."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        if size >= 1024**power:
            return f"{size // 1024**power}{unit}"
    return f"{size}B"
