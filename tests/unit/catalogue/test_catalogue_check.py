# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of the catalogue with a CRI-O finds what differs, and nothing in what was recorded from one."""

from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from catalogue import __main__ as program
from catalogue import compare
from testbed.source import standin_source

RECORDED = Path(__file__).parents[1] / "fixtures" / "crio-1.37" / "crio-config-default-1.37.toml"
PRINTED = RECORDED.read_text(encoding="utf-8")
NEWEST = Version(1, 37, 0)
MANUAL = """
## CRIO TABLE
**log_dir**="/var/log/crio/pods"
The default log directory.

## CRIO.RUNTIME TABLE
**default_mounts**=[]
A mistake of the page itself.

**pids_limit**=-1
This option is deprecated.

### CRIO.RUNTIME.RUNTIMES TABLE
**runtime_path**=""
Path to the OCI runtime.

### CRIO.RUNTIME.WORKLOAD.RESOURCES TABLE
**cpuset**=""
"""


def tags(version, without=()):
    """The struct tags of a CRI-O, as its binary contains them."""
    names = {key.key.rpartition(".")[2] for key in CATALOGUE.keys_of(version)} - set(without)
    return "".join(f'toml:"{name},omitempty"\0' for name in sorted(names)).encode()


def fake_crio(folder, version="1.37.0", printed=PRINTED):
    """A program that prints a version and a configuration, and contains the struct tags of its version."""
    (folder / "printed").write_text(printed)
    crio = folder / "bin" / "crio"
    crio.parent.mkdir()
    told = tags(parse_version(version)).decode().replace("\0", "\n# ")
    crio.write_text(
        f'#!/bin/sh\ncase "$*" in\n--version) echo "crio version {version}";;\n*) cat {folder}/printed;;\nesac\n# {told}\n'
    )
    crio.chmod(0o755)
    return crio


def test_what_a_real_crio_printed_differs_in_nothing():
    assert compare.of_printed(PRINTED, NEWEST) == []


def test_a_key_that_crio_prints_below_the_header_of_another_table_is_compared_as_what_it_is():
    printed = "[crio.network]\nincluded_pod_metrics = [\n]\n"
    assert compare.of_printed(printed, Version(1, 34, 11)) == []
    [difference] = compare.of_printed(printed.replace("[\n]", '["cpu"]'), Version(1, 34, 11))
    assert difference.startswith("crio.stats.included_pod_metrics: the default of CRI-O 1.34.11 is ['cpu']")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param("log_dir =", "log_directory =", "crio.log_directory: CRI-O 1.37.0 prints", id="unknown"),
        pytest.param("internal_wipe = true", "internal_wipe = false", "the default of", id="another default"),
        pytest.param("metrics_port = 9090", 'metrics_port = "9090"', "the type integer", id="another type"),
        pytest.param(
            'timezone = ""',
            'timezone = "UTC"',
            "crio.runtime.timezone: the default",
            id="after a handler's header",
        ),
    ],
)
def test_what_crio_prints_otherwise_is_a_difference(old, new, words):
    assert PRINTED.count(f"\n{old}") == 1
    [difference] = compare.of_printed(PRINTED.replace(f"\n{old}", f"\n{new}"), NEWEST)
    assert words in difference


def test_a_key_of_a_later_version_is_a_difference():
    differences = compare.of_printed(PRINTED, Version(1, 36, 2))
    assert any(each.startswith("crio.network.cni_status_grace_period: ") for each in differences)


@pytest.mark.parametrize(("name", "count"), [("log_level", 0), ("metrics_port", 1)])
def test_a_reload_that_only_crio_knows_is_a_difference(name, count):
    comment = "# This option supports live\n# configuration reload.\n"
    told = compare.of_printed(PRINTED.replace(f"\n{name} =", f"\n{comment}{name} ="), NEWEST)
    assert len(told) == count
    assert all("reloads this key, but the catalogue has restart" in each for each in told)


def test_a_key_that_is_neither_printed_nor_in_the_binary_is_a_difference():
    assert compare.of_binary(tags(NEWEST), PRINTED, NEWEST) == []
    [difference] = compare.of_binary(tags(NEWEST, ["no_sync_log"]), PRINTED, NEWEST)
    assert difference.startswith("crio.runtime.runtimes.*.no_sync_log: ")


def test_a_tag_of_a_key_that_the_version_should_not_have_is_a_difference():
    differences = compare.of_binary(tags(NEWEST), PRINTED, Version(1, 36, 2))
    assert [each.partition(":")[0] for each in differences] == [
        "crio.checkpoint_restore.container_level_enabled",
        "crio.network.cni_status_grace_period",
    ]


@pytest.mark.parametrize(("tag", "is_a_key"), [('imagestore"', True), ('imagestore,omitempty"', False)])
def test_a_tag_of_containers_storage_is_no_key_of_crio(tag, is_a_key):
    without_it = Version(1, 28, 11)
    differences = compare.of_binary(
        tags(without_it) + f'toml:"{tag}'.encode(), PRINTED.replace("imagestore", "_"), without_it
    )
    assert any(each.startswith("crio.imagestore: ") for each in differences) is is_a_key


def test_a_correct_manual_page_differs_in_nothing_but_its_known_mistakes():
    assert compare.of_manual(MANUAL, NEWEST) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        pytest.param("**log_dir**", "**log_place**", "crio.log_place: the manual page", id="unknown"),
        pytest.param("/var/log/crio/pods", "/var/log", "has the default '/var/log'", id="another default"),
        pytest.param(
            "The default log directory.", "This option is deprecated.", "deprecates", id="deprecated"
        ),
        pytest.param(
            "**cpuset**", "**cpuste**", "crio.runtime.workloads.*.resources.cpuste", id="in a table"
        ),
    ],
)
def test_what_the_manual_page_says_otherwise_is_a_difference(old, new, words):
    [difference] = compare.of_manual(MANUAL.replace(old, new), NEWEST)
    assert words in difference


def test_a_directory_is_searched_for_its_program_and_the_last_line_counts(tmp_path, capsys):
    fake_crio(tmp_path)
    assert program.main([str(tmp_path)]) == 0
    assert (
        capsys.readouterr().out
        == f"catalogue: {len(CATALOGUE.keys_of(NEWEST))} keys compared, 0 differences\n"
    )


def test_differences_are_lines_and_an_exit_code(tmp_path, capsys):
    crio = fake_crio(tmp_path, printed=PRINTED.replace("log_dir =", "log_directory ="))
    manual = tmp_path / "page"
    manual.write_text(MANUAL.replace("**log_dir**", "**log_place**"))
    assert program.main([str(crio), "--manual", str(manual)]) == 1
    *differences, last = capsys.readouterr().out.splitlines()
    assert [each.partition(":")[0] for each in differences] == ["crio.log_directory", "crio.log_place"]
    assert last.endswith("keys compared, 2 differences")


def test_a_missing_crio_is_one_line_that_says_how_to_give_one(monkeypatch, capsys):
    monkeypatch.setattr(program, "pick_source", standin_source)
    assert program.main([]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert "CRIO=/path/to/crio" in line


@pytest.mark.parametrize(
    ("version", "printed", "words"),
    [
        pytest.param(
            "1.38.0", PRINTED, "is not in the catalogue, which has 1.28 to 1.37", id="a later version"
        ),
        pytest.param("none", PRINTED, "is not a CRI-O version", id="no version"),
        pytest.param("1.37.0", "", "printed no configuration", id="no configuration"),
    ],
)
def test_a_program_that_cannot_be_compared_is_one_sentence(tmp_path, capsys, version, printed, words):
    crio = fake_crio(tmp_path)
    crio.write_text(crio.read_text().replace("crio version 1.37.0", f"crio version {version}"))
    (tmp_path / "printed").write_text(printed)
    assert program.main([str(crio)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert words in line


def test_a_path_without_a_program_is_named(tmp_path, capsys):
    assert program.main([str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
