# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the disruptions that users set for keys: which are accepted, which of them counts, and what they cost a change."""

import json

import pytest
from tests.unit.plugins.plugin_utils.plan.test_plan import PATH, of_kind, report

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.plan import disruption, levels, overrides, plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

NEWEST = parse_version("1.37.0")
VENDOR = "crio.runtime.vendor_key"
ACCEPTING = [{"kind": "crio_conf", "accept_keys": [VENDOR, "crio.vendor"]}]


def read(given, files=(), accepted=True):
    found = overrides.read(given, files)
    assert bool(found.problems) != accepted, found.problems
    return found


def problem(given, files=()):
    [found] = read(given, files, accepted=False).problems
    return str(found)


def of(keys, given, files=(), **more):
    found = {"disruption": "restart", "unloaded_keys": keys, **more}
    return disruption.of_file(found, NEWEST, read(given, files))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"crio.runtime.pids_limit": "reload"},
            [
                'runtime_disruptions: crio.runtime.pids_limit = "reload": is less than the restart that it needs',
                "CRI-O would not load the change",
                "accepted: restart, drain; a lower one only for crio_accept_keys",
            ],
        ),
        ({"crio.runtime.log_level": "none"}, ["the reload that it needs", "reload, restart, drain"]),
        ({"crio.runtime": "reload"}, ['crio.runtime = "reload"', "the restart that crio.runtime."]),
        ({"crio.runtime.runtimes.kata.runtime_path": "none"}, ["restart that"]),
        (
            {"crio.runtime.pid_limit": "drain"},
            [
                "neither a key of crio.conf nor one of crio_accept_keys",
                "did you mean crio.runtime.pids_limit?",
            ],
        ),
        ({"crio.runtime.pids_limit": "Restart"}, ["did you mean restart?", "none, reload, restart, drain"]),
        ({"crio.runtime.pids_limit": "reboot"}, ['"reboot"', "is not a disruption"]),
        ({"crio.runtime.pids_limit": None}, ["is not a disruption"]),
        (
            {"crio": {"runtime": {"pids_limit": "drain"}}},
            ["runtime_disruptions: crio: is not the dotted name of a key"],
        ),
        ({"runtime.pids_limit": "drain"}, ["starts with crio"]),
        ({5: "drain"}, ["runtime_disruptions: 5: is not the dotted name"]),
        (["crio.runtime.pids_limit"], ["is a list, not a mapping"]),
        ("pids_limit", ["is a string that does not contain a mapping"]),
        ({f"crio.key{number}": "drain" for number in range(501)}, ["has 501 entries", "at most 500"]),
    ],
)
def test_what_is_not_accepted_is_one_message_with_the_key_the_value_and_what_is(given, words):
    message = problem(given)
    for each in words:
        assert each in message
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("given", [{}, None, "", "{}", {"crio.runtime.pids_limit": "restart"}])
def test_no_override_and_the_disruption_that_is_known_anyway_change_nothing(given):
    assert of(["crio.runtime.pids_limit"], given)[0] == "restart"
    assert of(["crio.runtime.log_level"], given)[0] == "reload"


def test_a_key_is_raised_and_its_override_is_named():
    text = json.dumps({"crio.runtime.log_level": "restart", "crio.nri": "drain"})
    assert of(["crio.runtime.log_level"], text) == (
        "restart",
        ["crio.runtime.log_level needs a restart (runtime_disruptions: crio.runtime.log_level: restart)"],
    )
    keys = ["crio.nri.enable_nri", "crio.runtime.pids_limit"]
    assert of(keys, text) == (
        "drain",
        ["crio.nri.enable_nri needs a drain (runtime_disruptions: crio.nri: drain)"],
    )


def test_the_longest_name_counts_and_one_without_a_pattern_before_one_with_it():
    given = {
        "crio.runtime": "restart",
        "crio.runtime.runtimes.*.runtime_path": "drain",
        "crio.runtime.runtimes.kata.runtime_path": "restart",
    }
    found = read(given)
    assert found.of("crio.image.pause_image") is None
    assert found.of("crio.runtime.log_level").key == "crio.runtime"
    assert found.of("crio.runtime.runtimes.kata.runtime_path").disruption == "restart"
    assert found.of('crio.runtime.runtimes."a.b".runtime_path').disruption == "drain"
    assert found.of("crio.runtime.runtimes.kata").key == "crio.runtime"


def test_only_an_accepted_key_is_lowered():
    assert "neither" in problem({VENDOR: "none"})
    lowered = {VENDOR: "none", "crio.vendor": "reload"}
    assert of([VENDOR], lowered, ACCEPTING) == (
        "none",
        [f"{VENDOR} needs nothing of the running daemon (runtime_disruptions: {VENDOR}: none)"],
    )
    assert of([VENDOR, "crio.vendor.x"], lowered, ACCEPTING)[0] == "reload"
    assert of([VENDOR, "crio.runtime.pids_limit"], lowered, ACCEPTING)[0] == "restart"
    # A key that nobody has accepted may be in a newer version of the file that the daemon has loaded.
    raised = {"crio.nri": "restart"}
    assert of(["crio.nri.unknown_key"], raised)[0] == "restart"


def test_a_disruption_that_depends_on_the_version_is_checked_for_the_declared_one():
    given = {"crio.image.pinned_images": "reload"}
    assert "less than the restart" in problem(given, [{"kind": "crio_conf", "version": "1.30.0"}])
    assert read(given, [{"kind": "crio_conf", "version": "1.37"}]).entries
    # A node with an older version is not lowered.
    found = {"disruption": "restart", "unloaded_keys": ["crio.image.pinned_images"]}
    assert disruption.of_file(found, parse_version("1.30.0"), read(given))[0] == "restart"


def test_a_file_whose_loaded_keys_are_unknown_is_raised_by_the_keys_that_may_have_changed():
    given = read({"crio.runtime.pids_limit": "drain", "crio.runtime.log_level": "restart"})
    found = {"disruption": "restart"}
    assert disruption.of_file(found, NEWEST, given, ["crio.runtime.log_level"]) == ("restart", [])
    needed, [sentence] = disruption.of_file(found, NEWEST, given, ["crio.runtime.pids_limit"])
    assert needed == "drain"
    assert "crio.runtime.pids_limit needs a drain" in sentence


def made(given, files=None, **more):
    layer = {"crio": {"runtime": {"pids_limit": 1024, "log_level": "info"}}}
    wanted = DesiredFiles([of_kind("crio_conf", ["crio_config", layer])])
    differs = {"file_type": "file", "as_wanted": False, "loaded": False, "disruption": "restart"}
    files = {PATH: {**differs, **(files or {})}}
    return plan.make(wanted, report(files, **more), overrides.read(given, ()))


def test_a_drain_is_above_every_other_limit_and_applied_with_a_restart():
    drained = made({"crio.runtime.pids_limit": "drain"}, {"unloaded_keys": ["crio.runtime.pids_limit"]})
    assert (drained.as_data()["disruption"], drained.activate) == ("drain", "restart")
    assert [drained.is_above(limit) for limit in levels.LEVELS] == [True, True, True, False]
    stopped = made({"crio.runtime.pids_limit": "drain"}, unit={"active": False})
    assert (stopped.as_data()["disruption"], stopped.activate, stopped.is_above("none")) == (
        "none",
        "start",
        False,
    )


def test_a_new_file_is_raised_by_the_keys_that_it_sets():
    assert (
        made({"crio.runtime.pids_limit": "drain"}, {"file_type": "absent"}).as_data()["disruption"] == "drain"
    )
    assert made({"crio.nri": "drain"}, {"file_type": "absent"}).as_data()["disruption"] == "restart"


def test_a_live_value_that_a_restart_would_load_is_raised_too():
    loaded = {"as_wanted": True, "loaded": True}
    stale = {"live": {"crio.runtime.pids_limit": "5"}, "effective": {"crio.runtime.pids_limit": "1024"}}
    assert made({}, loaded, **stale).as_data()["disruption"] == "restart"
    assert made({"crio.runtime.pids_limit": "drain"}, loaded, **stale).as_data()["disruption"] == "drain"
