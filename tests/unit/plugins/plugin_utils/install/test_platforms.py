# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the table of platforms, what is rendered for each of them, and that the roles' README has the same table."""

import configparser
from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.module_utils.host import os_release
from ansible_collections.cri.node.plugins.module_utils.packages import change
from ansible_collections.cri.node.plugins.plugin_utils.install import desired, platforms, repositories

ROOT = Path(__file__).parents[5]
# What os-release(5) contains, as far as it identifies a system: (text, expected name, method or "" for none).
OS_RELEASES = {
    "debian-12": ('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', "Debian", "apt"),
    "debian-13": (
        'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nVERSION="13 (trixie)"\n'
        "VERSION_CODENAME=trixie\nDEBIAN_VERSION_FULL=13.8\nID=debian\n",
        "Debian",
        "apt",
    ),
    "ubuntu-22.04": (
        'VERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n',
        "Ubuntu",
        "apt",
    ),
    "ubuntu-24.04": (
        'VERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=noble\n',
        "Ubuntu",
        "apt",
    ),
    "ubuntu-26.04": ('VERSION_ID="26.04"\nID=ubuntu\nID_LIKE=debian\n', "Ubuntu", "apt"),
    "rhel-8": ('ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="8.10"\n', "Red Hat Enterprise Linux", "dnf"),
    "rhel-9": ('ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\n', "Red Hat Enterprise Linux", "dnf"),
    "rhel-10": ('ID="rhel"\nID_LIKE="centos fedora"\nVERSION_ID="10.0"\n', "Red Hat Enterprise Linux", "dnf"),
    "rocky-8": ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n', "Rocky Linux", "dnf"),
    "rocky-9": ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\n', "Rocky Linux", "dnf"),
    "rocky-10": ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.0"\n', "Rocky Linux", "dnf"),
    "almalinux-9": ('ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\n', "AlmaLinux", "dnf"),
    "ol-9": ('ID="ol"\nID_LIKE="fedora"\nVERSION_ID="9.5"\n', "Oracle Linux", "dnf"),
    "centos-10": ('ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="10"\n', "CentOS Stream", "dnf"),
    "fedora-43": ("ID=fedora\nVERSION_ID=43\nVARIANT_ID=server\n", "Fedora", "dnf"),
    "fedora-coreos": ("ID=fedora\nVERSION_ID=43\nVARIANT_ID=coreos\n", "Fedora CoreOS", ""),
    "amzn-2023": ('ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n', "Amazon Linux", "dnf"),
    "leap-15.6": (
        'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
        "openSUSE Leap",
        "zypper",
    ),
    "leap-16.0": (
        'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="16.0"\n',
        "openSUSE Leap",
        "zypper",
    ),
    "tumbleweed": (
        '# VERSION="20261101"\nID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\nVERSION_ID="20261101"\n',
        "openSUSE Tumbleweed",
        "zypper",
    ),
    "sles-15": ('ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.7"\n', "SUSE Linux Enterprise Server", "zypper"),
    "sles-16": ('ID="sles"\nID_LIKE="suse"\nVERSION_ID="16.0"\n', "SUSE Linux Enterprise Server", "zypper"),
    "microos": (
        'ID="opensuse-microos"\nID_LIKE="suse opensuse opensuse-tumbleweed"\n',
        "openSUSE MicroOS",
        "",
    ),
    "flatcar": ("ID=flatcar\nID_LIKE=coreos\nVERSION_ID=4230.2.0\n", "Flatcar Container Linux", ""),
}
PACKAGED = sorted(name for name, (_text, _name, method) in OS_RELEASES.items() if method)
URL = "https://mirror.example.com/v{minor}/{format}"
OFFICIAL = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.36"


def method_of(name):
    values = os_release.parsed(OS_RELEASES[name][0])
    return change._method(values, platforms.METHODS)


@pytest.mark.parametrize("name", sorted(OS_RELEASES))
def test_a_system_is_found_in_the_table(name):
    text, expected, method = OS_RELEASES[name]
    found = platforms.find(os_release.parsed(text))
    assert (found.name, found.method) == (expected, method)
    if method:
        assert method_of(name) == method
        assert method in change.MANAGERS


def test_each_row_is_known_by_a_system():
    names = {name for _text, name, _method in OS_RELEASES.values()}
    assert {each.name for each in platforms.PLATFORMS} == names


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_ID=22\n", "apt"),
        ('ID="ubuntu"\nVERSION_ID="20.04"\n', "apt"),
        ('ID="eurolinux"\nID_LIKE="rhel fedora centos"\nVERSION_ID="9.4"\n', "dnf"),
        ("ID=arch\n", ""),
        ("ID=alpine\nVERSION_ID=3.20\n", ""),
        ("", ""),
    ],
)
def test_a_system_that_is_not_in_the_table_has_the_method_of_a_similar_one_or_none(text, method):
    values = os_release.parsed(text)
    assert platforms.find(values) is None
    assert change._method(values, platforms.METHODS) == method


def test_a_release_is_not_another_one_with_the_same_beginning():
    assert platforms.find({"ID": "debian", "VERSION_ID": "120"}) is None
    assert platforms.find({"ID": "rhel", "VERSION_ID": "9"}).name == "Red Hat Enterprise Linux"


def rendered(name, url=repositories.OFFICIAL, key="KEY\n"):
    method = method_of(name)
    repository = repositories.of_url(repositories.address(url, "1.36", method))
    return {each["path"]: each for each in repositories.files(repository, method, key)}


@pytest.mark.parametrize("name", PACKAGED)
def test_the_official_repository_is_rendered_for_each_platform(name):
    files = rendered(name)
    method = method_of(name)
    paths = repositories.PATHS[method]
    text = files[paths.repository]["content"]
    assert files[paths.key] == {
        "path": paths.key,
        "mode": "0644",
        "secret": False,
        "key": True,
        "content": "KEY\n",
    }
    assert files[paths.repository]["mode"] == "0644"
    if method == "apt":
        fields = dict(line.split(": ", 1) for line in text.splitlines()[1:])
        assert fields == {"Types": "deb", "URIs": f"{OFFICIAL}/deb/", "Suites": "/", "Signed-By": paths.key}
        assert paths.key.endswith(".asc")
    else:
        section = ini(text)
        assert section["baseurl"] == f"{OFFICIAL}/rpm/"
        assert (section["gpgcheck"], section["gpgkey"]) == ("1", f"file://{paths.key}")
        assert "password" not in section
    if paths.credentials:
        assert files[paths.credentials]["content"] == ""


def ini(text):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser[repositories.NAME]


@pytest.mark.parametrize("name", PACKAGED)
def test_credentials_are_only_in_a_secret_file(name):
    files = rendered(name, URL.replace("://", "://ops:p%40ss@"))
    with_password = [each for each in files.values() if "p@ss" in each["content"]]
    assert [(each["mode"], each["secret"]) for each in with_password] == [("0600", True)]
    assert "p%40ss" not in str(files)
    content = with_password[0]["content"]
    expected = {
        "apt": "machine https://mirror.example.com/v1.36/deb/ login ops password p@ss\n",
        "zypper": "username=ops\npassword=p@ss\n",
    }
    method = method_of(name)
    if method == "dnf":
        section = ini(content)
        assert (section["username"], section["password"]) == ("ops", "p@ss")
    else:
        assert content == expected[method]
    if method == "zypper":
        text = files[repositories.PATHS[method].repository]["content"]
        assert "/?credentials=cri-node-crio\n" in text


def test_a_suite_with_components_is_rendered():
    repository = repositories.of_url("http://aptly.example.com/debian", "stable", ("main", "crio"))
    content = repositories.files(repository, "apt", "KEY\n")[0]["content"]
    assert "URIs: http://aptly.example.com/debian/\nSuites: stable\nComponents: main crio\n" in content


def test_the_readme_of_the_role_has_the_table():
    text = (ROOT / "roles" / "crio" / "README.md").read_text()
    lines = ["| platform | releases | package manager | state |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in platforms.rows()]
    table = "\n".join(lines)
    assert table in text, f"roles/crio/README.md lacks this table:\n{table}"


def test_the_readme_names_the_architectures():
    text = (ROOT / "roles" / "crio" / "README.md").read_text()
    assert ", ".join(platforms.ARCHITECTURES.values()) in text


def test_the_documented_defaults_are_those_of_the_code():
    assert desired.SPEC["repository"]["options"]["url"]["default"] == repositories.OFFICIAL
    for role in ("crio", "runtime"):
        text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text()
        options = yaml.safe_load(text)["argument_specs"]["main"]["options"]["crio_packages"]["options"]
        assert set(options) == set(desired.SPEC) - {"version"}
        assert set(options["repository"]["options"]) == set(desired.SPEC["repository"]["options"])
