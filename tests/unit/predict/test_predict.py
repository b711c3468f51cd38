# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of values, the search and the judgement of `make predict`, without a node."""

from __future__ import annotations

import os
import tomllib
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from predict import __main__ as program
from predict import base, changes, pods
from predict.daemon import CERTIFICATES
from predict.effects import EFFECTS
from predict.evidence import Evidence
from predict.judge import (
    CONFIRMED,
    CONTRADICTED,
    EFFECT,
    LIVE,
    UNPROVED,
    Observation,
    Verdict,
    judge,
    passes,
    summary,
    table,
)
from predict.search import failing
from testbed.node import NodeError
from testbed.paths import FILES

VERSION = parse_version("1.37")
ALL = changes.changes(VERSION)
BASE = base.configuration("/usr/bin/conmon")
TESTBED = tomllib.loads((FILES / "10-testbed.conf").read_text())


def seen(predicted, *, effect=None, **more):
    """Return an observation: each step is named by a letter if the new value was there: b(efore), r(eload), u(ndone), s(tart)."""
    steps = {"b": "before", "r": "reload", "u": "back", "s": "restart"}

    def read(letters):
        return {name: letter in letters for letter, name in steps.items()}

    config = read(more.pop("config", ""))
    return Observation(
        "a.key", predicted, config=config, effect={} if effect is None else read(effect), **more
    )


def test_each_key_of_the_version_is_changed_or_has_a_reason_why_not():
    changed = [each.key for each in ALL]
    assert len(changed) == len(set(changed))
    assert sorted([*changed, *changes.UNTRIED]) == sorted(key.key for key in CATALOGUE.keys_of(VERSION))


@pytest.mark.parametrize("table", [changes.VALUES, EFFECTS], ids=["values", "effects"])
def test_a_key_of_a_table_is_one_that_is_changed(table):
    assert set(table) <= {each.key for each in ALL}


@pytest.mark.parametrize("change", ALL, ids=lambda change: change.key)
def test_a_new_value_differs_from_the_one_on_the_node(change):
    before = _value(BASE, change.path)
    before = _value(TESTBED, change.path) if before is None else before
    before = CATALOGUE.lookup(change.key).default_in(VERSION) if before is None else before
    assert change.value not in (before, None)


def _value(data, path):
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def test_the_check_of_the_collection_accepts_the_base_and_each_round():
    assert crio_conf.check([("crio_config", BASE)], "1.37").problems == []
    for name in {each.round for each in ALL}:
        text = changes.drop_in([each for each in ALL if each.round == name], BASE)
        problems = crio_conf.check([("crio_config", tomllib.loads(text))], "1.37").problems
        assert [str(each) for each in problems if "without resources" not in str(each)] == [], name


def test_a_drop_in_has_the_whole_handler_because_crio_replaces_it():
    change = next(each for each in ALL if each.key.endswith("monitor_env"))
    entry = tomllib.loads(changes.drop_in([change], BASE))["crio"]["runtime"]["runtimes"]["predict"]
    assert entry == {**BASE["crio"]["runtime"]["runtimes"]["predict"], "monitor_env": change.value}


def test_a_drop_in_has_the_whole_workload_with_its_resources():
    change = next(each for each in ALL if each.key.endswith("cpuset") and "workloads" in each.key)
    entry = tomllib.loads(changes.drop_in([change], BASE))["crio"]["runtime"]["workloads"]["predict"]
    assert entry["activation_annotation"] == "predict.example/activate"
    assert entry["resources"] == {"cpushares": 10, "cpuset": change.value}


def test_a_drop_in_does_not_change_the_base():
    before = repr(BASE)
    changes.drop_in(ALL, BASE)
    assert repr(BASE) == before


def test_all_keys_of_a_handler_have_an_effect_because_its_live_values_prove_nothing():
    assert [each.key for each in ALL if each.of_a_handler and each.key not in EFFECTS] == []


@pytest.mark.parametrize(
    ("key", "other"),
    [
        pytest.param(
            "crio.image.pause_command",
            "crio.runtime.drop_infra_ctr",
            id="no pod lives without its pause command",
        ),
        pytest.param(
            "crio.runtime.conmon", "crio.runtime.runtimes.*.monitor_path", id="conmon overrides the monitors"
        ),
        pytest.param(
            "crio.runtime.conmon_env", "crio.runtime.runtimes.*.monitor_env", id="also their environment"
        ),
        pytest.param(
            "crio.runtime.conmon_cgroup", "crio.runtime.runtimes.*.monitor_cgroup", id="and their cgroup"
        ),
        pytest.param(
            "crio.network.network_dir", "crio.network.cni_default_network", id="a network is of one directory"
        ),
        pytest.param(
            "crio.runtime.log_filter", "crio.runtime.log_level", id="a filter hides what a level shows"
        ),
        pytest.param(
            "crio.image.signature_policy", "crio.image.default_transport", id="both decide on a pull"
        ),
        pytest.param("crio.nri.enable_nri", "crio.nri.nri_listen", id="without NRI there is no socket"),
        pytest.param(
            "crio.runtime.blockio_config_file", "crio.runtime.blockio_reload", id="one file at a time"
        ),
        pytest.param(
            "crio.runtime.bind_mount_prefix",
            "crio.runtime.absent_mount_sources_to_reject",
            id="a source that is refused",
        ),
        pytest.param(
            "crio.runtime.workloads.*.activation_annotation",
            "crio.runtime.workloads.*.resources.cpuset",
            id="a pod of a workload",
        ),
    ],
)
def test_keys_whose_effects_exclude_each_other_are_changed_in_different_rounds(key, other):
    where = {each.key: each.round for each in ALL}
    assert where[key] != where[other]


def test_the_pods_of_all_effects_exist():
    assert {pod for effect in EFFECTS.values() for pod in effect.pods} <= set(pods.names())


def test_no_effect_is_there_where_nothing_is():
    pod = {"error": "", "pod": {}, "container": {}, "monitor": {}, "executor": {}}
    empty = Evidence(
        {
            "socket": "", "config": "[crio.network]\nplugin_dirs = []\n", "pods": dict.fromkeys(pods.names(), pod),
            "info": {"storage_root": "", "storage_driver": "", "cgroup_driver": ""}, "images": {}, "pulls": {},
            "listeners": [], "files": [], "tls": {}, "metrics": {}, "certificates": dict.fromkeys(CERTIFICATES, "x"),
            "weight": 101, "journal": "Checking image status",
        }
    )  # fmt: skip
    assert [each.key for each in ALL if each.key in EFFECTS and EFFECTS[each.key].shows(empty, each)] == []


def test_a_pod_is_described_as_crictl_reads_it():
    made = pods.of("small", "registry:5000")
    assert made["handler"] == "predict"
    assert made["container"]["image"] == {"image": "registry:5000/long-running:1"}
    assert made["container"]["linux"]["resources"]["memory_limit_in_bytes"] == 20 * 1024 * 1024
    assert made["container"]["linux"]["security_context"]["seccomp"] == pods.RUNTIME_DEFAULT
    assert pods.of("infra", "registry:5000")["container"] is None
    assert "log_directory" not in pods.of("logged", "registry:5000")["pod"]


def test_the_search_names_what_fails_alone_with_few_attempts():
    attempts = []

    def attempt(items):
        attempts.append(list(items))
        return "no" if 13 in items else ""

    assert failing(range(64), attempt) == {13: "no"}
    assert len(attempts) <= 13


def test_the_search_names_all_that_only_fail_together():
    assert failing([1, 2, 3, 4], lambda items: "no" if {2, 3} <= set(items) else "") == dict.fromkeys(
        [1, 2, 3, 4], "no"
    )


def test_the_search_ends_after_one_attempt_if_nothing_fails():
    assert failing([1, 2], lambda items: "") == {}


@pytest.mark.parametrize(
    ("observation", "observed", "outcome"),
    [
        pytest.param(seen("reload", config="rs"), "reload", CONFIRMED, id="SIGHUP loads it"),
        pytest.param(seen("restart", config="s"), "restart", CONFIRMED, id="a restart loads it"),
        pytest.param(seen("restart", config="rs"), "reload", CONTRADICTED, id="SIGHUP loads what needs a restart"),
        pytest.param(seen("reload", config="s"), "restart", CONTRADICTED, id="a restart is needed after all"),
        pytest.param(seen("reload", config="rus"), "restart", CONTRADICTED, id="the change cannot be undone"),
        pytest.param(seen("restart", config=""), "-", UNPROVED, id="it never shows"),
        pytest.param(seen("restart", config="bs"), "-", UNPROVED, id="it shows before"),
        pytest.param(seen("restart", config="rs", effect="s"), "restart", CONFIRMED, id="the effect decides"),
        pytest.param(seen("reload", config="", effect="rs"), "reload", CONFIRMED, id="also against GET /config"),
        pytest.param(seen("restart", config="s", effect=""), "-", UNPROVED, id="an effect that never shows"),
        pytest.param(seen("drain", config="s", lost="gone"), "drain", CONFIRMED, id="pods are lost"),
        pytest.param(seen("drain", config="s"), "restart", UNPROVED, id="pods survive"),
        pytest.param(seen("restart", config="s", lost="gone"), "drain", CONTRADICTED, id="pods are lost unexpectedly"),
        pytest.param(seen("restart", config="s", refused="no"), "-", UNPROVED, id="CRI-O refuses it"),
        pytest.param(seen("restart", config="rs", handler=True), "-", UNPROVED, id="a handler without an effect"),
        pytest.param(Observation("a.key", "restart"), "-", UNPROVED, id="nothing was seen"),
    ],
)  # fmt: skip
def test_each_observation_has_its_verdict(observation, observed, outcome):
    verdict = judge(observation)
    assert (verdict.observed, verdict.outcome) == (observed, outcome)
    assert bool(verdict.why) is (outcome != CONFIRMED)


def test_a_key_that_sighup_loads_and_cannot_undo_needs_a_restart_with_a_remark():
    verdict = judge(seen("restart", config="rs", effect="rus"))
    assert (verdict.observed, verdict.outcome) == ("restart", CONFIRMED)
    assert "does not come back" in table([verdict])[-1]


def test_a_verdict_says_whether_an_effect_or_the_live_configuration_decided():
    assert judge(seen("restart", config="s")).by == LIVE
    assert judge(seen("restart", config="s", effect="s")).by == EFFECT


def verdicts(confirmed, contradicted, unproved):
    rows = [Verdict("c", "reload", "reload", CONFIRMED, LIVE, "/config")] * confirmed
    rows += [Verdict("x", "reload", "restart", CONTRADICTED, EFFECT, "a pod", "it does not")] * contradicted
    return rows + [Verdict("u", "drain", "-", UNPROVED, why="there is no pod")] * unproved


@pytest.mark.parametrize(
    ("counts", "enough"),
    [((9, 0, 1), True), ((8, 0, 1), False), ((99, 1, 0), False), ((0, 0, 0), False)],
)
def test_nine_tenths_must_be_confirmed_and_nothing_contradicted(counts, enough):
    assert passes(verdicts(*counts)) is enough


def test_the_summary_names_each_unproved_key_and_ends_with_the_counts():
    lines = summary(verdicts(9, 1, 1))
    assert lines[0] == "unproved: u (drain): there is no pod"
    assert lines[-1] == "keys confirmed: 9 of 11, unproved: 1"
    assert "confirmed by an effect: 0, by GET /config alone: 9" in lines


def test_the_table_has_a_row_for_each_observed_key():
    lines = table(verdicts(1, 1, 1))
    assert len(lines) == 3
    assert lines[1].split() == ["c", "reload", "reload", "confirmed", "/config"]
    assert lines[2].endswith("a pod: it does not")


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_round_that_ends_early_leaves_its_keys_unproved_and_the_next_has_a_new_node(
    monkeypatch, capsys, at_once
):
    made, gone = [], []

    class Stage:
        def __init__(self, node):
            self.daemon, self.node = SimpleNamespace(node=node), node

        def play(self, played):
            if played[0].round == changes.PODS:
                raise NodeError("systemd does not answer\nfor a long time")
            return [
                Observation(
                    each.key, each.predicted, config={"before": False, "reload": False, "restart": True}
                )
                for each in played
            ]

    def new_node():
        made.append(SimpleNamespace(check=lambda _c: "", wait_for_crio=int, run_pod=int, remove_pods=int))
        return made[-1]

    monkeypatch.setattr(program, "_theatre", lambda node, _made: Stage(node))
    monkeypatch.setattr(program.options, "FORMS", ())
    found, faults = program.observe(new_node, gone.append, VERSION, "", at_once)
    verdicts = {each.key: each for each in found}
    assert faults == []
    assert sorted(verdicts) == sorted(key.key for key in CATALOGUE.keys_of(VERSION))
    failed = [each.key for each in ALL if each.round == changes.PODS]
    assert {verdicts[key].why for key in failed} == {"its round ended early: systemd does not answer"}
    assert verdicts["crio.api.stream_port"].outcome == CONFIRMED
    assert len(gone) == 1
    assert 2 <= len(made) <= at_once + 1
    assert "pods: systemd does not answer" in capsys.readouterr().out


def test_a_node_that_is_not_healthy_at_the_end_is_reported_with_the_verdicts(monkeypatch):
    def fail():
        raise NodeError("no pod starts")

    stage = SimpleNamespace(play=lambda played: [Observation(each.key, each.predicted) for each in played])
    node = SimpleNamespace(check=lambda _c: "", wait_for_crio=fail)
    monkeypatch.setattr(program, "_theatre", lambda _node, _made: stage)
    found, faults = program.observe(lambda: node, lambda _node: None, VERSION, "crio.metrics")
    assert len(found) == len([each for each in ALL if "crio.metrics" in each.key])
    assert faults == ["a node is not healthy at the end: no pod starts"]


@pytest.mark.parametrize("bundle", ["standin", "/nonexistent/crio.tar.gz"])
def test_without_crio_it_says_so_and_fails(monkeypatch, capsys, bundle):
    monkeypatch.setitem(os.environ, "CRIO_BUNDLE", bundle)
    assert program.main([]) == 2
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("predict: nothing was observed: ")
