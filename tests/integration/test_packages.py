# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O from a signed package repository that the test bed makes, on nodes without CRI-O or with another one.

The packages contain the CRI-O at hand. A package of another patch release or minor version contains the same programs, which print
the version of their source: only the package manager sees a difference.
"""

import re
import shutil
import time
from pathlib import Path

import pytest

from testbed import article, package_repository
from testbed.observed import running_containers, service
from testbed.package_repository import DebRepository, Signer, deb, files_of
from testbed.paths import FILES

pytestmark = pytest.mark.skipif(
    not shutil.which("gpg") or not shutil.which("dpkg-deb"), reason="gpg and dpkg-deb make the repository"
)
INSTALL = "cri.node.crio_packages"
SOURCES = "/etc/apt/sources.list.d/cri-node-crio.sources"
KEY = "/etc/apt/keyrings/cri-node-crio.asc"
CREDENTIALS = "/etc/apt/auth.conf.d/cri-node-crio.conf"
RECORD = "/var/lib/cri-node/packages.json"
# All that an installation could touch: files with their content, and packages with what is wanted of them.
STATE = (
    "find /etc/apt /etc/crio /etc/crictl.yaml /etc/systemd /run/systemd/system /usr/bin/crio /var/lib/cri-node /var/lib/apt/lists"
    " -type f -printf '%p %m %s %T@\\n' 2>/dev/null | sort; dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n';"
    " find /root/.ansible/tmp -mindepth 1"
)


class Repositories:
    """The repositories of this module: v1.37 with two patch releases, one of them added later, and v1.36 of another minor."""

    def __init__(self, folder: Path, source):
        self.folder = folder
        self.source = source
        self.minor = ".".join(source.version.split(".")[:2])
        self.patch = re.match(r"\d+\.\d+\.\d+", source.version)[0]
        self.next_patch = f"{self.minor}.{int(self.patch.rpartition('.')[2]) + 1}"
        self.other_minor = f"1.{int(self.minor.split('.')[1]) - 1}"
        self.signer = Signer(folder / "gnupg")
        self.stranger = Signer(folder / "gnupg-stranger", "somebody else")
        self.packages = folder / "packages"
        self.packages.mkdir()
        files = files_of(source)
        crictl = {"usr/bin/crictl": (0o755, source.read("crictl"))}
        postinst = package_repository.POSTINST
        self.debs = {
            version: deb(self.packages, "cri-o", f"{version}-1.1", files, postinst)
            for version in (self.patch, self.next_patch, f"{self.other_minor}.5")
        }
        self.tools = deb(self.packages, "cri-tools", f"{self.patch}-1.1", crictl)

    def make(self, name, *versions, signer=None, tools=True, minor=""):
        """Write a repository below the served folder, and return it."""
        made = DebRepository(
            self.folder / "www" / name / f"v{minor or self.minor}" / "deb", signer or self.signer
        )
        for version in versions:
            made.add(self.debs[version])
        if tools:
            made.add(self.tools)
        made.write()
        return made

    def close(self):
        self.signer.close()
        self.stranger.close()


@pytest.fixture(scope="module")
def repositories(testbed, crio_source, tmp_path_factory):
    """Return the repositories; `main` has one patch release."""
    made = Repositories(tmp_path_factory.mktemp("repositories"), crio_source)
    made.make("main", made.patch)
    made.make("main", f"{made.other_minor}.5", minor=made.other_minor)
    made.make("both", made.patch, made.next_patch)
    yield made
    made.close()


@pytest.fixture
def served(repositories):
    """Serve the repositories over HTTP during one test."""
    with package_repository.serve(repositories.folder / "www") as found:
        yield found


@pytest.fixture(scope="module")
def bare(testbed, crio_source):
    """Return a node without CRI-O that every test which uses it leaves unchanged."""
    made = testbed.add("packages", crio=False)[0]
    yield made
    testbed.remove("packages")


@pytest.fixture
def install(run_playbook):
    """Return install(node, arguments, *options) -> the run of a play with only the module."""

    def run(node, arguments, *options):
        task = {INSTALL: arguments}
        return run_playbook([{"hosts": "nodes", "gather_facts": False, "tasks": [task]}], node, *options)

    return run


@pytest.fixture
def options(repositories, served):
    """Return options(node, name of the repository, ...) -> the module's options."""

    def of(node, name="main", version=None, credentials="", **more):
        url = served.url(gateway(node), f"{name}/v{{minor}}/{{format}}/", credentials)
        repository = {
            "url": url,
            "key": repositories.signer.key.decode(),
            "key_fingerprint": repositories.signer.fingerprint,
        }
        repository.update(more.pop("repository", {}))
        return {"version": version or repositories.minor, "repository": repository, **more}

    return of


def gateway(node):
    """Return the address of this machine for a node."""
    return node.check("ip -4 route show default").split()[2]


def state(node):
    return node.run(STATE).out


def held(node):
    return node.check("apt-mark showhold").split()


def version(node):
    return node.check("dpkg-query -W -f '${Version}' cri-o")


def remote_calls(run):
    """Return the number of remote calls in a run with -vvv: commands and uploads."""
    return len(re.findall(r"SSH: EXEC|sftp> put|PUT ", run.out))


def give_network_and_registry(node):
    """Configure what CRI-O's packages do not contain: a pod network, and the test bed's registry over plain HTTP."""
    node.copy_in("/etc/cni/net.d/10-testbed.conflist", (FILES / "10-testbed.conflist").read_bytes())
    node.copy_in(
        "/etc/containers/registries.conf.d/50-testbed.conf", (FILES / "50-testbed.conf").read_bytes()
    )


def role_variables(source, packages, port=9537):
    """Return variables for CRI-O from packages in a node that is itself a container."""
    conmon = "/usr/libexec/crio/conmon" if source.has("conmon") else "/usr/bin/conmon"
    variables = article.settings(
        port,
        image={"pause_image": "registry:5000/pause:1", "pause_command": ""},
        runtime={
            "selinux": True,
            "cgroup_manager": "cgroupfs",
            "conmon_cgroup": "pod",
            "default_runtime": "crun",
            "runtimes": {
                "crun": {
                    "runtime_path": "/usr/local/lib/testbed/crun",
                    "runtime_root": "/run/crun",
                    "monitor_path": conmon,
                }
            },
        },
    )
    options = {name: value for name, value in packages.items() if name != "version"}
    return {
        **variables,
        "crio_install": "packages",
        "crio_version": packages["version"],
        "crio_packages": options,
    }


def test_a_bare_node_is_installed_held_and_left_alone_by_upgrades(
    repositories, served, options, fresh_node, install
):
    node = fresh_node(crio=False)
    before = state(node)
    arguments = options(node)
    predicted = install(node, arguments, "--check", "--diff").expect_success()
    assert state(node) == before
    done = install(node, arguments, "--diff").expect_success()
    for part in ("changed", "diff", "version", "packages", "installed", "key_fingerprint"):
        assert predicted.of(INSTALL)[part] == done.of(INSTALL)[part], part
    assert done.of(INSTALL)["version"] == repositories.patch
    assert done.of(INSTALL)["installed"] == ["cri-o", "cri-tools"]
    assert f"+cri-o {repositories.patch}-1.1" in done.out
    assert version(node) == f"{repositories.patch}-1.1"
    assert sorted(held(node)) == ["cri-o", "cri-tools"]
    # The package has tried to start the service, which is left to the transaction.
    assert service(node, "ActiveState") == "inactive"
    assert node.run("ls /run/systemd/system/crio.service.d").rc != 0
    assert node.check(f"stat -c %a {SOURCES} {KEY}").split() == ["644", "644"]
    assert node.read_file(KEY) == repositories.signer.key.decode()

    asked = len(served.requests)
    installed = state(node)
    second = install(node, arguments, "-vvv").expect_success()
    assert second.changed == 0
    assert remote_calls(second) == 1
    assert len(served.requests) == asked
    assert state(node) == installed

    shutil.copytree(repositories.folder / "www/main", repositories.folder / "www/kept")
    try:
        shutil.rmtree(repositories.folder / "www/main" / f"v{repositories.minor}")
        repositories.make("main", repositories.patch, repositories.next_patch)
        node.check("apt-get update -q")
        assert f"{repositories.next_patch}-1.1" in node.check("apt-cache madison cri-o")
        assert "kept back" in node.check("apt-get -y upgrade")
        assert version(node) == f"{repositories.patch}-1.1"
        # A minor version is one that the installed release has; only a pin moves it.
        assert install(node, arguments).expect_success().changed == 0
        pinned = options(node, version=repositories.next_patch)
        assert (
            install(node, pinned, "--check").expect_success().of(INSTALL)["version"]
            == repositories.next_patch
        )
        moved = install(node, pinned).expect_success()
        assert moved.of(INSTALL)["installed"] == ["cri-o"]
        assert version(node) == f"{repositories.next_patch}-1.1"
        assert sorted(held(node)) == ["cri-o", "cri-tools"]
        back = install(node, options(node, version=repositories.patch)).expect_success()
        assert (back.changed, version(node)) == (1, f"{repositories.patch}-1.1")
        free = install(node, options(node, version=repositories.patch, hold=False)).expect_success()
        assert (free.changed, held(node)) == (1, [])
        assert (
            install(node, options(node, version=repositories.patch, hold=False)).expect_success().changed == 0
        )
    finally:
        shutil.rmtree(repositories.folder / "www/main")
        (repositories.folder / "www/kept").rename(repositories.folder / "www/main")
