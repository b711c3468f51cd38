# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of most tests, which are typical for users of the collection."""

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.crio"]}]
APPLY = "cri.node.crio : Apply the CRI-O configuration"
DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNIT_DROP_IN = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
ENVIRONMENT_FILE = "/etc/crio/cri-node.environment"


def settings(port: int = 9537, **crio_tables: dict) -> dict:
    """Return role variables: SELinux, a CNI plugin directory, metrics on a port, containers that keep running on a restart.

    Further tables of crio.conf replace or add to these.
    """
    tables = {
        "runtime": {"selinux": True},
        "network": {"plugin_dirs": ["/usr/lib/cni"]},
        "metrics": {"enable_metrics": True, "metrics_port": port},
        **crio_tables,
    }
    return {"crio_config": {"crio": tables}, "crio_service": {"Service": {"KillMode": "process"}}}


def settings_in_a_container(conmon: str, port: int = 9537) -> dict:
    """Return the same for a CRI-O that a test installs: the test bed's own settings for a node that is itself a container.

    conmon: the path of the program on the node.
    """
    return settings(
        port,
        image={"pause_image": "registry:5000/pause:1", "pause_command": ""},
        runtime={
            "selinux": True,
            "cgroup_manager": "cgroupfs",
            "conmon_cgroup": "pod",
            "default_runtime": "crun",
            "runtimes": {
                "crun": {
                    "runtime_path": "/usr/local/lib/testbed/crun",
                    "runtime_root": "/run/crun",
                    "monitor_path": conmon,
                }
            },
        },
    )
