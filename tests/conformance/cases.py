# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates sets of registries files with image names, each with the rules that it shows, accepted or refused.

A set is made from a seed: some harmless tables, the rule that is its turn, and further rules at random. A refused set has one
fault, so that the words of the real programs are known.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cri.node.plugins.plugin_utils.text import toml

MAIN = "etc/containers/registries.conf"
FOLDER = "etc/containers/registries.conf.d"
OWN = "root/.config/containers/registries.conf"
RECORDED = "var/cache/containers/short-name-aliases.conf"
AUTH = "root/.config/containers/auth.json"
DIGEST = f"sha256:{'0' * 64}"
ACCEPTED, REFUSED = "accepted", "refused"

PREFIXES = [
    "a.io",
    "a.io/team",
    "a.io/team/app",
    "x.a.io",
    "xy.a.io",
    "*.a.io",
    "*.io",
    "b.io:5000",
    "b.io",
    "docker.io",
    "docker.io/library",
    "localhost:5000",
    "10.0.0.1:5000/x",
    "a.io:5000",
    "z.b.io/q",
]
LOCATIONS = [
    "a.io",
    "m.io",
    "m.io:5000",
    "n.io/cache",
    "docker.io/library",
    "docker.io",
    "b.io:5000",
    "localhost:5000/hub",
    "x.a.io",
    "10.0.0.1:5000",
    "m.io/a/b/c",
]
NAMES = [
    "a.io/app",
    "a.io/team/app:1",
    "a.io/team/tool:v2",
    "a.io:5000/app:2",
    "x.a.io/foo",
    f"xy.a.io/foo@{DIGEST}",
    "docker.io/nginx",
    "docker.io/library/nginx:1",
    "b.io:5000/foo",
    "b.io/foo:2",
    "localhost:5000/x",
    "10.0.0.1:5000/x/y:3",
    f"a.io/app@{DIGEST}",
    f"a.io/team/app:1@{DIGEST}",
    "index.docker.io/foo",
    "quay.io/a/b",
    "z.b.io/q/r",
    "x.a.io.a.io/foo",
    "a.iox/foo",
    "q.w.io/foo",
]
SHORT_NAMES = ["foo", "foo:1", "team/foo", f"foo@{DIGEST}", "bar", "localhost"]
BAD_NAMES = [
    "a.io/Foo",
    "a.io//foo",
    "foo bar",
    f"a.io/foo@sha256:{'0' * 40}",
    f"a.io/foo@md5:{'0' * 32}",
    "a.io/-b",
]
DROP_INS = ["05-x.conf", "10-a.conf", "50-b.conf", "crio.conf", "zz-cri-node.conf"]


@dataclass
class Case:
    """Files by their path without the first slash, the names to pull, and what this is a case of: (rule, accepted or refused)."""

    number: int
    made: str
    files: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    mode: str = "enforcing"
    covers: list[tuple[str, str]] = field(default_factory=list)
    credentials: bool = False  # whether the pod has some

    @property
    def is_refused(self) -> bool:
        """Whether the programs must refuse the files."""
        return any(rule in REFUSING and verdict == REFUSED for rule, verdict in self.covers)


def registry(**keys: Any) -> dict[str, Any]:
    """Return a table; underscores are hyphens in its keys."""
    return {name.replace("_", "-"): value for name, value in keys.items()}


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield the cases written by hand, and so many generated ones; case n shows the rule n modulo their number."""
    yield from by_hand()
    for number in range(count):
        yield _Maker(random.Random(f"{seed}-{number}"), number).case()


def coverage(made: list[Case]) -> dict[str, Counter[str]]:
    """Count the cases of each rule by verdict."""
    counts: dict[str, Counter[str]] = {rule: Counter() for rule in (*REFUSING, *NAMING, *MERGING)}
    for case in made:
        for rule, verdict in set(case.covers):
            counts[rule][verdict] += 1
    return counts


# What containers/image refuses: (settings that are accepted, settings that are refused), as main file or drop-in.
_Data = dict[str, Any]


def _tables(*tables: _Data) -> _Data:
    return {"registry": list(tables)}


def _r(**keys: Any) -> _Data:
    return _tables(registry(**keys))


REFUSING: dict[str, tuple[list[_Data | str], list[_Data | str]]] = {
    "a location has no scheme": (
        [
            _r(location="http.io"),
            _r(location="https"),
            _r(location="ftp://s.io"),
            _r(prefix="s.io", location="https://"),
        ],
        [_r(location="http://s.io"), _r(location="https://s.io/"), _r(prefix="s.io", location="https://s//")],
    ),
    "a prefix has no scheme": (
        [_r(prefix="http.io", location="s.io"), _r(prefix="oci://s.io", location="s.io")],
        [_r(prefix="http://s.io", location="s.io"), _r(prefix="https://s.io/x/", location="s.io")],
    ),
    "a mirror has no scheme": (
        [
            _r(location="s.io", mirror=[{"location": "m.io"}]),
            _r(location="s.io", mirror=[{"location": "httpd:80"}]),
        ],
        [
            _r(location="s.io", mirror=[{"location": "http://m.io"}]),
            _r(location="s.io", mirror=[{"location": "https://m.io//"}]),
        ],
    ),
    "a registry to search in has no scheme": (
        [{"unqualified-search-registries": ["s.io"]}, {"unqualified-search-registries": ["http:80"]}],
        [
            {"unqualified-search-registries": ["http://s.io"]},
            {"unqualified-search-registries": ["s.io", "https://t.io"]},
        ],
    ),
    "prefix or location is set": (
        [
            _r(location="s.io"),
            _r(prefix="", location="s.io"),
            _r(prefix="*.s.io"),
            _r(prefix="/", location="s.io"),
        ],
        [_r(insecure=True), _r(prefix="", location=""), _r(location="/"), _r(blocked=False)],
    ),
    "location is set unless the prefix is a wildcard": (
        [
            _r(prefix="*.s.io", blocked=True),
            _r(prefix="*.s.io", location="t.io"),
            _r(prefix="*.s.io", location="/"),
        ],
        [_r(prefix="s.io"), _r(prefix="s.io/x", location="//"), _r(prefix="*s.io"), _r(prefix="/")],
    ),
    "a wildcard is a whole host": (
        [
            _r(prefix="*.s.io"),
            _r(prefix="*.io", location="t.io"),
            _r(prefix="*s.io/x", location="t.io"),
            _r(location="*.s"),
        ],
        [
            _r(prefix="*.s.io:5000", location="t.io"),
            _r(prefix="*.s.io/x"),
            _r(location="*.s.io/x"),
            _r(prefix="*.s@io"),
        ],
    ),
    "pull-from-mirror is only in mirrors": (
        [
            _r(location="s.io", pull_from_mirror=""),
            _r(location="s.io", mirror=[{"location": "m.io", "pull-from-mirror": "all"}]),
        ],
        [_r(location="s.io", pull_from_mirror="all"), _r(prefix="*.s.io", pull_from_mirror="bad")],
    ),
    "a mirror has a location": (
        [_r(location="s.io", mirror=[]), _r(location="s.io", mirror=[{"location": "m.io/x/"}])],
        [
            _r(location="s.io", mirror=[{}]),
            _r(location="s.io", mirror=[{"location": "m.io"}, {"location": "/"}]),
        ],
    ),
    "mirror-by-digest-only excludes pull-from-mirror": (
        [
            _r(location="s.io", mirror_by_digest_only=True, mirror=[{"location": "m.io"}]),
            _r(
                location="s.io",
                mirror_by_digest_only=False,
                mirror=[{"location": "m.io", "pull-from-mirror": "tag-only"}],
            ),
            _r(
                location="s.io",
                mirror_by_digest_only=True,
                mirror=[{"location": "m.io", "pull-from-mirror": ""}],
            ),
        ],
        [
            _r(
                location="s.io",
                mirror_by_digest_only=True,
                mirror=[{"location": "m.io/", "pull-from-mirror": "digest-only"}],
            ),
            _r(
                prefix="p.io",
                location="s.io",
                mirror_by_digest_only=True,
                mirror=[{"location": "m.io", "pull-from-mirror": "bad"}],
            ),
        ],
    ),
    "pull-from-mirror has a value of three": (
        [
            _r(location="s.io", mirror=[{"location": "m.io", "pull-from-mirror": each}])
            for each in ("all", "digest-only", "tag-only")
        ],
        [
            _r(location="s.io", mirror=[{"location": "m.io", "pull-from-mirror": each}])
            for each in ("digest", "ALL", "a\tb", "é")
        ],
    ),
    "one location has one insecure": (
        [
            _tables(
                registry(location="s.io", insecure=True),
                registry(prefix="t.io", location="s.io/", insecure=True),
            ),
            _tables(registry(location="s.io", insecure=True), registry(location="s.io/x")),
            _tables(registry(prefix="*.s.io", insecure=True), registry(prefix="*.t.io")),
        ],
        [
            _tables(registry(location="s.io", insecure=True), registry(prefix="t.io", location="s.io")),
            _tables(registry(location="s.io"), registry(location="s.io/", insecure=True)),
            _tables(registry(prefix="*.s.io", insecure=True), registry(prefix="*.s.io")),
        ],
    ),
    "one location has one blocked": (
        [
            _tables(
                registry(location="s.io", blocked=True),
                registry(prefix="t.io", location="s.io", blocked=True),
            ),
            _tables(registry(location="s.io", blocked=True), registry(location="s.io:80")),
        ],
        [
            _tables(registry(location="s.io", blocked=True), registry(prefix="t.io", location="s.io//")),
            _tables(registry(prefix="*.s.io", blocked=True), registry(prefix="t.io", location="*.s.io")),
        ],
    ),
    "a registry to search in is a host": (
        [
            {"unqualified-search-registries": [each]}
            for each in ("s.io", "s.io:5000", "s.io/", "host", "S.io", "10.0.0.1")
        ],
        [
            {"unqualified-search-registries": [each]}
            for each in ("s.io/x", "s.io:x", "", "[::1]:5000", "s_t.io", "*.s.io", "s.io:")
        ],
    ),
    "short-name-mode has a value of three": (
        [{"short-name-mode": each} for each in ("enforcing", "permissive", "disabled", "")],
        [{"short-name-mode": each} for each in ("bad", "Enforcing", "prompt", '"', "\x01")],
    ),
    "an alias stands for a registry and a repository": (
        [
            {"aliases": {"one": "s.io/one"}},
            {"aliases": {"one": "localhost/one"}},
            {"aliases": {"one": "docker.io/one"}},
        ],
        [
            {"aliases": {"one": "one"}},
            {"aliases": {"one": "s/one"}},
            {"aliases": {"one": "S.io/One"}},
            {"aliases": {"one": "s.io/a b"}},
        ],
    ),
    "an alias has no tag": (
        [{"aliases": {"one": "s.io:80/one"}}, {"aliases": {"one": ""}}],
        [{"aliases": {"one": "s.io/one:1"}}, {"aliases": {"one": "one:1"}}, {"aliases": {"one": "s.io:80"}}],
    ),
    "an alias has no digest": (
        [{"aliases": {"one": "s.io/sha256/one"}}, {"aliases": {"one-two_three.x": "s.io/x"}}],
        [
            {"aliases": {"one": f"s.io/one@{DIGEST}"}},
            {"aliases": {"one": f"s.io/one:1@{DIGEST}"}},
            {"aliases": {"one": f"s.io/one@sha256:{'0' * 40}"}},
            {"aliases": {"one": f"s.io/one@md5:{'0' * 32}"}},
        ],
    ),
    "a short name has no registry": (
        [{"aliases": {"s/one": "s.io/one"}}, {"aliases": {"s": "s.io/s"}}],
        [
            {"aliases": {"s.io/one": "s.io/one"}},
            {"aliases": {"localhost/one": ""}},
            {"aliases": {"s:80/one": "s.io/one"}},
        ],
    ),
    "a short name has no tag and no digest": (
        [{"aliases": {"one_two": "s.io/one"}}, {"aliases": {"1": "s.io/one"}}],
        [
            {"aliases": {"one:1": "s.io/one"}},
            {"aliases": {f"one@{DIGEST}": "s.io/one"}},
            {"aliases": {"localhost:80": ""}},
        ],
    ),
    "a short name is a name": (
        [{"aliases": {"a__b": "s.io/one"}}, {"aliases": {"a--b/c": "s.io/one"}}],
        [
            {"aliases": {"One": "s.io/one"}},
            {"aliases": {"": "s.io/one"}},
            {"aliases": {"a___b": "s.io/one"}},
            {"aliases": {"a b": ""}},
        ],
    ),
    "a drop-in is version 2": (
        [{"registries": {}}, {"registries": {"search": {}}}, "[registries.block]\n"],
        ["[registries.search]\nregistries = ['s.io']\n", "[registries.block]\nregistries = []\n"],
    ),
    "the main file does not mix versions": (
        [
            "[registries.search]\nregistries = ['s.io']\n[registries.insecure]\nregistries = ['s.io', 't.io/']\n",
            "[registries.block]\nregistries = ['s.io']\n[registries.insecure]\nregistries = ['s.io']\n",
        ],
        [
            "unqualified-search-registries = []\n[registries.search]\nregistries = ['s.io']\n",
            "[registries.block]\nregistries = []\n[aliases]\n",
            "[registries.insecure]\nregistries = ['s.io']\n[[registry]]\nlocation = 't.io'\n",
        ],
    ),
    "a value has its type": (
        [
            _r(location="s.io", insecure=False),
            "unqualified-search-registries = []\n",
            "registry = [{location = 's.io'}]\n",
        ],
        [
            _r(location="s.io", insecure="true"),
            _r(location="s.io", blocked=1),
            _r(location=5),
            {"aliases": {"one": 1}},
            {"unqualified-search-registries": "s.io"},
            {"unqualified-search-registries": [1]},
            "registry = ['s.io']\n",
            "[registry]\nlocation = 's.io'\n",
            "aliases = 1\n",
            "[[registry]]\nlocation = 's.io'\nmirror = {location = 'm.io'}\n",
            "[[registry]]\nlocation = 2020-01-01\n",
            "[[registry]]\nlocation = 's.io'\nmirror-by-digest-only = 'yes'\n",
            "credential-helpers = 'pass'\n",
            "short-name-mode = true\n",
            "additional-layer-store-auth-helper = []\n",
        ],
    ),
    "the file is TOML": (
        [
            "",
            "# nothing\n",
            "[[registry]] # a comment\r\nlocation = 's.io'\r\n",
            '[[registry]]\n\'location\' = """s.io"""\n',
        ],
        ["[[registry]\n", "location = s.io\n", "x = 1\nx = 2\n", "[[registry]]\nlocation = 's.io\n", "\x00"],
    ),
}
MAIN_ONLY = ("the main file does not mix versions",)
DROP_IN_ONLY = ("a drop-in is version 2",)

# What CRI-O refuses for a name, with files that are accepted: (settings, names that are pulled, names that are refused).
NAMING: dict[str, tuple[_Data, list[str], list[str], str]] = {
    "a rewritten name is canonical": (
        _tables(
            registry(prefix="p.io", location="docker.io"),
            registry(prefix="*.p.io", location="index.docker.io"),
        ),
        ["p.io/team/foo", f"p.io/a/b@{DIGEST}", "p.io.q.io/foo"],
        ["p.io/foo", "p.io/foo:1", "x.p.io/foo/bar"],
        "enforcing",
    ),
    "a rewritten name is a name": (
        _tables(
            registry(prefix="p.io", location="q.io/Big"),
            registry(prefix="r.io", location="q.io:80"),
            registry(
                prefix="s.io",
                location="q.io",
                mirror=[registry(location="nohost", pull_from_mirror="digest-only")],
            ),
        ),
        ["r.io/foo", "s.io/foo:1", "s.io:80/foo"],
        ["p.io/foo", "r.io:80/foo", f"s.io/foo@{DIGEST}"],
        "enforcing",
    ),
    "a short name has an alias or a registry to search in": (
        {"aliases": {"foo": "p.io/foo", "team/foo": "docker.io/foo"}},
        ["foo", "foo:1", f"team/foo@{DIGEST}", f"foo:1@{DIGEST}"],
        ["bar", "team/bar:1", "foo/foo"],
        "enforcing",
    ),
    "a short name is not ambiguous": (
        {"unqualified-search-registries": ["p.io", "q.io"], "aliases": {"foo": "p.io/foo"}},
        ["foo", "foo:1"],
        ["bar", "bar:2", "localhost"],
        "enforcing",
    ),
    "a name is a name": ({}, ["p.io/foo", "p.io/a__b/c--d"], BAD_NAMES, "enforcing"),
}

MERGING: dict[str, Callable[[_Maker], None]] = {}
# These would hide the rule whose turn it is.
_HIDING = (
    "root's own file hides those below /etc",
    "no main file is needed",
    "root's own drop-ins come last",
)


def _merging(rule: str) -> Callable[[Callable[[_Maker], None]], Callable[[_Maker], None]]:
    def add(show: Callable[[_Maker], None]) -> Callable[[_Maker], None]:
        MERGING[rule] = show
        return show

    return add


class _Maker:
    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.data: dict[str, _Data | str] = {}
        self.pairs = 0
        self.made = Case(number, "")

    def case(self) -> Case:
        turns = [*((rule, refused) for rule in (*REFUSING, *NAMING) for refused in (False, True))]
        turns += [(rule, False) for rule in MERGING]
        rule, refused = turns[self.made.number % len(turns)]
        self.made.made = f"{rule}{', refused' if refused else ''}"
        for path in (
            MAIN,
            *(f"{FOLDER}/{name}" for name in self.chance.sample(DROP_INS, self.chance.randint(0, 2))),
        ):
            if self.chance.random() < 0.8:
                self.data[path] = self.settings()
        if rule not in NAMING:  # whose files decide alone
            others = [other for other in MERGING if other != rule and other not in _HIDING]
            for other in self.chance.sample(others, self.chance.randint(0, 2)):
                self.show(other, False)
        self.show(rule, refused)  # last, so that its files win
        if not self.made.is_refused:
            names = [*NAMES, *(SHORT_NAMES if self.chance.random() < 0.5 else [])]
            self.made.names += self.chance.sample(names, 3)
        self.made.names = list(dict.fromkeys(reversed(self.made.names)))[:9]
        self.made.files.update({path: _text(data) for path, data in self.data.items()})
        return self.made

    def show(self, rule: str, refused: bool) -> None:
        self.made.covers.append((rule, REFUSED if refused else ACCEPTED))
        if rule in MERGING:
            MERGING[rule](self)
        elif rule in NAMING:
            data, accepted, rejected, self.made.mode = NAMING[rule]
            for path in self.data:  # nothing else may decide about a short name, or be a longer prefix
                self.data[path] = {}
            self.put("90-rule.conf", data)
            self.made.names += self.chance.sample(rejected if refused else accepted, 2)
        else:
            good, bad = REFUSING[rule]
            data = self.chance.choice(bad if refused else good)
            in_main = rule in MAIN_ONLY or (rule not in DROP_IN_ONLY and self.chance.random() < 0.3)
            if in_main:
                self.data[MAIN] = data
            else:
                self.put(self.chance.choice(["00-rule.conf", "90-rule.conf"]), data)
            self.made.names += ["s.io/x/one:1", "one"]

    def put(self, name: str, data: _Data | str, folder: str = FOLDER) -> None:
        self.data[f"{folder}/{name}"] = data

    def settings(self) -> _Data:
        """Return one harmless file: the flags of a location are the same in all of its tables."""
        flags = {
            each: (self.chance.random() < 0.3, self.chance.random() < 0.2) for each in (*PREFIXES, *LOCATIONS)
        }
        tables = []
        for prefix in self.chance.sample(PREFIXES, self.chance.randint(0, 5)):
            location = self.chance.choice([*LOCATIONS, prefix, prefix])
            table = registry(prefix=prefix, location=location)
            if location == prefix:
                del table["location" if prefix.startswith("*.") else "prefix"]
            elif prefix.startswith("*.") and self.chance.random() < 0.3:
                del table["location"]
            table["insecure"], table["blocked"] = flags[table.get("location", prefix)]
            if self.chance.random() < 0.6:
                self.mirrors(table)
            tables.append(table)
        data: _Data = {"registry": tables} if tables else {}
        if self.chance.random() < 0.3:
            data["unqualified-search-registries"] = self.chance.sample(
                ["a.io", "docker.io", "b.io:5000"], self.chance.randint(0, 2)
            )
        if self.chance.random() < 0.3:
            data["aliases"] = {
                name: self.chance.choice(["a.io/foo", "docker.io/foo", ""]) for name in ("foo", "team/foo")
            }
        if self.chance.random() < 0.1:
            data["short-name-mode"] = self.chance.choice(["enforcing", "permissive", "disabled"])
        return data

    def mirrors(self, table: _Data) -> None:
        """Add mirrors to a table, with one of the two ways to restrict them."""
        by_digest = self.chance.random() < 0.3
        if by_digest:
            table["mirror-by-digest-only"] = True
        table["mirror"] = []
        for location in self.chance.sample(LOCATIONS, self.chance.randint(1, 3)):
            mirror: _Data = {"location": location, "insecure": self.chance.random() < 0.4}
            if not by_digest and self.chance.random() < 0.6:
                mirror["pull-from-mirror"] = self.chance.choice(["all", "digest-only", "tag-only", ""])
            table["mirror"].append(mirror)

    def two(self, first: _Data | str, second: _Data | str, *names: str) -> None:
        """Add two drop-ins; the second one is read later."""
        self.pairs += 1
        self.put(f"8{self.pairs}-first.conf", first)
        self.put(f"8{self.pairs}-second.conf", second)
        self.made.names += names


def _text(data: _Data | str) -> str:
    return data if isinstance(data, str) else toml.dumps(data)


@_merging("a table is replaced whole per prefix")
def _a_table_is_replaced_whole_per_prefix(maker: _Maker) -> None:
    maker.two(
        _r(location="w.io", insecure=True, mirror=[{"location": "m.io"}]),
        _r(prefix="w.io", location="v.io"),
        "w.io/foo",
    )


@_merging("the last search list wins, an empty one resets")
def _the_last_search_list_wins_an_empty_one_resets(maker: _Maker) -> None:
    maker.two(
        {"unqualified-search-registries": ["w.io"]},
        {"unqualified-search-registries": maker.chance.choice([[], ["v.io"]])},
        "some",
    )


@_merging("credential-helpers: the last one wins, an empty one is the default")
def _credential_helpers_the_last_one_wins_an_empty_one_is_the_def(maker: _Maker) -> None:
    maker.two({"credential-helpers": ["containers-auth.json"]}, {"credential-helpers": []}, "w.io/foo")


@_merging("short-name-mode and the auth helper: the last one wins, CRI-O has its own mode")
def _short_name_mode_and_the_auth_helper_the_last_one_wins_cri_o(maker: _Maker) -> None:
    helper = "additional-layer-store-auth-helper"
    maker.two(
        {"short-name-mode": "disabled", helper: "one"},
        {"short-name-mode": "permissive", "unqualified-search-registries": ["v.io", "w.io"], helper: ""},
        "some:1",
    )


@_merging("aliases are merged, an empty one deletes")
def _aliases_are_merged_an_empty_one_deletes(maker: _Maker) -> None:
    maker.two(
        {"aliases": {"one": "w.io/one", "two": "w.io/two", "three": "w.io/three"}},
        {"aliases": {"one": "", "two": "v.io/two"}, "unqualified-search-registries": ["u.io"]},
        "one",
        "two:1",
        "three",
    )


@_merging("an empty prefix is the location")
def _an_empty_prefix_is_the_location(maker: _Maker) -> None:
    maker.two(_r(prefix="", location="w.io/", insecure=True), {}, "w.io/foo")


@_merging("the first of two tables of one prefix wins in one file")
def _the_first_of_two_tables_of_one_prefix_wins_in_one_file(maker: _Maker) -> None:
    twins = _tables(
        registry(prefix="w.io", location="v.io"), registry(prefix="w.io/", location="u.io", insecure=True)
    )
    maker.two(twins, {}, "w.io/foo")


@_merging("contradictions between files pass")
def _contradictions_between_files_pass(maker: _Maker) -> None:
    maker.two(
        _r(prefix="w.io", location="v.io", insecure=True),
        _r(prefix="u.io", location="v.io"),
        "w.io/a",
        "u.io/a",
    )


@_merging("the longest prefix wins, and nothing is inherited")
def _the_longest_prefix_wins_and_nothing_is_inherited(maker: _Maker) -> None:
    tables = [
        registry(location="w.io", insecure=True, mirror=[{"location": "m.io"}]),
        registry(location="w.io/team"),
        registry(prefix="w.io/team/app", location="v.io/app", blocked=True),
    ]
    maker.chance.shuffle(tables)
    maker.two(_tables(*tables), {}, "w.io/foo", "w.io/team/foo", "w.io/team/app:1", "w.io/teams/foo")


@_merging("a host matches its ports")
def _a_host_matches_its_ports(maker: _Maker) -> None:
    maker.two(
        _r(prefix="w.io", location="v.io", insecure=True),
        _r(location="w.io:81"),
        "w.io:80/foo",
        "w.io:81/foo",
    )


@_merging("a wildcard matches subdomains")
def _a_wildcard_matches_subdomains(maker: _Maker) -> None:
    maker.two(
        _r(prefix="*.w.io", insecure=True),
        _r(prefix="*.v.w.io", location="u.io/x"),
        "a.w.io/foo",
        "w.io/foo",
        "b.a.w.io:80/foo",
        "a.v.w.io/foo:1",
    )


@_merging("a wildcard wins over a host of its length")
def _a_wildcard_wins_over_a_host_of_its_length(maker: _Maker) -> None:
    maker.two(
        _r(prefix="*.w.io", location="u.io"),
        _r(location="a.w.io", insecure=True),
        "a.w.io/foo",
        "a.w.io:80/foo",
        "ab.w.io/foo",
    )


@_merging("a wildcard matches at its first place only")
def _a_wildcard_matches_at_its_first_place_only(maker: _Maker) -> None:
    maker.two(_r(prefix="*.w.io", location="u.io"), {}, "a.w.io.w.io/foo", "a.w.io/foo.w.io")


@_merging("a prefix with a tag or a digest never matches")
def _a_prefix_with_a_tag_or_a_digest_never_matches(maker: _Maker) -> None:
    maker.two(
        _tables(
            registry(prefix="w.io/foo:1", location="v.io/foo"),
            registry(prefix=f"w.io/foo@{DIGEST}", location="v.io/foo"),
        ),
        {},
        "w.io/foo:1",
        f"w.io/foo@{DIGEST}",
    )


@_merging("mirrors come in order, the source last")
def _mirrors_come_in_order_the_source_last(maker: _Maker) -> None:
    mirrors = [
        {"location": each, "insecure": maker.chance.random() < 0.5} for each in ("m.io", "n.io:80/x", "o.io")
    ]
    maker.chance.shuffle(mirrors)
    maker.two(
        _r(prefix="w.io/a", location="v.io", mirror=mirrors), {}, "w.io/a/foo:1", f"w.io/a/foo@{DIGEST}"
    )


@_merging("pull-from-mirror selects by tag and digest")
def _pull_from_mirror_selects_by_tag_and_digest(maker: _Maker) -> None:
    mirrors = [
        registry(location=f"{each[:3]}.io", pull_from_mirror=each)
        for each in ("all", "digest-only", "tag-only")
    ]
    maker.two(
        _r(location="w.io", mirror=mirrors), {}, "w.io/foo", f"w.io/foo@{DIGEST}", f"w.io/foo:1@{DIGEST}"
    )


@_merging("mirror-by-digest-only needs a digest")
def _mirror_by_digest_only_needs_a_digest(maker: _Maker) -> None:
    table = registry(location="w.io", mirror_by_digest_only=True, mirror=[{"location": "m.io"}])
    maker.two(_tables(table), {}, "w.io/foo", f"w.io/foo@{DIGEST}")


@_merging("blocked is that of the place")
def _blocked_is_that_of_the_place(maker: _Maker) -> None:
    maker.two(
        _tables(
            registry(prefix="w.io", location="v.io", mirror=[{"location": "u.io/x"}]),
            registry(prefix="t.io", location="s.io", blocked=True),
        ),
        _tables(
            registry(location="v.io", blocked=True), registry(prefix="u.io", location="r.io", blocked=True)
        ),
        "w.io/foo",
        "t.io/foo",
        "v.io/foo",
    )


@_merging("a blocked source with mirrors is never contacted")
def _a_blocked_source_with_mirrors_is_never_contacted(maker: _Maker) -> None:
    maker.two(
        _r(location="w.io", blocked=True, mirror=[{"location": "m.io"}]), {}, "w.io/foo", f"w.io/foo@{DIGEST}"
    )


@_merging("insecure is that of the endpoint")
def _insecure_is_that_of_the_endpoint(maker: _Maker) -> None:
    maker.two(
        _r(
            location="w.io",
            insecure=True,
            mirror=[{"location": "v.io"}, {"location": "u.io", "insecure": True}],
        ),
        _tables(registry(location="v.io", insecure=True), registry(location="u.io")),
        "w.io/foo",
    )


@_merging("images of docker.io have library/")
def _images_of_docker_io_have_library(maker: _Maker) -> None:
    maker.two(
        _tables(
            registry(prefix="docker.io/nginx", location="v.io/nginx"),
            registry(prefix="docker.io", location="m.io/hub"),
        ),
        _r(prefix="docker.io/library/nginx", location="u.io/nginx"),
        "docker.io/nginx",
        "docker.io/nginx/nginx",
        "index.docker.io/nginx:1",
        "docker.io/library/redis",
    )


@_merging("unknown keys are ignored")
def _unknown_keys_are_ignored(maker: _Maker) -> None:
    maker.two(
        "unknown = 1\n[[registry]]\nlocation = 'w.io'\ninsecur = true\nmirrors = [{location = 'm.io'}]\n"
        "[nothing]\nx = 2020-01-01\n",
        {},
        "w.io/foo",
    )


@_merging("keys match in any case")
def _keys_match_in_any_case(maker: _Maker) -> None:
    maker.two(
        "[[Registry]]\nLocation = 'w.io'\nINSECURE = true\n[[Registry.Mirror]]\nLocation = 'm.io'\n",
        {},
        "w.io/foo",
    )


@_merging("only files that end with .conf are read")
def _only_files_that_end_with_conf_are_read(maker: _Maker) -> None:
    for name in ("93-x.conf.bak", "94-x", "95-x.CONF", "97-folder.conf/x.conf", "sub/98-x.conf"):
        maker.put(name, _r(prefix="w.io", location="bad.io"))
    maker.made.names.append("w.io/foo")


@_merging("root's own file hides those below /etc")
def _root_s_own_file_hides_those_below_etc(maker: _Maker) -> None:
    maker.data[OWN] = _r(prefix="w.io", location="v.io")
    maker.data[f"{OWN}.d/10-x.conf"] = {"aliases": {"some": "w.io/some"}}
    maker.made.names += ["w.io/foo", "some"]


@_merging("root's own drop-ins come last")
def _root_s_own_drop_ins_come_last(maker: _Maker) -> None:
    maker.put("zz-last.conf", _r(prefix="w.io", location="u.io"))
    maker.data[f"{OWN}.d/00-x.conf"] = _r(prefix="w.io", location="v.io")
    maker.made.names.append("w.io/foo")


@_merging("no main file is needed")
def _no_main_file_is_needed(maker: _Maker) -> None:
    maker.data.pop(MAIN, None)
    maker.made.names.append("some")


@_merging("recorded aliases outrank those of the files")
def _recorded_aliases_outrank_those_of_the_files(maker: _Maker) -> None:
    maker.two({"aliases": {"one": "w.io/one", "two": "w.io/two"}}, {}, "one", "two:1")
    maker.data[RECORDED] = {"aliases": {"one": "v.io/one", "two": maker.chance.choice(["", "u.io/two"])}}


@_merging("all registries are searched if short_name_mode is disabled")
def _all_registries_are_searched_if_short_name_mode_is_disabled(maker: _Maker) -> None:
    maker.made.mode = "disabled"
    maker.two(
        {"unqualified-search-registries": ["w.io", "docker.io", "host"]},
        _r(location="w.io", blocked=True),
        "some",
        f"some@{DIGEST}",
    )


@_merging("a credential is looked up for each place")
def _a_credential_is_looked_up_for_each_place(maker: _Maker) -> None:
    keys = maker.chance.sample(
        ["m.io", "m.io/x", "v.io", "docker.io", "https://index.docker.io/v1/", "w.io", "v.io/y/foo"], 3
    )
    entries = ", ".join(f'"{key}": {{"auth": "dTpw"}}' for key in keys)
    maker.data[AUTH] = f'{{"auths": {{{entries}, "o.io": {{}}}}}}\n'
    maker.two(
        _r(
            prefix="w.io",
            location="v.io/y",
            mirror=[{"location": "m.io/x"}, {"location": "n.io"}, {"location": "o.io"}],
        ),
        {},
        "w.io/foo",
        "docker.io/foo",
    )


@_merging("credentials of the pod are not sent to mirrors on another host")
def _credentials_of_the_pod_are_not_sent_to_mirrors_on_another_ho(maker: _Maker) -> None:
    maker.made.credentials = True
    maker.two(
        _r(prefix="w.io", location="w.io/y", mirror=[{"location": "m.io"}, {"location": "w.io/cache"}]),
        {},
        "w.io/foo",
    )


def by_hand() -> Iterator[Case]:
    """Yield the cases that people have met: configurations of real fleets and of manuals."""
    texts = {
        "the file of CRI-O's package": (
            {f"{FOLDER}/crio.conf": 'unqualified-search-registries = ["docker.io"]\n'},
            ["nginx", "a/b:1"],
        ),
        "a pull-through cache of Docker Hub": (
            {
                MAIN: "[[registry]]\nprefix = 'docker.io'\nlocation = 'registry-1.docker.io'\n"
                "[[registry.mirror]]\nlocation = 'cache.lan:5000'\ninsecure = true\n"
            },
            ["nginx", "docker.io/nginx:1.27", "docker.io/bitnami/redis"],
        ),
        "a disconnected cluster of OpenShift": (
            {
                MAIN: "unqualified-search-registries = ['registry.access.redhat.com', 'docker.io']\nshort-name-mode = ''\n"
                "[[registry]]\nprefix = ''\nlocation = 'quay.io/openshift-release-dev/ocp-release'\nblocked = true\n"
                "[[registry.mirror]]\nlocation = 'mirror.lan/ocp/release'\npull-from-mirror = 'digest-only'\n"
            },
            [
                f"quay.io/openshift-release-dev/ocp-release@{DIGEST}",
                "quay.io/openshift-release-dev/ocp-release:4",
                "ubi9",
            ],
        ),
        "kubespray's registry with a scheme": (
            {
                f"{FOLDER}/10-kubespray.conf": "[[registry]]\nprefix = 'docker.io'\nlocation = 'https://mirror.lan'\n"
            },
            [],
        ),
        "an insecure registry by its address": (
            {MAIN: "[[registry]]\nlocation = '10.1.2.3:5000'\ninsecure = true\n"},
            ["10.1.2.3:5000/a"],
        ),
        "blocked Docker Hub": (
            {MAIN: "[[registry]]\nlocation = 'docker.io'\nblocked = true\n"},
            ["docker.io/nginx", "quay.io/a/b"],
        ),
        "a mirror for everything below a domain": (
            {MAIN: "[[registry]]\nprefix = '*.corp.example'\nlocation = 'mirror.lan/corp'\n"},
            ["git.corp.example:5050/team/app:1", "corp.example/app", "a.b.corp.example/x"],
        ),
    }
    for number, (made, (files, names)) in enumerate(texts.items()):
        refused = [("a location has no scheme", REFUSED)] if "scheme" in made else []
        yield Case(-1 - number, made, dict(files), names, covers=refused)
