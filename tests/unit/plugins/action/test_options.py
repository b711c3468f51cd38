# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that invalid options are refused on the controller by file, key and value, without a call to the node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules

FILE = {"path": "/etc/crio/crio.conf.d/60-cri-node.conf", "owner": "crio", "content": "[crio]\n"}
BUNDLE = {"source": "/srv/bundle.tar.gz", "sha256": {"amd64": "a" * 64}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "CANARY"}]}]},
}


def with_file(**more):
    return {"files": [{**FILE, **more}]}


MODES = [
    pytest.param(
        {"mode": 420},
        ["mode = 420", "is a number", "YAML reads 0644 as the number 420", "in quotes"],
        id="0644 unquoted",
    ),
    pytest.param(
        {"mode": "420"},
        ['mode = "420"', "YAML reads 0644 as the number 420", "in quotes"],
        id="0644 through a template",
    ),
    pytest.param({"mode": "384"}, ["YAML reads 0600 as the number 384"], id="0600 through a template"),
    pytest.param({"mode": "493"}, ["YAML reads 0755 as the number 493"], id="0755 through a template"),
    pytest.param({"mode": "416"}, ["YAML reads 0640 as the number 416"], id="0640 through a template"),
    pytest.param({"mode": 644}, ["mode = 644", "write it in quotes"], id="644 unquoted"),
    pytest.param({"mode": "u=rw,go=r"}, ["is symbolic", '"0644"'], id="symbolic"),
    pytest.param({"mode": "+x"}, ["is symbolic"], id="symbolic, short"),
    pytest.param({"mode": "4755"}, ["setuid"], id="setuid"),
    pytest.param({"mode": "1644"}, ["sticky"], id="sticky"),
    pytest.param({"mode": "0666"}, ["every user of the node write"], id="writable for everybody"),
    pytest.param({"mode": "0000"}, ["owner"], id="nothing for the owner"),
    pytest.param({"mode": "00644"}, ["is not a file mode"], id="five digits"),
    pytest.param({"mode": "0o644"}, ["is not a file mode"], id="as Python writes it"),
    pytest.param({"mode": "٦٤٤"}, ["is not a file mode"], id="other digits"),
    pytest.param({"mode": "64"}, ["is not a file mode"], id="two digits"),
    pytest.param({"mode": "9" * 100_000}, ["is not a file mode"], id="long"),
    pytest.param({"mode": ["0644"]}, ["mode", "is a list, not a string"], id="a list"),
    pytest.param({"mode": True}, ["mode", "is a boolean, not a string"], id="a boolean"),
    pytest.param({"mode": "0644", "secret": True}, ["read a secret file"], id="a secret that all can read"),
]
PATHS = [
    pytest.param("etc/x", "is not absolute", id="relative"),
    pytest.param("~/x", "is not absolute", id="home"),
    pytest.param("", "is not absolute", id="empty"),
    pytest.param("/etc/../root/x", "normalized form, /root/x", id="dots"),
    pytest.param("/etc/./x", "normalized form, /etc/x", id="a dot"),
    pytest.param("/etc//x", "normalized form, /etc/x", id="two slashes"),
    pytest.param("//etc/x", "normalized form, /etc/x", id="two slashes in front"),
    pytest.param("/etc/x/", "ends with a slash", id="a slash at the end"),
    pytest.param("/", "ends with a slash", id="the root"),
    pytest.param("/etc/x\0", "control character", id="NUL"),
    pytest.param("/etc/x\n", "control character", id="a line break"),
    pytest.param("/etc/\ud800", "not valid Unicode", id="surrogate"),
    pytest.param("/etc/\u202ex", "invisible characters", id="bidirectional"),
    pytest.param("/etc/x ", "invisible characters", id="a blank at the end"),
    pytest.param("/" + "a" * 300, "too long", id="a long name"),
    pytest.param("/a" * 50_000, "too long", id="a long path"),
]
UNITS = [
    "crio.socket",
    "crio.timer",
    "crio@.service",
    "@x.service",
    ".service",
    "",
    "-crio.service",
    "a/b.service",
    "cri*.service",
    "crio service",
    "crio.service\n",
    "/etc/systemd/system/crio.service",
    "x" * 300,
    "crio\u202e",
]
UNITS += ["crio.target", "../crio", "crió", "x" * 100_000]


@pytest.mark.parametrize("action", ["runtime_config", "runtime_verify"])
@pytest.mark.parametrize(("more", "expected"), MODES)
def test_an_invalid_mode_is_refused(refused, action, more, expected):
    message = refused(action, with_file(**more))
    assert FILE["path"] in message
    for words in expected:
        assert words in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("given", "mode"),
    [("644", "0644"), ("0644", "0644"), ("600", "0600"), ("0640", "0640"), ("755", "0755"), (None, "0644")],
)
def test_a_mode_is_normalised(given, mode):
    options = {"files": [{**FILE, "mode": given, "secret": False}], "owners": None}
    assert option_rules.normalise(options, {"files": {}}) == []
    assert options["files"][0]["mode"] == mode


def test_a_secret_file_is_only_readable_by_root_by_default():
    options = {"files": [{**FILE, "secret": True}], "owners": None}
    assert option_rules.normalise(options, {}) == []
    assert options["files"][0]["mode"] == "0600"
    assert option_rules.file_mode("0640", secret=True) == ("0640", "")


@given(st.text(max_size=6) | st.from_regex(r"[0-7]{3,4}", fullmatch=True))
def test_a_mode_is_four_octal_digits_or_has_a_problem(text):
    mode, fault = option_rules.file_mode(text, secret=True)
    assert fault or (len(mode) == 4 and int(mode, 8) & 0o7007 == 0 and int(mode, 8) & 0o400)


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_an_invalid_path_is_refused(refused, path, expected):
    message = refused("runtime_config", with_file(path=path))
    assert "files[0]: path = " in message
    assert expected in message
    assert message.isprintable()
    assert len(message) < 1000


def test_two_files_cannot_have_the_same_path_or_be_inside_each_other(refused):
    twice = {"files": [FILE, {**FILE, "content": "other"}, {**FILE, "path": f"{FILE['path']}/x"}]}
    message = refused("runtime_config", twice)
    assert "is also the path of files[0]" in message
    assert "is inside" in message


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_that_is_not_a_service_is_refused(refused, unit):
    message = refused("runtime_config", {"files": [], "unit": unit})
    assert "unit" in message
    assert "\n" not in message.partition("changed:")[0]
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ("crio", "crio.service"),
        ("crio.service", "crio.service"),
        ("crio@a", "crio@a.service"),
        ("my-crio_2", "my-crio_2.service"),
        ("cri\\x2do", "cri\\x2do.service"),
        ("service", "service.service"),
    ],
)
def test_a_unit_gets_its_full_name(run, given, unit):
    task = run(
        "runtime_config",
        {"files": [], "owners": ["crio"], "unit": given},
        lambda _arguments: {"failed": True, "msg": "seen"},
    )
    assert [call["request"]["unit"] for call in task.calls] == [unit]


@pytest.mark.parametrize(
    ("action", "arguments"),
    [("runtime_config", {"files": []}), ("runtime_verify", {}), ("crictl_pod", {"manifest": POD})],
)
@pytest.mark.parametrize("value", [0, -5, True, 1.5, "0", "-1", "soon", 10**12, [1]])
def test_an_invalid_time_is_refused(refused, action, arguments, value):
    names = {
        "runtime_config": ["ready_timeout"],
        "runtime_verify": ["timeout"],
        "crictl_pod": ["timeout", "wait_timeout", "pull_timeout"],
    }
    for name in names[action]:
        assert name in refused(action, {**arguments, name: value})


@pytest.mark.parametrize("owner", ["", " ", "a/b", "../x", "a\nb", "x" * 65, "-x", "crio\u202e", "\ud800"])
def test_an_invalid_owner_is_refused(refused, owner):
    assert "owner" in refused("runtime_config", with_file(owner=owner))
    assert "owners[0]" in refused("runtime_config", {"files": [], "owners": [owner]})


def test_a_file_of_an_owner_that_the_task_does_not_list_is_refused(refused):
    message = refused("runtime_config", {**with_file(), "owners": ["registries"]})
    assert 'owner = "crio"' in message
    assert "accepted: registries" in message


@pytest.mark.parametrize(
    "content", ["CANARY\0", "CANARY\ud800", "CANARY" * 200_000, {"CANARY": 1}, ["CANARY"], 5]
)
def test_invalid_content_is_refused_without_quoting_it(refused, content):
    message = refused("runtime_config", with_file(content=content))
    assert f"{FILE['path']}: content: " in message
    assert "CANARY" not in message


def itself():
    value = {}
    value["value"] = [value]
    return value


@pytest.mark.parametrize(
    "layers",
    [
        "CANARY",
        ["CANARY"],
        [["CANARY"]],
        [["a", {}, "CANARY"]],
        [[{"CANARY": 1}, {}]],
        [["\ud800CANARY", {}]],
        {"CANARY": {}},
        [["crio_config", itself()]],
        [],
        5,
    ],
)
@pytest.mark.parametrize("name", ["layers", "crio_layers"])
def test_layers_that_are_not_pairs_are_refused_without_quoting_them(refused, name, layers):
    of_others = {"layers": [["crictl_config", {}]]} if name == "crio_layers" else {}
    if layers == [] and of_others:
        return  # no layer of CRI-O is fine
    file = {"path": FILE["path"], "owner": "crio", "kind": "crictl_yaml", **of_others, name: layers}
    message = refused("runtime_config", {"files": [file]})
    assert "layers" in message or "nested deeper" in message
    assert "CANARY" not in message


@pytest.mark.parametrize(
    "layer", ["CANARY", ["CANARY"], 5, {"crio": {"runtime": {"log_level": "\ud800CANARY"}}}]
)
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"text"}))
def test_a_layer_that_cannot_contain_settings_is_refused_by_its_variable(refused, kind, layer):
    file = {"path": FILE["path"], "owner": "crio", "kind": kind, "layers": [["some_variable", layer]]}
    message = refused("runtime_config", {"files": [file]})
    assert "some_variable" in message
    assert message.isprintable() or "\n- " in message


def test_content_and_layers_cannot_be_combined_in_one_file(refused):
    layers = [["crio_config", {}]]
    both = {"path": FILE["path"], "owner": "crio", "kind": "crio_conf", "content": "x", "layers": layers}
    assert "is only for files of kind text" in refused("runtime_config", {"files": [both]})
    assert "not accepted for a file of kind text" in refused(
        "runtime_config", {"files": [{**FILE, "layers": layers}]}
    )
    assert "layers: is missing" in refused(
        "runtime_config", {"files": [{**both, "layers": None, "content": None}]}
    )
    assert "kind" in refused("runtime_config", {"files": [{**both, "kind": "crio"}]})


@pytest.mark.parametrize("files", ["CANARY", {"CANARY": 1}, ["CANARY"], [["CANARY"]], [5], 7])
def test_invalid_files_are_refused_without_quoting_them(refused, files):
    message = refused("runtime_config", {"files": files})
    assert "files" in message
    assert "CANARY" not in message


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"name": "UPPER"}, "name"),
        ({"name": "a", "namespace": "a.b"}, "namespace"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 100_000}, "name"),
        ({"manifest": {"metadata": {"name": ["a"]}}}, "name: is a list, not a string"),
        (
            {"manifest": {"metadata": {"name": "a", "namespace": {"x": 1}}}},
            "namespace: is a mapping, not a string",
        ),
        ({"manifest": {"metadata": 5}}, "requires a name"),
        ({"name": "a", "endpoint": "tcp://host:1"}, "is not the path of a socket"),
        ({"name": "a", "endpoint": "unix:///a\0"}, "control character"),
        ({"name": "a", "image_endpoint": "run.sock"}, "image_endpoint"),
    ],
)
def test_an_invalid_pod_is_refused(refused, more, expected):
    assert expected in refused("crictl_pod", {"state": "absent", **more})


@pytest.mark.parametrize(
    "spec",
    [
        {"hostname": "\ud800"},
        {"hostname": "a\0b"},
        {"volumes": itself()},
        {"containers": [{"name": "c", "image": "i\0"}]},
        {"containers": [{"name": "c", "image": "i", "env": [{"name": "B", "value": "CANARY\0"}]}]},
        {"containers": [{"name": "c", "image": "i", "env": [{"name": "B", "value": {"CANARY": 1}}]}]},
        {"containers": [{"name": "c", "image": "i", "env": [{"name": "TOKEN=CANARY", "value": ""}]}]},
        {"containers": [{"name": "c", "image": "i", "env": {"TOKEN": "CANARY"}}]},
        {"containers": [{"name": "c", "image": "i", "env": ["TOKEN=CANARY"]}]},
        {"containers": [{"name": "c", "image": "i", "command": [{"a": 1}]}]},
        {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "9" * 5000}}}]},
        {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": 10**400}}}]},
        {"containers": [{"name": "c", "image": "i", "env": [{"name": "B", "value": "\ud800CANARY"}]}]},
        {"containers": "CANARY"},
        {"containers": {}},
    ],
)
def test_a_malformed_manifest_is_refused_without_a_value_of_its_environment(refused, spec):
    message = refused("crictl_pod", {"manifest": {**POD, "spec": {**POD["spec"], **spec}}})
    assert "CANARY" not in message
    message.encode()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"source": ""}, "source"),
        ({"source": "/srv/\0"}, "control character"),
        ({"source": "/" + "a" * 5000}, "at most 4096"),
        ({"sha256": {}}, "sha256: is empty"),
        ({"sha256": {"x86_64": "a" * 64}}, "amd64"),
        ({"sha256": {"amd64": "short"}}, "64 hexadecimal digits"),
    ],
)
def test_an_invalid_bundle_is_refused(refused, more, expected):
    assert expected in refused("crio_bundle", {**BUNDLE, **more})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image": "UPPER CASE"}, 'image (verify_image of the role) = "UPPER CASE": is not an image name'),
        (
            {"image": "docker://a/b"},
            "is not an image name: invalid reference format; accepted: a name with or",
        ),
        (
            {"pull": ["a/b:1", "b/A"]},
            'pull (verify_pull of the role) = "b/A": is not an image name: repository name must be',
        ),
        ({"pull": ["--help"]}, 'pull (verify_pull of the role) = "--help"'),
        ({"pull": [" "]}, "pull (verify_pull of the role)"),
        ({"pull": [""]}, "is not an image name"),
        ({"timeout": 0}, "timeout (verify_timeout of the role) is 0; it must be at least 1 second"),
        ({"timeout": 1.5}, "timeout (verify_timeout of the role) = 1.5: is not a whole number"),
        ({"image": "a\nb"}, "image (verify_image of the role)"),
    ],
)
def test_an_option_of_the_verification_is_named_with_its_variable_and_value(refused, options, expected):
    assert expected in refused("runtime_verify", options)


def test_every_option_with_a_variable_is_an_option_and_a_variable_of_a_role():
    import importlib

    from ansible_collections.cri.node.plugins.plugin_utils.task.variable_names import SINGLE

    for name in ("runtime_config", "runtime_verify"):
        action = importlib.import_module(f"ansible_collections.cri.node.plugins.action.{name}").ActionModule
        assert action.VARIABLES.keys() <= action.ARGUMENT_SPEC.keys()
        assert set(action.VARIABLES.values()) <= SINGLE.keys()


CONTAINERD = {"path": "/etc/containerd/config.toml", "owner": "containerd", "kind": "containerd_toml"}


@pytest.mark.parametrize(
    ("module", "more", "words"),
    [
        (
            "runtime_config",
            {"bundle": BUNDLE},
            "bundle: only for CRI-O, but the files of this task are of containerd",
        ),
        ("runtime_config", {"verify": {"network": "optional"}}, "verify: only for CRI-O"),
        ("runtime_verify", {}, "files: are of containerd, but this module only verifies CRI-O"),
    ],
)
def test_what_only_crio_has_is_refused_with_files_of_containerd(refused, module, more, words):
    layers = [["containerd_config", {"version": 2}]]
    assert words in refused(module, {"files": [{**CONTAINERD, "layers": layers}], **more})
