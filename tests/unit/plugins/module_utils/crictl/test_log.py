# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that logs are read from their end, and that no line is lost, repeated or invented."""

import gzip
import io
import itertools
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.crictl import log as cri_log
from ansible_collections.cri.node.plugins.module_utils.crictl import log_files, log_rotation
from ansible_collections.cri.node.plugins.module_utils.crictl.log import Log, LogError
from ansible_collections.cri.node.plugins.module_utils.crictl.log_selection import Selection, newest
from ansible_collections.cri.node.plugins.module_utils.crictl.moment import moment

START = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z


def stamp(number, nanosecond=0):
    return f"2026-01-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.{nanosecond:09d}Z"


def line(number, text, stream="stdout", tag="F"):
    data = text.encode() if isinstance(text, str) else text
    return f"{stamp(number)} {stream} {tag} ".encode() + data + b"\n"


def write(folder, *lines, name="0.log"):
    path = folder / name
    path.write_bytes(b"".join(lines))
    return str(path)


def read(path, rotated=True, **selection):
    with Log(path, rotated=rotated) as log:
        entries, truncated = newest([log], Selection(**selection))
    return entries, truncated, log


def texts(path, **selection):
    return [entry.text for entry in read(path, **selection)[0]]


class TestSelection:
    def test_entries_come_oldest_first_with_utc_time_and_stream(self, tmp_path):
        path = write(
            tmp_path,
            b"2026-01-01T02:00:00.5+02:00 stdout F one\n",
            b"2026-01-01T00:00:01.000000002Z stderr F two\n",
        )
        entries, truncated, log = read(path)
        assert [entry.as_dict() for entry in entries] == [
            {"time": "2026-01-01T00:00:00.500000000Z", "stream": "stdout", "text": "one"},
            {"time": "2026-01-01T00:00:01.000000002Z", "stream": "stderr", "text": "two"},
        ]
        assert not truncated
        assert log.files == [path]

    def test_tail_returns_the_newest_lines_and_reports_that_there_were_more(self, tmp_path):
        path = write(tmp_path, *(line(number, f"line {number}") for number in range(10)))
        entries, truncated, _log = read(path, tail=3)
        assert [entry.text for entry in entries] == ["line 7", "line 8", "line 9"]
        assert truncated

    def test_a_log_of_exactly_that_many_lines_is_not_truncated(self, tmp_path):
        path = write(tmp_path, *(line(number, "x") for number in range(10)))
        assert not read(path, tail=10)[1]

    def test_max_bytes_counts_text_and_line_ends(self, tmp_path):
        path = write(tmp_path, *(line(number, "é" * 4) for number in range(10)))
        entries, truncated, _log = read(path, max_bytes=27)
        assert len(entries) == 3
        assert truncated

    def test_a_last_line_longer_than_max_bytes_is_cut_between_characters(self, tmp_path):
        entries, truncated, _log = read(write(tmp_path, line(0, "é" * 100)), max_bytes=10)
        assert entries[0].as_dict() == {"time": stamp(0), "stream": "stdout", "text": "é" * 4, "cut": True}
        assert truncated

    def test_the_result_stays_below_the_size_limit_of_job_runners(self, tmp_path):
        path = write(tmp_path, *(line(number, "\x01\u4e16" * 50) for number in range(20_000)))
        entries, truncated, _log = read(path, tail=10**6, max_bytes=10**9)
        assert truncated
        assert 400_000 < len(json.dumps([entry.as_dict() for entry in entries])) <= 600_000

    def test_one_line_of_escapes_is_cut_to_the_size_limit_of_job_runners(self, tmp_path):
        entries, truncated, _log = read(write(tmp_path, line(0, "\x01" * 500_000)), max_bytes=10**9)
        assert truncated
        assert len(json.dumps(entries[0].as_dict())) <= 600_000

    def test_since_and_until_are_inclusive(self, tmp_path):
        path = write(tmp_path, *(line(number, str(number)) for number in range(10)))
        assert texts(path, since=START + 3 * 10**9, until=START + 5 * 10**9) == ["3", "4", "5"]

    def test_lines_before_since_do_not_count_as_truncated(self, tmp_path):
        path = write(tmp_path, *(line(number, str(number)) for number in range(100)))
        assert not read(path, since=START + 90 * 10**9)[1]

    def test_a_clock_set_back_by_seconds_does_not_end_the_search(self, tmp_path):
        path = write(tmp_path, line(20, "a"), line(14, "b"), line(21, "c"))
        assert texts(path, since=START + 20 * 10**9) == ["a", "c"]

    def test_stream_and_pattern_select_lines(self, tmp_path):
        path = write(
            tmp_path, line(0, "an error"), line(1, "an error", "stderr"), line(2, "all well", "stderr")
        )
        assert texts(path, stream="stderr", pattern="err.r$") == ["an error"]

    def test_no_line_matches(self, tmp_path):
        assert read(write(tmp_path, line(0, "x")), pattern="y")[:2] == ([], False)

    def test_empty_log(self, tmp_path):
        assert read(write(tmp_path))[:2] == ([], False)


class TestLines:
    def test_parts_of_a_line_are_joined(self, tmp_path):
        path = write(tmp_path, line(0, "a", tag="P"), line(1, "b", tag="P"), line(2, "c"), line(3, "d"))
        entries = read(path)[0]
        assert [(entry.text, entry.as_dict()["time"]) for entry in entries] == [
            ("abc", stamp(0)),
            ("d", stamp(3)),
        ]

    def test_parts_are_joined_per_stream_in_the_order_of_their_first_part(self, tmp_path):
        path = write(
            tmp_path,
            line(0, "a", tag="P"),
            line(1, "x", "stderr"),
            line(2, "b"),
            line(3, "y", "stderr"),
            line(4, "c"),
        )
        assert texts(path) == ["ab", "x", "y", "c"]

    def test_an_unfinished_line_is_reported(self, tmp_path):
        assert texts(write(tmp_path, line(0, "a"), line(1, "pass", tag="P"), line(2, "word", tag="P"))) == [
            "a",
            "password",
        ]

    def test_a_character_split_between_parts_is_one_character(self, tmp_path):
        data = "é".encode()
        path = write(tmp_path, line(0, data[:1], tag="P"), line(1, data[1:]))
        entry = read(path)[0][0]
        assert (entry.text, entry.undecodable) == ("é", 0)

    def test_invalid_bytes_are_replaced_and_counted(self, tmp_path):
        entry = read(write(tmp_path, line(0, b"a\xff\xfe\x00b\xc3")))[0][0]
        assert (entry.text, entry.undecodable) == ("a\ufffd\ufffd\x00b\ufffd", 3)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"\x00" * 5000 + b"\n",
            b"no log line\n",
            b"2026-01-01T00:00:00Z stdout X a\n",
            b"{}\n",
            b'{"log": 1}\n',
            b"[" * 9,
        ],
        ids=[
            "a hole after a crash",
            "prose",
            "an unknown tag",
            "empty JSON",
            "JSON of another form",
            "brackets",
        ],
    )
    def test_invalid_log_lines_are_omitted_and_counted(self, tmp_path, garbage):
        path = write(tmp_path, line(0, "a"), garbage, *([] if garbage[-1:] != b"\n" else [line(1, "b")]))
        entries, _truncated, log = read(path)
        assert [entry.text for entry in entries] in (["a", "b"], ["a"])
        assert log.malformed == 1

    def test_a_date_that_does_not_exist_has_no_time(self, tmp_path):
        entry = read(write(tmp_path, b"2026-02-31T00:00:00Z stdout F a\n"))[0][0]
        assert entry.as_dict() == {"stream": "stdout", "text": "a"}

    def test_empty_lines_are_returned(self, tmp_path):
        path = write(tmp_path, line(0, ""), f"{stamp(1)} stdout F\n".encode(), line(2, ""))
        assert texts(path) == ["", "", ""]

    def test_lines_of_the_docker_engine_are_read(self, tmp_path):
        items = [("one\n", "stdout"), ("two ", "stderr"), ("parts\n", "stderr")]
        path = write(
            tmp_path,
            *(
                json.dumps({"log": text, "stream": stream, "time": stamp(number)}).encode() + b"\n"
                for number, (text, stream) in enumerate(items)
            ),
        )
        assert texts(path) == ["one", "two parts"]

    def test_a_line_that_is_too_long_for_memory_keeps_its_beginning(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "LINE_LIMIT", 100_000)
        path = write(tmp_path, line(0, "first"), line(1, "begin " + "x" * 500_000), line(2, "last"))
        entries, truncated, _log = read(path, max_bytes=10**6)
        assert [entry.text[:5] for entry in entries] == ["first", "begin", "last"]
        assert len(entries[1].text) < 100_000
        assert (entries[1].cut, truncated) == (True, True)

    def test_a_line_of_too_many_parts_keeps_its_beginning(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "LINE_LIMIT", 1000)
        path = write(
            tmp_path,
            line(0, "begin", tag="P"),
            *(line(1, "x" * 90, tag="P") for _each in range(50)),
            line(2, "end"),
        )
        entry = read(path)[0][0]
        assert (entry.text[:5], len(entry.text), entry.cut) == ("begin", 1000, True)

    def test_a_silent_stream_does_not_cause_the_whole_log_to_be_read(self, tmp_path):
        path = write(
            tmp_path,
            line(0, "old", "stderr"),
            *(line(1, "x" * 80) for _each in range(50_000)),
            line(2, "new", "stderr"),
        )
        entries, _truncated, log = read(path, tail=100)
        assert [entry.text for entry in entries[-2:]] == ["x" * 80, "new"]
        assert log.bytes_read < 2**20


class TestFiles:
    def test_rotated_files_continue_the_log(self, tmp_path):
        write(tmp_path, line(0, "a"), line(1, "b", tag="P"), name="0.log.20260101-000000")
        write(tmp_path, line(2, "c"), line(3, "d"), name="0.log.20260101-000100")
        path = write(tmp_path, line(4, "e"))
        entries, truncated, log = read(path)
        assert [entry.text for entry in entries] == ["a", "bc", "d", "e"]
        assert [os.path.basename(each) for each in log.files] == [
            "0.log",
            "0.log.20260101-000100",
            "0.log.20260101-000000",
        ]
        assert not truncated

    def test_rotated_files_are_not_read_if_disabled(self, tmp_path):
        write(tmp_path, line(0, "a"), name="0.log.20260101-000000")
        assert texts(write(tmp_path, line(4, "e")), rotated=False) == ["e"]

    def test_gzipped_files_continue_the_log(self, tmp_path):
        (tmp_path / "0.log.20260101-000000.gz").write_bytes(gzip.compress(line(0, "a")))
        assert texts(write(tmp_path, line(4, "e"))) == ["a", "e"]

    def test_files_with_higher_numbers_are_older(self, tmp_path):
        for number in (1, 2, 10):
            write(tmp_path, line(20 - number, str(number)), name=f"0.log.{number}")
        assert texts(write(tmp_path, line(30, "0"))) == ["10", "2", "1", "0"]

    def test_a_file_that_is_being_gzipped_is_read_once(self, tmp_path):
        write(tmp_path, line(0, "a"), name="0.log.20260101-000000")
        (tmp_path / "0.log.20260101-000000.gz").write_bytes(gzip.compress(line(0, "a")))
        write(tmp_path, b"half", name="0.log.20260101-000000.tmp")
        assert texts(write(tmp_path, line(4, "e"))) == ["a", "e"]

    @pytest.mark.parametrize(
        "damage", [lambda data: data[:-20], lambda data: b"junk" + data], ids=["cut", "no gzip"]
    )
    def test_a_damaged_gzip_file_is_a_warning(self, tmp_path, damage):
        (tmp_path / "0.log.20260101-000000.gz").write_bytes(damage(gzip.compress(os.urandom(5000))))
        entries, truncated, log = read(write(tmp_path, line(4, "e")))
        assert [entry.text for entry in entries] == ["e"]
        assert truncated
        assert "0.log.20260101-000000.gz" in log.warnings[0]

    def test_a_log_rotated_after_it_was_opened_is_read_once_and_completely(self, tmp_path):
        path = write(tmp_path, line(0, "a"), line(1, "b"))
        with Log(path) as log:
            os.rename(path, f"{path}.20260101-000000")
            write(tmp_path, line(2, "c"))
            assert [entry.text for entry in newest([log], Selection())[0]] == ["a", "b"]

    def test_a_log_rotated_between_being_opened_and_listed_is_read_once(self, tmp_path, monkeypatch):
        path = write(tmp_path, line(0, "a"))

        def rotate(_path, real=log_rotation.rotated_files):
            os.rename(path, f"{path}.20260101-000000")
            write(tmp_path, line(2, "c"))
            return real(path)

        monkeypatch.setattr(log_rotation, "rotated_files", rotate)
        assert texts(path) == ["a"]

    def test_a_log_that_is_missing_for_a_moment_is_waited_for(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log.time, "sleep", lambda _seconds: write(tmp_path, line(2, "c")))
        write(tmp_path, line(0, "a"), name="0.log.20260101-000000")
        assert texts(str(tmp_path / "0.log")) == ["a", "c"]

    def test_a_log_truncated_while_it_is_read_returns_the_rest(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "BLOCK", 64)
        path = write(tmp_path, *(line(number, "x" * 20) for number in range(100)))
        with Log(path) as log:
            entries = log.entries()
            next(entries)
            os.truncate(path, 60)
            assert len(list(entries)) <= 3

    def test_a_missing_log_is_an_error(self, tmp_path):
        with pytest.raises(LogError, match="does not exist") as caught:
            Log(str(tmp_path / "no" / "0.log"))
        assert caught.value.kind == "not_found"

    def test_a_link_is_not_followed(self, tmp_path):
        (tmp_path / "0.log").symlink_to(write(tmp_path, line(0, "secret"), name="other"))
        with pytest.raises(LogError, match="symbolic link"):
            Log(str(tmp_path / "0.log"), container_id="c1")

    def test_a_link_to_the_engine_log_of_the_same_container_is_followed(self, tmp_path):
        (tmp_path / "0.log").symlink_to(write(tmp_path, line(0, "a"), name="c1-json.log"))
        with Log(str(tmp_path / "0.log"), container_id="c1") as log:
            assert [entry.text for entry in log.entries()] == ["a"]

    def test_a_pipe_or_directory_is_refused_without_waiting(self, tmp_path):
        os.mkfifo(tmp_path / "0.log")
        with pytest.raises(LogError, match="not a regular file"):
            Log(str(tmp_path / "0.log"))
        with pytest.raises(LogError, match="not a regular file"):
            Log(str(tmp_path))

    def test_the_search_ends_at_the_scan_limit_and_reports_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "SCAN_LIMIT", 200_000)
        path = write(tmp_path, line(0, "needle"), *(line(1, "x" * 80) for _each in range(5000)))
        assert read(path, pattern="needle")[:2] == ([], True)

    def test_logs_of_several_containers_are_merged_by_time(self, tmp_path):
        one = write(tmp_path, line(0, "a"), line(2, "c"), line(4, "e"), name="one.log")
        two = write(tmp_path, line(1, "b"), line(3, "d"), name="two.log")
        with Log(one, source="one") as first, Log(two, source="two") as second:
            entries, truncated = newest([first, second], Selection(tail=4))
        assert [(entry.text, entry.source) for entry in entries] == [
            ("b", "two"),
            ("c", "one"),
            ("d", "two"),
            ("e", "one"),
        ]
        assert truncated


class TestHostileDirectories:
    """A user who can write to the directory of a log cannot choose which file is read, or for how long."""

    @pytest.mark.parametrize("depth", range(4))
    def test_a_directory_of_the_path_that_is_a_link_is_refused_by_name(self, tmp_path, depth):
        secret = tmp_path / "elsewhere" / "/".join(["deep"] * (3 - depth))
        secret.mkdir(parents=True)
        write(secret, line(0, "secret"))
        link = tmp_path / "pods" / "/".join(["deep"] * depth)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / "elsewhere")
        path = link / "/".join(["deep"] * (3 - depth)) / "0.log"
        assert path.read_bytes()
        with pytest.raises(
            LogError, match=re.escape(f"{link}, which is part of the log's path, is a symbolic link")
        ):
            Log(str(path))

    def test_directories_of_the_system_may_be_links(self, tmp_path, monkeypatch):
        (tmp_path / "disk/ns_pod_uid/web").mkdir(parents=True)
        write(tmp_path / "disk/ns_pod_uid/web", line(0, "a"))
        (tmp_path / "pods").symlink_to(tmp_path / "disk")
        monkeypatch.setattr(log_files, "_SYSTEM_DIRECTORIES", (f"{tmp_path}/pods",))
        assert texts(f"{tmp_path}/pods/ns_pod_uid/web/0.log") == ["a"]
        (tmp_path / "pods/ns_pod_uid/linked").symlink_to(tmp_path / "disk/ns_pod_uid/web")
        with pytest.raises(LogError, match="is a symbolic link"):
            Log(f"{tmp_path}/pods/ns_pod_uid/linked/0.log")

    def test_a_linked_directory_is_refused_even_if_its_log_belongs_to_the_engine(self, tmp_path):
        (tmp_path / "real").mkdir()
        write(tmp_path / "real", line(0, "a"), name="c1-json.log")
        (tmp_path / "real/0.log").symlink_to("c1-json.log")
        (tmp_path / "linked").symlink_to("real")
        with pytest.raises(LogError, match="is a symbolic link to real"):
            Log(f"{tmp_path}/linked/0.log", container_id="c1")

    def test_anything_that_replaces_a_file_is_refused_without_opening_it(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "socket"))
            for name in ("fifo", "socket", "."):
                with pytest.raises(LogError, match="is not a regular file"):
                    Log(f"{tmp_path}/{name}")
        with pytest.raises(LogError, match="is not a regular file"):
            Log("/dev/zero")
        with pytest.raises(LogError, match="is not a directory"):
            Log(f"{tmp_path}/fifo/0.log")

    @pytest.mark.parametrize(
        "path", ["", "relative/0.log", "/no\0name", "/" + "x" * 300, "/a\ud800", "/\udcff\x1b[2J"]
    )
    def test_an_odd_path_is_one_printable_error(self, path):
        with pytest.raises(LogError) as caught:
            Log(path)
        assert str(caught.value).isprintable()

    def test_a_rotated_name_that_is_not_a_log_file_is_a_warning(self, tmp_path):
        os.mkfifo(tmp_path / "0.log.20260101-000200")
        (tmp_path / "0.log.20260101-000100").symlink_to("/etc/passwd")
        (tmp_path / "0.log.3").mkdir()
        write(tmp_path, line(0, "old"), name="0.log.20260101-000000")
        entries, _truncated, log = read(write(tmp_path, line(1, "new")))
        assert [entry.text for entry in entries] == ["old", "new"]
        assert [warning.partition(" is ")[2] for warning in log.warnings] == [
            "not a regular file",
            "a symbolic link; it is not followed",
            "not a regular file",
        ]

    def test_only_the_newest_of_many_rotated_files_are_read(self, tmp_path, monkeypatch):
        monkeypatch.setattr(log_rotation, "FILE_LIMIT", 3)
        for number in range(1, 9):
            write(tmp_path, line(20 - number, str(number)), name=f"0.log.{number}")
            if number < 4:
                (tmp_path / f"0.log.{number}.gz").write_bytes(b"half")
        path = write(tmp_path, line(30, "0"))
        assert [entry.text for entry in read(path)[0]] == ["3", "2", "1", "0"]
        assert read(path)[1] is True
        assert read(path, tail=2)[2].gave_up is False

    def test_a_process_without_free_descriptors_reads_the_newest_files(self, tmp_path):
        for number in range(1, 40):
            write(tmp_path, line(60 - number, str(number)), name=f"0.log.{number}")
        path = write(tmp_path, line(61, "0"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
        try:
            entries, truncated, _log = read(path)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (entries[-1].text, truncated, len(entries) < 40) == ("0", True, True)


class TestHostileBytes:
    def test_decompression_stops_at_the_limits(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "SCAN_LIMIT", 2**20)
        whole = gzip.compress(line(0, "a"))
        endless = {
            "bomb": gzip.compress(b"\0" * 2**26),
            "name": b"\x1f\x8b\x08\x08" + b"\0" * 4 + b"\x02\xff" + b"x" * 2**22,
            "empty members": gzip.compress(b"") * 50_000,
        }
        path = write(tmp_path, line(1, "new"))
        for name, content in endless.items():
            (tmp_path / "0.log.20260101-000000.gz").write_bytes(content)
            assert [entry.text for entry in read(path)[0]] == ["new"], name
        # Zeros behind the end are padding, however many there are.
        (tmp_path / "0.log.20260101-000000.gz").write_bytes(whole)
        os.truncate(tmp_path / "0.log.20260101-000000.gz", 2**24)
        assert texts(path) == ["a", "new"]

    def test_several_gzip_members_are_one_file(self, tmp_path):
        (tmp_path / "0.log.1.gz").write_bytes(gzip.compress(line(0, "a")) + gzip.compress(line(1, "b")))
        assert texts(write(tmp_path, line(2, "c"))) == ["a", "b", "c"]

    @pytest.mark.parametrize("size", range(0, 49, 7))
    def test_a_gzip_file_cut_anywhere_is_a_warning_or_empty(self, tmp_path, size):
        (tmp_path / "0.log.1.gz").write_bytes(gzip.compress(line(0, "a" * 50))[:size])
        entries, truncated, log = read(write(tmp_path, line(2, "c")))
        assert entries[-1].text == "c"
        assert (truncated, len(log.warnings)) == ((True, 1) if size else (False, 0))

    def test_a_full_disk_while_unpacking_is_a_clear_warning(self, tmp_path, monkeypatch):
        class Full(io.BytesIO):
            def write(self, _data):
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(cri_log.tempfile, "TemporaryFile", Full)
        (tmp_path / "0.log.1.gz").write_bytes(gzip.compress(line(0, "a")))
        entries, truncated, log = read(write(tmp_path, line(2, "c")))
        assert ([entry.text for entry in entries], truncated) == (["c"], True)
        assert re.search(
            r"unpacking the log .* failed.*: No space left on device; free space", log.warnings[0]
        )

    def test_a_line_of_millions_of_parts_takes_time_proportional_to_its_bytes(self, tmp_path):
        part = line(1, "x", tag="P")
        path = write(
            tmp_path, line(0, "first"), part * 300_000, line(1, "", tag="P") * 300_000, line(2, "end")
        )
        began = time.monotonic()
        entries, _truncated, _log = read(path, max_bytes=10**6)
        assert entries[-1].text.startswith("xxx")
        assert time.monotonic() - began < 20

    def test_a_sparse_file_that_shrinks_is_not_scanned(self, tmp_path):
        path = write(tmp_path, line(0, "a"))
        os.truncate(path, 2**42)
        with Log(path) as log:
            entries = log.entries()
            log._lines_of = lambda file, real=log._lines_of: (os.truncate(path, 80), real(file))[1]
            began = time.monotonic()
            list(entries)
        assert time.monotonic() - began < 5

    def test_reading_ends_if_the_log_is_emptied(self, tmp_path, monkeypatch):
        path = write(tmp_path, *(line(number, "x") for number in range(2000)))
        os.truncate(path, 2**42)

        def cut(descriptor, size, offset, real=os.pread):
            os.truncate(path, 0)
            return real(descriptor, size, offset)

        monkeypatch.setattr(cri_log.os, "pread", cut)
        assert texts(path) == []

    def test_a_failing_disk_is_one_error_or_a_warning(self, tmp_path, monkeypatch):
        write(tmp_path, line(0, "old"), name="0.log.1")
        path = write(tmp_path, line(1, "new"))
        with Log(path) as log:
            failing = [log._opened[0].file.fileno(), log._opened[1].file.fileno()]

            def fail(descriptor, size, offset, real=os.pread):
                if descriptor in failing:
                    raise OSError(5, "Input/output error")
                return real(descriptor, size, offset)

            monkeypatch.setattr(cri_log.os, "pread", fail)
            with pytest.raises(
                LogError, match=r"reading the log .*0\.log failed: Input/output error; .*dmesg"
            ):
                list(log.entries())
            del failing[0]
            assert [entry.text for entry in newest([log], Selection())[0]] == ["new"]
            assert "0.log.1 failed: Input/output error" in log.warnings[0]

    def test_lone_surrogates_of_the_engines_json_are_replaced(self, tmp_path):
        path = write(
            tmp_path, b'{"log": "a\\ud800b\\udcffc\\n", "stream": "stdout", "time": "2026-01-01T00:00:00Z"}\n'
        )
        entry = read(path)[0][0]
        assert (entry.text, entry.undecodable) == ("a" + "\ufffd" * 3 + "b" + "\ufffd" * 3 + "c", 6)
        json.dumps(entry.as_dict(), ensure_ascii=False).encode()

    @pytest.mark.parametrize(
        "when", ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:00", "0000-01-01T00:00:00Z"]
    )
    def test_an_invalid_time_is_omitted_and_does_not_end_the_search(self, tmp_path, when):
        path = write(tmp_path, line(1, "old"), f"{when} stdout F odd\n".encode(), line(3, "new"))
        assert "time" not in read(path)[0][1].as_dict()
        assert texts(path, since=START - 10)[0] == "old"

    def test_reading_ends_at_the_time_limit(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cri_log, "TIME_LIMIT", -1)
        assert read(write(tmp_path, line(0, "a")))[:2] == ([], True)

    def test_a_pattern_that_backtracks_forever_is_stopped(self, tmp_path):
        path = write(tmp_path, line(0, "a" * 60))
        with pytest.raises(LogError, match="within 1 s") as caught, cri_log.no_longer_than(1):
            read(path, pattern="(a+)+b")
        assert caught.value.kind == "timeout"

    def test_texts_without_surrogates_are_unchanged(self):
        data = {"files": ["/a\udcff", "é"], "attempt": 1, "pod": {"name\ud800": "\x00"}}
        assert cri_log.valid(data) == {
            "files": ["/a\ufffd", "é"],
            "attempt": 1,
            "pod": {"name\ufffd": "\x00"},
        }


class TestCost:
    def test_the_last_hundred_of_a_million_lines_are_read_quickly(self, tmp_path):
        path = tmp_path / "0.log"
        row = line(1, "x" * 60)
        with open(path, "wb") as file:
            for _each in range(100):
                file.write(row * 10_000)
        script = (
            "import re, sys\n"
            f"sys.path[:0] = {sys.path!r}\n"
            "from ansible_collections.cri.node.plugins.module_utils.crictl.log import Log\n"
            "from ansible_collections.cri.node.plugins.module_utils.crictl.log_selection import Selection, newest\n"
            "with Log(sys.argv[1], rotated=False) as log:\n"
            "    entries, truncated = newest([log], Selection(tail=int(sys.argv[2]), pattern=sys.argv[3]))\n"
            # not getrusage's ru_maxrss, which a child inherits from the process that forked it
            "peak = re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]\n"
            "print(len(entries), truncated, log.bytes_read, peak)\n"
        )

        def measure(path, *arguments):
            done = subprocess.run(
                [sys.executable, "-c", script, str(path), *arguments],
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            )
            count, truncated, read_bytes, kibibytes = done.stdout.split()
            return int(count), truncated, int(read_bytes), int(kibibytes)

        count, truncated, read_bytes, kibibytes = measure(path, "100", "")
        assert (count, truncated) == (100, "True")
        assert read_bytes <= 2**20
        assert kibibytes <= 64 * 1024
        os.truncate(path, len(row) * 100_000)
        count, _truncated, read_bytes, kibibytes = measure(path, "1", "no such text")
        assert (count, read_bytes) == (0, path.stat().st_size)
        assert kibibytes <= 64 * 1024


TEXT = st.one_of(st.text(max_size=12), st.binary(max_size=12)).map(
    lambda text: (text.encode() if isinstance(text, str) else text).replace(b"\n", b"")
)
WRITES = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.lists(TEXT, min_size=1, max_size=4)), max_size=25
)


def interleave(writes, random):
    """Return physical lines of both streams, with the parts of each line in order, mixed as in a log."""
    queues = {
        stream: [
            (number, part, "F" if index == len(parts) - 1 else "P")
            for number, (name, parts) in enumerate(writes)
            if name == stream
            for index, part in enumerate(parts)
        ]
        for stream in ("stdout", "stderr")
    }
    mixed, starts = [], {}
    for _each in range(sum(map(len, queues.values()))):
        stream = random.choice([name for name, queue in queues.items() if queue])
        number, part, tag = queues[stream].pop(0)
        starts.setdefault(number, len(mixed))
        mixed.append((stream, part, tag))
    return mixed, starts


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=WRITES,
    random=st.randoms(use_true_random=False),
    block=st.integers(1, 200),
    cuts=st.lists(st.integers(0, 100), max_size=3),
    zipped=st.booleans(),
    tail=st.integers(1, 30),
)
def test_lines_are_read_completely_across_blocks_parts_and_rotations(
    tmp_path_factory, monkeypatch, writes, random, block, cuts, zipped, tail
):
    monkeypatch.setattr(cri_log, "BLOCK", block)
    folder = tmp_path_factory.mktemp("log")
    mixed, starts = interleave(writes, random)
    physical = [line(number, part, stream, tag) for number, (stream, part, tag) in enumerate(mixed)]
    bounds = [0, *sorted(min(cut, len(physical)) for cut in cuts), len(physical)]
    files = [b"".join(physical[low:high]) for low, high in itertools.pairwise(bounds)]
    for age, content in enumerate(files[:-1]):
        name = f"0.log.20260101-00000{age}"
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(
            gzip.compress(content) if zipped else content
        )
    path = write(folder, files[-1])
    written = [
        (stamp(starts[number]), stream, b"".join(parts).decode("utf-8", "surrogateescape"))
        for number, (stream, parts) in sorted(enumerate(writes), key=lambda item: starts[item[0]])
    ]
    entries, truncated, log = read(path, tail=tail)
    found = [(entry.as_dict()["time"], entry.stream, entry.text) for entry in entries]
    replaced = [
        (when, stream, re.sub(cri_log._UNDECODABLE, "\ufffd", text)) for when, stream, text in written
    ]
    assert found == replaced[-tail:]
    assert truncated == (len(written) > tail)
    assert log.malformed == 0


@given(st.binary(max_size=2000), st.integers(1, 100))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_accepted_as_a_log(tmp_path_factory, monkeypatch, content, block):
    monkeypatch.setattr(cri_log, "BLOCK", block)
    path = write(tmp_path_factory.mktemp("log"), content, line(1, "end"))
    _entries, _truncated, log = read(path)
    assert log.bytes_read == os.path.getsize(path)


class TestSinceAndUntil:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("1d2h3m4.5s", 93784.5), ("0s", 0)],
    )
    def test_a_duration_is_subtracted_from_now(self, text, seconds):
        assert moment(text, now=1_000_000) == int((1_000_000 - seconds) * 10**9)

    def test_a_time_is_unchanged(self):
        assert moment("2026-01-01T01:00:00+01:00") == START

    @pytest.mark.parametrize(
        "text",
        ["", "1", "yesterday", "1x", "-1h", "2026-01-01", "2026-13-01T00:00:00Z", "9" * 400 + "d"],
    )
    def test_anything_else_is_refused_with_the_accepted_formats(self, text):
        with pytest.raises(ValueError, match="1h30m"):
            moment(text)
