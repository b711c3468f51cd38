# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints: parsed JSON in, plain typed data out.

Pure functions without I/O, for every crictl from 1.24 on. Its JSON differs: a missing message is null until
1.30 and left out since, 64-bit integers are strings, times are nanoseconds in listings and RFC 3339 in
the node's zone in details. What comes out is always the same:

- times are RFC 3339 strings in UTC with nine digits and a Z, so that they sort as text; a zero time is absent
- states lose their prefix and are lower case: CONTAINER_RUNNING is running; any that is not known here is unknown
- what the runtime does not know (null, left out, an empty string) is absent, but for labels and annotations
- strings are valid Unicode: half of a surrogate pair, which JSON can hold, becomes U+FFFD
- identities can be arguments of a command, integers fit into 64 bits

Whatever the JSON is, a reader returns that or raises UnexpectedOutput, in a time that grows with the length of its input.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta, timezone

from ..errors import NodeError
from ..text import beginning, printable, shown

SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = 253402300800 * SECOND  # the year 10000
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)
_VERSION_LINES = ("RuntimeName", "RuntimeVersion", "RuntimeApiVersion")
_VERSION_LIMIT = 200  # characters
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_IDENTITY = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,255}")  # of CRI-O and containerd 64 hexadecimal digits
_SURROGATE = re.compile("[\ud800-\udfff]")
UNKNOWN = "unknown"
CONTAINER_STATES = {
    f"CONTAINER_{name.upper()}": name for name in ("created", "running", "exited", UNKNOWN)
}  # as crictl prints them: as facts have them
SANDBOX_STATES = {f"SANDBOX_{name.upper()}": name for name in ("ready", "notready")}
_POD_LABELS = {
    "name": "io.kubernetes.pod.name",
    "namespace": "io.kubernetes.pod.namespace",
    "uid": "io.kubernetes.pod.uid",
}


class UnexpectedOutput(NodeError):
    """The JSON is valid, but it is not what this crictl command answers."""

    kind = "unexpected"


# Times


def nanoseconds(text):
    """Nanoseconds since 1970 of an RFC 3339 string; ValueError for anything else."""
    match = _RFC3339.fullmatch(text)
    if not match:
        raise ValueError(f"{_shown(text)} is not an RFC 3339 time such as 2026-01-31T08:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    if second > 60:
        raise ValueError(f"{_shown(text)} has more than 60 seconds in a minute")
    since = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc) - _EPOCH
    seconds = since.days * 86400 + since.seconds
    if sign:
        offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * SECOND + int((fraction or "")[:9].ljust(9, "0"))


def rfc3339(value):
    """That many nanoseconds after 1970 as an RFC 3339 string in UTC; None where that is no date."""
    if not 0 < value < _LAST:
        return None
    seconds, fraction = divmod(value, SECOND)
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"


# Commands


def info(document):
    """crictl info: conditions, runtime_ready, network_ready, handlers, features, cgroup_driver, ..."""
    document = _mapping(document, "crictl info")
    found = conditions(document)
    ready = {item["type"]: item["status"] for item in found}
    config = _mapping_if_any(document, "config")
    crio, containerd = _mapping_if_any(config, "crio"), _mapping_if_any(config, "containerd")
    return _known(
        conditions=found,
        runtime_ready=ready.get("RuntimeReady", False),
        network_ready=ready.get("NetworkReady", False),
        handlers=_handlers(document, crio.get("DefaultRuntime") or containerd.get("defaultRuntimeName")),
        features=_features(document.get("features")),
        cgroup_driver=_string(crio, "CgroupManagerName"),
        sandbox_image=_string(config, "sandboxImage"),
    )


def conditions(document):
    """crictl info: a list of type, status (a boolean), reason and message (empty where there is none), never empty."""
    status = _mapping(_mapping(document, "crictl info").get("status"), "status")
    found = [_condition(item) for item in _list(status, "conditions")]
    if not found:
        raise UnexpectedOutput("crictl info answered without the runtime's conditions")
    return found


def handler_names(document):
    """crictl info: the names of the handlers, each once; None where crictl does not list them (before 1.30)."""
    document = _mapping(document, "crictl info")
    if not isinstance(document.get("runtimeHandlers"), list):
        return None
    items = (_mapping(item, "runtimeHandlers") for item in document["runtimeHandlers"])
    names = dict.fromkeys(_string(item, "name") for item in items)
    return [name for name in names if name]  # the nameless one repeats the default handler


def with_default_handler(handlers, name):
    """The handlers again, now that the default handler's name is known."""
    named = [dict(handler, default=handler["name"] == name) for handler in handlers if "name" in handler]
    return named if any(handler["default"] for handler in named) else handlers


def version(text):
    """crictl version, which is text: runtime_name, runtime_version, api_version; each as one printable line."""
    found = {name: printable(value, _VERSION_LIMIT) for name, value in _lines(text) if name in _VERSION_LINES}
    if not found.get("RuntimeName"):
        raise UnexpectedOutput("crictl version answered without the runtime's name")
    return _known(
        runtime_name=found["RuntimeName"],
        runtime_version=found.get("RuntimeVersion"),
        api_version=found.get("RuntimeApiVersion"),
    )


def cgroup_driver(text):
    """crictl runtime-config, which is text: systemd or cgroupfs, None when it says neither."""
    found = (value.lower() for name, value in _lines(text) if name.lower() == "cgroup driver")
    return next((value for value in found if value in ("systemd", "cgroupfs")), None)


def containers(document):
    """crictl ps: a list of containers, in crictl's order; see container."""
    return [container(item) for item in _entries(document, "crictl ps", "containers")]


def running(document):
    """crictl ps without -a, which lists running containers only: id, name (absent where unknown) and pod (its sandbox's id).

    Nothing else of a container is read, so that an odd label of it is no reason not to count it.
    """
    found = []
    for item in _entries(document, "crictl ps", "containers"):
        item = _mapping(item, "containers")
        metadata = _mapping(item.get("metadata"), "metadata")
        known = _known(id=_identity(item), name=_string(metadata, "name"))
        found.append({**known, "pod": _string(item, "podSandboxId") or ""})
    return found


def container(item):
    """One container of crictl ps. Its pod's name is known from the kubelet's labels only; see with_pod."""
    item = _mapping(item, "containers")
    metadata = _mapping(item.get("metadata"), "metadata")
    image = _mapping(item.get("image"), "image")
    labels = _strings(item, "labels")
    return _known(
        id=_identity(item),
        name=_string(metadata, "name"),
        attempt=_integer(metadata, "attempt") or 0,
        state=_state(item, CONTAINER_STATES),
        created_at=_time(item, "createdAt"),
        pod=_known(
            id=_string(item, "podSandboxId"), **{key: labels.get(label) for key, label in _POD_LABELS.items()}
        ),
        image=_known(
            name=_string(image, "image"),
            requested=_string(image, "userSpecifiedImage"),
            id=_string(item, "imageId"),
            ref=_string(item, "imageRef"),
        ),
        labels=labels,
        annotations=_strings(item, "annotations"),
    )


def pods(document):
    """crictl pods: for every pod's id, its id, name, namespace and uid."""
    found = {}
    for item in _entries(document, "crictl pods", "items"):
        item = _mapping(item, "items")
        metadata = _mapping(item.get("metadata"), "metadata")
        identity = _identity(item)
        found[identity] = _known(id=identity, **{key: _string(metadata, key) for key in _POD_LABELS})
    return found


def sandboxes(document):
    """crictl pods: a list of pods with all that it prints of them, in crictl's order; see sandbox."""
    return [sandbox(item) for item in _entries(document, "crictl pods", "items")]


def sandbox_status(document):
    """crictl inspectp of one pod; see sandbox."""
    return sandbox(_mapping(document, "crictl inspectp").get("status"))


def sandbox(item):
    """A pod of crictl pods, or the status of crictl inspectp, which alone knows the addresses."""
    item = _mapping(item, "a pod")
    metadata, network = _mapping(item.get("metadata"), "metadata"), _mapping(item.get("network"), "network")
    more = (_mapping(each, "additionalIps") for each in _list(network, "additionalIps"))
    addresses = [_string(network, "ip"), *(_string(each, "ip") for each in more)]
    return _known(
        id=_identity(item),
        name=_string(metadata, "name"),
        namespace=_string(metadata, "namespace"),
        uid=_string(metadata, "uid"),
        attempt=_integer(metadata, "attempt") or 0,
        state=_state(item, SANDBOX_STATES),
        created_at=_time(item, "createdAt"),
        handler=_string(item, "runtimeHandler"),
        ip=addresses[0],
        ips=[address for address in addresses if address] or None,
        labels=_strings(item, "labels"),
        annotations=_strings(item, "annotations"),
    )


def printed_identity(text):
    """crictl runp and crictl create, which print text: the identity that they print last."""
    words = text.split()
    if not words:
        raise UnexpectedOutput("crictl printed nothing where it should print an identity")
    return _identity({"id": words[-1]})


def with_pod(item, known_pods):
    """The container, its pod completed from pods()."""
    return dict(item, pod={**known_pods.get(item["pod"].get("id"), {}), **item["pod"]})


def details(document):
    """crictl inspect of one container or several: for every container's id its details; see detail."""
    documents = document if isinstance(document, list) else [document]
    return {item["id"]: item for item in (detail(each) for each in documents)}


def detail(document):
    """What crictl inspect knows of one container. An exit code is there only once it has exited."""
    document = _mapping(document, "crictl inspect")
    status = _mapping(document.get("status"), "status")
    metadata = _mapping(status.get("metadata"), "metadata")
    verbose = _mapping_if_any(document, "info")
    labels = _strings(status, "labels")
    state = _state(status, CONTAINER_STATES)
    pid = _integer(verbose, "pid")
    return _known(
        id=_identity(status),
        name=_string(metadata, "name"),
        attempt=_integer(metadata, "attempt") or 0,
        state=state,
        created_at=_time(status, "createdAt"),
        started_at=_time(status, "startedAt"),
        finished_at=_time(status, "finishedAt"),
        exit_code=(_integer(status, "exitCode") or 0) if state == "exited" else None,
        reason=_string(status, "reason"),
        message=_string(status, "message"),
        log_path=_path(status, "logPath"),
        pid=pid if pid and state == "running" else None,
        pod=_known(
            id=_string(verbose, "sandboxID"), **{key: labels.get(label) for key, label in _POD_LABELS.items()}
        ),
    )


# Parts


def _lines(text):
    """The `name: value` lines of a text."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name, _valid(value.strip())


def _condition(item):
    item = _mapping(item, "conditions")
    status = item.get("status")
    if status is not None and not isinstance(status, bool):
        raise UnexpectedOutput(
            f"crictl printed {_shown(status)} where a condition's status should be a boolean"
        )
    return {
        "type": _string(item, "type", required=True),
        "status": bool(status),
        "reason": _string(item, "reason") or "",
        "message": _string(item, "message") or "",
    }


def _handlers(document, default):
    """None where crictl lists no handlers (before 1.30). The nameless entry repeats the default handler."""
    if not isinstance(document.get("runtimeHandlers"), list):
        return None
    handlers = {}
    for item in document["runtimeHandlers"]:
        item = _mapping(item, "runtimeHandlers")
        name, features = _string(item, "name"), _features(item.get("features")) or {}
        handler = _known(name=name, features=features)
        handlers[name, frozenset(features.items())] = handler if name else dict(handler, default=True)
    handlers = list(handlers.values())
    named = [handler for handler in handlers if "name" in handler]
    if not default and len(named) == 1:
        default = named[0]["name"]
    return with_default_handler(handlers, default)


def _features(value):
    if not isinstance(value, dict):
        return None
    return {
        re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", _valid(name)).lower(): on is True
        for name, on in value.items()
    }


def _known(**items):
    return {key: value for key, value in items.items() if value is not None and value != ""}


def _mapping(value, where):
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {where} should be an object")
    return value


def _mapping_if_any(mapping, key):
    """For what each runtime fills as it likes."""
    return mapping[key] if isinstance(mapping.get(key), dict) else {}


def _entries(document, command, key):
    """The list that a command prints. No output at all is an empty list; the output of another command is not."""
    document = _mapping(document, command)
    if document and key not in document:
        raise UnexpectedOutput(f"{command} answered without {key}")
    return _list(document, key)


def _list(mapping, key):
    value = mapping.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {key} should be a list")
    return value


def _string(mapping, key, required=False):
    value = mapping.get(key)
    if value is not None and not isinstance(value, str):
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {key} should be a string")
    if required and not value:
        raise UnexpectedOutput(f"crictl printed an entry without {key}")
    return _valid(value) if value else None


def _identity(mapping):
    """The id of a container or a pod. It becomes an argument of crictl, so it must not look like an option."""
    value = _string(mapping, "id", required=True)
    if not _IDENTITY.fullmatch(value):
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where id should be an identity")
    return value


def _path(mapping, key):
    value = _string(mapping, key)
    if value and "\0" in value:
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {key} should be a path")
    return value


def _integer(mapping, key):
    """A number, or a number in a string: 64-bit integers in JSON."""
    value = mapping.get(key)
    if value is None:
        return None
    number = _as_integer(value)
    if number is None:
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {key} should be an integer")
    return number


def _as_integer(value):
    """None for anything else than an integer of 64 bits."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
        return value
    return None


def _strings(mapping, key):
    found = _mapping(mapping.get(key), key)
    for value in found.values():
        if not isinstance(value, str):
            raise UnexpectedOutput(
                f"crictl printed {_shown(value)} where a value of {key} should be a string"
            )
    return {_valid(name): _valid(value) for name, value in found.items()}


def _state(mapping, known):
    """The state as `known` has it. A runtime newer than crictl may have states that crictl knows by number only: unknown."""
    value = mapping.get("state")
    if not isinstance(value, bool) and _as_integer(value) is not None:
        return UNKNOWN
    return known.get(_string(mapping, "state"), UNKNOWN)


def _time(mapping, key):
    """Nanoseconds (a listing) or RFC 3339 (details); None for the zero time."""
    value = mapping.get(key)
    if value is None or value == "":
        return None
    number = _as_integer(value)
    if number is None and isinstance(value, str):
        with contextlib.suppress(ValueError):
            number = nanoseconds(value)
    if number is None:
        raise UnexpectedOutput(f"crictl printed {_shown(value)} where {key} should be a time")
    return rfc3339(number)


def _valid(text):
    """Valid Unicode, which can be written anywhere."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _shown(value):
    """A value in a message: short and printable, however long or deep it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        text = shown(beginning(value))
        return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
    if isinstance(value, int) and not isinstance(value, bool) and _as_integer(value) is None:
        return "an integer of more than 64 bits"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
