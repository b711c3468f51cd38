# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for the connections to single registries: a CA, and a client's certificate with its key (containers-certs.d(5)).

containers/image silently ignores a CA that it cannot parse, and refuses every pull from a registry whose client certificate has
no key. Problems never contain a key. All problems are found at once, and nothing is raised.
"""

from __future__ import annotations

import re

from ansible_collections.cri.node.plugins.plugin_utils.files.kind import Kind, Versions
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked, Findings
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Layers, Path
from ansible_collections.cri.node.plugins.plugin_utils.registries import image_reference
from ansible_collections.cri.node.plugins.plugin_utils.value_types import is_unicode, kind

_FILES = {"ca": "ca.crt", "cert": "client.cert", "key": "client.key"}
KEYS = tuple(_FILES)
_LONGEST = 1024 * 1024  # characters of one text
_FROM_FILE = "the content of a PEM file, for example {{ lookup('file', 'ca.pem') }}"
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*$", re.ASCII)
_IGNORED = ("EC PARAMETERS", "DH PARAMETERS")
_OF_ROOT = "/root/.config/containers/certs.d"  # where it has the folder of a host, no other one is read


def check(layers: Layers) -> Checked:
    """Merge named layers that map registries to their certificates, and check the result."""
    data, findings = Certificates().merged(layers)
    typed = {}
    for host, texts in sorted(data.items()):
        found = _of_host(host, texts, findings)
        if found:
            typed[host] = found
    return Checked(typed, findings.sources, findings.listed(), findings.warnings)


def _of_host(host: str, texts: object, findings: Findings) -> dict[str, str]:
    """Return the valid texts of a registry, each with a final line break; {} if there is a problem."""
    path, before = (host,), findings.found
    if not image_reference.is_host(host) or not image_reference.can_begin_a_name(host):
        fault = "is not the name of a registry: containers/image looks for a folder with exactly this name"
        findings.problem(path, fault, "host[:port], for example registry.example.com:5000")
    if not isinstance(texts, dict):
        findings.problem(path, f"is {kind(texts)}, not a mapping", ", ".join(KEYS))
        return {}
    for name, text in texts.items():
        if name not in _FILES:
            findings.problem(
                (*path, name), f"is unknown{findings.suggestion(name, list(KEYS))}", ", ".join(KEYS)
            )
        else:
            fault = fault_of_text(text, name)
            if fault:
                findings.problem((*path, name), fault, _FROM_FILE)
    if findings.found == before:
        _check_pair(texts, path, findings)
    if findings.found != before:
        return {}
    return {name: f"{texts[name].rstrip()}\n" for name in KEYS if name in texts}


def fault_of_text(text: object, name: str) -> str:
    """Return why a text is not the PEM that ca, cert or key needs, without the text; "" if it is."""
    if not isinstance(text, str):
        return f"is {kind(text)}, not a string"
    if not text.strip():
        return "is empty"
    if len(text) > _LONGEST or not is_unicode(text) or not text.isascii():
        return "is not PEM: it is too long or contains other characters than ASCII"
    if "\r" in text:
        return "has the line ends of Windows (CR LF): convert it, for example with dos2unix"
    if text.strip().startswith("/") and "\n" not in text.strip():
        return "is a path, but the content is needed"
    blocks, fault = _blocks(text)
    if fault:
        return fault
    labels = [label for label, _content in blocks]
    if name == "key":
        return _fault_of_key(text, labels)
    if "PRIVATE KEY" in " ".join(labels):
        return "contains a private key, which belongs in key"
    wrong = next((label for label in labels if label != "CERTIFICATE"), "")
    return f"contains a block of {wrong}, not only CERTIFICATE" if wrong else ""


def _fault_of_key(text: str, labels: list[str]) -> str:
    keys = [label for label in labels if label not in _IGNORED]
    if len(keys) != 1 or not (keys[0] == "PRIVATE KEY" or keys[0].endswith(" PRIVATE KEY")):
        return "does not contain exactly one private key"
    if keys[0].startswith("ENCRYPTED") or "Proc-Type: 4,ENCRYPTED" in text:
        return "is encrypted, and containers/image cannot ask for its passphrase"
    return ""


def _blocks(text: str) -> tuple[list[tuple[str, bytes]], str]:
    """Return (label and content of each PEM block, "") or ([], why it is not PEM). Text between the blocks is allowed."""
    import base64
    import binascii

    found: list[tuple[str, bytes]] = []
    lines: list[str] = []
    label, has_headers = "", False
    for line in text.split("\n"):
        begins = _BEGIN.match(line)
        if begins and label:
            return [], f"has a block of {label} without its end"
        if begins:
            label, lines, has_headers = begins.group(1), [], False
        elif label and line.rstrip() == f"-----END {label}-----":
            try:
                content = base64.b64decode("".join(lines), validate=True)
            except (binascii.Error, ValueError):
                return [], f"has a block of {label} that is not base64"
            if not has_headers and not _is_whole(content):
                return [], f"has a block of {label} that is damaged or cut off"
            found.append((label, content))
            label = ""
        elif (
            label and ":" in line
        ):  # DEK-Info and Proc-Type of an encrypted key, whose content has no structure
            has_headers = True
        elif label:
            lines.append(line.strip())
    if label:
        return [], f"has a block of {label} without its end"
    return (found, "") if found else ([], "is not PEM: it has no line such as -----BEGIN CERTIFICATE-----")


def _is_whole(content: bytes) -> bool:
    """Return whether the content is one DER sequence of exactly its stated length. That of an encrypted key is not."""
    if len(content) < 2 or content[0] != 0x30:
        return (
            len(content) > 2 and content[0] != 0x30
        )  # an encrypted key has no structure, and is refused later
    if content[1] < 0x80:
        return len(content) == 2 + content[1]
    size = content[1] & 0x7F
    return 0 < size <= 4 and len(content) == 2 + size + int.from_bytes(content[2 : 2 + size], "big")


def _check_pair(texts: Data, path: Path, findings: Findings) -> None:
    if not texts:
        findings.problem(path, "has no certificates", ", ".join(KEYS))
    for name, other in (("cert", "key"), ("key", "cert")):
        if name in texts and other not in texts:
            fault = f"has no {other}: containers/image then refuses every pull from this registry"
            findings.problem((*path, name), fault, "both cert and key, or neither")
    if "cert" in texts and "key" in texts and _are_strangers(texts["cert"], texts["key"]):
        fault = (
            "does not belong to the certificate: containers/image then refuses every pull from this registry"
        )
        findings.problem((*path, "key"), fault)


def _are_strangers(certificate: str, key: str) -> bool:
    """Return whether a key is known not to be the one of a certificate."""
    try:  # ansible-core requires the library; only client certificates need it
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        return False
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        of_certificate = x509.load_pem_x509_certificate(certificate.encode()).public_key()
        of_key = serialization.load_pem_private_key(key.encode(), None).public_key()
        return of_certificate.public_bytes(*form) != of_key.public_bytes(*form)
    except (
        Exception
    ):  # of an algorithm that the library does not know, or a form that it refuses and others accept
        return False


class Certificates(Kind):
    """The files in certs.d, which CRI-O reads for each pull: a folder for each registry."""

    name = "certificates"
    file = "certificates"
    openshift = "registries_certificates"
    disruption = "none"
    accepted = "a mapping of registries to certificates"
    folder = True

    def check(self, layers: Layers, versions: Versions) -> Checked:
        """Merge the layers by registry and check them."""
        return check(layers)

    def parts(self, path: str, data: Data) -> dict[str, Data]:
        """Return one file for each text."""
        return {
            f"{path}/{host}/{_FILES[name]}": {host: {name: text}}
            for host, texts in data.items()
            for name, text in texts.items()
        }

    def outranked_by(self, path: str) -> tuple[str, ...]:
        """Return root's own folder of the same registry."""
        return (f"{_OF_ROOT}/{path.split('/')[-2]}/",)

    def render(self, data: Data) -> str:
        """Return the only text in a part."""
        return "".join(text for texts in data.values() for text in texts.values())

    def walk(self, data: Data) -> list[tuple[Path, object]]:
        """Return each text by the number of its certificates, and a key without anything of it."""
        return [
            ((host, name), None if name == "key" else _numbered(text.count("-----BEGIN CERTIFICATE-----")))
            for host, texts in data.items()
            for name, text in texts.items()
        ]

    def is_secret(self, data: Data) -> bool:
        """Return whether a part is a key."""
        return any("key" in texts for texts in data.values())

    def secrets(self, data: Data, content: str) -> list[str]:
        """Return a key, whole and by line."""
        keys = [texts["key"] for texts in data.values() if "key" in texts]
        return [*keys, *(line for key in keys for line in key.split("\n") if line and "-----" not in line)]


def _numbered(number: int) -> str:
    return f"{number} certificate{'' if number == 1 else 's'}"
