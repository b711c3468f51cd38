# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node of a kubeadm cluster has of its kubelet, without a kubelet: its files, and a unit that only reads them.

The files are those that kubeadm 1.34 writes, with another endpoint and a comment.
"""

from testbed.node import Node

CONFIGURATION = "/var/lib/kubelet/config.yaml"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
INSTANCE = "/var/lib/kubelet/instance-config.yaml"
EXTRA = "/etc/default/kubelet"
FILES = (CONFIGURATION, INSTANCE, FLAGS, EXTRA)

CONFIG_YAML = """\
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: {driver} # the same as that of the engine
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: "{endpoint}"
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {{}}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {{}}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
resolvConf: /run/systemd/resolve/resolv.conf
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
"""
INSTANCE_CONFIG_YAML = """\
apiVersion: kubelet.config.k8s.io/v1beta1
containerRuntimeEndpoint: {endpoint}
kind: KubeletConfiguration
"""
KUBEADM_FLAGS = (
    'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint={endpoint}'
    ' --pod-infra-container-image=registry.k8s.io/pause:3.10.1"\n'
)
EXTRA_ARGS = "# the distribution's file\nKUBELET_EXTRA_ARGS=--node-ip=192.0.2.7\n"

# Fails while /run/kubelet-refuses names a word that is in its files, as a kubelet does that cannot reach its engine.
PROGRAM = """\
#!/bin/sh
if [ -e /run/kubelet-refuses ] && grep -q "$(cat /run/kubelet-refuses)" /var/lib/kubelet/config.yaml; then
    exit 1
fi
exec sleep infinity
"""
UNIT = """\
[Unit]
Description=stands for the kubelet
[Service]
ExecStart=/usr/local/bin/stands-for-kubelet
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


def texts(endpoint: str, driver: str = "cgroupfs") -> dict[str, str]:
    """Return the content of each file for an engine."""
    return {
        CONFIGURATION: CONFIG_YAML.format(endpoint=endpoint, driver=driver),
        INSTANCE: INSTANCE_CONFIG_YAML.format(endpoint=endpoint),
        FLAGS: KUBEADM_FLAGS.format(endpoint=endpoint),
        EXTRA: EXTRA_ARGS,
    }


def give(node: Node, endpoint: str, driver: str = "cgroupfs") -> None:
    """Give a node the files of a kubelet that uses this endpoint, and the unit."""
    for path, text in texts(endpoint, driver).items():
        node.copy_in(path, text)
    node.copy_in("/usr/local/bin/stands-for-kubelet", PROGRAM, 0o755)
    node.copy_in("/etc/systemd/system/kubelet.service", UNIT)
    node.check("systemctl daemon-reload && systemctl enable --quiet --now kubelet.service")


def found(node: Node) -> dict[str, str]:
    """Return the content of each file on a node."""
    return {path: node.read_file(path) for path in FILES}
