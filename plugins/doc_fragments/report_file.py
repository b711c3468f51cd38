# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Document the option of a report's file, which plugin_utils/task/reporting_action.py implements."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - Path of the report on the controller, relative to the current directory. An existing file is replaced atomically and keeps
        its mode.
      - A symbolic link, directory, named pipe, socket or device is not replaced. Directories in the path may be symbolic links.
      - A file that cannot be written is a warning. The table, the statistics and the result of the task are complete without it.
      - If empty, no file is written.
    type: str
    default: ""
"""
