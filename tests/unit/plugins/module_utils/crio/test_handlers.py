# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a handler is not changed or removed while pods run that were started with it."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import handlers

CRUN = {"runtime_path": "/usr/bin/crun", "runtime_root": "/run/crun", "runtime_type": "oci"}
RUNC = {"runtime_path": "/usr/bin/runc", "runtime_root": "/run/runc", "runtime_type": "oci"}
POD = {"name": "web", "namespace": "shop", "handler": "", "containers": ["c1"]}
BEFORE = ("crun", {"crun": CRUN, "runc": RUNC})
STARTED = {"c1": {"runtime": "/usr/bin/crun", "runtime_root": "/run/crun"}}


def problems(after, pod=None, monitors=None, before=BEFORE):
    """Return the sentences, each of which is about the pod's container."""
    found = handlers.in_use([pod or POD], STARTED if monitors is None else monitors, before, after)
    assert [lost for _sentence, lost in found] == [["c1"]] * len(found)
    return [sentence for sentence, _lost in found]


@pytest.mark.parametrize(
    ("after", "pod", "words"),
    [
        pytest.param(("runc", {"crun": CRUN, "runc": RUNC}), POD, "different program", id="another default"),
        pytest.param(
            ("runc", {"runc": RUNC}), dict(POD, handler="crun"), "removes the handler", id="removed"
        ),
        pytest.param(
            ("crun", {"crun": dict(CRUN, runtime_path="/opt/crun")}), POD, "/opt/crun", id="another program"
        ),
        pytest.param(
            ("crun", {"crun": dict(CRUN, runtime_root="/run/x")}),
            POD,
            "state directory",
            id="another state directory",
        ),
        pytest.param(
            ("crun", {"crun": dict(CRUN, runtime_type="vm")}), POD, "different type", id="another type"
        ),
    ],
)
def test_a_handler_with_running_pods_cannot_change(after, pod, words):
    [problem] = problems(after, pod)
    assert words in problem
    assert "shop/web" in problem


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(("crun", {"crun": CRUN}), id="an unused handler is removed"),
        pytest.param(
            ("crun", {"crun": CRUN, "runc": dict(RUNC, runtime_path="/opt/runc")}),
            id="an unused one is changed",
        ),
        pytest.param(
            ("crun", {"crun": dict(CRUN, allowed_annotations=["x"])}), id="an irrelevant key is changed"
        ),
        pytest.param(("crun", {"crun": dict(CRUN, runtime_root="/run/crun/")}), id="a slash"),
    ],
)
def test_changes_that_affect_no_running_pod_are_allowed(after):
    assert problems(after) == []


def test_the_program_that_a_container_was_started_with_decides():
    """/config shows what a reload has read, which running pods were not started with."""
    reloaded = ("runc", {"runc": RUNC, "crun": CRUN})
    assert "different program" in problems(("runc", {"runc": RUNC}), before=reloaded)[0]


def test_the_lines_of_a_configuration_are_handlers_by_name():
    lines = {
        "crio.runtime.default_runtime": '"crun"',
        "crio.runtime.runtimes.crun.runtime_path": '"/usr/bin/crun"',
        'crio.runtime.runtimes."a.b".runtime_type': '"vm"',
    }
    assert handlers.parse(lines) == (
        "crun",
        {"crun": {"runtime_path": "/usr/bin/crun"}, "a.b": {"runtime_type": "vm"}},
    )


@pytest.mark.parametrize(
    "text", ["5", "true", "[1]", '{"a": 1}', "null", '"a\\u0000b"', '"\\ud800"', "[", "'x'", "[" * 100_000]
)
@pytest.mark.parametrize("key", ["runtime_path", "runtime_root", "runtime_type"])
def test_a_value_that_is_not_a_usable_string_counts_as_empty(key, text):
    lines = {
        "crio.runtime.default_runtime": text,
        f"crio.runtime.runtimes.crun.{key}": text,
        "crio.runtime.runtimes.crun.allowed_annotations": '["x"]',
    }
    default, found = handlers.parse(lines)
    assert (default, found) == ("", {"crun": {key: "", "allowed_annotations": ["x"]}})
    assert problems(("crun", found), before=(default, found), monitors={}) == []
    typed = handlers.value_of(text)
    assert handlers.settings("crun", {key: typed}) == handlers.settings("crun", {})
    assert handlers.settings(typed, {})["runtime_type"] == "oci"


def test_a_value_that_is_not_text_is_none():
    assert handlers.value_of(5) is None
