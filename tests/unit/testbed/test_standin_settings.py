# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the stand-in reads, refuses and shows settings like the recorded CRI-O."""

import io
import json
import subprocess
import sys
import tomllib

import pytest

from testbed.paths import CHECKOUT, STANDIN
from testbed.source import STANDIN_VERSION

sys.path.insert(0, str(STANDIN))

import crio
import crio_settings
import crio_shown
from crio_checks import Refused, check, reference_problem
from crio_journal import Journal
from crio_options import OptionError, parse
from crio_settings import TomlError

RECORDED = CHECKOUT / "tests/unit/fixtures"
REFUSALS = json.loads((RECORDED / "crio-1.37/crio-config-refusals.json").read_text())
BEFORE = "get and merge config from context: update config from path: walk path: "


def refusal(text, tmp_path):
    """Return the error of `crio config` for a drop-in of this content, without the file's name; None if it is accepted."""
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
def test_settings_that_crio_refused_are_refused_with_the_same_message(recorded, tmp_path):
    assert _short(refusal(recorded["toml"], tmp_path)) == _short(recorded["said"])


def _short(text):
    """Remove the Go type of a table, which no reader needs."""
    head, middle, tail = (text or "None").partition("type mismatch for ")
    return head + middle + tail.rpartition(": expected table")[2]


def test_the_live_configuration_is_written_as_crio_wrote_it():
    """The settings of the recorded node are read like from files; /config then shows the same lines."""
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


def test_later_files_win_and_replace_a_handler_completely(tmp_path):
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
    ("arguments", "code", "expected"),
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
def test_the_command_ends_like_crio(arguments, code, expected, tmp_path):
    files = [] if "--config" in arguments else ["--config", ""]
    program = f"import sys; sys.path.insert(0, {str(STANDIN)!r}); from crio import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *files, "--config-dir", str(tmp_path), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert expected in done.stdout + done.stderr


def test_a_start_refuses_settings_that_crio_config_accepts(tmp_path):
    from crio_handlers import check_handlers

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


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["-c", "", "-d=/d"], {}, {"config": "", "config-dir": "/d"}),
        (["--config=/a"], {"CONTAINER_CONFIG": "/b", "CONTAINER_CONFIG_DIR": ""}, {"config": "/a", "config-dir": ""}),
        ([], {"CONTAINER_LOG_LEVEL": "", "CONTAINER_SELINUX": ""}, {"crio.runtime.log_level": "", "crio.runtime.selinux": False}),
        ([], {"CONTAINER_PIDS_LIMIT": "", "CONTAINER_PULL_PROGRESS_TIMEOUT": ""}, {}),
        ([], {"CONTAINER_CTR_STOP_TIMEOUT": "9", "CONTAINER_NRI_LISTEN": "/x", "CONTAINER_ENABLE_NRI": "0"}, {}),
        ([], {"CONTAINER_STOP_TIMEOUT": "0x9"}, {"crio.runtime.ctr_stop_timeout": 9}),
        (["--default-env", "C=3"], {"CONTAINER_DEFAULT_ENV": "A=1, B=2"}, {"crio.runtime.default_env": ["C=3"]}),
        (["--default-env", "A", "--default-env=B,C"], {}, {"crio.runtime.default_env": ["A", "B", "C"]}),
        (["--selinux", "-tz", "Local"], {}, {"crio.runtime.selinux": True, "crio.runtime.timezone": "Local"}),
    ],
)  # fmt: skip
def test_options_and_variables_are_parsed_like_crio_does(arguments, variables, expected):
    assert parse([*arguments, "config", "-x"], variables) == (expected, ["config", "-x"])


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["--=x"], {}, "bad flag syntax: --=x"),
        (["--selinux=tRue"], {}, 'invalid boolean value "tRue" for -selinux: parse error'),
        (["-l"], {}, "flag needs an argument: -l"),
        (["--plugin-dir", "x"], {}, "flag provided but not defined: -plugin-dir"),
        ([], {"CONTAINER_PIDS_LIMIT": "x"}, 'could not parse "x" as int value from environment variable'
         ' "CONTAINER_PIDS_LIMIT" for flag pids-limit: strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)  # fmt: skip
def test_options_are_refused_with_crio_s_messages(arguments, variables, expected):
    with pytest.raises(OptionError) as refused:
        parse(arguments, variables)
    assert str(refused.value) == expected


def test_a_link_in_place_of_the_directory_is_refused_and_a_file_is_read(tmp_path):
    journal = Journal(io.StringIO())
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "file").write_text("[crio.metrics]\nmetrics_port = 7\n")
    with pytest.raises(Refused, match=r"update config from path: walk path: read .*/link: is a directory"):
        crio.load({"config": "", "config-dir": str(tmp_path / "link")}, journal)
    assert (
        crio.load({"config": "", "config-dir": str(tmp_path / "file")}, journal)["crio.metrics.metrics_port"]
        == 7
    )


def test_a_handler_or_workload_is_shown_as_the_last_file_defines_it(tmp_path):
    """Keys that the last file omits are not taken from an earlier file."""
    settings = crio_settings.defaults()
    for number, text in enumerate(
        [
            '[crio.runtime.runtimes.a]\nruntime_path = "/a"\nmonitor_path = "/m"\nruntime_root = "/r"\n'
            '[crio.runtime.workloads.w]\nactivation_annotation = "x"\nannotation_prefix = "p"\n'
            "[crio.runtime.workloads.w.resources]\ncpushares = 5\n",
            '[crio.runtime.runtimes.a]\nruntime_type = "vm"\n'
            '[crio.runtime.workloads.w]\nactivation_annotation = "y"\n',
        ]
    ):
        (tmp_path / str(number)).write_text(text)
        crio_settings.merge_file(settings, str(tmp_path / str(number)))
    shown = tomllib.loads(crio_shown.to_toml(settings))["crio"]["runtime"]
    empty = dict.fromkeys(("runtime_config_path", "runtime_path", "runtime_root"), "")
    assert shown["runtimes"]["a"] == {**empty, "runtime_type": "vm", "no_sync_log": False}
    workload = shown["workloads"]["w"]
    assert workload.pop("DisallowedAnnotations")
    assert workload == {"activation_annotation": "y", "annotation_prefix": ""}


def test_a_workload_s_resources_are_shown_under_the_names_of_their_fields():
    """CRI-O's encoder has no other names for them; its decoder ignores case."""
    settings = crio_settings.defaults()
    entry = {
        "activation_annotation": "y",
        "allowed_annotations": ["devices.crio.io"],
        "resources": {"cpuset": "0"},
    }
    crio_settings.merge(settings, {"crio": {"runtime": {"workloads": {"w": entry}}}}, {})
    shown = tomllib.loads(crio_shown.to_toml(settings))["crio"]["runtime"]["workloads"]["w"]
    assert shown["resources"] == {"CPUShares": 0, "CPUQuota": 0, "CPUPeriod": 0, "CPUSet": "0", "CPULimit": 0}
    assert shown["allowed_annotations"] == ["devices.crio.io"]
    info = crio_shown.to_info(settings)["Workloads"]["w"]
    assert info.pop("DisallowedAnnotations") == shown["DisallowedAnnotations"]
    assert info == {
        "ActivationAnnotation": "y",
        "AllowedAnnotations": ["devices.crio.io"],
        "AnnotationPrefix": "",
        "Resources": {"cpuset": "0"},
    }


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        ("90s", "1m30s"),
        ("1500ms", "1.5s"),
        ("1h0.5s", "1h0m0.5s"),
        ("1.5us", "1.5µs"),
        ("-0.25ms", "-250µs"),
        (5000, "5µs"),
        ("0", "0s"),
    ],
)
def test_durations_are_shown_in_go_s_format(duration, shown):
    assert crio_settings.as_go_writes(duration) == shown


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ("registry:5000/pause:1", ""),
        ("cri-node.invalid/3f2a-9", ""),
        ("cri-node.invalid/WORD", "repository name must be lowercase"),
        ("host/Path:Tag", "repository name must be lowercase"),
        ("a b", "invalid reference format"),
        ("x:y:z", "invalid reference format"),
        ("a/b@sha256:1", "invalid reference format"),
        ("abc/def/", "invalid reference format"),
        ("docker://x", "invalid reference format"),
    ],
)
def test_image_names_are_validated_like_crio_does(image, problem):
    assert reference_problem(image) == problem
