# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the role runtime: CRI-O, registries and crictl in one transaction, and each of the three roles alone."""

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
    """Return a play of one role."""
    return [{"hosts": "nodes", "gather_facts": False, "roles": [f"cri.node.{name}"]}]


def settings(**more):
    """Return variables of all three roles."""
    return {
        **article.settings(),
        "registries_config": {"registry": [{"location": "unlisted:5000", "insecure": True}]},
        "crictl_config": {"timeout": 20},
        **more,
    }


def calls(run):
    """Return the number of remote calls of a run with -vvv."""
    return len(re.findall(r"SSH: EXEC", run.out))


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node for all tests of this module; each test starts with a run of the role."""
    yield testbed.add("runtime")[0]
    testbed.remove("runtime")


def test_all_three_are_changed_with_two_calls_and_one_restart(node, run_playbook):
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


def test_a_node_that_matches_the_desired_state_takes_one_call(node, run_playbook):
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
def test_each_role_alone_leaves_the_files_of_the_other_roles_unchanged(
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


def test_the_three_roles_alone_configure_what_the_role_runtime_configures(node, run_playbook):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    before = observe(node)
    for name in ("crio", "registries", "crictl"):
        assert run_playbook(role(name), node, variables=settings()).expect_success().changed == 0, name
    assert observe(node) == before


def test_a_failed_start_undoes_the_changes_of_all_three_roles(node, run_playbook):
    run_playbook(role("runtime"), node, variables=settings()).expect_success()
    before = observe(node)
    desired = settings(
        crio_config__taken={"crio": {"metrics": {"metrics_port": 22}}},
        registries_config__more={"registry": [{"location": "more.example.com", "blocked": True}]},
        crictl_config__more={"timeout": 21},
    )
    run = run_playbook(role("runtime"), node, variables=desired)
    assert run.rc == 2
    assert "The change was undone: the node is as it was" in run.failure["msg"]
    after = observe(node)
    assert (after.contents, after.active) == (before.contents, "active")
    assert "metrics_port = 9537" in after.configuration


@pytest.mark.parametrize(
    ("variables", "expected"),
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
def test_an_invalid_setting_of_any_role_is_refused_before_the_node_is_contacted(
    node, run_playbook, variables, expected
):
    run = run_playbook(role("runtime"), node, "-vvv", variables=settings(**variables))
    assert run.rc == 2
    assert expected in run.failure["msg"]
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
