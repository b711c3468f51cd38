# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a change of crio.conf costs what its keys cost: a reload where CRI-O reads all of them again, else a restart."""

import json

import pytest

from testbed.observed import litter, live_configuration, observe, running_containers, service

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
BASE = {"log_level": "info", "pids_limit": 1024}


@pytest.fixture(scope="module")
def shared(testbed, crio_source):
    """Return one node, whose unit has no KillMode: a restart would stop its containers."""
    yield testbed.add("keys")[0]
    testbed.remove("keys")


@pytest.fixture
def apply(shared, call_module):
    """Return a function that applies keys of crio.runtime and returns the result."""

    def call(runtime, *options, **tables):
        crio = {**tables, **({"runtime": runtime} if runtime else {})}
        layers = [["crio_config", {"crio": crio} if crio else {}]]
        entry = {"path": PATH, "owner": "crio", "kind": "crio_conf", "layers": layers}
        return call_module(
            shared, "cri.node.runtime_config", {"files": [entry], "owners": ["crio"]}, *options
        )

    return call


@pytest.fixture
def started(shared, apply):
    """Return the node with the base settings, which its daemon has loaded, and without pods."""
    shared.remove_pods()
    assert "msg" not in apply(BASE)
    return shared


def live(node, key):
    lines = [line.strip() for line in live_configuration(node).split("\n")]
    return next((line.split(" = ", 1)[1] for line in lines if line.startswith(f"{key} = ")), None)


def test_a_key_that_crio_reads_again_costs_a_reload_while_pods_run(started, apply):
    started.run_pod()
    running, before = running_containers(started), service(started, "InvocationID")
    predicted = apply({**BASE, "log_level": "debug"}, "--check")
    done = apply({**BASE, "log_level": "debug"})
    assert done["plan"] == predicted["plan"]
    assert done["plan"]["disruption"] == "reload"
    assert done["plan"]["reasons"] == [
        f"{PATH} changes",
        "a reload is enough for crio.runtime.log_level",
    ]
    assert live(started, "log_level") == '"debug"'
    assert service(started, "InvocationID") == before
    assert running_containers(started) == running
    assert "level=debug" in started.check(["journalctl", "-u", "crio", "-n", "50"])
    assert apply({**BASE, "log_level": "debug"})["changed"] is False
    assert litter(started) == ""


def test_a_key_that_only_a_start_reads_is_named_and_restarts(started, apply):
    before = service(started, "InvocationID")
    done = apply({"log_level": "debug", "pids_limit": 2048})
    assert done["plan"]["disruption"] == "restart"
    assert done["plan"]["reasons"] == [f"{PATH} changes", "crio.runtime.pids_limit needs a restart"]
    assert service(started, "InvocationID") != before
    assert live(started, "pids_limit") == "2048"


def test_a_key_that_is_no_longer_set_returns_to_its_default_with_a_reload(started, apply):
    apply({**BASE, "log_level": "debug"})
    before = service(started, "InvocationID")
    done = apply({"pids_limit": 1024})
    assert done["plan"]["disruption"] == "reload"
    assert live(started, "log_level") == '"info"'
    assert service(started, "InvocationID") == before


def test_a_file_is_removed_with_a_reload_if_it_sets_nothing_else(started, apply):
    apply({"log_level": "debug"})
    before = service(started, "InvocationID")
    done = apply({})
    assert (done["plan"]["disruption"], done["plan"]["files"]) == ("reload", {PATH: "remove"})
    assert live(started, "log_level") == '"info"'
    again = apply({"log_level": "debug"})
    assert (again["plan"]["disruption"], again["plan"]["files"]) == ("reload", {PATH: "create"})
    assert service(started, "InvocationID") == before


def test_a_daemon_that_was_started_meanwhile_is_reloaded_too(started, apply):
    started.check(["systemctl", "restart", "crio"])
    before = service(started, "InvocationID")
    assert apply({**BASE, "log_level": "debug"})["plan"]["disruption"] == "reload"
    assert service(started, "InvocationID") == before


def test_a_level_that_hides_the_outcome_is_reloaded_by_its_live_value(started, apply):
    before = service(started, "InvocationID")
    assert apply({**BASE, "log_level": "error"})["plan"]["disruption"] == "reload"
    assert live(started, "log_level") == '"error"'
    assert service(started, "InvocationID") == before
    back = apply(BASE)
    assert back["plan"]["disruption"] == "restart"
    assert "log_level of the running daemon" in back["plan"]["reasons"][-1]
    assert live(started, "log_level") == '"info"'


def test_an_edit_by_hand_is_undone_with_a_reload(started, apply):
    before = service(started, "InvocationID")
    started.check(["sed", "-i", "s/pids_limit = 1024/pids_limit = 4096/", PATH])
    done = apply(BASE)
    assert done["plan"]["disruption"] == "reload"
    assert live(started, "pids_limit") == "1024"
    assert "pids_limit = 1024" in started.check(["cat", PATH])
    assert service(started, "InvocationID") == before
    assert apply(BASE)["changed"] is False


def test_an_edit_that_the_daemon_has_read_is_undone_too(started, apply):
    before = service(started, "InvocationID")
    started.check(["sed", "-i", 's/pids_limit = 1024/log_filter = "x"/', PATH])
    started.check(["systemctl", "reload", "crio"])
    done = apply(BASE)
    assert live(started, "log_filter") == '""'
    assert live(started, "pids_limit") == "1024"
    assert (done["plan"]["disruption"] == "reload") == (service(started, "InvocationID") == before)


def test_a_mode_alone_needs_nothing_of_the_daemon(started, apply):
    before = observe(started)
    started.check(["chmod", "0600", PATH])
    done = apply(BASE)
    assert (done["changed"], done["plan"]["disruption"]) == (True, "none")
    after = observe(started)
    assert (after.contents, after.invocation_id) == (before.contents, before.invocation_id)
    assert started.check(["stat", "-c", "%a", PATH]).strip() == "644"
    assert apply(BASE)["changed"] is False


def test_a_secret_file_is_compared_key_by_key_without_showing_its_values(started, apply):
    secret = {**BASE, "default_env": ["TOKEN=hunter2-hunter2"]}
    assert apply(secret)["plan"]["disruption"] == "restart"
    before = service(started, "InvocationID")
    done = apply({**secret, "log_level": "debug"}, "-vvv", "--diff")
    assert done["plan"]["disruption"] == "reload"
    assert service(started, "InvocationID") == before
    changed = apply(
        {**secret, "log_level": "debug", "default_env": ["TOKEN=hunter3-hunter3"]}, "-vvv", "--diff"
    )
    assert changed["plan"]["disruption"] == "restart"
    assert "crio.runtime.default_env needs a restart" in changed["plan"]["reasons"]
    assert "hunter" not in json.dumps([done, changed])
    generations = started.check("grep -rl hunter /var/lib/cri-node || true")
    assert generations.strip() == ""


# A valid file until CRI-O is told to reload.
BLOCKIO = "/etc/crio/blockio.yaml"
BREAKS_MEANWHILE = f"""[Service]
ExecReload=
ExecReload=/bin/sh -c "echo 'classes: [' > {BLOCKIO}"
ExecReload=/bin/kill -s HUP $MAINPID
"""


@pytest.mark.real_crio("the stand-in reads no file that a key names")
def test_a_reload_that_crio_refuses_is_undone_without_a_restart(started, apply):
    drop_in = "/run/systemd/system/crio.service.d/90-breaks.conf"
    started.copy_in(BLOCKIO, "Classes:\n  one:\n  - Weight: 10\n")
    started.copy_in(drop_in, BREAKS_MEANWHILE)
    started.check(["systemctl", "daemon-reload"])
    started.run_pod()
    running, before = running_containers(started), observe(started)
    refused = apply({**BASE, "log_level": "debug", "blockio_config_file": BLOCKIO})
    started.check(f"rm {drop_in}; systemctl daemon-reload")
    assert refused["plan"]["disruption"] == "reload"
    assert "unable to reload blockio_config_file" in refused["msg"]
    assert refused["rolled_back"] is True
    assert refused["as_before"] is True
    after = observe(started)
    assert without(after.contents, BLOCKIO) == without(before.contents, BLOCKIO)
    # The whole of /config differs after any reload: it then shows values of handlers that no pod gets.
    assert (live(started, "log_level"), live(started, "blockio_config_file")) == ('"info"', '""')
    assert after.invocation_id == before.invocation_id
    assert running_containers(started) == running
    assert litter(started) == ""
    assert apply({**BASE, "log_level": "debug"})["plan"]["disruption"] == "reload"


def without(contents, path):
    return [line for line in contents.splitlines() if path not in line]


@pytest.mark.real_crio("the stand-in reads no file that a key names")
@pytest.mark.parametrize("key", ["blockio_config_file", "seccomp_profile"])
def test_a_file_that_a_reload_would_refuse_is_refused_beforehand(started, apply, key):
    started.copy_in("/etc/crio/bad", "classes: [")
    before = observe(started)
    for options in (["--check"], []):
        refused = apply({**BASE, "log_level": "debug", key: "/etc/crio/bad"}, *options)
        assert f'crio.runtime.{key} = "/etc/crio/bad"' in refused["msg"]
        assert "Nothing was changed on the node" in refused["msg"]
        assert refused["plan"]["disruption"] == "reload"
    assert observe(started) == before


@pytest.mark.real_crio("the stand-in reads no file that a key names")
def test_a_file_that_a_reload_does_not_read_again_does_not_refuse_it(started, apply):
    started.copy_in(BLOCKIO, "Classes:\n  one:\n  - Weight: 10\n")
    assert "msg" not in apply({**BASE, "blockio_config_file": BLOCKIO})
    started.copy_in(BLOCKIO, "classes: [")
    done = apply({**BASE, "blockio_config_file": BLOCKIO, "log_level": "debug"})
    assert (done.get("msg"), done["plan"]["disruption"]) == (None, "reload")
    started.copy_in(BLOCKIO, "Classes:\n  one:\n  - Weight: 10\n")


def test_a_change_above_the_limit_changes_nothing(started, call_module):
    before = observe(started)
    crio = {"runtime": {**BASE, "pids_limit": 2048}}
    entry = {
        "path": PATH,
        "owner": "crio",
        "kind": "crio_conf",
        "layers": [["crio_config", {"crio": crio}]],
    }
    asked = {"files": [entry], "owners": ["crio"], "max_disruption": "reload"}
    refused = call_module(started, "cri.node.runtime_config", asked)
    assert "crio.runtime.pids_limit needs a restart" in refused["msg"]
    assert refused["plan"]["disruption"] == "restart"
    assert observe(started) == before
    crio["runtime"] = {**BASE, "log_level": "debug"}
    assert call_module(started, "cri.node.runtime_config", asked)["plan"]["disruption"] == "reload"
