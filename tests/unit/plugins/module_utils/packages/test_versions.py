# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which version of a package is installed, from versions as the repositories have them."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.packages import apt, versions, zypper

# apt-cache madison, as apt 3.0 prints it.
MADISON = """\
     cri-o | 1.36.10-1.1 | http://172.18.0.1:8000/v1.36/deb  Packages
     cri-o | 1.36.9-2.1 | http://172.18.0.1:8000/v1.36/deb  Packages
     cri-o | 1.36.9-1.1 | http://172.18.0.1:8000/v1.36/deb  Packages
     cri-o | 1.36.0~rc1-1.1 | http://172.18.0.1:8000/v1.36/deb  Packages
 cri-tools | 1.36.0-1.1 | http://172.18.0.1:8000/v1.36/deb  Packages
     cri-o | 1.36.9-1.1 | /var/lib/dpkg/status
"""
# zypper search --details, as zypper 1.14 prints it.
SEARCH = """\
S | Name      | Type    | Version     | Arch   | Repository
--+-----------+---------+-------------+--------+-----------------
v | cri-o     | package | 1.36.10-1.1 | x86_64 | CRI-O (cri.node)
v | cri-o     | package | 1.36.9-2.1  | x86_64 | CRI-O (cri.node)
  | cri-tools | package | 1.36.0-1.1  | x86_64 | CRI-O (cri.node)
"""


def test_the_output_of_apt_is_read():
    assert apt.versions_in(MADISON) == {
        "cri-o": ["1.36.10-1.1", "1.36.9-2.1", "1.36.9-1.1", "1.36.0~rc1-1.1"],
        "cri-tools": ["1.36.0-1.1"],
    }
    assert apt.versions_in("") == {}


def test_the_output_of_zypper_is_read():
    assert zypper.versions_in(SEARCH, ["cri-o", "cri-tools"]) == {
        "cri-o": ["1.36.10-1.1", "1.36.9-2.1"],
        "cri-tools": ["1.36.0-1.1"],
    }
    assert zypper.versions_in("No matching items found.\n", ["cri-o"]) == {}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("1.36", "1.36.10-1.1"),
        ("", "1.36.10-1.1"),
        ("1.36.9", "1.36.9-2.1"),
        ("1.36.0~rc1", "1.36.0~rc1-1.1"),
        ("1.36.1", None),  # not 1.36.10
        ("1.3", None),
        ("1.37", None),
    ],
)
def test_the_newest_version_that_fits_is_chosen(wanted, expected):
    assert versions.newest(apt.versions_in(MADISON)["cri-o"], wanted) == expected


def test_a_release_comes_before_a_candidate_of_a_later_one():
    assert versions.newest(["1.37.1~rc1-1.1", "1.37.0-1.1"], "1.37") == "1.37.0-1.1"
    assert versions.newest(["1.37.0~rc1-1.1", "1.37.0~rc2-1.1"], "1.37") == "1.37.0~rc2-1.1"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0:1.36.3-1.1", "1.36.3"),
        ("1.36.3-150500.1.1", "1.36.3"),
        ("1.37.0~rc1-2", "1.37.0~rc1"),
        ("1.36.3", "1.36.3"),
    ],
)
def test_the_version_of_the_program_is_read(version, expected):
    assert versions.upstream(version) == expected


_VERSIONS = st.from_regex(
    r"(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)(~rc[1-9])?-[1-9][0-9]?\.[1-9][0-9]?", fullmatch=True
)


@pytest.mark.skipif(
    shutil.which("dpkg") is None, reason="dpkg is not on this controller, so orders cannot be compared"
)
@settings(max_examples=60, deadline=None)
@given(_VERSIONS, _VERSIONS)
def test_the_order_is_that_of_dpkg(one, other):
    def dpkg(operator):
        return (
            subprocess.run(["dpkg", "--compare-versions", one, operator, other], check=False).returncode == 0
        )

    assert (versions.order(one) < versions.order(other)) == dpkg("lt")
    assert (versions.order(one) == versions.order(other)) == dpkg("eq")
