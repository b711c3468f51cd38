# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests nodes that do not meet the requirements of a transaction: one clear message, no traceback, no changes."""

import pytest

from testbed import article
from testbed.observed import observe

# A connection of its own: a shared one would be root's, on the usual port.
ALONE = {"ANSIBLE_SSH_ARGS": "-o ControlPath=none"}

# Python behind a mount of its own, in which systemd seems not to run.
WITHOUT_SYSTEMD = """#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs none /run/systemd && exec /usr/bin/python3 "$@"' sh "$@"
"""


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node that each test breaks and repairs."""
    yield testbed.add("hostile")[0]
    testbed.remove("hostile")


def failure(run) -> str:
    """Return the one message of a failed run."""
    assert run.rc == 2, run.out + run.err
    assert "Traceback" not in run.out + run.err
    return run.failure["msg"]


def test_a_node_without_crictl_is_reported_and_left_alone(shared, run_playbook):
    before = observe(shared)
    shared.check("mv /usr/local/bin/crictl /root/")
    try:
        message = failure(run_playbook(article.ROLE, shared, variables=article.settings()))
    finally:
        shared.check("mv /root/crictl /usr/local/bin/")
    assert "crictl" in message
    assert "Nothing was changed on the node" in message
    assert observe(shared) == before


def test_a_daemon_that_never_answers_is_reported_and_left_alone(shared, run_playbook):
    before = observe(shared)
    shared.check("kill -STOP $(systemctl show crio -p MainPID --value)")
    try:
        message = failure(run_playbook(article.ROLE, shared, variables=article.settings()))
    finally:
        shared.check("kill -CONT $(systemctl show crio -p MainPID --value)")
    assert "the containers of the runtime cannot be listed" in message
    assert "Nothing was changed on the node" in message
    shared.wait_for_crio()
    assert observe(shared) == before


def test_a_crictl_that_prints_its_help_is_reported_and_the_node_is_left_alone(shared, run_playbook):
    before = observe(shared)
    shared.check("mv /usr/local/bin/crictl /root/")
    shared.copy_in("/usr/local/bin/crictl", "#!/bin/sh\necho NAME: crictl\n", 0o755)
    try:
        message = failure(run_playbook(article.ROLE, shared, variables=article.settings()))
    finally:
        shared.check("mv /root/crictl /usr/local/bin/")
    assert "crictl" in message
    assert "Nothing was changed on the node" in message
    assert observe(shared) == before


def test_a_node_without_systemd_is_one_clear_error(shared, run_playbook):
    before = observe(shared)
    shared.copy_in("/root/without-systemd", WITHOUT_SYSTEMD, 0o755)
    interpreter = "ansible_python_interpreter=/root/without-systemd"
    message = failure(run_playbook(article.ROLE, shared, "-e", interpreter, variables=article.settings()))
    assert "not run by systemd" in message
    assert observe(shared) == before


def test_a_user_who_is_not_root_is_one_clear_error(shared, run_playbook):
    shared.check("id visitor >/dev/null 2>&1 || useradd --create-home visitor")
    shared.check("install -d -m 700 -o visitor /home/visitor/.ssh && install -m 600 -o visitor"
                 " /root/.ssh/authorized_keys /home/visitor/.ssh/")  # fmt: skip
    message = failure(
        run_playbook(
            article.ROLE, shared, "-e", "ansible_user=visitor", variables=article.settings(), env=ALONE
        )
    )
    assert message == "cri.node changes a node as root; set become: true for the play or the task"


def test_a_node_without_crio_is_one_clear_error(bare_node, run_playbook):
    state = "ls -lR --time-style=full-iso /var/lib/cri-node"  # other tests may have left some
    before = bare_node.run(state)
    message = failure(run_playbook(article.ROLE, bare_node, variables=article.settings()))
    assert message.startswith("CRI-O is not installed on this node")
    assert "crio_install: bundle" in message
    assert bare_node.run(state) == before
    assert not bare_node.exists("/etc/crio/crio.conf.d")


def test_a_node_that_cannot_be_reached_is_unreachable_and_not_failed(shared, run_playbook):
    run = run_playbook(article.ROLE, shared, "-e", "ansible_port=1", variables=article.settings(), env=ALONE)
    assert run.rc == 4
    assert "Traceback" not in run.out + run.err
