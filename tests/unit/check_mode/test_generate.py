# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the generated changes: what they cover, whatever the seed, and that they are what their features say."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf, registries_conf, unit_drop_in
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Versions
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from check_mode import generate, settings

SEEDS = range(25)
KIND_OF = {
    "auth": "auth_json",
    "policy": "policy_json",
    "signatures": "registries_d",
    "storage": "storage_conf",
}


def changes(seed, real=True):
    return list(itertools.chain(*generate.walks(seed, real)))


@pytest.mark.parametrize("real", [True, False])
def test_each_feature_occurs_as_often_as_its_minimum_with_any_seed(real):
    for seed in SEEDS:
        counted = generate.coverage(changes(seed, real))
        assert {
            name: counted[name] for name, least in generate.minimum(real).items() if counted[name] < least
        } == {}


@pytest.mark.parametrize("real", [True, False])
def test_there_are_at_least_forty_changes_shared_equally_among_the_nodes(real):
    for seed in SEEDS:
        lengths = [len(walk) for walk in generate.walks(seed, real)]
        assert sum(lengths) >= 40
        assert max(lengths) - min(lengths) <= 2


def test_a_seed_generates_the_same_changes_again_and_another_one_others():
    assert changes(7) == changes(7)
    assert changes(7) != changes(8)


def test_each_change_starts_with_the_settings_of_the_last_one_that_was_not_refused():
    for seed in SEEDS:
        for walk in generate.walks(seed):
            last = walk[0].settings
            for change in walk[1:]:
                assert change.before == last
                last = change.settings if change.refusal is None else last


def test_every_layer_every_kind_of_file_and_every_refusal_is_used():
    made = list(itertools.chain(*[changes(seed) for seed in SEEDS]))
    assert {layer for change in made for layer in change.settings.layers} == set(settings.LAYERS)
    assert {path for change in made for path in change.settings.raw} == {
        settings.RAW_CRIO, settings.RAW_REGISTRIES, settings.RAW_NOTES,
    }  # fmt: skip
    assert {change.refusal.where for change in made if change.refusal} == {
        generate.CONTROLLER, generate.NODE, generate.RUN,
    }  # fmt: skip
    for name in settings.OF_REGISTRIES:
        values = [getattr(change.settings, name) for change in made]
        assert {} in values, name
        assert any(values), name
    set_keys = {key for change in made for key in change.settings.merged()}
    assert set(settings.COSTS) - set_keys == set()
    gone = [
        (set(change.before.merged()), set(change.settings.merged()))
        for change in made
        if change.refusal is None
    ]
    assert any(before and not after for before, after in gone)  # the whole file


def test_only_changes_that_must_be_refused_on_the_controller_have_invalid_settings():
    for seed in SEEDS:
        for change in changes(seed):
            variables = change.all_variables()
            problems = crio_conf.check([(layer, variables[layer]) for layer in settings.LAYERS]).problems
            problems += registries_conf.check(
                [("registries_config", variables["registries_config"])]
            ).problems
            for name in settings.OF_REGISTRIES:
                kind = KINDS[KIND_OF.get(name, name)]
                layers = [(f"registries_{name}", variables[f"registries_{name}"])]
                problems += kind.check(layers, Versions("1.37.0")).problems
            problems += unit_drop_in.unit_problems(variables["crio_service"], "crio_service")
            is_invalid = change.refusal is not None and change.refusal.where == generate.CONTROLLER
            assert bool(problems) == is_invalid, (seed, str(change), [str(each) for each in problems])


def test_a_change_that_only_the_run_refuses_says_why():
    refusals = [change.refusal for seed in SEEDS for change in changes(seed) if change.refusal]
    assert all(bool(each.why_late) == (each.where == generate.RUN) for each in refusals)
    assert all(each.words for each in refusals)


def test_a_removed_key_is_no_longer_set_and_a_later_layer_wins():
    for seed in SEEDS:
        for change in changes(seed):
            before, after = change.before.merged(), change.settings.merged()
            if "key removed" in change.features:
                assert set(before) - set(after)
            if "layer that changes nothing" in change.features:
                assert before == after
                assert change.before.layers != change.settings.layers
            if "reload key" in change.features and change.plain and change.features[0] != "settings anew":
                assert "reload" in settings.changed_keys(change.before, change.settings).values()


def test_costs_are_of_keys_that_the_catalogue_has_with_the_same_cost():
    version = parse_version("1.37")
    for key, (cost, values) in settings.COSTS.items():
        entry = CATALOGUE.lookup(key)
        assert entry is not None
        assert entry.live_in(version) == cost, key
        for value in values:
            assert crio_conf.check([("crio_config", settings.nested({key: value}))], "1.37").problems == []
