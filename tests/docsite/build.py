# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the site from docs/ and from the documentation of modules, filters and roles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from testbed.paths import CHECKOUT, link_collection

COLLECTION = "cri.node"
OUTPUT = CHECKOUT / "build" / "docs"
SITE = CHECKOUT / "docs" / "docsite" / "sphinx"
# Files of the checkout that are pages or data of the site as they are.
COPIED = {
    "docs/architecture.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "galaxy.yml": "galaxy.yml",
}
# antsibull-docs names the collection's own page index; the site has a front page of that name.
REFERENCE_PAGE = "reference.rst"


class BuildError(Exception):
    """antsibull-docs or Sphinx failed, or Sphinx printed a warning. The text is the output."""


def build(output: Path = OUTPUT) -> Path:
    """Rebuild all pages below `output`; return the directory of the HTML pages. Raises BuildError."""
    source, html = output / "source", output / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    source.chmod(0o700)  # antsibull-docs writes to no directory that others can write to
    _run("antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
         "--no-add-antsibull-docs-version", "--dest-dir", source, COLLECTION)  # fmt: skip
    reference = (source / "index.rst").read_text(encoding="utf-8")
    (source / "index.rst").unlink()
    (source / REFERENCE_PAGE).write_text(for_the_site(reference), encoding="utf-8")
    shutil.copytree(SITE, source, dirs_exist_ok=True)
    for name, target in COPIED.items():
        shutil.copyfile(CHECKOUT / name, source / target)
    # A warning, such as a reference to an option that does not exist, fails the build after all of them are printed.
    _run("sphinx-build", "--builder", "html", "--fail-on-warning", "--quiet",
         "--doctree-dir", output / "doctrees", source, html)  # fmt: skip
    return html


def for_the_site(reference: str) -> str:
    """Return the collection's own page without the guides, which the front page lists, and with short names in the navigation.

    Internal modules stay in the text, but are removed from the navigation.
    """
    internal = re.findall(r"<cri\.node\.(\w+)#module>` -- Internal\b", reference)
    unlisted = ("    docsite/", *(f"    {name}_module" for name in internal))
    text = "\n".join(line for line in reference.splitlines() if not line.startswith(unlisted)) + "\n"
    text = re.sub(r"^Guides\n-+\n\n\.\. toctree::\n    :maxdepth: 1\n+", "", text, flags=re.MULTILINE)
    return re.sub(r"^    (\w+)_(module|filter|role)$", r"    \1 (\2) <\1_\2>", text, flags=re.MULTILINE)


def _run(*command: str | Path) -> None:
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection()),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{command[0]}: exit code {done.returncode}\n{done.stdout.strip()}")
