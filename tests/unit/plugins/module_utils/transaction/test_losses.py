# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that a start that would lose running containers is refused, based on their monitors if the daemon is down."""

import json
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio import containers, effective
from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service
from ansible_collections.cri.node.plugins.module_utils.errors import TransactionError
from ansible_collections.cri.node.plugins.module_utils.transaction import guards, losses

IDENTITY = "c" * 64
STOPPED = SimpleNamespace(
    unit="crio.service",
    active=False,
    binary="/usr/bin/crio",
    control_group="/system.slice/crio.service",
    properties={},
    drop_ins=list,
)
REQUEST = {"contents": {"/etc/systemd/system/crio.service.d/60.conf": "KillMode=process\n"}, "remove": []}
CONFIGURATION = {
    "crio.root": '"/var/lib/containers/storage"',
    "crio.runroot": '"/run/containers/storage"',
    "crio.storage_driver": '""',
    "crio.version_file": '""',
    "crio.runtime.default_runtime": '"crun"',
    "crio.runtime.runtimes.crun.runtime_path": '"/usr/bin/true"',
    "crio.runtime.runtimes.crun.runtime_root": '"/run/crun"',
}
POD = {"id": "d" * 64, "name": "k8s_POD_web_default_uid_0"}


def monitor(**more):
    """Return a conmon and its container as containers.monitors describes them."""
    return {
        "pid": 10,
        "started": "1",
        "groups": ["/machine.slice/crio-conmon.scope"],
        "id": IDENTITY,
        "runtime": "/usr/bin/true",
        "runtime_root": "/run/crun",
        "bundle": f"/run/containers/storage/overlay-containers/{IDENTITY}/userdata",
        "persistent": f"/var/lib/containers/storage/overlay-containers/{IDENTITY}/userdata",
        "container": {"pid": 11, "started": "2"},
        **more,
    }


def noted_pod(folder, handler):
    """Write a pod and its container as CRI-O stores them below `folder`; return the fields for the container's monitor."""
    noted = {
        "p" * 64: {"RuntimeHandler": handler, "KubeName": "web", "Namespace": "shop"},
        IDENTITY: {"SandboxID": "p" * 64},
    }
    for identity, annotations in noted.items():
        bundle = folder / "overlay-containers" / identity / "userdata"
        bundle.mkdir(parents=True)
        named = {f"io.kubernetes.cri-o.{name}": value for name, value in annotations.items()}
        (bundle / "config.json").write_text(json.dumps({"annotations": named}))
    return {"bundle": str(folder / "overlay-containers" / IDENTITY / "userdata")}


def judge(monkeypatch, configuration=(), overruled=(), **more):
    """Judge a change of a stopped daemon; return the overruled guards."""
    monkeypatch.setattr(containers, "monitors", lambda: [monitor(**more), monitor(**more, **POD)])
    monkeypatch.setattr(crio_service, "version_of", lambda _binary: "1.37.0")
    before = {"running": [{"id": IDENTITY}], "version": "1.37.0"}
    request = {**REQUEST, "overruled_guards": list(overruled)}
    losses.refuse_to_lose_containers(request, STOPPED, before, {**CONFIGURATION, **dict(configuration)})
    return before.get("overruled", [])


def test_a_configuration_that_keeps_storage_and_handlers_passes(monkeypatch):
    judge(monkeypatch)
    judge(monkeypatch, {"crio.storage_driver": '"overlay"'})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("crio.root", '"/srv/storage"'),
        ("crio.runroot", '"/srv/run"'),
        ("crio.storage_driver", '"vfs"'),
    ],
)
def test_changed_storage_is_refused_by_its_key_while_containers_run(monkeypatch, key, value):
    with pytest.raises(TransactionError, match=f"{key} = .* would lose running containers") as caught:
        judge(monkeypatch, {key: value})
    assert caught.value.kind == "refused"
    assert losses.cost_of(caught.value) == {"guard": "storage_in_use", "disruption": "drain", "running": 1}


def test_another_refusal_requires_no_drain():
    assert losses.cost_of(TransactionError("refused", "a link")) == {}


def test_a_root_behind_a_link_is_the_same_root(monkeypatch, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    persistent = f"{tmp_path}/link/overlay-containers/{IDENTITY}/userdata"
    judge(monkeypatch, {"crio.root": f'"{tmp_path}/real"'}, persistent=persistent)


@pytest.mark.parametrize(
    "more",
    [{"runtime": "/usr/bin/false"}, {"runtime_root": "/run/other"}],
    ids=["another program", "another state folder"],
)
def test_a_stopped_daemon_is_not_started_without_the_handler_of_a_running_container(monkeypatch, more):
    with pytest.raises(TransactionError, match="no handler of the new configuration") as caught:
        judge(monkeypatch, **more)
    assert caught.value.kind == "refused"


def test_a_monitor_without_a_state_directory_is_identified_by_its_program(monkeypatch):
    judge(monkeypatch, runtime_root="")


def test_an_infra_container_is_not_required_to_survive():
    known = [monitor(), monitor(**POD)]
    assert [each["id"] for each in containers.snapshot(None, known)] == [IDENTITY]


@pytest.mark.parametrize(
    ("driver", "present", "refused"),
    [
        ("vfs", ["overlay"], True),
        ("vfs", ["overlay", "vfs"], False),
        ("vfs", [], False),
        ("", ["overlay"], False),
        ("overlay2", ["overlay"], False),
    ],
)
def test_a_storage_driver_other_than_that_of_existing_data_is_refused(tmp_path, driver, present, refused):
    for name in present:
        (tmp_path / f"{name}-layers").mkdir()
    configuration = {"crio.root": f'"{tmp_path}"', "crio.storage_driver": f'"{driver}"'}
    if not refused:
        losses.refuse_second_driver(configuration)
        return
    with pytest.raises(TransactionError, match=r"crio\.storage_driver = vfs, but .* driver overlay"):
        losses.refuse_second_driver(configuration)


def test_an_infra_container_is_not_counted_as_stopped_by_a_restart(monkeypatch):
    group = ["/system.slice/crio.service/container"]
    request = {"contents": {}, "remove": []}
    monkeypatch.setattr(containers, "monitors", lambda: [monitor(groups=group), monitor(groups=group, **POD)])
    with pytest.raises(TransactionError, match="would stop 1 running container:"):
        losses.refuse_to_lose_containers(request, STOPPED, {"running": []}, CONFIGURATION)


OTHER_HANDLER = {
    "crio.runtime.runtimes.other.runtime_path": '"/usr/bin/true"',
    "crio.runtime.runtimes.other.runtime_root": '"/run/other"',
}


def test_a_pod_with_its_own_handler_allows_a_change_that_keeps_the_handler(monkeypatch, tmp_path):
    noted = noted_pod(tmp_path, "other")
    same = {**OTHER_HANDLER, "crio.runroot": json.dumps(str(tmp_path))}
    judge(monkeypatch, same, runtime_root="/run/other", **noted)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ({}, "the change removes the handler other, which running pods use: shop/web"),
        (
            {**OTHER_HANDLER, "crio.runtime.runtimes.other.runtime_root": '"/run/elsewhere"'},
            "the change gives the handler other a different state directory .*: shop/web",
        ),
        (
            {**OTHER_HANDLER, "crio.runtime.runtimes.other.runtime_path": '"/usr/bin/false"'},
            "the change gives the handler other a different program .*: shop/web",
        ),
    ],
    ids=["taken away", "another state folder", "another program"],
)
def test_a_handler_that_a_pod_was_started_with_is_kept_by_name(monkeypatch, tmp_path, handler, words):
    noted = noted_pod(tmp_path, "other")
    changed = {**handler, "crio.runroot": json.dumps(str(tmp_path))}
    with pytest.raises(TransactionError, match=words):
        judge(monkeypatch, changed, runtime_root="/run/other", **noted)


@pytest.mark.parametrize("key", ["crio.version_file", "crio.version_file_persist"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "would remove every pod"),
        ("garbage", "would remove every pod"),
        ('"1.36.3"', "a different minor version removes every pod"),
        ('"1.37.2"', ""),
    ],
)
def test_a_start_without_a_matching_version_file_is_refused(monkeypatch, tmp_path, key, content, words):
    path = tmp_path / "version"
    if content is not None:
        path.write_text(content)
    configuration = {key: json.dumps(str(path))}
    if not words:
        judge(monkeypatch, configuration)
        return
    with pytest.raises(TransactionError, match=words):
        judge(monkeypatch, configuration)
    judge(monkeypatch, {**configuration, "crio.internal_wipe": "false"})


def test_a_handler_whose_program_no_longer_works_is_refused_before_a_start_loses_its_containers(monkeypatch):
    monkeypatch.setattr(containers, "lives", lambda _process: True)
    configuration = {"crio.runtime.runtimes.crun.runtime_path": '"/usr/bin/false"'}
    with pytest.raises(TransactionError, match=r"/usr/bin/false cannot report the state of container c{12}"):
        judge(monkeypatch, configuration, runtime="/usr/bin/false")


def test_a_container_that_ended_meanwhile_needs_no_handler(monkeypatch):
    monkeypatch.setattr(containers, "lives", lambda _process: False)
    configuration = {"crio.runtime.runtimes.crun.runtime_path": '"/usr/bin/false"'}
    judge(monkeypatch, configuration, runtime="/usr/bin/false")


def test_a_drop_in_that_systemd_has_not_read_yet_decides_what_a_restart_stops(monkeypatch, tmp_path):
    vendor = tmp_path / "90-vendor.conf"
    vendor.write_text("[Service]\nKillMode=control-group\n")
    service = SimpleNamespace(**{**vars(STOPPED), "drop_ins": lambda: [str(vendor)]})
    group = ["/system.slice/crio.service/container"]
    monkeypatch.setattr(containers, "monitors", lambda: [monitor(groups=group)])
    with pytest.raises(TransactionError, match=f"KillMode is control-group .set by {vendor}."):
        losses.refuse_to_lose_containers(REQUEST, service, {"running": []}, CONFIGURATION)


def test_our_own_drop_in_counts_with_its_new_content(tmp_path):
    old = tmp_path / "60.conf"
    old.write_text("KillMode=control-group\n")
    service = SimpleNamespace(**{**vars(STOPPED), "drop_ins": lambda: [str(old)]})
    [path] = REQUEST["contents"]
    assert losses.kill_mode_after(REQUEST, service) == ("process", path)
    assert losses.kill_mode_after({"contents": {}, "remove": [str(old)]}, service) == ("control-group", "")


IN_UNIT = {"groups": ["/system.slice/crio.service/container"]}
LOSSES = [
    pytest.param("kill_mode", {}, IN_UNIT, id="kill_mode"),
    pytest.param("version_wipe", {"crio.version_file": '"/nowhere/version"'}, {}, id="version_wipe"),
    pytest.param("storage_in_use", {"crio.root": '"/srv/storage"'}, {}, id="storage_in_use"),
    pytest.param("handler_in_use", {}, {"runtime_root": "/run/other"}, id="handler_in_use"),
    pytest.param(
        "handler_broken",
        {"crio.runtime.runtimes.crun.runtime_path": '"/usr/bin/false"'},
        {"runtime": "/usr/bin/false"},
        id="handler_broken",
    ),
]


@pytest.fixture
def without_kill_mode(monkeypatch):
    """The unit stops what is in its control group, and every process is alive."""
    monkeypatch.setitem(REQUEST, "contents", {})
    monkeypatch.setattr(containers, "lives", lambda _process: True)


@pytest.mark.parametrize(("guard", "configuration", "more"), LOSSES)
def test_each_guard_refuses_by_its_name_and_only_that_name_overrules_it(
    monkeypatch, without_kill_mode, guard, configuration, more
):
    others = [each for each in guards.GUARDS if each != guard]
    for overruled in ([], others):
        with pytest.raises(TransactionError, match=rf"overruled_guards: \[{guard}\]") as caught:
            judge(monkeypatch, configuration, overruled, **more)
        assert losses.cost_of(caught.value)["guard"] == guard
        assert str(caught.value).count("Drain") + str(caught.value).count("drain") == 1
    [found] = judge(monkeypatch, configuration, [guard], **more)
    assert found["guard"] == guard
    assert IDENTITY in found["containers"]
    assert "overrule" not in found["message"]


def test_an_overruled_guard_leaves_the_others_in_place(monkeypatch, without_kill_mode):
    both = {"crio.root": '"/srv/storage"', "crio.runroot": '"/srv/run"'}
    with pytest.raises(TransactionError, match="kill_mode"):
        judge(monkeypatch, both, ["storage_in_use"], **IN_UNIT)
    with pytest.raises(TransactionError, match="storage_in_use"):
        judge(monkeypatch, both, ["kill_mode"], **IN_UNIT)
    found = judge(monkeypatch, both, ["kill_mode", "storage_in_use"], **IN_UNIT)
    assert [each["guard"] for each in found] == ["kill_mode", "storage_in_use", "storage_in_use"]


def test_every_guard_that_running_containers_need_has_a_loss():
    # A removal has its own judge, see running_pods.py.
    assert {case.values[0] for case in LOSSES} | {guards.RUNNING_PODS} == guards.DRAINABLE


@pytest.mark.parametrize(
    ("kubelet", "now", "wanted", "refused"),
    [
        ("systemd", "systemd", "cgroupfs", True),
        ("systemd", "cgroupfs", "cgroupfs", False),
        ("systemd", "cgroupfs", "systemd", False),
        ("systemd", None, "cgroupfs", True),
        ("", "systemd", "cgroupfs", False),
    ],
    ids=["changed", "was different before", "repaired", "unknown", "no kubelet"],
)
def test_only_a_change_that_gives_crio_another_cgroup_manager_than_the_kubelet_is_refused(
    monkeypatch, kubelet, now, wanted, refused
):
    monkeypatch.setattr(losses.kubelet, "cgroup_driver", lambda: (kubelet, "/var/lib/kubelet/config.yaml"))
    monkeypatch.setattr(losses, "_value_now", lambda _service, _key: now)
    configuration = {"crio.runtime.cgroup_manager": json.dumps(wanted)}
    before = {"running": []}
    if not refused:
        losses.refuse_other_cgroup_driver(REQUEST, STOPPED, before, configuration)
        assert before == {"running": []}
        return
    with pytest.raises(TransactionError, match="cgroup driver systemd") as caught:
        losses.refuse_other_cgroup_driver(REQUEST, STOPPED, before, configuration)
    assert losses.cost_of(caught.value) == {"guard": "kubelet_cgroup_driver"}
    overruled = {**REQUEST, "overruled_guards": ["kubelet_cgroup_driver"]}
    losses.refuse_other_cgroup_driver(overruled, STOPPED, before, configuration)
    assert [each["containers"] for each in before["overruled"]] == [[]]


class Storage:
    """A stopped daemon whose files name a storage root with images."""

    def __init__(self, folder, monkeypatch, **images):
        self.root = folder / "storage"
        for driver, text in images.items():
            (self.root / f"{driver}-images").mkdir(parents=True)
            (self.root / f"{driver}-images/images.json").write_text(text)
        present = {"crio.root": json.dumps(str(self.root))}
        monkeypatch.setattr(effective, "present", lambda _service: present)

    def judge(self, root, overruled=(), running=()):
        before = {"running": list(running)}
        request = {**REQUEST, "overruled_guards": list(overruled)}
        losses.refuse_to_lose_images(request, STOPPED, before, {"crio.root": json.dumps(str(root))})
        return before.get("overruled", [])


TWO = '[{"id": "a"}, {"id": "b"}]'


def test_another_root_is_refused_while_the_present_one_has_images(tmp_path, monkeypatch):
    storage = Storage(tmp_path, monkeypatch, overlay=TWO, vfs='[{"id": "c"}]')
    other = tmp_path / "other"
    with pytest.raises(TransactionError) as caught:
        storage.judge(other)
    assert str(caught.value) == (
        f"crio.root = {other} would lose 3 images below {storage.root}, so that CRI-O would have to pull them again."
        " Keep crio.root, or overrule the guard with overruled_guards: [storage_in_use] (runtime_overruled_guards of the role"
        " runtime)"
    )
    assert losses.cost_of(caught.value) == {"guard": "storage_in_use"}  # no drain saves them
    [overruled] = storage.judge(other, ["storage_in_use"])
    assert (overruled["guard"], overruled["containers"]) == ("storage_in_use", [])


@pytest.mark.parametrize("images", [{}, {"overlay": "[]"}, {"overlay": "cut off ["}, {"overlay": "{}"}])
def test_a_root_without_images_may_be_left(tmp_path, monkeypatch, images):
    assert Storage(tmp_path, monkeypatch, **images).judge(tmp_path / "other") == []


def test_the_same_root_by_another_name_loses_nothing(tmp_path, monkeypatch):
    storage = Storage(tmp_path, monkeypatch, overlay=TWO)
    (tmp_path / "link").symlink_to(storage.root)
    for same in (storage.root, tmp_path / "link", f"{storage.root}/"):
        assert storage.judge(same) == []


def test_the_refusal_of_a_second_driver_counts_the_images(tmp_path, monkeypatch):
    storage = Storage(tmp_path, monkeypatch, overlay=TWO)
    (storage.root / "overlay-layers").mkdir()
    configuration = {"crio.root": json.dumps(str(storage.root)), "crio.storage_driver": '"vfs"'}
    with pytest.raises(TransactionError, match="data of the storage driver overlay with 2 images: drain"):
        losses.refuse_second_driver(configuration)
