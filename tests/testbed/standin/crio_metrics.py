# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus metrics over plain HTTP, with those of CRI-O's metrics that are meaningful here. No TLS."""

import collections
import http.server
import socket
import threading
import time

PREFIX = "container_runtime_crio_"
_REASONS = {
    "Address already in use": "bind: address already in use",
    "Cannot assign requested address": "bind: cannot assign requested address",
    "Permission denied": "bind: permission denied",
}


class MetricsError(Exception):
    """The endpoint cannot be opened; the message is CRI-O's."""


class Metrics:
    """Counts the calls that the daemon has answered."""

    def __init__(self):
        self.calls = collections.Counter()
        self.errors = collections.Counter()
        self.seconds = collections.Counter()
        self.pulled = 0
        self.pull_errors = 0
        self.default_runtime = ""

    def count(self, operation, started, failed):
        """Count one call: its CRI name, time.monotonic() at its start, and whether it failed."""
        self.calls[operation] += 1
        self.seconds[operation] += time.monotonic() - started
        self.errors[operation] += failed

    def text(self, collectors):
        """Return the metrics of these collectors in Prometheus's text format."""
        families = {
            "operations_total": ("counter", _by_operation(self.calls)),
            "operations_errors_total": ("counter", _by_operation(+self.errors)),
            "operations_latency_seconds_total": (
                "summary",
                [*_by_operation(self.seconds, "_sum"), *_by_operation(self.calls, "_count")],
            ),
            "image_pulls_success_total": ("counter", [("", self.pulled)]),
            "image_pulls_failure_total": (
                "counter",
                [('{error="UNKNOWN"}', self.pull_errors)] if self.pull_errors else [],
            ),
            "default_runtime": ("gauge", [(f'{{runtime="{self.default_runtime}"}}', 1)]),
        }
        wanted = {name.removeprefix("container_runtime_").removeprefix("crio_") for name in collectors}
        out = []
        for name, (kind, samples) in families.items():
            if name in wanted and samples:
                out.append(f"# TYPE {PREFIX}{name} {kind}")
                out += [f"{PREFIX}{name}{label} {value}" for label, value in samples]
        return "\n".join(out) + "\n"


def _by_operation(counts, suffix=""):
    return [(f'{suffix}{{operation="{name}"}}', value) for name, value in sorted(counts.items())]


def serve(metrics, settings):
    """Open the endpoint and answer in the background. Raises MetricsError."""
    host, port = settings["crio.metrics.metrics_host"], settings["crio.metrics.metrics_port"]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path.partition("?")[0] == "/metrics"
            body = (
                metrics.text(settings["crio.metrics.metrics_collectors"] or [])
                if found
                else "404 page not found\n"
            )
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments):
            """Do not log requests, like CRI-O."""

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        server = Server((host, port), Handler)
    except OverflowError:
        raise MetricsError(_refused(where, f"tcp: address {port}: invalid port")) from None
    except socket.gaierror:
        raise MetricsError(_refused(where, f"tcp: lookup {host}: no such host")) from None
    except OSError as error:
        reason = _REASONS.get(error.strerror, error.strerror)
        raise MetricsError(_refused(where, f"tcp {where}: {reason}")) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _refused(where, reason):
    return f"create metrics endpoint on {where}: creating listener: listen {reason}"
