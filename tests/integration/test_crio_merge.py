# SPDX-License-Identifier: GPL-3.0-or-later
"""CRI-O itself merges hundreds of generated layouts of files, and the collection comes to the same configuration.

Needs no node, only CRI-O's program. SEED= repeats a run.
"""

import os

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.adopt import adoption
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from merge import compare
from merge.layouts import FOLDER, REFUSED, TRAPS, coverage, layouts
from testbed import pick_source

pytestmark = pytest.mark.real_crio("CRI-O itself merges the files")
COUNT = 9 * len(TRAPS)
LEAST = 5  # layouts with each trap


@pytest.fixture(scope="module")
def crio(tmp_path_factory):
    """CRI-O's program and its version."""
    source = pick_source()
    program = tmp_path_factory.mktemp("program") / "crio"
    program.write_bytes(source.read("crio"))
    program.chmod(0o755)
    return program, source.version


def test_the_effective_configuration_is_the_one_that_crio_computes(crio, tmp_path, capsys):
    program, version = crio
    seed = int(os.environ.get("SEED", "1"))
    made = layouts(seed, COUNT)
    wrong = []
    for number, layout in enumerate(made):
        folder = tmp_path / str(number)
        compare.write(layout, folder)
        printed = compare.by_crio(program, layout, folder)
        assert (printed is None) == bool(REFUSED & set(layout.traps)), (number, layout)
        found = compare.differences(printed, compare.by_collection(layout, folder, version))
        wrong += [f"layout {number} ({', '.join(layout.traps)}): {line}" for line in found]
    counts = coverage(made)
    with capsys.disabled():
        print(f"\nSEED={seed}: {len(made)} layouts of files, merged by CRI-O {version} and by the collection")
        print("\n".join(f"  {count:4} {trap}" for trap, count in sorted(counts.items())))
    assert min(counts[trap] for trap in TRAPS) >= LEAST
    assert wrong == []


def test_adopted_settings_on_top_change_nothing_that_crio_computes(crio, tmp_path):
    program, version = crio
    compared, wrong = 0, []
    for number, layout in enumerate(layouts(int(os.environ.get("SEED", "1")), 3 * len(TRAPS))):
        if REFUSED & set(layout.traps):
            continue
        folder = tmp_path / str(number)
        compare.write(layout, folder)
        before = compare.by_crio(program, layout, folder)
        report = compare.report_of(layout, folder, effective_configuration.shown_keys(), version)
        adopted = adoption.adopt(report, {})
        if any(each["kind"] == "changes" for each in adopted.warnings):
            continue  # our own file sets a secret, which the new one does not have
        text = crio_conf.CrioConf().render(adopted.data)
        (folder / FOLDER / adoption.NAME).write_text(text)
        after = compare.by_crio(program, layout, folder)
        if after != before:
            wrong.append((number, layout, adopted.data))
        compared += 1
    assert compared > 80
    assert wrong == []
