# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that each text with which the check of crio.conf can refuse or advise has a test that knows its words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf

ROOT = Path(__file__).parents[5]
PLUGIN_UTILS = ROOT / "plugins" / "plugin_utils"
# The modules that contain the texts of findings about crio.conf.
SOURCES = (
    *("crio/accepted_keys.py", "crio/rules.py", "crio/value_formats.py", "crio/versions.py"),
    *("files/crio_conf.py", "value_types.py"),
)
TESTS = ("crio", "files", "filter", "roles", "test_value_types.py")
# How a text about a value begins; docstrings and accepted values begin otherwise.
_TEXT = re.compile(r"(?:is|has|was|does|would|cannot|contains|names|gives|needs|must|can) \S|\"all\" must")
_SHORTEST = 16  # characters of a text that a test has to know, or the whole text


def texts(path):
    """Return {line: constant parts} of each text of a finding in a module."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part) for node in ast.walk(module) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "\0" for each in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            parts = [node.value]
        else:
            continue
        if _TEXT.match("".join(parts)) and "\n" not in "".join(parts):
            found[node.lineno] = [
                each.strip() for each in "".join(parts).split("\0") if len(each.strip()) > 1
            ]
    return found


def literals():
    """Return all texts of the tests about crio.conf, without the template parts of formatted ones."""
    found = []
    for path in (ROOT / "tests" / "unit").rglob("test_*.py"):
        if any(each in path.parts for each in TESTS):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return "\0".join(found)


KNOWN = literals()


def is_known(parts):
    """Return whether a test has a piece of one of the constant parts of a text."""
    if re.search(".{1,80}?".join(map(re.escape, parts)), KNOWN):
        return True
    pieces = (part[start : start + _SHORTEST] for part in parts for start in range(len(part) - _SHORTEST + 1))
    return any(piece in KNOWN for piece in pieces)


@pytest.mark.parametrize("source", SOURCES)
def test_each_text_of_a_finding_is_known_to_a_test(source):
    found = texts(PLUGIN_UTILS / source)
    assert found
    assert [
        f"{source}:{line}: {' ... '.join(parts)}" for line, parts in found.items() if not is_known(parts)
    ] == []


_ULIMIT = 'accepted: name=soft:hard, for example "nofile=1024:2048"'
_SYSCTL = "accepted: name=value without spaces, for example net.ipv4.ip_unprivileged_port_start=0"
_WORKLOAD = "crio.runtime.workloads.w"


def nested(dotted, value):
    for name in reversed(dotted.split(".")):
        value = {name: value}
    return value


def workload(**resources):
    return {"activation_annotation": "a", "resources": resources}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        (
            "crio.runtime.runtimes.kata",
            {"runtime_type": "vm", "runtime_path": "/usr/bin/kata"},
            "crio.runtime.runtimes.kata.runtime_path: is not a binary for a handler of type vm;"
            " accepted: a file named containerd-shim-<name>",
        ),
        (
            "crio.runtime.runtimes.crun",
            {"runtime_path": "/usr/bin/crun", "runtime_config_path": "/a"},
            "crio.runtime.runtimes.crun.runtime_config_path: is only for handlers of type vm, but this handler has type oci",
        ),
        (
            _WORKLOAD,
            workload(cpushares=10, cpuquota=5),
            f"{_WORKLOAD}.resources.cpuquota = 5: is less than cpushares; accepted: 0 (no quota) or at least 10",
        ),
        (
            _WORKLOAD,
            workload(cpuperiod=5),
            f"{_WORKLOAD}.resources.cpuperiod = 5: is shorter than the minimum period of the kernel;"
            " accepted: 0 (none) or at least 1000 microseconds",
        ),
        (
            "crio.stats.included_pod_metrics",
            ["all", "cpu"],
            'crio.stats.included_pod_metrics: "all" must be the only entry; accepted: ["all"], or a list of other metrics',
        ),
        (
            "crio.runtime.infra_ctr_cpuset",
            "a-b",
            'crio.runtime.infra_ctr_cpuset = "a-b": is not a list of CPUs; accepted: a list of CPUs, for example "0-3,8"',
        ),
        (
            "crio.runtime.log_size_max",
            5,
            "crio.runtime.log_size_max = 5: is smaller than the buffer of CRI-O; accepted: a negative number (no limit)"
            " or at least 8192 bytes",
        ),
        (
            "crio.runtime.conmon_cgroup",
            "odd",
            'crio.runtime.conmon_cgroup = "odd": is neither the pod\'s cgroup nor a systemd slice; accepted: "pod", a slice such'
            ' as "system.slice", or an empty string',
        ),
        (
            "crio.runtime.default_sysctls",
            ["a"],
            f'crio.runtime.default_sysctls[0] = "a": is not name=value; {_SYSCTL}',
        ),
        (
            "crio.runtime.default_sysctls",
            ["a = b"],
            f'crio.runtime.default_sysctls[0] = "a = b": has spaces around the name or the value; {_SYSCTL}',
        ),
        (
            "crio.runtime.default_ulimits",
            ["nofile"],
            f'crio.runtime.default_ulimits[0] = "nofile": is not name=soft:hard; {_ULIMIT}',
        ),
        (
            "crio.runtime.default_ulimits",
            ["odd=1:2"],
            'crio.runtime.default_ulimits[0] = "odd=1:2": does not name one of the limits core, cpu, data, fsize, locks, memlock,'
            f" msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack; {_ULIMIT}",
        ),
        (
            "crio.runtime.default_ulimits",
            ["nofile=a:b"],
            f'crio.runtime.default_ulimits[0] = "nofile=a:b": has limits that are not numbers; {_ULIMIT}',
        ),
        (
            "crio.runtime.default_ulimits",
            ["nofile=5:2"],
            f'crio.runtime.default_ulimits[0] = "nofile=5:2": has a soft limit above the hard limit; {_ULIMIT}',
        ),
        (
            "crio.image.insecure_registries",
            ["a"],
            "crio.image.insecure_registries: has no effect since CRI-O 1.35, because CRI-O reads it but does not use it;"
            " set insecure: true for the registry in registries_config",
        ),
        (
            "crio.network.cni_status_grace_period",
            "-5s",
            'crio.network.cni_status_grace_period = "-5s": is negative; accepted: a duration of 0s or longer',
        ),
        (
            "crio.runtime.runtimes",
            {"\udce9": {"runtime_path": "/usr/bin/crun"}},
            "crio.runtime.runtimes.'\\udce9': is a name that is not valid Unicode; accepted: a name of valid Unicode",
        ),
        (
            "crio.runtime.runtimes.crun.default_annotations",
            {"\udce9": "x"},
            "crio.runtime.runtimes.crun.default_annotations: contains a name that is not valid Unicode;"
            " accepted: names of valid Unicode",
        ),
        (
            "crio.image.pause_image",
            {"a": None},
            "crio.image.pause_image: is a mapping, not a string: put it in quotes; accepted: a string",
        ),
        ("crio", {"a.b": 1}, "crio.'a.b': contains a dot: write nested mappings instead"),
        (
            "crio.runtime.selinux",
            5,
            "crio.runtime.selinux = 5: is an integer, not a boolean; accepted: true or false",
        ),
        (
            "crio.runtime.pids_limit",
            [1],
            "crio.runtime.pids_limit: is a list, not an integer; accepted: an integer",
        ),
        (
            "crio.runtime.default_env",
            {},
            "crio.runtime.default_env: is a mapping, not a list; accepted: a list of strings",
        ),
        (
            "crio.runtime.log_filter",
            "x" * 200000,
            "crio.runtime.log_filter: has 200000 characters; accepted: at most 131071 characters",
        ),
        (
            "crio.runtime.runtimes.crun.platform_runtime_paths",
            ["a"],
            "crio.runtime.runtimes.crun.platform_runtime_paths: is a list, not a mapping;"
            " accepted: a mapping of names to strings",
        ),
    ],
)
def test_a_finding_has_this_text(key, value, sentence):
    checked = crio_conf.check([("crio_config", nested(key, value))], "1.37")
    assert f"crio_config: {sentence}" in [str(each) for each in (*checked.problems, *checked.warnings)]


def test_an_unquoted_version_has_this_text():
    [problem] = crio_conf.check([("crio_config", {})], 1.4).problems
    assert str(problem) == (
        "crio_version = 1.4: is not a string: without quotes YAML reads 1.40 as the number 1.4; accepted: a version from 1.28 to"
        ' 1.37 in quotes, for example "1.37", or empty'
    )
    with pytest.raises(
        ValueError, match=r"^'x' is not a CRI-O version; accepted: for example 1\.36 or 1\.36\.3$"
    ):
        parse_version("x")
