# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.registries import auth_keys, effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile, Credential
from testbed.bad_registries import registry


@pytest.mark.parametrize(
    ("repository", "keys", "key"),
    [
        ("a.io/team/app", ["a.io", "a.io/team", "a.io/teams"], "a.io/team"),
        ("a.io/team/app", ["a.io/team/app"], "a.io/team/app"),
        ("a.io:80/app", ["a.io"], None),
        ("docker.io/library/x", ["https://index.docker.io/v1/"], "https://index.docker.io/v1/"),
        ("docker.io/library/x", ["registry-1.docker.io"], "registry-1.docker.io"),
        ("a.io/app", ["https://a.io/v2/"], "https://a.io/v2/"),
        ("a.io/app", ["a.io/v2/"], None),
        ("a.io/app", ["https://a.io/", "a.io"], "a.io"),
    ],
)
def test_the_most_specific_key_wins_and_urls_come_last(repository, keys, key):
    found = auth_keys.credential_of(repository, [AuthFile("/f", tuple(keys))])
    assert (found.key if found else None) == key


def test_the_first_file_with_a_credential_wins_and_an_empty_entry_ends_the_search_in_its_file():
    files = [AuthFile("/1", ("a.io",), empty_keys=("a.io/team",)), AuthFile("/2", ("a.io",))]
    assert auth_keys.credential_of("a.io/team/x", files) == Credential("a.io", "/2", "")
    assert auth_keys.credential_of("a.io/x", files) == Credential("a.io", "/1", "")


def test_helpers_are_asked_for_the_host_only():
    file = AuthFile("/f", ("a.io/team",), helpers=("a.io",))
    assert auth_keys.credential_of("a.io/team/x", [file]) == Credential("a.io", "/f", "credHelpers")
    assert auth_keys.credential_of("a.io/x", [file], ["pass"]) == Credential("a.io", "", "pass")


def test_the_old_format_knows_hosts_only():
    assert auth_keys.credential_of(
        "a.io/team/x", [AuthFile("/f", ("a.io/team",), old_format=True)]
    ) == Credential("a.io/team", "/f", "")  # by its host: the path of a key is ignored
    assert auth_keys.lookup_order("a.io/team/x", old_format=True) == ["a.io"]


def test_a_mirror_without_the_credential_that_its_source_has_is_reported():
    tables = [
        registry(location="a.io", mirror=[{"location": "m.io"}, {"location": "n.io/x"}])["registry"][0],
        registry(location="public.io", mirror=[{"location": "m.io"}])["registry"][0],
    ]
    found = effective.merge([effective.File("/r", {"registry": tables}, drop_in=True)])
    files = [AuthFile("/f", ("a.io", "n.io"))]
    assert list(auth_keys.mirrors_without_credentials(found, files)) == [("a.io", "m.io")]
