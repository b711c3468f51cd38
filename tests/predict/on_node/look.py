# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what the running CRI-O does: prints one JSON document. Uses nothing of the collection.

Reads a JSON document from stdin:
sockets      paths; the first one that answers is CRI-O's
pods         {name: {"handler", "pod", "container" (or null), "limit" (seconds), "execute"}}: CRI pods to create, to
             describe, perhaps with a command that runs in them, and to remove
new_files    paths that are removed before each pod, because CRI-O creates them
files        paths whose existence is reported
tls          ports whose TLS is described, on all addresses that listen
pulls        image references to pull

Prints socket, config, info, pods, listeners, files, tls, metrics, images, pulls, and the lines of the journal since the start.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

LIMIT = 20  # seconds for one call
FILTERED = "predict.example/no-such-image:1"  # CRI-O logs a line about it, at the level info


def call(*command, limit=LIMIT):
    """Return what a command printed. Raises CalledProcessError or TimeoutExpired."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit).stdout


def get(path, where):
    """Return CRI-O's answer to a GET on its socket; empty if it does not answer."""
    command = ["curl", "-s", "--max-time", "5", "--unix-socket", where, f"http://crio{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


class Looker:
    """One look at the daemon behind a socket."""

    def __init__(self, asked):
        self.asked = asked
        answers = {path: get("/config", path) for path in asked["sockets"]}
        self.socket = next((path for path, text in answers.items() if "[crio]" in text), "")
        self.config = answers.get(self.socket, "")

    def crictl(self, *arguments, limit=LIMIT):
        """Return what crictl printed. limit: seconds that it waits for CRI-O."""
        endpoint = f"unix://{self.socket}"
        command = ["crictl", "-r", endpoint, "-i", endpoint, "--timeout", f"{limit}s", *arguments]
        return call(*command, limit=2 * limit)

    def pod(self, asked):
        """Create, describe and remove one pod."""
        seen = {"error": "", "pod": {}, "container": {}, "monitor": {}, "executor": {}}
        identity = ""
        folder = tempfile.mkdtemp(prefix="predict-")
        pod, container = os.path.join(folder, "pod.json"), os.path.join(folder, "container.json")
        try:
            write(pod, asked["pod"])
            write(container, asked["container"])
            handler = ["--runtime", asked["handler"]] if asked["handler"] else []
            identity = self.crictl("runp", *handler, pod).strip()
            seen["pod"] = json.loads(self.crictl("inspectp", identity))
            if asked["container"]:
                created = self.crictl("create", identity, container, pod, limit=asked["limit"]).strip()
                self.crictl("start", created)
                seen["container"] = json.loads(self.crictl("inspect", created))
                seen["monitor"] = monitor(created)
                if asked["execute"]:
                    seen["executor"] = self.executor(created)
            else:
                seen["monitor"] = monitor(identity)
        except subprocess.CalledProcessError as error:
            seen["error"] = (error.stderr or error.stdout or str(error)).strip()
        except subprocess.TimeoutExpired as error:
            seen["error"] = str(error)
        if identity:
            # Also where only a part of it was created.
            subprocess.run(
                ["crictl", "-r", f"unix://{self.socket}", "--timeout", "40s", "rmp", "--force", identity],
                capture_output=True,
                check=False,
            )
        shutil.rmtree(folder)
        return seen

    def executor(self, container):
        """Describe the conmon of a command that runs in a container."""
        endpoint = f"unix://{self.socket}"
        command = [
            "crictl",
            "-r",
            endpoint,
            "--timeout",
            f"{LIMIT}s",
            "exec",
            "--sync",
            container,
            "sleep",
            "3",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            end, seen = time.monotonic() + 2.5, {}
            while not seen and time.monotonic() < end:
                time.sleep(0.2)
                seen = monitor(container, executing=True)
            # It is moved to another cgroup after its start.
            time.sleep(0.3)
            return monitor(container, executing=True) or seen

    def pods(self):
        """Describe all pods that were asked for."""
        for path in self.asked["new_files"]:
            shutil.rmtree(path, ignore_errors=True)
        with ThreadPoolExecutor(3) as pool:
            # Those first that take longest.
            asked = sorted(self.asked["pods"].items(), key=lambda named: -named[1]["limit"])
            return dict(
                zip(
                    [name for name, _pod in asked],
                    pool.map(self.pod, [pod for _name, pod in asked]),
                    strict=True,
                )
            )

    def images(self):
        """Return {name: whether it is pinned}."""
        listed = json.loads(self.crictl("images", "-o", "json"))["images"]
        return {tag: bool(image.get("pinned")) for image in listed for tag in image["repoTags"]}

    def pull(self, image):
        """Return why an image cannot be pulled; empty if it was."""
        try:
            self.crictl("pull", image)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return str(getattr(error, "stderr", "") or error).strip()
        return ""

    def look(self):
        """Return the whole document."""
        cursor = call("journalctl", "-n", "0", "--show-cursor").rpartition("cursor: ")[2].strip()
        seen = {"socket": self.socket, "config": self.config}
        seen["pods"] = self.pods()
        if self.socket:
            seen["info"] = json.loads(get("/info", self.socket) or "{}")
            seen["images"] = self.images()
            seen["pulls"] = {image: self.pull(image) for image in self.asked["pulls"]}
            subprocess.run(
                ["crictl", "-r", f"unix://{self.socket}", "inspecti", FILTERED],
                capture_output=True,
                check=False,
            )
        seen["listeners"] = listeners()
        seen["files"] = [path for path in self.asked["files"] if os.path.lexists(path)]
        ports = tuple(f":{port}" for port in self.asked["tls"])
        secured = [address for address in seen["listeners"] if address.endswith(ports)]
        seen["tls"] = {address: described(address) for address in secured}
        seen["metrics"] = {address: metrics(address) for address in secured}
        seen["journal"] = call(
            "journalctl", "-u", "crio", "--after-cursor", cursor, "-o", "cat", "--no-pager"
        )
        return seen


def write(path, data):
    """Write a JSON document."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file)


def read(path):
    """Return a file of /proc, empty if its process has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def monitor(container, executing=False):
    """Describe a conmon of a container, or of a command in it: its arguments, environment and cgroup."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        arguments = read(f"/proc/{pid}/cmdline").split("\0")
        named = "-c" in arguments and arguments[arguments.index("-c") + 1 :][:1] == [container]
        if named and ("-e" in arguments) is executing:
            return {
                "arguments": arguments[:-1],
                "environment": read(f"/proc/{pid}/environ").split("\0")[:-1],
                "cgroup": read(f"/proc/{pid}/cgroup").strip().rpartition(":")[2],
            }
    return {}


def listeners():
    """Return the TCP addresses and the paths of sockets on which this host listens, such as 127.0.0.1:10010."""
    addresses = {line.split()[3] for line in call("ss", "-Hltn").splitlines()}
    return sorted(addresses | {line.split()[4] for line in call("ss", "-Hlx").splitlines()})


def described(address):
    """Describe TLS on an address: certificate (PEM), version and cipher, and the same with TLS 1.2 at most."""
    return {"newest": handshake(address, None), "1.2": handshake(address, ssl.TLSVersion.TLSv1_2)}


def unverified(newest):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if newest:
        context.maximum_version = newest
    return context


def handshake(address, newest):
    """Return {certificate, version, cipher}; empty if there is no such TLS."""
    host, _colon, port = address.rpartition(":")
    try:
        plain = socket.create_connection((local(host), int(port)), timeout=3)
        with plain, unverified(newest).wrap_socket(plain) as secured:
            certificate = ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True))
            return {"certificate": certificate, "version": secured.version(), "cipher": secured.cipher()[0]}
    except OSError:
        return {}


def local(host):
    return "127.0.0.1" if host in ("*", "0.0.0.0", "[::]") else host.strip("[]")


def metrics(address):
    """Return the metrics that are served on an address; empty if there are none."""
    host, _colon, port = address.rpartition(":")
    for scheme in ("https", "http"):
        try:
            url = f"{scheme}://{local(host)}:{port}/metrics"
            with urllib.request.urlopen(url, timeout=3, context=unverified(None)) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError, ValueError):
            continue
    return ""


if __name__ == "__main__":
    print(json.dumps(Looker(json.load(sys.stdin)).look()))
