# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which runtime a file set is for, and the rules between the files of containerd."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan import plan, probes
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

CONFIG, CERTS = "/etc/containerd/config.toml", "/etc/containerd/certs.d"
CRI = "io.containerd.grpc.v1.cri"
REGISTRIES = {"a.io": {"server": "http://a.io"}}


def entry(path, kind, layer):
    return {"path": path, "owner": "containerd", "kind": kind, "layers": [["v", layer]]}


def of_containerd(config, registries=None):
    return DesiredFiles(
        [entry(CONFIG, "containerd_toml", config), entry(CERTS, "hosts_toml", registries or {})]
    )


def config_with(path):
    return {"version": 2, "plugins": {CRI: {"registry": {"config_path": path}}}}


def test_a_set_with_files_of_containerd_is_for_containerd_even_without_settings():
    desired = of_containerd({})
    assert (desired.runtime, desired.usual_unit) == ("containerd", "containerd.service")
    assert desired.as_request["runtime"] == "containerd"


def test_a_request_for_crio_does_not_name_its_runtime():
    crio = DesiredFiles([entry("/etc/crio/crio.conf.d/60.conf", "crio_conf", {})])
    assert "runtime" not in crio.as_request
    assert (crio.runtime, crio.usual_unit) == ("crio", "crio.service")


def test_the_owner_decides_where_no_file_does():
    assert DesiredFiles([], ["containerd"]).runtime == "containerd"
    assert DesiredFiles([], ["containerd", "crio"]).runtime == "crio"
    drop_in = {"path": "/etc/crio/x.conf", "owner": "containerd", "kind": "crio_conf", "layers": [["v", {}]]}
    assert DesiredFiles([drop_in], ["containerd"]).runtime == "crio"


def test_files_of_both_runtimes_in_one_set_are_refused():
    mixed = DesiredFiles([entry(CONFIG, "containerd_toml", {}), entry("/etc/crio/x.conf", "crio_conf", {})])
    (problem,) = mixed.problems
    assert "is read by containerd, and others of this task by CRI-O" in str(problem)


def test_hosts_in_a_folder_that_config_path_does_not_name_are_a_warning():
    (warning,) = of_containerd({"version": 2}, REGISTRIES).warnings
    assert f'plugins."{CRI}".registry.config_path does not name {CERTS}' in str(warning)
    assert of_containerd(config_with(f"/other:{CERTS}"), REGISTRIES).warnings == []
    assert of_containerd({}, REGISTRIES).warnings == []  # the node's own file decides
    assert of_containerd({"version": 2}).warnings == []


def test_the_version_of_containerd_is_not_taken_for_one_of_crio():
    assert of_containerd({"version": 3}).problems_for("2.0.0") == []
    (problem,) = of_containerd({"version": 3}).problems_for("1.7.24~ds1")
    assert "is not known to containerd 1.7.24~ds1" in problem


@pytest.mark.parametrize("plugin", [CRI, "io.containerd.cri.v1.runtime"])
def test_a_probe_runs_a_pod_with_each_handler_of_containerd_whose_settings_change(plugin):
    def settings(name, binary):
        return {
            "plugins": {plugin: {"containerd": {"runtimes": {name: {"options": {"BinaryName": binary}}}}}}
        }

    desired = DesiredFiles(
        [{**entry(CONFIG, "containerd_toml", {"version": 2}), "layers": [["a", settings("runc", "/runc")],
          ["b", settings("kata.v2", "/kata")]]}]
    )  # fmt: skip
    made = plan.Plan(activate="restart")
    made.keys = [
        {"path": CONFIG, "key": f'plugins."{plugin}".containerd.runtimes."kata.v2".options.BinaryName'}
    ]
    report = {
        **{name: [] for name in ("missing_paths", "newer_paths", "unanswered_paths")},
        "runtime": "containerd",
        "unit": {"active": True, "binary_replaced": False},
        "files": {},
        "live": {},
    }
    asked = {"image": "app:1", "handlers": ["changed"], "pull": []}
    assert probes.planned(asked, desired, made, report).handlers == ("kata.v2",)
    every = probes.planned({**asked, "handlers": ["all"]}, desired, made, report)
    assert (every.handlers, every.every_handler) == (("kata.v2", "runc"), True)
    assert every.as_sentences()[-1] == "run a pod of app:1 with every other handler of containerd"
