# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms that CRI-O can be installed on, and how. Data, and the functions that read it.

Sources: os-release(5) of the distributions (ID, VERSION_ID, VARIANT_ID), and CRI-O's package repositories, which have the
formats deb and rpm for four architectures. They are built from the static bundle, and thus not for single distributions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

#: how a platform gets CRI-O: the package manager, or "" if it has none for this
APT, DNF, ZYPPER, NONE = "apt", "dnf", "zypper", ""
#: the format of each package manager's repositories, as the addresses name it
FORMATS = {APT: "deb", DNF: "rpm", ZYPPER: "rpm"}
#: uname -m of the architectures of the repositories
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_TESTED = "tested"
_RENDERED = "rendered"
_BUNDLE = "bundle only"
_PREINSTALLED = "preinstalled only"


class Platform(NamedTuple):
    """A distribution with the releases that are known.

    identity: its ID in os-release. releases: the beginning of VERSION_ID of each; empty for a distribution without numbers.
    method: its package manager. proof: what was done with these packages: "tested" on a node, or only "rendered" files; or what
    is possible instead of packages. variant: VARIANT_ID if only this variant is meant.
    """

    name: str
    identity: str
    releases: tuple[str, ...]
    method: str
    proof: str
    note: str = ""
    variant: str = ""


PLATFORMS = (
    Platform("Debian", "debian", ("13",), APT, _TESTED),
    Platform("Debian", "debian", ("12",), APT, _RENDERED),
    Platform("Ubuntu", "ubuntu", ("22.04", "24.04", "26.04"), APT, _RENDERED),
    Platform("Red Hat Enterprise Linux", "rhel", ("8", "9", "10"), DNF, _RENDERED),
    Platform("Rocky Linux", "rocky", ("8", "9", "10"), DNF, _RENDERED),
    Platform("AlmaLinux", "almalinux", ("8", "9", "10"), DNF, _RENDERED),
    Platform("Oracle Linux", "ol", ("8", "9", "10"), DNF, _RENDERED),
    Platform("CentOS Stream", "centos", ("9", "10"), DNF, _RENDERED),
    Platform(
        "Fedora CoreOS",
        "fedora",
        (),
        NONE,
        _BUNDLE,
        "the system is an image; `/usr/local` is writable",
        "coreos",
    ),
    Platform("Fedora", "fedora", ("42", "43", "44"), DNF, _RENDERED, "dnf 5"),
    Platform("Amazon Linux", "amzn", ("2023",), DNF, _RENDERED),
    Platform("openSUSE Leap", "opensuse-leap", ("15.6", "16.0"), ZYPPER, _RENDERED),
    Platform("openSUSE Tumbleweed", "opensuse-tumbleweed", (), ZYPPER, _RENDERED),
    Platform("SUSE Linux Enterprise Server", "sles", ("15", "16"), ZYPPER, _RENDERED),
    Platform(
        "openSUSE MicroOS",
        "opensuse-microos",
        (),
        NONE,
        _BUNDLE,
        "the system is an image; `/usr/local` is writable",
    ),
    Platform(
        "Flatcar Container Linux",
        "flatcar",
        (),
        NONE,
        _PREINSTALLED,
        "`/usr` is read-only: use a system extension",
    ),
)
#: the package manager by ID and ID_LIKE, also for distributions that are not in the table
METHODS = {
    **{each.identity: each.method for each in PLATFORMS if each.method},
    "suse": ZYPPER,
    "opensuse": ZYPPER,
}
#: the packages of the distribution that CRI-O needs beside what its own package requires
DEPENDENCIES: dict[str, tuple[str, ...]] = {APT: (), DNF: ("container-selinux",), ZYPPER: ()}
#: the packages of the repository; only the first one must be there
PACKAGES = ("cri-o", "cri-tools")


def find(identity: Mapping[str, str]) -> Platform | None:
    """Return the row of a node's identity (ID, VERSION_ID and VARIANT_ID of os-release), None if there is none."""
    of_id = [each for each in PLATFORMS if each.identity == identity.get("ID")]
    fitting = [each for each in of_id if not each.variant or each.variant == identity.get("VARIANT_ID")]
    release = identity.get("VERSION_ID", "")
    return next((each for each in fitting if not each.releases or _is_one_of(release, each.releases)), None)


def _is_one_of(release: str, known: tuple[str, ...]) -> bool:
    return any(release == each or release.startswith(f"{each}.") for each in known)


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table for the documentation: platform, releases, method, and what is known of it."""
    for each in PLATFORMS:
        known = each.proof + (f"; {each.note}" if each.note else "")
        yield each.name, ", ".join(each.releases) or "all", each.method or "none", known
