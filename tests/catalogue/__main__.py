# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of keys against a CRI-O: ``python -m catalogue [BINARY_OR_DIRECTORY] [--manual crio.conf.5.md]``.

Prints each difference on a line of its own. Without an argument, it uses the CRI-O that the nodes of the test bed get. Exits with
1 if there are differences, and with 0 if there is no CRI-O to compare with, which it says.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed.paths import link_collection

sys.path.insert(0, str(link_collection()))

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import (
    CATALOGUED_RANGE,
    Version,
    is_catalogued,
    parse_version,
)
from catalogue import compare
from testbed.source import SourceError, pick_source, program_version

PLACES = ("crio", "bin/crio", "cri-o/bin/crio")
MANUALS = ("crio.conf.5.md", "docs/crio.conf.5.md")
MISSING = "catalogue: nothing compared, because there is no CRI-O: give one with CRIO=/path/to/crio (a program or its directory)"
_LIMIT = 60  # seconds for a call of crio, which takes less than one


class CheckError(Exception):
    """The comparison cannot be made; one sentence."""


def main(arguments: list[str]) -> int:
    """Compare, and print the differences; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m catalogue", description=__doc__)
    parser.add_argument(
        "crio", nargs="?", default="", help="a crio program, or a directory that contains one"
    )
    parser.add_argument("--manual", default="", help="crio.conf.5.md of the same release")
    options = parser.parse_args(arguments)
    try:
        if options.crio:
            return _compare(_program(Path(options.crio)), _manual(options))
        source = pick_source()
        if source.standin:
            print(MISSING)
            return 0
        print(source)
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "crio"
            program.write_bytes(source.read("crio"))
            program.chmod(0o755)
            return _compare(program, _manual(options))
    except (CheckError, SourceError) as error:
        print(f"catalogue: {error}", file=sys.stderr)
        return 1


def _compare(program: Path, manual: str) -> int:
    version = _version(program)
    text = _defaults(program)
    found = compare.of_printed(text, version) + compare.of_binary(program.read_bytes(), text, version)
    found += compare.of_manual(manual, version) if manual else []
    print(
        *found,
        f"catalogue: {len(CATALOGUE.keys_of(version))} keys compared, {len(found)} differences",
        sep="\n",
    )
    return int(bool(found))


def _program(path: Path) -> Path:
    for each in [path] if path.is_file() else [path / place for place in PLACES]:
        if each.is_file():
            return each.resolve()
    raise CheckError(f"{path}: is neither a program nor a directory with one of {', '.join(PLACES)}")


def _manual(options: argparse.Namespace) -> str:
    named = [options.manual] if options.manual else [os.path.join(options.crio, place) for place in MANUALS]
    for path in map(Path, named):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    if options.manual:
        raise CheckError(f"{options.manual}: no such file")
    return ""


def _version(program: Path) -> Version:
    try:
        version = parse_version(program_version(program))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CheckError(f"{program}: {error}") from error
    if not is_catalogued(version):
        raise CheckError(f"{program}: CRI-O {version} is not in the catalogue, which has {CATALOGUED_RANGE}")
    return version


def _defaults(program: Path) -> str:
    """Return what `crio config --default` prints without any file, option or variable of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "crio.conf"
        empty.touch()
        (Path(folder) / "crio.conf.d").mkdir()
        command = [program, "--config", empty, "--config-dir", f"{folder}/crio.conf.d", "config", "--default"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONTAINER")}
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT, check=False, env=environment
        )
    if said.returncode or not re.search(r"^\[crio\]$", said.stdout, re.MULTILINE):
        last = (said.stderr.strip().splitlines() or ["it printed no configuration"])[-1]
        raise CheckError(f"{program} config --default: {last}")
    return said.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
