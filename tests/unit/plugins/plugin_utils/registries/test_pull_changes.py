# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what another configuration of registries changes for the name of an image."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.registries import effective, pull_changes

MAIN, FOLDER = "/etc/containers/registries.conf", "/etc/containers/registries.conf.d"
TAG, DIGEST = "a.io/app:1", f"a.io/app@sha256:{'0' * 64}"
ENFORCING = ("enforcing", "enforcing")
MIRROR = {"location": "m.io"}


def of(*tables, **more):
    """Return the configuration with these tables of [[registry]]."""
    return effective.merge([effective.File(MAIN, {"registry": list(tables), **more}, drop_in=False)])


def change(name, before, after, modes=ENFORCING):
    return pull_changes.of_name(name, before, after, modes)


A = {"location": "a.io"}
MIRRORED = {"location": "a.io", "mirror": [MIRROR]}
BY_DIGEST = {"location": "a.io", "mirror": [{**MIRROR, "pull-from-mirror": "digest-only"}]}
TWO = {"location": "a.io", "mirror": [MIRROR, {"location": "n.io"}]}
OTHER_ORDER = {"location": "a.io", "mirror": [{"location": "n.io"}, MIRROR]}
BLOCKED = {"location": "a.io", "blocked": True}


@pytest.mark.parametrize(
    ("before", "after", "by_tag", "by_digest"),
    [
        pytest.param(of(), of(A), "unchanged", "unchanged", id="a table that changes nothing"),
        pytest.param(of(), of(BY_DIGEST), "unchanged", "added", id="a mirror for digests is added"),
        pytest.param(of(), of(MIRRORED), "elsewhere", "added", id="a mirror is added"),
        pytest.param(of(MIRRORED), of(), "elsewhere", "elsewhere", id="a registry with a mirror is removed"),
        pytest.param(of(BY_DIGEST), of(), "unchanged", "elsewhere", id="a mirror for digests is removed"),
        pytest.param(of(MIRRORED), of(TWO), "added", "added", id="a second mirror is added"),
        pytest.param(of(TWO), of(OTHER_ORDER), "elsewhere", "reordered", id="mirrors in another order"),
        pytest.param(
            of(A), of({"prefix": "a.io", "location": "b.io"}), "elsewhere", "elsewhere", id="another location"
        ),
        pytest.param(of(A), of(BLOCKED), "blocked", "blocked", id="a registry is blocked"),
        pytest.param(
            of(MIRRORED), of({**MIRRORED, "blocked": True}), "elsewhere", "elsewhere", id="only the mirror is left"
        ),
        pytest.param(of(BLOCKED), of(A), "possible", "possible", id="a registry is no longer blocked"),
        pytest.param(of(BLOCKED), of(BLOCKED), "unchanged", "unchanged", id="blocked before and after"),
        pytest.param(
            of({**A, "insecure": True}), of(A), "elsewhere", "elsewhere", id="a certificate is now required"
        ),
        pytest.param(
            of(A), of({**A, "insecure": True}), "unchanged", "unchanged", id="a certificate is not required any more"
        ),
    ],
)  # fmt: skip
def test_the_effect_of_a_change_depends_on_whether_the_name_has_a_digest(before, after, by_tag, by_digest):
    assert change(TAG, before, after).effect == by_tag
    assert change(DIGEST, before, after).effect == by_digest


def test_the_places_and_the_reason_are_those_of_each_configuration():
    found = change(TAG, of({**MIRRORED, "insecure": True}), of({**MIRRORED, "blocked": True}))
    assert found.before == ("m.io/app:1", "a.io/app:1 (insecure)")
    assert found.after == ("m.io/app:1",)
    assert found.reason == "from m.io/app:1 instead of m.io/app:1 or a.io/app:1 (insecure)"
    assert change(TAG, of(), of(BLOCKED)).reason == "a.io is blocked"


def test_a_short_name_that_crio_refuses_afterwards_is_reported_in_its_words():
    search = {"unqualified-search-registries": ["a.io"]}
    found = change("app:1", of(**search), of(**{"unqualified-search-registries": ["a.io", "b.io"]}))
    assert (found.effect, found.after) == ("refused", ())
    assert found.reason == "short name mode is enforcing, but image name app:1 returns ambiguous list"
    assert change("app:1", of(**search), of()).effect == "refused"
    two = of(**{"unqualified-search-registries": ["a.io", "b.io"]})
    assert change("app:1", two, two, ("disabled", "enforcing")).effect == "refused"


def file(path, host):
    return effective.File(path, {"registry": [{"location": host}]}, drop_in=path != MAIN)


def test_written_and_removed_files_take_their_place_in_the_order_of_containers_image():
    root = "/root/.config/containers/registries.conf.d"
    files = [file(MAIN, "a.io"), file(f"{FOLDER}/b.conf", "b.io"), file(f"{root}/00.conf", "c.io")]
    changed = {
        f"{FOLDER}/b.conf": None,
        f"{FOLDER}/zz.conf": {"registry": []},
        f"{FOLDER}/a.conf": {},
        "/etc/elsewhere/x.conf": {},
    }
    found = pull_changes.files_after(files, changed, MAIN, [FOLDER, root])
    assert [each.path for each in found] == [MAIN, f"{FOLDER}/a.conf", f"{FOLDER}/zz.conf", f"{root}/00.conf"]
    assert [each.drop_in for each in found] == [False, True, True, True]
