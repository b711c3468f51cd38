# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, pulls, imports and removes on a node with Debian's containerd alone, by its socket."""

import pytest

from images import KINDS, archive_of_one, docker_archive, oci_archive

ENDPOINT = "unix:///run/containerd/containerd.sock"
REFERENCE = "org.opencontainers.image.ref.name"
HELLO = "Hello from a container"  # what the image prints


@pytest.fixture(scope="module")
def containerd_node(testbed):
    """Return a running node with containerd, shared by this file."""
    yield testbed.add_containerd("containerd")[0]
    testbed.remove("containerd")


@pytest.fixture
def node(containerd_node):
    """Return the node without pods and images."""
    containerd_node.remove_pods()
    containerd_node.check("crictl images -q | sort -u | xargs -r crictl rmi")
    return containerd_node


@pytest.fixture
def call(node, call_module):
    """Return a function that calls a module on the node: call("crictl_image", "--check", name=[...])."""

    def run(module, /, *options, **arguments):
        return call_module(node, f"cri.node.{module}", {"endpoint": ENDPOINT, **arguments}, *options)

    return run


@pytest.fixture
def facts(call):
    """Return a function that calls a facts module and returns its fact."""

    def run(fact, /, **arguments):
        return call(f"{fact}_facts", **arguments)["ansible_facts"][fact]

    return run


def manifest(node, image):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hello-world", "labels": {"app": "httpd"}},
        "spec": {"containers": [{"name": "hello-world", "image": node.image(image)}]},
    }


def tags(node):
    return sorted(tag for image in node.crictl("images", "-o", "json")["images"] for tag in image["repoTags"])


def records(node):
    """Return the names in containerd's own store, without the IDs that its CRI adds."""
    listed = node.check("ctr --namespace k8s.io images list --quiet").split()
    return sorted(name for name in listed if not name.startswith("sha256:"))


def test_the_facts_name_the_runtime_and_its_conditions(node, facts):
    info = facts("crictl_info")
    assert info["version"]["runtime_name"] == "containerd"
    assert info["version"]["runtime_version"] in node.check("containerd --version")
    assert (info["runtime_ready"], info["network_ready"]) == (True, True)
    assert {each["type"]: each["status"] for each in info["conditions"]} == {
        each["type"]: each["status"] for each in node.crictl("info")["status"]["conditions"]
    }


def test_a_pod_runs_and_its_container_and_log_are_read(node, call, facts):
    made = call("crictl_pod", manifest=manifest(node, "hello-world"), wait="completed")
    assert (made["changed"], made["pulled"]) == (True, [node.image("hello-world")])
    assert facts("crictl_ps")["containers"] == []
    (ended,) = facts("crictl_ps", states=["exited"], details=True)["containers"]
    (printed,) = node.crictl("ps", "--all", "-o", "json")["containers"]
    assert ended["id"] == printed["id"] == made["containers"][0]["id"]
    assert (ended["exit_code"], ended["reason"]) == (0, "Completed")
    assert facts("crictl_logs", name="hello-world", format="text")["text"].strip() == HELLO
    assert call("crictl_pod", manifest=manifest(node, "hello-world"))["changed"] is False
    assert call("crictl_pod", manifest=manifest(node, "hello-world"), state="absent")["changed"] is True
    assert node.crictl("pods", "-o", "json")["items"] == []


def test_images_are_pulled_once_as_check_mode_predicted(node, call):
    names = [node.image("hello-world"), node.image("log-writer")]
    predicted = call("crictl_image", "--check", name=names)
    assert tags(node) == []
    done = call("crictl_image", name=names)
    assert [each["action"] for each in predicted["images"]] == [each["action"] for each in done["images"]]
    assert tags(node) == names
    assert call("crictl_image", name=names)["changed"] is False


def test_latest_is_a_change_only_if_the_image_changed(node, call):
    assert call("crictl_image", name=node.image("hello-world"), state="latest")["changed"] is True
    again = call("crictl_image", name=node.image("hello-world"), state="latest")
    assert (again["changed"], again["images"][0]["action"]) == (False, "pull")


def test_an_image_that_cannot_be_pulled_is_named(node, call):
    result = call("crictl_image", name=node.image("no-such-image"))
    assert result["msg"].startswith(
        f"the image {node.image('no-such-image')} could not be pulled: crictl pull failed: "
    )


def test_the_facts_of_images_match_the_output_of_crictl(node, facts):
    pod = node.run_pod("long-running")
    found, printed = facts("crictl_images"), node.crictl("images", "-o", "json")["images"]
    assert {image["id"]: (image["tags"], image["digests"]) for image in found["images"]} == {
        image["id"]: (image["repoTags"], image["repoDigests"]) for image in printed
    }
    users = {user["id"]: image["tags"] for image in found["images"] for user in image["containers"]}
    assert users == {pod.container_id: [node.image("long-running")]}
    (file_system, *_more) = found["file_systems"]["images"]
    assert file_system["available_bytes"] < file_system["size_bytes"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_imported_as_check_mode_predicted(node, call, tmp_path, kind):
    path, name = tmp_path / "app.tar", "example.com/app:1"
    identity = archive_of_one(path, kind, name)
    predicted = call("crictl_image", "--check", archive=str(path))
    assert records(node) == []
    done = call("crictl_image", archive=str(path))
    assert (predicted["changed"], done["changed"]) == (True, True)
    assert records(node) == [name]
    assert node.crictl("inspecti", "-q", name)["status"]["id"] == f"sha256:{identity}"
    assert call("crictl_image", archive=str(path))["changed"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_imported_under_other_names(node, call, tmp_path, kind):
    path, names = tmp_path / "app.tar", ["example.com/app:2", "example.com/other:1"]
    archive_of_one(path, kind, "example.com/app:1")
    assert call("crictl_image", archive=str(path), name=names)["changed"] is True
    assert records(node) == tags(node) == names


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_all_images_of_an_archive_are_imported(node, call, tmp_path, kind):
    path, names = tmp_path / "several.tar", ["example.com/a:1", "example.com/b:1"]
    if kind == "docker-archive":
        docker_archive(path, *((name, [name]) for name in names))
    else:
        oci_archive(path, *((name, {REFERENCE: name}) for name in names))
    assert [each["action"] for each in call("crictl_image", archive=str(path))["images"]] == [
        "import",
        "import",
    ]
    assert records(node) == tags(node) == names


def test_an_image_of_a_container_is_kept(node, call):
    node.run_pod("long-running")
    assert call("crictl_image", name=node.image("long-running"), state="absent")["kind"] == "in_use"
    assert node.image("long-running") in tags(node)


def test_an_image_with_several_names_is_only_removed_with_all_of_them(node, call, tmp_path):
    path, names = tmp_path / "app.tar", ["example.com/app:1", "example.com/app:2"]
    docker_archive(path, ("a", names))
    call("crictl_image", archive=str(path))
    refused = call("crictl_image", name=names[0], state="absent")
    assert "removes an image with all its names" in refused["msg"]
    assert tags(node) == names
    assert call("crictl_image", name=names, state="absent")["changed"] is True
    assert records(node) == []


def test_unused_images_are_pruned(node, call):
    call("crictl_image", name=[node.image("hello-world"), node.image("log-writer")])
    node.run_pod("long-running")
    rule = {"name": ["registry:5000/*"], "keep": [node.image("log-writer"), node.image("pause")]}
    predicted = call("crictl_image_prune", "--check", **rule)
    done = call("crictl_image_prune", **rule)
    assert predicted["images"] == done["images"]
    assert [each["name"] for each in done["images"]] == [node.image("hello-world")]
    assert {node.image("log-writer"), node.image("long-running")} <= set(tags(node))


def test_the_role_brings_images_to_containerd(node, run_playbook, tmp_path):
    archive_of_one(tmp_path / "app.tar", "docker-archive", "example.com/app:1")
    play = {
        "hosts": "nodes",
        "gather_facts": False,
        "module_defaults": {"group/cri.node.cri": {"endpoint": ENDPOINT}},
        "roles": ["cri.node.images"],
        "vars": {
            "images_present": [node.image("hello-world")],
            "images_archives": [{"archive": str(tmp_path / "app.tar")}],
            "images_prune": {"name": ["*"], "keep": [node.image("pause")]},
        },
    }
    node.check(["crictl", "pull", node.image("log-writer")])
    run_playbook([play], node).expect_success()
    assert tags(node) == ["example.com/app:1", node.image("hello-world")]
    assert run_playbook([play], node).expect_success().changed == 0
