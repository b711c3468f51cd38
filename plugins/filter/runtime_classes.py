# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cri.node.runtime_classes."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: runtime_classes
short_description: Render the RuntimeClass objects of handlers
version_added: 0.1.0
author:
  - The cri.node contributors (@cri-node)
description:
  - Returns the RuntimeClass of each handler as one text of YAML documents, for C(kubectl apply). Handlers with
    C(runtime_class=false) have none.
  - C(overhead) is what each pod of the handler needs in addition to its containers. For kata the default is that of kata-deploy
    with QEMU.
positional: _input
options:
  _input:
    description:
      - The handlers, as O(cri.node.crio_handlers#module:handlers) of M(cri.node.crio_handlers),
      - or a list of pairs, each with the name of a variable and its handlers. Later pairs override earlier ones.
    type: raw
    required: true
  variable:
    description: The name of the variable if the input is a mapping.
    type: str
    default: oci_runtimes_config
seealso:
  - module: cri.node.crio_handlers
"""

EXAMPLES = r"""
- name: Write the RuntimeClass objects
  ansible.builtin.copy:
    content: "{{ oci_runtimes_config | cri.node.runtime_classes }}"
    dest: runtime-classes.yml
    mode: "0644"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: The objects as YAML documents, sorted by handler; empty without handlers.
  type: str
"""


def runtime_classes(handlers: object, variable: str = "oci_runtimes_config") -> str:
    """Return the objects of handlers as YAML. Wrong handlers are an error with all problems."""
    # Not at the top: for one filter, Ansible imports all filters of a collection, in each fork.
    from ansible_collections.cri.node.plugins.plugin_utils.handlers import desired, runtime_class
    from ansible_collections.cri.node.plugins.plugin_utils.layers import named_layers

    try:
        found = desired.read(named_layers(handlers, variable))
    except TypeError as error:
        raise AnsibleFilterError(str(error)) from error
    if found.problems:
        raise AnsibleFilterError("\n".join(str(problem) for problem in found.problems))
    return runtime_class.as_yaml(runtime_class.documents(found.handlers.values()))


class FilterModule:
    """Provide the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"runtime_classes": runtime_classes}
