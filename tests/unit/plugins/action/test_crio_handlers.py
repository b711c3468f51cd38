# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what crio_handlers and cni_plugins check on the controller, what they send to the node, and what they return."""

import hashlib

import pytest

HANDLERS = {
    "changed": True,
    "handlers": {"mine": {"path": "/usr/local/bin/mine", "version": "1.4.2"}},
    "files": {"/usr/local/bin/mine": [None, "a" * 64]},
    "packages": ["crun"],
    "removed": [],
    "pending": [],
    "notes": ["a note"],
}
PLUGINS = {
    "changed": True,
    "directory": "/opt/cni/bin",
    "package": None,
    "files": ["/opt/cni/bin/bridge"],
    "notes": [],
}


@pytest.fixture
def source(tmp_path):
    """Return (the path of a file on the controller, its SHA-256)."""
    path = tmp_path / "source"
    path.write_text("content")
    return str(path), hashlib.sha256(b"content").hexdigest()


def test_a_file_of_the_controller_is_only_sent_if_the_node_needs_it(run, source):
    path, sha256 = source
    handlers = {"mine": {"kind": "runc", "source": path, "sha256": {"amd64": sha256}}}
    task = run("crio_handlers", {"handlers": handlers}, lambda _request: dict(HANDLERS))
    assert len(task.calls) == 1
    assert task.calls[0]["request"]["sent"] == {}

    def answer(request):
        if not request["sent"]:
            return {"changed": False, "needed": ["/usr/local/bin/mine"], "architecture": "amd64"}
        return dict(HANDLERS)

    task = run("crio_handlers", {"handlers": handlers}, answer)
    assert len(task.calls) == 2
    assert list(task.calls[1]["request"]["sent"]) == ["/usr/local/bin/mine"]
    assert task.result["changed"] is True


def test_the_result_has_the_objects_warnings_and_a_diff(run):
    task = run("crio_handlers", {"handlers": '{"kata": {}}'}, lambda _request: dict(HANDLERS), diff=True)
    assert task.result["runtime_classes"][0]["overhead"] == {"podFixed": {"cpu": "250m", "memory": "160Mi"}}
    assert task.result["warnings"] == ["a note"]
    file, packages = task.result["diff"]
    assert (file["after_header"], file["before"], file["after"]) == (
        "/usr/local/bin/mine",
        "",
        f"SHA-256 {'a' * 64}\n",
    )
    assert packages["after"] == "crun\n"


@pytest.mark.parametrize(
    ("module", "options", "expected"),
    [
        ("crio_handlers", {"handlers": {"crunn": {}}}, "crunn: is not a known runtime; did you mean crun?"),
        ("crio_handlers", {"handlers": "crun"}, "handlers: is a string that does not contain a mapping"),
        ("crio_handlers", {"handlers": ["crun"]}, "handlers: is a list, not a mapping"),
        ("cni_plugins", {"network": {"subnets": ["10.1.0.1/16"]}}, "has bits of a host"),
        ("cni_plugins", {"install": "archive"}, "cni_plugins: archive.source: is missing, but required with install: archive"),
        ("cni_plugins", {"archive": {"source": "x"}}, "cni_plugins: archive.source: has no effect with install: preinstalled"),
        ("cni_plugins", {"install": "archive", "archive": {"source": "x", "sha256": {"amd64": "1"}}},
         'archive.sha256.amd64 = "1": is not a SHA-256'),
        ("cni_plugins", {"directory": "opt"}, 'directory = "opt": is not a path on the node'),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(refused, module, options, expected):
    assert expected in refused(module, options)


def test_a_missing_file_and_a_wrong_hash_are_named(run, source):
    path, _sha256 = source

    def answer(_request):
        return {"changed": False, "needed": ["/usr/local/bin/mine"], "architecture": "amd64"}

    missing = {"mine": {"kind": "runc", "source": "/nowhere/at-all", "sha256": "0" * 64}}
    task = run("crio_handlers", {"handlers": missing}, answer)
    assert "the file /nowhere/at-all does not exist on the controller" in task.result["msg"]
    wrong = {"mine": {"kind": "runc", "source": path, "sha256": "0" * 64}}
    task = run("crio_handlers", {"handlers": wrong}, answer)
    assert task.result["msg"].startswith("oci_runtimes_config: mine: ")
    assert f"not {'0' * 64}" in task.result["msg"]


def test_the_plugins_that_the_network_needs_are_asked_for(run):
    options = {"network": {"subnets": ["10.85.0.0/16"], "portmap": False}}
    task = run("cni_plugins", options, lambda _request: dict(PLUGINS), diff=True)
    assert task.calls[0]["request"]["required"] == ["bridge", "host-local"]
    assert task.result["diff"]["after"] == "/opt/cni/bin/bridge\n"
    task = run("cni_plugins", {}, lambda _request: dict(PLUGINS))
    assert task.calls[0]["request"]["required"] == []


def test_an_archive_of_the_controller_is_sent_if_the_node_needs_it(run, source):
    path, sha256 = source

    def answer(request):
        return (
            dict(PLUGINS) if request["sent"] else {"changed": False, "needed": True, "architecture": "amd64"}
        )

    task = run(
        "cni_plugins",
        {"install": "archive", "archive": {"source": path, "sha256": {"amd64": sha256}}},
        answer,
    )
    assert len(task.calls) == 2
    assert task.result["changed"] is True
