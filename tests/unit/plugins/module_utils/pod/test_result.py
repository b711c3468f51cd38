# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the result of a pod is complete, without the values of its environment."""

from ansible_collections.cri.node.plugins.module_utils.crictl.call import CrictlError
from ansible_collections.cri.node.plugins.module_utils.errors import PodError
from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host
from ansible_collections.cri.node.plugins.module_utils.pod import result as pod_result


def pod(*values):
    envs = [{"key": f"V{index}", "value": value} for index, value in enumerate(values)]
    config = {"image": {"image": "app:1"}, "envs": envs}
    return {
        "name": "web",
        "namespace": "shop",
        "init_containers": [],
        "containers": [{"name": "app", "config": config}],
        "sandbox": {"log_directory": "/nowhere"},
    }


def test_a_failure_contains_no_value_of_the_environment():
    secrets = pod("hunter2", "hunter22", "line one\nline two", "on")
    error = PodError("container app: cannot set hunter2", "app", 1, "Error")
    lines = ["V=hunter22 on", "line two of it", "harmless"]
    result = pod_result.failure(secrets, error, "The pod was removed again", lines, changed=True)
    assert result.log == ["V=******** on", "******** of it", "harmless"]
    assert str(result) == (
        "the pod shop/web did not come up: container app: cannot set ********. The pod was removed again."
        " The last lines of the container's log:\n  V=******** on\n  ******** of it\n  harmless"
    )
    assert (result.container, result.exit_code, result.reason, result.changed) == ("app", 1, "Error", True)


def test_a_truncated_failure_contains_no_beginning_of_a_value_of_the_environment(tmp_path):
    secrets = pod("a-secret-that-is-long")
    for length in range(4070, 4100):
        path = tmp_path / "0.log"
        path.write_text(
            f"2026-11-24T00:00:00Z stdout F {'x' * (length % 23)}{'a-secret-that-is-long ' * 300}\n"
        )
        (line,) = pod_result.failure(secrets, PodError("x"), "y", pod_host.last_lines(str(path))).log
        assert set(line.replace("********", "").removesuffix("... (cut)")) <= {"x", " "}
        assert line.endswith("... (cut)")


def test_a_failure_contains_no_value_with_changed_white_space():
    secrets = pod("two  blanks\tand a tab")
    error = CrictlError('crictl start failed: exec: "two blanks and a tab": not found')
    assert "blanks" not in str(pod_result.failure(secrets, error, "The pod was removed again", []))


def test_output_of_a_container_is_printable_in_messages_and_unchanged_in_results():
    lines = ["\x1b]0;title\x07\x1b[2J", "a\rb", "\u202ereversed"]
    error = PodError("container app ended: \x1b[31mred\nline", "app", 1, "Error")
    failure = pod_result.failure(pod(), error, "The pod was removed again", lines)
    assert failure.log == lines
    message, *output = str(failure).split("\n")
    assert len(output) == 3
    assert all(line.isprintable() for line in (message, *output))
    assert "red line" in message


def test_a_result_contains_no_value_of_the_environment():
    here = {
        "id": "p",
        "state": "ready",
        "labels": {"a": "b"},
        "containers": {"app": {"id": "c", "state": "exited", "message": "no hunter2", "pid": 1}},
    }
    result = pod_result.of(pod("hunter2"), here)
    assert result["pod"] == {"id": "p", "state": "ready"}
    assert result["containers"] == [
        {"name": "app", "image": "app:1", "id": "c", "state": "exited", "message": "no ********"}
    ]


def test_a_failure_that_no_container_caused_has_no_log_lines():
    error = OSError("no space")
    assert pod_result.last_lines(pod(), error) == []
    result = pod_result.failure(pod(), error, "The pod was removed again", [])
    assert (result.container, result.log, str(result)) == (
        None,
        None,
        "the pod shop/web did not come up: no space. The pod was removed again.",
    )
