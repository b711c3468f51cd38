# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings most tests make: the ones that the collection's users begin with."""

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.crio"]}]
APPLY = "cri.node.crio : Apply the configuration of CRI-O"
DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
ENVIRONMENT_FILE = "/etc/crio/cri-node.environment"


def settings(port: int = 9537, **crio_tables: dict) -> dict:
    """Role variables: SELinux on, a CNI plugin directory, metrics on a port, containers that outlive a restart.

    Further tables of crio.conf replace or add to these.
    """
    tables = {
        "runtime": {"selinux": True},
        "network": {"plugin_dirs": ["/usr/lib/cni"]},
        "metrics": {"enable_metrics": True, "metrics_port": port},
        **crio_tables,
    }
    return {"crio_config": {"crio": tables}, "crio_service": {"Service": {"KillMode": "process"}}}
