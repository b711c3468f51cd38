# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of the internal modules node_*: what an action asks of its node, checked where it arrives.

An internal module documents two options and no more, since only its action calls it: `request`, and `secrets` for the
values that must appear in no log and no result. Ansible does not write an option with no_log to the node's log, and
removes its values from the result; in a larger option it could do neither.
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .errors import NodeError

#: the argument specification of every internal module; documented in doc_fragments/internal.py
OPTIONS = {
    "request": {"type": "dict", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
}

_UNWANTED = {
    "path": {"type": "str", "required": True},
    "owner": {"type": "str", "required": True},
    "disruption": {"type": "str", "required": True},
}
_FILE = {
    **_UNWANTED,
    "sha256": {"type": "str", "default": ""},
    "mode": {"type": "str", "required": True},
    "secret": {"type": "bool", "required": True},
    "key_hashes": {"type": "dict"},
}
_ENTRY_SET = {
    **_UNWANTED,
    "mode": {"type": "str", "required": True},
    "secret": {"type": "bool", "required": True},
    "entries": {"type": "dict", "default": {}},
    "required": {"type": "list", "elements": "list", "default": []},
}
#: the part of a request that node_state.read needs; its keys are those of contract.Request
FILE_SET = {
    "runtime": {"type": "str", "choices": ["crio", "containerd"], "default": "crio"},
    "unit": {"type": "str", "required": True},
    "owners": {"type": "list", "elements": "str", "required": True},
    "files": {"type": "list", "elements": "dict", "options": _FILE, "required": True},
    # By path. Of secrets, since a short secret could be guessed from its hash.
    "secret_hashes": {"type": "dict", "default": {}},
    "secret_key_hashes": {"type": "dict", "default": {}},
    "unwanted": {"type": "list", "elements": "dict", "options": _UNWANTED, "default": []},
    "shared": {"type": "list", "elements": "dict", "options": _ENTRY_SET, "default": []},
    "expect": {"type": "dict", "default": {}},
    "paths": {"type": "list", "elements": "str", "default": []},
}
#: the part of a request that a call which reads the node needs, beside its files
READING = {
    "asks_for_crictl": {"type": "bool", "default": False},
    "ready_timeout": {"type": "int", "default": 60},
}
#: the part of a request that observation.observe needs beside FILE_SET; its keys are those of contract.ObservationOptions
OBSERVATION = {
    "metrics_port": {"type": "int", "required": True},
    "pods": {"type": "list", "elements": "dict", "required": True},
    "pull": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "required": True},
}
#: the part of a request that any change of a node needs, beside its files
CHANGE = {
    "remove": {"type": "list", "elements": "str", "default": []},
    "activate": {"type": "str", "choices": ["none", "reload", "start", "restart"], "default": "none"},
    "reload_keys": {"type": "list", "elements": "str", "default": []},
    "reload_is_logged": {"type": "bool", "default": True},
    "concerns_daemon": {"type": "bool", "default": True},
    "daemon_reload": {"type": "bool", "default": False},
    "id": {"type": "str", "default": ""},
    "fingerprint": {"type": "str", "default": ""},
    "overruled_guards": {"type": "list", "elements": "str", "default": []},
    # In check mode: files that an earlier task of a run would have installed, so that they may be missing.
    "coming": {"type": "list", "elements": "str", "default": []},
    "plan": {"type": "dict", "default": {}},
}


class RequestError(NodeError):
    """A request does not have the form that its module takes, as when a playbook calls an internal module."""


def of(params: dict[str, Any], specification: dict[str, Any]) -> dict[str, Any]:
    """The request and the secrets of a module's parameters, joined, with the defaults of `specification`.

    `specification` is an argument specification for the keys of both. Raises RequestError, whose message may repeat values:
    AnsibleModule.fail_json removes those of `secrets`.
    """
    result = ArgumentSpecValidator(specification).validate({**params["request"], **params["secrets"]})
    if result.error_messages:
        raise RequestError(
            f"the request does not match the options of this internal module: {'; '.join(result.error_messages)}"
        )
    return result.validated_parameters


def with_secret_hashes(params: dict[str, Any]) -> Any:
    """Return the request in a module's parameters, with the hashes of secret files, which are not logged, at their files."""
    request = dict(params)
    hashes, key_hashes = request.pop("secret_hashes"), request.pop("secret_key_hashes")
    request["files"] = [
        dict(
            entry,
            sha256=hashes.get(entry["path"], entry["sha256"]),
            key_hashes=key_hashes.get(entry["path"], entry["key_hashes"]),
        )
        for entry in request["files"]
    ]
    request["shared"] = [
        dict(entry, entries=hashes.get(entry["path"], entry["entries"])) for entry in request["shared"]
    ]
    return request
