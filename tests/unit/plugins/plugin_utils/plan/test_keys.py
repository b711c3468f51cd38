# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys in which a file on a node differs from the desired one, with the variable that sets each."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.documents import LARGEST_SHOWN
from ansible_collections.cri.node.plugins.plugin_utils.plan import keys
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles

PATH = "/etc/file"
PORT = {"crio": {"metrics": {"metrics_port": 9537}}}
KATA = {"crio": {"runtime": {"runtimes": {"kata.v2": {"runtime_path": "/usr/bin/kata"}}}}}


def desired(kind, *layers):
    return DesiredFiles(
        [{"path": PATH, "owner": "crio", "kind": kind, "layers": [list(each) for each in layers]}]
    )


def found(content):
    return {"file_type": "absent"} if content is None else {"file_type": "file", "content": content}


def changes(wanted, content):
    made = keys.changes(wanted, PATH, found(content))
    assert {each["path"] for each in made} <= {PATH}
    return {each["key"]: (each["change"], each["variable"]) for each in made}


CRIO = desired("crio_conf", ("crio_config", PORT), ("crio_config__kata", KATA))
HANDLER = 'crio.runtime.runtimes."kata.v2".runtime_path'
REGISTRIES = desired(
    "registries_conf",
    ("registries_config", {"unqualified-search-registries": ["a.io"]}),
    (
        "registries_config__b",
        {"registry": [{"location": "b.io", "insecure": True, "mirror": [{"location": "m.io"}]}]},
    ),
)
UNIT = desired(
    "unit_drop_in", ("crio_service", {"Service": {"KillMode": "process", "ExecStartPre": ["a", "b"]}})
)
CRICTL = desired("crictl_yaml", ("crictl_config", {"timeout": 30, "debug": True}))


@pytest.mark.parametrize("wanted", [CRIO, REGISTRIES, UNIT, CRICTL])
def test_a_new_file_adds_all_of_its_keys_and_an_equal_one_changes_none(wanted):
    all_keys = {each["key"]: ("add", each["variable"]) for each in wanted.settings()}
    assert changes(wanted, None) == all_keys
    assert changes(wanted, "") == all_keys
    assert changes(wanted, wanted.file(PATH).content) == {}
    assert changes(wanted, wanted.file(PATH).content.partition("\n")[2]) == {}  # without the header


@pytest.mark.parametrize(
    ("wanted", "edit", "expected"),
    [
        (CRIO, ("9537", "9600"), {"crio.metrics.metrics_port": ("change", "crio_config")}),
        (CRIO, ("/usr/bin/kata", "/opt/kata"), {HANDLER: ("change", "crio_config__kata")}),
        (CRIO, ("[crio.metrics]", "[crio.metrics]\nenable_metrics=true"), {"crio.metrics.enable_metrics": ("remove", "")}),
        (REGISTRIES, ('"m.io"', '"n.io"'), {'registry."b.io".mirror': ("change", "registries_config__b")}),
        (REGISTRIES, ("insecure = true\n", ""), {'registry."b.io".insecure': ("add", "registries_config__b")}),
        (REGISTRIES, ('["a.io"]', '["a.io"] # ours'), {}),
        (UNIT, ("ExecStartPre=b\n", ""), {"Service.ExecStartPre": ("change", "crio_service")}),
        (UNIT, ("KillMode=process", "KillMode=mixed"), {"Service.KillMode": ("change", "crio_service")}),
        (CRICTL, ("30", '"30"'), {"timeout": ("change", "crictl_config")}),
        (CRICTL, ("debug: true", "debug: TRUE"), {}),
    ],
)  # fmt: skip
def test_an_edit_is_found_by_its_key(wanted, edit, expected):
    content = wanted.file(PATH).content
    assert edit[0] in content
    assert changes(wanted, content.replace(*edit)) == expected


@pytest.mark.parametrize(
    "content", ["[crio", "a\x00b", "[crio.metrics]\n" * (LARGEST_SHOWN // 15 + 1), 'x = """\n"""']
)
def test_an_unknown_content_has_no_keys_and_a_file_that_is_not_desired_loses_all(content):
    assert changes(CRIO, content) == {}
    assert keys.changes(CRIO, PATH, {"file_type": "file", "secret": True}) == []
    unwanted = desired("crio_conf", ("crio_config", {}))
    assert changes(unwanted, CRIO.file(PATH).content) == {
        "crio.metrics.metrics_port": ("remove", ""),
        HANDLER: ("remove", ""),
    }


def test_a_yaml_bomb_and_a_strange_document_have_no_keys():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{after}: &{after} [*{before}, *{before}]\n" for before, after in pairwise("abcdefghijk")
    )
    for content in (bomb, "- a", "a: [1]", "1: 2", "a: !!python/object:os.system x", "{"):
        assert changes(CRICTL, content) == {}


@given(st.text(max_size=200))
def test_any_content_is_compared_without_an_error_and_every_key_can_be_printed(content):
    for wanted in (CRIO, REGISTRIES, UNIT, CRICTL):
        assert all(key.isprintable() for key in changes(wanted, content))
