# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a unit is serving, stopped, or between, and that a crio behind a wrapper is found or reported as missing."""

import os

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import service


@pytest.fixture
def unit(monkeypatch):
    """Return a unit with these properties in systemd."""

    def make(**properties):
        lines = "\n".join(f"{name}={value}" for name, value in properties.items())
        monkeypatch.setattr(service, "run", lambda *_all, **_more: (0, lines, ""))
        return service.CrioService()

    return make


@pytest.mark.parametrize(
    ("active", "sub", "job", "phase", "aim"),
    [
        ("active", "running", "", "serving", "up"),
        ("active", "running", "0", "serving", "up"),
        ("inactive", "dead", "", "stopped", "down"),
        ("failed", "failed", "", "stopped", "down"),
        ("activating", "start", "", "between", "up"),
        ("activating", "auto-restart", "", "between", "up"),
        ("active", "auto-restart", "", "between", "up"),
        ("reloading", "reload", "", "between", "up"),
        ("deactivating", "stop-sigterm", "", "between", "down"),
        ("maintenance", "maintenance", "", "between", "up"),
        ("active", "running", "412", "between", "up"),
        ("inactive", "dead", "412", "between", "down"),
    ],
)
def test_only_a_settled_unit_is_serving_or_stopped(unit, active, sub, job, phase, aim):
    seen = unit(ActiveState=active, SubState=sub, Job=job)
    assert (seen.phase, seen.aim, seen.active) == (phase, aim, phase == "serving")
    assert active in seen.state_words


def test_a_unit_is_waited_for_until_it_settles(unit, monkeypatch):
    first = unit(ActiveState="reloading", SubState="reload")
    monkeypatch.setattr(
        service, "run", lambda *_all, **_more: (0, "ActiveState=active\nSubState=running", "")
    )
    assert first.settled(5).phase == "serving"


def test_a_unit_that_does_not_settle_is_returned_unchanged(unit):
    assert unit(ActiveState="activating", SubState="auto-restart").settled(0).phase == "between"


def exec_start(*words):
    return f"{{ path={words[0]} ; argv[]={' '.join(words)} ; ignore_errors=no ; start_time=[n/a] }}"


@pytest.fixture
def crio(tmp_path):
    path = tmp_path / "crio"
    path.touch(mode=0o755)
    return str(path)


def test_a_crio_among_a_wrappers_arguments_is_found_with_its_own_options(unit, crio):
    seen = unit(ExecStart=exec_start("/usr/bin/nice", "-n", "5", crio, "--log-level", "debug"), MainPID="0")
    assert seen.command == [crio, "--log-level", "debug"]
    assert seen.binary == crio
    assert seen.wrapped_by == ""


def test_a_wrapper_that_hides_its_crio_is_named(unit):
    seen = unit(ExecStart=exec_start("/usr/local/bin/start-it", "now"), MainPID="0")
    assert seen.wrapped_by == "/usr/local/bin/start-it"
    assert seen.binary is None


def test_a_crio_behind_a_wrapper_is_found_as_the_running_process(unit, crio, monkeypatch):
    monkeypatch.setattr(service, "_executable", lambda _pid: crio)
    monkeypatch.setattr(service, "_arguments", lambda _pid: ["crio", "--config-dir=/elsewhere"])
    seen = unit(ExecStart=exec_start("/usr/local/bin/start-it"), MainPID=str(os.getpid()))
    assert seen.binary == crio
    assert seen.redirected_by == "--config-dir=/elsewhere"


@pytest.mark.parametrize(
    ("options", "environment", "redirected"),
    [
        ((), "", ""),
        (("--config-dir=/etc/crio/crio.conf.d/",), "", ""),
        (("--config-dir=/elsewhere",), "", "--config-dir=/elsewhere"),
        (("-d", "/elsewhere"), "", "--config-dir=/elsewhere"),
        (("--config-dir", ""), "", ""),
        ((), "CONTAINER_CONFIG_DIR=/elsewhere", "CONTAINER_CONFIG_DIR=/elsewhere"),
    ],
    ids=str,
)
def test_a_setting_that_redirects_the_daemon_to_another_directory_is_named(
    unit, crio, options, environment, redirected
):
    seen = unit(ExecStart=exec_start(crio, *options), Environment=environment, MainPID="0")
    assert seen.redirected_by == redirected


@pytest.mark.parametrize("text", ["", "x", "1" * 30, "-1", "0x10"])
def test_an_invalid_number_from_systemd_causes_no_traceback(unit, text):
    seen = unit(MainPID=text, NRestarts=text, ExecMainStartTimestampMonotonic=text)
    assert isinstance(seen.restarts, int)
    assert isinstance(seen.main_pid, int)
    assert seen.uptime >= 0 or seen.main_pid


def test_drop_ins_are_those_that_the_next_daemon_reload_will_find(unit, monkeypatch, tmp_path):
    files = (
        "etc/crio.service.d/70-same.conf",
        "etc/crio.service.d/60-ours.conf",
        "etc/cri-o.service.d/65-alias.conf",
        "lib/crio.service.d/70-same.conf",
        "lib/crio.service.d/90-vendor.conf",
        "lib/service.d/10-every-service.conf",
        "lib/crio.service.d/README",
    )
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    seen = unit(Names="crio.service cri-o.service", DropInPaths="/etc/systemd/system/old.conf")
    paths = f"{tmp_path}/etc {tmp_path}/nowhere {tmp_path}/lib"
    monkeypatch.setattr(service, "run", lambda *_all, **_more: (0, paths, ""))
    assert [path.removeprefix(f"{tmp_path}/") for path in seen.drop_ins()] == [
        "lib/service.d/10-every-service.conf",
        "etc/crio.service.d/60-ours.conf",
        "etc/cri-o.service.d/65-alias.conf",
        "etc/crio.service.d/70-same.conf",
        "lib/crio.service.d/90-vendor.conf",
    ]
