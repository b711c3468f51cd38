# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of crictl and its lines on standard error, in the formats of Go's logrus and klog."""

import datetime
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN = re.compile(r"[A-Za-z0-9._/@^+-]+")
_SHORT = {"debug": "DEBU", "info": "INFO", "warning": "WARN", "error": "ERRO", "fatal": "FATA"}
_COLOURS = {"debug": 37, "info": 36, "warning": 33, "error": 31, "fatal": 31}


class CrictlError(Exception):
    """A command failed. code: the exit status; logged: whether the text is a log line or plain text."""

    def __init__(self, text: str, code: int = 1, logged: bool = True):
        super().__init__(text)
        self.code = code
        self.logged = logged


class UsageError(CrictlError):
    """Options that the command line library refuses; the help is printed on standard output."""


class HelpWanted(Exception):
    """The command prints its help: exit status 0, although nothing was done."""


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Prefix an error with what was being done."""
    try:
        yield
    except CrictlError as error:
        if not error.logged:
            raise
        raise CrictlError(f"{what}: {error}") from None


def quoted(text: str) -> str:
    """Return a string as Go's %q writes it."""
    return json.dumps(text, ensure_ascii=False)


def log(level: str, text: str) -> None:
    """Return a line of logrus: with time and level in a file or pipe, short and coloured on a terminal."""
    if sys.stderr.isatty():
        print(f"\x1b[{_COLOURS[level]}m{_SHORT[level]}\x1b[0m[0000] {text}", file=sys.stderr)
        return
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")
    message = text if _PLAIN.fullmatch(text) else quoted(text)
    print(f'time="{now}" level={level} msg={message}', file=sys.stderr)


def log_failed_call(source: str, text: str, error: str, about: dict[str, str]) -> None:
    """Return a line of klog: the client library logs a failed call before crictl does. about: key and value."""
    now = datetime.datetime.now().strftime("E%m%d %H:%M:%S.%f")
    pairs = {"err": error, **about}
    told = " ".join(f"{key}={_klog_value(value)}" for key, value in pairs.items())
    print(f"{now} {os.getpid():7} {source}] {quoted(text)} {told}", file=sys.stderr)


def _klog_value(value: str) -> str:
    return "<\n\t" + value.replace("\n", "\n\t") + "\n >" if "\n" in value else quoted(value)
