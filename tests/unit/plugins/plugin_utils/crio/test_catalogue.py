# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import (
    CATALOGUE,
    LIVE,
    Catalogue,
    CatalogueError,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import CATALOGUED, Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param(
            [{"key": "b.y", "type": "string"}, {"key": "b.x", "type": "string"}],
            "belongs before",
            id="unsorted",
        ),
        pytest.param([{"key": "b.x", "type": "string"}] * 2, "is listed twice", id="duplicate"),
        pytest.param(
            [{"key": "b", "type": "string"}, {"key": "b.x", "type": "string"}],
            "both a key and a table",
            id="key and table",
        ),
        pytest.param([{"key": "b.x", "type": "str"}], "unknown type 'str'", id="unknown type"),
        pytest.param([{"key": "b.x", "type": "string", "sinec": "1.2"}], "sinec", id="unknown column"),
        pytest.param([{"key": "b.x"}], "type", id="no type"),
        pytest.param(
            [{"key": "b.x", "type": "integer", "default": "1"}],
            "is not of type integer",
            id="default of a wrong type",
        ),
        pytest.param(
            [{"key": "b.x", "type": "integer", "default": True}],
            "is not of type integer",
            id="true as a number",
        ),
        pytest.param(
            [{"key": "b.x", "type": "strings", "default": "a"}],
            "is not of type strings",
            id="a text as a list",
        ),
        pytest.param(
            [{"key": "b.x", "type": "integer", "default": {"1.28": 1, "1.36": "2"}}],
            "is not of type integer",
            id="one of two defaults of a wrong type",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "since": "1.30", "removed": "1.30", "instead": "y"}],
            "is not before removed",
            id="removed when it came",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "since": "1.9", "removed": "1.10"}],
            "belong together",
            id="removed without a word",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "instead": "y"}],
            "belong together",
            id="replaced but not removed",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "since": "1.35", "backported": {"1.36": 1}}],
            "backported",
            id="a backport forwards",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "since": "1.35", "backported": {"1.34": 1, "1.33": 2}}],
            "the oldest first",
            id="backports in another order",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "since": "1.35", "backported": {"1.34": 0}}],
            "first patch release",
            id="a backport to the first release of a minor",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "choices": {"a": {"since": "1.30", "removed": "1.29"}}}],
            "a: since 1.30 is not before removed 1.29",
            id="a choice removed before it came",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "default": {"1.30": "a", "1.28": "b"}}],
            "the releases of default are not in order",
            id="defaults in another order",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "deprecated": {"1.30.2": "a", "1.30.1": None}}],
            "the releases of deprecated are not in order",
            id="patch releases in another order",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "default": {"1.30": "a"}}],
            "no default before 1.30",
            id="a key that is older than its default",
        ),
        pytest.param(
            [
                {
                    "key": "b.x",
                    "type": "string",
                    "since": "1.34",
                    "backported": {"1.33": 2},
                    "default": {"1.34": "a"},
                }
            ],
            "no default before 1.34",
            id="a backport without a default",
        ),
        pytest.param([{"key": "b.x", "type": "string", "live": "later"}], "live is not one of", id="live"),
        pytest.param(
            [{"key": "b.x", "type": "string", "live": {"1.28": "never"}}],
            "live is not one of",
            id="live of a release",
        ),
        pytest.param(
            [{"key": "b.x", "type": "strings", "all_by_default": True}], "all_by_default", id="all of what"
        ),
        pytest.param(
            [{"key": "b.x", "type": "strings", "all_by_default": True, "choices": ["a"], "default": []}],
            "all_by_default",
            id="two defaults",
        ),
        pytest.param(
            [{"key": "b.x", "type": "integer", "choices": ("1",)}],
            "choices are not for",
            id="choices of a number",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "default": "c", "choices": ("a", "b")}],
            "not among the choices",
            id="default no choice",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "ignore_case": True}], "ignore_case", id="case of what"
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "minimum": 1}], "not for type string", id="a least text"
        ),
        pytest.param(
            [{"key": "b.x", "type": "integer", "minimum": 2, "maximum": 1}],
            "is above maximum",
            id="an empty range",
        ),
        pytest.param(
            [{"key": "b.x", "type": "integer", "minimum": 2, "default": 1}],
            "out of range",
            id="default out of range",
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "choices": "no_such"}], "no choices named", id="unknown choices"
        ),
        pytest.param(
            [{"key": "b.x", "type": "string", "format": "no_such"}], "unknown format", id="unknown format"
        ),
    ],
)
def test_a_senseless_entry_is_refused_at_once(entries, message):
    with pytest.raises(CatalogueError, match=message):
        Catalogue(tuple(entries))


def test_a_refusal_begins_with_the_key():
    with pytest.raises(CatalogueError, match=r"^b\.x: "):
        Catalogue(({"key": "b.x", "type": "str"},))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        pytest.param("crio.runtime.log_level", "crio.runtime.log_level", id="dotted text"),
        pytest.param(("crio", "root"), "crio.root", id="a path"),
        pytest.param(
            "crio.runtime.runtimes.crun.runtime_path", "crio.runtime.runtimes.*.runtime_path", id="a handler"
        ),
        pytest.param(
            ("crio", "runtime", "runtimes", "kata.v2", "runtime_path"),
            "crio.runtime.runtimes.*.runtime_path",
            id="a handler with a dot in its name",
        ),
        pytest.param(
            "crio.runtime.workloads.x.resources.cpuset",
            "crio.runtime.workloads.*.resources.cpuset",
            id="below a workload",
        ),
    ],
)
def test_a_key_is_found(path, key):
    assert CATALOGUE.lookup(path).key == key


@pytest.mark.parametrize(
    "path", ["crio", "crio.runtime", "crio.runtime.runtimes", "crio.runtime.runtimes.x", "log_level"]
)
def test_a_table_or_a_stranger_is_no_key(path):
    assert CATALOGUE.lookup(path) is None


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        pytest.param("crio.runtime.log_levle", "crio.runtime.log_level", id="two letters changed places"),
        pytest.param(
            "crio.runtime.LOG_LEVEL", "crio.runtime.log_level", id="another case, which CRI-O takes"
        ),
        pytest.param("crio.runtime.metrics_port", "crio.metrics.metrics_port", id="another table"),
        pytest.param("crio.metrisc", "crio.metrics", id="a table"),
        pytest.param(
            "crio.image.separate_pull_cgroup",
            "crio.runtime.separate_pull_cgroup",
            id="as CRI-O's man page has it",
        ),
        pytest.param(
            "crio.runtime.runtimes.kata.runtime_pth",
            "crio.runtime.runtimes.kata.runtime_path",
            id="a key of a handler",
        ),
        pytest.param("crio.runtime.zzzzzz", None, id="nothing like it"),
        pytest.param("crio.runtime.manage_ns_lifecycles", None, id="never a removed key"),
        pytest.param(("runtime",), "crio.runtime", id="without the top-level table"),
    ],
)
def test_a_mistake_is_told_what_it_may_mean(path, suggestion):
    assert CATALOGUE.suggest(path) == suggestion


@pytest.mark.parametrize(
    ("key", "version", "exists"),
    [
        pytest.param("crio.api.tls_min_version", "1.34", False, id="too early"),
        pytest.param("crio.api.tls_min_version", "1.35.0", False, id="before its backport"),
        pytest.param("crio.api.tls_min_version", "1.35.1", True, id="its backport"),
        pytest.param("crio.api.tls_min_version", "1.35", True, id="a minor means its newest patch release"),
        pytest.param("crio.api.tls_min_version", "1.36.0", True, id="since"),
        pytest.param(
            "crio.checkpoint_restore.container_level_enabled", "1.36.3", False, id="only in the newest"
        ),
        pytest.param("crio.image.registries", "1.30", True, id="not yet removed"),
        pytest.param("crio.image.registries", "1.31", False, id="removed"),
        pytest.param("crio.root", "1.34", True, id="always"),
        pytest.param("crio.root", "1.99", True, id="a version yet to come"),
    ],
)
def test_a_version_has_the_keys_it_reads(key, version, exists):
    assert (key in {entry.key for entry in CATALOGUE.keys_of(version)}) is exists


RELEASES = st.builds(
    Version,
    st.just(1),
    st.sampled_from([int(minor[2:]) for minor in CATALOGUED]),
    st.integers(0, 20) | st.none(),
)


@given(st.sampled_from(CATALOGUE.keys), RELEASES)
def test_what_is_known_of_a_key_fits_together_in_every_release(key, version):
    default, choices = key.default_in(version), key.choices_in(version)
    if key.exists_in(version) and default is not None:
        assert TYPES[key.type].convert(default) == default
        assert choices is None or {*(default if isinstance(default, list) else [default])} <= {*choices}
    assert choices is None or choices
    assert key.live_in(version) in LIVE


@given(st.sampled_from([key for key in CATALOGUE.keys if not key.removed]), RELEASES)
def test_no_key_is_lost_within_a_minor(key, version):
    later = version._replace(patch=None if version.patch is None else version.patch + 1)
    assert key.exists_in(later) or not key.exists_in(version)


@given(st.integers(0, 15), st.none() | st.integers(0, 15))
def test_a_column_holds_from_its_release_to_the_next(patch, other):
    column = {"1.30.4": "a", "1.30.8": None, "1.31": "c"}
    [key] = Catalogue([{"key": "b.x", "type": "string", "deprecated": column}]).keys
    expected = None if patch < 4 or patch >= 8 else "a"
    assert key.deprecated_in(Version(1, 30, patch)) == expected
    assert key.deprecated_in(Version(1, 31, other)) == "c"
    assert key.deprecated_in(Version(1, 29, other)) is None
    assert key.deprecated_in(Version(1, 30)) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.36", Version(1, 36)),
        ("1.36.3", Version(1, 36, 3)),
        ("v1.36.3", Version(1, 36, 3)),
        ("1.37.0-dev", Version(1, 37, 0)),
        ("1.37.0+git", Version(1, 37, 0)),
    ],
)
def test_a_version_is_read(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "1", "latest", "1.x", "1.2.3.4"])
def test_what_is_no_version_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"for example 1\.36"):
        parse_version(text)
