# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what is known of handlers, what is refused, and their entries in crio.conf for each version."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import CATALOGUED
from ansible_collections.cri.node.plugins.plugin_utils.files.crio_conf import check as check_crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.handlers import (
    desired,
    known,
    request,
    runtime_class,
    settings,
)

HASH = "a" * 64
#: each runtime with what it needs, in each way in which it can be installed
EVERY = {
    "crun": {},
    "crun-wasm": {},
    "gvisor": {},
    "kata": {},
    "runc": {},
    "youki": {},
    "spin": {"kind": "shim", "path": "/usr/local/bin/containerd-shim-spin-v2"},
}


def read(**handlers):
    return desired.read(
        [("oci_runtimes_config", {name.replace("_", "-"): value for name, value in handlers.items()})]
    )


def entries(handlers, version=""):
    found = desired.read([("oci_runtimes_config", handlers)])
    assert found.problems == []
    layer = settings.as_layer(found.handlers.values(), version)
    return layer.get("crio", {}).get("runtime", {}).get("runtimes", {})


def problems(**handlers):
    return [str(problem) for problem in read(**handlers).problems]


@pytest.mark.parametrize("version", ["", *CATALOGUED])
def test_crio_conf_accepts_the_entries_of_all_known_runtimes_in_each_version(version):
    found = desired.read([("oci_runtimes_config", EVERY)])
    assert found.problems == []
    layer = settings.as_layer(found.handlers.values(), version)
    checked = check_crio_conf([("oci_runtimes_config", layer)], version)
    assert [str(each) for each in checked.problems] == []
    assert checked.warnings == []


def test_keys_that_a_version_does_not_have_are_left_out_unless_the_user_has_set_them():
    assert "container_min_memory" in entries({"crun": {}}, "1.30")["crun"]
    assert "container_min_memory" not in entries({"crun": {}}, "1.28")["crun"]
    own = {"crun": {"settings": {"container_min_memory": "1MiB"}}}
    assert entries(own, "1.28")["crun"]["container_min_memory"] == "1MiB"  # crio_config's check refuses it


def test_the_entries_of_crun_and_runc_are_those_of_the_bundle():
    assert entries({"crun": {}, "runc": {}}) == {
        "crun": {
            "runtime_type": "oci",
            "runtime_path": "/usr/libexec/crio/crun",
            "runtime_root": "/run/crun",
            "monitor_path": "/usr/libexec/crio/conmon",
            "allowed_annotations": ["io.containers.trace-syscall"],
            "container_min_memory": "500KiB",
        },
        "runc": {
            "runtime_type": "oci",
            "runtime_path": "/usr/libexec/crio/runc",
            "runtime_root": "/run/runc",
            "monitor_path": "/usr/libexec/crio/conmon",
        },
    }


@pytest.mark.parametrize(
    ("handler", "path", "config"),
    [
        ({"install": "package"}, "/usr/bin/containerd-shim-kata-v2", "/usr/share/defaults/kata-containers/configuration.toml"),
        ({}, "/opt/kata/bin/containerd-shim-kata-v2", "/opt/kata/share/defaults/kata-containers/configuration.toml"),
    ],
)  # fmt: skip
def test_kata_is_of_type_vm_with_its_own_configuration(handler, path, config):
    assert entries({"kata": handler})["kata"] == {
        "runtime_type": "vm",
        "runtime_path": path,
        "runtime_root": "/run/vc",
        "runtime_config_path": config,
        "privileged_without_host_devices": True,
    }


def test_settings_override_what_is_known_and_null_removes_it():
    own = {
        "settings": {
            "runtime_config_path": None,
            "monitor_env": ["A=b"],
            "privileged_without_host_devices": False,
        }
    }
    entry = entries({"kata": own})["kata"]
    assert "runtime_config_path" not in entry
    assert entry["monitor_env"] == ["A=b"]
    assert entry["privileged_without_host_devices"] is False


def test_a_layer_adds_changes_and_removes_handlers():
    found = desired.read(
        [
            ("oci_runtimes_config", {"crun": {}, "kata": {}}),
            ("oci_runtimes_config__gpu", {"kata": None, "runc": {"install": "package"}}),
        ]
    )
    assert sorted(found.handlers) == ["crun", "runc"]
    assert found.handlers["runc"].path == "/usr/bin/runc"


def test_the_way_to_install_follows_from_what_is_given():
    found = read(
        crun={},
        runc={"package": "runc"},
        youki={"source": "youki", "sha256": HASH},
        mine={"kind": "runc", "source": "x", "sha256": {"amd64": HASH}},
    ).handlers
    assert {name: each.install for name, each in found.items()} == {
        "crun": "preinstalled",
        "runc": "package",
        "youki": "file",
        "mine": "file",
    }
    assert (found["youki"].path, found["mine"].path) == ("/usr/local/bin/youki", "/usr/local/bin/mine")
    assert found["mine"].settings["runtime_root"] == "/run/mine"


def test_gvisor_gets_its_configuration_where_there_is_none():
    (file,) = read(gvisor={"install": "package"}).handlers["gvisor"].files
    assert (file.path, file.keep, file.mode) == ("/etc/containerd/runsc.toml", True, "0644")
    assert file.content == 'binary_name = "/usr/bin/runsc"\ngrouping = true\n'
    own = {"install": "package", "files": {"/etc/containerd/runsc.toml": {"content": "x = 1\n"}}}
    (file,) = read(gvisor=own).handlers["gvisor"].files
    assert (file.content, file.keep) == ("x = 1\n", False)


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        ({"crunn": {}}, "oci_runtimes_config: crunn: is not a known runtime; did you mean crun?"),
        ({"mine": {}}, "or one of these as mine.kind"),
        ({"mine": {"kind": "docker"}}, 'mine.kind = "docker": is not a known runtime'),
        ({"crun": {"instal": "file"}}, "crun.instal: is not a key of a handler; did you mean install?"),
        ({"crun": {"install": "pakage"}}, 'crun.install = "pakage": is not a way to install; did you mean package?'),
        ({"crun": {"install": "file"}}, "crun.source: is missing, but required with install: file"),
        ({"crun": {"source": "x"}}, "crun.sha256: is missing, but required for a source"),
        ({"crun": {"source": "x", "sha256": "12"}}, 'crun.sha256 = "12": is not a SHA-256'),
        ({"crun": {"source": "x", "sha256": {"amd64": 5}}}, "crun.sha256.amd64 = 5: is not a SHA-256"),
        ({"crun": {"install": "package", "sha256": HASH}}, "crun.sha256: has no effect with install: package"),
        ({"crun": {"install": "preinstalled", "package": "crun"}}, "crun.package: has no effect"),
        ({"crun": {"path": "bin/crun"}}, 'crun.path = "bin/crun": is not a path on the node'),
        ({"crun": {"path": "/usr/../crun"}}, "is not a path on the node"),
        ({"crun": {"package": "a b"}}, 'crun.package = "a b": is not the name of a package'),
        ({"youki": {"install": "package"}}, "youki.package: is missing: no distribution is known"),
        ({"kata": {"path": "/usr/bin/kata"}}, "is not the name of a shim"),
        ({"spin": {"kind": "shim"}}, "spin.path: is missing, but required for kind: shim"),
        ({"Crun": {"kind": "crun"}}, "Crun: is not the name of a handler"),
        ({"crun": []}, "crun: is a list, not a mapping"),
        ({"crun": {"settings": []}}, "crun.settings: is a list, not a mapping"),
        ({"crun": {"files": {"etc": {}}}}, "crun.files.etc: is not a path on the node"),
        ({"crun": {"files": {"/etc/a": {"content": "x", "mode": "0666"}}}}, '= "0666": is not a mode'),
        ({"crun": {"files": {"/etc/a": {"content": "x", "source": "y"}}}}, "is given with a source"),
        ({"crun": {"runtime_class": {"overhead": {"memory": "lots"}}}}, 'overhead.memory = "lots": is not a quantity'),
        ({"crun": {"runtime_class": {"schedule": {}}}}, "did you mean scheduling?"),
        ({"crun": {"runtime_class": {"scheduling": {"nodeSelector": []}}}}, "nodeSelector: is a list"),
        ({"a": {"kind": "runc", "path": "/opt/x", "source": "1", "sha256": HASH},
          "b": {"kind": "runc", "path": "/opt/x", "source": "2", "sha256": HASH}}, "b: installs /opt/x, to which a gives"),
    ],
)  # fmt: skip
def test_a_wrong_handler_is_refused_by_name_key_and_value(handlers, expected):
    found = [str(problem) for problem in desired.read([("oci_runtimes_config", handlers)]).problems]
    assert any(expected in problem for problem in found), found


def test_a_problem_names_the_layer_that_has_it():
    found = desired.read(
        [("oci_runtimes_config", {"crun": {}}), ("oci_runtimes_config__lab", {"crun": {"install": "x"}})]
    )
    assert str(found.problems[0]).startswith('oci_runtimes_config__lab: crun.install = "x"')


def test_gvisor_requires_the_crio_of_its_documentation():
    handlers = read(gvisor={}).handlers.values()
    (problem,) = settings.problems(handlers, "1.36")
    assert (
        str(problem)
        == "oci_runtimes_config: gvisor: gvisor requires CRI-O 1.37 or later, but the version is 1.36"
    )
    assert settings.problems(handlers, "1.37") == settings.problems(handlers, "") == []


def test_the_objects_of_a_cluster_equal_the_expected_documents():
    found = read(
        crun={"runtime_class": False},
        kata={},
        runc={
            "runtime_class": {
                "name": "plain",
                "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}]},
            }
        },
    )
    text = runtime_class.as_yaml(runtime_class.documents(found.handlers.values()))
    assert list(yaml.safe_load_all(text)) == [
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "kata"},
            "handler": "kata",
            "overhead": {"podFixed": {"cpu": "250m", "memory": "160Mi"}},
        },
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "plain"},
            "handler": "runc",
            "scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}]},
        },
    ]
    assert runtime_class.as_yaml([]) == ""


def test_a_url_with_credentials_is_only_among_the_secrets():
    url = "https://ops:hidden@example.com/youki-{arch}"
    handlers = list(read(youki={"source": url, "sha256": HASH}).handlers.values())
    assert "hidden" not in str(request.of(handlers))
    assert request.secret_urls(handlers) == {"/usr/local/bin/youki": url}


def test_the_table_is_consistent():
    for name, kind in known.KINDS.items():
        assert name == kind.name
        assert kind.type in (known.OCI, known.VM)
        assert set(kind.packages) <= {"debian", "rhel", "suse"}
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", each.version) for each in kind.minimums)
    assert set(known.ALIASES.values()) <= set(known.KINDS)


_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["file", "package", "/a/b", HASH]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
_KEY = st.sampled_from(
    [
        "kind",
        "install",
        "path",
        "package",
        "source",
        "sha256",
        "fetched_by",
        "files",
        "settings",
        "runtime_class",
        "x",
    ]
)
_NAME = st.sampled_from(["crun", "kata", "gvisor", "mine", "shim"]) | st.text(max_size=5)


@given(st.dictionaries(_NAME, st.dictionaries(_KEY, _VALUE, max_size=4) | _VALUE, max_size=3))
def test_any_data_gives_handlers_or_problems_and_never_an_exception(data):
    found = desired.read([("oci_runtimes_config", data)])
    assert all(str(problem) for problem in found.problems)
    for name in found.handlers:
        assert not any(
            problem.key == name or problem.key.startswith(f"{name}.")
            for problem in found.problems
            if problem.message.startswith("is ")
        )
    request.of(found.handlers.values())
    runtime_class.as_yaml(runtime_class.documents(found.handlers.values()))
    settings.as_layer(found.handlers.values(), "1.36")
