# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests where CRI-O comes from, and where its files are installed."""

import io
import platform
import tarfile

import pytest

from testbed import source
from testbed.source import SourceError, destination, pick_source

ARCH = source.ARCHITECTURES.get(platform.machine(), platform.machine())


def bundle(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name in names or ("cri-o/bin/crio", "cri-o/bin/crictl"):
            entry = tarfile.TarInfo(name)
            content = name.encode()
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return path


def program(folder, name):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\necho 'crio version 1.35.2'\n")
    path.chmod(0o755)


@pytest.fixture
def environment(tmp_path):
    return {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


def test_named_bundle_comes_first(tmp_path, environment):
    bundle(tmp_path / f"home/.cache/cri-node/cri-o.{ARCH}.v1.37.0.tar.gz")
    named = bundle(tmp_path / f"cri-o.{ARCH}.v1.34.1.tar.gz")
    found = pick_source({**environment, "CRIO_BUNDLE": str(named)}, download=False)
    assert (found.version, found.bundle) == ("1.34.1", named)
    assert str(found).startswith("CRI-O 1.34.1 from CRIO_BUNDLE")


def test_a_missing_named_bundle_is_an_error(environment):
    with pytest.raises(SourceError, match="/nowhere"):
        pick_source({**environment, "CRIO_BUNDLE": "/nowhere"}, download=False)


def test_newest_cached_bundle_of_this_architecture(tmp_path, environment):
    cache = tmp_path / "home/.cache/cri-node"
    for name in (
        f"cri-o.{ARCH}.v1.9.0.tar.gz",
        f"cri-o.{ARCH}.v1.36.10.tar.gz",
        "cri-o.other.v1.99.0.tar.gz",
    ):
        bundle(cache / name)
    assert pick_source(environment, download=False).version == "1.36.10"


def test_programs_on_the_path(tmp_path, environment):
    for name in ("crio", "crictl"):
        program(tmp_path / "bin", name)
    assert pick_source(environment, download=False).standin  # pinns is missing
    program(tmp_path / "bin", "pinns")
    found = pick_source(environment, download=False)
    assert (found.version, set(found.programs)) == ("1.35.2", {"crio", "crictl", "pinns"})
    names = tarfile.open(fileobj=io.BytesIO(found.tree())).getnames()
    assert "usr/local/lib/systemd/system/crio.service" in names
    assert "usr/local/bin/pinns" in names


def test_the_stand_in_is_used_if_no_source_is_available(environment):
    found = pick_source(environment, download=False)
    assert found.standin
    assert str(found).startswith("CRI-O 1.37.0 from the stand-in")
    names = tarfile.open(fileobj=io.BytesIO(found.tree())).getnames()
    assert {"usr/local/bin/crio", "usr/local/bin/crictl", "usr/local/bin/pinns"} < set(names)


def test_the_stand_in_can_be_selected_by_name(tmp_path, environment):
    bundle(tmp_path / f"home/.cache/cri-node/cri-o.{ARCH}.v1.37.0.tar.gz")
    assert pick_source({**environment, "CRIO_BUNDLE": "standin"}).standin


def test_key_changes_with_the_bytes(tmp_path):
    one = source.Source("here", "1", bundle=bundle(tmp_path / "1.tar.gz", "cri-o/bin/crio"))
    two = source.Source("here", "1", bundle=bundle(tmp_path / "2.tar.gz", "cri-o/bin/crictl"))
    assert one.key() != two.key()
    assert one.has("crio")
    assert not one.has("conmon")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("cri-o/bin/crio", "usr/local/bin/crio"),
        ("./cri-o/bin/conmon", "usr/libexec/crio/conmon"),
        ("cri-o/cni-plugins/bridge", "opt/cni/bin/bridge"),
        ("cri-o/contrib/crio.service", "usr/local/lib/systemd/system/crio.service"),
        ("cri-o/etc/10-crio.conf", "etc/crio/crio.conf.d/10-crio.conf"),
        ("cri-o/etc/crio", "etc/sysconfig/crio"),
        ("cri-o/README.md", None),
        ("cri-o/man/crio.8", None),
    ],
)
def test_destination(name, target):
    assert destination(name) == target
