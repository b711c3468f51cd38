# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the messages of operating system errors."""

import errno
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils import os_errors


def error(number, *names):
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.ENOSPC,
            r"No space left on device; free at least 52 MiB on the file system at /proc, which has",
        ),
        (errno.EDQUOT, r"quota exceeded; remove files on the file system at /proc or raise the quota"),
        (errno.EROFS, r"Read-only file system; remount the file system at /proc writable"),
        (errno.EACCES, r"Permission denied; run as root, .*lsattr"),
        (errno.EIO, r"Input/output error; the disk reports an error: see dmesg"),
        (errno.EISDIR, r"Is a directory$"),
    ],
)
def test_the_message_contains_the_operation_the_path_the_reason_and_a_hint(number, words):
    message = os_errors.os_error(error(number, "/proc/no/such/file"), "writing the intent", needed=52 << 20)
    assert message.startswith("writing the intent failed (/proc/no/such/file): ")
    assert re.search(words, message), message


def test_both_paths_of_a_rename_are_named():
    message = os_errors.os_error(
        OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"), "swapping"
    )
    assert message == "swapping failed (/a to /b): Invalid cross-device link"


def test_an_error_without_a_path_uses_the_given_one():
    assert "(/var/x)" in os_errors.os_error(error(errno.EIO), "syncing", path="/var/x")
    assert os_errors.os_error(OSError("odd"), "syncing") == "syncing failed: odd"


def test_a_path_that_is_already_in_the_message_is_not_repeated():
    assert os_errors.os_error(error(errno.EIO, "/a"), "reading /a").startswith("reading /a failed: Input")


@given(st.one_of(st.text(), st.binary()), st.sampled_from(sorted(errno.errorcode)))
def test_any_path_results_in_one_printable_line(name, number):
    message = os_errors.os_error(error(number, name), "reading", path="/x")
    assert message.isprintable()
    message.encode()


def test_sizes_are_human_readable():
    shown = [os_errors.size(number) for number in (0, 1023, 1024, 1536, 52 << 20, 5 << 30)]
    assert shown == ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "52 MiB", "5 GiB"]
