# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which commands the package managers are given, and how their output is read. The output is that of real programs."""

import pytest

from ansible_collections.cri.node.plugins.module_utils import program
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.packages import apt, dnf, manager, zypper
from ansible_collections.cri.node.plugins.module_utils.packages.manager import Installed, PackageError

REPO = "/etc/yum.repos.d/cri-node-crio.repo"
KEY = "/etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio"
LIST = """
# Added lock on Mon Nov 30 16:37:19 2026
cri-o-0:1.37.0-1.1.*
cri-tools-1.37.0-1.1.*
!kernel-0:6.1-1.*
"""
TOML = """version = "1.0"

[[packages]]
name = "cri-o"
comment = "Added by 'versionlock add' command on 2026-11-30"
[[packages.conditions]]
key = "evr"
comparator = "="
value = "1.37.0-1.1"

[[packages]]
name = "vim"
[[packages.conditions]]
key = "evr"
comparator = "="
value = "2:9.1-1"
"""
# What dnf 4 prints where a package is signed with another key.
GPG_CHECK_FAILED = """\
Downloading Packages:
Importing GPG key 0x08D2D971:
 From       : /etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio
Key imported successfully
Import of key(s) didn't help, wrong key(s)?
Problem repository: [cri-node-crio]
password: canary
Public key for cri-o-1.37.0-1.1.x86_64.rpm is not installed. Failing package is: cri-o-1.37.0-1.1.x86_64
 GPG Keys are configured as: file:///etc/pki/rpm-gpg/RPM-GPG-KEY-cri-node-crio
The downloaded packages were saved in cache until the next successful transaction.
You can remove cached packages by executing 'dnf clean packages'.
Error: GPG check FAILED
"""


class Commands:
    """Programs that answer from a table: {beginning of the command: (status, output)}."""

    def __init__(self, answers):
        self.answers, self.calls = answers, []

    def __call__(self, arguments, *_more, **_options):
        line = " ".join(arguments)
        self.calls.append(line)
        status, output = next((each for words, each in self.answers.items() if words in line), (0, ""))
        return status, output, ""


@pytest.fixture
def commands(monkeypatch):
    """Return commands(answers) -> the programs of the node, with their calls."""

    def given(answers=None):
        made = Commands(answers or {})
        monkeypatch.setattr(program, "run", made)
        monkeypatch.setattr(manager.time, "sleep", lambda _seconds: None)
        return made

    return given


def write(root, path, text):
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_apt_reads_what_is_installed_held_or_half_configured(commands, tmp_path):
    output = "cri-o\t1.37.0-1.1\thi \ncri-tools\t1.37.0-1.1\tiF \nconmon\t\tun \nold\t1.0\trc \n"
    commands({"dpkg-query -W": (1, output)})
    found = apt.Apt(Layout(str(tmp_path))).installed(["cri-o", "cri-tools", "conmon", "old"])
    assert found == {
        "cri-o": Installed("1.37.0-1.1", held=True),
        "cri-tools": Installed("1.37.0-1.1", complete=False),
    }


def test_the_owner_of_a_file_is_a_package(commands, tmp_path):
    commands(
        {
            "dpkg-query -S": (0, "cri-o:amd64: /usr/bin/crio\n"),
            "rpm -qf": (1, "file x is not owned by any package\n"),
        }
    )
    assert apt.Apt(Layout(str(tmp_path))).owner("/usr/bin/crio") == "cri-o"
    assert dnf.Dnf(Layout(str(tmp_path))).owner("/usr/bin/crio") == ""


@pytest.mark.parametrize(
    ("path", "text"), [("/etc/dnf/plugins/versionlock.list", LIST), ("/etc/dnf/versionlock.toml", TOML)]
)
@pytest.mark.parametrize(("version", "expected"), [("1.37.0-1.1", True), ("1.37.1-1.1", False)])
def test_dnf_holds_a_version_and_not_a_name(commands, tmp_path, path, text, version, expected):
    write(tmp_path, path, text)
    commands({"rpm -q ": (1, f"cri-o\t{version}\npackage cri-tools is not installed\n")})
    found = dnf.Dnf(Layout(str(tmp_path))).installed(["cri-o", "cri-tools"])
    assert found == {"cri-o": Installed(version, held=expected)}


@pytest.mark.parametrize(
    ("program_version", "options"),
    [("4.14.0", " --disableplugin=versionlock --setopt=exit_on_lock=True"), ("dnf5 version 5.2.6", "")],
)
def test_dnf_installs_and_downgrades_exactly_these_versions(commands, tmp_path, program_version, options):
    made = commands({"dnf --version": (0, f"{program_version}\n"), "rpm -q ": (0, "cri-o\t1.37.1-1.1\n")})
    dnf.Dnf(Layout(str(tmp_path))).install(
        {"cri-o": "1.37.0-1.1", "cri-tools": "1.37.0-1.1", "container-selinux": ""}, downgrade=True
    )
    if "5.2.6" not in program_version:
        assert f"dnf -y{options} install cri-tools-1.37.0-1.1 container-selinux" in made.calls
        assert f"dnf -y{options} downgrade cri-o-1.37.0-1.1" in made.calls
    else:
        assert "dnf -y install cri-tools-1.37.0-1.1 container-selinux" in made.calls


def test_dnf_replaces_the_lock_of_another_version(commands, tmp_path):
    write(tmp_path, "/etc/dnf/plugins/versionlock.list", LIST)
    made = commands()
    dnf.Dnf(Layout(str(tmp_path))).hold(["cri-o", "kernel"])
    assert made.calls == [
        "dnf -q -y -C versionlock delete cri-o",
        "dnf -q -y -C versionlock add cri-o kernel",
    ]


def test_dnf_reads_the_index_with_copies_of_our_files(commands, tmp_path):
    made = commands({"repoquery": (0, "cri-o 1.37.1-1.1\n\ncri-o 1.37.0-1.1\nother 1-1\n")})
    folder = tmp_path / "folder"
    folder.mkdir()
    files = {REPO: f"[cri-node-crio]\ngpgkey=file://{KEY}\n".encode(), KEY: b"key"}
    prepared = dnf.Dnf(Layout(str(tmp_path))).prepare(str(folder), files, ["cri-o", "cri-tools"])
    assert prepared.available == {"cri-o": ["1.37.1-1.1", "1.37.0-1.1"]}
    copy = folder / "repositories" / "cri-node-crio.repo"
    assert copy.read_text() == f"[cri-node-crio]\ngpgkey=file://{folder}/key\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert f"--setopt=reposdir={folder}/repositories" in made.calls[0]
    assert "--disableplugin=*" in made.calls[0]


def test_zypper_trusts_only_the_key_of_the_file(commands, tmp_path):
    write(tmp_path, "/etc/zypp/repos.d/cri-node-crio.repo", f"[cri-node-crio]\ngpgkey=file://{KEY}\n")
    made = commands()
    zypper.Zypper(Layout(str(tmp_path))).refresh("/etc/zypp/repos.d/cri-node-crio.repo")
    assert made.calls == [
        f"rpm --import {tmp_path}{KEY}",
        "zypper --non-interactive --no-color refresh --force cri-node-crio",
    ]


def test_zypper_installs_without_its_own_locks(commands, tmp_path):
    write(
        tmp_path,
        "/etc/zypp/locks",
        "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: cri-o\n",
    )
    made = commands({"install": (102, "")})  # done, and the machine should be restarted
    zypper.Zypper(Layout(str(tmp_path))).install({"cri-o": "1.37.0-1.1"}, downgrade=True)
    assert made.calls[0] == "zypper --non-interactive --no-color removelock cri-o"
    assert made.calls[1].endswith("--oldpackage --no-confirm cri-o=1.37.0-1.1")


def test_a_message_has_the_errors_of_the_program_and_no_password(commands, tmp_path):
    commands({"dnf -y": (1, GPG_CHECK_FAILED), "dnf --version": (0, "4.14.0\n")})
    with pytest.raises(PackageError) as error:
        dnf.Dnf(Layout(str(tmp_path))).install({"cri-o": "1.37.0-1.1"}, downgrade=False)
    assert str(error.value) == "the installation failed: Error: GPG check FAILED"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Reading\nW: slow\nE: one\nE: one\nE: two\n", "E: one; E: two"),
        ("Hit:1 x\nW: GPG error: y\n", "W: GPG error: y"),
        ("dpkg: error processing x\nmore\n", "dpkg: error processing x"),
        ("first\nlast\n", "last"),
        ("Error: \n Problem: nothing provides x\n  - y\n", "Error: Problem: nothing provides x - y"),
        ("", ""),
        ("E: http://ops:canary@a/ failed\n", "E: http://***@a/ failed"),
        (
            "dpkg: error processing archive /x/cri-o_1.37.1-1.1_amd64.deb (--unpack):\n"
            " cannot copy extracted data for './usr/libexec/crio/runc' to '/usr/libexec/crio/runc.dpkg-new':"
            " failed to write (No space left on device)\n"
            "Errors were encountered while processing:\r\n /x/cri-o_1.37.1-1.1_amd64.deb\n"
            "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
            "dpkg: error processing archive /x/cri-o_1.37.1-1.1_amd64.deb (--unpack): cannot copy extracted data for"
            " './usr/libexec/crio/runc' to '/usr/libexec/crio/runc.dpkg-new': failed to write (No space left on device);"
            " E: Sub-process /usr/bin/dpkg returned an error code (1)",
        ),
    ],
)
def test_the_words_of_a_program_are_its_errors(output, expected):
    assert manager.words(output, "") == expected
