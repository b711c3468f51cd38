# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of all kinds of managed files. Plan, diff, verification and messages use nothing else of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path, merge
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.text.structured_text import fault_of_mapping

Entries = dict[
    str, dict[str, Any]
]  # of a shared file: section: name: value, see module_utils/managed_file.py

_Merge = Callable[[list[tuple[str, Data]]], tuple[Data, dict[Path, str]]]


class Versions(NamedTuple):
    """What settings are checked against: versions such as "1.36.2"; "" where one is not known."""

    crio: str = ""
    crictl: str = ""
    accept_keys: object = None  # keys of crio.conf that the user accepts, see crio/accepted_keys.py
    containerd: str = ""


class Kind:
    """A kind of managed file whose content comes from layers of settings.

    The data of a file is what Checked.data holds: typed, merged, without settings that have a problem.
    """

    name = ""  # as in the option files[].kind
    file = ""  # the name of the file in messages
    runtime = ""  # crio or containerd if no other runtime reads the file
    disruption = "restart"  # what a running daemon needs to load a changed file: none, reload or restart
    accepted = "a mapping"  # what each layer must be, for messages
    # The part of OpenShift's objects that the file holds, see registries/openshift/to_files.py; "" if they have none for it.
    openshift = ""
    # Whether other tools also write the file, a JSON document. Then only the entries of `entries` are managed, and `render` is
    # only compared and never written.
    shared = False
    # Sections of a secret shared file whose values are no secrets: Ansible masks secrets wherever they occur in a result, and a
    # short value would damage it.
    public_sections: tuple[str, ...] = ()
    # (section, name) of entries without which no program accepts the file: they stay as long as others have entries in it.
    required_entries: tuple[tuple[str, str], ...] = ()
    folder = False  # whether the path of an entry is a folder, in which `parts` has the files
    comments = True  # whether a line that starts with # may precede the content
    # The dotted key of crio.conf that names the path; "" if there is none. Without a value, the path of the entry is used.
    path_key = ""
    found_without_key: tuple[str, ...] = ()  # what CRI-O reads if that key is empty, in its order
    first_found_wins = False  # whether it only reads the first one of these that exists

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers and check the result. Return all problems at once; raise nothing."""
        raise NotImplementedError

    def check_for_node(self, checked: Checked, versions: Versions) -> list[Problem]:
        """Return what is wrong with checked settings for the versions of one node."""
        return []

    def depends_on_crictl(self, data: Data) -> bool:
        """Return whether check_for_node needs the version of the node's crictl for this data."""
        return False

    def render(self, data: Data) -> str:
        """Return the file's text without its header; equal data gives equal text."""
        raise NotImplementedError

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return {path of a file: its part of the data}, sorted; of a folder without files {}. path: of the entry."""
        return {path: data}

    def value_of_path(self, place: str) -> str:
        """Return the value of `path_key` with which CRI-O reads the file or the folder at this path."""
        return "" if place in self.found_without_key else place

    def outranked_by(self, path: str) -> tuple[str, ...]:
        """Return the paths that CRI-O reads instead of a file if they exist."""
        paths = self.found_without_key
        return paths[: paths.index(path)] if self.first_found_wins and path in paths else ()

    def entries(self, data: Data) -> Entries:
        """Return the entries of a shared file."""
        return {}

    def key_of_entry(self, section: str, name: str) -> Path:
        """Return the path of the setting that an entry of a shared file comes from, as `walk` has it."""
        return (*(section.split(".") if section else ()), name)

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each setting with its path; the value is None where it may be a secret."""
        return []

    def read(self, text: str) -> dict[str, str] | None:
        """Return {dotted key: value as text} of a file's text, whoever wrote it; None if it is not understood.

        The keys are those of `walk`. Equal values have equal texts, except for rare spellings of the same value.
        """
        return None

    def is_secret(self, data: Data) -> bool:
        """Return whether the file may hold a secret."""
        return False

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return texts of a secret file that must not appear in messages."""
        return []

    def expect(self, data: Data) -> dict[str, str | None]:
        """Return what the running daemon's configuration must show: {dotted key: value as CRI-O prints it}."""
        return {}

    def key_hashes(self, data: Data) -> dict[str, str] | None:
        """Return {dotted key: hash of its value} of everything that the file sets; None if it only counts as a whole.

        A node compares these with the hashes of what its daemon has loaded, to find the keys that a change is about. They must
        not be logged for a secret file, because a short secret could be guessed from its hash.
        """
        return None

    def merged(self, layers: Layers, how: _Merge = merge) -> tuple[Data, Findings]:
        """Return the merged mappings among the layers, and findings about it that begin with the other layers."""
        data, sources = how([(name, layer) for name, layer in layers if isinstance(layer, dict)])
        findings = Findings(sources)
        findings.problems += [
            self.stray(name, layer) for name, layer in layers if not isinstance(layer, dict)
        ]
        return data, findings

    def stray(self, name: str, layer: object) -> Problem:
        """Return the problem of a layer that is not a mapping."""
        return Problem(name, "", None, fault_of_mapping(layer), self.accepted)
