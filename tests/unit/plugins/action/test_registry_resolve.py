# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_resolve with a node that is a report."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from ansible_collections.cri.node.plugins.modules import registry_resolve as documentation
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE

OTHER = "/etc/containers/registries.conf.d/zzz.conf"
REPORT = {
    "main": "/etc/containers/registries.conf",
    "folders": ["/etc/containers/registries.conf.d"],
    "files": [],
    "aliases": None,
    "hidden": [],
    "auth": [],
    "short_name_mode": "enforcing",
    "pause_image": "registry.k8s.io/pause:3.10.1",
    "notes": [],
}


def file(path, **data):
    return {"path": path, "drop_in": path.startswith("/etc/containers/registries.conf.d"), "data": data}


def table(**keys):
    return {name.replace("_", "-"): value for name, value in keys.items()}


@pytest.fixture
def resolve(run):
    def call(*files, names=(), options=None, **report):
        answer = {"report": copy.deepcopy({**REPORT, "files": list(files), **report})}
        for check_mode in (True, False):
            given = {"names": list(names), **(options or {})}
            task = run("registry_resolve", given, lambda _request: answer, check_mode=check_mode)
            assert not task.result.get("failed"), task.result
            assert (len(task.calls), task.result["changed"]) == (1, False)
        return json.loads(json.dumps(task.result))

    return call


def kinds(result):
    return {finding["kind"]: finding for finding in result["findings"]}


def test_the_registries_have_their_files_and_names_their_endpoints(resolve):
    result = resolve(
        file(FILE, registry=[table(location="a.io", mirror=[{"location": "m.io"}])], aliases={"x": "a.io/x"}),
        names=["x:1", "b.io/y"],
    )
    assert result["registries"] == [
        {
            "prefix": "a.io", "location": "a.io", "insecure": False, "blocked": False, "mirror_by_digest_only": False,
            "mirrors": [{"location": "m.io", "insecure": False, "pull_from_mirror": ""}], "path": FILE,
        }
    ]  # fmt: skip
    assert [[each["reference"] for each in image["endpoints"]] for image in result["images"]] == [
        ["m.io/x:1", "a.io/x:1"],
        ["b.io/y:latest"],
    ]
    assert result["aliases"] == {"x": {"value": "a.io/x", "path": FILE}}
    assert (result["complete"], result["findings"], result["notes"]) == (True, [], [])


def test_a_later_file_that_replaces_ours_is_a_finding(resolve):
    result = resolve(
        file(FILE, registry=[table(location="a.io", insecure=True)]),
        file(OTHER, registry=[table(location="a.io")]),
    )
    assert kinds(result)["overrides_ours"]["message"] == (
        f'{OTHER} replaces registry."a.io" of {FILE}, which the role registries wrote: it is read later'
    )


def test_roots_own_file_is_a_finding(resolve):
    own = "/root/.config/containers/registries.conf"
    result = resolve(file(own), hidden=["/etc/containers/registries.conf", FILE])
    assert kinds(result)["hides_files"]["message"] == (
        f"{own} exists, so that CRI-O does not read /etc/containers/registries.conf, {FILE}"
    )


def test_a_refused_file_and_an_unreadable_one_are_findings_and_the_answer_is_not_complete(resolve):
    broken = {"path": OTHER, "drop_in": True, "problem": "is not valid TOML: line 1: x"}
    result = resolve(file(FILE, registry=[table(location="http://a.io")]), broken)
    assert result["complete"] is False
    assert (
        "invalid location 'http://a.io': URI schemes are not supported" in kinds(result)["refused"]["message"]
    )
    assert kinds(result)["unreadable"]["message"].startswith(
        f"{OTHER} is not valid TOML: line 1: x; CRI-O does not start"
    )
    assert result["files"][1] == {"path": OTHER, "problem": "is not valid TOML: line 1: x"}


def test_a_blocked_pause_image_is_a_finding(resolve):
    result = resolve(file(FILE, registry=[table(prefix="*.k8s.io", blocked=True)]))
    finding = kinds(result)["pause_image"]
    assert (finding["path"], finding["key"]) == (FILE, 'registry."*.k8s.io".blocked')
    with_mirror = table(location="registry.k8s.io", blocked=True, mirror=[{"location": "m.io"}])
    assert "pause_image" not in kinds(resolve(file(FILE, registry=[with_mirror])))


def test_several_registries_to_search_in_are_a_finding_unless_the_mode_is_disabled(resolve):
    search = file(OTHER, **{"unqualified-search-registries": ["a.io", "b.io"]})
    assert kinds(resolve(search))["ambiguous_short_names"]["path"] == OTHER
    assert "ambiguous_short_names" not in kinds(resolve(search, short_name_mode="disabled"))


def test_a_mirror_without_credentials_and_settings_without_effect_are_findings(resolve):
    auth = {"path": "/auth", "keys": ["a.io"], "empty_keys": [], "helpers": [], "old_format": False}
    result = resolve(
        file(FILE, registry=[table(location="a.io", mirror=[{"location": "m.io"}])], oops=None),
        file(OTHER, registry=[table(prefix="b.io/x:1", location="b.io/x")]),
        auth=[auth],
    )
    found = kinds(result)
    assert "the mirror m.io of a.io has no credential" in found["mirror_without_credentials"]["message"]
    assert found["unknown_key"]["key"] == "oops"
    assert (found["setting"]["path"], "matches no image" in found["setting"]["message"]) == (OTHER, True)


def test_each_kind_of_finding_and_each_key_of_the_answer_is_documented(resolve):
    returned = yaml.safe_load(documentation.RETURN)
    result = resolve(
        file(FILE, registry=[table(location="a.io")]), names=["a.io/x", "y"], options={"config": {}}
    )
    assert {*returned["changes"]["contains"]} == {*result["changes"][0]}
    assert set(result) - {"changed"} == set(returned)
    assert set(result["registries"][0]) == set(returned["registries"]["contains"])
    documented = returned["images"]["contains"]
    assert set(result["images"][1]) == set(documented)
    assert set(result["images"][0]["endpoints"][0]) == set(documented["endpoints"]["contains"])


def effects(result):
    return [(change["name"], change["effect"], change["after"]) for change in result["changes"]]


def test_settings_of_the_role_are_compared_with_the_files_of_the_node(resolve):
    main = file(
        "/etc/containers/registries.conf", registry=[table(location="b.io", mirror=[{"location": "m.io"}])]
    )
    ours = file(FILE, registry=[table(location="a.io", mirror=[{"location": "m.io"}])])
    names = ["a.io/x:1", "b.io/y:1", "c.io/z:1"]
    layers = [
        ["registries_config", {"registry": [{"location": "a.io"}]}],
        ["registries_config__lab", {"registry": [{"location": "c.io", "blocked": True}]}],
    ]
    result = resolve(main, ours, names=names, options={"config": layers})
    assert effects(result) == [
        ("a.io/x:1", "elsewhere", ["a.io/x:1"]),
        ("b.io/y:1", "unchanged", ["m.io/y:1", "b.io/y:1"]),
        ("c.io/z:1", "blocked", []),
    ]
    assert result["changes"][0]["before"] == ["m.io/x:1", "a.io/x:1"]
    assert [each["reference"] for each in result["images"][0]["endpoints"]] == ["m.io/x:1", "a.io/x:1"]


@pytest.mark.parametrize("empty", [{}, ""])
def test_an_empty_configuration_stands_for_the_removal_of_the_file(resolve, empty):
    ours = file(FILE, registry=[table(location="a.io", blocked=True)])
    assert effects(resolve(ours, names=["a.io/x:1"], options={"config": empty})) == [
        ("a.io/x:1", "possible", ["a.io/x:1"])
    ]
    assert "changes" not in resolve(ours, names=["a.io/x:1"])


def test_a_later_file_of_the_node_keeps_its_place(resolve):
    later = file(OTHER, registry=[table(location="a.io", mirror=[{"location": "m.io"}])])
    config = '{"registry": [{"location": "a.io", "blocked": true}]}'
    assert effects(resolve(later, names=["a.io/x:1"], options={"config": config})) == [
        ("a.io/x:1", "unchanged", ["m.io/x:1", "a.io/x:1"])
    ]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"registry": [{"location": "http://a.io"}]}, ["config: registry", "URI schemes are not supported"]),
        ([{"registry": []}], ["config: a list must hold pairs"]),
        ("[", ["config", "YAML"]),
    ],
)
def test_settings_that_crio_would_refuse_are_refused_before_the_node_is_called(refused, config, words):
    message = refused("registry_resolve", {"config": config})
    assert all(word in message for word in words), message
