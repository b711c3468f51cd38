# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that containerd is found from its unit, and that a candidate is judged by what containerd makes of it."""

import os

import pytest

from ansible_collections.cri.node.plugins.module_utils import node_state
from ansible_collections.cri.node.plugins.module_utils.containerd import candidate, effective
from ansible_collections.cri.node.plugins.module_utils.containerd.service import ContainerdService, reason
from ansible_collections.cri.node.plugins.module_utils.crio import containers, journald
from ansible_collections.cri.node.plugins.module_utils.crio import service as unit
from ansible_collections.cri.node.plugins.module_utils.errors import GuardRefusal, TransactionError
from ansible_collections.cri.node.plugins.module_utils.layout import CONTAINERD_CONFIG, Layout

DEFAULTS = """
root = "/var/lib/containerd"
state = "/run/containerd"
version = 2
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "registry.k8s.io/pause:3.8"
    stats_collect_period = 10
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "/a:/b"
"""
CRI = 'plugins."io.containerd.grpc.v1.cri"'


@pytest.fixture
def service(monkeypatch):
    """Return a function that returns the service for these arguments of containerd."""

    def make(arguments="", **properties):
        shown = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "MainPID": "7",
            "ControlGroup": "/system.slice/containerd.service",
            "ExecStart": f"{{ path=/usr/bin/containerd ; argv[]=/usr/bin/containerd {arguments} ; ignore_errors=no ; }}",
            **properties,
        }
        output = "".join(f"{name}={value}\n" for name, value in shown.items())
        monkeypatch.setattr(unit, "run", lambda *_arguments, **_named: (0, output, ""))
        return ContainerdService("containerd.service")

    return make


@pytest.fixture
def dumps(monkeypatch):
    """Make containerd answer: dumps(status, output, error); the default configuration is always DEFAULTS."""

    def answer(status=0, output=DEFAULTS, error=""):
        def dump(_service, path):
            return (0, DEFAULTS, "") if path == "/dev/null" else (status, output, error.replace("PATH", path))

        monkeypatch.setattr(effective, "dump", dump)

    return answer


def request(content="", **more):
    return {
        "runtime": "containerd",
        "unit": "containerd.service",
        "contents": {CONTAINERD_CONFIG: content} if content else {},
        "remove": [],
        "activate": "restart",
        **more,
    }


@pytest.mark.parametrize(
    ("arguments", "path", "options", "redirected"),
    [
        ("", CONTAINERD_CONFIG, [], ""),
        ("--log-level debug", CONTAINERD_CONFIG, ["--log-level", "debug"], ""),
        ("--config /a.toml --log-level=info", "/a.toml", ["--log-level=info"], "--config=/a.toml"),
        ("-c=/a.toml", "/a.toml", [], "--config=/a.toml"),
    ],
)
def test_the_file_and_the_options_come_from_the_unit(service, arguments, path, options, redirected):
    found = service(arguments)
    assert (found.config_path, found.options, found.redirected_by) == (path, options, redirected)


def test_the_socket_is_that_of_the_option_else_of_the_file_else_the_usual_one(service, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[debug]\naddress = "/debug.sock"\n[grpc]\n  address = "/file.sock"\n')
    assert service(f"-c {file}").socket == "/file.sock"
    assert service(f"-c {file} --address /option.sock").socket == "/option.sock"
    assert service("-c /nowhere.toml").socket == "/run/containerd/containerd.sock"


def test_a_document_names_its_runtime(service):
    service()
    assert isinstance(
        node_state.service_of({"runtime": "containerd", "unit": "containerd.service"}), ContainerdService
    )
    assert isinstance(node_state.service_of({"unit": "crio.service"}), unit.CrioService)


def test_each_runtime_has_a_state_of_its_own_and_one_lock():
    crio = Layout("/root")
    containerd = crio.of("containerd")
    assert containerd.state_file == "/root/var/lib/cri-node/containerd/state.json"
    assert containerd.generations == "/root/var/lib/cri-node/containerd/generations"
    assert (containerd.lock, containerd.intent) == (crio.lock, crio.intent)
    assert containerd.of("crio").state_file == crio.state_file
    assert crio.of("crio") is crio


def test_a_candidate_that_containerd_prints_again_is_accepted(service, dumps, tmp_path):
    dumps()
    content = f'version = 2\n[{CRI}]\nsandbox_image = "x"\n'
    understood = candidate.validate(request(content), service(), str(tmp_path))
    assert effective.hosts_directories(understood) == ["/a", "/b"]
    assert (tmp_path / "config.toml").read_text() == content
    assert (tmp_path / "config.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (f'[{CRI}]\nsandbox_imge = "x"\n', f"{CRI}.sandbox_imge"),
        (
            '[plugins."io.containerd.none"]\na = 1\n[plugins."io.containerd.none".b]\nc = 2\n',
            'plugins."io.containerd.none"',
        ),
        ("[plugins.x.y]\n", "plugins.x"),
    ],
)
def test_what_containerd_does_not_print_again_is_refused_once(service, dumps, tmp_path, content, named):
    dumps()
    with pytest.raises(TransactionError, match="would ignore a part of the configuration") as raised:
        candidate.validate(request(content), service(), str(tmp_path))
    assert (raised.value.kind, raised.value.detail) == ("validate", named)


def test_the_complaint_names_the_file_and_not_the_candidate(service, dumps, tmp_path):
    dumps(1, "", "containerd: failed to load TOML: PATH: (3, 1): unterminated array\n")
    with pytest.raises(TransactionError, match="containerd refuses the configuration") as raised:
        candidate.validate(request("version = 2"), service(), str(tmp_path))
    assert raised.value.detail == f"failed to load TOML: {CONTAINERD_CONFIG}: (3, 1): unterminated array"


def test_a_value_of_another_type_is_named_by_its_key(service, dumps, tmp_path):
    dumps(1, "", "containerd: (8, 1): Can't convert ten(string) to int\n")
    with pytest.raises(TransactionError) as raised:
        candidate.validate(request(f'[{CRI}]\nstats_collect_period = "ten"\n'), service(), str(tmp_path))
    assert raised.value.detail == f"{CRI}.stats_collect_period is a string, but must be an integer"


@pytest.mark.parametrize(("key", "running"), [("root", []), ("root", ["a"]), ("state", ["a"])])
def test_another_folder_of_data_that_is_in_use_is_refused(
    service, dumps, tmp_path, monkeypatch, key, running
):
    place = tmp_path / "was"
    (place / "io.containerd.metadata.v1.bolt").mkdir(parents=True)
    (place / "io.containerd.metadata.v1.bolt" / "meta.db").touch()
    dumps()
    before = {"running": [{"id": each} for each in running]}
    monkeypatch.setattr(candidate.daemon, "snapshot", lambda _service: before)
    monkeypatch.setattr(candidate.containers, "processes_in", lambda _group, _name: 0)
    monkeypatch.setattr(effective, "present", lambda _service: {key: str(place)})
    with pytest.raises(GuardRefusal) as raised:
        candidate.rehearse(request("version = 2"), service(), str(tmp_path))
    assert raised.value.guard == "storage_in_use"
    overruled = request("version = 2", overruled_guards=["storage_in_use"])
    assert candidate.rehearse(overruled, service(), str(tmp_path)) is before
    assert [each["containers"] for each in before["overruled"]] == [running]


@pytest.mark.parametrize(
    ("kill_mode", "refused"), [("process", False), ("control-group", True), ("mixed", True)]
)
def test_a_restart_that_would_stop_shims_is_refused(
    service, dumps, tmp_path, monkeypatch, kill_mode, refused
):
    dumps()
    monkeypatch.setattr(candidate.daemon, "snapshot", lambda _service: {"running": [{"id": "a"}]})
    monkeypatch.setattr(candidate.containers, "processes_in", lambda _group, _name: 1)
    monkeypatch.setattr(candidate.losses, "kill_mode_after", lambda _request, _service: (kill_mode, ""))
    if refused:
        with pytest.raises(GuardRefusal, match="would stop 1 running container: their shims"):
            candidate.rehearse(request("version = 2"), service(), str(tmp_path))
    else:
        candidate.rehearse(request("version = 2"), service(), str(tmp_path))


def test_a_start_without_cri_is_hopeless_with_containerds_reason(service, monkeypatch):
    line = (
        'time="t" level=warning msg="failed to load plugin io.containerd.grpc.v1.cri"'
        r' error="failed to create CRI service: failed to find snapshotter \"nosuch\""'
    )
    other = 'level=warning msg="failed to load plugin io.containerd.snapshotter.v1.zfs" error="no zfs"'
    found = service()
    monkeypatch.setattr(journald, "messages_of", lambda _pid, _after: [other])
    assert found.cannot_become_ready("cursor") == ""
    monkeypatch.setattr(journald, "messages_of", lambda _pid, _after: [other, line])
    assert (
        found.cannot_become_ready("cursor")
        == 'failed to create CRI service: failed to find snapshotter "nosuch"'
    )


def test_a_container_is_known_by_its_process_and_lost_if_that_runs_on_without_being_listed(
    service, dumps, tmp_path, monkeypatch
):
    tasks = tmp_path / "io.containerd.runtime.v2.task" / "k8s.io"
    for name, pid in (("mine", str(os.getpid())), ("gone", "99999999"), ("odd", "x")):
        (tasks / name).mkdir(parents=True)
        (tasks / name / "init.pid").write_text(pid)
    dumps()
    running = [{"id": name} for name in ("mine", "gone", "odd", "kata")]
    monkeypatch.setattr(candidate.daemon, "snapshot", lambda _service: {"running": running})
    monkeypatch.setattr(effective, "present", lambda _service: {"state": str(tmp_path)})
    before = candidate.rehearse(request(activate="none"), service(), str(tmp_path))
    assert [each["id"] for each in before["running"] if "container" in each] == ["mine"]
    lost, _pending, ended = containers.judge(before["running"], [], "", {})
    assert lost == [f"container mine still runs as process {os.getpid()}, but the runtime no longer lists it"]
    assert len(ended) == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("containerd: failed to load TOML", "failed to load TOML"),
        ('time="t" level=error msg="no such thing"', "no such thing"),
        ('level=fatal msg="it failed" error="a cause"', "a cause"),
    ],
)
def test_the_reason_is_read_from_a_line_of_any_form(line, words):
    assert reason(line) == words


def test_the_last_complaint_of_a_daemon_has_its_cause():
    line = (
        'time="t" level=fatal msg="Failed to run CRI service" error="failed to start stream server: bad port"'
    )
    assert (
        journald.last_complaint([line])
        == "Failed to run CRI service: failed to start stream server: bad port"
    )


THREE = """
version = 3
root = '/var/lib/containerd'
[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'
    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '/c'
"""
IGNORED = (
    'time="t" level=warning msg="Ignoring unknown key in TOML for plugin" error="strict mode: fields in the document are'
    ' missing in the target struct"'
)


def test_what_containerd_2_logs_as_unknown_is_refused(service, monkeypatch, tmp_path):
    said = (
        f'{IGNORED} key=snapshottr plugin=io.containerd.cri.v1.images\n{IGNORED} key="registry confg_path"'
        " plugin=io.containerd.cri.v1.images\n"
    )
    unknown = f"{THREE}  [plugins.'io.containerd.none']\n    a = 1\n"
    monkeypatch.setattr(
        effective, "dump", lambda _service, path: (0, THREE if path == "/dev/null" else unknown, said)
    )
    with pytest.raises(TransactionError, match="would ignore a part of the configuration") as raised:
        candidate.validate(request("version = 2"), service(), str(tmp_path))
    images = 'plugins."io.containerd.cri.v1.images"'
    assert raised.value.detail == (
        f'{images}.registry.confg_path, {images}.snapshottr, plugins."io.containerd.none"'
    )


def test_a_file_of_version_2_that_containerd_2_prints_as_version_3_is_accepted(
    service, monkeypatch, tmp_path
):
    monkeypatch.setattr(effective, "dump", lambda _service, _path: (0, THREE, ""))
    content = f'version = 2\n[{CRI}.registry]\nconfig_path = "/c"\n'
    understood = candidate.validate(request(content), service(), str(tmp_path))
    assert effective.hosts_directories(understood) == ["/c"]


def with_driver(plugin, systemd):
    runc = {"runtime_type": "io.containerd.runc.v2", "options": {"SystemdCgroup": systemd}}
    return {"plugins": {plugin: {"containerd": {"default_runtime_name": "runc", "runtimes": {"runc": runc}}}}}


@pytest.mark.parametrize("plugin", ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"])
def test_another_cgroup_driver_than_the_kubelets_is_refused_unless_it_was_so_before(
    service, dumps, tmp_path, monkeypatch, plugin
):
    dumps()
    monkeypatch.setattr(candidate.daemon, "snapshot", lambda _service: {"running": []})
    monkeypatch.setattr(candidate.containers, "processes_in", lambda _group, _name: 0)
    monkeypatch.setattr(
        candidate.losses.kubelet, "cgroup_driver", lambda: ("systemd", "/var/lib/kubelet/config.yaml")
    )
    monkeypatch.setattr(candidate, "validate", lambda *_all: with_driver(plugin, False))
    monkeypatch.setattr(effective, "present", lambda _service: with_driver(plugin, True))
    with pytest.raises(GuardRefusal, match="SystemdCgroup of the default handler would be false") as raised:
        candidate.rehearse(request("version = 2"), service(), str(tmp_path))
    assert raised.value.guard == "kubelet_cgroup_driver"
    monkeypatch.setattr(effective, "present", lambda _service: with_driver(plugin, False))
    candidate.rehearse(request("version = 2"), service(), str(tmp_path))
    monkeypatch.setattr(effective, "present", lambda _service: with_driver(plugin, False))
    monkeypatch.setattr(candidate, "validate", lambda *_all: with_driver(plugin, True))
    candidate.rehearse(request("version = 2"), service(), str(tmp_path))


def test_the_cgroup_driver_of_another_shim_is_not_known():
    kata = {"runtime_type": "io.containerd.kata.v2"}
    cri = {"containerd": {"default_runtime_name": "kata", "runtimes": {"kata": kata}}}
    assert effective.cgroup_driver({"plugins": {"io.containerd.grpc.v1.cri": cri}}) == ""
    assert effective.cgroup_driver({}) == ""


def test_the_containers_of_another_runtime_are_not_those_of_a_stopped_containerd(service, monkeypatch):
    monkeypatch.setattr(candidate.daemon.containers, "snapshot", lambda: [{"id": "of-crio"}])
    assert candidate.daemon.snapshot(service(ActiveState="inactive"))["running"] == []
    crio = unit.CrioService("crio.service")  # the same unit
    assert candidate.daemon.snapshot(crio)["running"] == [{"id": "of-crio"}]
