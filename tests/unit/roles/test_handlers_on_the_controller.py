# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the roles oci_runtimes and cni on the controller: their checks, and the entries of handlers in crio.conf."""

import json

import pytest
from tests.unit.roles.test_preview_on_the_controller import preview

DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"


def test_handlers_are_below_the_settings_of_crio_conf(controller):
    shown = controller.files(
        "crio",
        {
            "oci_runtimes_config": {"crun": {}, "kata": {"install": "package"}},
            "oci_runtimes_config__site": {"kata": None, "runc": {}},
            "crio_config": {"crio": {"runtime": {"runtimes": {"runc": {"no_sync_log": True}}}}},
            "crio_version": "1.36",
        },
    )
    file = shown[DROP_IN]
    assert file.checked.problems == []
    handlers = file.checked.data["crio"]["runtime"]["runtimes"]
    assert sorted(handlers) == ["crun", "runc"]
    assert handlers["runc"]["no_sync_log"] is True
    assert handlers["runc"]["runtime_path"] == "/usr/libexec/crio/runc"
    path = ("crio", "runtime", "runtimes", "runc")
    assert file.checked.sources[(*path, "no_sync_log")] == "crio_config"
    assert file.checked.sources[(*path, "runtime_path")] == "oci_runtimes_config"


def test_without_handlers_no_file_is_desired(controller):
    assert controller.desired("crio", {"oci_runtimes_config": {}}) == []


@pytest.mark.parametrize(
    ("role", "variables", "expected"),
    [
        (
            "oci_runtimes",
            {"oci_runtimes_config": {"crunn": {}}},
            "crunn: is not a known runtime; did you mean crun?",
        ),
        (
            "oci_runtimes",
            {"oci_runtimes_config": {"crun": {}}, "oci_runtimes_config__lab": {"crun": {"install": "apt"}}},
            "oci_runtimes_config__lab: crun.install",
        ),
        ("cni", {"cni_network": {"subnets": ["10.85.0.0/31"]}}, "cni_network: subnets[0]"),
        (
            "cni",
            {"cni_network": {"subnets": ["10.0.0.0/8"]}, "cni_network__lab": {"subnet": "x"}},
            "did you mean subnets?",
        ),
        ("cni", {"cni_install": "archive"}, "cni_plugins: archive.source: is missing"),
        (
            "cni",
            {"cni_archive": '{"source": "x"}'},
            "archive.source: has no effect with install: preinstalled",
        ),
    ],
)
def test_a_role_refuses_wrong_variables_before_a_node_is_contacted(controller, role, variables, expected):
    play = [{"hosts": "all", "gather_facts": False, "roles": [f"cri.node.{role}"]}]
    done = controller.play(play, variables, "--tags", "check")
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, output
    assert expected in output
    assert "UNREACHABLE" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("misspelled", "meant"),
    [("oci_runtimes_confg", "oci_runtimes_config"), ("cni_networks", "cni_network")],
)
def test_a_misspelled_variable_is_a_warning(controller, misspelled, meant):
    done = controller.run("crio", {misspelled: {"subnets": []}})
    expected = f"the variable {misspelled} is not read by any role of cri.node; did you mean {meant}?"
    assert expected in " ".join((done.stdout + done.stderr).split())


def test_a_preview_knows_the_handlers(tmp_path):
    hosts = {"node-1": {"crio_version": "1.37", "oci_runtimes_config": {"crun": {}, "gvisor": {}}}}
    done = preview(tmp_path, hosts, "1.36")
    assert done.returncode != 0
    report = json.loads((tmp_path / "cri-node-preview.json").read_text())
    breaking = [each for each in report["changes"] if each["breaking"]]
    assert [(each["variable"], each["key"]) for each in breaking] == [("oci_runtimes_config", "gvisor")]
