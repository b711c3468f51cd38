# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a manifest is a mapping, a string or a file on the controller, and always one Pod."""

import json
import os

import pytest
import yaml

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "a.io/b:1", "env": [{"name": "A", "value": "CANARY"}]}]},
}
TEXT = yaml.safe_dump(POD)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: front}\n"


def made(run, manifest):
    """Return the pod in the request to the node."""
    task = run("crictl_pod", {"manifest": manifest}, lambda _arguments: {"changed": True, "removed": []})
    assert not task.result.get("failed"), task.result
    return task.calls[0]["secrets"]["pod"]


@pytest.mark.parametrize("text", [TEXT, json.dumps(POD), f"---\n{TEXT}---\n", f"# a comment\n{TEXT}...\n"])
def test_a_string_is_the_same_pod_as_a_mapping(run, text, tmp_path, monkeypatch):
    expected = made(run, POD)
    assert made(run, text) == expected
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    for path in (tmp_path / "pod.yml", tmp_path / "files" / "other.yml"):
        path.write_text(text)
        assert made(run, str(path)) == expected
        assert made(run, path.name) == expected


def test_an_absent_pod_may_be_named_by_a_file(run, tmp_path):
    (tmp_path / "pod.yml").write_text(TEXT)
    arguments = {"manifest": str(tmp_path / "pod.yml"), "state": "absent"}
    task = run("crictl_pod", arguments, lambda _arguments: {"changed": False, "removed": []})
    request = task.calls[0]["request"]
    assert (request["name"], request["namespace"]) == ("web", "default")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{TEXT}---\n{SERVICE}",
            "contains 2 documents (Pod web, Service front), but a task creates one Pod",
        ),
        (
            f"{TEXT}---\n[]\n---\na: b\n",
            "contains 3 documents (Pod web, a list, a document without kind and name)",
        ),
        ("---\n".join([SERVICE] * 9), "Service front and 4 more)"),
        ("{a: [b}", "is not valid YAML or JSON: line 1, column"),
        ("--- \n", "is empty"),
        ("# nothing\n", "is empty"),
        ("- a: CANARY\n- b\n", "is a list, not a mapping"),
        (SERVICE, "kind = Service: is not supported; accepted: Pod"),
        ("a: &a [*a]\nb: c\n", "expands to more than"),
    ],
)
def test_anything_but_one_pod_is_refused_by_name(refused, text, expected, tmp_path):
    (tmp_path / "pod.yml").write_text(text)
    for manifest in (text, str(tmp_path / "pod.yml")):
        message = refused("crictl_pod", {"manifest": manifest})
        assert message.startswith("manifest") or "\n- manifest" in message
        assert expected in message
        assert "CANARY" not in message


def test_a_file_that_cannot_be_read_is_refused_by_path(refused, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").write_text("x" * 3_000_000)
    for name, expected in (
        (
            "missing.yml",
            "there is no such file on the controller; accepted: one Pod, as a mapping, as a string of YAML, or as",
        ),
        ("", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("binary", "is not valid UTF-8"),
        ("huge", "it has more than 131072 characters"),
        ("missing\0", "no such file"),
        ("x" * 300, "on the controller"),
    ):
        message = refused("crictl_pod", {"manifest": f"{tmp_path}/{name}"})
        assert expected in message
        assert message.isprintable()
        assert len(message) < 1000


@pytest.mark.parametrize("manifest", [None, "", "  "])
def test_a_missing_manifest_is_refused(refused, manifest):
    assert "requires a manifest" in refused("crictl_pod", {"manifest": manifest})
