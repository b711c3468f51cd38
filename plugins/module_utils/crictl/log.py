# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads containers' log files from their end, in blocks, so that a long log costs what is asked of it.

A log is a sequence of files: the current one and, older and older, the rotated ones, gzipped or not. A line
of a file is `TIME STREAM TAG TEXT`; the tag P says that the text goes on in the stream's next line, F that it
ends. (The Docker Engine's JSON lines, which cri-dockerd's log paths lead to, are read as well.) All files are
opened before any is read, and are known by inode: a rotation in between neither loses nor repeats a line.

Whoever can write below /var/log (a pod with a hostPath can) must not choose which file is read here, as root, nor
for how long. So the path that the runtime reports is walked folder by folder, and a link among them is refused (the
folders of the system, _SYSTEM_FOLDERS, may be links: an administrator puts /var/log on another disk). Only regular
files are opened, so that no pipe blocks and no device notices; bytes, unpacked bytes, files and time are limited.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import heapq
import json
import os
import re
import signal
import stat
import tempfile
import time
import zlib

from ..errors import NodeError, os_error
from ..text import shown
from .output import SECOND, nanoseconds, rfc3339

BLOCK = 64 * 1024
LINE_LIMIT = 1024 * 1024  # bytes kept of one line, however long it is
JOIN_WINDOW = 256 * 1024  # bytes of log within which the parts of one line are looked for
SCAN_LIMIT = 256 * 1024 * 1024  # bytes that are looked through in one log
TIME_LIMIT = 120  # seconds for which logs are looked through
FILE_LIMIT = 50  # rotated files that are opened of one log, the newest
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
_SYSTEM_FOLDERS = ("/var/log/pods", "/var/log", "/var/lib", "/var/run")  # the longer one first
_GZIP = 16 + zlib.MAX_WBITS  # for zlib: with gzip's header and checksum
_ROTATED = re.compile(r"\.(?:(?P<date>\d{8}-\d{6})|(?P<number>\d{1,4}))(?P<gz>\.gz)?", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDECODABLE = re.compile("[\udc80-\udcff]")


class LogError(NodeError):
    """Why a log cannot be read, in one sentence; kind is not_found, permission, timeout or failed."""


def moment(text, now=None):
    """Nanoseconds since 1970 of an RFC 3339 time, or of a duration before now (90s, 10m, 1h30m, 2d)."""
    match = _DURATION.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        now = time.time() if now is None else now
        with contextlib.suppress(OverflowError):  # more days than any clock can go back
            return int((now - days * 86400 - hours * 3600 - minutes * 60 - seconds) * SECOND)
    try:
        return nanoseconds(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a duration (90s, 1h30m, 2d) nor an RFC 3339 time (2026-01-31T08:00:00Z)"
        ) from None


@contextlib.contextmanager
def no_longer_than(seconds):
    """Ends what is done inside with a LogError: a pattern that backtracks, or a file system that does not answer."""

    def end(_signal, _frame):
        raise LogError(
            f"the log was not read within {seconds} s; ask for less, or with a simpler pattern", "timeout"
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def valid(data):
    """The same data with no lone surrogates in its texts, which neither UTF-8 nor Ansible can carry."""
    if isinstance(data, str):
        return _SURROGATE.sub("\ufffd", data)
    if isinstance(data, dict):
        return {valid(key): valid(value) for key, value in data.items()}
    return [valid(each) for each in data] if isinstance(data, list) else data


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
        when = rfc3339(self.time)
        entry = {"time": when} if when else {}
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
        return self.since is not None and 0 < entry.time < self.since - CLOCK_SLACK

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
    deadline = time.monotonic() + TIME_LIMIT
    for log in logs:
        log.deadline = deadline
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
    gave_up (whether SCAN_LIMIT, FILE_LIMIT, the deadline or a damaged file ended the reading).
    """

    def __init__(self, path, rotated=True, container_id=None, source=None):
        self.source = source
        self.files, self.warnings = [], []
        self.bytes_read = self.malformed = 0
        self.gave_up = False
        self.deadline = time.monotonic() + TIME_LIMIT
        self._opened = []  # _Opened, the newest first
        self._is_whole = True  # whether all rotated files were opened
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
        for opened in self._opened:
            opened.file.close()

    def _open(self, path, rotated, container_id):
        place = shown(path)
        if not os.path.isabs(path):
            raise LogError(f"the runtime reports {place!r} as the log's path, which is not an absolute path")
        with contextlib.ExitStack() as stack:
            # A rotation renames the file a moment before it makes the next one.
            for wait in (0.05, 0.1, 0.2, 0):
                folder, name = _open_place(path, container_id, stack)
                if (folder is not None and self._add(folder, name, path)) or not wait:
                    break
                time.sleep(wait)
            if rotated and folder is not None:
                self._add_rotated(folder, name, path)
        if not self._opened:
            raise LogError(f"the log file {place} does not exist (it goes with its pod)", "not_found")

    def _add_rotated(self, folder, name, path):
        names = _rotated_files(f"/proc/self/fd/{folder}/{name}")
        self._is_whole = len(names) <= FILE_LIMIT
        for each in names[:FILE_LIMIT]:
            try:
                self._add(folder, each, os.path.join(os.path.dirname(path), each), each.endswith(".gz"))
            except LogError as error:
                if error.kind == "permission":
                    raise
                # The others are read all the same; what is no log file has no lines that could be missing.
                self.warnings.append(str(error))
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                self._is_whole = False
                return

    def _add(self, folder, name, path, is_packed=False):
        """Opens a file that was not opened under another name; False where there is none."""
        try:
            descriptor, status = _open_regular(folder, name, shown(path))
        except FileNotFoundError:
            return False
        if any(opened.identity == (status.st_dev, status.st_ino) for opened in self._opened):
            os.close(descriptor)
        else:
            self._opened.append(_Opened(path, descriptor, status, is_packed))
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
        for index, opened in enumerate(self._opened):
            file = opened.file
            if self._has_enough():
                return
            self.files.append(opened.path)
            with contextlib.ExitStack() as stack:
                if opened.is_packed:
                    file = stack.enter_context(tempfile.TemporaryFile())
                    if not self._unpack(opened, file):
                        return
                try:
                    for offset, line, cut in self._lines_of(file):
                        yield offset - index * _FILE_DISTANCE, line, cut
                except OSError as error:
                    told = os_error(error, f"reading the log {shown(opened.path)}")
                    if index == 0 and not self.bytes_read:
                        raise LogError(told) from None
                    self.warnings.append(told)
                    self.gave_up = True
            if self.gave_up:
                return
        self.gave_up = not self._is_whole

    def _has_enough(self, more=0):
        """Whether a limit ends the reading here; `more` are bytes that are not counted yet."""
        if self.bytes_read + more >= SCAN_LIMIT or time.monotonic() > self.deadline:
            self.gave_up = True
        return self.gave_up

    def _lines_of(self, file):
        """(offset, line, cut) of one file, the last line first; of a line too long the beginning is kept."""
        end, rest, rest_cut = os.fstat(file.fileno()).st_size, b"", False
        while end > 0:
            if self._has_enough():
                return
            start = max(0, end - BLOCK)
            block = os.pread(file.fileno(), end - start, start)
            if len(block) < end - start:
                # Cut short while being read: what came after is no longer its sequel.
                rest, rest_cut = b"", False
                if not block:
                    end = min(start, os.fstat(file.fileno()).st_size)
                    continue
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

    def _unpack(self, opened, target):
        """False where nothing of the file could be used."""
        size, place = 0, shown(opened.path)
        try:
            for block in _unpacked(opened.file):
                if self._has_enough(size + len(block)):
                    return False
                size += len(block)
                try:
                    target.write(block)
                    target.flush()
                except OSError as error:
                    doing = f"unpacking the log {place} in {tempfile.gettempdir()}"
                    raise LogError(os_error(error, doing, tempfile.gettempdir())) from None
        except LogError as error:
            self.warnings.append(str(error))
            self.gave_up = True
            return False
        except (EOFError, zlib.error, OSError) as error:
            self.warnings.append(
                f"{place} is damaged or cannot be unpacked, and was read in part: {shown(str(error))}"
            )
            self.gave_up = True
            return size > 0
        return True


class _Opened:
    """A file of a log: its path, itself, which inode it is, and whether it is gzipped."""

    def __init__(self, path, descriptor, status, is_packed):
        self.path, self.is_packed = path, is_packed
        self.file = os.fdopen(descriptor, "rb", buffering=0)
        self.identity = (status.st_dev, status.st_ino)


def _unpacked(file):
    """The blocks of a gzip file, some of them empty, so that a caller can stop between any two reads.

    Python's gzip module does not return from a long name in a header, from zeros behind the end or from empty members.
    """
    decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
    while True:
        packed = file.read(BLOCK)
        if not packed:
            if is_begun:
                raise EOFError("the file ends before its last block does")
            return
        while packed:
            if is_padding:
                packed = packed.lstrip(b"\0")
                if not packed:
                    break
                decoder, is_begun, is_padding = zlib.decompressobj(_GZIP), False, False
            is_begun = True
            yield decoder.decompress(packed, BLOCK)
            packed = decoder.unconsumed_tail
            if decoder.eof:
                packed, is_begun, is_padding = decoder.unused_data, False, True
        yield b""


class _Unfinished:
    """A line whose parts are being collected, from the last to the first."""

    def __init__(self, stream):
        self.stream = stream
        self.parts, self.size, self.cut = collections.deque(), 0, False  # the last part first
        self.position = self.when = self.travelled = None

    def prepend(self, position, when, data, cut, travelled):
        self.position, self.when, self.travelled = position, when, travelled
        self.cut = self.cut or cut
        if data:
            self.parts.append(data)
            self.size += len(data)
        while self.parts and self.size - len(self.parts[0]) >= LINE_LIMIT:  # the beginning is kept
            self.size -= len(self.parts.popleft())
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
        return when, stream, not text.endswith("\n"), text.rstrip("\n").encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _open_place(path, container_id, stack):
    """(descriptor of the log's folder, or None where there is none; the file's name in it)."""
    folder = _open_folder(os.path.dirname(path), stack)
    name = os.path.basename(path)
    if folder is None or not container_id:
        return folder, name
    # One link is followed: cri-dockerd's, to the Docker Engine's log of the same container.
    try:
        target = os.path.realpath(os.path.join(os.path.dirname(path), os.readlink(name, dir_fd=folder)))
    except (OSError, ValueError):
        return folder, name
    if os.path.basename(target) != f"{container_id}-json.log":
        return folder, name
    return _open_folder(os.path.dirname(target), stack), os.path.basename(target)


def _open_folder(path, stack):
    """A descriptor of the folder, walked to without following a link but in _SYSTEM_FOLDERS; None where there is none."""
    begin = next((each for each in _SYSTEM_FOLDERS if f"{path}/".startswith(f"{each}/")), "/")
    descriptor, walked = None, begin
    try:
        descriptor = os.open(begin, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in path[len(begin) :].split("/"):
            if part in ("", "."):
                continue
            outer, walked = descriptor, os.path.join(walked, part)
            try:
                flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(part, flags, dir_fd=outer)
            except NotADirectoryError:
                raise _not_a_folder(part, outer, walked) from None
            finally:
                os.close(outer)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise _no_permission(walked) from None
    except (OSError, ValueError) as error:
        raise _cannot_open(walked, error) from None
    stack.callback(os.close, descriptor)
    return descriptor


def _not_a_folder(part, outer, walked):
    try:
        link = os.readlink(part, dir_fd=outer)
    except OSError:
        return LogError(f"{shown(walked)}, which the log's path leads through, is not a folder")
    return LogError(
        f"{shown(walked)}, which the log's path leads through, is a symbolic link to {shown(link)}, which is not"
        " followed"
    )


def _open_regular(folder, name, place):
    """(descriptor, status) of a regular file; FileNotFoundError where there is none, LogError for anything else."""
    try:
        # A handle first: opening itself waits for a pipe's other end, and a device may act on it.
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            status = os.fstat(handle)
            if stat.S_ISLNK(status.st_mode):
                raise LogError(f"{place} is a symbolic link, which is not followed")
            if not stat.S_ISREG(status.st_mode):
                raise LogError(f"{place} is not a regular file")
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(f"/proc/self/fd/{handle}", flags), status
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except PermissionError:
        raise _no_permission(place) from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise
        raise _cannot_open(place, error) from None


def _no_permission(path):
    return LogError(f"no permission to read {shown(path)}; run as root (become: true)", "permission")


def _cannot_open(path, error):
    return LogError(f"cannot open {shown(path)}: {getattr(error, 'strerror', None) or error}")


def _rotated_files(path):
    """The names of a log's rotated files, the newest first; the plain one of a file that is there with and without .gz.

    No more than FILE_LIMIT + 1 of them, however many there are.
    """
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder) as listed:
            # Twice as many, for each may be there with and without .gz.
            newest_files = heapq.nlargest(2 * FILE_LIMIT + 2, _ages(listed, name))
    except OSError:
        return []
    found = {}
    for age, _is_plain, each in newest_files:
        found.setdefault(age, each)
    return list(found.values())[: FILE_LIMIT + 1]


def _ages(listed, name):
    """(age, whether it is not gzipped, name) of each rotated file among what is in a folder."""
    for each in listed:
        match = _ROTATED.fullmatch(each.name[len(name) :]) if each.name.startswith(name) else None
        if match:
            yield (match["date"] or "", -int(match["number"] or 0)), not match["gz"], each.name
