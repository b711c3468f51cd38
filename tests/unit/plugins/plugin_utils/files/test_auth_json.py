# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the credentials of registries."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.auth_json import AuthJson, check

SECRET = "canary-Pa55word"
KIND = AuthJson()


def entries(data):
    checked = check([("registries_auth", data)])
    assert checked.problems == []
    return KIND.entries(checked.data)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_each_form_of_credentials_is_an_entry_as_auth_json_has_it():
    assert entries(
        {
            "a.example": {"username": "u", "password": "p:w"},
            "b.example:5000/team": {"auth": encoded("u:p"), "identitytoken": "t"},
            "c.example": {"helper": "ecr-login"},
        }
    ) == {
        "auths": {
            "a.example": {"auth": encoded("u:p:w")},
            "b.example:5000/team": {"auth": encoded("u:p"), "identitytoken": "t"},
        },
        "credHelpers": {"c.example": "ecr-login"},
    }


def test_an_entry_of_a_later_layer_replaces_the_earlier_one_as_a_whole_and_null_removes_it():
    first = {"a.example": {"username": "u", "password": "p"}, "b.example": {"helper": "h"}}
    checked = check([("v", first), ("v__lab", {"a.example": {"auth": encoded("x:y")}, "b.example": None})])
    assert checked.problems == []
    assert checked.data == {"a.example": {"auth": encoded("x:y")}}
    assert checked.sources == {("a.example",): "v__lab"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (SECRET, "is a string, not a mapping"),
        ({}, "has no credentials"),
        ({"username": "u"}, "has username"),
        ({"username": "u", "password": SECRET, "auth": encoded(f"u:{SECRET}")}, "has auth and password"),
        ({"helper": "h", "identitytoken": SECRET}, "identitytoken: has no effect"),
        ({"username": "u", "pasword": SECRET}, "did you mean password"),
        ({"username": "u", "password": 1234567}, "is an integer, not a string: put it in quotes"),
        ({"username": "u", "password": ""}, "password: is empty"),
        ({"username": "u", "password": f"{SECRET}\n"}, "password: contains a line break"),
        ({"username": f"u:{SECRET}", "password": "p"}, "contains a colon"),
        ({"auth": SECRET}, "auth: is not base64"),
        ({"auth": encoded(SECRET)}, "is not the base64 of a user name, a colon and a password"),
        ({"auth": encoded(f":{SECRET}")}, "is not the base64 of a user name"),
        ({"helper": "/bin/sh"}, "is not the name of a credential helper"),
    ],
)
def test_an_unusable_entry_is_one_problem_without_its_values(entry, words):
    [problem] = check([("registries_auth", {"a.example": entry})]).problems
    assert words in str(problem)
    assert str(problem).startswith("registries_auth: 'a.example'")
    for secret in (SECRET, encoded(SECRET), encoded(f"u:{SECRET}"), "1234567"):
        assert secret not in str(problem)


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ("https://index.docker.io/v1/", "is a URL"),
        ("*.example.com", "is a wildcard"),
        ("a.example/", "ends with a slash"),
        ("a.example/b:1", "contains a tag or a digest"),
        ("a.example/b@sha256:0", "contains a tag or a digest"),
        ("a.example/Team", "is not a registry"),
        ("team", "is not a registry"),
        ("", "is not a registry"),
        ("a" * 1000 + ".example", "has a name of 1008 characters"),
    ],
)
def test_a_name_that_no_image_matches_is_refused(registry, words):
    [problem] = check([("v", {registry: {"username": "u", "password": "p"}})]).problems
    assert words in str(problem)


def test_a_helper_is_for_a_whole_registry_only():
    [problem] = check([("v", {"a.example/team": {"helper": "h"}})]).problems
    assert "asks no credential helper" in str(problem)
    assert "accepted: host[:port]" in str(problem)


def test_a_layer_that_is_not_a_mapping_is_refused_without_its_value():
    [problem] = check([("registries_auth", SECRET)]).problems
    assert "registries_auth" in str(problem)
    assert SECRET not in str(problem)


NAMES = st.sampled_from(["username", "password", "auth", "identitytoken", "helper", "other"])
VALUES = st.one_of(st.text(max_size=20), st.integers(), st.none(), st.booleans(), st.just(encoded("u:p")))


@given(
    st.dictionaries(
        st.sampled_from(["a.example", "b.example/x", "bad/", "*.c"]), st.dictionaries(NAMES, VALUES)
    )
)
def test_every_accepted_entry_is_one_that_containers_image_can_use(data):
    """The rules of decodeDockerAuth in its pkg/docker/config: base64, a colon, and text before and after it."""
    found = KIND.entries(check([("v", data)]).data)
    for entry in found.get("auths", {}).values():
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        assert user
        assert colon
        assert password
    for helper in found.get("credHelpers", {}).values():
        assert helper
        assert "/" not in helper


@given(st.text(min_size=4, max_size=30), st.text(min_size=4, max_size=30))
def test_everything_that_gives_a_password_away_is_masked(user, password):
    checked = check([("v", {"a.example": {"username": user, "password": password}})])
    if not checked.problems:
        assert password in KIND.secrets(checked.data, "")
        assert encoded(f"{user}:{password}") in KIND.secrets(checked.data, "")
