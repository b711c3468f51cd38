# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that comparisons of the stand-in's crictl are only made with one crictl; with another they are skipped and counted."""

import collections
import io
import os
import platform
import re
import subprocess
import sys
import tarfile

import pytest

import run_all
from testbed import source
from testbed.crictl_build import RECORDED, CrictlBuild, build_of
from testbed.paths import CHECKOUT

GO = "path\tsigs.k8s.io/cri-tools/cmd/crictl\nmod\tsigs.k8s.io/cri-tools\t(devel)\t\ndep\tk8s.io/cri-api\t{}\t\nbuild\t-x\n"


def script(version, cri_api="v0.36.0"):
    """Return a program that prints its version and contains Go's lines about its modules."""
    return f"#!/bin/sh\necho 'crictl version {version}'\nexit\n{GO.format(cri_api)}".encode()


@pytest.fixture
def built(tmp_path):
    """Return a function that returns the build of a program with this content."""

    def build(content, mode=0o755):
        path = tmp_path / "crictl"
        path.write_bytes(content)
        path.chmod(mode)
        return build_of(path)

    return build


def test_a_build_is_identified_by_its_version_and_its_libraries(built):
    first = built(script("1.36.0"))
    assert first == built(script("v1.36.0"))
    assert first != built(script("1.37.0"))
    assert first != built(script("1.36.0", "v0.37.0-alpha.1"))  # a later source that still says 1.36.0
    assert re.fullmatch(r"crictl 1\.36\.0 with libraries [0-9a-f]{12}", str(first))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 1\n", b"\x7fELF", b"#!/bin/sh\nprintf '\\377'\n"])
def test_a_program_that_is_not_crictl_is_an_unknown_build(built, content):
    assert built(content) == CrictlBuild("of unknown version", "")
    assert built(content, mode=0o644).version == "of unknown version"


def test_with_another_crictl_each_comparison_is_skipped_by_name_and_counted(tmp_path):
    arch = source.ARCHITECTURES.get(platform.machine(), platform.machine())
    bundle = tmp_path / f"cri-o.{arch}.v1.37.0.tar.gz"
    with tarfile.open(bundle, "w:gz") as tar:
        for name in ("crio", "crictl", "pinns"):
            entry = tarfile.TarInfo(f"cri-o/bin/{name}")
            content = script("1.99.0-rc.1")
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    command = [sys.executable, "-m", "pytest", "tests/integration/test_standin_crictl.py"]
    environment = {**os.environ, "CRIO_BUNDLE": str(bundle)}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (passed, skipped) = map(int, re.search(r"(\d+) passed, (\d+) skipped", done.stdout).groups())
    assert (passed, skipped > 300) == (1, True)
    reasons = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert "test_documents_are_equal[info-CRI-O]" in done.stdout
    assert all(f"for {RECORDED}; at hand is crictl 1.99.0-rc.1" in line for line in reasons)
    assert done.stdout.splitlines()[-1].endswith(
        f": {skipped} tests or files skipped that were recorded for another crictl"
    )
    assert run_all.count_skipped(done.stdout) == {
        "recorded for another crictl": skipped,
        "needs real CRI-O": 0,
        "of the previous minor version": 0,
    }


def test_the_last_line_of_all_runs_counts_what_was_skipped():
    count = collections.Counter
    assert run_all.last_line("S", count()) == "S"
    assert (
        run_all.last_line("S", count({"needs real CRI-O": 2}))
        == "S: 2 tests or files skipped that need real CRI-O"
    )
    assert run_all.last_line("S", count({"needs real CRI-O": 2, "recorded for another crictl": 9})) == (
        "S: 2 tests or files skipped that need real CRI-O, 9 tests or files skipped that were recorded for another crictl"
    )
