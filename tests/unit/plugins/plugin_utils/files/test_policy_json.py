# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests signature policies against what containers/image accepts.

policy-verdicts.json has generated policies, each with the verdict of signature.NewPolicyFromBytes of containers/image 5, as CRI-O
1.37 has it.
"""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.namespaced_policies import NamespacedPolicies
from ansible_collections.cri.node.plugins.plugin_utils.files.policy_json import PolicyJson, check
from ansible_collections.cri.node.plugins.plugin_utils.registries import signature_policy

VERDICTS = json.loads((Path(__file__).parents[3] / "fixtures" / "policy-verdicts.json").read_text())
REJECT = [{"type": "reject"}]
ACCEPT = [{"type": "insecureAcceptAnything"}]
# What containers/image reads and never uses, or uses to reject every image.
STRICTER = re.compile(
    "matches no image|is not absolute|is not implemented|is empty|is an empty list|is not a registry or a repository"
)


def test_nothing_that_containers_image_refuses_is_accepted():
    refused = [each["policy"] for each in VERDICTS if not each["accepted"]]
    assert len(refused) > 200
    assert [policy for policy in refused if not check([("v", policy)]).problems] == []


def test_what_it_accepts_is_only_refused_if_it_would_not_use_it():
    accepted = [each["policy"] for each in VERDICTS if each["accepted"]]
    assert len(accepted) > 100
    for policy in accepted:
        problems = [str(problem) for problem in check([("v", policy)]).problems]
        assert [each for each in problems if not STRICTER.search(each)] == [], policy


def problems_of(policy):
    return [str(problem) for problem in check([("registries_policy", policy)]).problems]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"transports": {}}, "has no default"),
        ({"default": []}, "default: is empty: containers/image refuses the whole policy"),
        ({"default": {"type": "reject"}}, "default: is a mapping, not a list"),
        (
            {"default": [{"type": "rejects"}]},
            'default[0].type = "rejects": is not a type of requirement; did you mean reject?',
        ),
        ({"default": [{}]}, "default[0]: has no type"),
        ({"default": REJECT, "transport": {}}, "transport: is unknown"),
        ({"default": REJECT, "transports": {"dokcer": {}}}, "did you mean docker?"),
        (
            {"default": REJECT, "transports": {"docker": {"busybox": REJECT}}},
            "is a scope that matches no image",
        ),
        (
            {"default": [{"type": "reject", "keyPath": "/k"}]},
            "default[0]: has the key 'keyPath', which is unknown for reject",
        ),
        ({"default": [{"type": "signedBy", "keyType": "GPGKeys"}]}, "has none of keyPath, keyPaths, keyData"),
        (
            {"default": [{"type": "sigstoreSigned", "keyPath": "/k", "keyData": "a2V5"}]},
            "default[0]: has keyPath and keyData; accepted: exactly one of",
        ),
        ({"default": [{"type": "sigstoreSigned", "keyData": "-----BEGIN"}]}, "keyData: is not base64"),
        (
            {
                "default": [
                    {"type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": {"type": "matchExactly"}}
                ]
            },
            "signedIdentity.type",
        ),
        (
            {
                "default": [
                    {
                        "type": "sigstoreSigned",
                        "fulcio": {"caPath": "/k", "oidcIssuer": "i", "subjectEmail": "e"},
                    }
                ]
            },
            "has fulcio, but none of rekorPublicKeyPath",
        ),
    ],
)
def test_a_problem_names_variable_key_and_what_is_accepted(policy, words):
    [problem] = problems_of(policy)
    assert problem.startswith("registries_policy")
    assert words in problem


def test_layers_are_merged_by_scope():
    first = {"default": REJECT, "transports": {"docker": {"a.io": ACCEPT, "b.io": ACCEPT}}}
    second = {"transports": {"docker": {"a.io": REJECT, "b.io": None, "c.io": ACCEPT}}}
    checked = check([("v", first), ("v__lab", second)])
    assert checked.problems == []
    assert PolicyJson().entries(checked.data) == {
        "": {"default": REJECT},
        "transports.docker": {"a.io": REJECT, "c.io": ACCEPT},
    }
    assert checked.sources["transports", "docker", "c.io"] == "v__lab"


@pytest.mark.parametrize(
    ("policy", "warns"),
    [
        ({"default": REJECT}, True),
        ({"default": REJECT, "transports": {"docker": {"a.io": REJECT}}}, True),
        ({"default": ACCEPT, "transports": {"docker": {"": REJECT}}}, True),
        ({"default": REJECT, "transports": {"docker": {"a.io": ACCEPT}}}, False),
        ({"default": REJECT, "transports": {"docker": {"": ACCEPT}}}, False),
        ({"default": REJECT, "transports": {"atomic": {"a.io": ACCEPT}}}, True),
        ({"default": ACCEPT}, False),
    ],
)
def test_a_policy_that_rejects_everything_is_a_warning(policy, warns):
    checked = check([("v", policy)])
    assert checked.problems == []
    assert bool(checked.warnings) is warns


@pytest.mark.parametrize(
    ("image", "scope"),
    [
        ("a.io/b/c:1", "a.io/b/c:1"),
        ("a.io/b/c", "a.io/b/c"),
        ("a.io/b/c:2", "a.io/b/c"),
        ("a.io/b/d", "a.io/b"),
        ("a.io/x", "a.io"),
        ("a.io:5000/x", "*.io"),  # unlike in registries.conf, a.io does not match another port
        ("x.a.io/x", "*.a.io"),
        ("b.com/x", "default"),
    ],
)
def test_the_most_specific_scope_applies_as_in_containers_image(image, scope):
    scopes = ["a.io/b/c:1", "a.io/b/c", "a.io/b", "a.io", "*.io", "*.a.io"]
    policy = {"default": REJECT, "transports": {"docker": {each: [each] for each in scopes}}}
    assert signature_policy.requirements_of(policy, image)[0] == scope


def test_each_namespace_has_its_own_file_and_its_own_problems():
    kind = NamespacedPolicies()
    checked = kind.check(
        [("v", {"team-a": {"default": REJECT}, "Team": {"default": REJECT}, "b": {}, "c": []})], None
    )
    assert [str(problem).partition(": ")[2][:30] for problem in checked.problems] == [
        "Team: is not the name of a nam",
        "b: has no default: containers/",
        "c: is a list, not a mapping; a",
    ]
    [(path, part)] = kind.parts("/etc/crio/policies", checked.data).items()
    assert path == "/etc/crio/policies/team-a.json"
    assert json.loads(kind.render(part)) == {"default": REJECT}
    assert kind.walk(part) == [(("team-a", "default"), REJECT)]


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(["reject", "signedBy", "a.io"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["default", "transports", "docker", "type", "keyPath", "signedIdentity", "a.io", "x"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["default", "transports", "x"]), JSON))
def test_no_data_is_an_exception_and_what_is_accepted_is_complete(data):
    checked = check([("v", data)])
    if checked.data:
        assert PolicyJson().entries(checked.data)[""]["default"]
