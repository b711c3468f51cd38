# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what crio_packages checks on the controller, what it asks of the node, and what it does with the answers."""

import base64
import json
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.host import os_release
from ansible_collections.cri.node.plugins.module_utils.packages import change
from ansible_collections.cri.node.plugins.plugin_utils.install import openpgp, platforms

# A key that no program would use, but with the format of one.
PACKETS = bytes([0x99, 0, 20]) + b"\x04" + bytes(19)
KEY = openpgp.read(PACKETS)
ARMORED = KEY.armored()
MIRROR = {
    "url": "https://mirror.example.com/v{minor}/{format}",
    "key": ARMORED,
    "key_fingerprint": KEY.fingerprint,
}
OPTIONS = {"version": "1.36", "repository": MIRROR}
HERE = {
    "changed": False,
    "interrupted": False,
    "identity": {
        "ID": "debian",
        "ID_LIKE": "",
        "VERSION_ID": "13",
        "VARIANT_ID": "",
        "PRETTY_NAME": "Debian 13",
    },
    "machine": "x86_64",
    "method": "apt",
    "read_only": False,
    "ostree": False,
    "manager": True,
    "packages": {},
    "crio": {"binary": None, "owner": "", "version": None},
    "as_desired": False,
    "unavailable": [],
    "held": [],
    "others": [],
}
MADE = {
    "changed": True,
    "versions": {"cri-o": "1.36.3-1.1"},
    "installed": ["cri-o"],
    "unavailable": ["cri-tools"],
    "files": {},
    "completed": "",
}
PRESENT = {"version": "1.36.3-1.1", "complete": True, "held": True}
SETTLED = {
    "packages": {"cri-o": PRESENT},
    "crio": {"binary": "/usr/bin/crio", "owner": "cri-o", "version": None},
    "as_desired": True,
    "unavailable": ["cri-tools"],
    "held": ["cri-o"],
}


RECORDED = json.loads((Path(__file__).parents[3] / "unit" / "fixtures" / "platforms.json").read_text())


def recorded(name):
    """Return the difference of a node that is this recorded system, see test_platforms."""
    values = os_release.parsed("\n".join(RECORDED[name]["os_release"]))
    identity = {key: values.get(key, "") for key in change._IDENTITY}
    return {"identity": identity, "method": change._method(values, platforms.METHODS)}


def of(identity, **more):
    """Return the difference of a node with another distribution."""
    return {"identity": {**HERE["identity"], "ID": identity, **more}}


def node(made=None, **here):
    """Return a node with these differences of its state and of the outcome of an installation."""
    return lambda request: {**HERE, **here} if request["call"] == "read" else {**MADE, **(made or {})}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "crio_version: is required, since the address of the repository depends on the minor version"),
        ({"version": 1.4}, "crio_version = 1.4: is a number with a fraction, not a string: YAML reads 1.40"),
        ({"version": "latest"}, 'crio_version = "latest": is not a version of CRI-O'),
        ({"version": "1.36-1.1"}, "is not a version of CRI-O"),
        ({**OPTIONS, "packages": []}, "crio_packages: packages: is empty"),
        ({**OPTIONS, "packages": ["cri-o", "a b"]}, 'packages[1] = "a b": is not the name of a package'),
        ({**OPTIONS, "packages": ["-o=x"]}, "packages[0]"),
        ({**OPTIONS, "lock_timeout": -1}, "lock_timeout = -1"),
    ],
)
def test_wrong_options_are_refused(refused, options, expected):
    assert expected in refused("crio_packages", options)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ({"url": "ftp://a.example.com/"}, "is not a URL of http, https or file"),
        ({"url": "mirror.example.com/x"}, "is not a URL of http, https or file"),
        ({"url": "https:///x"}, "is not a URL of http, https or file"),
        ({"url": "https://a.example.com:x/"}, "is not a valid URL"),
        ({"url": "https://a.example.com/?token=canary"}, "has a query or a fragment"),
        ({"url": "https://a.example.com/{version}/"}, "contains a character that a URL cannot have"),
        ({"url": "https://a.example.com/a b/"}, "contains a character that a URL cannot have"),
        ({"url": "https://u:canary%20x@a.example.com/"}, "has credentials with a blank"),
        ({"url": "https://u:canary%0Ax@a.example.com/"}, "has credentials with a blank"),
        ({"suite": "stable"}, "is a suite, which requires components"),
        ({"components": ["main"]}, "are not possible with a suite that ends with a slash"),
        ({"suite": "a b", "components": ["main"]}, "repository.suite"),
        ({"suite": "stable", "components": ["main", "x y"]}, "repository.components[1]"),
        ({"key_fingerprint": "9A296436"}, "is not a full fingerprint; accepted: 40 hexadecimal digits"),
        ({"key_fingerprint": "A" * 40}, f"the key has the fingerprint {KEY.fingerprint}, not {'A' * 40}"),
        ({"key": "/nowhere/{minor}/key.asc"}, "/nowhere/1.36/key.asc cannot be read on the controller"),
        ({"key": ARMORED + ARMORED}, f"contains 2 keys, {KEY.fingerprint}, {KEY.fingerprint}"),
        ({"key": ARMORED.replace("PUBLIC", "PRIVATE")}, "contains a private key"),
        (
            {"key": "http://a.example.com/key", "key_fingerprint": None},
            "is required, because the key is not fetched over HTTPS",
        ),
        ({"url": "http://a.example.com/", "key": None, "key_fingerprint": None}, "is required, because"),
    ],
)
def test_a_wrong_repository_is_refused_without_its_secrets(refused, repository, expected):
    message = refused("crio_packages", {**OPTIONS, "repository": {**MIRROR, **repository}})
    assert expected in message
    assert "canary" not in message


def test_a_key_may_be_a_binary_file(run, tmp_path):
    (tmp_path / "key.gpg").write_bytes(PACKETS)
    repository = {**MIRROR, "key": str(tmp_path / "key.gpg")}
    task = run("crio_packages", {**OPTIONS, "repository": repository}, node())
    files = {each["path"]: each["content"] for each in task.calls[1]["request"]["files"]}
    assert files["/etc/apt/keyrings/cri-node-crio.asc"] == ARMORED


def test_what_is_installed_as_desired_takes_one_call(run):
    task = run("crio_packages", OPTIONS, node(**SETTLED))
    assert len(task.calls) == 1
    assert task.result["changed"] is False
    assert task.result["version"] == "1.36.3"
    assert task.result["packages"] == {"cri-o": "1.36.3-1.1"}


@pytest.mark.parametrize(
    "difference",
    [
        {"as_desired": False},
        {"unavailable": []},
        {"packages": {"cri-o": {**PRESENT, "held": False}}},
        {"packages": {"cri-o": {**PRESENT, "complete": False}}},
        {"packages": {"cri-o": PRESENT, "cri-tools": {**PRESENT, "held": False}}},
    ],
)
def test_what_is_not_as_desired_takes_two_calls(run, difference):
    task = run("crio_packages", OPTIONS, node(**{**SETTLED, **difference}))
    assert [call["request"]["call"] for call in task.calls] == ["read", "install"]


def test_a_pin_and_a_list_of_packages_are_what_the_node_must_have(run):
    pinned = run("crio_packages", {**OPTIONS, "version": "1.36.4"}, node(**SETTLED))
    assert pinned.calls[1]["request"]["version"] == "1.36.4"
    listed = run("crio_packages", {**OPTIONS, "packages": ["cri-o", "cri-tools"]}, node(**SETTLED))
    assert (len(listed.calls), listed.calls[1]["request"]["required"]) == (2, 2)
    any_one = {**MIRROR, "url": "https://mirror.example.com/crio"}
    kept = run("crio_packages", {"repository": any_one}, node(**SETTLED))
    assert len(kept.calls) == 1


def test_only_what_was_held_here_is_released(run):
    options = {**OPTIONS, "hold": False}
    assert len(run("crio_packages", options, node(**SETTLED)).calls) == 2
    assert len(run("crio_packages", options, node(**{**SETTLED, "held": []})).calls) == 1


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (of("flatcar", PRETTY_NAME="Flatcar"), "Flatcar has no packages for this (preinstalled only"),
        (of("fedora", VARIANT_ID="coreos"), "(bundle only: the system is an image"),
        ({**of("arch", PRETTY_NAME="Arch"), "method": ""}, "no packages are known for Arch"),
        ({"read_only": True}, "this Debian 13 has a read-only /usr, in which no package can be installed; use crio_install"),
        ({"ostree": True}, "is an image of ostree"),
        ({"manager": False}, "apt, the package manager of Debian 13, is not on this node"),
        (
            {"crio": {"binary": "/usr/local/bin/crio", "owner": "", "version": "1.35.0"}},
            "CRI-O 1.35.0 is installed as /usr/local/bin/crio, which does not belong to a package",
        ),
        (
            {"crio": {"binary": "/usr/bin/crio", "owner": "cri-o1.34", "version": None}},
            "CRI-O is installed from the package cri-o1.34, not cri-o",
        ),
        (
            {**SETTLED, "packages": {"cri-o": {**PRESENT, "version": "1.35.9-1.1"}}},
            "CRI-O 1.35.9 is installed, but crio_version is 1.36: a different minor version removes all pods",
        ),
        ({"others": ["/etc/apt/x.list"]}, "another repository with CRI-O is configured in /etc/apt/x.list"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_get_the_packages_is_refused_after_one_call(run, here, expected):
    task = run("crio_packages", OPTIONS, node(**here))
    assert expected in task.message
    assert len(task.calls) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "alpine",
            "no packages are known for Alpine Linux v3.19; use crio_install: bundle, or install CRI-O",
        ),
        ("arch", "no packages are known for Arch Linux; use crio_install: bundle"),
        ("azurelinux-3", "no packages are known for Microsoft Azure Linux 3.0; use crio_install: bundle"),
        ("gentoo", "no packages are known for Gentoo Linux; use crio_install: bundle"),
        ("nixos", "no packages are known for NixOS 18.09"),
        ("openeuler", "no packages are known for openEuler 24.03"),
        ("photon-5", "no packages are known for VMware Photon OS/Linux; use crio_install: bundle"),
        (
            "flatcar",
            "Flatcar Container Linux by Kinvolk 4459.0.0 (Oklo) has no packages for this (preinstalled",
        ),
        ("fedora-coreos", "Fedora CoreOS 40 has no packages for this (bundle only: the system is an image"),
        ("microos", "openSUSE MicroOS has no packages for this (bundle only: the system is an image"),
    ],
)
def test_a_recorded_system_without_packages_is_refused_by_its_name(run, name, expected):
    task = run("crio_packages", OPTIONS, node(**recorded(name)))
    assert task.message.startswith(f"crio_packages: {expected}")
    assert len(task.calls) == 1


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_each_recorded_system_is_installed_warned_about_or_refused(run, name):
    system = recorded(name)
    row, method = platforms.find(system["identity"]), system["method"]
    task = run("crio_packages", OPTIONS, node(**system))
    if (row and not row.method) or not method:
        assert task.message.startswith("crio_packages: ")
        assert len(task.calls) == 1
        return
    request = task.calls[1]["request"]
    assert (request["method"], request["dependencies"]) == (method, list(platforms.DEPENDENCIES[method]))
    warned = any(
        "is not a platform that is known to crio_packages" in each for each in task.result.get("warnings", [])
    )
    assert warned is (row is None)


def test_a_repository_of_somebody_else_with_the_version_is_used(run):
    others = ["/etc/apt/sources.list.d/x.list"]
    task = run("crio_packages", OPTIONS, node(**{**SETTLED, "others": others, "as_desired": False}))
    assert (len(task.calls), task.result["changed"]) == (1, False)
    assert "x.list" in task.result["warnings"][0]


def test_credentials_are_only_sent_as_secrets(run):
    repository = {**MIRROR, "url": "https://ops:canary%40pw@mirror.example.com/v{minor}/{format}"}
    for method in ("apt", "dnf", "zypper"):
        task = run("crio_packages", {**OPTIONS, "repository": repository}, node(method=method), diff=True)
        assert "canary" not in str([call["request"] for call in task.calls])
        assert "canary@pw" in str(task.calls[1]["secrets"])
        assert "canary" not in str(task.result)
        assert task.result["repository"].startswith("https://mirror.example.com/v1.36/")


def test_a_message_of_the_node_does_not_repeat_a_password(run):
    repository = {**MIRROR, "url": "https://ops:canary%40pw@mirror.example.com/v{minor}/{format}"}

    def failing(request):
        return HERE if request["call"] == "read" else {"failed": True, "msg": "apt said canary@pw"}

    message = run("crio_packages", {**OPTIONS, "repository": repository}, failing).message
    assert message == "apt said ********"


def test_a_diff_shows_files_and_versions_but_no_secret(run):
    made = {
        "files": {"/etc/a": [None, "new\n"], "/etc/secret": [None, ""]},
        "versions": {"cri-o": "1.36.3-1.1"},
        "installed": ["cri-o", "container-selinux"],
    }
    task = run("crio_packages", OPTIONS, node(made), diff=True)
    file, secret, packages = task.result["diff"]
    assert (file["before"], file["after"]) == ("", "new\n")
    assert secret["after"] == "(its content is secret, and changes)\n"
    assert (packages["before"], packages["after"]) == ("", "cri-o 1.36.3-1.1\ncontainer-selinux\n")


def test_a_distribution_that_is_not_in_the_table_is_a_warning(run):
    identity = {
        **HERE["identity"],
        "ID": "linuxmint",
        "ID_LIKE": "ubuntu debian",
        "PRETTY_NAME": "Linux Mint 22",
    }
    task = run("crio_packages", OPTIONS, node(identity=identity))
    assert "Linux Mint 22 is not a platform that is known to crio_packages" in task.result["warnings"][0]


def test_what_zypper_cannot_predict_is_the_pin_or_nothing(run):
    made = {"versions": {}, "installed": [], "unavailable": []}
    task = run("crio_packages", OPTIONS, node(made, method="zypper"), check_mode=True)
    assert task.result["version"] == "1.36"
    assert task.result["changed"] is True


def test_the_official_repository_needs_nothing_but_a_version(run, monkeypatch):
    from ansible_collections.cri.node.plugins.module_utils import download

    def fetch(url, path, use_netrc=False):
        assert url == "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v1.36/deb/Release.key"
        with open(path, "w") as file:
            file.write(ARMORED)

    monkeypatch.setattr(download, "fetch", fetch)
    task = run("crio_packages", {"version": "1.36.3"}, node())
    assert task.result["key_fingerprint"] == KEY.fingerprint
    assert "not compared with a fingerprint" in task.result["warnings"][0]
    key = next(each for each in task.calls[1]["request"]["files"] if each["key"])
    assert base64.b64encode(PACKETS).decode()[:20] in key["content"]
    # Of a node whose record is about this repository and key, nothing is fetched again.
    monkeypatch.setattr(download, "fetch", None)
    assert len(run("crio_packages", {"version": "1.36.3"}, node(**SETTLED)).calls) == 1
