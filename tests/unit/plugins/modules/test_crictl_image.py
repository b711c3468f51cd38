# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what crictl_image and crictl_image_prune do on a node, whose programs behave as CRI-O's or containerd's."""

import importlib
import json
import socket
from unittest import mock

import pytest
import yaml

from ansible_collections.cri.node.plugins.module_utils.image import ways
from images import docker_archive
from images.fake_node import FakeNode

APP, OTHER = "example.com/app:1", "example.com/other:1"
DIGEST = f"sha256:{'d' * 64}"
LIVE = {
    "crio.root": '"/var/lib/containers/storage"',
    "crio.runroot": '"/run/containers/storage"',
    "crio.storage_driver": '"overlay"',
    "crio.storage_option": '["overlay.mountopt=nodev,metacopy=on", "overlay.size=10G"]',
    "crio.imagestore": '""',
    "crio.image.signature_policy": '""',
}
STORE = "containers-storage:[overlay@/var/lib/containers/storage+/run/containers/storage:overlay.size=10G]"


@pytest.fixture
def node(tmp_path):
    path = str(tmp_path / "cri.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(100)
        yield FakeNode(tmp_path / "node", path)


@pytest.fixture(params=["cri-o", "containerd"])
def any_node(request, node):
    """A node with each runtime."""
    node.change(runtime=request.param)
    return node


@pytest.fixture
def live(monkeypatch):
    """The configuration that CRI-O reports, which a test may change."""
    found = dict(LIVE)
    monkeypatch.setattr(ways, "live_configuration", lambda _socket, _timeout: found)
    monkeypatch.setattr(ways, "PATH", "/usr/bin:/bin")
    return found


def published(identity, **more):
    return {"id": identity * 32, "digest": f"sha256:{identity * 32}", **more}


def actions(result):
    return [(image["name"], image["action"], image["changed"]) for image in result["images"]]


class TestPresent:
    def test_only_missing_images_are_pulled(self, any_node):
        any_node.add("aa", APP)
        any_node.change(registry={OTHER: published("bb")})
        result = any_node.image(name=[APP, OTHER])
        assert result["changed"] is True
        assert actions(result) == [(APP, "none", False), (OTHER, "pull", True)]
        pulled = result["images"][1]
        assert pulled["id"].endswith("bb" * 32)
        assert (pulled["size"], pulled["tags"]) == (1000, [OTHER])
        assert isinstance(pulled["seconds"], float)
        assert "seconds" not in result["images"][0]

    def test_images_that_are_there_take_one_call(self, any_node):
        any_node.add("aa", APP, digests=(f"example.com/app@{DIGEST}",))
        result = any_node.image(name=[APP, f"example.com/app@{DIGEST}"])
        assert result["changed"] is False
        assert any_node.calls() == [["images", "-o", "json"]]

    def test_check_mode_predicts_the_pulls(self, any_node):
        any_node.add("aa", APP)
        any_node.change(registry={OTHER: published("bb")})
        predicted = any_node.image(name=[APP, OTHER], check=True)
        assert "pull" not in [call[0] for call in any_node.calls()]
        assert actions(predicted) == actions(any_node.image(name=[APP, OTHER]))
        assert predicted["warnings"] == []

    def test_a_short_name_is_resolved_by_the_runtime(self, node):
        node.change(search=["quay.io"])
        node.add("aa", "quay.io/app:1")
        result = node.image(name=["app:1"])
        assert (result["changed"], result["images"][0]["tags"]) == (False, ["quay.io/app:1"])

    def test_each_failed_pull_is_reported_and_the_others_are_kept(self, node):
        node.change(registry={APP: published("aa"), "example.com/bad:1": {"error": "manifest unknown"}})
        result = node.image(name=[APP, "example.com/bad:1", OTHER])
        assert result["failed"] is True
        assert result["changed"] is True
        assert result["msg"].startswith(
            "2 of 3 images could not be pulled: example.com/bad:1: crictl pull failed"
        )
        assert ["error" in image for image in result["images"]] == [False, True, True]
        assert node.tags() == [APP]

    def test_one_failed_pull_is_one_sentence(self, node):
        result = node.image(name=[OTHER])
        assert (
            result["msg"]
            == f"the image {OTHER} could not be pulled: crictl pull failed: pulling image: rpc error: code = NotFound"
            " desc = manifest unknown"
        )
        assert (result["changed"], result["kind"]) == (False, "failed")


class TestCredentials:
    def test_are_only_in_the_environment_of_crictl(self, node):
        node.change(registry={APP: published("aa", credentials="ops:swordfish:1")})
        result = node.image(name=[APP], username="ops", secrets={"password": "swordfish:1"})
        assert result["changed"] is True
        kept = (node.folder / "calls.jsonl").read_text()
        assert all("swordfish" not in json.dumps(call) for call in node.calls())
        assert "ops:swordfish:1" in kept
        assert "swordfish" not in json.dumps(result)

    def test_of_the_environment_of_ansible_are_not_used(self, node, monkeypatch):
        monkeypatch.setenv("CRICTL_CREDS", "somebody:else")
        monkeypatch.setenv("CRICTL_AUTH", "c29tZWJvZHk6ZWxzZQ==")
        node.change(registry={APP: published("aa")})
        node.image(name=[APP])
        assert "somebody" not in (node.folder / "calls.jsonl").read_text()

    def test_a_failed_pull_does_not_repeat_the_password(self, node):
        node.change(registry={APP: {"error": "unauthorized: swordfish is not the password of ops"}})
        result = node.image(name=[APP], username="ops", secrets={"password": "swordfish"})
        assert result["failed"] is True
        assert "swordfish" not in json.dumps(result)


class TestLatest:
    def test_a_tag_that_moved_is_a_change_with_the_previous_id(self, any_node):
        former = any_node.add("aa", APP)
        any_node.change(registry={APP: published("bb")})
        (image,) = any_node.image(name=[APP], state="latest")["images"]
        assert (image["changed"], image["previous_id"]) == (True, former)

    def test_the_same_image_is_no_change(self, any_node):
        any_node.change(registry={APP: published("aa")})
        assert any_node.image(name=[APP], state="latest")["changed"] is True
        again = any_node.image(name=[APP], state="latest")
        assert actions(again) == [(APP, "pull", False)]

    def test_the_same_configuration_with_another_digest_is_a_change(self, node):
        node.change(registry={APP: published("aa")})
        node.image(name=[APP])
        node.change(registry={APP: {"id": "aa" * 32, "digest": DIGEST}})
        assert node.image(name=[APP], state="latest")["changed"] is True

    def test_an_image_by_digest_is_not_pulled_again(self, node):
        name = f"example.com/app@{DIGEST}"
        node.add("aa", digests=(name,))
        assert actions(node.image(name=[name], state="latest")) == [(name, "none", False)]

    def test_check_mode_says_that_it_cannot_know(self, node):
        node.add("aa", APP)
        result = node.image(name=[APP, OTHER], state="latest", check=True)
        assert result["changed"] is True
        (warning,) = result["warnings"]
        assert (
            warning == f"whether the pull changes {APP} is only known after it; check mode reports a change"
        )


class TestAbsent:
    def test_an_image_is_removed_and_then_absent(self, any_node):
        any_node.add("aa", APP)
        any_node.add("bb", OTHER)
        predicted = any_node.image(name=[APP], state="absent", check=True)
        assert any_node.tags() == [APP, OTHER]
        result = any_node.image(name=[APP], state="absent")
        assert predicted == result
        assert actions(result) == [(APP, "remove", True)]
        assert any_node.tags() == [OTHER]
        assert any_node.image(name=[APP], state="absent")["changed"] is False

    def test_an_id_means_the_image_with_all_its_names(self, any_node):
        for given in ("aa" * 32, f"sha256:{'aa' * 32}", f"example.com/app@{DIGEST}", "aa" * 6):
            any_node.add("aa", APP, OTHER, digests=(f"example.com/app@{DIGEST}",))
            assert any_node.image(name=[given], state="absent")["changed"] is True, given
            assert any_node.tags() == []

    def test_cri_o_keeps_the_other_names_of_an_image(self, node):
        node.use(node.add("aa", APP, OTHER))
        assert node.image(name=[APP], state="absent")["changed"] is True
        assert node.tags() == [OTHER]

    def test_containerd_would_remove_the_other_names_and_is_not_asked_to(self, node):
        node.change(runtime="containerd")
        node.add("aa", APP, OTHER)
        result = node.image(name=[APP], state="absent")
        assert result["msg"] == (
            f"containerd removes an image with all its names, and the image {APP} is also {OTHER}; list all of its"
            " names, or use its ID"
        )
        assert node.tags() == [APP, OTHER]
        assert node.image(name=[APP, OTHER], state="absent")["changed"] is True
        assert node.tags() == []

    def test_a_pinned_image_is_kept_and_so_are_the_others(self, any_node):
        any_node.add("aa", APP)
        any_node.add("bb", OTHER, pinned=True)
        for check in (True, False):
            result = any_node.image(name=[APP, OTHER], state="absent", check=check)
            assert result["kind"] == "pinned"
            assert f"the image {OTHER} is pinned and was not removed" in result["msg"]
            assert any_node.tags() == [APP, OTHER]

    def test_an_image_of_a_container_is_kept_in_any_state_of_it(self, any_node):
        identity = any_node.add("aa", APP)
        any_node.use(identity)
        any_node.use(identity, "init", "EXITED")
        for check in (True, False):
            result = any_node.image(name=[APP], state="absent", check=check)
            assert result["kind"] == "in_use"
            assert result["msg"] == (
                f"the image {APP} was not removed, because 2 containers use it: shop/shop-1/web (running),"
                " shop/shop-1/init (exited); remove the containers first"
            )
        assert any_node.tags() == [APP]

    def test_many_containers_are_counted(self, node):
        identity = node.add("aa", APP)
        for number in range(7):
            node.use(identity, f"c{number}")
        message = node.image(name=[APP], state="absent")["msg"]
        assert "c4 (running) and 2 more" in message
        assert "c5" not in message

    def test_a_short_name_that_means_several_tags_is_refused(self, node):
        node.change(search=["quay.io", "docker.io"])
        node.add("aa", "quay.io/app:1", "docker.io/app:1")
        assert "does not show which name" in node.image(name=["app:1"], state="absent")["msg"]
        node.change(images=[])
        node.add("aa", "quay.io/app:1", OTHER)
        assert node.image(name=["app:1"], state="absent")["changed"] is True
        assert node.tags() == [OTHER]


class TestImport:
    def archive(self, tmp_path, *images, **more):
        path = tmp_path / "images.tar"
        ids = docker_archive(path, *images, **more)
        return str(path), ids

    def run(self, node, archive, check=False, **more):
        return node.image(archive=archive, check=check, **more)

    @pytest.mark.parametrize("program", ["skopeo", "podman"])
    def test_cri_o_gets_the_images_with_their_names_once(self, node, live, tmp_path, program):
        node.install(program)
        archive, ids = self.archive(tmp_path, ("a", [APP]), ("b", [OTHER, "example.com/other:2"]))
        predicted = self.run(node, archive, check=True)
        assert node.tags() == []
        result = self.run(node, archive)
        assert actions(predicted) == actions(result)
        assert [image["id"] for image in result["images"]] == [ids[0], ids[1], ids[1]]
        assert {type(image["seconds"]) for image in result["images"]} == {float}
        assert node.tags() == [APP, OTHER, "example.com/other:2"]
        before = len(node.calls(program))
        again = self.run(node, archive)
        assert (again["changed"], len(node.calls(program))) == (False, before)

    def test_skopeo_writes_to_the_store_that_cri_o_reports(self, node, live, tmp_path):
        live["crio.image.signature_policy"] = '"/etc/crio/policy.json"'
        node.install("skopeo")
        archive, _ids = self.archive(tmp_path, ("a", [APP]))
        self.run(node, archive)
        assert node.calls("skopeo") == [
            [
                "--policy",
                "/etc/crio/policy.json",
                "copy",
                "--quiet",
                "docker-archive:/proc/self/fd/0",
                STORE + APP,
            ]
        ]

    def test_containerd_gets_the_images_from_ctr(self, node, live, tmp_path):
        node.change(runtime="containerd")
        node.install("ctr")
        archive, _ids = self.archive(tmp_path, ("a", [APP]), ("b", [OTHER]), compressed=True)
        assert self.run(node, archive)["changed"] is True
        assert node.tags() == [APP, OTHER]
        assert len([call for call in node.calls("ctr") if "import" in call]) == 1
        assert all(
            call[:4] == ["--address", node.socket_path, "--namespace", "k8s.io"] for call in node.calls("ctr")
        )
        assert self.run(node, archive)["changed"] is False

    @pytest.mark.parametrize(
        ("runtime", "program"), [("cri-o", "skopeo"), ("cri-o", "podman"), ("containerd", "ctr")]
    )
    def test_a_new_name_replaces_those_of_the_archive(self, node, live, tmp_path, runtime, program):
        node.change(runtime=runtime)
        node.install(program)
        former = node.add("bb", "example.com/new:1", "example.com/kept:1")
        archive, ids = self.archive(tmp_path, ("a", ["example.com/former:1"]))
        result = self.run(node, archive, name=["example.com/new:1", "example.com/new:2"])
        assert node.tags() == ["example.com/kept:1", "example.com/new:1", "example.com/new:2"]
        assert [image.get("previous_id") for image in result["images"]] == [former, None]
        assert all(image["id"].endswith(ids[0]) for image in result["images"])

    def test_a_name_that_another_image_of_the_node_has_is_not_removed(self, node, live, tmp_path):
        node.change(runtime="containerd")
        node.install("ctr")
        archive, _ids = self.archive(tmp_path, ("a", ["example.com/former:1"]))
        self.run(node, archive)
        self.run(node, archive, name=["example.com/new:1"])
        assert node.tags() == ["example.com/former:1", "example.com/new:1"]

    @pytest.mark.parametrize(
        ("runtime", "words"),
        [
            ("cri-o", "with skopeo or podman, and this node has neither; install one of them"),
            ("containerd", "with ctr, which this node does not have"),
            ("isulad", "how to import an archive into the runtime isulad is not known"),
        ],
    )
    def test_a_node_that_cannot_import_is_one_clear_error_also_in_check_mode(
        self, node, live, tmp_path, runtime, words
    ):
        node.change(runtime=runtime)
        archive, _ids = self.archive(tmp_path, ("a", [APP]))
        with mock.patch.object(ways.shutil, "which", return_value=None):
            results = [ways_error(node, archive, check) for check in (True, False)]
        assert all(words in message for message in results)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"crio.imagestore": '"/srv/images"'}, "CRI-O keeps its images in /srv/images (crio.imagestore)"),
            ({"crio.root": '"/srv/a+b"'}, "skopeo does not accept the setting /srv/a+b of CRI-O's store"),
            ({"crio.storage_option": "nonsense"}, "storage_option is not a list"),
            ({"crio.runroot": '""'}, "storage_driver, root or runroot is missing"),
            ({"crio.storage_driver": "5"}, "CRI-O does not report the value of crio.storage_driver"),
        ],
    )
    def test_a_store_that_cannot_be_written_is_named(self, node, live, tmp_path, changes, words):
        live.update(changes)
        node.install("skopeo")
        archive, _ids = self.archive(tmp_path, ("a", [APP]))
        assert words in self.run(node, archive)["msg"]
        assert node.calls("skopeo") == []

    def test_a_failed_import_has_the_last_line_of_the_program(self, node, live, tmp_path):
        path = node.folder / "bin" / "skopeo"
        path.write_text(
            "#!/bin/sh\necho Copying >&2; echo 'no space left for https://a:hunter2@b/' >&2; exit 1\n"
        )
        path.chmod(0o755)
        archive, _ids = self.archive(tmp_path, ("a", [APP]))
        result = self.run(node, archive)
        assert result["msg"] == (
            "the archive could not be imported: skopeo: no space left for https://***@b/"
        )

    def test_an_import_that_the_runtime_does_not_see_is_an_error(self, node, live, tmp_path):
        path = node.folder / "bin" / "skopeo"
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        archive, _ids = self.archive(tmp_path, ("a", [APP]))
        result = self.run(node, archive, timeout=1)
        assert result["msg"] == f"the runtime does not list {APP} after the import"

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"sha256": "a" * 64}, "has the SHA-256"),
            ({"name": ["example.com/new:1"]}, "contains 2 images, so that name cannot rename them"),
        ],
    )
    def test_another_archive_than_the_expected_one_is_refused(self, node, live, tmp_path, more, words):
        archive, _ids = self.archive(tmp_path, ("a", [APP]), ("b", [OTHER]))
        assert words in self.run(node, archive, **more)["msg"]

    @pytest.mark.parametrize("name", ["missing.tar", ".", "pipe"])
    def test_a_path_that_is_not_a_file_is_refused_at_once(self, node, live, tmp_path, name):
        (tmp_path / "pipe").touch()
        assert "the archive" in self.run(node, f"{tmp_path}/{name}")["msg"]

    def test_an_archive_that_is_not_on_the_node_is_asked_for(self, node, live, tmp_path):
        node.install("skopeo")
        wanted = {"kind": "docker-archive", "images": [{"source": "", "names": [APP], "ids": ["aa" * 32]}]}
        assert node.image(archive="", wanted=wanted)["needs_archive"] is True
        node.add("aa", APP)
        assert node.image(archive="", wanted=wanted)["needs_archive"] is False


def ways_error(node, archive, check):
    """Return the message of a run for which only crictl is installed."""
    binary = str(node.folder / "bin" / "crictl")
    with mock.patch(
        "ansible_collections.cri.node.plugins.module_utils.crictl.start._find", return_value=binary
    ):
        return node.image(archive=archive, check=check)["msg"]


class TestPrune:
    @pytest.fixture
    def full(self, node):
        node.add("a1", "example.com/old:1", created="2025-01-01T00:00:00Z")
        node.add("a2", "example.com/new:1", created="2026-06-01T00:00:00Z")
        node.add("a3", "quay.io/old:1", created="2025-01-01T00:00:00Z")
        node.add("a4", "example.com/pinned:1", pinned=True, created="2025-01-01T00:00:00Z")
        node.use(node.add("a5", "example.com/used:1", created="2025-01-01T00:00:00Z"))
        node.add("a6", "example.com/timeless:1")
        return node

    def prune(self, node, **options):
        check, diff = options.pop("check", False), options.pop("diff", False)
        return node.run("crictl_image_prune", check, diff, endpoint=node.socket_path, **options)

    @pytest.mark.parametrize(
        ("options", "removed"),
        [
            ({}, ["example.com/old:1", "example.com/new:1", "quay.io/old:1", "example.com/timeless:1"]),
            ({"name": "example.com/*"}, ["example.com/old:1", "example.com/new:1", "example.com/timeless:1"]),
            ({"name": ["*/old:*"], "keep": ["quay.io/*"]}, ["example.com/old:1"]),
            ({"older_than": "2026-01-31T08:00:00Z"}, ["example.com/old:1", "quay.io/old:1"]),
            ({"older_than": "2026-01-31T08:00:00Z", "name": "quay.io/*"}, ["quay.io/old:1"]),
            ({"name": "*/old:*", "keep": [f"sha256:{'a3' * 32}"]}, ["example.com/old:1"]),
            ({"name": "example.com/used:*"}, []),
            ({"name": "example.com/pinned:*"}, []),
        ],
        ids=json.dumps,
    )
    def test_only_unused_images_that_match_are_removed(self, full, options, removed):
        predicted = self.prune(full, check=True, **options)
        assert len(full.tags()) == 6
        result = self.prune(full, **options)
        assert predicted == result
        assert [image["name"] for image in result["images"]] == removed
        assert len(full.tags()) == 6 - len(removed)
        assert result["changed"] is bool(removed)
        assert self.prune(full, **options)["changed"] is False

    def test_images_without_a_name_are_removed_by_default(self, node):
        identity = node.add("a1")
        assert self.prune(node, name="example.com/*")["images"] == []
        assert [image["name"] for image in self.prune(node)["images"]] == [identity]

    def test_a_container_that_begins_to_use_an_image_meanwhile_is_reported(self, full):
        with mock.patch(
            "ansible_collections.cri.node.plugins.module_utils.image.absent.used_by",
            lambda images, _containers: [[] for _image in images],
        ):
            result = self.prune(full, name="example.com/[ou]*")
        assert result["failed"] is True
        assert result["changed"] is True
        assert result["msg"].startswith(
            "1 of 2 images could not be removed: example.com/used:1: crictl rmi failed"
        )
        assert [image["changed"] for image in result["images"]] == [True, False]

    def test_the_diff_has_the_removed_images(self, full):
        result = self.prune(full, name="quay.io/*", diff=True)
        assert result["diff"] == {"before": f"image quay.io/old:1: {'a3' * 32}\n", "after": ""}

    @pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "10000000d"])
    def test_an_invalid_time_is_refused(self, full, text):
        result = self.prune(full, older_than=text)
        assert result["failed"] is True
        assert result["msg"].startswith("older_than: ")

    def test_options_are_documented_as_declared(self, monkeypatch):
        module = importlib.import_module("ansible_collections.cri.node.plugins.modules.crictl_image_prune")
        fragment = importlib.import_module("ansible_collections.cri.node.plugins.doc_fragments.crictl")
        shared = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
        options = {**shared, **yaml.safe_load(module.DOCUMENTATION)["options"]}
        declared = mock.Mock(side_effect=RuntimeError)
        monkeypatch.setattr(module, "AnsibleModule", declared)
        with pytest.raises(RuntimeError):
            module.main()
        for option in options.values():
            option.pop("description")
        assert options == declared.call_args.kwargs["argument_spec"]


@pytest.mark.parametrize("name", ["crictl_image", "crictl_image_prune"])
def test_returned_values_are_documented(node, name):
    module = importlib.import_module(f"ansible_collections.cri.node.plugins.modules.{name}")
    documented = yaml.safe_load(module.RETURN)
    node.add("aa", APP, created="2025-01-01T00:00:00Z")
    node.change(registry={APP: published("bb")})
    if name == "crictl_image":
        results = [node.image(name=[APP, OTHER], state="latest"), node.image(name=[APP], state="absent")]
    else:
        results = [node.run(name, endpoint=node.socket_path)]
    for result in results:
        assert set(result) - {"changed", "failed", "msg", "warnings"} <= set(documented)
        for image in result["images"]:
            assert set(image) <= set(documented["images"]["contains"])
            always = {
                key for key, each in documented["images"]["contains"].items() if each["returned"] == "success"
            }
            assert always <= set(image)
