# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes report whose files are in the styles of other tools, and their results of crio_adopt."""

import json
import tempfile
from pathlib import Path

from ansible_collections.cri.node.plugins.action import crio_adopt
from ansible_collections.cri.node.plugins.plugin_utils.crio import effective_configuration
from merge import compare
from merge.layouts import Layout
from testbed.paths import CHECKOUT

_FIXTURES = CHECKOUT / "tests/unit/fixtures/adopt"
KUBESPRAY = {"crio.conf": (_FIXTURES / "kubespray/crio.conf").read_text()}
PACKAGE = {"crio.conf.d/10-crio.conf": (_FIXTURES / "package/10-crio.conf").read_text()}
ALVISTACK = {
    "crio.conf.d/00-defaults.conf": (_FIXTURES / "alvistack/00-defaults.conf").read_text(),
    **PACKAGE,
}


def report(files, options=(), variables=None, version="1.37.0"):
    """Return what a node reports that has these files below /etc/crio."""
    layout = Layout(files=files, options=list(options), variables=variables or {}, named=False)
    layout.named = "crio.conf" in files
    with tempfile.TemporaryDirectory() as folder:
        compare.write(layout, Path(folder) / "crio")
        shown = effective_configuration.shown_keys()
        found = compare.report_of(layout, Path(folder) / "crio", shown, version)
        return json.loads(json.dumps(found).replace(f"{folder}/crio", "/etc/crio"))


def adopted(files, **more):
    """Return the result of crio_adopt for a node that has these files below /etc/crio."""
    return crio_adopt.adopted(report(files, **more))
