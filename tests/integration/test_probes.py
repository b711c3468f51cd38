# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests probes on a live node: one that passes leaves nothing, and one that fails undoes the change with CRI-O's reason."""

import pytest

from testbed import article, playbooks
from testbed.observed import litter, observe, running_containers

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]
APPLY = "cri.node.runtime : Apply the runtime configuration"
BROKEN = "/usr/local/lib/testbed/broken-runtime"
PREFIX = "app.example.com"


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node with a pod, an image, the settings of the article, and an OCI runtime that only fails."""
    node = testbed.add("probes")[0]
    node.copy_in(BROKEN, "#!/bin/sh\necho out of luck >&2\nexit 1\n", mode=0o755)
    node.run_pod()
    playbooks.run_playbook(ROLE, [node], test_bed=testbed, variables=article.settings()).expect_success()
    yield node
    testbed.remove("probes")


@pytest.fixture(autouse=True)
def leaves_nothing(node):
    """Expect that a test leaves no pod, no image and no record of a probe."""
    before = everything(node)
    yield
    assert everything(node) == before
    assert litter(node) == ""


def everything(node) -> str:
    """Return all pods, containers, images and folders of logs of a node."""
    return node.check(
        "crictl pods -q | sort; crictl ps -aq | sort; crictl images -q | sort; ls /var/log/pods"
    )


def handler(path: str, **probes) -> dict:
    """Return settings with a handler that is run by this program, and with probes."""
    table = {"runtime_path": path, "monitor_path": "/usr/libexec/crio/conmon", "monitor_cgroup": "pod"}
    layer = {"crio": {"runtime": {"runtimes": {"tried": table}}}}
    return {**article.settings(), "crio_config__tried": layer, "runtime_probes": probes}


def mirror(location: str, **registry) -> dict:
    """Return settings with a location for the images of a registry that does not exist, and a pull from it."""
    registries = {"registry": [{"prefix": PREFIX, "location": location, **registry}]}
    return {
        **article.settings(),
        "registries_config": registries,
        "runtime_probes": {"pull": [f"{PREFIX}/hello-world:1"]},
    }


def test_a_pull_that_a_wrong_mirror_refuses_is_undone(node, run_playbook):
    before = observe(node)
    run = run_playbook(ROLE, node, variables=mirror("unlisted:5000"))  # it does not speak TLS
    outcome = run.of(APPLY)
    assert (outcome["phase"], outcome["rolled_back"], outcome["as_before"]) == ("probe", True, True)
    assert f"the image {PREFIX}/hello-world:1 cannot be pulled" in outcome["msg"]
    assert "server gave HTTP response to HTTPS client" in outcome["msg"]
    assert f'registry."{PREFIX}".location = "unlisted:5000" (from registries_config)' in outcome["msg"]
    assert observe(node).invocation_id == before.invocation_id


def test_a_pull_from_a_mirror_that_answers_is_committed_and_its_image_removed(node, run_playbook):
    run = run_playbook(ROLE, node, variables=mirror("unlisted:5000", insecure=True)).expect_success()
    assert run.of(APPLY)["plan"]["probes"] == [f"pull {PREFIX}/hello-world:1"]
    assert run.of(APPLY)["plan"]["disruption"] == "reload"


@pytest.mark.real_crio("the stand-in ignores the program of a handler")
def test_a_handler_that_runs_a_pod_is_committed_as_predicted(node, run_playbook):
    image = node.image("hello-world")
    variables = handler("/usr/local/lib/testbed/crun", image=image)
    containers = running_containers(node)
    predicted = run_playbook(ROLE, node, "--check", variables=variables).expect_success()
    expected = [f"run a pod of {image} with the handler tried"]
    assert predicted.of(APPLY)["plan"]["probes"] == expected
    assert f"probe: {expected[0]}" in predicted.out
    run = run_playbook(ROLE, node, variables=variables).expect_success()
    assert run.of(APPLY)["plan"]["probes"] == expected
    assert run.changed == 1
    assert running_containers(node) == containers
    assert run_playbook(ROLE, node, variables=variables).expect_success().changed == 0


@pytest.mark.real_crio("the stand-in ignores the program of a handler")
@pytest.mark.parametrize("handlers", ["changed", "all", ["tried"]])
def test_a_handler_whose_program_fails_is_undone_with_the_reason(node, run_playbook, handlers):
    before, containers = observe(node), running_containers(node)
    variables = handler(BROKEN, image=node.image("hello-world"), handlers=handlers)
    run = run_playbook(ROLE, node, variables=variables)
    outcome = run.of(APPLY)
    assert (outcome["phase"], outcome["rolled_back"], outcome["as_before"]) == ("probe", True, True)
    # runc comes first, and cannot run in a node of the test bed.
    failing = "runc" if handlers == "all" else "tried"
    assert f"a pod with the handler {failing} does not run" in outcome["msg"]
    if failing == "tried":
        assert "container create failed: out of luck" in outcome["msg"]
        assert (
            f'crio.runtime.runtimes.tried.runtime_path = "{BROKEN}" (from crio_config__tried)'
            in outcome["msg"]
        )
    assert "The change was undone: the node is as it was." in outcome["msg"]
    assert observe(node).configuration == before.configuration
    assert running_containers(node) == containers


def test_a_handler_that_crio_does_not_have_is_undone(node, run_playbook):
    variables = {
        **article.settings(port=9601),
        "runtime_probes": {"image": node.image("hello-world"), "handlers": ["nowhere"]},
    }
    outcome = run_playbook(ROLE, node, variables=variables).of(APPLY)
    assert (outcome["phase"], outcome["as_before"]) == ("probe", True), outcome["msg"]
    assert "a pod with the handler nowhere does not run" in outcome["msg"]


@pytest.mark.real_crio("the stand-in ignores the program of a handler")
def test_a_pod_that_keeps_running_is_removed(node, run_playbook):
    variables = handler("/usr/local/lib/testbed/crun", image=node.image("long-running"), handlers=["crun"])
    variables["crio_config__tried"]["crio"]["metrics"] = {"metrics_port": 9600}
    run = run_playbook(ROLE, node, variables=variables).expect_success()
    assert run.of(APPLY)["plan"]["probes"] == [
        f"run a pod of {node.image('long-running')} with the handler crun"
    ]
