# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests when a node is asked for its images: only for a run that would change a file of registries of a running daemon."""

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_state, plan_state
from ansible_collections.cri.node.plugins.module_utils.crio import registries_in_use, service
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"


@pytest.mark.parametrize(
    ("path", "as_wanted", "active", "is_asked"),
    [
        (DROP_IN, False, True, True),
        ("/etc/containers/registries.conf", False, True, True),
        (DROP_IN, True, True, False),
        (DROP_IN, False, False, False),
        (DROP_IN + ".bak", False, True, False),
        ("/etc/crio/crio.conf.d/60-cri-node.conf", False, True, False),
    ],
)
@pytest.mark.parametrize("place", ["files", "orphans"])
def test_images_are_read_only_for_a_change_of_registries(
    monkeypatch, tmp_path, path, as_wanted, active, is_asked, place
):
    found = {"files": {}, "orphans": {}, "unit": {"active": active}, "notes": []}
    found[place] = {path: {"as_wanted": as_wanted}}
    monkeypatch.setattr(node_state, "read", lambda _request, _layout: found)
    monkeypatch.setattr(service, "CrioService", lambda unit: unit)
    monkeypatch.setattr(registries_in_use, "read", lambda service, _layout: {"of": service})
    report = plan_state.read({"unit": "crio.service"}, Layout(str(tmp_path)))
    assert report.get("registries") == ({"of": "crio.service"} if is_asked else None)
