# SPDX-License-Identifier: GPL-3.0-or-later
"""How crictl fails and what it says on standard error: lines as Go's logrus and klog write them."""

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
    """A command failed. code: the exit status; logged: whether the text is a line of the log or stands alone."""

    def __init__(self, text: str, code: int = 1, logged: bool = True):
        super().__init__(text)
        self.code = code
        self.logged = logged


class UsageError(CrictlError):
    """Options that the command line's own library refuses; the help follows on standard output."""


class HelpWanted(Exception):
    """The command is answered by its help: exit status 0, although nothing was done."""


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say before an error what was being done."""
    try:
        yield
    except CrictlError as error:
        if not error.logged:
            raise
        raise CrictlError(f"{what}: {error}") from None


def quoted(text: str) -> str:
    """A string as Go's %q writes it."""
    return json.dumps(text, ensure_ascii=False)


def log(level: str, text: str) -> None:
    """One line of logrus: with time and level in a file or pipe, short and coloured on a terminal."""
    if sys.stderr.isatty():
        print(f"\x1b[{_COLOURS[level]}m{_SHORT[level]}\x1b[0m[0000] {text}", file=sys.stderr)
        return
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")
    message = text if _PLAIN.fullmatch(text) else quoted(text)
    print(f'time="{now}" level={level} msg={message}', file=sys.stderr)


def log_failed_call(source: str, text: str, error: str, about: dict[str, str]) -> None:
    """One line of klog: the client library tells of a failed call before crictl does. about: key and value."""
    now = datetime.datetime.now().strftime("E%m%d %H:%M:%S.%f")
    pairs = {"err": error, **about}
    told = " ".join(f"{key}={_klog_value(value)}" for key, value in pairs.items())
    print(f"{now} {os.getpid():7} {source}] {quoted(text)} {told}", file=sys.stderr)


def _klog_value(value: str) -> str:
    return "<\n\t" + value.replace("\n", "\n\t") + "\n >" if "\n" in value else quoted(value)
