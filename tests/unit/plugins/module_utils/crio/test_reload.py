# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests how a reload is judged: by the daemon's log, by its live values, and what follows from a refused one."""

from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import reload
from ansible_collections.cri.node.plugins.module_utils.crio.live import CrioSocketError
from ansible_collections.cri.node.plugins.module_utils.errors import TransactionError

LEVEL = "crio.runtime.log_level"
DONE = 'level=info msg="Configuration reload completed"'
REFUSED = 'level=error msg="Unable to reload configuration: unable to reload seccomp_profile: no such file"'


class Daemon:
    """A daemon with live values that logs one list of lines after each reload."""

    def __init__(self, monkeypatch):
        self.live, self.logs, self.commands, self.after = {}, [], [], {}
        self.service = SimpleNamespace(main_pid=1, socket="/s", binary="/usr/bin/crio")
        monkeypatch.setattr(reload, "CrioService", lambda _unit: self.service)
        monkeypatch.setattr(reload, "run", self._run)
        monkeypatch.setattr(reload, "_LIMIT", 0.2)
        monkeypatch.setattr(reload, "_QUIET", 0.05)
        monkeypatch.setattr(reload, "_POLL", 0.01)
        monkeypatch.setattr(reload.journald, "cursor", lambda: "c")
        monkeypatch.setattr(reload.journald, "messages_of", lambda _pid, _after: self._lines)
        monkeypatch.setattr(reload, "live_configuration", self._live)
        monkeypatch.setattr(reload.effective, "present", lambda _service: self.effective)
        self._lines, self.effective = [], {}

    def _live(self, _socket):
        if self.live is None:
            raise CrioSocketError("nothing listens", "unreachable")
        return self.live

    def _run(self, command, **_more):
        self.commands.append(command[1])
        if command[1] == "reload":
            self._lines = self.logs.pop(0) if self.logs else []
        self.live = self.after.get(command[1], self.live)
        return 0, "", ""


@pytest.fixture
def daemon(monkeypatch):
    return Daemon(monkeypatch)


def before(live, running=()):
    return {"live": live, "running": list(running)}


def test_a_logged_reload_has_succeeded(daemon):
    daemon.logs = [[DONE]]
    reload.reload("crio.service", {})


def test_a_refused_reload_has_the_reason_of_crio(daemon):
    daemon.logs = [[REFUSED]]
    daemon.live = {LEVEL: '"debug"'}
    with pytest.raises(TransactionError, match="did not reload") as caught:
        reload.reload("crio.service", {LEVEL: '"debug"'})
    assert "no such file" in caught.value.detail


def test_live_values_show_a_reload_that_is_not_logged(daemon):
    daemon.after = {"reload": {LEVEL: '"error"'}}
    reload.reload("crio.service", {LEVEL: '"error"'})


@pytest.mark.parametrize("live", [{LEVEL: '"info"'}, {}, None])
def test_neither_a_line_nor_live_values_are_a_failure(daemon, live):
    daemon.live = live
    with pytest.raises(TransactionError, match="nor do its live values show it") as caught:
        reload.reload("crio.service", {LEVEL: '"error"'})
    assert not caught.value.detail


def test_without_live_values_only_a_line_counts(daemon):
    with pytest.raises(TransactionError, match=r"did not log within 0\.2 s that it reloaded$"):
        reload.reload("crio.service", {})


def test_a_key_of_our_files_that_the_daemon_did_not_take_is_a_failure(daemon):
    daemon.effective = {LEVEL: '"debug"'}
    with pytest.raises(TransactionError, match=f"still uses {LEVEL}"):
        reload.refuse_unloaded({LEVEL: '"debug"'}, {LEVEL: '"info"'}, daemon.service)


def test_a_key_that_something_else_decides_is_none(daemon):
    daemon.effective = {LEVEL: '"info"'}
    reload.refuse_unloaded({LEVEL: '"debug"'}, {LEVEL: '"info"'}, daemon.service)
    reload.refuse_unloaded({}, {}, daemon.service)


def test_going_back_ends_with_the_old_values(daemon):
    daemon.logs, daemon.live = [[DONE]], {LEVEL: '"debug"'}
    daemon.after = {"reload": {LEVEL: '"info"'}}
    assert reload.back("crio.service", before({LEVEL: '"info"'}, ["c"])) == ""
    assert daemon.commands == ["reload"]


def test_going_back_restarts_a_daemon_without_containers_that_keeps_a_new_value(daemon):
    daemon.logs, daemon.live = [[REFUSED]], {LEVEL: '"debug"'}
    daemon.after = {"restart": {LEVEL: '"info"'}}
    assert reload.back("crio.service", before({LEVEL: '"info"'})) == ""
    assert daemon.commands == ["reload", "restart"]


def test_going_back_never_restarts_a_daemon_with_containers(daemon):
    daemon.logs, daemon.live = [[REFUSED]], {LEVEL: '"debug"'}
    said = reload.back("crio.service", before({LEVEL: '"info"'}, ["c"]))
    assert daemon.commands == ["reload"]
    assert said.startswith(f'the running CRI-O still uses {LEVEL} = "debug"; restart it')


def test_going_back_without_recorded_values_trusts_a_refusal(daemon):
    daemon.logs = [[REFUSED]]
    assert reload.back("crio.service", before({})) == ""
    daemon.logs = [[]]
    assert "did not log" in reload.back("crio.service", before({}))
