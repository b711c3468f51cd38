# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what a pod requires from its node: paths of the right type, a share of the memory, a directory for its logs."""

import os
import socket

import pytest

from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host

GIB = 2**30


@pytest.fixture
def paths(tmp_path):
    """Return a directory with one path of each type."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("folder")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        yield tmp_path


def required(path, kind):
    return [{"key": "manifest: spec.volumes[0].hostPath", "path": str(path), "type": kind}]


class TestHostPaths:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("nothing", ""),
            ("nothing", "DirectoryOrCreate"),
            ("nothing", "FileOrCreate"),
            ("folder", "Directory"),
            ("folder", "DirectoryOrCreate"),
            ("link", "Directory"),
            ("file", "File"),
            ("file", "FileOrCreate"),
            ("socket", "Socket"),
            ("/dev/null", "CharDevice"),
        ],
    )
    def test_an_existing_path_of_the_right_type_is_accepted(self, paths, name, kind):
        pod_host.refuse_unfit(required(paths / name, kind))

    @pytest.mark.parametrize(
        ("name", "kind", "message"),
        [
            ("nothing", "Directory", "nothing does not exist on the node"),
            ("nothing", "File", "nothing does not exist on the node"),
            ("file", "Directory", "file is not a directory"),
            ("file", "DirectoryOrCreate", "file is not a directory"),
            ("file/below", "File", "Not a directory"),
            ("folder", "File", "folder is not a file"),
            ("folder", "Socket", "folder is not a socket"),
            ("folder", "CharDevice", "folder is not a character device"),
            ("folder", "BlockDevice", "folder is not a block device"),
        ],
    )
    def test_a_path_of_another_type_is_refused_by_its_field(self, paths, name, kind, message):
        with pytest.raises(pod_host.UnfitPathError, match=message) as caught:
            pod_host.refuse_unfit(required(paths / name, kind))
        assert str(caught.value).startswith("manifest: spec.volumes[0].hostPath: ")

    def test_missing_paths_are_created_once(self, paths):
        for _time in range(2):
            pod_host.make_paths(required(paths / "a" / "b", "DirectoryOrCreate"))
            pod_host.make_paths(required(paths / "c", "FileOrCreate"))
            pod_host.make_paths(required(paths / "d", ""))
        assert (paths / "a" / "b").is_dir()
        assert (paths / "c").is_file()
        assert not (paths / "d").exists()


class TestMemory:
    @pytest.mark.parametrize(
        ("oom", "score"),
        [
            ("guaranteed", -997),
            ("best-effort", 1000),
            (0, 999),
            (1, 999),
            (2 * GIB, 500),
            (4 * GIB, 3),
            (9 * GIB, 3),
        ],
    )
    def test_the_kernel_kills_pods_in_the_same_order_as_with_a_kubelet(self, monkeypatch, oom, score):
        monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": GIB // 1024}.get)
        assert pod_host.oom_score_adj(oom) == score


class TestLogs:
    def test_the_last_lines_are_returned(self, tmp_path):
        path = tmp_path / "0.log"
        path.write_text(
            "".join(f"2026-01-01T00:00:{number:02}Z stdout F line {number}\n" for number in range(30))
        )
        assert pod_host.last_lines(str(path), 2) == ["line 28", "line 29"]
        assert pod_host.last_lines(str(tmp_path / "nothing")) == []

    def test_only_the_log_directory_of_the_pod_is_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pod_host, "LOGS", str(tmp_path / "pods"))
        for folder in ("pods/ns_a_1/c", "pods/ns_b_1", "pods_x_1", "ns_x_1"):
            (tmp_path / folder).mkdir(parents=True)
        pod_host.remove_logs("ns", "a", "1")
        pod_host.remove_logs("ns", "nothing", "1")
        pod_host.remove_logs("..", "/../ns_x", "1")
        left = sorted(path.name for path in [*tmp_path.iterdir(), *(tmp_path / "pods").iterdir()])
        assert left == ["ns_b_1", "ns_x_1", "pods", "pods_x_1"]
