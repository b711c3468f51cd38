# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes after the role ran: crictl reads its file, and shells can complete it."""

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
# What bash does when somebody types `crictl pul` and Tab.
TYPED = (
    "COMP_WORDS=(crictl pul); COMP_CWORD=1; $(complete -p crictl | awk '{print $3}'); echo ${COMPREPLY[@]}"
)


@pytest.fixture
def crio(host):
    """A node with CRI-O."""
    if host.backend.host == "bare":
        pytest.skip("this node has no CRI-O")
    return host


def test_the_file_says_what_was_asked_for(host):
    socket = "/run/containerd/containerd.sock" if host.backend.host == "bare" else "/var/run/crio/crio.sock"
    assert host.file("/etc/crictl.yaml").content_string == (
        f"{HEADER}runtime-endpoint: unix://{socket}\ntimeout: 20\n"
    )
    assert host.file("/etc/crictl.yaml").mode == 0o644


def test_crictl_answers_without_options_and_without_a_complaint(crio):
    done = crio.run("crictl info")
    assert done.rc == 0
    assert "default endpoints" not in done.stderr
    assert json.loads(done.stdout)["status"]["conditions"]


@pytest.mark.parametrize("shell", COMPLETION)
def test_completion_is_that_of_the_nodes_own_crictl(host, shell):
    assert f"crictl completion {shell}" in host.file(COMPLETION[shell]).content_string
    assert host.file(COMPLETION[shell]).mode == 0o644


def test_bash_completes_a_command(crio):
    assert crio.check_output("bash -c %s", f"source {COMPLETION['bash']}; {TYPED}") == "pull"


def test_nothing_of_a_run_is_left(host):
    assert not host.file("/etc/crio/.cri-node").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
