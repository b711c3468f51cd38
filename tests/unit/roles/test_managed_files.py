# SPDX-License-Identifier: GPL-3.0-or-later
"""Equal variables give equal bytes in every release: another byte would restart the runtime of a whole fleet."""

import json
import pathlib

import pytest

RECORDED = json.loads((pathlib.Path(__file__).parents[1] / "fixtures" / "managed-files.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_the_bytes_of_a_file_are_those_of_earlier_releases(controller, name):
    files = controller.files("runtime", RECORDED[name]["variables"])
    wanted = {
        file.path: {"content": file.content, "mode": file.mode, "secret": file.secret}
        for file in files.values()
        if file.content
    }
    assert wanted == RECORDED[name]["files"]
