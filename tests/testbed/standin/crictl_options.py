# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses options like Go programs: only before the arguments, with one or two dashes, switches in one word.

`crictl ps -o json NAME` has an argument; `crictl stats ID -o json` has three. Users of crictl stumble
over this, so it is not friendlier here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crictl_errors import UsageError

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)")
_SWITCH = {"1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True}
_SWITCH |= {"0": False, "f": False, "F": False, "false": False, "FALSE": False, "False": False}


def seconds(text: str) -> float:
    """Return the seconds of a Go duration like 1m30s; raise ValueError for anything else, including a bare number."""
    if not _DURATION.fullmatch(text):
        raise ValueError(text)
    parts = re.findall(r"([\d.]+)([a-zµ]+)", text)
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def written(duration: int) -> str:
    """Return whole seconds as a Go duration: 1m30s for 90."""
    minutes, rest = divmod(duration, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else "") + f"{rest}s"


@dataclass(frozen=True)
class Option:
    """One option. read: converts its text, None for a switch; many: each use adds to a list."""

    names: tuple[str, ...]
    read: Callable[[str], Any] | None
    default: Any
    many: bool = False
    environment: str = ""

    @property
    def name(self) -> str:
        """The long name."""
        return self.names[0]

    def __str__(self) -> str:
        return ", ".join(("--" if len(name) > 1 else "-") + name for name in self.names)


def switch(*names: str) -> Option:
    """Return a switch."""
    return Option(names, None, False)


def text(*names: str, default: str = "", environment: str = "") -> Option:
    """An option with a string."""
    return Option(names, str, default, environment=environment)


def texts(*names: str) -> Option:
    """An option with a string that may be repeated, or separated by commas."""
    return Option(names, lambda value: value.split(","), (), many=True)


def number(*names: str, default: int = 0) -> Option:
    """An option with an integer."""
    return Option(names, lambda value: int(value, 0), default)


def duration(*names: str, default: float = 0.0, environment: str = "") -> Option:
    """An option with a Go duration, in seconds."""
    return Option(names, seconds, default, environment=environment)


HELP = switch("help", "h")


@dataclass
class Options:
    """A parsed command line. given: the long names of the options that it or the environment sets."""

    values: dict[str, Any]
    arguments: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def parse(
    options: Sequence[Option], words: Sequence[str], environment: Mapping[str, str], bundles: bool = True
) -> Options:
    """Parse options up to the first argument. bundles: -aq means -a -q. Raises UsageError with Go's message."""
    known = {name: option for option in [*options, HELP] for name in option.names}
    read = Options({option.name: option.default for option in [*options, HELP]})
    for option in options:
        if environment.get(option.environment):
            read.values[option.name] = _value(option, option.name, environment[option.environment])
            read.given.add(option.name)
    rest = list(words)
    while rest and len(rest[0]) > 1 and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        name, _separator, value = word[2 if word.startswith("--") else 1 :].partition("=")
        if not name or name.startswith("-"):
            raise UsageError(f"bad flag syntax: {word}")
        if name not in known:
            if bundles and not word.startswith("--") and all(letter in known for letter in name):
                rest[:0] = [f"-{letter}" for letter in name]
                continue
            raise UsageError(f"flag provided but not defined: -{name}")
        option = known[name]
        if option.read and "=" not in word:
            if not rest:
                raise UsageError(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        made = _value(option, name, value if option.read or "=" in word else "true")
        read.values[option.name] = [*read.values[option.name], *made] if option.many else made
        read.given.add(option.name)
    read.arguments = rest
    return read


def _value(option: Option, name: str, value: str) -> Any:
    if option.read is None:
        if value not in _SWITCH:
            raise UsageError(f'invalid boolean value "{value}" for -{name}: parse error')
        return _SWITCH[value]
    try:
        return option.read(value)
    except ValueError:
        raise UsageError(f'invalid value "{value}" for flag -{name}: parse error') from None


def help_text(
    title: str, usage: str, sections: Mapping[str, Sequence[str]], options: Sequence[Option]
) -> str:
    """Return a help page. title: name and purpose; sections: lines before the options, by heading."""
    parts = [f"NAME:\n   {title}", f"USAGE:\n   {usage}"]
    parts += [f"{heading}:\n   " + "\n   ".join(lines) for heading, lines in sections.items()]
    parts += ["OPTIONS:\n   " + "\n   ".join(str(option) for option in [*options, HELP])]
    return "\n\n".join(parts)
