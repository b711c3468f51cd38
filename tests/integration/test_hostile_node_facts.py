# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the crictl modules end with one clear message on a broken node, never with a traceback."""

import json

import pytest

MODULES = {
    "crictl_info_facts": {},
    "crictl_ps_facts": {"details": True},
    "crictl_logs_facts": {"name": "any"},
    "crictl_images_facts": {},
}
SILENT = """
import socket, time
server = socket.socket(socket.AF_UNIX)
server.bind("/run/silent.sock")
server.listen(50)
time.sleep(600)
"""


@pytest.fixture(params=MODULES)
def failure(request, call_module):
    """Return a function that runs a module that must fail, and returns the kind of its failure."""

    def run(node, **options):
        result = call_module(node, f"cri.node.{request.param}", {**MODULES[request.param], **options})
        return clear(result)

    run.module = request.param
    return run


def clear(result):
    assert "ansible_facts" not in result
    assert "kind" in result, result
    assert "\n" not in result["msg"]
    assert "Traceback" not in json.dumps(result)
    return result["kind"]


@pytest.fixture
def fake_crictl(node, run_playbook, request):
    """Return a function that replaces crictl with a script and returns how a module fails then."""

    def run(module, script, **options):
        node.copy_in("/tmp/fake/crictl", f"#!/bin/sh\n{script}\n", 0o755)
        task = {
            "name": "call",
            f"cri.node.{module}": {**MODULES[module], **options},
            "environment": {"PATH": "/tmp/fake:/usr/sbin:/usr/bin:/sbin:/bin"},
        }
        return run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node).of("call")

    yield run
    node.check("rm -rf /tmp/fake")


def test_no_crictl(bare_node, failure):
    assert failure(bare_node) == "missing"


def test_no_socket(node, failure):
    assert failure(node, endpoint="/run/nowhere.sock") == "unreachable"


def test_a_regular_file_in_place_of_the_socket(node, failure):
    assert failure(node, endpoint="/etc/hostname") == "unreachable"


def test_a_socket_without_a_listener(node, failure):
    node.check(["python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('/run/dead.sock')"])
    try:
        assert failure(node, endpoint="/run/dead.sock") == "unreachable"
    finally:
        node.check("rm /run/dead.sock")


def test_a_socket_that_never_answers(node, failure):
    node.check(["systemd-run", "--unit=silent", "python3", "-c", SILENT])
    node.wait_for("socket", lambda: (node.exists("/run/silent.sock"), "no socket yet"))
    try:
        assert failure(node, endpoint="/run/silent.sock", timeout=1) == "timeout"
    finally:
        node.check("systemctl stop silent; rm -f /run/silent.sock")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ("exec /usr/local/bin/crictl 2>/dev/null || exec /usr/bin/crictl", ("not_json", "failed")),
        ("head -c 100000 /dev/urandom", ("not_json", "failed")),
        ("yes", ("failed",)),
        ("sleep 600", ("timeout",)),
    ],
    ids=["help with status 0", "random bytes", "endless output", "no answer"],
)
def test_a_crictl_that_is_another_program(fake_crictl, module, script, kinds):
    assert clear(fake_crictl(module, script, timeout=3)) in kinds


def test_not_root(node, run_playbook, failure):
    task = {
        "name": "call",
        f"cri.node.{failure.module}": MODULES[failure.module],
        "become": True,
        "become_user": "nobody",
        "become_method": "su",
        "become_flags": "-s /bin/sh",
    }
    run = run_playbook(
        [{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node, env={"ANSIBLE_PIPELINING": "true"}
    )
    assert clear(run.of("call")) == "permission"


@pytest.mark.real_crio("containerd writes a line that has no end only when its container has ended")
def test_bytes_in_a_log_that_are_not_valid_text(node, call_module):
    pod = node.run_pod("long-running", ["/bin/sh", "-c", r"printf 'a\377\000b\nc'; sleep 600"])
    node.wait_for("output", lambda: (len(node.check(["cat", pod.log_path])) > 50, "no output yet"))
    logs = call_module(node, "cri.node.crictl_logs_facts", {"id": pod.container_id})["ansible_facts"][
        "crictl_logs"
    ]
    assert [entry["text"] for entry in logs["entries"]] == ["a\ufffd\0b", "c"]
    assert logs["undecodable"] == 1


def test_a_log_replaced_by_a_link_is_not_followed(node, call_module):
    pod = node.run_pod("long-running")
    node.check(f"ln -sf /etc/shadow {pod.log_path}")
    result = call_module(node, "cri.node.crictl_logs_facts", {"id": pod.container_id})
    assert clear(result) == "failed"
    assert "symbolic link" in result["msg"]


def test_300_containers(node, call_module):
    pod = node.run_pod("pause")
    container = {"image": {"image": node.image("pause")}, "linux": {}}
    sandbox = {"metadata": {"name": "many", "namespace": "default", "uid": "many"}, "linux": {}}
    node.copy_in("/tmp/pod.json", json.dumps(sandbox))
    node.copy_in("/tmp/container.json", json.dumps({**container, "metadata": {"name": "NAME"}}))
    node.check(
        "for number in $(seq 300); do sed s/NAME/c$number/ /tmp/container.json > /tmp/one.json; "
        f"crictl create {pod.pod_id} /tmp/one.json /tmp/pod.json > /dev/null || exit 1; done",
        limit=300,
    )
    result = call_module(node, "cri.node.crictl_ps_facts", {"states": [], "details": True})
    assert len(result["ansible_facts"]["crictl_ps"]["containers"]) == 301
