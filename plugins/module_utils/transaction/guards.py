# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards: what may refuse a change although CRI-O would start with it, because something that runs would be lost.

Whoever accepts such a loss can overrule the guard by its name. The names are public. A refusal because CRI-O, systemd or the
file system does not accept the change is not a guard.
"""

from __future__ import annotations

KILL_MODE = "kill_mode"
VERSION_WIPE = "version_wipe"
STORAGE_IN_USE = "storage_in_use"
HANDLER_IN_USE = "handler_in_use"
HANDLER_BROKEN = "handler_broken"
KUBELET_CGROUP_DRIVER = "kubelet_cgroup_driver"
RUNNING_PODS = "running_pods"
OTHER_CONTAINERS = "other_containers"
MISSING_IMAGES = "missing_images"

#: what each guard prevents; the key is the name by which it is overruled
GUARDS = {
    KILL_MODE: "a restart stops the containers whose monitors are in the control group of the unit",
    VERSION_WIPE: "a start removes all pods, because CRI-O finds no version, or another minor one, in its version file",
    STORAGE_IN_USE: "another root, runroot or storage driver loses track of running containers, or another root of images",
    HANDLER_IN_USE: "a handler that running pods were started with is changed or removed",
    HANDLER_BROKEN: "the program of a handler cannot report the state of a running container",
    KUBELET_CGROUP_DRIVER: "CRI-O gets another cgroup manager than the kubelet's cgroup driver",
    RUNNING_PODS: "the removal of CRI-O, or a migration, ends all pods that run on the node",
    OTHER_CONTAINERS: "a migration ends containers of the former engine that no kubelet has started, and nobody starts again",
    MISSING_IMAGES: "an image of the former engine cannot be carried over by a migration",
}
#: those whose loss a drain of the node avoids
DRAINABLE = frozenset(GUARDS) - {KUBELET_CGROUP_DRIVER, OTHER_CONTAINERS, MISSING_IMAGES}
