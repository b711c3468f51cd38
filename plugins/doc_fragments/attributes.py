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

    # For modules that only work with the results of a play
    CONTROLLER = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict the result of a run without changing the node.
    support: full
  diff_mode:
    description: Returns what changed, or would change, when run with C(--diff).
    support: N/A
    details:
      - Changes nothing on a node, so the task is never C(changed).
  platform:
    description: The operating system of the managed nodes.
    support: full
    platforms: linux
    details:
      - Runs on the controller only.
requirements:
  - ansible-core 2.16 or newer on the controller
"""

    # For modules that read or change the runtime's configuration on a node
    NODE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict the result of a run without changing the node.
    support: full
  diff_mode:
    description: Returns what changed, or would change, when run with C(--diff).
  platform:
    description: The operating system of the managed nodes.
    support: full
    platforms: linux
    details:
      - Nodes run by systemd, with Python 3.9 or later, as root.
requirements:
  - Python 3.9 or newer on the node
  - systemd on the node
  - root access on the node, which usually requires C(become=true)
"""

    # For modules that only read
    FACTS = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict the result of a run without changing the node.
    support: full
    details:
      - Only reads.
  diff_mode:
    description: Returns what changed, or would change, when run with C(--diff).
    support: N/A
    details:
      - Changes nothing.
  facts:
    description: Returns data under C(ansible_facts).
    support: full
"""
