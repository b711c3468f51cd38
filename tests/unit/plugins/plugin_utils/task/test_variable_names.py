# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a misspelled variable is a warning, but not a variable of a user or of another collection."""

import pathlib
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.task import variable_names

ROOT = pathlib.Path(__file__).parents[5]
CRIO = {"crio": {"metrics": {"metrics_port": 9537}}}
REGISTRIES = {"registry": [{"location": "a.example.com"}]}
# Variables of kubespray, with values of the shapes that it gives them.
KUBESPRAY = {
    "texts": """crictl_binary_checksum crictl_download_url crictl_image_info_command crictl_image_pull_command crictl_version
        crio_archive_checksum crio_cgroup_manager crio_conmon crio_default_runtime crio_download_url crio_kubic_debian_repo_name
        crio_libexec_dir crio_log_level crio_metrics_port crio_pause_image crio_pull_progress_timeout crio_remap_user
        crio_required_version crio_root crio_runtime_bin_dir crio_seccomp_profile crio_selinux crio_signature_policy
        crio_status_command crio_stream_port crio_subgid_length crio_subgid_start crio_subuid_length crio_subuid_start
        crio_version registry_disk_size registry_htpasswd registry_image_repo registry_image_tag registry_ingress_host
        registry_ingress_tls_secret registry_namespace registry_port registry_replica_count registry_service_cluster_ip
        registry_service_loadbalancer_ip registry_service_nodeport registry_service_type registry_storage_access_mode
        registry_storage_class registry_tls_secret registry_version""".split(),
    "flags": "crio_criu_support_enabled crio_enable_metrics crio_remap_enable crio_runtime_switch registry_enabled".split(),
    "lists": """crio_additional_mounts crio_bin_files crio_default_capabilities crio_insecure_registries crio_libexec_files
        crio_man_files crio_registries crio_registry_auth crio_runtimes registry_templates""".split(),
    "mappings": """crictl_checksums crio_archive_checksums registry_ingress_annotations registry_service_annotations""".split(),
}  # fmt: skip
REGISTRY_OF_KUBESPRAY = {"version": 0.1, "log": {}, "storage": {}, "http": {"addr": ":5000"}, "health": {}}


def warned(**variables):
    return variable_names.warnings(
        {"ansible_check_mode": False, "hostvars": {"crio_confg": CRIO}, **variables}
    )


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("crio_confg", CRIO, "crio_config"),
        ("crio_cofnig", CRIO, "crio_config"),
        ("crio_conf", CRIO, "crio_config"),
        ("CRIO_CONFIG", CRIO, "crio_config"),
        ("crio_configs", "{{ settings }}", "crio_config"),
        ("crio_confg", '{"crio": {}}', "crio_config"),
        ("crio_config_lab", CRIO, "crio_config__lab"),
        ("crio_config_lab", "crio: {api: {}}", "crio_config__lab"),
        ("crio_config_10_site", {"metrics": {"metrics_port": 1}}, "crio_config__10_site"),
        ("crio_confg__lab", CRIO, "crio_config__lab"),
        ("registry_config", REGISTRIES, "registries_config"),
        ("registry_config", {"unqualified-search-registries": []}, "registries_config"),
        ("registry_config__lab", REGISTRIES, "registries_config__lab"),
        ("registry_config_lab", REGISTRIES, "registries_config__lab"),
        ("registries_config_lab", REGISTRIES, "registries_config__lab"),
        ("registries_opnshift", [{"kind": "Image"}], "registries_openshift"),
        ("registries_opensihft", "apiVersion: config.openshift.io/v1", "registries_openshift"),
        ("registries_openshit__lab", {"kind": "Image"}, "registries_openshift__lab"),
        ("runtime_config", CRIO, "crio_config"),
        ("cri_o_config", CRIO, "crio_config"),
        ("crictl_conifg", {"timeout": 3}, "crictl_config"),
        ("crictl_config_lab", {"timeout": 3}, "crictl_config__lab"),
        ("crio_enviroment", {"NO_PROXY": "localhost"}, "crio_environment"),
        ("crio_services", {"Service": {}}, "crio_service"),
        ("crio_ready_timout", 5, "crio_ready_timeout"),
        ("crictl_completions", ["zsh"], "crictl_completion"),
        ("verify_images", "a.example.com/b:1", "verify_image"),
        ("verify_report_flie", "x.json", "verify_report_file"),
        ("plan_report_flie", "x.json", "plan_report_file"),
        ("drift_ignored", ["settings"], "drift_ignore"),
        ("cri_node_host", "workers", "cri_node_hosts"),
        ("cri_node_serail", "10%", "cri_node_serial"),
        ("rollback_generaton", 3, "rollback_generation"),
    ],
)
def test_a_misspelled_variable_is_a_warning_with_the_closest_name(name, value, meant):
    [warning] = warned(**{name: value})
    assert warning == f"the variable {name} is not read by any role of cri.node; did you mean {meant}?"


def test_a_layer_of_a_variable_without_layers_is_a_warning():
    [warning] = warned(crio_environment__proxy={"NO_PROXY": "localhost"})
    assert "crio_environment__proxy is not read" in warning
    assert "crio_environment has no layers" in warning


def test_variables_of_kubespray_cause_no_warning():
    values = {
        "texts": "1.36.0",
        "flags": True,
        "lists": [{"name": "crun"}],
        "mappings": {"amd64": {"1.36.0": "sha256:00"}},
    }
    given = {name: values[kind] for kind, names in KUBESPRAY.items() for name in names}
    assert warned(**given, registry_config=REGISTRY_OF_KUBESPRAY) == []
    assert warned(**dict.fromkeys(given, "{{ x }}")) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crio_my_ticket_number", "OPS-1"),
        ("crio_config_path", "/etc/crio"),
        ("crio_config_file", "{{ crio_config_dir }}/crio.conf"),
        ("crio_config_template", {"src": "crio.conf.j2"}),
        ("crio_conf", "/etc/crio/crio.conf"),
        ("crio_installed", True),
        ("crio_installed", {"changed": False}),
        ("crio_versions", ["1.36"]),
        ("crio_service_name", "crio"),
        ("crio_service_enabled", True),
        ("crio_config__lab", CRIO),
        ("crio_config", CRIO),
        ("crio_confg", None),
        ("crio_confg", {}),
        ("crictl_config_dest", "/etc/crictl.yaml"),
        ("verify_full", True),
        ("verify_ssl", "no"),
        ("runtime_config", {"docker": {}}),
        ("registry_config", {}),
        ("verify_results", {"checks": []}),
        ("crio_" + "x" * 1000, CRIO),
    ],
)
def test_variables_of_the_user_cause_no_warning(name, value):
    assert warned(**{name: value}) == []


def test_a_variable_that_another_one_uses_causes_no_warning():
    given = {
        "crio_config_base": CRIO,
        "crio_config": "{{ crio_config_base | combine(mine, recursive=true) }}",
    }
    assert warned(**given) == []
    assert warned(crio_config_base=CRIO, crio_config={"crio": {"x": "crio_config_base"}}) != []


def test_every_variable_of_the_roles_and_playbooks_is_known():
    declared = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            declared |= entry["options"].keys()
    for path in ROOT.glob("playbooks/*.yml"):
        declared |= set(
            re.findall(
                r"\b(?:cri_node_[a-z_]+|rollback_generation|preview_(?:version|report_file)|(?:upgrade|migrate)_(?:drain|restore))\b",
                path.read_text(),
            )
        )
    assert declared == {*variable_names.LAYERED, *variable_names.SINGLE}
    made = set()
    for path in ROOT.glob("roles/*/vars/**/*.yml"):
        made |= {name for name in yaml.safe_load(path.read_text()) if not name.startswith("__")}
    assert warned(**dict.fromkeys(made, "{{ x }}")) == []


@given(
    st.dictionaries(
        st.text("crio_configslabey", max_size=20).map("crio_".__add__), st.text() | st.none() | st.integers()
    )
)
def test_no_variable_raises_an_error(variables):
    assert isinstance(variable_names.warnings(variables), list)
