# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a node is as if the role registries had never been there once its variables are empty again."""

import json

import pytest

from testbed.observed import litter, live_configuration
from testbed.openshift_objects import pem

ROLE = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.registries"]}]
APPLY = "cri.node.registries : Apply the registries configuration"
AUTH, POLICY = "/root/.config/containers/auth.json", "/etc/crio/policy.json"
SHARED = (AUTH, POLICY)
HOST = "registry.example.com:5000"
ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
VARIABLES = {
    "registries_config": {"registry": [{"location": HOST, "insecure": True}], "aliases": {"a": f"{HOST}/a"}},
    "registries_auth": {HOST: {"username": "robot", "password": "canary"}},
    "registries_policy": {"default": REJECT, "transports": {"docker": {HOST: ACCEPT}}},
    "registries_namespaced_policies": {"production": {"default": REJECT}},
    "registries_signatures": {"docker": {HOST: {"use-sigstore-attachments": True}}},
    "registries_certificates": {HOST: {"ca": pem("ca")}, "other.example.com": {"ca": pem("ca")}},
    "registries_storage": {
        "storage": {"driver": "overlay", "options": {"pull_options": {"use_hard_links": "false"}}}
    },
}
OURS = {
    "/etc/containers/registries.conf.d/zz-cri-node.conf",
    AUTH,
    POLICY,
    "/etc/crio/policies/production.json",
    "/etc/containers/registries.d/cri-node.yaml",
    f"/etc/containers/certs.d/{HOST}/ca.crt",
    "/etc/containers/certs.d/other.example.com/ca.crt",
    "/etc/containers/storage.conf",
}
# In the folders and files that the role also uses.
THEIRS = {
    "/etc/containers/registries.conf.d/50-theirs.conf": '[[registry]]\nlocation = "theirs.example.com"\n',
    "/etc/containers/registries.d/theirs.yaml": "docker:\n  theirs.example.com:\n    lookaside: https://x.example\n",
    f"/etc/containers/certs.d/{HOST}/theirs.crt": pem("ca"),
    "/etc/crio/policies/theirs.json": json.dumps({"default": ACCEPT}),
    AUTH: '{\n\t"auths": {"theirs.example.com": {"auth": "dGhlaXJzOng="}},\n\t"credsStore": "pass"}\n',
    POLICY: json.dumps(
        {"default": ACCEPT, "transports": {"docker": {"theirs.example.com": REJECT}}}, indent=4
    ),
}
# Each entry with type, mode, owner and target; of regular files also the hash.
_ENTRIES = r"find /etc/crio /etc/containers /root/.config /root/.docker -printf '%p %y %m %U:%G %l\n' 2>/dev/null | sort"
_HASHES = r"find /etc/crio /etc/containers /root/.config /root/.docker -type f -exec sha256sum {} + 2>/dev/null | sort -k2"


# Folders that stay, since they have no effect. That of one host's certificates would hide the one in /etc/docker.
EMPTY = (
    "/etc/crio/policies",
    "/etc/containers/certs.d",
    "/etc/containers/registries.d",
    "/root/.config/containers",
    "/root/.config",
)


def entries(node):
    """Return everything in the folders of CRI-O's and containers' configuration: bytes of files, meaning of shared ones."""
    found = node.run(_ENTRIES).out.splitlines()
    hashes = dict(line.split("  ", 1)[::-1] for line in node.run(_HASHES).out.splitlines())
    for path in SHARED:
        if path in hashes:
            hashes[path] = json.loads(node.read_file(path))
    empty = {
        f"{path} d 755 0:0 " for path in EMPTY if not any(each.startswith(f"{path}/") for each in hashes)
    }
    return {
        "entries": [each for each in found if each not in empty],
        "hashes": hashes,
        "live": live_configuration(node),
    }


@pytest.mark.parametrize("theirs", [THEIRS, {}], ids=["beside files of others", "alone"])
@pytest.mark.real_crio("the stand-in reads no storage.conf")
def test_emptied_variables_leave_the_node_as_if_the_role_had_never_been_there(
    fresh_node, run_playbook, theirs
):
    node = fresh_node()
    if not theirs:
        # Docker's fuse-overlayfs sometimes shows a removed file of the image again: without it the folder is on a tmpfs.
        node.check("cp -a /etc/crio /run/etc-crio && mount --bind /run/etc-crio /etc/crio")
        node.check(["rm", "-rf", AUTH, POLICY])
    for path, text in theirs.items():
        node.check(["mkdir", "-p", path.rpartition("/")[0]])
        node.copy_in(path, text)
    if theirs:
        node.check(["chmod", "600", AUTH])  # as podman writes it; the role would restrict it, too
    before = entries(node)
    done = run_playbook(ROLE, node, variables=VARIABLES).expect_success()
    assert set(done.of(APPLY)["plan"]["files"]) == OURS
    assert all(node.exists(path) for path in OURS)
    assert run_playbook(ROLE, node, variables=VARIABLES).expect_success().changed == 0
    emptied = run_playbook(ROLE, node, variables={}).expect_success()
    # What others have entries in stays, and the plan says so.
    stays = {path for path in SHARED if path in theirs}
    files = emptied.of(APPLY)["plan"]["files"]
    assert files == {path: "change" if path in stays else "remove" for path in OURS}
    after = entries(node)
    assert sorted({*after["entries"]} ^ {*before["entries"]}) == []
    assert after == before
    assert litter(node) == ""
    assert run_playbook(ROLE, node, variables={}).expect_success().changed == 0
