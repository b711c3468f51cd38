# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates pods from manifests on a real node and compares them with the output of crictl."""

import copy
import json

import pytest

MODULE = "cri.node.crictl_pod"
ARTICLE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "hello-world", "labels": {"app": "httpd"}, "namespace": "default"},
    "spec": {"containers": [{"name": "hello-world", "image": "docker.io/library/hello-world:latest"}]},
}
SECRET = "swordfish-1964"


@pytest.fixture
def manifest(node):
    """Return a function that creates the article's manifest with one of the test bed's images."""

    def make(image="hello-world", spec=None, **container):
        made = copy.deepcopy(ARTICLE)
        made["spec"]["containers"][0].update(image=node.image(image), **container)
        made["spec"].update(spec or {})
        return made

    return make


@pytest.fixture
def pods(node, run_playbook):
    """Return a function that calls the module with each of these arguments, in one play, and returns the results.

    `check` and `diff` among the arguments are those of the task.
    """

    def call(*calls, options=(), **play):
        tasks = [
            {
                "name": str(number),
                MODULE: {key: value for key, value in arguments.items() if key not in ("check", "diff")},
                "check_mode": arguments.get("check", False),
                "diff": arguments.get("diff", False),
                "ignore_errors": True,
            }
            for number, arguments in enumerate(calls)
        ]
        run = run_playbook(
            [{"hosts": "nodes", "gather_facts": False, "tasks": tasks, **play}], node, *options
        )
        call.run = run
        return [run.of(task["name"]) for task in tasks]

    return call


def shell(script):
    return {"command": ["/bin/sh", "-c", script]}


def output_of(node, result, container=-1):
    """Return what a container of a result wrote, without the times."""
    lines = node.read_file(result["containers"][container]["log_path"]).splitlines()
    return [line.split(" ", 3)[3] for line in lines]


def listed(node):
    return node.crictl("pods", "-o", "json")["items"]


def has_logs(node, result):
    return node.exists(result["containers"][0]["log_path"].rsplit("/", 2)[0])


def test_the_pod_of_the_article_completes_and_its_log_is_read(node, pods, manifest, call_module):
    (made,) = pods({"manifest": manifest(), "wait": "completed"})
    (container,) = made["containers"]
    assert made["changed"] is True
    assert (container["state"], container["exit_code"], container["reason"]) == ("exited", 0, "Completed")
    (found,) = listed(node)
    labels = {
        "app": "httpd",
        "io.kubernetes.pod.name": "hello-world",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": made["pod"]["uid"],
    }
    assert found["id"] == made["pod"]["id"]
    assert labels.items() <= found["labels"].items()
    logs = call_module(node, "cri.node.crictl_logs_facts", {"pod": "hello-world", "namespace": "default"})
    entries = logs["ansible_facts"]["crictl_logs"]["entries"]
    assert [entry["text"] for entry in entries] == ["Hello from a container"]


def test_an_existing_pod_is_left_alone_and_takes_four_calls_of_crictl(node, pods, manifest):
    counting = '#!/bin/sh\necho "$*" >> /run/crictl-calls\nexec {} "$@"\n'
    node.copy_in("/run/counting/crictl", counting.format(node.check("command -v crictl").strip()), mode=0o755)
    environment = {"PATH": f"/run/counting:{node.check('echo $PATH').strip()}"}
    desired = {"manifest": manifest(), "wait": "completed"}
    first, second = pods(desired, desired, environment=environment)
    assert (first["changed"], second["changed"]) == (True, False)
    assert (first["pod"], first["containers"]) == (second["pod"], second["containers"])
    calls = node.read_file("/run/crictl-calls").split("--timeout ")[1:]
    names = [call.split()[1] for call in calls]
    assert sorted(names[-4:]) == ["inspect", "inspectp", "pods", "ps"]
    assert names.index("runp") < names.index("create") < names.index("start")
    assert len(names) - 4 - names.count("inspect") <= 8


def test_a_changed_manifest_replaces_the_pod_as_check_mode_predicted(node, pods, manifest):
    changed = {"manifest": manifest("long-running", env=[{"name": "A", "value": "1"}]), "diff": True}
    first, predicted, second, again = pods(
        {"manifest": manifest()}, {**changed, "check": True}, changed, {**changed, "check": True}
    )
    for key in ("changed", "removed", "pulled", "diff"):
        assert predicted[key] == second[key], key
    assert predicted["pod"]["uid"] == second["pod"]["uid"]
    assert [each["id"] for each in second["removed"]] == [first["pod"]["id"]]
    assert [each["id"] for each in listed(node)] == [second["pod"]["id"]]
    assert second["containers"][0]["state"] == "running"
    assert node.image("hello-world") in second["diff"]["before"]
    assert node.image("long-running") in second["diff"]["after"]
    assert (again["changed"], again["pod"]) == (False, second["pod"])


def test_a_pull_that_fails_leaves_the_former_pod_running(node, pods, manifest):
    former, refused, never = pods(
        {"manifest": manifest("long-running")},
        {"manifest": manifest("no-such-image")},
        {"manifest": manifest("no-such-image", imagePullPolicy="Never")},
    )
    assert "crictl pull failed: pulling image" in refused["msg"]
    assert "is not on the node, and imagePullPolicy is Never" in never["msg"]
    assert [each["id"] for each in listed(node)] == [former["pod"]["id"]]
    assert node.crictl("ps", "-q") == former["containers"][0]["id"]


def test_images_are_pulled_according_to_the_pull_policy(node, pods, manifest):
    node.run(["crictl", "rmi", node.image("hello-world")])
    other = manifest(env=[{"name": "A", "value": "1"}], imagePullPolicy="Never")
    refused, predicted, missing, never, always = pods(
        {"manifest": manifest(imagePullPolicy="Never"), "check": True},
        {"manifest": manifest(), "check": True},
        {"manifest": manifest()},
        {"manifest": other},
        {"manifest": manifest(imagePullPolicy="Always")},
    )
    assert "imagePullPolicy is Never" in refused["msg"]
    assert predicted["pulled"] == missing["pulled"] == always["pulled"] == [node.image("hello-world")]
    assert (never["changed"], never["pulled"]) == (True, [])


def test_the_pod_of_somebody_else_is_never_touched(node, pods, manifest):
    stranger = node.run_pod("long-running", name="hello-world")
    for refused in pods({"manifest": manifest()}, {"name": "hello-world", "state": "absent"}):
        assert "default/hello-world" in refused["msg"]
        assert "was not created by this module and is not changed" in refused["msg"]
    assert node.crictl("ps", "-q") == stranger.container_id


def test_fields_of_the_manifest_reach_the_containers(node, pods, manifest):
    look = "echo $0 $1 $GREETING; cat /data/made; hostname; ls /sys/class/net; touch /data/x 2>/dev/null || echo read-only; id -u"
    volume = {"name": "data", "hostPath": {"path": "/srv/pod-data", "type": "DirectoryOrCreate"}}
    mount = {"name": "data", "mountPath": "/data"}
    first = {
        "name": "first",
        "image": node.image("hello-world"),
        "volumeMounts": [mount],
        **shell("echo by the first > /data/made"),
    }
    desired = manifest(
        spec={"volumes": [volume], "initContainers": [first], "hostNetwork": True},
        args=["$(NAME)", "$$(NAME)"],
        env=[{"name": "NAME", "value": "world"}, {"name": "GREETING", "value": "hello $(NAME)"}],
        volumeMounts=[{**mount, "readOnly": True}],
        securityContext={"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
        resources={"limits": {"memory": "64Mi", "cpu": "500m"}},
        workingDir="/tmp",
        **shell(look),
    )
    node.run("rm -rf /srv/pod-data")
    try:
        (made,) = pods({"manifest": desired, "wait": "completed"})
        assert [each["name"] for each in made["containers"]] == ["first", "hello-world"]
        lines = output_of(node, made)
    finally:
        node.run("rm -rf /srv/pod-data")
    assert lines[:2] == ["world $(NAME) hello world", "by the first"]
    interfaces = node.check("ls /sys/class/net").split()
    assert set(interfaces) <= set(lines)
    assert node.check("cat /proc/sys/kernel/hostname").strip() in lines
    assert lines[-2:] == ["read-only", "1000"]


def test_resource_limits_and_security_settings_reach_the_runtime(node, pods, manifest):
    desired = manifest(
        "long-running",
        spec={
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["192.0.2.1"], "options": [{"name": "ndots", "value": "2"}]},
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1001},
        },
        resources={"limits": {"memory": "64Mi", "cpu": "500m"}, "requests": {"cpu": "250m"}},
        securityContext={
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    )
    (made,) = pods({"manifest": desired})
    identity = made["containers"][0]["id"]
    spec = node.crictl("inspect", identity)["info"]["runtimeSpec"]
    process, linux = spec["process"], spec["linux"]
    assert process["noNewPrivileges"] is True
    assert process["capabilities"]["bounding"] == ["CAP_NET_BIND_SERVICE"]
    assert (process["user"]["uid"], process["user"]["gid"]) == (1000, 1001)
    assert 2 < process["oomScoreAdj"] < 1000
    assert spec["root"]["readonly"] is True
    assert {"/proc/kcore", "/sys/firmware"} <= set(linux["maskedPaths"])
    assert "/proc/sys" in linux["readonlyPaths"]
    assert linux["resources"]["memory"]["limit"] == 64 * 2**20
    assert {"shares": 256, "quota": 50000, "period": 100000}.items() <= linux["resources"]["cpu"].items()
    servers = node.check(f"crictl exec {identity} cat /etc/resolv.conf").split()
    assert servers == ["nameserver", "192.0.2.1", "options", "ndots:2"]


def test_a_missing_directory_is_refused_before_anything_is_done(node, pods, manifest):
    volume = {"name": "data", "hostPath": {"path": "/srv/nothing", "type": "Directory"}}
    desired = {"manifest": manifest(spec={"volumes": [volume]})}
    for refused in pods(desired, {**desired, "check": True}):
        message = "manifest: spec.volumes[0].hostPath: /srv/nothing does not exist on the node"
        assert refused["msg"] == message
    assert listed(node) == []


def test_a_pod_that_fails_is_removed_and_its_last_log_lines_are_shown(node, pods, manifest):
    failed, impossible, late, former, replaced = pods(
        {
            "manifest": manifest("long-running", **shell("echo one; echo two >&2; exit 3")),
            "wait": "completed",
        },
        {"manifest": manifest("long-running", command=["/no/such/program"])},
        {"manifest": manifest("long-running"), "wait": "completed", "wait_timeout": 1},
        {"manifest": manifest()},
        {"manifest": manifest(command=["/no/such/program"])},
    )
    assert (failed["container"], failed["exit_code"], failed["reason"]) == ("hello-world", 3, "Error")
    assert sorted(failed["log"]) == ["one", "two"]
    assert "container hello-world exited with code 3 (Error). The pod was removed again." in failed["msg"]
    assert impossible["container"] == "hello-world"
    assert "/no/such/program" in impossible["msg"]
    assert "the pod was not completed in time: container hello-world is running" in late["msg"]
    assert "The pod was removed again; the previous pod had already been removed." in replaced["msg"]
    assert (failed["changed"], replaced["changed"]) == (False, True)
    assert listed(node) == []
    assert not has_logs(node, former)


def test_a_value_of_the_environment_is_only_in_the_container(node, pods, manifest):
    env = [{"name": "PASSWORD", "value": SECRET}, {"name": "URL", "value": "x://$(PASSWORD)@y"}]
    desired = [
        {
            "manifest": manifest(
                env=[*env, {"name": "CODE", "value": code}], **shell("echo $URL; exit $CODE")
            ),
            "wait": "completed",
        }
        for code in ("0", "1")
    ]
    since = node.check("date +%s").strip()
    fine, failed = pods(*desired, options=("-vvv", "--diff"))
    assert fine["containers"][0]["exit_code"] == 0
    assert failed["log"] == ["********"]
    assert SECRET not in pods.run.out + pods.run.err + json.dumps(pods.run.results)
    assert SECRET not in node.check(f"journalctl --no-pager -o cat --since @{since}")
    assert node.run(f"grep -rl {SECRET} /root/.ansible /tmp /run/ansible* /var/log 2>/dev/null").out == ""


def test_absent_removes_the_pod_and_its_logs_as_check_mode_predicted(node, pods, manifest):
    absent = {"manifest": manifest(), "state": "absent"}
    made, predicted, removed, again = pods(
        {"manifest": manifest("long-running")},
        {**absent, "check": True},
        absent,
        {"name": "hello-world", "namespace": "default", "state": "absent"},
    )
    assert predicted == removed
    assert (removed["changed"], [each["id"] for each in removed["removed"]]) == (True, [made["pod"]["id"]])
    assert again["changed"] is False
    assert listed(node) == []
    assert not has_logs(node, made)


def test_an_invalid_manifest_is_refused_without_a_remote_call(pods, manifest):
    wrong = manifest(livenessProbe={"exec": {}}, imagePullPolcy="Never", spec={"nodeName": "a"})
    (refused,) = pods({"manifest": wrong}, vars={"ansible_host": "nowhere.invalid"})
    assert refused["msg"].splitlines()[0] == "3 problems, and nothing was changed:"
    message = "- manifest: spec.containers[0].imagePullPolcy: is not a field of a Pod; did you mean imagePullPolicy?"
    assert message in refused["msg"].splitlines()


def test_a_pod_that_somebody_else_removed_leaves_no_lines_in_the_log_of_the_next_pod(node, pods, manifest):
    desired = {"manifest": manifest(), "wait": "completed"}
    pods(desired)
    node.remove_pods()
    (made,) = pods(desired)
    assert output_of(node, made) == ["Hello from a container"]


def test_a_kubelet_that_would_remove_the_pod_is_a_warning(node, pods, manifest):
    node.check("systemd-run --quiet --unit kubelet.service sleep 300")
    try:
        (made,) = pods({"manifest": manifest()})
        assert "the kubelet removes pods that it did not create" in made["warnings"][0]
    finally:
        node.check("systemctl stop kubelet.service")
