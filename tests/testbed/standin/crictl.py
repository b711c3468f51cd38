# SPDX-License-Identifier: GPL-3.0-or-later
"""A crictl for nodes without one: it speaks CRI to any runtime and prints what crictl 1.36 prints.

tests/integration/test_standin_crictl.py compares it with the real one. It does not have: the commands that nobody here
needs (attach, checkpoint, config, events, metricdescs, metricsp, port-forward, update), YAML and templates, exec as a stream.
"""

import os
import sys
from collections.abc import Sequence

from crictl_client import Client
from crictl_commands import COMMANDS, Command
from crictl_errors import CrictlError, HelpWanted, UsageError, log
from crictl_options import help_text, parse, switch
from crictl_settings import GLOBAL_OPTIONS, settle

VERSION = "v1.36.0"
_OPTIONS = [*GLOBAL_OPTIONS, switch("version", "v")]


def main(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit status."""
    try:
        _run(arguments)
        sys.stdout.flush()
    except CrictlError as error:
        sys.stdout.flush()
        if error.logged:
            log("fatal", str(error))
        else:
            print(error, file=sys.stderr)
        return error.code
    except BrokenPipeError:
        # Whoever read the output has gone, as with crictl ps | head; leave nothing for the interpreter to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    return 0


def _run(arguments: Sequence[str]) -> None:
    try:
        options = parse(_OPTIONS, arguments, os.environ, bundles=False)
    except UsageError as error:
        print(f"Incorrect Usage: {error}\n\n{_help()}\n")
        raise
    if options["version"]:
        print(f"crictl version {VERSION}")
        return
    if options["help"]:
        print(_help())
        return
    settings = settle(options, os.path.dirname(os.path.abspath(sys.argv[0])))
    name, *rest = options.arguments or ["help"]
    if name in ("help", "h"):
        print(_help(*rest[:1]))
        return
    name, command = _find(name)
    try:
        chosen = parse(command.options, rest, os.environ, command.bundles)
        if chosen["help"]:
            raise HelpWanted
        command.run(Client(settings), chosen)
    except HelpWanted:
        print(_help(name))
    except UsageError as error:
        print(f"Incorrect Usage: {error}\n\n{_help(name)}\n")
        raise


def _find(name: str) -> tuple[str, Command]:
    for known, command in COMMANDS.items():
        if name == known or name in command.aliases:
            return known, command
    raise CrictlError(f"No help topic for '{name}'", code=3, logged=False)


def _help(name: str = "") -> str:
    if not name:
        commands = [f"{each:<22} {command.purpose}" for each, command in COMMANDS.items()]
        sections = {"VERSION": [VERSION], "COMMANDS": commands}
        usage = "crictl [global options] command [command options]"
        return help_text("crictl - client for CRI", usage, sections, _OPTIONS)
    name, command = _find(name)
    usage = f"crictl {name} [command options] {command.arguments}".rstrip()
    return help_text(f"crictl {name} - {command.purpose}", usage, {}, command.options)
