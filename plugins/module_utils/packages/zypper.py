# SPDX-License-Identifier: GPL-3.0-or-later
"""The package manager of SUSE: zypper(8), rpm(8)."""

from __future__ import annotations

from collections.abc import Sequence

from .manager import INSTALL_LIMIT, REFRESH_LIMIT, Prepared
from .rpm import Rpm

REPOSITORY = "cri-node-crio"  # the alias of our repository
# Done; something was done that needs a restart of the machine or of zypper; nothing was found.
_DONE = (0, 102, 103)
_NOTHING = (0, 104)
_KEY = "gpgkey=file://"
_CALL = ("zypper", "--non-interactive", "--no-color")


class Zypper(Rpm):
    """zypper and rpm. The version is chosen after its repository is in place: zypper accepts no private one without a change."""

    name = "zypper"
    repository_folders = ("/etc/zypp/repos.d",)
    repository_suffixes = (".repo",)
    locked_words = "System management is locked"

    def _held(self, name: str, version: str = "") -> bool:
        return f"solvable_name: {name}" in self._lines("/etc/zypp/locks")

    def prepare(self, folder: str, files: dict[str, bytes], names: Sequence[str]) -> Prepared | None:
        """Return None: zypper would import the key into the node's keyring."""
        return None

    def simulate(self, folder: str, versions: dict[str, str]) -> list[str]:
        """Return the packages themselves."""
        return list(versions)

    def refresh(self, repository: str) -> None:
        """Read the index of our repository alone."""
        # Not with --gpg-auto-import-keys, which accepts any key that the repository itself offers.
        for line in self._lines(repository):
            if line.startswith(_KEY):
                self.call(
                    ["rpm", "--import", self.layout.at(line[len(_KEY) :])],
                    "importing the key of the repository",
                )
        self.call(
            [*_CALL, "refresh", "--force", REPOSITORY], "reading the index of the repository", REFRESH_LIMIT
        )

    def available(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the versions of our repository."""
        output = self.call(
            [
                *_CALL,
                "--quiet",
                "search",
                "--details",
                "--match-exact",
                "--type=package",
                f"--repo={REPOSITORY}",
                *names,
            ],
            "reading the versions in the repository",
            accepted=_NOTHING,
        )
        return versions_in(output, names)

    def install(self, versions: dict[str, str], downgrade: bool) -> None:
        """Install with zypper, without locks of an earlier run."""
        exactly = [f"{name}={version}" if version else name for name, version in versions.items()]
        held = [name for name in versions if self._held(name)]
        if held:
            self.release(held)
        self.call(
            [*_CALL, "install", "--auto-agree-with-licenses", "--oldpackage", "--no-confirm", *exactly],
            "the installation",
            INSTALL_LIMIT,
            _DONE,
        )

    def hold(self, names: Sequence[str]) -> None:
        """Lock the packages."""
        self.call([*_CALL, "addlock", *names], f"zypper addlock {' '.join(names)}")

    def release(self, names: Sequence[str]) -> None:
        """Remove the locks."""
        self.call([*_CALL, "removelock", *names], f"zypper removelock {' '.join(names)}")


def versions_in(output: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Return {package: its versions} of the table that zypper search --details prints."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) >= 4 and fields[1] in names and fields[3] not in found.setdefault(fields[1], []):
            found[fields[1]].append(fields[3])
    return found
