# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests handlers on a node: programs are installed, pods run with each of them, and one that pods use is not removed.

A node is itself a container, in which an OCI runtime needs the test bed's wrapper of crun. The same one is made for runc.
"""

import hashlib
import re
import shutil

import pytest
import yaml

from testbed import bundles
from testbed.observed import litter, observe

PLAY = [{"hosts": "nodes", "gather_facts": False, "roles": ["cri.node.oci_runtimes", "cri.node.runtime"]}]
INSTALL = "cri.node.oci_runtimes : Install the programs of handlers"
REMOVE = "cri.node.oci_runtimes : Remove the programs of former handlers"
APPLY = "cri.node.runtime : Apply the runtime configuration"
WRAPPERS = "/usr/local/lib/testbed"
RECORD = "/var/lib/cri-node/handlers.json"
SHIM = "/usr/bin/containerd-shim-runc-v2"
SERVICE = {"crio_service": {"Service": {"KillMode": "process"}}}


@pytest.fixture(scope="module")
def node(testbed, crio_source):
    """Return one node for all tests of this module, with a wrapper of runc."""
    made = testbed.add("handlers")[0]
    crun = made.read_file(f"{WRAPPERS}/crun")
    made.copy_in(f"{WRAPPERS}/runc", crun.replace("/crun /usr/bin/crun;", "/runc /usr/bin/runc;"), mode=0o755)
    yield made
    testbed.remove("handlers")


@pytest.fixture
def conmon(crio_source):
    return bundles.conmon_of(crio_source)


def wrapped(conmon, *names, **more):
    """Return variables with handlers whose programs are the wrappers."""
    own = {"monitor_path": conmon, "container_min_memory": None}
    handlers = {name: {"path": f"{WRAPPERS}/{name}", "settings": own} for name in names}
    return {**SERVICE, "oci_runtimes_config": {**handlers, **more}}


def program(tmp_path, text="#!/bin/sh\necho runc version 1.4.2\n", name="program"):
    """Return (the path of a program on the controller, its SHA-256)."""
    path = tmp_path / name
    path.write_text(text)
    return str(path), hashlib.sha256(text.encode()).hexdigest()


def calls(run):
    """Return the number of remote calls of a run with -vvv."""
    return len(re.findall(r"SSH: EXEC", run.out))


@pytest.mark.real_crio("the stand-in does not run a pod with runc")
def test_pods_run_with_each_handler_and_a_second_run_changes_nothing(node, run_playbook, conmon):
    variables = wrapped(conmon, "crun", "runc")
    predicted = run_playbook(PLAY, node, "--check", variables=variables).expect_success()
    done = run_playbook(PLAY, node, variables=variables).expect_success()
    for task in (INSTALL, APPLY):
        assert predicted.of(task)["changed"] == done.of(task)["changed"]
    assert done.of(APPLY)["changed"] is True
    assert done.of(INSTALL)["handlers"]["runc"]["version"] == "1.4.2"
    for name in ("crun", "runc"):
        pod = node.run_pod(name=f"with-{name}", handler=name)
        command = node.check(f"ps -eo args | grep 'conmon.*{pod.container_id}' | grep -v grep")
        assert f"{WRAPPERS}/{name}" in command
    again = run_playbook(PLAY, node, variables=variables).expect_success()
    assert again.changed == 0
    node.remove_pods()


@pytest.mark.real_crio("the stand-in knows no handlers of type vm")
def test_a_pod_runs_with_a_shim(node, run_playbook, conmon, testbed):
    """Debian's containerd has a shim that speaks the protocol of kata's: it runs pods without a virtual machine."""
    containerd = testbed.add_containerd("shim")[0]
    content = containerd.run(["base64", SHIM]).out
    testbed.remove("shim")
    node.check(["sh", "-c", f"base64 -d > {SHIM} && chmod 755 {SHIM}"], stdin=content)
    # It looks for runc in PATH.
    node.check(f"cp {WRAPPERS}/crun /usr/local/bin/runc")
    variables = wrapped(conmon, "crun", virtual={"kind": "shim", "path": SHIM})
    run_playbook(PLAY, node, variables=variables).expect_success()
    pod = node.run_pod(name="in-a-shim", image="log-writer", handler="virtual")
    assert f"containerd-shim-runc-v2 -namespace default -id {pod.pod_id}" in node.check("ps -eo args")
    listed = node.crictl("ps", "-a", "--id", pod.container_id, "-o", "json")["containers"][0]
    assert listed["state"] in ("CONTAINER_RUNNING", "CONTAINER_EXITED")
    node.remove_pods()


def test_a_handler_of_a_running_pod_is_not_removed(node, run_playbook, conmon):
    run_playbook(
        PLAY,
        node,
        variables=wrapped(
            conmon,
            "crun",
            spare={"kind": "crun", "path": f"{WRAPPERS}/crun", "settings": {"monitor_path": conmon}},
        ),
    ).expect_success()
    node.run_pod(name="occupant", handler="spare")
    before = observe(node)
    for options in (("--check",), ()):
        run = run_playbook(PLAY, node, *options, variables=wrapped(conmon, "crun"))
        assert (
            "the change removes the handler spare, which running pods use: default/occupant"
            in run.failure["msg"]
        )
        assert observe(node) == before
    node.remove_pods()
    run_playbook(PLAY, node, variables=wrapped(conmon, "crun")).expect_success()


def test_a_file_is_installed_as_predicted_and_removed_with_its_handler(node, run_playbook, conmon, tmp_path):
    source, sha256 = program(tmp_path)
    mine = {"kind": "runc", "source": source, "sha256": sha256, "settings": {"monitor_path": conmon}}
    variables = wrapped(conmon, "crun", mine=mine)
    predicted = run_playbook(PLAY, node, "--check", "--diff", variables=variables).expect_success()
    assert not node.exists("/usr/local/bin/mine")
    assert not node.exists(RECORD)
    done = run_playbook(PLAY, node, "--diff", variables=variables).expect_success()
    for part in ("changed", "handlers", "diff", "removed", "pending"):
        assert predicted.of(INSTALL)[part] == done.of(INSTALL)[part]
    assert node.check("stat -c %a%U /usr/local/bin/mine").strip() == "755root"
    assert done.of(INSTALL)["handlers"]["mine"]["version"] == "1.4.2"
    again = run_playbook(PLAY, node, "-vvv", variables=variables).expect_success()
    assert (again.changed, calls(again)) == (0, 2)  # one of each role

    # Its entry goes with the transaction, and then the program with it.
    gone = run_playbook(PLAY, node, variables=wrapped(conmon, "crun")).expect_success()
    assert gone.of(INSTALL)["pending"] == ["/usr/local/bin/mine"]
    assert gone.of(REMOVE)["removed"] == ["/usr/local/bin/mine"]
    assert not node.exists("/usr/local/bin/mine")
    assert not node.exists(RECORD)
    assert run_playbook(PLAY, node, variables=wrapped(conmon, "crun")).expect_success().changed == 0
    assert litter(node) == ""


def test_a_program_that_was_changed_is_kept(node, run_playbook, conmon, tmp_path):
    source, sha256 = program(tmp_path)
    mine = {"kind": "runc", "source": source, "sha256": sha256, "settings": {"monitor_path": conmon}}
    run_playbook(PLAY, node, variables=wrapped(conmon, "crun", mine=mine)).expect_success()
    node.copy_in("/usr/local/bin/mine", "#!/bin/sh\n# by hand\n", mode=0o755)
    run_playbook(PLAY, node, variables=wrapped(conmon, "crun")).expect_success()
    assert "by hand" in node.read_file("/usr/local/bin/mine")
    assert not node.exists(RECORD)
    run = run_playbook(PLAY, node, variables=wrapped(conmon, "crun", mine=mine))
    assert "/usr/local/bin/mine exists with another content" in run.failure["msg"]
    node.check("rm /usr/local/bin/mine")


def test_a_crun_that_is_known_to_fail_is_refused_and_nothing_is_changed(node, run_playbook, conmon, tmp_path):
    source, sha256 = program(tmp_path, "#!/bin/sh\necho crun version 1.8.1\n")
    old = {"kind": "crun", "source": source, "sha256": sha256}
    before = observe(node)
    for options in (("--check",), ()):
        run = run_playbook(PLAY, node, *options, variables=wrapped(conmon, "crun", old=old))
        assert "old: version 1.8.1 fails with CRI-O 1.37.0" in run.failure["msg"]
        assert "it requires at least 1.14.3. Nothing was changed" in run.failure["msg"]
        assert not node.exists("/usr/local/bin/old")
        assert observe(node) == before
    node.copy_in("/usr/local/bin/old", "#!/bin/sh\necho crun version 1.14.2\n", mode=0o755)
    preinstalled = {"kind": "crun", "path": "/usr/local/bin/old"}
    run = run_playbook(PLAY, node, variables=wrapped(conmon, "crun", old=preinstalled))
    assert "old: version 1.14.2 fails with CRI-O 1.37.0" in run.failure["msg"]
    node.check("rm /usr/local/bin/old")


def test_a_wrong_hash_a_missing_program_and_a_wrong_variable_are_refused(
    node, run_playbook, conmon, tmp_path
):
    source, _sha256 = program(tmp_path)
    wrong = {"kind": "runc", "source": source, "sha256": "0" * 64}
    run = run_playbook(PLAY, node, variables=wrapped(conmon, "crun", mine=wrong))
    assert "oci_runtimes_config: mine" in run.failure["msg"]
    assert "not " + "0" * 64 in run.failure["msg"]
    run = run_playbook(PLAY, node, variables=wrapped(conmon, "crun", youki={}))
    assert "youki: /usr/local/bin/youki does not exist" in run.failure["msg"]
    run = run_playbook(PLAY, node, variables=wrapped(conmon, "crun", kata={"instal": "package"}))
    assert "kata.instal: is not a key of a handler; did you mean install?" in run.failure["msg"]


def test_the_playbook_bootstrap_installs_and_removes_handlers(node, run_playbook, conmon, tmp_path):
    source, sha256 = program(tmp_path)
    mine = {"kind": "runc", "source": source, "sha256": sha256, "settings": {"monitor_path": conmon}}
    reports = {"verify_report_file": str(tmp_path / "verify.json"), "verify_image": node.image("hello-world")}
    variables = {**wrapped(conmon, "crun", mine=mine), **reports}
    run_playbook("cri.node.bootstrap", node, "--skip-tags", "prepare", variables=variables).expect_success()
    assert node.exists("/usr/local/bin/mine")
    handlers = node.crictl("info", "-o", "json")["runtimeHandlers"]
    assert "mine" in {each.get("name") for each in handlers}
    again = run_playbook(
        "cri.node.bootstrap", node, "--skip-tags", "prepare", variables=variables
    ).expect_success()
    assert again.of(INSTALL)["changed"] is False
    assert again.of(APPLY)["changed"] is False
    gone = {**wrapped(conmon, "crun"), **reports}
    run_playbook("cri.node.bootstrap", node, "--skip-tags", "prepare", variables=gone).expect_success()
    assert not node.exists("/usr/local/bin/mine")
    # Without the variable, the role does not run.
    none = run_playbook(
        "cri.node.bootstrap", node, "--skip-tags", "prepare", "--check", variables={**SERVICE, **reports}
    )
    assert INSTALL not in none.out


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is required to build a package")
def test_a_package_is_installed_as_predicted(node, run_playbook, conmon, tmp_path):
    folder = "/tmp/youki-package"
    fields = (
        "Package: youki-of-test",
        "Version: 0.5.7-1",
        "Architecture: all",
        "Maintainer: a <a@example.com>",
    )
    control = "\n".join((*fields, "Description: test", ""))
    node.check(f"mkdir -p {folder}/root/DEBIAN {folder}/root/usr/bin {folder}/repository")
    node.copy_in(f"{folder}/root/DEBIAN/control", control)
    node.copy_in(f"{folder}/root/usr/bin/youki", "#!/bin/sh\necho youki version 0.5.7\n", mode=0o755)
    node.check(f"dpkg-deb -b {folder}/root {folder}/repository/youki.deb")
    deb = f"{folder}/repository/youki.deb"
    sizes = node.check(f"stat -c %s {deb}; sha256sum {deb}").split()
    packages = f"{control}Filename: ./youki.deb\nSize: {sizes[0]}\nSHA256: {sizes[1]}\n"
    node.copy_in(f"{folder}/repository/Packages", packages)
    node.copy_in("/etc/apt/sources.list.d/test.list", f"deb [trusted=yes] file:{folder}/repository ./\n")
    node.check("mv /etc/apt/sources.list /etc/apt/sources.list.off; apt-get update")
    youki = {"package": "youki-of-test", "settings": {"monitor_path": conmon}}
    variables = wrapped(conmon, "crun", youki=youki)
    predicted = run_playbook(PLAY, node, "--check", variables=variables).expect_success()
    assert not node.exists("/usr/bin/youki")
    done = run_playbook(PLAY, node, variables=variables).expect_success()
    for part in ("changed", "handlers", "packages"):
        assert predicted.of(INSTALL)[part] == done.of(INSTALL)[part]
    assert done.of(INSTALL)["packages"] == ["youki-of-test"]
    assert done.of(INSTALL)["handlers"]["youki"]["version"] == "0.5.7"
    assert node.exists("/usr/bin/youki")
    assert run_playbook(PLAY, node, variables=variables).expect_success().changed == 0
    run_playbook(PLAY, node, variables=wrapped(conmon, "crun")).expect_success()


def test_the_objects_for_the_cluster_are_returned(node, run_playbook, conmon, tmp_path):
    play = [
        *PLAY,
        {
            "hosts": "nodes",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Write",
                    "ansible.builtin.copy": {
                        "content": "{{ oci_runtimes_config | cri.node.runtime_classes }}",
                        "dest": str(tmp_path / "classes.yml"),
                    },
                    "delegate_to": "localhost",
                }
            ],
        },
    ]
    variables = wrapped(conmon, "crun")
    variables["oci_runtimes_config"]["crun"]["runtime_class"] = {
        "name": "fast",
        "overhead": {"memory": "8Mi"},
        "scheduling": {"nodeSelector": {"runtime": "crun"}},
    }
    run = run_playbook(play, node, variables=variables).expect_success()
    expected = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "fast"},
        "handler": "crun",
        "overhead": {"podFixed": {"memory": "8Mi"}},
        "scheduling": {"nodeSelector": {"runtime": "crun"}},
    }
    assert run.of(INSTALL)["runtime_classes"] == [expected]
    assert list(yaml.safe_load_all((tmp_path / "classes.yml").read_text())) == [expected]
