# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads a container's log from its end, in blocks, so that the cost depends on what is asked for and not on the log's length.

A log is a sequence of files: the current one and, older and older, the rotated ones. A line of a file is `TIME STREAM TAG TEXT`;
the tag P means that the text continues in the next line of the stream, F that it ends. (The JSON lines of the Docker Engine, to
which the log paths of cri-dockerd lead, are read as well.) All files are opened before any is read, and are identified by inode:
a rotation in between neither loses nor repeats a line.
"""

from __future__ import annotations

import bisect
import collections
import contextlib
import errno
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..text import shown
from . import log_files
from .fields import valid as valid_text
from .log_files import LogError, LogFile
from .times import nanoseconds, rfc3339

BLOCK = 64 * 1024  # bytes that are read at once
LINE_LIMIT = 1024 * 1024  # bytes kept of one line, however long it is
JOIN_WINDOW = 256 * 1024  # bytes of log within which the parts of one line are searched
SCAN_LIMIT = 256 * 1024 * 1024  # bytes that are read of one log
TIME_LIMIT = 120  # seconds for which logs are read

_FILE_DISTANCE = 1 << 60  # between the positions of two files
_OLDEST = -(1 << 100)
_LINE = re.compile(
    rb"(\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    rb" (stdout|stderr) ([PF])(?::[^ ]*)?(?: (.*))?",
    re.DOTALL,
)
_UNDECODABLE = "[\udc80-\udcff]"  # compiled only for a text with such bytes


@contextlib.contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Raise a LogError after so many seconds: for a pattern that backtracks, or a file system that does not answer."""

    def end(_signal: int, _frame: object) -> None:
        raise LogError(
            f"the log was not read within {seconds} s; read less of it, or use a simpler pattern", "timeout"
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def valid(data: Any) -> Any:
    """Return the data without lone surrogates in its texts, which neither UTF-8 nor Ansible can represent."""
    if isinstance(data, str):
        return valid_text(data)
    if isinstance(data, dict):
        return {valid(key): valid(value) for key, value in data.items()}
    return [valid(each) for each in data] if isinstance(data, list) else data


class Entry:
    """One line of a container's output. Its time (nanoseconds since 1970) and text are computed when they are first used."""

    __slots__ = ("_data", "_text", "_time", "_when", "cut", "position", "source", "stream", "undecodable")

    def __init__(self, source: Any, position: int, when: str, stream: str, data: bytes, cut: bool) -> None:
        self.source, self.position, self.stream, self.cut = source, position, stream, cut
        self._when, self._data = when, data
        self._time: int | None = None
        self._text: str | None = None
        self.undecodable = 0

    @property
    def time(self) -> int:
        """The time in nanoseconds since the epoch; 0 for a date that does not exist."""
        if self._time is None:
            try:
                self._time = nanoseconds(self._when)
            except ValueError:  # a date that does not exist
                self._time = 0
        return self._time

    @property
    def text(self) -> str:
        """The text, with U+FFFD for bytes that are not UTF-8."""
        if self._text is None:
            try:
                self._text = self._data.decode("utf-8")
            except UnicodeDecodeError:
                text = self._data.decode("utf-8", "surrogateescape")
                self._text, self.undecodable = re.subn(_UNDECODABLE, "\ufffd", text)
        return self._text

    def shorten(self, text: str) -> None:
        """Replace the text by the beginning of it."""
        self._text, self.cut = text, True

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as facts have it."""
        when = rfc3339(self.time)
        entry: dict[str, Any] = {"time": when} if when else {}
        entry.update(stream=self.stream, text=self.text)
        if self.cut:
            entry["cut"] = True
        return entry


class Log:
    """One container's log, a context manager. source: any value, returned with every entry.

    After reading: files (paths, newest first), bytes_read, malformed (number of lines that are not log lines), warnings,
    gave_up (whether SCAN_LIMIT, FILE_LIMIT, the deadline or a damaged file ended the reading). Raises LogError and OSError.
    """

    def __init__(
        self, path: str, rotated: bool = True, container_id: str | None = None, source: Any = None
    ) -> None:
        self.source = source
        self.files: list[str] = []
        self.warnings: list[str] = []
        self.bytes_read = self.malformed = 0
        self.gave_up = False
        self.deadline = time.monotonic() + TIME_LIMIT
        self._opened: list[LogFile] = []  # the newest first
        self._is_whole = True  # whether all rotated files were opened
        try:
            self._open(path, rotated, container_id)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        for opened in self._opened:
            opened.file.close()

    def _open(self, path: str, rotated: bool, container_id: str | None) -> None:
        place = shown(path)
        if not os.path.isabs(path):
            raise LogError(
                f"the runtime reports {place!r} as the path of the log, which is not an absolute path"
            )
        with contextlib.ExitStack() as stack:
            # A rotation renames the file a moment before it creates the next one.
            for wait in (0.05, 0.1, 0.2, 0):
                directory, name = log_files.open_directory_of(path, container_id, stack)
                if (directory is not None and self._add(directory, name, path)) or not wait:
                    break
                time.sleep(wait)
            if rotated and directory is not None and log_files.has_others(directory, name):
                self._add_rotated(directory, name, path)
        if not self._opened:
            raise LogError(f"the log file {place} does not exist (it is deleted with its pod)", "not_found")

    def _add_rotated(self, directory: int, name: str, path: str) -> None:
        from . import log_rotation  # not at the top: most logs fit into one file

        names = log_rotation.rotated_files(f"/proc/self/fd/{directory}/{name}")
        self._is_whole = len(names) <= log_rotation.FILE_LIMIT
        for each in names[: log_rotation.FILE_LIMIT]:
            try:
                self._add(directory, each, os.path.join(os.path.dirname(path), each), each.endswith(".gz"))
            except LogError as error:
                if error.kind == "permission":
                    raise
                # The others are read all the same; a file that is not a log file has no lines that could be missing.
                self.warnings.append(str(error))
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                self._is_whole = False
                return

    def _add(self, directory: int, name: str, path: str, is_packed: bool = False) -> bool:
        """Open a file, unless it was opened under another name. Return False if it does not exist."""
        try:
            descriptor, status = log_files.open_regular(directory, name, shown(path))
        except FileNotFoundError:
            return False
        if any(opened.identity == (status.st_dev, status.st_ino) for opened in self._opened):
            os.close(descriptor)
        else:
            self._opened.append(LogFile(path, descriptor, status, is_packed))
        return True

    def entries(self, stream: str | None = None) -> Iterator[Entry]:
        """Yield all entries (of one stream), the newest first, each with its parts joined."""
        unfinished: dict[str, _Unfinished] = {}
        ready: list[tuple[int, Entry]] = []
        travelled = 0
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
                    bisect.insort(ready, current.finish(self.source))
                current = unfinished[part[1]] = _Unfinished(part[1])
            current.prepend(position, part[0], part[3], cut, travelled)
            if len(unfinished) == 1:
                latest = current.position
            else:
                for name in [name for name in unfinished if unfinished[name].is_beyond(travelled)]:
                    bisect.insort(ready, unfinished.pop(name).finish(self.source))
                latest = max((each.position for each in unfinished.values()), default=_OLDEST)
            while ready and ready[-1][0] > latest:
                yield ready.pop()[1]
        for current in unfinished.values():
            bisect.insort(ready, current.finish(self.source))
        while ready:
            yield ready.pop()[1]

    def _lines(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield position, line and whether it was cut, of all files, the last line first."""
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
                    from ..os_errors import os_error

                    message = os_error(error, f"reading the log {shown(opened.path)}")
                    if index == 0 and not self.bytes_read:
                        raise LogError(message) from None
                    self.warnings.append(message)
                    self.gave_up = True
            if self.gave_up:
                return
        self.gave_up = not self._is_whole

    def _has_enough(self, more: int = 0) -> bool:
        """Return whether a limit ends the reading here. more: bytes that are not counted yet."""
        if self.bytes_read + more >= SCAN_LIMIT or time.monotonic() > self.deadline:
            self.gave_up = True
        return self.gave_up

    def _lines_of(self, file: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
        """Yield offset, line and whether it was cut, of one file, the last line first. The beginning of a long line is kept."""
        end, rest, rest_cut = os.fstat(file.fileno()).st_size, b"", False
        while end > 0:
            if self._has_enough():
                return
            start = max(0, end - BLOCK)
            block = os.pread(file.fileno(), end - start, start)
            if len(block) < end - start:
                # The file became shorter: what was read after this block does not continue it.
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

    def _unpack(self, opened: LogFile, target: BinaryIO) -> bool:
        """Unpack a gzipped file. Return False if nothing of it can be used."""
        from .log_unpacking import unpack  # not at the top: compiled only for a log that has such a file

        try:
            is_usable, problem = unpack(opened.file, opened.path, target, self._has_enough)
        except LogError as error:  # of no_longer_than
            is_usable, problem = False, str(error)
        if problem:
            self.warnings.append(problem)
            self.gave_up = True
        return is_usable


class _Unfinished:
    """A line whose parts are being collected, from the last to the first."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.parts: collections.deque[bytes] = collections.deque()  # the last part first
        self.size, self.cut = 0, False
        self.position, self.when, self.travelled = 0, "", 0

    def prepend(self, position: int, when: str, data: bytes, cut: bool, travelled: int) -> None:
        """Add the part before those that are there. travelled: bytes of log that were read so far."""
        self.position, self.when, self.travelled = position, when, travelled
        self.cut = self.cut or cut
        if data:
            self.parts.append(data)
            self.size += len(data)
        while self.parts and self.size - len(self.parts[0]) >= LINE_LIMIT:  # the beginning is kept
            self.size -= len(self.parts.popleft())
            self.cut = True

    def is_beyond(self, travelled: int) -> bool:
        """Return whether so much of the log was read since the last part that no more are expected."""
        return travelled - self.travelled > JOIN_WINDOW

    def finish(self, source: Any) -> tuple[int, Entry]:
        """Join the parts. Return the entry and its position, by which entries are sorted."""
        data = b"".join(reversed(self.parts))
        if len(data) > LINE_LIMIT:
            data, self.cut = data[:LINE_LIMIT], True
        return self.position, Entry(source, self.position, self.when, self.stream, data, self.cut)


def _parse(line: bytes) -> tuple[str, str, bool, bytes] | None:
    """Return time, stream, whether it is partial, and text of a line; None if it is not a log line."""
    match = _LINE.fullmatch(line)
    if match:
        when, stream, tag, data = match.groups()
        return when.decode("ascii"), stream.decode("ascii"), tag == b"P", data or b""
    if not line.startswith(b"{"):
        return None
    from . import docker_log  # not at the top: only cri-dockerd has such logs

    return docker_log.parse(line)
