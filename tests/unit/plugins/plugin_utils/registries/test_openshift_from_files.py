# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the objects that settings result in. Pulls are computed here as containers/image does, independently of meaning.py."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import meaning
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.from_files import objects_of
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift.to_files import (
    files_of,
    policy_of,
)
from testbed import openshift_objects
from testbed.openshift_objects import HOSTS, PATHS, mirrors, objects, pem, sources

DIGEST = "@sha256:" + "0" * 64
IMAGES = [f"{host}{path}/image{suffix}" for host in HOSTS for path in PATHS for suffix in (":1", DIGEST)]


def converted(config, policy=None, trusted=None, **options):
    """Return the objects for settings that the check of registries.conf accepts."""
    checked = registries_conf.check([("registries_config", config)])
    assert list(map(str, checked.problems)) == []
    return objects_of(checked.data, checked.sources, policy, trusted, **options)


def sentences(problems):
    return [str(problem) for problem in problems]


def table_for(config, name):
    """Return (the table of the longest prefix, the prefix), as sysregistriesv2.FindRegistry."""
    by_prefix = {table.get("prefix") or table["location"]: table for table in config.get("registry", [])}
    for prefix in image_reference.prefixes_of(name):
        if prefix in by_prefix:
            return by_prefix[prefix], prefix
    return None, ""


def pulls(config, policy, image):
    """Return the places from which an image is pulled in their order, each with whether it is insecure."""
    by_scope = policy["transports"]["docker"]
    host = image.partition("/")[0]
    # A policy for a.io is not used for a.io:5000, unlike a table of registries.conf.
    around = [
        each for each in image_reference.prefixes_of(image) if each != host.partition(":")[0] or each == host
    ]
    verdict = next((by_scope[each] for each in around if each in by_scope), policy["default"])
    if verdict[0]["type"] == "reject":
        return []
    table, prefix = table_for(config, image)
    if table is None:
        return [(image, False)]
    wanted = "digest-only" if "@" in image else "tag-only"
    endpoints = [
        (mirror["location"], mirror.get("insecure", False))
        for mirror in table.get("mirror", [])
        if mirror.get("pull-from-mirror", "all") in ("all", wanted)
    ]
    location = prefix if prefix.startswith("*.") else table["location"]
    endpoints.append((location, table.get("insecure", False)))
    places = []
    for location, insecure in endpoints:
        # A wildcard stands for the whole host, which a mirror replaces by its location.
        rest = image[len(host) :] if prefix.startswith("*.") else image[len(prefix) :]
        place = image if location == prefix else f"{location}{rest}"
        physical, _prefix = table_for(config, place)
        if not (physical or {}).get("blocked") and (place, insecure) not in places:
            places.append((place, insecure))
    return places


@given(st.randoms(use_true_random=False))
@settings(max_examples=400)
def test_objects_to_files_to_objects_mean_the_same(random):
    given_objects = objects(random)
    first = files_of([("objects", given_objects)])
    event("refused" if first.problems else f"{len(first.data)} files")
    if first.problems:
        return
    config, policy, trusted = (
        first.data.get(part, {})
        for part in ("registries_config", "registries_policy", "registries_certificates")
    )
    back = converted(config, policy, trusted)
    assert sentences(back.problems) == []
    assert back.warnings == []
    second = files_of([("objects", back.objects)])
    assert (sentences(second.problems), second.data) == ([], first.data)


@given(st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=400)
def test_settings_without_a_problem_pull_every_image_from_the_same_places(random, has_policy):
    config = openshift_objects.settings(random)
    checked = registries_conf.check([("registries_config", config)])
    if checked.problems:
        return
    blocked = [
        table["location"] for table in config["registry"] if table.get("blocked") and "location" in table
    ]
    policy = policy_of([], random.sample(blocked, random.randint(0, len(blocked)))) if has_policy else None
    made = objects_of(checked.data, checked.sources, policy)
    event("lost" if made.problems else "warned" if made.warnings else "expressed")
    if made.problems:
        return
    result = files_of([("objects", made.objects)])
    assert result.problems == []
    new_config = result.data.get("registries_config", {})
    new_policy = result.data.get("registries_policy", policy_of([], []))
    widened = [
        entry
        for each in made.objects
        for entry in each["spec"].get("registrySources", {}).get("insecureRegistries", [])
        if entry not in [table.get("prefix") or table["location"] for table in checked.data["registry"]]
    ]
    assert bool(widened) == bool(made.warnings)
    for image in IMAGES:
        if table_for(new_config, image)[1] in widened:
            continue  # named by a mirror: the warning is about these
        assert pulls(new_config, new_policy, image) == pulls(checked.data, policy or policy_of([], []), image)


def test_a_blocked_table_that_a_wildcard_hides_is_not_blocked_by_objects():
    """CRI-O never uses such a table, but OpenShift would refuse its images in policy.json, too."""
    hidden = {"location": "a.io", "insecure": True, "blocked": True}
    made = converted({"registry": [{"prefix": "*.io", "insecure": True}, hidden]})
    assert made.objects == [sources(insecureRegistries=["*.io", "a.io"])]


@pytest.mark.parametrize("mirror", ["a.io:5000/team", "a.io/mirror"])
def test_an_insecure_mirror_that_is_blocked_is_not_unblocked_by_objects(mirror):
    """Its entry of insecureRegistries would be a table of its own, and CRI-O uses one table only for an endpoint."""
    table = {"location": "a.io", "blocked": True, "mirror": [{"location": mirror, "insecure": True}]}
    made = converted({"registry": [table]})
    problem = made.problems[0]
    assert f"insecure of the mirror {mirror} becomes an entry of insecureRegistries" in problem.message
    assert problem.message.endswith("which would allow pulls from it, although a.io is blocked")


def test_the_articles_registry_becomes_an_image():
    made = converted({"registry": [{"prefix": "", "location": "abcd.example.com", "insecure": True}]})
    assert made == ([sources(insecureRegistries=["abcd.example.com"])], [], [])


def test_mirrors_become_one_object_for_digests_and_one_for_tags():
    location = {"location": "a.io"}
    made = converted(
        {
            "registry": [
                {
                    **location,
                    "blocked": True,
                    "mirror": [
                        {"location": "m.io"},
                        {"location": "d.io", "pull-from-mirror": "digest-only"},
                        {"location": "t.io", "pull-from-mirror": "tag-only"},
                    ],
                },
                {"location": "b.io", "mirror-by-digest-only": True, "mirror": [{"location": "m.io/b"}]},
            ]
        },
        name="mine",
    )
    never = {"mirrorSourcePolicy": "NeverContactSource"}
    assert made.problems == []
    assert made.objects == [
        mirrors(
            {"source": "a.io", "mirrors": ["m.io", "d.io"], **never},
            {"source": "b.io", "mirrors": ["m.io/b"]},
            name="mine",
        ),
        mirrors(
            {"source": "a.io", "mirrors": ["m.io", "t.io"], **never}, kind="ImageTagMirrorSet", name="mine"
        ),
    ]


def test_allowed_registries_search_registries_and_certificates_are_expressed():
    made = converted(
        {"unqualified-search-registries": ["b.io", "a.io"]},
        policy_of(["a.io"], []),
        {"a.io:5000": {"ca": pem("b") + pem("a")}},
    )
    assert made.problems == []
    spec = made.objects[0]["spec"]
    assert spec["registrySources"] == {
        "allowedRegistries": ["a.io"],
        "containerRuntimeSearchRegistries": ["b.io", "a.io"],
    }
    assert spec["additionalTrustedCA"] == {"name": "cri-node"}
    assert made.objects[1]["data"] == {"a.io..5000": pem("b") + pem("a")}
    assert made.objects[1]["metadata"] == {"name": "cri-node", "namespace": "openshift-config"}


def test_an_insecure_mirror_becomes_an_insecure_registry_with_a_warning():
    made = converted(
        {"registry": [{"location": "a.io", "mirror": [{"location": "m.io:5000", "insecure": True}]}]}
    )
    assert made.objects[0]["spec"]["registrySources"] == {"insecureRegistries": ["m.io:5000"]}
    assert made.problems == []
    assert "also applies to images that are named by it" in str(made.warnings[0])


def one(**table):
    return {"registry": [{name.replace("_", "-"): value for name, value in table.items()}]}


INSIDE = {"registry": [{"location": "a.io", "insecure": True}, {"location": "a.io/x", "blocked": True}]}


@pytest.mark.parametrize(
    ("config", "policy", "words"),
    [
        ({"aliases": {"a": "b.io/a"}}, None, ["aliases", "they have no such setting"]),
        ({"short-name-mode": "enforcing"}, None, ["short-name-mode"]),
        ({"unqualified-search-registries": []}, None, ["a list without entries"]),
        (one(prefix="a.io", location="b.io/a"), None, ['location = "b.io/a"', "cannot change the location"]),
        (
            one(location="a.io", blocked=True, mirror=[{"location": "a.io"}, {"location": "b.io"}]),
            None,
            ["blocked and one of its own mirrors"],
        ),
        (INSIDE, None, ["registry.'a.io/x'", "insecure: true"]),
        (
            {"registry": [{"location": "a.io", "blocked": True}, {"location": "a.io/x", "insecure": True}]},
            None,
            ["registry.'a.io/x'", "blocked: true"],
        ),
        (
            {
                "registry": [
                    {"location": "a.io", "blocked": True},
                    {"location": "a.io/x", "blocked": True, "mirror": [{"location": "m.io"}]},
                ]
            },
            None,
            ["registry.'a.io/x'.mirror", "refuses images from its mirrors too"],
        ),
        (
            {
                "registry": [
                    {"location": "a.io", "mirror": [{"location": "m.io"}]},
                    {"location": "a.io/x", "insecure": True},
                ]
            },
            None,
            ["registry.'a.io/x'", "mirrors for digests [m.io/x]", "mirrors for tags [m.io/x]"],
        ),
        (
            {
                "registry": [
                    {"location": "m.io", "insecure": True},
                    {"location": "a.io", "mirror": [{"location": "m.io/a"}]},
                ]
            },
            None,
            ["registry.'a.io'", "[m.io/a (insecure)]"],
        ),
        (
            one(location="a.io", blocked=True),
            policy_of(["b.io"], []),
            ["registry.'a.io'.blocked", "only one of allowedRegistries and blockedRegistries"],
        ),
        (
            {},
            policy_of([], ["a.io"]),
            ["transports.docker.'a.io'", "would also block a.io in registries.conf"],
        ),
        ({}, {"default": [{"type": "reject"}]}, ["default", "allowedRegistries needs at least one entry"]),
        ({}, {"default": []}, ["default: is not a list with one requirement"]),
        (
            {},
            {"default": [{"type": "insecureAcceptAnything"}], "transports": {"dir": {}}},
            ["transports.dir", "they have no such setting"],
        ),
        (
            {},
            {
                "default": [{"type": "insecureAcceptAnything"}],
                "transports": {"docker": {"a.io": [{"type": "signedBy", "keyPath": "/k"}]}},
            },
            ["transports.docker.'a.io'", "a signature is required"],
        ),
        (
            {},
            {
                "default": [{"type": "reject"}],
                "transports": {
                    "docker": {"a.io": [{"type": "insecureAcceptAnything"}], "a.io/x": [{"type": "reject"}]}
                },
            },
            ["transports.docker.'a.io/x'", "an exception from a scope around it"],
        ),
        ({}, ["reject"], ["registries_policy: is a list, not a mapping"]),
    ],
)
def test_what_the_objects_cannot_express_is_named(config, policy, words):
    [problem] = sentences(converted(config, policy).problems)
    for each in words:
        assert each in problem
    assert "registries_config" in problem or "registries_policy" in problem


@pytest.mark.parametrize(
    ("trusted", "word"),
    [
        ({"a.io": {"cert": pem("x")}}, "not those of clients"),
        ({"a.io": {"ca": "x"}}, "is not PEM"),
        ({"a.io": {"ca": 1}}, "is an integer, not a string"),
        ({"a.io/x": {"ca": pem("x")}}, "is not a registry with its certificates"),
        ({"a.io": pem("x")}, "is not a registry with its certificates"),
        (5, "is not a mapping"),
    ],
)
def test_certificates_that_the_objects_cannot_express_are_named(trusted, word):
    made = converted({}, None, trusted)
    assert word in str(made.problems[0])
    assert made.objects == []


def test_a_registry_with_a_problem_does_not_hide_those_of_others():
    made = converted(
        {
            "short-name-mode": "enforcing",
            "registry": [*INSIDE["registry"], {"prefix": "b.io", "location": "c.io"}],
        }
    )
    assert len(made.problems) == 3


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["default", "transports", "docker", "atomic", "docker-daemon", "type", "a.io", "ca"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.randoms(use_true_random=False), ANYTHING, ANYTHING)
@settings(max_examples=200)
def test_no_policy_and_no_certificates_raise_an_error(random, policy, trusted):
    checked = registries_conf.check([("registries_config", openshift_objects.settings(random))])
    made = objects_of(checked.data, checked.sources, policy, trusted)
    assert all(str(problem) for problem in made.problems)


def test_a_mirror_that_is_the_registry_itself_at_the_end_means_nothing():
    plain = one(location="a.io", mirror=[{"location": "m.io"}])
    repeated = one(location="a.io", mirror=[{"location": "m.io"}, {"location": "m.io"}, {"location": "a.io"}])
    assert meaning.registries_of(plain) == meaning.registries_of(repeated)
    insecure = one(location="a.io", mirror=[{"location": "m.io"}, {"location": "a.io", "insecure": True}])
    assert meaning.registries_of(plain) != meaning.registries_of(insecure)
