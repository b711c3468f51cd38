# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifies the available crictl, because its messages and documents depend on its version and its libraries."""

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# What Go writes into a program: its modules, a line each. The same source gives the same lines, whoever builds it.
_MODULES = re.compile(
    rb"path\tsigs\.k8s\.io/cri-tools/cmd/crictl\nmod\t[^\n]*\n((?:(?:dep|=>)\t[^\n]{1,300}\n){1,1000})"
)
_LIMIT = 20  # seconds that a crictl may take to say its version


@dataclass(frozen=True)
class CrictlBuild:
    """A crictl: its version, and a short hash of the versions of all its libraries ("" if it names none)."""

    version: str
    libraries: str

    def __str__(self) -> str:
        return f"crictl {self.version} with libraries {self.libraries or 'unknown'}"


#: the one that the stand-in's crictl was written after and is compared with: cri-tools v1.36.0
RECORDED = CrictlBuild("1.36.0", "072abe524033")


def build_of(program: Path) -> CrictlBuild:
    """Return the build of a crictl program, which is run to get its version; its errors are ignored."""
    try:
        said = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT,
            check=False,
        )
        version = re.search(r"\bversion v?(\S{1,100})", said.stdout)
    except (OSError, subprocess.TimeoutExpired):
        version = None
    modules = _MODULES.search(program.read_bytes())
    libraries = hashlib.sha256(modules[1]).hexdigest()[:12] if modules else ""
    return CrictlBuild(version[1] if version else "of unknown version", libraries)
