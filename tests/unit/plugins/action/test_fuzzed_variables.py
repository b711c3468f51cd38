# SPDX-License-Identifier: GPL-3.0-or-later
"""Property test: whatever the variables of a host contain, the check ends with problems of one line that name their place.

The variables take the way of runtime_check: looked up with their layers, made plain, validated, and checked by each kind of file.
"""

from __future__ import annotations

import copy
import datetime
import random
import time

import pytest

from ansible_collections.cri.node.plugins.action import runtime_check
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files import crictl_yaml, registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.task import faults
from ansible_collections.cri.node.plugins.plugin_utils.task.variable_layers import resolved

TREES = 2000
BATCHES = 8  # each is one test, so that a failure names its seed
SLOWEST = 5.0  # seconds for one tree, of the processor; the median is some milliseconds
LONGEST = 2000 + len(" ... (cut)")  # characters of one problem, see problem.py
# A problem has no other place than these if it is about several settings.
WITHOUT_PLACE = ("more problems are not listed", "lists and mappings are nested deeper than")
VARIABLES = (
    "crio_config",
    "registries_config",
    "registries_openshift",
    "crictl_config",
    "crio_service",
    "crio_environment",
    "crio_accept_keys",
    "registries_auth",
    "registries_policy",
    "registries_namespaced_policies",
    "registries_signatures",
    "registries_certificates",
    "registries_ca_certificates",
    "registries_storage",
)


class Tagged(str):
    """A text as Ansible passes it, with an origin."""


class AnsibleVaultEncryptedUnicode:
    """An encrypted text as ansible-core before 2.19 passes it."""

    def __str__(self):
        return "vaulted"


KEYS = [key.key.replace("*", "crun") for key in CATALOGUE.keys]
REGISTRY_KEYS = [
    "registry",
    *registries_conf.KEYS,
    *("registry.mirror", "registry.location", "registry.prefix", "registry.blocked", "aliases", "aliases.a"),
]
OBJECT_KEYS = [
    "apiVersion",
    "kind",
    "metadata.name",
    "spec.registrySources.insecureRegistries",
    "items",
    "spec",
]
# The kinds of the other files of the role registries: by variable, the kind, the path, and keys.
KINDS_OF_REGISTRIES = {
    "registries_auth": (
        "auth_json",
        "/root/.config/containers/auth.json",
        [f"localhost:5000.{key}" for key in ("username", "password", "auth", "helper")],
    ),
    "registries_policy": (
        "policy_json",
        "/etc/crio/policy.json",
        [
            "default",
            "transports",
            "transports.docker",
            "transports.docker.localhost:5000",
            "transports.dir./x",
        ],
    ),
    "registries_namespaced_policies": (
        "namespaced_policies",
        "/etc/crio/policies",
        ["team", "team.default", "team.transports.docker.localhost:5000"],
    ),
    "registries_signatures": (
        "registries_d",
        "/etc/containers/registries.d/cri-node.yaml",
        ["default-docker.lookaside", "docker.localhost:5000.lookaside", "docker"],
    ),
    "registries_certificates": (
        "certificates",
        "/etc/containers/certs.d",
        ["localhost:5000.ca", "localhost:5000.cert", "localhost:5000.key", "localhost:5000"],
    ),
    "registries_ca_certificates": (
        "ca_certificates",
        "/usr/local/share/ca-certificates",
        ["corporate", "localhost:5000", "a/b"],
    ),
    "registries_storage": (
        "storage_conf",
        "/etc/containers/storage.conf",
        ["storage", "storage.driver", "storage.graphroot", "storage.options.overlay.size", "storage.options"],
    ),
}
UNIT_KEYS = [
    "Service.Environment",
    "Service.ExecStart",
    "Service.KillMode",
    "Unit.After",
    "Install",
    "Service",
]
ODD_TEXTS = [
    *(
        "",
        " ",
        "\n",
        "\0",
        "a\nb",
        "\x1b[2J\x07",
        "\u202e",
        "\udce9",
        "\ufeff",
        "é" * 300,
        "x" * 70000,
        "%",
        "%n",
    ),
    *(
        "{{ x }}",
        "{% raw %}",
        "[",
        "{",
        "a: b",
        "[1, 2]",
        '{"a": {"b": 1}}',
        "- a\n- b",
        "!!python/object:os.system x",
    ),
    *(
        "null",
        "true",
        "yes",
        "1e400",
        "-1",
        "0x10",
        "1.5",
        "10s",
        "-5m",
        "9" * 400,
        "https://user:pass@host/x",
    ),
    *(
        "/",
        "//a/../b",
        "CAP_ALL",
        "unconfined",
        "*",
        "a.b.c",
        "crio.runtime.x",
        "(",
        "(?!x)",
        "10010",
        "500Mi",
        "docker://a",
    ),
]
ODD_VALUES = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**31,
        2**63,
        -(2**63) - 1,
        10**400,
        1.5,
        float("nan"),
        float("inf"),
        -0.0,
        1e308,
    ),
    *(
        b"bytes",
        b"\xff\0",
        datetime.date(2026, 1, 2),
        (1, 2),
        (),
        frozenset({1}),
        {1, 2},
        object(),
        3j,
        range(3),
    ),
    *(
        AnsibleVaultEncryptedUnicode(),
        Tagged("tagged"),
        Tagged("\udce9"),
        Ellipsis,
        len,
        [],
        {},
        [[]],
        [{}],
        [None],
    ),
]
ODD_NAMES = [
    *(None, True, 1, 1.5, b"x", "", " ", ".", "a.b", "\n", "\x1b", "\udce9", "x" * 500, "é", (1,)),
    *ODD_TEXTS[:8],
]


def value(rng, depth=0):
    """Return any value, rarely a deep one."""
    choice = rng.random()
    if choice < 0.35:
        chosen = rng.choice(ODD_VALUES)
        # A tree may be filled further, which must not fill those of later seeds.
        return copy.deepcopy(chosen) if isinstance(chosen, (list, dict)) else chosen
    if choice < 0.65 or depth > 4:
        return rng.choice(ODD_TEXTS)
    if choice < 0.8:
        return [value(rng, depth + 1) for _count in range(rng.choice((0, 1, 2, 3, 30)))]
    if choice < 0.999:  # a value that is nested too deeply hides the problems of all others
        return {name(rng): value(rng, depth + 1) for _count in range(rng.choice((0, 1, 2, 5)))}
    return nest(rng, rng.choice((30, 63, 65, 400)))


def nest(rng, levels):
    found = rng.choice(ODD_TEXTS)
    for _level in range(levels):
        found = [found] if rng.random() < 0.5 else {"crio": found}
    return found


def name(rng):
    return (
        rng.choice(ODD_NAMES)
        if rng.random() < 0.5
        else rng.choice(("crio", "runtime", "runtimes", "crun", "log_level"))
    )


def put(data, dotted, item, rng):
    """Set a key of a tree; sometimes another name, or nothing, is on the way."""
    names = dotted.split(".")
    for each in names[:-1]:
        each = name(rng) if rng.random() < 0.03 else each
        inner = data.setdefault(each, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data[name(rng) if rng.random() < 0.1 else names[-1]] = item


def tree(rng, keys):
    if rng.random() < 0.1:
        return value(rng)
    data = {}
    for _count in range(rng.choice((1, 1, 2, 5, 20, 300 if rng.random() < 0.05 else 3))):
        put(data, rng.choice(keys), value(rng), rng)
    if keys is REGISTRY_KEYS and rng.random() < 0.7:
        data["registry"] = [
            value(rng) if rng.random() < 0.3 else tree(rng, REGISTRY_KEYS[:3]) for _count in range(3)
        ]
    return data


def variables(rng):
    """Return the variables of one host."""
    keys = {
        "crio_config": KEYS,
        "registries_config": REGISTRY_KEYS,
        "registries_openshift": OBJECT_KEYS,
        "crictl_config": list(crictl_yaml.KEYS),
    }
    found = {
        each: tree(rng, keys[base])
        for base in keys
        for each in (base, f"{base}__a", f"{base}__\x1b")
        if rng.random() < 0.7
    }
    of_registries = rng.sample(sorted(KINDS_OF_REGISTRIES), 2)
    found.update({each: tree(rng, KINDS_OF_REGISTRIES[each][2]) for each in of_registries})
    return {
        **{each if each.isprintable() else f"{each[:-1]}odd name": item for each, item in found.items()},
        "crio_service": tree(rng, UNIT_KEYS),
        "crio_environment": value(rng)
        if rng.random() < 0.3
        else {name(rng): value(rng) for _count in range(3)},
        "crio_accept_keys": value(rng) if rng.random() < 0.3 else [],
        "crio_version": rng.choice(("", "", "1.28", "1.37.0", "1.40", value(rng))),
    }


def options(found):
    """Return the options of runtime_config as the roles pass them."""
    crio = {
        "path": "/etc/crio/crio.conf.d/60-cri-node.conf", "owner": "crio", "kind": "crio_conf", "variable": "crio_config",
        "version": found["crio_version"], "accept_keys": found["crio_accept_keys"],
    }  # fmt: skip
    environment = "/etc/crio/cri-node.environment"
    unit = {
        "path": "/etc/systemd/system/crio.service.d/60-cri-node.conf", "owner": "crio", "kind": "unit_drop_in",
        "layers": [["crio_service", found["crio_service"]]], "environment_file": environment,
    }  # fmt: skip
    variables = {"path": environment, "owner": "crio", "kind": "environment_file"}
    registries = {
        "path": "/etc/containers/registries.conf.d/zz-cri-node.conf",
        "owner": "registries",
        "kind": "registries_conf",
    }
    crictl = {
        "path": "/etc/crictl.yaml",
        "owner": "crictl",
        "kind": "crictl_yaml",
        "variable": "crictl_config",
    }
    return {
        "files": [
            crio,
            unit,
            {**variables, "layers": [["crio_environment", found["crio_environment"]]]},
            {**registries, "variable": "registries_config", "openshift_variable": "registries_openshift"},
            {**crictl, "crio_variable": "crio_config"},
            *(
                {
                    "path": path,
                    "owner": "registries",
                    "kind": kind,
                    "variable": variable,
                    "crio_variable": "crio_config",
                }
                for variable, (kind, path, _keys) in KINDS_OF_REGISTRIES.items()
                if variable in found
            ),
        ]
    }


def examined(found):
    """Return what runtime_check finds in the variables of one host."""
    task = runtime_check.ActionModule.__new__(runtime_check.ActionModule)
    task.known = {}
    settings = {"runtime_config": resolved(options(found), found, lambda item: item)}
    return list(task._examined({"runtime_settings": settings}))


def check_finding(finding):
    sentence = str(finding)
    assert sentence.isprintable()
    assert len(sentence) <= LONGEST
    if not finding.message.endswith(WITHOUT_PLACE) and not finding.message.startswith(WITHOUT_PLACE):
        assert finding.variable or any(each in sentence for each in ("files[", *VARIABLES, "/etc/")), sentence
    for line in faults.lines(faults.joined([("node", finding)]), 2):
        assert line.isprintable()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_variables_cause_a_traceback_and_each_problem_is_one_printable_line_with_its_place(batch):
    problems = 0
    for number in range(TREES // BATCHES):
        seed = batch * TREES + number
        found = variables(random.Random(seed))
        begun = time.process_time()
        try:
            results = examined(found)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}") from error
        assert time.process_time() - begun < SLOWEST, f"seed {seed}"
        for finding in (each for result in results for each in (*result.problems, *result.warnings)):
            problems += 1
            try:
                check_finding(finding)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {finding!r:.600}") from error
    assert problems > 10 * TREES // BATCHES  # the generator reaches the checks
