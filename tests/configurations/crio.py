# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the real CRI-O about a configuration: it is started with it, in a sandbox of its own.

The sandbox is a root directory in memory with private mounts, processes and network, made anew for each configuration: nothing of
the machine changes, and no configuration sees what another one left. CRI-O has accepted a configuration when it notifies systemd
that it is ready, which is after everything that a start needs; then it is ended. `crio config` only judges a part of that.
"""

import contextlib
import io
import itertools
import os
import re
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.source import Source

PROGRAMS = "/crio"  # of the sandbox: where the programs of the bundle are
_LIMIT = 120  # seconds for one start, which takes a tenth of one on an idle machine
_FILES = {  # without them CRI-O starts with no configuration at all, on any machine
    "etc/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
    "etc/containers/storage.conf": (
        '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
    ),
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
}
_SANDBOX = """
set -e
mount -t tmpfs none "$1"
cp -r "$2"/files/. "$1"
mkdir -p "$1"/crio "$1"/dev "$1"/notify "$1"/proc "$1"/run "$1"/sys "$1"/tmp "$1"/usr "$1"/var/tmp "$1"/etc/crio/crio.conf.d
ln -s ../run "$1"/var/run
for each in bin sbin lib lib64; do test ! -e /usr/$each || ln -s usr/$each "$1"/$each; done
for each in dev proc sys; do mount --rbind /$each "$1"/$each; done
mount --bind -o ro /usr "$1"/usr
mount --bind -o ro "$2"/programs "$1"/crio
mount --bind "$2"/notify/"$3" "$1"/notify
for each in etc/containers root shared var/cache/containers; do
  test ! -d "$2"/shared/$each || { mkdir -p "$1"/$each; mount --bind "$2"/shared/$each "$1"/$each; }
done
cat > "$1"/etc/crio/crio.conf
cd "$1"
export PATH=/crio:/usr/sbin:/usr/bin NOTIFY_SOCKET=/notify/socket
shift 3
exec chroot . "$@"
"""
# What CRI-O logs if it starts, but not as configured.
_OTHERWISE = re.compile(
    r"is being ignored due to|Unable to set minimum container memory|Forcing ctr_stop_timeout|is less than minimum"
)
# Complaints that are about the machine: another one may lack or have it. CRI-O's own constants never look like these.
_ABOUT_THE_NODE = re.compile(
    r"no such file or directory|not found in \$PATH|permission denied|not a directory|is a directory|file exists"
    r"|read-only file system|exec format error|cannot assign requested address|address already in use|not a device node"
    r"|driver not supported|prerequisites for driver|supported on|unknown port|operation not permitted|Operation not permitted"
    r"|device or resource busy|no such host|connection refused|no such device|directory not empty"
    r"|failed to discover plugins|get conmon version: exit status"
)
_WITHOUT_A_PATH = re.compile(r"(?:mkdir|open|stat|chmod) : ")  # an empty path, which no machine has
_TIMEZONE = re.compile(
    r"invalid timezone: (?:\w+/)"
)  # a zone of an area: the machine's tz database has it or not


class SandboxError(Exception):
    """This machine cannot make the sandbox; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What CRI-O said. stage: "", "config" (`crio config` refuses), "start", or "silent" (it starts, but not as configured)."""

    stage: str = ""
    words: str = ""

    @property
    def accepted(self) -> bool:
        """Whether CRI-O starts with the configuration and uses it."""
        return not self.stage

    @property
    def about_the_node(self) -> bool:
        """Whether only this machine makes CRI-O refuse it."""
        if not self.words or _WITHOUT_A_PATH.search(self.words):
            return False
        return bool(_ABOUT_THE_NODE.search(self.words) or _TIMEZONE.search(self.words))


class Crio:
    """A CRI-O in sandboxes; `version` is the program's."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.version = source.version
        self._folder = folder
        self._numbers = itertools.count()
        for name in ("programs", "notify", "files", "root"):
            (folder / name).mkdir()
        for path, content in _FILES.items():
            (folder / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "files" / path).write_text(content)
        with tarfile.open(fileobj=io.BytesIO(source.tree())) as tree:
            for member in tree:
                if member.name.startswith(("usr/local/bin/", "usr/libexec/crio/")):
                    program = folder / "programs" / Path(member.name).name
                    program.write_bytes(tree.extractfile(member).read())
                    program.chmod(0o755)

    def judge(self, text: str) -> Verdict:
        """Return CRI-O's verdict on a crio.conf. Raises SandboxError."""
        ready, lines = self._start(text)
        otherwise = next((line for line in lines if _OTHERWISE.search(line)), None)
        if ready:
            return Verdict("silent", _message(otherwise)) if otherwise else Verdict()
        status, output = self._config(text)
        return Verdict("config" if status else "start", _message(_complaint(output if status else lines)))

    def command(self, number: int, arguments: list[str], program: str = f"{PROGRAMS}/crio") -> list[str]:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        isolated = ["unshare", *user, "--mount", "--net", "--pid", "--fork", "--kill-child"]
        folders = [str(self._folder / "root"), str(self._folder), str(number)]
        return [*isolated, "sh", "-c", _SANDBOX, "sandbox", *folders, program, *arguments]

    def _config(self, text: str) -> tuple[int, list[str]]:
        with self.notified() as (number, _notified):
            try:
                done = subprocess.run(
                    self.command(number, ["config"]),
                    input=text.encode(),
                    capture_output=True,
                    timeout=_LIMIT,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise SandboxError(f"crio config did not end within {_LIMIT} s") from None
        return done.returncode, done.stderr.decode("utf-8", "replace").splitlines()

    def _start(self, text: str) -> tuple[bool, list[str]]:
        # What it takes from the machine for pods, which no configuration decides, is out of the way: iptables.
        options = ["--disable-hostport-mapping", "--log-format", "text"]
        with self.notified() as (number, notified), tempfile.TemporaryFile() as log:
            with subprocess.Popen(
                self.command(number, options), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
            ) as process:
                with contextlib.suppress(BrokenPipeError):  # then its log has the reason
                    process.stdin.write(text.encode())
                    process.stdin.close()
                ready = is_ready(process, notified)
                process.kill()
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").splitlines()
        if ready is None:
            raise SandboxError(f"crio was neither ready nor at its end after {_LIMIT} s")
        if not ready and not any("level=" in line for line in lines):
            raise SandboxError(lines[-1] if lines else "crio ended without a word")
        return ready, lines

    @contextlib.contextmanager
    def notified(self) -> Iterator[tuple[int, socket.socket]]:
        number = next(self._numbers)
        folder = self._folder / "notify" / str(number)
        folder.mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(folder / "socket"))
            notified.settimeout(0.02)
            yield number, notified


def is_ready(process: subprocess.Popen, notified: socket.socket) -> bool | None:
    """Return whether the process notified that it is ready before it ended; None if neither happened in time."""
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in notified.recv(4096):
                return True
        if process.poll() is not None:
            return False
    return None


def _complaint(lines: list[str]) -> str:
    """Return the line that explains the end: the last fatal one, or the first of a crash."""
    fatal = [line for line in lines if "level=fatal" in line]
    crash = [line for line in lines if line.startswith(("panic:", "fatal error:"))]
    return (fatal or crash or lines or [""])[-1]


def _message(line: str) -> str:
    found = re.search(r'msg="(.*)"$', line)
    return (found.group(1) if found else line).replace('\\"', '"')
