# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests credentials, signature policies and certificates on a live node: CRI-O uses them for the next pull, without a restart."""

import json

import pytest

from testbed.observed import litter, observe, service

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.registries"]}]
RUNTIME = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]
APPLY = "cri.node.registries : Apply the registries configuration"
AUTH = "/root/.config/containers/auth.json"
POLICY = "/etc/crio/policy.json"
UNLISTED = {"registry": [{"prefix": "", "location": "unlisted:5000", "insecure": True}]}
CREDENTIALS = {"registry.example.com": {"username": "robot", "password": "canary"}}
ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    yield testbed.add("registry-files")[0]
    testbed.remove("registry-files")


def pull(node, image):
    """Return the result of a pull, after removing the image from the node."""
    node.run(["crictl", "rmi", image])
    return node.run(["crictl", "pull", image])


def test_credentials_are_entries_beside_those_of_others(node, run_playbook):
    theirs = {"auths": {"theirs.example.com": {"auth": "dGhlaXJzOng="}}, "credsStore": "pass"}
    node.check(["mkdir", "-p", "/root/.config/containers"])
    node.copy_in(AUTH, json.dumps(theirs))
    invocation = service(node, "InvocationID")
    done = run_playbook(ROLE, node, "--diff", variables={"registries_auth": CREDENTIALS}).expect_success()
    assert done.of(APPLY)["plan"]["disruption"] == "none"
    assert set(json.loads(node.read_file(AUTH))["auths"]) == {"theirs.example.com", "registry.example.com"}
    assert run_playbook(ROLE, node, variables={"registries_auth": CREDENTIALS}).expect_success().changed == 0
    emptied = run_playbook(ROLE, node, variables={}).expect_success()
    assert emptied.of(APPLY)["plan"]["files"] == {AUTH: "change"}
    assert json.loads(node.read_file(AUTH)) == theirs
    assert service(node, "InvocationID") == invocation
    assert litter(node) == ""


def test_a_file_of_credentials_that_is_not_json_is_one_error_and_stays(node, run_playbook):
    node.check(["mkdir", "-p", "/root/.config/containers"])
    node.copy_in(AUTH, '{"auths": ')
    before = observe(node)
    run = run_playbook(ROLE, node, variables={"registries_auth": CREDENTIALS})
    assert run.rc == 2
    assert f"{AUTH} is not JSON" in run.failure["msg"]
    assert observe(node) == before
    node.check(["rm", AUTH])


@pytest.mark.real_crio("the stand-in pulls with skopeo, which reads another policy")
def test_a_policy_decides_on_the_next_pull_and_the_former_one_returns(node, run_playbook):
    path = {"crio_config": {"crio": {"image": {"signature_policy": POLICY}}}}
    former = {"default": ACCEPT, "transports": {"docker": {"theirs.example.com": REJECT}}}
    node.copy_in(POLICY, json.dumps(former))
    variables = {**path, "registries_config": UNLISTED}
    run_playbook(RUNTIME, node, variables=variables).expect_success()
    assert pull(node, "unlisted:5000/hello-world:1").rc == 0
    invocation = service(node, "InvocationID")
    policy = {"default": ACCEPT, "transports": {"docker": {"unlisted:5000": REJECT}}}
    run_playbook(RUNTIME, node, variables={**variables, "registries_policy": policy}).expect_success()
    assert "is rejected by policy" in pull(node, "unlisted:5000/hello-world:1").err
    assert json.loads(node.read_file(POLICY))["transports"]["docker"]["theirs.example.com"] == REJECT
    run_playbook(RUNTIME, node, variables=variables).expect_success()
    assert json.loads(node.read_file(POLICY)) == former
    assert pull(node, "unlisted:5000/hello-world:1").rc == 0
    assert service(node, "InvocationID") == invocation


def test_a_scope_of_another_file_of_registries_d_is_refused(node, run_playbook):
    node.check(["mkdir", "-p", "/etc/containers/registries.d"])
    node.copy_in(
        "/etc/containers/registries.d/other.yaml", "docker:\n  a.example:\n    lookaside: https://x.example\n"
    )
    before = observe(node)
    ours = {"docker": {"a.example": {"use-sigstore-attachments": True}}}
    run = run_playbook(ROLE, node, variables={"registries_signatures": ours})
    assert run.rc == 2
    assert "would both define a.example" in run.failure["msg"]
    assert observe(node) == before
    node.check(["rm", "/etc/containers/registries.d/other.yaml"])


@pytest.mark.real_crio("the stand-in reads no storage.conf")
def test_another_root_in_storage_conf_is_refused_while_containers_run(node, run_playbook):
    node.run_pod(name="in-use")
    before = observe(node)
    storage = {"storage": {"driver": "overlay", "graphroot": "/var/lib/containers/other"}}
    # On this node a restart ends containers too, which is refused first.
    variables = {"registries_storage": storage, "runtime_overruled_guards": ["kill_mode"]}
    run = run_playbook(RUNTIME, node, variables=variables)
    assert run.rc == 2
    assert run.failure["guard"] == "storage_in_use"
    assert observe(node) == before


@pytest.mark.real_crio("the stand-in reads no storage.conf")
def test_another_root_is_refused_while_there_are_images_and_costs_them_if_that_is_accepted(
    node, run_playbook
):
    node.remove_pods()
    node.check(["crictl", "pull", "registry:5000/hello-world:1"])
    count = len(node.crictl("images", "-o", "json")["images"])
    other = "/var/lib/containers/other"
    variables = {"registries_storage": {"storage": {"driver": "overlay", "graphroot": other}}}
    before = observe(node)
    for options in (["--check"], []):
        failure = run_playbook(RUNTIME, node, *options, variables=variables).failure
        assert failure["guard"] == "storage_in_use"
        assert f"crio.root = {other} would lose {count} image" in failure["msg"]
        assert failure["plan"]["disruption"] == "restart"  # a drain does not save images
        assert observe(node) == before
    variables["runtime_overruled_guards"] = ["storage_in_use"]
    done = run_playbook(RUNTIME, node, variables=variables).expect_success()
    overruled = done.of("cri.node.runtime : Apply the runtime configuration")["plan"]["overruled_guards"]
    assert f"{count} image" in overruled["storage_in_use"]
    assert node.crictl("images", "-o", "json")["images"] == []
    run_playbook(RUNTIME, node, variables={}).expect_success()
    assert len(node.crictl("images", "-o", "json")["images"]) == count


@pytest.mark.real_crio("the stand-in reads no storage.conf")
def test_a_storage_conf_with_which_crio_does_not_start_is_refused_by_crio_itself(node, run_playbook):
    before = observe(node)
    entry = {
        "path": "/etc/containers/storage.conf",
        "owner": "registries",
        "content": "[storage]\ndriver = 5\n",
    }
    task = {"cri.node.runtime_config": {"files": [entry]}}
    run = run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node)
    assert run.rc == 2
    assert "incompatible types" in run.failure["msg"]
    assert observe(node) == before


AUTHORITY = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout /dev/null 2>/dev/null"
    " -subj /CN=cri-node-"
)
STORE = "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.real_crio("the stand-in does not bind the port of metrics")
def test_an_authority_is_in_the_store_of_the_system_until_its_change_is_undone_or_it_is_removed(
    node, run_playbook
):
    node.remove_pods()
    before = node.read_file(STORE)
    first, second = (node.check(f"{AUTHORITY}{name}").strip() for name in ("first", "second"))
    variables = {"registries_ca_certificates": {"first": first}}
    run_playbook(RUNTIME, node, "--check", variables=variables).expect_success()
    assert node.read_file(STORE) == before
    done = run_playbook(RUNTIME, node, variables=variables).expect_success()
    plan = done.of("cri.node.runtime : Apply the runtime configuration")["plan"]
    created = "/usr/local/share/ca-certificates/cri-node-first.crt"
    assert (plan["disruption"], plan["files"][created]) == ("restart", "create")
    assert first in node.read_file(STORE)
    assert run_playbook(RUNTIME, node, variables=variables).expect_success().changed == 0
    with_first = node.read_file(STORE)
    taken = {"crio_config": {"crio": {"metrics": {"enable_metrics": True, "metrics_port": 22}}}}
    failing = {"registries_ca_certificates": {"second": second}, **taken}
    failure = run_playbook(RUNTIME, node, variables=failing).failure
    assert (failure["rolled_back"], failure["as_before"]) == (True, True)
    assert node.read_file(STORE) == with_first
    run_playbook(RUNTIME, node, variables={}).expect_success()
    assert node.read_file(STORE) == before
    assert node.run("ls /usr/local/share/ca-certificates").out == ""
    assert litter(node) == ""
