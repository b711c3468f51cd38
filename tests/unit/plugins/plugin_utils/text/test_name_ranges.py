# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that names of many nodes are shown as ranges, as in an inventory."""

import random

import pytest
from ansible.plugins.inventory import detect_range, expand_hostname_range

from ansible_collections.cri.node.plugins.plugin_utils.text.name_ranges import shortened


def numbered(first, last, form="worker-{:02}"):
    return [form.format(number) for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param(["node-1"], "node-1", id="one"),
        pytest.param(["node-2", "node-1"], "node-1, node-2", id="two are not a range"),
        pytest.param(numbered(1, 48), "worker-[01:48]", id="leading zeros"),
        pytest.param(numbered(8, 11, "node-{}"), "node-[8:11]", id="growing numbers"),
        pytest.param(numbered(98, 101), "worker-[98:101]", id="numbers of another width"),
        pytest.param(
            numbered(8, 101), "worker-[08:99], worker-100, worker-101", id="numbers that outgrow their zeros"
        ),
        pytest.param(
            [*numbered(1, 3), *numbered(5, 9), "worker-7b", "gateway"],
            "gateway, worker-[01:03], worker-[05:09], worker-7b",
            id="gaps and others",
        ),
        pytest.param(["n-1", "n-02", "n-3"], "n-1, n-02, n-3", id="widths that differ"),
        pytest.param(
            numbered(1, 3, "rack7-n{}.zone2.example.com"),
            "rack7-n[1:3].zone2.example.com",
            id="the number of the host, not of its domain",
        ),
        pytest.param(numbered(9, 12, "192.0.2.{}"), "192.0.2.[9:12]", id="addresses"),
        pytest.param(numbered(1, 40, "n{}x"), "n[1:40]x", id="a number in the middle"),
        pytest.param(
            [f"n{number}" for number in range(0, 40, 2)],
            "n0, n2, n4, n6, n8, n10, n12, n14 and 12 more",
            id="too many",
        ),
        pytest.param(
            ["n" + "9" * 5000, "n" + "9" * 5000], "n" + "9" * 5000, id="a number beyond all counting"
        ),
    ],
)
def test_names_become_ranges(names, text):
    random.Random(1).shuffle(names)
    assert shortened(names) == text


def test_a_range_contains_exactly_its_nodes():
    for names in (numbered(8, 99), numbered(0, 300, "n{}"), numbered(95, 105, "rack1-n{:03}.example.com")):
        written = shortened(names)
        assert detect_range(written)
        assert expand_hostname_range(written) == names
