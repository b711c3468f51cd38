# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what is observed on a node: its metrics over real HTTP, the pod next to a kubelet, the content of directories."""

import contextlib
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest.mock

import pytest

from ansible_collections.cri.node.plugins.module_utils import observation
from ansible_collections.cri.node.plugins.module_utils.errors import PodError

METRICS = b"# HELP x\ncontainer_runtime_crio_operations_total 1\ncontainer_runtime_crio_processes_defunct 0\ngo_x 1\n"
POD = {"name": "verify-hello-world-1", "namespace": "default", "uid": "1-2"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves METRICS, and 404 for anything else."""

    def do_GET(self):
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *_arguments):
        """Log nothing."""


@pytest.fixture
def serve():
    """Return serve(context=None) -> the port of an HTTP server on the loopback interface."""
    servers = []

    def start(context=None, handler=Handler):
        server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def live(**settings):
    """Return lines of the live configuration with metrics enabled on the loopback interface."""
    settings = {"enable_metrics": "true", "metrics_host": '"127.0.0.1"', "metrics_port": "9537", **settings}
    return {f"crio.metrics.{name}": text for name, text in settings.items()}


def test_metrics_of_crio_are_counted_at_their_port(serve):
    port = serve()
    for host in ("127.0.0.1", "0.0.0.0", ""):
        seen = observation._metrics(live(metrics_port=str(port), metrics_host=f'"{host}"'), 0)
        assert (seen["lines"], seen["port"]) == (2, port)
        assert "error" not in seen


def test_the_configured_port_outranks_the_live_one(serve):
    port = serve()
    assert observation._metrics(live(metrics_port="1"), port)["lines"] == 2


def test_metrics_with_a_certificate_are_read_over_unverified_tls(serve, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    names = {"-keyout": tmp_path / "key", "-out": tmp_path / "certificate"}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=somebody-else", "-days", "1",
         *(str(word) for pair in names.items() for word in pair)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names["-out"], names["-keyout"])
    port = serve(context)
    seen = observation._metrics(
        live(metrics_port=str(port), metrics_cert='"/a.crt"', metrics_key='"/a.key"'), 0
    )
    assert (seen["url"], seen["lines"]) == (f"https://127.0.0.1:{port}/metrics", 2)
    assert "error" in observation._metrics(live(metrics_port=str(port)), 0)


def test_a_closed_port_or_another_status_is_a_readable_error(serve):
    class Lost(Handler):
        def do_GET(self):
            self.send_error(404)

    assert observation._metrics(live(metrics_port="1"), 0)["error"] == "[Errno 111] Connection refused"
    assert observation._metrics(live(metrics_port=str(serve(handler=Lost))), 0)["error"] == "HTTP status 404"


def test_metrics_that_are_disabled_or_unknown_are_not_requested():
    assert observation._metrics(live(enable_metrics="false"), 0) == {"enabled": False}
    assert observation._metrics({}, 0) == {}
    assert "error" not in observation._metrics(live(metrics_port="0"), 0)


class Node:
    """A node whose kubelet, if there is one, removes the first `removed` pods."""

    def __init__(self, monkeypatch, kubelet, removed=0):
        self.made, self.absent, self.removed = [], [], removed
        monkeypatch.setattr(observation.cri_pod, "present", self.present)
        monkeypatch.setattr(
            observation.cri_pod, "discard", lambda _crictl, name, *_more: self.absent.append(name)
        )
        monkeypatch.setattr(observation.pod_host, "kubelet_is_active", lambda: kubelet)
        monkeypatch.setattr(observation.pod_host, "last_lines", lambda _path: ["hello"])
        monkeypatch.setattr(observation, "_sweep", lambda _crictl, _seconds: None)

    def present(self, _crictl, pod, keyed=True, **_limits):
        assert not keyed  # a verification leaves no key on the node
        self.made.append(pod["name"])
        if len(self.made) <= self.removed:
            raise PodError("container hello-world was removed while the module waited for it")
        return {"containers": [{"log_path": "/var/log/pods/x/0.log"}]}

    def run(self):
        return observation._hello_world(None, [dict(POD, name=f"verify-{number}") for number in range(3)], 5)


@pytest.mark.parametrize(
    ("kubelet", "removed", "tried", "passed"),
    [
        pytest.param(False, 0, 1, True, id="no kubelet, and the pod ends well"),
        pytest.param(False, 1, 1, False, id="without a kubelet a failure is a failure"),
        pytest.param(True, 1, 2, True, id="another pod is tried where a kubelet may have removed the first"),
        pytest.param(True, 3, 3, False, id="but not for ever"),
    ],
)
def test_every_pod_is_removed_again(monkeypatch, kubelet, removed, tried, passed):
    node = Node(monkeypatch, kubelet, removed)
    seen = node.run()
    assert node.absent == node.made
    assert len(node.made) == tried
    assert ("error" not in seen) == passed
    assert seen == ({"log_lines": 1} if passed else {"error": seen["error"], "kubelet": kubelet})


def test_directories_are_read_whatever_they_contain(tmp_path):
    plugins, network = tmp_path / "bin", tmp_path / "net.d"
    for folder in (plugins, network):
        folder.mkdir()
    for name, mode in (("bridge", 0o755), ("README", 0o644)):
        (plugins / name).touch()
        (plugins / name).chmod(mode)
    os.mkfifo(plugins / "pipe", 0o755)
    (plugins / "dangling").symlink_to("/nowhere")
    (plugins / "loop").symlink_to("loop")
    (plugins / "folder").mkdir()
    for name in ("10-x.conflist", "x.conf~"):
        (network / name).touch()
    os.mkfifo(network / "20-pipe.conf")
    (network / "30-dangling.json").symlink_to("/nowhere")
    live = {
        "crio.network.plugin_dirs": json.dumps([str(plugins), "/nowhere", "/etc/passwd", "/x\0", 5]),
        "crio.network.network_dir": json.dumps(str(network)),
    }
    seen = observation._network_folders(live)
    assert seen["plugin_dirs"] == {str(plugins): 1, "/nowhere": 0, "/etc/passwd": 0, "/x\0": 0}
    assert list(seen["plugin_dir_errors"]) == ["/nowhere", "/etc/passwd", "/x\0"]
    assert seen["plugin_dir_errors"]["/etc/passwd"] == "Not a directory"
    assert [os.path.basename(path) for path in seen["cni_files"]] == [
        "10-x.conflist", "20-pipe.conf", "30-dangling.json"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["5", '"/opt"', "{}", "null", "[[]]", "tr\xfcb", "[" * 100_000])
def test_invalid_directories_from_the_daemon_raise_no_error(text):
    live = {"crio.network.plugin_dirs": text, "crio.network.network_dir": text}
    assert observation._network_folders(live)["plugin_dirs"] == {}


def test_an_unresponsive_file_system_is_skipped(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(observation, "_FOLDER_SECONDS", 0.05)
    monkeypatch.setattr(observation.os, "scandir", lambda _path: released.wait(30))
    seen = observation._network_folders({"crio.network.plugin_dirs": '["/dead"]'})
    released.set()
    assert seen["plugin_dir_errors"] == {"/dead": "no answer within 0.05 s"}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"metrics_port": "99999"}, id="a port that does not exist"),
        pytest.param({"metrics_host": '"x\\ny"'}, id="a host of two lines"),
        pytest.param({"metrics_host": '"' + "a" * 300 + '"'}, id="a host that is too long for a name"),
        pytest.param(
            {"metrics_cert": '"/x"', "metrics_key": '"/y"', "metrics_port": "1"}, id="TLS without a server"
        ),
    ],
)
def test_metrics_that_cannot_be_requested_are_a_readable_error(settings):
    assert observation._metrics(live(**settings), 0)["error"]


@pytest.mark.parametrize(
    "settings", [{"metrics_port": '"9537"'}, {"metrics_port": "true"}, {"metrics_port": "[]"}]
)
def test_an_invalid_port_is_not_requested(settings):
    assert observation._metrics(live(**settings, metrics_host="7"), 0)["port"] == 0


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 9, b"\x16\x03\x01" * 40])
def test_an_endless_or_invalid_answer_takes_bounded_time(monkeypatch, answer):
    monkeypatch.setattr(observation, "_METRICS_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle():
            connection, _address = server.accept()
            with contextlib.suppress(OSError):
                connection.sendall(answer)
                for _byte in range(60):
                    connection.sendall(b"x")
                    time.sleep(0.05)

        threading.Thread(target=trickle, daemon=True).start()
        begun = time.monotonic()
        seen = observation._metrics(live(metrics_port=str(server.getsockname()[1])), 0)
    assert seen["error"]
    assert time.monotonic() - begun < 2


class Answering:
    """A crictl whose `info` answers with one document."""

    def __init__(self, document):
        self.document = document

    def json(self, *_arguments):
        return self.document


READY = {"conditions": [{"type": "RuntimeReady", "status": True}]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {"status": READY, "runtimeHandlers": [{"name": "crun"}, {}]}, {"handlers": ["crun"]}, id="listed"
        ),
        pytest.param({"status": READY}, {}, id="a crictl that lists none"),
        pytest.param(
            {"status": READY, "runtimeHandlers": [5]}, {"handlers_error": True}, id="malformed handlers"
        ),
        pytest.param({"status": {}, "runtimeHandlers": []}, {"conditions_error": True}, id="no condition"),
        pytest.param([], {"conditions_error": True}, id="not an object"),
    ],
)
def test_conditions_and_handlers_come_from_one_answer_and_fail_independently(document, expected):
    seen = observation._conditions(Answering(document))
    assert {key: bool(value) if key.endswith("error") else value for key, value in seen.items()} == {
        **({} if "conditions_error" in expected else {"conditions": seen.get("conditions")}), **expected
    }  # fmt: skip


def test_directories_that_only_look_like_those_of_a_verification_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(observation.pod_host, "LOGS", str(tmp_path))
    monkeypatch.setattr(observation, "LOGS", str(tmp_path))
    for name in ("default_verify-hello-world-1", "default_verify-hello-world-1_2_3"):
        (tmp_path / name).mkdir()
    (tmp_path / "default_verify-hello-world-4_5").symlink_to("/etc")
    observation._sweep(None, -1_000_000)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_unit_between_two_states_is_waited_for_and_read_once(monkeypatch):
    settled, state = object(), {"crio": {"installed": True}, "unit": {"active": False}}
    between = unittest.mock.Mock(settled=lambda seconds: settled if seconds > 0 else None)
    read = unittest.mock.create_autospec(observation.node_state.read, return_value=state)
    monkeypatch.setattr(observation, "CrioService", lambda _unit: between)
    monkeypatch.setattr(observation.node_state, "ask_live", {settled: ({"a": "1"}, "")}.get)
    monkeypatch.setattr(observation.node_state, "read", read)
    monkeypatch.setattr(observation.committed, "load", lambda _layout: ({"owners": {"b": {}, "a": {}}}, ""))
    assert observation.observe({"unit": "crio.service"}) == {"state": state, "owners": ["a", "b"]}
    read.assert_called_once_with({"unit": "crio.service"}, service=settled, live={"a": "1"})


def exercise(monkeypatch, outcome, observed=None):
    """Return an Exercise whose pod ends as `outcome` does, and a list of what is called."""
    calls = []
    monkeypatch.setattr(observation, "Crictl", lambda socket: calls.append(socket) or "crictl")
    monkeypatch.setattr(observation, "CrioService", lambda _unit: unittest.mock.Mock(socket="/crio.sock"))
    monkeypatch.setattr(observation, "_exercise", outcome)
    monkeypatch.setattr(observation, "observe", lambda _request, done=None: calls.append(done) or observed)
    monkeypatch.setattr(observation.cri_pod, "discard", lambda *of: calls.append(of[1:]))
    return observation.Exercise({"unit": "crio.service", "pods": [POD], "pull": []}), calls


def test_a_pod_that_ran_during_the_change_is_not_run_again(monkeypatch):
    made, calls = exercise(monkeypatch, lambda *_all: ({"log_lines": 1}, {}))
    made.start("/crio.sock")
    made.observed()
    assert calls == ["/crio.sock", ({"log_lines": 1}, {})]


def test_a_change_that_does_not_wait_is_verified_after_it(monkeypatch):
    made, calls = exercise(monkeypatch, None)
    made.observed()
    assert calls == [None]


def test_an_exercise_that_fails_is_repeated_after_the_change(monkeypatch):
    def fails(*_all):
        raise RuntimeError("internal")

    made, calls = exercise(monkeypatch, fails)
    made.start("/crio.sock")
    made.observed()
    assert calls == ["/crio.sock", None]


def test_the_pod_of_a_change_that_was_undone_is_removed_at_its_end(monkeypatch):
    made, calls = exercise(monkeypatch, lambda *_all: ({"error": "the daemon has gone"}, {}))
    made.undo()
    assert not calls  # it never began
    made.start("/crio.sock")
    made.undo()
    assert calls == ["/crio.sock", "/crio.sock", (POD["name"], POD["namespace"], POD["uid"])]
