# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what a fleet costs the controller, whose cores limit the size of a fleet. No real host is called on either side.

A check of a thousand hosts is compared with a debug task on each of them. A run of the role runtime on nodes that match the
desired state is compared with a ping, both over a connection that answers immediately.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import NotMeasured, Row, timed
from testbed import TestBed, playbooks

NAMES = ("check_1000_hosts", "noop_100_hosts", "noop_1000_hosts", "noop_growth")
HOSTS = 1000
FEW_HOSTS = 100
_CONNECTIONS = Path(__file__).parent / "connection"
RACKS = 20  # groups of hosts with variables of their own, as a fleet's racks or zones have them
RUNS = 3
PLAY = {"name": "Play", "hosts": "all", "become": True, "gather_facts": False}
_DEBUG = [{**PLAY, "tasks": [{"name": "Debug", "ansible.builtin.debug": {"msg": "x"}}]}]
_PING = [{**PLAY, "tasks": [{"name": "Ping", "ansible.builtin.ping": {}}]}]
# As the playbook provision does it.
_ROLE = {"name": "cri.node.runtime", "rolespec_validate": False}
RUNTIME = [{**PLAY, "tasks": [{"name": "Configure", "ansible.builtin.import_role": _ROLE}]}]
_FILES = {
    "/etc/crio/crio.conf.d/60-cri-node.conf": "restart",
    "/etc/systemd/system/crio.service.d/60-cri-node.conf": "restart",
    "/etc/containers/registries.conf.d/zz-cri-node.conf": "reload",
    "/etc/crictl.yaml": "none",
}


def inventory(hosts: int) -> dict:
    """A fleet: variables of all hosts, a layer and a mirror for each rack."""
    racks = {
        f"rack_{rack}": {
            "hosts": {f"node-{rack:02}-{number:03}": {} for number in range(hosts // RACKS)},
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
    connection = {"ansible_connection": "simulated", "ansible_python_interpreter": "/usr/bin/python3"}
    return {"all": {"children": racks, "vars": {**fleet, **connection}}}


def answers() -> dict:
    """Return the answers of each node: it matches the variables of the fleet, and its daemon has loaded all files."""
    loaded = {"file_type": "file", "as_wanted": True, "loaded": True, "mode": "0644"}
    report = {
        "files": {path: {**loaded, "disruption": disruption} for path, disruption in _FILES.items()},
        "orphans": {},
        "unit": {
            "name": "crio.service",
            "active": True,
            "enabled": True,
            "phase": "serving",
            "state": "active (running)",
            "invocation_id": "0" * 32,
            "binary_replaced": False,
            "masked": False,
            "reloads": True,
            "needs_daemon_reload": False,
        },
        "crio": {
            "installed": True,
            "version": "1.37.0",
            "socket": "/run/crio.sock",
            "binary": "/usr/bin/crio",
        },
        "crictl_version": "1.36.0",
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
        "notes": [],
        "selinux": False,
        "root_registries": "",
        "generation": 1,
        "interrupted": False,
    }
    return {
        "node_runtime_drift": {"changed": False, "report": report},
        "ping": {"changed": False, "ping": "pong"},
    }


def measure(_test_bed: TestBed) -> list[Row]:
    """Return the rows of this part. Raises NotMeasured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for file, content in {"debug": _DEBUG, "ping": _PING, "runtime": RUNTIME}.items():
            (folder / f"{file}.yml").write_text(json.dumps(content))
        (folder / "answers.json").write_text(json.dumps(answers()))
        whole = pairs(folder, HOSTS, ["cri.node.provision", "--tags", "check"], ["debug.yml"])
        many = pairs(folder, HOSTS, ["runtime.yml"], ["ping.yml"])
        few = pairs(folder, FEW_HOSTS, ["runtime.yml"], ["ping.yml"])
    growth = [
        (ours / HOSTS, less / FEW_HOSTS) for (ours, _ping), (less, _other) in zip(many, few, strict=True)
    ]
    return [
        timed("check_1000_hosts", whole),
        timed("noop_100_hosts", few),
        timed("noop_1000_hosts", many),
        timed("noop_growth", growth),
    ]


def pairs(folder: Path, hosts: int, ours: list[str], reference: list[str]) -> list[tuple[float, float]]:
    """Return the seconds of two playbooks that run alternately on a fleet. Raises NotMeasured."""
    (folder / "inventory.json").write_text(json.dumps(inventory(hosts)))
    return [(run(folder, *ours), run(folder, *reference)) for _number in range(RUNS)]


def run(folder: Path, playbook: str, *options: str, counted: Path | None = None) -> float:
    """Run a playbook on the fleet with 20 forks; returns seconds. Raises NotMeasured if it fails or changes a node.

    counted: the file in which to count remote calls, see most_calls.
    """
    environment = playbooks.environment(
        {
            "ANSIBLE_FORKS": "20",
            "ANSIBLE_CONNECTION_PLUGINS": str(_CONNECTIONS),
            "BENCH_ANSWERS": str(folder / "answers.json"),
            **({"BENCH_CALLS": str(counted)} if counted else {}),
        }
    )
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
    if done.returncode or "changed=1" in done.stdout:
        raise NotMeasured(
            f"{playbook}: exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-1000:]}"
        )
    return seconds
