# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a pod is created, kept, replaced and removed, whatever an interrupted call or a failing runtime left behind."""

import itertools
import pathlib

import pytest

from ansible_collections.cri.node.plugins.module_utils.crictl.call import CrictlError
from ansible_collections.cri.node.plugins.module_utils.errors import PodError
from ansible_collections.cri.node.plugins.module_utils.pod import config_hash
from ansible_collections.cri.node.plugins.module_utils.pod import host as pod_host
from ansible_collections.cri.node.plugins.module_utils.pod import present as cri_pod
from ansible_collections.cri.node.plugins.plugin_utils.pod import container
from ansible_collections.cri.node.plugins.plugin_utils.pod import manifest as pod_manifest
from faults.fake_runtime import FakeRuntime


@pytest.fixture
def runtime(tmp_path, tmp_path_factory, monkeypatch):
    """Return an empty runtime; logs are below tmp_path, the node's key is in a separate directory, and nothing sleeps."""
    node = tmp_path_factory.mktemp("node")
    monkeypatch.setattr(pod_host, "LOGS", str(tmp_path))
    monkeypatch.setattr(config_hash, "KEY", f"{node}/state/pod-hash.key")
    monkeypatch.setattr(config_hash, "_LOCK", f"{node}/run/pod-hash.lock")
    clock = itertools.count()
    monkeypatch.setattr(cri_pod.queries, "container_details", FakeRuntime.details)
    monkeypatch.setattr(cri_pod.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(cri_pod.time, "monotonic", lambda: next(clock))
    return FakeRuntime()


@pytest.fixture
def pod(tmp_path):
    """Return a function that creates a pod of containers, like the controller does."""

    def make(*containers, **spec):
        named = [
            {"name": f"c{index}", "image": "app:1", **each} for index, each in enumerate(containers or ({},))
        ]
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": named, **spec},
        }
        made, problems = pod_manifest.convert(manifest)
        assert problems == []
        folder = made["sandbox"]["log_directory"].replace(pod_manifest.LOGS, str(tmp_path))
        made["sandbox"]["log_directory"] = folder
        return made

    return make


STRANGER = {
    "id": "other",
    "state": "SANDBOX_READY",
    "createdAt": "1",
    "metadata": {"name": "web", "namespace": "default", "uid": "u"},
    "labels": {},
    "annotations": {},
}


def failure(runtime, pod, **options):
    with pytest.raises(PodError) as caught:
        cri_pod.present(runtime, pod, **options)
    return caught.value


class TestPresent:
    def test_an_image_that_several_containers_share_is_pulled_once(self, runtime, pod):
        shared = [{"image": "a:1"}, {"image": "a:1", "imagePullPolicy": "Always"}, {"image": "b:1"}]
        made = cri_pod.present(runtime, pod(*shared))
        assert made["pulled"] == ["a:1", "b:1"]
        assert runtime.names().count("pull") == 2
        assert runtime.names().count("start") == 1

    def test_the_handler_is_passed_to_the_runtime(self, runtime, pod):
        cri_pod.present(runtime, pod(runtimeClassName="kata"))
        (call,) = [call for call in runtime.calls if call[0] == "runp"]
        assert call[1:3] == ("--runtime", "kata")

    def test_the_memory_of_the_node_decides_the_score_and_the_pod_itself_is_not_changed(self, runtime, pod):
        desired = pod()
        cri_pod.present(runtime, desired)
        (call,) = [call for call in runtime.calls if call[0] == "create"]
        assert call[2]["linux"]["resources"]["oom_score_adj"] == 1000
        assert "oom_score_adj" not in desired["containers"][0]["config"]["linux"]["resources"]

    def test_init_containers_complete_one_by_one_before_the_others_start(self, runtime, pod):
        first = [{"name": name, "image": "app:1"} for name in ("first", "second")]
        runtime.ends = {"first": [None, None, 0], "second": [0]}
        made = cri_pod.present(runtime, pod(initContainers=first))
        assert [(each["name"], each["state"]) for each in made["containers"]] == [
            ("first", "exited"),
            ("second", "exited"),
            ("c0", "running"),
        ]
        steps = [name for name in runtime.names() if name in ("create", "start", "inspect")]
        begin = ["create", "start"]
        assert steps == [*begin, *["inspect"] * 3, *begin, "inspect", *begin, "inspect"]
        assert cri_pod.present(runtime, pod(initContainers=first))["changed"] is False

    def test_a_failed_init_container_fails_the_pod(self, runtime, pod):
        runtime.ends = {"first": [7]}
        error = failure(runtime, pod(initContainers=[{"name": "first", "image": "app:1"}]))
        assert (error.container, error.exit_code) == ("first", 7)
        assert (runtime.pods, runtime.names().count("create")) == ({}, 1)

    def test_waits_for_the_completion_of_a_running_pod(self, runtime, pod):
        cri_pod.present(runtime, pod())
        runtime.ends = {"c0": [None, None, 0]}
        done = cri_pod.present(runtime, pod(), wait="completed")
        assert (done["changed"], done["containers"][0]["exit_code"]) == (False, 0)

    def test_an_existing_pod_that_fails_while_it_is_waited_for_is_kept(self, runtime, pod):
        cri_pod.present(runtime, pod())
        runtime.ends = {"c0": [None, None, 9]}
        error = failure(runtime, pod(), wait="completed")
        assert "The pod was not changed" in str(error)
        assert len(runtime.pods) == 1

    def test_does_not_wait_with_wait_none(self, runtime, pod):
        runtime.ends = {"c0": [5]}
        assert cri_pod.present(runtime, pod(), wait="none")["containers"][0]["exit_code"] == 5

    def test_a_pod_that_does_not_complete_in_time_is_removed_with_its_grace_period(self, runtime, pod):
        error = failure(runtime, pod(terminationGracePeriodSeconds=4), wait="completed", wait_timeout=3)
        assert "not completed in time: container c0 is running" in str(error)
        assert runtime.pods == runtime.containers == {}
        (stop,) = [call for call in runtime.calls if call[0] == "stop"]
        assert stop[1:3] == ("--timeout", "4")

    def test_check_mode_only_reads(self, runtime, pod):
        predicted = cri_pod.present(runtime, pod(), check=True)
        assert (predicted["changed"], predicted["pulled"], predicted["containers"]) == (True, ["app:1"], [])
        assert sorted(runtime.names()) == ["inspecti", "pods", "ps"]


class TestReplacement:
    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(
                lambda item: item.update(state="CONTAINER_EXITED", code=1), id="a container has failed"
            ),
            pytest.param(
                lambda item: item.update(state="CONTAINER_CREATED"), id="a container was never started"
            ),
            pytest.param(lambda item: item.update(state="CONTAINER_UNKNOWN"), id="a container is unknown"),
            pytest.param(lambda item: item["metadata"].update(name="x"), id="a container is missing"),
        ],
    )
    def test_an_incomplete_pod_is_replaced(self, runtime, pod, spoil):
        first = cri_pod.present(runtime, pod())
        for item in runtime.containers.values():
            item["metadata"] = dict(item["metadata"])
            spoil(item)
        second = cri_pod.present(runtime, pod())
        assert (second["changed"], [each["id"] for each in second["removed"]]) == (True, [first["pod"]["id"]])

    @pytest.mark.parametrize("grace", ["", "-1", "\N{SUPERSCRIPT TWO}", "9" * 5000, "1.5", "x"])
    def test_an_invalid_grace_period_is_replaced_with_the_default(self, runtime, pod, grace):
        cri_pod.present(runtime, pod())
        for item in runtime.containers.values():
            item["annotations"] = {**item["annotations"], cri_pod.GRACE: grace}
        cri_pod.absent(runtime, "web", "default")
        (stop,) = [call for call in runtime.calls if call[0] == "stop"]
        assert stop[1:3] == ("--timeout", "30")

    def test_a_pod_of_ours_with_a_nameless_container_is_replaced(self, runtime, pod):
        cri_pod.present(runtime, pod({}, {}))
        item = next(iter(runtime.containers.values()))
        item["metadata"] = {}
        assert cri_pod.present(runtime, pod({}, {}))["changed"] is True

    def test_a_pod_without_a_ready_sandbox_is_replaced_unless_it_has_succeeded(self, runtime, pod):
        first = cri_pod.present(runtime, pod())
        runtime.pods[first["pod"]["id"]]["state"] = "SANDBOX_NOTREADY"
        second = cri_pod.present(runtime, pod())
        assert second["changed"] is True
        runtime.pods[second["pod"]["id"]]["state"] = "SANDBOX_NOTREADY"
        runtime.ends = {"c0": [0]}
        assert cri_pod.present(runtime, pod())["changed"] is False

    def test_both_pods_that_an_interrupted_call_left_are_replaced(self, runtime, pod):
        for _time in range(2):
            runtime.do_runp(pod()["sandbox"])
        left = set(runtime.pods)
        made = cri_pod.present(runtime, pod())
        assert {each["id"] for each in made["removed"]} == left
        assert list(runtime.pods) == [made["pod"]["id"]]

    def test_a_failed_pull_removes_nothing(self, runtime, pod):
        cri_pod.present(runtime, pod())
        runtime.fails = {"pull": "manifest unknown"}
        with pytest.raises(CrictlError, match="manifest unknown"):
            cri_pod.present(runtime, pod({"image": "other:1"}))
        assert [item["state"] for item in runtime.containers.values()] == ["CONTAINER_RUNNING"]

    def test_a_pod_of_somebody_else_is_refused_even_beside_one_of_ours(self, runtime, pod):
        cri_pod.present(runtime, pod())
        runtime.pods["other"] = STRANGER
        assert "was not created by this module" in str(failure(runtime, pod()))
        with pytest.raises(PodError, match="is not changed"):
            cri_pod.absent(runtime, "web", "default")
        assert len(runtime.pods) == 2

    def test_a_pod_with_a_similar_name_is_ignored(self, runtime, pod):
        runtime.pods["other"] = {**STRANGER, "metadata": {"name": "webb", "namespace": "default", "uid": "u"}}
        assert cri_pod.present(runtime, pod())["changed"] is True


class TestFailure:
    @pytest.mark.parametrize("command", ["runp", "create", "start", "inspectp"])
    def test_at_any_step_leaves_nothing(self, runtime, pod, command, tmp_path):
        runtime.fails = {command: "no room"}
        error = failure(runtime, pod())
        assert "no room" in str(error)
        assert "The pod was removed again" in str(error)
        assert runtime.pods == runtime.containers == {}
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("status", [None, [], {}, {"status": []}, {"status": {"id": "--all"}}])
    def test_an_invalid_answer_leaves_nothing(self, runtime, pod, status):
        runtime.do_inspectp = lambda *_words: status
        assert "The pod was removed again" in str(failure(runtime, pod()))
        assert runtime.pods == runtime.containers == {}

    @pytest.mark.parametrize("printed", ["", "\n", "--all", "a\0b", "x" * 1000])
    def test_an_invalid_id_leaves_nothing(self, runtime, pod, printed):
        runtime.do_create = lambda *_words: printed
        assert "crictl printed" in str(failure(runtime, pod()))
        assert runtime.pods == runtime.containers == {}

    def test_a_log_directory_that_cannot_be_created_is_named(self, runtime, pod, tmp_path):
        folder = pathlib.Path(pod()["sandbox"]["log_directory"])
        folder.mkdir()
        (folder / "c0").touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pod_host, "remove_logs", lambda *_names: None)
            error = failure(runtime, pod())
        assert f"cannot create the log directory {folder}/c0: File exists" in str(error)

    def test_names_the_container_instead_of_its_id(self, runtime, pod):
        runtime.fails = {"start": 'starting the container "container3": exec format error'}
        error = failure(runtime, pod())
        assert 'starting the container "c0": exec format error' in str(error)
        assert error.container == "c0"

    def test_reports_what_is_left(self, runtime, pod):
        runtime.fails = {"start": "no room", "rmp": "busy"}
        assert "The pod still exists, because it could not be removed: crictl rmp failed: busy" in str(
            failure(runtime, pod())
        )

    def test_reports_that_the_former_pod_is_gone(self, runtime, pod):
        cri_pod.present(runtime, pod())
        runtime.fails = {"create": "no room"}
        error = failure(runtime, pod({"args": ["x"]}))
        assert error.changed is True
        assert "the previous pod had already been removed" in str(error)


class TestAbsent:
    def test_removing_a_missing_pod_changes_nothing(self, runtime):
        assert cri_pod.absent(runtime, "web", "default") == {"changed": False, "removed": []}

    def test_a_pod_that_vanishes_meanwhile_is_not_an_error(self, runtime, pod):
        cri_pod.present(runtime, pod())

        def gone(*_arguments):
            raise CrictlError("ID does not exist", "not_found")

        runtime.do_rmp = gone
        assert cri_pod.absent(runtime, "web", "default")["changed"] is True


def test_the_logs_of_a_pod_are_removed_although_the_daemon_ended_before_it_had_the_pod(
    runtime, pod, tmp_path
):
    made = pod()

    def end(command, *_arguments):
        if command == "runp":
            runtime.fails = dict.fromkeys(("runp", "pods", "ps"), "connection refused")

    runtime.on_call = end
    with pytest.raises(PodError, match="connection refused"):
        cri_pod.present(runtime, made)
    assert list(tmp_path.iterdir())
    runtime.on_call, runtime.fails = lambda *_call: None, {}
    cri_pod.discard(runtime, made["name"], made["namespace"], made["uid"])
    assert list(tmp_path.iterdir()) == []


SECRET = {"env": [{"name": "PIN", "value": "1234"}]}


class TestHash:
    """The annotation of a pod that has a secret in its environment."""

    def test_the_runtime_gets_no_hash_that_only_depends_on_the_configuration(self, runtime, pod):
        desired = pod(SECRET)
        cri_pod.present(runtime, desired)
        plain = desired["sandbox"]["annotations"][cri_pod.HASH]
        assert {call[0] for call in runtime.calls} >= {"pull", "runp", "create"}
        assert plain not in str(runtime.calls)
        (made,) = runtime.pods.values()
        assert made["annotations"][cri_pod.HASH].startswith("hmac-sha256:")
        assert config_hash.is_of(made["annotations"][cri_pod.HASH], desired)
        assert pathlib.Path(config_hash.KEY).read_bytes().hex() not in str(runtime.calls)

    def test_the_same_configuration_is_recognised_and_another_one_is_not(self, runtime, pod):
        assert cri_pod.present(runtime, pod(SECRET))["changed"] is True
        assert cri_pod.present(runtime, pod(SECRET))["changed"] is False
        other = {"env": [{"name": "PIN", "value": "4321"}]}
        assert cri_pod.present(runtime, pod(other), check=True)["changed"] is True
        assert len(cri_pod.present(runtime, pod(other))["removed"]) == 1

    @pytest.mark.parametrize("check", [True, False])
    def test_a_pod_of_an_earlier_version_is_recognised_and_no_key_is_created(self, runtime, pod, check):
        cri_pod.present(runtime, pod(SECRET), keyed=False)
        (made,) = runtime.pods.values()
        assert made["annotations"][cri_pod.HASH] == pod(SECRET)["sandbox"]["annotations"][cri_pod.HASH]
        assert cri_pod.present(runtime, pod(SECRET), check=check)["changed"] is False
        assert not pathlib.Path(config_hash.KEY).parent.exists()

    def test_a_pod_of_an_earlier_version_that_changed_is_replaced_by_one_with_a_keyed_hash(
        self, runtime, pod
    ):
        cri_pod.present(runtime, pod(), keyed=False)
        assert len(cri_pod.present(runtime, pod(SECRET))["removed"]) == 1
        (made,) = runtime.pods.values()
        assert made["annotations"][cri_pod.HASH].startswith("hmac-sha256:")

    @pytest.mark.parametrize("damage", [pathlib.Path.unlink, lambda path: path.write_bytes(b"")])
    def test_without_its_key_a_pod_is_replaced_as_check_mode_predicts(self, runtime, pod, damage):
        cri_pod.present(runtime, pod(SECRET))
        key = pathlib.Path(config_hash.KEY)
        damage(key)
        before = key.exists() and key.read_bytes()
        assert cri_pod.present(runtime, pod(SECRET), check=True)["changed"] is True
        assert (key.exists() and key.read_bytes()) == before
        assert len(runtime.pods) == 1
        assert cri_pod.present(runtime, pod(SECRET))["changed"] is True
        assert cri_pod.present(runtime, pod(SECRET))["changed"] is False

    def test_check_mode_creates_no_key(self, runtime, pod):
        assert cri_pod.present(runtime, pod(SECRET), check=True)["changed"] is True
        assert not pathlib.Path(config_hash.KEY).parent.exists()

    def test_without_a_key_that_can_be_created_the_former_pod_stays(self, runtime, pod):
        cri_pod.present(runtime, pod(), keyed=False)
        pathlib.Path(config_hash.KEY).mkdir(parents=True)
        error = failure(runtime, pod(SECRET))
        assert "the key for the hashes of pods cannot be created: " in str(error)
        assert len(runtime.pods) == 1


def test_controller_and_node_share_their_constants():
    """The node looks for the annotations that the controller writes."""
    assert cri_pod.HASH == pod_manifest.HASH
    assert cri_pod.GRACE == container.GRACE
    assert pod_host.LOGS == pod_manifest.LOGS
