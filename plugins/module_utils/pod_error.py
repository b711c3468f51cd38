# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a pod is not as it was wanted."""

from __future__ import annotations


class PodError(Exception):
    """Why a pod is not as it was wanted.

    container, exit_code, reason and log (its last lines) are None where unknown; changed: whether a former pod is gone.
    """

    def __init__(self, message, container=None, exit_code=None, reason=None, log=None, changed=False):
        super().__init__(message)
        self.container, self.exit_code, self.reason, self.log = container, exit_code, reason, log
        self.changed = changed
