# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a change cannot be made, or was not kept."""

from __future__ import annotations


class TransactionError(Exception):
    """The change cannot be made. `phase` says how far it came: refused, validate, activate, acknowledge or probe."""

    def __init__(self, phase, message, detail=""):
        super().__init__(message)
        self.phase = phase
        self.detail = detail  # what CRI-O or systemd said, in its own words
