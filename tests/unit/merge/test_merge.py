# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection merges configuration files as CRI-O's own `crio config` did, of which the output is recorded.

tests/integration/test_crio_merge.py makes the comparison with CRI-O itself.
"""

import json

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import configuration_files
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration
from merge import compare
from merge.layouts import TRAPS, Layout, coverage, layouts
from testbed.paths import CHECKOUT

RECORDED = json.loads((CHECKOUT / "tests/unit/fixtures/crio-1.37/merged-layouts.json").read_text())
LAYOUTS = [Layout(**entry["layout"]) for entry in RECORDED["layouts"]]


def found(folder):
    """The differences of all recorded layouts."""
    lines = []
    for number, (layout, entry) in enumerate(zip(LAYOUTS, RECORDED["layouts"], strict=True)):
        place = folder / str(number)
        compare.write(layout, place)
        printed = entry["printed"]
        whole = printed and {**RECORDED["defaults"], **printed}
        whole = whole and {key: value for key, value in whole.items() if value is not None}
        lines += compare.differences(whole, compare.by_collection(layout, place))
    return lines


def test_recorded_layouts_are_merged_as_crio_did(tmp_path):
    assert found(tmp_path) == []
    assert set(coverage(LAYOUTS)) == set(TRAPS)
    assert sum(entry["printed"] is None for entry in RECORDED["layouts"]) == 9


def test_a_layout_depends_on_the_seed_and_its_number_alone():
    assert layouts(5, 60) == layouts(5, 60)
    assert layouts(5, 60)[:20] == layouts(5, 20)
    assert layouts(5, 60) != layouts(6, 60)


def _only_conf(below):
    return lambda *arguments: [each for each in below(*arguments) if each[0].endswith(".conf")]


def _folders_last(below):
    return lambda *arguments: sorted(below(*arguments), key=lambda each: (each[0].count("/"), each[0]))


def _flat(below):
    return lambda directory, depth: [] if depth else below(directory, depth)


def _keep(entry):
    def merge(self, path, keys, source):
        before = {
            key[len(path) :]: (value.key, value.value)
            for key, value in self.values.items()
            if key[: len(path)] == path
        }
        entry(self, path, {**before, **keys}, source)

    return merge


FAULTS = {
    "only *.conf is read": (configuration_files, "_below", _only_conf),
    "folders are read last": (configuration_files, "_below", _folders_last),
    "folders are not entered": (configuration_files, "_below", _flat),
    "handlers are merged key by key": (effective_configuration._Merge, "_entry", _keep),
    "storage options are replaced": (effective_configuration, "_COLLECTED", lambda _key: ""),
    "an empty root counts": (effective_configuration, "_KEPT_IF_EMPTY", lambda _keys: ()),
    "the case of keys matters": (effective_configuration, "canonical", lambda _canonical: lambda path: path),
    "variables are ignored": (effective_configuration._Merge, "variables", lambda _read: lambda *_arguments: None),
    "options are ignored": (effective_configuration._Merge, "options", lambda _read: lambda *_arguments: None),
    "nothing is adapted": (effective_configuration, "_ADAPTATIONS", lambda _adaptations: ()),
    "types do not matter": (effective_configuration, "_fits", lambda _fits: lambda *_arguments: True),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_merge_is_found(tmp_path, monkeypatch, fault):
    place, name, changed = FAULTS[fault]
    monkeypatch.setattr(place, name, changed(getattr(place, name)))
    try:
        assert found(tmp_path) != []
    except (TypeError, AttributeError):
        assert fault == "types do not matter"
