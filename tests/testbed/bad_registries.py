# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid settings of registries.conf: by name, the data and the error message of containers/image."""


def registry(**keys):
    """Return one table; underscores are replaced with hyphens in its keys."""
    return {"registry": [{name.replace("_", "-"): value for name, value in keys.items()}]}


_MIRROR = {"location": "m.io"}
# What containers/image refuses, and its own words for it.
REFUSALS = {
    "a URL as location": (
        registry(prefix="a.io", location="https://a.io"),
        "invalid location 'https://a.io': URI schemes are not supported",
    ),
    "a URL as prefix": (
        registry(prefix="http://a.io", location="a.io"),
        "invalid location 'http://a.io': URI schemes are not supported",
    ),
    "a URL as mirror": (
        registry(location="a.io", mirror=[{"location": "http://m.io/"}]),
        "invalid location 'http://m.io/': URI schemes are not supported",
    ),
    "a URL to search in": (
        {"unqualified-search-registries": ["https://a.io"]},
        "invalid location 'https://a.io': URI schemes are not supported",
    ),
    "neither prefix nor location": (
        registry(insecure=True),
        "invalid condition: both location and prefix are unset",
    ),
    "a prefix alone": (
        registry(prefix="a.io"),
        "invalid condition: location is unset and prefix is not in the format: *.example.com",
    ),
    "a wildcard with a path": (
        registry(prefix="*.a.io/team"),
        'Wildcarded prefix should be in the format: *.example.com. Current prefix "*.a.io/team" is incorrectly formatted',
    ),
    "a wildcard with a port": (
        registry(prefix="*.a.io:5000", location="b.io"),
        'Wildcarded prefix should be in the format: *.example.com. Current prefix "*.a.io:5000" is incorrectly formatted',
    ),
    "pull-from-mirror outside of a mirror": (
        registry(location="a.io", pull_from_mirror="all"),
        'pull-from-mirror must not be set for a non-mirror registry "a.io"',
    ),
    "a mirror without location": (
        registry(location="a.io", mirror=[{"insecure": True}]),
        "invalid condition: mirror location is unset",
    ),
    "both ways to restrict mirrors": (
        registry(
            location="a.io", mirror_by_digest_only=True, mirror=[{**_MIRROR, "pull-from-mirror": "all"}]
        ),
        'cannot set mirror usage mirror-by-digest-only for the registry ("a.io") and pull-from-mirror for'
        ' per-mirror ("m.io") at the same time',
    ),
    "no way to pull from a mirror": (
        registry(location="a.io", mirror=[{**_MIRROR, "pull-from-mirror": "digest"}]),
        'unsupported pull-from-mirror value "digest" for mirror "m.io"',
    ),
    "conflicting insecure": (
        {"registry": [{"prefix": "b.io", "location": "a.io", "insecure": True}, {"location": "a.io"}]},
        "registry 'a.io' is defined multiple times with conflicting 'insecure' setting",
    ),
    "conflicting blocked": (
        {"registry": [{"prefix": "b.io", "location": "a.io", "blocked": True}, {"location": "a.io/"}]},
        "registry 'a.io' is defined multiple times with conflicting 'blocked' setting",
    ),
    "a path to search in": (
        {"unqualified-search-registries": ["b.io", "a.io/foo"]},
        'Invalid unqualified-search-registries entry "a.io/foo"',
    ),
    "no mode": ({"short-name-mode": "bad"}, 'invalid short-name mode: "bad"'),
    "an alias without registry": (
        {"aliases": {"foo": "bar/baz"}},
        'validating short-name aliases: invalid alias "bar/baz": must contain registry and repository',
    ),
    "an alias with a tag": (
        {"aliases": {"foo": "a.io/foo:1"}},
        'validating short-name aliases: invalid alias "a.io/foo:1": must not contain tag',
    ),
    "an alias with a digest": (
        {"aliases": {"foo": f"a.io/foo@sha256:{'0' * 64}"}},
        f'validating short-name aliases: invalid alias "a.io/foo@sha256:{"0" * 64}": must not contain digest',
    ),
    "an alias in capitals": (
        {"aliases": {"foo": "a.io/Foo"}},
        'validating short-name aliases: parsing alias "a.io/Foo": repository name must be lowercase',
    ),
    "a short name with a registry": (
        {"aliases": {"a.io/foo": "a.io/foo"}},
        'validating short-name aliases: invalid short name "a.io/foo": must not contain registry',
    ),
    "a short name with a tag": (
        {"aliases": {"foo:1": "a.io/foo"}},
        'validating short-name aliases: invalid short name "foo:1": must not contain tag',
    ),
    "a short name that is none": (
        {"aliases": {"foo bar": "a.io/foo"}},
        'validating short-name aliases: cannot parse short name: "foo bar": invalid reference format',
    ),
}
