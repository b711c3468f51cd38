# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the stand-in refuses a start, and prints `crio config`, like the recorded CRI-O 1.37.

crio-starts.json has what `crio --config ... --signature-policy-dir cri-node-dry-start` logged for a base configuration and one
more file, and the lines of `crio config` that look like TOML. DIR is the folder of the test, where `programs` are.
"""

import difflib
import io
import json
import re
import sys

import pytest

from testbed.paths import CHECKOUT, STANDIN

sys.path.insert(0, str(STANDIN))

import crio
import crio_registries
import crio_start
from crio_checks import Refused, check
from crio_journal import Journal
from crio_registries import Places, RegistriesError
from crio_template import to_template

RECORDED = json.loads((CHECKOUT / "tests/unit/fixtures/crio-1.37/crio-starts.json").read_text())
HANDLER = re.compile(r"fields for runtime (?:r|crun):")
DRY = 'validating image config: signature policy dir "cri-node-dry-start" is not absolute'
PROGRAMS = {
    "conmon": "echo 'conmon version 2.1.13'; echo 'commit: none'",
    "pinns": "exit 1",
    "runtime": 'test "$1" != features && echo runtime version 1 || echo \'{"ociVersionMin": "1", "ociVersionMax": "1"}\'',
    "failing": "echo broken; exit 3",
    "silent": ":",
    "odd": "echo odd version new",
    "containerd-shim-kata-v2": "echo shim 1",
}
FILES = {
    "file": "a file\n",
    "empty": "",
    "profile.json": '{"defaultAction": "SCMP_ACT_ERRNO"}',
    "number.json": "3",
    "blockio.yaml": "Classes: {}\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the directory that the recorded texts call DIR; the PATH is empty, and there is no skopeo."""
    (tmp_path / "bin").mkdir()
    for name, body in PROGRAMS.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir("/")
    monkeypatch.setattr(crio_registries, "check", lambda places: None)
    return tmp_path


def load(folder, toml, journal, **options):
    """Return the settings of the recorded base and this file, as the command reads them."""
    (folder / "crio.conf").write_text(RECORDED["base"].replace("DIR", str(folder)))
    (folder / "d").mkdir(exist_ok=True)
    (folder / "d" / "10.conf").write_text(toml.replace("DIR", str(folder)))
    given = {"config": str(folder / "crio.conf"), "config-dir": str(folder / "d"), **options}
    settings = crio.load(given, journal)
    crio._apply_log_options(settings, given, journal)
    return settings


def start(folder, toml):
    """Return (logged warnings and errors, how it ended) of a dry start."""
    journal = Journal(io.StringIO())
    try:
        settings = load(folder, toml, journal, **{"crio.image.signature_policy_dir": "cri-node-dry-start"})
        crio_start.check_start(settings, journal)
    except Refused as error:
        journal.fatal(str(error))
    found = re.findall(r'level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)', journal.stream.getvalue())
    lines = [
        [level, json.loads(re.sub(r"\\x(..)", r"\\u00\1", text)) if text[0] == '"' else text]
        for level, text in found
    ]
    lines = [[level, text.replace(str(folder), "DIR")] for level, text in lines]
    end = lines.pop()[1] if lines and lines[-1][0] == "fatal" else ""
    return sorted(line for line in lines if line[0] in ("warning", "error")), end


@pytest.mark.parametrize("case", RECORDED["starts"], ids=lambda case: case["toml"].replace("\n", " ").strip())
def test_a_start_ends_like_the_recorded_start_of_crio(case, folder):
    logged, end = start(folder, case["toml"])
    assert logged == case["told"]
    # Which one of several handlers comes first is chance in CRI-O.
    assert HANDLER.sub("fields for runtime R:", end) in [
        HANDLER.sub("fields for runtime R:", each) for each in case["ends"]
    ]


def test_a_dry_start_does_not_touch_what_a_daemon_uses(folder, monkeypatch):
    """No CNI directory, no socket and no stored registries; the only error is the provoked one."""
    monkeypatch.setattr(
        crio_registries, "remember", lambda places: pytest.fail("touched a daemon's registries")
    )
    toml = '[crio.api]\nlisten = "DIR/run/crio.sock"\n[crio.network]\nnetwork_dir = "DIR/net.d"\nplugin_dirs = ["DIR/cni"]\n'
    assert start(folder, toml) == ([], DRY)
    assert not {"run", "net.d", "cni"} & {path.name for path in folder.iterdir()}


def test_one_of_two_invalid_paths_is_refused_but_not_always_the_same_one(folder):
    """CRI-O iterates over a map there, so that a caller who expects its own error sometimes gets the other one."""
    toml = '[crio.image]\nnamespaced_auth_dir = "x"\n'
    ends = {start(folder, toml)[1] for _attempt in range(40)}
    assert ends == {DRY, 'validating image config: namespaced auth dir "x" is not absolute'}


def shown(text):
    """Return the lines of `crio config` that look like TOML, commented out or not."""
    return [
        line
        for line in text.splitlines()
        if line.strip() and (line[0] != "#" or re.match(r'# (\[|\w+ = |\t"|\]$|\}$)', line))
    ]


@pytest.mark.parametrize(
    "case", RECORDED["configs"], ids=lambda case: case["toml"].replace("\n", " ").strip()
)
def test_crio_config_prints_the_recorded_output_of_crio(case, folder):
    journal = Journal(io.StringIO())
    settings = load(folder, case["toml"], journal)
    check(settings, journal)
    printed = shown(to_template(settings).replace(str(folder), "DIR"))
    compared = difflib.unified_diff(RECORDED["printed"], printed, lineterm="", n=0)
    assert [line for line in compared if not line.startswith(("---", "+++", "@@"))] == case["differs"]


def test_crio_config_default_prints_every_key_with_its_default():
    recorded = (CHECKOUT / "tests/unit/fixtures/crio-1.37/crio-config-default-1.37.toml").read_text()
    import crio_settings

    printed = to_template(crio_settings.defaults(), everything=True)
    # The record has no comments; CRI-O comments the network out whatever it is.
    assert [line for line in shown(printed) if line[0] != "#"] == recorded.splitlines()


BAD = """#!/bin/sh
# As skopeo: reads what lies below HOME, names the file that does not parse.
cd "$HOME/.config/containers"
for file in registries.conf registries.conf.d/*.conf; do
    if grep -q bad "$file"; then
        echo "time=\\"now\\" level=fatal msg=\\"Error: loading registries configuration \\\\\\"$PWD/$file\\\\\\": bad\\"" >&2
        exit 1
    fi
done
"""


def test_registries_given_by_options_are_validated_under_their_own_paths(tmp_path, monkeypatch):
    skopeo = tmp_path / "skopeo"
    skopeo.write_text(BAD)
    skopeo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(crio_registries, "CONTAINERS", str(tmp_path / "system"))
    for name, content in {
        "good": "good\n",
        "worse": "bad\n",
        "d/10.conf": "good",
        "d/20.conf": "bad",
        "e/no": "bad",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    good, worse, first, second = (str(tmp_path / name) for name in ("good", "worse", "d", "e"))

    def refusal(*places):
        try:
            crio_registries.check(Places(*places))
        except RegistriesError as error:
            return str(error)
        return None

    assert refusal(good, second) is None
    assert refusal(good) is None
    assert refusal(worse, second) == f'loading registries configuration "{worse}": bad'
    assert (
        refusal("", first)
        == refusal(good, first)
        == f'loading registries configuration "{first}/20.conf": bad'
    )
    assert refusal(f"{good}-not", second) == (
        f'loading registries configuration "{good}-not": open {good}-not: no such file or directory'
    )
