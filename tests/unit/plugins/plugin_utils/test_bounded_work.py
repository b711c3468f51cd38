# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that each reader of the controller is fast for any text.

Each reader gets texts that are known to be slow for patterns, of up to 100,000 characters. A pattern that reads text
repeatedly takes minutes for the longest instead of milliseconds. The shorter lengths are just below the readers'
own limits.
"""

from __future__ import annotations

import contextlib
import sys
import time

import pytest

from ansible_collections.cri.node.plugins.module_utils import signature_scopes
from ansible_collections.cri.node.plugins.plugin_utils import layers, value_types
from ansible_collections.cri.node.plugins.plugin_utils.crio import keys as crio_keys
from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values, value_formats, versions
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files import (
    auth_json,
    certificates,
    crictl_yaml,
    environment_file,
    policy_json,
    secret_values,
    unit_drop_in,
)
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf as crio_config
from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf as registries_config
from ansible_collections.cri.node.plugins.plugin_utils.plan import messages
from ansible_collections.cri.node.plugins.plugin_utils.pod import fields as pod_fields
from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest, quantity
from ansible_collections.cri.node.plugins.plugin_utils.registries import (
    effective,
    image_reference,
    signature_policy,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import (
    certificates as trusted_certificates,
)
from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import (
    from_files,
    mirror_order,
    to_files,
)
from ansible_collections.cri.node.plugins.plugin_utils.task import failure, option_rules
from ansible_collections.cri.node.plugins.plugin_utils.text import did_you_mean, go_duration, toml
from testbed import openshift_objects

LENGTHS = (90, 380, 1000, 4000, 16_000, 100_000)
BOUND = 1.5  # seconds of processor time for one text of the longer kind; they take some hundredths
UNITS = [
    *" \t\n01a.-_/:@$(='\"*[{\\",
    "aA",
    "1.",
    ".1",
    "1s",
    "1h1",
    "a.",
    "a-",
    "a/",
    "a:",
    "a@",
    "a b",
    "$(",
    "$()",
    "$$",
    "a=",
    "=a",
    "''",
    '\\"',
    "[[",
    "{{",
    "()",
    "..",
    "/../",
    "//",
    "://",
    "http://",
    "a:b@",
    "é",
    "\u202e",
    "\ud800",
    "stream",
    'last key "',
    "device ",
    "1-",
    "1,",
    "--config ",
    "-d ",
    "0.1rc",
    "v1.1 ",
    "${A}",
    "a\n",
    "\\\n",
    'msg="',
    'x="1" ',
    "(a*",
    "(?P<a",
    "[[:a",
    "a{9}",
    "\\Q\\E",
    "\\p{",
    "1:1:1,",
    "::",
]
ENDS = ["", "!", "\n"]


def settings():
    tables = {
        "runtime": {"log_level": "info", "runtimes": {"crun": {"runtime_path": "/x"}}},
        "network": {"network_dir": "/x"},
    }
    return [
        {"path": "/f", "key": toml.dotted(path), "value": value, "variable": "crio_config"}
        for path, _key, value in CATALOGUE.walk({"crio": tables})
    ]


def pod(**container):
    spec = {"containers": [{"name": "c", "image": "i", **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def crio_conf(text):
    """Check the text as the value of each key of crio.conf, and as each name."""
    for entry in crio_keys.KEYS:
        tables: object = {entry["key"].rpartition(".")[2]: text}
        for name in reversed(entry["key"].split(".")[:-1]):
            tables = {"x" if name == "*" else name: tables}
        crio_config.check_data(*layers.merge([("crio_config", tables)]))
    for tables in (
        {text: 1},
        {"crio": {text: 1}},
        {"crio": {"runtime": {"runtimes": {text: {"runtime_type": "vm", "runtime_path": text}}}}},
    ):
        crio_config.check_data(*layers.merge([("crio_config", tables)]))


def registries_conf(text):
    keys = ("location", "prefix", "insecure", "pull-from-mirror", text)
    tables = [{"location": f"{index}.io", key: text} for index, key in enumerate(keys)]
    data = {
        "registry": [
            *tables,
            {"prefix": text},
            {"location": "b.io", "mirror": [{"location": text}, {text: text}]},
        ],
        "unqualified-search-registries": [text],
        "short-name-mode": text,
        "aliases": {text: "a.io/b", "a": text},
        text: text,
    }
    checked = registries_config.check([("registries_config", data)])
    checked.as_result(registries_config.walk(checked.data))


def objects_of_openshift(text):
    data = {"a.io": text, text: text}
    given = [
        openshift_objects.image(
            registrySources={"insecureRegistries": [text], "blockedRegistries": [f"*.{text}"]},
            additionalTrustedCA={"name": "cas"},
        ),
        openshift_objects.mirrors({"source": text, "mirrors": [text, f"a.io/{text}"]}, {text: text}),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cas"}, "data": data},
    ]
    to_files.files_of([("v", given)])
    config = {"registry": [{"location": "a.io", "mirror": [{"location": text}]}]}
    policy = {"default": [{"type": text}], "transports": {"docker": {text: [{"type": "reject"}]}}}
    from_files.objects_of(config, {}, policy, {text: {text: text}, "a.io": {"ca.crt": text}})
    from_files.objects_of({}, {}, {**policy, "default": [{"type": "insecureAcceptAnything"}]})


def manifests(text):
    for field, value in (
        ("image", text),
        ("name", text),
        ("args", [text]),
        ("workingDir", text),
        (text, text),
    ):
        manifest.convert(pod(**{field: value}))
    manifest.convert(pod(env=[{"name": text, "value": text}, {"name": "B", "value": text}]))
    manifest.convert(pod(resources={"limits": {"cpu": text, "memory": text}}))
    manifest.convert(
        {**pod(), "metadata": {"name": text, "labels": {text: text}, "annotations": {text: text}}}
    )


def fields(text):
    """Match each pattern of a manifest's fields."""

    def walk(table):
        for field in table.values():
            if isinstance(field, pod_fields.Field):
                yield from [field.pattern] if field.pattern else []
                yield from walk(field.fields or {})

    import re

    for pattern in set(walk(pod_fields.POD)):
        re.fullmatch(pattern, text)


def scopes_of(text):
    for transport in signature_policy.TRANSPORTS:
        signature_policy.fault_of_scope(transport, text)
    signature_policy.requirements_of({"default": [{"type": text}]}, text)


READERS = {
    "auth.json": lambda text: [
        auth_json.check([("v", {text: {"auth": text}, "a.io": {"username": text, "password": text}})]),
        auth_json.check([("v", {"a.io": {"auth": text, "helper": text}})]),
    ],
    "certificates": lambda text: certificates.check(
        [("v", {text: {"ca": text}, "a.io": {"cert": text, "key": text}})]
    ),
    "policy.json": lambda text: policy_json.check(
        [
            (
                "v",
                {
                    "default": [{"type": text, "keyPath": text}],
                    "transports": {"docker": {text: [{text: text}]}},
                },
            )
        ]
    ),
    "scopes of a policy": scopes_of,
    "scopes of registries.d": signature_scopes.scopes,
    "crictl.yaml": lambda text: [
        crictl_yaml.check([("v", {name: text, text: 1})]) for name in ("timeout", "runtime-endpoint", "debug")
    ],
    "did_you_mean": lambda text: did_you_mean.did_you_mean(text, ["log_level", "aaaa"]),
    "environment": lambda text: (
        environment_file.environment_problems({"A": text, text: "b", "CRIO_OPTIONS": text}, "v"),
        environment_file.render_environment({"A": text}),
    ),
    "unit": lambda text: (
        unit_drop_in.unit_problems(
            {"Service": {"ExecStart": text, "Environment": [text], text: 1}, text: {}}, "v"
        ),
        unit_drop_in.render_unit({"Service": {"A": text}}),
    ),
    "go_duration": go_duration.parse,
    "image_reference": image_reference.parse,
    "name of an image": image_reference.fault_of_name,
    "is_host": image_reference.is_host,
    "location": image_reference.can_be_pulled_from,
    "scope": image_reference.is_scope,
    "objects of OpenShift": objects_of_openshift,
    "blamed": lambda text: messages.blamed(text, settings()),
    "messages": lambda text: [
        failure.from_node(text, [text[:50], "abcd"]),
        live_values.of_key({"key": text, "wanted": text, "live": text}),
    ],
    "no answer": lambda text: failure.succeeded({"module_stderr": text, "module_stdout": text, "msg": text}),
    "problems": lambda text: failure.refuse([text]),
    "mode": lambda text: option_rules.file_mode(text, True),
    "unit_name": option_rules.unit_name,
    "path": option_rules.path_fault,
    "pod name": lambda text: option_rules.pod_name_fault(text, "name"),
    "quantity": quantity.parse,
    "secrets": secret_values.of_text,
    "secrets of a unit": lambda text: secret_values.of_text(f"[Service]\nEnvironment={text}"),
    "version": versions.parse_version,
    "toml": lambda text: toml.dumps({"a": text, "b": [text]}),
    "registries.conf": registries_conf,
    "manifest": manifests,
    "manifest's fields": fields,
    **{f"type {name}": found.convert for name, found in value_types.TYPES.items()},
    **{
        f"format {name}": found.check
        for name, found in value_formats.FORMATS.items()
        if name not in ("cpu_period", "create_timeout", "log_size")
    },
}


def texts(length):
    for unit in UNITS:
        repeated = (unit * length)[:length]
        for end in ENDS:
            yield f"{repeated}{end}"
    yield "a" * (length // 2) + " " * (length // 2)
    yield "1" * (length // 2) + "." * (length // 2)
    yield "http://" + "a" * length + ":b@c"


def slowest(reader, length):
    worst = (0.0, "")
    for text in texts(length):
        started = time.process_time()
        with contextlib.suppress(ValueError, failure.TaskFailure):
            reader(text)
        worst = max(worst, (time.process_time() - started, text[:12]))
        assert worst[0] < BOUND, f"{worst[0]:.1f} s for {length} times {text[:12]!r}"
    return worst


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_fast_for_any_text(name):
    for length in LENGTHS:
        seconds, unit = slowest(READERS[name], length)
        print(f"{name}: {seconds * 1000:.1f} ms for {length} characters such as {unit!r}", file=sys.stderr)


def test_a_string_with_the_whole_configuration_is_read_quickly():
    for text in (" " * 32_000, "a" * 80_000, "1" * 80_000, "." * 80_000, "/" * 80_000):
        started = time.process_time()
        crio_conf(text)
        assert time.process_time() - started < 4  # for some 130 keys


MANY = 20_000
SETS = {
    "unknown keys": lambda: crio_config.check_data(
        *layers.merge([("v", {"crio": {"runtime": {f"log_levl{n}": n for n in range(MANY)}}})])
    ),
    "faulty values": lambda: crio_config.check_data(
        *layers.merge(
            [
                (
                    "v",
                    {
                        "crio": {
                            "runtime": {"runtimes": {f"h{n}": {"runtime_type": "odd"} for n in range(MANY)}}
                        }
                    },
                )
            ]
        )
    ),
    "two layers": lambda: layers.merge(
        [(name, {"crio": {f"k{n}": n for n in range(MANY)}}) for name in ("a", "b")]
    ),
    "registries": lambda: registries_config.check(
        [
            (
                "v",
                {
                    "registry": [
                        {"location": f"r{n}.example.com/a/b", "blocked": n % 2} for n in range(MANY // 4)
                    ]
                },
            )
        ]
    ),
    "one location": lambda: registries_config.check(
        [
            (
                "v",
                {
                    "registry": [
                        {"prefix": f"p{n}.io", "location": "a.io", "insecure": bool(n % 2)}
                        for n in range(MANY // 4)
                    ]
                },
            )
        ]
    ),
    "one location in a file": lambda: effective.merge(
        [
            effective.File(
                "/f",
                {"registry": [{"prefix": f"p{n}.io", "location": "a.io"} for n in range(MANY // 2)]},
                drop_in=True,
            )
        ]
    ),
    "registries that inherit nothing": lambda: registries_config.check(
        [
            (
                "v",
                {
                    "registry": [
                        {"location": "a.io", "insecure": True},
                        *({"location": f"a.io/team{n}"} for n in range(MANY // 4)),
                    ]
                },
            )
        ]
    ),
    "registries that are removed": lambda: registries_config.check(
        [
            (name, {"registry": [{"prefix": f"r{n}.io", "location": location} for n in range(MANY // 4)]})
            for name, location in (("v", "a.io"), ("w", None))
        ]
    ),
    "objects": lambda: to_files.files_of([("v", [{"kind": "Image"}] * MANY)]),
    "mirrors of many sources": lambda: to_files.files_of(
        [
            (
                "v",
                [
                    openshift_objects.mirrors(
                        *({"source": f"a.io/r{n}", "mirrors": [f"m{n}.io", "m.io"]} for n in range(MANY // 4))
                    ),
                    openshift_objects.mirrors({"source": "*.io", "mirrors": ["n.org"]}, name="wildcard"),
                    openshift_objects.sources(insecureRegistries=[f"b{n}.io" for n in range(1024)]),
                ],
            )
        ]
    ),
    "mirrors of one source": lambda: mirror_order.merged("s", [[f"m{n}", f"m{n + 1}"] for n in range(MANY)]),
    "certificates": lambda: trusted_certificates.fault_of_pem("-----BEGIN CERTIFICATE-----\n" * MANY),
    "settings as objects": lambda: from_files.objects_of(
        {
            "registry": [
                {"location": f"r{n}.io", "mirror": [{"location": f"m{n}.io", "insecure": True}]}
                for n in range(MANY // 4)
            ]
        },
        {},
    ),
    "unknown fields": lambda: manifest.convert(pod(**{f"comand{n}": n for n in range(MANY)})),
    "empty volumes": lambda: manifest.convert({**pod(), "spec": {**pod()["spec"], "volumes": [{}] * MANY}}),
    "faulty variables": lambda: environment_file.environment_problems(
        {f"A{n} B": n for n in range(MANY)}, "v"
    ),
    "faulty directives": lambda: unit_drop_in.unit_problems(
        {"Service": {f"a{n}": n for n in range(MANY)}}, "v"
    ),
    "files": lambda: option_rules.normalise(
        {
            "files": [
                {"path": f"/etc/{n}", "owner": "crio", "content": "x", "secret": False, "mode": "9"}
                for n in range(MANY)
            ],
            "owners": None,
        },
        {},
    ),
    "problems": lambda: failure.refuse([f"problem {n}" for n in range(MANY)]),
}


@pytest.mark.parametrize("name", SETS)
def test_many_problems_are_found_quickly_and_not_all_listed(name):
    started = time.process_time()
    with contextlib.suppress(failure.TaskFailure):
        SETS[name]()
    assert time.process_time() - started < 5


def test_an_environment_that_grows_exponentially_is_refused():
    entries = [{"name": "A0", "value": "x" * 100}]
    entries += [{"name": f"A{n}", "value": f"$(A{n - 1})$(A{n - 1})"} for n in range(1, 60)]
    started = time.process_time()
    _pod, [problem] = manifest.convert(pod(env=entries))
    assert time.process_time() - started < 1
    assert "expanded" in str(problem)


def test_a_list_of_problems_ends_with_the_number_of_omitted_ones():
    data = {"crio": {"runtime": {f"k{n}": n for n in range(1000)}}}
    problems = crio_config.check_data(*layers.merge([("v", data)])).problems
    assert len(problems) == 201
    assert "800 more problems" in str(problems[-1])
    with pytest.raises(failure.TaskFailure, match="- and 101 more"):
        failure.refuse([str(problem) for problem in problems])
