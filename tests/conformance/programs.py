# SPDX-License-Identifier: GPL-3.0-or-later
"""The real CRI-O and skopeo, each in a sandbox of its own without network, where one process judges many sets of files.

CRI-O reads the files of a set after a SIGHUP, and logs the result or its refusal; a pull then logs each place that it contacts.
The sandbox is that of tests/configurations.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from configurations.crio import Crio, SandboxError, is_ready
from conformance.cases import Case
from testbed.source import Source, cache_folder

_LIMIT = 60  # seconds for one answer
_SHARED = ("etc/containers", "root", "var/cache/containers")
_SOCKET = "shared/crio.sock"
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass
class Attempt:
    """A place that was contacted; `credential` is the auth file, "pod", or "" for none."""

    reference: str
    insecure: bool = False
    blocked: str = ""
    credential: str = ""


@dataclass
class Pull:
    """What a program did for a name."""

    attempts: list[Attempt] = field(default_factory=list)
    error: str = ""


@dataclass
class Judged:
    """What a program made of a set: its refusal, or the configuration that it logs and its pulls by name."""

    refusal: str = ""
    applied: str = ""
    pulls: dict[str, Pull] = field(default_factory=dict)


def unquoted(text: str) -> str:
    """Return a text that Go quoted (%q), without its quotes."""

    def replaced(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(replaced, text)


def messages(log: str) -> list[str]:
    """Return the messages of logrus' text format."""
    found = re.findall(r'msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))', log)
    return [unquoted(quoted) if quoted else bare for quoted, bare in found]


def attempts(lines: list[str]) -> list[Attempt]:
    """Return the places that were contacted, from messages at the level debug."""
    found: list[Attempt] = []
    for line in lines:
        if match := re.match(r'Trying to access "(.*)"$', line):
            found.append(Attempt(match[1]))
        elif not found:
            continue
        elif line.startswith("GET http://"):
            found[-1].insecure = True
        elif match := re.match(r'Accessing ".*" failed: registry (.*) is blocked in ', line):
            found[-1].blocked = match[1]
        elif match := re.match(r"Found credentials for \S+ in credential helper \S+ in file (\S+)", line):
            found[-1].credential = match[1]
        elif line.startswith("Returning credentials for "):
            found[-1].credential = "pod"
    return found


class _Sandbox:
    """A program that runs in a sandbox whose files are replaced for each set."""

    def __init__(self, crio: Crio, folder: Path) -> None:
        self._crio = crio
        self._shared = folder / "shared"
        for name in (*_SHARED, "shared"):
            (self._shared / name).mkdir(parents=True)

    def _place(self, case: Case) -> None:
        for name in _SHARED:
            for path in (self._shared / name).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, text in case.files.items():
            place = self._shared / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        kept = self._shared.parent / "files/etc/containers"
        for path in kept.iterdir():
            shutil.copy(path, self._shared / "etc/containers")


class CrioSession(_Sandbox):
    """A running CRI-O."""

    def __init__(self, source: Source, folder: Path, mode: str) -> None:
        super().__init__(Crio(source, folder), folder)
        self._log = folder / "log"
        self._crictl = folder / "programs/crictl"
        self._config = f'[crio.runtime]\nlog_level = "debug"\n[crio.image]\nshort_name_mode = "{mode}"\n'
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[CrioSession]:
        """Start CRI-O, and end it. Raises SandboxError."""
        listen = ["--listen", f"/{_SOCKET}"]
        options = ["--disable-hostport-mapping", "--log-format", "text", "--log-level", "debug", *listen]
        self._place(Case(0, "nothing"))
        with self._crio.notified() as (number, notified), self._log.open("wb") as log:
            command = self._crio.command(number, options)
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
                try:
                    process.stdin.write(self._config.encode())
                    process.stdin.close()
                    if not is_ready(process, notified):
                        raise SandboxError(f"CRI-O did not start: {self._since(0)[-500:]}")
                    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                    self._pid = int(children[0])
                    yield self
                finally:
                    process.kill()

    def judge(self, case: Case) -> Judged:
        """Return what CRI-O makes of a set."""
        self._place(case)
        place = self._log.stat().st_size
        os.kill(self._pid, signal.SIGHUP)
        begin, refusal = "Applied new registry configuration: ", "Unable to reload configuration: "
        line = self._wait(place, (begin, refusal))
        if line.startswith(refusal):
            return Judged(refusal=line.partition("system registries reload failed: ")[2].partition(": ")[2])
        self._wait(place, ("Updating runtime configuration", refusal))
        return Judged("", line.removeprefix(begin), {name: self._pull(name, case) for name in case.names})

    def _pull(self, name: str, case: Case) -> Pull:
        place = self._log.stat().st_size
        socket = f"unix://{self._shared / _SOCKET}"
        command = [self._crictl, "--image-endpoint", socket, "--runtime-endpoint", socket, "pull"]
        command += ["--creds", "user:password"] if case.credentials else []
        done = subprocess.run([*command, name], capture_output=True, text=True, timeout=_LIMIT, check=False)
        error = next(
            (each for each in messages(done.stderr) if each.startswith("pulling image: ")), done.stderr
        )
        return Pull(attempts(messages(self._since(place))), error.removeprefix("pulling image: "))

    def _wait(self, place: int, begins: tuple[str, ...]) -> str:
        until = time.monotonic() + _LIMIT
        while time.monotonic() < until:
            for line in messages(self._since(place)):
                if line.startswith(begins):
                    return line
            time.sleep(0.005)
        raise SandboxError(f"CRI-O did not answer a reload within {_LIMIT} s")

    def _since(self, place: int) -> str:
        with self._log.open("rb") as log:
            log.seek(place)
            return log.read().decode("utf-8", "replace")


_LOOP = """
while read -r name; do
  HOME=/root LD_LIBRARY_PATH=/crio /crio/skopeo --debug inspect "docker://$name" 2>/shared/out.part </dev/null
  mv /shared/out.part /shared/out
done
"""


class SkopeoSession(_Sandbox):
    """A shell that starts skopeo for each name: its library is that of Debian, and may be older than CRI-O's."""

    def __init__(self, source: Source, folder: Path, programs: list[Path]) -> None:
        super().__init__(Crio(source, folder), folder)
        for path in programs:
            shutil.copy(path, folder / "programs" / path.name)
        self._process: subprocess.Popen[str] | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[SkopeoSession]:
        """Start the shell, and end it."""
        with self._crio.notified() as (number, _notified):
            script = self._shared / "shared/loop"
            script.write_text(_LOOP)
            command = self._crio.command(number, ["/shared/loop"], program="/bin/sh")
            # The sandbox takes crio.conf from its standard input, up to the end; the names come from a pipe below /shared.
            os.mkfifo(self._shared / "shared/names")
            script.write_text(f"exec </shared/names\n{_LOOP}")
            with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
                try:
                    with (self._shared / "shared/names").open("w") as self._names:
                        yield self
                finally:
                    process.kill()

    def judge(self, case: Case, names: list[str]) -> Judged:
        """Return what skopeo makes of a set; its refusal is in the answer to the first name."""
        self._place(case)
        found = Judged()
        for name in names:
            lines = messages(self._ask(name))
            error = lines[-1] if lines else ""
            refusal = re.search(r"loading (?:drop-in )?registries configuration \".*", error, re.DOTALL)
            if refusal:
                found.refusal = refusal[0]
                return found
            found.pulls[name] = Pull(attempts(lines), error)
        return found

    def _ask(self, name: str) -> str:
        out = self._shared / "shared/out"
        out.unlink(missing_ok=True)
        self._names.write(f"{name}\n")
        self._names.flush()
        until = time.monotonic() + _LIMIT
        while not out.exists():
            if time.monotonic() > until:
                raise SandboxError(f"skopeo did not answer within {_LIMIT} s")
            time.sleep(0.002)
        return out.read_text(errors="replace")


def skopeo_programs() -> list[Path]:
    """Return skopeo and its libraries: of the PATH, or out of Debian's packages in the cache folder. Raises SandboxError."""
    found = shutil.which("skopeo")
    if found:
        return [Path(found)]
    folder = cache_folder(os.environ) / "skopeo"
    if not (folder / "skopeo").exists():
        _unpack(folder)
    return sorted(folder.iterdir())


def _unpack(folder: Path) -> None:
    """Take skopeo and the libraries that this machine lacks out of Debian's packages."""
    simulated = subprocess.run(
        ["apt-get", "install", "--simulate", "--no-install-recommends", "skopeo"],
        capture_output=True,
        text=True,
        check=False,
    )
    packages = re.findall(r"^Inst (skopeo|lib\S+) ", simulated.stdout, re.MULTILINE)
    if "skopeo" not in packages:
        raise SandboxError(f"there is no skopeo, and Debian's cannot be found: {simulated.stderr.strip()}")
    with tempfile.TemporaryDirectory(prefix="cri-node-skopeo-") as scratch:
        done = subprocess.run(
            ["apt-get", "download", *packages], cwd=scratch, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SandboxError(f"Debian's skopeo cannot be downloaded: {done.stderr.strip()[-300:]}")
        root = Path(scratch, "root")
        for package in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for path in [*root.rglob("bin/skopeo"), *root.rglob("*.so.*")]:
            shutil.copy(path, partial / path.name)
        partial.rename(folder)
