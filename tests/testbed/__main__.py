# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates, lists and removes nodes: ``python -m testbed up --nodes 3``."""

import argparse
import json
import os
import sys
from pathlib import Path

from testbed import bed, crio_packages, engine, images
from testbed.bed import TestBed
from testbed.node import NodeError
from testbed.source import SourceError, pick_source
from testbed.wait import NotReached


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="testbed", description="Nodes to test on.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument(
            "--prefix", default=bed.DEFAULT_PREFIX, help="name of the test bed (default: %(default)s)"
        )
        return made

    up = command("up", "Bring the test bed to this many nodes and wait until they are up.")
    up.add_argument("--nodes", type=int, default=1, metavar="N", help="how many nodes (default: %(default)s)")
    up.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="a node of this name instead; NAME:bare for one without CRI-O; repeatable",
    )
    up.add_argument("--bare", action="store_true", help="without CRI-O")
    command("down", "Remove nodes, registry, volumes, network and key. Images stay.").add_argument(
        "--all", action="store_true", help="of every test bed on this machine"
    )
    command("list", "One line for each node: name, address, CRI-O.")
    command("inventory", "Print an Ansible inventory of the nodes.")
    command("instances", "Print the nodes as Molecule's driver wants to read them.")
    command("shell", "A shell on a node.").add_argument("node", help="name of the node")
    command("ssh-command", "The ssh command that reaches a node.").add_argument(
        "node", help="name of the node"
    )
    packages = command("packages", "Put repositories with packages of CRI-O on a node without it.")
    packages.add_argument("node", help="name of the node")
    packages.add_argument("file", help="file for the variables of the role crio that install from them")
    command("source", "Say where nodes get their CRI-O from.")
    command("images", "Build the images, so that nodes start at once.")
    command("clean", "Remove every test bed and every image of theirs.")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = parser().parse_args(arguments)
    test_bed = TestBed(options.prefix, owner=os.environ.get("TESTBED_OWNER", ""))
    match options.command:
        case "up":
            print(f"testbed: {test_bed.source}", file=sys.stderr)
            if options.name:
                present = {node.name for node in test_bed.nodes()}
                wanted = [name.partition(":") for name in options.name]
                for bare in (False, True):
                    names = [
                        name for name, _colon, kind in wanted if bare == (options.bare or kind == "bare")
                    ]
                    test_bed.add(*[name for name in names if name not in present], crio=not bare)
            else:
                test_bed.up(options.nodes, crio=not options.bare)
            show(test_bed)
        case "down":
            for prefix in bed.prefixes() if options.all else [options.prefix]:
                TestBed(prefix).down()
        case "list":
            show(test_bed)
        case "inventory":
            print(bed.inventory_text(test_bed.inventory()), end="")
        case "instances":
            print(bed.inventory_text(molecule_instances(test_bed)), end="")
        case "shell":
            os.execvp(
                engine.engine(),
                [engine.engine(), "exec", "-it", test_bed.node(options.node).container, "bash"],
            )
        case "ssh-command":
            node = test_bed.node(options.node)
            print(" ".join(["ssh", *node.ssh_options, f"root@{node.address}"]))
        case "packages":
            variables = crio_packages.put_on(test_bed.node(options.node), test_bed.source)
            Path(options.file).write_text(json.dumps(variables, indent=2) + "\n")
        case "source":
            print(pick_source())
        case "images":
            print(images.crio_image(test_bed.source))
        case "clean":
            for prefix in bed.prefixes():
                TestBed(prefix).down()
            images.remove_images()
    return 0


def molecule_instances(test_bed: TestBed) -> list[dict]:
    """Return the nodes in the instance configuration format of Molecule's default driver."""
    return [
        {
            "instance": node.name,
            "address": node.address,
            "user": "root",
            "port": 22,
            "identity_file": str(node.key),
        }
        for node in test_bed.nodes()
    ]


def show(test_bed: TestBed) -> None:
    """Print the nodes."""
    for node in test_bed.nodes():
        print(f"{node.name}\t{node.address}\t{'CRI-O ' + node.crio if node.crio else 'bare'}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (engine.EngineError, NodeError, NotReached, SourceError, KeyError) as error:
        sys.exit(f"testbed: {error}")
