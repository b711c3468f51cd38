# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what crictl_image checks and completes on the controller, and when it sends an archive."""

import hashlib
from unittest import mock

import pytest

from images import docker_archive

APP = "example.com/app:1"
DIGEST = f"sha256:{'a' * 64}"


def answered(**more):
    """Return a node that answers each request with this result."""
    return lambda _request: {"changed": False, "images": [], **more}


def request(run, arguments, **more):
    """Return the request of a task that makes one call."""
    task = run("crictl_image", arguments, answered(), **more)
    assert not task.result.get("failed"), task.result
    (call,) = task.calls
    return call["request"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("quay.io/app", ["quay.io/app:latest"]),
        (["docker.io/nginx:1", "docker.io/library/nginx:1"], ["docker.io/library/nginx:1"]),
        ([f"quay.io/app:1@{DIGEST}"], [f"quay.io/app@{DIGEST}"]),
        (["nginx", "app:1"], ["nginx", "app:1"]),
        ("localhost/app:1,quay.io/b:2", ["localhost/app:1", "quay.io/b:2"]),
    ],
)
def test_names_are_completed_as_runtimes_list_them(run, given, sent):
    assert request(run, {"name": given})["name"] == sent


def test_an_id_can_only_be_removed(run, refused):
    identity = "b" * 64
    for given in (identity, f"sha256:{identity}"):
        assert request(run, {"name": given, "state": "absent"})["name"] == [given]
        assert "is the ID of an image, which no registry knows" in refused("crictl_image", {"name": given})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "crictl_image: name: is missing"),
        ({"name": []}, "crictl_image: name: is missing"),
        (
            {"name": ["Quay.io/App"]},
            'name[0] = "Quay.io/App": is not an image name: invalid reference format: repository name must be lowercase',
        ),
        ({"name": ["quay.io/app@sha256:12"]}, "is not an image name"),
        ({"name": ["--all"]}, "is not an image name"),
        ({"name": ["a\nb"]}, "a single line"),
        ({"name": APP, "state": "gone"}, "value of state must be one of: present, latest, absent"),
        ({"name": APP, "sha256": "a" * 64}, "sha256: is only for archive"),
        ({"name": APP, "remote_src": True}, "remote_src: is only for archive"),
        ({"archive": "a.tar", "state": "latest"}, "archive: cannot be combined with state: latest"),
        ({"archive": "a.tar", "sha256": "12"}, 'sha256 = "12": is not a SHA-256'),
        ({"name": APP, "username": "ops"}, "password: is missing; accepted: username and password together"),
        ({"name": APP, "password": "CANARY"}, "username: is missing"),
        ({"name": APP, "username": "a:b", "password": "CANARY"}, "username: contains a colon"),
        ({"name": APP, "username": "a", "password": "CANARY\0"}, "password: contains a NUL character"),
        (
            {"name": [APP, "quay.io/a"], "username": "a", "password": "CANARY"},
            "would be sent to more than one registry",
        ),
        ({"name": "app:1", "username": "a", "password": "CANARY"}, "a short name does not show"),
        (
            {"name": APP, "state": "absent", "username": "a", "password": "CANARY"},
            "username: is only for pulls",
        ),
        ({"name": APP, "pull_timeout": 0}, "pull_timeout is 0; it must be at least 1 second"),
        ({"name": APP, "endpoint": "tcp://x"}, "is not the path of a socket"),
    ],
)
def test_an_invalid_option_is_refused_without_a_call(refused, arguments, expected):
    message = refused("crictl_image", arguments)
    assert expected in message
    assert "CANARY" not in message


def test_a_password_of_several_lines_is_not_repeated(run):
    task = run(
        "crictl_image", {"name": APP, "username": "a", "password": "CANARY\nCANARY2"}, answered(), diff=True
    )
    assert task.calls[0]["secrets"] == {"password": "CANARY\nCANARY2"}
    assert "CANARY" not in str(task.calls[0]["request"])
    assert "CANARY" not in str(task.result)


def test_the_failure_of_a_node_keeps_what_is_known_of_each_image(run):
    images = [{"name": APP, "action": "pull", "changed": False, "error": "no"}]
    failure = {"failed": True, "msg": "CANARY\x1b[2J", "kind": "failed", "changed": True, "images": images}
    arguments = {"name": APP, "username": "a", "password": "CANARY"}
    task = run("crictl_image", arguments, lambda _request: failure)
    assert (task.result["images"], task.result["changed"], task.result["kind"]) == (images, True, "failed")
    assert task.message == "********\ufffd[2J"


@pytest.mark.parametrize(
    ("image", "check", "diff"),
    [
        (
            {"action": "pull", "id": "new"},
            False,
            {"before": "", "after": f"image {APP}: new\n"},
        ),
        (
            {"action": "pull", "id": "new", "previous_id": "old"},
            False,
            {"before": f"image {APP}: old\n", "after": f"image {APP}: new\n"},
        ),
        (
            {"action": "pull", "id": "old"},
            True,
            {"before": f"image {APP}: old\n", "after": f"image {APP}: (known after the pull)\n"},
        ),
        ({"action": "import"}, True, {"before": "", "after": f"image {APP}: (known after the import)\n"}),
        ({"action": "remove", "id": "old"}, False, {"before": f"image {APP}: old\n", "after": ""}),
    ],
)
def test_the_diff_shows_names_and_ids(run, image, check, diff):
    images = [{"name": APP, "changed": True, **image}, {"name": "b", "action": "none", "changed": False}]
    node = answered(changed=True, images=images)
    task = run("crictl_image", {"name": APP}, node, diff=True, check_mode=check)
    assert task.result["diff"] == diff


class TestArchive:
    @pytest.fixture
    def archive(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "files").mkdir()
        self.ids = docker_archive(tmp_path / "files" / "app.tar", ("a", [APP]))
        return tmp_path / "files" / "app.tar"

    def sent(self, run, arguments, *needs, **more):
        """Return the task, and the paths that were sent, for a node that answers with needs_archive."""
        answers = iter(needs)
        transfers = []
        with mock.patch(
            "ansible_collections.cri.node.plugins.action.crictl_image.ActionModule._transfer_file",
            lambda _action, path, _remote: transfers.append(path),
        ):

            def node(_request):
                return {"changed": True, "images": [], "needs_archive": next(answers)}

            task = run("crictl_image", arguments, node, **more)
        assert not task.result.get("failed"), task.result
        assert "needs_archive" not in task.result
        return task, transfers

    def test_is_sent_only_if_the_node_does_not_have_its_images(self, run, archive):
        for given in ("app.tar", str(archive)):
            task, transfers = self.sent(run, {"archive": given}, False)
            assert (len(task.calls), transfers) == (1, [])
            task, transfers = self.sent(run, {"archive": given}, True, False)
            assert transfers == [str(archive)]
            first, second = (call["request"] for call in task.calls)
            assert first["archive"] == ""
            assert second["archive"]
            assert first["wanted"] == {
                "kind": "docker-archive",
                "images": [{"source": "", "names": [APP], "ids": self.ids}],
            }

    def test_is_not_sent_in_check_mode(self, run, archive):
        task, transfers = self.sent(run, {"archive": "app.tar"}, True, check_mode=True)
        assert (len(task.calls), transfers, task.result["changed"]) == (1, [], True)

    def test_its_image_gets_the_given_names(self, run, archive):
        task, _transfers = self.sent(run, {"archive": "app.tar", "name": ["quay.io/new"]}, False)
        assert task.calls[0]["request"]["wanted"]["images"][0]["names"] == ["quay.io/new:latest"]

    def test_on_the_node_is_read_there(self, run):
        arguments = {"archive": "/srv/app.tar", "remote_src": True, "sha256": "A" * 64, "name": [APP]}
        sent = request(run, arguments)
        assert (sent["archive"], sent["sha256"], sent["name"]) == ("/srv/app.tar", "A" * 64, [APP])

    def test_with_the_expected_sha256_is_accepted(self, run, archive, refused):
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        self.sent(run, {"archive": "app.tar", "sha256": digest.upper()}, False)
        message = refused("crictl_image", {"archive": "app.tar", "sha256": "a" * 64})
        assert message == f"crictl_image: the archive app.tar has the SHA-256 {digest}, not {'a' * 64}"

    def test_that_cannot_be_read_is_refused_by_name(self, refused, archive):
        (archive.parent / "text.tar").write_text("no archive" * 100)
        docker_archive(archive.parent / "nameless.tar", ("a", []))
        docker_archive(archive.parent / "two.tar", ("a", [APP]), ("b", [APP]))
        for arguments, expected in (
            ({"archive": "missing.tar"}, '"missing.tar": there is no such file on the controller'),
            ({"archive": str(archive.parent)}, "is not a regular file"),
            ({"archive": "text.tar"}, "the archive text.tar cannot be imported: it is not a readable tar"),
            (
                {"archive": "nameless.tar"},
                "the archive nameless.tar contains an image without a name; set name",
            ),
            ({"archive": "two.tar", "name": [APP]}, "contains 2 images, so that name cannot rename them"),
        ):
            assert expected in refused("crictl_image", arguments)

    @pytest.mark.parametrize(("needs", "count"), [(True, 1), (False, 0)])
    def test_of_an_asynchronous_task_is_imported_in_the_background(self, archive, needs, count):
        """Ansible takes the result of such a task from its job, so there is always one."""
        from ansible.parsing.dataloader import DataLoader

        from ansible_collections.cri.node.plugins.action import crictl_image

        task = mock.Mock(async_val=60, check_mode=False, diff=True, args={"archive": str(archive)})
        task.get_search_path.return_value = []
        action = crictl_image.ActionModule(
            task, mock.Mock(), mock.Mock(), DataLoader(), mock.Mock(), mock.Mock()
        )
        action._transfer_file = mock.Mock()
        action._execute_module = mock.Mock(
            side_effect=[
                {"changed": needs, "images": [], "needs_archive": needs},
                {"ansible_job_id": "j1", "started": 1, "finished": 0, "changed": True},
            ]
        )
        result = action.run(task_vars={"inventory_hostname": "node1"})
        assert result["ansible_job_id"] == "j1"
        assert [call.kwargs["wrap_async"] for call in action._execute_module.call_args_list] == [False, True]
        assert action._transfer_file.call_count == count
