# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints: parsed JSON in, plain typed data out.

Pure functions without I/O, for every crictl from 1.24 on. Its JSON differs: a missing message is null until
1.30 and left out since, 64-bit integers are strings, times are nanoseconds in listings and RFC 3339 in
the node's zone in details. What comes out is always the same:

- times are RFC 3339 strings in UTC with nine digits and a Z, so that they sort as text; a zero time is absent
- enumerations lose their prefix and are lower case: CONTAINER_RUNNING is running
- what the runtime does not know (null, left out, an empty string) is absent, but for labels and annotations
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from ..errors import NodeError

SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = 253402300800 * SECOND  # the year 10000
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII
)
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
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-31T08:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
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
    status = _mapping(document.get("status"), "status")
    conditions = [_condition(item) for item in _list(status, "conditions")]
    if not conditions:
        raise UnexpectedOutput("crictl info answered without the runtime's conditions")
    ready = {item["type"]: item["status"] for item in conditions}
    config = _mapping_if_any(document, "config")
    crio, containerd = _mapping_if_any(config, "crio"), _mapping_if_any(config, "containerd")
    return _known(
        conditions=conditions,
        runtime_ready=ready.get("RuntimeReady", False),
        network_ready=ready.get("NetworkReady", False),
        handlers=_handlers(document, crio.get("DefaultRuntime") or containerd.get("defaultRuntimeName")),
        features=_features(document.get("features")),
        cgroup_driver=_string(crio, "CgroupManagerName"),
        sandbox_image=_string(config, "sandboxImage"),
    )


def conditions(document):
    """crictl info -q: the runtime's conditions: type, status, reason, message."""
    status = _mapping(_mapping(document, "crictl info").get("status"), "status")
    return [_condition(item) for item in _list(status, "conditions")]


def handler_names(document):
    """crictl info: the names of the handlers that the runtime offers; None where it lists none (crictl before 1.30)."""
    handlers = _handlers(_mapping(document, "crictl info"), None)
    return None if handlers is None else [each["name"] for each in handlers if "name" in each]


def running(document):
    """crictl ps: of each container its id, name and pod's id; the listing has running ones only."""
    found = []
    for item in _list(_mapping(document, "crictl ps"), "containers"):
        item = _mapping(item, "containers")
        name = _string(_mapping(item.get("metadata"), "metadata"), "name")
        found.append(
            _known(id=_string(item, "id", required=True), name=name, pod=_string(item, "podSandboxId"))
        )
    return found


def with_default_handler(handlers, name):
    """The handlers again, now that the default handler's name is known."""
    named = [dict(handler, default=handler["name"] == name) for handler in handlers if "name" in handler]
    return named if any(handler["default"] for handler in named) else handlers


def version(text):
    """crictl version, which is text: runtime_name, runtime_version, api_version."""
    found = dict(re.findall(r"^(\w+):[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE))
    if "RuntimeName" not in found:
        raise UnexpectedOutput("crictl version answered without the runtime's name")
    return _known(
        runtime_name=found["RuntimeName"],
        runtime_version=found.get("RuntimeVersion"),
        api_version=found.get("RuntimeApiVersion"),
    )


def cgroup_driver(text):
    """crictl runtime-config, which is text: systemd or cgroupfs, None when it says neither."""
    found = re.search(r"^cgroup driver:\s*(\w+)\s*$", text, re.MULTILINE | re.IGNORECASE)
    return found.group(1).lower() if found else None


def containers(document):
    """crictl ps: a list of containers, in crictl's order; see container."""
    return [container(item) for item in _list(_mapping(document, "crictl ps"), "containers")]


def container(item):
    """One container of crictl ps. Its pod's name is known from the kubelet's labels only; see with_pod."""
    item = _mapping(item, "containers")
    metadata = _mapping(item.get("metadata"), "metadata")
    image = _mapping(item.get("image"), "image")
    labels = _strings(item, "labels")
    return _known(
        id=_string(item, "id", required=True),
        name=_string(metadata, "name"),
        attempt=_integer(metadata, "attempt") or 0,
        state=_enumeration(item, "state", "CONTAINER_"),
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
    for item in _list(_mapping(document, "crictl pods"), "items"):
        item = _mapping(item, "items")
        metadata = _mapping(item.get("metadata"), "metadata")
        identity = _string(item, "id", required=True)
        found[identity] = _known(id=identity, **{key: _string(metadata, key) for key in _POD_LABELS})
    return found


def sandboxes(document):
    """crictl pods: a list of pods with all that it tells of them, in crictl's order; see sandbox."""
    return [sandbox(item) for item in _list(_mapping(document, "crictl pods"), "items")]


def sandbox(item):
    """A pod of crictl pods, or the status of crictl inspectp, which alone knows the addresses."""
    item = _mapping(item, "items")
    metadata, network = _mapping(item.get("metadata"), "metadata"), _mapping(item.get("network"), "network")
    addresses = [_string(network, "ip"), *(_string(each, "ip") for each in _list(network, "additionalIps"))]
    return _known(
        id=_string(item, "id", required=True),
        name=_string(metadata, "name"),
        namespace=_string(metadata, "namespace"),
        uid=_string(metadata, "uid"),
        attempt=_integer(metadata, "attempt") or 0,
        state=_enumeration(item, "state", "SANDBOX_"),
        created_at=_time(item, "createdAt"),
        handler=_string(item, "runtimeHandler"),
        ip=addresses[0],
        ips=[address for address in addresses if address] or None,
        labels=_strings(item, "labels"),
        annotations=_strings(item, "annotations"),
    )


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
    state = _enumeration(status, "state", "CONTAINER_")
    pid = _integer(verbose, "pid")
    return _known(
        id=_string(status, "id", required=True),
        name=_string(metadata, "name"),
        attempt=_integer(metadata, "attempt") or 0,
        state=state,
        created_at=_time(status, "createdAt"),
        started_at=_time(status, "startedAt"),
        finished_at=_time(status, "finishedAt"),
        exit_code=(_integer(status, "exitCode") or 0) if state == "exited" else None,
        reason=_string(status, "reason"),
        message=_string(status, "message"),
        log_path=_string(status, "logPath"),
        pid=pid if pid and state == "running" else None,
        pod=_known(
            id=_string(verbose, "sandboxID"), **{key: labels.get(label) for key, label in _POD_LABELS.items()}
        ),
    )


# Parts


def _condition(item):
    item = _mapping(item, "conditions")
    status = item.get("status")
    if status not in (True, False, None):
        raise UnexpectedOutput(
            f"crictl printed {status!r:.60} where a condition's status should be a boolean"
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
    handlers = []
    for item in document["runtimeHandlers"]:
        item = _mapping(item, "runtimeHandlers")
        name = _string(item, "name")
        handler = _known(name=name, features=_features(item.get("features")) or {})
        if handler not in handlers:
            handlers.append(handler if name else dict(handler, default=True))
    named = [handler for handler in handlers if "name" in handler]
    if not default and len(named) == 1:
        default = named[0]["name"]
    return with_default_handler(handlers, default)


def _features(value):
    if not isinstance(value, dict):
        return None
    return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower(): bool(on) for name, on in value.items()}


def _known(**items):
    return {key: value for key, value in items.items() if value is not None and value != ""}


def _mapping(value, where):
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnexpectedOutput(f"crictl printed {type(value).__name__} where {where} should be an object")
    return value


def _mapping_if_any(mapping, key):
    """For what each runtime fills as it likes."""
    return mapping[key] if isinstance(mapping.get(key), dict) else {}


def _list(mapping, key):
    value = mapping.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnexpectedOutput(f"crictl printed {type(value).__name__} where {key} should be a list")
    return value


def _string(mapping, key, required=False):
    value = mapping.get(key)
    if value is not None and not isinstance(value, str):
        raise UnexpectedOutput(f"crictl printed {value!r:.60} where {key} should be a string")
    if required and not value:
        raise UnexpectedOutput(f"crictl printed an entry without {key}")
    return value or None


def _integer(mapping, key):
    value = mapping.get(key)
    if value is None:
        return None
    try:
        if isinstance(value, (bool, float)):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise UnexpectedOutput(f"crictl printed {value!r:.60} where {key} should be an integer") from None


def _strings(mapping, key):
    return {str(name): str(value) for name, value in _mapping(mapping.get(key), key).items()}


def _enumeration(mapping, key, prefix):
    value = _string(mapping, key)
    if value is None:
        return "unknown"
    return (value[len(prefix) :] if value.startswith(prefix) else value).lower()


def _time(mapping, key):
    """Nanoseconds (a listing) or RFC 3339 (details); None for the zero time."""
    value = mapping.get(key)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and "-" in value[1:]:
            return rfc3339(nanoseconds(value))
        return rfc3339(int(value))
    except (TypeError, ValueError, OverflowError):
        raise UnexpectedOutput(f"crictl printed {value!r:.60} where {key} should be a time") from None
