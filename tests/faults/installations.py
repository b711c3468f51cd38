# SPDX-License-Identifier: GPL-3.0-or-later
"""How the node of a fault gets CRI-O, if a run installs it: from a bundle or from packages, which this process serves."""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed import bundles, crio_packages, package_repository
from testbed.node import Node
from testbed.source import Source

PREINSTALLED, BUNDLE, PACKAGES = "preinstalled", "bundle", "packages"
_VERSION_OF_BUNDLE = 'sed -n \'s/.*"version": *"\\([^"]*\\)".*/\\1/p\' /var/lib/cri-node/bundle.json'
_STATE_OF_BUNDLE = (
    "cd /usr/local/bin; for each in crio crictl pinns; do sha256sum $each; done;"
    # Without the identity of the program, which a fault that moves it changes.
    " sed 's/\"binary\": \\[[^]]*\\], //' /var/lib/cri-node/bundle.json;"
    " sha256sum /usr/local/lib/systemd/system/crio.service"
)
_STATE_OF_PACKAGES = (
    "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' cri-o cri-tools; apt-mark showhold; dpkg --audit;"
    " cat /etc/apt/sources.list.d/cri-node-crio.sources"
)


class Supply:
    """What all nodes of a run are given CRI-O from. Each is made when it is first used. `close` removes it."""

    def __init__(self, source: Source):
        self.source = source
        self._making = threading.RLock()
        self._stack = contextlib.ExitStack()
        self._folder: Path | None = None
        self._served: package_repository.Served | None = None
        self._bundles: dict[str, bundles.Bundle] = {}
        self._repositories: crio_packages.Repositories | None = None

    def close(self) -> None:
        """Stop serving, and remove all files."""
        self._stack.close()

    def lacks(self, way: str) -> str:
        """Return what this machine lacks for a way, or an empty text."""
        if way == PACKAGES and not (shutil.which("gpg") and shutil.which("dpkg-deb")):
            return "gpg and dpkg-deb make the packages"
        return ""

    @property
    def folder(self) -> Path:
        """Return the folder that is served; `www` is below it."""
        with self._making:
            if self._folder is None:
                self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
                (self._folder / "www").mkdir()
            return self._folder

    @property
    def served(self) -> package_repository.Served:
        """Return the server of the folder."""
        with self._making:
            if self._served is None:
                self._served = self._stack.enter_context(package_repository.serve(self.folder / "www"))
            return self._served

    def packed(self, node: Node) -> dict[str, bundles.Bundle]:
        """Return bundles below the served folder: `at-hand`, a `later` release, and one that cannot be started, `failing`."""
        with self._making:
            if not self._bundles:
                programs, version = bundles.files(self.source, lambda: node), self.source.version
                other = bundles.of_another_version(programs, version, bundles.of_minor(version, 0))
                unit = bundles.unit_that_fails(programs["contrib/crio.service"])
                for name, content, number in (
                    ("at-hand", programs, version),
                    ("later", other, bundles.of_minor(version, 0)),
                    ("failing", {**other, "contrib/crio.service": unit}, bundles.of_minor(version, 0)),
                ):
                    folder = self.folder / "www" / "bundles" / name
                    folder.mkdir(parents=True)
                    self._bundles[name] = bundles.pack(folder, content, number)
            return self._bundles

    def repositories(self) -> crio_packages.Repositories:
        """Return the repositories, with the one named `main`."""
        with self._making:
            if self._repositories is None:
                made = crio_packages.Repositories(self.folder, self.source)
                self._stack.callback(made.close)
                made.make("main", made.patch, made.next_patch)
                self._repositories = made
            return self._repositories


class Installation:
    """How one node gets CRI-O. All its files are served below a path of its own, so that one node's server can fail alone."""

    way = PREINSTALLED
    #: a shell command that prints the state of the installation
    state = "true"

    def __init__(self, supply: Supply, node: Node):
        self.supply, self.node = supply, node

    def begin(self) -> None:
        """Prepare the node for the first run."""

    def variables(self) -> dict[str, Any]:
        """Return role variables that leave the installed release as it is."""
        return {}

    def unfinished(self) -> str:
        """Return what is not installed completely, or an empty text."""
        return ""


class _Served(Installation):
    """An installation from files of this process."""

    source = ""  # what is served, below the folder

    def begin(self) -> None:
        """Prepare the node for the first run."""
        self.make()
        bundles.give_network_and_registry(self.node)
        link = self.supply.folder / "www" / self.node.name
        link.unlink(missing_ok=True)
        link.symlink_to(self.source)

    def make(self) -> None:
        """Make what is served."""

    def url(self, path: str) -> str:
        """Return the URL of a path below `source` for the node."""
        return self.supply.served.url(self.node.gateway, f"{self.node.name}/{path}")

    @contextlib.contextmanager
    def ending_early(self, path: str) -> Iterator[None]:
        """Serve only the first half of the files whose path begins like this."""
        served, mine = self.supply.served, f"/{self.node.name}/{path}"
        served.ends_early += (mine,)
        try:
            yield
        finally:
            served.ends_early = tuple(each for each in served.ends_early if each != mine)


class BundleInstallation(_Served):
    """CRI-O from a bundle."""

    way, state, source = BUNDLE, _STATE_OF_BUNDLE, "bundles"

    def make(self) -> None:
        """Pack the bundles."""
        self.supply.packed(self.node)

    def of(self, name: str) -> dict[str, Any]:
        """Return role variables for a bundle, see Supply.packed."""
        bundle = self.supply.packed(self.node)[name]
        url = self.url(f"{name}/{bundle.path.name}")
        return {**bundles.role_variables(bundle), "crio_bundle": bundle.arguments(source=url)}

    def name(self) -> str:
        """Return the name of the installed bundle."""
        version = self.node.run(_VERSION_OF_BUNDLE).out.strip()
        return "later" if version == bundles.of_minor(self.supply.source.version, 0) else "at-hand"

    def variables(self) -> dict[str, Any]:
        """Return role variables that leave the installed release as it is."""
        return self.of(self.name())

    def version(self, variables: dict[str, Any]) -> str:
        """Return the release that role variables bring."""
        later = "/later/" in variables["crio_bundle"]["source"]
        version = self.supply.source.version
        return bundles.of_minor(version, 0) if later else version

    def other(self) -> dict[str, Any]:
        """Return role variables for another release than the installed one."""
        return self.of("at-hand" if self.name() == "later" else "later")


class PackageInstallation(_Served):
    """CRI-O from a package repository."""

    way, state, source = PACKAGES, _STATE_OF_PACKAGES, "main"

    def make(self) -> None:
        """Make the packages."""
        self.supply.repositories()

    def of(self, version: str) -> dict[str, Any]:
        """Return role variables for a version: a minor version is also any of its releases that is installed."""
        repository = self.supply.repositories().option(self.url("v{minor}/{format}/"))
        options = {"version": version, "repository": repository}
        return crio_packages.role_variables(self.supply.source, options)

    def variables(self) -> dict[str, Any]:
        """Return role variables that leave the installed release as it is."""
        return self.of(self.supply.repositories().minor)

    def other(self) -> dict[str, Any]:
        """Return role variables for another release than the installed one."""
        made = self.supply.repositories()
        installed = self.node.run("dpkg-query -W -f '${Version}' cri-o").out
        return self.of(made.patch if installed.startswith(made.next_patch) else made.next_patch)

    def unfinished(self) -> str:
        """Return what is not installed completely, or an empty text."""
        return self.node.run("dpkg --audit").out


WAYS = {each.way: each for each in (Installation, BundleInstallation, PackageInstallation)}
