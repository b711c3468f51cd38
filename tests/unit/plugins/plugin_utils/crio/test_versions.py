# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as packagers write them are read and compared; anything else is one error."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import (
    CATALOGUED,
    SUPPORTED,
    Version,
    fault_of_declared,
    is_catalogued,
    is_supported,
    parse_version,
)

NUMBERS = st.integers(0, 999_999)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.36", Version(1, 36)),
        (" 1.36.3\n", Version(1, 36, 3)),
        ("v1.37.0+git", Version(1, 37, 0)),
        ("1.37.0+git.20260101.abcdef", Version(1, 37, 0)),
        ("1.37.0~rc1", Version(1, 37, 0, "rc.1")),
        ("1.37.0-rc.1", Version(1, 37, 0, "rc.1")),
        ("1.37.0-rc1", Version(1, 37, 0, "rc.1")),
        ("1.37.0rc1", Version(1, 37, 0, "rc.1")),
        ("1.37.0~rc1-1.1", Version(1, 37, 0, "rc.1")),
        ("1.37.0-0.1.rc1.fc43", Version(1, 37, 0, "rc.1")),
        ("1.37.0-beta.2+git", Version(1, 37, 0, "beta.2")),
        ("1.37.0-dev", Version(1, 37, 0, "dev")),
        ("1.34.1-1.1", Version(1, 34, 1)),
        ("1.30.0-150500.1.1", Version(1, 30, 0)),
        ("1.34.1-1.el9", Version(1, 34, 1)),
        ("1:1.34.1-0ubuntu1~24.04", Version(1, 34, 1)),
        ("1.36.3-15-gabcdef0", Version(1, 36, 3)),
        ("1.36.3-k3s1", Version(1, 36, 3)),
        ("crio version 1.37.0", Version(1, 37, 0)),
        ("crictl version v1.36.0", Version(1, 36, 0)),
        ("cri-o-1.36.3.", Version(1, 36, 3)),
        ("CRI-O (1.36.3)", Version(1, 36, 3)),
    ],
)
def test_a_version_is_read_as_anyone_writes_it(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "latest",
        "1.x",
        "1.36.x",
        "1.2.3.4",
        "1.36.",
        "one.two",
        "-1.36",
        "1.36 or 1.37",
        "1,36",
        "\u0661.\u0663\u0666",
        "1.\ud800",
        "1." + "9" * 5000,
        "9" * 100_000 + ".1",
        "." * 100_000,
        "1." * 50_000,
        "v" * 100_000,
        "1.36.3 " * 20_000,
        "1e5.2",
        "go1.36",
        None,
        "01.36",
    ],
)
def test_anything_else_is_one_short_sentence(text):
    if text in ("1.36.", "-1.36"):  # punctuation around a version
        assert parse_version(text).line == (1, 36)
        return
    with pytest.raises(ValueError, match=r"^.* for example 1\.36 or 1\.36\.3$") as failure:
        parse_version(text)
    assert len(str(failure.value)) < 200
    assert str(failure.value).isprintable()


def test_versions_sort_as_they_were_released():
    texts = "1.36 1.37.0-dev 1.37.0-alpha.1 1.37.0~beta2 1.37.0~rc1 1.37.0-rc.2 1.37.0-rc.10 1.37.0 1.37.1~rc1 1.37.1 1.37 1.38.0"
    versions = [parse_version(text) for text in texts.split()]
    for earlier, later in itertools.combinations(versions, 2):
        assert earlier < later
        assert later > earlier
        assert earlier <= later
        assert not later <= earlier or earlier == later
    assert sorted(versions[5:] + versions[:5]) == versions
    assert max(versions) == versions[-1]


@given(NUMBERS, NUMBERS, NUMBERS | st.none(), st.sampled_from(["", "rc.1", "alpha", "beta.3"]))
def test_what_a_version_prints_is_read_as_the_same(major, minor, patch, pre):
    version = Version(major, minor, patch, pre if patch is not None else "")
    assert parse_version(str(version)) == version
    assert parse_version(str(version)).line == (major, minor)


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_value_error(text):
    with contextlib.suppress(ValueError):
        parse_version(text)


@pytest.mark.parametrize(
    ("text", "catalogued", "supported"),
    [
        ("1.27.9", False, False),
        ("1.28.0", True, False),
        ("1.33.13", True, False),
        ("1.34", True, True),
        ("1.37.0-dev", True, True),
        ("1.38", False, False),
        ("2.30", False, False),
    ],
)
def test_the_catalogue_knows_more_versions_than_nodes_may_have(text, catalogued, supported):
    version = parse_version(text)
    assert (is_catalogued(version), is_supported(version)) == (catalogued, supported)
    assert (fault_of_declared(text) == "") is catalogued


def test_every_supported_version_is_catalogued():
    assert set(SUPPORTED) < set(CATALOGUED)
