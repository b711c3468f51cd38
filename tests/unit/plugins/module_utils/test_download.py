# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests downloads: content, limits, and that no message contains secrets of a URL."""

import base64
import contextlib
import os
import re
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils import download

CONTENT = bytes(range(256)) * 10_000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@contextlib.contextmanager
def served(answer):
    """Serve every GET with `answer(handler)`; yield host and port, and the Authorization headers that were received."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            got.append((self.path, self.headers.get("Authorization")))
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def whole(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT)


def fetched(tmp_path, url, **options):
    target = tmp_path / "target"
    download.fetch(url, str(target), **options)
    return target.read_bytes()


def refusal(tmp_path, url, **options):
    with pytest.raises(download.DownloadError) as caught:
        download.fetch(url, str(tmp_path / "target"), **options)
    whole_traceback = "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()
    return str(caught.value), whole_traceback


def test_credentials_of_the_url_are_sent_as_a_header_and_the_query_unchanged(tmp_path):
    with served(whole) as (host, got):
        assert fetched(tmp_path, f"http://us%40er:p%3Ass@{host}/b.tgz?token=abc#part") == CONTENT
    assert got == [("/b.tgz?token=abc", "Basic " + base64.b64encode(b"us@er:p:ss").decode())]


@pytest.mark.parametrize("same_host", [True, False])
def test_credentials_follow_a_redirect_to_the_same_host_only(tmp_path, same_host):
    with served(whole) as (other, got_there):

        def redirect(handler):
            if handler.path == "/there":
                return whole(handler)
            handler.send_response(302)
            handler.send_header("Location", f"http://{host if same_host else other}/there")
            return handler.end_headers()

        with served(redirect) as (host, got_here):
            assert fetched(tmp_path, f"http://user:password@{host}/") == CONTENT
    sent = [authorization is not None for _path, authorization in [*got_here, *got_there]]
    assert sent == [True, same_host]


def test_netrc_is_used_if_enabled(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with served(whole) as (host, got):
        for number, use in enumerate((True, False)):
            (tmp_path / str(number)).mkdir()
            fetched(tmp_path / str(number), f"http://{host}/", use_netrc=use)
    assert [bool(authorization) for _path, authorization in got] == [True, False]


SECRET = "http://canary-user:canary-pass@HOST/path/b.tgz?X-Amz-Signature=canary-sign&token=canary-token#canary-part"


def break_(handler):
    handler.wfile.write(b"\x1b[2J canary-sign nonsense " + handler.path.encode() + b"\r\n\r\n")


def status(code):
    def answer(handler):
        handler.send_response(code, f"no {handler.path} for you")
        handler.send_header("Location", "ftp://canary-user:canary-pass@127.0.0.1/?canary-token")
        handler.end_headers()
        handler.wfile.write(handler.path.encode())

    return answer


def odd_redirect(location):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.end_headers()

    return answer


def short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)


def bad_chunk(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\ncanary-token")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(403), "HTTP status 403 Forbidden"),
        (status(302), "it redirects to the scheme 'ftp', which is not followed"),
        (status(599), "HTTP status 599"),
        (odd_redirect("http://canary-user:canary-pass@[canary-token/"), "not a valid URL"),
        (odd_redirect("http://127.0.0.1:canary-pass/"), "not a valid URL"),
        (odd_redirect("http://127.0.0.1:9/canary-sign?canary-token"), "Connection refused"),
        (odd_redirect("gopher://canary-pass@x/"), "HTTP status 302 Found"),
        (break_, "not valid HTTP"),
        (short, "the connection was closed after 10 of 1000 bytes"),
        (bad_chunk, "closed too early"),
        (lambda handler: None, "end of file|closed connection without|not valid HTTP"),
    ],
)
def test_no_failure_shows_a_secret_of_the_url(tmp_path, answer, words):
    with served(answer) as (host, _got):
        message, whole_traceback = refusal(tmp_path, SECRET.replace("HOST", host))
    assert re.search(words, message), message
    assert f"http://***@{host}/path/b.tgz?*** cannot be fetched: " in message
    assert "canary" not in whole_traceback


@pytest.mark.parametrize(
    "url",
    [
        "http://canary-user:canary/pass@127.0.0.1:9/b",
        "http://canary-user:canary?pass@127.0.0.1:9/b",
        "http://canary-user:canary#pass@127.0.0.1:9/b",
        "http://canary-user:canary;pass@127.0.0.1:9/b",
        "http://canary-user:can@ary@127.0.0.1:9/b",
        "http://canary-user:1234/canary@127.0.0.1:9/b",
        "http://127.0.0.1:canary/b",
        "http://[canary/b",
        "http://canary canary@127.0.0.1:9/b",
        "http://canary\x1b\n:canary@127.0.0.1:9/b",
        "http://canary\ud800:canary@127.0.0.1:9/b",
        "http://127.0.0.1:9/b c?canary\n=canary",
        "http://127.0.0.1:9/b;token=canary",
        "http://canary-user:canary-pass@no-such-host.invalid/b?canary",
        "gopher://canary:canary@127.0.0.1/b?canary",
        "canary:canary://canary@x",
        "://canary@x",
        "http://",
        "https://canary:canary@127.0.0.1:9/b#canary",
        "file:///no/such/file?canary",
    ],
)
def test_a_url_of_any_form_that_cannot_be_fetched_shows_no_secret(tmp_path, url):
    message, whole_traceback = refusal(tmp_path, url)
    assert "canary" not in message + whole_traceback
    assert list(tmp_path.iterdir()) == []


@given(st.text(), st.text("abc:@/?#;[]% ", max_size=8), st.text("abc:@/?#;[]% ", max_size=8))
def test_a_redacted_url_has_no_userinfo_and_no_query(rest, before, after):
    secret = "S3CRET"
    for url in (f"http://{before}{secret}{after}@host/x{rest}", f"http://host/x?{before}{secret}{rest}"):
        assert secret not in download.redacted(url), url


def test_harmless_parts_of_a_url_are_shown():
    assert download.redacted("https://h.example:8443/a/b.tgz") == "https://h.example:8443/a/b.tgz"
    assert download.redacted("https://[::1]:8/a?b") == "https://[::1]:8/a?***"


def test_a_file_over_the_limit_is_refused_with_or_without_content_length(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LIMIT", 2**20)

    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 65536)

    with served(whole) as (host, _got):
        assert "it has 2.44 MiB; at most 1 MiB are accepted" in refusal(tmp_path, f"http://{host}/")[0]
    with served(endless) as (host, _got):
        assert "larger than 1 MiB" in refusal(tmp_path, f"http://{host}/")[0]
    assert (tmp_path / "target").stat().st_size <= 2**21


def test_a_slow_server_is_aborted_at_the_time_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIME_LIMIT", 1)
    stop = threading.Event()

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.05):
            handler.wfile.write(b"x")

    with served(drip) as (host, _got):
        began = time.monotonic()
        assert "was not complete within 1 s" in refusal(tmp_path, f"http://{host}/")[0]
        assert time.monotonic() - began < 5
        stop.set()


def test_a_silent_server_is_aborted_at_the_read_timeout(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.3)
    stop = threading.Event()
    with served(lambda handler: stop.wait(10)) as (host, _got):
        assert "no response within 0.3 s" in refusal(tmp_path, f"http://{host}/")[0]
        stop.set()


def test_a_full_disk_is_detected_before_anything_is_written(tmp_path, monkeypatch):
    class Full:
        f_bfree, f_bavail, f_frsize, f_blocks = 10, 10, 4096, 1000

    monkeypatch.setattr(download.os, "statvfs", lambda _path: Full)
    with served(whole) as (host, _got):
        message = refusal(tmp_path, f"http://{host}/")[0]
    assert message.endswith(f"it has 2.44 MiB, but the file system of {tmp_path} has only 40 KiB left")


def test_a_disk_that_fills_up_names_the_file_system(tmp_path, monkeypatch):
    def full(path, flags, mode=0, real=os.open):
        return real("/dev/full", os.O_WRONLY) if str(path).endswith("target") else real(path, flags, mode)

    monkeypatch.setattr(download.os, "open", full)
    with served(whole) as (host, _got):
        message = refusal(tmp_path, f"http://{host}/")[0]
    assert (
        f"cannot be stored in {tmp_path}: No space left on device; free at least 2.44 MiB on the file system at"
        in message
    )


def test_an_existing_target_is_not_overwritten(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "target").symlink_to("precious")
    with served(whole) as (host, _got):
        assert "cannot be stored: File exists" in refusal(tmp_path, f"http://{host}/")[0]
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_file_url_is_read_and_a_pipe_is_not_waited_for(tmp_path):
    (tmp_path / "a b").write_bytes(CONTENT)
    assert fetched(tmp_path, f"file://{tmp_path}/a%20b") == CONTENT
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", ""):
        assert "is not a regular file" in refusal(tmp_path, f"file://{tmp_path}/{name}")[0] or name == ""
