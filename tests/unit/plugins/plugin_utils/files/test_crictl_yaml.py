# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.files import crictl_yaml

SOCKET = "unix:///var/run/crio/crio.sock"


def problems(data, version=""):
    return [str(problem) for problem in crictl_yaml.check([("crictl_config", data)], version).problems]


def test_every_key_of_every_supported_crictl_is_accepted_with_its_type():
    result = crictl_yaml.check(
        [
            ("default", {"runtime-endpoint": SOCKET, "timeout": 10}),
            (
                "crictl_config",
                {
                    "image-endpoint": SOCKET,
                    "timeout": "30",
                    "debug": "True",
                    "pull-image-on-create": True,
                    "disable-pull-on-run": False,
                },
            ),
        ]
    )
    assert result.problems == []
    assert result.data == {
        "runtime-endpoint": SOCKET,
        "image-endpoint": SOCKET,
        "timeout": 30,
        "debug": True,
        "pull-image-on-create": True,
        "disable-pull-on-run": False,
    }
    assert result.sources["timeout",] == "crictl_config"
    assert result.sources["runtime-endpoint",] == "default"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(
            {"timeout": "2s"},
            'timeout = "2s": is a string, not an integer; accepted: an integer',
            id="a duration, which voids the file",
        ),
        pytest.param(
            {"timeout": 0},
            "timeout = 0: is not a valid timeout: crictl silently uses its own default; "
            "accepted: a whole number of seconds, at least 1",
            id="zero",
        ),
        pytest.param(
            {"timeout": 10**10},
            "timeout = 10000000000: is not a valid timeout: crictl silently uses its own default; "
            "accepted: a whole number of seconds, at least 1",
            id="too large",
        ),
        pytest.param(
            {"runtime_endpoint": SOCKET},
            "runtime_endpoint: is unknown to crictl, which then ignores the whole file; "
            "did you mean runtime-endpoint?",
            id="an underscore",
        ),
        *(
            pytest.param(
                {"image-endpoint": endpoint},
                f'image-endpoint = "{endpoint}": has no absolute path: crictl connects to another socket or to none; accepted: '
                "unix:// followed by an absolute path, for example unix:///var/run/crio/crio.sock",
                id=f"no absolute path: {endpoint}",
            )
            for endpoint in (
                "unix://run/crio.sock",
                "unix:run/crio.sock",
                "run/crio.sock",
                "unix://",
                "unix:",
                ".",
            )
        ),
        pytest.param(
            {"runtime-endpoint": "tcp://10.0.0.1:10010"},
            'runtime-endpoint = "tcp://10.0.0.1:10010": is not the address of a Unix socket; accepted: unix:// '
            "followed by an absolute path, for example unix:///var/run/crio/crio.sock",
            id="no socket",
        ),
        pytest.param(
            {"debug": "yes"}, 'debug = "yes": is a string, not a boolean; accepted: true or false', id="yes"
        ),
    ],
)
def test_values_that_crictl_would_not_accept_are_refused(data, sentence):
    assert problems(data) == [f"crictl_config: {sentence}"]


def test_anything_but_a_mapping_is_refused():
    assert problems(["timeout"]) == [
        "crictl_config: is a list, not a mapping; accepted: the keys of crictl.yaml"
    ]


def test_a_key_that_older_crictls_refuse_is_checked_again_with_the_nodes_version():
    data = {"max-retries": "3", "timeout": 5}
    result = crictl_yaml.check([("crictl_config__x", data)])
    assert result.problems == []
    assert crictl_yaml.depends_on_version(result.data)
    assert crictl_yaml.check_again(result.data, result.sources, "1.37.0") == []
    assert [str(each) for each in crictl_yaml.check_again(result.data, result.sources, "v1.36.2")] == [
        "crictl_config__x: max-retries: requires crictl 1.37 or later: "
        "crictl v1.36.2 does not know this key and ignores the whole file"
    ]
    assert problems(data, "1.36") != []
    assert not crictl_yaml.depends_on_version({"timeout": 5})


@pytest.mark.parametrize(
    ("endpoint", "warning"),
    [
        ("unix:///run/crio.sock", None),
        ("unix:/run/crio.sock", None),
        ("UNIX:///run/crio.sock", None),
        ("unix:////run/crio.sock", None),
        ("/run/crio.sock", "does not start with unix://"),
    ],
)
def test_an_endpoint_may_have_any_format_of_crictl(endpoint, warning):
    for name in ("runtime-endpoint", "image-endpoint"):
        result = crictl_yaml.check([("crictl_config", {name: endpoint})])
        assert result.problems == []
        assert result.data == {name: endpoint}
        assert [warning in str(each) for each in result.warnings] == ([True] if warning else [])


def test_an_empty_endpoint_means_the_default_of_crictl():
    result = crictl_yaml.check([("crictl_config", {"image-endpoint": ""})])
    assert (result.data, result.problems, result.warnings) == ({"image-endpoint": ""}, [], [])
    result = crictl_yaml.check([("crictl_config", {"runtime-endpoint": ""})])
    assert result.problems == []
    assert "tries the sockets of several runtimes" in str(result.warnings[0])
