# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that readers of any output of crictl return plain data or raise the collection's errors; `make fuzz` tries more."""

import ast
import inspect
import itertools
import re
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils.crictl import (
    call,
    container_details,
    container_output,
    failure,
    image_output,
    info,
    inspection,
    pod_output,
    queries,
)
from ansible_collections.cri.node.plugins.module_utils.text import printable
from fuzz import __main__ as program
from fuzz import mutations, readers, run
from fuzz.recorded import ANSWERS, DOCUMENTS, TEXTS
from testbed.paths import CHECKOUT

PLUGINS = CHECKOUT / "plugins"
FIRST = [mutations.Input(0, "ps", b"{}", "by a test")]


def name_of(row):
    """Return the reader's name without the suffix that distinguishes two rows of it."""
    return re.sub(r" \(.*\)$", "", row)


def test_2000_malformed_outputs_cause_no_traceback_and_are_read_quickly():
    outcome = run.run(mutations.inputs(1, 2000))
    assert outcome.count == 2000
    assert [f"{each.reader} {each.what} (input {each.given.number})" for each in outcome.faults] == []
    assert outcome.too_slow == []


def test_every_row_accepts_some_input():
    """A row that only refuses gets input that its reader does not read."""
    documents = [(source, mutations.dumped(each)) for source in DOCUMENTS for each in DOCUMENTS[source]]
    given = (mutations.Input(0, *each, "well") for each in (*ANSWERS.items(), *documents))
    outcome = run.run(given)
    assert [name for name, count in outcome.answers.items() if not count] == []
    assert outcome.faults == []


def test_each_reader_of_crictl_is_in_the_table():
    public = {
        f"module_utils.crictl.{module.__name__.rpartition('.')[2]}:{name}"
        for module in (
            call,
            container_details,
            container_output,
            failure,
            image_output,
            info,
            inspection,
            pod_output,
            queries,
        )
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__ and not name.startswith("_")
    }
    public |= {
        f"module_utils.crictl.call:Crictl.{name}"
        for name, each in inspect.getmembers(call.Crictl, inspect.isfunction)
        if each.__module__ == call.__name__ and not name.startswith("_")
    }
    assert sorted(public - {*map(name_of, readers.READERS), *readers.NO_READERS}) == []


def test_each_module_that_uses_crictl_has_a_row():
    users = {
        ".".join(path.relative_to(PLUGINS).with_suffix("").parts)
        for path in PLUGINS.rglob("*.py")
        if uses_crictl(path)
    }
    assert len(users) > 10
    known = {name.partition(":")[0] for name in (*readers.READERS, *readers.NO_READERS)}
    assert sorted(users - known) == []


def uses_crictl(path):
    """Return whether a file imports module_utils/crictl/ or one of its modules."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            if any(re.search(r"(^|\.)crictl\.\w+$", each) for each in whole):
                return True
    return False


def test_every_name_in_the_table_exists():
    names = {*map(name_of, readers.READERS), *readers.NO_READERS}
    for each in names:
        module, _colon, function = each.partition(":")
        text = (PLUGINS / f"{module.replace('.', '/')}.py").read_text()
        assert not function or re.search(rf"def {function.rpartition('.')[2]}\(", text), each


def test_an_input_only_depends_on_the_seed_and_its_number():
    first, again = (list(itertools.islice(mutations.inputs(7, 600), 600)) for _time in range(2))
    assert first == again
    assert [each.number for each in first] == list(range(600))
    assert mutations.random_input(7, 599) == first[599]
    assert mutations.random_input(8, 599) != first[599]
    assert max(len(each.data) for each in first) <= mutations.LARGEST


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (lambda given: given.document["containers"], "KeyError"),
        (lambda given: {1, 2}, "TypeError"),
        (lambda given: "\ud800", "UnicodeEncodeError"),
        (lambda given: float("nan"), "ValueError"),
        (lambda given: readers.Replay().json("no such command"), "KeyError"),
        (lambda given: (each for each in ()).throw(call.CrictlError("\x1b[2J")), "not printable"),
        (
            lambda given: (each for each in ()).throw(call.CrictlError("a https://user:hunter2@host/")),
            "a password",
        ),
        (lambda given: (each for each in ()).throw(call.CrictlError("x" * 10_000)), "10000 characters"),
    ],
)
def test_a_broken_guarantee_is_found_and_reported(monkeypatch, capsys, read, what):
    monkeypatch.setattr(run, "READERS", {"bad": readers.Reader(read)})
    monkeypatch.setattr(program, "inputs", lambda _seed, _count: FIRST)
    assert program.main(["--seed", "3"]) == 1
    first, *_lines, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("SEED=3", "fuzz: 1 inputs, 1 tracebacks")
    assert what in "".join(_lines)


def test_a_reader_that_is_too_slow_or_never_ends_is_found(monkeypatch, capsys):
    def slow(_given):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    def endless(_given):
        while True:
            pass

    monkeypatch.setattr(run, "READERS", {"slow": readers.Reader(slow), "endless": readers.Reader(endless)})
    monkeypatch.setattr(run, "BOUND", 0.05)
    monkeypatch.setattr(run, "_STUCK", 0.3)
    monkeypatch.setattr(program, "inputs", lambda _seed, _count: FIRST)
    assert program.main([]) == 1
    printed = capsys.readouterr().out
    assert "too slow: slow took more than" in printed
    assert "endless: StuckError: 'no end within" in printed


URL = b'Get "https://user:hunter2@host/": EOF'


@pytest.mark.parametrize(
    ("message", "data", "is_leak"),
    [
        pytest.param("https://user:hunter2@host/", URL, True, id="the whole URL"),
        pytest.param("user:hunter2@host/", URL, True, id="without its scheme"),
        pytest.param("hunter2@host/", URL, True, id="without its user"),
        pytest.param("***@h@ost/hunter2@host/", URL, True, id="behind a mask"),
        pytest.param("https://user:hunter2", URL, True, id="cut before the @"),
        pytest.param("HOST=hunter2hunter2", b"", True, id="of the environment, which is not in the input"),
        pytest.param("https://***@host/", URL, False, id="masked"),
        pytest.param(
            "printed 'user: hunter2@host/'", b"//user: hunter2@host/", False, id="no URL in the input"
        ),
        pytest.param(
            "https://user:hunter2", b"https://user:hunter2", False, id="an input that ends before the @"
        ),
        pytest.param("//user:hunter2@host/", b"//user: hunter2@host/ " + URL, True, id="one of two is a URL"),
    ],
)
def test_a_leak_is_caught_and_a_url_broken_by_a_mutation_does_not_count(message, data, is_leak):
    assert run._leaks(message, data) is is_leak


def test_a_leak_that_is_added_to_the_collection_is_caught(monkeypatch):
    """Without masking, the output of crictl reaches a message."""
    given = [mutations.Input(0, "stderr", text.encode(), "recorded") for text in TEXTS["stderr"]]
    assert run.run(given).faults == []
    monkeypatch.setattr(failure, "shown", lambda text, *_limit: printable(text))
    assert {each.reader for each in run.run(given).faults} >= {"module_utils.crictl.failure:failure"}
