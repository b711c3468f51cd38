# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that equal variables result in equal bytes in every release: another byte would restart the runtime of a whole fleet."""

import json
import pathlib

import pytest

RECORDED = json.loads((pathlib.Path(__file__).parents[1] / "fixtures" / "managed-files.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_files_are_byte_identical_to_those_of_earlier_releases(controller, name):
    files = controller.files("runtime", RECORDED[name]["variables"])
    desired = {
        file.path: {"content": file.content, "mode": file.mode, "secret": file.secret}
        for file in files.values()
        if file.content
    }
    assert desired == RECORDED[name]["files"]
