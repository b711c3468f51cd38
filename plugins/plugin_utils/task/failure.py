# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures with one clear message, returned as the task's result, so that Ansible does not print an exception."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from ansible_collections.cri.node.plugins.module_utils.text import shown

NOT_REACHED = "an earlier task failed, or the node was unreachable"  # for a node without a result of a task

_MOST_PROBLEMS = 100  # in one message
_LONGEST_PROBLEM = 2000  # characters
_LONGEST_MESSAGE = (
    4000  # characters of a module's message, which may end with the last lines of a container's log
)
_LONGEST_WORDS = 300  # characters of output that was printed instead of a result
# Messages of Ansible for a module that printed no result, which contain no information.
_NOTHING_SAID = re.compile(
    r"MODULE FAILURE|No start of json|Module result deserialization failed|See stdout/stderr|module failed to execute correctly",
    re.IGNORECASE,
)
# Lines of ssh and pagers below the cause.
_NOISE = re.compile(r"(?:Shared c|C)onnection to \S{1,255} closed|debug\d:|OpenSSH_|\*\* |\{|\[\s*[{\"]")
_MASK = "********"


class TaskFailure(Exception):
    """Ends an action. `result`: further values of the task's result besides `failed` and `msg`."""

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = dict(result or {}, failed=True, msg=message)


def succeeded(returned: dict[str, Any], secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return the result of a module, or raise TaskFailure with its message or what is known instead.

    Messages do not contain any of `secrets`, and each message of the node is one printable line.
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
    """Return a text of a node for a message: one printable line without secrets and credentials."""
    return shown(redacted(str(text or ""), secrets), limit)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text with masked secrets; secrets of less than four characters are not masked."""
    for secret in sorted({each for each in secrets if len(each) > 3}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def refuse(problems: Iterable[object]) -> None:
    """Raise TaskFailure if there are any problems; the message lists all of them, one per line."""
    sentences = [shown(problem, _LONGEST_PROBLEM) for problem in problems]
    if len(sentences) == 1:
        raise TaskFailure(sentences[0])
    if sentences:
        listed = "".join(f"\n- {sentence}" for sentence in sentences[:_MOST_PROBLEMS])
        more = len(sentences) - _MOST_PROBLEMS
        listed += f"\n- and {more} more" if more > 0 else ""
        raise TaskFailure(f"{len(sentences)} problems, and nothing was changed:{listed}")


def _shown_entry(entry: Any, secrets: Collection[str]) -> Any:
    """Return a warning, or a deprecation with its message and version, for the result."""
    if isinstance(entry, dict):
        return {
            name: _shown_entry(value, secrets) if isinstance(value, str) else value
            for name, value in entry.items()
        }
    return from_node(entry, secrets)


def _without_answer(returned: dict[str, Any], secrets: Collection[str]) -> str:
    """Return a sentence for a module that printed no result: its exit status and the last line of its output."""
    said = _last_words(returned, secrets)
    status = returned.get("rc")
    known = f" (exit status {status})" if isinstance(status, int) and status else ""
    return f"the module returned no result on the node{known}{f': {said}' if said else ''}"


def _last_words(returned: dict[str, Any], secrets: Collection[str]) -> str:
    """Return the last relevant line of output of sudo, a shell or Python; "" if there is none."""
    for source in ("module_stderr", "module_stdout", "exception", "msg"):
        text = returned.get(source)
        if not isinstance(text, str):
            continue
        lines = [line.strip() for line in text[-20_000:].splitlines()]
        # A truncated or wrapped JSON result may contain secrets, so such a line is never used.
        lines = [
            line
            for line in lines
            if line and not _NOISE.match(line) and not _NOTHING_SAID.search(line[:_LONGEST_WORDS])
        ]
        if lines:
            return from_node(lines[-1], secrets, _LONGEST_WORDS)
    return ""
