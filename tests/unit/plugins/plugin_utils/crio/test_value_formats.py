# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.value_formats import (
    FORMATS,
    without_metric_prefix,
)

MAPPINGS = "CRI-O does not start with it, or silently ignores it if only users or only groups have mappings"
ACCEPTED = {
    "absolute_path": ["/etc/crio/policies", "/" + "x" * 255],
    "address": [
        "",
        "127.0.0.1",
        "0.0.0.0",
        "::",
        "::1",
        "fe80::1",
        "1:2:3:4:5:6:7:8",
        "::ffff:10.0.0.1",
        "1::8",
        "1:2:3:4:5:6:7::",
    ],
    "assignment": ["A=b", "A=", "A=b=c"],
    "capability": ["CHOWN", "net_raw", "Checkpoint_Restore"],
    "cpu_period": [0, 1000],
    "cpuset": ["", "0", "0-3,8", "2-2", "+1-+3"],
    "create_timeout": [0, 30, 240],
    "device": [
        "",
        "/dev/fuse",
        "/dev/a:/dev/b",
        "/dev/a:/dev/b:rwm",
        "/dev/a:r",
        "/dev/a::mr",
        "dev/a:/dev/b",
        "/dev/a:",
    ],
    "directory": ["/var/run", "relative"],
    "duration": ["", "4h", "0s"],
    "file": ["", "/run/crio/version", "version"],
    "id_mappings": [
        "",
        "0:100000:65536",
        "0:1:2,3:4:5",
        "0:1:2:3:4:5",
        "0:0:4294967295",
        ",0:1:2,",
        "00:1:2",
    ],
    "image_reference": [
        "pause",
        "registry.k8s.io/pause:3.10.1",
        "a/b",
        "localhost:5000/a:b",
        "a@sha256:" + "0" * 64,
    ],
    "listen": ["/run/crio.sock", "relative.sock", "/" + "x" * 106],
    "log_size": [-1, 8192],
    "monitor_cgroup": ["", "pod", "system.slice"],
    "not_negative": ["0s", "5s", "-0s"],
    "pattern": ["", "^error|warn", "(?P<level>a)"],
    "pinned_image": ["", "pause", "pause*", "*pause*", "**"],
    "port": ["", "0", "10010", "65535", "http", "+80", "0080", "-0", "3gpp-x"],
    "program": ["", "/usr/bin/conmon"],
    "size": [
        "",
        "12MiB",
        "500KiB",
        "1048576",
        "1.5g",
        "10 MB",
        "5b",
        "12M",
        "1e3",
        "+1",
        ".5g",
        "1.",
        "8191PiB",
        "12mib",
        "1_0",
        "0x1p4",
        "-0",
        "12 ",
        "1e3k",
    ],
    "socket": ["", "/run/nri.sock", "/" + "x" * 106],
    "storage_option": ["overlay.mountopt=nodev", "a=", "a=b=c"],
    "sysctl": ["", "net.ipv4.ping_group_range=0 2147483647", "a=", "a=\x1cb"],
    "timezone": [
        "",
        "Local",
        "LOCAL",
        "UTC",
        "Europe/Berlin",
        "America/Argentina/Ushuaia",
        "Etc/GMT+2",
        "EST5EDT",
        "GMT+0",
    ],
    "ulimit": [
        "nofile=1024:2048",
        "nproc=-1",
        "core=0:-1",
        "nofile=5",
        "nofile=+1:+2",
        "core=9223372036854775807",
        "cpu=-2",
    ],
}
REFUSED = {
    "absolute_path": ["", "policies", "/" + "x" * 256, "/x" * 2048],
    "address": [
        "localhost",
        "127.1",
        "01.2.3.4",
        "256.0.0.1",
        "[::1]",
        "::1%lo",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":::",
        "1:2",
        "g::",
        "::1.2.3",
        "1:2:3:4:5:6:7:8::",
    ],
    "assignment": ["A", "=b", ""],
    "capability": ["CAP_CHOWN", "cap_chown", "NET RAW", "", "ALL", "BOGUS", " CHOWN"],
    "cpu_period": [1, 999, -1],
    "cpuset": ["a", "3-1", "0,", "0-", "-1"],
    "create_timeout": [1, 29, -1],
    "device": [
        "null",
        "/dev/a:rr",
        "/dev/a:/dev/b:",
        "/dev/a:/dev/b:q",
        "/dev/a:dev",
        "/dev/a:/tmp/x",
        "/tmp/x",
        "a:b:c:d",
        ":/dev/a",
        "/dev/a:rwmr",
    ],
    "directory": ["", "x" * 256],
    "duration": ["4", "4d"],
    "file": ["/", "//", "/" + "x" * 256],
    "id_mappings": [
        "0:1",
        "0:1:2:3",
        "a:b:c",
        "-1:0:1",
        "4294967296:0:1",
        " 0:1:2",
        "+0:1:2",
        "::",
        "0:1:2;3:4:5",
        "0:1:" + "2" * 5000,
    ],
    "image_reference": [
        "",
        "docker://a/b",
        "A",
        "a:",
        "a b",
        "0" * 64,
        "a@sha256:abc",
        "a@md5:" + "0" * 32,
        "a@sha256:" + "F" * 64,
        "a@sha512:" + "0" * 64,
    ],
    "listen": ["", "/" + "x" * 107, "/" + "\u00e9" * 60],
    "log_size": [0, 8191],
    "monitor_cgroup": ["system", "pods"],
    "not_negative": ["-5s"],
    "pattern": ["(", "a**", "(?=a)", "\\1", "a{1001}"],
    "pinned_image": ["*"],
    "port": ["65536", "-1", "8 0", "/", "80/tcp", "http#", "9" * 5000, "\u0661", " 80"],
    "program": ["conmon", "./conmon", "/" + "x" * 256],
    "size": [
        "big",
        "12MiBs",
        "-1",
        "1xb",
        "500Mi",
        "500ki",
        "1Gi",
        "2Ti",
        "1Pi",
        "5ib",
        "5bb",
        "1__0",
        "0x10",
        "5\n",
        "1" * 5000,
        " 5",
        "nan",
        "8192PiB",
        "9223372036854775808",
    ],
    "socket": ["/" + "x" * 107],
    "storage_option": ["bogus", "", "=", " =a"],
    "sysctl": ["a", "a = b", " a=b", "a= b", "a=b ", "=b", "a=b\u00a0"],
    "timezone": [
        "GMT+2",
        "PST",
        "Berlin",
        "europe/berlin",
        "../UTC",
        "/UTC",
        "Europe",
        "Europe/../x",
        "+02:00",
        "Mars/Base",
    ],
    "ulimit": [
        "nofile",
        "nofiles=1",
        "nofile=a",
        "nofile=2:1",
        "nofile=-1:5",
        "nofile=1:2:3",
        "nofile=",
        "nofile=1:",
        "nofile=9223372036854775808",
        "core=1:9223372036854775808",
        "nofile=1_0",
        "nofile=" + "9" * 5000,
    ],
}


def rows(table):
    return [pytest.param(name, value, id=f"{name} {value!r}") for name in table for value in table[name]]


def test_every_format_is_tried():
    assert set(ACCEPTED) == set(REFUSED) == set(FORMATS)


@pytest.mark.parametrize(("name", "value"), rows(ACCEPTED))
def test_what_crio_accepts_passes(name, value):
    assert FORMATS[name].check(value) is None


@pytest.mark.parametrize(("name", "value"), rows(REFUSED))
def test_what_crio_refuses_or_changes_is_told(name, value):
    assert FORMATS[name].check(value)


@pytest.mark.parametrize(
    "name", ["operations_total", "crio_operations_total", "container_runtime_crio_operations_total"]
)
def test_a_collector_is_the_same_with_each_prefix(name):
    assert without_metric_prefix(name) == "operations_total"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "size",
            "500Mi",
            "has half a unit, so CRI-O logs an error and uses the default instead: write 500MiB",
        ),
        ("size", "nothing", "is not a size, so CRI-O logs an error and uses the default instead"),
        ("size", "9000PiB", "is more bytes than 64 bits can count, and CRI-O silently uses another number"),
        ("device", "null", "would be at null in a container, but CRI-O only starts with devices below /dev/"),
        ("device", "/dev/a:rr", "has the permissions 'rr', and CRI-O does not start with them"),
        ("device", "a:b:c:d", "has more than three parts, and CRI-O does not start with it"),
        ("device", ":/dev/a", "has no path on the node, and CRI-O does not start with it"),
        ("capability", "ALL", "is not a single capability, and CRI-O does not start with it"),
        ("capability", "BOGUS", "is not the name of a capability, and CRI-O does not start with it"),
        ("id_mappings", "0:1", f"has a mapping without three numbers, and {MAPPINGS}"),
        ("id_mappings", "0:1:x", f"has a number that is not one from 0 to 4294967295, and {MAPPINGS}"),
        (
            "image_reference",
            "docker://a/b",
            "is not the name of an image, and CRI-O does not start with it: invalid reference format",
        ),
        (
            "image_reference",
            "0" * 64,
            "is not the name of an image, and CRI-O does not start with it: it is the ID of an image",
        ),
        ("listen", "", "is empty, and CRI-O does not start without a socket"),
        ("socket", "/" + "x" * 200, "is longer than the path of a socket can be"),
        ("file", "/", "is the root directory, where CRI-O would have to write a file, and it does not start"),
        ("directory", "", "is empty, but CRI-O has to create this directory and does not start"),
        ("directory", "x" * 256, "is longer than a path can be"),
        ("address", "localhost", "is not an IP address: CRI-O silently listens on all addresses instead"),
        (
            "pattern",
            "(",
            "is not a regular expression that Go compiles, and CRI-O does not start with it: missing closing )",
        ),
        ("pinned_image", "*", 'is "*" alone, with which CRI-O crashes at its start'),
        ("program", "conmon", "is not an absolute path, and CRI-O does not start with it"),
        ("port", "-1", "is not a port, and CRI-O does not start with it"),
        ("storage_option", "bogus", "is not NAME=value, and CRI-O does not start with it"),
        ("storage_option", "=a", "has no name, and CRI-O does not start with it"),
        ("sysctl", "=a", "has no name, so that CRI-O silently skips it in every pod"),
        ("timezone", "GMT+2", "is not the name of a time zone, and CRI-O does not start with it"),
        ("ulimit", "core=9223372036854775808", "has a limit that does not fit in 64 bits"),
    ],
)
def test_a_reason_says_what_is_wrong_and_what_crio_does(name, value, sentence):
    assert FORMATS[name].check(value) == sentence
