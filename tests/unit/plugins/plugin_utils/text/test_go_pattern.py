# SPDX-License-Identifier: GPL-3.0-or-later
"""What Go's regexp package compiles; `make crio-config-check` asks CRI-O about hundreds of patterns."""

from __future__ import annotations

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.text import go_pattern

ACCEPTED = [
    "",
    *r"""
        a ^a$ a|b| () (?:) [a-z] []a] [^]a] [a-] [-a] [--a] [a\]b] [[] [[a] ] } a{ a{,5} a{1x} a{01} { a*? a+? a?? a{2}?
        a{0} a{2,} a{1000} (a{10}){100} (a*)* (a*)+ ^* \b+ a(?i)* ()* (a{1000}){0,1} ((a{1000}){0}){1000} (?P<name>a)
        (?<name>a) (?P<1>a) (?P<n>a)(?P<n>b) (?i)a (?i-s:a) (?imsU) (?-s)a (?:(?:a)) (?) (?:a(?i)b)c \A\z\b\B \d\D\s\S\w\W
        [\d\w-] [\w-z] \pL \p{Lu} \p{Greek} \p{^Greek} \PN \p{greek} \p{Letter} [\pL\PN] \x41 \x{10FFFF} \x{0000000041} \012
        \0 \123 \a\f\n\r\t\v [\x00-\x{10FFFF}] \Qa.(b\E \Q( \Qa\E* a\Q\E* [[:alpha:][:^digit:]] [:alpha:] [[:alpha]]
    """.split(),
    "\\.\\ ",
    "a{ 1}",
    "x{1000}" * 20,
    "(?:" * 2000 + ")" * 2000,
    "(" * 999 + ")" * 999,
]
# Go's reason: patterns without spaces.
REFUSED = {
    "missing closing )": r"""
        ( (a (?:a ((a) \Q(\E(
    """.split(),
    "unexpected )": r"""
        ) a) ()) (?i))
    """.split(),
    "missing argument to repetition operator": r"""
        * +a ? {2} a|* (*) (?:+) \Q\E* (?i)*
    """.split(),
    "invalid nested repetition operator": r"""
        a** a*+ a++ a?+ a{2}{3} a*{2} a*?? a{2}+
    """.split(),
    "invalid repeat count": r"""
        a{1001} a{2,1} a{1001,} a{1,1001} a{9999999999} (a{10}){101} ((a{100})*){11} ((a{100})|b){11} (a{0,500}){3}
        (a{2,}){501}
    """.split(),
    "missing closing ]": r"""
        [ [] [^] [[:alpha:] [a [a- [^a []a
    """.split(),
    "invalid character class range": r"""
        [b-a] [a--] [\x{5A}-\x41] [[:bogus:]] [[:ALPHA:]] [[::]] \pX \p{ \p{} \p \p{Bogus} [\p{x}]
    """.split(),
    "invalid escape sequence": r"""
        \1 (a)\1 \8 \19 \Z \C \G \K \E \u0041 \N{DASH} \h \R \e \cA \x \x4 \xg1 \x{} \x{4g} \x{110000} [\b] [\z] [a-\d] [\1]
        \k<n>
    """.split(),
    "invalid or unsupported Perl syntax": r"""
        (? (?a (?=a) (?!a) (?<=a) (?<!a) (?>a) (?#x) (?x)a (?u) (?-) (?i-) (?i-:a) (?--i) (?1) (?P=n) (?'n'a) (?|a) (?(1)a)
    """.split(),
    "invalid named capture": r"""
        (?P<>a) (?P<a-b>a) (?<name
    """.split(),
    "trailing backslash at end of expression": r"""
        \ a\ \\\ [\
    """.split(),
    "expression nests too deeply": ["(" * 1000 + ")" * 1000, "(?:" * 1001 + "a" + "*b)" * 1001],
    "expression too large": ["(x{1000}y{1000})" * 2000, "\\pL" * 30_000],
}


@pytest.mark.parametrize("pattern", ACCEPTED)
def test_what_go_compiles_has_no_fault(pattern):
    assert go_pattern.fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        *((pattern, reason) for reason, patterns in REFUSED.items() for pattern in patterns),
        ("(?P<a b>c)", "invalid named capture"),
        ("\\\u00e9", "invalid escape sequence"),
        ("(?P<\u00e9>a)", "invalid named capture"),
    ],
)
def test_what_go_refuses_has_its_reason(pattern, reason):
    assert (go_pattern.fault(pattern) or "").startswith(reason)
