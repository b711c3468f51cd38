# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a check: a status and one sentence. Judges return a list of verdicts, built by the functions below."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

STATUSES = ("passed", "failed", "warning", "skipped")


class CheckResult(TypedDict):
    """One check as runtime_verify returns it."""

    name: str
    status: str  # one of STATUSES
    detail: str  # one printable line without secrets


class Verdict(NamedTuple):
    """One outcome of a check.

    subject: what the outcome is about, for a check that has several outcomes, such as the image of a pull; else empty.
    """

    status: str
    detail: str
    subject: str = ""


def passed(detail: str, subject: str = "") -> list[Verdict]:
    """Return the one verdict of a check that found everything in order."""
    return [Verdict("passed", detail, subject)]


def failed(detail: str, subject: str = "") -> list[Verdict]:
    """Return the one verdict of a check that found a fault."""
    return [Verdict("failed", detail, subject)]


def warning(detail: str, subject: str = "") -> list[Verdict]:
    """Return the one verdict of a check that found something to know about, which is not a fault."""
    return [Verdict("warning", detail, subject)]


def skipped(detail: str, subject: str = "") -> list[Verdict]:
    """Return the one verdict of a check that could not be made, or does not apply."""
    return [Verdict("skipped", detail, subject)]
