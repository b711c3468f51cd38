# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests rules between the files of a set."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

TWO = {"unqualified-search-registries": ["a.io", "b.io"]}


def warnings(registries, mode=None, pause=None):
    """Return the warnings of the whole set, as the roles create it."""
    crio = [["crio_config", {"crio": {"image": {"short_name_mode": mode, "pause_image": pause}}}]]
    files = {"crio_conf": crio, "registries_conf": [["registries_config__x", registries]]}
    desired = DesiredFiles(
        [{"path": f"/etc/{kind}", "owner": "x", "kind": kind, "layers": files[kind]} for kind in files]
    )
    return [str(warning) for warning in desired.warnings]


@pytest.mark.parametrize("mode", [None, "enforcing"])
def test_several_search_registries_are_a_warning_that_names_the_variable(mode):
    [warning] = warnings(TWO, mode)
    assert warning.startswith("registries_config__x: unqualified-search-registries: has more than one entry")
    assert "unless crio.image.short_name_mode is disabled" in warning


def test_several_search_registries_cause_no_warning_if_another_file_allows_them():
    assert warnings(TWO, "disabled") == []
    assert warnings({"unqualified-search-registries": ["a.io"]}) == []
    assert warnings({"unqualified-search-registries": []}) == []


def test_the_mode_in_registries_conf_is_a_warning_unless_crios_own_is_set():
    [warning] = warnings({"short-name-mode": "permissive"})
    assert warning.startswith("registries_config__x: short-name-mode: has no effect on CRI-O 1.34 and later")
    assert warnings({"short-name-mode": "permissive"}, "enforcing") == []
    assert warnings({"short-name-mode": ""}) == []


REJECT, ACCEPT = [{"type": "reject"}], [{"type": "insecureAcceptAnything"}]


def of_policy(default, scopes, image=None):
    crio = [["crio_config", {"crio": {"image": {"pause_image": image}}}]]
    policy = [["registries_policy", {"default": default, "transports": {"docker": scopes}}]]
    files = {"crio_conf": crio, "policy_json": policy}
    desired = DesiredFiles(
        [{"path": f"/etc/{kind}", "owner": "x", "kind": kind, "layers": files[kind]} for kind in files]
    )
    return [str(warning) for warning in desired.warnings if "pause image" in str(warning)]


@pytest.mark.parametrize(
    ("default", "scopes", "image", "key"),
    [
        (REJECT, {"a.io": ACCEPT}, None, "default"),
        (REJECT, {"a.io": ACCEPT}, "b.io/pause:1", "default"),
        (ACCEPT, {"registry.k8s.io": REJECT}, None, "transports.docker.'registry.k8s.io'"),
        (ACCEPT, {"": REJECT}, None, "transports.docker."),
        (REJECT, {"a.io": ACCEPT}, "a.io/pause:1", ""),
        (REJECT, {"registry.k8s.io/pause": ACCEPT}, None, ""),
        (ACCEPT, {"registry.k8s.io/other": REJECT}, None, ""),
    ],
)
def test_a_policy_that_rejects_the_pause_image_is_a_warning_that_names_the_scope(default, scopes, image, key):
    found = of_policy(default, scopes, image)
    assert len(found) == bool(key)
    for warning in found:
        assert warning.startswith("registries_policy: ")
        assert (image or "registry.k8s.io/pause") in warning


@pytest.mark.parametrize(("root", "warns"), [("/a", True), ("/b", False), ("", False), (None, False)])
def test_a_key_of_storage_conf_that_crio_conf_outranks_is_a_warning(root, warns):
    layers = {
        "crio_conf": [["crio_config", {"crio": {"root": root}}]],
        "storage_conf": [["registries_storage", {"storage": {"driver": "overlay", "graphroot": "/b"}}]],
    }
    desired = DesiredFiles(
        [
            {"path": f"/etc/{kind}", "owner": "x", "kind": kind, "layers": each}
            for kind, each in layers.items()
        ]
    )
    assert [str(each) for each in desired.warnings] == (
        ["registries_storage: storage.graphroot: has no effect, because crio.root is set, which outranks it"]
        if warns
        else []
    )


@pytest.mark.parametrize("prefix", ["a.io", "a.io/pause", "*.a.io"])
def test_a_blocked_pause_image_is_a_warning_unless_it_has_a_mirror(prefix):
    host = "x.y.a.io" if prefix.startswith("*") else "a.io"
    table = {"prefix": prefix, "location": "b.io", "blocked": True}
    [warning] = warnings({"registry": [table]}, pause=f"{host}/pause:3")
    assert warning.startswith("registries_config__x: registry.")
    assert f"blocks the pause image {host}/pause:3, which every pod needs" in warning
    assert (
        warnings({"registry": [{**table, "mirror": [{"location": "m.io"}]}]}, pause=f"{host}/pause:3") == []
    )
    assert warnings({"registry": [table]}, pause="c.io/pause:3") == []
    assert warnings({"registry": [{**table, "blocked": False}]}, pause=f"{host}/pause:3") == []
