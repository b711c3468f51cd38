# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that names of images are completed as runtimes do it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.image_reference import full_name, parse

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("quay.io/a/b", "quay.io/a/b:latest"),
        ("quay.io/b", "quay.io/b:latest"),
        (f"quay.io/b@{DIGEST}", f"quay.io/b@{DIGEST}"),
        (f"quay.io/b:1@{DIGEST}", f"quay.io/b@{DIGEST}"),
        ("registry:5000/b:1", "registry:5000/b:1"),
        ("localhost/b", "localhost/b:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/a/nginx:1", "docker.io/a/nginx:1"),
        ("nginx:1", "docker.io/library/nginx:1"),
        ("a/nginx", "docker.io/a/nginx:latest"),
    ],
)
def test_a_name_is_completed(text, expected):
    assert full_name(text) == expected


@pytest.mark.parametrize("text", ["", "Upper/a", "a b", "quay.io/", "a:b:c", "quay.io/a@sha256:1", "-o"])
def test_what_is_not_a_name_is_refused(text):
    with pytest.raises(ValueError, match=r"repository name|invalid reference"):
        full_name(text)


@given(
    st.from_regex(
        r"([a-z]{1,9}\.io/|localhost/|)[a-z0-9]{1,9}(/[a-z0-9]{1,5})?(:[a-z0-9]{1,9})?", fullmatch=True
    )
)
def test_a_completed_name_is_complete(text):
    name = full_name(text)
    assert full_name(name) == name
    assert parse(name).names_a_registry
    assert parse(name).tag
