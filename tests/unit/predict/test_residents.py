# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a pod that ran during a restart, from the answers of a node that the test plays."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from predict import residents
from testbed.node import NodeError, Pod, Result

POD = Pod("pod", "pod-id", "container-id", "/log")


class Answering:
    """A node: what it answers to the calls of `loss`, by a word of the command."""

    def __init__(self, **answers):
        self.answers, self.environments = answers, []

    def run(self, command, environment=None, **_more):
        self.environments.append(environment)
        line = " ".join(command)
        word = next(word for word in ("exec", "kill", "stopp", "rmp") if word in line)
        return self.answers.get(word, Result(0, "", ""))


def inspected(state, code=0):
    return Result(0, json.dumps({"status": {"state": state, "exitCode": code}, "info": {"pid": 7}}), "")


RUNNING, EXITED = inspected("CONTAINER_RUNNING"), inspected("CONTAINER_EXITED")
FAILED = Result(1, "", "a line\nNotFound\n")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        pytest.param({"exec": RUNNING, "kill": EXITED}, "", id="CRI-O has it"),
        pytest.param({"exec": FAILED}, "a pod of before: NotFound", id="CRI-O does not find it"),
        pytest.param({"exec": EXITED}, "a pod of before is CONTAINER_EXITED", id="it has stopped"),
        pytest.param(
            {"exec": RUNNING, "kill": RUNNING},
            "CRI-O does not notice the end of a pod of before: CONTAINER_RUNNING, exit code 0",
            id="its exit is not seen",
        ),
        pytest.param(
            {"exec": RUNNING, "kill": inspected("CONTAINER_EXITED", 255)},
            "CRI-O does not notice the end of a pod of before: CONTAINER_EXITED, exit code 255",
            id="its exit code is lost",
        ),
        pytest.param(
            {"exec": RUNNING, "kill": EXITED, "stopp": FAILED},
            "a pod of before cannot be stopped: NotFound",
            id="it cannot be stopped",
        ),
        pytest.param(
            {"exec": RUNNING, "kill": EXITED, "rmp": FAILED},
            "a pod of before cannot be removed: NotFound",
            id="it cannot be removed",
        ),
    ],
)
def test_a_pod_is_lost_if_crio_can_no_longer_do_something_with_it(answers, why):
    assert residents.loss(Answering(**answers), POD, "/run/crio.sock") == why


def test_crictl_asks_the_socket_on_which_crio_answers_now():
    node = Answering(exec=RUNNING, kill=EXITED)
    residents.loss(node, POD, "/run/other.sock")
    assert {each["CONTAINER_RUNTIME_ENDPOINT"] for each in node.environments} == {"unix:///run/other.sock"}


@pytest.mark.parametrize(("attempts", "gone"), [(1, True), (3, True), (4, False)])
def test_pods_are_removed_with_several_attempts(attempts, gone):
    done = []
    node = SimpleNamespace(
        name="node-1",
        remove_pods=lambda: done.append(1),
        check=lambda _command: "" if len(done) >= attempts else "a-pod\n",
    )
    if gone:
        residents.move_out(node)
        assert len(done) == attempts
    else:
        with pytest.raises(NodeError, match="pods cannot be removed: a-pod"):
            residents.move_out(node)
