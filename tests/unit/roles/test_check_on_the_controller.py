# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests `--tags check`: one task for all hosts of a play, which contacts no host. Runs on every supported controller."""

import json

import pytest
from tests.unit.roles.test_verify_on_the_controller import run

METRICS = {"crio": {"metrics": {"metrics_port": "many"}}}


def check(tmp_path, hosts, *options, playbook="cri.node.provision"):
    return run(tmp_path, [], hosts, "--tags", "check", *options, playbook=playbook)


def test_one_task_checks_all_hosts_and_ends_with_one_line(tmp_path):
    hosts = {
        f"node-{number}": {"crio_config": {"crio": {"metrics": {"metrics_port": 9537}}}}
        for number in range(3)
    }
    done = check(tmp_path, hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("TASK [") == 1
    assert "3 nodes checked: 9 keys in 9 files" in done.stdout
    assert done.stdout.count("ok=1") == 1  # on one host, for all


def test_equal_problems_of_several_hosts_are_one_row(tmp_path):
    hosts = {f"node-{number}": {"crio_config": METRICS} for number in range(1, 4)}
    hosts["node-4"] = {"crictl_config": {"timeout": 0}}
    done = check(tmp_path, hosts)
    assert done.returncode == 2
    assert "2 problems on 4 of 4 nodes, and nothing was changed:" in done.stdout
    table = done.stdout.split("nothing was changed:")[1]
    assert "on node-1, node-2, node-3" in table
    assert "on node-4" in table
    row = next(line for line in table.splitlines() if line.startswith("crio_config"))
    assert row.split() == ["crio_config", "crio.metrics.metrics_port", '"many"', "an", "integer"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"crio_ready_timeout": "soon"}, "crio_ready_timeout"),
        ({"crio_install": "package"}, "preinstalled, bundle"),
        ({"crio_install": "bundle"}, "source is missing in crio_bundle"),
        (
            {"crio_install": "bundle", "crio_bundle": {"source": "/x", "sha256": {"amd64": "12"}}},
            "64 hexadecimal digits",
        ),
        ({"crio_install": "packages"}, "crio_version: is required"),
        (
            {
                "crio_install": "packages",
                "crio_version": "1.36",
                "crio_packages": {"repository": {"key": "/x"}},
            },
            "/x cannot be read on the controller",
        ),
        (
            {"crio_install": "packages", "crio_version": "1.36", "crio_packages": '{"repositry": {}}'},
            "repositry. Supported parameters include",
        ),
        ({"crio_install": "packages", "crio_version": "1.36", "crio_packages": [1]}, "crio_packages"),
        ({"crio_version": 1.4}, "crio_version"),
        ({"verify_image": "UPPER CASE"}, "verify_image"),
        ({"verify_pull": ["--help"]}, "verify_pull"),
        ({"verify_timeout": 0}, "verify_timeout"),
        ({"verify_network": "maybe"}, "optional, required"),
        ({"crictl_completion": ["csh"]}, "accepted: bash, zsh, fish"),
        ({"crio_service": {"Service": {"kill mode": 1}}}, "crio_service"),
        ({"crio_environment": {"1A": "x"}}, "crio_environment"),
        ({"registries_config": {"registry": [{}]}}, "registries_config"),
        ({"crio_config": "{{ not_defined_anywhere }}"}, "not_defined_anywhere"),
    ],
)
def test_every_variable_is_checked(tmp_path, variables, expected):
    done = check(tmp_path, {"node-1": variables})
    assert done.returncode == 2
    assert expected in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_warnings_are_shown_and_do_not_stop_the_run(tmp_path):
    hosts = {
        "node-1": {
            "crio_confg": METRICS,
            "registries_config": {"unqualified-search-registries": ["a.io", "b.io"]},
        }
    }
    done = check(tmp_path, hosts, "-e", "verify_report_file=missing/x.json")
    assert done.returncode == 0, done.stdout
    output = " ".join(done.stdout.split())
    assert "3 warnings:" in output
    assert "did you mean crio_config?" in output
    assert "has more than one entry" in output
    assert "the report cannot be written" in output


@pytest.mark.parametrize(
    "template", ["{{ port }}", "{{\nport\n}}", "{%\tif true %}{{-\r\nport }}{% endif %}"]
)
def test_hosts_differ_by_variables_that_a_template_uses(tmp_path, template):
    hosts = {
        f"node-{number}": {"port": port, "crio_config": {"crio": {"metrics": {"metrics_port": template}}}}
        for number, port in enumerate([9537, "many", 9537, "{{ hostvars['node-1'].port }}"])
    }
    done = check(tmp_path, hosts)
    assert "1 problem on 2 of 4 nodes" in done.stdout
    assert "on node-1, node-3" in done.stdout


def test_hosts_differ_by_the_type_of_a_value(tmp_path):
    hosts = {
        f"node-{number}": {"path": path, "crio_config": {"crio": {"metrics": {"metrics_cert": "{{ path }}"}}}}
        for number, path in enumerate(["true", True, "true"])
    }
    done = check(tmp_path, hosts)
    assert "1 problem on 1 of 3 nodes" in done.stdout
    assert "on node-1" in done.stdout


def test_an_additional_layer_of_one_host_only_affects_that_host(tmp_path):
    hosts = {"node-1": {}, "node-2": {"crio_config__lab": METRICS}}
    done = check(tmp_path, hosts)
    assert "1 problem on 1 of 2 nodes" in done.stdout
    assert "crio_config__lab" in done.stdout


def test_only_the_first_batch_checks(tmp_path):
    done = check(tmp_path, {"node-1": {}, "node-2": {}}, "-e", "cri_node_serial=1")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("2 nodes checked") == 1


def test_machine_readable_output_stays_machine_readable(tmp_path, monkeypatch):
    (tmp_path / "callback_plugins").mkdir()
    (tmp_path / "callback_plugins" / "json.py").write_text(CALLBACK)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "json")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(tmp_path / "callback_plugins"))
    for port in (9537, "many"):
        done = check(tmp_path, {"node-1": {"crio_config": {"crio": {"metrics": {"metrics_port": port}}}}})
        [result] = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        assert result["lines"][-1] == "1 node checked: 3 keys in 3 files" or "problem" in result["lines"][0]


CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "name: json\\ntype: stdout\\nshort_description: one line of JSON for a result"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "json"

    def v2_runner_on_ok(self, result):
        print(json.dumps(result._result, default=str))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        print(json.dumps(result._result, default=str))
"""
