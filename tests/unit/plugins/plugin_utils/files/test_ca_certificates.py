# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the certificate authorities of the system's store: a file each, and what is refused."""

import pytest
from tests.unit.plugins.plugin_utils.files.test_certificates import CA, CERTIFICATE, PEM_KEY

from ansible_collections.cri.node.plugins.plugin_utils.files.ca_certificates import CaCertificates
from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Versions

KIND = CaCertificates()
FOLDER = "/usr/local/share/ca-certificates"


def check(*layers):
    return KIND.check(
        [(f"registries_ca_certificates{number or ''}", each) for number, each in enumerate(layers)],
        Versions(),
    )


def test_each_name_is_a_file_and_a_later_layer_removes_or_replaces_one():
    checked = check({"root": CA, "old": CA}, {"old": None, "lab": f"{CERTIFICATE}\n\n"})
    assert checked.problems == []
    parts = KIND.parts(FOLDER, checked.data)
    assert {path: KIND.render(data) for path, data in parts.items()} == {
        f"{FOLDER}/cri-node-lab.crt": CERTIFICATE,
        f"{FOLDER}/cri-node-root.crt": CA,
    }
    assert KIND.walk(checked.data) == [(("lab",), "1 certificate"), (("root",), "1 certificate")]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a/b", CA, "is not a name"),
        ("../x", CA, "is not a name"),
        ("root.crt", CA, "is not a name"),
        ("root", "", "is empty"),
        ("root", 5, "is an integer, not a string"),
        ("root", "/etc/ssl/ca.pem", "is a path, but the content is needed"),
        ("root", CA[: len(CA) // 2], "without its end"),
        ("root", CA + CERTIFICATE, "contains 2 certificates"),
        ("root", CA + PEM_KEY, "contains a private key"),
    ],
)
def test_what_is_not_one_certificate_with_a_name_is_refused_without_a_key_in_the_message(name, text, fault):
    [problem] = check({name: text}).problems
    assert fault in str(problem)
    assert str(problem).startswith("registries_ca_certificates: ")
    assert PEM_KEY.split("\n")[1] not in str(problem)
