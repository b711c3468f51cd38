# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of each document that controller, node and disk exchange.

The request and the report live as long as one task; the intent, the state, the list of a generation and a result are on the
node's disk, see documents.py. Type checkers alone import this: on a node Python needs longer to create these classes than for all
that a run does with them.
"""

from __future__ import annotations

from typing import Any, TypedDict


class File(TypedDict, total=False):
    """One managed file as the controller describes it."""

    path: str
    owner: str  # crio, registries, crictl, ...
    sha256: str  # of the content; of a secret file it travels in `secret_hashes` alone
    mode: str  # four octal digits
    secret: bool
    disruption: str  # none, reload or restart: what a running daemon needs to load it
    # Dotted key: hash of its value; None for a file that counts as a whole. Those of a secret file are in `secret_key_hashes`.
    key_hashes: dict[str, str] | None


class UnwantedFile(TypedDict, total=False):
    """A file of these owners that is not desired any more."""

    path: str
    owner: str
    disruption: str


class EntrySet(TypedDict):
    """Desired entries of a JSON file that other tools also write, such as auth.json. Nothing else in it is changed."""

    path: str
    owner: str
    mode: str  # of a new file; an existing file keeps its mode, restricted to this one if `secret`
    secret: bool
    disruption: str
    # The hash of each entry, see managed_file.entry_hash, by section and name. A section is the dotted path of an object
    # ("auths", "" for the whole document). The hashes of a secret file are only sent in `secret_hashes`.
    entries: dict[str, dict[str, str]]
    # [section, name] of entries without which no program accepts the file, so that they stay as long as others have any in it.
    required: list[list[str]]


class PlanSummary(TypedDict):
    """A plan as a task's result has it, see runtime_config."""

    disruption: str  # none, reload, restart or drain
    reasons: list[str]
    files: dict[str, str]  # path: create, change or remove


class Probes(TypedDict, total=False):
    """What a change tries with a daemon that has loaded it, before the commit, see transaction/probes.py."""

    pods: list[
        Pod
    ]  # one pod with different names, see pod.once; it is run with each handler. None: no pod is run
    handlers: list[str]
    every_handler: bool  # whether it is run with all handlers of the daemon, too
    pull: list[str]  # images


class Request(TypedDict, total=False):
    """What the controller asks of a node: to read it, the first part is needed, to apply a change all of it."""

    call: str  # settle or apply; none to read
    runtime: str  # crio, which is meant without a name, or containerd
    unit: str
    owners: list[str]
    files: list[File]
    unwanted: list[UnwantedFile]
    shared: list[EntrySet]
    expect: dict[str, str | None]  # dotted key: the value as GET /config prints it, None for no line
    paths: list[str]  # that settings name and CRI-O can do without
    asks_for_crictl: bool
    ready_timeout: int  # seconds

    contents: dict[str, str]
    entries: dict[str, dict[str, dict[str, Any]]]  # path: section: name: value
    remove: list[str]  # whole files; entries of shared files are removed according to their record
    activate: str  # none, reload, start or restart
    reload_keys: list[str]  # of crio.conf, which a reload must make live
    # Whether CRI-O is sure to log that it has reloaded; if not, the live values of reload_keys show it too.
    reload_is_logged: bool
    concerns_daemon: bool
    daemon_reload: bool
    id: str
    fingerprint: str
    overruled_guards: list[str]  # see transaction/guards.py
    coming: list[str]  # in check mode: paths that an earlier task of a run would have installed
    plan: PlanSummary  # recorded with the generation, for people
    observe: ObservationOptions  # what a verification after the change asks; empty for none
    probes: Probes
    bundle: Bundle | None  # what replaces the programs of CRI-O, if anything does


class Program(TypedDict):
    """A file of a bundle, unpacked on the node."""

    path: str  # where it is installed
    source: str  # the path of its content
    mode: str  # four octal digits


class Bundle(TypedDict):
    """The programs that a change installs, and what is recorded of them."""

    programs: list[Program]
    crio: str  # the path of the daemon's program, which is one of them
    record: str  # the path of the record
    recorded: dict[str, Any]  # its format, and the version and SHA-256 of the bundle


class RollbackRequest(TypedDict, total=False):
    """What runtime_rollback asks of a node: `read` needs the first part, `apply` all of it. The rest is on the node."""

    call: str  # read or apply
    unit: str
    generation: int  # 0 for the one before the latest
    ready_timeout: int  # seconds
    show_contents: bool  # whether the answer contains the contents of files that are not secret, for --diff

    writes: list[str]  # paths
    remove: list[str]
    activate: str
    reload_keys: list[str]
    reload_is_logged: bool
    concerns_daemon: bool
    daemon_reload: bool
    id: str
    fingerprint: str
    overruled_guards: list[str]
    coming: list[str]
    plan: PlanSummary


class RemovalRequest(TypedDict, total=False):
    """What runtime_removal asks of a node: `apply` needs all of it, the other calls the first part."""

    call: str  # read, begin, apply or finish
    unit: str
    owners: list[str]  # beside those that the state has
    unwanted: list[UnwantedFile]  # for a node that has lost its state
    ready_timeout: int  # seconds
    show_contents: bool  # whether the answer contains the contents of files that are not secret, for --diff
    storage: bool  # whether the storage is removed, too
    prerequisites: (
        dict[str, Any] | None
    )  # a request that puts back what was changed on the host; None to leave it
    overruled_guards: list[str]
    directories: list[str]  # that a prediction has named, for `finish`
    coming: list[str]

    writes: list[str]  # paths
    remove: list[str]
    activate: str
    reload_keys: list[str]
    reload_is_logged: bool
    concerns_daemon: bool
    daemon_reload: bool
    id: str
    fingerprint: str
    plan: PlanSummary


class RemovalChange(Request, total=False):
    """The change of a removal: what it writes is not ours afterwards."""

    removal: bool


class RemovalFindings(TypedDict):
    """What one part of a removal does or has done."""

    removed: list[dict[str, str]]  # subject and name
    kept: list[dict[str, str]]  # subject, name and reason
    warnings: list[str]


class EarlierFile(TypedDict):
    """A file of a generation, as far as the controller needs it for a plan and a diff."""

    mode: str
    secret: bool
    disruption: str
    content: str  # "" if it must not be shown, or was not asked for


class EarlierFileSet(TypedDict):
    """The files of the generation that a rollback restores."""

    generation: int
    files: dict[str, EarlierFile]  # by path


class HostPath(TypedDict):
    """A path of the node that a pod mounts."""

    key: str  # where the manifest names it, for messages
    type: str  # as Kubernetes names it, "" for any
    path: str


class PodContainer(TypedDict):
    """A container of a pod as the runtime is asked for it."""

    name: str
    pull: str  # imagePullPolicy
    oom: int | str  # guaranteed, best-effort, or the bytes of memory that are requested
    config: dict[str, Any]  # CRI's ContainerConfig


class Pod(TypedDict):
    """A pod as the runtime is asked for it; plugin_utils/pod/manifest.py makes it of a manifest."""

    name: str
    namespace: str
    uid: str
    handler: str  # "" for the default one
    host_paths: list[HostPath]
    sandbox: dict[str, Any]  # CRI's PodSandboxConfig
    init_containers: list[PodContainer]
    containers: list[PodContainer]


class ObservationOptions(TypedDict, total=False):
    """What a verification asks of a node beside its files, see observation.observe."""

    pods: list[Pod]
    pull: list[str]  # images
    metrics_port: int  # 0 for the live one
    timeout: int  # seconds for a pod and for each pull


class ObservationRequest(Request, ObservationOptions, total=False):
    """What a verification asks of a node, see observation.observe."""


class FoundFile(TypedDict, total=False):
    """What is at a path, see node_files.describe. Where the type is absent nothing else is known."""

    file_type: str  # absent, file (a regular one), symlink, directory or other
    mode: str  # four octal digits
    uid: int
    gid: int
    inode: int
    modified: int  # nanoseconds
    changed_at: float  # the inode's change time, seconds since the epoch
    sha256: str  # of a regular file


class _ChangedEntry(TypedDict):
    section: str
    name: str
    change: str  # add, change or remove


class ChangedEntry(_ChangedEntry, total=False):
    """An entry of a shared file that a run would write or remove."""

    # As JSON, where they may be shown: the present value, and that of another tool which is written back.
    before: str
    after: str


class ReportedFile(FoundFile, total=False):
    """One path of a report."""

    owner: str  # of a file that is not desired any more
    disruption: str
    same_content: bool
    secret: bool
    shared: bool  # other tools also write it: all other keys only concern our entries
    changed_entries: list[ChangedEntry]  # of a shared file
    is_removed: bool  # of a shared file: whether a run removes all of it, since nobody else has an entry
    as_wanted: bool
    as_committed: bool  # whether it still matches what the last change committed; absent if none did, or this is unknown
    loaded: bool  # whether the running daemon has read these bytes
    # The keys whose desired values are not those that the running daemon has loaded from this file; absent if that is unknown.
    unloaded_keys: list[str]
    content: str  # where it differs and may be shown
    identity: list[Any]  # what the fingerprint is made of; it does not leave the node


class CrioReport(TypedDict):
    """CRI-O on a node, or the runtime that the request names instead."""

    installed: bool
    binary: str | None
    version: str | None
    config_path: str
    config_directory: str
    socket: str
    redirected_by: str
    wrapped_by: str


class UnitReport(TypedDict):
    """The runtime's systemd unit on a node."""

    name: str
    exists: bool
    masked: bool
    phase: str  # serving, stopped or between
    state: str  # systemd's words
    active: bool
    enabled: bool
    invocation_id: str
    kill_mode: str
    needs_daemon_reload: bool
    reloads: bool
    binary_replaced: bool


class ReloadReport(TypedDict, total=False):
    """Whether a reload can be relied on; empty where no file needs to know."""

    log_level: str | None
    log_filter: str | None
    options: list[str]  # names of the daemon's options and of its CONTAINER_* variables
    invisible: str  # why the daemon's lines cannot be seen in the journal


class ImageInUse(TypedDict):
    """A name that an image of a node or a running container has."""

    name: str
    pinned: bool
    pods: list[str]  # NAMESPACE/NAME of the running ones whose containers have this name


class RegistriesOfNode(TypedDict):
    """The files that decide where a node pulls images from."""

    main: str  # the path of registries.conf
    folders: list[str]  # of its drop-ins, in their order
    files: list[RegistriesFile]  # in the order of containers/image
    aliases: RegistriesFile | None  # what containers/image has recorded
    short_name_mode: str  # crio.image.short_name_mode, "" if it is not known


class _RegistriesInUse(RegistriesOfNode):
    reloads_itself: bool  # crio.image.auto_reload_registries
    images: list[ImageInUse]


class RegistriesInUse(_RegistriesInUse, total=False):
    """What a change of registries may concern, see crio.registries_in_use."""

    problem: str  # why the images are not known


class _Report(TypedDict, total=False):
    registries: RegistriesInUse  # if a run would change them while the daemon runs
    runtime: str  # another one than CRI-O, which the report is then about
    hosts_directories: list[str]  # where containerd looks for the hosts.toml of a registry


class Report(_Report):
    """What is on a node and what its daemon has loaded, see node_state.read."""

    crio: CrioReport
    unit: UnitReport
    crictl_version: str | None
    selinux: bool
    root_registries: str
    files: dict[str, ReportedFile]
    orphans: dict[str, ReportedFile]
    live: dict[str, str | None]
    effective: dict[str, str | None]
    missing_paths: list[str]
    newer_paths: list[str]
    unanswered_paths: list[str]
    reload: ReloadReport
    generation: int
    interrupted: bool
    notes: list[str]
    fingerprint: str


class Metrics(TypedDict, total=False):
    """What the daemon's metrics answered; empty where it does not report its configuration."""

    enabled: bool
    port: int
    url: str
    socket: str  # a further one, which is not asked
    lines: int  # of CRI-O's own metrics
    error: str


class HelloWorld(TypedDict, total=False):
    """How the hello-world pod ended; empty where none was asked for."""

    log_lines: int
    error: str
    kubelet: bool  # whether one runs, which may have removed the pod


class Observation(TypedDict, total=False):
    """What a verification sees of a node, see observation.observe. Of a daemon that does not run: `state` and `owners`."""

    state: Report
    owners: list[str]  # those whose files a run has brought to this node
    configuration_error: str  # why the daemon does not report its configuration, or empty
    plugin_dirs: dict[str, int]  # directory of CNI plugins: number of its programs
    plugin_dir_errors: dict[str, str]  # directory: why it cannot be read
    cni_files: list[str]
    conditions: list[dict[str, Any]]  # see crictl.info.conditions; absent where conditions_error says why
    conditions_error: str
    handlers: list[str]  # absent where crictl does not list them, or handlers_error says why
    handlers_error: str
    metrics: Metrics
    pod: HelloWorld
    pulls: dict[str, str]  # image: why it cannot be pulled, or empty


class FoundSetting(TypedDict, total=False):
    """One key or table of a TOML document, see crio.configuration_files.settings."""

    path: list[str]
    # string, boolean, integer, strings (a list), table of strings, table, list (of other values), float or time
    type: str
    value: Any  # absent if the key is unknown, secret, or of another type than CRI-O's keys have
    secret: bool  # the value may be a secret and is not returned
    empty: bool  # whether a secret value is empty


class ConfigurationFile(TypedDict, total=False):
    """One file that CRI-O reads, in its order. What is not known is absent."""

    path: str
    target: str  # of a link: the file behind it
    mode: str  # four octal digits
    uid: int
    gid: int
    size: int
    modified: int  # nanoseconds
    changed_at: float  # the inode's change time, seconds since the epoch
    sha256: str  # only of a file that everybody can read and that has no secret: a short secret could be guessed from it
    header_owner: str  # the role that the header names; a copy of the file has it too
    problem: dict[str, str]  # kind (not_toml, not_a_file, unreadable, denied, limit) and reason, a predicate
    settings: list[FoundSetting]  # tables before what is in them


class FoundOption(TypedDict, total=False):
    """An option or a variable that the daemon was started with."""

    name: str
    form: str  # of an option: the name or letter that was used, without dashes
    known: bool
    value: str  # absent for secrets and unknown options


class ConfigurationRequest(TypedDict):
    """What crio_config_facts asks its node."""

    unit: str
    timeout: int  # seconds
    # By dotted key, * for names of handlers and workloads: whether its values may be returned, or the list of those that may.
    keys: dict[str, bool | list[Any]]
    options: dict[str, dict[str, Any]]  # see crio.configuration.options
    variables: dict[str, bool]  # by name: whether its value may be returned


class ConfigurationReport(TypedDict):
    """What a node returns to crio_config_facts, see crio.configuration.read."""

    version: str | None
    config_path: str
    config_directory: str
    is_named: bool  # an option or variable names config_path, which then must exist
    socket: str
    unit: dict[str, Any]  # name, exists, state, reloads
    started_at: float | None  # of the daemon's process, seconds since the epoch
    folders_changed_at: float | None  # when a file was last added, renamed or removed below crio.conf.d
    files: list[ConfigurationFile]
    recorded: (
        dict[str, str] | None
    )  # path: role, of the files that the collection wrote; None if that is not known
    options: list[FoundOption]
    variables: list[FoundOption]
    live: list[FoundSetting] | None
    live_problem: str  # why live is None
    notes: list[str]  # what could not be read


class _RegistriesFile(TypedDict):
    path: str
    drop_in: bool


class RegistriesFile(_RegistriesFile, total=False):
    """A file of registries as containers/image reads it. Either `data` or `problem` exists."""

    data: dict[str, Any]  # the parsed document; null for the value of a name that the format does not have
    problem: str  # a predicate of the path


class _AuthKeys(TypedDict):
    path: str
    keys: list[str]  # with a credential
    empty_keys: list[str]
    helpers: list[str]  # keys of credHelpers
    old_format: bool


class AuthKeys(_AuthKeys, total=False):
    """The keys of an auth file; its values stay on the node."""

    problem: str  # a predicate of the path


class RegistriesRequest(TypedDict):
    """What registry_resolve asks its node."""

    unit: str
    timeout: int  # seconds


class RegistriesReport(RegistriesOfNode):
    """What a node returns to registry_resolve, see crio.registries.read."""

    hidden: list[str]  # files below /etc that are not read because of root's own
    auth: list[AuthKeys]
    pause_image: str  # crio.image.pause_image, "" if it is not known
    notes: list[str]


class Process(TypedDict):
    """Distinguishes a process from a later one with the same number."""

    pid: int
    started: str  # clock ticks since boot


class Monitor(Process, total=False):
    """A process that holds a container's output (conmon); what its command line does not name is absent."""

    groups: list[str]  # its control groups
    id: str  # of the container
    name: str
    runtime: str  # the handler's program
    runtime_root: str
    exit_dir: str
    bundle: str
    persistent: str
    container: Process  # where that process lives


class _Container(TypedDict):
    id: str


class Container(_Container, total=False):
    """A container that ran before a change, see crio.containers.snapshot."""

    name: str
    monitor: Process
    groups: list[str]
    exit_dir: str
    container: Process


class HandledPod(TypedDict):
    """A pod with containers that run now, by the handler that it was started with."""

    name: str
    namespace: str
    handler: str  # "" for the default one
    containers: list[str]  # ids


class OverruledGuard(TypedDict):
    """A guard that would have refused a change, and was overruled."""

    guard: str  # one of transaction/guards.py
    message: str  # what is lost
    containers: list[str]  # the ids of those that may be lost


class _Before(TypedDict):
    aim: str  # up or down: what systemd was aiming at
    enabled: bool
    invocation_id: str
    running: list[Container]
    network_ready: bool
    live: dict[str, str | None]  # the keys that a reload changes, as GET /config printed them


class Before(_Before, total=False):
    """The daemon before a change: what must not be worse afterwards."""

    # Not read from an intent: a change that is undone must bring these containers back, too.
    overruled: list[OverruledGuard]


class Undo(TypedDict, total=False):
    """How one path is brought back."""

    path: str
    kind: str  # FoundFile's file_type, under the name that it has on disk
    saved: str  # the old file itself, kept beside by a hard link (or a copy where there are none)
    stage: str  # the folder that `saved` is in; absent in format 1
    sha256: str
    # Of a program, instead of its hash: see transaction/programs.py. None if there was none.
    identity: list[int] | None
    mode: str
    uid: int
    gid: int
    # Of a shared file: the new hash of each entry that the change writes, by section and name; None for a removed entry.
    # Only these entries are restored if the file has been changed since.
    entries: dict[str, dict[str, str | None]]
    staged: str | None  # SHA-256 of the whole new file, None if the change removes it


class Preparation(TypedDict):
    """What a change writes beside the configuration: on disk before the first of it, removed after the last of it.

    Whoever finds it without an intent removes all of that; the change had not begun, or has ended.
    """

    format: int
    id: str
    runtime: str  # as in the request
    stages: list[str]


class ProbedPod(TypedDict):
    """What identifies a pod that a probe may have left."""

    name: str
    namespace: str
    uid: str


class ProbeRecord(TypedDict):
    """What the probes of a change may leave on a node: on disk before the first of it, removed after the last of it.

    Whoever finds it removes all of that: the change was killed, or the runtime did not answer.
    """

    format: int
    runtime: str  # as in the request
    unit: str
    pods: list[ProbedPod]
    images: list[str]  # names that the runtime did not have
    present: list[str]  # IDs of the images that it had; these stay under any name


class Intent(TypedDict):
    """A change that has begun: on disk before the first rename, with all that going back needs."""

    format: int
    id: str
    runtime: str  # as in the request
    unit: str
    activate: str
    undo: list[Undo]
    stages: list[str]  # folders with new and old copies of files, one for each file system
    directories: list[str]  # that the change makes, deepest first
    before: Before | None  # None where no daemon is concerned
    program: str


class CommittedFile(TypedDict):
    """A managed file as it was committed."""

    sha256: str
    mode: str
    secret: bool
    disruption: str
    key_hashes: dict[str, str] | None  # see File; None if they were not recorded


class OwnedFile(CommittedFile):
    """A committed file with its owner."""

    owner: str


class KeptFile(OwnedFile):
    """A file of one generation."""

    saved: str | None  # the name of its content in the generation's folder


class _CommittedEntries(TypedDict):
    entries: dict[str, dict[str, str]]  # the hash by section and name
    created: bool  # whether we created the file; then it is removed with its last entry
    secret: bool
    disruption: str


class CommittedEntries(_CommittedEntries, total=False):
    """Our entries in a shared file at the time of the commit. A file that may contain a secret has no values here."""

    values: dict[str, dict[str, Any]]  # of our entries, by section and name
    # What others had there before our first change, which returns with our last one.
    replaced: dict[str, dict[str, Any]]
    required: list[list[str]]  # as in EntrySet; absent if there are none
    original: str  # the text of the whole file before our first change of it


class Generation(TypedDict):
    """The list of a generation. `created_at` and `plan` are for people: nothing depends on them."""

    files: dict[str, KeptFile]
    shared: dict[str, dict[str, CommittedEntries]]  # owner: {path: ...}
    # When its change was prepared, RFC 3339 in UTC. Earlier versions of the collection record neither this nor the plan.
    created_at: str | None
    plan: PlanSummary | None


class FileIdentity(TypedDict, total=False):
    """Distinguishes a file from a later one at the same path; format 1 of the state only has the hash."""

    sha256: str | None
    inode: int | None
    modified: int | None  # nanoseconds


class Acknowledged(TypedDict):
    """What the daemon with this InvocationID has loaded."""

    invocation_id: str
    files: dict[str, FileIdentity]


class Binary(TypedDict, total=False):
    """The crio that was asked for its version; empty where none was."""

    identity: list[Any]  # see crio.service.binary_identity
    version: str | None


class _State(TypedDict):
    format: int
    generation: int
    transaction: str
    owners: dict[str, dict[str, CommittedFile]]  # owner: {path: ...}
    acknowledged: Acknowledged
    binary: Binary


class State(_State, total=False):
    """The committed state. The rename of its file is the commit."""

    # Owner: {path: ...}; absent if there are none. Versions that do not know this key do not change the entries.
    shared: dict[str, dict[str, CommittedEntries]]
    origin: (
        Origin  # absent before the first change, and where an earlier version of the collection has made it
    )


class Original(TypedDict):
    """A file of somebody else that a managed file has replaced."""

    owner: str  # of the managed file
    disruption: str
    mode: str  # four octal digits
    uid: int
    gid: int
    content: str | None  # in base64; None if it may be secret or is large, so that it is not kept


class Origin(TypedDict):
    """What the node was before the first change, as far as nothing else on it shows that."""

    enabled: bool | None  # whether the unit was enabled; None if that is unknown
    first_unit_change: bool  # whether no change has concerned the unit yet
    directories: list[str]  # that changes have created
    files: dict[str, Original]  # by path
    restored: (
        bool  # whether a removal has given the files back, so that nothing of the state is ours any more
    )


class BundleRecord(TypedDict):
    """What the installation of a bundle recorded on the node."""

    sha256: str  # of the bundle
    version: str  # of its CRI-O
    binary: list[Any]  # crio_service.binary_identity of its crio
    files: (
        dict[str, str] | None
    )  # {path: SHA-256} of all that it installed; None: format 1, which does not list them
    directories: list[str]  # that did not exist before, and that it or CRI-O created, outermost first
    replaced: list[str]  # those of `files` that replaced a file of somebody else


class Outcome(TypedDict, total=False):
    """How a transaction ended."""

    format: int
    id: str
    unit: str  # of a change that was interrupted
    committed: bool
    generation: int
    invocation_id: str
    outranked: dict[str, str | None]
    failed: bool
    phase: str
    running: int  # containers that run on the node: of a prediction, a committed change, and one that requires a drain
    disruption: str  # drain, if the change was refused because it would stop, remove or lose containers
    guard: str  # that refused the change
    overruled: list[OverruledGuard]  # guards that would have refused the change
    message: str
    detail: str
    probed: dict[str, str]  # of a probe that failed: handler or image
    rolled_back: bool
    open: bool  # whether files could not be brought back yet
    as_before: bool
    problem: str
    warnings: list[str]
