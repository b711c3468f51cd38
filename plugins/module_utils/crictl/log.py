# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads containers' log files from their end, in blocks, so that a long log costs what is asked of it.

A log is a sequence of files: the current one and, older and older, the rotated ones, gzipped or not. A line
of a file is `TIME STREAM TAG TEXT`; the tag P says that the text goes on in the stream's next line, F that it
ends. (The Docker Engine's JSON lines, which cri-dockerd's log paths lead to, are read as well.) All files are
opened before any is read, and are known by inode: a rotation in between neither loses nor repeats a line.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import heapq
import json
import os
import re
import stat
import tempfile
import time
import zlib

from ..errors import NodeError
from .output import SECOND, nanoseconds, rfc3339

BLOCK = 64 * 1024
LINE_LIMIT = 1024 * 1024  # bytes kept of one line, however long it is
JOIN_WINDOW = 256 * 1024  # bytes of log within which the parts of one line are looked for
SCAN_LIMIT = 256 * 1024 * 1024  # bytes that are looked through in one log
CHARACTER_LIMIT = 600_000  # of all entries as JSON; job runners drop a result of more than 700,000
CLOCK_SLACK = 10 * SECOND  # how far the clock may have been set back within a log

_AROUND_ENTRY = 190  # characters of JSON around an entry's text, at most
_FILE_DISTANCE = 1 << 60  # between the positions of two files
_OLDEST = -(1 << 100)
_LINE = re.compile(
    rb"(\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    rb" (stdout|stderr) ([PF])(?::[^ ]*)?(?: (.*))?",
    re.DOTALL,
)
_ROTATED = re.compile(r"\.(?:(?P<date>\d{8}-\d{6})|(?P<number>\d{1,4}))(?P<gz>\.gz)?", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_UNDECODABLE = re.compile("[\udc80-\udcff]")


class LogError(NodeError):
    """Why a log cannot be read, in one sentence; kind is not_found, permission or failed."""


def moment(text, now=None):
    """Nanoseconds since 1970 of an RFC 3339 time, or of a duration before now (90s, 10m, 1h30m, 2d)."""
    match = _DURATION.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        now = time.time() if now is None else now
        return int((now - days * 86400 - hours * 3600 - minutes * 60 - seconds) * SECOND)
    try:
        return nanoseconds(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a duration (90s, 1h30m, 2d) nor an RFC 3339 time (2026-01-31T08:00:00Z)"
        ) from None


class Entry:
    """One line of a container's output; its time (nanoseconds) and text are made when they are asked for."""

    __slots__ = ("_data", "_text", "_time", "_when", "cut", "position", "source", "stream", "undecodable")

    def __init__(self, source, position, when, stream, data, cut):
        self.source, self.position, self.stream, self.cut = source, position, stream, cut
        self._when, self._data, self._time, self._text = when, data, None, None
        self.undecodable = 0

    @property
    def time(self):
        if self._time is None:
            try:
                self._time = nanoseconds(self._when)
            except ValueError:  # a day that no month has
                self._time = 0
        return self._time

    @property
    def text(self):
        if self._text is None:
            try:
                self._text = self._data.decode("utf-8")
            except UnicodeDecodeError:
                text = self._data.decode("utf-8", "surrogateescape")
                self._text, self.undecodable = _UNDECODABLE.subn("\ufffd", text)
        return self._text

    def shorten(self, text):
        self._text, self.cut = text, True

    def as_dict(self):
        entry = {"time": rfc3339(self.time)} if self.time else {}
        entry.update(stream=self.stream, text=self.text)
        if self.cut:
            entry["cut"] = True
        return entry


class Selection:
    """Which entries are wanted (times in nanoseconds, pattern a regular expression), and how much at most."""

    def __init__(self, tail=1000, max_bytes=BLOCK, since=None, until=None, stream=None, pattern=None):
        self.tail, self.max_bytes = tail, max_bytes
        self.since, self.until, self.stream = since, until, stream
        self.pattern = re.compile(pattern) if pattern else None

    def is_over(self, entry):
        """Whether this entry and those before it are too old."""
        return self.since is not None and entry.time < self.since - CLOCK_SLACK

    def wants(self, entry):
        return (
            (self.stream is None or entry.stream == self.stream)
            and (self.until is None or entry.time <= self.until)
            and (self.since is None or entry.time >= self.since)
            and (self.pattern is None or self.pattern.search(entry.text) is not None)
        )


def newest(logs, selection):
    """(entries, truncated): the newest wanted entries of all logs, the oldest first.

    truncated: a limit stopped the search before the beginning of what was asked for, or cut a line.
    """
    found, room, characters = [], selection.max_bytes, CHARACTER_LIMIT
    merged = heapq.merge(*(log.entries(selection.stream) for log in logs), key=lambda entry: -entry.time)
    truncated = False
    for entry in merged if len(logs) > 1 else logs[0].entries(selection.stream):
        if selection.is_over(entry):
            break
        if len(found) >= selection.tail:
            truncated = True
            break
        if not selection.wants(entry):
            continue
        if found and (_bytes(entry.text) > room or _characters(entry.text) > characters):
            truncated = True
            break
        if not found:
            _fit(entry, room, characters)
        room -= _bytes(entry.text)
        characters -= _characters(entry.text)
        found.append(entry)
    truncated = truncated or any(entry.cut for entry in found) or any(log.gave_up for log in logs)
    return found[::-1], truncated


def _bytes(text):
    return len(text.encode("utf-8")) + 1


def _characters(text):
    return len(json.dumps(text)) + _AROUND_ENTRY


def _fit(entry, room, characters):
    """Cuts the end off an entry that is too long to be told even alone."""
    if _bytes(entry.text) > room:
        entry.shorten(entry.text.encode("utf-8")[: max(room - 1, 0)].decode("utf-8", "ignore"))
    while _characters(entry.text) > characters:
        entry.shorten(entry.text[: len(entry.text) * 9 // 10])


class Log:
    """One container's log. source: anything, given back with every entry.

    After reading: files (paths, newest first), bytes_read, malformed (lines that are no log lines), warnings,
    gave_up (whether SCAN_LIMIT or a damaged file ended the reading).
    """

    def __init__(self, path, rotated=True, container_id=None, source=None):
        self.source = source
        self.files, self.warnings = [], []
        self.bytes_read = self.malformed = 0
        self.gave_up = False
        self._opened = []  # (path, file), the newest first
        try:
            self._open(path, rotated, container_id)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        for _path, file in self._opened:
            file.close()

    def _open(self, path, rotated, container_id):
        seen = set()
        path = _resolve(path, container_id)
        for wait in (0.05, 0.1, 0.2, 0):  # a rotation renames the file a moment before it makes the next one
            if self._add(path, seen) or not wait:
                break
            time.sleep(wait)
        for each in _rotated_files(path) if rotated else ():
            self._add(each, seen)
        if not self._opened:
            raise LogError(f"the log file {path} does not exist (it goes with its pod)", "not_found")

    def _add(self, path, seen):
        """Opens a file that was not opened under another name; False where there is none."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            raise LogError(
                f"no permission to read {path}; run as root (become: true)", "permission"
            ) from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise LogError(f"{path} is a symbolic link, which is not followed") from None
            raise LogError(f"cannot open {path}: {error.strerror}") from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
            os.close(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise LogError(f"{path} is not a regular file")
            return True
        seen.add((status.st_dev, status.st_ino))
        self._opened.append((path, os.fdopen(descriptor, "rb", buffering=0)))
        return True

    def entries(self, stream=None):
        """All entries (of one stream), the newest first, each with its parts joined."""
        unfinished, ready, travelled = {}, [], 0
        for position, line, cut in self._lines():
            travelled += len(line) + 1
            part = _parse(line)
            if part is None:
                self.malformed += 1
                continue
            if stream not in (None, part[1]):
                continue
            current = unfinished.get(part[1])
            if current is None or not part[2]:
                if current is not None:
                    heapq.heappush(ready, current.finish(self.source))
                current = unfinished[part[1]] = _Unfinished(part[1])
            current.prepend(position, part[0], part[3], cut, travelled)
            if len(unfinished) == 1:
                latest = current.position
            else:
                for name in [name for name in unfinished if unfinished[name].is_beyond(travelled)]:
                    heapq.heappush(ready, unfinished.pop(name).finish(self.source))
                latest = max((each.position for each in unfinished.values()), default=_OLDEST)
            while ready and -ready[0][0] > latest:
                yield heapq.heappop(ready)[1]
        for current in unfinished.values():
            heapq.heappush(ready, current.finish(self.source))
        while ready:
            yield heapq.heappop(ready)[1]

    def _lines(self):
        for index, (path, opened) in enumerate(self._opened):
            file = opened
            if self.bytes_read >= SCAN_LIMIT:
                self.gave_up = True
                return
            self.files.append(path)
            with contextlib.ExitStack() as stack:
                if path.endswith(".gz"):
                    file = stack.enter_context(tempfile.TemporaryFile())
                    if not self._unpack(path, opened, file):
                        return
                for offset, line, cut in self._lines_of(file):
                    yield offset - index * _FILE_DISTANCE, line, cut
            if self.gave_up:
                return

    def _lines_of(self, file):
        """(offset, line, cut) of one file, the last line first; of a line too long the beginning is kept."""
        end, rest, rest_cut = os.fstat(file.fileno()).st_size, b"", False
        while end > 0:
            if self.bytes_read >= SCAN_LIMIT:
                self.gave_up = True
                return
            start = max(0, end - BLOCK)
            block = os.pread(file.fileno(), end - start, start)
            if (
                len(block) < end - start
            ):  # cut short while being read: what came after is no longer its sequel
                rest, rest_cut = b"", False
            self.bytes_read += len(block)
            first, *lines = block.split(b"\n")
            if lines:
                offset = start + len(block) - len(lines[-1])
                lines[-1], cut = lines[-1] + rest, rest_cut
                rest, rest_cut = b"", False
                for number in range(len(lines) - 1, -1, -1):
                    if lines[number]:
                        yield offset, lines[number][:LINE_LIMIT], cut or len(lines[number]) > LINE_LIMIT
                    cut = False
                    offset -= len(lines[number - 1]) + 1
            rest = first + rest
            rest_cut = rest_cut or len(rest) > LINE_LIMIT
            rest = rest[:LINE_LIMIT]
            end = start
        if rest:
            yield 0, rest, rest_cut

    def _unpack(self, path, packed, target):
        """False where nothing of the file could be used."""
        size = 0
        try:
            with gzip.GzipFile(fileobj=packed) as source:
                while True:
                    block = source.read(BLOCK)
                    if not block:
                        return True
                    size += len(block)
                    if self.bytes_read + size > SCAN_LIMIT:
                        self.gave_up = True
                        return False
                    target.write(block)
        except (EOFError, zlib.error, OSError) as error:
            self.warnings.append(f"{path} is damaged or cannot be unpacked, and was read in part: {error}")
            self.gave_up = True
            return size > 0
        finally:
            target.flush()


class _Unfinished:
    """A line whose parts are being collected, from the last to the first."""

    def __init__(self, stream):
        self.stream = stream
        self.parts, self.size, self.cut = [], 0, False
        self.position = self.when = self.travelled = None

    def prepend(self, position, when, data, cut, travelled):
        self.position, self.when, self.travelled = position, when, travelled
        self.cut = self.cut or cut
        self.parts.append(data)
        self.size += len(data)
        while self.size - len(self.parts[0]) >= LINE_LIMIT:  # the beginning is kept
            self.size -= len(self.parts.pop(0))
            self.cut = True

    def is_beyond(self, travelled):
        """Whether too much of the log lies before the parts for more of them to be expected."""
        return travelled - self.travelled > JOIN_WINDOW

    def finish(self, source):
        data = b"".join(reversed(self.parts))
        if len(data) > LINE_LIMIT:
            data, self.cut = data[:LINE_LIMIT], True
        return -self.position, Entry(source, self.position, self.when, self.stream, data, self.cut)


def _parse(line):
    """(time, stream, partial, text) of a file's line; None where it is none."""
    match = _LINE.fullmatch(line)
    if match:
        when, stream, tag, data = match.groups()
        return when.decode("ascii"), stream.decode("ascii"), tag == b"P", data or b""
    if not line.startswith(b"{"):
        return None
    try:
        item = json.loads(line)
        when, stream, text = item["time"], item["stream"], item["log"]
        nanoseconds(when)
        if stream not in ("stdout", "stderr"):
            return None
        return when, stream, not text.endswith("\n"), text.rstrip("\n").encode("utf-8", "surrogateescape")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _resolve(path, container_id):
    """Follows one link only: cri-dockerd's, to the Docker Engine's log of the same container."""
    if container_id and os.path.islink(path):
        target = os.path.realpath(path)
        if os.path.basename(target) == f"{container_id}-json.log":
            return target
    return path


def _rotated_files(path):
    """A log's rotated files, the newest first; the plain one of a file that is there with and without .gz."""
    folder, name = os.path.split(path)
    found = {}
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    for each in names:
        match = _ROTATED.fullmatch(each[len(name) :]) if each.startswith(name) else None
        if match:
            age = (match["date"] or "", -int(match["number"] or 0))
            if age not in found or not match["gz"]:
                found[age] = os.path.join(folder, each)
    return [found[age] for age in sorted(found, reverse=True)]
