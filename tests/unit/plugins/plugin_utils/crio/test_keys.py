# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue against what CRI-O itself printed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import handlers
from ansible_collections.cri.node.plugins.module_utils.transaction import losses
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import CATALOGUED, Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.value_types import TYPES

FIXTURES = Path(__file__).parents[3] / "fixtures" / "crio-1.37"
FILES = ("crio-config-default-1.37.toml", "crio-status-config.toml")
# What `crio config` prints after a handler's header, so that it falls into the handler.
MISPLACED = {"hostnetwork_disable_selinux", "disable_hostport_mapping", "timezone"}
BUILT_IN_HANDLER = ("crio", "runtime", "runtimes", "crun")


def recorded(name):
    return tomllib.loads((FIXTURES / name).read_text(encoding="utf-8"))


def leaves(data, path=()):
    for name, value in data.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


@pytest.mark.parametrize("name", FILES)
def test_the_recording_holds_something(name):
    assert len(list(leaves(recorded(name)))) > 100


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_key_is_known(name):
    unknown = {path for path, _value in leaves(recorded(name)) if CATALOGUE.lookup(path) is None}
    assert {path[-1] for path in unknown} <= MISPLACED


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_value_has_the_type_of_its_key(name):
    for path, key, value in CATALOGUE.walk(recorded(name)):
        assert TYPES[key.type].convert(value) == value, path


def test_the_defaults_are_those_crio_prints():
    newest = Version(1, 37)
    for path, key, value in CATALOGUE.walk(recorded("crio-config-default-1.37.toml")):
        default = key.default_in(newest)
        if default is None or path[:4] == BUILT_IN_HANDLER:
            continue
        assert default == value, path


def test_only_keys_that_the_host_decides_lack_a_default():
    without = {
        key.key
        for key in CATALOGUE.keys
        if key.default is None and not (key.all_by_default or key.removed or key.type == "table")
    }
    assert without == {
        "crio.imagestore",
        "crio.root",
        "crio.runroot",
        "crio.runtime.selinux",
        "crio.storage_driver",
        "crio.storage_option",
    }


def test_keys_that_may_hold_passwords_are_secret():
    assert {key.key for key in CATALOGUE.keys if key.key.endswith("_env")} == {
        key.key for key in CATALOGUE.keys if key.secret
    }


# Each release whose structs have other keys than the release before: the number of their fields with a toml tag.
NUMBERS_OF_KEYS = {
    "1.28.0": 119, "1.28.3": 120, "1.28.4": 122, "1.28.11": 122,
    "1.29.0": 123, "1.29.2": 124, "1.29.3": 128, "1.29.13": 128,
    "1.30.0": 131, "1.30.10": 131, "1.30.11": 132, "1.30.14": 132,
    "1.31.0": 131, "1.31.3": 133, "1.31.4": 134, "1.31.13": 134,
    "1.32.0": 134, "1.32.13": 134,
    "1.33.0": 136, "1.33.12": 137, "1.33.13": 137,
    "1.34.0": 148, "1.34.3": 149, "1.34.8": 150, "1.34.11": 150,
    "1.35.0": 150, "1.35.1": 152, "1.35.2": 153, "1.35.3": 154, "1.35.6": 154,
    "1.36.0": 154, "1.36.3": 155,
    "1.37.0": 156,
}  # fmt: skip


@pytest.mark.parametrize(("version", "count"), NUMBERS_OF_KEYS.items())
def test_each_release_has_as_many_keys_as_its_source(version, count):
    assert len(CATALOGUE.keys_of(version)) == count


def test_the_numbers_of_keys_cover_all_minors_of_the_catalogue():
    assert {version.rpartition(".")[0] for version in NUMBERS_OF_KEYS} == set(CATALOGUED)


@pytest.mark.parametrize(
    ("key", "without", "first"),
    [
        ("crio.metrics.metrics_host", "1.28.3", "1.28.4"),
        ("crio.metrics.metrics_host", "1.29.1", "1.29.2"),
        ("crio.runtime.shared_cpuset", "1.28.2", "1.28.3"),
        ("crio.runtime.runtimes.x.runtime_pull_image", "1.28.3", "1.28.4"),
        ("crio.runtime.runtimes.x.container_min_memory", "1.29.2", "1.29.3"),
        ("crio.runtime.workloads.x.resources.cpuquota", "1.29.2", "1.29.3"),
        ("crio.image.pull_progress_timeout", "1.30.10", "1.30.11"),
        ("crio.image.pull_progress_timeout", "1.31.2", "1.31.3"),
        ("crio.runtime.runtimes.x.inherit_default_runtime", "1.31.2", "1.31.3"),
        ("crio.runtime.runtimes.x.default_annotations", "1.31.3", "1.31.4"),
        ("crio.runtime.min_injected_gomaxprocs", "1.33.11", "1.33.12"),
        ("crio.runtime.min_injected_gomaxprocs", "1.34.7", "1.34.8"),
        ("crio.image.namespaced_auth_dir", "1.34.2", "1.34.3"),
        ("crio.runtime.additional_artifact_stores", "1.35.1", "1.35.2"),
        ("crio.network.cni_status_grace_period", "1.36.2", "1.36.3"),
        ("crio.image.short_name_mode", "1.33", "1.34.0"),
        ("crio.runtime.privileged_seccomp_profile", "1.32", "1.33.0"),
    ],
)
def test_a_key_begins_with_the_release_that_brought_it(key, without, first):
    entry = CATALOGUE.lookup(key)
    assert not entry.exists_in(parse_version(without))
    assert entry.exists_in(parse_version(first))
    assert entry.exists_in(parse_version(first.rpartition(".")[0]))


@pytest.mark.parametrize(
    ("key", "version", "default"),
    [
        ("crio.image.pause_image", "1.30", "registry.k8s.io/pause:3.9"),
        ("crio.image.pause_image", "1.31.0", "registry.k8s.io/pause:3.10"),
        ("crio.image.pause_image", "1.37", "registry.k8s.io/pause:3.10.1"),
        ("crio.image.pull_progress_timeout", "1.30.13", "10s"),
        ("crio.image.pull_progress_timeout", "1.30", "0s"),
        ("crio.image.pull_progress_timeout", "1.31.8", "10s"),
        ("crio.image.pull_progress_timeout", "1.31.9", "0s"),
        ("crio.image.pull_progress_timeout", "1.32.3", "10s"),
        ("crio.image.pull_progress_timeout", "1.33.0", "0s"),
        ("crio.internal_repair", "1.30", False),
        ("crio.metrics.metrics_host", "1.29", ""),
        ("crio.metrics.metrics_host", "1.30.0", "127.0.0.1"),
        ("crio.nri.enable_nri", "1.29", False),
        ("crio.runtime.allowed_devices", "1.30.5", ["/dev/fuse"]),
        ("crio.runtime.allowed_devices", "1.30.6", ["/dev/fuse", "/dev/net/tun"]),
        ("crio.runtime.default_runtime", "1.30", "runc"),
        ("crio.runtime.enable_criu_support", "1.29", False),
        ("crio.runtime.pids_limit", "1.28", 0),
        ("crio.tracing.tracing_endpoint", "1.30", "0.0.0.0:4317"),
    ],
)
def test_a_default_is_that_of_the_release(key, version, default):
    assert CATALOGUE.lookup(key).default_in(parse_version(version)) == default


@pytest.mark.parametrize(("version", "count"), [("1.29", 27), ("1.30", 16), ("1.34.7", 17), ("1.34.8", 18), ("1.35.2", 17),
                                                ("1.35.3", 18), ("1.37", 18)])  # fmt: skip
def test_all_collectors_of_a_release_are_the_default(version, count):
    collectors = CATALOGUE.lookup("crio.metrics.metrics_collectors")
    assert len(collectors.default_in(parse_version(version))) == count


@pytest.mark.parametrize(
    ("version", "count"),
    [
        ("1.28.2", 18),
        ("1.28.3", 19),
        ("1.28.6", 25),
        ("1.29.3", 19),
        ("1.29.4", 25),
        ("1.34", 27),
        ("1.35.0", 45),
    ],
)
def test_each_release_allows_as_many_annotations_as_its_source(version, count):
    annotations = CATALOGUE.lookup("crio.runtime.runtimes.x.allowed_annotations")
    assert len(annotations.choices_in(parse_version(version))) == count


@pytest.mark.parametrize(
    ("version", "metrics"),
    [
        ("1.30", "cpu memory network oom"),
        ("1.34", "cpu hugetlb memory network oom process"),
        ("1.35.1", "cpu disk diskIO hugetlb memory network oom pressure process spec"),
        ("1.35.2", "all cpu disk diskIO hugetlb memory network oom pressure process spec"),
    ],
)
def test_each_release_collects_the_metrics_of_its_source(version, metrics):
    included = CATALOGUE.lookup("crio.stats.included_pod_metrics")
    assert included.choices_in(parse_version(version)) == metrics.split()


# The keys that pkg/config/reload.go of 1.37 copies, but for blockio_reload, which only a start reads, for handlers, of which
# a pod only gets those of the last start, and for cdi_spec_dirs, whose default is lost: CRI-O's TOML decoder writes a list into
# the array of the default, which is cdi.DefaultSpecDirs for the life of the process (DefaultConfig in pkg/config/config.go,
# unifySlice in BurntSushi/toml), so that a SIGHUP without the key leaves the old directories in place.
RELOADED = """
    apparmor_profile blockio_config_file decryption_keys_path log_filter log_level pause_command pause_image
    pause_image_auth_file pinned_images privileged_seccomp_profile rdt_config_file seccomp_profile
""".split()


def test_a_reload_loads_what_crio_reads_again():
    of_37 = [key.key for key in CATALOGUE.keys_of("1.37") if key.live_in(Version(1, 37)) == "reload"]
    assert sorted(key.rpartition(".")[2] for key in of_37) == RELOADED


@pytest.mark.parametrize(
    ("key", "version", "live"),
    [
        pytest.param(
            "crio.image.pinned_images", "1.28", "restart", id="the list was not given to the image service"
        ),
        pytest.param("crio.image.pinned_images", "1.29.6", "restart", id="a reload lost unchanged entries"),
        pytest.param("crio.image.pinned_images", "1.29.7", "reload", id="corrected"),
        pytest.param("crio.image.pinned_images", "1.30.2", "restart", id="not yet corrected"),
        pytest.param("crio.image.pinned_images", "1.30.3", "reload", id="corrected there too"),
        pytest.param("crio.runtime.blockio_reload", "1.37", "restart", id="copied, but only a start uses it"),
        pytest.param(
            "crio.runtime.cdi_spec_dirs", "1.37", "restart", id="a reload cannot return to the default"
        ),
        pytest.param("crio.metrics.metrics_port", "1.37", "restart", id="any other"),
        pytest.param("crio.root", "1.37", "drain", id="another storage"),
        pytest.param("crio.runtime.cgroup_manager", "1.28", "drain", id="other cgroups"),
        pytest.param("crio.runtime.runtimes.x.runtime_root", "1.37", "drain", id="another state folder"),
        pytest.param("crio.version_file", "1.37", "drain", id="a start without it removes all pods"),
    ],
)
def test_what_makes_a_change_live(key, version, live):
    assert CATALOGUE.lookup(key).live_in(parse_version(version)) == live


def test_what_a_transaction_refuses_while_pods_run_needs_a_drain():
    compared = {f"crio.runtime.runtimes.*.{name}" for name in handlers._COMPARED}
    version_files = {key for key, _default in losses._VERSION_FILES}
    storage = {"crio.root", "crio.runroot", "crio.storage_driver"}
    drains = {key.key for key in CATALOGUE.keys if key.live == "drain"}
    assert compared | version_files | storage <= drains
