# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces an installed CRI-O together with its configuration: the new daemon serves, or the former one does as before."""

import pytest

from testbed import bundles
from testbed.observed import running_containers, service

APPLY = "cri.node.runtime_config"
PLAY = [{"hosts": "all", "gather_facts": False, "roles": ["cri.node.runtime"]}]


@pytest.fixture(scope="module")
def contents(testbed, crio_source):
    """Return the content of the bundle at hand, by name."""
    node = testbed.add("programs", crio=False)[0]
    yield bundles.files(crio_source, node)
    testbed.remove("programs")


@pytest.fixture(scope="module")
def bundle(contents, crio_source, tmp_path_factory):
    """Return the bundle at hand."""
    return bundles.pack(tmp_path_factory.mktemp("bundle"), contents, crio_source.version)


@pytest.fixture
def installed(bundle, fresh_node, run_playbook):
    """Return a node with CRI-O from the bundle at hand."""
    node = fresh_node(crio=False)
    bundles.give_network_and_registry(node)
    run_playbook(PLAY, node, variables=bundles.role_variables(bundle)).expect_success()
    return node


@pytest.mark.real_crio("the stand-in has one version")
def test_another_patch_release_is_installed_in_the_transaction_and_stops_no_pod(
    installed, contents, crio_source, run_playbook, tmp_path
):
    version = crio_source.version
    other = f"{version.rpartition('.')[0]}.9"
    newer = bundles.pack(tmp_path, bundles.of_another_version(contents, version, other), other)
    installed.run_pod()
    containers, before = running_containers(installed), installed.run("sha256sum /usr/local/bin/crio").out
    predicted = run_playbook(PLAY, installed, "--check", variables=bundles.role_variables(newer)).expect_success()
    assert installed.run("sha256sum /usr/local/bin/crio").out == before
    done = run_playbook(PLAY, installed, variables=bundles.role_variables(newer)).expect_success()
    assert predicted.of(APPLY)["plan"] == done.of(APPLY)["plan"]
    assert done.of(APPLY)["plan"]["reasons"][0] == f"CRI-O {version} is replaced with {other}"
    assert installed.crictl("version").splitlines()[2].split() == ["RuntimeVersion:", other]
    assert running_containers(installed) == containers
    again = run_playbook(PLAY, installed, variables=bundles.role_variables(newer)).expect_success()
    assert again.changed == 0
    assert service(installed, "ActiveState") == "active"
