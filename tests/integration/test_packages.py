# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O from a signed package repository that the test bed makes, on nodes without CRI-O or with another one.

The packages contain the CRI-O at hand. A package of another patch release or minor version contains the same programs, which
print the version of their source: only the package manager sees a difference.
"""

import re
import shutil
import time

import pytest

from testbed import article, package_repository
from testbed.bundles import give_network_and_registry
from testbed.crio_packages import HELPER, KILLER, Repositories, role_variables
from testbed.observed import running_containers, service
from testbed.package_repository import DebRepository

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
        url = served.url(node.gateway, f"{name}/v{{minor}}/{{format}}/", credentials)
        repository = {**repositories.option(url), **more.pop("repository", {})}
        return {"version": version or repositories.minor, "repository": repository, **more}

    return of


def state(node):
    return node.run(STATE).out


def without_lists(text):
    """Return the state without the lists of apt, which remember that a repository was read."""
    return [line for line in text.splitlines() if "/var/lib/apt/lists" not in line]


def held(node):
    return node.check("apt-mark showhold").split()


def version(node):
    return node.check("dpkg-query -W -f '${Version}' cri-o")


def remote_calls(run):
    """Return the number of remote calls in a run with -vvv: commands and uploads."""
    return len(re.findall(r"SSH: EXEC|sftp> put|PUT ", run.out))


def test_one_role_makes_a_verified_node_and_a_patch_stops_no_pod(
    repositories, options, crio_source, fresh_node, run_playbook, install
):
    node = fresh_node(crio=False)
    give_network_and_registry(node)
    arguments = options(node, "both", version=repositories.patch)
    variables = role_variables(crio_source, arguments)
    predicted = run_playbook("cri.node.provision", node, "--check", variables=variables)
    result = predicted.of("cri.node.runtime : Apply the runtime configuration")
    assert result["packages"] == {
        "changed": True,
        "version": repositories.patch,
        "installed": ["cri-o", "cri-tools"],
    }
    assert result["validated_by"] == "controller"
    first = run_playbook("cri.node.provision", node, variables=variables).expect_success()
    assert first.of("cri.node.runtime : Apply the runtime configuration")["packages"]["changed"] is True
    assert service(node, "UnitFileState") == "enabled"
    assert service(node, "ActiveState") == "active"
    node.run_pod()
    containers, invocation = running_containers(node), service(node, "InvocationID")
    second = run_playbook("cri.node.provision", node, "-vvv", variables=variables).expect_success()
    assert second.changed == 0
    # One for the packages, one for the files; the verification is a third one, in the same play.
    assert remote_calls(second) == 3
    # The scripts of the package restart the service after an upgrade, which only the transaction may do.
    moved = install(node, options(node, "both", version=repositories.next_patch)).expect_success()
    assert moved.of(INSTALL)["installed"] == ["cri-o"]
    assert version(node) == f"{repositories.next_patch}-1.1"
    assert (service(node, "ActiveState"), service(node, "InvocationID")) == ("active", invocation)
    assert running_containers(node) == containers
    # What the administrator has in a configuration file of the package is kept.
    node.check("echo '# mine' >> /etc/crictl.yaml")
    install(node, options(node, "both", version=repositories.patch)).expect_success()
    assert "# mine" in node.read_file("/etc/crictl.yaml")
    # A CRI-O of another minor version is not installed over this one.
    before = state(node)
    for more in ("--check", "-v"):
        run = install(node, options(node, version=repositories.other_minor), more)
        assert run.of(INSTALL)["msg"].startswith(
            f"CRI-O {repositories.patch} is installed, but crio_version is {repositories.other_minor}: a different minor version"
            " removes all pods"
        )
    assert state(node) == before
    # A repository of somebody else: what is installed is used if it fits, and nothing is changed.
    node.copy_in(
        "/etc/apt/sources.list.d/theirs.list", "deb http://127.0.0.1/isv:/cri-o:/stable:/v1/deb/ /\n"
    )
    before = state(node)
    used = install(node, options(node, "both", version=repositories.patch)).expect_success()
    assert used.changed == 0
    assert "/etc/apt/sources.list.d/theirs.list" in used.of(INSTALL)["warnings"][0]
    refused = install(node, options(node, "both", version=repositories.next_patch))
    assert (
        "another repository with CRI-O is configured in /etc/apt/sources.list.d/theirs.list"
        in refused.of(INSTALL)["msg"]
    )
    assert state(node) == before


def test_the_role_crio_predicts_an_installation_as_well(
    repositories, options, crio_source, bare, run_playbook
):
    before = state(bare)
    variables = role_variables(crio_source, options(bare))
    run = run_playbook(article.ROLE, bare, "--check", variables=variables).expect_success()
    assert run.of(article.APPLY)["packages"]["version"] == repositories.patch
    assert run.of(article.APPLY)["validated_by"] == "controller"
    assert state(bare) == before


def bad_repository(repositories, name):
    """Write a repository that must be refused, and return words of apt about it."""
    repository = DebRepository(
        repositories.folder / "www" / name / f"v{repositories.minor}" / "deb", repositories.signer
    )
    repository.add(repositories.package(repositories.patch))
    if name == "unsigned":
        repository.signer = None
        words = "is not signed"
    elif name == "stranger":
        repository.signer = repositories.stranger
        words = "is not signed"
    elif name == "expired":
        repository.valid_until = time.time() - 30
        words = "is expired|is not valid any more|expired since"
    else:
        words = "Hash Sum mismatch|unexpected size|has invalid"
    repository.write()
    if name == "damaged":
        with (repository.folder / "Packages.gz").open("ab") as file:
            file.write(b"more")
        (repository.folder / "Packages").unlink()
    return words


@pytest.mark.parametrize("name", ["unsigned", "stranger", "expired", "damaged"])
def test_a_repository_that_apt_does_not_trust_is_refused_in_its_own_words(
    repositories, options, bare, install, name
):
    words = bad_repository(repositories, name)
    before = state(bare)
    for more in ("--check", "-v"):
        message = install(bare, options(bare, name), more).of(INSTALL)["msg"]
        assert message.startswith("reading the index of the repository failed: ")
        assert re.search(words, message), message
        assert state(bare) == before


def test_what_is_wrong_with_the_key_is_found_before_the_node_is_contacted(
    repositories, options, bare, install
):
    before = state(bare)
    wrong = "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"
    run = install(bare, options(bare, repository={"key_fingerprint": wrong}), "-vvv")
    assert run.of(INSTALL)["msg"] == (
        f"crio_packages: repository.key: the key has the fingerprint {repositories.signer.fingerprint},"
        f" not {wrong.replace(' ', '')}"
    )
    assert remote_calls(run) == 0
    both = (repositories.signer.key + repositories.stranger.key).decode()
    run = install(bare, options(bare, repository={"key": both}))
    assert "contains 2 keys" in run.of(INSTALL)["msg"]
    assert state(bare) == before


def test_a_key_that_the_controller_fetches_is_compared_with_its_fingerprint(
    repositories, options, bare, served, install
):
    before = state(bare)
    url = served.url("127.0.0.1", "main/v{minor}/{format}/Release.key")
    wrong = options(bare, repository={"key": url, "key_fingerprint": repositories.stranger.fingerprint})
    message = install(bare, wrong).of(INSTALL)["msg"]
    assert message.endswith(
        f"has the fingerprint {repositories.signer.fingerprint}, not {repositories.stranger.fingerprint}"
    )
    right = install(bare, options(bare, repository={"key": url}), "--check").expect_success()
    assert right.of(INSTALL)["version"] == repositories.patch
    without = install(bare, options(bare, repository={"key": url, "key_fingerprint": ""}))
    assert "is required, because the key is not fetched over HTTPS" in without.of(INSTALL)["msg"]
    assert state(bare) == before


def test_a_repository_that_is_not_there_or_lacks_the_version_is_one_message(
    repositories, options, bare, served, install
):
    before = state(bare)
    for more in ("--check", "-v"):
        message = install(bare, options(bare, version=f"{repositories.minor}.99"), more).of(INSTALL)["msg"]
        assert (
            f"the repository has no cri-o {repositories.minor}.99; it has: {repositories.patch}-1.1"
            in message
        )
        assert state(bare) == before
    served.fails = ("/",)
    message = install(bare, options(bare)).of(INSTALL)["msg"]
    assert message.startswith("reading the index of the repository failed: ")
    assert "503" in message
    assert state(bare) == before


def test_a_download_that_fails_half_way_puts_everything_back(
    repositories, options, fresh_node, served, install
):
    node = fresh_node(crio=False)
    before = state(node)
    served.fails = (f"/main/v{repositories.minor}/deb/cri-o_", f"/main/v{repositories.minor}/deb/./cri-o_")
    message = install(node, options(node)).of(INSTALL)["msg"]
    assert message.startswith("the installation failed: ")
    assert "503" in message
    assert message.endswith("The files of repositories are as before")
    assert without_lists(state(node)) == without_lists(before)
    served.fails = ()
    # Full: the packages of the stand-in have a few KiB only.
    node.check("mount -t tmpfs -o size=64k tmpfs /var/cache/apt/archives")
    node.run("mkdir /var/cache/apt/archives/partial; cat /dev/zero > /var/cache/apt/archives/full")
    message = install(node, options(node)).of(INSTALL)["msg"]
    # apt only notices beforehand that large packages do not fit.
    assert re.search(r"enough free space in /var/cache/apt/archives|Error writing to file", message)
    assert without_lists(state(node)) == without_lists(before)
    node.check("umount /var/cache/apt/archives")
    install(node, options(node)).expect_success()
    assert version(node) == f"{repositories.patch}-1.1"


def test_a_run_that_is_killed_within_dpkg_is_completed_by_the_next_one(
    repositories, options, fresh_node, install
):
    node = fresh_node(crio=False)
    node.check(f"mv {HELPER} {HELPER}.real")
    node.copy_in(HELPER, KILLER, 0o755)
    killed = install(node, options(node))
    assert killed.results[-1]["status"] == "failed", killed.out
    node.check(f"mv {HELPER}.real {HELPER}")
    assert node.run("dpkg --audit").out
    assert node.exists(SOURCES)
    assert node.exists("/run/systemd/system/crio.service.d/60-cri-node-packages.conf")
    before = state(node)
    predicted = install(node, options(node), "--check").expect_success()
    assert predicted.changed == 1
    assert "an interrupted installation is completed first: dpkg" in predicted.of(INSTALL)["warnings"][0]
    assert state(node) == before
    done = install(node, options(node)).expect_success()
    assert done.changed == 1
    assert node.run("dpkg --audit").out == ""
    assert version(node) == f"{repositories.patch}-1.1"
    assert sorted(held(node)) == ["cri-o", "cri-tools"]
    assert not node.exists("/run/systemd/system/crio.service.d")
    assert not node.exists("/var/lib/cri-node/packages-install.json")
    assert service(node, "ActiveState") == "inactive"
    assert install(node, options(node)).expect_success().changed == 0


def test_a_lock_of_another_package_manager_is_waited_for_and_no_longer_than_allowed(
    repositories, options, fresh_node, install
):
    node = fresh_node(crio=False)
    before = state(node)
    program = "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(%d)"
    node.check(["systemd-run", "--unit=locker", "python3", "-c", program % 3600])
    message = install(node, options(node, lock_timeout=1)).of(INSTALL)["msg"]
    assert "another package manager is still running after 1 s" in message
    assert "lock-frontend" in message
    assert without_lists(state(node)) == without_lists(before)
    node.check("systemctl stop locker")
    node.check(["systemd-run", "--unit=locker2", "python3", "-c", program % 10])
    install(node, options(node)).expect_success()


def test_credentials_of_a_mirror_are_in_one_file_and_nowhere_else(
    repositories, options, fresh_node, served, install
):
    node = fresh_node(crio=False)
    served.password = "canary-password"
    # What every process was started with, as often as can be looked.
    look = "while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; done >/srv/seen 2>/dev/null"
    node.check(["systemd-run", "--unit=watcher", "sh", "-c", look])
    key = served.url("127.0.0.1", "main/v{minor}/{format}/Release.key", "ops:canary-password")
    right = options(node, credentials="ops:canary-password", repository={"key": key})
    wrong = options(node, credentials="ops:canary-wrong")
    more = ("-vvvv", "--diff")
    refused = install(node, wrong, *more)
    assert "401" in refused.of(INSTALL)["msg"]
    predicted = install(node, right, "--check", *more).expect_success()
    done = install(node, right, *more).expect_success()
    second = install(node, right, *more).expect_success()
    assert (predicted.changed, done.changed, second.changed) == (1, 1, 0)
    node.check("systemctl stop watcher")
    assert version(node) == f"{repositories.patch}-1.1"
    assert node.check(f"stat -c %a {CREDENTIALS}").strip() == "600"
    assert "password canary-password" in node.read_file(CREDENTIALS)
    for run in (refused, predicted, done, second):
        assert "canary" not in run.out
        assert "canary" not in str(run.results)
    assert "canary" not in node.check("journalctl --no-pager -o cat")
    assert node.check("test -s /srv/seen && grep -c canary /srv/seen || true").strip() == "0"
    found = node.run(
        "grep -rl canary /var/lib/cri-node /root /etc /tmp /var/tmp /var/lib/apt /var/log"
    ).out.split()
    assert found == [CREDENTIALS]
    # Without credentials, the file goes.
    served.password = ""
    assert install(node, options(node)).expect_success().changed == 1
    assert not node.exists(CREDENTIALS)


def test_a_crio_that_does_not_belong_to_a_package_is_not_replaced(options, fresh_node, install):
    node = fresh_node(crio=False)
    node.copy_in("/usr/local/bin/crio", "#!/bin/sh\necho 'crio version 1.30.1'\n", 0o755)
    before = state(node)
    for more in ("--check", "-v"):
        message = install(node, options(node), more).of(INSTALL)["msg"]
        assert message.startswith(
            "CRI-O 1.30.1 is installed as /usr/local/bin/crio, which does not belong to a package; use crio_install: bundle"
        )
        assert state(node) == before
