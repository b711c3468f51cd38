# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that CRI-O is found from its unit in systemd, in every form that the unit may have."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service

EXEC_START = (
    "{{ path=/usr/local/bin/crio ; argv[]=/usr/local/bin/crio {arguments} ; ignore_errors=no ;"
    " start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }}"
)


def service(tmp_path, monkeypatch, arguments="", environment="", file="", **properties):
    """Return a CrioService for this output of systemctl show."""
    path = tmp_path / "crio"
    path.write_text(file)
    shown = {
        "LoadState": "loaded",
        "ExecStart": EXEC_START.format(arguments=arguments),
        "Environment": environment,
        "EnvironmentFiles": f"{path} (ignore_errors=yes)",
        **properties,
    }
    output = "".join(f"{name}={value}\n" for name, value in shown.items())
    monkeypatch.setattr(crio_service, "run", lambda *_arguments, **_named: (0, output, ""))
    return crio_service.CrioService()


@pytest.mark.parametrize(
    ("arguments", "environment", "file", "config", "directory", "options"),
    [
        pytest.param("", "", "", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d", [], id="no options"),
        pytest.param(
            "--config /a.conf -d /a.d --log-level debug", "", "", "/a.conf", "/a.d", ["--log-level", "debug"],
            id="options of their own",
        ),
        pytest.param("--config=/a.conf --config-dir=/a.d/", "", "", "/a.conf", "/a.d", [], id="options with equals"),
        pytest.param(
            "$CRIO_CONFIG_OPTIONS $CRIO_RUNTIME_OPTIONS",
            "",
            'CRIO_CONFIG_OPTIONS="--config /b.conf"\n# CRIO_RUNTIME_OPTIONS=--nothing\n',
            "/b.conf", "/etc/crio/crio.conf.d", [],
            id="options from an environment file",
        ),
        pytest.param(
            "${ONE}", "ONE=--log-level=debug", "", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d", ["--log-level=debug"],
            id="a variable in braces stays one word",
        ),
        pytest.param(
            "", "CONTAINER_CONFIG=/c.conf", "CONTAINER_CONFIG_DIR=/c.d\n", "/c.conf", "/c.d", [],
            id="paths from the daemon's environment",
        ),
    ],
)  # fmt: skip
def test_configuration_paths_and_options_come_from_the_unit(
    tmp_path, monkeypatch, arguments, environment, file, config, directory, options
):
    found = service(tmp_path, monkeypatch, arguments, environment, file)
    assert (found.config_path, found.config_directory) == (config, directory)
    assert found.options == options


@pytest.mark.parametrize(
    ("arguments", "environment", "is_named"),
    [("", "", False), ("-c /a", "", True), ("--config-dir /d", "", False), ("", "CONTAINER_CONFIG=/a", True)],
)
def test_a_named_configuration_file_is_told_from_the_default_one(
    tmp_path, monkeypatch, arguments, environment, is_named
):
    found = service(tmp_path, monkeypatch, arguments, environment)
    assert found.config_is_named is is_named
    assert found.environment_files == [str(tmp_path / "crio")]


def test_a_unit_with_a_queued_job_is_not_active(tmp_path, monkeypatch):
    assert service(tmp_path, monkeypatch, ActiveState="active", Job="0").active
    assert not service(tmp_path, monkeypatch, ActiveState="active", Job="1742").active


def test_the_socket_is_that_of_the_last_file(tmp_path, monkeypatch):
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "10-a.conf").write_text('[crio.api]\nlisten = "/run/a.sock"\n[crio.image]\nlisten = "/no"\n')
    (folder / "20-b.conf").write_text("[crio.api]\n  listen = '/run/b.sock' # theirs\n")
    found = service(tmp_path, monkeypatch, f"--config-dir {folder}")
    assert found.socket == "/run/b.sock"
    (folder / "15").mkdir()
    (folder / "15" / "x").write_text('[crio.api]\nlisten = "/run/x.sock"\n')
    assert found.socket == "/run/b.sock"  # a folder is entered at its place
    assert service(tmp_path, monkeypatch, "--listen /run/c.sock").socket == "/run/c.sock"


def test_a_program_that_times_out_is_a_status_and_not_an_exception():
    status, _output, error = crio_service.run(["sleep", "30"], timeout=0.1)
    assert status == 124
    assert "sleep 30 did not finish within 0.1 s" in error
    assert crio_service.run(["/no/such/program"])[0] == 127
