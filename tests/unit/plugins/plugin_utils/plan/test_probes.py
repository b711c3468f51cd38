# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which probes a change has on a node, and how the plan names them."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan import plan, probes
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
IMAGE, APP = "registry.example.com/hello:1", "registry.example.com/app:1"
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
OTHER = {**ABSENT, "file_type": "file", "mode": "0644", "content": "old\n", "sha256": "0" * 64}
RUNTIME = {
    "default_runtime": "crun",
    "runtimes": {"crun": {"runtime_path": "/usr/bin/crun"}, "runc": {"runtime_path": "/usr/bin/runc"}},
}


def report(found, unit):
    """Return the report of a node whose daemon runs."""
    unit = {"name": "crio.service", "active": True, "enabled": True, "binary_replaced": False, **unit}
    return {
        "files": {PATH: found},
        "orphans": {},
        "unit": {**unit, "phase": "serving" if unit["active"] else "stopped"},
        "crio": {"binary": "/usr/bin/crio", "version": "1.37.0"},
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
    }


def planned(found, runtime=None, unit=None, **options):
    """Return the probes of a change of crio.conf on a node that has this file."""
    layers = [["crio_config", {"crio": {"runtime": runtime or RUNTIME}}]]
    wanted = DesiredFiles([{"path": PATH, "owner": "crio", "kind": "crio_conf", "layers": layers}])
    read = report(found, unit or {})
    given = {"image": IMAGE, "handlers": ["changed"], "pull": [], **options}
    return probes.planned(given, wanted, plan.make(wanted, read), read)


def with_unloaded(*keys):
    return {**OTHER, "unloaded_keys": [f"crio.runtime.{key}" for key in keys]}


IN_PLACE = {**OTHER, "as_wanted": True, "same_content": True}


@pytest.mark.parametrize(
    ("found", "handlers"),
    [
        pytest.param(ABSENT, ("crun", "runc"), id="a file that is new"),
        pytest.param(with_unloaded("cgroup_manager"), (), id="other keys"),
        pytest.param(with_unloaded("runtimes.runc.runtime_path"), ("runc",), id="one handler"),
        pytest.param(with_unloaded("default_runtime"), ("crun",), id="the default one"),
        pytest.param(with_unloaded("runtimes.kata.runtime_path"), (), id="a handler that is removed"),
        pytest.param(IN_PLACE, ("crun", "runc"), id="a file of which nothing is known that is not loaded"),
    ],
)
def test_changed_handlers_are_those_with_settings_that_the_daemon_has_not_loaded(found, handlers):
    if "content" in found and "unloaded_keys" in found:
        text = '[crio.runtime]\ndefault_runtime = "crun"\ncgroup_manager = "cgroupfs"\n'
        text += '[crio.runtime.runtimes.crun]\nruntime_path = "/usr/bin/crun"\n'
        found = {**found, "content": f'{text}[crio.runtime.runtimes.runc]\nruntime_path = "/usr/bin/runc"\n'}
    made = planned(found)
    assert (made.handlers, made.every_handler) == (handlers, False)


@pytest.mark.parametrize(
    ("options", "unit", "every"),
    [
        pytest.param({"handlers": ["all"]}, {}, True, id="asked for"),
        pytest.param({}, {"active": False}, True, id="a CRI-O that did not run"),
        pytest.param({}, {"binary_replaced": True}, True, id="another CRI-O"),
        pytest.param({"handlers": ["crun"]}, {"binary_replaced": True}, False, id="not if names are given"),
    ],
)
def test_all_handlers_are_the_desired_ones_and_all_of_the_node(options, unit, every):
    made = planned(with_unloaded("cgroup_manager"), unit=unit, **options)
    assert (made.handlers, made.every_handler) == (("crun", "runc") if every else ("crun",), every)


def test_named_handlers_are_probed_whether_they_are_desired_or_not():
    assert planned(with_unloaded("cgroup_manager"), handlers=["kata", "crun"]).handlers == ("crun", "kata")


def test_nothing_is_probed_if_the_daemon_has_nothing_to_load():
    loaded = {**OTHER, "as_wanted": True, "loaded": True}
    assert planned(loaded, handlers=["all"], pull=[APP]) == probes.Probes()


def test_the_plan_names_each_probe():
    made = planned(ABSENT, pull=[APP, APP])
    assert made.as_sentences() == [
        f"pull {APP}",
        f"run a pod of {IMAGE} with the handler crun",
        f"run a pod of {IMAGE} with the handler runc",
    ]
    assert planned(ABSENT, handlers=["all"]).as_sentences()[-1] == (
        f"run a pod of {IMAGE} with every other handler of CRI-O"
    )


def test_the_request_has_a_pod_only_if_one_is_run():
    asked = planned(ABSENT).as_request()
    assert asked["handlers"] == ["crun", "runc"]
    assert len({pod["name"] for pod in asked["pods"]}) == len(asked["pods"]) > 1
    assert all(pod["name"].startswith("cri-node-probe-") for pod in asked["pods"])
    assert planned(ABSENT, image="", pull=[APP]).as_request() == {
        "pods": [], "handlers": [], "every_handler": False, "pull": [APP],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"image": "Registry/X:1"},
            'probes: image = "Registry/X:1": is not an image name: repository name must be lowercase',
            id="image",
        ),
        pytest.param(
            {"image": IMAGE, "pull": ["a b"]}, 'probes: pull = "a b": is not an image name', id="pull"
        ),
        pytest.param({}, "probes: image: is missing", id="nothing"),
        pytest.param(
            {"handlers": ["crun"], "pull": [APP]}, "probes: image: is missing", id="handlers without an image"
        ),
        pytest.param({"image": IMAGE, "handlers": [""]}, "probes: handlers", id="an empty name"),
    ],
)
def test_a_probe_that_cannot_be_run_is_refused(options, message):
    given = {"image": "", "handlers": ["changed"], "pull": [], **options}
    [problem] = probes.problems(given, "probes")
    assert str(problem).startswith(message)


@pytest.mark.parametrize(
    "options", [None, {"pull": [APP]}, {"image": IMAGE}, {"image": IMAGE, "handlers": ["all"]}]
)
def test_a_valid_option_has_no_problems(options):
    given = options and {"image": "", "handlers": ["changed"], "pull": [], **options}
    assert probes.problems(given, "probes") == []
