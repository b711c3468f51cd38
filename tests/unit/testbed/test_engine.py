# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which container engine is used, and when one is installed."""

import pytest

from testbed import engine
from testbed.engine import EngineError, decide


@pytest.mark.parametrize(
    ("answering", "chosen"),
    [(["docker"], "docker"), (["podman"], "podman"), (["podman", "docker"], "docker")],
)
def test_engine_that_answers_is_used(answering, chosen):
    assert (
        decide(answering, root=False, distribution="fedora", environment={"TESTBED_INSTALL_ENGINE": "no"})
        == chosen
    )


@pytest.mark.parametrize("distribution", ["debian", "ubuntu debian", "linuxmint ubuntu debian"])
def test_root_on_debian_installs_an_engine(distribution):
    assert decide([], root=True, distribution=distribution, environment={}) == "install"


@pytest.mark.parametrize(
    ("root", "distribution", "environment", "expected"),
    [
        (
            True,
            "debian",
            {"TESTBED_INSTALL_ENGINE": "no"},
            "apt-get install --yes --no-install-recommends docker.io",
        ),
        (False, "debian", {}, "sudo apt-get install --yes --no-install-recommends docker.io"),
        (True, "fedora", {}, "package manager"),
        (True, "", {}, "package manager"),
    ],
)
def test_other_users_get_the_command_to_type(root, distribution, environment, expected):
    with pytest.raises(EngineError, match=expected):
        decide([], root=root, distribution=distribution, environment=environment)


def test_distribution_is_read_from_os_release():
    assert engine.os_release('NAME="Ubuntu"\nID=ubuntu\nID_LIKE="debian"\n') == "ubuntu debian"
    assert engine.os_release("") == " "


def test_capabilities_that_a_host_withholds_are_omitted():
    every = (1 << 41) - 1
    withheld = 1 << engine.CAPABILITIES.index("SYS_RESOURCE")
    assert "SYS_RESOURCE" in engine.capabilities(every)
    assert "SYS_RESOURCE" not in engine.capabilities(every & ~withheld)
    assert engine.CAPABILITIES.index("SYS_ADMIN") == 21
    assert engine.CAPABILITIES.index("AUDIT_READ") == 37
    assert not {"PERFMON", "BPF", "CHECKPOINT_RESTORE"} & set(engine.capabilities(every))
