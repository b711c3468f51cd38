# SPDX-License-Identifier: GPL-3.0-or-later
"""Random objects of OpenShift about registries, and random settings of registries.conf, with many scopes inside of each other."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

HOSTS = ("a.io", "b.io", "x.a.io", "y.x.a.io", "a.io:5000", "m.io", "n.m.io", "c.org")
WILDCARDS = ("*.a.io", "*.x.a.io", "*.io", "*.m.io", "*.org")
PATHS = ("", "", "/t", "/t/u", "/t/u/v", "/w", "/w/1/2/3")
CONFIG = "config.openshift.io/v1"


def pem(name: str) -> str:
    """Return something that has the form of a certificate."""
    content = bytes((0x30, len(name))) + name.encode()  # a sequence in DER
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(content).decode()}\n-----END CERTIFICATE-----\n"


def image(name: str = "cluster", **spec: Any) -> dict[str, Any]:
    """Return an Image."""
    return {"apiVersion": CONFIG, "kind": "Image", "metadata": {"name": name}, "spec": spec}


def sources(**lists: list[str]) -> dict[str, Any]:
    """Return an Image with these lists of registrySources."""
    return image(registrySources=lists)


def mirrors(*entries: dict[str, Any], kind: str = "ImageDigestMirrorSet", name: str = "m") -> dict[str, Any]:
    """Return an object with lists of mirrors."""
    field = {
        "ImageDigestMirrorSet": "imageDigestMirrors",
        "ImageTagMirrorSet": "imageTagMirrors",
        "ImageContentSourcePolicy": "repositoryDigestMirrors",
    }[kind]
    version = "operator.openshift.io/v1alpha1" if kind == "ImageContentSourcePolicy" else CONFIG
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": {field: list(entries)}}


def scope(random: Random, wildcards: float = 0.2) -> str:
    """Return a scope; `wildcards` is the share of wildcards."""
    if random.random() < wildcards:
        return random.choice(WILDCARDS)
    return random.choice(HOSTS) + random.choice(PATHS)


def objects(random: Random) -> list[dict[str, Any]]:
    """Return objects without a fault, except that mirrors of a wildcard may have to be copied."""
    policies: dict[str, str] = {}
    found = [_image(random)]
    for kind, most in (
        ("ImageDigestMirrorSet", 2),
        ("ImageTagMirrorSet", 1),
        ("ImageContentSourcePolicy", 1),
    ):
        for number in range(random.randint(0, most)):
            count = random.randint(1, 2)
            entries = [each for _count in range(count) for each in _mirror_set(random, policies, kind)]
            found.append(mirrors(*entries, kind=kind, name=f"{kind.lower()}-{number}"))
    ca = found[0]["spec"].get("additionalTrustedCA")
    if ca:
        hosts = random.sample(HOSTS, random.randint(1, 3))
        data = {host.replace(":", ".."): pem(host) for host in hosts}
        metadata = {"name": ca["name"], "namespace": "openshift-config"}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    random.shuffle(found)
    return found


def _image(random: Random) -> dict[str, Any]:
    limited = random.choice(["blockedRegistries", "blockedRegistries", "allowedRegistries"])
    lists = {
        "insecureRegistries": [scope(random) for _count in range(random.randint(0, 3))],
        limited: [scope(random) for _count in range(random.choice([0, 0, 1, 2]))],
    }
    if random.random() < 0.3:
        lists["containerRuntimeSearchRegistries"] = random.sample(HOSTS, random.randint(1, 2))
    spec: dict[str, Any] = {"registrySources": {name: each for name, each in lists.items() if each}}
    if random.random() < 0.2:
        spec["additionalTrustedCA"] = {"name": "registry-cas"}
    return image(**spec)


def _mirror_set(random: Random, policies: dict[str, str], kind: str) -> list[dict[str, Any]]:
    """Return one entry, or none if it would contradict the policy of its source."""
    source = scope(random, 0.15)
    found = list(dict.fromkeys(scope(random, 0) for _count in range(random.choice([0, 1, 1, 2, 3]))))
    if random.random() < 0.1 and not source.startswith("*"):
        found = list(dict.fromkeys([*found, source]))
    is_older = kind == "ImageContentSourcePolicy"
    policy = policies.setdefault(source, "" if is_older else random.choice(["", "", "NeverContactSource"]))
    if policy and (is_older or source in found):
        return []
    return [{"source": source, "mirrors": found, **({"mirrorSourcePolicy": policy} if policy else {})}]


def settings(random: Random) -> dict[str, Any]:
    """Return settings of registries.conf as people write them, in which a scope does not follow from those around it."""
    tables: dict[str, dict[str, Any]] = {}
    for _count in range(random.randint(1, 4)):
        name = scope(random)
        table: dict[str, Any] = {"prefix" if name.startswith("*") else "location": name}
        for key in ("insecure", "blocked"):
            if random.random() < 0.3:
                table[key] = True
        pulls = ["all", "digest-only", "tag-only", None]
        table["mirror"] = [
            {
                "location": scope(random, 0),
                **({"insecure": True} if random.random() < 0.2 else {}),
                **({"pull-from-mirror": pull} if (pull := random.choice(pulls)) else {}),
            }
            for _count in range(random.choice([0, 0, 1, 2]))
        ]
        if not table["mirror"]:
            del table["mirror"]
        tables[name] = table
    return {"registry": list(tables.values())}
