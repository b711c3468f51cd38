# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in reads, refuses and shows settings as real CRI-O did when it was recorded."""

import json
import subprocess
import sys
import tomllib

import pytest

from testbed.paths import CHECKOUT, STANDIN
from testbed.source import STANDIN_VERSION

sys.path.insert(0, str(STANDIN))

import crio_settings
import crio_shown
from crio_checks import Refused, check
from crio_journal import Journal
from crio_settings import TomlError

RECORDED = CHECKOUT / "tests/unit/fixtures"
REFUSALS = json.loads((RECORDED / "crio-1.37/crio-config-refusals.json").read_text())
BEFORE = "get and merge config from context: update config from path: walk path: "


def refusal(text, tmp_path):
    """What `crio config` says to a drop-in of this content, without the file's name; None where it takes it."""
    path = tmp_path / "10.conf"
    path.write_text(text)
    settings = crio_settings.defaults()
    journal = Journal()
    try:
        crio_settings.merge_file(settings, str(path))
    except TomlError as error:
        return f"{BEFORE}{error}".replace(str(path), "FILE")
    try:
        journal.set_level(settings["crio.runtime.log_level"])
        journal.set_filter(settings["crio.runtime.log_filter"])
        check(settings, journal)
    except Exception as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "recorded", REFUSALS, ids=lambda recorded: recorded["toml"].replace("\n", " ").strip()
)
def test_what_crio_refused_is_refused_in_the_same_words(recorded, tmp_path):
    assert _short(refusal(recorded["toml"], tmp_path)) == _short(recorded["said"])


def _short(said):
    """Without the Go type of a table, which no reader needs."""
    head, middle, tail = (said or "None").partition("type mismatch for ")
    return head + middle + tail.rpartition(": expected table")[2]


def test_the_live_configuration_is_written_as_crio_wrote_it():
    """The recorded node's settings are put in as files would; what /config then shows is equal, line by line."""
    recorded = (RECORDED / "crio-1.37/crio-status-config.toml").read_text()
    settings = crio_settings.defaults()
    crio_settings.merge(settings, tomllib.loads(recorded), {})
    assert crio_shown.to_toml(settings) == recorded


def test_defaults_are_those_that_crio_prints():
    recorded = tomllib.loads((RECORDED / "crio-1.37/crio-config-default-1.37.toml").read_text())
    settings = crio_settings.defaults()
    crun = recorded["crio"]["runtime"]["runtimes"].pop("crun")
    # `crio config` prints three keys of crio.runtime below the handlers.
    for name in ("hostnetwork_disable_selinux", "disable_hostport_mapping", "timezone"):
        recorded["crio"]["runtime"][name] = crun.pop(name)
    for name, value in crun.items():
        assert settings.handlers["crun"][name] == value, name
    for name, value in _flat("crio", recorded["crio"]):
        assert (settings[name] or value == []) if settings[name] != value else True, name
        assert settings[name] == value or (value == [] and settings[name] is None), name


def _flat(table, values):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f"{table}.{name}", value)
        else:
            yield f"{table}.{name}", value


def test_later_files_win_and_a_handler_is_replaced_whole(tmp_path):
    settings = crio_settings.defaults()
    for number, text in enumerate(
        [
            '[crio]\nstorage_option = ["a", "b"]\n'
            '[crio.runtime.runtimes.crun]\nruntime_path = "/a"\nruntime_root = "/r"\n',
            '[crio]\nstorage_option = ["a"]\n[crio.runtime]\nlog_level = "debug"\n'
            '[crio.runtime.runtimes.crun]\nruntime_path = "/b"\n',
        ]
    ):
        path = tmp_path / str(number)
        path.write_text(text)
        crio_settings.merge_file(settings, str(path))
    assert settings["crio.storage_option"] == ["b", "a"]
    assert settings["crio.runtime.log_level"] == "debug"
    assert (settings.handlers["crun"]["runtime_path"], settings.handlers["crun"]["runtime_root"]) == (
        "/b",
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--log-level", "loud", "config"], 1, 'not a valid logrus Level: \\"loud\\"'),
        (["--nonsense", "config"], 1, 'msg="flag provided but not defined: -nonsense"'),
        (
            ["--metrics-port=loud", "config"],
            1,
            'invalid value \\"loud\\" for flag -metrics-port: parse error',
        ),
        (
            ["--config", "/nowhere", "config"],
            1,
            "update config from file: update config from drop-in file: open /nowhere",
        ),
        (["nonsense"], 1, 'command \\"nonsense\\" not supported'),
        (["--metrics-port", "9537", "config"], 0, "metrics_port = 9537"),
        (["version"], 0, f"Version:          {STANDIN_VERSION}\n"),
    ],
)
def test_the_command_ends_as_crio_does(arguments, code, said, tmp_path):
    files = [] if "--config" in arguments else ["--config", ""]
    program = f"import sys; sys.path.insert(0, {str(STANDIN)!r}); from crio import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *files, "--config-dir", str(tmp_path), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_a_start_refuses_what_crio_config_lets_pass(tmp_path):
    from crio_start import check_handlers

    settings = crio_settings.defaults()
    settings.handlers["crun"]["runtime_path"] = "/nowhere/crun"
    with pytest.raises(
        Refused, match="invalid runtime_path for runtime 'crun': stat /nowhere/crun: no such file"
    ):
        check_handlers(settings, Journal())
    settings.values["crio.runtime.default_runtime"] = "other"
    settings.handlers["other"] = crio_settings.handler(runtime_path=sys.executable)
    check_handlers(settings, Journal())
    assert list(settings.handlers) == ["other"]
