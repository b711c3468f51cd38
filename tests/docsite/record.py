# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes real output into the guides: `python -m docsite.record`, or `make docs-record`.

The guides are read from top to bottom, as a user would. On two nodes of the test bed, in one folder:

- a block whose caption is a file name is written to that file; the inventory gets the addresses of the nodes
- commands after `$ ` that call Ansible are run in the folder, and those after `# ` on node-1; one that fails stops the recording
- a block of the language ansible-output whose caption is a command gets what that prints
- a block of JSON whose caption is a file name gets the file that an earlier command wrote

Comments above a block change that: `.. recorded: prepare COMMAND` runs a command first, `.. recorded: fails` expects the
command to fail, `.. recorded: brief` leaves out the tasks that print nothing but how they ended, `.. recorded: show A | B`
keeps only the plays and tasks with one of these words in their first line.

Nothing in the output is edited but the names of the folder and of the collections' folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from docsite.blocks import GUIDES, Block, blocks
from testbed import Node, TestBed, bed
from testbed.paths import CHECKOUT, link_collection
from testbed.source import pick_source

# In this order each guide finds the nodes as the earlier ones leave them.
# The guide about changes pins an image.
ORDER = ("first_node", "logs", "images", "changes", "registries", "reports", "awx", "troubleshooting")
INVENTORY = "hosts.ini"
REGISTRY = (
    "registry.example.com"  # as the guides name it; the nodes find the test bed's registry under this name
)
# What the user's folder and the collections' folder are called in the guides.
FOLDER = "/home/ops/nodes"
COLLECTIONS = "/home/ops/.ansible/collections"
SETTINGS = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}  # as the guide about reports says
LIMIT = 300  # seconds for one command

# A line of a task other than `ok: [node-1]`, and the like.
_SAYS_MORE = re.compile(r"^(?!(?:ok|changed|skipping|included): .*$)\S", re.MULTILINE)
_FILE = re.compile(r"[\w./-]+\.(?:yml|ini)")


class RecordError(Exception):
    """A command of a guide did not end as the guide expects."""


class Recorder:
    """Follows guides: `run` executes a command in the user's folder, `run_on_node` one on the first node.

    Both return the exit status and the output.
    """

    def __init__(
        self,
        folder: Path,
        inventory: str,
        run: Callable[[str], tuple[int, str]],
        run_on_node: Callable[[str], tuple[int, str]],
    ):
        self.folder = folder
        self.inventory = inventory
        self.run = run
        self.run_on_node = run_on_node

    def play(self, guide: Path) -> str:
        """Follow a guide to its end; return its text with the recorded output. Raises RecordError."""
        text = guide.read_text(encoding="utf-8")
        shift = 0
        for block in blocks(guide):
            recorded = self._follow(block)
            if recorded is None:
                continue
            start, end = block.span
            # As a browser shows it: without tabs and spaces at the ends of lines.
            lines = [line.expandtabs().rstrip() for line in recorded.rstrip("\n").split("\n")]
            indented = textwrap.indent("\n".join(lines), "    ", lambda line: bool(line.strip()))
            text = text[: start + shift] + indented + text[end + shift :]
            shift += len(indented) - (end - start)
        return text

    def _follow(self, block: Block) -> str | None:
        """Execute a block; return its new text, or None if the text stays the same."""
        notes = dict(block.notes)
        if "prepare" in notes:
            self._expect(block, notes["prepare"], self.run)
        if block.language == "console":
            self._type(block)
        elif block.language == "ansible-output":
            output = self._expect(block, block.caption.removeprefix("$ "), self.run, "fails" in notes)
            if "brief" in notes:
                output = brief(output)
            if "show" in notes:
                output = excerpt(output, notes["show"].split(" | "))
            return output.replace(str(self.folder), FOLDER).replace(str(link_collection()), COLLECTIONS)
        elif block.language == "json" and block.caption:
            return (self.folder / block.caption).read_text(encoding="utf-8")
        elif _FILE.fullmatch(block.caption):
            path = self.folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.inventory if block.caption == INVENTORY else block.text, encoding="utf-8")
        return None

    def _type(self, block: Block) -> None:
        for line in block.text.splitlines():
            # Installing the collection is not what is shown here: the checkout takes its place.
            if re.match(r"\$ (?:\w+=\w+ )*ansible(?:-playbook)? ", line):
                self._expect(block, line[2:], self.run)
            elif line.startswith("# "):
                self._expect(block, line[2:], self.run_on_node)

    def _expect(
        self, block: Block, command: str, run: Callable[[str], tuple[int, str]], fails: bool = False
    ) -> str:
        print(f"{block}: {command}", flush=True)
        status, output = run(command)
        if bool(status) != fails:
            raise RecordError(f"{block}: {command}: exit status {status}\n{output}")
        return output


def excerpt(output: str, words: list[str]) -> str:
    """Return the plays and tasks of Ansible's output, including its recap, whose first line contains one of these words.

    Raises RecordError if there are none.
    """
    kept = [part for part in _parts(output) if any(word in part.partition("\n")[0] for word in words)]
    if not kept:
        raise RecordError(f"no play or task with {' or '.join(words)} in:\n{output}")
    return "\n\n".join(kept) + "\n"


def brief(output: str) -> str:
    """Return the output without plays and tasks that only print their status on each host."""
    return "\n\n".join(part for part in _parts(output) if _SAYS_MORE.search(part.partition("\n")[2])) + "\n"


def _parts(output: str) -> list[str]:
    """Return plays, tasks, the recap and the statistics of Ansible's output, each with its heading."""
    parts = re.split(r"^(?=TASK \[|PLAY |CUSTOM STATS)", output, flags=re.MULTILINE)
    return [part.strip("\n") for part in parts]


def _runner(folder: Path) -> Callable[[str], tuple[int, str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection()),
        "ANSIBLE_HOME": str(folder / ".ansible"),
        "ANSIBLE_NOCOLOR": "1",
        **SETTINGS,
    }

    def run(command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def _run_on(node: Node) -> Callable[[str], tuple[int, str]]:
    def run(command: str) -> tuple[int, str]:
        done = node.run(command, limit=LIMIT)
        return done.rc, done.out + done.err

    return run


def _inventory(test_bed: TestBed, nodes: list[Node]) -> str:
    hosts = "\n".join(f"{node.name} ansible_host={node.address} ansible_user=root" for node in nodes)
    return f"""[nodes]
{hosts}

[nodes:vars]
ansible_python_interpreter=/usr/bin/python3
ansible_ssh_private_key_file={test_bed.key}
ansible_ssh_common_args=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes
"""


def main() -> int:
    """Return the exit status; no guide is written unless all of them were followed to their end."""
    print(f"docs-record: two nodes with {pick_source()}", flush=True)
    bed.sweep()
    test_bed = TestBed(f"docs-{os.getpid()}", owner=bed.owner_mark())
    try:
        nodes = test_bed.up(2)
        for node in nodes:
            node.check(
                f"echo $(getent hosts {bed.UNLISTED_REGISTRY} | cut -d ' ' -f 1) {REGISTRY} >>/etc/hosts"
            )
        # Short, for the sockets of ssh in it.
        with tempfile.TemporaryDirectory(prefix="docs-") as name:
            folder = Path(name)
            recorder = Recorder(folder, _inventory(test_bed, nodes), _runner(folder), _run_on(nodes[0]))
            guides = [GUIDES / f"{guide}.rst" for guide in ORDER]
            played = {guide: recorder.play(guide) for guide in guides}
    except RecordError as error:
        print(f"docs-record: {error}", file=sys.stderr)
        return 1
    finally:
        test_bed.down()
    for guide, text in played.items():
        guide.write_text(text, encoding="utf-8")
    print(f"docs-record: {len(played)} guides in {GUIDES.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
