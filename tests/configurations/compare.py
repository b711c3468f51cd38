# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the check of crio.conf on the controller with CRI-O's own verdict, and sorts each configuration into an outcome."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from configurations.crio import Verdict
from configurations.generate import Configuration

BOTH, REFUSED, MISSED, FALSE = "accepted by both", "refused by both", "missed", "refused here alone"
# These are no disagreement, and counted apart.
NODE = "refused for this machine alone: a path, a program or a device that it lacks"
ANOTHER_FILE = "refused without another file, which may set what this one lacks"
STRICTER = "stricter here: CRI-O starts, and silently does something else"
OUTCOMES = (BOTH, REFUSED, MISSED, FALSE, NODE, ANOTHER_FILE, STRICTER)
# The check's own words for a value that CRI-O takes without a word, and does not use as it is meant: (words, what CRI-O does).
SILENT: tuple[tuple[str, str], ...] = (
    ("silently", "the message says what it does"),
    ("is a number, which CRI-O reads as nanoseconds", "the number is nanoseconds"),
    (
        "is out of range; accepted: an integer from 1$",
        "0 or less becomes the default of grpc_max_recv_msg_size, grpc_max_send_msg_size",
    ),
    ("is not NAME=value", "the variable is not set"),
    ("contains a NUL character", "everything that gets it ends there"),
    ("is accepted by CRI-O, but", "the message says what fails later"),
    (
        "which only logs it and",
        "before 1.35, unknown metrics of pods are only logged when somebody asks for them",
    ),
    (r"(default_annotations|platform_runtime_paths)\b.*, not a mapping", "the mapping is empty"),
    ("cpu(period|shares) = -", "the number is one of 64 bits without a sign, some centuries"),
    ("shared_cpuset.*: is not a list of CPUs", "each container that asks for shared CPUs fails"),
    ("metrics_port = .*: is out of range", "with enable_metrics there are no metrics"),
    (
        "metrics_socket: is longer than the path of a socket can be",
        "with enable_metrics there are no metrics",
    ),
)
# CRI-O's words for a key that the configuration does not set and another file of the node may: (words, the key). A handler's name
# is part of the words.
_ANOTHER_FILE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("stream TLS cert path is empty", ("crio", "api", "stream_tls_cert")),
    ("stream TLS key path is empty", ("crio", "api", "stream_tls_key")),
    (
        r"no runtime entry table \[crio\.runtime\.runtimes\.(?P<name>.*)\]",
        ("crio", "runtime", "runtimes", "*"),
    ),
    ("vfs driver does not support", ("crio", "storage_driver")),  # the sandbox's storage.conf has vfs
)


@dataclass(frozen=True)
class Comparison:
    """A configuration with both verdicts. problems: the sentences of the check here."""

    configuration: Configuration
    problems: list[str]
    verdict: Verdict
    outcome: str


def compare(configuration: Configuration, version: str, judge: Callable[[str], Verdict]) -> Comparison:
    """Ask both. judge: Crio.judge, which takes the text of a crio.conf."""
    checked = crio_conf.check([("crio_config", configuration.data)], version)
    problems = [str(problem) for problem in checked.problems]
    # What is accepted is written as the collection writes it; what is refused has to be shown to CRI-O as it was given.
    try:
        verdict = judge(toml.dumps(configuration.data if problems else checked.data))
    except toml.TomlError as error:
        verdict = Verdict("config", f"no TOML can hold this: {error}")
    return Comparison(configuration, problems, verdict, _outcome(problems, verdict, configuration.data))


def _outcome(problems: list[str], verdict: Verdict, data: dict[str, Any]) -> str:
    if problems and verdict.accepted:
        return STRICTER if all(_is_silent(problem) for problem in problems) else FALSE
    if problems:
        return REFUSED
    if verdict.accepted:
        return BOTH
    if _another_file_may_set_it(verdict.words, data):
        return ANOTHER_FILE
    return NODE if verdict.about_the_node else MISSED


def _another_file_may_set_it(said: str, data: dict[str, Any]) -> bool:
    for words, path in _ANOTHER_FILE:
        found = re.search(words, said)
        if found and not _has(data, [found["name"] if name == "*" else name for name in path]):
            return True
    return False


def _has(data: dict[str, Any], path: list[str]) -> bool:
    found: Any = data
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found is not None


def _is_silent(problem: str) -> bool:
    return any(re.search(words, problem) for words, _what in SILENT)
