# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has before any change: a configuration in which changes are visible, and the files that values refer to."""

import json
from typing import Any

from testbed.node import Node

FILES = "/etc/predict"
PROGRAMS = "/usr/local/lib/predict"
RUN = "/run/predict"
WRAPPER = "/usr/local/lib/testbed/crun"
BASE_DROP_IN = "/etc/crio/crio.conf.d/20-predict-base.conf"
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/predict.conf"
# With cgroupfs, monitors that are not in the cgroup of a pod are in that of the service.
UNIT = "[Service]\nKillMode=process\n"
# Files that the base refers to have this name in front; a change refers to the file without it, or to another directory.
OLD = "old-"
ALLOWED = ["io.kubernetes.cri-o.Devices"]
# Handlers with a state of their own; each shows the change of one key that needs a drain.
DRAINED = ("moved", "rooted", "typed", "heir", "other")
# Its content changes before each look; a weight is from 10 to 1000.
BLOCKIO = f"{FILES}/blockio.yaml"
SHIM = f"{PROGRAMS}/containerd-shim-predict-v2"
SHIM_STARTED = "predict-shim-started"

# The system call that each seccomp profile refuses, by the name of its file.
SECCOMP = {"seccomp.json": "acct", "seccomp-privileged.json": "swapon", "seccomp-handler.json": "swapoff"}
_HOOK = {
    "version": "1.0.0",
    "hook": {"path": "/bin/true"},
    "when": {"always": True},
    "stages": ["prestart"],
}
_DEVICE = {
    "cdiVersion": "0.5.0",
    "kind": "predict.example/device",
    "devices": [{"name": "one", "containerEdits": {"env": ["PREDICT_CDI=1"]}}],
}


def configuration(conmon: str) -> dict[str, Any]:
    """Return the settings that come after the test bed's own. conmon: the path of the node's conmon."""
    return {
        "crio": {
            # Without it, CRI-O does not start once there is data of two drivers.
            "storage_driver": "overlay",
            "api": {
                "stream_tls_cert": f"{FILES}/{OLD}cert.pem",
                "stream_tls_key": f"{FILES}/{OLD}key.pem",
            },
            "runtime": {
                "blockio_config_file": BLOCKIO,
                "conmon_cgroup": "",
                # A node of the test bed has no CPU controller: with it, no pod of a handler with `pod` as monitor_cgroup starts.
                "infra_ctr_cpuset": "0",
                "runtimes": {
                    "crun": _handler("crun", conmon, allowed_annotations=ALLOWED),
                    "predict": _handler(
                        "predict",
                        conmon,
                        allowed_annotations=ALLOWED,
                        container_min_memory="12MiB",
                        runtime_path=f"{PROGRAMS}/unprivileged",
                    ),
                    "grouped": _handler("grouped", conmon, monitor_cgroup="pod"),
                    "slow": _handler("slow", conmon, runtime_path=f"{PROGRAMS}/slow"),
                    **{name: _handler(name, conmon) for name in DRAINED},
                    "typed": _handler("typed", conmon, runtime_path=SHIM),
                },
                "workloads": {
                    "predict": {
                        "activation_annotation": "predict.example/activate",
                        "annotation_prefix": "predict.example",
                        "allowed_annotations": [],
                        "resources": {"cpushares": 10},
                    }
                },
            },
        }
    }


def _handler(name: str, conmon: str, **more: Any) -> dict[str, Any]:
    # The testbed's OCI runtime with a directory of its own, so that a pod is only known to its own handler.
    return {
        "runtime_path": WRAPPER,
        "runtime_type": "oci",
        "runtime_root": f"/run/predict-{name}" if name != "crun" else "/run/crun",
        "monitor_path": conmon,
        "monitor_cgroup": "",
        **more,
    }


def _network(name: str, subnet: str) -> str:
    plugin = {
        "type": "bridge",
        "bridge": f"{name}0",
        "isGateway": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": subnet}]]},
    }
    return json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": [plugin]})


def files() -> dict[str, str]:
    """Return the content of the files that values refer to, by path. Programs are those below /usr/local."""
    return {
        **{f"{FILES}/{name}": _seccomp(call) for name, call in SECCOMP.items()},
        f"{FILES}/auth.json": "{}",
        f"{FILES}/reject.json": json.dumps({"default": [{"type": "reject"}]}),
        f"{FILES}/mounts.conf": f"{FILES}/mounted:/predict-mounted\n",
        f"{FILES}/mounted/file": "mounted\n",
        f"{FILES}/hooks.d/predict.json": json.dumps(_HOOK),
        f"{FILES}/cdi/predict.json": json.dumps(_DEVICE),
        BLOCKIO: blockio(10),
        f"{FILES}/blockio-other.yaml": blockio(20),
        f"{FILES}/rdt.yaml": "partitions: {}\n",
        f"{FILES}/net.d/10-there.conflist": _network("there", "10.90.0.0/16"),
        "/etc/cni/net.d/90-named.conflist": _network("named", "10.89.0.0/16"),
        f"{PROGRAMS}/pinns": f'#!/bin/sh\ntouch {RUN}/pinns-was-called\nexec pinns "$@"\n',
        f"{PROGRAMS}/slow": f'#!/bin/sh\ncase " $* " in *" create "*) sleep 40; exit 1;; esac\nexec {WRAPPER} "$@"\n',
        # CRI-O only looks for it, unless a container is checkpointed.
        "/usr/local/bin/criu": "#!/bin/sh\nexit 1\n",
        # A node may not give a container all capabilities.
        f"{PROGRAMS}/unprivileged": (
            "#!/usr/bin/python3 -IS\nimport json, os, sys\n"
            'if "--bundle" in sys.argv:\n'
            '    path = sys.argv[sys.argv.index("--bundle") + 1] + "/config.json"\n'
            "    config = json.load(open(path))\n"
            '    config["process"].pop("capabilities", None)\n'
            '    json.dump(config, open(path, "w"))\n'
            f'os.execv("{WRAPPER}", ["{WRAPPER}", *sys.argv[1:]])\n'
        ),
        f"{PROGRAMS}/platform": f'#!/bin/sh\nexec {PROGRAMS}/unprivileged "$@"\n',
        # An OCI runtime, but for the start of a shim, which has the option -namespace.
        SHIM: f'#!/bin/sh\ncase " $* " in *" -namespace "*) echo {SHIM_STARTED} >&2; exit 1;; esac\nexec {WRAPPER} "$@"\n',
        # As any other OCI runtime, it does not know the containers of the one before it.
        f"{PROGRAMS}/moved": (
            "#!/usr/bin/python3 -IS\nimport os, sys\n"
            'told = [each.replace("/run/predict-moved", "/run/predict-elsewhere") for each in sys.argv[1:]]\n'
            f'os.execv("{WRAPPER}", ["{WRAPPER}", *told])\n'
        ),
    }


def _seccomp(call: str) -> str:
    rule = {"names": [call], "action": "SCMP_ACT_ERRNO"}
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})


def blockio(weight: int) -> str:
    """Return a block I/O configuration with one class, `predict`."""
    return f"Classes:\n  predict:\n  - Weight: {weight}\n"


def prepare(node: Node) -> str:
    """Write all files to a node, and return the path of its conmon. CRI-O still runs with its old configuration."""
    for path, content in files().items():
        node.copy_in(path, content, 0o755 if path.startswith("/usr/local") else 0o644)
    conmon = node.check(
        "sed -n 's/^monitor_path = \"\\(.*\\)\"/\\1/p' /etc/crio/crio.conf.d/10-testbed.conf"
    ).strip()
    node.check(
        f"set -e; mkdir -p {RUN} {FILES}/empty; cp {conmon} {PROGRAMS}/conmon-of-all; cp {conmon} {PROGRAMS}/conmon-of-one;"
        # One key with several certificates, so that each change of a path alone fits the other path.
        f" cd {FILES}; openssl genrsa -out key.pem 2048 2>/dev/null;"
        f" for name in {OLD}cert cert metrics-cert; do openssl req -x509 -key key.pem -days 30 -subj /CN=$name -out $name.pem"
        " -addext subjectAltName=DNS:predict; done;"
        f" cp key.pem metrics-key.pem; cp key.pem {OLD}key.pem"
    )
    node.copy_in(UNIT_DROP_IN, UNIT)
    node.check("systemctl daemon-reload")
    return conmon
