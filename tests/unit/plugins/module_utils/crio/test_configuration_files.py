# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that CRI-O reads are described in its order; nothing blocks, and no secret is returned."""

import json
import os

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import configuration, configuration_files

KEYS = configuration_files.keys_of(
    {
        "crio.log_dir": True,
        "crio.runtime.default_env": False,
        "crio.runtime.runtimes.*.runtime_path": True,
        "crio.runtime.runtimes.*.default_annotations": True,
        "crio.runtime.runtimes.*.monitor_env": False,
    }
)


def read(folder, **more):
    return configuration_files.read(str(folder / "crio.conf"), str(folder / "d"), more.get("keys", KEYS))


def names(folder, found):
    return [os.path.relpath(each["path"], folder) for each in found]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "d").mkdir()
    return tmp_path


def test_files_are_read_in_the_order_of_crio_whatever_their_names(folder):
    (folder / "crio.conf").write_text("")
    for name in ("b.conf", "a.conf~", "\u00e4", "Z", ".hidden", "sub/x", "sub/deep/y", "sub-1", "sub.conf"):
        path = folder / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    listed = [
        "crio.conf",
        ".hidden",
        "Z",
        "a.conf~",
        "b.conf",
        "sub/deep/y",
        "sub/x",
        "sub-1",
        "sub.conf",
        "\u00e4",
    ]
    expected = [name if name == "crio.conf" else f"d/{name}" for name in listed]
    order = names(folder, read(folder))
    assert sorted(order) == sorted(expected)
    assert order == sorted(order, key=lambda name: (name != "crio.conf", name.split("/")))


def test_a_link_is_followed_and_named(folder):
    (folder / "target").write_text('[crio]\nlog_dir = "/x"\n')
    (folder / "d" / "10-link").symlink_to("../target")
    (found,) = read(folder)
    assert found["target"] == str(folder / "target")
    assert found["settings"][-1] == {"path": ["crio", "log_dir"], "type": "string", "value": "/x"}


def test_what_is_not_a_file_is_described_and_never_waited_for(folder):
    os.mkfifo(folder / "d" / "10-fifo")
    (folder / "d" / "20-device").symlink_to("/dev/zero")
    (folder / "d" / "30-folder").symlink_to("/")
    (folder / "d" / "40-broken").symlink_to("nothing")
    (folder / "d" / "50-loop").symlink_to("50-loop")
    found = read(folder)
    assert [each["problem"]["kind"] for each in found] == ["not_a_file"] * 3 + ["unreadable"] * 2
    assert "a FIFO" in found[0]["problem"]["reason"]
    assert "a device" in found[1]["problem"]["reason"]


def test_size_and_number_of_files_are_limited(folder, monkeypatch):
    monkeypatch.setattr(configuration_files, "LARGEST_FILE", 1 << 20)
    monkeypatch.setattr(configuration_files, "LARGEST_ALL", 3 << 20)
    monkeypatch.setattr(configuration_files, "MOST_FILES", 5)
    (folder / "d" / "0").write_text("#" * (1 << 20) + "#")
    for number in range(1, 9):
        (folder / "d" / str(number)).write_text("#" * (1 << 20))
    found = read(folder)
    assert [each.get("problem", {}).get("kind") for each in found] == [
        "limit",
        None,
        None,
        None,
        "limit",
        "limit",
    ]
    assert "1 MiB of one file" in found[0]["problem"]["reason"]
    assert "3 MiB of all files" in found[4]["problem"]["reason"]
    assert "only 5 files" in found[5]["problem"]["reason"]


def test_a_folder_behind_a_link_is_reported_since_crio_does_not_start_with_it(folder):
    (folder / "real").mkdir()
    (folder / "d").rmdir()
    (folder / "d").symlink_to("real")
    (found,) = read(folder)
    assert found["problem"]["kind"] == "not_a_file"
    assert list(configuration_files.in_order(str(folder / "missing"))) == []


SECRET = "CANARY-7f3a"
WITH_SECRETS = {
    "known keys": f'[crio.runtime]\ndefault_env = ["TOKEN={SECRET}"]\n[crio.runtime.runtimes.k]\nmonitor_env = ["T={SECRET}"]\n',
    "other case": f'[CRIO.Runtime]\nDEFAULT_ENV = ["TOKEN={SECRET}"]\n',
    "another type": f'[crio.runtime.default_env]\nTOKEN = "{SECRET}"\n',
    "unknown key": f'[crio.runtime]\ndefault_envs = ["TOKEN={SECRET}"]\n',
    "unknown table": f'[runtime]\ndefault_env = ["TOKEN={SECRET}"]\n',
    "table of another type": f'[crio]\nruntime = "{SECRET}"\n',
    "inline": f'crio.runtime = {{default_env = ["{SECRET}"]}}\n',
    "comment": f"# default_env = ['{SECRET}']\n",
    "not TOML": f"[crio.runtime]\ndefault_env = [TOKEN={SECRET}]\n",
    "URL": f'[crio]\nlog_dir = "https://user:{SECRET}@example.com/"\n',
    "URL in a table": f'[crio.runtime.runtimes.k]\ndefault_annotations = {{a = "http://{SECRET}:x@h"}}\n',
}


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_no_secret_leaves_the_node(folder, name):
    path = folder / "d" / "10-secret.conf"
    path.write_text(WITH_SECRETS[name])
    (found,) = read(folder)
    assert SECRET not in json.dumps(found)
    if name in ("known keys", "other case", "another type", "not TOML"):
        assert "sha256" not in found, "a short secret can be guessed from a hash"


def test_the_hash_is_only_that_of_a_file_that_everybody_can_read(folder):
    path = folder / "d" / "10-a"
    path.write_text('[crio]\nlog_dir = "/x"\n')
    path.chmod(0o644)
    assert len(read(folder)[0]["sha256"]) == 64
    path.chmod(0o640)
    assert "sha256" not in read(folder)[0]


def test_the_role_of_a_file_is_in_its_header(folder):
    (folder / "crio.conf").write_text("# Written by the role cri.node.crio, which undoes ...\n")
    (folder / "d" / "10-other").write_text("# cri-node\n")
    assert [each.get("header_owner") for each in read(folder)] == ["crio", None]


OPTIONS = {
    "log-level": {"option": "log-level", "flag": False, "shown": True},
    "l": {"option": "log-level", "flag": False, "shown": True},
    "default-env": {"option": "default-env", "flag": False, "shown": False},
    "enable-metrics": {"option": "enable-metrics", "flag": True, "shown": True},
}


def test_options_are_read_as_crio_reads_them_and_secret_ones_have_no_value():
    words = [
        "-l",
        "debug",
        "--enable-metrics",
        "--default-env",
        f"A={SECRET}",
        "-default-env=B",
        f"--x={SECRET}",
        "config",
        "--l",
    ]
    found = configuration.options(words, OPTIONS)
    assert [(each["name"], each["form"], each.get("value")) for each in found] == [
        ("log-level", "l", "debug"),
        ("enable-metrics", "enable-metrics", "true"),
        ("default-env", "default-env", None),
        ("default-env", "default-env", None),
        ("x", "x", None),
    ]
    assert [each["known"] for each in found] == [True] * 4 + [False]
    assert SECRET not in json.dumps(found)


def test_of_a_key_that_may_be_secret_only_listed_values_are_returned():
    keys = configuration_files.keys_of({"crio.runtime.runtimes.*.monitor_env": [["PATH=/bin"]]})

    def of(value):
        text = f"[crio.runtime.runtimes.k]\nmonitor_env = {value}\n"
        return configuration_files.settings(text.encode(), keys)[-1]

    assert of('["PATH=/bin"]')["value"] == ["PATH=/bin"]
    assert "secret" not in of('["PATH=/bin"]')
    for value in ('["PATH=/bin", "T=x"]', '["T=x"]', '"PATH=/bin"', "[]"):
        assert "value" not in of(value)
        assert of(value)["secret"] is True
