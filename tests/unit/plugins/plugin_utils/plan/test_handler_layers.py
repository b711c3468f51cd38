# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the layer of handlers in a file set, and which files of theirs may be missing in check mode."""

from ansible_collections.cri.node.plugins.module_utils.transaction import candidate
from ansible_collections.cri.node.plugins.plugin_utils.plan import handler_layers
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

HASH = "a" * 64
HANDLERS = {
    "crun": {},
    "kata": {"install": "package"},
    "mine": {"kind": "runc", "source": "x", "sha256": HASH, "files": {"/etc/mine": {"content": "x"}}},
}


def entry(handlers, **more):
    return {
        "path": "/etc/crio/crio.conf.d/60-cri-node.conf",
        "owner": "crio",
        "kind": "crio_conf",
        "layers": [["crio_config", {}]],
        "handlers_layers": [["oci_runtimes_config", handlers]],
        **more,
    }


def test_the_layer_and_its_problems_are_those_of_the_file():
    files = DesiredFiles([entry(HANDLERS)])
    (file,) = files
    assert sorted(file.checked.data["crio"]["runtime"]["runtimes"]) == ["crun", "kata", "mine"]
    wrong = DesiredFiles([entry({"crunn": {}})])
    assert str(wrong.problems[0]).startswith("oci_runtimes_config: crunn: is not a known runtime")
    old = DesiredFiles([entry({"gvisor": {}}, version="1.36")])
    assert "gvisor requires CRI-O 1.37 or later" in str(old.problems[0])


def test_a_key_of_crio_conf_that_is_wrong_in_a_handler_is_a_problem_of_the_handlers():
    files = DesiredFiles([entry({"crun": {"settings": {"monitor_pth": "/x"}}})])
    assert str(files.problems[0]).startswith("oci_runtimes_config: crio.runtime.runtimes.crun.monitor_pth")


def test_files_that_an_earlier_task_installs_may_be_missing_in_check_mode(tmp_path):
    assert handler_layers.coming([entry(HANDLERS)]) == [
        "/etc/mine",
        "/usr/bin/containerd-shim-kata-v2",
        "/usr/local/bin/mine",
        "/usr/share/defaults/kata-containers/configuration.toml",
    ]
    assert handler_layers.coming([{"path": "/etc/crictl.yaml"}]) == []


def test_a_complaint_counts_unless_the_file_will_come(tmp_path):
    there = tmp_path / "there"
    there.write_text("")
    missing = str(tmp_path / "missing")
    complaint = f"invalid runtime_path for runtime 'mine': stat {missing}: no such file or directory"
    assert candidate._awaits({"coming": [missing]}, complaint)
    assert not candidate._awaits({"coming": [str(there)]}, f"stat {there}: permission denied")
    assert not candidate._awaits({}, complaint)
