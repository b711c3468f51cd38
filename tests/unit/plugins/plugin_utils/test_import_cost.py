# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that plugins import little, because every fork of Ansible loads them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PACKAGE = "ansible_collections.cri.node.plugins.plugin_utils"
# Modules that any Ansible process has loaded long before it loads a plugin.
ALREADY_THERE = "__future__, collections.abc, json, re, typing, functools, enum"
PROGRAM = """
import sys, {there}
before = set(sys.modules)
import {package}.{module}
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


def newly_imported(module):
    program = PROGRAM.format(there=ALREADY_THERE, package=PACKAGE, module=module)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "files.auth_json",
        "files.certificates",
        "files.crictl_yaml",
        "files.crio_conf",
        "crio.live",
        "files.environment_file",
        "layers",
        "files.namespaced_policies",
        "files.policy_json",
        "files.registries_conf",
        "files.storage_conf",
        "files.unit_drop_in",
        "text.toml",
    ],
)
def test_a_module_only_imports_modules_of_the_collection(module):
    strangers = {name for name in newly_imported(module) if not name.startswith("ansible_collections")}
    assert strangers == set()
