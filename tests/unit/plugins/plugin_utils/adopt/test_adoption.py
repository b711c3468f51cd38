# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that nodes of other tools already have, and what the user is told about their files.

tests/unit/merge/test_adopt.py has the property that no effective value changes, for hundreds of layouts.
"""

import json

import pytest
import yaml
from tests.unit.plugins.plugin_utils.adopt.styles import ALVISTACK, KUBESPRAY, PACKAGE, adopted, report

from ansible_collections.cri.node.plugins.module_utils import layout
from ansible_collections.cri.node.plugins.plugin_utils.adopt import adoption
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration
from testbed.paths import CHECKOUT

DROP_IN = "crio.conf.d/10-a.conf"
OURS = f"crio.conf.d/{adoption.NAME}"


def runtime(text):
    return f"[crio.runtime]\n{text}\n"


def of_kind(found, kind):
    return [each["message"] for each in found["findings"] if each["kind"] == kind]


def keys(found):
    return [each["key"] for each in found["settings"]]


def test_the_drop_in_has_the_name_that_the_role_writes():
    files = yaml.safe_load((CHECKOUT / "roles/crio/vars/main.yml").read_text())["crio_files"]
    assert files[0]["path"] == f"{layout.CRIO_CONFIG_DIRECTORY}/{adoption.NAME}"


@pytest.mark.parametrize("files", [KUBESPRAY, ALVISTACK, PACKAGE], ids=["kubespray", "alvistack", "package"])
@pytest.mark.parametrize("version", ["1.34.0", "1.35.2", "1.36.1", "1.37.0"])
def test_each_style_keeps_its_effective_configuration(files, version):
    found = report(files, version=version)
    result = adopted(files, version=version)
    assert result["error"] == ""
    assert result["crio_config"]
    assert adoption.changed_keys(found, result["crio_config"]) == []
    assert [key for key in keys(result) if key != key.lower()] == []
    assert keys(result) == sorted(keys(result))


def test_of_kubesprays_file_only_what_differs_from_the_defaults_is_adopted():
    found = adopted(KUBESPRAY)
    crio = found["crio_config"]["crio"]
    assert crio["metrics"] == {"enable_metrics": True, "metrics_port": 9537}
    assert crio["api"] == {
        "grpc_max_recv_msg_size": 16777216, "grpc_max_send_msg_size": 16777216, "stream_port": "10010",
    }  # fmt: skip
    assert "insecure_registries" not in crio["image"]
    assert crio["runtime"]["runtimes"] == {
        "crun": {
            "runtime_path": "/usr/local/lib/testbed/crun",
            "runtime_root": "/run/crun",
            "runtime_type": "oci",
        }
    }
    assert "log_level" not in crio["runtime"]
    assert {each["source"] for each in found["settings"]} == {"/etc/crio/crio.conf"}


def test_dead_keys_of_kubesprays_file_are_named():
    found = adopted(KUBESPRAY)
    assert [text.partition(" in ")[0] for text in of_kind(found, "unknown_key")] == [
        "crio.runtime.default_mounts",
        "crio.runtime.manage_ns_lifecycle",
    ]
    [useless] = of_kind(found, "without_effect")
    assert useless.startswith("crio.image.insecure_registries: has no effect since CRI-O 1.35")
    assert "crio.runtime.conmon" in [
        each["key"] for each in found["findings"] if each["kind"] == "deprecated"
    ]
    [stays] = of_kind(found, "stays")
    assert stays == (
        "/etc/crio/crio.conf (kubespray writes this file again in each run, and a package may do so) stays on the node, and"
        " 60-cri-node.conf overrides it"
    )
    assert of_kind(adopted(KUBESPRAY, version="1.34.0"), "without_effect") == []


def test_alvistacks_handler_is_replaced_by_that_of_the_package_as_a_whole():
    found = adopted(ALVISTACK)
    assert found["crio_config"]["crio"]["runtime"]["runtimes"]["crun"] == {
        "allowed_annotations": ["io.containers.trace-syscall"],
        "monitor_path": "/usr/libexec/crio/conmon",
        "runtime_path": "/usr/libexec/crio/crun",
        "runtime_root": "/run/crun",
    }
    assert "default_runtime" not in found["crio_config"]["crio"]["runtime"]
    [refused] = of_kind(found, "refused")
    assert "did you mean operations_total?" in refused
    assert [(each["key"], each["kind"]) for each in found["left"]] == [
        ("crio.metrics.metrics_collectors", "refused")
    ]
    first, second = of_kind(found, "stays")
    assert first.endswith("; keep it until crio_config has crio.metrics.metrics_collectors")
    assert second.endswith("60-cri-node.conf overrides it")
    assert "the package of CRI-O owns this file" in second


def test_the_environment_of_monitors_that_everybody_knows_is_not_secret():
    text = ALVISTACK["crio.conf.d/00-defaults.conf"]
    found = adopted({"crio.conf.d/00-defaults.conf": text})
    assert (
        "PATH=/usr/local/sbin"
        in found["crio_config"]["crio"]["runtime"]["runtimes"]["crun"]["monitor_env"][0]
    )
    assert of_kind(found, "secret") == []
    assert of_kind(found, "readable_secret") == []


def test_a_secret_is_never_read_and_what_the_user_must_add_is_named():
    found = adopted(
        {
            DROP_IN: runtime('default_env = ["TOKEN=CANARY"]\nlog_level = "debug"')
            + '[crio.runtime.runtimes.kata]\nruntime_path = "/k"\nmonitor_env = ["T=CANARY"]\n'
        }
    )
    assert "CANARY" not in json.dumps(found)
    assert keys(found) == ["crio.runtime.log_level"]
    assert [each["key"] for each in found["left"]] == [
        "crio.runtime.default_env",
        "crio.runtime.runtimes.kata.monitor_env",
    ]
    assert "with the whole table crio.runtime.runtimes.kata" in found["left"][1]["reason"]


def test_a_value_with_credentials_is_not_adopted():
    found = adopted(
        {DROP_IN: '[crio.image]\npause_image = "https://user:CANARY@registry.example.com/pause:1"\n'}
    )
    assert "CANARY" not in json.dumps(found)
    assert keys(found) == []
    assert [each["key"] for each in found["left"]] == ["crio.image.pause_image"]


def test_values_of_options_and_variables_are_adopted_with_a_warning():
    found = adopted(
        {DROP_IN: runtime('log_level = "warn"')},
        options=["--log-level=debug"],
        variables={"CONTAINER_PIDS_LIMIT": "200"},
    )
    assert {each["key"]: (each["value"], each["source"]) for each in found["settings"]} == {
        "crio.runtime.log_level": ("debug", "--log-level"),
        "crio.runtime.pids_limit": (200, "CONTAINER_PIDS_LIMIT"),
    }
    texts = of_kind(found, "option")
    assert texts[0].startswith(
        "the option --log-level of crio.service sets crio.runtime.log_level and overrides"
    )
    assert texts[1].startswith("the environment variable CONTAINER_PIDS_LIMIT of crio.service sets")
    assert of_kind(found, "dropped_by_reload") == []


def test_a_file_that_is_read_later_is_told_from_one_that_is_read_before():
    found = adopted(
        {DROP_IN: runtime('log_level = "warn"'), "crio.conf.d/99-z.conf": runtime("no_pivot = true")}
    )
    assert of_kind(found, "stays") == [
        "/etc/crio/crio.conf.d/10-a.conf stays on the node, and 60-cri-node.conf overrides it"
    ]
    assert of_kind(found, "outranks") == [
        "/etc/crio/crio.conf.d/99-z.conf stays on the node and overrides 60-cri-node.conf: a change of crio.runtime.no_pivot in"
        " crio_config has no effect while the file exists"
    ]


def test_folders_are_ordered_as_crio_reads_them():
    files = {
        "crio.conf.d/60-cri-node.conf.d/a": "",
        "crio.conf.d/60-cri-node.d/b": "",
        "crio.conf.d/60/c": "",
    }
    found = report({name: runtime('log_level = "warn"') for name in files})
    placed = adoption.with_file(found, {"crio": {"runtime": {"log_level": "debug"}}})
    names = [file["path"].removeprefix("/etc/crio/crio.conf.d/") for file in placed["files"]]
    assert names == ["60/c", "60-cri-node.conf", "60-cri-node.conf.d/a", "60-cri-node.d/b"]


def test_a_default_is_adopted_if_an_earlier_file_would_otherwise_win_over_it():
    files = {DROP_IN: runtime('log_level = "debug"'), OURS: runtime('log_level = "info"')}
    assert keys(adopted(files)) == ["crio.runtime.log_level"]
    assert keys(adopted({OURS: runtime('log_level = "info"')})) == []


@pytest.mark.parametrize("earlier", ["", runtime('default_env = ["A=1"]')])
def test_keys_that_a_drop_in_of_ours_would_lose_are_reported(earlier):
    found = adopted({DROP_IN: earlier, OURS: runtime('default_env = ["TOKEN=CANARY"]')})
    assert of_kind(found, "changes") == [
        "crio_config would change the effective value of crio.runtime.default_env"
    ]


def test_a_value_that_crio_adapts_is_adopted_as_crio_uses_it():
    found = adopted({DROP_IN: runtime("ctr_stop_timeout = 5\nlog_level = 'warn'")})
    assert keys(found) == ["crio.runtime.log_level"]
    assert of_kind(found, "adapted") == [
        "crio.runtime.ctr_stop_timeout is adopted as CRI-O uses it: CRI-O raises it to 30"
    ]
    assert found["left"] == []


def test_a_deprecated_key_that_crio_moves_keeps_its_effect():
    files = {DROP_IN: '[crio.network]\nplugin_dir = "/opt/x"\nplugin_dirs = ["/opt/y"]\n'}
    found = report(files)
    result = adopted(files)
    assert adoption.changed_keys(found, result["crio_config"]) == []
    values = effective_configuration.of_report(adoption.with_file(found, result["crio_config"])).values
    assert values[("crio", "network", "plugin_dirs")].value == ["/opt/y", "/opt/x"]


def test_a_handler_equal_to_the_built_in_one_is_a_default():
    built_in = effective_configuration.of_report(report({})).values
    path = ("crio", "runtime", "runtimes", "crun")
    lines = [
        f"{key[-1]} = {json.dumps(value.value)}"
        for key, value in built_in.items()
        if key[:4] == path and value.value
    ]
    text = "[crio.runtime.runtimes.crun]\n" + "\n".join(
        line for line in lines if "monitor_cgroup" not in line
    )
    assert keys(adopted({DROP_IN: text})) == []
    assert keys(adopted({DROP_IN: text.replace("/run/crun", "/run/x")})) == ["crio.runtime.runtimes.crun"]


def test_a_running_daemon_with_other_values_is_reported():
    found = report({DROP_IN: runtime('log_level = "debug"')})
    live = [{"path": ["crio", "runtime", "log_level"], "type": "string", "value": "info"}]
    result = adoption.adopt({**found, "live": live, "started_at": 1.0, "folders_changed_at": 2.0}, {})
    assert [each["key"] for each in result.warnings if each["kind"] == "not_live"] == [
        "crio.runtime.log_level"
    ]


def test_another_folder_than_that_of_the_role_is_reported():
    found = report({DROP_IN: runtime('log_level = "debug"')})
    moved = json.loads(json.dumps(found).replace("/etc/crio", "/opt/crio"))
    [warning] = [each for each in adoption.adopt(moved, {}).warnings if each["kind"] == "other_directory"]
    assert warning["message"] == (
        "CRI-O reads /opt/crio/crio.conf.d instead of /etc/crio/crio.conf.d, into which the role crio writes"
    )
    nothing = adoption.adopt({**found, "config_directory": ""}, {})
    assert "reads no folder of drop-ins" in next(
        each["message"] for each in nothing.warnings if each["kind"] == "other_directory"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": None}, "CRI-O is not installed"),
        ({"notes": ["/etc/sysconfig/crio cannot be read; run as root"]}, "run as root"),
        ({"options": [{"name": "x", "form": "x", "known": False}]}, "--x is not an option of CRI-O"),
        ({"files": [{"path": "/a", "settings": [], "problem": {"kind": "not_toml", "reason": "is bad"}}]}, "/a is bad"),
    ],
)  # fmt: skip
def test_what_is_not_known_completely_is_not_adopted(changes, words):
    assert words in " ".join(adoption.faults({**report({}), **changes}))
    assert adoption.faults(report({})) == []
