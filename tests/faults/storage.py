# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full, read-only or broken, files that cannot be replaced, and records of ours that are damaged."""

import json

from faults.scene import DROP_IN, ENVIRONMENT_FILE, INTENT, STATE, UNIT_DROP_IN, expect, message, results
from faults.table import AFTER, ANY, BEFORE, DONE, EITHER, FAILS, REFUSED, UNDONE, fault
from faults.unit_states import TAKEN_PORT

CRIO, CONTAINERS, UNITS, OURS = "/etc/crio", "/etc/containers", "/etc/systemd/system", "/var/lib/cri-node"
ROOM = (("free", "left", "space"),)


def pair(scene):
    """Run check mode and the change; both must agree on whether it succeeds."""
    scene.before = scene.look()
    predicted = scene.apply("--check")
    run = scene.again().result()
    expect(
        bool(predicted.rc) == bool(run.rc),
        f"check mode and the run disagree: {message(predicted) or 'it works'} | {message(run) or 'it works'}",
    )
    return run


@fault("the file system of /etc/crio is full", ends=BEFORE, reports=REFUSED, names=(CRIO, *ROOM))
def etc_full(scene):
    scene.own_file_system(CRIO, "512k")
    scene.fill(CRIO)
    yield pair(scene)
    scene.no_own_file_system(CRIO)


@fault("the file system of /etc/crio has no free inodes", ends=BEFORE, reports=REFUSED, names=(CRIO, "inode"))
def no_inode(scene):
    scene.own_file_system(CRIO, "4m", ",nr_inodes=40")
    scene.node.run(f"i=0; while : 2>/dev/null > {CRIO}/faults-$i; do i=$((i+1)); done")
    yield pair(scene)
    scene.no_own_file_system(CRIO)


@fault("the file system of /var/lib/cri-node is full", ends=BEFORE, reports=REFUSED, names=(OURS, *ROOM))
def ours_full(scene):
    scene.own_file_system(OURS, "1m")
    scene.fill(OURS)
    yield pair(scene)
    scene.no_own_file_system(OURS)


@fault(
    "the file system of /var/lib/cri-node is read-only",
    ends=BEFORE,
    reports=REFUSED,
    names=(OURS, "read-only"),
)
def ours_read_only(scene):
    scene.own_file_system(OURS)
    scene.sh(f"mount -o remount,ro {OURS}")
    yield pair(scene)
    scene.no_own_file_system(OURS)


@fault("/etc/crio is read-only", ends=BEFORE, reports=REFUSED, names=(CRIO, "read-only"))
def etc_read_only(scene):
    scene.own_file_system(CRIO)
    scene.sh(f"mount -o remount,ro {CRIO}")
    yield pair(scene)
    scene.no_own_file_system(CRIO)


@fault("/etc/containers is read-only", ends=BEFORE, reports=REFUSED, names=(CONTAINERS, "read-only"))
def containers_read_only(scene):
    scene.own_file_system(CONTAINERS)
    scene.sh(f"mount -o remount,ro {CONTAINERS}")
    yield pair(scene)
    scene.no_own_file_system(CONTAINERS)


@fault("/etc/systemd/system is read-only", ends=BEFORE, reports=REFUSED, names=(UNITS, "read-only"))
def units_read_only(scene):
    scene.own_file_system(UNITS)
    scene.sh(f"mount -o remount,ro {UNITS}")
    yield pair(scene)
    scene.no_own_file_system(UNITS)


@fault("/etc/containers is on its own file system", ends=AFTER, reports=DONE)
def containers_elsewhere(scene):
    scene.own_file_system(CONTAINERS)
    yield pair(scene)
    scene.no_own_file_system(CONTAINERS)


@fault(
    "/etc/containers/registries.conf.d is on its own file system",
    ends=EITHER,
    reports=ANY,
    names=("registries.conf.d",),
)
def registries_elsewhere(scene):
    scene.own_file_system(f"{CONTAINERS}/registries.conf.d")
    yield pair(scene)
    scene.no_own_file_system(f"{CONTAINERS}/registries.conf.d")


@fault("/etc/systemd/system and /etc/crio are on their own file systems", ends=AFTER, reports=DONE)
def units_elsewhere(scene):
    scene.own_file_system(UNITS)
    scene.own_file_system(CRIO)
    yield pair(scene)
    scene.no_own_file_system(UNITS)
    scene.no_own_file_system(CRIO)


@fault(
    "a change on three file systems fails and is undone",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def elsewhere_and_undone(scene):
    for path in (UNITS, CRIO, CONTAINERS):
        scene.own_file_system(path)
    yield scene.apply(**TAKEN_PORT)
    for path in (UNITS, CRIO, CONTAINERS):
        scene.no_own_file_system(path)


@fault(
    "all disks fill up once the intent is written, and the new start fails",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def full_during_refused_start(scene):
    scene.own_file_system(CRIO, "2m")
    scene.own_file_system(OURS, "4m")
    scene.hook("pause", at=f"os.rename {DROP_IN}")
    future = scene.begin(**TAKEN_PORT)
    scene.reached()
    scene.fill(CRIO)
    scene.fill(OURS)
    scene.go()
    yield future.result()
    scene.no_own_file_system(CRIO)
    scene.no_own_file_system(OURS)


@fault("all disks fill up once the intent is written, and nothing can be committed", ends=EITHER, reports=ANY)
def full_during_change(scene):
    scene.own_file_system(CRIO, "2m")
    scene.own_file_system(OURS, "4m")
    scene.hook("pause", at=f"os.rename {DROP_IN}")
    future = scene.begin()
    scene.reached()
    scene.fill(CRIO)
    scene.fill(OURS)
    scene.go()
    yield future.result()
    scene.no_own_file_system(CRIO)
    scene.no_own_file_system(OURS)


@fault(
    "a disk becomes read-only in the middle of a change, and writable again",
    ends=EITHER,
    reports=ANY,
    loud=True,
    untidy=True,
)
def read_only_meanwhile(scene):
    scene.own_file_system(CRIO)
    scene.hook("pause", at=f"os.rename {DROP_IN}", then=1)
    future = scene.begin()
    scene.reached()
    scene.sh(f"mount -o remount,ro {CRIO}")
    scene.go()
    run = future.result()
    scene.sh(f"mount -o remount,rw {CRIO}")
    yield run
    scene.no_own_file_system(CRIO)


@fault(
    "the disk of our records becomes read-only in the middle of a change, and writable again",
    ends=EITHER,
    reports=ANY,
    loud=True,
    untidy=True,
)
def ours_read_only_meanwhile(scene):
    scene.own_file_system(OURS)
    scene.hook("pause", at=f"os.rename {DROP_IN}", then=1)
    future = scene.begin()
    scene.reached()
    scene.sh(f"mount -o remount,ro {OURS}")
    scene.go()
    run = future.result()
    scene.sh(f"mount -o remount,rw {OURS}")
    yield run
    scene.no_own_file_system(OURS)


@fault("the managed file is immutable", ends=BEFORE, reports=REFUSED, names=(DROP_IN, "immutable"))
def immutable(scene):
    scene.own_file_system(CRIO)
    scene.immutable(DROP_IN)
    run = pair(scene)
    scene.immutable(DROP_IN, on=False)
    yield run
    scene.no_own_file_system(CRIO)


@fault(
    "the directory of the managed file is immutable",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.conf.d", "immutable"),
)
def immutable_folder(scene):
    scene.own_file_system(CRIO)
    scene.immutable(f"{CRIO}/crio.conf.d")
    run = pair(scene)
    scene.immutable(f"{CRIO}/crio.conf.d", on=False)
    yield run
    scene.no_own_file_system(CRIO)


@fault(
    "the managed file becomes immutable once a change has begun",
    ends=BEFORE,
    reports=UNDONE,
    names=(DROP_IN,),
    untidy=True,  # the saved copy is a hard link, and therefore immutable too
)
def immutable_meanwhile(scene):
    scene.own_file_system(CRIO)
    scene.hook("pause", at=f"os.rename {DROP_IN}")
    future = scene.begin()
    scene.reached()
    scene.immutable(DROP_IN)
    scene.go()
    run = future.result()
    yield run
    scene.immutable(DROP_IN, on=False)
    scene.no_own_file_system(CRIO)


@fault(
    "the new file becomes immutable, the start fails, and later the file can be replaced again",
    ends=BEFORE,
    reports=UNDONE,
    loud=True,
)
def immutable_new_file(scene):
    scene.own_file_system(CRIO)
    scene.hook("pause", at="run systemctl restart")
    future = scene.begin(**TAKEN_PORT)
    scene.reached()
    scene.immutable(DROP_IN)
    scene.go()
    run = future.result()
    result = results(run)[-1]
    scene.immutable(DROP_IN, on=False)
    expect(
        result.get("as_before") is False,
        f"the file cannot have been put back, and the run says as_before: {result}",
    )
    yield run
    scene.no_own_file_system(CRIO)


@fault(
    "the new file is replaced with a directory, the start fails, and later the directory is removed",
    ends=BEFORE,
    reports=UNDONE,
    loud=True,
)
def folder_meanwhile(scene):
    scene.hook("pause", at="run systemctl stop")
    future = scene.begin(**TAKEN_PORT)
    scene.reached()
    scene.sh(f"rm {DROP_IN}; mkdir {DROP_IN}; : > {DROP_IN}/somebodys")
    scene.go()
    run = future.result()
    expect(
        results(run)[-1].get("as_before") is False,
        "the file cannot have been put back, and the run says as_before",
    )
    scene.sh(f"rm -r {DROP_IN}")
    yield run


@fault(
    "a run fails while the undo of an earlier change is incomplete", ends=BEFORE, reports=UNDONE, loud=True
)
def next_run_meanwhile(scene):
    scene.hook("pause", at="run systemctl stop")
    future = scene.begin(**TAKEN_PORT)
    scene.reached()
    scene.sh(f"rm {DROP_IN}; mkdir {DROP_IN}; : > {DROP_IN}/somebodys")
    scene.go()
    run = future.result()
    scene.unhook()
    again = scene.again(variables=scene.variables_of(scene.marks)).result()
    expect(again.rc, "a run succeeded while a folder lies in the place of a managed file")
    scene.sh(f"rm -r {DROP_IN}")
    yield run


@fault(
    "a directory is at the path of a managed file", ends=BEFORE, reports=REFUSED, names=(DROP_IN, "directory")
)
def folder(scene):
    scene.sh(f"rm {DROP_IN}; mkdir {DROP_IN}")
    yield pair(scene)
    scene.sh(f"rmdir {DROP_IN}")


@fault("a managed file is a symbolic link", ends=BEFORE, reports=REFUSED, names=(ENVIRONMENT_FILE, "link"))
def link(scene):
    scene.sh(f"mv {ENVIRONMENT_FILE} /root/faults-target; ln -s /root/faults-target {ENVIRONMENT_FILE}")
    yield pair(scene)
    scene.sh(f"rm {ENVIRONMENT_FILE}")


@fault(
    "the directory of a managed file is a symbolic link",
    ends=BEFORE,
    reports=REFUSED,
    names=("crio.service.d", "link"),
)
def linked_folder(scene):
    place = UNIT_DROP_IN.rpartition("/")[0]
    scene.sh(f"mv {place} /root/faults-folder; ln -s /root/faults-folder {place}")
    yield pair(scene)
    scene.sh(f"rm {place}; mv /root/faults-folder {place}")


@fault("a managed file is a mount point", ends=BEFORE, reports=REFUSED, names=(DROP_IN, "mount"))
def mounted_file(scene):
    scene.sh(f"cp {DROP_IN} /root/faults-mounted; mount --bind /root/faults-mounted {DROP_IN}")
    yield pair(scene)
    scene.sh(f"umount {DROP_IN}; rm /root/faults-mounted")


def failing_operations(error: str, part: float, for_good: bool) -> None:
    """Faults of file operations at one part of a change."""
    stays = "permanently" if for_good else "once"

    @fault(
        f"a file operation fails {stays} with {error} after {part:.0%} of a change",
        ends=EITHER,
        reports=ANY,
        loud=for_good,
        untidy=for_good,
    )
    def story(scene):
        scene.hook(f"errno {error}", number=scene.step(part), for_good=for_good)
        run = scene.apply()
        scene.unhook()
        yield run


for _error, _part, _for_good in (
    ("ENOSPC", 0.25, False),
    ("ENOSPC", 0.6, True),
    ("EIO", 0.45, False),
    ("EIO", 0.75, True),
    ("EROFS", 0.35, True),
    ("EROFS", 0.9, False),
):
    failing_operations(_error, _part, _for_good)


def damaged_state(what: str, change: str) -> None:
    """state.json was modified; `change` is Python code that modifies the document `state`."""

    @fault(f"the node's record has {what}", ends=AFTER, reports=DONE)
    def story(scene):
        code = f"import json; state = json.load(open({STATE!r})); {change}; json.dump(state, open({STATE!r}, 'w'))"
        scene.node.check(["python3", "-c", code])
        yield scene.apply()


for _what, _change in (
    ("a string for the generation", "state['generation'] = 'seven'"),
    ("a list for the owners", "state['owners'] = ['crio']"),
    ("a string instead of a document", "state = 'somebody was here'"),
    (
        "files without their hashes",
        "state['owners'] = {name: {path: {} for path in each} for name, each in state['owners'].items()}",
    ),
    ("a future format", "state['format'] = 999"),
):
    damaged_state(_what, _change)


@fault("the node's record is truncated", ends=AFTER, reports=DONE)
def cut_off(scene):
    scene.sh(f"size=$(stat -c %s {STATE}); truncate -s $((size / 2)) {STATE}")
    yield scene.apply()


@fault("the node's record is missing, and its files are unchanged", ends=AFTER, reports=DONE)
def state_gone(scene):
    scene.sh(f"rm {STATE}")
    yield scene.apply()


@fault("all our records are missing", ends=AFTER, reports=DONE)
def ours_gone(scene):
    scene.sh(f"rm -rf {OURS}")
    yield scene.apply()


@fault("the node's record is missing, and a variable was emptied", ends=AFTER, reports=DONE)
def state_gone_and_emptied(scene):
    scene.sh(f"rm {STATE}")
    scene.before = scene.look()
    variables = scene.variables()
    del variables["crio_environment"]
    scene.desired[ENVIRONMENT_FILE] = None
    yield scene.again(variables=variables).result()


def damaged_intent(what: str, text: str) -> None:
    """An unreadable intent exists on a node without an open change."""

    @fault(f"the intent contains {what} on a node without an open change", ends=AFTER, reports=DONE)
    def story(scene):
        scene.node.copy_in(INTENT, text)
        run = scene.apply()
        scene.sh(f"rm -f {INTENT}.damaged*")
        yield run


damaged_intent("plain text", "somebody was here\n")
damaged_intent("a truncated document", '{"format": 2, "id": "0", "undo": [')
damaged_intent("a document without its fields", json.dumps({"format": 2}))


@fault("an old generation is damaged", ends=AFTER, reports=DONE)
def damaged_generation(scene):
    scene.sh(f"for each in {OURS}/generations/*; do rm -rf $each; : > $each; done")
    yield scene.apply()


@fault("the directory of our records is a file", ends=EITHER, reports=ANY, names=(OURS,))
def ours_is_a_file(scene):
    scene.sh(f"mv {OURS} /root/faults-ours; : > {OURS}")
    run = scene.apply()
    scene.sh(f"if [ -f {OURS} ]; then rm {OURS}; mv /root/faults-ours {OURS}; fi")
    yield run


@fault(
    "a change fails on a node with a leftover request that contains a secret",
    ends=EITHER,
    reports=FAILS,
)
def old_requests(scene):
    scene.sh(f'echo \'{{"secret": "{scene.canary(0)}"}}\' > {OURS}/transaction/request-old.json')
    yield scene.apply(**TAKEN_PORT)
