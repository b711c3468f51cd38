# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the registries of the bench are those that its rows claim to measure."""

import tomllib

import pytest

from bench import figures, registry_rows


def test_the_settings_result_in_as_many_registries_with_three_mirrors_as_measured():
    tables = tomllib.loads(registry_rows.rendered(40))["registry"]
    assert len(tables) == 40
    assert {len(each["mirror"]) for each in tables} == {3}


def test_the_layers_replace_and_remove_registries():
    base, site = (layer["registry"] for layer in registry_rows.settings(40).values())
    assert len(base) == 44
    removed = [each for each in site if each["location"] is None]
    replaced = [each for each in site if each not in removed]
    assert (len(removed), len(replaced)) == (4, 3)
    assert {each["location"] for each in replaced} <= {each["location"] for each in base}


def test_names_are_spread_over_all_registries():
    effective = registry_rows.read(registry_rows.rendered(40))
    prefixes = {
        registry_rows.resolution.resolve(name, effective).endpoints[0].prefix
        for name in registry_rows.names(40)
    }
    assert len(prefixes) == 39  # but the one for the host of many others


def test_settings_with_a_problem_are_not_measured(monkeypatch):
    monkeypatch.setattr(registry_rows, "location", lambda _number: "a.io")
    with pytest.raises(figures.NotMeasured):
        registry_rows.rendered(40)
