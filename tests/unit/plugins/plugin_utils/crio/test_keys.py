# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue against what CRI-O itself printed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import SUPPORTED, Version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES

FIXTURES = Path(__file__).parents[3] / "fixtures" / "crio-1.37"
FILES = ("crio-config-default-1.37.toml", "crio-status-config.toml")
# What `crio config` prints after a handler's header, so that it falls into the handler.
MISPLACED = {"hostnetwork_disable_selinux", "disable_hostport_mapping", "timezone"}
BUILT_IN_HANDLER = ("crio", "runtime", "runtimes", "crun")


def recorded(name):
    return tomllib.loads((FIXTURES / name).read_text(encoding="utf-8"))


def leaves(data, path=()):
    for name, value in data.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


@pytest.mark.parametrize("name", FILES)
def test_the_recording_holds_something(name):
    assert len(list(leaves(recorded(name)))) > 100


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_key_is_known(name):
    unknown = {path for path, _value in leaves(recorded(name)) if CATALOGUE.lookup(path) is None}
    assert {path[-1] for path in unknown} <= MISPLACED


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_value_has_the_type_of_its_key(name):
    for path, key, value in CATALOGUE.walk(recorded(name)):
        assert TYPES[key.type].convert(value) == value, path


def test_the_defaults_are_those_crio_prints():
    newest = Version(1, 37)
    for path, key, value in CATALOGUE.walk(recorded("crio-config-default-1.37.toml")):
        default = key.default_in(newest)
        if default is None or path[:4] == BUILT_IN_HANDLER:
            continue
        assert default == value, path


def test_only_keys_that_the_host_decides_lack_a_default():
    without = {
        key.key for key in CATALOGUE.keys if key.default is None and not key.removed and key.type != "table"
    }
    assert without == {
        "crio.root",
        "crio.runroot",
        "crio.runtime.selinux",
        "crio.storage_driver",
        "crio.storage_option",
    }


def test_keys_that_may_hold_passwords_are_secret():
    assert {key.key for key in CATALOGUE.keys if key.key.endswith("_env")} == {
        key.key for key in CATALOGUE.keys if key.secret
    }


@pytest.mark.parametrize(("version", "count"), list(zip(SUPPORTED, (151, 155, 156, 157), strict=True)))
def test_each_version_has_as_many_keys_as_its_source(version, count):
    assert (
        len(CATALOGUE.keys_of(version)) == count - 1
    )  # the source also has an untagged field that no file sets
