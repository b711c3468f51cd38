# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed repositories with several versions of CRI-O's deb package, and nodes that get CRI-O from one of them.

All packages contain the CRI-O at hand, whatever their version: only the package manager sees a difference.
"""

import io
import re
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed import article
from testbed.bundles import conmon_of, give_network_and_registry
from testbed.node import Node
from testbed.package_repository import POSTINST, DebRepository, Signer, deb, files_of
from testbed.source import Source

# A program that the package's own script runs.
HELPER = "/usr/bin/deb-systemd-helper"
# In place of it: kills the package manager, and the module that runs it.
KILLER = """\
#!/bin/sh
module=$(ps -o ppid= -C apt-get | head -n 1)
pkill -9 -x dpkg; pkill -9 -x apt-get; kill -9 $module
sleep 1
"""
# The same, but the module continues.
MANAGER_KILLER = """\
#!/bin/sh
pkill -9 -x dpkg; pkill -9 -x apt-get
sleep 1
"""


class Repositories:
    """Repositories below a folder, which are signed with one key; `www` in it is what is served.

    patch: the release of the CRI-O at hand. next_patch: a later one of the same minor version. other_minor: the minor version
    before it.
    """

    def __init__(self, folder: Path, source: Source):
        self.folder = folder
        self.source = source
        self.minor = ".".join(source.version.split(".")[:2])
        self.patch = re.match(r"\d+\.\d+\.\d+", source.version)[0]
        self.next_patch = f"{self.minor}.{int(self.patch.rpartition('.')[2]) + 1}"
        self.other_minor = f"1.{int(self.minor.split('.')[1]) - 1}"
        self.signer = Signer(folder / "gnupg")
        self.stranger = Signer(folder / "gnupg-stranger", "somebody else")
        self._packages = folder / "packages"
        self._packages.mkdir()
        self._made: dict[str, Path] = {}
        crictl = {"usr/bin/crictl": (0o755, source.read("crictl"))}
        self.tools = deb(self._packages, "cri-tools", f"{self.patch}-1.1", crictl)

    def package(self, version: str) -> Path:
        """Return the package of a version, which is made when it is first used."""
        if version not in self._made:
            self._made[version] = deb(
                self._packages, "cri-o", f"{version}-1.1", files_of(self.source), POSTINST
            )
        return self._made[version]

    def make(
        self,
        name: str,
        *versions: str,
        signer: Signer | None = None,
        tools: bool = True,
        minor: str = "",
    ) -> DebRepository:
        """Write a repository below the served folder, and return it."""
        made = DebRepository(
            self.folder / "www" / name / f"v{minor or self.minor}" / "deb", signer or self.signer
        )
        for version in versions:
            made.add(self.package(version))
        if tools:
            made.add(self.tools)
        made.write()
        return made

    def option(self, url: str) -> dict[str, Any]:
        """Return the option `repository` of crio_packages for a URL."""
        return {"url": url, "key": self.signer.key.decode(), "key_fingerprint": self.signer.fingerprint}

    def close(self) -> None:
        """End gpg's own processes."""
        self.signer.close()
        self.stranger.close()


def role_variables(source: Source, packages: Mapping[str, Any], port: int = 9537) -> dict[str, Any]:
    """Return variables for CRI-O from packages in a node that is itself a container. packages: the options of crio_packages."""
    variables = article.settings_in_a_container(conmon_of(source), port)
    options = {name: value for name, value in packages.items() if name != "version"}
    return {
        **variables,
        "verify_image": "registry:5000/hello-world:1",
        "verify_report_file": "",
        "crio_install": "packages",
        "crio_version": packages["version"],
        "crio_packages": options,
    }


def put_on(node: Node, source: Source) -> dict[str, Any]:
    """Put two repositories below /srv of a node, and what CRI-O's packages do not contain. Return the role's variables.

    /srv/packages is the one in use: /srv/first with the release `packages_release` of the variables, which is that of the CRI-O
    at hand, or /srv/later with the next one, `packages_later`.
    """
    give_network_and_registry(node)
    with tempfile.TemporaryDirectory(prefix="packages-") as folder:
        made = Repositories(Path(folder), source)
        try:
            made.make("first", made.patch)
            made.make("later", made.next_patch)
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                tar.add(Path(folder) / "www", ".")
        finally:
            made.close()
        node.check("tar -x -C /srv && ln -s /srv/first /srv/packages", stdin=buffer.getvalue())
        options = {
            "version": made.minor,
            "repository": made.option("file:///srv/packages/v{minor}/{format}/"),
        }
        return {
            **role_variables(source, options),
            "packages_release": made.patch,
            "packages_later": made.next_patch,
        }
