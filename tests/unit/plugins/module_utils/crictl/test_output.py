# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the output of any version of crictl becomes the same typed data."""

import datetime
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.module_utils.crictl import (
    container_details,
    container_output,
    pod_output,
)
from ansible_collections.cri.node.plugins.module_utils.crictl import info as cri_info
from ansible_collections.cri.node.plugins.module_utils.crictl.fields import UnexpectedOutput
from ansible_collections.cri.node.plugins.module_utils.crictl.times import nanoseconds, rfc3339

RECORDED = Path(__file__).parents[3] / "fixtures" / "crictl-1.37"


def recorded(name):
    return json.loads((RECORDED / name).read_text())


def as_before_1_31(value):
    """Return the same answer as crictl up to 1.30 prints it: empty messages are null."""
    if isinstance(value, dict):
        return {key: None if each == {} else as_before_1_31(each) for key, each in value.items()}
    return [as_before_1_31(each) for each in value] if isinstance(value, list) else value


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-11-24T00:04:10.439642065Z", "2026-11-24T00:04:10.439642065Z"),
            ("2026-11-24T08:04:10+08:00", "2026-11-24T00:04:10.000000000Z"),
            ("2026-11-23T19:04:10.5-0500", "2026-11-24T00:04:10.500000000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000000Z"),
        ],
        ids=["nanoseconds", "a zone's offset", "an offset without colon", "a leap second"],
    )
    def test_times_of_any_zone_are_converted_to_utc_with_nine_digits(self, text, expected):
        assert rfc3339(nanoseconds(text)) == expected

    @pytest.mark.parametrize(
        "text", ["", "now", "2026-11-24", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z"]
    )
    def test_an_invalid_time_is_refused(self, text):
        with pytest.raises(ValueError, match=r"."):
            nanoseconds(text)

    def test_zero_and_absurd_times_are_none(self):
        assert [rfc3339(value) for value in (0, -6795364578871345152, 10**30)] == [None, None, None]

    @given(st.integers(1, 253402300799 * 10**9))
    def test_every_time_survives_a_round_trip(self, value):
        assert nanoseconds(rfc3339(value)) == value

    @given(st.datetimes(min_value=datetime.datetime(1971, 1, 1), timezones=st.just(datetime.UTC)))
    def test_times_agree_with_the_standard_library(self, moment):
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        assert nanoseconds(moment.isoformat()) // 1000 == since // datetime.timedelta(microseconds=1)


class TestInfo:
    def test_a_ready_runtime(self):
        facts = cri_info.info(recorded("info.json"))
        assert facts == {
            "conditions": [
                {"type": "RuntimeReady", "status": True, "reason": "", "message": ""},
                {"type": "NetworkReady", "status": True, "reason": "", "message": ""},
            ],
            "runtime_ready": True,
            "network_ready": True,
            "handlers": [
                {
                    "name": "crun",
                    "default": True,
                    "features": {"recursive_read_only_mounts": True, "user_namespaces": True},
                }
            ],
            "features": {"supplemental_groups_policy": True, "user_namespaces_host_network": True},
            "cgroup_driver": "cgroupfs",
            "sandbox_image": "172.17.0.1:5000/pause:1",
        }

    def test_a_network_that_is_not_ready_has_a_reason(self):
        facts = cri_info.info(recorded("info-network-notready.json"))
        assert (facts["runtime_ready"], facts["network_ready"]) == (True, False)
        assert facts["conditions"][1]["reason"] == "NetworkPluginNotReady"

    def test_an_old_crictl_only_reports_conditions(self):
        status = recorded("info.json")["status"]
        facts = cri_info.info({"status": status, "config": {"sandboxImage": "pause"}})
        assert sorted(facts) == ["conditions", "network_ready", "runtime_ready", "sandbox_image"]

    def test_the_default_handler_has_no_name_until_it_is_known(self):
        document = recorded("info-quiet.json")
        document["runtimeHandlers"].append({"name": "kata", "features": {}})
        handlers = cri_info.info(document)["handlers"]
        assert [(each.get("name"), each.get("default")) for each in handlers] == [
            (None, True),
            ("crun", None),
            ("kata", None),
        ]
        handlers = cri_info.with_default_handler(handlers, "crun")
        assert [(each["name"], each["default"]) for each in handlers] == [("crun", True), ("kata", False)]

    def test_containerd_names_its_default_handler_and_has_another_format_of_features(self):
        facts = cri_info.info(
            {
                "status": {"conditions": [{"type": "RuntimeReady", "status": True}]},
                "config": {"containerd": {"defaultRuntimeName": "runc"}, "sandboxImage": "pause"},
                "runtimeHandlers": [
                    {"name": "runc", "features": {"recursiveReadOnlyMounts": True}},
                    {"name": "kata", "features": None},
                    {"features": {}},
                ],
            }
        )
        assert facts["handlers"] == [
            {"name": "kata", "default": False, "features": {}},
            {"name": "runc", "default": True, "features": {"recursive_read_only_mounts": True}},
        ]
        assert facts["network_ready"] is False

    @given(st.data())
    def test_the_order_in_which_the_runtime_lists_its_handlers_is_of_no_account(self, data):
        handlers = data.draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "features": st.dictionaries(
                            st.sampled_from(["user_namespaces", "other"]), st.booleans()
                        )
                    },
                    optional={"name": st.sampled_from(["", "crun", "kata", "runc"])},
                )
            )
        )
        document = dict(recorded("info-quiet.json"), runtimeHandlers=handlers)
        shuffled = dict(document, runtimeHandlers=data.draw(st.permutations(handlers)))
        assert cri_info.info(document)["handlers"] == cri_info.info(shuffled)["handlers"]
        assert cri_info.handler_names(document) == cri_info.handler_names(shuffled)

    @pytest.mark.parametrize(
        "document",
        [
            [],
            {},
            {"status": {}},
            {"status": []},
            {"status": {"conditions": [1]}},
            {"status": {"conditions": [{}]}},
        ],
    )
    def test_anything_else_is_refused(self, document):
        with pytest.raises(UnexpectedOutput):
            cri_info.info(document)

    def test_only_the_names_of_the_handlers(self):
        assert cri_info.handler_names(recorded("info-quiet.json")) == ["crun"]
        assert cri_info.handler_names({"runtimeHandlers": []}) == []
        assert cri_info.handler_names({"status": recorded("info.json")["status"]}) is None

    def test_version_is_read_from_text(self):
        assert cri_info.version((RECORDED / "version.txt").read_text()) == {
            "runtime_name": "cri-o",
            "runtime_version": "1.37.0",
            "api_version": "v1",
        }
        with pytest.raises(UnexpectedOutput):
            cri_info.version("hello")

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("1.37.0~rc1", "1.37.0~rc1"),
            (
                "v2.1.0-beta.2+\N{LATIN SMALL LETTER E WITH ACUTE}",
                "v2.1.0-beta.2+\N{LATIN SMALL LETTER E WITH ACUTE}",
            ),
            ("1.37\x1b[2J\x1b]0;title\x07", "1.37\ufffd[2J\ufffd]0;title\ufffd"),
            ("1.37 \u202e gpj", "1.37 \ufffd gpj"),
            ("9" * 100_000, "9" * 200 + "... (cut)"),
            (": 1: 2", ": 1: 2"),
        ],
        ids=["a tilde", "a letter", "a terminal's sequence", "a direction", "long", "colons"],
    )
    def test_a_version_of_any_characters_is_one_printable_line(self, written, read):
        text = f"Version:  0.1.0\nRuntimeName:  cri-o\nRuntimeVersion:  {written}\n"
        assert cri_info.version(text) == {"runtime_name": "cri-o", "runtime_version": read}

    @pytest.mark.parametrize(
        "filling", [" ", "\t", "a:", ": ", "RuntimeName:", "\n", "RuntimeVersion: \n", "cgroup driver: \n"]
    )
    def test_texts_take_linear_time(self, filling):
        text = "RuntimeName: x" + filling * (4_000_000 // len(filling)) + "x"
        started = time.process_time()
        cri_info.version(text)
        cri_info.cgroup_driver(text)
        assert time.process_time() - started < 5

    def test_cgroup_driver_is_read_from_text(self):
        assert cri_info.cgroup_driver((RECORDED / "runtime-config.txt").read_text()) == "cgroupfs"
        assert cri_info.cgroup_driver("anything") is None


class TestContainers:
    def test_a_container(self):
        (container,) = container_output.containers(recorded("ps.json"))
        assert container == {
            "id": "5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625",
            "name": "hello-world",
            "attempt": 1,
            "state": "running",
            "created_at": "2026-11-23T23:54:11.977943215Z",
            "pod": {"id": "0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a"},
            "image": {
                "name": "172.17.0.1:5000/hello:1",
                "id": "c3598912096d4429d6be82f305ad6873792d25df59bf0cab8eeb4cbdf719388c",
                "ref": "172.17.0.1:5000/hello@sha256:"
                "7f754817b68a5e936538565b51bb7863c6554a63e3a9361a2e658e56fee87613",
            },
            "labels": {},
            "annotations": {},
        }

    def test_the_pod_of_a_container_gets_its_name_from_the_list_of_pods(self):
        (container,) = container_output.containers(recorded("ps.json"))
        pods = pod_output.pods(recorded("pods.json"))
        assert pod_output.with_pod(container, pods)["pod"] == {
            "id": "0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a",
            "name": "hello-pod",
            "namespace": "default",
            "uid": "u1",
        }

    def test_the_pod_of_a_container_gets_its_name_from_the_labels_of_the_kubelet(self):
        labels = {
            "io.kubernetes.pod.name": "web",
            "io.kubernetes.pod.namespace": "shop",
            "io.kubernetes.pod.uid": "u",
        }
        container = container_output.container({"id": "c", "podSandboxId": "p", "labels": labels})
        assert container["pod"] == {"id": "p", "name": "web", "namespace": "shop", "uid": "u"}

    @pytest.mark.parametrize("name", ["ps.json", "ps-a.json"])
    def test_null_and_missing_are_the_same(self, name):
        assert container_output.containers(as_before_1_31(recorded(name))) == container_output.containers(
            recorded(name)
        )

    @pytest.mark.parametrize("document", [{}, {"containers": None}, {"containers": []}, None])
    def test_no_containers(self, document):
        assert container_output.containers(document) == []

    @pytest.mark.parametrize(
        "container",
        [
            5,
            {"id": 5},
            {"id": ""},
            {"id": "c", "metadata": {"attempt": "x"}},
            {"id": "c", "createdAt": "soon"},
            {"id": "c", "createdAt": []},
            {"id": "c", "labels": []},
        ],
    )
    def test_anything_else_is_refused(self, container):
        with pytest.raises(UnexpectedOutput):
            container_output.containers({"containers": [container]})

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "containers",
                            "id",
                            "metadata",
                            "status",
                            "conditions",
                            "createdAt",
                            "labels",
                            "runtimeHandlers",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
        )
    )
    def test_any_json_is_typed_or_refused(self, document):
        for command in (
            cri_info.info,
            container_output.containers,
            pod_output.pods,
            container_details.details,
        ):
            refusal = None
            try:
                command(document)
            except UnexpectedOutput as error:
                refusal = str(error)
            assert refusal is None or "crictl " in refusal


class TestRunning:
    """The list of running containers that is compared before and after a restart of the daemon."""

    def test_running_containers_have_their_pod(self):
        assert container_output.running(recorded("ps.json")) == [
            {
                "id": "5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625",
                "name": "hello-world",
                "pod": "0f3fd8a6f880845cf449a36c8b47d307938b55c9115be9899752bb2d4d0a2f1a",
            }
        ]
        assert container_output.running({"containers": [{"id": "c"}]}) == [{"id": "c", "pod": ""}]

    @pytest.mark.parametrize(
        "document",
        [
            {"containers": [None]},
            {"containers": [{}]},
            {"containers": {}},
            {"containers": "none"},
            {"items": []},
            {"containers": [{"id": "--force"}]},
            {"containers": [{"id": "a b"}]},
            {"containers": [{"id": "a\0"}]},
        ],
    )
    def test_unknown_output_is_never_read_as_no_running_containers(self, document):
        for command in (container_output.running, container_output.containers):
            with pytest.raises(UnexpectedOutput):
                command(document)

    @pytest.mark.parametrize(
        "state",
        [None, "", "CONTAINER_", "CONTAINER_UNKNOWN", "CONTAINER_PAUSED", "running", 4, 0, -1, "4", 2**31],
    )
    def test_a_container_always_has_a_state(self, state):
        assert container_output.container({"id": "c", "state": state})["state"] == "unknown"
        assert container_details.detail({"status": {"id": "c", "state": state}})["state"] == "unknown"
        assert pod_output.sandbox({"id": "c", "state": state})["state"] == "unknown"

    @pytest.mark.parametrize("state", [True, 1.5, [], {}, 2**64])
    def test_an_invalid_state_is_an_error(self, state):
        with pytest.raises(UnexpectedOutput, match="state should be"):
            container_output.container({"id": "c", "state": state})

    def test_a_state_that_crictl_does_not_know_leaves_the_rest_of_the_listing_intact(self):
        listed = [
            {"id": "a", "state": 4},
            {"id": "b", "state": "CONTAINER_RUNNING", "metadata": {"name": "web"}},
        ]
        found = container_output.containers({"containers": listed})
        assert [(each["id"], each["state"]) for each in found] == [("a", "unknown"), ("b", "running")]
        assert found[1]["name"] == "web"


class TestText:
    def test_half_a_surrogate_pair_is_replaced(self):
        pod = json.loads(
            '{"id": "a", "labels": {"\\ud800": "x\\udfff"}, "metadata": {"name": "\\ud83d\\ude00"}}'
        )
        typed = pod_output.sandbox(pod)
        assert (typed["labels"], typed["name"]) == ({"\ufffd": "x\ufffd"}, "\N{GRINNING FACE}")

    @pytest.mark.parametrize(
        "value",
        ["x" * 100_000, ["x" * 100_000], 10**5000, float("nan"), "\x1b]0;t\x07\n"],
        ids=["long", "a list", "a huge number", "no number", "a terminal's sequence"],
    )
    def test_a_message_is_one_short_printable_line_whatever_the_value(self, value):
        with pytest.raises(UnexpectedOutput) as caught:
            pod_output.sandbox({"id": "a", "createdAt": value})
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200


class TestDetails:
    def test_a_container_that_exited(self):
        (detail,) = container_details.details(recorded("inspect-exited.json")).values()
        assert detail == {
            "id": "de7bb61d642a40968dd6898323ea93b59a8ef0b2d824b005fc52bee5789263c6",
            "name": "c2",
            "attempt": 0,
            "state": "exited",
            "created_at": "2026-11-24T00:04:11.724213000Z",
            "started_at": "2026-11-24T00:04:11.786718754Z",
            "finished_at": "2026-11-24T00:04:11.790826846Z",
            "exit_code": 7,
            "reason": "Error",
            "log_path": "/var/log/pods/p/c2.log",
            "pod": {"id": "6899d3b55ea82473d0a72e12efbf61e10a33c73bdbcfe7f26a8c4cbff3b3b139"},
        }

    def test_a_container_that_runs_has_no_exit_code_and_no_end(self):
        (detail,) = container_details.details(recorded("inspect.json")).values()
        assert not {"exit_code", "finished_at", "reason"} & set(detail)
        assert detail["pid"] == 244

    def test_a_container_that_was_only_created_has_no_start(self):
        (detail,) = container_details.details(recorded("inspect-created.json")).values()
        assert not {"started_at", "finished_at", "exit_code", "pid"} & set(detail)

    def test_several_containers(self):
        names = ["inspect.json", "inspect-exited.json", "inspect-created.json"]
        assert len(container_details.details([recorded(name) for name in names])) == 3

    @pytest.mark.parametrize("name", ["inspect.json", "inspect-exited.json"])
    def test_null_and_missing_are_the_same(self, name):
        assert container_details.details(as_before_1_31(recorded(name))) == container_details.details(
            recorded(name)
        )


class TestSandboxes:
    def test_a_pod_of_a_list(self):
        (pod,) = pod_output.sandboxes(recorded("pods.json"))
        assert pod["state"] == "ready"
        assert pod["created_at"] == "2026-11-23T23:54:11.709423949Z"
        assert (pod["namespace"], pod["name"], pod["uid"], pod["attempt"]) == (
            "default",
            "hello-pod",
            "u1",
            1,
        )
        assert pod["labels"]["io.kubernetes.pod.uid"] == "u1"
        assert not {"handler", "ip", "ips"} & set(pod)

    def test_a_single_pod_additionally_has_its_addresses(self):
        status = recorded("inspectp.json")["status"]
        status["network"]["additionalIps"] = [{"ip": "fd00::2"}]
        alone = pod_output.sandbox(status)
        assert (alone.pop("ip"), alone.pop("ips")) == ("10.85.0.2", ["10.85.0.2", "fd00::2"])
        assert alone == pod_output.sandboxes(recorded("pods.json"))[0]

    @pytest.mark.parametrize("name", ["pods.json"])
    def test_null_and_missing_are_the_same(self, name):
        assert pod_output.sandboxes(as_before_1_31(recorded(name))) == pod_output.sandboxes(recorded(name))

    @pytest.mark.parametrize(
        "pod",
        [
            {},
            [],
            {"id": "a", "state": [1]},
            {"id": "a", "network": [1]},
            {"id": "a", "network": {"additionalIps": [None, "fd00::2"]}},
            {"id": "a", "network": {"additionalIps": {"ip": "fd00::2"}}},
        ],
    )
    def test_anything_else_is_refused(self, pod):
        for read, document in (
            (pod_output.sandboxes, {"items": [pod]}),
            (pod_output.sandbox_status, {"status": pod}),
        ):
            with pytest.raises(UnexpectedOutput):
                read(document)

    @pytest.mark.parametrize("document", [{}, [], {"status": None}, [{"status": {"id": "a"}}], "x"])
    def test_the_status_of_no_pod_is_refused(self, document):
        with pytest.raises(UnexpectedOutput):
            pod_output.sandbox_status(document)


def test_a_password_that_is_longer_than_a_message_is_not_shown():
    with pytest.raises(UnexpectedOutput) as caught:
        pod_output.printed_identity(f"https://user:{'hunter2' * 400}@host/")
    assert "hunter2" not in str(caught.value)
