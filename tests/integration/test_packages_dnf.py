# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs CRI-O with dnf, on a node of Debian that has Debian's dnf 4 and rpm, and the os-release of Rocky Linux.

Packages and repositories are made and signed on the node; see test_packages for those of apt.
"""

import re
import shutil

import pytest

from testbed import article
from testbed.bundles import conmon_of, give_network_and_registry
from testbed.observed import running_containers, service
from testbed.package_repository import Signer, files_of, make_rpms

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="gpg makes the keys")
INSTALL = "cri.node.crio_packages"
APPLY = "cri.node.runtime : Apply the runtime configuration"
OS_RELEASE = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.5"\nPRETTY_NAME="Rocky Linux 9.5"\n'
REPOSITORY = "/etc/yum.repos.d/cri-node-crio.repo"
KEY = "/etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio"
LOCKS = "/etc/dnf/plugins/versionlock.list"
# The distribution's own repository, with what CRI-O's package needs of it.
BASE = "[base]\nname=base\nbaseurl=file:///srv/base/\nenabled=1\ngpgcheck=0\n"
STATE = (
    "find /etc/yum.repos.d /etc/pki/rpm-gpg /etc/dnf /etc/crio /run/systemd/system /var/lib/cri-node -type f"
    " -printf '%p %m %s %T@\\n' 2>/dev/null | sort; rpm -qa | grep -v gpg-pubkey | sort; find /root/.ansible/tmp -mindepth 1"
)


@pytest.fixture(scope="module")
def signers(tmp_path_factory):
    """Return the signer of the repository, and another one."""
    folder = tmp_path_factory.mktemp("keys")
    made = Signer(folder / "ours"), Signer(folder / "stranger", "somebody else")
    yield made
    for each in made:
        each.close()


def call(run_playbook, node, arguments, *options):
    play = [{"hosts": "nodes", "gather_facts": False, "tasks": [{INSTALL: arguments}]}]
    return run_playbook(play, node, *options)


def locks(node):
    return sorted(re.findall(r"^(\S+)-0:(\S+)\.\*$", node.read_file(LOCKS), re.MULTILINE))


def remote_calls(run):
    return len(re.findall(r"SSH: EXEC|sftp> put|PUT ", run.out))


def test_a_node_with_dnf(testbed, crio_source, signers, run_playbook):
    signer, stranger = signers
    minor = ".".join(crio_source.version.split(".")[:2])
    patch = re.match(r"\d+\.\d+\.\d+", crio_source.version)[0]
    next_patch = f"{minor}.{int(patch.rpartition('.')[2]) + 1}"
    node = testbed.add_dnf("dnf")[0]
    node.check("rm /etc/os-release")
    node.copy_in("/etc/os-release", OS_RELEASE)
    node.copy_in("/etc/yum.repos.d/base.repo", BASE)
    give_network_and_registry(node)
    files = files_of(crio_source)
    tools = {"usr/bin/crictl": (0o755, crio_source.read("crictl"))}
    policy = {"usr/share/container-selinux": (0o644, b"nothing\n")}
    make_rpms(node, "/srv/base", signer, {("container-selinux", "2.0"): policy})
    folder = f"/srv/crio/v{minor}/rpm"
    make_rpms(node, folder, signer, {("cri-o", patch): files, ("cri-tools", patch): tools})
    repository = {
        "url": "file:///srv/crio/v{minor}/{format}/",
        "key": signer.key.decode(),
        "key_fingerprint": signer.fingerprint,
    }
    options = {"version": minor, "repository": repository}
    before = node.run(STATE).out

    # Packages that are signed with another key than that of the repository.
    wrong = {**repository, "key": stranger.key.decode(), "key_fingerprint": stranger.fingerprint}
    message = call(run_playbook, node, {**options, "repository": wrong}).of(INSTALL)["msg"]
    assert message.startswith("the installation failed: ")
    assert "GPG" in message or "signature" in message.lower(), message
    assert message.endswith("The files of repositories are as before")
    assert node.run(STATE).out == before
    missing = call(run_playbook, node, {**options, "version": f"{minor}.99"}).of(INSTALL)["msg"]
    assert f"the repository has no cri-o {minor}.99; it has: {patch}-1.1" in missing
    gone = {**repository, "url": "file:///srv/nowhere/"}
    assert (
        "failed: " in call(run_playbook, node, {**options, "repository": gone}, "--check").of(INSTALL)["msg"]
    )
    assert node.run(STATE).out == before

    predicted = call(run_playbook, node, options, "--check", "--diff").expect_success()
    assert node.run(STATE).out == before
    variables = {
        **article.settings_in_a_container(conmon_of(crio_source)),
        "verify_image": "registry:5000/hello-world:1",
        "verify_report_file": "",
        "crio_install": "packages",
        "crio_version": minor,
        "crio_packages": {"repository": repository},
    }
    done = run_playbook("cri.node.provision", node, variables=variables).expect_success()
    assert done.of(APPLY)["packages"]["version"] == patch
    assert predicted.of(INSTALL)["installed"] == ["cri-o", "cri-tools", "container-selinux"]
    assert predicted.of(INSTALL)["packages"] == {"cri-o": f"{patch}-1.1", "cri-tools": f"{patch}-1.1"}
    assert node.check("rpm -q cri-o cri-tools container-selinux").count("-1.1") == 3
    assert node.check(f"stat -c %a {REPOSITORY} {KEY}").split() == ["644", "644"]
    assert locks(node) == [("cri-o", f"{patch}-1.1"), ("cri-tools", f"{patch}-1.1")]
    assert service(node, "ActiveState") == "active"
    installed = node.run(STATE).out
    second = call(run_playbook, node, options, "-vvv").expect_success()
    assert (second.changed, remote_calls(second)) == (0, 1)
    assert node.run(STATE).out == installed

    make_rpms(node, folder, signer, {("cri-o", next_patch): files})
    node.check("dnf -y --refresh upgrade", limit=120)
    assert node.check("rpm -q --queryformat '%{VERSION}' cri-o") == patch
    node.run_pod()
    containers, invocation = running_containers(node), service(node, "InvocationID")
    moved = call(run_playbook, node, {**options, "version": next_patch}).expect_success()
    assert moved.of(INSTALL)["installed"] == ["cri-o"]
    assert node.check("rpm -q --queryformat '%{VERSION}' cri-o") == next_patch
    assert locks(node) == [("cri-o", f"{next_patch}-1.1"), ("cri-tools", f"{patch}-1.1")]
    # The package restarts the service in two ways, which only the transaction may do.
    assert (service(node, "ActiveState"), service(node, "InvocationID")) == ("active", invocation)
    assert running_containers(node) == containers
    back = call(run_playbook, node, {**options, "version": patch, "hold": False}).expect_success()
    assert (back.changed, locks(node)) == (1, [])
    assert node.check("rpm -q --queryformat '%{VERSION}' cri-o") == patch
    testbed.remove("dnf")
