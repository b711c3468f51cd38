# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the crictl modules with a crictl that replays recorded answers."""

import contextlib
import importlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.cri.node.plugins.doc_fragments import attributes
from ansible_collections.cri.node.plugins.doc_fragments import crictl as crictl_fragment
from ansible_collections.cri.node.plugins.module_utils.crictl.start import OPTIONS

FIXTURES = Path(__file__).parents[2] / "fixtures"
FAKE = FIXTURES / "crictl-fake"
RECORDED = FIXTURES / "crictl-1.37"
PATH = os.pathsep.join([str(FAKE), os.path.dirname(sys.executable), os.environ["PATH"]])
NAMES = ("crictl_info_facts", "crictl_ps_facts", "crictl_logs_facts", "crictl_images_facts")
TYPES = {"str": str, "int": int, "bool": bool, "dict": dict, "list": list}
HELLO = "5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625"


class Node:
    """The environment of a module: a socket, a crictl and its answers, log files."""

    def __init__(self, folder, socket_path):
        self.folder, self.socket_path = folder, socket_path
        self.listed = []
        for command in ("inspect", "inspectp"):
            (folder / command).mkdir(parents=True)
        recorded = "info.json pods.json version.txt runtime-config.txt images.json imagefsinfo.json"
        for name in recorded.split():
            shutil.copy(RECORDED / name, folder)
        self.add(name="hello-world", pod="hello-pod", identity=HELLO, attempt=1)

    def add(self, name, pod, identity, attempt=0, state="running", namespace="default", log=None, **labels):
        labels |= {"io.kubernetes.pod.name": pod, "io.kubernetes.pod.namespace": namespace}
        path = self.folder / pod / name / f"{attempt}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        container = {
            "id": identity,
            "podSandboxId": f"sandbox-{pod}",
            "metadata": {"name": name, "attempt": attempt},
            "image": {"image": f"registry.example.com/{name}:1"},
            "imageRef": "sha256:abc",
            "state": f"CONTAINER_{state.upper()}",
            "createdAt": str(1_795_478_051_977_943_215 + len(self.listed)),
            "labels": labels,
            "annotations": {},
        }
        recorded = json.loads(
            (RECORDED / ("inspect.json" if state == "running" else "inspect-exited.json")).read_text()
        )
        recorded["status"] |= {key: container[key] for key in ("id", "metadata", "labels", "state")}
        recorded["status"] |= {"logPath": str(path)}
        sandbox = json.loads((RECORDED / "inspectp.json").read_text())
        sandbox["status"]["id"] = f"sandbox-{pod}"
        (self.folder / "inspectp" / f"sandbox-{pod}.json").write_text(json.dumps(sandbox))
        listed_pods = json.loads((self.folder / "pods.json").read_text())
        listed_pods["items"].append(
            {"id": f"sandbox-{pod}", "metadata": {"name": pod, "namespace": namespace}}
        )
        (self.folder / "pods.json").write_text(json.dumps(listed_pods))
        (self.folder / "inspect" / f"{identity}.json").write_text(json.dumps(recorded))
        self.listed.append(container)
        (self.folder / "ps.json").write_text(json.dumps({"containers": self.listed}))
        self.write_log(path, *(log if log is not None else [f"{name} says hello"]))
        return path

    def write_log(self, path, *texts, stream="stdout"):
        path.write_text(
            "".join(
                f"2026-01-01T00:00:{number:02d}Z {stream} F {text}\n" for number, text in enumerate(texts)
            )
        )

    def calls(self):
        return [
            json.loads(line)["arguments"][8]
            for line in (self.folder / "calls.jsonl").read_text().splitlines()
        ]

    def run(self, module, path=PATH, **options):
        """Return the module's result. It runs in this process, because starting another Python would take most of the time."""
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"endpoint": self.socket_path, **options}}).encode()
        main = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{module}").main
        printed = io.StringIO()
        with (
            mock.patch.multiple(basic, _ANSIBLE_ARGS=arguments, _ANSIBLE_PROFILE="legacy", create=True),
            mock.patch.dict(os.environ, PATH=path, FAKE_CRICTL=str(self.folder)),
            contextlib.redirect_stdout(printed),
            pytest.raises(SystemExit),
        ):
            main()
        result = json.loads(printed.getvalue())
        result.pop("invocation", None)
        return result

    def info(self, **options):
        return self.run("crictl_info_facts", **options)["ansible_facts"]["crictl_info"]

    def ps(self, **options):
        result = self.run("crictl_ps_facts", **options)
        assert result["changed"] is False
        return result["ansible_facts"]["crictl_ps"]["containers"]

    def images(self, **options):
        result = self.run("crictl_images_facts", **options)
        assert result["changed"] is False
        return result["ansible_facts"]["crictl_images"]

    def add_image(self, identity, *tags, **more):
        listed = json.loads((self.folder / "images.json").read_text())
        listed["images"].append({"id": identity, "repoTags": list(tags), "repoDigests": [], **more})
        (self.folder / "images.json").write_text(json.dumps(listed))

    def logs(self, **options):
        return self.run("crictl_logs_facts", **options)["ansible_facts"]["crictl_logs"]


@pytest.fixture
def node(tmp_path):
    path = str(tmp_path / "cri.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(100)
        yield Node(tmp_path / "node", path)


class TestInfo:
    def test_returns_the_runtime(self, node):
        facts = node.info()
        assert facts["version"] == {"runtime_name": "cri-o", "runtime_version": "1.37.0", "api_version": "v1"}
        assert (facts["runtime_ready"], facts["network_ready"], facts["cgroup_driver"]) == (
            True,
            True,
            "cgroupfs",
        )
        assert facts["endpoint"] == f"unix://{node.socket_path}"
        assert sorted(node.calls()) == ["info", "version"]

    def test_a_runtime_that_is_not_ready_is_not_an_error(self, node):
        shutil.copy(RECORDED / "info-network-notready.json", node.folder / "info.json")
        assert node.info(timeout=1)["network_ready"] is False

    def test_the_cgroup_driver_of_another_runtime_is_requested(self, node):
        (node.folder / "version.txt").write_text("RuntimeName:  containerd\nRuntimeVersion:  v2.1.4\n")
        shutil.copy(RECORDED / "info-quiet.json", node.folder / "info.json")
        facts = node.info()
        assert facts["cgroup_driver"] == "cgroupfs"
        assert facts["version"] == {"runtime_name": "containerd", "runtime_version": "v2.1.4"}

    def test_a_runtime_that_does_not_report_its_cgroup_driver(self, node):
        (node.folder / "version.txt").write_text("RuntimeName:  isulad\n")
        (node.folder / "runtime-config.txt").unlink()
        shutil.copy(RECORDED / "info-quiet.json", node.folder / "info.json")
        assert "cgroup_driver" not in node.info()


class TestPs:
    @pytest.fixture
    def busy(self, node):
        node.add("web", "shop-1", "aa" * 32, namespace="shop", tier="a=b", enabled="true")
        node.add("web", "shop-2", "ab" * 32, namespace="shop", state="exited", tier="c")
        node.add("init", "shop-2", "bb" * 32, namespace="shop", state="created")
        return node

    def ids(self, containers):
        return [item["id"][:2] for item in containers]

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ({}, ["aa", "5b"]),
            ({"states": []}, ["bb", "ab", "aa", "5b"]),
            ({"states": ["exited", "created"]}, ["bb", "ab"]),
            ({"states": "running,exited", "name": "web"}, ["ab", "aa"]),
            ({"states": [], "id": ["a", "bb"]}, ["bb", "ab", "aa"]),
            ({"states": [], "pod": "shop-*", "name": ["init"]}, ["bb"]),
            ({"states": [], "pod": "sandbox-shop-2"}, ["bb", "ab"]),
            ({"states": [], "namespace": ["default", "other"]}, ["5b"]),
            ({"labels": {"tier": "a=b"}}, ["aa"]),
            ({"labels": {"tier": None, "enabled": True}}, ["aa"]),
            ({"states": [], "image": "registry.example.com/web:*"}, ["ab", "aa"]),
            ({"image": "nothing"}, []),
        ],
        ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
    )
    def test_filters(self, busy, options, ids):
        assert self.ids(busy.ps(**options)) == ids

    def test_details_take_one_call_for_containers_and_one_for_pods(self, busy):
        by_id = {item["id"][:2]: item for item in busy.ps(states=[], details=True)}
        assert busy.calls()[0] == "ps"
        assert sorted(busy.calls()[1:]) == ["inspect", "inspectp"]
        assert by_id["aa"]["pod"]["namespaces"] == {"network": "pod", "pid": "pod", "ipc": "pod"}
        assert by_id["aa"]["user"] == {"uid": 0, "gid": 0, "supplemental_groups": [0]}
        assert (by_id["ab"]["exit_code"], by_id["ab"]["reason"]) == (7, "Error")
        assert "exit_code" not in by_id["aa"]
        assert by_id["aa"]["log_path"].endswith("/shop-1/web/0.log")
        assert by_id["aa"]["pod"]["namespace"] == "shop"

    def test_a_container_that_has_since_vanished_is_not_listed(self, busy):
        (busy.folder / "inspect" / f"{'aa' * 32}.json").unlink()
        assert self.ids(busy.ps(details=True)) == ["5b"]

    def test_a_pod_that_has_since_vanished_has_no_namespaces(self, busy):
        (busy.folder / "inspectp" / "sandbox-shop-1.json").unlink()
        pods = {item["id"][:2]: item["pod"] for item in busy.ps(details=True)}
        assert ("namespaces" in pods["aa"], "namespaces" in pods["5b"]) == (False, True)

    def test_details_contain_no_value_of_the_environment(self, busy):
        path = busy.folder / "inspect" / f"{HELLO}.json"
        inspected = json.loads(path.read_text())
        inspected["info"]["runtimeSpec"]["process"]["env"].append("PASSWORD=hunter2")
        path.write_text(json.dumps(inspected))
        assert "hunter2" not in json.dumps(busy.run("crictl_ps_facts", states=[], details=True))

    def test_a_container_that_has_since_ended_is_listed_as_ended(self, busy):
        path = busy.folder / "inspect" / f"{'aa' * 32}.json"
        path.write_text(path.read_text().replace("CONTAINER_RUNNING", "CONTAINER_EXITED"))
        assert self.ids(busy.ps(details=True)) == ["5b"]
        assert "aa" in self.ids(busy.ps(states=["running", "exited"], details=True))

    def test_300_containers(self, node):
        for number in range(300):
            node.add(f"c{number}", "big", f"{number:064x}")
        assert len(node.ps(details=True)) == 301
        assert len(node.calls()) == 9


class TestLogs:
    def test_a_container_by_id_or_name(self, node):
        for options in (
            {"id": HELLO},
            {"id": HELLO[:12]},
            {"name": "hello-world"},
            {"name": "hello-world", "pod": "hello-pod"},
        ):
            logs = node.logs(**options)
            assert logs["entries"] == [
                {
                    "time": "2026-01-01T00:00:00.000000000Z",
                    "stream": "stdout",
                    "text": "hello-world says hello",
                }
            ]
            assert logs["containers"][0]["id"] == HELLO
            assert logs["containers"][0]["files"] == [str(node.folder / "hello-pod/hello-world/1.log")]

    def test_a_full_id_is_looked_up_directly(self, node):
        node.logs(id=HELLO)
        assert node.calls() == ["inspect"]

    def test_text(self, node):
        logs = node.logs(id=HELLO, format="text")
        assert logs["text"] == "hello-world says hello\n"
        assert "entries" not in logs

    def test_without_as_facts_the_result_has_no_facts(self, node):
        result = node.run("crictl_logs_facts", id=HELLO, as_facts=False)
        assert "ansible_facts" not in result
        assert result["crictl_logs"]["lines"] == 1

    def test_logs_of_a_pod_are_merged_by_time(self, node):
        path = node.add("one", "many", "11" * 32)
        path.write_text("2026-01-01T00:00:01Z stdout F a\n2026-01-01T00:00:03Z stdout F c\n")
        path = node.add("two", "many", "22" * 32)
        path.write_text("2026-01-01T00:00:02Z stderr F b\n")
        logs = node.logs(pod="many")
        assert [(entry["text"], entry["container"]) for entry in logs["entries"]] == [
            ("a", "one"),
            ("b", "two"),
            ("c", "one"),
        ]

    def test_the_newest_attempt_and_the_one_before(self, node):
        node.add("web", "shop", "11" * 32, attempt=0, state="exited", log=["first"])
        node.add("web", "shop", "22" * 32, attempt=1, state="exited", log=["second"])
        node.add("web", "shop", "33" * 32, attempt=2, log=["third"])
        assert node.logs(name="web", format="text")["text"] == "third\n"
        assert node.logs(name="web", previous=True, format="text")["text"] == "second\n"
        assert node.logs(id="22" * 32, previous=True, format="text")["text"] == "first\n"

    def test_a_previous_attempt_of_which_only_the_log_is_left(self, node):
        path = node.folder / "hello-pod" / "hello-world" / "0.log"
        node.write_log(path, "crashed")
        logs = node.logs(name="hello-world", previous=True)
        assert [entry["text"] for entry in logs["entries"]] == ["crashed"]
        assert logs["containers"] == [
            {
                "name": "hello-world",
                "attempt": 0,
                "pod": {"id": "sandbox-hello-pod", "name": "hello-pod", "namespace": "default"},
                "files": [str(path)],
            }
        ]

    def test_options_select_entries(self, node):
        path = node.add("web", "shop", "11" * 32, log=[f"line {number}" for number in range(50)])
        with open(path, "ab") as file:
            file.write(b"2026-01-01T00:01:00Z stderr F bad \xff byte\nno log line\n")
        logs = node.logs(name="web", tail=2)
        assert [entry["text"] for entry in logs["entries"]] == ["line 49", "bad \ufffd byte"]
        assert (logs["truncated"], logs["undecodable"], logs["malformed"], logs["lines"]) == (True, 1, 1, 2)
        logs = node.logs(
            name="web",
            stream="stdout",
            pattern="[13]$",
            since="2026-01-01T00:00:20Z",
            until="2026-01-01T00:00:33Z",
        )
        assert [entry["text"] for entry in logs["entries"]] == ["line 21", "line 23", "line 31", "line 33"]
        assert node.logs(name="web", since="1m")["lines"] == 0
        assert node.logs(name="web", max_bytes=21)["lines"] == 2

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "one of the following is required: id, name, pod"),
            ({"id": "5b", "name": "x"}, "mutually exclusive"),
            ({"id": "ff"}, "there is no container with ID ff"),
            ({"id": "ff" * 32}, f"there is no container with ID {'ff' * 32}"),
            ({"name": "x", "namespace": "default"}, "there is no container with name x, namespace default"),
            ({"name": "hello-world", "since": "soon"}, "since: 'soon' is neither a duration"),
            ({"name": "hello-world", "pattern": "("}, "pattern: '(' is not a regular expression"),
            ({"name": "hello-world", "tail": 0}, "tail is 0; it must be at least 1"),
            (
                {"name": "twice"},
                "2 match name twice: default/a, default/b; specify one by id, pod or namespace",
            ),
            ({"name": "only", "previous": True}, "there is no previous attempt"),
            ({"name": "hello-world", "previous": True}, "hello-world/0.log does not exist"),
        ],
        ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
    )
    def test_an_invalid_selection_is_one_clear_error(self, node, options, message):
        node.add("twice", "a", "11" * 32)
        node.add("twice", "b", "22" * 32)
        node.add("only", "c", "33" * 32)
        result = node.run("crictl_logs_facts", **options)
        assert result["failed"]
        assert message in result["msg"]
        assert "\n" not in result["msg"]

    def test_the_name_of_a_pod_that_contains_a_password_is_masked_in_a_message(self, node):
        node.add("twice", "a", "11" * 32)
        node.add("twice", "user:hunter2@host", "22" * 32)
        message = node.run("crictl_logs_facts", name="twice")["msg"]
        assert "default/a" in message
        assert "hunter2" not in message


HELLO_IMAGE = "c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c"


class TestImages:
    def ids(self, node, **options):
        return [image["id"][:2] for image in node.images(**options)["images"]]

    def test_returns_the_images_as_typed_data(self, node):
        facts = node.images()
        assert facts["endpoint"] == f"unix://{node.socket_path}"
        assert facts["images"][0] == {
            "id": HELLO_IMAGE,
            "tags": ["172.17.0.1:5000/hello:1"],
            "digests": [
                "172.17.0.1:5000/hello@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613"
            ],
            "size": 1988575,
            "pinned": False,
            "containers": [],
        }
        assert [each["pinned"] for each in facts["images"]] == [False, True]
        assert sorted(node.calls()) == ["imagefsinfo", "images", "ps"]

    def test_returns_the_space_that_the_runtime_counts(self, node):
        (file_system,) = node.images()["file_systems"]["images"]
        assert (file_system["used_bytes"], file_system["inodes_used"]) == (18675, 11)
        assert file_system["measured_at"] == "2026-11-23T23:57:26.605891114Z"

    def test_returns_the_space_that_is_left_where_the_images_are(self, node):
        recorded = json.loads((RECORDED / "imagefsinfo.json").read_text())
        recorded["status"]["imageFilesystems"][0]["fsId"]["mountpoint"] = str(node.folder)
        (node.folder / "imagefsinfo.json").write_text(json.dumps(recorded))
        (file_system,) = node.images()["file_systems"]["images"]
        assert 0 <= file_system["available_bytes"] <= file_system["size_bytes"]
        assert file_system["size_bytes"] == shutil.disk_usage(node.folder).total

    def test_a_crictl_before_1_29_does_not_report_the_space_of_containers(self, node):
        recorded = json.loads((RECORDED / "imagefsinfo.json").read_text())
        del recorded["status"]["containerFilesystems"]
        (node.folder / "imagefsinfo.json").write_text(json.dumps(recorded))
        assert node.images()["file_systems"]["containers"] == []

    def test_a_container_uses_the_image_of_its_id_whatever_its_name_says(self, node):
        node.listed[0].update(image={"image": "172.17.0.1:5000/pause:1"}, imageId=HELLO_IMAGE)
        node.add("web", "shop", "11" * 32, state="exited")
        images = node.images()["images"]
        (user,) = images[0]["containers"]
        assert (user["id"], user["name"], user["state"]) == (HELLO, "hello-world", "running")
        assert (user["pod"]["name"], user["pod"]["namespace"]) == ("hello-pod", "default")
        assert images[1]["containers"] == []

    @pytest.mark.parametrize(
        "named",
        [
            {"imageRef": "172.17.0.1:5000/hello@sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613"},
            {"imageRef": HELLO_IMAGE},
            {"imageRef": f"sha256:{HELLO_IMAGE}"},
            {"image": {"image": "172.17.0.1:5000/hello:1"}},
            {"image": {"image": HELLO_IMAGE}},
        ],
        ids=["digest", "an ID as reference", "an ID of containerd", "name", "created by ID"],
    )  # fmt: skip
    def test_a_container_of_an_older_crictl_uses_the_image_that_it_names(self, node, named):
        node.listed[0].update({"imageRef": "", **named})
        node.add("web", "shop", "11" * 32)
        users = {image["id"]: image["containers"] for image in node.images()["images"]}
        assert [user["id"] for user in users[HELLO_IMAGE]] == [HELLO]

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ({}, ["c3", "f4", "sh"]),
            ({"id": ["c3", "f"]}, ["c3", "f4"]),
            ({"id": "ab"}, ["sh"]),
            ({"id": "sha256:ab"}, ["sh"]),
            ({"name": "*/pause:*"}, ["f4"]),
            ({"name": ["docker.io/*", "*@sha256:7f75*"]}, ["c3", "sh"]),
            ({"pinned": True}, ["f4"]),
            ({"pinned": False}, ["c3", "sh"]),
            ({"in_use": True}, ["sh"]),
            ({"in_use": False, "pinned": False}, ["c3"]),
        ],
        ids=json.dumps,
    )
    def test_filters(self, node, options, ids):
        node.add_image(f"sha256:{'ab' * 32}", "docker.io/library/web:1", size="5")
        node.listed[0]["image"] = {"image": "docker.io/library/web:1"}
        node.add("init", "shop", "11" * 32)
        assert self.ids(node, **options) == ids

    def test_the_user_of_an_image_is_a_number_or_a_name(self, node):
        node.add_image("a" * 64, "x:1", uid={"value": "0"}, username="")
        node.add_image("b" * 64, "y:1", uid=None, username="nginx")
        node.add_image("d" * 64, "z:1", size="0")
        x, y, z = node.images(name=["[xyz]:1"])["images"]
        assert (x["uid"], "username" in x) == (0, False)
        assert (y["username"], "uid" in y) == ("nginx", False)
        assert "size" not in z

    def test_an_id_that_looks_like_an_option_is_refused(self, node):
        node.add_image("--all", "x:1")
        assert node.run("crictl_images_facts")["kind"] == "unexpected"


class TestHostileNode:
    @pytest.mark.parametrize("module", NAMES)
    @pytest.mark.parametrize(
        ("script", "kind"),
        [
            ("printf 'NAME:\\n   crictl - client for CRI\\n'", "not_json"),
            ("printf '\\377\\376\\000'", "not_json"),
            ("echo '[]'", "unexpected"),
            ('echo \'{"status": 1, "containers": 1}\'', "unexpected"),
            ("echo 'FATA[0000] rpc error: code = DeadlineExceeded' >&2; exit 1", "timeout"),
            ("sleep 60", "timeout"),
        ],
        ids=["help", "bytes", "a list", "other types", "deadline", "silence"],
    )
    def test_is_one_clear_error(self, node, module, script, kind):
        (node.folder / "script").write_text(script)
        result = node.run(module, timeout=1, **({"id": "x"} if module == "crictl_logs_facts" else {}))
        assert result["failed"]
        assert "\n" not in result["msg"]
        assert result["kind"] in (kind, "failed" if kind == "not_json" else kind)

    @pytest.mark.parametrize("module", NAMES)
    def test_a_missing_crictl_or_socket_is_named(self, node, module):
        options = {"id": "x"} if module == "crictl_logs_facts" else {}
        if not any(
            os.path.exists(f"{folder}/crictl") for folder in ("/usr/bin", "/usr/local/bin", "/opt/bin")
        ):
            result = node.run(module, path="/nowhere", **options)
            assert (result["kind"], result["failed"]) == ("missing", True)
        result = node.run(module, endpoint="/nowhere.sock", **options)
        assert (result["kind"], result["failed"]) == ("unreachable", True)


def documentation(name):
    module = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{name}")
    return (
        module,
        yaml.safe_load(module.DOCUMENTATION),
        yaml.safe_load(module.EXAMPLES),
        yaml.safe_load(module.RETURN),
    )


def undocumented(value, specification, path):
    """Return differences between a returned value and RETURN as sentences."""
    if not isinstance(value, TYPES[specification["type"]]) or (
        specification["type"] == "int" and isinstance(value, bool)
    ):
        yield f"{path} is {type(value).__name__}, not {specification['type']}"
    elif isinstance(value, list):
        for item in value:
            yield from undocumented(item, {**specification, "type": specification["elements"]}, f"{path}[]")
    elif isinstance(value, dict) and "contains" in specification:
        contains = specification["contains"]
        yield from (f"{path}.{key} is not documented" for key in value.keys() - contains.keys())
        for key, each in contains.items():
            if key in value:
                yield from undocumented(value[key], each, f"{path}.{key}")
            elif each["returned"] == "success":
                yield f"{path}.{key} is missing"


class TestDocumentation:
    @pytest.mark.parametrize("name", NAMES)
    def test_returned_values_are_documented(self, node, name):
        node.listed[0]["imageId"] = HELLO_IMAGE
        node.add("web", "shop", "11" * 32, state="exited", log=["x" * 100])
        runs = {
            "crictl_info_facts": [{}],
            "crictl_ps_facts": [{}, {"states": [], "details": True}],
            "crictl_images_facts": [{}],
            "crictl_logs_facts": [
                {"pod": "shop"},
                {"name": "web", "format": "text"},
                {"name": "web", "max_bytes": 10},
                {"name": "web", "as_facts": False},
            ],
        }[name]
        _module, _documentation, _examples, documented = documentation(name)
        for options in runs:
            result = node.run(name, **options)
            assert result.pop("changed") is False
            if "kind" in result or name == "crictl_logs_facts":
                documented = {key: {**value, "returned": "sometimes"} for key, value in documented.items()}
            whole = {
                "type": "dict",
                "contains": {**documented, "kind": {**documented["kind"], "returned": "failure"}},
            }
            assert list(undocumented(result, whole, name)) == []

    @pytest.mark.parametrize("name", NAMES)
    def test_every_documented_fact_can_be_returned(self, node, name):
        """Keys that are missing in all recorded answers are listed here."""
        never = {"uid", "requested", "id", "message", "cut"}
        # Those of the configuration are shown in module_utils/crictl/test_inspection.py.
        never |= {
            "target_id",
            "user",
            "mode",
            "uid_mappings",
            "gid_mappings",
            "host_id",
            "container_id",
            "length",
        }
        never |= set(
            "image_sub_path unified hugepage_limits page_size limit oom_score_adj recursive_read_only".split()
        )
        never |= set("cpu_period cpu_quota cpu_shares cpuset_cpus cpuset_mems".split())
        never |= {"memory_limit_in_bytes", "memory_swap_limit_in_bytes"}
        never |= {"container_path", "host_path", "read_only", "selinux_relabel", "propagation"}
        _module, _documentation, _examples, documented = documentation(name)
        node.add_image("a" * 64, "x:1", username="nginx")
        node.listed[0]["imageId"] = HELLO_IMAGE
        recorded = (node.folder / "imagefsinfo.json").read_text()
        recorded = recorded.replace("/var/lib/containers/storage/overlay-images", str(node.folder))
        (node.folder / "imagefsinfo.json").write_text(recorded)
        path = node.add("web", "shop", "11" * 32, state="exited", log=["x" * 100])
        facts = {
            "crictl_info_facts": lambda: [node.info()],
            "crictl_ps_facts": lambda: [node.ps(states=[], details=True), {"endpoint": 0, "containers": 0}],
            "crictl_images_facts": lambda: [node.images(), {"endpoint": 0}],
            "crictl_logs_facts": lambda: [
                node.logs(pod="shop"),
                node.logs(name="web", format="text"),
                {"id": path},
            ],
        }[name]()

        def keys(value):
            if isinstance(value, dict):
                return set(value).union(*(keys(each) for each in value.values()))
            return set().union(*(keys(each) for each in value)) if isinstance(value, list) else set()

        def documented_keys(contains):
            return set(contains).union(
                *(documented_keys(each.get("contains", {})) for each in contains.values())
            )

        key = f"{name.removesuffix('_facts')}"
        expected = documented_keys(documented["ansible_facts"]["contains"][key]["contains"])
        assert expected - keys(facts) <= never

    @pytest.mark.parametrize("name", NAMES)
    def test_options_are_documented_as_declared(self, name, monkeypatch):
        module, documented, _examples, _return = documentation(name)
        declared = {}

        class Declared(Exception):
            pass

        def declare(argument_spec, supports_check_mode, **_more):
            declared.update(argument_spec)
            assert supports_check_mode is True
            raise Declared

        monkeypatch.setattr(module, "AnsibleModule", declare)
        with pytest.raises(Declared):
            module.main()
        shared = yaml.safe_load(crictl_fragment.ModuleDocFragment.DOCUMENTATION)["options"]
        options = {**shared, **documented.get("options", {})}
        for option in options.values():
            option.pop("description")
        assert options == declared
        assert OPTIONS.keys() == shared.keys()

    def test_all_modules_share_their_attributes(self):
        shared = yaml.safe_load(attributes.ModuleDocFragment.DOCUMENTATION)["attributes"]
        assert sorted(shared) == ["action_group", "check_mode", "diff_mode", "platform"]
        for name in NAMES:
            assert "cri.node.attributes" in documentation(name)[1]["extends_documentation_fragment"]

    @pytest.mark.parametrize("name", NAMES)
    def test_examples_run(self, node, name):
        path = node.add("web", "web-1", "11" * 32, state="exited", namespace="kube-system")
        node.write_log(node.folder / "hello-pod" / "hello-world" / "0.log", "crashed")
        assert path.exists()
        tasks = [task for task in documentation(name)[2] if f"cri.node.{name}" in task]
        assert tasks
        for task in tasks:
            assert task["become"] is True
            options = {**(task[f"cri.node.{name}"] or {}), "endpoint": node.socket_path}
            assert "failed" not in node.run(name, **options)

    @pytest.mark.parametrize("name", NAMES)
    def test_ansible_doc_renders_them(self, name):
        command = [
            shutil.which("ansible-doc") or str(Path(sys.executable).with_name("ansible-doc")),
            "-t",
            "module",
            "-j",
        ]
        done = subprocess.run(
            [*command, f"cri.node.{name}"], capture_output=True, text=True, timeout=60, check=True
        )
        plugin = json.loads(done.stdout)[f"cri.node.{name}"]
        assert plugin["doc"]["attributes"]["check_mode"]["support"] == "full"
        assert plugin["doc"]["attributes"]["action_group"]["membership"] == ["cri.node.cri"]
        assert plugin["return"]["ansible_facts"]


ALWAYS = {"crictl", "crictl.start", "crictl.call", "crictl.fields", "crictl.times", "errors", "node_host"}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("runtime_facts", {"crictl.info", "text"}),
        ("container_facts", {"crictl.queries", "crictl.container_output"}),
        (
            "image_facts",
            {"crictl.queries", "crictl.container_output", "crictl.image_output", "crictl.image_use"},
        ),
        (
            "log_facts",
            {"crictl.container_details", "crictl.log", "crictl.log_files", "crictl.log_selection", "text"},
        ),
    ],
)
def test_only_what_most_runs_need_is_loaded_at_once(name, more):
    """Each further module would be compiled in each run, which takes longer than the call of crictl."""
    package = "ansible_collections.cri.node.plugins.module_utils"
    code = (
        "import sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        f"import {package}.crictl.{name}\n"
        f"print(*[each for each in sys.modules if each.startswith('{package}.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {each.removeprefix(f"{package}.") for each in run.stdout.split()}
    assert loaded == {*ALWAYS, f"crictl.{name}", *more}
