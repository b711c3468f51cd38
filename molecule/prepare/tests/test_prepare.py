# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role ran, and after a refused run that changed nothing."""

testinfra_hosts = ["ansible://nodes"]


def test_the_parameters_are_set_now_and_at_boot(host):
    assert host.sysctl("net.ipv4.ip_forward") == 1
    assert host.sysctl("net.bridge.bridge-nf-call-iptables") == 1
    lines = host.file("/etc/sysctl.d/60-cri-node.conf").content_string.splitlines()
    assert "net.ipv4.ip_forward = 1" in lines
    assert "net.ipv4.conf.default.forwarding = 1" in lines


def test_the_user_containers_has_subordinate_ids(host):
    for path in ("/etc/subuid", "/etc/subgid"):
        assert "containers:2147483647:2147483648" in host.file(path).content_string.splitlines()


def test_swap_stays_off_at_boot_and_fstab_is_as_it_was(host):
    assert host.run(r"systemctl is-enabled 'dev-not\x2dthere.swap'").stdout.strip() == "masked"
    assert host.file("/etc/fstab").content_string == "/dev/not-there none swap sw,nofail 0 0\n"
