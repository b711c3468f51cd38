# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the runtime's answers to the JSON that crictl prints. Pure functions.

Answers are data in protobuf's JSON mapping (crictl_messages.to_data). Lists are printed as that is; the documents of
inspect, inspectp, inspecti, imagefsinfo and info go through Go's encoding/json once more, which sorts keys and escapes.
"""

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

NEVER = "0001-01-01T00:00:00Z"


def message_text(answer: Any) -> str:
    """Return a list as protobuf's printer writes it; that printer varies its spaces, so that one or two are equivalent."""
    return json.dumps(answer, indent=2, separators=(",", ":  "), ensure_ascii=False)


def document_text(documents: Sequence[Any]) -> str:
    """Return status documents: a single one directly, several as an array."""
    text = json.dumps(
        documents[0] if len(documents) == 1 else documents, indent=2, sort_keys=True, ensure_ascii=False
    )
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def document(status: Mapping[str, Any], info: Mapping[str, str]) -> dict[str, Any]:
    """Return a status and the runtime's further information: objects are parsed, other texts lose their quotes."""
    return {
        "status": status,
        **{
            key: json.loads(value) if value.startswith("{") else value.strip('"')
            for key, value in info.items()
        },
    }


def container_status(status: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return a container's status with readable times. A message that is not set is null here, unlike in a list."""
    state = status["state"]
    started = state != "CONTAINER_CREATED"
    finished = state == "CONTAINER_EXITED" or (
        state == "CONTAINER_UNKNOWN" and int(status.get("finishedAt", 0)) > 0
    )
    return {field: status.get(field) for field in fields} | {
        "createdAt": rfc3339(status["createdAt"]),
        "startedAt": rfc3339(status["startedAt"]) if started else NEVER,
        "finishedAt": rfc3339(status["finishedAt"]) if finished else NEVER,
    }


def pod_status(status: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return a pod's status with a readable time."""
    return {field: status.get(field) for field in fields} | {"createdAt": rfc3339(status["createdAt"])}


def info_document(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the runtime's status; Go's encoding/json prints handlers and features, hence in snake_case."""
    made = document(answer.get("status", {}), answer.get("info", {}))
    if answer.get("runtimeHandlers"):
        made["runtimeHandlers"] = [_as_go(handler) for handler in answer["runtimeHandlers"]]
    if "features" in answer:
        made["features"] = _as_go(answer["features"])
    return made


def _as_go(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as Go's encoding/json prints it: in snake_case, without false and empty values."""
    return {
        re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", key): _as_go(value)
        if isinstance(value, dict)
        else value
        for key, value in message.items()
        if isinstance(value, dict) or value
    }


def rfc3339(nanoseconds: int | str) -> str:
    """Return a time in local time with the necessary digits, as Go's RFC3339Nano."""
    whole, rest = divmod(int(nanoseconds), 10**9)
    moment = datetime.datetime.fromtimestamp(whole).astimezone()
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    zone = moment.isoformat()[19:]
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + ("Z" if zone == "+00:00" else zone)
