# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Document the attributes; each module documents its support for them."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict the result of a run without changing the node.
  diff_mode:
    description: Returns what changed, or would change, when run with C(--diff).
  platform:
    description: The operating system of the managed nodes.
    platforms: linux
    support: full
  action_group:
    description: Use C(group/cri.node.cri) in C(module_defaults) to set defaults for this module.
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
