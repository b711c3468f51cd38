# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of OCI runtimes: their entry in crio.conf, programs, packages, and versions that are known to fail. Data.

Sources: crun and runc as in 10-crio.conf of CRI-O's bundle and packages; kata as its documentation configures CRI-O, with the
overhead of kata-deploy's RuntimeClasses; gvisor as its "CRI-O Quick Start"; crun-wasm as CRI-O's own test of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

OCI, VM = "oci", "vm"
CRIO_PROGRAMS = "/usr/libexec/crio"  # where CRI-O's bundle and packages have conmon, crun and runc
LOCAL_PROGRAMS = "/usr/local/bin"  # where single files are installed
PATH_MARK = "{path}"  # in settings: the path of the program


class Minimum(NamedTuple):
    """A version below which a program fails with CRI-O, from a release of CRI-O on, and why."""

    version: str
    crio_since: str  # MAJOR.MINOR
    reason: str


class Kind(NamedTuple):
    """One OCI runtime.

    program: the name of its file. type: runtime_type. folder: where it is if it is preinstalled. package_folder: where packages
    put it. packages: by family of distributions. settings: further keys of its entry in crio.conf. path_key: the key with the
    path of the program. config: where its own configuration is, for the handlers of packages and of others. files: contents of
    files that it needs, which are only written where they do not exist. overhead: of a pod, as in a RuntimeClass.
    """

    name: str
    program: str
    type: str = OCI
    folder: str = LOCAL_PROGRAMS
    package_folder: str = "/usr/bin"
    packages: dict[str, str] = {}
    settings: dict[str, Any] = {}
    path_key: tuple[str, ...] = ("runtime_path",)
    config: tuple[str, str] = ("", "")
    files: dict[str, str] = {}
    overhead: dict[str, str] = {}
    minimums: tuple[Minimum, ...] = ()
    crio_since: str = ""  # the first release of CRI-O that it works with
    prints_version: bool = True  # whether PROGRAM --version prints it

    @property
    def comes_with_crio(self) -> bool:
        """Whether CRI-O's bundle and packages contain the program."""
        return self.folder == CRIO_PROGRAMS


_MONITOR = {"monitor_path": f"{CRIO_PROGRAMS}/conmon"}
# crun refuses the runtime-spec version that CRI-O writes: cri-o#8914, containers/crun#1620.
_CRUN = Minimum(
    "1.14.3", "1.30", 'it refuses the configuration that CRI-O writes: "unknown version specified"'
)

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "crun",
            "crun",
            folder=CRIO_PROGRAMS,
            packages={"debian": "crun", "rhel": "crun", "suse": "crun"},
            settings={
                **_MONITOR,
                "allowed_annotations": ["io.containers.trace-syscall"],
                "container_min_memory": "500KiB",
            },
            minimums=(_CRUN,),
        ),
        Kind(
            "crun-wasm",
            "crun-wasm",
            folder="/usr/bin",
            packages={"rhel": "crun-wasm"},
            settings={**_MONITOR, "runtime_path": f"{CRIO_PROGRAMS}/crun", "container_min_memory": "500KiB"},
            path_key=("platform_runtime_paths", "wasi/wasm32"),
            minimums=(_CRUN,),
        ),
        Kind(
            "gvisor",
            "containerd-shim-runsc-v1",
            type=VM,
            packages={"debian": "runsc"},
            settings={"runtime_root": "/run/runsc"},
            config=("/etc/containerd/runsc.toml", "/etc/containerd/runsc.toml"),
            files={"/etc/containerd/runsc.toml": 'binary_name = "{folder}/runsc"\ngrouping = true\n'},
            crio_since="1.37",
            prints_version=False,
        ),
        Kind(
            "kata",
            "containerd-shim-kata-v2",
            type=VM,
            folder="/opt/kata/bin",
            packages={"rhel": "kata-containers", "suse": "katacontainers"},
            settings={"runtime_root": "/run/vc", "privileged_without_host_devices": True},
            config=(
                "/usr/share/defaults/kata-containers/configuration.toml",
                "/opt/kata/share/defaults/kata-containers/configuration.toml",
            ),
            overhead={"cpu": "250m", "memory": "160Mi"},
        ),
        Kind(
            "runc",
            "runc",
            folder=CRIO_PROGRAMS,
            packages={"debian": "runc", "rhel": "runc", "suse": "runc"},
            settings=_MONITOR,
        ),
        # Any program that speaks the protocol of containerd's shims, version 2.
        Kind("shim", "", type=VM, settings={"runtime_root": "/run/vc"}, prints_version=False),
        Kind("youki", "youki", settings=_MONITOR),
    )
}
#: other names of these
ALIASES = {"runsc": "gvisor"}
INSTALLS = ("preinstalled", "package", "file")


def kind_of(name: str) -> Kind | None:
    """Return the runtime that a handler is of by its name, None if it is not known."""
    return KINDS.get(ALIASES.get(name, name))
