# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """What each attribute means; a module says how far it supports it."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict what a run would do, without changing the node.
  diff_mode:
    description: Returns what changed, or would change, when run with C(--diff).
  platform:
    description: The operating systems of the nodes it runs on.
    platforms: linux
    support: full
  action_group:
    description: Takes defaults from C(module_defaults) of the action group.
    support: full
    membership:
      - cri.node.cri
"""

    # For modules that only read
    FACTS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Only reads.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
  facts:
    description: Returns data under C(ansible_facts).
    support: full
"""
