# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the scopes of registries.d, which two files must not share."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.signature_scopes import (
    DuplicateScopeError,
    refuse_duplicates,
    scopes,
)

# As containers-common has it: the first one defines no default, the second one does.
COMMENTS = "# See containers-registries.d(5).\ndefault-docker:\n#  lookaside: https://x/\n"
PACKAGE = f"{COMMENTS}  lookaside-staging: file:///var/lib/containers/sigstore\n"
REDHAT = """docker:
     registry.redhat.io:   # a comment
         lookaside: https://registry.redhat.io/containers/sigstore
     "quay.io/team":
         use-sigstore-attachments: true
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        (COMMENTS, set()),
        (PACKAGE, {"default-docker"}),
        ("default-docker: {lookaside: 'https://x'}\n", {"default-docker"}),
        ("default-docker: null\n", set()),
        (REDHAT, {"registry.redhat.io", "quay.io/team"}),
        (f"{PACKAGE}\n{REDHAT}", {"default-docker", "registry.redhat.io", "quay.io/team"}),
        ("docker:\n  'a.io:5000/b':\n    lookaside: https://x\nother:\n  c.io: {}\n", {"a.io:5000/b"}),
    ],
)
def test_the_scopes_of_files_that_packages_have_are_found(text, expected):
    assert scopes(text) == expected


NAMES = st.from_regex(
    r"(\*\.)?[a-z][a-z0-9-]{0,9}\.[a-z]{2}(:[0-9]{1,4})?(/[a-z]{1,5}){0,2}(:[a-z0-9.]{1,5})?", fullmatch=True
)
SETTINGS = st.fixed_dictionaries(
    {"lookaside": st.just("https://x.example/")}, optional={"use-sigstore-attachments": st.booleans()}
)


@given(st.dictionaries(NAMES, SETTINGS, max_size=5), st.one_of(st.none(), SETTINGS), st.integers(2, 6))
def test_every_scope_of_a_file_that_a_yaml_library_wrote_is_found(docker, default, indent):
    data = {**({"docker": docker} if docker else {}), **({"default-docker": default} if default else {})}
    expected = {*docker, *(["default-docker"] if default else [])}
    assert scopes(yaml.safe_dump(data, indent=indent) if data else "") == expected


@given(st.text())
def test_no_text_is_an_error(text):
    assert isinstance(scopes(text), set)


def test_a_scope_of_another_file_is_refused_by_name(tmp_path):
    (tmp_path / "default.yaml").write_text(PACKAGE)
    (tmp_path / "notes.txt").write_text(REDHAT)
    ours = str(tmp_path / "cri-node.yaml")
    refuse_duplicates({ours: REDHAT}, str(tmp_path))
    refuse_duplicates({"/etc/other.yaml": PACKAGE}, str(tmp_path))
    with pytest.raises(
        DuplicateScopeError, match=r"cri-node\.yaml and .*default\.yaml would both define default-docker"
    ):
        refuse_duplicates({ours: PACKAGE}, str(tmp_path))
    (tmp_path / "cri-node.yaml").write_text(REDHAT)  # our own earlier file
    refuse_duplicates({ours: REDHAT}, str(tmp_path))


def test_a_folder_that_does_not_exist_has_no_scopes(tmp_path):
    refuse_duplicates({str(tmp_path / "a" / "cri-node.yaml"): PACKAGE}, str(tmp_path / "a"))
