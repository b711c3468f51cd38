# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a pod carries from the controller, which describes it, to the node, which knows it again by that."""

from __future__ import annotations

# An annotation of the sandbox, what makes a pod ours. Its value is the controller's SHA-256 of the configuration until the node
# replaces it with a keyed hash (config_hash.py).
HASH = "cri.node/config-sha256"
GRACE = "io.kubernetes.pod.terminationGracePeriod"  # an annotation of each container: seconds
DEFAULT_GRACE = 30  # seconds, Kubernetes' own
LOGS = "/var/log/pods"  # a kubelet's own place, and the one that log collectors read
VERIFICATION = "verify-hello-world-"  # how the name of a verification's pod begins
