# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that quantities are parsed like in Kubernetes and converted like in a kubelet."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.pod import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("2", 2),
        ("0.5", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("500m", Fraction(1, 2)),
        ("100n", Fraction(1, 10**7)),
        ("1u", Fraction(1, 10**6)),
        ("1k", 1000),
        ("1M", 10**6),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("1E", 10**18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("12e-1", Fraction(6, 5)),
    ],
)
def test_a_quantity_is_an_exact_number(text, number):
    assert quantity.parse(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "1K",
        "1ki",
        "1 Gi",
        " 1",
        "-1",
        "+1",
        "1,5",
        "1e",
        "1e+",
        "1e999",
        "0x10",
        "1GiB",
        "\u0661",
        "1Ei1",
        "8Ei",
    ],
)
def test_an_invalid_quantity_is_refused(text):
    assert quantity.parse(text) is None


class TestRoundTrip:
    """A number written with any suffix that can hold it is the same number."""

    @given(st.integers(0, 2**62), st.sampled_from(["", "m", "u", "n"]))
    def test_small_units(self, number, suffix):
        parts = {"": 1, "m": 1000, "u": 10**6, "n": 10**9}[suffix]
        assert quantity.parse(f"{number}{suffix}") == Fraction(number, parts)

    @given(st.integers(0, 2**30), st.sampled_from(["Ki", "Mi", "Gi"]))
    def test_binary_units(self, number, suffix):
        assert quantity.parse(f"{number}{suffix}") == number * 1024 ** (" KMG".index(suffix[0]))

    @given(st.decimals(0, 10**6, places=4))
    def test_fractions(self, number):
        assert quantity.parse(f"{number:f}") == Fraction(number)


class TestKubelet:
    """The values of kuberuntime; the rows come from the tests and the documentation of Kubernetes."""

    @pytest.mark.parametrize(
        ("cpu", "shares"),
        [
            ("0", 2),
            ("1m", 2),
            ("2m", 2),
            ("3m", 3),
            ("100m", 102),
            ("1", 1024),
            ("4", 4096),
            ("1000", 262144),
        ],
    )
    def test_shares(self, cpu, shares):
        assert quantity.cpu_shares(quantity.parse(cpu)) == shares

    @pytest.mark.parametrize(
        ("cpu", "quota"),
        [
            ("0", 0),
            ("1m", 1000),
            ("10m", 1000),
            ("11m", 1100),
            ("500m", 50000),
            ("1.5", 150000),
            ("0.1m", 1000),
        ],
    )
    def test_quota(self, cpu, quota):
        assert quantity.cpu_quota(quantity.parse(cpu)) == quota

    @given(st.fractions(0, 1000))
    def test_results_stay_within_the_limits_of_linux(self, cpu):
        assert 2 <= quantity.cpu_shares(cpu) <= 262144
        assert quantity.cpu_quota(cpu) == 0 or quantity.cpu_quota(cpu) >= 1000
        assert quantity.whole(cpu) - 1 < cpu <= quantity.whole(cpu)
