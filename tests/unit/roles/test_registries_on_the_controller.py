# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the part of the role registries that runs on the controller. Runs on every supported controller."""

import pytest

DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"
HEADER = "# Written by the role cri.node.registries, which undoes what is changed here: set registries_config instead.\n"


def test_the_file_is_rendered_from_all_layers(controller):
    shown = controller.files(
        "registries",
        {
            "registries_config": {
                "unqualified-search-registries": ["registry.example.com"],
                "registry": [
                    {"prefix": "", "location": "abcd.example.com", "insecure": True},
                    {"location": "docker.io", "blocked": "true"},
                ],
            },
            "registries_config__lab": {
                "registry": [
                    {"prefix": "docker.io", "mirror": [{"location": "mirror:5000", "insecure": True}]},
                    {"location": "abcd.example.com", "insecure": None},
                ]
            },
        },
    )
    assert shown[DROP_IN].content == HEADER + (
        'unqualified-search-registries = ["registry.example.com"]\n'
        "\n"
        "[[registry]]\n"
        'location = "abcd.example.com"\n'
        'prefix = ""\n'
        "\n"
        "[[registry]]\n"
        "blocked = true\n"
        'location = "docker.io"\n'
        'prefix = "docker.io"\n'
        "\n"
        "[[registry.mirror]]\n"
        "insecure = true\n"
        'location = "mirror:5000"\n'
    )
    assert (shown[DROP_IN].owner, shown[DROP_IN].disruption) == ("registries", "reload")
    assert shown[DROP_IN].checked.sources["registry", "docker.io", "mirror"] == "registries_config__lab"


def test_a_warning_is_an_error_if_the_variable_says_so(controller):
    insecure = {"registries_config": {"registry": [{"location": "quay.io", "insecure": True}]}}
    assert controller.run("registries", insecure).returncode == 0
    strict = {**insecure, "registries_warnings_are_errors": "yes"}
    output = controller.expect_one_message("registries", strict, ["quay.io", "1 problem on 1 of 1 node"])
    assert "1 warning" not in output


IMAGE = """
apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec: {registrySources: {insecureRegistries: [abcd.example.com]}}
"""
MIRRORS = """
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: mirrors}
spec: {imageTagMirrors: [{source: docker.io, mirrors: [mirror.example.com]}]}
"""


def test_an_image_of_openshift_and_registries_conf_have_the_same_result(controller):
    written = {"registry": [{"prefix": "", "location": "abcd.example.com", "insecure": True}]}
    of_file = controller.files("registries", {"registries_config": written})[DROP_IN]
    of_object = controller.files("registries", {"registries_openshift": IMAGE})[DROP_IN]
    assert of_object.content == of_file.content.replace('prefix = ""\n', "")
    assert of_object.checked.sources["registry", "abcd.example.com", "insecure"] == "registries_openshift"
    assert (of_object.checked.problems, of_object.disruption) == ([], "reload")


def test_objects_are_read_from_files_and_overridden_by_settings(controller):
    (controller.folder / "openshift").mkdir()
    (controller.folder / "openshift/image.yml").write_text(IMAGE)
    (controller.folder / "openshift/mirrors.yml").write_text(MIRRORS)
    pattern = controller.folder / "openshift/*.yml"
    variables = {
        "registries_openshift": f"{{{{ query('ansible.builtin.file', *query('ansible.builtin.fileglob', '{pattern}')) }}}}",
        "registries_openshift__lab": MIRRORS.replace("docker.io", "quay.io").replace(
            "name: mirrors", "name: lab"
        ),
        "registries_config": {"registry": [{"location": "docker.io", "blocked": True}]},
    }
    file = controller.files("registries", variables)[DROP_IN]
    mirror = [{"location": "mirror.example.com", "pull-from-mirror": "tag-only"}]
    assert file.checked.data["registry"] == [
        {"location": "abcd.example.com", "insecure": True},
        {"location": "docker.io", "mirror": mirror, "blocked": True},
        {"location": "quay.io", "mirror": mirror},
    ]


def test_without_variables_no_file_is_desired(controller):
    assert controller.desired("registries", {}) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {"registries_config__x": {"registry": [{"location": "https://a.io"}]}},
            ["registries_config__x: registry.", "https://a.io", DROP_IN, "URI schemes are not supported"],
            id="a URL",
        ),
        pytest.param(
            {"registries_config": {"unqualified_search_registries": []}},
            ["did you mean unqualified-search-registries?"],
            id="an unknown key",
        ),
        pytest.param({"registries_config": ["a.io"]}, ["registries_config"], id="a list"),
        pytest.param(
            {
                "registries_openshift": f"{IMAGE}---{MIRRORS}".replace("[abcd.", '["*:5", abcd.'),
                "registries_openshift__x": MIRRORS.replace("source:", "sorce:"),
            },
            [
                # An older Ansible escapes quotes.
                "registries_openshift: Image/cluster.spec.registrySources.insecureRegistries[0] = ",
                "invalid entry for insecure registries ",
                "registries_openshift__x: ImageTagMirrorSet/mirrors.spec.imageTagMirrors[0].sorce: is not a field",
                "did you mean source?",
            ],
            id="objects of OpenShift",
        ),
        pytest.param({"registries_config__x": "a.io"}, ["registries_config__x"], id="a layer that is a text"),
    ],
)
def test_an_invalid_value_is_one_message_without_a_traceback(controller, variables, expected):
    controller.expect_one_message("registries", variables, expected)


def test_each_variable_becomes_its_files_and_each_has_layers(controller):
    accept = [{"type": "insecureAcceptAnything"}]
    shown = controller.files(
        "registries",
        {
            "crio_config": {"crio": {"image": {"global_auth_file": "/etc/crio/auth.json"}}},
            "registries_auth": {"a.example": {"username": "u", "password": "p"}},
            "registries_auth__lab": {"b.example": {"helper": "ecr-login"}},
            "registries_policy": {"default": accept},
            "registries_policy__lab": {"transports": {"docker": {"a.example": accept}}},
            "registries_namespaced_policies": {"team": {"default": accept}},
            "registries_signatures__lab": {"docker": {"a.example": {"use-sigstore-attachments": True}}},
            "registries_certificates": {"a.example:5000": {"ca": certificate()}},
        },
    )
    assert [problem for file in shown.values() for problem in file.checked.problems] == []
    assert {
        path: (file.kind.name, file.mode, file.disruption) for path, file in shown.items() if file.content
    } == {
        "/etc/crio/auth.json": ("auth_json", "0600", "none"),
        "/etc/crio/policy.json": ("policy_json", "0644", "none"),
        "/etc/crio/policies/team.json": ("namespaced_policies", "0644", "none"),
        "/etc/containers/registries.d/cri-node.yaml": ("registries_d", "0644", "none"),
        "/etc/containers/certs.d/a.example:5000/ca.crt": ("certificates", "0644", "none"),
    }
    assert set(shown["/etc/crio/auth.json"].entries) == {"auths", "credHelpers"}
    assert set(shown["/etc/crio/policy.json"].entries) == {"", "transports.docker"}


def certificate():
    """Return a PEM block with a DER sequence."""
    return "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"


def test_a_password_is_not_in_the_message_about_its_entry(controller):
    output = controller.expect_one_message(
        "registries",
        {"registries_auth": {"a.example/Team": {"username": "u", "password": "canary-Pa55word"}}},
        ["registries_auth: 'a.example/Team'", "is not a registry"],
    )
    assert "canary-Pa55word" not in output
