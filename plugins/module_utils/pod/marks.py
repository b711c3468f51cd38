# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shared pod constants, by which the node recognises what the controller described."""

from __future__ import annotations

# The annotation of the sandbox that makes a pod ours. Its value is the controller's SHA-256 of the configuration, until the
# node replaces it with a keyed hash (config_hash.py).
HASH = "cri.node/config-sha256"
GRACE = "io.kubernetes.pod.terminationGracePeriod"  # an annotation of each container: seconds
DEFAULT_GRACE = 30  # seconds, Kubernetes' own
LOGS = "/var/log/pods"  # a kubelet's own place, and the one that log collectors read
PROBE = "cri-node-probe-"  # how the name of a pod begins that a change tries the runtime with
VERIFICATION = "verify-hello-world-"  # how the name of a verification's pod begins
