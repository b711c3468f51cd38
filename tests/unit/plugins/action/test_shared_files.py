# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a file that other tools also write is never removed by its path."""

from tests.unit.plugins.action.test_messages import report

AUTH = "/etc/containers/auth.json"
OLD = "/etc/crio/crio.conf.d/61-old.conf"
OUTCOME = {"generation": 2, "invocation_id": "b", "outranked": {}, "warnings": []}


def test_only_the_node_decides_which_entries_of_a_shared_file_are_ours(run):
    found = {"file_type": "file", "as_wanted": False, "loaded": False, "mode": "0600", "disruption": "none"}
    orphans = {AUTH: {**found, "secret": True, "shared": True}, OLD: {**found, "secret": False}}

    def node(request):
        return (
            {"report": report(orphans=orphans, fingerprint="a")}
            if "call" not in request
            else {"outcome": OUTCOME}
        )

    task = run("runtime_config", {"files": [], "owners": ["crio", "registries"]}, node)
    assert task.result["plan"]["files"] == {AUTH: "remove", OLD: "remove"}
    assert task.calls[1]["request"]["remove"] == [OLD]
