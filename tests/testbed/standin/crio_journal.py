# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines as CRI-O writes them to stderr: logrus's text format."""

import json
import os
import re
import sys
import time

LEVELS = ("panic", "fatal", "error", "warning", "info", "debug", "trace")
_PLAIN = re.compile(r"[A-Za-z0-9\-._/@^+]+")


class LevelError(Exception):
    """Not the name of a log level, or no regular expression to filter with."""


class Journal:
    """Where the daemon and `crio config` tell what they do. Log levels and the filter can be set anew."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.filter = None
        self.set_level("info")

    def set_level(self, name):
        """Show this level and what is worse. Raises LevelError."""
        known = "warning" if name.lower() == "warn" else name.lower()
        if known not in LEVELS:
            raise LevelError(f'not a valid logrus Level: "{name}"')
        self.level = LEVELS.index(known)

    def set_filter(self, pattern):
        """Show only what this regular expression finds; "" shows all. Raises LevelError."""
        try:
            self.filter = re.compile(pattern) if pattern else None
        except re.error as error:
            told = "missing closing )" if "missing )" in str(error) else str(error)
            raise LevelError(
                f"custom log level filter does not compile: error parsing regexp: {told}: `{pattern}`"
            ) from None

    def say(self, level, message):
        """Write one line, when the level is shown and the filter matches."""
        if LEVELS.index(level) > self.level or (self.filter and not self.filter.search(message)):
            return
        now = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
        text = message if _PLAIN.fullmatch(message) else json.dumps(message, ensure_ascii=False)
        where = ""
        if self.level >= LEVELS.index("debug"):
            frame = sys._getframe(2)
            where = f' file="{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"'
        self.stream.write(f'time="{stamp}.{now % 10**9:09d}Z" level={level} msg={text}{where}\n')
        self.stream.flush()

    def debug(self, message):
        """For those who look for a fault."""
        self.say("debug", message)

    def info(self, message):
        """What happens."""
        self.say("info", message)

    def warning(self, message):
        """What is not as it was asked for."""
        self.say("warning", message)

    def error(self, message):
        """What failed while all else goes on."""
        self.say("error", message)

    def fatal(self, message):
        """What ends the program; the caller ends it."""
        self.say("fatal", message)
