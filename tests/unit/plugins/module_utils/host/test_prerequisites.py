# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares a host in a temporary folder, puts it back, and fails half-way."""

import json
import os
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils import program
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.host import prerequisites, sysctls
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.plugin_utils.host import desired

OPTIONS = {
    "state": "present",
    "modules": ["overlay", "br-netfilter"],
    "sysctls": {},
    "swap": "keep",
    "cgroup_v2": "required",
    "user_namespaces": True,
    "subordinate_ids": {"user": "containers", "start": 2147483647, "count": 2147483648},
    "commands": {},
    "packages_follow": False,
}
BRIDGE = "proc/sys/net/bridge/bridge-nf-call-iptables"
MODULES_FILE, SYSCTL_FILE = "etc/modules-load.d/60-cri-node.conf", "etc/sysctl.d/60-cri-node.conf"
RECORD = "var/lib/cri-node/prerequisites.json"


class Host:
    """A host below a folder, whose programs do what the real ones do to its files."""

    def __init__(self, root):
        self.root, self.layout = root, Layout(str(root))
        self.broken = None  # the first words of a command that fails
        self.calls = []
        self.masked = set()
        self.units = {}
        files = {
            "proc/modules": "loop 32768 0 - Live 0x0\n",
            "proc/filesystems": "nodev\toverlay\n",
            "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
            "proc/swaps": "Filename Type Size Used Priority\n",
            "proc/meminfo": "MemAvailable: 1000 kB\n",
            "proc/sys/net/ipv4/ip_forward": "0\n",
            "etc/os-release": 'ID=ubuntu\nID_LIKE="debian"\n',
            "etc/subuid": "ops:100000:65536\n",
            "etc/subgid": "ops:100000:65536",
        }
        for path, text in files.items():
            self.write(path, text)
        for folder in ("etc/modules-load.d", "etc/sysctl.d", "usr/lib/sysctl.d"):
            (root / folder).mkdir(parents=True)
        for name in "mount losetup cp ip nft nsenter conntrack ethtool socat tc".split():
            self.write(f"usr/sbin/{name}", "")
            os.chmod(root / "usr/sbin" / name, 0o755)

    def write(self, path, text):
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def read(self, path):
        place = self.root / path
        return place.read_text() if place.exists() else None

    def run(self, arguments, *_more, **_further):
        words = " ".join(arguments)
        if self.broken and words.startswith(self.broken):
            return 1, "", f"{arguments[0]}: no luck"
        if "--dry-run" not in words:
            self.calls.append(words)
        modules = self.read("proc/modules")
        if words == "modprobe br_netfilter":
            self.write("proc/modules", f"{modules}br_netfilter 1 0 - Live 0x0\n")
            for name in ("iptables", "ip6tables"):
                self.write(f"proc/sys/net/bridge/bridge-nf-call-{name}", "1\n")
        elif words == "rmmod br_netfilter":
            self.write("proc/modules", modules.replace("br_netfilter 1 0 - Live 0x0\n", ""))
            for name in ("iptables", "ip6tables"):
                (self.root / f"proc/sys/net/bridge/bridge-nf-call-{name}").unlink()
            (self.root / "proc/sys/net/bridge").rmdir()
        elif words.startswith("systemctl list-unit-files"):
            return 0, "".join(f"{unit} {state} -\n" for unit, state in self.units.items()), ""
        elif words.startswith("systemctl mask"):
            self.units.update(dict.fromkeys(arguments[2:], "masked"))
        elif words.startswith("systemctl unmask"):
            self.units.update(dict.fromkeys(arguments[2:], "generated"))
        elif words.startswith("swapoff"):
            self.write("proc/swaps", "Filename Type Size Used Priority\n")
        elif words.startswith("swapon"):
            self.write(
                "proc/swaps", f"Filename Type Size Used Priority\n{arguments[1]} partition 999 10 -2\n"
            )
        return 0, "", ""

    def prepare(self, check=False, **options):
        request = desired.request({**OPTIONS, **options})
        return prerequisites.prepare(request, check, self.layout)

    def refused(self, **options):
        before = self.everything()
        with pytest.raises(NodeError) as caught:
            self.prepare(**options)
        assert self.everything() == before
        return str(caught.value)

    def everything(self):
        return {
            str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mode)
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = Host(tmp_path)
    monkeypatch.setattr(program, "run", made.run)
    return made


def test_a_bare_host_gets_all_that_it_lacks(host):
    result = host.prepare()
    assert result["changed"] is True
    assert host.read(MODULES_FILE).splitlines()[1:] == ["br_netfilter"]  # overlay is built in
    assert host.read(SYSCTL_FILE).splitlines()[1:] == [
        "net.ipv4.ip_forward = 1",
        "net.bridge.bridge-nf-call-iptables = 1",
        "net.bridge.bridge-nf-call-ip6tables = 1",
    ]
    assert host.read("proc/sys/net/ipv4/ip_forward") == "1\n"
    assert host.read("etc/subuid") == "ops:100000:65536\ncontainers:2147483647:2147483648\n"
    assert host.read("etc/subgid") == "ops:100000:65536\ncontainers:2147483647:2147483648\n"
    assert result["prerequisites"]["sysctls"]["net.ipv4.ip_forward"] == {
        "wanted": {"live": "1", "at_boot": "1"},
        "found": {"live": "0", "at_boot": None, "file": None},
        "changed": True,
    }
    assert result["prerequisites"]["modules"]["overlay"]["changed"] is False
    assert result["packages"] == []
    assert json.loads(host.read(RECORD))["format"] == 1


def test_a_second_run_changes_nothing(host):
    host.prepare(swap="disable")
    before, calls = host.everything(), len(host.calls)
    result = host.prepare(swap="disable")
    assert (result["changed"], result["files"]) == (False, {})
    assert not any(item["changed"] for items in result["prerequisites"].values() for item in items.values())
    assert host.everything() == before
    assert [call for call in host.calls[calls:] if "list-unit-files" not in call] == []


def test_check_mode_predicts_the_run_and_touches_nothing(host):
    host.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 999 10 -2\n")
    host.units = {"dev-sda2.swap": "generated"}
    before = host.everything()
    predicted = host.prepare(check=True, swap="disable")
    assert host.everything() == before
    assert predicted == host.prepare(swap="disable")


def test_absent_puts_everything_back(host):
    host.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 999 10 -2\n")
    host.units = {"dev-sda2.swap": "generated"}
    before = host.everything()
    host.prepare(swap="disable", sysctls={"net.ipv4.ip_forward": 1})
    assert host.units == {"dev-sda2.swap": "masked"}
    assert "/dev/sda2" not in host.read("proc/swaps")
    host.prepare(state="absent")
    assert host.units == {"dev-sda2.swap": "generated"}
    assert host.everything() == before
    assert host.prepare(state="absent")["changed"] is False


@pytest.mark.parametrize("broken", ["modprobe br_netfilter", "swapoff", "systemctl mask"])
def test_a_failure_half_way_is_undone(host, broken):
    host.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 999 10 -2\n")
    host.units = {"dev-sda2.swap": "generated"}
    host.broken = broken
    message = host.refused(swap="disable")
    assert broken.split()[0] in message
    assert "no luck" in message
    assert message.endswith("The change was undone: the node is as it was.")
    assert host.units == {"dev-sda2.swap": "generated"}


def test_a_run_that_was_killed_is_continued_and_can_be_put_back(host, monkeypatch):
    before = host.everything()

    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sysctls, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            host.prepare(user_namespaces=False)
    assert host.read(MODULES_FILE)
    host.prepare(state="absent")
    assert host.everything() == before


def test_a_module_in_use_stays_loaded(host):
    host.prepare()
    host.write("proc/modules", host.read("proc/modules").replace("br_netfilter 1 0", "br_netfilter 1 2"))
    result = host.prepare(state="absent")
    assert result["notes"] == ["the kernel module br_netfilter stays loaded, because it is in use"]
    assert "br_netfilter" in host.read("proc/modules")


def test_a_value_that_somebody_changed_since_is_kept(host):
    host.prepare(sysctls={"kernel.x": None})
    host.write("proc/sys/net/ipv4/ip_forward", "2\n")
    host.prepare(state="absent")
    assert host.read("proc/sys/net/ipv4/ip_forward") == "2\n"


def test_what_other_files_set_is_not_written_again(host):
    host.write("etc/modules-load.d/k8s.conf", "# ours\nbr-netfilter\n")
    host.write("etc/sysctl.conf", "net/ipv4/ip_forward=1\n")
    os.symlink("../sysctl.conf", host.root / "etc/sysctl.d/99-sysctl.conf")
    host.write("usr/lib/sysctl.d/50-a.conf", "net.bridge.bridge-nf-call-* = 1\n")
    host.prepare()
    assert host.read(MODULES_FILE) is None
    assert host.read(SYSCTL_FILE) is None
    assert host.read("proc/sys/net/ipv4/ip_forward") == "1\n"


def test_a_later_file_that_would_override_ours_is_refused(host):
    host.write("usr/lib/sysctl.d/90-hardening.conf", "net.ipv4.ip_forward = 0\n")
    message = host.refused()
    assert "net.ipv4.ip_forward = 1: /usr/lib/sysctl.d/90-hardening.conf sets it to 0 at boot" in message
    assert message.endswith("Nothing was changed")


def test_our_file_wins_over_patterns_and_earlier_and_masked_files(host):
    host.write("usr/lib/sysctl.d/10-a.conf", "net.ipv4.ip_forward = 0\n")
    host.write("usr/lib/sysctl.d/99-b.conf", "net.ipv4.* = 0\n")
    host.write("usr/lib/sysctl.d/98-c.conf", "net.ipv4.ip_forward = 0\n")
    os.symlink("/dev/null", host.root / "etc/sysctl.d/98-c.conf")
    host.prepare()
    assert "net.ipv4.ip_forward = 1\n" in host.read(SYSCTL_FILE)


def test_a_parameter_that_the_kernel_does_not_have_is_refused(host):
    host.prepare()
    assert "this kernel has no such parameter" in host.refused(sysctls={"kernel.not_there": 1})


def test_a_file_of_our_name_that_somebody_else_wrote_is_refused(host):
    host.write(SYSCTL_FILE, "net.ipv4.ip_forward = 0\n")
    assert "/etc/sysctl.d/60-cri-node.conf was not written by cri.node" in host.refused()


def test_a_range_that_overlaps_another_is_refused(host):
    ids = {"user": "containers", "start": 160000, "count": 65536}
    message = host.refused(subordinate_ids=ids)
    assert "160000:65536 overlaps ops:100000:65536 in /etc/subuid" in message


def test_a_user_who_has_a_range_keeps_it(host):
    for path in ("etc/subuid", "etc/subgid"):
        host.write(path, "containers:200000:65536\n")
    host.prepare()
    assert host.read("etc/subuid") == "containers:200000:65536\n"


def test_a_module_that_cannot_be_loaded_is_refused(host):
    host.broken = "modprobe --dry-run"
    message = host.refused()
    assert "modules: br_netfilter: cannot be loaded into kernel" in message


def test_swap_that_does_not_fit_into_memory_is_refused(host):
    host.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 9999 2000 -2\n")
    assert "swap: disable: 1 MiB are in swap, but only 0 MiB of memory" in host.refused(swap="disable")


@pytest.mark.parametrize("severity", ["required", "recommended", "ignored"])
def test_control_groups_of_version_1_are_judged_by_their_severity(host, severity):
    host.write("proc/mounts", "tmpfs /sys/fs/cgroup tmpfs ro 0 0\n")
    (host.root / "sys/fs/cgroup/memory").mkdir(parents=True)
    if severity == "required":
        assert "control groups of version 1" in host.refused()
    else:
        assert len(host.prepare(cgroup_v2=severity)["notes"]) == (severity == "recommended")


def test_missing_commands_are_judged_and_their_packages_named(host):
    for name in ("losetup", "conntrack", "nft"):
        (host.root / "usr/sbin" / name).unlink()
    assert "losetup was not found" in host.refused()
    result = host.prepare(packages_follow=True)
    assert result["packages"] == ["mount", "iptables", "conntrack"]
    assert result["notes"] == []
    host.write("etc/os-release", "ID=other\n")
    assert "commands: losetup was not found" in host.refused(packages_follow=True)
    assert "iptables or nft was not found" in host.prepare(commands={"losetup": "ignored"})["notes"][0]


def test_a_damaged_record_is_set_aside_and_reported(host):
    host.prepare()
    host.write(RECORD, "{")
    predicted = host.prepare(check=True)
    assert "is not JSON" in predicted["notes"][0]
    assert host.prepare() == predicted
    assert host.read(f"{RECORD}.damaged") == "{"
    assert host.prepare()["changed"] is False


def test_a_record_of_another_version_is_refused(host):
    host.write(RECORD, '{"format": 9}')
    assert "has format 9" in host.refused()


def test_links_are_not_followed(host):
    os.symlink("/etc/shadow", host.root / SYSCTL_FILE)
    Path(host.root / "etc/shadow").write_text("")
    assert "is a symbolic link" in host.refused()
