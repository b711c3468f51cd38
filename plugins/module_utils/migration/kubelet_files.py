# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in which a node's kubelet is told its CRI socket and its cgroup driver: read, and edited line by line.

Everything else in them stays as it is: comments, order, unknown keys, quotes. What cannot be edited safely is refused beforehand.

Sources: KubeletConfiguration (kubelet.config.k8s.io/v1beta1), the kubelet's options, and what kubeadm writes: config.yaml,
instance-config.yaml, kubeadm-flags.env, and the unit's 10-kubeadm.conf, which reads KUBELET_EXTRA_ARGS of the distribution's
file.
"""

from __future__ import annotations

import os
import re

from .. import kubelet, node_files
from ..errors import NodeError
from ..kubelet import socket_path
from ..text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Edits = dict[str, tuple[str, str]]  # by path: the content before, and after

#: kubeadm merges it into config.yaml at its next upgrade
INSTANCE = "/var/lib/kubelet/instance-config.yaml"
#: in the order of the kubelet's command line, on which the last of equal options counts
FLAG_FILES = ("/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet")
_LARGEST = 1024 * 1024  # bytes of one file
# By what is set: its option, and its key in a configuration.
_ENDPOINT = ("container-runtime-endpoint", "containerRuntimeEndpoint")
_IMAGES = ("image-service-endpoint", "imageServiceEndpoint")
_DRIVER = ("cgroup-driver", "cgroupDriver")
_VALUE = r"""(?P<quote>["']?)(?P<value>[^\s"'#&*!|>%@`{}\[\],\\]+)(?P=quote)"""
_FIRST_KEY = re.compile(r"""^["']?(?:apiVersion|kind)["']?[ \t]*:""", re.MULTILINE)


class KubeletRefused(NodeError):
    """The kubelet's files cannot be edited safely; the message names the file and what to do. Nothing was changed."""


class Kubelet:
    """The files of a node's kubelet at one moment. root: of the paths, "" for the node's own. proc: where processes are."""

    def __init__(self, root: str = "", proc: str = "/proc") -> None:
        self._root = root
        self.given = kubelet.options(proc)
        main, *drop_ins = kubelet.configuration_files(self.given)
        self._main = main
        self.configurations = self._read([main, *drop_ins])
        self.instance = self._read([INSTANCE])
        self.flags = self._read(FLAG_FILES)

    @property
    def exists(self) -> bool:
        """Whether the node has a kubelet: it runs, or has a configuration."""
        return bool(self.given or self.configurations or self.flags)

    @property
    def endpoint(self) -> tuple[str, str]:
        """(The path of the CRI socket, the file that sets it), or ("", "") if none does. An option outranks a configuration."""
        value, place = self._found(_ENDPOINT)
        return socket_path(value), place

    @property
    def driver(self) -> tuple[str, str]:
        """(The cgroup driver, the file that sets it), or ("", "") if none does: the kubelet's own default is cgroupfs."""
        return self._found(_DRIVER)

    @property
    def node_name(self) -> str:
        """The name of the node in its cluster: that of --hostname-override, else the host name in lower case."""
        for text in reversed(list(self.flags.values())):
            found = _in_flags(text, "hostname-override")
            if found:
                return found
        return self.given.get("hostname-override") or os.uname().nodename.lower()

    def edits(self, endpoint: str, driver: str) -> Edits:
        """Return what has to be written so that the kubelet uses this endpoint (unix://...) and cgroup driver ("": left alone).

        Raises KubeletRefused.
        """
        self._refuse_foreign()
        after = {**self.configurations, **self.instance, **self.flags}
        for setting, value in ((_ENDPOINT, endpoint), (_IMAGES, endpoint), (_DRIVER, driver)):
            if value and not self._is(setting, value):
                self._edit(after, setting, value)
        before = {**self.configurations, **self.instance, **self.flags}
        return {path: (before[path], text) for path, text in after.items() if text != before[path]}

    def _edit(self, after: dict[str, str], setting: tuple[str, str], value: str) -> None:
        option, key = setting
        was_set = False
        for path in self.flags:
            after[path], count = _with_flag(path, after[path], option, value)
            was_set = was_set or count > 0
        for path in (*self.configurations, *self.instance):
            after[path], count = _with_key(path, after[path], key, value)
            was_set = was_set or (count > 0 and path not in self.instance)
        if was_set or setting == _IMAGES:
            return
        if setting == _DRIVER and value == "cgroupfs":
            return  # the kubelet's own default
        if self._main not in self.configurations:
            raise KubeletRefused(
                f"no file of the kubelet sets --{option}, and {self._main}, where {key} could be set, does not exist."
                " Nothing was changed"
            )
        after[self._main] = _with_line(self._main, after[self._main], key, value)

    def _is(self, setting: tuple[str, str], value: str) -> bool:
        """Return whether each place that sets this has the value, and at least one does."""
        option, key = setting
        values = [_in_flags(text, option) for text in self.flags.values()]
        values += [_in_yaml(text, key) for text in (*self.configurations.values(), *self.instance.values())]
        found = [socket_path(each) if setting != _DRIVER else each for each in values if each]
        wanted = value if setting == _DRIVER else socket_path(value)
        if self._mentions(setting) != len(found):
            return False  # a form that is not understood, which the edit refuses
        return bool(found) and all(each == wanted for each in found)

    def _mentions(self, setting: tuple[str, str]) -> int:
        option, key = setting
        flagged = sum(bool(_flag_lines(text, option)) for text in self.flags.values())
        return flagged + sum(
            bool(_key_lines(text, key)) for text in (*self.configurations.values(), *self.instance.values())
        )

    def _found(self, setting: tuple[str, str]) -> tuple[str, str]:
        option, key = setting
        for path, text in reversed(list(self.flags.items())):
            value = _in_flags(text, option)
            if value:
                return value, path
        if self.given.get(option):
            return self.given[option], f"--{option} of the kubelet"
        for path, text in reversed(list(self.configurations.items())):
            value = _in_yaml(text, key)
            if value:
                return value, path
        return "", ""

    def _refuse_foreign(self) -> None:
        """Refuse what no edit of these files could change: options that the unit itself passes, and a kubelet with dockershim."""
        for option, _key in (_ENDPOINT, _DRIVER):
            if self.given.get(option) and not any(_flag_lines(text, option) for text in self.flags.values()):
                raise KubeletRefused(
                    f"the kubelet runs with --{option}={shown(self.given[option], 200)}, which is in none of"
                    f" {', '.join(FLAG_FILES)}. Move it there, from its unit or a drop-in of it. Nothing was changed"
                )
        for path, text in self.flags.items():
            if _in_flags(text, "container-runtime") == "docker":
                raise KubeletRefused(
                    f"{path} has --container-runtime=docker: the dockershim of a kubelet before 1.24, which is not supported."
                    " Nothing was changed"
                )

    def _read(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the contents of those files that exist. Raises KubeletRefused for one that is not text or not a file."""
        found = {}
        for path in paths:
            place = self._root + path
            if not os.path.lexists(place):
                continue
            try:
                found[path] = node_files.read_bytes(place, _LARGEST).decode("utf-8")
            except UnicodeDecodeError:
                raise KubeletRefused(f"{path} is not a text in UTF-8. Nothing was changed") from None
        return found


def _flag_lines(text: str, option: str) -> list[str]:
    """Return the lines of an environment file that have an option. Comments begin with # or ; (systemd.exec(5))."""
    pattern = re.compile(rf"--{option}(?![\w-])")
    return [line for line in text.splitlines() if not re.match(r"\s*[#;]", line) and pattern.search(line)]


def _flags(option: str) -> re.Pattern[str]:
    return re.compile(rf"(--{option}(?:=|[ \t]+))([^\s\"'\\$=-][^\s\"'\\$]*)(?=[\s\"']|$)")


def _in_flags(text: str, option: str) -> str:
    """Return the value of an option in an environment file, the last one; "" if it is not there or not understood."""
    found = [value for line in _flag_lines(text, option) for _start, value in _flags(option).findall(line)]
    return found[-1] if found else ""


def _with_flag(path: str, text: str, option: str, value: str) -> tuple[str, int]:
    """Return the text with another value of an option, and how often it was there. Raises KubeletRefused."""
    lines, count = [], 0
    for line in text.splitlines(keepends=True):
        mentioned = len(re.findall(rf"--{option}(?![\w-])", line))
        if not _flag_lines(line, option):
            lines.append(line)
            continue
        edited, replaced = _flags(option).subn(rf"\g<1>{value}", line)
        if replaced != mentioned:
            raise KubeletRefused(
                f"{path}: the value of --{option} is not understood: {shown(line, 200)}. Accepted is --{option}=VALUE"
                " without quotes or variables. Nothing was changed"
            )
        lines.append(edited)
        count += replaced
    return "".join(lines), count


def _key_lines(text: str, key: str) -> list[str]:
    """Return the lines with a key of the document itself, which begins its line."""
    return [line for line in text.splitlines() if re.match(rf"""["']?{key}["']?[ \t]*:""", line)]


def _line(key: str) -> re.Pattern[str]:
    return re.compile(
        rf"""^(?P<start>["']?{key}["']?[ \t]*:[ \t]+){_VALUE}(?P<end>[ \t]*(?:[ \t]#.*)?\r?)$"""
    )


def _in_yaml(text: str, key: str) -> str:
    """Return the value of a key of a configuration; "" if it is not there or not understood."""
    found = [_line(key).match(line) for line in _key_lines(text, key)]
    return found[0].group("value") if len(found) == 1 and found[0] else ""


def _with_key(path: str, text: str, key: str, value: str) -> tuple[str, int]:
    """Return the text with another value of a key, and how often it was there: 0 or 1. Raises KubeletRefused."""
    if text.lstrip().startswith("{"):
        if f'"{key}"' not in text:
            return text, 0
        raise KubeletRefused(
            f"{path} is written in JSON, which is not edited. Set {key} there to {value}, or write it in YAML."
            " Nothing was changed"
        )
    lines = _key_lines(text, key)
    if not lines:
        return text, 0
    if len(lines) > 1:
        raise KubeletRefused(f"{path} sets {key} {len(lines)} times; keep one of them. Nothing was changed")
    match = _line(key).match(lines[0])
    if not match:
        raise KubeletRefused(
            f"{path}: the value of {key} is not understood: {shown(lines[0], 200)}. Accepted is a plain or quoted word on"
            " the same line. Nothing was changed"
        )
    quote = match.group("quote")
    edited = f"{match.group('start')}{quote}{value}{quote}{match.group('end')}"
    # splitlines above ends lines at \r\n as a whole, and so does this.
    return re.sub(rf"(?m)^{re.escape(lines[0])}(?=\r?$)", lambda _match: edited, text, count=1), 1


def _with_line(path: str, text: str, key: str, value: str) -> str:
    """Return the text with one more key at its end. Raises KubeletRefused if that is not surely the end of its document."""
    documents = len(re.findall(r"^---(?:\s|$)", text, re.MULTILINE))
    begins = re.match(r"(?:\s*(?:#[^\n]*)?\n)*---(?:\s|$)", text) is not None
    several = documents > (1 if begins else 0) or re.search(r"^\.\.\.", text, re.MULTILINE)
    if text.lstrip().startswith("{") or several or not _FIRST_KEY.search(text):
        raise KubeletRefused(
            f"{path} does not set {key}, and is not one document of YAML whose keys begin their lines. Add the line"
            f' "{key}: {value}" to it. Nothing was changed'
        )
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text}{'' if text.endswith(newline) else newline}{key}: {value}{newline}"
