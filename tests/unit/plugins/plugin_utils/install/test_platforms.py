# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the table of platforms, what is rendered for each of them, and that the roles' README has the same table."""

import configparser
import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.cri.node.plugins.module_utils.host import os_release
from ansible_collections.cri.node.plugins.module_utils.packages import change
from ansible_collections.cri.node.plugins.plugin_utils.install import desired, platforms, repositories

ROOT = Path(__file__).parents[5]
# Recorded: the lines of os-release(5) that identify a system, and for some what Ansible's facts call it. Each names its source.
RECORDED = json.loads((ROOT / "tests" / "unit" / "fixtures" / "platforms.json").read_text())
# The row of each recorded system that has one: its name, and the package manager, "" for none.
ROWS = {
    "debian-12": ("Debian", "apt"),
    "debian-13": ("Debian", "apt"),
    "ubuntu-22.04": ("Ubuntu", "apt"),
    "ubuntu-24.04": ("Ubuntu", "apt"),
    "ubuntu-26.04": ("Ubuntu", "apt"),
    "rhel-8": ("Red Hat Enterprise Linux", "dnf"),
    "rhel-9": ("Red Hat Enterprise Linux", "dnf"),
    "rhel-10": ("Red Hat Enterprise Linux", "dnf"),
    "rocky-8": ("Rocky Linux", "dnf"),
    "rocky-9": ("Rocky Linux", "dnf"),
    "rocky-10": ("Rocky Linux", "dnf"),
    "almalinux-8": ("AlmaLinux", "dnf"),
    "almalinux-9": ("AlmaLinux", "dnf"),
    "almalinux-10": ("AlmaLinux", "dnf"),
    "ol-8": ("Oracle Linux", "dnf"),
    "ol-9": ("Oracle Linux", "dnf"),
    "ol-10": ("Oracle Linux", "dnf"),
    "centos-9": ("CentOS Stream", "dnf"),
    "centos-10": ("CentOS Stream", "dnf"),
    "fedora-42": ("Fedora", "dnf"),
    "fedora-43": ("Fedora", "dnf"),
    "fedora-44": ("Fedora", "dnf"),
    "fedora-coreos": ("Fedora CoreOS", ""),
    "amzn-2023": ("Amazon Linux", "dnf"),
    "leap-15.6": ("openSUSE Leap", "zypper"),
    "leap-16.0": ("openSUSE Leap", "zypper"),
    "tumbleweed": ("openSUSE Tumbleweed", "zypper"),
    "sles-15": ("SUSE Linux Enterprise Server", "zypper"),
    "sles-16": ("SUSE Linux Enterprise Server", "zypper"),
    "microos": ("openSUSE MicroOS", ""),
    "flatcar": ("Flatcar Container Linux", ""),
    "flatcar-3139": ("Flatcar Container Linux", ""),
}
# Recorded systems without a row that are similar to one: an older release, or by their ID_LIKE.
SIMILAR = {
    "debian-11": "apt",
    "ubuntu-20.04": "apt",
    "ubuntu-25.10": "apt",
    "raspbian-11": "apt",
    "linuxmint-22": "apt",
    "rhel-7": "dnf",
    "eurolinux-9": "dnf",
    "amzn-2": "dnf",
    "leap-15.5": "zypper",
    "sle-micro-5.1": "zypper",
    "sl-micro-6": "zypper",
}
PACKAGED = sorted(name for name, (_name, method) in ROWS.items() if method)
UNKNOWN = sorted(set(RECORDED) - set(ROWS) - set(SIMILAR))
# What follows from the package manager.
CHOICES = {
    "apt": (
        "deb",
        "/etc/apt/sources.list.d/cri-node-crio.sources",
        "/etc/apt/keyrings/cri-node-crio.asc",
        ["cri-o", "cri-tools"],
    ),
    "dnf": (
        "rpm",
        "/etc/yum.repos.d/cri-node-crio.repo",
        "/etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio",
        ["cri-o", "cri-tools", "container-selinux"],
    ),
    "zypper": (
        "rpm",
        "/etc/zypp/repos.d/cri-node-crio.repo",
        "/etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio",
        ["cri-o", "cri-tools"],
    ),
}
URL = "https://mirror.example.com/v{minor}/{format}"
OFFICIAL = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.36"


def identity_of(name):
    return os_release.parsed("\n".join(RECORDED[name]["os_release"]) + "\n")


def method_of(name):
    return change._method(identity_of(name), platforms.METHODS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_recorded_system_is_found_in_the_table(name):
    expected, method = ROWS[name]
    found = platforms.find(identity_of(name))
    assert (found.name, found.method) == (expected, method)
    if method:
        assert method_of(name) == method
        assert method in change.MANAGERS


def test_each_release_of_the_table_is_that_of_a_recorded_system():
    proven = set()
    for name in ROWS:
        identity = identity_of(name)
        row = platforms.find(identity)
        release = identity["VERSION_ID"]
        proven.add((row, next((each for each in row.releases if platforms._is_one_of(release, (each,))), "")))
    expected = {(row, release) for row in platforms.PLATFORMS for release in row.releases or ("",)}
    assert {(row.name, release) for row, release in expected - proven} == set()


@pytest.mark.parametrize("name", sorted(name for name, each in RECORDED.items() if "ansible_facts" in each))
def test_what_ansible_calls_a_system_agrees_with_its_os_release(name):
    facts, identity = RECORDED[name]["ansible_facts"], identity_of(name)
    assert facts["distribution_version"] == identity["VERSION_ID"]
    family = {"apt": "Debian", "dnf": "RedHat", "zypper": "Suse"}.get(method_of(name))
    assert family in (facts["os_family"], None)


@pytest.mark.parametrize("name", sorted(SIMILAR))
def test_a_system_that_is_not_in_the_table_has_the_method_of_a_similar_one(name):
    assert platforms.find(identity_of(name)) is None
    assert method_of(name) == SIMILAR[name]


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_system_like_none_of_the_table_has_no_method(name):
    assert platforms.find(identity_of(name)) is None
    assert method_of(name) == ""


@pytest.mark.parametrize("text", ["", "ID=\n", "VERSION_ID=13\n"])
def test_a_system_without_an_identity_has_no_method(text):
    values = os_release.parsed(text)
    assert platforms.find(values) is None
    assert change._method(values, platforms.METHODS) == ""


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


@pytest.mark.parametrize("name", PACKAGED)
def test_format_paths_and_packages_follow_from_the_platform(name):
    method = platforms.find(identity_of(name)).method
    wanted = desired.Desired(
        {"version": "1.36", "repository": None, "packages": None, "hold": True, "lock_timeout": 120}
    )
    reading, _secrets = wanted.reading()
    paths = repositories.PATHS[method]
    packages = [*wanted.names, *platforms.DEPENDENCIES[method]]
    assert (platforms.FORMATS[method], paths.repository, paths.key, packages) == CHOICES[method]
    assert [each["path"] for each in reading["methods"][method]][:2] == list(CHOICES[method][1:3])
    assert wanted.repository(method).url == f"{OFFICIAL}/{CHOICES[method][0]}/"


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
