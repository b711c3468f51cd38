# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's package manager: apt-get(8), apt-cache(8), apt-mark(8), dpkg(1), dpkg-query(1)."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence

from .. import program
from .manager import INSTALL_LIMIT, READ_LIMIT, REFRESH_LIMIT, Installed, Manager, PackageError, Prepared

# No translations are fetched, which nobody reads.
_NETWORK = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=60", "-o", "Acquire::https::Timeout=60")
_UPDATE = ("apt-get", "update", *_NETWORK, "-o", "Acquire::Languages=none")
_STRICTLY = ("-o", "APT::Update::Error-Mode=any")  # where all repositories are read, those of others may fail
_CONFFILES = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
_FORMAT = "${Package}\\t${Version}\\t${db:Status-Abbrev}\\n"
_UNMET = "unmet dependencies|not installable|Unable to locate package|not going to be installed"


class Apt(Manager):
    """apt and dpkg."""

    name = "apt"
    repository_folders = ("/etc/apt/sources.list", "/etc/apt/sources.list.d")
    repository_suffixes = (".list", ".sources")
    locked_words = "Could not get lock|Unable to acquire the dpkg frontend lock"

    def installed(self, names: Sequence[str]) -> dict[str, Installed]:
        """Read dpkg's database."""
        if not names:  # dpkg-query would list all packages of the node
            return {}
        # Status 1: some of the packages are not known.
        output = self.call(
            ["dpkg-query", "-W", f"-f={_FORMAT}", *names], "reading the installed packages", accepted=(0, 1)
        )
        found = {}
        for line in output.splitlines():
            name, version, status = [*line.split("\t"), "", ""][:3]
            # Two letters: what is wanted (h: hold), what is there (n: nothing, c: only configuration, i: all of it).
            if version and status[1:2] not in ("n", "c", ""):
                found[name] = Installed(version, status[1:3].strip() == "i", status[:1] == "h")
        return found

    def owner(self, path: str) -> str:
        """Ask dpkg-query; its first package counts."""
        status, output, _errors = program.run(["dpkg-query", "-S", path], READ_LIMIT, self.environment())
        return output.partition(": ")[0].partition(":")[0] if status == 0 else ""

    def interruption(self) -> str:
        """Return what dpkg has not finished."""
        if glob.glob(self.layout.at("/var/lib/dpkg/updates/[0-9]*")):
            return "dpkg was interrupted"
        output = self.call(["dpkg", "--audit"], "reading the state of dpkg", accepted=(0, 1))
        lines = [line.strip() for line in output.splitlines() if line.startswith(" ")]
        return f"dpkg --audit: {lines[0]}" if lines else ""

    def finish_interrupted(self) -> None:
        """Configure what is unpacked, and keep configuration files."""
        self.call(
            ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"],
            "completing an interrupted installation (dpkg --configure -a)",
            INSTALL_LIMIT,
        )

    def prepare(self, folder: str, files: dict[str, bytes], names: Sequence[str]) -> Prepared:
        """Read the index with a private configuration and private lists."""
        for name in ("sources", "auth", "keys", "lists/partial", "cache/archives/partial"):
            os.makedirs(f"{folder}/{name}", mode=0o700, exist_ok=True)
        places = {
            path: f"{folder}/{_KINDS[os.path.splitext(path)[1]]}/{os.path.basename(path)}" for path in files
        }
        for path, content in files.items():
            for original, copy in places.items():
                content = content.replace(original.encode(), copy.encode())
            with open(places[path], "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content)
        ours = [path for path in places.values() if path.endswith(".sources")]
        self._link_others(folder, {os.path.basename(path) for path in places.values()})
        only = _only(ours[0])
        self.call(
            [*_UPDATE, *_STRICTLY, *_private(folder), *only],
            "reading the index of the repository",
            REFRESH_LIMIT,
        )
        return Prepared(self._madison(names, [*_private(folder), *only]))

    def _link_others(self, folder: str, ours: set[str]) -> None:
        """Let a private folder contain the configuration and the lists of all other repositories, by links."""
        others = [
            ("/etc/apt/sources.list.d", "sources"),
            ("/etc/apt/auth.conf.d", "auth"),
            ("/var/lib/apt/lists", "lists"),
        ]
        for original, name in others:
            for path in glob.glob(self.layout.at(f"{original}/*")):
                base = os.path.basename(path)
                if os.path.isfile(path) and base not in {*ours, "lock"}:
                    os.symlink(path, f"{folder}/{name}/{base}")

    def simulate(self, folder: str, versions: dict[str, str]) -> list[str]:
        """Let apt-get simulate the installation with the lists of all repositories."""
        private = _private(folder)
        arguments = [
            "apt-get",
            "-s",
            *private,
            *_install_options(downgrade=True),
            "install",
            *_exactly(versions),
        ]
        try:
            output = self.call(arguments, "the installation")
        except PackageError as error:
            if not re.search(_UNMET, str(error)):
                raise
            # The lists of the distribution are empty or old, and a dependency is not in them.
            self.call([*_UPDATE, *private], "reading the indexes of all repositories", REFRESH_LIMIT)
            output = self.call(arguments, "the installation")
        return [line.split()[1] for line in output.splitlines() if line.startswith("Inst ")]

    def refresh(self, repository: str) -> None:
        """Read the index of this file's repository alone."""
        arguments = [*_UPDATE, *_STRICTLY, *_only(repository), "-o", "APT::Get::List-Cleanup=0"]
        self.call(arguments, "reading the index of the repository", REFRESH_LIMIT)

    def available(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the versions of all configured repositories."""
        return self._madison(names, [])

    def _madison(self, names: Sequence[str], options: Sequence[str]) -> dict[str, list[str]]:
        output = self.call(
            ["apt-cache", *options, "madison", *names], "reading the versions in the repository"
        )
        return versions_in(output)

    def install(self, versions: dict[str, str], downgrade: bool) -> None:
        """Install with apt-get, and read all indexes if a dependency is not found."""
        lock = ("-o", f"DPkg::Lock::Timeout={self.lock_timeout}")
        arguments = [
            "apt-get",
            "-q",
            *lock,
            *_NETWORK,
            *_install_options(downgrade),
            "install",
            *_exactly(versions),
        ]
        try:
            self.call(arguments, "the installation", INSTALL_LIMIT)
        except PackageError as error:
            if not re.search(_UNMET, str(error)):
                raise
            self.call([*_UPDATE], "reading the indexes of all repositories", REFRESH_LIMIT)
            self.call(arguments, "the installation", INSTALL_LIMIT)

    def hold(self, names: Sequence[str]) -> None:
        """Mark the packages as held."""
        self.call(["apt-mark", "hold", *names], f"apt-mark hold {' '.join(names)}")

    def release(self, names: Sequence[str]) -> None:
        """Remove the mark."""
        self.call(["apt-mark", "unhold", *names], f"apt-mark unhold {' '.join(names)}")


# The folder of each file of ours in a private configuration, by the end of its name.
_KINDS = {".sources": "sources", ".asc": "keys", ".conf": "auth"}


def versions_in(output: str) -> dict[str, list[str]]:
    """Return {package: its versions} of the output of apt-cache madison."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) >= 3 and fields[1] not in found.setdefault(fields[0], []):
            found[fields[0]].append(fields[1])
    return found


def _exactly(versions: dict[str, str]) -> list[str]:
    return [f"{name}={version}" if version else name for name, version in versions.items()]


def _install_options(downgrade: bool) -> list[str]:
    # --no-remove: no other package is removed for CRI-O. Ours may be held by an earlier run.
    more = ["--allow-downgrades"] if downgrade else []
    return ["-y", "--no-remove", "--allow-change-held-packages", *more, *_CONFFILES]


def _only(repository: str) -> list[str]:
    """Return the options that make apt use this file of repositories alone."""
    return ["-o", f"Dir::Etc::sourcelist={repository}", "-o", "Dir::Etc::sourceparts=-"]


def _private(folder: str) -> list[str]:
    """Return the options that make apt keep its state in a folder, which only root can read, and not on the node."""
    options = {
        "Dir::Etc::sourceparts": f"{folder}/sources",
        "Dir::Etc::netrcparts": f"{folder}/auth",
        "Dir::State::lists": f"{folder}/lists",
        "Dir::Cache": f"{folder}/cache",
        "APT::Get::List-Cleanup": "0",  # the lists of all others are there by links
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
