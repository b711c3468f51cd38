# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role prepare on a node: it gets what it lacks, a second run changes nothing, and all of it can be put back.

A node is a container. Its network's parameters are its own and can be set once /proc/sys is writable; others belong to the host.
Kernel modules cannot be loaded there, but those that are built into the kernel or loaded on the host count as loaded.
"""

import pytest

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.prepare"]}]
PREPARE = "cri.node.prepare : Prepare the host"
PREDICT = "cri.node.prepare : Predict the packages of missing commands"
SYSCTL_FILE = "/etc/sysctl.d/60-cri-node.conf"
RECORD = "/var/lib/cri-node/prerequisites.json"
UNIT = r"dev-not\x2dthere.swap"
# systemd generates no units from the swap spaces in a container's fstab, so the node has one as a package would bring it.
UNIT_FILE = f"/usr/lib/systemd/system/{UNIT}"
FSTAB = "/dev/not-there none swap sw,nofail 0 0\n"
VARIABLES = {"prepare_swap": "disable", "prepare_install_packages": False}
# All that the role may change: files, values, masks.
STATE = (
    "cd /; cat proc/sys/net/ipv4/ip_forward proc/sys/net/bridge/bridge-nf-call-ip*tables proc/swaps etc/fstab;"
    " find etc/sysctl.d etc/modules-load.d etc/subuid etc/subgid etc/systemd/system var/lib/cri-node -type f -o -type l"
    " | sort | xargs ls -ld --time-style=+ ; cat etc/subuid etc/subgid; cat etc/sysctl.d/60-* etc/modules-load.d/60-* 2>&1"
)


def state(node):
    return node.run(["sh", "-c", STATE]).out


def lacking(node):
    """Take from a node what the role provides."""
    node.check("mount -o remount,bind,rw /proc/sys")
    node.check("echo 0 > /proc/sys/net/ipv4/ip_forward")
    node.copy_in("/etc/fstab", FSTAB)
    node.copy_in(UNIT_FILE, "[Swap]\nWhat=/dev/not-there\n")
    node.copy_in("/etc/subuid", "ops:100000:65536")
    node.copy_in("/etc/subgid", "ops:100000:65536\n")
    node.check("systemctl daemon-reload")


@pytest.fixture(scope="module")
def node(testbed):
    """Return one node without CRI-O for all tests of this module, on which the role has not run."""
    made = testbed.add("prepare", crio=False)[0]
    yield made
    testbed.remove("prepare")


def test_a_read_only_parameter_is_refused_by_name_and_nothing_is_changed(node, run_playbook):
    node.check("mount -o remount,bind,rw /proc/sys")
    node.check("echo 0 > /proc/sys/net/ipv4/ip_forward")
    node.check("mount -o remount,bind,ro /proc/sys")
    before = state(node)
    for options in ((), ("--check",)):
        run = run_playbook(ROLE, node, *options, variables=VARIABLES)
        assert "sysctls: net.ipv4.ip_forward = 1: its live value is 0" in run.failure["msg"]
        assert state(node) == before


def test_a_node_gets_what_it_lacks_as_predicted_and_is_put_back(node, run_playbook):
    lacking(node)
    before = state(node)
    predicted = run_playbook(ROLE, node, "--check", "--diff", variables=VARIABLES).expect_success()
    assert state(node) == before
    done = run_playbook(ROLE, node, "--diff", variables=VARIABLES).expect_success()
    for part in ("changed", "prerequisites", "packages", "diff"):
        assert predicted.of(PREPARE)[part] == done.of(PREPARE)[part], part
    assert node.read_file("/proc/sys/net/ipv4/ip_forward") == "1\n"
    assert "net.ipv4.ip_forward = 1\n" in node.read_file(SYSCTL_FILE)
    assert node.read_file("/etc/subuid") == "ops:100000:65536\ncontainers:2147483647:2147483648\n"
    assert node.run(["systemctl", "is-enabled", UNIT]).out.strip() == "masked"
    assert node.read_file("/etc/fstab") == FSTAB
    modules = done.of(PREPARE)["prerequisites"]["modules"]
    assert all(each["found"]["loaded"] for each in modules.values()), modules

    prepared = state(node)
    assert run_playbook(ROLE, node, variables=VARIABLES).expect_success().changed == 0
    assert state(node) == prepared
    # What systemd itself makes of the files at boot.
    node.check("echo 0 > /proc/sys/net/ipv4/ip_forward; /usr/lib/systemd/systemd-sysctl")
    assert node.read_file("/proc/sys/net/ipv4/ip_forward") == "1\n"

    run_playbook(ROLE, node, variables={"prepare_state": "absent"}).expect_success()
    assert not node.exists(RECORD)
    assert state(node) == before
    assert node.run(["systemctl", "is-enabled", UNIT]).out.strip() == "static"
    again = run_playbook(ROLE, node, variables={"prepare_state": "absent"}).expect_success()
    assert again.changed == 0


def test_a_file_that_is_read_later_is_refused_by_its_name_and_value(node, run_playbook):
    lacking(node)
    node.copy_in("/usr/lib/sysctl.d/90-hardening.conf", "net/ipv4/ip_forward=0\n")
    before = state(node)
    message = run_playbook(ROLE, node, variables=VARIABLES).failure["msg"]
    assert "/usr/lib/sysctl.d/90-hardening.conf sets it to 0 at boot" in message
    assert state(node) == before
    node.check("rm /usr/lib/sysctl.d/90-hardening.conf")


def test_a_value_that_the_kernel_refuses_undoes_the_whole_change(node, run_playbook):
    lacking(node)
    before = state(node)
    variables = {**VARIABLES, "prepare_sysctls": {"net.ipv4.ip_default_ttl": "many"}}
    message = run_playbook(ROLE, node, variables=variables).failure["msg"]
    assert "setting net.ipv4.ip_default_ttl to many failed" in message
    assert message.endswith("The change was undone: the node is as it was.")
    assert state(node) == before
    assert not node.exists(RECORD)


def test_a_module_that_the_kernel_does_not_have_is_refused(node, run_playbook):
    variables = {**VARIABLES, "prepare_modules": ["not_there"]}
    message = run_playbook(ROLE, node, variables=variables).failure["msg"]
    assert "modules: not_there: cannot be loaded into kernel" in message


def test_missing_commands_are_installed_as_packages(node, run_playbook):
    """In check mode, since a node may reach no package server."""
    lacking(node)
    run = run_playbook(ROLE, node, "--check", variables={"prepare_swap": "keep"}).expect_success()
    packages = run.of(PREPARE)["packages"]
    assert "conntrack" in packages
    assert run.of(PREDICT)["changed"] is True


def test_an_option_that_is_wrong_is_refused_before_the_node_is_contacted(node, run_playbook):
    variables = {"prepare_sysctls": {"net.ipv4.ip_forward": True}}
    run = run_playbook(ROLE, node, "-vvv", variables=variables)
    assert "sysctls.net.ipv4.ip_forward = True" in run.failure["msg"]
    assert "SSH: EXEC" not in run.out
