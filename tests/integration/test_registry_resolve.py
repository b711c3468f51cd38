# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_resolve on a live node: what it answers is where CRI-O then pulls from, and nothing is changed."""

import json

import pytest

from testbed.observed import observe

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.registries"]}]
DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"
OWN = "/root/.config/containers/registries.conf"
TABLE = {"prefix": "nowhere.example.com", "location": "unlisted:5000", "insecure": True}
IMAGE = "nowhere.example.com/hello-world:1"


@pytest.fixture
def node(fresh_node):
    """A node of the test's own: its configuration is changed."""
    return fresh_node()


@pytest.fixture
def resolve(node, call_module):
    """A function that returns the answer of the module for names."""

    def ask(*names, options=()):
        result = call_module(node, "cri.node.registry_resolve", {"names": list(names)}, *options)
        assert "registries" in result, result
        assert result["changed"] is False
        return result

    return ask


def test_the_endpoint_of_a_name_is_where_the_node_pulls_it_from(node, run_playbook, resolve):
    run_playbook(ROLE, node, variables={"registries_config": {"registry": [TABLE]}}).expect_success()
    before = observe(node)
    found = resolve(IMAGE)
    assert resolve(IMAGE, options=["--check"]) == found
    assert observe(node) == before
    [endpoint] = found["images"][0]["endpoints"]
    assert (endpoint["reference"], endpoint["insecure"]) == ("unlisted:5000/hello-world:1", True)
    assert (endpoint["prefix"], endpoint["path"]) == ("nowhere.example.com", DROP_IN)
    assert node.run(["crictl", "pull", IMAGE]).rc == 0


def test_a_file_of_root_and_a_later_drop_in_are_findings(node, run_playbook, resolve):
    run_playbook(ROLE, node, variables={"registries_config": {"registry": [TABLE]}}).expect_success()
    later = "/etc/containers/registries.conf.d/zzz.conf"
    node.copy_in(later, '[[registry]]\nlocation = "nowhere.example.com"\n')
    assert {each["kind"] for each in resolve()["findings"] if each["path"] == later} >= {"overrides_ours"}
    node.copy_in(OWN, "")
    found = resolve(IMAGE)
    assert [each["kind"] for each in found["findings"] if each["path"] == OWN] == ["hides_files"]
    assert found["images"][0]["endpoints"][0]["reference"] == IMAGE


def test_no_credential_leaves_the_node(node, resolve):
    node.copy_in(
        "/run/containers/0/auth.json", '{"auths": {"nowhere.example.com": {"auth": "Q0FOQVJZOng="}}}'
    )
    found = resolve(IMAGE)
    assert found["images"][0]["endpoints"][0]["credential"]["key"] == "nowhere.example.com"
    assert "Q0FOQVJZOng=" not in json.dumps(found)
