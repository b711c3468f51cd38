# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRI-O silently does without is known by key, asked of the node by path, and told with its consequence."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio import fallbacks
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.fallbacks import FALLBACKS

SETTLED = {
    "unit": {"active": True},
    "files": {"/etc/crio/crio.conf.d/60-cri-node.conf": {"loaded": True, "disruption": "restart"}},
}
NEW = {
    "unit": {"active": True},
    "files": {"/etc/crio/crio.conf.d/60-cri-node.conf": {"loaded": False, "disruption": "restart"}},
}
RUNTIME = "crio.runtime."
KATA = 'crio.runtime.runtimes."kata.v2".'


def settings(values):
    return [
        {"path": "/x", "key": key, "value": value, "variable": "crio_config"} for key, value in values.items()
    ]


def found(values, missing=None, report=None):
    entries = settings(values)
    missing = fallbacks.paths(entries) if missing is None else missing
    return {entry["key"]: entry["reason"] for entry in fallbacks.found(entries, missing, report or SETTLED)}


def example(row):
    """A value for the key of a row that the row is about."""
    if row.values:
        return row.values[0]
    if row.host and row.key.endswith("profile"):
        return "my-profile"
    kind = CATALOGUE.lookup(row.key.replace("*", "kata")).type
    path = "/srv/missing"
    return {"strings": [path], "table": {"linux/arm64": path}}.get(kind, path)


@pytest.mark.parametrize("row", FALLBACKS, ids=lambda row: row.key)
def test_each_row_is_about_a_known_key_and_is_told_only_where_the_node_lacks_its_path(row):
    key = row.key.replace("*", '"kata.v2"')
    values = {key: example(row), **{other: value for other, value in (row.given or {}).items() if value}}
    reason = found(values)[key]
    assert row.otherwise in reason
    assert row.host or "/srv/missing" in reason
    assert found(values, missing=[]) == {}
    assert row.source


def test_every_key_of_the_catalogue_that_names_a_file_of_the_node_has_a_row_or_a_reason_to_have_none():
    named = (
        "_path",
        "_file",
        "_dir",
        "_dirs",
        "_stores",
        "_policy",
        "_cert",
        "_key",
        "_ca",
        "_devices",
        "_profile",
    )
    made_or_harmless = {
        # CRI-O makes these, or refuses to start where it cannot.
        "crio.clean_shutdown_file", "crio.log_dir", "crio.version_file", "crio.network.network_dir",
        "crio.network.plugin_dir", "crio.network.plugin_dirs", "crio.runtime.container_attach_socket_dir",
        "crio.runtime.container_exits_dir", "crio.runtime.irqbalance_config_restore_file", "crio.runtime.namespaces_dir",
        # A rule is about the pair: CRI-O makes a certificate where both are set.
        "crio.metrics.metrics_cert", "crio.metrics.metrics_key",
        # Allowed, not needed.
        "crio.runtime.allowed_devices",
    }  # fmt: skip
    keys = {
        key.key
        for key in CATALOGUE.keys
        if not key.removed and key.key.endswith(named) and key.type != "boolean"
    }
    assert keys - {row.key for row in FALLBACKS} == made_or_harmless


def test_a_directory_is_asked_for_by_its_slash_and_a_device_without_its_options():
    values = {
        RUNTIME + "hooks_dir": ["/srv/hooks", "relative"],
        RUNTIME + "additional_devices": ["/dev/sdc:/dev/xvdc:rwm"],
        RUNTIME + "additional_artifact_stores": ["/mnt/nfs/"],
        RUNTIME + "seccomp_profile": "/etc/x\0",
    }
    assert fallbacks.paths(settings(values)) == ["/dev/sdc", "/mnt/nfs/artifacts/", "/srv/hooks/"]


def test_what_crio_makes_itself_is_missed_only_where_its_daemon_has_loaded_the_files():
    values = {RUNTIME + "hooks_dir": ["/srv/hooks"]}
    assert list(found(values)) == [RUNTIME + "hooks_dir"]
    assert found(values, report=NEW) == {}
    beside = {"/etc/crictl.yaml": {"loaded": False, "disruption": "none"}}  # which no daemon reads
    assert found(values, report={**SETTLED, "files": {**SETTLED["files"], **beside}})


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({RUNTIME + "cdi_spec_dirs": ["/etc/cdi", "/var/run/cdi"]}, id="CRI-O's defaults"),
        pytest.param({RUNTIME + "decryption_keys_path": "/etc/crio/keys/"}, id="a default with a slash"),
        pytest.param({RUNTIME + "apparmor_profile": "unconfined"}, id="a profile that needs no AppArmor"),
        pytest.param({RUNTIME + "seccomp_profile": ""}, id="empty"),
        pytest.param({"crio.api.stream_tls_cert": "/x"}, id="TLS is off"),
        pytest.param({"crio.checkpoint_restore.container_level_enabled": "none"}, id="checkpoints are off"),
        pytest.param({RUNTIME + "conmon_env": None}, id="a secret"),
        pytest.param({"unqualified-search-registries": ["/x"], "runtime-endpoint": "/x"}, id="another file's keys"),
    ],
)  # fmt: skip
def test_values_that_need_nothing_of_the_node_are_not_told(values):
    assert found(values) == {}


def test_a_host_may_have_any_of_several_programs():
    values = {"crio.checkpoint_restore.container_level_enabled": "checkpoint_only"}
    paths = fallbacks.paths(settings(values))
    assert "/usr/sbin/criu" in paths
    assert found(values, missing=set(paths) - {"/usr/sbin/criu"}) == {}


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        pytest.param(
            {RUNTIME + "default_sysctls": ["net.ipv4.ip_forward=1", "kernel.sem=1", "vm.swappiness=1"]},
            RUNTIME + "default_sysctls", "CRI-O skips vm.swappiness in every pod", id="a sysctl without a namespace",
        ),
        pytest.param(
            {KATA + "inherit_default_runtime": True, KATA + "runtime_root": "/run/kata"},
            KATA + "runtime_root", "uses the value of the default handler", id="an inherited key",
        ),
        pytest.param(
            {RUNTIME + "conmon": "/usr/bin/conmon", KATA + "monitor_path": "/opt/conmon"},
            KATA + "monitor_path", "crio.runtime.conmon is also set and overrides it", id="conmon overrides",
        ),
        pytest.param(
            {RUNTIME + "cgroup_manager": "cgroupfs", KATA + "monitor_cgroup": "system.slice"},
            KATA + "monitor_cgroup", "with cgroup_manager cgroupfs", id="no slice with cgroupfs",
        ),
        pytest.param(
            {"crio.metrics.enable_metrics": True, "crio.metrics.metrics_cert": "/x.crt"},
            "crio.metrics.metrics_cert", "uses plain HTTP", id="a certificate without its key",
        ),
        pytest.param(
            {"crio.api.tls_min_version": "VersionTLS13", "crio.api.tls_cipher_suites": ["x"]},
            "crio.api.tls_cipher_suites", "VersionTLS13", id="cipher suites of TLS 1.3",
        ),
    ],
)  # fmt: skip
def test_values_that_another_value_makes_idle_are_told_without_asking_the_node(values, key, words):
    assert words in found(values, missing=[])[key]


def test_the_program_of_a_handler_that_takes_the_default_one_is_not_asked_for():
    values = {KATA + "inherit_default_runtime": True, KATA + "runtime_path": "/opt/kata"}
    assert fallbacks.paths(settings(values)) == []
