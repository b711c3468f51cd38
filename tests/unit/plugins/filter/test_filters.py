# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the filters like users call them: by name, and once with a real ansible-playbook."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible.errors import AnsibleFilterError

PACKAGE = "ansible_collections.cri.node.plugins.filter"
NAMES = (
    "crictl_config",
    "crio_config",
    "environment_problems",
    "registries_config",
    "registries_openshift",
    "registry_resolve",
    "runtime_classes",
    "structured",
    "to_environment_file",
    "to_openshift",
    "to_toml",
    "to_unit",
    "unit_problems",
)


def plugin(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def call(name, *arguments, **options):
    return plugin(name).FilterModule().filters()[name](*arguments, **options)


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_options_are_those_of_the_filter(name):
    documentation = yaml.safe_load(plugin(name).DOCUMENTATION)
    assert documentation["name"] == name
    signature = inspect.signature(plugin(name).FilterModule().filters()[name])
    documented = {
        option: inspect.Parameter.empty if entry.get("required") else entry.get("default")
        for option, entry in documentation["options"].items()
    }
    del documented["_input"]
    assert documented == {each.name: each.default for each in list(signature.parameters.values())[1:]}


@pytest.mark.parametrize("name", NAMES)
def test_each_filter_has_an_example_and_documents_its_return_value(name):
    assert f"cri.node.{name}" in plugin(name).EXAMPLES
    assert yaml.safe_load(plugin(name).EXAMPLES)
    assert yaml.safe_load(plugin(name).RETURN)["_value"]


def test_registries_config_returns_data_sources_problems_and_warnings():
    layers = [
        ("registries_config", {"registry": [{"location": "a.example.com", "insecure": "true"}]}),
        (
            "registries_config__x",
            {"short-name-mode": "enforcing", "registry": [{"locatoin": "b.example.com"}]},
        ),
    ]
    result = call("registries_config", layers)
    assert result["data"]["registry"][-1] == {"location": "a.example.com", "insecure": True}
    assert result["layers"] == {
        "short-name-mode": "registries_config__x",
        'registry."a.example.com".location': "registries_config",
        'registry."a.example.com".insecure': "registries_config",
    }
    assert "did you mean location?" in result["problems"][0]
    assert result["warnings"] == []


IMAGE = {
    "apiVersion": "config.openshift.io/v1",
    "kind": "Image",
    "metadata": {"name": "cluster"},
    "spec": {"registrySources": {"insecureRegistries": ["abcd.example.com"], "blockedRegistries": ["b.io"]}},
}


def test_registries_openshift_returns_all_parts_or_one_of_them():
    config = {
        "registry": [
            {"location": "abcd.example.com", "insecure": True},
            {"location": "b.io", "blocked": True},
        ]
    }
    result = call("registries_openshift", IMAGE)
    assert result["data"]["registries_config"] == config
    assert result["data"].keys() == {"registries_config", "registries_policy"}
    assert result["problems"] == result["warnings"] == []
    assert call("registries_openshift", IMAGE, part="registries_config")["data"] == config
    assert call("registries_openshift", IMAGE, part="registries_certificates")["data"] == {}
    with pytest.raises(AnsibleFilterError, match="did you mean registries_policy"):
        call("registries_openshift", IMAGE, part="registries_polcy")


def test_registries_openshift_takes_layers_and_names_the_variable_of_a_problem():
    layers = [["registries_openshift", IMAGE], ["registries_openshift__lab", {"kind": "Imag"}]]
    [problem] = call("registries_openshift", layers)["problems"]
    assert problem.startswith("registries_openshift__lab: kind")
    [problem] = call("registries_openshift", {"kind": "Imag"}, variable="mine")["problems"]
    assert problem.startswith("mine: kind")


def test_to_openshift_is_the_opposite_of_registries_openshift():
    data = call("registries_openshift", IMAGE)["data"]
    result = call("to_openshift", data["registries_config"], policy=json.dumps(data["registries_policy"]))
    assert result == {"objects": [IMAGE], "problems": [], "warnings": []}


def test_to_openshift_names_settings_that_are_wrong_or_not_expressed():
    result = call("to_openshift", {"aliases": {"a": "b.io/a"}, "short-name-mode": "no"}, variable="mine")
    assert len(result["problems"]) == 3
    assert all(problem.startswith("mine: ") for problem in result["problems"])
    assert result["objects"] == []
    with pytest.raises(AnsibleFilterError, match="a list must hold pairs"):
        call("to_openshift", [1])


def test_crictl_config_returns_data_sources_problems_and_warnings():
    result = call("crictl_config", {"timeout": "5", "max-retries": 2}, version="1.36")
    assert result == {
        "data": {"timeout": 5, "max-retries": 2},
        "layers": {"timeout": "crictl_config", "max-retries": "crictl_config"},
        "problems": [
            "crictl_config: max-retries: requires crictl 1.37 or later: "
            "crictl 1.36 does not know this key and ignores the whole file"
        ],
        "warnings": [],
    }


def test_crio_config_returns_data_sources_problems_and_warnings():
    layers = [
        ("crio_config", {"crio": {"metrics": {"metrics_port": "9537"}, "runtime": {"default_env": ["A=b"]}}}),
        ("crio_config__debug", {"crio": {"runtime": {"log_level": "debug", "pids_limit": 5}}}),
    ]
    assert call("crio_config", layers, version="1.36") == {
        "data": {
            "crio": {
                "metrics": {"metrics_port": 9537},
                "runtime": {"default_env": ["A=b"], "log_level": "debug", "pids_limit": 5},
            }
        },
        "layers": {
            "crio.metrics.metrics_port": "crio_config",
            "crio.runtime.default_env": "crio_config",
            "crio.runtime.log_level": "crio_config__debug",
            "crio.runtime.pids_limit": "crio_config__debug",
        },
        "expect": {
            "crio.metrics.metrics_port": "9537",
            "crio.runtime.log_level": '"debug"',
            "crio.runtime.pids_limit": "5",
        },
        "problems": [],
        "warnings": [
            "crio_config__debug: crio.runtime.pids_limit: is deprecated: "
            "use podPidsLimit of the kubelet instead"
        ],
        "secret_keys": ["crio.runtime.default_env"],
    }


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        pytest.param(
            "text", "crio_config: is a string that does not contain a mapping as JSON or YAML", id="a text"
        ),
        pytest.param(
            [["crio_config__x", 5]], "crio_config__x: is an integer, not a mapping", id="a layer is a number"
        ),
        pytest.param({"crio": {"x": 1}}, "crio_config: crio.x: is unknown", id="an unknown key"),
    ],
)
def test_a_mistake_of_the_user_is_returned_as_a_problem_and_not_raised(configuration, words):
    [problem] = call("crio_config", configuration)["problems"]
    assert words in problem


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        pytest.param([["crio_config", {}]], {}, "pairs", id="a list without pairs"),
        pytest.param([{1, 2}], {}, "not a mapping or a list", id="a set"),
    ],
)
def test_misuse_of_crio_config_is_an_error(arguments, options, words):
    with pytest.raises(AnsibleFilterError, match=words):
        call("crio_config", *arguments, **options)


def test_an_invalid_version_is_reported_with_the_other_problems():
    problems = call("crio_config", {"crio": {"x": 1}}, version="newest")["problems"]
    assert problems[0].startswith(
        'crio_version = "newest": is not a version; accepted: a version from 1.28 to 1.37'
    )
    assert len(problems) == 2


@pytest.mark.parametrize("version", [1.4, 1.36, 1.3, 1, 0, 0.0, True, False, ["1.36"], {}])
def test_a_version_that_is_not_a_string_is_refused_with_the_reason(version):
    (problem,) = call("crio_config", {}, version=version)["problems"]
    assert problem.startswith("crio_version")
    assert "is not a string" in problem
    assert "1.28 to 1.37 in quotes" in problem
    with pytest.raises(AnsibleFilterError, match=r"is not a string.*1\.28 to 1\.37 in quotes"):
        call("crictl_config", {}, version=version)


@pytest.mark.parametrize("version", ["1.4", "1.27.9", "1.3", "0.36", "2.36"])
def test_a_version_whose_settings_are_not_known_is_refused_with_the_range(version):
    (problem,) = call("crio_config", {}, version=version)["problems"]
    assert problem.startswith(f'crio_version = "{version}": is not a known version')
    assert "1.28 to 1.37" in problem
    with pytest.raises(AnsibleFilterError, match=r"is not a known version.*1\.28 to 1\.37"):
        call("crictl_config", {}, version=version)


@pytest.mark.parametrize(
    "version", ["1.28.0", "1.30", "1.34", "1.36.3", "v1.37.0-dev", "1.35.0~rc1", "", None]
)
def test_a_version_within_the_range_is_accepted(version):
    assert call("crio_config", {}, version=version)["problems"] == []
    assert call("crictl_config", {}, version=version)["problems"] == []


def test_to_toml_names_the_key_it_cannot_write():
    with pytest.raises(AnsibleFilterError, match=r"crio\.root: null"):
        call("to_toml", {"crio": {"root": None}})


@pytest.mark.parametrize(
    ("writer", "asker", "data", "rest"),
    [
        ("to_unit", "unit_problems", {"Service": {"A": "x", "B": "hunter2\n", "C d": 1}}, "[Service]\nA=x\n"),
        ("to_environment_file", "environment_problems", {"A": "x", "B": "hunter2\n", "C d": "y"}, "A=x\n"),
    ],
)
def test_a_writer_fails_on_reported_problems_unless_it_is_lenient(writer, asker, data, rest):
    assert len(call(asker, data)) == 2
    with pytest.raises(AnsibleFilterError) as error:
        call(writer, data)
    assert "hunter2" not in str(error.value)
    assert str(error.value).count("accepted") == 2
    assert call(writer, data, lenient=True) == rest


def test_a_problem_starts_with_its_variable():
    assert call("unit_problems", {"X": {}})[0].startswith("crio_service: ")
    assert call("environment_problems", {"1": ""}, variable="mine")[0].startswith("mine: ")


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    metrics_port_of_the_lab: "{{ '95' ~ '37' }}"
    crio_config:
      crio:
        metrics: {metrics_port: "{{ metrics_port_of_the_lab }}"}
        image:
          pause_command: !vault |
            VAULTED
    crio_config__one:
      crio:
        metrics: {enable_metrics: "{{ 1 == 1 }}"}
        network: {plugin_dirs: [/opt/cni/bin]}
    crio_config__two: {crio: {network: {plugin_dirs: null}}}
    names: "{{ ['crio_config'] + query('ansible.builtin.varnames', '^crio_config__.+') | sort }}"
    layers: "{{ names | zip(query('ansible.builtin.vars', *names)) | list }}"
    checked: "{{ layers | cri.node.crio_config(version='') }}"
    service:
      Service:
        LimitNOFILE: 1048576
        Delegate: true
        Environment: ["A={{ metrics_port_of_the_lab }}", "B=%n"]
    variables: {HTTP_PROXY: "http://u:p@h:3128", NO_PROXY: "a, b"}
    image:
      apiVersion: config.openshift.io/v1
      kind: Image
      metadata: {name: cluster}
      spec: {registrySources: {insecureRegistries: ["{{ metrics_port_of_the_lab }}.example.com"]}}
  tasks:
    - ansible.builtin.copy:
        dest: "{{ destination }}"
        content: "{{ answer | to_json }}"
      vars:
        answer:
          checked: "{{ checked }}"
          toml: "{{ checked.data | cri.node.to_toml }}"
          unit: "{{ service | cri.node.to_unit }}"
          unit_problems: "{{ service | cri.node.unit_problems }}"
          openshift: "{{ (image | cri.node.registries_openshift).data.registries_config | cri.node.to_openshift }}"
          environment: "{{ variables | cri.node.to_environment_file }}"
          environment_problems: "{{ variables | cri.node.environment_problems(variable='variables') }}"
"""


def vaulted(text, password_file):
    encrypt = [sys.executable, "-m", "ansible", "vault", "encrypt_string", text]
    options = ["--vault-password-file", str(password_file)]
    run = subprocess.run([*encrypt, *options], capture_output=True, text=True, check=True)
    return [line.strip() for line in run.stdout.splitlines()[1:] if line.strip()]


def test_all_filters_work_in_a_playbook(tmp_path):
    """Templates, vaulted strings and lazy containers of this ansible-core reach the filters."""
    password = tmp_path / "password"
    password.write_text("sesame\n", encoding="utf-8")
    text = PLAYBOOK.replace("VAULTED", "\n            ".join(vaulted("/open", password)))
    (tmp_path / "playbook.yml").write_text(text, encoding="utf-8")
    result = tmp_path / "result.json"
    collections = next(
        path for path in sys.path if os.path.isdir(os.path.join(path, "ansible_collections", "cri"))
    )
    arguments = ["-i", "localhost,", "-c", "local", "-e", f"destination={result}"]
    arguments += ["--vault-password-file", str(password), str(tmp_path / "playbook.yml")]
    run = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
    )
    assert run.returncode == 0, run.stdout + run.stderr
    answer = json.loads(result.read_text(encoding="utf-8"))
    assert answer["checked"]["problems"] == []
    assert answer["checked"]["expect"] == {
        "crio.image.pause_command": '"/open"',
        "crio.metrics.enable_metrics": "true",
        "crio.metrics.metrics_port": "9537",
    }
    assert answer["checked"]["layers"]["crio.metrics.enable_metrics"] == "crio_config__one"
    assert answer["toml"] == (
        '[crio.image]\npause_command = "/open"\n\n'
        "[crio.metrics]\nenable_metrics = true\nmetrics_port = 9537\n"
    )
    assert answer["unit"] == (
        "[Service]\nDelegate=yes\nEnvironment=A=9537\nEnvironment=B=%n\nLimitNOFILE=1048576\n"
    )
    assert answer["environment"] == 'HTTP_PROXY=http://u:p@h:3128\nNO_PROXY="a, b"\n'
    assert answer["openshift"]["problems"] == []
    [image] = answer["openshift"]["objects"]
    assert image["spec"]["registrySources"] == {"insecureRegistries": ["9537.example.com"]}
    assert answer["unit_problems"] == answer["environment_problems"] == []
