# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the verification of a node in the call that changes it."""

import pytest

FILES = [{"path": "/etc/crio/x.conf", "owner": "crio", "content": "x"}]
VERIFY = {"image": "a.io/hello:1", "pull": ["a.io/b:1"], "timeout": 30}
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
LOADED = {"file_type": "file", "as_wanted": True, "loaded": True, "disruption": "restart"}
OUTCOME = {"committed": True, "generation": 2, "invocation_id": "j", "outranked": {}, "warnings": []}


def report(file):
    return {
        "files": {"/etc/crio/x.conf": file},
        "orphans": {},
        "unit": {
            "name": "crio.service", "active": True, "exists": True, "enabled": True, "masked": False, "phase": "serving",
            "state": "active (running)", "binary_replaced": False, "needs_daemon_reload": False, "invocation_id": "i",
        },
        "crio": {
            "installed": True, "binary": "/usr/bin/crio", "version": "1.37.0", "socket": "/run/crio.sock",
            "wrapped_by": "",
        },
        "crictl_version": None, "live": {}, "effective": {}, "reload": {}, "missing_paths": [], "newer_paths": [],
        "unanswered_paths": [], "notes": [], "selinux": False, "root_registries": "", "generation": 1,
        "interrupted": False, "fingerprint": "f",
    }  # fmt: skip


SEEN = {
    "state": report(LOADED), "owners": ["crio"], "configuration_error": "", "plugin_dirs": {},
    "plugin_dir_errors": {}, "cni_files": [], "metrics": {"enabled": False}, "pod": {"log_lines": 1},
    "conditions": [{"type": kind, "status": True, "reason": "", "message": ""} for kind in ("RuntimeReady", "NetworkReady")],
    "pulls": {"a.io/b:1": ""},
}  # fmt: skip


def node(seen=None, file=None):
    def answer(request):
        if "call" not in request:
            return {"report": report(file or ABSENT)}
        return {"changed": True, "outcome": dict(OUTCOME), **({"seen": seen} if seen else {})}

    return answer


def test_a_node_that_changes_is_verified_in_the_same_call(run):
    task = run("runtime_config", {"files": FILES, "verify": VERIFY}, node(SEEN))
    assert [call["request"].get("call", "read") for call in task.calls] == ["read", "apply"]
    asked = task.calls[1]["request"]["observe"]
    assert (asked["pull"], asked["timeout"], len(asked["pods"])) == (["a.io/b:1"], 30, 3)
    verification = task.result["verification"]
    assert (verification["failed_checks"], verification["version"]) == ([], "1.37.0")
    statuses = {check["name"]: check["status"] for check in verification["checks"]}
    assert statuses["pod"] == statuses["pull a.io/b:1"] == "passed"

    later = run("runtime_verify", {"files": FILES, "known": verification}, pytest.fail)
    assert later.result == {"changed": False, **verification}


@pytest.mark.parametrize("verify", [None, {}], ids=["not given", "empty"])
def test_a_change_without_the_option_is_not_verified(run, verify):
    task = run("runtime_config", {"files": FILES, "verify": verify}, node(SEEN))
    assert "observe" not in task.calls[1]["request"]
    assert "verification" not in task.result


def test_a_change_is_predicted_without_a_verification(run):
    task = run("runtime_config", {"files": FILES, "verify": VERIFY}, node(SEEN), check_mode=True)
    assert "observe" not in task.calls[1]["request"]


def test_a_node_that_could_not_be_read_after_its_change_is_verified_by_its_own_task(run):
    task = run("runtime_config", {"files": FILES, "verify": VERIFY}, node())
    assert task.result["changed"]
    assert "verification" not in task.result
    own = run("runtime_verify", {"files": FILES, "known": {}}, lambda _request: {"seen": SEEN})
    assert len(own.calls) == 1


def test_an_image_that_cannot_be_named_is_refused_before_the_change(run):
    task = run("runtime_config", {"files": FILES, "verify": {"image": "A B"}}, node(SEEN))
    assert "verify_image" in task.message
    assert [call["request"].get("call", "read") for call in task.calls] == ["read"]
