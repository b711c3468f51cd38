# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role has installed CRI-O from packages, after an upgrade of the system, and after a refused run."""

import json
import os
from pathlib import Path

import pytest

testinfra_hosts = ["ansible://nodes"]

REPOSITORY = "/etc/apt/sources.list.d/cri-node-crio.sources"
KEY = "/etc/apt/keyrings/cri-node-crio.asc"


@pytest.fixture(scope="module")
def variables():
    """Return the variables of the role."""
    return json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "packages.json").read_text())


def test_the_release_is_the_one_of_the_first_run(host, variables):
    package = host.package("cri-o")
    assert package.is_installed
    assert package.version == f"{variables['packages_release']}-1.1"
    assert host.package("cri-tools").is_installed


def test_the_packages_are_held_although_a_later_release_is_available(host, variables):
    assert f"{variables['packages_later']}-1.1" in host.file("/root/available").content_string
    assert "kept back" in host.file("/root/upgrade").content_string
    assert sorted(host.check_output("apt-mark showhold").split()) == ["cri-o", "cri-tools"]


def test_the_repository_is_signed_by_the_key_of_the_variables(host, variables):
    text = host.file(REPOSITORY).content_string
    assert f"Signed-By: {KEY}" in text
    assert f"file:///srv/packages/v{variables['crio_version']}/deb/" in text
    assert host.file(KEY).content_string == variables["crio_packages"]["repository"]["key"]
    assert (host.file(REPOSITORY).mode, host.file(KEY).mode) == (0o644, 0o644)


def test_the_package_owns_the_program_that_serves(host):
    assert host.check_output("dpkg-query --search /usr/bin/crio").startswith("cri-o:")
    assert host.check_output("systemctl show --value --property=ExecStart crio.service").startswith(
        "{ path=/usr/bin/crio "
    )


def test_crio_is_enabled_and_serves_with_the_settings(host):
    assert host.service("crio").is_enabled
    assert host.service("crio").is_running
    conditions = json.loads(host.check_output("crictl info"))["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions}["RuntimeReady"]
    assert "container_runtime_crio_" in host.check_output("curl --silent http://127.0.0.1:9537/metrics")


def test_no_run_leaves_temporary_files(host):
    assert not host.file("/run/systemd/system/crio.service.d").exists
    assert not host.file("/var/lib/cri-node/packages-install.json").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
    assert host.check_output("dpkg --audit") == ""
