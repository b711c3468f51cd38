# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the nodes after the role ran: crictl reads its file, and shells complete its commands."""

import json

import pytest

testinfra_hosts = ["ansible://nodes"]

HEADER = (
    "# Written by the role cri.node.crictl, which undoes what is changed here: set crictl_config instead.\n"
)
COMPLETION = {
    "bash": "/etc/bash_completion.d/crictl",
    "zsh": "/usr/local/share/zsh/site-functions/_crictl",
    "fish": "/etc/fish/completions/crictl.fish",
}
# What bash runs when `crictl pul` and Tab are typed.
TYPED = (
    "COMP_WORDS=(crictl pul); COMP_CWORD=1; $(complete -p crictl | awk '{print $3}'); echo ${COMPREPLY[@]}"
)


@pytest.fixture
def crio(host):
    """A node with CRI-O."""
    if host.backend.host == "bare":
        pytest.skip("this node has no CRI-O")
    return host


def test_the_file_has_the_desired_settings(host):
    socket = "/run/containerd/containerd.sock" if host.backend.host == "bare" else "/var/run/crio/crio.sock"
    assert host.file("/etc/crictl.yaml").content_string == (
        f"{HEADER}runtime-endpoint: unix://{socket}\ntimeout: 20\n"
    )
    assert host.file("/etc/crictl.yaml").mode == 0o644


def test_crictl_works_without_options_and_without_warnings(crio):
    done = crio.run("crictl info")
    assert done.rc == 0
    assert "default endpoints" not in done.stderr
    assert json.loads(done.stdout)["status"]["conditions"]


@pytest.mark.parametrize("shell", COMPLETION)
def test_completion_uses_the_crictl_of_the_node(host, shell):
    assert f"crictl completion {shell}" in host.file(COMPLETION[shell]).content_string
    assert host.file(COMPLETION[shell]).mode == 0o644


def test_bash_completes_a_command(crio):
    assert crio.check_output("bash -c %s", f"source {COMPLETION['bash']}; {TYPED}") == "pull"


def test_a_run_leaves_no_temporary_files(host):
    assert not host.file("/etc/crio/.cri-node").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
