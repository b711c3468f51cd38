# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role registries on a live node: pulls of CRI-O change without a restart, and invalid files never reach it."""

import re

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from testbed.bad_registries import REFUSALS
from testbed.observed import litter, observe, service

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.registries"]}]
APPLY = "cri.node.registries : Apply the registries configuration"
DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"
UNLISTED = {"registry": [{"prefix": "", "location": "unlisted:5000", "insecure": True}]}


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node for all tests of this module; each sets all registries that it needs."""
    yield testbed.add("registries")[0]
    testbed.remove("registries")


def pull(node, image):
    """Return the result of a pull, after removing the image from the node."""
    node.run(["crictl", "rmi", image])
    return node.run(["crictl", "pull", image])


def test_a_registry_without_tls_can_be_pulled_from_once_it_is_listed(node, run_playbook):
    refused = pull(node, "unlisted:5000/hello-world:1")
    assert "server gave HTTP response to HTTPS client" in refused.err
    invocation = service(node, "InvocationID")
    run = run_playbook(ROLE, node, variables={"registries_config": UNLISTED}).expect_success()
    assert run.of(APPLY)["plan"]["disruption"] == "reload"
    assert pull(node, "unlisted:5000/hello-world:1").rc == 0
    assert service(node, "InvocationID") == invocation
    assert litter(node) == ""
    run_playbook(ROLE, node, variables={}).expect_success()
    assert not node.exists(DROP_IN)
    assert "HTTP response to HTTPS client" in pull(node, "unlisted:5000/hello-world:1").err
    assert service(node, "InvocationID") == invocation


def test_a_second_run_changes_nothing_and_takes_one_remote_call(node, run_playbook):
    variables = {"registries_config": UNLISTED}
    run_playbook(ROLE, node, variables=variables).expect_success()
    before = observe(node)
    second = run_playbook(ROLE, node, "-vvv", variables=variables).expect_success()
    assert second.changed == 0
    assert observe(node) == before
    assert len(re.findall(r"SSH: EXEC", second.out)) == 1


def test_check_mode_predicts_the_changes_of_a_run_and_touches_nothing(node, run_playbook):
    variables = {"registries_config": {"registry": [{"location": "blocked.example.com", "blocked": True}]}}
    before = observe(node)
    predicted = run_playbook(ROLE, node, "--check", "--diff", variables=variables).expect_success()
    assert observe(node) == before
    done = run_playbook(ROLE, node, "--diff", variables=variables).expect_success()
    for part in ("changed", "plan", "diff", "validated_by"):
        assert predicted.of(APPLY)[part] == done.of(APPLY)[part], part
    assert run_playbook(ROLE, node, "--check", variables=variables).expect_success().changed == 0


def test_a_mirror_serves_images_of_a_registry_that_is_never_contacted(node, run_playbook):
    source = {
        "location": "source.example.com",
        "blocked": True,
        "mirror": [{"location": "registry:5000", "insecure": True}],
    }
    run_playbook(ROLE, node, variables={"registries_config": {"registry": [source]}}).expect_success()
    assert pull(node, "source.example.com/hello-world:1").rc == 0
    missing = pull(node, "source.example.com/not-in-the-mirror:1")
    assert "source.example.com is blocked in" in missing.err


def test_a_mirror_for_digests_needs_a_reload_and_concerns_no_image(node, run_playbook):
    run_playbook(ROLE, node, variables={}).expect_success()  # without the mirrors of other tests
    node.check(["crictl", "pull", "registry:5000/hello-world:1"])
    mirror = {"location": "mirror.example.com", "pull-from-mirror": "digest-only"}
    table = {"location": "registry:5000", "insecure": True, "mirror": [mirror]}
    invocation = service(node, "InvocationID")
    variables = {"registries_config": {"registry": [table]}}
    plan = run_playbook(ROLE, node, variables=variables).expect_success().of(APPLY)["plan"]
    assert (plan["disruption"], "images" in plan) == ("reload", False)
    assert service(node, "InvocationID") == invocation


def test_the_plan_names_the_images_and_running_pods_of_a_registry_that_is_blocked(node, run_playbook):
    run_playbook(ROLE, node, variables={}).expect_success()
    node.run_pod(name="blocked-later", image="registry:5000/long-running:1")
    blocked = {"location": "registry:5000", "insecure": True, "blocked": True}
    variables = {"registries_config": {"registry": [blocked]}}
    check = run_playbook(ROLE, node, "--check", variables=variables).expect_success()
    plan = check.of(APPLY)["plan"]
    assert plan["disruption"] == "reload"
    images = {image["name"]: image for image in plan["images"]}
    running = images["registry:5000/long-running:1"]
    assert (running["effect"], running["reason"]) == ("blocked", "registry:5000 is blocked")
    assert running["pods"] == ["default/blocked-later"]
    assert images["registry:5000/pause:1"]["pinned"]
    assert any("can no longer be pulled: registry:5000/long-running:1" in each for each in plan["reasons"])
    table = " ".join(check.out.split())
    assert "image registry:5000/long-running:1 can no longer be pulled, used by 1 running pod:" in table
    done = run_playbook(ROLE, node, variables=variables).expect_success()
    assert done.of(APPLY)["plan"] == plan
    assert "registry:5000 is blocked" in node.run(["crictl", "pull", "registry:5000/long-running:1"]).err
    node.remove_pods()
    run_playbook(ROLE, node, variables={}).expect_success()


@pytest.mark.real_crio("the stand-in does not watch files")
def test_a_daemon_that_watches_its_registries_is_reloaded_too_and_acknowledges_the_change(node, run_playbook):
    runtime = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]
    watches = {"crio_config": {"crio": {"image": {"auto_reload_registries": True}}}}
    run_playbook(runtime, node, variables=watches).expect_success()
    invocation = service(node, "InvocationID")
    variables = {**watches, "registries_config": UNLISTED}
    run = run_playbook(runtime, node, variables=variables).expect_success()
    plan = run.of("cri.node.runtime : Apply the runtime configuration")["plan"]
    assert plan["disruption"] == "reload"
    assert any("crio.image.auto_reload_registries" in reason for reason in plan["reasons"])
    assert pull(node, "unlisted:5000/hello-world:1").rc == 0
    assert run_playbook(runtime, node, variables=variables).expect_success().changed == 0
    assert service(node, "InvocationID") == invocation
    run_playbook(runtime, node, variables={}).expect_success()


def test_layers_from_all_variable_sources_are_merged_into_one_file(node, run_playbook):
    variables = {
        "registries_config": UNLISTED,
        "registries_config__b": {"registry": [{"location": "unlisted:5000", "blocked": True}]},
        "registries_config__a": {"aliases": {"hello": "unlisted:5000/hello-world"}},
    }
    run_playbook(ROLE, node, variables=variables).expect_success()
    assert node.read_file(DROP_IN).partition("\n")[2] == (
        '[aliases]\nhello = "unlisted:5000/hello-world"\n\n'
        '[[registry]]\nblocked = true\ninsecure = true\nlocation = "unlisted:5000"\nprefix = ""\n'
    )
    assert "unlisted:5000 is blocked in" in pull(node, "hello:1").err


@pytest.mark.parametrize("name", ["a URL as location", "conflicting insecure"])
def test_what_crio_would_refuse_is_refused_before_the_node_is_contacted(node, run_playbook, name):
    data, reason = REFUSALS[name]
    before = observe(node)
    variables = {"registries_config": UNLISTED, "registries_config__bad": data}
    run = run_playbook(ROLE, node, "-vvv", variables=variables)
    assert run.rc == 2
    message = run.failure["msg"]
    assert "\n- registries_config__bad: " in message
    assert f"CRI-O refuses {DROP_IN}: {reason}" in message
    assert "SSH: EXEC" not in run.out
    assert observe(node) == before


@pytest.mark.real_crio("the stand-in reads no other folder than CRI-O's own")
def test_the_recorded_reasons_match_those_of_crio_on_the_node(node):
    own = "--listen socket --root $PWD/root --runroot $PWD/run --version-file version --clean-shutdown-file clean"
    judge = f"timeout 20 crio --registries-conf-dir $PWD/$number {own} 2>&1 | grep 'level=fatal'"
    for number, (data, _reason) in enumerate(REFUSALS.values()):
        node.copy_in(f"/run/judged/{number}/zz-cri-node.conf", toml.dumps(data))
    output = node.check(
        f"cd /run/judged; for number in $(seq 0 {len(REFUSALS) - 1}); do {judge}; done;"
        " umount root/overlay; rm -r /run/judged"
    ).splitlines()
    assert len(output) == len(REFUSALS)
    for (name, (_data, reason)), line in zip(REFUSALS.items(), output, strict=True):
        assert f': {reason}"\n' in line.replace('\\"', '"') + "\n", name


def test_an_invalid_file_of_another_owner_changes_nothing(node, run_playbook):
    run_playbook(ROLE, node, variables={"registries_config": UNLISTED}).expect_success()
    before = observe(node)
    entry = {"path": DROP_IN, "owner": "registries", "disruption": "reload", "content": "[[registry]]\n"}
    task = {"cri.node.runtime_config": {"files": [entry]}}
    run = run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node)
    assert run.rc == 2
    assert "both location and prefix are unset" in run.failure["msg"]
    after = observe(node)
    assert (after.contents, after.invocation_id) == (before.contents, before.invocation_id)
    assert pull(node, "unlisted:5000/hello-world:1").rc == 0
