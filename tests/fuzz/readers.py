# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of everything in the collection that reads the output of crictl, one row each.

A row is the name of a reader (`module:function` below plugins/) and a call of it. A reader that creates a Crictl itself
gets one that replays the mutated output for one command, and the recorded output for all others.
"""

import contextlib
import functools
import gzip
import io
import itertools
import json
import os
import tarfile
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from ansible_collections.cri.node.plugins.module_utils import observation
from ansible_collections.cri.node.plugins.module_utils.crictl import (
    call,
    container_details,
    container_facts,
    container_output,
    failure,
    image_facts,
    image_output,
    image_use,
    info,
    inspection,
    log_facts,
    pod_output,
    queries,
    runtime_facts,
)
from ansible_collections.cri.node.plugins.module_utils.crictl import log as cri_log
from ansible_collections.cri.node.plugins.module_utils.crictl.log_selection import Selection, newest
from ansible_collections.cri.node.plugins.module_utils.crio import containers as crio_containers
from ansible_collections.cri.node.plugins.module_utils.crio import daemon, live, running_pods
from ansible_collections.cri.node.plugins.module_utils.errors import PodError, TransactionError
from ansible_collections.cri.node.plugins.module_utils.image import absent as image_absent
from ansible_collections.cri.node.plugins.module_utils.image import archive as image_archive
from ansible_collections.cri.node.plugins.module_utils.image import imported as image_imported
from ansible_collections.cri.node.plugins.module_utils.image import present as image_present
from ansible_collections.cri.node.plugins.module_utils.image import store as image_store
from ansible_collections.cri.node.plugins.module_utils.image import ways as image_ways
from ansible_collections.cri.node.plugins.module_utils.migration import engine as migration_engine
from ansible_collections.cri.node.plugins.module_utils.migration import images as migration_images
from ansible_collections.cri.node.plugins.module_utils.pod import config_hash
from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host
from ansible_collections.cri.node.plugins.module_utils.pod import once as pod_once
from ansible_collections.cri.node.plugins.module_utils.pod import present as cri_pod
from ansible_collections.cri.node.plugins.module_utils.pod import result as pod_result
from ansible_collections.cri.node.plugins.module_utils.text import beginning
from ansible_collections.cri.node.plugins.module_utils.transaction import losses, probes
from fuzz.mutations import Input
from fuzz.recorded import ANSWERS, CONTAINER, UNUSED

_ALL_PS = dict.fromkeys(("states", "id", "name", "pod", "namespace", "image", "labels"), None)
_LOGS = {
    "id": None,
    "name": None,
    "pod": "web",
    "namespace": None,
    "previous": False,
    "rotated": True,
    "format": "entries",
}


class Reader(NamedTuple):
    """A reader, and the commands whose output reaches it."""

    read: Callable[["Given"], object]
    sources: Sequence[str] = ()


class Messages(list):
    """Texts that a reader returns for people; each is checked like an error message."""


class Given:
    """One output in the form that each reader needs, and a folder for files."""

    def __init__(self, given: Input, folder: Path):
        self.source, self.data, self.folder = given.source, given.data, folder

    @functools.cached_property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @functools.cached_property
    def _parsed(self):
        try:
            return call.parse(self.data, self.source), None
        except call.CrictlError as error:
            return None, error

    @property
    def document(self):
        """Return what Crictl.json returns. Raises CrictlError for invalid output."""
        document, error = self._parsed
        if error:
            raise error
        return document

    @functools.cached_property
    def log(self) -> str:
        """Return the path of a log file that contains the output."""
        path = self.folder / "0.log"
        path.write_bytes(self.data)
        return str(path)

    @property
    def packed_log(self) -> str:
        """Return the path of a log whose rotated files contain the output, compressed and in place of compressed data."""
        path = self.folder / "packed" / "0.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        (path.parent / "0.log.20261124-000000.gz").write_bytes(gzip.compress(self.data, 1))
        (path.parent / "0.log.20261123-000000.gz").write_bytes(b"\x1f\x8b\x08" + self.data)
        return str(path)


class Replay(call.Crictl):
    """A Crictl that does not run anything. Recorded answers are parsed once."""

    given: Given

    def __init__(self, *_arguments, **_options):
        self.endpoint = self.image_endpoint = call.ENDPOINT
        self.timeout, self.binary = 10, "crictl"

    def json(self, command, *_arguments):
        return self.given.document if command == self.given.source else _recorded(command)

    def together(self, *calls):
        return [each() for each in calls]  # threads cost more than all else here

    def _run(self, name, *_arguments):
        return self.given.data if name == self.given.source else ANSWERS[name]


@functools.cache
def _recorded(command):
    return call.parse(ANSWERS[command], command)


@functools.cache
def _known_pods():
    return pod_output.pods(_recorded("pods"))


def _of_document(read: Callable) -> Callable[[Given], object]:
    return lambda given: read(given.document)


def _of_text(read: Callable) -> Callable[[Given], object]:
    return lambda given: read(given.text)


def _of_crictl(read: Callable) -> Callable[[Given], object]:
    return lambda _given: read(Replay())


def _first(document):
    """Return the first entry of any list, else the document itself."""
    lists = (
        (each for each in document.values() if isinstance(each, list) and each)
        if isinstance(document, dict)
        else iter(())
    )
    return next(lists, [document])[0]


def _status(document):
    """Return the status of crictl inspect; empty if it has none."""
    status = document.get("status") if isinstance(document, dict) else None
    return status if isinstance(status, dict) else {}


def _each_failure(given: Given):
    """Return the errors from this output of crictl, on either stream and with any exit status."""
    failures = [
        failure.failure("pull", 1, b"", given.data),
        failure.failure("pull", 1, given.data, b""),
        failure.failure("ps", -9, given.data, given.data),
    ]
    return Messages(map(str, failures))


def _text(given: Given):
    return Replay().text(given.source)


def _newest(given: Given, path: str, **selection):
    with cri_log.Log(path) as log:
        entries, truncated = newest([log], Selection(**selection))
        return [each.as_dict() for each in entries], truncated, log.malformed, [*log.warnings]


def _defaults(handlers):
    named = [each["name"] for each in handlers or () if "name" in each]
    return [info.with_default_handler(handlers or [], each) for each in ("crun", *named[:3])]


POD = {
    "name": "web",
    "namespace": "default",
    "uid": "u",
    "handler": "",
    "host_paths": [],
    "sandbox": {"annotations": {cri_pod.HASH: "x"}, "log_directory": "/nowhere"},
    "init_containers": [],
    "containers": [
        {
            "name": "c0",
            "oom": "best-effort",
            "pull": "IfNotPresent",
            "config": {
                "image": {"image": "app:1"},
                "envs": [{"key": "A", "value": "hunter2hunter2"}],
                "linux": {"resources": {}},
            },
        }
    ],
}


def _pod(given: Given):
    return {**POD, "sandbox": {**POD["sandbox"], "log_directory": str(given.folder / "pod")}}


def _known(found):
    """Return pods that look like ours, because _find omits all others."""
    for sandbox, _containers in found:
        sandbox["annotations"].setdefault(cri_pod.HASH, "x")
    return found


def _present(given: Given, wait="ready"):
    return cri_pod.present(Replay(), _pod(given), wait=wait)


def _like(given: Given):
    crictl = Replay()
    pods, containers = (
        pod_output.sandboxes(crictl.json("pods")),
        container_output.containers(crictl.json("ps")),
    )
    found = _known([(pods[0], [dict(each, name="c0") for each in containers[:1]])]) if pods else []
    here = cri_pod._like(crictl, _pod(given), found)
    return here and pod_result.of(_pod(given), here)


def _former(given: Given):
    crictl = Replay()
    containers = container_output.containers(crictl.json("ps"))
    return pod_result.former(
        [(each, containers[:50]) for each in pod_output.sandboxes(crictl.json("pods"))[:50]]
    )


def _removed(_given: Given):
    crictl = Replay()
    containers = container_output.containers(crictl.json("ps"))[:20]
    for sandbox in pod_output.sandboxes(crictl.json("pods"))[:20]:
        cri_pod._remove(crictl, sandbox, containers)


def _failure(given: Given):
    """Return a failure with the output of crictl, of a container and its log."""
    pod = _pod(given)
    details = list(container_details.details(_recorded("inspect")).values())
    with contextlib.suppress(Exception):
        details = list(container_details.details(given.document).values()) or details
    ended = cri_pod._ended(
        {
            **details[0],
            "name": "c0",
            "exit_code": 1,
            "message": given.text,
            "reason": beginning(given.text, 50),
        }
    )
    errors = (ended, PodError(str(failure.failure("start", 1, b"", given.data)), "c0"))
    failures = [
        pod_result.failure(pod, each, "The pod was removed again", pod_host.last_lines(given.log))
        for each in errors
    ]
    told([(each.log, each.exit_code, each.reason) for each in failures])
    return Messages(map(str, failures))


def _find_logs(by):
    def find(given: Given):
        options = {**_LOGS, **by}
        found = log_facts.find(Replay(), options)
        if not found:
            return []
        for each in found:
            each["log_path"] = given.log
        with contextlib.ExitStack() as stack:
            logs, warnings = log_facts.open_logs(found[:3], True, stack)
            entries, truncated = newest(logs, Selection())
            return log_facts.describe(logs, entries, truncated, options), warnings

    return find


_SERVICE = types.SimpleNamespace(
    aim="up",
    enabled=True,
    invocation_id="x",
    active=True,
    socket="/run/crio/crio.sock",
    control_group="/system.slice/crio.service",
    kill_mode="control-group",
)
_BEFORE = {"running": [{"id": "gone"}, {"id": CONTAINER}], "network_ready": True}


def _what_lacks(_given: Given):
    """Like daemon.probe, turn a clause into a message, and sentences about what ended into a result."""
    before = {
        **_BEFORE,
        "running": crio_containers.snapshot(container_output.running(_recorded("ps"))) + _BEFORE["running"],
    }
    lacking, ended = daemon._what_lacks(Replay(), _SERVICE, before)
    if lacking:
        raise TransactionError("probe", f"after 5 s {lacking}")
    assert all(map(str.isprintable, ended)), ended
    return ended


def _effective(given: Given):
    """Return the daemon's effective configuration, mutated or as recorded."""
    return live.live_configuration("/nowhere.sock") if given.source == "config" else None


def _handlers_in_use(_given: Given):
    found = losses._of_changed_handlers(_SERVICE, [], live.parse_lines(ANSWERS["config"].decode()))
    return [loss.message for loss in found]


_IMAGES = ["172.17.0.1:5000/hello:1", "example.com/other:1", CONTAINER]


def _archive(given: Given):
    """Read an archive whose documents and manifest are the output."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name in ("manifest.json", "index.json", "c.json", f"blobs/sha256/{'a' * 64}"):
            if name == "manifest.json" and not given.data.lstrip().startswith(b"["):
                continue
            member = tarfile.TarInfo(name)
            member.size = len(given.data)
            archive.addfile(member, io.BytesIO(given.data))
    return image_archive.read(output)


def _import(_given: Given):
    wanted = {"kind": "docker-archive", "images": [{"source": "", "names": _IMAGES[:1], "ids": ["a" * 64]}]}
    return image_imported.imported(Replay(), wanted, None)


class _Engine(migration_engine.Engine):
    """An engine with CRI that serves, without the units of this machine."""

    def __init__(self):
        self.name, self.title, self.endpoint = "crio", "CRI-O", call.ENDPOINT
        self.known = {"main": [], "namespace": "", "keeps_manifests": False}
        self.units = {}


def _of_engine(read: Callable) -> Callable[[Given], object]:
    return lambda _given: read(_Engine())


def _way(_given: Given):
    return type(image_ways.of(Replay(), set())).__name__


_TEXTS = ("log", "stderr", "create")  # for readers of any text that cost more than others
#: A new reader of crictl's output is a new row here; tests/unit/fuzz/test_fuzz.py notices one that is missing.
READERS: dict[str, Reader] = {
    "module_utils.crictl.call:Crictl.json": Reader(lambda given: type(Replay().json(given.source)).__name__),
    "module_utils.crictl.call:Crictl.text": Reader(_text),
    "module_utils.crictl.queries:containers": Reader(_of_crictl(queries.containers), ("ps", "pods")),
    "module_utils.crictl.queries:container_details": Reader(
        _of_crictl(lambda crictl: queries.container_details(crictl, [CONTAINER])), ("inspect", "ps")
    ),
    "module_utils.crictl.queries:pod_details": Reader(
        _of_crictl(lambda crictl: queries.pod_details(crictl, [CONTAINER], inspection.pods)),
        ("inspectp", "pods"),
    ),
    "module_utils.crio.running_pods:listed": Reader(
        _of_crictl(lambda crictl: sorted(running_pods.listed(crictl))), ("pods",)
    ),
    "module_utils.crictl.call:parse": Reader(
        lambda given: type(call.parse(given.data, given.source)).__name__, ("ps", "inspect", "inspectp")
    ),
    "module_utils.crictl.failure:failure": Reader(_each_failure),
    "module_utils.crictl.info:info": Reader(_of_document(info.info)),
    "module_utils.crictl.info:conditions": Reader(_of_document(info.conditions)),
    "module_utils.crictl.info:handler_names": Reader(_of_document(info.handler_names)),
    "module_utils.crictl.info:configured_handlers": Reader(_of_document(info.configured_handlers)),
    "module_utils.crictl.info:with_default_handler": Reader(
        _of_document(lambda each: _defaults(info.info(each).get("handlers")))
    ),
    "module_utils.crictl.info:version": Reader(_of_text(info.version)),
    "module_utils.crictl.info:cgroup_driver": Reader(_of_text(info.cgroup_driver)),
    "module_utils.crictl.pod_output:printed_identity": Reader(_of_text(pod_output.printed_identity)),
    "module_utils.crictl.container_output:containers": Reader(_of_document(container_output.containers)),
    "module_utils.crictl.container_output:container": Reader(
        _of_document(lambda each: container_output.container(_first(each)))
    ),
    "module_utils.crictl.container_output:running": Reader(_of_document(container_output.running)),
    "module_utils.crictl.pod_output:pods": Reader(_of_document(pod_output.pods)),
    "module_utils.crictl.pod_output:with_pod": Reader(
        _of_document(
            lambda each: [
                pod_output.with_pod(item, _known_pods()) for item in container_output.containers(each)
            ]
        )
    ),
    "module_utils.crictl.pod_output:sandboxes": Reader(_of_document(pod_output.sandboxes)),
    "module_utils.crictl.pod_output:sandbox": Reader(
        _of_document(lambda each: pod_output.sandbox(_first(each)))
    ),
    "module_utils.crictl.pod_output:sandbox_status": Reader(_of_document(pod_output.sandbox_status)),
    "module_utils.crictl.container_details:details": Reader(_of_document(container_details.details)),
    "module_utils.crictl.container_details:detail": Reader(_of_document(container_details.detail)),
    "module_utils.crictl.container_output:image": Reader(
        _of_document(lambda each: container_output.image(_status(each)))
    ),
    "module_utils.crictl.image_output:image_ids": Reader(_of_document(image_output.image_ids)),
    "module_utils.crictl.image_output:image_id": Reader(_of_document(image_output.image_id)),
    "module_utils.crictl.image_output:images": Reader(_of_document(image_output.images)),
    "module_utils.crictl.image_output:image": Reader(
        _of_document(lambda each: image_output.image(_first(each)))
    ),
    "module_utils.crictl.image_output:file_systems": Reader(_of_document(image_output.file_systems)),
    "module_utils.crictl.image_output:bare_id": Reader(
        _of_document(lambda each: [*map(image_output.bare_id, image_output.image_ids(each))])
    ),
    "module_utils.crictl.image_output:image_status": Reader(_of_document(image_output.image_status)),
    "module_utils.crictl.image_output:created": Reader(_of_document(image_output.created)),
    "module_utils.image.archive:read": Reader(_archive, ("archive",)),
    "module_utils.image.store:find": Reader(
        _of_crictl(lambda crictl: image_store.find(crictl, _IMAGES, image_store.listed(crictl))),
        ("images", "inspecti"),
    ),
    "module_utils.image.present:present": Reader(
        _of_crictl(lambda crictl: image_present.present(crictl, _IMAGES, latest=True)),
        ("images", "inspecti"),
    ),
    "module_utils.image.absent:absent": Reader(
        _of_crictl(lambda crictl: image_absent.absent(crictl, [UNUSED])),
        ("images", "inspecti", "ps", "pods", "version"),
    ),
    "module_utils.image.absent:prune": Reader(
        _of_crictl(lambda crictl: image_absent.prune(crictl, ["*"], [], "2027-01-01T00:00:00.000000000Z")),
        ("images", "inspecti", "ps", "pods"),
    ),
    "module_utils.migration.engine:Engine.running": Reader(
        _of_engine(lambda engine: engine.running()), ("ps", "pods")
    ),
    "module_utils.migration.engine:Engine.driver": Reader(
        _of_engine(lambda engine: engine.driver()), ("info", "runtime-config")
    ),
    "module_utils.migration.engine:_driver_of_containerd": Reader(
        _of_document(migration_engine._driver_of_containerd), ("info",)
    ),
    "module_utils.migration.engine:Engine.fault": Reader(
        _of_engine(lambda engine: engine.fault()), ("info",)
    ),
    "module_utils.migration.images:planned": Reader(
        _of_engine(lambda engine: migration_images.shown_rows(migration_images.planned(engine, _Engine()))),
        ("images", "inspecti"),
    ),
    "module_utils.image.imported:imported": Reader(_import, ("images", "version", "config")),
    "module_utils.image.ways:of": Reader(_way, ("version", "config")),
    "module_utils.crictl.image_use:used_by": Reader(
        _of_crictl(
            lambda crictl: image_use.used_by(
                image_output.images(crictl.json("images")), queries.containers(crictl)
            )
        ),
        ("images", "ps", "pods"),
    ),
    "module_utils.crictl.image_facts:read": Reader(
        _of_crictl(
            lambda crictl: image_facts.read(
                crictl, {"id": ["c3"], "name": ["*"], "pinned": None, "in_use": None}
            )
        ),
        ("images", "ps", "pods", "imagefsinfo"),
    ),
    "module_utils.crictl.inspection:containers": Reader(_of_document(inspection.containers)),
    "module_utils.crictl.inspection:configuration": Reader(_of_document(inspection.configuration)),
    "module_utils.crictl.inspection:pods": Reader(_of_document(inspection.pods)),
    "module_utils.crictl.log_selection:newest": Reader(lambda given: _newest(given, given.log)),
    "module_utils.crictl.log_selection:newest (of one stream, since a time, with a pattern)": Reader(
        lambda given: _newest(
            given, given.log, stream="stdout", since=1, until=1 << 62, pattern="e", tail=3, max_bytes=100
        ),
        _TEXTS,
    ),
    "module_utils.crictl.log_selection:newest (of packed files)": Reader(
        lambda given: _newest(given, given.packed_log), _TEXTS
    ),
    "module_utils.pod.host:last_lines": Reader(lambda given: pod_host.last_lines(given.log)),
    "module_utils.pod.present:present": Reader(
        _present, ("pods", "ps", "inspectp", "inspect", "runp", "create")
    ),
    "module_utils.pod.present:present (to its end)": Reader(
        lambda given: _present(given, "completed"), ("pods", "ps", "inspectp", "inspect", "runp", "create")
    ),
    "module_utils.pod.present:_like": Reader(_like, ("pods", "ps", "inspectp", "inspect")),
    "module_utils.pod.present:_remove": Reader(_removed, ("pods", "ps")),
    "module_utils.pod.present:absent": Reader(
        _of_crictl(lambda crictl: cri_pod.absent(crictl, "web", "default")), ("pods", "ps")
    ),
    "module_utils.pod.once:run": Reader(
        lambda given: pod_once.run(Replay(), [_pod(given)], "completed", 5, lambda made: made["containers"]),
        ("pods", "ps", "inspectp", "inspect", "runp", "create"),
    ),
    "module_utils.pod.images:missing": Reader(
        lambda given: cri_pod.pod_images.missing(Replay(), _pod(given)), ("inspecti",)
    ),
    "module_utils.pod.result:former": Reader(_former, ("pods", "ps")),
    "module_utils.pod.result:failure": Reader(_failure, (*_TEXTS, "inspect")),
    "module_utils.crio.live:parse_lines": Reader(_of_text(live.parse_lines)),
    "module_utils.crio.live:live_configuration": Reader(_effective, ("config",)),
    "module_utils.crio.daemon:snapshot": Reader(lambda _given: daemon.snapshot(_SERVICE), ("ps", "info")),
    "module_utils.crio.daemon:_what_lacks": Reader(_what_lacks, ("ps", "info", "inspect")),
    "module_utils.transaction.losses:_of_changed_handlers": Reader(
        _handlers_in_use, ("pods", "ps", "config")
    ),
    "module_utils.transaction.probes:_remove_image": Reader(
        _of_crictl(lambda crictl: probes._remove_image(crictl, "app:1", {"present": []})), ("inspecti",)
    ),
    "module_utils.observation:_conditions": Reader(_of_crictl(observation._conditions), ("info",)),
    "module_utils.observation:_hello_world": Reader(
        lambda given: observation._hello_world(Replay(), [_pod(given)], 5),
        ("pods", "ps", "inspectp", "inspect", "runp", "create", "log"),
    ),
    "module_utils.observation:_value": Reader(_of_text(lambda text: type(observation._value(text)).__name__)),
    "module_utils.crictl.runtime_facts:read": Reader(
        _of_crictl(runtime_facts.read), ("info", "version", "runtime-config", "config")
    ),
    "module_utils.crictl.container_facts:read": Reader(
        _of_crictl(lambda crictl: container_facts.read(crictl, {**_ALL_PS, "details": False})),
        ("ps", "pods"),
    ),
    "module_utils.crictl.container_facts:read (with details)": Reader(
        _of_crictl(
            lambda crictl: container_facts.read(
                crictl,
                {**_ALL_PS, "states": ["running"], "image": ["*"], "labels": {"a": None}, "details": True},
            )
        ),
        ("ps", "pods", "inspect", "inspectp"),
    ),
    "module_utils.crictl.log_facts:find (by pod)": Reader(_find_logs({}), ("ps", "pods", "inspect", "log")),
    "module_utils.crictl.log_facts:find (by id)": Reader(
        _find_logs({"id": CONTAINER[:12], "pod": None}), ("ps", "pods", "inspect", "log")
    ),
    "module_utils.crictl.log_facts:find (by a whole id)": Reader(
        _find_logs({"id": CONTAINER, "pod": None}), ("ps", "pods", "inspect", "log")
    ),
    "module_utils.crictl.log_facts:find (the one before)": Reader(
        _find_logs({"name": "hello-world", "pod": None, "previous": True}), ("ps", "pods", "inspect", "log")
    ),
}

#: what reads nothing that crictl prints, though it is public, or imports crictl's module
NO_READERS = {
    "module_utils.crictl.start": "starts crictl; reads nothing",
    "module_utils.crictl.call:Crictl.within": "runs nothing",
    "module_utils.crictl.call:Crictl.with_credentials": "runs nothing",
    "module_utils.crictl.call:Crictl.together": "calls what it is given",
    "module_utils.removal.daemon": "removes all pods, and reads only the last words of an error",
    "module_utils.crio.journald": "asks for an image that is not there, and reads only the error's kind",
    "module_utils.crio.registries_in_use": "takes what the readers of images and containers return",
    "module_utils.node_state": "looks for the program",
    "module_utils.transaction.unit": "packs the modules",
    "modules.crictl_image_prune": "prints what module_utils/image/absent.py returns",
    "modules.node_crictl_image": "prints what module_utils/image/ returns",
    "action.crictl_image": "takes the names of the options",
    "modules.node_crictl_pod": "prints what module_utils/pod returns",
    "modules.crictl_images_facts": "prints what module_utils/crictl/image_facts.py returns",
    "modules.crictl_info_facts": "prints what module_utils/crictl/runtime_facts.py returns",
    "modules.crictl_logs_facts": "prints what module_utils/crictl/log_facts.py returns",
    "modules.crictl_ps_facts": "prints what module_utils/crictl/container_facts.py returns",
    "action.crictl_pod": "takes the names of the options",
    "plugin_utils.pod.container": "takes the names of labels",
    "plugin_utils.pod.rules": "takes the names of labels",
}


def _no_sleep(_seconds):
    pass


@contextlib.contextmanager
def replaying() -> Iterator[Callable[[Input], Given]]:
    """Isolate readers from runtime, daemon, clock and log directory; yield a function that creates a Given from an input."""
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cri-node-fuzz-", dir=shared)))
        (folder / "logs").mkdir()
        clock = itertools.count()
        jumping = types.SimpleNamespace(sleep=_no_sleep, monotonic=lambda: next(clock) * 10)
        patient = types.SimpleNamespace(sleep=_no_sleep, monotonic=time.monotonic, time=time.time)

        def patch(module, name, value):
            stack.enter_context(mock.patch.object(module, name, value))

        for module in (call, daemon, losses, observation, migration_engine):
            patch(module, "Crictl", Replay)
        patch(pod_host, "LOGS", str(folder / "logs"))
        patch(config_hash, "KEY", str(folder / "state" / "pod-hash.key"))
        patch(config_hash, "_LOCK", str(folder / "run" / "pod-hash.lock"))
        patch(pod_host, "kubelet_is_active", lambda: False)
        patch(cri_pod, "time", jumping)
        patch(cri_log, "time", patient)
        patch(crio_containers, "monitors", list)

        def answer(path, *_more):
            return (Replay.given.data if Replay.given.source == "config" else ANSWERS["config"]).decode(
                "utf-8", "replace"
            )

        patch(live, "get", answer)
        patch(image_ways, "_program", lambda name: f"/usr/bin/{name}")

        def give(each: Input) -> Given:
            Replay.given = Given(each, folder)
            return Replay.given

        yield give


def told(value: object) -> bytes:
    """Return a result as Ansible serializes it. Raises ValueError or TypeError if it cannot."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
