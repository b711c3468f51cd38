# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that secrets of users are only in the files that need them, and are removed with their settings."""

import base64
import hashlib
import json
import uuid

import pytest

from testbed import article

ENVIRONMENT_FILE = "/etc/crio/cri-node.environment"
AUTH_FILE = "/root/.config/containers/auth.json"
SECRETS = ("default_env", "proxy", "password")
# Everything on the node that may keep a text: files, logs, the command lines of processes. The secret comes on standard input.
_EVERYWHERE = r"""
import json, os, subprocess, sys
secret = sys.stdin.buffer.read()
for top in ("/var/lib/cri-node", "/run/cri-node", "/etc", "/root", "/tmp", "/var/tmp", "/var/log"):
    for folder, _folders, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            if os.path.isfile(path) and not path.endswith(".journal") and secret in open(path, "rb").read():
                print(path)
lines = subprocess.run(["journalctl", "--no-pager", "-q", "-a", "-o", "json"], stdout=subprocess.PIPE).stdout.splitlines()
for who in {json.loads(line).get("_COMM", "") for line in lines if secret in line}:
    # CRI-O itself logs its whole configuration at each start.
    if who.strip("()") != "crio":
        print(f"the journal, by {who}")
for name in filter(str.isdigit, os.listdir("/proc")):
    try:
        if secret in open(f"/proc/{name}/cmdline", "rb").read():
            print(f"process {name}")
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    yield testbed.add("secrets")[0]
    testbed.remove("secrets")


def canary():
    return f"canary{uuid.uuid4().hex[:10]}"


def places(node, secret):
    return set(node.check(["python3", "-c", _EVERYWHERE], stdin=secret, limit=120).split("\n")) - {""}


def settings(**secrets):
    """Return every input that may contain a secret."""
    return {
        **article.settings(),
        "crio_config__secret": {"crio": {"runtime": {"default_env": [f"TOKEN={secrets['default_env']}"]}}},
        "crio_environment": {
            "HTTPS_PROXY": f"http://user:{secrets['proxy']}@proxy.example.com:3128",
            "NO_PROXY": "127.0.0.1,localhost,registry,unlisted",
        },
        "registries_config": {"registry": [{"location": "unlisted:5000", "insecure": True}]},
        "registries_auth": {"registry.example.com": {"username": "robot", "password": secrets["password"]}},
    }


def as_in_auth_json(password):
    return base64.b64encode(f"robot:{password}".encode()).decode()


PLAY = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.runtime"]}]


def seen_in(run, *texts):
    """Return which of the texts are in anything that a run printed or returned."""
    everything = (
        run.out + run.err + json.dumps(run.results, default=str) + json.dumps(run.custom, default=str)
    )
    return [text for text in texts if text in everything]


def test_no_secret_is_printed_or_logged_or_kept_after_its_setting_is_removed(node, run_playbook, tmp_path):
    first, second = ({name: canary() for name in SECRETS} for _each in range(2))
    env = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts")}
    runs = [
        run_playbook(PLAY, node, *options, variables=settings(**secrets), env=env)
        for secrets, options in (
            (first, ["--check", "--diff", "-vvvv"]),
            (first, ["--diff", "-vvvv"]),
            (second, ["--check", "--diff", "-vvvv"]),
            (second, ["--diff", "-vvvv"]),
        )
    ]
    gone = run_playbook(PLAY, node, "--diff", "-vvvv", variables=article.settings(), env=env)
    for run in (*runs, gone):
        run.expect_success()
        assert seen_in(run, *first.values(), *second.values()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "canary" in path.read_text()] == []
    for secret in (*first.values(), *second.values()):
        assert places(node, secret) == set(), secret
    for password in (first["password"], second["password"]):
        encoded = as_in_auth_json(password)
        assert [seen_in(run, encoded) for run in (*runs, gone)] == [[]] * 5
        assert places(node, encoded) == set()


def test_a_secret_is_only_in_the_files_that_need_it(node, run_playbook):
    secrets = {name: canary() for name in SECRETS}
    run_playbook(PLAY, node, variables=settings(**secrets)).expect_success()
    assert places(node, secrets["password"]) == set()
    assert places(node, as_in_auth_json(secrets["password"])) == {AUTH_FILE}
    assert places(node, secrets["proxy"]) == {ENVIRONMENT_FILE}
    assert places(node, secrets["default_env"]) == {article.DROP_IN}
    for path in (ENVIRONMENT_FILE, article.DROP_IN, AUTH_FILE):
        assert node.check(["stat", "-c", "%a", path]).strip() == "600"


def test_no_hash_by_which_a_short_secret_could_be_guessed_leaves_its_file(node, run_playbook):
    secrets = {name: canary() for name in SECRETS}
    variables = settings(**secrets)
    run = run_playbook(PLAY, node, "--diff", "-vvvv", variables=variables).expect_success()
    hashes = [
        hashlib.sha256(node.read_file(path).encode()).hexdigest()
        for path in (ENVIRONMENT_FILE, article.DROP_IN)
    ]
    assert seen_in(run, *hashes) == []
    for each in hashes:
        # state.json is root's alone and knows the files by their hashes.
        assert places(node, each) <= {"/var/lib/cri-node/state.json"} | {
            place for place in places(node, each) if place.startswith("/var/lib/cri-node/generations/")
        }


def test_a_failed_change_and_a_pod_keep_their_secrets_too(node, run_playbook):
    secrets = {name: canary() for name in (*SECRETS, "pod")}
    bad = {"crio_config__zz": {"crio": {"metrics": {"metrics_port": 22}}}}
    run = run_playbook(PLAY, node, "--diff", "-vvvv", variables={**settings(**secrets), **bad})
    assert run.rc != 0
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "secret"},
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "image": node.image("long-running"),
                    "env": [{"name": "P", "value": secrets["pod"]}],
                    "command": ["/does/not/exist", secrets["pod"]],
                }
            ]
        },
    }
    play = [{"hosts": "nodes", "gather_facts": False, "tasks": [{"cri.node.crictl_pod": {"manifest": pod}}]}]
    failed = run_playbook(play, node, "--diff", "-vvvv", variables={})
    assert seen_in(run, *secrets.values()) == []
    # Only what the runtime itself keeps of the pod may have it.
    assert [each for each in seen_in(failed, secrets["pod"]) if each] == []
    for name in ("default_env", "proxy"):
        assert places(node, secrets[name]) <= {ENVIRONMENT_FILE, article.DROP_IN}
