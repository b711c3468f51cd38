# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the facts of the crictl modules on a real node with the output of crictl."""

import gzip
import importlib
import json

import pytest
import yaml


@pytest.fixture
def facts(node, call_module):
    """Return a function that runs a module on the node and returns its fact."""

    def run(name, **options):
        result = call_module(node, f"cri.node.{name}_facts", options)
        assert "ansible_facts" in result, result
        return result["ansible_facts"][name]

    return run


@pytest.fixture
def writer(node):
    """Return a pod that has written 20 lines to each stream and ended."""
    pod = node.run_pod("log-writer", environment={"LINES": "20"}, labels={"app": "a=b"})
    ended(node, pod)
    return pod


def ended(node, pod):
    def look():
        state = node.crictl("inspect", pod.container_id)["status"]["state"]
        return state == "CONTAINER_EXITED", state

    node.wait_for("container ended", look)


def test_info_matches_the_output_of_crictl(node, facts):
    info, printed = facts("crictl_info"), node.crictl("info")
    assert {item["type"]: item["status"] for item in info["conditions"]} == {
        item["type"]: item["status"] for item in printed["status"]["conditions"]
    }
    assert info["runtime_ready"] is True
    assert f"RuntimeVersion:  {info['version']['runtime_version']}" in node.check("crictl version")
    assert info["version"]["runtime_name"] == "cri-o"
    assert f"cgroup driver:   {info['cgroup_driver'].upper()}" in node.check("crictl runtime-config")
    assert [handler["name"] for handler in info["handlers"] if handler["default"]] == ["crun"]


def test_info_ignores_crictl_yaml(node, facts):
    before = node.read_file("/etc/crictl.yaml") if node.exists("/etc/crictl.yaml") else None
    node.copy_in("/etc/crictl.yaml", "runtime-endpoint: unix:///nowhere.sock\ntimeout: 2s\nno-such-key: 1\n")
    try:
        assert facts("crictl_info")["runtime_ready"] is True
    finally:
        if before is None:
            node.check("rm /etc/crictl.yaml")
        else:
            node.copy_in("/etc/crictl.yaml", before)


def test_ps_lists_running_containers(node, facts):
    pod = node.run_pod("long-running", labels={"app": "test"})
    (container,) = facts("crictl_ps")["containers"]
    (printed,) = node.crictl("ps", "-o", "json")["containers"]
    assert (container["id"], printed["id"]) == (pod.container_id, pod.container_id)
    assert container["state"] == "running"
    assert container["pod"]["id"] == printed["podSandboxId"]
    assert container["labels"] == printed["labels"]


def test_ps_shows_how_containers_ended(node, facts, writer):
    assert facts("crictl_ps")["containers"] == []
    (container,) = facts(
        "crictl_ps", states=["exited", "created"], id=[writer.container_id[:12]], details=True
    )["containers"]
    assert (container["exit_code"], container["reason"]) == (0, "Completed")
    assert container["log_path"] == writer.log_path
    # CRI-O notes a start only after it: a container that ends at once may have ended before that (seen: 0.1 ms).
    assert container["created_at"] < min(container["started_at"], container["finished_at"])


def test_details_match_the_configuration_that_crictl_prints(node, facts):
    pod = node.run_pod("long-running", environment={"PASSWORD": "hunter2"})
    (container,) = facts("crictl_ps", details=True)["containers"]
    printed, sandbox = node.crictl("inspect", pod.container_id)["status"], node.crictl("inspectp", pod.pod_id)
    options = sandbox["status"]["linux"]["namespaces"]["options"]
    modes = {key: options[key].lower() for key in ("network", "pid", "ipc")}
    assert {key: container["pod"]["namespaces"][key] for key in modes} == modes
    assert [each["container_path"] for each in container["mounts"]] == [
        each["containerPath"] for each in printed["mounts"]
    ]
    assert container["image"]["ref"] == printed["imageRef"]
    assert "hunter2" not in json.dumps(container)


def test_details_of_several_containers_take_one_call(node, facts):
    pods = [node.run_pod("hello-world") for _each in range(3)]
    for pod in pods:
        ended(node, pod)
    found = facts("crictl_ps", states=[], details=True)["containers"]
    assert {item["id"] for item in found} == {pod.container_id for pod in pods}
    assert {item["exit_code"] for item in found} == {0}


def test_images_match_the_output_of_crictl(node, facts):
    pod = node.run_pod("long-running")
    found, printed = facts("crictl_images"), node.crictl("images", "-o", "json")["images"]
    assert {image["id"]: (image["tags"], image["digests"], image["pinned"]) for image in found["images"]} == {
        image["id"]: (image["repoTags"], image["repoDigests"], image["pinned"]) for image in printed
    }
    users = {user["id"]: image["tags"] for image in found["images"] for user in image["containers"]}
    assert users == {pod.container_id: [node.image("long-running")]}
    (file_system, *_more) = found["file_systems"]["images"]
    assert file_system["available_bytes"] < file_system["size_bytes"]


def test_logs_contain_what_was_written(node, facts, writer):
    logs = facts("crictl_logs", id=writer.container_id)
    written = node.read_file(writer.log_path).splitlines()
    assert [(entry["stream"], entry["text"]) for entry in logs["entries"]] == [
        (line.split(" ", 3)[1], line.split(" ", 3)[3]) for line in written
    ]
    assert (logs["truncated"], logs["malformed"], logs["lines"]) == (False, 0, 40)
    out = facts("crictl_logs", id=writer.container_id, format="text", stream="stdout")
    assert out["text"] == node.check(f"crictl logs {writer.container_id} 2>/dev/null")


def test_logs_continue_in_rotated_files(node, facts, writer):
    written = node.read_file(writer.log_path)
    half = written.index("\n", len(written) // 2) + 1
    quarter = written.index("\n", half // 2) + 1
    path = writer.log_path
    node.check(f"mv {path} {path}.20260101-000200")
    node.copy_in(f"{path}.20260101-000200", written[quarter:half])
    node.copy_in(f"{path}.20260101-000100.gz", gzip.compress(written[:quarter].encode()))
    node.copy_in(path, written[half:])
    logs = facts("crictl_logs", id=writer.container_id)
    assert [entry["text"] for entry in logs["entries"]] == [
        line.split(" ", 3)[3] for line in written.splitlines()
    ]
    assert len(logs["containers"][0]["files"]) == 3


def test_the_cost_of_a_million_lines_depends_on_what_is_selected(node, facts, writer):
    line = "2026-01-01T00:00:00.000000000Z stdout F " + "x" * 60
    node.check(f"yes '{line}' | head -n 1000000 > {writer.log_path}", limit=120)
    logs = facts("crictl_logs", id=writer.container_id, tail=100)
    assert (logs["lines"], logs["truncated"]) == (100, True)
    assert logs["bytes_read"] <= 2**20


def test_a_log_that_is_being_written_and_rotated_is_read_without_gaps(node, facts):
    pod = node.run_pod("log-writer", environment={"LINES": "3000", "INTERVAL": "0.002"})
    for number in range(3):
        logs = facts("crictl_logs", id=pod.container_id, stream="stdout", tail=100_000, max_bytes=10**6)
        numbers = [int(entry["text"].split()[1]) for entry in logs["entries"]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        path = pod.log_path
        node.check(f"mv {path} {path}.20260101-00000{number}")
        node.run(["timeout", "5", "crictl", "logs", "--reopen", pod.container_id])


def test_check_mode_returns_the_same_facts(node, call_module, writer):
    for name, options in (
        ("crictl_info", {}),
        # Only this one: a container of another test may end between the two calls.
        ("crictl_ps", {"states": [], "details": True, "id": writer.container_id}),
        ("crictl_logs", {"id": writer.container_id}),
    ):
        run = call_module(node, f"cri.node.{name}_facts", options)
        check = call_module(node, f"cri.node.{name}_facts", options, "--check")
        assert run["ansible_facts"] == check["ansible_facts"]
        assert (run["changed"], check["changed"]) == (False, False)


@pytest.fixture
def hello_pod(node):
    """Return the pod of the examples: its container hello-world was restarted once."""
    pod = node.run_pod("pause", name="hello-pod")
    folder = pod.log_path.rsplit("/", 2)[0]
    uid = folder.rsplit("_", 1)[1]
    kubelet = {"io.kubernetes.pod.name": "hello-pod", "io.kubernetes.pod.namespace": "default"}
    container = {
        "metadata": {"name": "hello-world", "attempt": 1},
        "image": {"image": node.image("hello-world")},
        "labels": {**kubelet, "io.kubernetes.pod.uid": uid},
        "log_path": "hello-world/1.log",
        "linux": {},
    }
    sandbox = {
        "metadata": {"name": "hello-pod", "namespace": "default", "uid": uid, "attempt": 0},
        "log_directory": folder,
        "linux": {},
    }
    node.copy_in("/tmp/container.json", json.dumps(container))
    node.copy_in("/tmp/pod.json", json.dumps(sandbox))
    node.copy_in(f"{folder}/hello-world/0.log", "2026-01-01T00:00:00Z stderr F crashed\n")
    node.crictl("pull", node.image("hello-world"))
    container_id = node.crictl("create", pod.pod_id, "/tmp/container.json", "/tmp/pod.json")
    node.crictl("start", container_id)
    return pod


@pytest.mark.parametrize(
    "name", ["crictl_info_facts", "crictl_ps_facts", "crictl_logs_facts", "crictl_images_facts"]
)
def test_examples_run_as_written(node, run_playbook, hello_pod, name):
    module = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{name}")
    tasks = yaml.safe_load(module.EXAMPLES)
    run = run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": tasks}], node).expect_success()
    if name == "crictl_logs_facts":
        logs = run.of("Read the log of a container before it was restarted")["ansible_facts"]["crictl_logs"]
        assert logs["text"] == "crashed\n"
