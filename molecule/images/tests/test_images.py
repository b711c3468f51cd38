# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role ran: it has the listed images and those of its containers, and no others."""

import json

testinfra_hosts = ["ansible://nodes"]


def tags(host):
    images = json.loads(host.check_output("crictl images -o json"))["images"]
    return {tag for image in images for tag in image["repoTags"]}


def test_the_node_has_the_listed_images_and_those_of_containers(host):
    assert tags(host) == {
        "registry:5000/hello-world:1",
        "registry:5000/log-writer:1",
        "registry:5000/pause:1",  # pinned, and of a running container; the refused run kept hello-world, too
    }


def test_the_container_still_runs(host):
    containers = json.loads(host.check_output("crictl ps -o json"))["containers"]
    assert [each["metadata"]["name"] for each in containers] == ["used"]
