# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of a thousand hosts costs, compared with a task of Ansible's own that does nothing on each of them.

No host is called on either side: the controller's cores are the limit of a large fleet.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import NotMeasured, Row, timed
from testbed import TestBed, playbooks

NAMES = ("check_1000_hosts",)
HOSTS = 1000
RACKS = 20  # groups of hosts with variables of their own, as a fleet's racks or zones have them
RUNS = 3
_DEBUG = [
    {
        "name": "Debug",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "Debug", "ansible.builtin.debug": {"msg": "x"}}],
    }
]


def inventory() -> dict:
    """A fleet: variables of all hosts, a layer and a mirror for each rack."""
    racks = {
        f"rack_{rack}": {
            "hosts": {f"node-{rack:02}-{number:03}": {} for number in range(HOSTS // RACKS)},
            "vars": {
                "rack": rack,
                "crio_config__rack": {"crio": {"runtime": {"log_level": "debug" if rack % 2 else "info"}}},
            },
        }
        for rack in range(RACKS)
    }
    fleet = {
        "crio_config": {"crio": {"metrics": {"enable_metrics": True, "metrics_port": 9537}}},
        "crio_service": {"Service": {"KillMode": "process"}},
        "registries_config": {
            "registry": [{"location": "docker.io", "mirror": [{"location": "mirror-{{ rack }}.example.com"}]}]
        },
        "crictl_config": {"timeout": 20},
    }
    return {"all": {"children": racks, "vars": fleet}}


def measure(_test_bed: TestBed) -> list[Row]:
    """The row of this part. Raises NotMeasured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "inventory.json").write_text(json.dumps(inventory()))
        (folder / "debug.yml").write_text(json.dumps(_DEBUG))
        pairs = [
            (run(folder, "cri.node.provision", "--tags", "check"), run(folder, "debug.yml"))
            for _number in range(RUNS)
        ]
    return [timed("check_1000_hosts", pairs)]


def run(folder: Path, playbook: str, *options: str) -> float:
    """Run a playbook on the fleet with 20 forks; returns seconds. Raises NotMeasured where it fails."""
    environment = playbooks.environment({"ANSIBLE_FORKS": "20"})
    del environment["ANSIBLE_CALLBACKS_ENABLED"]  # the tests' own callback
    started = time.perf_counter()
    done = subprocess.run(
        ["ansible-playbook", "--inventory", "inventory.json", playbook, *options],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise NotMeasured(
            f"{playbook}: exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-1000:]}"
        )
    return seconds
