# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate authorities of the system's store: one file each, which a program of the distribution adds to the store.

CRI-O reads the store once, when it first needs it, so that a change restarts it. All other programs of the node use it, too.
"""

from __future__ import annotations

import re

from ansible_collections.cri.node.plugins.plugin_utils.files.certificates import fault_of_text
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_PREFIX = "cri-node-"  # of the file names, which no package has
_BEGIN = "-----BEGIN CERTIFICATE-----"
_FROM_FILE = "the content of a PEM file, for example {{ lookup('file', 'ca.pem') }}"


class CaCertificates(Kind):
    """The files of a folder such as /usr/local/share/ca-certificates: NAME becomes cri-node-NAME.crt."""

    name = "ca_certificates"
    file = "CA certificates"
    disruption = "restart"
    accepted = "a mapping of names to certificates"
    folder = True

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by name and check them."""
        data, findings = self.merged(layers)
        typed: Data = {}
        for name, text in sorted(data.items()):
            before = findings.found
            if not _NAME.fullmatch(name):
                findings.problem(
                    (name,), "is not a name", "letters, digits, - and _, for example corporate-root"
                )
            fault = fault_of_text(text, "ca")
            if fault:
                findings.problem((name,), fault, _FROM_FILE)
            elif text.count(_BEGIN) > 1:
                fault = f"contains {text.count(_BEGIN)} certificates, and the programs of some distributions skip such a file"
                findings.problem((name,), fault, "a name for each certificate")
            if findings.found == before:
                typed[name] = f"{text.rstrip()}\n"
        return Checked(typed, findings.sources, findings.listed(), findings.warnings)

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return one file for each certificate."""
        return {f"{path}/{_PREFIX}{name}.crt": {name: text} for name, text in data.items()}

    def render(self, data: Data) -> str:
        """Return the only certificate in a part."""
        return "".join(data.values())

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each name."""
        return [((name,), "1 certificate") for name in data]
