# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the files of a node are: with the adopted settings as our drop-in on top, every key has the same effective value.

The only exceptions are keys that an existing drop-in of ours sets and that are not adopted, because they may be secret or would
be refused: the new one does not have them. They are reported.
"""

import json

import pytest
import yaml

from ansible_collections.cri.node.plugins.plugin_utils.adopt import adoption, fleet, variable_files
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import merge
from merge import compare
from merge.layouts import FOLDER, REFUSED, TRAPS, Layout, coverage, layouts
from testbed.paths import CHECKOUT

COUNT = 7 * len(TRAPS)
OURS = adoption.NAME


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """[(layout, what its node reports)], without the values of secrets, as a node reports it."""
    folder = tmp_path_factory.mktemp("layouts")
    found = []
    for number, layout in enumerate(layouts(11, COUNT)):
        compare.write(layout, folder / str(number))
        shown = effective_configuration.shown_keys()
        found.append((layout, compare.report_of(layout, folder / str(number), shown)))
    return found


@pytest.fixture(scope="module")
def adopted(reports):
    """[(report, adoption)] of the layouts with which CRI-O starts."""
    whole = [report for layout, report in reports if not REFUSED & set(layout.traps)]
    return [(report, adoption.adopt(report, {})) for report in whole]


def own_file(report):
    return next((file for file in report["files"] if file["path"].endswith(f"/{OURS}")), None)


def test_layouts_that_crio_refuses_are_not_adopted_and_others_are(reports):
    for layout, report in reports:
        assert bool(adoption.faults(report)) == bool(REFUSED & set(layout.traps)), layout
    assert set(coverage([layout for layout, _report in reports])) == set(TRAPS)


def test_every_key_keeps_its_effective_value(adopted):
    compared, ours = 0, 0
    for report, found in adopted:
        changed = adoption.changed_keys(report, found.data)
        if changed:
            assert own_file(report)
            assert {each["kind"] for each in found.warnings} >= {"changes"}
            own = {each["key"] for each in found.left if each["source"] == own_file(report)["path"]}
            assert all(any(key == name or key.startswith(f"{name}.") for name in own) for key in changed)
            ours += 1
        compared += len(effective_configuration.of_report(report).values)
    assert ours < 0.1 * len(adopted)
    assert compared > 25_000


def test_with_the_settings_on_top_the_configuration_is_still_the_one_that_crio_printed(tmp_path):
    recorded = json.loads((CHECKOUT / "tests/unit/fixtures/crio-1.37/merged-layouts.json").read_text())
    compared = 0
    for number, entry in enumerate(recorded["layouts"]):
        if entry["printed"] is None:
            continue
        layout, folder = Layout(**entry["layout"]), tmp_path / str(number)
        compare.write(layout, folder)
        found = adoption.adopt(compare.report_of(layout, folder, effective_configuration.shown_keys()), {})
        if any(each["kind"] == "changes" for each in found.warnings):
            continue
        (folder / FOLDER / OURS).write_text(crio_conf.CrioConf().render(found.data))
        printed = {**recorded["defaults"], **entry["printed"]}
        printed = {key: value for key, value in printed.items() if value is not None}
        assert compare.differences(printed, compare.by_collection(layout, folder)) == [], layout
        compared += 1
    assert compared > 25


def test_the_settings_alone_are_enough_if_nothing_is_left(adopted):
    count = 0
    for report, found in adopted:
        if found.left:
            continue
        with_ours = adoption.with_file(report, found.data)
        alone = {
            **with_ours,
            "files": [file for file in with_ours["files"] if file["path"].endswith(f"/{OURS}")],
        }
        before = effective_configuration.of_report(report).values
        after = effective_configuration.of_report({**alone, "is_named": False}).values
        assert {path: value.value for path, value in before.items()} == {
            path: value.value for path, value in after.items()
        }
        count += 1
    assert count > 40


def test_the_settings_pass_the_check_of_the_role_and_adopting_again_finds_the_same(adopted):
    for report, found in adopted:
        checked = crio_conf.check([("crio_config", found.data)], report["version"])
        assert checked.problems == []
        assert checked.data == found.data
        if not found.left:
            again = adoption.adopt(adoption.with_file(report, found.data), {})
            assert again.data == found.data


def test_the_variables_of_a_fleet_give_each_node_its_own_settings(adopted):
    for start in range(0, len(adopted), 10):
        nodes = {
            f"node-{number}": found.data
            for number, (_report, found) in enumerate(adopted[start : start + 10])
        }
        divided = fleet.divided(nodes)
        files = {
            path: yaml.safe_load(text) for path, text in variable_files.texts(nodes, divided, {}).items()
        }
        common = files[f"group_vars/{variable_files.GROUP}.yml"][variable_files.VARIABLE]
        for name, data in nodes.items():
            layer = files.get(f"host_vars/{name}.yml", {variable_files.LAYER: {}})[variable_files.LAYER]
            merged, _sources = merge([("crio_config", common), (variable_files.LAYER, layer)])
            assert _without_empty(merged) == _without_empty(data)


def _without_empty(data):
    """Without tables that only held what a layer has removed, which are not written to crio.conf."""
    return crio_conf.check([("crio_config", data)]).data


def _adapted(of_report):
    return lambda report, with_options=True, adapted=True: of_report(report, with_options)


def _without_options(of_report):
    return lambda report, with_options=True, adapted=True: of_report(report, adapted, adapted)


FAULTS = {"adapted values are adopted": _adapted, "options are not adopted": _without_options}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_adoption_is_found(reports, monkeypatch, fault):
    of_report = effective_configuration.of_report
    whole = [report for layout, report in reports if not REFUSED & set(layout.traps)]
    alone_differs = 0
    for report in whole:
        with monkeypatch.context() as patch:
            patch.setattr(effective_configuration, "of_report", FAULTS[fault](of_report))
            found = adoption.adopt(report, {})
        if adoption.changed_keys(report, found.data):
            alone_differs += 1
        elif not found.left:
            stripped = {**report, "options": [], "variables": []}
            before = {path: value.value for path, value in of_report(report).values.items()}
            after = of_report(adoption.with_file(stripped, found.data)).values
            alone_differs += before != {path: value.value for path, value in after.items()}
    assert alone_differs
