# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns for log_filter, which Go's regexp package compiles: those where Python's re decides otherwise, and random ones."""

import random

# Without spaces, so that they can be written as they are.
_WORDS = r"""
    a ^a$ (a|b) a*b+c? [a-z] [^a-z0-9_-] a.c | a||b () (|a) a|* (?:) ( ) ()) (() a) (a ((a) (? (?) (?: (?:a (?:a)) (?a
    (?#comment) (?# \( [(] [)] (?-) (?-:a) (?i-) (?i-:a) (?P<name>a) (?<name>a) (?'name'a) (?P<n>a)(?P<n>b) (?P<n>a)(?<n>b)
    (?P<>a) (?P<1>a) (?P<a-b>a) (?P<name (?P<name> (?P=name) (?P>name) (?P (?P< (?P!a) (?< (?<a (?<a> (?&a) (?1) (?R) (?|a)
    (?P<_>a) (?P<a_1>b) (?<9a>b) (?P<n>a)|(?P<n>b) (?P<a>(?P<a>b)) (?=a) (?!a) (?<=a) (?<!a) (?>a) (?(1)a|b) a(?=b) \K a\Kb
    (?i)a (?i:a) (?s). (?m)^ (?U)a+ (?imsU)a (?i-s)a (?-s)a (?i-s:a) (?x)a (?u)a (?L)a (?a)a (?I) (?ii) (?i-i) (?--i)
    (?-i-s) a(?i)b a(?i) (?i (?i- (?-i) (?:a(?i)b)c (?i)(?-i)a (?U-U)a (?im (?i: (?^:a) (?i)* (?i)+ (?:)* ()* a|(?i)* (?-)a
    (?i-)a * + ? { } {1} {,1} {1,} *a +a ?a |* (*) (+a) (?:*) a** a*+ a++ a?+ a?? a*? a+? a*?? a+?+ a?* a?{2} a{2}? a{2}??
    a{2}+ a{2}* a{2}{3} a*{2} a*?{2} (a*)* (?:a*)* (a*)+ ^* $* ^+ \b+ \A* \z* \B? (^)* ^{2} (|a)* (?:^)* \b{3} a{ a{} a{,}
    a{1 a{1, a{,5} a{1,2 a{x} a{1x} a{-1} a{01} a{00} a{0} a{0,0} a{2,1} a{1,0} a{5,} a{+1} a{1,2,3} x{001} a{007,9} a{0,}
    a{1000} a{1001} a{1000,} a{1001,} a{999,1000} a{1,1001} a{99999999} a{100000000} a{99999999999999999999}
    a{1,99999999999999999999} a{0,1000} a{,1001} a{1,999999999} a{100000001}{ (a{10}){100} (a{100}){10} (a{10}){101}
    (a{31}){31} ((a{10}){10}){10} ((a{10}){10}){11} (?:a{32}){32} (a{500}){3} (a{500}b{500}){3} (a{0,500}){2} (a{0,500}){3}
    (a{2,}){500} (a{2,}){501} (a*){1000} (a{1000}){0} (a{1000}){1} (a{1000})* ((a{100})*){10} ((a{100})*){11}
    ((a{100})|b){10} ((a{100})|b){11} (?i:(a{100}){11}) (a{1000}){0,1} (a{1000}){0,2} (a{2}){0,501} (a{0}){1000}
    ((a{0}){1000}){1000} (a{0,1}){1000} (a{0,2}){500} (a{0,2}){501} (a{1}){1000} ((a{1}){1}){1000} (a{1000}b{1000})
    (a{1000}|b{1000})c{1000} [a-z]{1000}[a-z]{1000} (\pL{1000}) (\pL{100}){10} \pL{1000}\pL{1000} (?i)\pL{1000} [^a]{1000}
    \PL{999} (?:\pL\pN\pP\pS){100} (\w{30}){30} ((((a{9}){9}){9}){9}) (xx{500}x){1} (?:abcdefghij){1000}
    \pL{1000}\pL{1000}\pL{1000} [ [] [^] []a] [^]a] [a [a- [a-] [-a] [^-a] [a-b-c] [a-b-] [b-a] [a-a] [--a] [---] [a--]
    [a--b] [^ [^a [[] [[a] []] [a]] ] [\]] [\] [\ [a-\]] [\--a] [a-\d] [\d-a] [\d-] [\w-z] [a-\w] [+--] [.-/] []-a] []--a]
    [^]-a] [a\]b] [a-z-9] [-] [^-] [--] [[:alpha:]] [[:^alpha:]] [[:word:]] [[:bogus:]] [[:alpha]] [[:alpha:] [:alpha:]
    [[:ALPHA:]] [[:]] [[::]] [[:alpha:]-z] [a-[:alpha:]] [[:xdigit:][:space:]] [[=a=]] [[.a.]] [a[:digit:]b] [[:^word:]]
    [[:^^word:]] [^[:space:]] [[:ascii:]] [[:blank:]] [[:a:b]] [[:a]b:]] [^\x00-\x{10FFFF}] [^\x00-\x{10FFFF}]{5}
    [\x{10FFFF}-\x{110000}] [\x00-\x{10ffff}] [^\S\s] [\s\S] [^\D] [^\D\d]+ [\pL] [\p{L}] [^\pL] [\p] [\p{Bogus}] [a\pLb]
    [\PL-z] [\Q] [\b] [\B] [\A] [\z] [\Z] [\e] [\a] [\C] [a&&b] [a||b] [a~~b] \ \\ a\ \a \b \c \d \e \f \g \h \i \j \k \l \m
    \n \o \p \q \r \s \t \u \v \w \x \y \z \A \B \C \D \E \F \G \H \I \J \L \M \N \O \P \Q \R \S \T \U \V \W \X \Y \Z \0 \1
    \2 \7 \8 \9 \00 \01 \07 \08 \012 \0123 \10 \12 \18 \19 \123 \377 \400 \777 \1234 \11 (a)\1 (a)\01 (a)\10 (?P<n>a)\k<n>
    \g1 \g{1} [\1] [\10] [\0] [\8] [\123] \17a \1a \7777 \x4 \x41 \x411 \x4g \xg \x{ \x{} \x{41} \x{41 \x{4g} \x{10FFFF}
    \x{110000} \x{0000000041} \X41 \u0041 \u{41} \U00000041 \N{DASH} \cA \x{D800} \xFF \xfF [\x41-\x{5A}] [\x{5A}-\x41] \-
    \/ \_ \! \' \# \% \& \, \: \; \< \= \> \@ \` \~ \. \* \[ \] \{ \} \^ \$ \| \+ \? \) [\-] [\_] [\:] \Qa.b\E \Q( \Q(\E
    \Q(\E) \Q\E \Q\Q\E \Qa\E* \Q\E* \Q*\E+ \Qab\E{2} a\Q\E* \Q\ \Q\E\E \Qa\Eb\Qc [\Qa]\E] \Q* \Q\\E a\Q \Q\E+a (\Q)\E)
    a\Q\E+? *\Q\E a|\Q\E* \pL \p{L} \p{Lu} \p{Greek} \p{^Greek} \P{Greek} \P{^Greek} \p^L \p{} \p{ \p{Greek \pN \pX \pn
    \p{greek} \p{GREEK} \p{Letter} \p{Latin} \p{Han} \p{IsGreek} \p{Script=Greek} \p{Any} \p{any} \p{ASCII} \p{Assigned}
    \p{LC} \p{Cn} \p{L&} \pLu \p{Nd}{3} \p{Old_Italic} \p{OldItalic} \p{Zs} \p{Sc} \p{Co} \p{Cs} \p{Nko} \p{Nag_Mundari}
    \p{Kawi} \p{Uppercase_Letter} \p{Lowercase} \p{Decimal_Number} \p{digit} \p{punct} \p{Hex_Digit} \pM*
    \p{ASCII_Hex_Digit} \p{Garay} \p{Todhri} \p{Sidetic} \p{Zyyy} \p{Common} \p{Inherited} \p{Unknown}
    \p{Katakana_Or_Hiragana} \b\b a\Z a\z a\G \h+ (*UTF8)a (?C1)a [[:<:]] \<a\> a{2}{,3} (?:a|b)++ (?s:.) (?m:^a$) a#b
    error|warn(ing)? (?i)error request|response level=(debug|trace) !request [0-9a-f]{64} \[[\d\s]+\] ^((?!debug).)*$
    \d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2} *request* .* request:* [request request) C:\Users
""".split()
_OTHERS = [
    "\n",
    "\t",
    " ",
    "\xe9",
    "\\\xe9",
    "(?P<a b>a)",
    "(?P<\xe9>a)",
    "(?i s)",
    "a{ 1}",
    "a{1 }",
    "a{1, 2}",
    "a{\u0661}",
    "[[: alpha:]]",
    "[\xe9-\xe8]",
    "[\xe8-\xe9]",
    "\\x{ 41}",
    "\\ ",
    '\\"',
    "\\\n",
    "\\\t",
    "\\\x00",
    "\\\x7f",
    "\\\u2028",
    "\\\U0001f600",
    "[\\ ]",
    "[\\\n]",
    "\\p{ L}",
    "\\p{L }",
    "\\p\xe9",
    "\\p{old italic}",
    "a # b",
    "(?x: a )",
    "Updating config",
    "^(?:Pulling|Pulled) image",
    'name="[^"]+"',
]
# Sizes and depths.
_LARGE = [
    *(
        "\\pL" * 100,
        "\\PL" * 500,
        "[\\pL\\pN]" * 60,
        "x" * 3000,
        "x{1000}" * 20,
        "x{1000}" * 130,
        "(x{1000})" * 40,
    ),
    *(
        "(?:" + "abcdefghij" * 10 + "){1000}",
        "(?:" + "abcdefghij" * 40 + "){1000}",
        "\\pL{1000}" * 3,
        "\\pL{1000}" * 40,
    ),
    *(
        "(" * 999 + ")" * 999,
        "(" * 1000 + ")" * 1000,
        "(" * 1001 + ")" * 1001,
        "(" * 2000,
        "(a|" * 600 + ")" * 600,
    ),
    *("(?:" * 999 + ")" * 999, "(?:" * 1000 + ")" * 1000, "(?:" * 1001 + ")" * 1001, "(a*" * 400 + ")" * 400),
    *(
        "((a)*b" * 300 + ")" * 300,
        "(?:a*" * 990 + ")" * 990,
        "(?:(?:a|b)c)*" * 200,
        "(?:a|(?:b|" * 300 + "))" * 300,
    ),
    *(
        "(?i:" * 999 + "a" + ")" * 999,
        "(a" * 998 + ")" * 998,
        "((a)(b" * 499 + "))" * 499,
        "(?:a|b" * 700 + ")" * 700,
    ),
    *("(a|b)" * 500, "(?:" * 500 + "a" + ")*" * 500, "(?:" * 400 + "ab" + ")*c" * 400),
]
PATTERNS = [*_WORDS, *_OTHERS, *_LARGE]
_PLAIN = [*"abz019 .^$-_,:", *r"\d \W \b \B \A \z \n \x41 \x{1F600} \pL \p{Greek} \. \- [a-z]".split()]
_ATOMS = [
    *r"""
    \Z \P{^Lu} \p{x} \Qa*b\E \E \1 \012 [^\d_] [[:alpha:]] []a] [z-a] [a-\d] [\w-] (?i) (?s-m) (?x) \u \C { } {2 ] (?#x)
    """.split(),
    "\u00e9",
]
_REPEATS = [
    *["", "", "", ""],
    *"* + ? *? +? ?? {2} {2,} {0,3} {3,2} {,4} {1000} {1001} {10} {100} ** {2}? {2}{3} *{2} ++".split(),
]
_GROUPS = "( ( (?: (?i: (?P<n> (?<m> (?s-i: (?= (?! (?<= (?> (?P<1x>".split()


def random_pattern(chance: random.Random, depth: int = 4) -> str:
    """Return a pattern of the syntax's own parts, which is valid in about half of the cases."""
    branches = []
    for _branch in range(chance.choice([1, 1, 1, 2, 3])):
        parts = []
        for _part in range(chance.randint(0, 3)):
            group = depth and chance.random() < 0.4
            part = (
                _group(chance, depth) if group else chance.choice(_ATOMS if chance.random() < 0.1 else _PLAIN)
            )
            parts.append(part + (chance.choice(_REPEATS) if chance.random() < 0.5 else ""))
        branches.append("".join(parts))
    return "|".join(branches)


def _group(chance: random.Random, depth: int) -> str:
    opening = chance.choice(_GROUPS[: 7 if chance.random() < 0.9 else None])
    return f"{opening}{random_pattern(chance, depth - 1)})"
