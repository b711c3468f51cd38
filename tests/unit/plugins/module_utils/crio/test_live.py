# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests CRI-O's HTTP interface: its answers, and invalid or missing ones."""

import contextlib
import os
import pathlib
import socket
import threading
import time
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.crio import live as crio_live

RECORDED = pathlib.Path(__file__).parents[3] / "fixtures" / "crio-1.37" / "crio-status-config.toml"


def serve(path, answer):
    """Serve one connection on a socket: read the request, send `answer`, close."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def run():
        connection, _address = listener.accept()
        connection.recv(4096)
        with contextlib.suppress(OSError):  # a client that has had enough
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
def test_an_invalid_answer_is_one_error(tmp_path, answer, words):
    serve(tmp_path / "s", answer)
    with pytest.raises(crio_live.CrioSocketError, match=words):
        crio_live.get("/config", str(tmp_path / "s"))


def test_a_missing_socket_is_one_error(tmp_path):
    with pytest.raises(crio_live.CrioSocketError, match="No such file"):
        crio_live.get("/config", str(tmp_path / "none"))


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(OK + b"Content-Length: 9\r\n\r\nabc", "ended after 3 of 9 bytes", id="cut short"),
        pytest.param(
            OK + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\nabc", "ended after 3 of", id="huge length"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", "not an HTTP response", id="no chunk size"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc", "not an HTTP response", id="negative chunk"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\nabc", "not an HTTP", id="huge chunk"
        ),
        pytest.param(OK + b"A: b\r\n" * 200 + b"\r\n", "not an HTTP response", id="too many headers"),
        pytest.param(b"HTTP/1.1 200 " + b"x" * 70_000, "not an HTTP response", id="long status line"),
        pytest.param(b"HTTP/1.1 9999999 OK\r\n\r\n", "not an HTTP response", id="odd status"),
        pytest.param(b"\x00\xff\x1b[2J\r\n\r\n", "not an HTTP response", id="odd bytes"),
        pytest.param(
            b"HTTP/1.1 500 no\r\n\r\n\x1b]0;title\x07 a\nb\xff",
            r"HTTP status 500: [^\n\x1b\x07]*a b",
            id="control",
        ),
    ],
)
def test_a_broken_answer_is_one_printable_sentence(tmp_path, answer, words):
    serve(tmp_path / "s", answer)
    with pytest.raises(crio_live.CrioSocketError, match=words) as caught:
        crio_live.get("/config", str(tmp_path / "s"))
    assert str(caught.value).isprintable()


def test_a_chunked_answer_is_joined(tmp_path):
    serve(tmp_path / "s", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
    assert crio_live.get("/config", str(tmp_path / "s")) == "abcde"


@pytest.mark.parametrize(
    "head", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"A: "], ids=["body", "chunks", "header"]
)
def test_an_endless_answer_is_aborted_at_the_size_limit(tmp_path, monkeypatch, head):
    monkeypatch.setattr(crio_live, "LIMIT", 300_000)
    serve(tmp_path / "s", OK + head + b"10000\r\n" + (b"x" * 65536 + b"\r\n10000\r\n") * 100)
    with pytest.raises(crio_live.CrioSocketError, match=r"longer than 292 KiB|not an HTTP response"):
        crio_live.get("/config", str(tmp_path / "s"))


def test_a_slow_server_gets_no_more_time_than_a_silent_one(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    stop = threading.Event()

    def run():
        connection, _address = listener.accept()
        with contextlib.suppress(OSError):
            connection.sendall(OK + b"Content-Length: 1000\r\n\r\n")
            while not stop.wait(0.1):
                connection.sendall(b"x")
        connection.close()
        listener.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(crio_live.CrioSocketError, match="no complete response within 1 s") as caught:
        crio_live.get("/config", str(tmp_path / "s"), timeout=1)
    assert (caught.value.kind, time.monotonic() - began < 3) == ("timeout", True)
    stop.set()
    thread.join(5)


def test_a_socket_that_accepts_nothing_times_out(tmp_path):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        for _number in range(3):  # its queue is full then
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect_ex(str(tmp_path / "s"))
        with pytest.raises(crio_live.CrioSocketError, match=r"within 0\.5 s"):
            crio_live.get("/config", str(tmp_path / "s"), timeout=0.5)


@pytest.mark.parametrize("place", ["file", "fifo", "folder", "loop", "no\0name", "x" * 200, "\ud800", ""])
def test_a_path_that_is_not_a_socket_is_one_error(tmp_path, place):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(crio_live.CrioSocketError, match=r"^GET /config on [^\n]*: .") as caught:
        crio_live.get("/config", f"{tmp_path}/{place}", timeout=1)
    assert str(caught.value).isprintable()


def test_only_a_line_feed_ends_a_line_of_the_configuration():
    lines = crio_live.parse_lines('[crio]\n  a = "x\u2028y\x0bz"\n  b = "c = d"\n')
    assert lines == {"crio.a": '"x\u2028y\x0bz"', "crio.b": '"c = d"'}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"]),
    st.one_of(st.binary(max_size=300), st.text("0123456789abcdef-+;:\r\n ", max_size=60).map(str.encode)),
)
def test_any_bytes_are_an_answer_or_one_error(tmp_path_factory, head, tail):
    path = tmp_path_factory.mktemp("s") / "s"
    serve(path, head + tail)
    with contextlib.suppress(crio_live.CrioSocketError):
        assert isinstance(crio_live.get("/config", str(path), timeout=5), str)
