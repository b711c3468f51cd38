# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that modules in a zip file are compiled once, and are otherwise the same as if Python had loaded them by itself."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils import zip_import

PACKAGE = "ansible_collections.cri.node.plugins.module_utils"
SCRIPT = f"""
import builtins, importlib, json, sys
compiled, real = [], builtins.compile
def counted(source, file, *more, **named):
    compiled.append(file)
    return real(source, file, *more, **named)
builtins.compile = counted
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "once":
    from {PACKAGE}.zip_import import compile_once
    compile_once()
    compile_once()
from {PACKAGE}.crictl import times
from ansible.module_utils import of_ansible
try:
    from {PACKAGE}.crictl import unknown
except ImportError as error:
    problem = str(error)
loader = importlib.import_module(times.__name__).__loader__
print(json.dumps({{
    "compiled": [each.rpartition("/")[2] for each in compiled if each.endswith(("times.py", "of_ansible.py"))],
    "finders": len(sys.meta_path),
    "same": {{
        "name": times.__name__, "package": times.__package__, "file": times.__file__, "parent": times.__spec__.parent,
        "source": loader.get_source(times.__name__), "problem": problem,
        "traceback": times.nanoseconds.__code__.co_filename,
    }},
}}))
"""


@pytest.fixture
def archive(tmp_path):
    root = Path(zip_import.__file__).parents[1]
    folder = PACKAGE.replace(".", "/")
    with zipfile.ZipFile(tmp_path / "payload.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for index in range(1, folder.count("/") + 2):
            opened.writestr("/".join([*folder.split("/")[:index], "__init__.py"]), "")
        for name in ("ansible/__init__.py", "ansible/module_utils/__init__.py"):
            opened.writestr(name, "")
        opened.writestr("ansible/module_utils/of_ansible.py", "WORDS = 'a module of Ansible'\n")
        for name in ("crictl/__init__.py", "crictl/times.py", "zip_import.py"):
            opened.write(root / "module_utils" / name, f"{folder}/{name}")
    return tmp_path / "payload.zip"


def loaded(archive, how):
    run = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, str(archive), how], capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def test_a_module_is_compiled_once_and_is_the_same(archive):
    once, usual = loaded(archive, "once"), loaded(archive, "as usual")
    assert once["compiled"] == ["times.py", "of_ansible.py"]
    assert len(usual["compiled"]) == 4
    assert once["finders"] == usual["finders"] + 1
    assert once["same"] == usual["same"]
    assert once["same"]["source"].startswith("# SPDX")


@pytest.mark.parametrize("name", ["json", f"{PACKAGE}.crictl", f"{PACKAGE}.crictl.times"])
def test_what_is_not_in_a_zip_file_is_left_to_python(name):
    assert zip_import._Finder.find_spec(name, [str(Path(zip_import.__file__).parent / "crictl")]) is None
