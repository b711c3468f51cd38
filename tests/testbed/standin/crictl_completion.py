# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion of commands and global options for three shells."""

from typing import Any

from crictl_errors import CrictlError, HelpWanted
from crictl_options import HELP, Options
from crictl_settings import GLOBAL_OPTIONS

_BASH = """_crictl() {
    COMPREPLY=( $(compgen -W "%s" -- "${COMP_WORDS[COMP_CWORD]}") )
}
complete -F _crictl crictl"""
_ZSH = """#compdef crictl
_crictl() {
  local -a words_of_crictl
  words_of_crictl=(%s)
  _describe 'crictl' words_of_crictl
}
compdef _crictl crictl"""


def completion(client: Any, options: Options) -> None:
    """crictl completion; for bash where no shell is named."""
    from crictl_commands import COMMANDS  # it has this command in it

    if len(options.arguments) > 1:
        raise HelpWanted
    purposes = {name: command.purpose for name, command in COMMANDS.items()}
    purposes |= {alias: command.purpose for command in COMMANDS.values() for alias in command.aliases}
    flags = [f"--{option.name}" for option in [*GLOBAL_OPTIONS, HELP]] + ["--version"]
    match (options.arguments or ["bash"])[0]:
        case "bash":
            print(_BASH % "\n".join([*purposes, *flags]))
        case "zsh":
            print(_ZSH % " ".join([*(f"'{name}:{purpose}'" for name, purpose in purposes.items()), *flags]))
        case "fish":
            print("# crictl fish shell completion")
            for name, purpose in purposes.items():
                print(f"complete -c crictl -n __fish_use_subcommand -f -a {name} -d '{purpose}'")
            for flag in flags:
                print(f"complete -c crictl -n __fish_use_subcommand -f -l {flag[2:]}")
        case _:
            raise CrictlError("only bash, zsh or fish are supported")
