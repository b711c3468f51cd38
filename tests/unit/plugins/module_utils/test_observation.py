# SPDX-License-Identifier: GPL-3.0-or-later
"""What is observed on a node: its metrics over real HTTP, the pod beside a kubelet, what its directories hold."""

import http.server
import shutil
import ssl
import subprocess
import threading

import pytest

from ansible_collections.cri.node.plugins.module_utils import observation
from ansible_collections.cri.node.plugins.module_utils.errors import PodError

METRICS = b"# HELP x\ncontainer_runtime_crio_operations_total 1\ncontainer_runtime_crio_processes_defunct 0\ngo_x 1\n"
POD = {"name": "verify-hello-world-1", "namespace": "default"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves METRICS, and 404 for anything else."""

    def do_GET(self):
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *_arguments):
        """Nothing: the test's output is its own."""


@pytest.fixture
def serve():
    """serve(context=None) -> the port of an HTTP server on the loopback interface."""
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
    """The live configuration's lines: metrics on, on the loopback interface."""
    settings = {"enable_metrics": "true", "metrics_host": '"127.0.0.1"', "metrics_port": "9537", **settings}
    return {f"crio.metrics.{name}": text for name, text in settings.items()}


def test_metrics_of_crio_are_counted_where_they_are_served(serve):
    port = serve()
    for host in ("127.0.0.1", "0.0.0.0", ""):
        seen = observation._metrics(live(metrics_port=str(port), metrics_host=f'"{host}"'), 0)
        assert (seen["lines"], seen["port"]) == (2, port)
        assert "error" not in seen


def test_the_port_that_is_asked_for_outranks_the_live_one(serve):
    port = serve()
    assert observation._metrics(live(metrics_port="1"), port)["lines"] == 2


def test_metrics_with_a_certificate_are_asked_over_tls_which_nobody_vouches_for(serve, tmp_path):
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


def test_nobody_who_listens_or_another_status_is_an_error_in_words(serve):
    class Lost(Handler):
        def do_GET(self):
            self.send_error(404)

    assert observation._metrics(live(metrics_port="1"), 0)["error"] == "[Errno 111] Connection refused"
    assert observation._metrics(live(metrics_port=str(serve(handler=Lost))), 0)["error"] == "HTTP status 404"


def test_a_daemon_that_does_not_serve_or_tell_is_not_asked():
    assert observation._metrics(live(enable_metrics="false"), 0) == {"enabled": False}
    assert observation._metrics({}, 0) == {}
    assert "error" not in observation._metrics(live(metrics_port="0"), 0)


class Node:
    """A node whose kubelet, if there is one, removes the first `removed` pods."""

    def __init__(self, monkeypatch, kubelet, removed=0):
        self.made, self.absent, self.removed = [], [], removed
        monkeypatch.setattr(observation.cri_pod, "present", self.present)
        monkeypatch.setattr(
            observation.cri_pod, "absent", lambda _crictl, name, _namespace: self.absent.append(name)
        )
        monkeypatch.setattr(observation.pod_host, "kubelet_is_active", lambda: kubelet)
        monkeypatch.setattr(observation.pod_host, "last_lines", lambda _path: ["hello"])
        monkeypatch.setattr(observation, "_sweep", lambda _crictl, _seconds: None)

    def present(self, _crictl, pod, **_limits):
        self.made.append(pod["name"])
        if len(self.made) <= self.removed:
            raise PodError("container hello-world vanished while it was waited for")
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


def test_directories_are_looked_into_and_may_be_missing(tmp_path):
    for name, mode in (("bridge", 0o755), ("README", 0o644), ("10-x.conflist", 0o644), ("x.conf~", 0o644)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    assert observation._programs_in(str(tmp_path)) == 1
    assert observation._cni_files(str(tmp_path)) == [str(tmp_path / "10-x.conflist")]
    assert observation._programs_in("/nowhere") == 0
    assert observation._cni_files("") == []
