# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options of every module that calls crictl; module_utils/crictl.py declares them as OPTIONS."""

    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - The runtime's socket, as a C(unix://) URL or a path. Any CRI runtime's socket will do, for example
        C(unix:///run/containerd/containerd.sock).
      - It is always given to crictl; neither C(/etc/crictl.yaml) nor crictl's environment variables are read.
    type: str
    default: unix:///var/run/crio/crio.sock
  image_endpoint:
    description:
      - The socket of the image service, where that is another one than O(endpoint). Empty, it is the same.
    type: str
  timeout:
    description:
      - Seconds that each call of crictl may take as a whole, from 1 to 86400; a runtime that has not answered then
        is an error.
    type: int
    default: 10
requirements:
  - Python 3.9 or newer on the node
  - crictl 1.24 or newer on the node, in E(PATH), C(/usr/local/bin), C(/usr/bin) or C(/opt/bin)
  - the right to use the runtime's socket, which usually means C(become=true)
"""
