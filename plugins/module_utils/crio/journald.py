# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon and systemd log to the system's journal, found by cursor, process and invocation, and never by time.

A container's output may be in the same journal (log_to_journald), and clocks are changed, so neither text nor time proves
who wrote a line. journald records the process id and the unit's InvocationID with each line (systemd.journal-fields(7)).
"""

from __future__ import annotations

import json
import re
import time
import uuid

from ..crictl.call import Crictl, CrictlError
from ..program import run
from .service import RuntimeService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MESSAGE = re.compile(
    r'msg="((?:[^"\\]|\\.){0,4000})'
)  # logrus's text format; with log_level debug a file follows
_LINES = 2000  # newest lines that are read
_LONGEST = 8192  # characters kept of one line
_LATE = 2  # seconds for a line to reach the journal
_POLL = 0.05
_FATAL = ("level=fatal", "level=panic")
# What the process that systemd starts for a command logs if it cannot run it; systemd's own line only has the exit status.
_NOT_RUN = ("Failed at step",)
_ENDED_BY_SYSTEMD = ("Control process exited", "timed out", "atchdog timeout")
# systemd's own lines that say why a unit did not start, the clearest first.
_TELLING = (
    "exited, code=",
    "timed out",
    "watchdog timeout",
    "Failed to",
    "failed with result",
    "Start request repeated",
)


def cursor() -> str | None:
    """Return the journal's current end; None without a journal that can be read."""
    status, output, _error = run(["journalctl", "-q", "-n", "1", "--show-cursor", "-o", "cat"], timeout=20)
    for line in output.splitlines():
        if status == 0 and line.startswith("-- cursor: "):
            return line[len("-- cursor: ") :]
    return None


def lines(after: str | None, *matches: str) -> list[dict[str, Any]]:
    """Return the journal entries after a cursor, a list of {"message", "pid", "invocation"}; [] without a cursor.

    `matches` are arguments of journalctl: FIELD=VALUE, and + between alternatives.
    """
    if after is None:
        return []
    command = [
        "journalctl",
        "-q",
        "--no-pager",
        "-a",
        "-o",
        "json",
        "-n",
        str(_LINES),
        "--after-cursor",
        after,
        *matches,
    ]
    found = []
    for line in run(command, timeout=30)[1].splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        found.append(
            {
                "message": _text(entry.get("MESSAGE"))[:_LONGEST],
                "pid": str(entry.get("_PID", "")),
                # systemd's own lines about a unit name its invocation in the second field.
                "invocation": entry.get("_SYSTEMD_INVOCATION_ID")
                if entry.get("_PID") != "1"
                else entry.get("INVOCATION_ID"),
            }
        )
    return found


def _text(message: object) -> str:
    """Return a message as text: journalctl prints other bytes than UTF-8 as numbers, and a repeated field as a list."""
    if isinstance(message, list):
        if all(isinstance(each, int) for each in message):
            return bytes(each & 255 for each in message).decode("utf-8", "replace")
        return str(message[0]) if message else ""
    return message if isinstance(message, str) else ""


def messages_of(pid: int, after: str | None) -> list[str]:
    """Return the lines that this process wrote."""
    return [each["message"] for each in lines(after, f"_PID={pid}")]


def complaint(unit: str, after: str | None, known_invocation: str) -> str:
    """Return why the last start of the unit failed: the daemon's fatal line, else systemd's; "" if the journal has neither.

    `known_invocation` is the previous one, whose last lines are not about the start. If systemd ended the start (a command
    of the unit failed, or it took too long), errors of the daemon are not the cause: CRI-O logs some of them when it stops.
    A line may reach the journal late, so an empty result is only returned after a short wait.
    """
    deadline = time.monotonic() + _LATE
    while True:
        said = _complaint(unit, after, known_invocation)
        if said or after is None or time.monotonic() >= deadline:
            return said
        time.sleep(_POLL)


def _complaint(unit: str, after: str | None, known_invocation: str) -> str:
    found = [
        each
        for each in lines(after, f"_SYSTEMD_UNIT={unit}", "+", f"UNIT={unit}", "_PID=1")
        if each["invocation"] != known_invocation
    ]
    of_daemon = [each["message"] for each in found if each["pid"] != "1"]
    of_systemd = [each["message"] for each in found if each["pid"] == "1"]
    return (
        last_complaint(of_daemon, _FATAL, unstructured=False)
        or _earliest([each for each in of_daemon if each.startswith(f"{unit}: ")], _NOT_RUN)
        or _earliest(of_systemd, _ENDED_BY_SYSTEMD)
        or last_complaint(of_daemon, unstructured=False)
        or _first_of(of_systemd, _TELLING)
    )


def _earliest(messages: list[str], words: tuple[str, ...]) -> str:
    """Return the first message with any of the words: what follows it, such as the exit of a stopped command, is its effect."""
    return next((message for message in messages if any(each in message for each in words)), "")


def _first_of(messages: list[str], telling: tuple[str, ...]) -> str:
    """Return the first message that has the most telling words."""
    return next((message for words in telling for message in messages if words in message), "")


def last_complaint(
    said: list[str], levels: tuple[str, ...] = (*_FATAL, "level=error"), unstructured: bool = True
) -> str:
    """Return the line of a daemon that explains why it stopped, without logrus's format: the last fatal one, else the last error.

    unstructured: return the last line if no line has a level, as in crio's standard error.
    """
    for level in levels:
        for line in reversed(said):
            if level in line[:200]:
                found = _MESSAGE.search(line)
                if not found:
                    return line.strip()
                cause = field_of(line[found.end() :], "error")
                return unquoted(found.group(1)) + (f": {cause}" if cause else "")
    return said[-1].strip() if said and unstructured else ""


def field_of(line: str, name: str) -> str:
    """Return a field of a line in logrus's text format, without quotes, on one line; "" if there is none."""
    found = re.search(rf'(?:^| ){name}=(?:"((?:[^"\\]|\\.){{0,4000}})"|(\S{{1,4000}}))', line)
    return unquoted(found.group(1) or found.group(2) or "") if found else ""


def unquoted(text: str) -> str:
    """Return a message as it was before logrus quoted it, on one line."""
    return re.sub(r"\\(.)", lambda found: " " if found.group(1) in "nrt" else found.group(1), text)


def witness(service: RuntimeService, crictl: Crictl) -> str:
    """Make the running daemon log a line and wait for it. Returns why its lines cannot be seen, or "".

    CRI-O logs every request for an image's status at level info (server/image_status.go, CRI-O 1.28 to 1.37). Whatever
    hides that line hides the line about a reload too: a log level or filter, another log, or a journal that is stopped,
    volatile or rate-limited.
    """
    after = cursor()
    if after is None:
        return "the system journal cannot be read"
    word = f"cri-node.invalid/{uuid.uuid4().hex}"
    try:
        crictl.json("inspecti", word)
    except CrictlError as error:
        if error.kind not in ("not_found", "failed", "not_json"):
            return f"the daemon does not answer: {error}"
    deadline = time.monotonic() + _LATE
    while True:
        if any(word in message for message in messages_of(service.main_pid, after)):
            return ""
        if time.monotonic() > deadline:
            return "log lines of the running daemon do not reach the system journal"
        time.sleep(_POLL)
