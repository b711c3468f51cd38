# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Document the options of the internal modules; module_utils/request.py declares them as OPTIONS."""

    DOCUMENTATION = r"""
options:
  request:
    description:
      - The request of the action to the node.
      - Its keys belong to one version of the collection. They are not part of the collection's interface and may change in any
        release.
    type: dict
    required: true
  secrets:
    description: The values of the request that must not appear in a log or a result.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predict the result of a run without changing the node.
  diff_mode:
    support: none
    description: The action returns the diff.
  platform:
    support: full
    platforms: linux
    description: The operating system of the managed nodes.
notes:
  - Do not use this module in a playbook or a role.
requirements:
  - Python 3.9 or newer on the node
"""
