# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options that describe a node's file set; the action runtime_config declares them as ARGUMENT_SPEC."""

    DOCUMENTATION = r"""
options:
  files:
    description:
      - The whole file set of its owners, as the roles' variables C(crio_files), C(registries_files) and C(crictl_files)
        describe it.
      - The content of a file never leaves the controller before it has to be written.
    type: list
    elements: dict
    suboptions:
      path:
        description: The absolute path of the file on the node.
        type: str
        required: true
      owner:
        description: The role that the file belongs to. Files of other owners are never touched.
        type: str
        required: true
      kind:
        description:
          - What kind of file it is. V(text) is written as O(files[].content) gives it.
          - All others are rendered from O(files[].layers), which are merged and checked first. Problems stop the task before
            the node is called; errors and the diff name the variable of each setting.
        type: str
        choices: [crictl_yaml, crio_conf, environment_file, registries_conf, text, unit_drop_in]
        default: text
      layers:
        description:
          - The file's settings as a list of pairs, each the name of a variable and its value, lowest first. The first name
            is written into the file's header.
          - Settings merge as the filters P(cri.node.crio_config#filter), P(cri.node.registries_config#filter) and
            P(cri.node.crictl_config#filter) document. The layers of V(unit_drop_in) follow one another in the file.
          - A text that holds a mapping in JSON or YAML is read. Without any settings the file is not wanted, and is removed
            where an earlier run of the same owner wrote it.
        type: list
        elements: raw
      defaults:
        description: Settings below all O(files[].layers).
        type: dict
      crio_layers:
        description:
          - For V(crictl_yaml), the layers of crio.conf, whose C(crio.api.listen) is the default of C(runtime-endpoint).
        type: list
        elements: raw
      version:
        description: For V(crio_conf), the version of CRI-O to check against, such as V("1.36"). Quote it.
        type: raw
      content:
        description:
          - The text of a V(text) file. Without it, or with an empty one, the file is not wanted, and is removed where an earlier
            run of the same owner wrote it.
        type: str
      mode:
        description:
          - The file's permissions, as three or four octal digits in quotes. Without quotes YAML reads 0644 as the number 420,
            which is refused.
          - The default is V("0644"), or V("0600") for a file that holds a secret.
        type: str
      secret:
        description:
          - Whether the content is kept out of logs, diffs and results. It is compared by its hash alone.
          - A file whose settings may hold a password is always secret.
        type: bool
        default: false
      disruption:
        description:
          - What a running daemon needs to load the file. V(none) is for a file that no daemon reads.
          - V(reload) becomes a restart where a reload cannot be relied on, for example because CRI-O would not log its outcome.
          - The default is V(reload) for V(registries_conf), V(none) for V(crictl_yaml) and V(restart) for all others.
        type: str
        choices: [none, reload, restart]
  owners:
    description:
      - Whose files this task is about. By default the owners that O(files) names.
    type: list
    elements: str
  problems:
    description:
      - Problems that were found before, as sentences. Any entry stops the task before the node is called.
    type: list
    elements: str
    default: []
"""
