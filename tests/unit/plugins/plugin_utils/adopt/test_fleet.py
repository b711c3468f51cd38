# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a fleet: most nodes share one file, and the layer of a node that differs gives it its own settings again."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.adopt import fleet, variable_files
from ansible_collections.cri.node.plugins.plugin_utils.adopt.fleet import Fleet
from ansible_collections.cri.node.plugins.plugin_utils.layers import merge


def runtime(**keys):
    return {"crio": {"runtime": keys}}


def handler(**keys):
    return runtime(runtimes={"kata": keys})


def test_equal_nodes_have_no_layer():
    nodes = dict.fromkeys(("a", "b", "c"), runtime(log_level="debug"))
    assert fleet.divided(nodes) == Fleet(runtime(log_level="debug"), {})
    assert fleet.divided({"a": {}}) == Fleet({}, {})


def test_a_node_that_differs_has_the_difference_alone():
    most = runtime(log_level="debug", pids_limit=5)
    nodes = {"a": most, "b": most, "c": runtime(log_level="warn", no_pivot=True)}
    assert fleet.divided(nodes) == Fleet(
        most, {"c": runtime(log_level="warn", no_pivot=True, pids_limit=None)}
    )


def test_what_only_half_of_the_nodes_have_is_not_common():
    nodes = {"a": runtime(log_level="debug"), "b": {}}
    assert fleet.divided(nodes) == Fleet({}, {"a": runtime(log_level="debug")})


def test_a_handler_is_common_as_a_whole_and_a_layer_removes_its_other_keys():
    nodes = {
        "a": handler(runtime_path="/k", default_annotations={"x": "1", "y": "2"}),
        "b": handler(runtime_path="/k", default_annotations={"x": "1", "y": "2"}),
        "c": handler(runtime_type="vm", default_annotations={"x": "1"}),
    }
    divided = fleet.divided(nodes)
    assert divided.common == nodes["a"]
    assert divided.layers == {
        "c": handler(runtime_path=None, runtime_type="vm", default_annotations={"y": None})
    }


DATA = st.fixed_dictionaries(
    {},
    optional={
        "crio": st.fixed_dictionaries(
            {},
            optional={
                "log_dir": st.sampled_from(["/a", "/b"]),
                "runtime": st.fixed_dictionaries(
                    {"log_level": st.sampled_from(["debug", "warn", "{{ x }}", "yes"])},
                    optional={
                        "default_sysctls": st.lists(st.sampled_from(["a=1", "b=2"]), max_size=2),
                        "runtimes": st.dictionaries(
                            st.sampled_from(["kata", "r.x"]),
                            st.fixed_dictionaries(
                                {},
                                optional={
                                    "runtime_path": st.sampled_from(["/k", "/l"]),
                                    "default_annotations": st.dictionaries(
                                        st.sampled_from("xy"), st.sampled_from("12"), min_size=1
                                    ),
                                },
                            ),
                            min_size=1,
                        ),
                    },
                ),
            },
        )
    },
).filter(lambda data: data.get("crio") != {})


class Loader(yaml.SafeLoader):
    pass


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@given(st.dictionaries(st.sampled_from(["n1", "n2", "n3", "n4", "n5"]), DATA, min_size=1))
def test_the_files_merged_by_layer_give_each_node_its_own_settings(nodes):
    divided = fleet.divided(nodes)
    texts = variable_files.texts(nodes, divided, {})
    files = {path: yaml.load(text, Loader) for path, text in texts.items()}
    common = files["group_vars/cri_node_adopted.yml"]["crio_config"]
    for name, data in nodes.items():
        layer = files.get(f"host_vars/{name}.yml", {"crio_config__node": {}})["crio_config__node"]
        assert _without_empty(merge([("a", common), ("b", layer)])[0]) == _without_empty(data)
    assert list(files["hosts.yml"]["cri_node_adopted"]["hosts"]) == list(nodes)


def _without_empty(data, path=()):
    """Without empty tables, except handlers, which are settings."""
    found = {
        name: _without_empty(value, (*path, name)) if isinstance(value, dict) else value
        for name, value in data.items()
    }
    return {name: value for name, value in found.items() if value != {} or path[-1:] == ("runtimes",)}
