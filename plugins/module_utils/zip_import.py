# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Loads what a module imports from Ansible's zip file, and the modules of a change's own program, in half the time.

Ansible sends a module and what it imports, most of it Ansible's own, as a zip file of source. Python's importer of zip files
compiles each module twice: to determine the name of its file when it is found, and again when it is run.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pkgutil import get_importer
from typing import Any
from zipimport import ZipImportError, zipimporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_SENT = (f"{__name__.rpartition('.')[0]}.", "ansible.module_utils.")


class _Finder:
    """Finds the modules (not the packages) that are sent in a zip file; each is left to Python if that is not possible."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what Python needs to load a module."""
        for folder in (path or ()) if fullname.startswith(_SENT) else ():
            importer: object = get_importer(folder)
            if not isinstance(importer, zipimporter):
                return None
            try:
                if importer.is_package(fullname):
                    return None
            except ZipImportError:  # it is not there
                continue
            loader: Any = importer
            spec = ModuleSpec(fullname, loader, origin=f"{folder}/{fullname.rpartition('.')[2]}.py")
            spec.has_location = True
            return spec
        return None


def compile_once() -> None:
    """Compile each module of the collection and of Ansible once from now on, if it is in a zip file."""
    loader: object = __spec__.loader if __spec__ else None
    if isinstance(loader, zipimporter) and _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
