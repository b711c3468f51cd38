# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of the check with CRI-O, with a CRI-O that a test plays; `make crio-config-check` asks the real one."""

from __future__ import annotations

import collections
import os

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio import value_formats
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from configurations import __main__ as program
from configurations import compare, crio, generate
from configurations.crio import Verdict

VERSION = "1.37"
ACCEPTS, REFUSES = Verdict(), Verdict("start", "it does not like it")


def made(data):
    return generate.Configuration(0, "by a test", data)


def runtime(**keys):
    return made({"crio": {"runtime": keys}})


@pytest.mark.parametrize(
    ("configuration", "verdict", "outcome"),
    [
        pytest.param(runtime(log_level="info"), ACCEPTS, compare.BOTH, id="both accept"),
        pytest.param(runtime(log_level="loud"), REFUSES, compare.REFUSED, id="both refuse"),
        pytest.param(runtime(log_level="info"), REFUSES, compare.MISSED, id="only CRI-O refuses"),
        pytest.param(runtime(log_level="loud"), ACCEPTS, compare.FALSE, id="only the check refuses"),
        pytest.param(
            runtime(log_levle="info"), ACCEPTS, compare.STRICTER, id="CRI-O ignores it without a word"
        ),
        pytest.param(
            runtime(log_levle="info", log_level="loud"),
            ACCEPTS,
            compare.FALSE,
            id="and something it does not ignore",
        ),
        pytest.param(
            runtime(pinns_path="/x"),
            Verdict("start", "pinns validation: invalid pinns path: stat /x: no such file or directory"),
            compare.NODE,
            id="a program that this machine lacks",
        ),
        pytest.param(
            runtime(timezone="Europe/Berlin"),
            Verdict("config", "validating runtime config: invalid timezone: Europe/Berlin"),
            compare.NODE,
            id="a time zone that this machine lacks",
        ),
        pytest.param(
            runtime(default_runtime="kata"),
            Verdict(
                "config",
                'default_runtime set to "kata", but no runtime entry table [crio.runtime.runtimes.kata] was found',
            ),
            compare.ANOTHER_FILE,
            id="a handler that another file may have",
        ),
        pytest.param(
            runtime(default_runtime="kata.v2", runtimes={"crun": {"runtime_path": "/x"}}),
            Verdict("config", "no runtime entry table [crio.runtime.runtimes.kata.v2] was found"),
            compare.ANOTHER_FILE,
            id="although this one has others",
        ),
        pytest.param(
            runtime(default_runtime="kata", runtimes={"kata": {"runtime_path": "/x"}}),
            Verdict("config", "no runtime entry table [crio.runtime.runtimes.kata] was found"),
            compare.MISSED,
            id="a handler that this file has",
        ),
        pytest.param(
            runtime(log_level="info"),
            Verdict("start", "cannot create network_dir: : mkdir : no such file or directory"),
            compare.MISSED,
            id="an empty path is the fault of no machine",
        ),
        pytest.param(
            runtime(log_level="info"),
            Verdict("silent", "Runtime handler is being ignored"),
            compare.MISSED,
            id="a loss",
        ),
    ],
)
def test_each_pair_of_verdicts_has_its_outcome(configuration, verdict, outcome):
    assert compare.compare(configuration, VERSION, lambda _text: verdict).outcome == outcome


def test_an_unknown_metric_that_crio_only_logs_when_it_is_asked_for_is_no_disagreement():
    configuration = made({"crio": {"stats": {"included_pod_metrics": ["MEMORY"]}}})
    assert compare.compare(configuration, "1.34", lambda _text: ACCEPTS).outcome == compare.STRICTER
    assert compare.compare(configuration, "1.37", lambda _text: ACCEPTS).outcome == compare.FALSE


def test_crio_gets_what_the_collection_writes_and_what_was_refused_as_it_was_given():
    given = []
    compare.compare(runtime(log_size_max="8192"), VERSION, lambda text: given.append(text) or ACCEPTS)
    compare.compare(runtime(log_size_max="many"), VERSION, lambda text: given.append(text) or REFUSES)
    assert given == ["[crio.runtime]\nlog_size_max = 8192\n", '[crio.runtime]\nlog_size_max = "many"\n']


def test_what_no_toml_can_hold_is_refused_without_asking():
    def never(_text):
        raise AssertionError

    compared = compare.compare(runtime(log_size_max=2**63), VERSION, never)
    assert compared.outcome == compare.REFUSED


def test_there_are_at_least_1500_different_configurations_and_each_depends_on_the_seed_alone():
    some = list(generate.configurations(1, 4500, VERSION))
    again = list(generate.configurations(1, 4500, VERSION))
    assert some == again
    assert [each.number for each in some] == list(range(len(some)))
    assert len({repr(each.data) for each in some}) >= 4000
    assert some != list(generate.configurations(2, 4500, VERSION))


def test_each_key_is_tried_with_a_value_that_the_check_accepts_and_with_one_that_it_refuses():
    outcomes = collections.defaultdict(set)
    for each in generate.configurations(1, 0, VERSION):
        key = each.made.partition(" = ")[0]
        if key in {entry.key for entry in CATALOGUE.keys_of(VERSION)}:
            outcomes[key].add(bool(crio_conf.check([("crio_config", each.data)], VERSION).problems))
    assert sorted(key.key for key in CATALOGUE.keys_of(VERSION) if outcomes[key.key] != {True, False}) == []


def test_a_configuration_that_the_check_accepts_can_be_written():
    for each in generate.configurations(1, 4500, VERSION):
        checked = crio_conf.check([("crio_config", each.data)], VERSION)
        if not checked.problems:
            toml.dumps(checked.data)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param("size", lambda value: None, id="500Mi becomes good"),
        pytest.param("pattern", lambda value: None, id="every pattern becomes good"),
        pytest.param("device", lambda value: None, id="every device becomes good"),
        pytest.param("timezone", lambda value: "is seeded", id="no time zone is good"),
    ],
)
def test_a_fault_that_is_seeded_in_a_rule_is_found(monkeypatch, name, fault):
    """The rules as they are play CRI-O: so the only disagreement is the fault."""
    keys = [key.key for key in CATALOGUE.keys_of(VERSION) if key.format == name]
    begins = (*keys, "the pattern") if name == "pattern" else tuple(keys)
    some = [each for each in generate.configurations(1, 0, VERSION) if each.made.startswith(begins)]
    right = {}
    for each in some:
        problems = crio_conf.check([("crio_config", each.data)], VERSION).problems
        right[each.number] = REFUSES if problems else ACCEPTS
    assert {verdict.accepted for verdict in right.values()} == {True, False}
    monkeypatch.setitem(value_formats.FORMATS, name, value_formats.FORMATS[name]._replace(check=fault))
    found = [compare.compare(each, VERSION, lambda _text, number=each.number: right[number]) for each in some]
    outcomes = {each.outcome for each in found}
    assert (compare.MISSED in outcomes) is (fault("") is None)
    assert (compare.FALSE in outcomes) is (fault("") is not None)


def test_the_last_line_counts_and_a_disagreement_has_both_words(capsys):
    given = [(runtime(log_level="info"), REFUSES), (runtime(log_level="loud"), ACCEPTS), (runtime(), ACCEPTS)]
    found = [compare.compare(each, VERSION, lambda _text, said=verdict: said) for each, verdict in given]
    program.print_comparisons(found, [compare.MISSED, compare.FALSE])
    printed = capsys.readouterr().out
    assert "CRI-O refuses (start): it does not like it\n    here: accepts" in printed
    assert (
        'CRI-O accepts: \n    here: crio_config: crio.runtime.log_level = "loud": is not accepted' in printed
    )
    assert program.summary(found).splitlines()[-1] == (
        "crio.conf: 3 configurations, 1 accepted by both, 0 refused by both, 1 missed, 1 refused here alone"
    )


@pytest.mark.parametrize("bundle", ["standin", "/nonexistent/crio.tar.gz"])
def test_without_crio_it_says_so_and_fails(monkeypatch, capsys, bundle):
    monkeypatch.setitem(os.environ, "CRIO_BUNDLE", bundle)
    assert program.main([]) == 2
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("crio.conf: nothing was compared: ")


def test_the_complaint_is_the_fatal_line_else_the_crash():
    fatal = 'time="x" level=fatal msg="validating: \\"a\\" is bad"'
    assert crio._message(crio._complaint(["level=info", fatal, "level=info"])) == 'validating: "a" is bad'
    assert crio._complaint(["level=info", "panic: oh", "goroutine 1"]) == "panic: oh"
