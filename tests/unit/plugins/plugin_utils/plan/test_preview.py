# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what another version of CRI-O changes for settings."""

from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan import preview


def nested(dotted, value):
    for name in reversed(dotted.split(".")):
        value = {name: value}
    return value


def changes(key, value, current, target, accept=None):
    found = preview.changes([("crio_config", nested(key, value))], current, target, accept)
    return [(each.change, str(each.problem)) for each in found if each.change != "default"]


@pytest.mark.parametrize(
    ("key", "value", "current", "target", "change", "words"),
    [
        ("crio.image.registries", ["a"], "1.30", "1.37", "removed", "was removed in CRI-O 1.31"),
        ("crio.runtime.enable_criu_support", True, "1.36", "1.37", "deprecated", "is deprecated in CRI-O 1.37: use crio.c"),
        ("crio.image.insecure_registries", ["a"], "1.34", "1.35", "without_effect", "has no effect in CRI-O 1.35"),
        ("crio.image.pinned_images", ["a"], "1.30.1", "1.30.5", "live", "needs a reload in CRI-O 1.30.5, not a restart"),
        ("crio.stats.included_pod_metrics", ["disk"], "1.37", "1.34", "refused", "disk"),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_found_with_its_place(key, value, current, target, change, words):
    [(found, sentence)] = changes(key, value, current, target)
    assert found == change
    assert sentence.startswith(f"crio_config: {key}")
    assert words in sentence


@pytest.mark.parametrize(
    ("key", "value", "current", "target"),
    [
        ("crio.image.insecure_registries", ["a"], "1.35", "1.36"),
        ("crio.runtime.enable_criu_support", True, "1.37", "1.37"),
        ("crio.runtime.log_level", "info", "1.28", "1.37"),
    ],
)
def test_what_both_versions_do_is_not_a_change(key, value, current, target):
    assert changes(key, value, current, target) == []


def test_without_the_current_version_everything_that_the_other_one_ignores_counts():
    assert [name for name, _text in changes("crio.image.insecure_registries", ["a"], "", "1.36")] == [
        "without_effect"
    ]


def test_a_default_only_counts_if_the_key_is_not_set():
    runtime = preview.changes([("crio_config", {})], "1.30", "1.31")
    texts = [str(each.problem) for each in runtime if each.change == "default"]
    assert (
        'crio.runtime.default_runtime: is not set, and its default in CRI-O 1.31 is "crun"; it was "runc" in CRI-O 1.30'
        in texts
    )
    set_by_user = preview.changes(
        [("crio_config", nested("crio.runtime.default_runtime", "runc"))], "1.30", "1.31"
    )
    assert not any("default_runtime" in str(each.problem) for each in set_by_user if each.change == "default")
    assert preview.changes([("crio_config", {})], "", "1.31") == []


def test_a_list_with_another_default_names_what_is_new():
    texts = [str(each.problem) for each in preview.changes([], "1.28", "1.37")]
    assert texts == []  # without any layer, CRI-O is not configured here
    texts = [str(each.problem) for each in preview.changes([("crio_config", {})], "1.28", "1.37")]
    assert (
        "crio.runtime.allowed_devices: is not set, and its default in CRI-O 1.37 adds /dev/net/tun" in texts
    )


def test_an_accepted_key_is_not_a_change():
    key = "crio.runtime.some_new_key"
    assert changes(key, 1, "1.36", "1.37", [key]) == []
    assert changes(key, 1, "1.36", "1.37")[0][0] == "refused"


def test_a_secret_value_is_not_shown():
    layers = [("crio_config", nested("crio.runtime.default_env", ["TOKEN=CANARY", 5.5]))]
    assert "CANARY" not in str(preview.changes(layers, "1.28", "1.37"))
