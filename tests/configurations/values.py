# SPDX-License-Identifier: GPL-3.0-or-later
"""Values for the keys of crio.conf: good ones, nearly good ones, other types, and those at the edge of what is accepted."""

from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version
from configurations.crio import PROGRAMS

_BIG = 2**63
# For every key of a type, whatever it means: text that numbers, paths and names are mistaken for, and other types.
_OF_TYPE: dict[str, list[Any]] = {
    "boolean": [True, False, "true", "False", "yes", 1, "", ["true"], {"a": True}],
    "integer": [
        0,
        1,
        -1,
        29,
        30,
        8191,
        8192,
        65535,
        65536,
        _BIG - 1,
        -_BIG,
        _BIG,
        10**19,
        "5",
        "5x",
        1.5,
        True,
        [1],
        {"a": 1},
    ],
    "duration": [
        "0s",
        "5s",
        "1h30m",
        "-1s",
        "5",
        "",
        "5 s",
        "1d",
        "2562047h",
        "2562048h",
        5,
        True,
        ["5s"],
        "\u00b5s",
        "1\u00b5s",
    ],
    "string": [
        "",
        "x",
        "/",
        "/nonexistent/cri-node",
        "relative/path",
        " ",
        "a b",
        "\u00e9",
        "\0",
        "/a\0b",
        5,
        -1,
        1.5,
        True,
        ["x"],
        {"a": "b"},
    ],
    "strings": [
        [],
        [""],
        ["x"],
        ["/nonexistent/cri-node"],
        ["relative/path"],
        ["a", "a"],
        [" "],
        ["a=b"],
        ["\0"],
        "x",
        [5],
        [True],
        [["x"]],
        {"a": "b"},
    ],
    "table": [
        {},
        {"a": "b"},
        {"": ""},
        {"a": 5},
        {"a": True},
        {"linux/amd64": f"{PROGRAMS}/crun"},
        "x",
        ["x"],
        {"a": {"b": "c"}},
    ],
}
_OF_FORMAT: dict[str, list[Any]] = {
    "capability": [
        *r"""
            CHOWN chown Net_Raw ALL all CAP_CHOWN cap_chown CAP_ALL BOGUS NONE CHECKPOINT_RESTORE BPF PERFMON NET_RAW,KILL
        """.split(),
        *(
            "NET RAW",
            " CHOWN",
            "K\u0131LL",
        ),
    ],
    "cpuset": [
        *r"""
            0 0-1 0,0 +0 0-+1 -0 0- , 0, 1-0 a 00 0-1-2 0x1
        """.split(),
        *("0 ",),
    ],
    "ulimit": [
        *r"""
            nofile=1024:2048 nofile=1024 nofile=-1 nofile=-1:-1 nofile=5:-1 nofile=-1:5 nofile=2:1 nofile=-2:-1
            nofile=+1:+2 nofile=01:002 nofile=1:2:3 nofile= nofile=: nofile=1: nofile=:1 nofile =1 as=1 NOFILE=1
            nofile=1_0 nofile=0x10 nofile=1.5 nofile=9223372036854775807 nofile=9223372036854775808
            nofile=-9223372036854775808 nofile=-9223372036854775809 core=1:9223372036854775808 nofile=1=2 rlimit_nofile=1
            nofile=unlimited nofile=000000000000000000000000000000000000000000000000005
        """.split(),
        *(
            "nofile =1",
            "nofile= 1",
        ),
    ],
    "sysctl": [
        *r"""
            net.a=1 a=b=c a= =a = a
        """.split(),
        *(
            "a =b",
            "a= b",
            " a=b",
            "a=b ",
            "a=\xa0b",
            "a=b\x1c",
            "a=b\x85",
            "a=1\t",
            "a=b c",
            "a\tb=c",
        ),
    ],
    "size": [
        *r"""
            1 0 12MiB 12mib 500Mi 500Ki 1Gi 1Ti 1Pi 12Mb 12M 12m 1.5g 1. .5g . 12E 12EiB 12kib 12kibs 12b 12bb 12ib 12B
            1e3 1e3k 1E+2 -1 -0 +1 1_000 0x10 0x1p4 inf nan NaN 1e400 9223372036854775807 9223372036854775808 9000PiB MiB
        """.split(),
        *(
            "12 MiB",
            "12  MiB",
            " 12",
            "12 ",
            "12 M",
            "1 2",
            "12MiB ",
            "\u0661",
        ),
    ],
    "port": [
        *r"""
            0 80 65535 65536 -1 -0 +80 080 http https nope 1e3 0x50 99999999999999999999 80/tcp http#
        """.split(),
        *(
            "",
            " 80",
            "80 ",
            "8 0",
            "\u0661",
        ),
    ],
    "id_mappings": [
        *r"""
            0:1:2 0:1 0:1:2:3 0:1:2:3:4:5 0:1:2,3:4:5 a:b:c -1:0:1 4294967295:0:1 4294967296:0:1 , 0:1:2, +0:1:2 0:1:0 ::
            0:1:2;3:4:5
        """.split(),
        *(
            " 0:1:2",
            "0:1: 2",
        ),
    ],
    "device": [
        *r"""
            /dev/null /dev/null:/dev/x /dev/null:/dev/x:rwm /dev/null:rwm /dev/null:r /dev/null:rr /dev/null:/dev/x:
            /dev/null:/dev/x:q /dev/null::r /dev/null: /dev/null:: null null:/dev/null :/dev/null : /dev/null:dev
            /dev/null:/tmp/x /dev/null:/dev/x:rwm:x /tmp/x /dev /dev/ /dev/null:/dev/ /dev/null:/dev dev/null:/dev/null
            /dev/null:/dev/x:mrw /dev/null:rwmx
        """.split(),
        *("",),
    ],
    "timezone": [
        *r"""
            Local local LOCAL UTC utc Europe/Berlin America/Argentina/Ushuaia Europe/Nowhere GMT+2 GMT+0 Etc/GMT+2 CET
            EST5EDT PST8PDT PST Berlin Z UTC+1 +02:00 ../UTC /usr/share/zoneinfo/UTC Europe//Berlin europe/berlin Europe
            Factory posix/UTC right/UTC Asia/Ho_Chi_Minh leapseconds tzdata.zi
        """.split(),
    ],
    "storage_option": [
        *r"""
            bogus = a=b overlay.mountopt=nodev overlay.bogus=1 overlay.size=10Gi overlay.size=10GiB overlay2.size=1G
            .size=1G size=1G overlay.inodes=5 overlay.inodes=-5 overlay.use_composefs=maybe overlay.use_composefs=true
            overlay.ignore_chown_errors=T overlay.force_mask=shared overlay.force_mask=999 overlay.force_mask=755
            vfs.mountopt=x vfs.ignore_chown_errors=yes vfs.ignore_chown_errors=true vfs.imagestore=/x
            overlay.imagestore=relative overlay.additionallayerstore=relative Overlay.MountOpt=nodev btrfs.min_space=1G
            zfs.fsname=x overlay.mount_program=
        """.split(),
        *(
            "",
            " overlay.mountopt = nodev",
        ),
    ],
    "image_reference": [
        *r"""
            registry.k8s.io/pause:3.10.1 pause pause:1 a/b docker.io/a a.b/c localhost/a localhost:5000/a:b docker://a/b
            http://a/b A a/B A/b A.b/c a:B a: :a a@b a//b /a a/ a__b a___b a..b a.-b -a a- a_b a--b a@sha256:abc a:-b a:.b
            index.docker.io/a a:b@c [::1]/a [::1]:5000/a [fe80::1%eth0]/a a.b:x/c a.b:/c a.b:99999/c
            a@md5:00000000000000000000000000000000
        """.split(),
        *(
            "a@sha256:" + "0" * 64,
            "a:b@sha256:" + "f" * 64,
            "a@sha256:" + "F" * 64,
            "a@sha512:" + "0" * 128,
            "a@sha512:" + "0" * 64,
            "0" * 64,
            "0" * 63,
            "a" * 255,
            "a" * 256,
            "a.b/" + "a" * 255,
            "a.b/" + "a" * 256,
            "docker.io/" + "a" * 247,
            "docker.io/" + "a" * 248,
            "a:" + "t" * 128,
            "a:" + "t" * 129,
            "a b",
            " a",
            "a\n",
            "\xe9",
            "a" * 300 + ".io/x",
            "\u0130/x",
            "a/b:\xe9",
        ),
    ],
    "cipher_suite": [
        *r"""
            TLS_AES_128_GCM_SHA256 TLS_RSA_WITH_RC4_128_SHA TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305 BOGUS
            tls_aes_128_gcm_sha256 TLS_FALLBACK_SCSV TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
        """.split(),
        *("",),
    ],
    "monitor_cgroup": [
        *r"""
            pod system.slice crio.slice .slice crio pods crio.service
        """.split(),
        *(
            "",
            "a.slice ",
        ),
    ],
    "duration": [
        *r"""
            5s 5 -5s 1h1m1s 1.5h .s 1_0s x +5s 1e3s
        """.split(),
        *(
            "",
            "5 s",
        ),
    ],
    "absolute_path": [
        *r"""
            /tmp // /../x tmp ./tmp ~ ~/x \x
        """.split(),
    ],
    "address": [
        *r"""
            127.0.0.1 0.0.0.0 :: ::1 [::1] localhost 127.1 01.2.3.4 256.0.0.1 127.0.0.1:5 ::ffff:1.2.3.4 fe80::1%lo
            1.2.3.4/8
        """.split(),
        *(" 127.0.0.1",),
    ],
    "socket": [
        *r"""
            /run/x.sock x.sock @x /run/a/b/c/x /run/
        """.split(),
        *(
            "/run/" + "x" * 102,
            "/run/" + "x" * 103,
        ),
    ],
}
# Values for single keys, by the end of the key; they are added to those of its type and of its format.
_OF_KEY: dict[str, list[Any]] = {
    "additional_devices": [[each] for each in _OF_FORMAT["device"]],
    "cgroup_manager": ["systemd", "cgroupfs", "SYSTEMD", "cgroup"],
    "conmon": ["conmon", f"{PROGRAMS}/conmon", "./conmon"],
    "conmon_cgroup": _OF_FORMAT["monitor_cgroup"],
    "container_min_memory": _OF_FORMAT["size"],
    "cpuset": _OF_FORMAT["cpuset"],
    "default_capabilities": [[each] for each in _OF_FORMAT["capability"]],
    "default_runtime": ["crun", "runc"],
    "default_sysctls": [[each] for each in _OF_FORMAT["sysctl"]],
    "default_ulimits": [[each] for each in _OF_FORMAT["ulimit"]],
    "gid_mappings": _OF_FORMAT["id_mappings"],
    "infra_ctr_cpuset": _OF_FORMAT["cpuset"],
    "listen": _OF_FORMAT["socket"],
    "log_level": ["INFO", "Warning", "warn", "notice", "trace", " info"],
    "metrics_socket": _OF_FORMAT["socket"],
    "monitor_cgroup": _OF_FORMAT["monitor_cgroup"],
    "monitor_path": ["conmon", f"{PROGRAMS}/conmon"],
    "nri_listen": _OF_FORMAT["socket"],
    "pause_image": _OF_FORMAT["image_reference"],
    "pinned_images": [["*"], ["a*"], ["*a*"], ["["], ["(*"], ["\\"]],
    "pinns_path": ["pinns", f"{PROGRAMS}/pinns"],
    "plugin_dirs": [["/tmp/a", ""]],
    "runtime_path": ["crun", f"{PROGRAMS}/crun", "./crun"],
    "shared_cpuset": _OF_FORMAT["cpuset"],
    "storage_driver": ["vfs", "overlay", "overlay2", "btrfs", "zfs", "aufs", "devicemapper", "VFS", "bogus"],
    "storage_option": [[each] for each in _OF_FORMAT["storage_option"]],
    "stream_address": _OF_FORMAT["address"],
    "stream_idle_timeout": _OF_FORMAT["duration"],
    "stream_port": _OF_FORMAT["port"],
    "timezone": _OF_FORMAT["timezone"],
    "tls_cipher_suites": [[each] for each in _OF_FORMAT["cipher_suite"]],
    "tls_min_version": ["VersionTLS10", "VersionTLS11", "TLS12", "versiontls12"],
    "tracing_endpoint": ["127.0.0.1:4317", "x", "http://x", "%zz", ":::"],
    "uid_mappings": _OF_FORMAT["id_mappings"],
}
_GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "duration": ["0s", "5s", "1h30m"],
    "table": [{}, {"a": "b"}],
}


def of(key: Key, version: Version) -> list[Any]:
    """Return the values to try for a key."""
    choices = key.choices_in(version) or []
    near = [each for choice in choices[:3] for each in (choice, choice.upper(), f"{choice}x", f" {choice}")]
    limits = [
        each
        for limit in (key.minimum, key.maximum)
        if limit is not None
        for each in (limit - 1, limit, limit + 1)
    ]
    named = _OF_KEY.get(key.key.rpartition(".")[2], [])
    listed = [[each] for each in near] if key.type == "strings" else near
    format_ = _OF_FORMAT.get(key.format or "", [])
    more = [[each] for each in format_] if key.type == "strings" else format_
    return _different(
        [*_OF_TYPE[key.type], *listed, *limits, *named, *([] if key.type == "integer" else more)]
    )


def good(key: Key) -> list[Any]:
    """Return values with which a sandbox's CRI-O starts, so that another key of the same file decides: the default, mostly."""
    if key.type in _GOOD:
        return _GOOD[key.type]
    default = key.default_in(Version(1, 37))
    return (
        [default]
        if default is not None
        else [[] if key.type == "strings" else 0 if key.type == "integer" else ""]
    )


def _different(values: list[Any]) -> list[Any]:
    seen: dict[str, Any] = {repr(value): value for value in values}
    return list(seen.values())


def _runtime(**keys: Any) -> dict[str, Any]:
    return {"crio": {"runtime": keys}}


def _handler(name: str = "crun", **keys: Any) -> dict[str, Any]:
    return {"runtimes": {name: {"runtime_path": f"{PROGRAMS}/crun", **keys}}}


def _workload(**keys: Any) -> dict[str, Any]:
    return _runtime(workloads={"w": {"activation_annotation": "io.example", **keys}})


def _api(**keys: Any) -> dict[str, Any]:
    return {"crio": {"api": keys}}


# Keys that decide together.
TOGETHER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cgroupfs, its own slice", _runtime(cgroup_manager="cgroupfs", **_handler(monitor_cgroup="crio.slice"))),
    (
        "cgroupfs, the default slice",
        _runtime(cgroup_manager="cgroupfs", **_handler(monitor_cgroup="system.slice")),
    ),
    ("cgroupfs, the pod", _runtime(cgroup_manager="cgroupfs", **_handler(monitor_cgroup="pod"))),
    ("cgroupfs, conmon_cgroup", _runtime(cgroup_manager="cgroupfs", conmon_cgroup="crio.slice")),
    (
        "cgroupfs, conmon_cgroup of the pod over a slice",
        _runtime(cgroup_manager="cgroupfs", conmon_cgroup="pod", **_handler(monitor_cgroup="crio.slice")),
    ),
    ("systemd, a slice", _runtime(cgroup_manager="systemd", **_handler(monitor_cgroup="crio.slice"))),
    (
        "cgroupfs, a slice of a vm handler",
        _runtime(
            cgroup_manager="cgroupfs",
            **_handler(
                "kata",
                runtime_type="vm",
                runtime_path=f"{PROGRAMS}/containerd-shim-x",
                monitor_cgroup="crio.slice",
            ),
        ),
    ),
    (
        "cgroupfs, a slice of an inheriting handler",
        _runtime(
            cgroup_manager="cgroupfs",
            **_handler("other", inherit_default_runtime=True, monitor_cgroup="crio.slice"),
        ),
    ),
    (
        "a relative monitor and conmon",
        _runtime(conmon=f"{PROGRAMS}/conmon", **_handler(monitor_path="conmon")),
    ),
    ("a relative monitor of another handler", _runtime(**_handler("other", monitor_path="conmon"))),
    (
        "a relative monitor of a handler that inherits",
        _runtime(**_handler("other", monitor_path="conmon", inherit_default_runtime=True)),
    ),
    ("a relative runtime of another handler", _runtime(**_handler("other", runtime_path="crun"))),
    (
        "a relative runtime of a handler that inherits",
        _runtime(**_handler("other", runtime_path="crun", inherit_default_runtime=True)),
    ),
    ("mappings of both", _runtime(uid_mappings="0:100000:65536", gid_mappings="0:100000:65536")),
    ("senseless mappings of users", _runtime(uid_mappings="0:x:1", gid_mappings="0:1:2")),
    ("senseless mappings of groups", _runtime(uid_mappings="0:1:2", gid_mappings="0:1")),
    ("mappings of one", _runtime(uid_mappings="0:1:2")),
    ("short mappings", _runtime(uid_mappings="0:1:2:3", gid_mappings="0:1:2")),
    ("large mappings", _runtime(uid_mappings="0:1:2", gid_mappings="0:1:4294967296")),
    ("an unknown suite with TLS 1.3", _api(tls_min_version="VersionTLS13", tls_cipher_suites=["BOGUS"])),
    ("an unknown suite with TLS 1.2", _api(tls_min_version="VersionTLS12", tls_cipher_suites=["BOGUS"])),
    ("TLS without files", _api(stream_enable_tls=True)),
    ("TLS with empty files", _api(stream_enable_tls=True, stream_tls_cert="", stream_tls_key="/x")),
    ("a quota below its shares", _workload(resources={"cpuquota": 5, "cpushares": 10})),
    ("a negative quota", _workload(resources={"cpuquota": -1, "cpushares": 0})),
    ("a negative quota without shares", _workload(resources={"cpuquota": -1})),
    ("a quota and its shares", _workload(resources={"cpuquota": 10, "cpushares": 10})),
    ("a workload without annotation", _runtime(workloads={"w": {"annotation_prefix": "x"}})),
    ("metrics: all and another one", {"crio": {"stats": {"included_pod_metrics": ["all", "cpu"]}}}),
    ("metrics: all twice", {"crio": {"stats": {"included_pod_metrics": ["all", "all"]}}}),
    (
        "no_sync_log of a vm",
        _runtime(
            **_handler("k", runtime_type="vm", runtime_path="/usr/bin/containerd-shim-x", no_sync_log=True)
        ),
    ),
    ("no_sync_log of a pod", _runtime(**_handler(runtime_type="pod", no_sync_log=True))),
    ("a configuration file of an oci handler", _runtime(**_handler(runtime_config_path="/etc/passwd"))),
    ("websockets of an oci handler", _runtime(**_handler(stream_websockets=True))),
    ("a vm whose program is no shim", _runtime(**_handler("kata", runtime_type="vm"))),
    ("a default handler without its table", _runtime(default_runtime="other")),
    ("a default handler with its table", _runtime(default_runtime="other", **_handler("other"))),
    ("an empty default handler", _runtime(default_runtime="")),
    ("a handler named like no program", _runtime(runtimes={"no-such-program": {}})),
    ("a nameless handler", _runtime(**_handler(""))),
    (
        "metrics on a host that is none",
        {"crio": {"metrics": {"enable_metrics": True, "metrics_host": "no host", "metrics_port": 9}}},
    ),
    (
        "metrics on a port",
        {"crio": {"metrics": {"enable_metrics": True, "metrics_host": "127.0.0.1", "metrics_port": 0}}},
    ),
    (
        "options of overlay for vfs",
        {"crio": {"storage_driver": "vfs", "storage_option": ["overlay.mountopt=nodev"]}},
    ),
    (
        "options of vfs",
        {"crio": {"storage_driver": "vfs", "storage_option": ["vfs.ignore_chown_errors=true"]}},
    ),
    (
        "options of vfs that are none",
        {"crio": {"storage_driver": "vfs", "storage_option": ["vfs.bogus=true"]}},
    ),
    (
        "options of overlay that are none",
        {"crio": {"storage_driver": "overlay", "storage_option": ["overlay.bogus=1"]}},
    ),
    (
        "a size of overlay with half a unit",
        {"crio": {"storage_driver": "overlay", "storage_option": ["overlay.size=10Gi"]}},
    ),
    ("an empty imagestore", {"crio": {"imagestore": ""}}),
    ("no root", {"crio": {"root": "", "runroot": ""}}),
    ("a relative root", {"crio": {"root": "a", "runroot": "b"}}),
    ("tracing", {"crio": {"tracing": {"enable_tracing": True, "tracing_endpoint": "x"}}}),
    ("tracing to nowhere", {"crio": {"tracing": {"enable_tracing": True, "tracing_endpoint": "%zz"}}}),
    ("criu", _runtime(enable_criu_support=False)),
    (
        "NRI without a socket",
        {
            "crio": {
                "nri": {
                    "enable_nri": True,
                    "nri_listen": "",
                    "nri_plugin_dir": "",
                    "nri_plugin_config_dir": "",
                }
            }
        },
    ),
)
