# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the part of roles that runs on the controller: their entry point `files` needs no node."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFile, DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.task.variable_layers import resolved

# The variables of settings, with their layers.
SETTINGS = (
    "^(crio_(config|service|environment|version|accept_keys)|registries_(config|openshift|auth|policy|namespaced_policies|signatures|certificates|storage"
    "|ca_certificates|ca_folder|warnings_are_errors)"
    "|crictl_(config|completion)|oci_runtimes_config|cni_network)(__.+)?$"
)


class Controller:
    """ansible-playbook of the environment that runs the tests, in a separate directory for each test."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def run(
        self, role: str, variables: dict, role_variables: dict | None = None
    ) -> subprocess.CompletedProcess:
        """Let a role print its file set for a node that is never contacted; `variables` are those of the command line."""
        entry = {"name": f"cri.node.{role}", "tasks_from": "files", "public": True}
        play = {
            "hosts": "node.example.com",
            "gather_facts": False,
            "vars": role_variables or {},
            "tasks": [
                {"ansible.builtin.include_role": entry},
                {
                    "name": "Show",
                    "ansible.builtin.debug": {
                        "msg": {
                            "files": f"{{{{ {role}_files }}}}",
                            "variables": "{{ dict(names | zip(values)) }}",
                        }
                    },
                    "vars": {
                        "names": f"{{{{ query('ansible.builtin.varnames', '{SETTINGS}') }}}}",
                        "values": "{{ query('ansible.builtin.vars', *names) }}",
                    },
                },
            ],
        }
        return self.play([play], variables)

    def play(self, plays: list[dict], variables: dict, *options: str) -> subprocess.CompletedProcess:
        """Run plays; return the finished process."""
        (self.folder / "play.json").write_text(json.dumps(plays))
        (self.folder / "variables.json").write_text(json.dumps(variables))
        return subprocess.run(
            [pathlib.Path(sys.executable).parent / "ansible-playbook", "-i", "node.example.com,",
             self.folder / "play.json", "-e", f"@{self.folder / 'variables.json'}", *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.folder), "ANSIBLE_INJECT_FACT_VARS": "false"},
        )  # fmt: skip

    def files(self, role: str, variables: dict, **more: dict) -> dict[str, DesiredFile]:
        """Return the file set of a role, by path."""
        done = self.run(role, variables, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        shown = done.stdout.split("ok: [node.example.com] => ", 1)[-1].rsplit("PLAY RECAP", 1)[0]
        shown = shown[shown.rindex("=> {") + 3 :] if "=> {" in shown else shown
        shown = json.loads(shown)["msg"]
        entries = resolved({"files": shown["files"]}, shown["variables"], lambda value: value)["files"]
        return DesiredFiles(entries).by_path

    def desired(self, role: str, variables: dict) -> list[str]:
        """Return the paths of the desired files of a role."""
        return [path for path, file in self.files(role, variables).items() if file.content]

    def expect_one_message(self, role: str, variables: dict, words: list[str]) -> str:
        """Expect that a role refuses the variables with these words, without a traceback or a node; return all output."""
        done = self.run(role, variables)
        output = done.stdout + done.stderr
        assert done.returncode == 2, output
        for each in words:
            assert each in output
        for noise in ("Traceback", "exception occurred", "UNREACHABLE"):
            assert noise not in output
        return output


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Controller:
    """Return ansible-playbook, to run the checks of a role."""
    return Controller(tmp_path)
