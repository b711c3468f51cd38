# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that bring another release of CRI-O with its configuration, from a bundle or from packages, and fail or are cut short."""

from faults.power import COMMIT, RENAME, RESTART, cut_power_at
from faults.scene import FOLDER, expect
from faults.table import AFTER, ANY, BEFORE, REFUSED, UNDONE, fault
from testbed.crio_packages import HELPER, KILLER, MANAGER_KILLER

ROOM = (("free", "left", "space"),)
ARCHIVES, PROGRAMS, LIBRARY = "/var/cache/apt/archives", "/usr/local/bin", "/usr/libexec/crio"
ONE_VERSION = "the stand-in has one version"
BUNDLE = {"crio": "bundle", "real_crio": ONE_VERSION}
PACKAGES = {"crio": "packages"}
CRIO = f"os.rename {PROGRAMS}/crio"


# A bundle, whose programs are replaced by the transaction


@fault(
    "another release from a bundle does not start",
    ends=BEFORE,
    reports=UNDONE,
    names=("cannot be replaced with", "Control process exited"),
    **BUNDLE,
)
def failing_bundle(scene):
    yield scene.apply(**scene.installation.of("failing"))


def bundle_killed(when: str, **where: object) -> None:
    """The change's process is killed while it replaces the programs of a bundle."""

    @fault(f"a change is killed {when}", ends=BEFORE, reports=ANY, **BUNDLE)
    def story(scene):
        scene.hook("kill", **where)
        yield scene.apply(**scene.installation.other())


bundle_killed("before it replaces the first program of a bundle", at=f"os.rename {PROGRAMS}")
bundle_killed("after it has replaced crio by that of another bundle", at=CRIO, then=1)
bundle_killed("between the programs of another bundle and their configuration", at=RENAME)
bundle_killed("before it starts the crio of another bundle", at=RESTART)


@fault("a change to another bundle is killed after it was committed", ends=AFTER, reports=ANY, **BUNDLE)
def bundle_committed(scene):
    other = scene.installation.other()
    scene.release = scene.installation.version(other)
    scene.hook("kill", at=COMMIT, then=2)
    yield scene.apply(**other)


@fault(
    "the power is cut after crio was replaced by that of another bundle", ends=BEFORE, reports=ANY, **BUNDLE
)
def bundle_power_cut(scene):
    scene.layer = scene.installation.other()
    cut_power_at(scene, at=CRIO, then=1)
    scene.layer = {}
    yield None


@fault(
    "the server of a bundle ends its answer half-way",
    ends=BEFORE,
    reports=REFUSED,
    names=(("bytes", "incomplete", "ended", "SHA-256"),),
    **BUNDLE,
)
def bundle_half_way(scene):
    with scene.installation.ending_early(""):
        yield scene.apply(**scene.installation.other())


@fault(
    "the file system of /usr/local/bin has no space for another bundle",
    ends=BEFORE,
    reports=REFUSED,
    names=(PROGRAMS, *ROOM),
    **BUNDLE,
)
def no_room_for_programs(scene):
    scene.own_file_system(PROGRAMS, "160m")
    scene.fill(PROGRAMS)
    yield scene.apply(**scene.installation.other())
    scene.no_own_file_system(PROGRAMS)


# Packages, which the package manager installs before the transaction


def manager_killed(who: str, program: str) -> None:
    """The package manager is killed by a script of the package that it installs."""

    @fault(
        f"{who} killed while another release is installed",
        ends=BEFORE,
        reports=REFUSED,
        unfinished=True,
        **PACKAGES,
    )
    def story(scene):
        scene.node.copy_in(f"{FOLDER}/killer", program)
        scene.sh(scene.replacing(HELPER, f"cat {FOLDER}/killer"))
        yield scene.apply(**scene.installation.other())
        expect(scene.installation.unfinished(), "the package manager was not killed")
        scene.put_back(HELPER)


manager_killed("the package manager is", MANAGER_KILLER)
manager_killed("the package manager and the module that runs it are", KILLER)


@fault(
    "the repository ends its answer half-way through a package",
    ends=BEFORE,
    reports=REFUSED,
    names=("the installation failed", "cri-o_"),
    **PACKAGES,
)
def package_half_way(scene):
    other = scene.installation.other()
    version = other["crio_version"].rpartition(".")[0]
    scene.sh("apt-get clean")
    with (
        scene.installation.ending_early(f"v{version}/deb/cri-o_"),
        scene.installation.ending_early(f"v{version}/deb/./cri-o_"),
    ):
        yield scene.apply(**other)


@fault(
    "the disk is full when a package is downloaded",
    ends=BEFORE,
    reports=REFUSED,
    names=(("enough free space in /var/cache/apt/archives", "Error writing to file"),),
    **PACKAGES,
)
def archives_full(scene):
    other = scene.installation.other()
    scene.sh(f"mount -t tmpfs -o size=64k faults {ARCHIVES}; mkdir -p {ARCHIVES}/partial")
    scene.fill(ARCHIVES)
    yield scene.apply(**other)
    scene.sh(f"umount {ARCHIVES}")


@fault(
    "the disk is full when a package is unpacked",
    ends=BEFORE,
    reports=REFUSED,
    names=("the installation failed", "No space left on device"),
    **PACKAGES,
)
def programs_full(scene):
    scene.own_file_system(LIBRARY, "64m")
    scene.fill(LIBRARY)
    yield scene.apply(**scene.installation.other())
    scene.no_own_file_system(LIBRARY)
