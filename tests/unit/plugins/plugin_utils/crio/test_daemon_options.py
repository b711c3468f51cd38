# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon that reads its configuration elsewhere is refused beforehand, by the name of what sends it there."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.files.environment_file import environment_problems
from ansible_collections.cri.node.plugins.plugin_utils.files.unit_drop_in import unit_problems

ELSEWHERE = [
    {"CONTAINER_CONFIG_DIR": "/srv/CANARY"},
    {"CONTAINER_CONFIG": "/srv/CANARY.conf"},
    {"CONTAINER_CONFIG_DIR": ""},
    {"CRIO_CONFIG_OPTIONS": "--config-dir=/srv/CANARY"},
    {"CRIO_CONFIG_OPTIONS": "--log-level debug --config-dir /srv/CANARY"},
    {"CRIO_RUNTIME_OPTIONS": "-d /srv/CANARY"},
    {"CRIO_OPTIONS": "-config=/srv/CANARY"},
    {"EXTRA_ARGS": "'--config' '/srv/CANARY.conf'"},
]
HERE = [
    {"CONTAINER_CONFIG_DIR": "/etc/crio/crio.conf.d/"},
    {"CONTAINER_CONFIG": "/etc/crio/crio.conf"},
    {"CONTAINER_LOG_LEVEL": "debug", "HTTP_PROXY": "http://u:p@h", "CONFIG_DIR": "/srv"},
    {"CRIO_CONFIG_OPTIONS": "--config-dir=/etc/crio/crio.conf.d --config /etc/crio/crio.conf"},
    {"CRIO_OPTIONS": "--log-level debug -D"},
    {"CRIO_OPTIONS": 'an "open quote'},
]
COMMANDS_ELSEWHERE = [
    "/usr/bin/crio --config-dir=/srv/CANARY",
    "/usr/bin/crio --config-dir /srv/CANARY $CRIO_OPTIONS",
    "-/usr/local/bin/crio -d /srv/CANARY",
    "/usr/bin/crio -c=/srv/CANARY",
    "/usr/bin/crio -config-dir=/srv/CANARY",
    '"/usr/bin/crio" "--config" "/srv/CANARY.conf"',
    "/bin/sh -c 'exec /usr/bin/crio --config-dir=/srv/CANARY'",
    "/usr/bin/nice -n 5 crio -d /srv/CANARY",
    "/usr/bin/crio --config-dir ''",
    "/usr/bin/crio --config-dir",
]
COMMANDS_HERE = [
    "",
    "/usr/bin/crio $CRIO_CONFIG_OPTIONS",
    "/bin/sh -c 'exec crio'",
    "/usr/bin/crio --config-dir=/etc/crio/crio.conf.d/ -c /etc/crio/crio.conf",
]


@pytest.mark.parametrize("data", ELSEWHERE)
def test_a_variable_that_sends_crio_elsewhere_is_refused(data):
    [problem] = environment_problems(data, "crio_environment")
    text = str(problem)
    assert text.startswith(f"crio_environment: {next(iter(data))}: ")
    assert "makes CRI-O read" in text
    assert "this role writes to /etc/crio/crio.conf.d" in text
    assert "CANARY" not in text


@pytest.mark.parametrize("data", HERE)
def test_other_variables_are_accepted(data):
    assert environment_problems(data, "crio_environment") == []


@pytest.mark.parametrize("command", COMMANDS_ELSEWHERE)
def test_a_command_that_sends_crio_elsewhere_is_refused(command):
    [problem] = unit_problems({"Service": {"ExecStart": ["", command]}}, "crio_service")
    assert "crio_service: Service.ExecStart[1]: has the option --config" in str(problem)
    assert "CANARY" not in str(problem)


@pytest.mark.parametrize("command", COMMANDS_HERE)
def test_other_commands_are_accepted(command):
    assert unit_problems({"Service": {"ExecStart": command}}, "crio_service") == []


@pytest.mark.parametrize(
    ("value", "variable"),
    [
        ("CONTAINER_CONFIG_DIR=/srv/CANARY", "CONTAINER_CONFIG_DIR"),
        ('A=1 "CONTAINER_CONFIG=/srv/CANARY"', "CONTAINER_CONFIG"),
        ('"CRIO_OPTIONS=--config-dir /srv/CANARY"', "CRIO_OPTIONS"),
    ],
)
def test_a_units_environment_is_looked_at_too(value, variable):
    [problem] = unit_problems({"Service": {"Environment": [value]}}, "crio_service")
    assert f"sets {variable}, which" in str(problem)
    assert "CANARY" not in str(problem)
    assert unit_problems({"Service": {"PassEnvironment": "A CONTAINER_CONFIG_DIR"}}, "crio_service")


MALFORMED = [
    {"Service": {"Environment": "TOKEN=CANARY\nX=1"}},
    {"Service": {"Environment": {"TOKEN": "CANARY"}}},
    {"Service": {"Environment": ["TOKEN=CANARY\\"]}},
    {"Service": {"Environment=TOKEN=CANARY": True}},
    {"Service": {"Environment: TOKEN=CANARY": True}},
    {"Service": "Environment=TOKEN=CANARY"},
    {"Environment=TOKEN=CANARY": {}},
    {"Service": {"Environment": "TOKEN=CANARY" * 20_000}},
    {"Service": {"Environment": "CANARY\ud800"}},
    "CANARY",
    ["CANARY"],
]
MALFORMED_VARIABLES = [
    {"TOKEN": "CANARY\n"},
    {"TOKEN=CANARY": ""},
    {"TOKEN: CANARY": ""},
    {"TO-KEN": "CANARY"},
    {"TOKEN": ["CANARY"]},
    {"TOKEN": {"CANARY": 1}},
    {"TOKEN": "CANARY\0"},
    {"TOKEN": "CANARY" * 50_000},
    ["TOKEN=CANARY"],
    "TOKEN=CANARY",
]


@pytest.mark.parametrize("data", MALFORMED)
def test_no_problem_of_a_unit_quotes_a_value(data):
    problems = unit_problems(data, "crio_service")
    assert problems
    assert "CANARY" not in str([str(problem) for problem in problems])


@pytest.mark.parametrize("data", MALFORMED_VARIABLES)
def test_no_problem_of_an_environment_quotes_a_value(data):
    problems = environment_problems(data, "crio_environment")
    assert problems
    assert "CANARY" not in str([str(problem) for problem in problems])
