# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a pod is whole, but for the values of its environment."""

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


def test_a_failure_holds_no_value_of_the_environment():
    secrets = pod("hunter2", "hunter22", "line one\nline two", "on")
    error = PodError("container app: cannot set hunter2", "app", 1, "Error")
    lines = ["V=hunter22 on", "line two of it", "harmless"]
    told = pod_result.failure(secrets, error, "The pod was removed again", lines, changed=True)
    assert told.log == ["V=******** on", "******** of it", "harmless"]
    assert str(told) == (
        "the pod shop/web did not come up: container app: cannot set ********. The pod was removed again."
        " The last lines of the container's log:\n  V=******** on\n  ******** of it\n  harmless"
    )
    assert (told.container, told.exit_code, told.reason, told.changed) == ("app", 1, "Error", True)


def test_nor_the_beginning_of_one_where_something_was_cut(tmp_path):
    secrets = pod("a-secret-that-is-long")
    for length in range(4070, 4100):
        path = tmp_path / "0.log"
        path.write_text(
            f"2026-11-24T00:00:00Z stdout F {'x' * (length % 23)}{'a-secret-that-is-long ' * 300}\n"
        )
        (line,) = pod_result.failure(secrets, PodError("x"), "y", pod_host.last_lines(str(path))).log
        assert set(line.replace("********", "").removesuffix("... (cut)")) <= {"x", " "}
        assert line.endswith("... (cut)")


def test_nor_one_whose_white_space_a_message_has_changed():
    secrets = pod("two  blanks\tand a tab")
    error = CrictlError('crictl start failed: exec: "two blanks and a tab": not found')
    assert "blanks" not in str(pod_result.failure(secrets, error, "The pod was removed again", []))


def test_what_a_container_says_reaches_people_as_printable_lines_and_programs_as_it_is():
    lines = ["\x1b]0;title\x07\x1b[2J", "a\rb", "\u202ereversed"]
    error = PodError("container app ended: \x1b[31mred\nline", "app", 1, "Error")
    failure = pod_result.failure(pod(), error, "The pod was removed again", lines)
    assert failure.log == lines
    message, *said = str(failure).split("\n")
    assert len(said) == 3
    assert all(line.isprintable() for line in (message, *said))
    assert "red line" in message


def test_nor_does_a_result():
    here = {
        "id": "p",
        "state": "ready",
        "labels": {"a": "b"},
        "containers": {"app": {"id": "c", "state": "exited", "message": "no hunter2", "pid": 1}},
    }
    told = pod_result.of(pod("hunter2"), here)
    assert told["pod"] == {"id": "p", "state": "ready"}
    assert told["containers"] == [
        {"name": "app", "image": "app:1", "id": "c", "state": "exited", "message": "no ********"}
    ]


def test_a_failure_that_no_container_is_to_blame_for_has_no_lines():
    error = OSError("no space")
    assert pod_result.last_lines(pod(), error) == []
    told = pod_result.failure(pod(), error, "The pod was removed again", [])
    assert (told.container, told.log, str(told)) == (
        None,
        None,
        "the pod shop/web did not come up: no space. The pod was removed again.",
    )
