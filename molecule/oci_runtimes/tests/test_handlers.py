# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the roles ran, and after a refused run that changed nothing."""

import json

testinfra_hosts = ["ansible://nodes"]


def test_the_program_is_installed_and_recorded(host):
    program = host.file("/usr/local/bin/sandbox")
    assert (program.mode, program.user) == (0o755, "root")
    record = json.loads(host.file("/var/lib/cri-node/handlers.json").content_string)
    assert list(record["files"]) == ["/usr/local/bin/sandbox"]
    assert record["files"]["/usr/local/bin/sandbox"]["sha256"] == program.sha256sum


def test_the_running_daemon_has_the_handlers(host):
    live = host.check_output("curl --silent --unix-socket /var/run/crio/crio.sock http://crio/config")
    assert 'runtime_path = "/usr/local/bin/sandbox"' in live
    assert "[crio.runtime.runtimes.old]" not in live
    info = json.loads(host.check_output("crictl info"))
    assert {"crun", "sandbox"} <= {each.get("name") for each in info["runtimeHandlers"]}
