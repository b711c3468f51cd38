# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls, imports and removes images on a real node, and compares the results with the output of crictl."""

import json

import pytest

from images import KINDS, archive_of_one, docker_archive

MODULE = "cri.node.crictl_image"
PASSWORD = "swordfish-1964"


@pytest.fixture
def node(node):
    """A node without the test bed's images, except for pause, which is pinned."""
    for name in ("hello-world", "log-writer", "long-running"):
        node.run(["crictl", "rmi", node.image(name)])
    return node


@pytest.fixture
def image(node, call_module):
    """Return a function that calls the module on the node."""

    def call(*options, **arguments):
        return call_module(node, MODULE, arguments, *options)

    return call


def tags(node):
    return sorted(tag for image in node.crictl("images", "-o", "json")["images"] for tag in image["repoTags"])


def test_images_are_pulled_once_as_check_mode_predicted(node, image):
    names = [node.image("hello-world"), node.image("log-writer")]
    predicted = image("--check", name=names)
    assert not set(names) & set(tags(node))
    done = image(name=names)
    assert [each["action"] for each in predicted["images"]] == [each["action"] for each in done["images"]]
    assert set(names) <= set(tags(node))
    listed = {each["id"]: each for each in node.crictl("images", "-o", "json")["images"]}
    for each in done["images"]:
        assert each["digests"] == listed[each["id"]]["repoDigests"]
        assert each["seconds"] > 0
    assert image(name=names)["changed"] is False


def test_latest_is_a_change_only_if_the_image_changed(node, image):
    assert image(name=node.image("hello-world"), state="latest")["changed"] is True
    again = image(name=node.image("hello-world"), state="latest")
    assert (again["changed"], again["images"][0]["action"]) == (False, "pull")


def test_an_image_that_cannot_be_pulled_is_named_and_the_others_are_pulled(node, image):
    missing = node.image("no-such-image")
    result = image(name=[node.image("hello-world"), missing])
    assert result["msg"].startswith(f"1 of 2 images could not be pulled: {missing}: ")
    assert node.image("hello-world") in tags(node)


def test_a_password_is_in_no_process_list_while_an_image_is_pulled(node, image):
    pattern = f"{PASSWORD[:-1]}[{PASSWORD[-1]}]"  # which does not match itself
    listed = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'"
    watch = f"while :; do {listed} | grep -e '{pattern}' >> /run/seen; done"
    node.check(["systemd-run", "--unit=watch", "sh", "-c", watch])
    try:
        result = image("-vvv", name=node.image("hello-world"), username="ops", password=PASSWORD)
    finally:
        node.check("systemctl stop watch")
    assert result["changed"] is True
    assert PASSWORD not in json.dumps(result)
    assert node.run(["cat", "/run/seen"]).out == ""
    assert PASSWORD not in node.check("journalctl --no-pager")


def test_an_image_of_a_container_and_a_pinned_one_are_kept(node, image):
    node.run_pod("long-running")
    before = tags(node)
    assert image(name=node.image("long-running"), state="absent")["kind"] == "in_use"
    assert image(name=node.image("pause"), state="absent")["kind"] == "pinned"
    assert tags(node) == before


def test_absent_images_are_removed_by_name_and_by_id(node, image):
    names = [node.image("hello-world"), node.image("log-writer")]
    pulled = image(name=names)["images"]
    assert image(name=[names[0], pulled[1]["id"]], state="absent")["changed"] is True
    assert not set(names) & set(tags(node))
    assert image(name=names, state="absent")["changed"] is False


def test_unused_images_are_pruned(node, image, call_module):
    image(name=[node.image("hello-world"), node.image("log-writer")])
    node.run_pod("long-running")
    rule = {"name": ["registry:5000/*"], "keep": [node.image("log-writer")]}
    predicted = call_module(node, "cri.node.crictl_image_prune", rule, "--check")
    done = call_module(node, "cri.node.crictl_image_prune", rule)
    assert predicted["images"] == done["images"]
    assert [each["name"] for each in done["images"]] == [node.image("hello-world")]
    assert {node.image("log-writer"), node.image("long-running"), node.image("pause")} <= set(tags(node))


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_imported_into_the_store_of_cri_o(node, image, tmp_path, kind):
    path, name = tmp_path / "app.tar", "example.com/app:1"
    identity = archive_of_one(path, kind, name)
    predicted = image("--check", archive=str(path))
    assert name not in tags(node)
    done = image(archive=str(path))
    assert (predicted["changed"], done["changed"]) == (True, True)
    assert node.crictl("inspecti", "-q", name)["status"]["id"] == identity
    assert image(archive=str(path))["changed"] is False
    assert image(name=name, state="absent")["changed"] is True


def test_a_node_without_a_program_for_an_import_says_what_it_needs(node, image, tmp_path):
    skopeo = node.check(["which", "-a", "skopeo"]).split()
    node.check(["chmod", "a-x", *skopeo])
    docker_archive(tmp_path / "app.tar", ("a", ["example.com/app:1"]))
    result = image(archive=str(tmp_path / "app.tar"))
    assert result["kind"] == "missing"
    assert "with skopeo or podman, and this node has neither" in result["msg"]
    node.check(["chmod", "a+x", *skopeo])
