# SPDX-License-Identifier: GPL-3.0-or-later
"""A node for tests of the image modules: its images are a file, and its programs are those of fake_programs.py."""

import contextlib
import importlib
import io
import json
import os
import sys
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils import basic

PROGRAMS = Path(__file__).with_name("fake_programs.py")


class FakeNode:
    """state: see fake_programs.py. Programs besides crictl are installed with install()."""

    def __init__(self, folder: Path, socket_path: str):
        self.folder, self.socket_path = folder, socket_path
        (folder / "bin").mkdir(parents=True)
        self.change(runtime="cri-o", images=[], containers=[], registry={})
        self.install("crictl")

    def install(self, name: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {PROGRAMS} {name} "$@"\n')
        path.chmod(0o755)

    @property
    def state(self) -> dict:
        return json.loads((self.folder / "state.json").read_text())

    def change(self, **changes) -> None:
        state = self.state if (self.folder / "state.json").exists() else {}
        (self.folder / "state.json").write_text(json.dumps({**state, **changes}))

    def add(self, identity: str, *tags: str, digests: tuple[str, ...] = (), **more) -> str:
        prefix = "" if self.state["runtime"] == "cri-o" else "sha256:"
        image = {"id": prefix + identity * 32, "repoTags": list(tags), "repoDigests": list(digests)}
        self.change(images=[*self.state["images"], {**image, "size": "1000", "pinned": False, **more}])
        return image["id"]

    def use(self, image_id: str, name: str = "web", state: str = "RUNNING") -> None:
        container = {
            "id": f"{len(self.state['containers']):064x}",
            "metadata": {"name": name},
            "podSandboxId": "p",
            "image": {"image": image_id},
            "imageId": image_id,
            "state": f"CONTAINER_{state}",
            "labels": {"io.kubernetes.pod.name": "shop-1", "io.kubernetes.pod.namespace": "shop"},
        }
        self.change(containers=[*self.state["containers"], container])

    def tags(self) -> list[str]:
        return sorted(tag for image in self.state["images"] for tag in image["repoTags"])

    def calls(self, program: str = "crictl") -> list[list[str]]:
        """Return the arguments of each call of a program, without crictl's own options."""
        path = self.folder / "calls.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        found = [each["arguments"] for each in lines if each["program"] == program]
        return [each[8:] for each in found] if program == "crictl" else found

    def run(self, module: str, check: bool = False, diff: bool = False, **arguments) -> dict:
        """Return the result of a module with these arguments, which runs in this process."""
        more = {"_ansible_check_mode": check, "_ansible_diff": diff}
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **more}}).encode()
        main = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{module}").main
        printed = io.StringIO()
        warnings: list[str] = []  # Ansible keeps those of the whole process
        path = os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"])
        with (
            mock.patch.multiple(basic, _ANSIBLE_ARGS=given, _ANSIBLE_PROFILE="legacy", create=True),
            mock.patch.object(basic.AnsibleModule, "warn", lambda _module, text: warnings.append(text)),
            mock.patch.dict(os.environ, PATH=path, FAKE_IMAGES=str(self.folder)),
            contextlib.redirect_stdout(printed),
            pytest.raises(SystemExit),
        ):
            main()
        result = json.loads(printed.getvalue())
        result.pop("invocation", None)
        return {**result, "warnings": warnings}

    def image(self, check: bool = False, secrets: dict | None = None, **request) -> dict:
        """Return the result of node_crictl_image for a request."""
        request = {"endpoint": self.socket_path, "state": "present", "pull_timeout": 10, **request}
        return self.run("node_crictl_image", check, request=request, secrets=secrets or {})
