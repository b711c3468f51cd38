# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O's HTTP interface: its answers, and the ways it has not to answer."""

import pathlib
import socket
import threading
import tomllib

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import live as crio_live

RECORDED = pathlib.Path(__file__).parents[3] / "fixtures" / "crio-1.37" / "crio-status-config.toml"


def serve(path, answer):
    """One connection on a socket of ours: read the request, send `answer`, close."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def run():
        connection, _address = listener.accept()
        connection.recv(4096)
        connection.sendall(answer)
        connection.close()
        listener.close()

    threading.Thread(target=run, daemon=True).start()


def test_each_line_of_a_recorded_configuration_is_found_under_its_table():
    lines = crio_live.parse_lines(RECORDED.read_text())
    assert lines["crio.metrics.metrics_port"] == "9537"
    assert lines["crio.runtime.runtimes.crun.monitor_cgroup"] == '"pod"'
    assert lines["crio.network.plugin_dirs"] == '["/usr/lib/cni"]'

    def leaves(table, path=()):
        for name, value in table.items():
            yield from leaves(value, (*path, name)) if isinstance(value, dict) else [".".join((*path, name))]

    assert sorted(lines) == sorted(leaves(tomllib.loads(RECORDED.read_text())))


def test_a_body_is_returned(tmp_path):
    serve(tmp_path / "s", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    assert crio_live.get("/config", str(tmp_path / "s")) == "abc"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
            "HTTP status 404: nope",
            id="not found",
        ),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\n", "GET /config", id="another protocol"),
        pytest.param(b"", "GET /config", id="nothing at all"),
    ],
)
def test_what_is_no_answer_is_one_error(tmp_path, answer, words):
    serve(tmp_path / "s", answer)
    with pytest.raises(crio_live.CrioSocketError, match=words):
        crio_live.get("/config", str(tmp_path / "s"))


def test_a_missing_socket_is_one_error(tmp_path):
    with pytest.raises(crio_live.CrioSocketError, match="No such file"):
        crio_live.get("/config", str(tmp_path / "none"))
