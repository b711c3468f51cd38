# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the playbook remove returns a node to what it was, byte for byte, with all kinds of files.

Everything on the node is compared, except the paths of EXCLUDED, which are printed with their reasons.
"""

import json
import shlex

import pytest

from testbed import article
from testbed.bundles import give_network_and_registry, role_variables
from testbed.observed import running_containers, service
from testbed.openshift_objects import pem

PROVISION = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.prepare", "cri.node.runtime"]}]
REMOVE = "cri.node.remove"
TASK = "cri.node.runtime_removal"
EXCLUDED = {
    "/proc": "the kernel's",
    "/sys": "the kernel's",
    "/dev": "devices",
    "/run": "in memory",
    "/tmp": "in memory",
    "/var/tmp": "systemd's private folders of services",
    "/root/.ansible": "Ansible creates it for its modules",
    "/var/log/journal": "the journal",
    "/var/lib/systemd": "records of systemd, such as the random seed and timers",
}
# Each path with type, mode, owner and target, and each regular file with its hash.
_PRUNED = " -o ".join(f"-path {path}" for path in EXCLUDED)
_FIND = rf"find / -xdev \( {_PRUNED} \) -prune -o"
SNAPSHOT = (
    rf"{_FIND} -printf '%p %y %m %U:%G %l\n' | sort; {_FIND} -type f -print0 | xargs -0 sha256sum | sort -k2;"
    " find /var/lib/containers -printf '%p %y %m %U:%G %l\\n' | sort; systemctl is-enabled crio.service"
)
HOST = "registry.example.com:5000"
ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
FILES = {
    "crio_service": {"Service": {"KillMode": "process"}},
    "crio_environment": {"NO_PROXY": "registry"},
    "crictl_config": {"timeout": 7},
    "crictl_completion": ["bash", "zsh", "fish"],
    "registries_config": {"registry": [{"location": HOST, "insecure": True}], "aliases": {"a": f"{HOST}/a"}},
    "registries_auth": {HOST: {"username": "robot", "password": "canary"}},
    "registries_policy": {"default": ACCEPT, "transports": {"docker": {HOST: REJECT}}},
    "registries_namespaced_policies": {"production": {"default": REJECT}},
    "registries_signatures": {"docker": {HOST: {"use-sigstore-attachments": True}}},
    "registries_certificates": {HOST: {"ca": pem("ca")}},
    "prepare_install_packages": False,
    "prepare_sysctls": {"net.ipv4.conf.default.forwarding": 1},
}
STORAGE = {
    "registries_storage": {
        "storage": {"driver": "overlay", "options": {"pull_options": {"use_hard_links": "false"}}}
    }
}


def snapshot(node):
    """Return everything on the node as lines, and print what is not compared."""
    for path, reason in EXCLUDED.items():
        print(f"not compared: {path} ({reason})")
    return node.run(["sh", "-c", SNAPSHOT], limit=180).out.splitlines()


def differences(before, after):
    return {"gone": sorted({*before} - {*after}), "new": sorted({*after} - {*before})}


SAME = {"gone": [], "new": []}


def removal(run):
    """Return what a run has removed and kept, or would."""
    result = run.of(TASK)
    return {name: result[name] for name in ("removed", "kept")}


def names(run, subject):
    return [each["name"] for each in run.of(TASK)["removed"] if each["subject"] == subject]


def prepared(node):
    """Make the parameters of a node writable, and take one from it."""
    node.check("mount -o remount,bind,rw /proc/sys")
    node.check("echo 0 > /proc/sys/net/ipv4/ip_forward")
    node.copy_in("/etc/subuid", "ops:100000:65536")


@pytest.fixture
def provisioned(fresh_node, run_playbook, bundle, crio_source):
    """Return (a node with a bundle's CRI-O and its variables, what it was before)."""
    node = fresh_node(crio=False)
    give_network_and_registry(node)
    prepared(node)
    before = snapshot(node)
    variables = {**role_variables(bundle), **{name: FILES[name] for name in FILES if name != "crio_service"}}
    if not crio_source.standin:  # it reads no storage.conf
        variables.update(STORAGE)
    run_playbook(PROVISION, node, variables=variables).expect_success()
    return node, before


@pytest.mark.real_crio("the stand-in has no crio wipe and no storage of its own")
def test_a_bare_machine_is_what_it_was_byte_for_byte(provisioned, run_playbook):
    node, before = provisioned
    variables = {"remove_storage": True}
    predicted = run_playbook(REMOVE, node, "--check", variables=variables).expect_success()
    assert service(node, "ActiveState") == "active"
    done = run_playbook(REMOVE, node, variables=variables).expect_success()
    assert differences(before, snapshot(node)) == SAME
    assert removal(predicted) == removal(done)
    assert predicted.of(TASK)["plan"]["files"] == done.of(TASK)["plan"]["files"]
    assert done.of(TASK)["kept"] == []
    assert "warnings" not in done.of(TASK)
    assert "/etc/crio/crio.conf.d/60-cri-node.conf" in names(done, "files")
    assert "/usr/local/bin/crio" in names(done, "bundle")
    assert "sysctls net.ipv4.ip_forward" in names(done, "prerequisites")
    assert names(done, "state") == ["/var/lib/cri-node"]
    assert node.read_file("/proc/sys/net/ipv4/ip_forward") == "0\n"
    [report] = done.custom["_run"]["cri_node_removal"]["removals"]
    assert (report["nodes"], report["status"]) == ([node.name], "removed")
    assert "canary" not in done.out + str(done.results)
    again = run_playbook(REMOVE, node, variables=variables).expect_success()
    assert again.changed == 0
    assert removal(again) == {"removed": [], "kept": []}
    assert "1 node: 1 with nothing of ours" in again.out


def test_the_storage_and_the_host_s_settings_stay_if_that_is_asked(provisioned, run_playbook):
    node, _before = provisioned
    variables = {"remove_prerequisites": False}
    predicted = run_playbook(REMOVE, node, "--check", variables=variables).expect_success()
    done = run_playbook(REMOVE, node, variables=variables).expect_success()
    assert removal(predicted) == removal(done)
    kept = {each["subject"]: each["reason"] for each in done.of(TASK)["kept"]}
    assert kept["prerequisites"] == "remove_prerequisites is false"
    assert node.check("ls -A /var/lib/cri-node").split() == ["prerequisites.json"]
    assert node.read_file("/proc/sys/net/ipv4/ip_forward") == "1\n"
    assert not node.exists("/usr/local/bin/crio")
    second = run_playbook(REMOVE, node).expect_success()
    assert "sysctls net.ipv4.ip_forward" in names(second, "prerequisites")
    assert not node.exists("/var/lib/cri-node")
    assert run_playbook(REMOVE, node).expect_success().changed == 0


def test_running_pods_refuse_the_removal_by_name_unless_the_guard_is_overruled(provisioned, run_playbook):
    node, _before = provisioned
    node.run_pod(name="precious", namespace="shop")
    before, containers = snapshot(node), running_containers(node)
    for options in (("--check",), ()):
        message = run_playbook(REMOVE, node, *options).failure["msg"]
        assert message.startswith(
            "1 pod runs (shop/precious) on this node, and the removal of CRI-O ends them."
        )
        assert "overruled_guards: [running_pods]" in message
    assert running_containers(node) == containers
    assert differences(before, snapshot(node)) == SAME
    run = run_playbook(REMOVE, node, variables={"remove_overruled_guards": ["running_pods"]}).expect_success()
    assert names(run, "pods") == ["shop/precious"]
    assert "the guard running_pods is overruled" in str(run.of(TASK)["warnings"])
    assert not node.exists("/usr/local/bin/crio")
    assert node.run("pgrep -x conmon").out == ""


def test_files_that_somebody_changed_are_kept_and_named(provisioned, run_playbook):
    node, _before = provisioned
    node.check(
        "cp /usr/local/bin/crictl /usr/local/bin/other && mv /usr/local/bin/other /usr/local/bin/crictl"
    )
    node.check("echo '# mine' >> /etc/crio/crio.conf.d/10-crio.conf")
    predicted = run_playbook(REMOVE, node, "--check").expect_success()
    done = run_playbook(REMOVE, node).expect_success()
    assert removal(predicted) == removal(done)
    kept = [each for each in done.of(TASK)["kept"] if each["subject"] == "bundle"]
    assert kept == [
        {"subject": "bundle", "name": "/etc/crio/crio.conf.d/10-crio.conf", "reason": "it was changed since"}
    ]
    assert any("10-crio.conf of the bundle is kept" in each for each in done.of(TASK)["warnings"])
    assert "# mine" in node.read_file("/etc/crio/crio.conf.d/10-crio.conf")
    assert not node.exists("/usr/local/bin/crictl")  # the same content is still the bundle's


# Programs in whose place one runs that kills the caller, so that the removal is cut at each of its parts.
CUTS = {
    "stop": ("systemctl", '[ "$1" = stop ]'),
    "after the stop": ("systemctl", '[ "$1" = disable ]'),
    "in the removal of the bundle": ("systemctl", '[ "$1" = daemon-reload ] && [ ! -e /usr/local/bin/crio ]'),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.real_crio("the stand-in has no crio wipe and no storage of its own")
def test_a_removal_that_is_killed_is_completed_by_the_next_run(provisioned, run_playbook, cut):
    node, before = provisioned
    program, condition = CUTS[cut]
    script = f'#!/bin/sh\nif {condition}; then kill -9 $PPID; fi\nexec /usr/bin/{program} "$@"\n'
    node.copy_in(f"/usr/local/sbin/{program}", script, 0o755)
    killed = run_playbook(REMOVE, node, variables={"remove_storage": True})
    assert killed.rc, killed.out
    node.check(f"rm /usr/local/sbin/{program}")
    done = run_playbook(REMOVE, node, variables={"remove_storage": True}).expect_success()
    assert done.changed == 1
    assert differences(before, snapshot(node)) == SAME
    assert run_playbook(REMOVE, node).expect_success().changed == 0


THEIRS = {
    "/etc/crictl.yaml": "runtime-endpoint: unix:///var/run/crio/crio.sock\ntimeout: 3 # ours\n",
    "/etc/containers/registries.d/theirs.yaml": "docker:\n  theirs.example.com:\n    lookaside: https://x.example\n",
    "/root/.config/containers/auth.json": json.dumps(
        {"auths": {"theirs.example.com": {"auth": "dGhlaXJzOng="}}}, indent="\t"
    )
    + "\n",
    "/etc/crio/policy.json": json.dumps({"default": ACCEPT}, indent=3) + "\n\n",
}


@pytest.mark.parametrize("enabled", [True, False], ids=["enabled before", "disabled before"])
def test_a_preinstalled_node_is_what_it_was_and_its_crio_runs(fresh_node, run_playbook, enabled):
    node = fresh_node()
    prepared(node)
    for path, text in THEIRS.items():
        node.check(f"mkdir -p {shlex.quote(path.rpartition('/')[0])}")
        node.copy_in(path, text)
    node.check("chmod 600 /root/.config/containers/auth.json")
    if not enabled:
        node.check("systemctl disable crio")
    node.check("systemctl restart crio")
    before = snapshot(node)
    variables = {**article.settings(), **FILES}
    run_playbook(PROVISION, node, variables=variables).expect_success()
    assert service(node, "UnitFileState") == "enabled"
    assert node.read_file("/etc/crictl.yaml") != THEIRS["/etc/crictl.yaml"]
    predicted = run_playbook(REMOVE, node, "--check", "--diff").expect_success()
    done = run_playbook(REMOVE, node, "--diff").expect_success()
    assert differences(before, snapshot(node)) == SAME
    assert removal(predicted) == removal(done)
    assert predicted.of(TASK)["diff"] == done.of(TASK)["diff"]
    assert service(node, "ActiveState") == "active"
    assert service(node, "UnitFileState") == ("enabled" if enabled else "disabled")
    assert ("crio.service (disabled)" in names(done, "service")) is not enabled
    [kept] = [each for each in done.of(TASK)["kept"] if each["subject"] == "service"]
    assert kept["reason"].startswith("CRI-O was not installed by a bundle of cri.node")
    assert "canary" not in done.out + str(done.results)
    assert run_playbook(REMOVE, node).expect_success().changed == 0
