#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_runtime_drift and node_runtime_config on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime_config
short_description: Manage configuration files of CRI-O or containerd in one verified transaction
version_added: 0.1.0
description:
  - Compares the desired files of one or more owners with the files on the node and with those that the running daemon has loaded,
    and changes the node if they differ. The change is atomic.
  - Each new file is staged on the node and validated by the C(crio) binary of the node with its own options, then renamed into
    place. The daemon is only reloaded or restarted if it has not loaded the files on disk. The module then waits until the
    runtime is ready, and checks that all containers that were running are still running. Optionally, it then tries the runtime
    with O(probes) before the change is committed.
  - After a failure, a kill or a loss of power, the previous files are restored and the daemon is returned to its previous state.
  - The change runs in a transient systemd unit on the node, so that it completes without the connection and the controller.
  - Makes one remote call for a node that matches the desired state, and two for a change.
  - The files are those of CRI-O, unless one of them is of a kind that only containerd reads, V(containerd_toml) or
    V(hosts_toml), or C(containerd) is their only owner. Then the same transaction is one of containerd, which validates
    F(config.toml) on the node, and has its own generations. It is never reloaded and reports no live configuration, so that what
    is said of these is about CRI-O only.
options:
  files:
    required: true
  state:
    description:
      - V(checked) validates O(files) and O(problems) on the controller and makes no remote call.
      - V(present) applies O(files) to the node.
    type: str
    choices: [checked, present]
    default: present
  install:
    description:
      - How CRI-O is installed. Of O(bundle) and O(packages), the one that is not named here is ignored.
      - By default, O(bundle) or O(packages) is installed if it is set.
    type: str
    choices: [preinstalled, bundle, packages]
  bundle:
    description:
      - The static bundle of CRI-O to install. On a node without CRI-O, it is installed before the files are applied, as
        M(cri.node.crio_bundle) does.
      - A CRI-O from another bundle is replaced by the change itself. The new CRI-O checks the configuration before anything is
        changed, and if it does not start, does not become ready or fails a probe, the previous one is restored and started with
        the previous configuration.
      - By default, nothing is installed.
    type: dict
    suboptions:
      source:
        description:
          - File on the controller, or URL. C({arch}) is replaced with the architecture of the node, such as amd64 or arm64.
        type: str
        required: true
      sha256:
        description: SHA-256 of the bundle for each architecture.
        type: dict
        required: true
      fetched_by:
        description:
          - Where a URL is downloaded. With V(controller), the controller downloads the bundle once in a run and copies it to the
            nodes.
        type: str
        choices: [node, controller]
        default: node
  packages:
    description:
      - The packages of CRI-O to install before the files are applied, as M(cri.node.crio_packages) does. The options are those of
        that module.
      - By default, nothing is installed.
    type: dict
  crio_version:
    description: The version of CRI-O to install with O(packages), such as V(1.36) or V(1.36.3).
    type: raw
    default: ""
  upgrade:
    description:
      - Whether O(bundle) may have another minor version than the installed CRI-O, the next one or the previous one. The playbook
        C(cri.node.upgrade) sets this.
      - CRI-O of another minor version removes all pods when it starts, so the guard V(version_wipe) refuses it while containers
        are running.
    type: bool
    default: false
  require_crio:
    description:
      - Whether it is an error if CRI-O is not installed. Use V(false) in check mode if CRI-O is installed by an earlier task,
        which check mode only predicts. It is no error in check mode with O(bundle) or O(packages).
      - Files that no daemon reads never require CRI-O.
    type: bool
    default: true
  unit:
    description:
      - The systemd unit that runs the runtime.
      - The default is V(crio.service), or V(containerd.service) for files of containerd.
    type: str
  ready_timeout:
    description: Time limit for the runtime to become ready after a restart, in seconds. After that, the change is undone.
    type: int
    default: 60
  max_disruption:
    description:
      - What a change may do to the running daemon. What happens if it needs more is set with O(above_max_disruption).
      - V(none) only allows changes that no running daemon has to read; V(reload) allows those that CRI-O reads without a restart.
      - A change needs a V(drain) if O(disruptions) sets it, or if the node refuses the change because it would stop, remove or
        lose running containers. With V(drain), the former is applied with a restart; the latter is still refused.
      - Starting a daemon that is not running is always allowed, and so is the first installation of O(bundle), and that of
        O(packages). To replace CRI-O with another O(bundle) needs a V(restart).
    type: str
    choices: [none, reload, restart, drain]
    default: restart
  above_max_disruption:
    description:
      - What happens to a change that needs more than O(max_disruption).
      - With V(fail), the task fails before anything is changed on the node, also in check mode, with its reasons and its plan.
      - With V(defer), the node is left as it is, and RV(deferred) is true. A later run with a higher limit applies the change.
    type: str
    choices: [fail, defer]
    default: fail
  disruptions:
    description:
      - Disruptions of keys of crio.conf in place of those that are known for CRI-O, V(none), V(reload), V(restart) or V(drain).
      - A name is a dotted key or a table, which stands for all keys in it. V(*) stands for the name of each handler or workload.
        If several names match a key, the longest one counts.
      - A key can get a more disruptive value, so that O(max_disruption) stops its changes. A less disruptive one is only accepted
        for keys of O(files[].accept_keys), because CRI-O would not load the change of another key.
      - May be a string that contains the mapping as JSON or YAML.
    type: raw
    default: {}
  overruled_guards:
    description:
      - Guards that are overruled, by name. A guard refuses a change because something that runs would be lost. If it is
        overruled, the change is made, the loss is a warning, and the containers that it announced may be lost. A change that
        loses other containers is still undone.
      - V(kill_mode), a restart stops the containers whose monitors are in the control group of the unit.
      - V(version_wipe), CRI-O removes all pods at its start, because its version file is missing or has another minor version.
      - V(storage_in_use), another root, runroot or storage driver loses track of running containers, or another root of images.
      - V(handler_in_use), a handler that running pods were started with is changed or removed.
      - V(handler_broken), the program of a handler cannot report the state of a running container.
      - V(kubelet_cgroup_driver), CRI-O gets another cgroup manager than the cgroup driver in the configuration of the kubelet. A
        kubelet takes the driver from CRI-O when it starts, since Kubernetes 1.31; restart it after the change.
    type: list
    elements: str
    default: []
  probes:
    description:
      - What the node tries with its runtime after the daemon has loaded a change, and before the change is committed. If a probe
        fails, the change is undone like after any other failure, with the message of CRI-O.
      - By default, nothing is tried. Without a start, reload or restart of the daemon, nothing is tried either. In check mode
        nothing is tried, and the plan names the probes.
      - All probes of a change together may take O(ready_timeout), including the time to pull their images.
      - Their pod is always removed. An image that was not on the node before is removed as well, unless a container uses it by
        then. A name that was there before names the image that the registry has by now. If the change is killed, its recovery
        removes what is left. Other pods are never touched.
    type: dict
    suboptions:
      image:
        description:
          - Image of the pod that is run with each of O(probes.handlers), with the network of the node. The pod has to run, or to
            end with exit code 0. An image that is not on the node is pulled.
          - Required with O(probes.handlers). Without it, no pod is run.
        type: str
        default: ""
      handlers:
        description:
          - The handlers of crio.conf, such as C(crun), with which the pod is run.
          - V(changed) stands for those whose settings in O(files) the daemon has not loaded, and for the default handler if
            another one becomes the default. If CRI-O itself was replaced or is not running, it stands for all.
          - V(all) stands for all handlers of O(files), and for all others of the CRI-O of the node.
          - A handler that CRI-O ignores, such as one whose program is not installed on the node, fails its probe.
        type: list
        elements: str
        default: [changed]
      pull:
        description:
          - Images to pull through CRI-O, even if they are on the node. This proves the registries and mirrors of registries.conf.
        type: list
        elements: str
        default: []
  verify:
    description:
      - Verifies a node that changes in the same remote call, with these options of M(cri.node.runtime_verify). The pod is run and
        the images are pulled while the module waits whether the start of the daemon lasts, which takes some seconds anyway.
      - The result is RV(verification), which a following task of M(cri.node.runtime_verify) takes as
        O(cri.node.runtime_verify#module:known). The checks do not decide whether the change is kept.
      - By default, nothing is verified, and neither is a node that does not change, or any node in check mode.
    type: dict
    suboptions:
      network:
        description: Whether the network of the runtime must be ready.
        type: str
        choices: [optional, required]
        default: optional
      image:
        description: Image of the pod that is run. If empty, no pod is run.
        type: str
        default: ""
      pull:
        description: Images to pull.
        type: list
        elements: str
        default: []
      timeout:
        description: Time limit for the pod, and for each pull, in seconds.
        type: int
        default: 120
extends_documentation_fragment:
  - cri.node.file_set
  - cri.node.attributes.node
attributes:
  check_mode:
    details:
      - Predicts the result of a run. The C(crio) binary of the node validates the change in the module's temporary directory.
  diff_mode:
    support: full
    details:
      - Shows each file before and after, and the variable of each key.
      - Of a secret file, it only shows whether it exists and whether it changes.
requirements:
  - CRI-O 1.34 or newer on the node, unless all O(files) have O(files[].disruption=none)
seealso:
  - module: cri.node.runtime_report
  - module: cri.node.runtime_generations_facts
  - module: cri.node.runtime_rollback
  - module: cri.node.crio_bundle
  - module: cri.node.crio_packages
  - module: cri.node.runtime_verify
  - plugin: cri.node.crio_config
    plugin_type: filter
  - plugin: cri.node.registries_config
    plugin_type: filter
  - plugin: cri.node.crictl_config
    plugin_type: filter
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Serve CRI-O's metrics on port 9537
  cri.node.runtime_config:
    files:
      - path: /etc/crio/crio.conf.d/60-cri-node.conf
        owner: crio
        content: |
          [crio.metrics]
          enable_metrics = true
          metrics_port = 9537

- name: Change the handler runc, and keep the change only if a pod runs with it
  cri.node.runtime_config:
    files:
      - path: /etc/crio/crio.conf.d/60-cri-node.conf
        owner: crio
        kind: crio_conf
        layers:
          - - crio_config
            - crio:
                runtime:
                  runtimes:
                    runc:
                      runtime_path: /usr/libexec/crio/runc
    probes:
      image: registry.example.com/hello-world:1

- name: Configure containerd, and pull from a registry over plain HTTP
  cri.node.runtime_config:
    files:
      - path: /etc/containerd/config.toml
        owner: containerd
        kind: containerd_toml
        layers:
          - - containerd_config
            - version: 2
              plugins:
                io.containerd.grpc.v1.cri:
                  registry:
                    config_path: /etc/containerd/certs.d
      - path: /etc/containerd/certs.d
        owner: containerd
        kind: hosts_toml
        layers:
          - - containerd_registries
            - registry.example.com:5000:
                server: http://registry.example.com:5000

- name: Remove all files that the role crio has written
  cri.node.runtime_config:
    owners: [crio]
    files: []

- name: Apply what needs no restart, and leave other nodes for a maintenance window
  cri.node.runtime_config:
    files:
      - path: /etc/crio/crio.conf.d/60-cri-node.conf
        owner: crio
        kind: crio_conf
        layers:
          - [crio_config, "{{ crio_config }}"]
    max_disruption: reload
    above_max_disruption: defer
    disruptions:
      crio.image.pinned_images: restart
"""

RETURN = r"""
plan:
  description: The differences from the desired state, and what is required to apply them.
  type: dict
  returned: when the node was read
  contains:
    disruption:
      description:
        - V(none), V(reload) or V(restart). V(drain) if O(disruptions) sets it, or if the node refuses the change, because it
          would stop, remove or lose running containers.
      type: str
      sample: restart
    reasons:
      description: Why the daemon has to reload or restart, and which images a change of registries concerns; one sentence each.
      type: list
      elements: str
      sample: ["/etc/crio/crio.conf.d/60-cri-node.conf changes"]
    files:
      description: The files that change, by path, with V(create), V(change) or V(remove).
      type: dict
      sample: {"/etc/crio/crio.conf.d/60-cri-node.conf": "create"}
    keys:
      description:
        - The keys that change in these files. C(path) of the file, dotted C(key), C(change) (V(add), V(change) or V(remove)) and
          C(variable) that sets the key, which is empty for a key that no variable sets. Values are not contained.
        - No keys are listed for a file without keys, and for a present file whose content is secret, longer than 64 KiB or not
          understood.
      type: list
      elements: dict
      sample:
        - path: /etc/crio/crio.conf.d/60-cri-node.conf
          key: crio.metrics.metrics_port
          change: add
          variable: crio_config__lab
    overruled_guards:
      description: The overruled guards that would have refused the change, by name, each with a sentence about what is lost.
      type: dict
      sample:
        storage_in_use: >-
          crio.root = /srv/storage would lose running containers: container 2c26b46b68ff runs with its files below
          /var/lib/containers/storage
    probes:
      description: The probes before the commit, one sentence each; absent if there are none.
      type: list
      elements: str
      sample: ["run a pod of registry.example.com/hello-world:1 with the handler crun"]
    images:
      description:
        - The names of images that would be pulled from elsewhere, or not at all, after a change of registries; absent if there
          are none. Considered are the images on the node, those of running pods, and the pause image.
        - The changes do not make the disruption greater. Mirrors that only serve digests can be added without any, since they
          serve the same images.
      type: list
      elements: dict
      contains:
        name:
          description: The name as the image or the container has it.
          type: str
          sample: docker.io/library/nginx:1.27
        effect:
          description: V(elsewhere), V(blocked), or V(refused) if CRI-O does not accept the name any more.
          type: str
          sample: blocked
        reason:
          description: The places before and after the change, what blocks them, or the error message of CRI-O.
          type: str
          sample: docker.io is blocked
        pinned:
          description: Whether CRI-O keeps the image from being removed by the kubelet.
          type: bool
          sample: false
        pods:
          description: Running pods with a container of this image, as NAMESPACE/NAME.
          type: list
          elements: str
          sample: [default/web]
deferred:
  description: True if the change was not made, because it needs more than O(max_disruption). RV(plan) has it, C(msg) the reasons.
  type: bool
  returned: if the change was deferred
containers:
  description:
    - Number of containers that were running on the node when it validated the change. They keep running through a reload and a
      restart, unless a guard is overruled.
  type: int
  returned: if the node has validated a change that concerns the daemon
  sample: 12
runtime:
  description: The state of the runtime before the change.
  type: dict
  returned: when the node was read
  contains:
    installed:
      description: Whether CRI-O is installed.
      type: bool
    version:
      description: The version of the installed CRI-O; absent if CRI-O is not installed.
      type: str
      sample: 1.37.0
    endpoint:
      description: The CRI socket, as a URL.
      type: str
      sample: unix:///var/run/crio/crio.sock
    invocation_id:
      description:
        - The systemd InvocationID of the running daemon, after a change if there was one.
        - Empty if the daemon is not running.
      type: str
bundle:
  description: The result of the installation, C(changed) and C(version).
  type: dict
  returned: with O(bundle)
packages:
  description: The result of the installation, C(changed), C(version), and C(installed) for the packages that it changes.
  type: dict
  returned: with O(packages)
generation:
  description: The number of the latest committed transaction of the node; 0 before the first one.
  type: int
  returned: when the node was read
validated_by:
  description: V(node) if the C(crio) binary of the node validated the configuration, V(controller) if CRI-O is not installed yet.
  type: str
  returned: when something changes
outranked:
  description:
    - Keys for which the daemon uses a value other than the one in O(files), because a file that is read later or an option of
      the daemon overrides it; C(key), C(wanted) value and C(live) value of each.
  type: list
  elements: dict
  returned: when there are any
without_effect:
  description: Keys that are set, but have no effect on this node; C(key) and C(reason) of each.
  type: list
  elements: dict
  returned: when there are any
verification:
  description:
    - The C(checks), C(failed_checks) and C(version) that M(cri.node.runtime_verify) returns, made after the change was committed;
      the pod and the pulls were made shortly before that. Absent if the node could not be read after the change.
  type: dict
  returned: after a change, with O(verify)
phase:
  description:
    - The phase in which a change failed. In V(refused) and V(validate) nothing was changed on the node; in V(activate),
      V(acknowledge), V(probe) and V(interrupted) the change is undone.
  type: str
  returned: on failure of a change
guard:
  description: The guard that refused the change, see O(overruled_guards).
  type: str
  returned: if a guard refused the change
  sample: handler_in_use
rolled_back:
  description: Whether a failed change was undone.
  type: bool
  returned: on failure of a change
as_before:
  description: Whether the node, including its daemon, is in the same state as before the failed change.
  type: bool
  returned: on failure of a change
"""
