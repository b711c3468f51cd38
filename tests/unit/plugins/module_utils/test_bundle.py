# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests CRI-O's static bundle: what is extracted from the archive, where it is installed, and what is refused."""

import hashlib
import io
import json
import os
import tarfile

import pytest

from ansible_collections.cri.node.plugins.module_utils import bundle, node_files
from ansible_collections.cri.node.plugins.module_utils.layout import Layout

PROGRAM = "#!/bin/sh\necho 'crio version 1.36.3'\n"
WHOLE = {
    "cri-o/bin/crio": PROGRAM,
    "cri-o/bin/crictl": "crictl",
    "cri-o/bin/pinns": "pinns",
    "cri-o/bin/conmon": "conmon",
    "cri-o/cni-plugins/bridge": "bridge",
    "cri-o/contrib/crio.service": "[Service]\n",
    "cri-o/contrib/policy.json": "{}",
    "cri-o/etc/10-crio.conf": "[crio]\n",
}


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes an archive of these files and returns its path and its SHA-256."""

    def write(files=None, **more):
        path = tmp_path / "bundle.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, text in {**(WHOLE if files is None else files), **more}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        return str(path), hashlib.sha256(path.read_bytes()).hexdigest()

    return write


@pytest.fixture
def directory(tmp_path):
    """Return the directory in which a bundle is prepared."""
    path = tmp_path / "prepared"
    path.mkdir()
    return str(path)


@pytest.fixture
def installed(monkeypatch):
    """Return a function that sets the CRI-O of the node, which initially has none."""

    def has(version):
        monkeypatch.setattr(bundle, "read", lambda: {"installed": version})

    has(None)
    return has


@pytest.fixture(autouse=True)
def _empty_node(monkeypatch, tmp_path, installed):
    """Put the targets of a bundle and its record below a directory instead of the root, with a systemd that does nothing."""
    layout = Layout(f"{tmp_path}/node")
    state = layout.state_directory
    monkeypatch.setattr(bundle, "NODE", layout)
    monkeypatch.setattr(bundle, "RECORD", f"{state}/bundle.json")
    monkeypatch.setattr(bundle, "INTENT", f"{state}/bundle-install.json")
    monkeypatch.setattr(bundle, "REMOVAL", f"{state}/bundle-remove.json")
    monkeypatch.setattr(bundle, "_OF_CRIO", (layout.at("/var/lib/crio"),))
    monkeypatch.setattr(bundle, "CRIO", f"{tmp_path}/node{bundle.CRIO}")

    def without_systemd(arguments, real=bundle.run):
        return (0, "", "") if arguments[0] == "systemctl" else real(arguments)

    monkeypatch.setattr(bundle, "run", without_systemd)
    for name in ("_PROGRAMS", "_DATA", "_ONLY_WHERE_ABSENT"):
        moved = {key: f"{tmp_path}/node{target}" for key, target in getattr(bundle, name).items()}
        monkeypatch.setattr(bundle, name, moved)


def test_every_file_is_installed_where_the_installer_of_the_bundle_puts_it(archive, directory, tmp_path):
    version, placements = bundle.prepare(*archive(), directory)
    assert version == "1.36.3"
    assert {target.removeprefix(f"{tmp_path}/node"): mode for target, _content, mode in placements} == {
        "/usr/local/bin/crio": 0o755,
        "/usr/local/bin/crictl": 0o755,
        "/usr/local/bin/pinns": 0o755,
        "/usr/libexec/crio/conmon": 0o755,
        "/opt/cni/bin/bridge": 0o755,
        "/usr/local/lib/systemd/system/crio.service": 0o644,
        "/etc/crio/policy.json": 0o644,
        "/etc/crio/crio.conf.d/10-crio.conf": 0o644,
    }


def test_preparing_writes_nothing_outside_its_directory(archive, directory, tmp_path):
    bundle.prepare(*archive(), directory)
    assert sorted(os.listdir(tmp_path)) == ["bundle.tar.gz", "prepared"]


def test_installed_files_are_complete_and_no_other_files_are_left(archive, directory, tmp_path):
    version, placements = bundle.prepare(*archive(), directory)
    assert bundle.install(version, placements, "1" * 64) == []
    found = {str(path.relative_to(tmp_path)) for path in (tmp_path / "node").rglob("*") if path.is_file()}
    expected = {os.path.relpath(target, tmp_path) for target, _content, _mode in placements}
    assert found == expected | {"node/var/lib/cri-node/bundle.json"}
    record = json.loads((tmp_path / "node/var/lib/cri-node/bundle.json").read_text())
    hashes = {target: node_files.hash_of(content) for target, content, _mode in placements}
    folders = {path for path in (tmp_path / "node").rglob("*") if path.is_dir() and "var" not in path.parts}
    assert record == {
        "format": 2,
        "sha256": "1" * 64,
        "version": "1.36.3",
        "binary": bundle.crio_service.binary_identity(bundle.CRIO),
        "files": hashes,
        # What CRI-O creates when it starts is removed with the bundle, too.
        "directories": sorted(map(str, {*folders, tmp_path / "node/var/lib/crio"})),
        "replaced": [],
    }
    assert (tmp_path / "node/usr/local/bin/crio").read_text() == PROGRAM
    assert os.access(tmp_path / "node/usr/local/bin/crio", os.X_OK)


def test_existing_configuration_is_kept(archive, directory, tmp_path):
    mine = tmp_path / "node/etc/crio/policy.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    version, placements = bundle.prepare(*archive(), directory)
    other = tmp_path / "node/etc/crio/crio.conf.d/10-crio.conf"
    other.parent.mkdir(parents=True)
    other.write_text("placed since")
    bundle.install(version, placements, "1" * 64)
    assert (mine.read_text(), other.read_text()) == ("mine", "placed since")


def test_a_wrong_hash_is_refused(archive, directory):
    path, sha256 = archive()
    with pytest.raises(
        bundle.BundleError, match=f"has the SHA-256 {sha256}, but crio_bundle specifies {'0' * 64}"
    ):
        bundle.prepare(path, "0" * 64, directory)


@pytest.mark.parametrize(
    "name", ["cri-o//etc/passwd", "cri-o/../passwd", "/cri-o/bin/x", "other/bin/x", "cri-o/./x"]
)
def test_an_unusual_name_is_omitted(archive, directory, name):
    path, _sha256 = archive(**{name: "odd"})
    assert set(bundle._unpack(path, directory)) == {entry.removeprefix("cri-o/") for entry in WHOLE}


def test_a_link_is_omitted(archive, directory, tmp_path):
    path, _sha256 = archive()
    plain = tmp_path / "plain.tar"
    with tarfile.open(path) as old, tarfile.open(plain, "w") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        link = tarfile.TarInfo("cri-o/bin/linked")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        new.addfile(link)
    assert "bin/linked" not in bundle._unpack(str(plain), directory)


def test_a_file_missing_from_the_bundle_is_named(archive, directory):
    files = {
        name: text for name, text in WHOLE.items() if name not in ("cri-o/bin/pinns", "cri-o/bin/crictl")
    }
    with pytest.raises(bundle.BundleError, match=r"lacks cri-o/bin/crictl, cri-o/bin/pinns"):
        bundle.prepare(*archive(files), directory)


def test_a_file_that_is_not_an_archive_is_refused(tmp_path, directory):
    page = tmp_path / "bundle.tar.gz"
    page.write_text("<html>not found</html>")
    with pytest.raises(bundle.BundleError, match="not a readable tar archive"):
        bundle.prepare(str(page), hashlib.sha256(page.read_bytes()).hexdigest(), directory)


def test_a_missing_file_is_refused(directory):
    with pytest.raises(bundle.BundleError, match=r"cannot be read: .*No such file"):
        bundle.prepare("/nowhere/bundle.tar.gz", "0" * 64, directory)


def test_an_unreachable_url_is_refused(directory):
    with pytest.raises(bundle.BundleError, match=r"http://127.0.0.1:9/bundle cannot be fetched"):
        bundle.prepare("http://127.0.0.1:9/bundle", "0" * 64, directory)


def test_a_crio_that_does_not_run_is_refused_with_its_reason(archive, directory):
    with pytest.raises(bundle.BundleError, match=r"does not run on this .* node: crio: cannot execute"):
        bundle.prepare(
            *archive(**{"cri-o/bin/crio": "#!/bin/sh\necho 'crio: cannot execute' >&2; exit 2"}), directory
        )


def test_output_of_crio_is_shown_printable_and_without_credentials(archive, directory):
    program = "#!/bin/sh\nprintf 'no\\033[2J\\nproxy http://u:secret@host/ refused' >&2; exit 2"
    with pytest.raises(bundle.BundleError) as caught:
        bundle.prepare(*archive(**{"cri-o/bin/crio": program}), directory)
    assert str(caught.value).endswith("no\ufffd[2J proxy http://***@host/ refused")


def test_another_minor_version_is_refused(archive, directory, installed):
    installed("1.35.9")
    with pytest.raises(
        bundle.BundleError, match=r"CRI-O 1\.35\.9 is installed, but the bundle contains 1\.36\.3"
    ):
        bundle.prepare(*archive(), directory)


def test_another_patch_version_is_accepted(archive, directory, installed):
    installed("1.36.9")
    assert bundle.prepare(*archive(), directory)[0] == "1.36.3"


@pytest.mark.parametrize("version", ["1.35.9", "1.37.0", "1.36.0"])
def test_an_upgrade_accepts_the_next_and_the_previous_minor_version(archive, directory, installed, version):
    installed(version)
    assert bundle.stage(*archive(), directory, other_minor=True)[0] == "1.36.3"


@pytest.mark.parametrize(
    ("version", "first"), [("1.34.2", "1.35"), ("1.38.0", "1.37"), ("1.28.11", "1.29"), ("2.36.0", "2.35")]
)
def test_an_upgrade_changes_the_minor_version_by_one_at_a_time(archive, directory, installed, version, first):
    installed(version)
    with pytest.raises(bundle.BundleError, match=rf"by one at a time.*use a bundle of {first} first"):
        bundle.stage(*archive(), directory, other_minor=True)


def test_an_unpacked_bundle_is_described_for_the_change_and_nothing_is_installed(
    archive, directory, tmp_path
):
    source, digest = archive()
    version, described = bundle.stage(source, digest, directory, other_minor=False)
    assert version == "1.36.3"
    assert described["crio"] == f"{tmp_path}/node/usr/local/bin/crio"
    assert described["record"] == bundle.RECORD
    assert (described["recorded"]["sha256"], described["recorded"]["version"]) == (digest, version)
    by_path = {each["path"]: each for each in described["programs"]}
    assert described["crio"] in by_path
    for each in described["programs"]:
        assert each["source"].startswith(directory)
        assert os.path.isfile(each["source"])
    assert by_path[described["crio"]]["mode"] == "0755"
    assert by_path[f"{tmp_path}/node/usr/local/lib/systemd/system/crio.service"]["mode"] == "0644"
    assert not os.path.exists(f"{tmp_path}/node")


def test_a_target_that_is_a_link_is_refused_by_name(archive, directory, tmp_path):
    link = tmp_path / "node/usr/local/bin/crictl"
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/crictl")
    with pytest.raises(
        bundle.BundleError, match=r"/usr/local/bin/crictl is a symbolic link to /usr/bin/crictl"
    ):
        bundle.prepare(*archive(), directory)
