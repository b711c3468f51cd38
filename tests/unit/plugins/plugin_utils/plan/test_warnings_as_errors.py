# SPDX-License-Identifier: GPL-3.0-or-later
"""The warnings about the settings of a file can be errors, also those that only several files together cause."""

from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

INSECURE = {"registry": [{"location": "quay.io", "insecure": True}]}
TWO = {"unqualified-search-registries": ["a.example.com", "b.example.com"]}


def desired(registries, strict, crio=None):
    return DesiredFiles(
        [
            {
                "path": "/etc/containers/registries.conf.d/x.conf",
                "owner": "registries",
                "kind": "registries_conf",
                "layers": [["registries_config", registries], ["registries_config__lab", {}]],
                "warnings_are_errors": strict,
            },
            {
                "path": "/etc/crio/crio.conf.d/x.conf",
                "owner": "crio",
                "kind": "crio_conf",
                "layers": [["crio_config", crio or {}]],
            },
        ]
    )


def test_a_warning_is_no_error_by_default():
    found = desired(INSECURE, strict=False)
    assert found.problems == []
    assert [each.variable for each in found.warnings] == ["registries_config"]


def test_a_warning_about_a_strict_file_is_the_same_sentence_as_an_error():
    [warning] = desired(INSECURE, strict=False).warnings
    found = desired(INSECURE, strict=True)
    assert (found.problems, found.warnings) == ([warning], [])


def test_a_warning_that_several_files_cause_belongs_to_the_file_of_its_variable():
    found = desired(TWO, strict=True)
    assert ["unqualified-search-registries" in each.key for each in found.problems] == [True]
    other = desired({}, strict=True, crio={"crio": {"runtime": {"conmon": "/usr/bin/conmon"}}})
    assert (other.problems, [each.variable for each in other.warnings]) == ([], ["crio_config"])
