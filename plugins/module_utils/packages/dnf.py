# SPDX-License-Identifier: GPL-3.0-or-later
"""The package manager of Fedora and the RHEL family: dnf(8) 4 and 5, rpm(8)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from .manager import INSTALL_LIMIT, REFRESH_LIMIT, Prepared
from .rpm import Rpm
from .versions import order

REPOSITORY = "cri-node-crio"  # the id of our repository
# Some distributions skip a repository that cannot be read.
_STRICTLY = f"--setopt={REPOSITORY}.skip_if_unavailable=False"
# Where the plugin versionlock of dnf 4 and dnf 5 keep what is locked.
_LIST = "/etc/dnf/plugins/versionlock.list"
_TOML = "/etc/dnf/versionlock.toml"


class Dnf(Rpm):
    """dnf and rpm."""

    name = "dnf"
    repository_folders = ("/etc/yum.repos.d",)
    repository_suffixes = (".repo",)
    locked_words = "Failed to obtain the .*lock|Existing lock"

    def _held(self, name: str, version: str) -> bool:
        return version in self._locks(name)

    def _locks(self, name: str) -> list[str]:
        """Return the versions of a package that are locked."""
        entry = re.compile(rf"{re.escape(name)}-(?:\d+:)?(\d[^-]*-[^-]*?)(?:\.\*)?$")
        found = [match.group(1) for match in map(entry.match, self._lines(_LIST)) if match]
        for part in "\n".join(self._lines(_TOML)).split("[[packages]]"):
            if re.search(rf'^name\s*=\s*"{re.escape(name)}"$', part, re.MULTILINE):
                found += re.findall(r'^value\s*=\s*"(?:\d+:)?([^"]+)"$', part, re.MULTILINE)
        return found

    def prepare(self, folder: str, files: dict[str, bytes], names: Sequence[str]) -> Prepared:
        """Read the index with a private folder of repositories and a private cache."""
        repository = self._copies(folder, files)
        os.makedirs(f"{folder}/cache", mode=0o700, exist_ok=True)
        private = [
            f"--setopt=reposdir={os.path.dirname(repository)}",
            f"--setopt=cachedir={folder}/cache",
            f"--setopt=logdir={folder}",
            _STRICTLY,
        ]
        return Prepared(
            self._repoquery(names, ["--disableplugin=*", *private], "reading the index of the repository")
        )

    def simulate(self, folder: str, versions: dict[str, str]) -> list[str]:
        """Return the packages themselves."""
        return list(versions)  # dependencies would need the indexes of all repositories, some 100 MiB

    def refresh(self, repository: str) -> None:
        """Read the index of our repository alone."""
        self.call(
            [
                "dnf",
                "-q",
                _STRICTLY,
                "--disablerepo=*",
                f"--enablerepo={REPOSITORY}",
                "makecache",
                "--refresh",
            ],
            "reading the index of the repository",
            REFRESH_LIMIT,
        )

    def available(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the versions of our repository."""
        ours = [_STRICTLY, "--disablerepo=*", f"--enablerepo={REPOSITORY}"]
        return self._repoquery(names, ours, "reading the versions in the repository")

    def _repoquery(self, names: Sequence[str], options: Sequence[str], doing: str) -> dict[str, list[str]]:
        pattern = "%{name} %{version}-%{release}\\n"  # dnf 5 adds no line end of its own
        arguments = [
            "dnf",
            "-q",
            "-y",
            *options,
            "repoquery",
            "--available",
            f"--queryformat={pattern}",
            *names,
        ]
        found: dict[str, list[str]] = {}
        for line in self.call(arguments, doing, REFRESH_LIMIT).splitlines():
            name, _blank, version = line.strip().partition(" ")
            if name in names and version and version not in found.setdefault(name, []):
                found[name].append(version)
        return found

    def install(self, versions: dict[str, str], downgrade: bool) -> None:
        """Install or downgrade with dnf."""
        present = self.installed(list(versions))
        older = {
            name: version
            for name, version in versions.items()
            if version and name in present and order(version) < order(present[name].version)
        }
        self._run("install", {name: version for name, version in versions.items() if name not in older})
        self._run("downgrade", older)

    def _run(self, command: str, versions: dict[str, str]) -> None:
        if not versions:
            return
        exactly = [f"{name}-{version}" if version else name for name, version in versions.items()]
        if self._major() < 5:  # What an earlier run has locked, the lock itself would hide.
            options = ["--disableplugin=versionlock", "--setopt=exit_on_lock=True"]
        else:
            options = []
            self.release([name for name in versions if self._locks(name)])
        self.call(["dnf", "-y", *options, command, *exactly], "the installation", INSTALL_LIMIT)

    def _major(self) -> int:
        found = re.search(r"\d+", self.call(["dnf", "--version"], "dnf --version"))
        return int(found.group()) if found else 0

    def hold(self, names: Sequence[str]) -> None:
        """Lock the installed versions, in place of locks of other versions."""
        self.release([name for name in names if self._locks(name)])
        self.call(
            ["dnf", "-q", "-y", "-C", "versionlock", "add", *names],
            f"dnf versionlock add {' '.join(names)}",
        )

    def release(self, names: Sequence[str]) -> None:
        """Remove the locks."""
        if names:
            self.call(
                ["dnf", "-q", "-y", "-C", "versionlock", "delete", *names],
                f"dnf versionlock delete {' '.join(names)}",
            )
