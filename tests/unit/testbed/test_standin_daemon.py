# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the parts of the stand-in's daemon without containerd: reload in CRI-O's order, short names, metrics, crictl info."""

import io
import json
import re
import sys
import types

import pytest

from testbed.paths import CHECKOUT, STANDIN

sys.path.insert(0, str(STANDIN))

import containerd
import crio_images
import crio_metrics
import crio_registries
import crio_reload
import crio_settings
import crio_shown
from crio_checks import Refused
from crio_daemon import Daemon
from crio_journal import Journal, quoted

INFO = CHECKOUT / "tests/unit/fixtures/crictl-1.37/info.json"


@pytest.fixture
def daemon(monkeypatch):
    """Return a daemon that runs with the defaults; `desired` are the settings of its files for the next reload."""
    monkeypatch.setattr(crio_registries, "remember", lambda _places: None)
    monkeypatch.setattr(containerd, "ensure", lambda _settings: None)

    def desired():
        return made.desired.copy()

    made = Daemon(crio_settings.defaults(), desired, Journal(io.StringIO()))
    made.desired = made.settings.copy()
    for handlers in (made.settings.handlers, made.desired.handlers):
        handlers["crun"]["runtime_path"] = sys.executable
    made.metrics = crio_metrics.Metrics()
    return made


def logged(daemon):
    """Return (level, message) of each line of its journal."""
    lines = daemon.journal.stream.getvalue().splitlines()
    found = [re.search(r'level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)', line).groups() for line in lines]
    return [(level, json.loads(text) if text[0] == '"' else text) for level, text in found]


def test_a_reload_applies_and_logs_keys_in_crios_order(daemon):
    daemon.desired.values.update(
        {
            "crio.runtime.log_level": "debug",
            "crio.image.pause_image": "registry:5000/pause:2",
            "crio.metrics.metrics_port": 9600,
        }
    )
    crio_reload.reload(daemon)
    assert [message for _level, message in logged(daemon)][:8] == [
        "Reloading configuration",
        'Set config log_level to "debug"',
        'Set config pause_image to "registry:5000/pause:2"',
        'Set config pinned_images to "[]"',
        "Applied new registry configuration: (told by the stand-in without its content)",
        "Using the internal default seccomp profile",
        'Set config seccomp_profile to ""',
        'Set config privileged_seccomp_profile to ""',
    ]
    assert ("info", "Configuration reload completed") in logged(daemon)
    assert daemon.settings["crio.image.pause_image"] == "registry:5000/pause:2"
    assert daemon.settings["crio.metrics.metrics_port"] == 9090


def test_a_reload_stops_at_the_first_error_and_keeps_what_was_applied(daemon, monkeypatch):
    def refuse(_places):
        raise crio_registries.RegistriesError('loading registries configuration "F": broken')

    monkeypatch.setattr(crio_registries, "remember", refuse)
    daemon.desired.values["crio.runtime.log_level"] = "warn"
    daemon.desired.values["crio.runtime.seccomp_profile"] = "/x"
    crio_reload.reload(daemon)
    assert logged(daemon)[-1] == (
        "error",
        "Unable to reload configuration: system registries reload failed: /etc/containers/registries.conf: "
        'loading registries configuration "F": broken',
    )
    assert daemon.settings["crio.runtime.log_level"] == "warn"
    assert daemon.settings["crio.runtime.seccomp_profile"] == ""


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("crio.image.pause_image_auth_file", "stat {}/x: no such file or directory"),
        (
            "crio.runtime.seccomp_profile",
            "unable to load seccomp profile: open seccomp profile: open {}/x: not a directory",
        ),
        (
            "crio.runtime.blockio_config_file",
            "unable to reload blockio_config_file: reading blockio config file failed: open {}/x: no such file or directory",
        ),
    ],
)
def test_a_reload_refuses_a_file_that_it_cannot_read(daemon, tmp_path, key, reason):
    folder = tmp_path / "file" if "seccomp" in key else tmp_path
    (tmp_path / "file").touch()
    daemon.desired.values[key] = f"{folder}/x"
    crio_reload.reload(daemon)
    assert logged(daemon)[-1] == ("error", f"Unable to reload configuration: {reason.format(folder)}")
    assert daemon.settings[key] == ""


def test_a_line_contains_its_call_and_once_debug_was_enabled_its_source_position():
    journal = Journal(io.StringIO())
    method = "/runtime.v1.ImageService/ImageStatus"

    def line():
        journal.stream.seek(0)
        journal.stream.truncate()
        with journal.request(method):
            journal.info("Checking image status: a.example/b", "server/image_status.go:31")
        return journal.stream.getvalue()

    start = (
        r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z" level=info msg="Checking image status: a.example/b"'
    )
    end = rf" id=[0-9a-f]{{8}}-[0-9a-f-]{{27}} name={method}\n"
    assert re.fullmatch(start + end, line())
    journal.set_level("debug")
    assert re.fullmatch(start + r' file="server/image_status.go:31"' + end, line())
    journal.set_level("info")  # CRI-O never stops naming places
    assert 'file="' in line()
    journal.set_filter("something else")
    assert line() == ""
    journal.set_filter("")
    journal.set_level("warn")
    assert line() == ""
    with journal.request(method):
        pass
    journal.warning("after a call")
    assert " id=" not in journal.stream.getvalue()


def test_a_line_is_quoted_like_go_does():
    assert quoted('a\x00\x07\n"\\ \x7f é \\u0001') == r'"a\x00\a\n\"\\ \x7f é \\u0001"'


def test_a_broken_file_changes_nothing(daemon):
    def refuse():
        raise Refused("update config from path: walk path: broken")

    daemon.reread = refuse
    crio_reload.reload(daemon)
    assert logged(daemon)[-1] == (
        "error",
        "Unable to reload configuration: update config from path: walk path: broken",
    )


def test_a_default_handler_without_its_table_stays_in_the_live_configuration(daemon):
    daemon.desired.values["crio.runtime.default_runtime"] = "nope"
    crio_reload.reload(daemon)
    assert "unable to reload runtimes: default_runtime set to" in logged(daemon)[-1][1]
    assert daemon.settings["crio.runtime.default_runtime"] == "nope"


@pytest.mark.parametrize(
    ("name", "mode", "found"),
    [
        ("registry:5000/pause:1", "enforcing", ["registry:5000/pause:1"]),
        ("localhost/a", "enforcing", ["localhost/a"]),
        ("short:1", "enforcing", ["example.com/long:1"]),
        ("other:1", "disabled", ["docker.io/library/other:1", "quay.io/other:1"]),
        ("team/other", "disabled", ["docker.io/team/other", "quay.io/team/other"]),
    ],
)
def test_short_names_are_resolved_with_registries_conf(name, mode, found, monkeypatch):
    searched = (["docker.io", "quay.io"], {"short": "example.com/long"})
    monkeypatch.setattr(crio_registries, "search", lambda: searched)
    assert crio_images.full_names(name, mode) == found


def test_ambiguous_and_unknown_short_names_are_refused_with_crios_messages(monkeypatch):
    monkeypatch.setattr(crio_registries, "search", lambda: (["a.io", "b.io"], {}))
    with pytest.raises(crio_images.PullError, match="image name foo:1 returns ambiguous list"):
        crio_images.full_names("foo:1", "enforcing")
    monkeypatch.setattr(crio_registries, "search", lambda: ([], {}))
    with pytest.raises(crio_images.PullError, match='short-name "foo:1" did not resolve to an alias'):
        crio_images.full_names("foo:1", "enforcing")


def test_credentials_are_written_to_a_private_file(tmp_path):
    auth = types.SimpleNamespace(auth="", username="me", password="secret")
    option, path = crio_images._authfile("r:5000/a", auth, crio_settings.defaults(), str(tmp_path))
    assert option == "--authfile"
    assert json.loads((tmp_path / "auth.json").read_text()) == {"auths": {"r:5000": {"auth": "bWU6c2VjcmV0"}}}
    assert (tmp_path / "auth.json").stat().st_mode & 0o777 == 0o600
    assert path == str(tmp_path / "auth.json")


def test_metrics_count_calls_and_show_only_the_enabled_collectors():
    metrics = crio_metrics.Metrics()
    metrics.default_runtime = "crun"
    metrics.count("Version", 0, False)
    metrics.count("PullImage", 0, True)
    text = metrics.text(["operations_total", "crio_operations_errors_total", "nosuch"])
    assert 'container_runtime_crio_operations_total{operation="Version"} 1' in text
    assert 'container_runtime_crio_operations_errors_total{operation="PullImage"} 1' in text
    assert 'errors_total{operation="Version"}' not in text
    assert "default_runtime" not in text


def test_crictl_info_has_the_fields_that_crio_has():
    recorded = json.loads(INFO.read_text())["config"]["crio"]
    shown = crio_shown.to_info(crio_settings.defaults())
    assert list(shown) == list(recorded)
    recorded_crun = recorded["Runtimes"]["crun"]
    # What is disallowed is the whole list, so it tells nothing of a node.
    assert set(shown["Runtimes"]["crun"]) == set(recorded_crun) - {"DisallowedAnnotations"}
    for name in ("ApparmorProfile", "DefaultCapabilities", "DefaultEnv", "PidsLimit", "LogLevel"):
        assert shown[name] == recorded[name], name


def test_networks_are_those_that_crio_would_use(tmp_path, monkeypatch):
    folders = {name: tmp_path / name for name in ("plugins", "networks", "net.d", "state", "cni")}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.setattr(containerd, "PLUGINS", str(folders["plugins"]))
    monkeypatch.setattr(containerd, "NETWORKS", str(folders["networks"]))
    settings = crio_settings.defaults()
    settings.values["crio.network.network_dir"] = str(folders["net.d"])
    settings.values["crio.network.plugin_dirs"] = [str(tmp_path / "absent"), str(folders["cni"])]
    (folders["cni"] / "bridge").touch()
    files = {
        "10-good.conflist": '{"name": "good", "plugins": [{"type": "bridge"}]}',
        "20-other.conf": '{"name": "other", "type": "bridge"}',
        "05-lacks-a-plugin.conflist": '{"name": "lacks", "plugins": [{"type": "bridge"}, {"type": "no-such"}]}',
        "06-broken.conf": "{",
        "07-off.conflist.disabled": '{"name": "off", "plugins": []}',
    }
    for name, content in files.items():
        (folders["net.d"] / name).write_text(content)
    assert containerd.bring_network(settings) is True
    assert sorted(path.name for path in folders["networks"].iterdir()) == [
        "10-good.conflist",
        "20-other.conf",
    ]
    assert containerd.bring_network(settings) is False
    settings.values["crio.network.cni_default_network"] = "other"
    assert containerd.bring_network(settings) is True
    assert [path.name for path in folders["networks"].iterdir()] == ["20-other.conf"]
