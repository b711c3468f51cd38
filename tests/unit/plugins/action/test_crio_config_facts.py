# SPDX-License-Identifier: GPL-3.0-or-later
"""crio_config_facts with a node that is a folder: files, a unit and a socket as on a node."""

import json
import os
import re

import pytest
import yaml

from ansible_collections.cri.node.plugins.module_utils.crio import configuration, live
from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.modules import crio_config_facts as documentation
from ansible_collections.cri.node.plugins.plugin_utils.crio.configuration_findings import (
    copied_file,
    package_file,
)

SECRET = "CANARY-51c2"
OURS = "# Written by the role cri.node.crio, which undoes what is changed here: set crio_config instead.\n"
LEVEL = "crio.runtime.log_level"


class FakeNode:
    """A node below a folder; `options` are those of the unit, `answer` is what the running daemon reports, None if it is down."""

    def __init__(self, root, monkeypatch):
        self.root, self.options, self.environment, self.answer, self.version = root, "", "", None, "1.37.0"
        self.folder = root / "crio.conf.d"
        self.folder.mkdir()
        monkeypatch.setattr(crio_service, "run", self._run)
        monkeypatch.setattr(configuration, "version_of", lambda _binary: self.version)
        monkeypatch.setattr(configuration, "get", self._get)
        monkeypatch.setattr(crio_service, "BINARY_DIRECTORIES", ("/bin",))
        monkeypatch.setattr(os, "access", lambda *_arguments: True)
        self.recorded, self.notes = {str(self.folder / "60-cri-node.conf"): "crio"}, []
        monkeypatch.setattr(configuration, "_owners", lambda _layout: (self.recorded, self.notes))
        self.started_at = 2**40  # later than all files
        monkeypatch.setattr(crio_service.CrioService, "started_at", property(lambda _self: self.started_at))

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def _run(self, command, **_more):
        arguments = f"--config {self.root}/crio.conf --config-dir {self.folder} {self.options}"
        state = "active" if self.answer is not None else "inactive"
        shown = {
            "LoadState": "loaded", "ActiveState": state, "SubState": "running" if self.answer is not None else "dead",
            "ExecStart": f"{{ path=/x/crio ; argv[]=/x/crio {arguments} ; ignore_errors=no ; }}", "Environment": self.environment,
        }  # fmt: skip
        return 0, "".join(f"{name}={value}\n" for name, value in shown.items()), ""

    def _get(self, _path, _socket, _timeout):
        if isinstance(self.answer, live.CrioSocketError):
            raise live.CrioSocketError(str(self.answer), self.answer.kind)
        return self.answer

    def __call__(self, request):
        (self.root / "crio.conf").touch()
        return {"report": configuration.read(request, Layout(str(self.root / "state")))}


@pytest.fixture
def node(tmp_path, monkeypatch):
    return FakeNode(tmp_path, monkeypatch)


@pytest.fixture
def facts(run, node):
    def gather(**options):
        task = run("crio_config_facts", options, node)
        assert len(task.calls) == 1
        assert not task.result.get("failed"), task.result
        assert task.result["changed"] is False
        return json.loads(json.dumps(task.result["ansible_facts"]["crio_configuration"]))

    return gather


def level(value):
    return f'[crio.runtime]\nlog_level = "{value}"\n'


def kinds(found):
    return [each["kind"] for each in found["findings"]]


def test_each_key_has_its_value_and_what_it_overrode(facts, node):
    first = node.write("10-a.conf", level("info"))
    second = node.write("60-cri-node.conf", OURS + level("debug"))
    node.environment = "CONTAINER_LOG_LEVEL=error"
    node.options = "--log-level=warn"
    found = facts()
    assert found["effective"][LEVEL] == {
        "value": "warn",
        "source": "--log-level",
        "source_type": "option",
        "overridden": [
            {"value": "info", "source": first},
            {"value": "debug", "source": second},
            {"value": "error", "source": "CONTAINER_LOG_LEVEL"},
        ],
    }
    assert found["effective"]["crio.metrics.metrics_port"]["source_type"] == "default"
    assert [os.path.basename(each["path"]) for each in found["files"]] == [
        "crio.conf",
        "10-a.conf",
        "60-cri-node.conf",
    ]
    assert found["live"] == {"available": False, "reason": "crio.service is inactive (dead)"}
    assert found["complete"] is True


def test_a_backup_that_wins_is_found(facts, node):
    node.write("10-a.conf", level("info"))
    backup = node.write("10-a.conf.4711.2024-05-01@10:11:12~", level("debug"))
    kept = node.write("10-a.conf.rpmsave", "[crio]\n")
    found = facts()["findings"]
    assert [(each["kind"], each["path"], each["key"]) for each in found] == [
        ("backup", backup, LEVEL),
        ("package_file", kept, ""),
    ]
    assert found[0]["message"].endswith(
        "by its name a backup of 10-a.conf, and its value of crio.runtime.log_level wins"
    )
    assert "none of its values wins" in found[1]["message"]


@pytest.mark.parametrize(
    ("name", "copied", "kept"),
    [
        ("a.conf.bak", "a.conf", ""),
        ("a.conf~", "a.conf", ""),
        (".a.conf.swp", "a.conf", ""),
        ("#a.conf#", "a.conf", ""),
        ("a.conf.1.2024-01-31@08:00:00~", "a.conf", ""),
        ("a.conf.orig.20240131", "a.conf", ""),
        ("a.conf.rpmnew", "", "a.conf"),
        ("a.conf.dpkg-dist", "", "a.conf"),
        ("a.conf", "", ""),
        ("10-backup.conf", "", ""),
        ("01-ctrcfg-logLevel", "", ""),
    ],
)
def test_backups_are_recognised_by_their_names(name, copied, kept):
    assert (copied_file(f"/etc/x/{name}"), package_file(f"/etc/x/{name}")) == (copied, kept)


def test_what_is_wrong_with_files_and_options_is_found(facts, node):
    node.write("10-a.conf", '[crio.runtime.runtimes.kata]\nruntime_path = "/k"\nruntime_type = "vm"\n')
    node.write(
        "20-b.conf", '[crio.runtime.runtimes.kata]\nruntime_root = "/r"\n[crio.runtime]\nlog_levle = "x"\n'
    )
    node.write("30-c.conf", '[crio.runtime]\ndefault_env = ["A=b"]\nLOG_LEVEL = "x"\nlog_level = "y"\n')
    node.write("40-d.conf", "[crio.metrics]\nmetrics_port = '9'\n")
    node.write("50-e.conf", "nothing\n")
    node.write("60-cri-node.conf", OURS + '[crio]\nlog_dir = "/a"\n')
    node.write("70-vendor.conf", '[crio]\nlog_dir = "/b"\nfile_locking = true\n')
    node.options = "--log-level=warn --no-such-thing"
    found = facts()
    by_kind = {each["kind"]: each["message"] for each in found["findings"]}
    assert sorted(kinds(found)) == [
        "dropped_by_reload", "not_toml", "overrides_ours", "readable_secret", "replaced_entry", "unknown_key", "unknown_key",
        "written_twice", "wrong_option", "wrong_type",
    ]  # fmt: skip
    folder = str(node.folder)
    assert by_kind["replaced_entry"] == (
        f"{folder}/20-b.conf replaces the whole table crio.runtime.runtimes.kata of {folder}/10-a.conf, so that runtime_path,"
        " runtime_type are empty now"
    )
    assert by_kind["overrides_ours"] == (
        f"{folder}/70-vendor.conf overrides crio.log_dir of {folder}/60-cri-node.conf, which the role crio wrote"
    )
    assert (
        by_kind["wrong_option"] == "--no-such-thing is not an option of CRI-O, which does not start with it"
    )
    assert "did you mean crio.runtime.log_level?" in str(found["findings"])
    assert "was removed in CRI-O 1.16" in str(found["findings"])
    assert found["complete"] is False
    documented = str(yaml.safe_load(documentation.RETURN))
    assert all(f"V({kind})" in documented for kind in kinds(found))


def test_options_of_the_default_handler_and_of_handlers_are_discarded_by_a_reload_too(facts, node):
    node.options = (
        "--default-runtime kata --runtimes=kata:/usr/bin/kata:/run/kata:vm --pids-limit=9 --blockio-reload"
    )
    node.environment = "CONTAINER_LOG_LEVEL=debug CONTAINER_LOG_DIR=/var/log/a"
    discarded = {
        each["key"]: each["message"].partition(" sets ")[0]
        for each in facts()["findings"]
        if each["kind"] == "dropped_by_reload"
    }
    assert discarded == {
        "crio.runtime.blockio_reload": "--blockio-reload",
        "crio.runtime.default_runtime": "--default-runtime",
        "crio.runtime.runtimes.kata": "--runtimes",
        "crio.runtime.log_level": "CONTAINER_LOG_LEVEL",
    }


def test_no_secret_of_any_source_reaches_the_result(facts, node):
    text = f'[crio.runtime]\ndefault_env = ["TOKEN={SECRET}"]\n[crio.runtime.runtimes.k]\nmonitor_env = ["T={SECRET}"]\n'
    node.write("10-a.conf", text)
    node.write("20-b.conf", f"# {SECRET}\n[crio]\nunknown = '{SECRET}'\nlog_dir = 'http://u:{SECRET}@h'\n")
    node.write("30-c.conf", f"default_env = {SECRET}\n")
    node.options = f"--conmon-env=A={SECRET} --storage-opt http://u:{SECRET}@h --x={SECRET}"
    node.environment = f'HTTPS_PROXY=http://u:{SECRET}@h CONTAINER_DEFAULT_ENV="X={SECRET}" TOKEN={SECRET}'
    node.answer = f"{text}[crio]\nunknown = '{SECRET}'\ntracing = 'http://u:{SECRET}@h'\n"
    found = facts(desired={"crio": {"runtime": {"default_env": [f"TOKEN={SECRET}"]}}})
    assert SECRET not in json.dumps(found)
    assert found["effective"]["crio.runtime.default_env"]["value"] == "(secret)"
    assert found["effective"]["crio.runtime.runtimes.k.monitor_env"]["value"] == "(secret)"
    assert found["live"]["values"]["crio.runtime.default_env"] == "(secret)"


def reasons(found):
    return {each["key"]: each["reason"] for each in found["differences"]}


def test_a_live_value_that_differs_has_its_reason(facts, node):
    node.write(
        "10-a.conf",
        '[crio.runtime]\nlog_level = "debug"\npids_limit = 5\n[crio.network]\nplugin_dirs = ["/p"]\n',
    )
    node.write("20-b.conf", '[crio.runtime.runtimes.kata]\nruntime_path = "/k"\n[crio]\nlog_dir = "/l"\n')
    node.options = "--pause-image=registry.example.com/b:1"
    node.answer = (
        '[crio.runtime]\nlog_level = "info"\npids_limit = 5\n[crio.network]\nplugin_dirs = ["/q"]\n'
        '[crio.image]\npause_image = "registry.k8s.io/pause:3.10.1"\npull_progress_timeout = "0s"\n'
        '[crio.metrics]\nmetrics_port = 9999\n[crio.runtime.runtimes.gone]\nruntime_path = "/g"\n'
        '[crio]\nroot = "/var/lib/containers/storage"\n'
    )
    node.started_at = 1.0
    found = reasons(facts())
    assert found[LEVEL] == "not_loaded"
    assert found["crio.network.plugin_dirs"] == "printed_differently"
    assert found["crio.image.pause_image"] == "option_dropped"
    assert found["crio.runtime.runtimes.kata.runtime_path"] == "handler_ignored"
    assert {"crio.runtime.pids_limit", "crio.image.pull_progress_timeout"}.isdisjoint(found)
    assert found["crio.log_dir"] == "not_printed"
    assert found["crio.runtime.runtimes.gone.runtime_path"] == "not_loaded"
    # What nothing sets is left to the host and the build.
    assert {"crio.api.listen", "crio.root", "crio.image.pinned_images"}.isdisjoint(found)
    node.started_at = 2**40
    found = reasons(facts())
    assert found[LEVEL] == "unexplained"
    assert found["crio.metrics.metrics_port"] == "default_differs"


def test_desired_settings_are_compared_with_the_effective_ones(facts, node):
    first = node.write("60-cri-node.conf", OURS + level("debug") + "ctr_stop_timeout = 5\n")
    last = node.write("70-b.conf", level("info"))
    runtime = {"log_level": "debug", "pids_limit": 7, "drop_infra_ctr": True}
    found = facts(desired={"crio": {"runtime": runtime}})["differences"]
    assert [(each["key"], each["reason"]) for each in found] == [
        (LEVEL, "outranked"),
        ("crio.runtime.pids_limit", "not_applied"),
    ]
    assert found[0]["detail"] == f"{first} has the desired value of {LEVEL}, but {last} outranks it"
    assert (found[0]["desired"], found[0]["effective"], found[0]["source"]) == ("debug", "info", last)


def test_desired_settings_are_checked_before_the_node_is_called(refused):
    message = refused("crio_config_facts", {"desired": {"crio": {"runtime": {"log_levle": "debug"}}}})
    assert message.startswith("desired: crio.runtime.log_levle: ")
    assert "did you mean crio.runtime.log_level?" in message


def test_desired_keys_that_the_user_accepts_are_neither_refused_nor_compared(facts, node):
    node.write("60-cri-node.conf", OURS + level("debug"))
    desired = {"crio": {"runtime": {"log_level": "debug", "key_of_a_vendor": 1}}}
    assert facts(desired=desired, accept_keys=["crio.runtime.key_of_a_vendor"])["differences"] == []


def test_an_accepted_key_that_is_no_key_is_refused(refused):
    message = refused("crio_config_facts", {"desired": {}, "accept_keys": ["runtime.log_level"]})
    assert message.startswith('crio_accept_keys: [0] = "runtime.log_level": is not the dotted name of a key')


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            live.CrioSocketError("GET /config on /run/crio.sock: refused", "unreachable"),
            "GET /config on /run/crio.sock: refused",
        ),
        ("not = toml = x", "is not valid TOML: line 1"),
    ],
)
def test_a_daemon_that_does_not_report_its_configuration_has_a_reason(facts, node, answer, reason):
    node.answer = answer
    found = facts()
    assert found["live"]["available"] is False
    assert reason in found["live"]["reason"]
    assert found["differences"] == []


def test_a_file_of_ours_is_recognised_by_its_header_but_a_backup_of_it_is_not(facts, node):
    node.recorded, node.notes = None, ["the state can only be read by root"]
    node.write("60-cri-node.conf", OURS)
    node.write("60-cri-node.conf.bak", OURS)
    found = facts()
    assert [each["managed"] for each in found["files"]] == [False, True, False]
    assert found["files"][1]["role"] == "crio"
    assert found["notes"] == ["the state can only be read by root"]
    assert found["complete"] is False


def test_every_reason_and_kind_in_the_code_is_documented():
    texts = str(yaml.safe_load(documentation.RETURN))
    for name in ("configuration_differences", "configuration_findings"):
        path = os.path.join(
            os.path.dirname(documentation.__file__), "..", "plugin_utils", "crio", f"{name}.py"
        )
        with open(path, encoding="utf-8") as file:
            code = file.read()
        words = re.findall(r'_Reason\(\s*"(\w+)"|_finding\([^"]*"(\w+)",\s*(?:f"|message)', code)
        assert words
        assert [word for pair in words for word in pair if word and f"V({word})" not in texts] == []
