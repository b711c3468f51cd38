# SPDX-License-Identifier: GPL-3.0-or-later
"""A round of `make predict`, with a daemon that the test plays: what SIGHUP loads, what a start refuses, what costs pods."""

from __future__ import annotations

import copy
import tomllib

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import Catalogue
from ansible_collections.cri.node.plugins.plugin_utils.crio.keys import CHOICES, KEYS
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from predict import base, changes, residents, rounds
from predict.evidence import Evidence
from predict.judge import CONFIRMED, CONTRADICTED, UNPROVED, judge, passes
from testbed.node import NodeError

BASE = base.configuration("/usr/bin/conmon")
VERSION = parse_version("1.37")
ALL = {each.key: each for each in changes.changes(VERSION)}
PLUGINS, TIMEOUT, IDLE, KEYS_PATH = (
    "crio.nri.nri_plugin_dir",
    "crio.runtime.ctr_stop_timeout",
    "crio.api.stream_idle_timeout",
    "crio.runtime.decryption_keys_path",
)


def merged(data, more):
    for name, value in more.items():
        if isinstance(value, dict):
            merged(data.setdefault(name, {}), value)
        else:
            data[name] = value
    return data


class Played:
    """A daemon: `reloads` are keys that SIGHUP loads; those of the other sets make a start, a SIGHUP or a pod fail."""

    node = None

    def __init__(self, reloads=(), refused=(), unloadable=(), costly=(), restores=True):
        self.reloads, self.unloadable, self.costly, self.restores = reloads, unloadable, costly, restores
        self.refused = refused
        self.file, self.live, self.pods, self.starts = {}, copy.deepcopy(BASE), 0, 0

    def write(self, content):
        self.file = tomllib.loads(content)

    def _sets(self, keys):
        found = []
        for key in keys:
            data = self.file
            for name in key.split("."):
                data = data.get(name) if isinstance(data, dict) else None
            found += [key] * (data is not None)
        return found

    def reload(self):
        refused = self._sets(self.unloadable)
        if refused:
            return f"refuses {refused}"
        desired = merged(copy.deepcopy(BASE), self.file)
        for key in self.reloads:
            *tables, last = key.split(".")
            here, there = self.live, desired
            for name in tables:
                here, there = here.setdefault(name, {}), there.get(name, {})
            here.pop(last, None)
            here.update({last: there[last]} if last in there else {})
        return ""

    def restart(self):
        self.starts += 1
        refused = self._sets(self.refused)
        if refused:
            return f"refuses {refused}"
        if self.restores or self.file:
            self.live = merged(copy.deepcopy(BASE), self.file)
        if self._sets(self.costly):
            self.pods = 0
        return ""

    def socket(self):
        return "/run/crio.sock"

    def look(self, shown_by, pull=False):
        return Evidence({"config": toml.dumps({"crio": {"network": {}}} if not self.live else self.live)})


@pytest.fixture
def play(monkeypatch):
    """Return a function that plays a round of some keys with a daemon, and returns the verdicts by key."""

    def call(daemon, *keys, among=ALL):
        def move_in(_node, _handler):
            daemon.pods += 1

        monkeypatch.setattr(residents, "move_in", move_in)
        monkeypatch.setattr(residents, "loss", lambda *_arguments: "" if daemon.pods else "the pod is gone")
        monkeypatch.setattr(residents, "move_out", lambda _node: setattr(daemon, "pods", 0))
        before = daemon.look([])
        seen = rounds.Theatre(daemon, BASE, before).play([among[key] for key in keys])
        return {each.key: judge(each) for each in seen}

    return call


def test_keys_that_only_a_start_loads_are_told_from_those_that_sighup_loads(play):
    found = play(Played(reloads=[KEYS_PATH]), PLUGINS, TIMEOUT, KEYS_PATH)
    assert {key: each.observed for key, each in found.items()} == {
        PLUGINS: "restart",
        TIMEOUT: "restart",
        KEYS_PATH: "reload",
    }
    assert {each.outcome for each in found.values()} == {CONFIRMED}


@pytest.mark.parametrize(
    ("key", "wrong", "observed"),
    [
        pytest.param(TIMEOUT, "reload", "restart", id="SIGHUP does not load it"),
        pytest.param(KEYS_PATH, None, "reload", id="SIGHUP loads it"),
        pytest.param(PLUGINS, "reload", "drain", id="it costs a pod"),
    ],
)
def test_a_wrong_entry_of_the_catalogue_is_contradicted(play, monkeypatch, key, wrong, observed):
    entries = [{**entry, "live": wrong} if entry["key"] == key else entry for entry in KEYS]
    monkeypatch.setattr(changes, "CATALOGUE", Catalogue(entries, CHOICES))
    wrongly = {each.key: each for each in changes.changes(VERSION)}
    daemon = Played(reloads=[KEYS_PATH], costly=[PLUGINS] if observed == "drain" else [])
    verdict = play(daemon, key, among=wrongly)[key]
    assert (verdict.predicted, verdict.observed) == (wrong or "restart", observed)
    assert verdict.outcome == CONTRADICTED
    assert not passes([verdict])


def test_a_round_without_surprises_restarts_the_daemon_twice(play):
    daemon = Played(reloads=[KEYS_PATH])
    play(daemon, PLUGINS, TIMEOUT, KEYS_PATH)
    assert daemon.starts == 2
    assert daemon.live == BASE
    assert daemon.pods == 0


def test_a_key_that_sighup_loads_unexpectedly_contradicts_its_prediction(play):
    found = play(Played(reloads=[KEYS_PATH, TIMEOUT]), TIMEOUT, KEYS_PATH)
    assert (found[TIMEOUT].observed, found[TIMEOUT].outcome) == ("reload", CONTRADICTED)


def test_a_key_that_a_start_refuses_does_not_spoil_the_others(play):
    found = play(Played(refused=[TIMEOUT]), PLUGINS, TIMEOUT, IDLE)
    assert found[TIMEOUT].outcome == UNPROVED
    assert found[TIMEOUT].why.endswith(f"refuses ['{TIMEOUT}']")
    assert {found[PLUGINS].outcome, found[IDLE].outcome} == {CONFIRMED}


def test_a_key_that_sighup_refuses_needs_a_restart_and_does_not_spoil_the_others(play):
    found = play(Played(reloads=[KEYS_PATH], unloadable=[TIMEOUT]), PLUGINS, TIMEOUT, KEYS_PATH)
    assert {key: each.observed for key, each in found.items()} == {
        PLUGINS: "restart",
        TIMEOUT: "restart",
        KEYS_PATH: "reload",
    }


def test_the_key_that_costs_a_pod_is_named(play):
    found = play(Played(costly=[TIMEOUT]), PLUGINS, TIMEOUT, IDLE)
    assert (found[TIMEOUT].observed, found[TIMEOUT].outcome) == ("drain", CONTRADICTED)
    assert found[TIMEOUT].why == "the pod is gone"
    assert {found[PLUGINS].observed, found[IDLE].observed} == {"restart"}


def test_a_node_that_is_not_as_before_ends_the_run(play):
    with pytest.raises(NodeError, match="GET /config is not as it was before the round"):
        play(Played(restores=False), PLUGINS)
