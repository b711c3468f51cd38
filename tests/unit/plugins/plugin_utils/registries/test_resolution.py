# SPDX-License-Identifier: GPL-3.0-or-later
"""Where names are pulled from; `make conformance` compares it with CRI-O and skopeo."""

from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.registries import (
    effective,
    image_reference,
    resolution,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile
from testbed.bad_registries import registry

DIGEST = f"sha256:{'0' * 64}"
PATH = "/etc/containers/registries.conf"


def of(data):
    return effective.merge([effective.File(PATH, data, drop_in=False)])


def tables(*all_of_them):
    return of({"registry": [registry(**each)["registry"][0] for each in all_of_them]})


def places(name, found, mode="enforcing"):
    """Return (reference, insecure, blocked by) of each endpoint."""
    return [
        (each.reference, each.insecure, each.blocked)
        for each in resolution.resolve(name, found, mode).endpoints
    ]


def test_a_name_without_a_table_is_pulled_as_it_is():
    found = resolution.resolve("docker.io/nginx", of({}))
    assert found.candidates == ("docker.io/library/nginx:latest",)
    assert found.endpoints == (
        resolution.Endpoint(
            "docker.io/library/nginx:latest",
            "docker.io/library/nginx:latest",
            "source",
            False,
            "",
            "",
            "",
            "no table applies",
            None,
            True,
        ),
    )


def test_mirrors_come_in_order_and_the_source_last_each_with_its_own_flags():
    found = tables(
        {
            "location": "a.io",
            "insecure": True,
            "mirror": [{"location": "m.io"}, {"location": "n.io/x", "insecure": True}],
        }
    )
    assert places("a.io/foo", found) == [
        ("m.io/foo:latest", False, ""),
        ("n.io/x/foo:latest", True, ""),
        ("a.io/foo:latest", True, ""),
    ]
    assert [each.why for each in resolution.resolve("a.io/foo", found).endpoints] == [
        "mirror 1 of a.io",
        "mirror 2 of a.io",
        "location of a.io",
    ]


@pytest.mark.parametrize(
    ("name", "used", "skipped"),
    [
        ("a.io/foo:1", ["all.io", "tag.io"], ["digest-only, and the name has no digest"]),
        (f"a.io/foo@{DIGEST}", ["all.io", "digest.io"], ["tag-only, and the name has a digest"]),
        (f"a.io/foo:1@{DIGEST}", ["all.io", "digest.io"], ["tag-only, and the name has a digest"]),
    ],
)
def test_mirrors_for_digests_or_tags_only_are_skipped_with_the_reason(name, used, skipped):
    mirrors = [{"location": f"{each}.io", "pull-from-mirror": f"{each}-only"} for each in ("digest", "tag")]
    found = resolution.resolve(
        name, tables({"location": "a.io", "mirror": [{"location": "all.io"}, *mirrors]})
    )
    assert [each.reference.partition("/")[0] for each in found.endpoints if each.kind == "mirror"] == used
    assert [reason for _location, reason in found.skipped] == skipped


def test_blocked_is_looked_up_for_each_place_and_not_for_the_name():
    one = registry(prefix="a.io", location="b.io", mirror=[{"location": "m.io"}])
    other = {
        "registry": [
            {"location": "b.io", "blocked": True},  # in the same file, a contradiction
            {"prefix": "m.io", "location": "x.io", "blocked": True},
            {"prefix": "c.io", "location": "d.io", "blocked": True},
        ]
    }
    found = effective.merge([effective.File(PATH, one, False), effective.File("/later", other, True)])
    assert places("a.io/foo:1", found) == [("m.io/foo:1", False, "m.io"), ("b.io/foo:1", False, "b.io")]
    assert places("c.io/foo:1", found) == [("d.io/foo:1", False, "")]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("xx.a.io/foo", "*.a.io"),
        ("x.a.io/foo", "*.a.io"),  # as long as x.a.io, and the first one
        ("x.a.io:5000/foo", "x.a.io:5000"),
        ("b.a.io.a.io/foo", ""),
        ("a.io/foo", "a.io"),
        ("a.io:80/foo", "a.io"),
        ("a.iox/foo", ""),
        ("a.io/team/foo", "a.io/team"),
        ("a.io/teams/foo", "a.io"),
        (f"a.io/app@{DIGEST}", "a.io"),
    ],
)
def test_the_longest_prefix_wins_as_containers_image_compares_them(name, prefix):
    names = ("a.io", "a.io/team", "x.a.io", "x.a.io:5000", "*.a.io", f"a.io/app@{DIGEST}")
    found = tables(*({"prefix": each, "location": "l.io"} for each in names))
    [endpoint] = resolution.resolve(name, found).endpoints
    assert endpoint.prefix == prefix
    assert endpoint.path == (PATH if prefix else "")


def test_one_place_that_is_not_a_full_name_prevents_the_whole_pull():
    found = tables({"location": "a.io", "mirror": [{"location": "docker.io"}]})
    result = resolution.resolve("a.io/nginx", found)
    assert result.endpoints == ()
    assert result.problems == ("a.io/nginx:latest: rewriting reference: repository name must be canonical",)
    assert places("a.io/team/nginx", found)[0][0] == "docker.io/team/nginx:latest"


class TestShortNames:
    """Aliases, registries to search in, and modes."""

    found = of(
        {
            "aliases": {"one": "docker.io/one", "team/two": "a.io/two", "gone": ""},
            "unqualified-search-registries": ["a.io", "docker.io"],
        }
    )

    def test_an_alias_gets_the_tag_and_the_digest_of_the_name(self):
        assert places("one:2", self.found) == [("docker.io/library/one:2", False, "")]
        assert places(f"team/two:1@{DIGEST}", self.found) == [(f"a.io/two@{DIGEST}", False, "")]

    @pytest.mark.parametrize("name", ["three:1", "gone"])
    def test_several_registries_are_refused_unless_the_mode_is_disabled(self, name):
        refused = resolution.resolve(name, self.found)
        assert refused.error == f"short name mode is enforcing, but image name {name} returns ambiguous list"
        assert refused.endpoints == ()
        tag = "" if ":" in name else ":latest"
        assert resolution.resolve(name, self.found, "disabled").candidates == (
            f"a.io/{name}{tag}",
            f"docker.io/library/{name}{tag}",
        )

    def test_a_recorded_alias_wins_also_if_it_is_empty(self):
        recorded = effective.File("/cache", {"aliases": {"one": "", "x": "b.io/x"}}, drop_in=True)
        data = {"aliases": {"one": "a.io/one", "x": "a.io/x"}, "unqualified-search-registries": ["c.io"]}
        found = effective.merge([effective.File(PATH, data, drop_in=False)], recorded)
        assert places("one", found) == [("c.io/one:latest", False, "")]
        assert places("x", found) == [("b.io/x:latest", False, "")]

    def test_without_a_registry_to_search_in_the_name_is_refused_with_the_file(self):
        assert resolution.resolve("foo", of({})).error == (
            f'short-name "foo" did not resolve to an alias and no unqualified-search registries are defined in "{PATH}"'
        )
        assert resolution.resolve("foo", effective.merge([])).error == (
            'short-name "foo" did not resolve to an alias and no containers-registries.conf(5) was found'
        )

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("foo bar", 'cannot parse input: "foo bar": invalid reference format'),
            ("a.io/Foo", 'cannot parse input: "a.io/Foo": repository name must be lowercase'),
            (
                f"a.io/foo@md5:{'0' * 32}",
                f'cannot parse input: "a.io/foo@md5:{"0" * 32}": unsupported digest algorithm',
            ),
        ],
    )
    def test_what_is_not_a_name_is_refused_in_the_words_of_crio(self, name, error):
        assert resolution.resolve(name, self.found).error == error


def test_the_credential_of_each_place_is_found_by_the_most_specific_key():
    found = tables({"location": "a.io", "mirror": [{"location": "m.io/x"}]})
    files = [AuthFile("/auth", ("m.io", "m.io/x", "m.io/x/bar", "b.io"))]
    mirror, source = resolution.resolve("a.io/foo", found, auth_files=files).endpoints
    assert mirror.credential == {"key": "m.io/x", "path": "/auth", "helper": ""}
    assert source.credential is None
    assert (mirror.gets_pod_credentials, source.gets_pod_credentials) == (False, True)


def test_the_cost_of_a_name_does_not_depend_on_the_number_of_registries():
    def cost(count):
        found = tables(*({"prefix": f"r{number}.io", "location": f"m{number}.io"} for number in range(count)))
        return min(timeit.repeat(lambda: resolution.resolve("x.y.io:80/a/b:1", found), number=100, repeat=7))

    assert cost(2000) < 2 * cost(20)


_HOSTS = st.sampled_from(
    ["a.io", "b.a.io", "c.b.a.io", "a.io.a.io", "a.io:80", "localhost", "10.0.0.1:5000", "B.a.io"]
)
_PATHS = st.sampled_from(["x", "x/y", "a.io", "x/a.io/y"])
_PREFIXES = [
    "a.io",
    "b.a.io",
    "*.a.io",
    "*.io",
    "*.b.a.io",
    "a.io:80",
    "a.io/x",
    "a.io/x/y",
    "localhost",
    "localhost/x",
    "10.0.0.1",
    "*.0.0.1",
    "B.a.io",
    "*.a",
]


def _matches(name, prefix):
    """Compare as refMatchingPrefix and refMatchingSubdomainPrefix do, prefix by prefix."""
    if prefix.startswith("*."):
        place = name.find(prefix[1:])
        if place < 0 or "/" in name[:place]:
            return False
        end = place + len(prefix) - 1
    else:
        if not name.startswith(prefix):
            return False
        end = len(prefix)
    return end == len(name) or name[end] in ":/@"


@given(host=_HOSTS, path=_PATHS, prefixes=st.sets(st.sampled_from(_PREFIXES), max_size=6))
def test_the_lookup_finds_the_table_that_a_scan_of_all_tables_finds(host, path, prefixes):
    name = f"{host}/{path}"
    winner = ""
    for prefix in sorted(prefixes):
        if _matches(name, prefix) and len(prefix) > len(winner):
            winner = prefix
    found = [each for each in image_reference.prefixes_of_repository(name) if each in prefixes]
    assert (found or [""])[0] == winner
