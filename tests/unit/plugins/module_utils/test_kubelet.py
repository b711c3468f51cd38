# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the cgroup driver of the kubelet is read from its files and options without a reader of YAML."""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils import kubelet


def process(proc, *words, number="7", name="kubelet"):
    folder = proc / number
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cmdline").write_text("".join(f"{word}\0" for word in words))


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "proc"
    folder.mkdir()
    return folder


def driver(proc, configuration="/nowhere/config.yaml"):
    return kubelet.cgroup_driver(str(proc), str(configuration))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cgroupDriver: systemd\n", "systemd"),
        ('kind: KubeletConfiguration\n"cgroupDriver":  "cgroupfs"  # ours\r\n', "cgroupfs"),
        ("cgroupDriver: 'systemd'", "systemd"),
        (json.dumps({"cgroupDriver": "systemd"}), "systemd"),
        (json.dumps({"cgroupDriver": ["systemd"]}), ""),
        ("nested:\n  cgroupDriver: systemd\n", ""),
        ("# cgroupDriver: systemd\n", ""),
        ("cgroupDriver: other\n", ""),
        ("cgroupDriver:\n  systemd\n", ""),
        ("cgroupDriver: systemd2\n", ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_the_driver_is_a_key_of_the_document_itself(proc, tmp_path, text, found):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert driver(proc, path) == ((found, str(path)) if found else ("", ""))


def test_a_node_without_a_kubelet_has_no_driver(proc):
    process(proc, "conmon", "--config", "/etc/passwd", name="conmon")
    assert driver(proc) == ("", "")


@pytest.mark.parametrize("form", ["--config={}", "-config={}", "--config {}"])
def test_a_running_kubelet_names_its_file(proc, tmp_path, form):
    usual, own = tmp_path / "config.yaml", tmp_path / "own.yaml"
    usual.write_text("cgroupDriver: systemd\n")
    own.write_text("cgroupDriver: cgroupfs\n")
    process(proc, "/usr/bin/kubelet", *form.format(own).split())
    assert driver(proc, usual) == ("cgroupfs", str(own))


def test_a_later_file_and_the_option_take_precedence(proc, tmp_path):
    usual, drop_ins = tmp_path / "config.yaml", tmp_path / "drop-ins"
    drop_ins.mkdir()
    usual.write_text("cgroupDriver: cgroupfs\n")
    for name, text in (("10.conf", "systemd"), ("20.conf", "cgroupfs"), ("30.conf.bak", "systemd")):
        (drop_ins / name).write_text(f"cgroupDriver: {text}\n")
    process(proc, "kubelet", f"--config={usual}", f"--config-dir={drop_ins}")
    assert driver(proc) == ("cgroupfs", str(drop_ins / "20.conf"))
    process(proc, "kubelet", number="8", name="other")
    (proc / "7" / "cmdline").write_text(f"kubelet\0--config={usual}\0--cgroup-driver\0systemd\0")
    assert driver(proc) == ("systemd", "--cgroup-driver of the kubelet")
