# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong when a runtime is read; apart from the code that notices it, so that catching it loads nothing else."""

from __future__ import annotations


class CrictlError(Exception):
    """What went wrong, in one sentence.

    kind: missing, unreachable, timeout, not_found, permission, not_json or failed
    """

    def __init__(self, message, kind="failed"):
        super().__init__(message)
        self.kind = kind


class UnexpectedOutput(Exception):
    """The JSON is valid, but it is not what this crictl command answers."""

    kind = "unexpected"


class LogError(Exception):
    """Why a log cannot be read, in one sentence; kind is not_found, permission or failed."""

    def __init__(self, message, kind="failed"):
        super().__init__(message)
        self.kind = kind
