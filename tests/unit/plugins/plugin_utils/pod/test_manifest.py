# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a Pod manifest is converted like in a kubelet, or refused field by field."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.modules import crictl_pod
from ansible_collections.cri.node.plugins.plugin_utils.pod import fields as pod_fields
from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest as pod_manifest
from ansible_collections.cri.node.plugins.plugin_utils.pod import security

GOLDEN = Path(__file__).parents[3] / "fixtures" / "pod-manifest"


def manifest(*containers, name="web", **spec):
    """Return a manifest of these containers (one by default), each completed with a name and an image."""
    full = [
        {"name": f"c{index}", "image": "example.com/app:1", **container}
        for index, container in enumerate(containers or ({},))
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": full, **spec},
    }


def converted(*containers, **spec):
    pod, problems = pod_manifest.convert(manifest(*containers, **spec), node="node-1")
    assert problems == []
    return pod


def refused(*containers, **spec):
    """Return the problems as sentences, without the variable."""
    _pod, problems = pod_manifest.convert(manifest(*containers, **spec))
    return [str(problem).removeprefix("manifest: ") for problem in problems]


def config(container, **spec):
    return converted(container, **spec)["containers"][0]["config"]


class TestGolden:
    """Complete conversions: each NAME.yml has a NAME.json."""

    @pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yml")), ids=lambda path: path.stem)
    def test_conversion(self, path):
        pod, problems = pod_manifest.convert(yaml.safe_load(path.read_text()), node="node-1")
        assert problems == []
        assert pod == json.loads(path.with_suffix(".json").read_text())

    def test_golden_files_exist(self):
        assert len(list(GOLDEN.glob("*.yml"))) >= 2

    def test_the_examples_of_the_documentation_are_valid(self):
        tasks = [
            task["cri.node.crictl_pod"]
            for task in yaml.safe_load(crictl_pod.EXAMPLES)
            if "cri.node.crictl_pod" in task
        ]
        written = [task["manifest"] for task in tasks if isinstance(task.get("manifest"), dict)]
        assert written
        for each in written:
            assert pod_manifest.convert(each)[1] == []


class TestRefusal:
    @pytest.mark.parametrize(
        ("container", "problem"),
        [
            ({"livenessProbe": {"exec": {}}}, "spec.containers[0].livenessProbe: is handled by a kubelet"),
            ({"lifecycle": {"preStop": {}}}, "spec.containers[0].lifecycle: is handled by a kubelet"),
            ({"envFrom": [{"secretRef": {"name": "a"}}]}, "spec.containers[0].envFrom: requires a Kubernetes API server"),
            ({"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]}, "spec.containers[0].env[0].valueFrom: requires"),
            ({"env": [{"name": "A=B"}]}, "spec.containers[0].env[0].name = A=B: is not valid"),
            ({"env": [{"name": "A"}, {"name": "A"}]}, "spec.containers[0].env[1].name = A: is used twice"),
            ({"imagePullPolcy": "Never"}, "is not a field of a Pod; did you mean imagePullPolicy?"),
            ({"imagepullpolicy": "Never"}, "is not a field of a Pod; did you mean imagePullPolicy?"),
            ({"imagePullPolicy": "never"}, "imagePullPolicy = never: is not supported; accepted: Always, IfNotPresent, Never"),
            ({"image": None}, "spec.containers[0].image: is missing"),
            ({"image": "--help"}, "image = --help: is not an image name: invalid reference format; accepted: a name with or"),
            ({"image": "a.example.com/App:1"}, "a.example.com/App:1: is not an image name: repository name must be lowercase"),
            ({"image": ""}, "image = : is not an image name: repository name must have at least one component"),
            ({"image": "https://a.example.com/b"}, "is not an image name: invalid reference format"),
            ({"name": "A_b"}, "spec.containers[0].name = A_b: is not valid; accepted: at most 63 lowercase letters"),
            ({"command": "sh"}, "spec.containers[0].command: is a string, not a list"),
            ({"args": [True]}, "spec.containers[0].args[0]: is a boolean, not a string: put it in quotes"),
            ({"tty": "yes"}, "spec.containers[0].tty: is a string, not a boolean"),
            ({"resources": {"limits": {"cpu": "a lot"}}}, "resources.limits.cpu = a lot: is not a quantity"),
            ({"resources": {"limits": {"example.com/gpu": 1}}}, "limits.example.com/gpu: is provided by device plugins of"),
            ({"resources": {"limits": {"ephemeral-storage": "1Gi"}}}, "limits.ephemeral-storage: is measured and enforced by a"),
            ({"resources": {"requests": {"storage": "1Gi"}}}, "requests.storage: is for volume claims"),
            ({"resources": {"limits": {"memroy": "1Gi"}}}, "limits.memroy: is not a field of a Pod; did you mean memory?"),
            ({"resources": {"limits": {"hugepages-": "4Mi"}}}, "limits.hugepages-: has no page size; accepted: for"),
            ({"resources": {"limits": {"hugepages-3Mi": "6Mi"}}}, "limits.hugepages-3Mi: has no page size"),
            ({"resources": {"limits": {"hugepages-0": 0}}}, "limits.hugepages-0: has no page size"),
            ({"resources": {"limits": {"hugepages-2Mi": "3Mi"}}}, "limits.hugepages-2Mi: is not a multiple"),
            ({"resources": {"limits": {"hugepages-2Mi": "x"}}}, "limits.hugepages-2Mi = x: is not a quantity"),
            ({"resources": {"requests": {"hugepages-2Mi": "4Mi"}}}, "requests.hugepages-2Mi: requires the same limit"),
            (
                {"resources": {"limits": {"hugepages-2Mi": "4Mi"}, "requests": {"hugepages-2Mi": "2Mi"}}},
                "requests.hugepages-2Mi: must equal the limit",
            ),
            ({"resources": {"limits": {"cpu": 1}, "requests": {"cpu": 2}}}, "requests.cpu: is above the limit"),
            ({"securityContext": {"runAsNonRoot": True}}, "securityContext.runAsNonRoot: cannot be verified"),
            ({"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}, "runAsNonRoot: contradicts runAsUser: 0"),
            ({"securityContext": {"runAsGroup": 5}}, "securityContext.runAsGroup: requires runAsUser"),
            ({"securityContext": {"runAsUser": -1}}, "runAsUser = -1: is out of range; accepted: 0 to 2147483647"),
            ({"securityContext": {"capabilities": {"add": ["net_admin"]}}}, "capabilities.add[0] = net_admin: is not"),
            ({"securityContext": {"procMount": "Unmasked"}}, "procMount = Unmasked: is not supported; accepted: Default"),
            (
                {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
                "seccompProfile.localhostProfile: is missing",
            ),
            (
                {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "../a"}}},
                "localhostProfile = ../a: is not valid",
            ),
            (
                {"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
                "allowPrivilegeEscalation: cannot be false for a privileged container",
            ),
            (
                {"securityContext": {"privileged": True, "seccompProfile": {"type": "RuntimeDefault"}}},
                "securityContext.seccompProfile: cannot be set for a privileged container, which is always Unconfined",
            ),
            ({"volumeMounts": [{"name": "v", "mountPath": "/a"}]}, "volumeMounts[0].name = v: is not a volume"),
            ({"ports": [{"containerPort": 0}]}, "ports[0].containerPort = 0: is out of range; accepted: 1 to 65535"),
        ],
    )  # fmt: skip
    def test_of_a_container_names_the_field(self, container, problem):
        (found,) = refused(container)
        assert problem in found

    @pytest.mark.parametrize(
        ("spec", "problem"),
        [
            ({"restartPolicy": "Always"}, "spec.restartPolicy = Always: is not supported; accepted: Never"),
            ({"nodeSelector": {"a": "b"}}, "spec.nodeSelector: is for the scheduler"),
            ({"serviceAccountName": "a"}, "spec.serviceAccountName: requires a Kubernetes API server"),
            ({"hostname": "a", "hostNetwork": True}, "spec.hostname: cannot be combined with hostNetwork"),
            ({"hostUsers": False}, "spec.hostUsers = false: is not supported; accepted: true"),
            ({"shareProcessNamespace": True, "hostPID": True}, "spec.shareProcessNamespace: cannot be combined with"),
            ({"dnsPolicy": "ClusterFirst"}, "spec.dnsPolicy = ClusterFirst: is not supported; accepted: Default, None"),
            ({"dnsConfig": {"nameservers": ["::1"]}}, "spec.dnsConfig: requires dnsPolicy: None"),
            ({"dnsPolicy": "None"}, "spec.dnsConfig.nameservers: is missing"),
            ({"containers": []}, "spec.containers: is empty"),
            ({"containers": "web"}, "spec.containers: is a string, not a list"),
            ({"volumes": [{"name": "v", "emptyDir": {}}]}, "spec.volumes[0].emptyDir: is not supported; hostPath is the only"),
            ({"volumes": [{"name": "v"}]}, "spec.volumes[0].hostPath: is missing"),
            ({"volumes": [{"name": "v", "hostPath": {"path": "a"}}]}, "hostPath.path = a: is not valid; accepted: an absolute"),
            ({"volumes": [{"name": "v", "hostPath": {"path": "/a/../b"}}]}, "hostPath.path = /a/../b: is not valid"),
            ({"volumes": [{"name": "v", "hostPath": {"path": "/a", "type": "Dir"}}]}, "hostPath.type = Dir: is not supported"),
            ({"initContainers": [{"name": "c0", "image": "a"}]}, "spec.containers[0].name = c0: is used twice"),
            (
                {"initContainers": [{"name": "a", "image": "a", "restartPolicy": "Always"}]},
                "spec.initContainers[0].restartPolicy: is handled by a kubelet",
            ),
        ],
    )  # fmt: skip
    def test_of_a_pod_names_the_field(self, spec, problem):
        (found,) = refused(**spec)
        assert problem in found

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"kind": "Deployment"}, "kind = Deployment: is not supported; accepted: Pod"),
            ({"apiVersion": None}, "apiVersion: is missing"),
            ({"metadata": {}}, "metadata.name: is missing"),
            ({"metadata": {"name": "a/../b"}}, "metadata.name = a/../b: is not valid"),
            ({"metadata": {"name": "a" * 254}}, "is not valid"),
            ({"metadata": {"name": "a", "namespace": "a.b"}}, "metadata.namespace = a.b: is not valid"),
            ({"metadata": {"name": "a", "uid": "../x"}}, "metadata.uid = ../x: is not valid"),
            ({"metadata": {"name": "a", "generateName": "a-"}}, "metadata.generateName: requires a Kubernetes API server"),
            ({"metadata": {"name": "a", "labels": {"a": "b c"}}}, "metadata.labels.a = b c: is not valid"),
            (
                {"metadata": {"name": "a", "annotations": {"cri.node/config-sha256": "x"}}},
                "metadata.annotations.cri.node/config-sha256: is reserved, because this module sets it",
            ),
            ({"status": {"phase": "Running"}}, "status: requires a Kubernetes API server"),
        ],
    )  # fmt: skip
    def test_of_a_manifest_names_the_field(self, changes, problem):
        _pod, problems = pod_manifest.convert({**manifest(), **changes})
        assert len(problems) == 1
        assert problem in str(problems[0])

    @pytest.mark.parametrize("value", [None, [], "apiVersion: v1", 1])
    def test_of_anything_but_a_mapping(self, value):
        assert "not a mapping" in str(pod_manifest.convert(value)[1][0])

    def test_all_problems_are_reported_together(self):
        found = refused(
            {"livenessProbe": {"exec": {}}, "securityContext": {"runAsNonRoot": True}},
            restartPolicy="Always",
            hostname="A",
        )
        assert len(found) == 4

    def test_a_value_of_the_environment_is_never_shown(self):
        found = refused({"env": [{"name": "A", "value": 3.25}, {"name": "B", "value": "se\0cret"}]})
        assert len(found) == 2
        assert not any("3.25" in each or "cret" in each for each in found)

    def test_null_and_empty_fields_have_no_effect(self):
        server_side = {"status": {}, "metadata": {"name": "web", "creationTimestamp": None}}
        _pod, problems = pod_manifest.convert(
            {**manifest({"resources": {}, "lifecycle": None}, tolerations=[]), **server_side}
        )
        assert problems == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def names(fields):
    """Return the names of all fields in the table."""
    for name, field in fields.items():
        yield name
        if isinstance(field, pod_fields.Field) and field.fields:
            yield from names(field.fields)


class TestAnyInput:
    @given(
        st.sampled_from(sorted(pod_fields.SPEC)),
        st.sampled_from(sorted(pod_fields.CONTAINER)),
        json_values
        | st.dictionaries(st.sampled_from(sorted(set(names(pod_fields.POD)))), json_values, max_size=4),
    )
    def test_is_converted_or_refused_but_never_an_exception(self, pod_field, container_field, value):
        for written in (
            manifest({container_field: value}),
            manifest(**{pod_field: value}),
            {**manifest(), "metadata": value},
        ):
            pod, problems = pod_manifest.convert(written)
            assert bool(problems) != bool(pod)
            json.dumps(pod)


class TestIdentity:
    def test_the_uid_of_a_pod_does_not_depend_on_its_other_fields(self):
        assert (
            converted()["uid"]
            == converted({"env": [{"name": "A", "value": "secret"}]}, hostNetwork=True)["uid"]
        )

    def test_pods_of_the_same_name_differ_by_node(self):
        here, there = (pod_manifest.convert(manifest(), node=node)[0] for node in ("a", "b"))
        assert here["uid"] != there["uid"]

    def test_a_given_uid_is_kept(self):
        written = manifest()
        written["metadata"]["uid"] = "4c3f3a52-6a0f"
        pod, _problems = pod_manifest.convert(written)
        assert pod["sandbox"]["log_directory"] == "/var/log/pods/default_web_4c3f3a52-6a0f"

    def test_equivalent_manifests_have_the_same_hash(self):
        def hash_of(*containers, **spec):
            return converted(*containers, **spec)["sandbox"]["annotations"][pod_manifest.HASH]

        plain = hash_of({"resources": {"limits": {"cpu": "500m"}}})
        assert plain == hash_of(
            {"resources": {"limits": {"cpu": 0.5}}, "imagePullPolicy": "Never", "tty": False}, tolerations=[]
        )
        others = [
            hash_of({"resources": {"limits": {"cpu": "501m"}}}),
            hash_of({"resources": {"limits": {"cpu": "500m"}}, "env": [{"name": "A", "value": "1"}]}),
            hash_of({"resources": {"limits": {"cpu": "500m"}}}, runtimeClassName="kata"),
            hash_of({"resources": {"limits": {"cpu": "500m"}}}, terminationGracePeriodSeconds=1),
        ]
        assert len({plain, *others}) == 5

    def test_the_manifest_is_not_changed(self):
        written = manifest({"env": [{"name": "A", "value": "$(A)"}]})
        before = copy.deepcopy(written)
        pod_manifest.convert(written)
        assert written == before

    @pytest.mark.parametrize("value", [None, [], {}, {"metadata": None}, {"metadata": {"namespace": "a"}}])
    def test_identity_of_a_manifest_without_a_name(self, value):
        assert pod_manifest.identity(value)[0] is None


class TestContainer:
    @pytest.mark.parametrize(
        ("image", "policy"),
        [
            ("app", "Always"),
            ("example.com:5000/app", "Always"),
            ("app:latest", "Always"),
            ("app:1", "IfNotPresent"),
            ("example.com:5000/app:1", "IfNotPresent"),
            (f"app@sha256:{'0' * 64}", "IfNotPresent"),
            (f"app:latest@sha256:{'0' * 64}", "IfNotPresent"),
        ],
    )
    def test_the_default_pull_policy_is_that_of_kubernetes(self, image, policy):
        assert converted({"image": image})["containers"][0]["pull"] == policy
        assert converted({"image": image, "imagePullPolicy": "Never"})["containers"][0]["pull"] == "Never"

    @pytest.mark.parametrize(
        ("text", "expanded"),
        [
            ("$(A)", "1"),
            ("x$(A)y$(B)", "x1y1-2"),
            ("$(NONE)", "$(NONE)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$A ${A} $", "$A ${A} $"),
            ("$(A", "$(A"),
            ("$()", "$()"),
        ],
    )
    def test_variables_are_expanded_like_in_kubernetes(self, text, expanded):
        env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-2"}]
        made = config({"env": env, "args": [text], "command": [text]})
        assert (made["args"], made["command"]) == ([expanded], [expanded])
        assert made["envs"] == [{"key": "A", "value": "1"}, {"key": "B", "value": "1-2"}]

    def test_a_variable_of_the_environment_can_use_those_before_it(self):
        env = [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"}, {"name": "C"}]
        assert [each["value"] for each in config({"env": env})["envs"]] == ["$(A)", "1", ""]

    def test_resources_are_those_of_a_kubelet(self):
        resources = {"limits": {"cpu": "1500m", "memory": "64Mi"}, "requests": {"cpu": "250m"}}
        assert config({"resources": resources})["linux"]["resources"] == {
            "cpu_shares": 256,
            "cpu_period": 100000,
            "cpu_quota": 150000,
            "memory_limit_in_bytes": 64 * 2**20,
        }
        assert config({"resources": {"limits": {"cpu": 2}}})["linux"]["resources"]["cpu_shares"] == 2048

    def test_huge_pages_are_named_as_a_kubelet_names_them(self):
        limits = {
            "hugepages-1Gi": "1Gi",
            "hugepages-2Mi": "4Mi",
            "hugepages-64Ki": 65536,
            "hugepages-2048": "4Ki",
        }
        found = config({"resources": {"limits": limits, "requests": {"hugepages-2Mi": 4194304}}})["linux"][
            "resources"
        ]
        assert found["hugepage_limits"] == [
            {"page_size": "2KB", "limit": 4096},
            {"page_size": "64KB", "limit": 65536},
            {"page_size": "2MB", "limit": 4 * 2**20},
            {"page_size": "1GB", "limit": 2**30},
        ]
        assert "hugepage_limits" not in config({})["linux"]["resources"]

    def test_labels_and_annotations_of_other_software_reach_the_sandbox(self):
        annotations = {
            "io.kubernetes.cri-o.ShmSize": "128Mi",
            "io.kubernetes.cri-o.userns-mode": "auto",
            "seccompNotifierAction.crio.io": "stop",
            "io.kubernetes.pod.terminationGracePeriod": "5",
            "cri.node/owner": "team",
        }
        labels = {"io.kubernetes.pod.tier": "db", "app.kubernetes.io/name": "web"}
        metadata = {"name": "web", "annotations": annotations, "labels": labels}
        pod, problems = pod_manifest.convert({**manifest(), "metadata": metadata})
        assert problems == []
        assert pod["sandbox"]["annotations"].items() >= annotations.items()
        assert pod["sandbox"]["labels"].items() >= labels.items()

    def test_only_labels_and_annotations_that_the_module_sets_are_reserved(self):
        sandbox = converted({})["sandbox"]
        for kind in ("labels", "annotations"):
            for name in sandbox[kind]:
                _pod, problems = pod_manifest.convert(
                    {**manifest(), "metadata": {"name": "web", kind: {name: "x"}}}
                )
                assert [str(each) for each in problems] == [
                    f"manifest: metadata.{kind}.{name}: is reserved, because this module sets it"
                ]

    @pytest.mark.parametrize(
        ("containers", "oom"),
        [
            ([{}], "best-effort"),
            ([{"limits": {"cpu": 1, "memory": "1Gi"}}], "guaranteed"),
            ([{"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 1}}], "guaranteed"),
            ([{"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "0.5"}}], 2**30),
            ([{"limits": {"cpu": 1, "memory": "1Gi"}}, {}], 2**30),
            ([{}, {"limits": {"cpu": 1, "memory": "1Gi"}}], 0),
            ([{"limits": {"cpu": 0}}], "best-effort"),
            ([{"limits": {"hugepages-2Mi": "4Mi"}}], "best-effort"),
            ([{"limits": {"cpu": 1, "memory": "1Gi", "hugepages-2Mi": "4Mi"}}], "guaranteed"),
        ],
    )
    def test_the_qos_class_of_the_pod_decides_what_the_kernel_kills(self, containers, oom):
        pod = converted(*({"resources": resources} for resources in containers))
        assert pod["containers"][0]["oom"] == oom

    def test_mounts(self):
        volumes = [{"name": "logs", "hostPath": {"path": "/var/log", "type": "Directory"}}]
        mounts = [
            {"name": "logs", "mountPath": "/logs", "readOnly": True},
            {"name": "logs", "mountPath": "/live", "mountPropagation": "HostToContainer"},
        ]
        pod = converted({"volumeMounts": mounts}, volumes=volumes)
        assert pod["host_paths"] == [
            {"key": "manifest: spec.volumes[0].hostPath", "path": "/var/log", "type": "Directory"}
        ]
        assert pod["containers"][0]["config"]["mounts"] == [
            {"container_path": "/logs", "host_path": "/var/log", "readonly": True, "propagation": 0},
            {"container_path": "/live", "host_path": "/var/log", "readonly": False, "propagation": 1},
        ]


class TestSecurity:
    def test_masked_paths_are_those_of_a_kubelet(self):
        context = config({})["linux"]["security_context"]
        assert context["masked_paths"] == security.MASKED_PATHS
        assert context["readonly_paths"] == security.READONLY_PATHS
        assert context["seccomp"] == {"profile_type": 0}
        assert context["no_new_privs"] is False

    def test_a_privileged_container_is_not_confined_and_its_sandbox_is_privileged(self):
        pod = converted({}, {"securityContext": {"privileged": True}})
        contexts = [each["config"]["linux"]["security_context"] for each in pod["containers"]]
        assert "privileged" not in contexts[0]
        assert contexts[1]["privileged"] is True
        assert contexts[1]["seccomp"] == {"profile_type": 1}
        assert "masked_paths" not in contexts[1]
        assert pod["sandbox"]["linux"]["security_context"]["privileged"] is True

    def test_settings_of_a_container_override_those_of_its_pod(self):
        own = {
            "runAsUser": 5,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
            "seccompProfile": {"type": "Localhost", "localhostProfile": "a/b.json"},
        }
        pod = {
            "runAsUser": 1,
            "runAsGroup": 2,
            "fsGroup": 3,
            "supplementalGroups": [4],
            "runAsNonRoot": True,
            "seLinuxOptions": {"level": "s0:c1,c2"},
            "sysctls": [{"name": "net.core.somaxconn", "value": 1024}],
        }
        made = converted({"securityContext": own}, securityContext=pod)
        context = made["containers"][0]["config"]["linux"]["security_context"]
        assert context["run_as_user"] == {"value": 5}
        assert context["run_as_group"] == {"value": 2}
        assert context["supplemental_groups"] == [3, 4]
        assert context["selinux_options"] == {"level": "s0:c1,c2"}
        assert context["readonly_rootfs"] is True
        assert context["no_new_privs"] is True
        assert context["capabilities"] == {"add_capabilities": ["NET_ADMIN"], "drop_capabilities": ["ALL"]}
        assert context["seccomp"] == {"profile_type": 2, "localhost_ref": "/var/lib/kubelet/seccomp/a/b.json"}
        assert made["sandbox"]["linux"]["security_context"]["run_as_user"] == {"value": 1}
        assert made["sandbox"]["linux"]["sysctls"] == {"net.core.somaxconn": "1024"}

    @pytest.mark.parametrize(
        ("spec", "namespaces"),
        [
            ({}, (0, 1, 0)),
            ({"hostNetwork": True, "hostPID": True, "hostIPC": True}, (2, 2, 2)),
            ({"shareProcessNamespace": True}, (0, 0, 0)),
        ],
    )
    def test_namespaces(self, spec, namespaces):
        pod = converted(**spec)
        for linux in (pod["sandbox"]["linux"], pod["containers"][0]["config"]["linux"]):
            options = linux["security_context"]["namespace_options"]
            assert (options["network"], options["pid"], options["ipc"]) == namespaces


class TestSandbox:
    def test_the_hostname_is_the_pods_name_or_the_given_one_or_the_nodes(self):
        assert converted()["sandbox"]["hostname"] == "web"
        assert converted(hostname="other")["sandbox"]["hostname"] == "other"
        assert "hostname" not in converted(hostNetwork=True)["sandbox"]
        long_name, _problems = pod_manifest.convert(manifest(name=f"{'a' * 62}.b"))
        assert long_name["sandbox"]["hostname"] == "a" * 62

    def test_dns(self):
        dns = {"nameservers": ["10.0.0.1"], "options": [{"name": "ndots", "value": "2"}, {"name": "rotate"}]}
        assert converted(dnsPolicy="None", dnsConfig=dns)["sandbox"]["dns_config"] == {
            "servers": ["10.0.0.1"],
            "searches": [],
            "options": ["ndots:2", "rotate"],
        }

    def test_ports_of_the_host(self):
        ports = [{"containerPort": 53, "hostPort": 5353, "protocol": "UDP"}, {"containerPort": 80}]
        mapping = {"protocol": 1, "container_port": 53, "host_port": 5353, "host_ip": ""}
        assert converted({"ports": ports})["sandbox"]["port_mappings"] == [mapping]

    def test_a_handler(self):
        assert converted(runtimeClassName="kata")["handler"] == "kata"
