# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines as CRI-O writes them to stderr: logrus's text format."""

import contextlib
import json
import os
import re
import sys
import threading
import time
import uuid

LEVELS = ("panic", "fatal", "error", "warning", "info", "debug", "trace")
_PLAIN = re.compile(r"[A-Za-z0-9\-._/@^+]+")
# What Go's %q writes differently from JSON.
_GO_ESCAPES = {"\\u0007": "\\a", "\\u000b": "\\v"}


class LevelError(Exception):
    """An invalid log level, or an invalid regular expression of the filter."""


class Journal:
    """The log of the daemon and of `crio config`. Level and filter can be changed."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.filter = None
        self.timestamps = True
        self.as_json = False
        # CRI-O writes the place in its code from the first debug line on, and never stops doing so.
        self.places = False
        self.fields = threading.local()
        self.set_level("info")

    def set_level(self, name):
        """Show messages of this level and of more severe ones. Raises LevelError."""
        known = "warning" if name.lower() == "warn" else name.lower()
        if known not in LEVELS:
            raise LevelError(f'not a valid logrus Level: "{name}"')
        self.level = LEVELS.index(known)
        self.places = self.places or self.level >= LEVELS.index("debug")

    def set_filter(self, pattern):
        """Show only lines that match this regular expression; "" shows all. Raises LevelError."""
        if pattern:
            self.debug(f"Using log filter: {quoted(pattern)}")
        try:
            self.filter = re.compile(pattern) if pattern else None
        except re.error as error:
            told = "missing closing )" if "missing )" in str(error) else str(error)
            raise LevelError(
                f"custom log level filter does not compile: error parsing regexp: {told}: `{pattern}`"
            ) from None

    @contextlib.contextmanager
    def request(self, method):
        """Add the current call to each line of this thread, as CRI-O does."""
        self.fields.now = {"id": str(uuid.uuid4()), "name": method}
        try:
            yield
        finally:
            self.fields.now = {}

    def say(self, level, message, place=""):
        """Write one line if its level is shown and it matches the filter. `place`: the position in CRI-O's source."""
        if LEVELS.index(level) > self.level or (self.filter and not self.filter.search(message)):
            return
        fields = {}
        if self.timestamps:
            now = time.time_ns()
            fields["time"] = (
                f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 10**9))}.{now % 10**9:09d}Z"
            )
        fields.update({"level": level, "msg": message})
        if self.places:
            frame = sys._getframe(2)
            fields["file"] = place or f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        fields.update(getattr(self.fields, "now", {}))
        if self.as_json:
            line = json.dumps(dict(sorted(fields.items())), separators=(",", ":"), ensure_ascii=False)
        else:
            line = " ".join(f"{name}={_value(name, value)}" for name, value in fields.items())
        self.stream.write(f"{line}\n")
        self.stream.flush()

    def debug(self, message):
        """Log at level debug."""
        self.say("debug", message)

    def info(self, message, place=""):
        """Log at level info."""
        self.say("info", message, place)

    def warning(self, message):
        """Log at level warning."""
        self.say("warning", message)

    def error(self, message):
        """Log at level error."""
        self.say("error", message)

    def fatal(self, message):
        """Log at level fatal; the caller must exit."""
        self.say("fatal", message)


def _value(name, value):
    return quoted(value) if name == "time" or (value and not _PLAIN.fullmatch(value)) else value


def quoted(text):
    """Return a quoted text, as Go's %q writes it."""
    written = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
    return re.sub(r"\\\\|\\u00[01].", _as_go_does, written)


def _as_go_does(escape):
    found = escape[0]
    return _GO_ESCAPES.get(found, f"\\x{found[4:]}" if found[1] == "u" else found)
