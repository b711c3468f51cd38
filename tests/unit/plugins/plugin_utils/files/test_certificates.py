# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the certificates of registries with real ones, made anew for each run."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.files.certificates import Certificates, check

HOST = "registry.example.com:5000"
KIND = Certificates()
START = datetime.datetime(2026, 1, 1)


def pem_of(key, form=serialization.PrivateFormat.PKCS8, password=None):
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()


def certificate_of(key, name="node"):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    )
    builder = (
        builder.serial_number(7).not_valid_before(START).not_valid_after(START + datetime.timedelta(days=9))
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA, EDWARDS = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
CA = certificate_of(OTHER, "ca")
CERTIFICATE, PEM_KEY = certificate_of(KEY), pem_of(KEY)


def problems_of(texts, host=HOST):
    return [str(problem) for problem in check([("registries_certificates", {host: texts})]).problems]


@pytest.mark.parametrize("key", [KEY, RSA, EDWARDS], ids=["ec", "rsa", "ed25519"])
def test_each_text_becomes_a_file_and_only_the_key_is_secret(key):
    texts = {"ca": CA + certificate_of(key), "cert": certificate_of(key), "key": pem_of(key)}
    checked = check([("v", {HOST: texts})])
    assert checked.problems == []
    parts = KIND.parts("/etc/containers/certs.d", checked.data)
    folder = f"/etc/containers/certs.d/{HOST}"
    assert {path: KIND.render(part) for path, part in parts.items()} == {
        f"{folder}/ca.crt": texts["ca"],
        f"{folder}/client.cert": texts["cert"],
        f"{folder}/client.key": texts["key"],
    }
    assert [path for path, part in parts.items() if KIND.is_secret(part)] == [f"{folder}/client.key"]
    assert KIND.walk(checked.data) == [
        ((HOST, "ca"), "2 certificates"),
        ((HOST, "cert"), "1 certificate"),
        ((HOST, "key"), None),
    ]


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_a_key_of_either_form_is_accepted_also_with_text_around_it(form):
    texts = {
        "cert": f"subject=node\n{CERTIFICATE}",
        "key": f"-----BEGIN EC PARAMETERS-----\nMAA=\n-----END EC PARAMETERS-----\n{pem_of(KEY, form)}",
    }
    assert problems_of(texts) == []


LINES = CERTIFICATE.split("\n")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({}, "has no certificates"),
        ({"ca": "/etc/ssl/ca.pem"}, "is a path, but the content is needed"),
        ({"ca": ""}, "ca: is empty"),
        ({"ca": 5}, "ca: is an integer, not a string"),
        ({"ca": "hello"}, "is not PEM"),
        ({"ca": CA.replace("\n", "\r\n")}, "line ends of Windows"),
        ({"ca": CA.replace("\n", " ")}, "is not PEM"),
        ({"ca": "\n".join(LINES[:-3])}, "has a block of CERTIFICATE without its end"),
        ({"ca": "\n".join([*LINES[:3], *LINES[4:]])}, "damaged or cut off"),
        ({"ca": CA.replace("M", "!", 1)}, "that is not base64"),
        ({"ca": CA + PEM_KEY}, "contains a private key, which belongs in key"),
        (
            {"ca": CERTIFICATE.replace("CERTIFICATE", "CERTIFICATE REQUEST")},
            "contains a block of CERTIFICATE REQUEST",
        ),
        ({"ca": CA, "crt": CA}, "crt: is unknown"),
        ({"cert": CERTIFICATE}, "cert: has no key: containers/image then refuses every pull"),
        ({"key": PEM_KEY}, "key: has no cert: containers/image then refuses every pull"),
        ({"cert": CERTIFICATE, "key": pem_of(OTHER)}, "key: does not belong to the certificate"),
        ({"cert": CERTIFICATE, "key": PEM_KEY + PEM_KEY}, "does not contain exactly one private key"),
        ({"cert": CERTIFICATE, "key": CERTIFICATE}, "does not contain exactly one private key"),
        ({"cert": CERTIFICATE, "key": pem_of(KEY, password=b"pass")}, "is encrypted"),
        (
            {
                "cert": CERTIFICATE,
                "key": pem_of(KEY, serialization.PrivateFormat.TraditionalOpenSSL, b"pass"),
            },
            "is encrypted",
        ),
    ],
)
def test_an_unusable_text_is_one_problem_without_the_text(texts, words):
    [problem] = problems_of(texts)
    assert words in problem
    assert LINES[1] not in problem
    assert PEM_KEY.split("\n")[1] not in problem


@pytest.mark.parametrize(
    "host", ["", "https://a.io", "a.io/team", "*.a.io", "a.io:", "team", "../etc", "A_B.io"]
)
def test_a_name_that_is_not_a_registry_is_refused(host):
    [problem] = problems_of({"ca": CA}, host)
    assert "is not the name of a registry" in problem


def test_a_later_layer_can_remove_a_text():
    checked = check(
        [
            ("v", {HOST: {"ca": CA, "cert": CERTIFICATE, "key": PEM_KEY}}),
            ("v__lab", {HOST: {"cert": None, "key": None}}),
        ]
    )
    assert checked.problems == []
    assert checked.data == {HOST: {"ca": CA}}


def test_every_line_of_a_key_is_masked_in_messages():
    checked = check([("v", {HOST: {"cert": CERTIFICATE, "key": PEM_KEY}})])
    masked = KIND.secrets(checked.data, "")
    assert all(line in masked for line in PEM_KEY.split("\n")[1:-2])


@given(st.integers(0, len(CA)), st.integers(0, len(CA)), st.text(max_size=3))
def test_a_damaged_text_is_refused_or_still_has_its_certificate(start, length, inserted):
    damaged = CA[:start] + inserted + CA[start + length :]
    checked = check([("v", {HOST: {"ca": damaged}})])
    if not checked.problems:
        assert "-----BEGIN CERTIFICATE-----" in checked.data[HOST]["ca"]
