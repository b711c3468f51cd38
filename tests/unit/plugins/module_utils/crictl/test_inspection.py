# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the configuration of containers and pods is returned typed, with CRI's names, and without possible secrets."""

import json
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.crictl import inspection
from ansible_collections.cri.node.plugins.module_utils.crictl.fields import UnexpectedOutput

RECORDED = Path(__file__).parents[3] / "fixtures" / "crictl-1.37"
MAPPINGS = [{"hostId": 65536, "containerId": 0, "length": 65536}]
TYPED_MAPPINGS = [{"host_id": 65536, "container_id": 0, "length": 65536}]


def recorded(name):
    return json.loads((RECORDED / name).read_text())


def status(**fields):
    """Return the output of crictl inspect for a container with these fields."""
    return {"status": {"id": "c", **fields}}


class TestContainer:
    def test_a_recorded_container(self):
        (found,) = inspection.containers(recorded("inspect.json")).values()
        digest = "sha256:7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613"
        assert found["image"] == {
            "name": "172.17.0.1:5000/hello:1",
            "id": "c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c",
            "ref": f"172.17.0.1:5000/hello@{digest}",
            "digest": digest,
        }
        assert (found["labels"], found["annotations"], found["mounts"]) == ({}, {}, [])
        assert found["resources"] == {}
        assert found["user"] == {"uid": 0, "gid": 0, "supplemental_groups": [0]}
        assert found["stop_signal"] == "RUNTIME_DEFAULT"
        assert found["log_path"] == "/var/log/pods/hello/hello.log"

    @pytest.mark.parametrize("name", ["inspect.json", "inspect-exited.json", "inspect-created.json"])
    def test_no_value_of_the_environment_and_no_argument_is_returned(self, name):
        document = recorded(name)
        process = document["info"]["runtimeSpec"]["process"]
        process["env"].append("PASSWORD=hunter2")
        process["args"].append("--password=hunter2")
        document["status"]["annotations"] = {
            "kubectl.kubernetes.io/last-applied-configuration": '{"env": [{"value": "hunter2"}]}',
            "cri.node/config-sha256": "h",
        }
        (found,) = inspection.containers(document).values()
        assert found["annotations"] == {"cri.node/config-sha256": "h"}
        assert "hunter2" not in json.dumps(found)

    def test_a_field_that_an_older_crictl_does_not_print_is_absent(self):
        for missing in ({}, {"resources": None, "user": None, "mounts": None}):
            found = inspection.configuration(status(**missing))
            assert found == {"image": {}, "labels": {}, "annotations": {}, "mounts": []}

    @pytest.mark.parametrize(
        ("image", "digest"),
        [
            ({"imageRef": "a/b@sha256:12"}, "sha256:12"),
            ({"imageRef": "sha256:12", "image": {"image": "a/b@sha256:34"}}, "sha256:34"),
            ({"imageRef": "sha256:12", "imageId": "sha256:12", "image": {"image": "a/b:1"}}, None),
        ],
        ids=["in the reference", "in the name", "an ID is not a digest"],
    )
    def test_the_digest_comes_from_a_reference(self, image, digest):
        assert inspection.configuration(status(**image))["image"].get("digest") == digest

    def test_mounts(self):
        hosts = {
            "containerPath": "/etc/hosts",
            "hostPath": "/srv/hosts",
            "propagation": "PROPAGATION_PRIVATE",
        }
        image = {
            "containerPath": "/data",
            "hostPath": "",
            "readonly": True,
            "recursiveReadOnly": True,
            "selinuxRelabel": True,
            "propagation": "PROPAGATION_HOST_TO_CONTAINER",
            "uidMappings": MAPPINGS,
            "gidMappings": MAPPINGS,
            "image": {"image": "registry.example.com/data:1"},
            "imageSubPath": "models",
        }
        assert inspection.configuration(status(mounts=[hosts, image]))["mounts"] == [
            {
                "container_path": "/etc/hosts",
                "host_path": "/srv/hosts",
                "read_only": False,
                "selinux_relabel": False,
                "propagation": "private",
            },
            {
                "container_path": "/data",
                "read_only": True,
                "recursive_read_only": True,
                "selinux_relabel": True,
                "propagation": "host_to_container",
                "uid_mappings": TYPED_MAPPINGS,
                "gid_mappings": TYPED_MAPPINGS,
                "image": "registry.example.com/data:1",
                "image_sub_path": "models",
            },
        ]

    def test_a_propagation_that_crictl_does_not_know_is_unknown(self):
        (mount,) = inspection.configuration(status(mounts=[{"propagation": 7}]))["mounts"]
        assert mount["propagation"] == "unknown"

    def test_limits_are_integers_and_unset_ones_are_absent(self):
        resources = {
            "cpuPeriod": "100000",
            "cpuQuota": "-1",
            "cpuShares": "0",
            "memoryLimitInBytes": "134217728",
            "oomScoreAdj": "-998",
            "cpusetCpus": "0-3",
            "cpusetMems": "",
            "hugepageLimits": [{"pageSize": "2MB", "limit": "4194304"}],
            "unified": {"memory.high": "120795955"},
        }
        assert inspection.configuration(status(resources={"linux": resources}))["resources"] == {
            "cpu_period": 100000,
            "cpu_quota": -1,
            "memory_limit_in_bytes": 134217728,
            "oom_score_adj": -998,
            "cpuset_cpus": "0-3",
            "hugepage_limits": [{"page_size": "2MB", "limit": 4194304}],
            "unified": {"memory.high": "120795955"},
        }

    @pytest.mark.parametrize(
        ("reported", "of_the_image", "signal"),
        [
            ("SIGTERM", None, "SIGTERM"),
            ("RUNTIME_DEFAULT", "SIGQUIT", "SIGQUIT"),
            (None, "SIGQUIT", "SIGQUIT"),
            ("RUNTIME_DEFAULT", None, "RUNTIME_DEFAULT"),
            (99, None, "unknown"),
            (None, None, None),
        ],
    )
    def test_the_stop_signal_comes_from_the_status_or_from_cri_os_annotation(
        self, reported, of_the_image, signal
    ):
        document = status(stopSignal=reported)
        if of_the_image:
            annotations = {"org.opencontainers.image.stopSignal": of_the_image}
            document["info"] = {"runtimeSpec": {"annotations": annotations}}
        assert inspection.configuration(document).get("stop_signal") == signal

    @pytest.mark.parametrize(
        "fields",
        [
            {"mounts": {}},
            {"mounts": [1]},
            {"mounts": [{"readonly": "yes"}]},
            {"mounts": [{"hostPath": "a\0b"}]},
            {"resources": {"linux": {"cpuQuota": 1.5}}},
            {"user": {"linux": {"supplementalGroups": ["x"]}}},
            {"annotations": {"a": 1}},
            {"stopSignal": []},
        ],
        ids=str,
    )
    def test_a_field_of_another_type_is_refused(self, fields):
        with pytest.raises(UnexpectedOutput):
            inspection.containers(status(**fields))


class TestPod:
    def test_a_recorded_pod(self):
        found = next(iter(inspection.pods(recorded("inspectp.json")).values()))
        assert found == {"namespaces": {"network": "pod", "pid": "pod", "ipc": "pod"}}

    def test_modes_and_the_user_namespace(self):
        options = {
            "network": "NODE",
            "pid": "TARGET",
            "ipc": 9,
            "targetId": "c",
            "usernsOptions": {"mode": "POD", "uids": MAPPINGS, "gids": []},
        }
        pod = {"status": {"id": "p", "linux": {"namespaces": {"options": options}}}}
        assert inspection.pods([pod])["p"]["namespaces"] == {
            "network": "node",
            "pid": "target",
            "ipc": "unknown",
            "target_id": "c",
            "user": {"mode": "pod", "uid_mappings": TYPED_MAPPINGS},
        }

    @pytest.mark.parametrize("linux", [None, {}, {"namespaces": None}, {"namespaces": {"options": None}}])
    def test_namespaces_that_are_not_reported_are_absent(self, linux):
        assert inspection.pods({"status": {"id": "p", "linux": linux}}) == {"p": {}}
