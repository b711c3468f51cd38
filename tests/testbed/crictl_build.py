# SPDX-License-Identifier: GPL-3.0-or-later
"""Which crictl is at hand: what its messages and documents look like depends on its version and on the libraries in it."""

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
    """A crictl: what it says it is, and a short hash of the versions of all libraries in it ("" where it names none)."""

    version: str
    libraries: str

    def __str__(self) -> str:
        return f"crictl {self.version} with libraries {self.libraries or 'unknown'}"


#: the one that the stand-in's crictl was written after and is compared with: cri-tools v1.36.0
RECORDED = CrictlBuild("1.36.0", "072abe524033")


def build_of(program: Path) -> CrictlBuild:
    """The build of a crictl program, which is run for its version; nothing that it does is an error."""
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
