# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Document the options of every module that calls crictl; module_utils/crictl/start.py declares them as OPTIONS."""

    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - The socket of the runtime, as a C(unix://) URL or a path. The socket of any CRI runtime can be used, for
        example C(unix:///run/containerd/containerd.sock).
      - The option is always passed to crictl, so that neither C(/etc/crictl.yaml) nor the environment variables of crictl apply.
    type: str
    default: unix:///var/run/crio/crio.sock
  image_endpoint:
    description:
      - The socket of the image service, if it is different from O(endpoint).
    type: str
  timeout:
    description:
      - Timeout for each call of crictl, in seconds, from 1 to 86400. It is an error if the runtime has not answered
        by then.
    type: int
    default: 10
requirements:
  - Python 3.9 or newer on the node
  - crictl 1.24 or newer on the node, in E(PATH), C(/usr/local/bin), C(/usr/bin) or C(/opt/bin)
  - permission to use the socket of the runtime, which usually requires C(become=true)
"""
