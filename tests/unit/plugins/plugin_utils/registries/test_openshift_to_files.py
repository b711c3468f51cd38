# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the settings that OpenShift's objects result in, and what is refused."""

from __future__ import annotations

import base64

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import meaning, scopes
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.schema import OBJECTS
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import PARTS, files_of
from testbed.openshift_objects import image, mirrors, objects, pem, sources

VARIABLE = "registries_openshift"
LONG = "a.io/" + "x" * 252  # 257 characters


def files(*given):
    return files_of([(VARIABLE, list(given))])


def tables(*given):
    """Return the tables of objects without a problem, by scope."""
    result = files(*given)
    assert list(map(str, result.problems)) == []
    return {
        table.get("prefix") or table["location"]: table
        for table in result.data["registries_config"]["registry"]
    }


def problems(*given):
    return list(map(str, files(*given).problems))


def test_an_insecure_registry_of_an_image_means_the_same_as_in_registries_conf():
    written = {"registry": [{"prefix": "", "location": "abcd.example.com", "insecure": True}]}
    checked = registries_conf.check([("registries_config", written)])
    of_object = files(sources(insecureRegistries=["abcd.example.com"])).data["registries_config"]
    assert meaning.registries_of(of_object) == meaning.registries_of(checked.data)
    merged = registries_conf.check([(VARIABLE, of_object), ("registries_config", written)])
    assert (merged.problems, meaning.registries_of(merged.data)) == ([], meaning.registries_of(of_object))


def test_insecure_applies_to_scopes_inside_and_to_mirrors():
    found = tables(
        sources(insecureRegistries=["a.io", "*.m.io"]),
        mirrors({"source": "a.io/team", "mirrors": ["n.m.io:5000/x", "b.io"]}),
    )
    assert found["a.io/team"] == {
        "location": "a.io/team",
        "insecure": True,
        "mirror": [
            {"location": "n.m.io:5000/x", "insecure": True, "pull-from-mirror": "digest-only"},
            {"location": "b.io", "pull-from-mirror": "digest-only"},
        ],
    }
    assert found["*.m.io"] == {"prefix": "*.m.io", "insecure": True}


def test_blocked_applies_to_scopes_inside_and_never_contact_source_does_not():
    found = tables(
        sources(blockedRegistries=["a.io"], insecureRegistries=["a.io/x", "b.io/x"]),
        mirrors({"source": "b.io", "mirrors": ["m.io"], "mirrorSourcePolicy": "NeverContactSource"}),
    )
    assert found["a.io/x"] == {"location": "a.io/x", "insecure": True, "blocked": True}
    assert found["b.io"]["blocked"] is True
    assert found["b.io/x"] == {
        "location": "b.io/x",
        "insecure": True,
        "mirror": [{"location": "m.io/x", "pull-from-mirror": "digest-only"}],
    }


def test_a_scope_without_mirrors_gets_those_of_the_first_source_around_it():
    found = tables(
        sources(insecureRegistries=["a.io/x/y"]),
        mirrors({"source": "a.io/x", "mirrors": ["near.io"]}, {"source": "a.io", "mirrors": ["far.io/z"]}),
        mirrors({"source": "a.io", "mirrors": ["tags.io"]}, kind="ImageTagMirrorSet"),
    )
    assert [mirror["location"] for mirror in found["a.io/x/y"]["mirror"]] == ["far.io/z/x/y", "tags.io/x/y"]
    assert [mirror["location"] for mirror in found["a.io/x"]["mirror"]] == ["near.io"]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param([["a", "b", "c"], ["c", "d", "e"]], ["a", "b", "c", "d", "e"], id="a chain"),
        pytest.param([["b", "c"], ["a", "b"]], ["a", "b", "c"], id="in the other order"),
        pytest.param([["z"], ["y"]], ["y", "z"], id="independent of each other"),
        pytest.param([["a", "b"], ["b", "a"]], ["a", "b"], id="a contradiction"),
        pytest.param([["b", "s"], ["s", "c"]], ["b", "s", "c"], id="the source among its mirrors"),
        pytest.param([["a", "s"]], ["a"], id="the source at the end"),
    ],
)
def test_lists_of_mirrors_for_one_source_are_merged(lists, expected):
    given = [
        mirrors({"source": "s", "mirrors": each}, name=f"m{number}", kind=kind)
        for number, (each, kind) in enumerate(
            zip(lists, ("ImageDigestMirrorSet", "ImageContentSourcePolicy"), strict=False)
        )
    ]
    assert [mirror["location"] for mirror in tables(*given)["s"]["mirror"]] == expected


def test_allowed_registries_reject_everything_else():
    policy = files(sources(allowedRegistries=["a.io", "*.b.io", "c.io/1/2/3"])).data["registries_policy"]
    accept = [{"type": "insecureAcceptAnything"}]
    assert policy["default"] == [{"type": "reject"}]
    assert policy["transports"]["docker"] == {"*.b.io": accept, "a.io": accept, "c.io/1/2/3": accept}
    assert policy["transports"]["atomic"] == {"*.b.io": accept, "a.io": accept}
    assert policy["transports"]["docker-daemon"] == {"": accept}


def test_blocked_registries_are_rejected_by_the_policy_too():
    policy = files(sources(blockedRegistries=["a.io"])).data["registries_policy"]
    assert policy["default"] == [{"type": "insecureAcceptAnything"}]
    assert policy["transports"]["docker"] == {"a.io": [{"type": "reject"}]}


def test_search_registries_keep_their_order_and_are_all_that_is_set():
    result = files(sources(containerRuntimeSearchRegistries=["b.io", "a.io:5000"]))
    assert result.data == {"registries_config": {"unqualified-search-registries": ["b.io", "a.io:5000"]}}


def config_map(name="cas", **fields):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


TRUSTED = image(additionalTrustedCA={"name": "cas"})


def test_certificates_are_by_host_and_decoded():
    encoded = base64.b64encode(pem("two").encode()).decode()
    result = files(
        TRUSTED,
        config_map(
            data={"a.io..5000": pem("one"), "b.io": encoded},
            binaryData={"c.io": base64.encodebytes(pem("three").encode()).decode()},
        ),
    )
    assert result.problems == result.warnings == []
    assert result.data == {
        "registries_certificates": {
            "a.io:5000": {"ca": pem("one")},
            "b.io": {"ca": pem("two")},
            "c.io": {"ca": pem("three")},
        }
    }


SECRET = "aHVudGVyMg=="


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (
            {"a.io": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"},
            "private key",
        ),
        ({"a.io": f"-----BEGIN CERTIFICATE-----\n{SECRET}\n"}, "without its end"),
        (
            {"a.io": f"-----BEGIN CERTIFICATE-----\n{SECRET}!\n-----END CERTIFICATE-----"},
            "is not base64",
        ),
        ({"a.io": SECRET}, "is not PEM"),
        ({"a.io": [SECRET]}, "is a list, not a string"),
        ({"a.io/x": pem("x")}, "is not the host of a registry"),
    ],
)
def test_a_value_that_is_no_certificate_is_refused_and_never_shown(data, word):
    [problem] = problems(TRUSTED, config_map(data=data))
    assert word in problem
    assert SECRET not in problem
    assert "hunter2" not in problem


def test_a_config_map_that_is_missing_or_not_used_is_reported():
    assert "could not find configmap specified in image.config.openshift.io/cluster with the name cas" in str(
        files(TRUSTED).warnings[0]
    )
    assert "is not used" in problems(image(), config_map(data={"a.io": pem("x")}))[0]
    wrong = config_map(data={})
    wrong["metadata"]["namespace"] = "default"
    assert "accepted: openshift-config" in problems(TRUSTED, wrong)[0]


PATTERN = "each registry must be a valid hostname[:port][/path] or wildcard *.hostname format without tags or digests"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(
            [sources(allowedRegistries=["a.io"], blockedRegistries=["b.io"])],
            "invalid images config: only one of AllowedRegistries or BlockedRegistries may be specified",
            id="allowed and blocked",
        ),
        pytest.param(
            [
                mirrors(
                    {
                        "source": "a.io",
                        "mirrors": ["a.io", "b.io"],
                        "mirrorSourcePolicy": "NeverContactSource",
                    }
                )
            ],
            'cannot set mirrorSourcePolicy: NeverContactSource if the source "a.io" is one of the mirrors',
            id="a source that is never contacted, and a mirror",
        ),
        pytest.param(
            [
                mirrors({"source": "a.io", "mirrors": ["b.io"], "mirrorSourcePolicy": "NeverContactSource"}),
                mirrors({"source": "a.io", "mirrors": ["b.io"]}, kind="ImageTagMirrorSet"),
            ],
            'conflicting mirrorSourcePolicy is set for the same source "a.io" in imagedigestmirrorsets, imagetagmirrorsets,'
            " or imagecontentsourcepolicies",
            id="two policies for one source",
        ),
        pytest.param(
            [
                mirrors({"source": "*.a.io", "mirrors": ["b.io"]}),
                sources(insecureRegistries=["x.a.io"]),
            ],
            "mirrorsAdjustedForNestedScope for a wildcard scope",
            id="mirrors of a wildcard for a scope inside",
        ),
        pytest.param(
            [sources(insecureRegistries=["*.a.io:5000"])],
            'invalid entry for insecure registries "*.a.io:5000"',
            id="a wildcard with a port",
        ),
        pytest.param(
            [sources(blockedRegistries=["*.a.io/x"])],
            'invalid entry for blocked registries "*.a.io/x"',
            id="a wildcard with a path",
        ),
        pytest.param(
            [sources(allowedRegistries=["a.*.io"])],
            'invalid entry for allowed registries "a.*.io"',
            id="a wildcard inside",
        ),
        pytest.param(
            [sources(allowedRegistries=[""])], 'invalid entry for allowed registries ""', id="empty"
        ),
        pytest.param([sources(insecureRegistries=["a.io/x:1"])], PATTERN, id="a tag"),
        pytest.param([sources(insecureRegistries=["a.io/x@sha256:" + "0" * 64])], PATTERN, id="a digest"),
        pytest.param([sources(insecureRegistries=["https://a.io"])], PATTERN, id="a URL"),
        pytest.param(
            [sources(insecureRegistries=[LONG])],
            "Too long: 257 characters: must have at most 256",
            id="a long one",
        ),
        pytest.param(
            [sources(insecureRegistries=[f"a{number}.io" for number in range(1025)])],
            "Too many: 1025: must have at most 1024 items",
            id="many",
        ),
        pytest.param(
            [sources(containerRuntimeSearchRegistries=[])],
            "should have at least 1 items",
            id="no search registry",
        ),
        pytest.param(
            [sources(containerRuntimeSearchRegistries=["a.io", "a.io"])],
            "Duplicate value",
            id="a search registry twice",
        ),
        pytest.param(
            [mirrors({"source": "*.a.io:1", "mirrors": ["b.io"]})],
            'invalid format for source "*.a.io:1"',
            id="a source",
        ),
        pytest.param(
            [mirrors({"source": "a.io", "mirrors": ["*.b.io"]})],
            'invalid format for mirror "*.b.io"',
            id="a wildcard as mirror",
        ),
        pytest.param(
            [mirrors({"source": "a.io", "mirrors": ["b.io", "b.io"]})],
            "Duplicate value",
            id="a mirror twice",
        ),
        pytest.param(
            [mirrors({"source": "a.io", "mirrors": ["b.io"]}), mirrors({"source": "c.io"})],
            "is defined twice",
            id="two objects of one name",
        ),
        pytest.param([image("other")], "OpenShift only reads the Image of this name", id="another Image"),
    ],
)
def test_what_openshift_refuses_is_refused_with_its_reason(given, reason):
    [problem] = problems(*given)
    assert reason in problem
    assert problem.startswith(f"{VARIABLE}: ")
    assert files(*given).data == {}


def test_all_problems_of_all_objects_are_found_at_once():
    found = problems(
        sources(insecureRegistries=["A.io:x", "*"], insecurRegistries=[]),
        {"apiVersion": "v1", "kind": "Pod"},
        {**mirrors({"sorce": "a.io"}), "apiVersion": "config.openshift.io/v1alpha1"},
        5,
    )
    assert len(found) == 6
    assert "did you mean insecureRegistries?" in found[3] + found[2] + found[1] + found[0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "Image"}, ["apiVersion: is missing for Image", "config.openshift.io/v1"]),
        ({"apiVersion": "config.openshift.io/v1", "kind": "image"}, ["did you mean Image?"]),
        ({"apiVersion": "operator.openshift.io/v1", "kind": "ImageContentSourcePolicy"}, ["v1alpha1"]),
        ("kind: [", ["neither YAML nor JSON: line 1"]),
        (True, ["is a boolean, not an object"]),
        (["a.io"], ["[0]", "not an object"]),
        ({"kind": "List", "items": {}}, ["items: is a mapping, not a list"]),
        ({"kind": "List", "itms": []}, ["itms: is not a field of a List; did you mean items?"]),
        (sources(insecureRegistries="a.io"), ["is a string, not a list", "insecureRegistries"]),
        (sources(insecureRegistries=[["a.io"]]), ["insecureRegistries[0]: is a list, not a string"]),
        (image(registrySources=[]), ["registrySources: is a list, not a mapping"]),
        (
            mirrors({"source": "a.io", "mirrors": ["b.io"], "mirrorSourcePolicy": "Never"}),
            ["NeverContactSource"],
        ),
        (mirrors({"mirrors": ["b.io"]}), ["imageDigestMirrors[0].source: is missing"]),
        (mirrors("a.io"), ["imageDigestMirrors[0]: is a string, not a mapping"]),
        (
            mirrors(
                {"source": "a.io", "mirrors": ["b.io"], "mirrorSourcePolicy": "NeverContactSource"},
                kind="ImageContentSourcePolicy",
            ),
            ["repositoryDigestMirrors[0].mirrorSourcePolicy: is not a field of ImageContentSourcePolicy"],
        ),
        (
            {"apiVersion": "config.openshift.io/v1", "kind": "Image", "spec": {}},
            ["Image.metadata: is missing"],
        ),
    ],
)
def test_an_object_that_does_not_have_its_schema_is_refused(value, words):
    [problem] = list(map(str, files_of([(VARIABLE, value)]).problems))
    for each in words:
        assert each in problem


def test_what_a_cluster_adds_to_an_object_is_ignored_and_what_has_no_effect_is_a_warning():
    given = sources(insecureRegistries=["a.io"])
    given["metadata"].update(uid="x", generation=3, annotations={}, managedFields=[{"a": 1}])
    given["status"] = {"internalRegistryHostname": "x"}
    given["spec"]["allowedRegistriesForImport"] = [{"domainName": "a.io"}]
    given["spec"]["additionalTrustedCA"] = {"name": ""}
    result = files(given)
    assert result.problems == []
    [warning] = map(str, result.warnings)
    assert "allowedRegistriesForImport" in warning
    assert "API server" in warning


def test_a_source_without_mirrors_is_a_warning():
    result = files(mirrors({"source": "a.io", "mirrorSourcePolicy": "NeverContactSource"}))
    assert (result.data, result.problems) == ({}, [])
    assert "NeverContactSource is ignored" in str(result.warnings[0])


FORMS = (
    lambda given: given,
    yaml.safe_dump_all,
    lambda given: [yaml.safe_dump(each) for each in given],
    lambda given: {"apiVersion": "v1", "kind": "List", "items": given, "metadata": {}},
    lambda given: [given[:1], "", None, yaml.safe_dump_all(given[1:])],
)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_the_input_has_the_same_result(form):
    given = [
        sources(insecureRegistries=["a.io"]),
        mirrors({"source": "a.io", "mirrors": ["b.io"]}),
        mirrors({"source": "a.io", "mirrors": ["c.io"]}, kind="ImageTagMirrorSet"),
    ]
    assert files_of([(VARIABLE, form(given))]) == files(*given)


def test_the_entries_of_a_list_of_one_kind_may_omit_their_kind():
    items = [
        {"metadata": {"name": "m"}, "spec": {"imageTagMirrors": [{"source": "a.io", "mirrors": ["b.io"]}]}}
    ]
    listed = {"apiVersion": "config.openshift.io/v1", "kind": "ImageTagMirrorSetList", "items": items}
    whole = mirrors({"source": "a.io", "mirrors": ["b.io"]}, kind="ImageTagMirrorSet")
    assert files(listed) == files(whole)
    assert files(listed).data


@pytest.mark.parametrize("nothing", [None, "", "  \n", [], {}, [None, ""], "---\n---\n"])
def test_no_objects_are_no_settings(nothing):
    result = files_of([(VARIABLE, nothing)])
    assert (result.data, result.problems, result.warnings) == ({}, [], [])


def test_an_object_of_a_later_layer_replaces_the_one_of_its_kind_and_name():
    layers = [
        (VARIABLE, [sources(insecureRegistries=["a.io"]), mirrors({"source": "a.io", "mirrors": ["m.io"]})]),
        (f"{VARIABLE}__lab", sources(insecureRegistries=["b.io"])),
    ]
    result = files_of(layers)
    assert [table["location"] for table in result.data["registries_config"]["registry"]] == ["a.io", "b.io"]
    assert "insecure" not in result.data["registries_config"]["registry"][0]
    wrong = [*layers, (f"{VARIABLE}__x", sources(insecureRegistries=["*"]))]
    assert str(files_of(wrong).problems[0]).startswith(f"{VARIABLE}__x: ")


@given(st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_the_order_of_objects_is_irrelevant_and_the_result_is_accepted_by_the_check_of_registries_conf(
    random,
):
    given_objects = objects(random)
    result = files(*given_objects)
    random.shuffle(given_objects)
    assert files(*given_objects).data == result.data
    for problem in result.problems:
        assert "mirrorsAdjustedForNestedScope for a wildcard scope" in str(problem)
    checked = registries_conf.check([("registries_config", result.data.get("registries_config", {}))])
    assert checked.problems == []
    assert meaning.registries_of(checked.data) == meaning.registries_of(
        result.data.get("registries_config", {})
    )


NAMES = sorted(
    {name for fields in OBJECTS.values() for name in fields}
    | {
        "registrySources",
        "insecureRegistries",
        "imageDigestMirrors",
        "source",
        "mirrors",
        "items",
        "name",
        "data",
    }
)
KINDS = [
    "Image",
    "ImageDigestMirrorSet",
    "ImageTagMirrorSet",
    "ConfigMap",
    "List",
    "ImageList",
    "config.openshift.io/v1",
]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KINDS)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(ANYTHING)
@settings(max_examples=300)
def test_no_input_raises_an_error(value):
    result = files_of([(VARIABLE, value)])
    assert result.data.keys() <= set(PARTS)
    assert all(str(problem).isprintable() for problem in (*result.problems, *result.warnings))


@given(st.randoms(use_true_random=False), ANYTHING)
@settings(max_examples=300)
def test_no_object_with_a_part_replaced_raises_an_error(random, value):
    given_objects = objects(random)
    place = random.choice(given_objects)
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = random.choice(keys)
        if not isinstance(place[key], (dict, list)) or random.random() < 0.4:
            place[key] = value
            break
        place = place[key]
    result = files(*given_objects)
    assert all(isinstance(problem, Problem) and str(problem) for problem in result.problems)


def test_a_value_that_contains_itself_is_a_problem():
    endless = []
    endless.append(endless)
    assert "nested deeper" in problems(endless)[0]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("a.io", ["a.io", "*.io"]),
        ("x.a.io:5000/t/u", ["x.a.io:5000/t/u", "x.a.io:5000/t", "x.a.io:5000", "*.a.io", "*.io"]),
        ("*.x.a.io", ["*.x.a.io", "*.a.io", "*.io"]),
        ("localhost", ["localhost"]),
    ],
)
def test_the_scopes_around_a_scope(scope, expected):
    assert scopes.around(scope) == expected


@pytest.mark.parametrize("text", ["a", "a.io", "a.io:5", "A.io/x", "a.io/x/y__z", "a-b/c--d", "a.io/1.2"])
def test_a_scope_is_a_host_with_or_without_a_path(text):
    assert image_reference.is_scope(text)


@pytest.mark.parametrize(
    "text", ["", "a.io/", "/x", "a.io/X", "a_b", "-a.io", "a.io:x", "a.io/x:1", "a.io/x@y", "a.io\n"]
)
def test_other_texts_are_no_scope(text):
    assert not image_reference.is_scope(text)
