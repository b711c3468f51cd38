# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that text from a node is one line that cannot control a terminal or show a password."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.text import (
    LIMIT,
    beginning,
    printable,
    shown,
    without_credentials,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=())) | st.text(
    st.sampled_from("\x1b]0;\x07\x9b\u202e\u2066\u200b\ud800\udfff\r\n\t\x85\u2028 a")
)


@given(ANY_TEXT, st.integers(1, 50))
def test_any_text_becomes_one_printable_line_of_bounded_length(text, limit):
    line = printable(text, limit)
    assert line.isprintable()
    assert "\n" not in line
    assert len(line) <= limit + len("... (cut)")
    line.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n  two\t three\r\n", "one two three"),
        ("\x1b[2J\x1b]0;owned\x07done", "\ufffd[2J\ufffd]0;owned\ufffddone"),
        ("a\u202eb\u2066c\u200fd", "a\ufffdb\ufffdc\ufffdd"),
        ("bad \udce9 byte", "bad \ufffd byte"),
        ("x" * (LIMIT + 1), "x" * LIMIT + "... (cut)"),
        ("x" * LIMIT, "x" * LIMIT),
        ("", ""),
        (b"bytes", "b'bytes'"),
        ("dé\u00a0jà 漢字", "dé jà 漢字"),
    ],
)
def test_a_line_keeps_readable_characters(text, line):
    assert printable(text) == line


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("proxy http://user:pass@host:3128/x refused", "proxy http://***@host:3128/x refused"),
        ("https://token@host/path", "https://***@host/path"),
        ("http://u:p@ss@host", "http://***@host"),
        ("http://u:p/ss@host", "http://***@host"),
        ("http://u:p?s#s@host/", "http://***@host/"),
        ("http://u:p'ss@host", "http://***@host"),
        ("http://u:p]<ss@host", "http://***@host"),
        ('Get "http://u:p@host/v2/": EOF', 'Get "http://***@host/v2/": EOF'),
        ("http://u:p@a,socks5://v:q@b", "http://***@a,socks5://***@b"),
        ("http_proxy=u:pa=ss@proxy:3128", "http_proxy=***@proxy:3128"),
        ('location="u:p@registry.example.com/x"', 'location="***@registry.example.com/x"'),
        ("http://:p@host", "http://***@host"),
        ("http://u:\x1b[0mp@host", "http://***@host"),
        ("https:///user:hunter2@host/v2/", "https://***@host/v2/"),
        ("unix:///run/a:1/b.sock", "unix:///run/a:1/b.sock"),
        ("containers:///app:1@sha256:" + "a" * 64, "containers:///app:1@sha256:" + "a" * 64),
        ("https://user:hunter2", "https://***"),
        ("https://user:hunter2... (cut)", "https://*** (cut)"),
        ('{"a": "https://user:80x"}', '{"a": "https://***"}'),
        ("socks5h://u:p/x", "socks5h://***/x"),
        ("http://host:80,http://other:443.", "http://host:80,http://other:443."),
        (
            "http://host:80: refused, http://host: no answer",
            "http://host:80: refused, http://host: no answer",
        ),
        ("http://[::1]/ and http://[::1%eth0]:80", "http://[::1]/ and http://[::1%eth0]:80"),
        ("docker://alpine:latest", "docker://alpine:latest"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("unix:///var/run/crio/crio.sock", "unix:///var/run/crio/crio.sock"),
        ("host:5000/app:1.0@sha256:" + "a" * 64, "host:5000/app:1.0@sha256:" + "a" * 64),
        ("docker://host:5000/app@sha256:" + "a" * 64, "docker://host:5000/app@sha256:" + "a" * 64),
        ("mail admin@example.com at 12:30", "mail admin@example.com at 12:30"),
        ('{"url":"http://host:80","by":"me@example.com"}', '{"url":"http://host:80","by":"me@example.com"}'),
        ("getty@tty1.service: failed", "getty@tty1.service: failed"),
    ],
)
def test_only_credentials_are_masked(text, masked):
    assert without_credentials(text) == masked


@pytest.mark.parametrize("length", range(1, 45))
def test_a_text_that_is_cut_before_masking_shows_no_beginning_of_a_password(length):
    text = 'Get "https://user:hunter2@host/v2/": EOF'
    start = beginning(text, length)
    assert text.startswith(start)
    assert len(start) <= length
    assert "hu" not in shown(start)
    assert "hu" not in shown(beginning("user:hunter2@host " * 10, 180 - length))


def test_only_a_text_that_is_too_long_loses_its_last_word():
    assert beginning("one two", 7) == "one two"
    assert beginning("one two", 6) == "one"
    assert beginning("x" * 9, 4) == "xxxx"
    assert beginning("    x", 4) == ""


def test_credentials_are_masked_before_a_text_is_cut():
    assert "secret" not in shown("http://user:" + "secret" * 50 + "@host", limit=30)


@given(
    st.text(
        st.characters(exclude_characters="@", exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cs")), min_size=5
    ).map(lambda text: f"S{text}")
)
def test_no_password_of_a_url_is_shown(password):
    assert password not in shown(f"GET http://user:{password}@host.example.com/v2: refused", limit=10_000)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        ":",
        "@",
        "://",
        "a:b@",
        "a://b:c@",
        "a:",
        "http://",
        "http://a:b",
        ":///a:b@",
        "\x1b]",
        "'@",
        "[{,",
        "sha256:",
        "a@sha256:",
        "\n",
    ],
)
def test_long_texts_take_linear_time(unit):
    text = (unit * 400_000)[:400_000]
    started = time.process_time()
    shown(text)
    assert time.process_time() - started < 2
