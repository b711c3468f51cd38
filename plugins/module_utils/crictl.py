# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""crictl with all that its answers need; how it is called, see crictl_call.py.

Everything is loaded with this module: transient_unit ships to its unit what is loaded, and nothing can be loaded later there.
"""

from __future__ import annotations

from . import crictl_answer, crictl_containers  # noqa: F401  a call loads crictl_answer by itself, but too late for the unit
from .cri_error import CrictlError
from .crictl_call import ENDPOINT, OPTIONS, Caller

__all__ = ["ENDPOINT", "OPTIONS", "Crictl", "CrictlError"]


class Crictl(Caller):
    """crictl for one runtime. timeout: seconds that one call may take, all its requests together."""

    def containers(self):
        """All containers, typed, with their pods' names (which takes a second call if labels do not tell)."""
        with self.start_containers() as call:
            return crictl_containers.listed(self, call)

    def details(self, ids):
        """Typed details by id. One call for many containers; those that vanish while it runs are left out."""
        return crictl_containers.details(self, ids)
