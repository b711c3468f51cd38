# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the controller downloads a file once for all hosts of a run, which are processes of their own."""

import http.server
import multiprocessing
import os
import threading
import time

import pytest
from ansible import constants

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.plugin_utils.task import fetched_once

HOSTS = 6
CONTENT = b"bundle" * 1000


@pytest.fixture(autouse=True)
def run_of_ansible(tmp_path, monkeypatch):
    """Give each test a directory of its own, as each run of Ansible has one."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


class Server:
    """An HTTP server that counts its requests, and answers all of them late with one status."""

    def __init__(self, status):
        self.requests, self.status = [], status
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                time.sleep(0.5)  # all the hosts have asked by then
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT)

            def log_message(self, *_arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/bundle"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()


def hosts(url):
    """Return what the task of each of several hosts of one run gets: a content, or an error."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def task():
        try:
            with open(fetched_once.path_of(url), "rb") as file:
                queue.put(file.read())
        except download.DownloadError as error:
            queue.put(str(error))

    tasks = [context.Process(target=task) for _host in range(HOSTS)]
    for each in tasks:
        each.start()
    results = [queue.get() for _host in tasks]
    for each in tasks:
        each.join()
    return results


def test_all_hosts_of_a_run_share_one_download():
    with Server(200) as server:
        assert hosts(f"{server.url}?token=one") == [CONTENT] * HOSTS
        assert hosts(f"{server.url}?token=one") == [CONTENT] * HOSTS
        assert server.requests == ["/bundle?token=one"]
        assert hosts(f"{server.url}?token=two") == [CONTENT] * HOSTS
    assert len(server.requests) == 2


def test_a_failure_is_that_of_all_who_waited_and_a_later_task_tries_again():
    with Server(503) as server:
        (error,) = set(hosts(f"{server.url}?token=canary"))
        assert "HTTP status 503" in error
        assert len(server.requests) == 1
        server.status = 200
        assert hosts(f"{server.url}?token=canary") == [CONTENT] * HOSTS
    assert "canary" not in error


def test_what_a_killed_task_has_left_is_replaced(tmp_path):
    with Server(200) as server:
        path = fetched_once.path_of(server.url)
        os.rename(path, f"{path}.part")
        assert fetched_once.path_of(server.url) == path
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    assert os.stat(path).st_mode & 0o077 == 0
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "cri-node").write_text("")
    with pytest.raises(
        download.DownloadError, match=r"http://\*\*\*@host/bundle cannot be stored in .*cri-node"
    ):
        fetched_once.path_of("http://user:password@host/bundle")
