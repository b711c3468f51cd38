# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands in the directory of a user and on the nodes of the demo."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.screen import Screen
from testbed import Node, NodeError, Result, TestBed
from testbed.playbooks import Run, ansible_playbook

OWN_FILES = Path(__file__).parent
INVENTORY = "hosts.ini"
LIMIT = 180  # seconds for one command
TASKS_FAILED = 2  # exit code of ansible-playbook


class Session:
    """Two nodes and the directory of a user. Each command is printed with an excerpt of its output."""

    def __init__(self, screen: Screen, test_bed: TestBed, folder: Path, programs: Path):
        """Write inventory and playbooks to `folder`, which must be empty. `programs`: the directory of ansible-playbook."""
        self.screen = screen
        self.nodes = test_bed.nodes()
        self.folder = folder
        self._test_bed = test_bed
        self._environment = {
            "PATH": f"{programs}:{os.environ.get('PATH', '')}",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_PIPELINING": "true",
            # The path of a socket can have at most 108 bytes.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "ssh"),
        }
        for playbook in OWN_FILES.glob("*.yml"):
            shutil.copy(playbook, folder)
        (folder / INVENTORY).write_text(_inventory(test_bed, self.nodes))

    def add_variables(self, name: str, path: str) -> None:
        """Move one of the copied files to its place in the inventory, and print it."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).rename(self.folder / path)
        self.show_file(path)

    def remove(self, path: str) -> None:
        """Remove a file of the directory."""
        self.screen.command(f"rm {path}")
        (self.folder / path).unlink()

    def show_file(self, path: str, limit: int = 24) -> None:
        """Print a file of the directory without the licence and the document start."""
        self.screen.command(f"cat {path}")
        text = (self.folder / path).read_text()
        self.screen.excerpt(text.partition("\n---\n")[2] or text, limit)

    def play(self, *arguments: str, show: tuple[str, ...], limit: int = 24, fails: bool = False) -> Run:
        """Run ansible-playbook, and print the plays and tasks of its output whose names contain one of these texts.

        `limit`: the maximum number of lines for each play or task. `fails`: tasks are expected to fail on some nodes.
        """
        self.screen.command(f"ansible-playbook -i {INVENTORY} {' '.join(arguments)}")
        run = ansible_playbook(
            "-i", INVENTORY, *arguments, env=self._environment, folder=self.folder, limit=LIMIT
        )
        for part in parts(run.out, show):
            self.screen.excerpt(part, limit)
        if run.rc != (TASKS_FAILED if fails else 0) or not run.stats:
            self.screen.failure(
                "tasks of the playbook fail" if fails else "the playbook succeeds",
                f"exit code {run.rc}\n{run.err[-600:]}\n{run.out[-800:]}",
            )
        return run

    def type_on_nodes(self, command: str, only: str = "", limit: int = 12) -> dict[str, Result]:
        """Run a command in a shell on every node, print the output of the first node, and return all results by node name.

        With `only`, print only lines that contain this text.
        """
        self.screen.command(command, f"{self.nodes[0].name}#")
        done = self.each(lambda node: node.run(command, limit=LIMIT))
        first = done[self.nodes[0].name]
        lines = [line for line in (first.out + first.err).splitlines() if only in line]
        self.screen.excerpt("\n".join(lines), limit)
        return done

    def type_on(self, node: Node, command: str) -> None:
        """Run a command in a shell on one node, and print it. Raises NodeError if it fails."""
        self.screen.command(command, f"{node.name}#")
        node.check(command)

    def copy_from(self, node: Node, path: str) -> Path:
        """Copy a file of a node into the directory, and print this; return its path there. Raises NodeError if it fails."""
        self.screen.command(f"scp root@{node.name}:{path} .")
        command = ["scp", *node.ssh_options, f"root@{node.address}:{path}", str(self.folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NodeError(f"{node.name}: scp {path}: {done.stderr.strip()}")
        return self.folder / Path(path).name

    @contextmanager
    def without_registry(self) -> Iterator[None]:
        """Stop the registry that the nodes pull from, and start it again in the end; print both."""
        self.screen.say("The registry is switched off.")
        with self._test_bed.without_registry():
            yield
        self.screen.say("The registry is switched on again.")

    def each(self, look: Callable[[Node], Any]) -> dict[str, Any]:
        """Return what `look` returns for each node, by node name. The calls run in parallel."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            return dict(zip([node.name for node in self.nodes], pool.map(look, self.nodes), strict=True))

    def of(self, run: Run, task: str, pick: Callable[[Mapping], Any]) -> dict[str, Any]:
        """Return what `pick` finds in the result of a task, by node name; None for a node without a result."""
        found = {}
        for node in self.nodes:
            try:
                found[node.name] = pick(run.of(task, node.name))
            except (KeyError, IndexError, TypeError):
                found[node.name] = None
        return found


def parts(output: str, words: tuple[str, ...]) -> list[str]:
    """Return the plays and tasks of Ansible's output, including the recap, whose first line contains one of these texts."""
    found = [part.strip() for part in re.split(r"^(?=TASK \[|PLAY )", output, flags=re.MULTILINE)]
    kept = [part for part in found if any(word in part.partition("\n")[0] for word in words)]
    return [re.sub(r" \*{4,}", "", part) for part in kept]


def _inventory(test_bed: TestBed, nodes: list[Node]) -> str:
    hosts = "\n".join(f"{node.name} ansible_host={node.address}" for node in nodes)
    return f"""[nodes]
{hosts}

[nodes:vars]
ansible_user=root
ansible_python_interpreter=/usr/bin/python3
ansible_ssh_private_key_file={test_bed.key}
ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes
"""
