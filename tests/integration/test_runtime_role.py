# SPDX-License-Identifier: GPL-3.0-or-later
"""The role runtime: CRI-O, registries and crictl as one transaction, and each of the three alone beside it."""

import re

import pytest

from testbed import article
from testbed.observed import litter, metrics_answer, observe

APPLY = "cri.node.runtime : Apply the runtime configuration"
CRIO = article.DROP_IN
REGISTRIES = "/etc/containers/registries.conf.d/zz-cri-node.conf"
CRICTL = "/etc/crictl.yaml"
COMPLETION = "/etc/bash_completion.d/crictl"
FILES = {CRIO, article.UNIT_DROP_IN, REGISTRIES, CRICTL, COMPLETION}


def role(name):
    """A play of one role."""
    return [{"hosts": "nodes", "gather_facts": False, "roles": [f"cri.node.{name}"]}]


def settings(**more):
    """Variables of all three roles."""
    return {
        **article.settings(),
        "registries_config": {"registry": [{"location": "unlisted:5000", "insecure": True}]},
        "crictl_config": {"timeout": 20},
        **more,
    }


def calls(run):
    """How many remote calls a run with -vvv made."""
    return len(re.findall(r"SSH: EXEC", run.out))


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """One node for all tests of this module; each begins with a run of the role."""
    yield testbed.add("runtime")[0]
    testbed.remove("runtime")


def test_all_three_are_changed_by_two_calls_and_one_restart(node, run_playbook):
    run = run_playbook(role("runtime"), node, "-vvv", variables=settings()).expect_success()
    assert calls(run) == 2
    outcome = run.of(APPLY)
    assert (outcome["generation"], outcome["plan"]["disruption"]) == (1, "restart")
    assert set(outcome["plan"]["files"]) == FILES
    assert metrics_answer(node, 9537)
    assert node.run("crictl pull unlisted:5000/hello-world:1").rc == 0
    assert "\ntimeout: 20\n" in node.read_file(CRICTL)
    assert "default endpoints" not in node.run("crictl info").err
    assert litter(node) == ""


def test_a_node_that_is_as_wanted_costs_one_call(node, run_playbook):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    before = observe(node)
    again = run_playbook(role("runtime"), node, "-vvv", variables=settings()).expect_success()
    assert (again.changed, calls(again)) == (0, 1)
    assert observe(node) == before


@pytest.mark.parametrize(
    ("name", "variables", "changed", "disruption"),
    [
        pytest.param("crio", {"crio_config": {}}, {CRIO: "remove"}, "restart", id="crio"),
        pytest.param(
            "registries", {"registries_config": {}}, {REGISTRIES: "remove"}, "reload", id="registries"
        ),
        pytest.param("crictl", {"crictl_completion": []}, {COMPLETION: "remove"}, "none", id="crictl"),
    ],
)
def test_each_role_alone_leaves_the_others_files_as_they_are(
    node, run_playbook, name, variables, changed, disruption
):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    others = " ".join(sorted(FILES - set(changed)))
    before = node.check(f"stat -c '%n %Z %a' {others}")
    run = run_playbook(role(name), node, variables=settings(**variables)).expect_success()
    plan = run.of("cri.node.runtime_config")["plan"]
    assert (plan["files"], plan["disruption"]) == (changed, disruption)
    assert node.check(f"stat -c '%n %Z %a' {others}") == before
    # And the whole brings it back, without touching the rest.
    back = run_playbook(role("runtime"), node, variables=settings()).expect_success()
    assert back.of(APPLY)["plan"]["files"] == dict.fromkeys(changed, "create")
    assert node.check(f"stat -c '%n %Z %a' {others}") == before


def test_the_three_alone_make_what_the_whole_makes(node, run_playbook):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    before = observe(node)
    for name in ("crio", "registries", "crictl"):
        assert run_playbook(role(name), node, variables=settings()).expect_success().changed == 0, name
    assert observe(node) == before


def test_what_the_daemon_refuses_at_its_start_takes_all_three_back(node, run_playbook):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    before = observe(node)
    wanted = settings(
        crio_config__taken={"crio": {"metrics": {"metrics_port": 22}}},
        registries_config__more={"registry": [{"location": "more.example.com", "blocked": True}]},
        crictl_config__more={"timeout": 21},
    )
    run = run_playbook(role("runtime"), node, variables=wanted)
    assert run.rc == 2
    assert "The change was undone: the node is as it was" in run.failure["msg"]
    after = observe(node)
    assert (after.contents, after.active) == (before.contents, "active")
    assert "metrics_port = 9537" in after.configuration


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        pytest.param(
            {"registries_config__x": {"registry": [{}]}},
            "both location and prefix are unset",
            id="registries",
        ),
        pytest.param({"crictl_config__x": {"timeout": "2s"}}, "crictl_config__x: timeout", id="crictl"),
        pytest.param({"crio_config__x": {"crio": {"nosuch": 1}}}, "crio_config__x: crio.nosuch", id="crio"),
    ],
)
def test_what_is_wrong_in_any_part_is_refused_before_the_node_is_asked(node, run_playbook, variables, told):
    run = run_playbook(role("runtime"), node, "-vvv", variables=settings(**variables))
    assert run.rc == 2
    assert told in run.failure["msg"]
    assert calls(run) == 0


def test_only_the_files_entry_point_makes_no_remote_call(node, run_playbook):
    tasks = [
        {"ansible.builtin.include_role": {"name": "cri.node.runtime", "tasks_from": "files", "public": True}},
        {
            "name": "Show",
            "ansible.builtin.debug": {
                "msg": "{{ runtime_owners + (runtime_files | map(attribute='path')) }}"
            },
        },
    ]
    play = [{"hosts": "nodes", "gather_facts": False, "tasks": tasks}]
    run = run_playbook(play, node, "-vvv", variables=settings()).expect_success()
    assert calls(run) == 0
    assert {"crio", "registries", "crictl", *FILES} <= set(run.of("Show")["msg"])
    checked = run_playbook(role("runtime"), node, "-vvv", "--tags", "check", variables=settings())
    assert calls(checked.expect_success()) == 0
