# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that ends with one clear message, returned as its result, so that no controller prints an exception beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown

_MOST_PROBLEMS = 100  # in one message
_LONGEST_PROBLEM = 2000  # characters
_LONGEST_MESSAGE = 4000  # characters of a module's own message: it may end with a container's last lines
_LONGEST_WORDS = 300  # characters of what was printed instead of an answer
# What Ansible says of every module that printed no result, and so says nothing.
_NOTHING_SAID = re.compile(
    r"MODULE FAILURE|No start of json|Module result deserialization failed|See stdout/stderr|module failed to execute correctly",
    re.IGNORECASE,
)
# What ssh and pagers add below the cause.
_NOISE = re.compile(r"(?:Shared c|C)onnection to \S{1,255} closed|debug\d:|OpenSSH_|\*\* |\{|\[\s*[{\"]")
_MASK = "********"


class TaskFailure(Exception):
    """Ends an action. `result` is what the task returns beside `failed` and `msg`."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = dict(result or {}, failed=True, msg=message)


def succeeded(returned: dict[str, Any], secrets: Collection[str] = ()) -> dict[str, Any]:
    """What a module returned, where it did its work; else TaskFailure with its own message, or with what is known instead.

    No message holds one of `secrets`, and each message of the node is one printable line.
    """
    for kind in ("warnings", "deprecations"):
        if returned.get(kind):
            returned[kind] = [_shown_entry(entry, secrets) for entry in returned[kind]]
    if returned.get("unreachable"):
        message = from_node(returned.get("msg"), secrets) or "the node cannot be reached"
        raise TaskFailure(message, {"unreachable": True})
    if "module_stdout" in returned or "module_stderr" in returned:
        raise TaskFailure(_without_answer(returned, secrets))
    if returned.get("failed"):
        message = from_node(returned.get("msg"), secrets)
        raise TaskFailure(message or _without_answer(returned, secrets))
    return returned


def from_node(text: object, secrets: Collection[str] = (), limit: int = _LONGEST_MESSAGE) -> str:
    """A node's text, fit for a message: one printable line without secrets and credentials."""
    return shown(redacted(str(text or ""), secrets), limit)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with a mask in place of each secret; those of less than four characters are words like any other."""
    for secret in sorted({each for each in secrets if len(each) > 3}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def refuse(problems: Iterable[object]) -> None:
    """Raise TaskFailure where anything is wrong with what is wanted; all of it is listed at once, a line each."""
    sentences = [shown(problem, _LONGEST_PROBLEM) for problem in problems]
    if len(sentences) == 1:
        raise TaskFailure(sentences[0])
    if sentences:
        listed = "".join(f"\n- {sentence}" for sentence in sentences[:_MOST_PROBLEMS])
        more = len(sentences) - _MOST_PROBLEMS
        listed += f"\n- and {more} more" if more > 0 else ""
        raise TaskFailure(f"{len(sentences)} problems, and nothing was changed:{listed}")


def _shown_entry(entry: Any, secrets: Collection[str]) -> Any:
    """A warning, or a deprecation with its message and version."""
    if isinstance(entry, dict):
        return {
            name: _shown_entry(value, secrets) if isinstance(value, str) else value
            for name, value in entry.items()
        }
    return from_node(entry, secrets)


def _without_answer(returned: dict[str, Any], secrets: Collection[str]) -> str:
    """A sentence for a module that printed no result: its exit status, and what was printed in its place."""
    said = _last_words(returned, secrets)
    status = returned.get("rc")
    known = f" (exit status {status})" if isinstance(status, int) and status else ""
    return f"the module returned nothing on the node{known}{f': {said}' if said else ''}"


def _last_words(returned: dict[str, Any], secrets: Collection[str]) -> str:
    """The last line that says anything: by sudo, a shell, or Python; "" where nobody said anything."""
    for source in ("module_stderr", "module_stdout", "exception", "msg"):
        text = returned.get(source)
        if not isinstance(text, str):
            continue
        lines = [line.strip() for line in text[-20_000:].splitlines()]
        # A result in JSON that was cut off or wrapped may hold anything, so no such line is repeated.
        lines = [
            line
            for line in lines
            if line and not _NOISE.match(line) and not _NOTHING_SAID.search(line[:_LONGEST_WORDS])
        ]
        if lines:
            return from_node(lines[-1], secrets, _LONGEST_WORDS)
    return ""
