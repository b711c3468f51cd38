# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.registries.rules import FILE
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from testbed.bad_registries import REFUSALS, registry

REFUSED = f"CRI-O refuses {FILE}: "


def checked(*layers):
    """Return the check of layers named registries_config, registries_config__1, ..."""
    names = ["registries_config", *(f"registries_config__{number}" for number in range(1, len(layers)))]
    return registries_conf.check(list(zip(names, layers, strict=True)))


def sentences(problems):
    return [str(problem) for problem in problems]


def test_an_insecure_registry_with_an_empty_prefix_is_written_unchanged():
    result = checked({"registry": [{"prefix": "", "location": "abcd.example.com", "insecure": True}]})
    assert (result.problems, result.warnings) == ([], [])
    assert tomllib.loads(toml.dumps(result.data)) == {
        "registry": [{"prefix": "", "location": "abcd.example.com", "insecure": True}]
    }


def test_every_key_of_the_format_is_accepted():
    data = {
        "additional-layer-store-auth-helper": "helper",
        "aliases": {"fedora": "registry.example.com/fedora", "gone": ""},
        "credential-helpers": ["containers-auth.json", "pass"],
        "short-name-mode": "enforcing",
        "unqualified-search-registries": ["registry.example.com:5000"],
        "registry": [
            {
                "prefix": "a.example.com/team",
                "location": "b.example.com/team",
                "insecure": False,
                "blocked": False,
                "mirror-by-digest-only": False,
                "mirror": [{"location": "m.example.com", "insecure": True, "pull-from-mirror": "tag-only"}],
            },
            {"prefix": "*.example.org", "blocked": True},
        ],
    }
    result = checked(data)
    assert sentences(result.problems) == []
    written = tomllib.loads(toml.dumps(result.data))
    assert written.pop("registry") == [data["registry"][1], data["registry"][0]]
    assert written == {name: value for name, value in data.items() if name != "registry"}


def test_lossless_conversions_are_made_and_others_are_refused():
    result = checked(registry(location="a.io", insecure="True", blocked="yes"))
    assert result.data["registry"] == [{"location": "a.io", "insecure": True}]
    assert sentences(result.problems) == [
        "registries_config: registry.'a.io'.blocked = \"yes\": is a string, not a boolean; accepted: true or false"
    ]


class TestLayers:
    """Scalars and lists are replaced, null removes, tables of registry are merged by prefix."""

    def test_tables_of_one_prefix_become_one_table(self):
        result = checked(
            {"registry": [{"prefix": "a.io", "location": "b.io", "insecure": True}, {"location": "c.io"}]},
            {
                "registry": [
                    {"prefix": "a.io/", "insecure": None, "blocked": True},
                    {"prefix": "c.io", "insecure": True},
                ]
            },
        )
        assert sentences(result.problems) == []
        assert result.data["registry"] == [
            {"prefix": "a.io/", "location": "b.io", "blocked": True},
            {"location": "c.io", "prefix": "c.io", "insecure": True},
        ]
        assert result.sources["registry", "a.io", "blocked"] == "registries_config__1"
        assert result.sources["registry", "a.io", "location"] == "registries_config"

    def test_the_mirrors_of_a_later_layer_replace_earlier_ones(self):
        result = checked(
            registry(location="a.io", mirror=[{"location": "m.io"}]),
            registry(location="a.io", mirror=[{"location": "n.io"}]),
        )
        assert result.data["registry"] == [{"location": "a.io", "mirror": [{"location": "n.io"}]}]

    def test_a_null_location_removes_the_whole_table(self):
        result = checked(
            {"registry": [{"location": "a.io", "insecure": True}, {"location": "b.io"}]},
            registry(prefix="a.io", location=None),
        )
        assert sentences(result.problems) == []
        assert result.data["registry"] == [{"location": "b.io"}]

    def test_keys_beside_a_null_location_start_a_new_table(self):
        result = checked(
            registry(prefix="*.io", location="b.io", insecure=True),
            registry(prefix="*.io", location=None, blocked=True),
        )
        assert result.data["registry"] == [{"prefix": "*.io", "blocked": True}]

    def test_null_removes_all_tables_or_a_scalar(self):
        result = checked(
            {
                **registry(location="a.io"),
                "unqualified-search-registries": ["a.io"],
                "aliases": {"x": "a.io/x"},
            },
            {"registry": None, "unqualified-search-registries": None, "aliases": {"x": None}},
        )
        assert result.data == {"aliases": {}}

    def test_the_order_of_layers_and_tables_does_not_change_the_file(self):
        one, other = registry(location="a.io"), registry(location="b.io")
        both = {"registry": [*other["registry"], *one["registry"]]}
        assert checked(one, other).data == checked(other, one).data == checked(both).data

    def test_each_value_has_its_variable_as_its_source(self):
        result = checked(
            {"aliases": {"x": "a.io/x"}, **registry(location="a.io", mirror=[{"location": "m.io"}])},
            {"credential-helpers": []},
        )
        assert {path for path, _value in registries_conf.walk(result.data)} == {
            ("aliases", "x"),
            ("credential-helpers",),
            ("registry", "a.io", "location"),
            ("registry", "a.io", "mirror"),
        }
        assert result.sources["credential-helpers",] == "registries_config__1"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(
            {"registry": {"location": "a.io"}},
            "registry: is a mapping, not a list: registries.conf has [[registry]]; accepted: a list of mappings",
            id="one table without a list",
        ),
        pytest.param(
            {"registry": ["a.io"]},
            'registry[0] = "a.io": is a string, not a mapping; accepted: a mapping of the keys of a registry',
            id="a text for a table",
        ),
        pytest.param(
            registry(location="a.io", mirror={"location": "m.io"}),
            "registry.'a.io'.mirror: is a mapping, not a list; accepted: a list of mappings",
            id="one mirror without a list",
        ),
        pytest.param(
            registry(location="a.io", mirrors=[]),
            "registry.'a.io'.mirrors: is unknown to containers/image, which silently ignores it; "
            "did you mean mirror?",
            id="mirrors for mirror",
        ),
        pytest.param(
            registry(location="a.io", mirror=[{"location": "m.io", "insecur": True}]),
            "registry.'a.io'.mirror[0].insecur: is unknown to containers/image, which silently ignores it; "
            "did you mean insecure?",
            id="a typo in a mirror",
        ),
        pytest.param(
            {"registries": {"insecure": {"registries": ["a.io"]}}},
            "registries: is a table of version 1 of registries.conf, which a drop-in cannot use; did you mean registry?",
            id="version 1 of the format",
        ),
        pytest.param(
            {"registry": [{"location": "a.io"}, {"prefix": "a.io", "location": "b.io"}]},
            "registry[1]: is a second table for a.io: containers/image silently uses the first table only; "
            "accepted: one table for each prefix",
            id="one prefix twice in a layer",
        ),
        pytest.param(
            registry(location="*.example.com", insecure=True),
            "registry.'*.example.com'.location = \"*.example.com\": is a wildcard, which only a prefix can be: "
            'no image can be pulled through this table; accepted: prefix: "*.example.com" without a location',
            id="a wildcard for a location",
        ),
    ],
)
def test_values_that_containers_image_silently_accepts_are_refused(data, sentence):
    assert sentences(checked(data).problems) == [f"registries_config: {sentence}"]


_MIRROR = {"location": "m.io"}
_NO_IMAGE = {
    # prefix: what to write instead
    "*": "*.example.com for all registries of a domain",
    "**": "*.example.com for all registries of a domain",
    "*.": "*.example.com for all registries of a domain",
    "*io": "*.example.com for all registries of a domain",
    "a.*.io": "*.example.com for all registries of a domain",
    "*.a b": "*.example.com for all registries of a domain",
    "a.io/*": "accepted: a.io",
    "a.io:5000/team/*": "accepted: a.io:5000/team",
    "registry/*": "*.example.com for all registries of a domain",
    "10.233.0.0/18": "one table for each host[:port], for example 10.233.0.1:5000",
    "192.168.0.0/32": "one table for each host[:port]",
    "fd00::/8": "host[:port], with or without a path",
    "[::1]:5000": "host[:port], with or without a path",
    "index.docker.io": "accepted: docker.io",
    "index.docker.io/library": "accepted: docker.io/library",
    "registry": "host[:port], with or without a path",
    "team/app": "host[:port], with or without a path",
    "a.io:port": "host[:port], with or without a path",
    "a.io/Team": "accepted: a.io/team",
    "docker://a.io/team": "accepted: a.io/team",
    "a.io//team": "host[:port], with or without a path",
    "a.io/app@sha256:12": "host[:port], with or without a path",
    "a.io/app:": "host[:port], with or without a path",
    "a..io": "host[:port], with or without a path",
    ".a.io": "host[:port], with or without a path",
    "-a.io": "host[:port], with or without a path",
    "a.io/app:1": "accepted: a.io/app",
    f"a.io/app@sha256:{'0' * 64}": "accepted: a.io/app",
    f"a.io/app:1@sha256:{'0' * 64}": "accepted: a.io/app",
}
_NAMES = [
    "a.io", "a.io:5000", "a.io/team", "a.io/team/app", "localhost", "localhost:1/x",
    "registry:5000", "10.233.0.1:5000", "10.233.0.1/team", "10.233.0.1/18/app", "10.233.0.1/99", "docker.io/library/x",
    "registry-1.docker.io", "a.io/a__b", "A.io/x",
]  # fmt: skip


@pytest.mark.parametrize("prefix", _NO_IMAGE)
@pytest.mark.parametrize("key", ["prefix", "location"])
def test_a_prefix_that_no_image_can_have_is_refused_with_a_working_alternative(prefix, key):
    table = (
        {"prefix": prefix, "location": "b.io", "insecure": True} if key == "prefix" else {"location": prefix}
    )
    found = [each for each in sentences(checked(registry(**table)).problems) if REFUSED not in each]
    assert len(found) == 1
    assert f".{key}" in found[0]
    assert "image" in found[0]
    assert _NO_IMAGE[prefix] in found[0]


@pytest.mark.parametrize("prefix", _NAMES)
@pytest.mark.parametrize("key", ["prefix", "location"])
def test_a_prefix_that_an_image_can_have_is_accepted(prefix, key):
    table = {"prefix": prefix, "location": "b.io"} if key == "prefix" else {"location": prefix}
    assert sentences(checked(registry(**table)).problems) == []


@pytest.mark.parametrize(
    "location", ["registry/team", "a.io:port", "10.0.0.0/8", "*.a.io", "*", "fd00::/8", "a.io/Team"]
)
def test_a_location_that_no_image_can_be_pulled_from_is_refused(location):
    for data in (
        registry(prefix="b.io", location=location),
        registry(location="b.io", mirror=[{"location": location}]),
    ):
        [found] = sentences(checked(data).problems)
        assert "no image c" in found
        assert "; accepted: " in found


@given(st.sampled_from(sorted(_NO_IMAGE)) | st.text(alphabet="aA0._-:/@*[]", min_size=1, max_size=20))
def test_the_working_alternative_of_a_message_is_accepted(text):
    for key in ("prefix", "location"):
        table = {"prefix": text, "location": "b.io"} if key == "prefix" else {"location": text}
        for problem in checked(registry(**table)).problems:
            meant = (problem.accepted or "").strip()
            if meant and " " not in meant:
                assert sentences(checked(registry(prefix=meant, location="b.io")).problems) == []
            elif (
                meant.startswith("prefix: ")
                and meant.endswith("without a location")
                and "example.com" not in meant
            ):
                assert sentences(checked(registry(prefix=meant.split('"')[1])).problems) == []


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            {"insecure": True},
            {},
            "registry 'a.io' is defined multiple times with conflicting 'insecure' setting",
        ),
        ({"insecure": "true"}, {"insecure": False}, "conflicting 'insecure' setting"),
        ({}, {"prefix": "a.io", "blocked": True}, "conflicting 'blocked' setting"),
        ({"insecure": True}, {"insecure": "True"}, "silently uses the first table only"),
        ({"insecure": True}, {"prefix": "a.io", "location": "b.io"}, "silently uses the first table only"),
        ({"mirror": []}, {}, "silently uses the first table only"),
    ],
)
def test_two_tables_for_one_prefix_are_refused_with_the_behaviour_of_containers_image(
    first, second, sentence
):
    [found] = sentences(
        checked({"registry": [{"location": "a.io", **first}, {"location": "a.io", **second}]}).problems
    )
    assert "registry[1]: " in found
    assert sentence in found
    assert (REFUSED in found) == ("conflicting" in sentence)


@pytest.mark.parametrize(("data", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_values_that_containers_image_refuses_are_refused_with_its_message(data, reason):
    found = sentences(checked(data).problems)
    assert len(found) == 1
    assert REFUSED + reason in found[0]
    assert found[0].startswith("registries_config: ")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            {"registry": [{"location": "a.io", "insecure": True}, {"location": "a.io/team"}]},
            "inherits nothing from a.io: set insecure here as well",
            id="insecure is not inherited",
        ),
        pytest.param(
            {"registry": [{"prefix": "*.a.io", "blocked": True}, {"location": "x.a.io:5000"}]},
            "inherits nothing from *.a.io: set blocked here as well",
            id="blocked is not inherited from a wildcard",
        ),
        pytest.param(
            {
                "registry": [
                    {"location": "a.io", "insecure": True, "mirror": [_MIRROR]},
                    {"prefix": "a.io/team", "location": "b.io"},
                ]
            },
            "inherits nothing from a.io: set mirror here as well",
            id="mirrors are not inherited, and insecure of another host is ignored",
        ),
        pytest.param(
            {
                "registry": [
                    {"prefix": "*.a.io", "insecure": True},
                    {"prefix": "xx.a.io", "location": "y.a.io"},
                    {"prefix": "b.io", "location": "y.a.io"},
                ]
            },
            "inherits nothing from *.a.io: set insecure here as well if needed, and for b.io, which has the same",
            id="a repeated key must not conflict with another table of the location",
        ),
    ],
)
def test_settings_without_effect_are_reported(data, words):
    result = checked(data)
    assert sentences(result.problems) == []
    assert len(result.warnings) == 1
    assert words in str(result.warnings[0])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"registry": [{"location": "a.io"}, {"location": "a.iodine"}]}, id="other registries"),
        pytest.param(
            {"registry": [{"location": "a.io", "insecure": True}, {"location": "a.io/x", "insecure": False}]},
            id="repeated",
        ),
        pytest.param(
            {"registry": [{"location": "a.io", "insecure": True}, {"location": "a.io/x", "blocked": True}]},
            id="blocked, so that nothing else matters",
        ),
        pytest.param(registry(prefix="a.io/foo", location="localhost/foo"), id="one image"),
    ],
)
def test_effective_settings_cause_no_warning(data):
    assert (sentences(checked(data).problems), sentences(checked(data).warnings)) == ([], [])


_TEXTS = st.sampled_from(
    [
        "", "/", "a.io", "a.io/", "a.io/x", "a.io:5000", "a.io:x", "*.a.io", "*.a.io/x", "*.a.io:1", "*", "*a.io", "*.",
        "http://a.io", "https://", "localhost", "A.io/X", "m.io", "all", "digest-only", "x y", "a..b", "-a", "ä.io",
        "foo", "foo/bar", "foo:1", "a.io/foo:1", f"foo@sha256:{'0' * 64}", f"a.io/foo:1@sha256:{'0' * 64}", "a__b", "a___b",
        "a--b/c", "0" * 64, "x/" * 130 + "x",
    ]
)  # fmt: skip
_ENDPOINTS = st.fixed_dictionaries(
    {}, optional={"location": _TEXTS, "insecure": st.booleans(), "pull-from-mirror": _TEXTS}
)
_TABLES = st.builds(
    lambda endpoint, table: {**endpoint, **table},
    _ENDPOINTS,
    st.fixed_dictionaries(
        {},
        optional={
            "prefix": _TEXTS,
            "blocked": st.booleans(),
            "mirror-by-digest-only": st.booleans(),
            "mirror": st.lists(_ENDPOINTS, max_size=2),
        },
    ),
)
_FILES = st.fixed_dictionaries(
    {},
    optional={
        "registry": st.lists(_TABLES, max_size=3),
        "unqualified-search-registries": st.lists(_TEXTS, max_size=2),
        "short-name-mode": _TEXTS,
        "aliases": st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    },
)


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    """Return a function that returns why containers/image, which skopeo contains, refuses a file's data, or None."""
    if not shutil.which("skopeo"):
        pytest.skip("no skopeo on this machine")
    home = tmp_path_factory.mktemp("home")
    drop_in = home / ".config/containers/registries.conf.d/zz-cri-node.conf"
    drop_in.parent.mkdir(parents=True)
    begin = f'loading drop-in registries configuration "{drop_in}": '

    def load(data):
        drop_in.write_text(toml.dumps(data))
        # Nothing listens there, so that an accepted file ends with another error.
        command = ["skopeo", "inspect", "--no-creds", "docker://localhost:1/foo:1"]
        done = subprocess.run(
            command,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stderr.encode().decode("unicode_escape", errors="replace")
        return output.partition(begin)[2].rstrip("\n").removesuffix('"') or None

    return load


def test_messages_match_those_of_containers_image(loader):
    assert {name: loader(data) for name, (data, _reason) in REFUSALS.items()} == {
        name: reason for name, (_data, reason) in REFUSALS.items()
    }


@settings(max_examples=200)
@given(data=_FILES)
def test_the_check_agrees_with_containers_image(loader, data):
    result = checked(data)
    refusals = [str(problem) for problem in result.problems if REFUSED in str(problem)]
    # What it takes in silence and this check does not is another matter; without that the file is the checked data.
    if len(refusals) == len(result.problems):
        assert bool(loader(result.data)) == bool(refusals), (loader(result.data), refusals)


@given(data=_FILES)
def test_valid_data_is_written_without_loss(data):
    result = checked(data)
    if not result.problems:
        assert tomllib.loads(toml.dumps(result.data)) == result.data


@given(text=st.text(alphabet="aA0._-:/@*", max_size=60))
def test_no_name_takes_long_to_check(text):
    checked({"aliases": {text: text}, **registry(location=text, prefix=text)})


class TestReplacedTables:
    """A table with a null location, followed by the new one in the same layer."""

    def test_a_table_is_replaced_as_a_whole(self):
        result = checked(
            registry(location="a.io", insecure=True, mirror=[{"location": "m.io"}]),
            {"registry": [{"prefix": "a.io", "location": None}, {"location": "a.io", "blocked": True}]},
        )
        assert sentences(result.problems) == []
        assert result.data["registry"] == [{"location": "a.io", "blocked": True}]
        assert result.sources["registry", "a.io", "blocked"] == "registries_config__1"

    def test_a_third_table_for_the_prefix_is_refused(self):
        table = {"location": "a.io"}
        result = checked({"registry": [{"prefix": "a.io", "location": None}, table, table]})
        assert ["registry[2]" in each for each in sentences(result.problems)] == [True]


class TestSpelling:
    """containers/image accepts keys in any case."""

    def test_keys_in_another_case_are_those_of_the_format(self):
        result = checked(
            {"Registry": [{"Location": "a.io", "INSECURE": True, "Mirror": [{"LOCATION": "m.io"}]}]},
            registry(location="a.io", insecure=None),
        )
        assert sentences(result.problems) == []
        assert result.data == {"registry": [{"location": "a.io", "mirror": [{"location": "m.io"}]}]}

    def test_a_key_in_two_spellings_is_refused(self):
        [problem] = sentences(checked({"registry": [{"location": "a.io", "Location": "b.io"}]}).problems)
        assert "registry[0].Location: is location in another case" in problem


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            registry(prefix="/", location="a.io"),
            "matches no image: it is empty without the slash",
            id="slash",
        ),
        pytest.param(
            {"unqualified-search-registries": ["registry"]},
            "containers/image silently searches in docker.io/registry instead",
            id="a registry to search in without a dot",
        ),
        pytest.param(
            registry(prefix="a.io/x", location="b.io/x:1"),
            "has a tag or a digest",
            id="a location with a tag",
        ),
        pytest.param(
            registry(prefix="a.io", location="[fd00::1]:80"), "is an IPv6 address", id="an IPv6 address"
        ),
        pytest.param(
            registry(prefix="a.io", location="index.docker.io"),
            "accepted: docker.io",
            id="the old name of Docker Hub",
        ),
    ],
)
def test_what_containers_image_silently_does_otherwise_is_refused(data, words):
    [problem] = sentences(checked(data).problems)
    assert words in problem


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        pytest.param(
            registry(prefix="a.io", location="docker.io"),
            "registry.'a.io'.location",
            "use docker.io/library",
            id="source",
        ),
        pytest.param(
            registry(location="a.io", mirror=[{"location": "docker.io"}]),
            "registry.'a.io'.mirror",
            "[0].location is docker.io",
            id="mirror",
        ),
        pytest.param(
            registry(prefix="docker.io/nginx", location="a.io"),
            "docker.io/nginx",
            "is docker.io/library/nginx",
            id="an image",
        ),
        pytest.param(
            {"credential-helpers": ["pass"]}, "credential-helpers", "no auth file is read", id="helpers"
        ),
        pytest.param(
            registry(location="quay.io", insecure=True), "quay.io", "public registry", id="insecure"
        ),
        pytest.param(
            registry(location="a.io", mirror=[{"location": "ghcr.io/x", "insecure": True}]),
            "mirror",
            "ghcr.io",
            id="its mirror",
        ),
        pytest.param(
            registry(location="registry.k8s.io", blocked=True), "blocked", "default pause image", id="blocked"
        ),
        pytest.param(
            {"registry": [{"prefix": "*.a.io"}, {"location": "x.a.io", "insecure": True}]},
            "registry.'x.a.io'",
            "is never used: *.a.io has the same length",
            id="a wildcard of the same length",
        ),
        pytest.param(
            registry(prefix="*.k8s.io", blocked=True),
            "blocked",
            "default pause image",
            id="blocked by a wildcard",
        ),
    ],
)
def test_traps_are_warnings(data, key, words):
    result = checked(data)
    assert sentences(result.problems) == []
    [warning] = sentences(result.warnings)
    assert key in warning
    assert words in warning


@pytest.mark.parametrize(
    "data",
    [
        registry(prefix="docker.io", location="docker.io", mirror=[{"location": "m.io"}]),
        registry(prefix="docker.io/library", location="a.io"),
        {"credential-helpers": ["pass", "containers-auth.json"]},
        registry(location="registry.k8s.io", blocked=True, mirror=[{"location": "m.io"}]),
        registry(prefix="quay.io", location="quay.lan", insecure=True),
        {"registry": [{"prefix": "*.a.io"}, {"location": "x.a.io:5000"}]},
    ],
)
def test_harmless_neighbours_of_traps_cause_no_warning(data):
    assert (sentences(checked(data).problems), sentences(checked(data).warnings)) == ([], [])
