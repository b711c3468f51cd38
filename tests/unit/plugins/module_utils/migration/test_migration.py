# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration does to a node is decided before anything is changed: which engine is the former one, and what refuses it."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.migration import (
    journal,
    kubelet_files,
    migration,
    switch,
)
from ansible_collections.cri.node.plugins.plugin_utils.migration import desired
from testbed import kubelet as recorded

OLD = "unix:///run/containerd/containerd.sock"
UP = {"active": True, "enabled": True, "disabled": False}
DOWN = {"active": False, "enabled": False, "disabled": True}
IMAGE = {"id": "sha256:aa", "tags": ["a.io/b:1"], "digests": ["a.io/b@sha256:bb"]}


class Engine:
    """Stands for an engine of a node."""

    def __init__(self, name, known):
        self.name, self.known = name, known
        self.title, self.endpoint = known["title"], known["endpoint"]
        self.units = {name: dict(UP) for name in known["main"]}
        self.missing = []
        self.pods, self.others, self.listed = [], [], []

    @property
    def serves(self):
        return not self.missing and all(unit["active"] for unit in self.units.values())

    def running(self):
        return self.pods, self.others

    def images(self):
        return self.listed

    def driver(self):
        return "systemd"


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return a node: its folder as layout, its engines, the states of other units, and predict(**options)."""

    class Node:
        layout = Layout(str(tmp_path))
        engines = {name: Engine(name, known) for name, known in desired.as_request().items()}
        states = {"kubelet.service": dict(UP)}

        def give(self, files):
            for path, text in files.items():
                place = tmp_path / path[1:]
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)

        def predict(self, **options):
            asked = {
                "state": "migrated",
                "engine": "crio",
                "former": "",
                "images": True,
                "overruled_guards": [],
                "ready_timeout": 60,
                "pull_timeout": 300,
            }
            return migration.migrate(desired.request({**asked, **options}), check=True, layout=self.layout)

    made = Node()
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(migration.engine, "of", lambda name, _known: made.engines[name])
    monkeypatch.setattr(
        migration, "Kubelet", lambda: kubelet_files.Kubelet(str(tmp_path), str(tmp_path / "proc"))
    )
    monkeypatch.setattr(
        migration.units,
        "states",
        lambda names: {name: made.states[name] for name in names if name in made.states},
    )
    return made


def test_the_engine_that_the_kubelet_names_is_the_former_one(node):
    node.give(recorded.texts(OLD, "cgroupfs"))
    found = node.predict()
    assert (found["changed"], found["former"], found["driver"]) == (True, "containerd", "systemd")
    assert set(found["files"]) == {recorded.CONFIGURATION, recorded.INSTANCE, recorded.FLAGS}
    assert switch.START_TARGET not in found["steps"]


def test_a_node_that_has_the_new_engine_is_not_changed(node):
    node.give(recorded.texts("unix:///run/crio/crio.sock", "cgroupfs"))
    found = node.predict()
    assert (found["changed"], found["former"], found["steps"]) == (False, "", [])


def test_a_named_former_engine_that_still_runs_is_stopped(node):
    node.give(recorded.texts("unix:///run/crio/crio.sock", "systemd"))
    found = node.predict(former="docker")
    assert found["steps"] == [
        switch.STOP_KUBELET,
        switch.STOP_CONTAINERS,
        switch.STOP_FORMER,
        switch.START_KUBELET,
        switch.DISABLE_FORMER,
    ]
    node.engines["docker"].units = {"docker.service": DOWN, "cri-docker.service": DOWN}
    assert node.predict(former="docker")["changed"] is False


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        (
            {},
            {},
            "no file of a kubelet names the engine that this node uses. Set former to one of containerd, docker",
        ),
        (recorded.texts("unix:///run/other.sock"), {}, "the kubelet uses /run/other.sock (/var/lib/kubelet/"),
        (recorded.texts(OLD), {"former": "docker"}, "which is not the socket of docker"),
        (recorded.texts("unix:///run/other.sock"), {"former": "docker"}, "which is not the socket of docker"),
    ],
)
def test_a_former_engine_that_is_not_known_for_sure_is_refused(node, files, options, words):
    node.give(files)
    with pytest.raises(migration.MigrationRefused) as caught:
        node.predict(**options)
    assert words in str(caught.value)
    assert str(caught.value).endswith("Nothing was changed")


def test_docker_on_the_containerd_of_the_kubelet_is_refused(node):
    node.give(recorded.texts(OLD))
    node.states["docker.service"] = UP
    with pytest.raises(migration.MigrationRefused, match=r"docker\.service runs and needs containerd"):
        node.predict(overruled_guards=["running_pods", "other_containers"])


def test_what_runs_is_guarded_and_named(node):
    node.give(recorded.texts(OLD))
    former = node.engines["containerd"]
    former.pods = [{"name": f"c{number}", "pod": f"shop/p{number:02}", "image": ""} for number in range(12)]
    former.others = [{"name": "build/x", "pod": "", "image": ""}]
    with pytest.raises(migration.MigrationRefused, match=r"12 pods run in containerd \(.* and 2 more\)"):
        node.predict()
    with pytest.raises(migration.MigrationRefused, match=r"\(build/x\): they are stopped, and nobody"):
        node.predict(overruled_guards=["running_pods"])
    notes = node.predict(overruled_guards=["running_pods", "other_containers"])["notes"]
    assert [each.rpartition("(")[2] for each in notes] == [
        "the guard running_pods is overruled)",
        "the guard other_containers is overruled)",
    ]


def test_an_engine_that_does_not_run_hides_what_runs_in_it(node):
    node.give(recorded.texts(OLD))
    node.engines["containerd"].units = {"containerd.service": DOWN}
    with pytest.raises(migration.MigrationRefused, match="what runs in containerd is not known"):
        node.predict()
    assert node.predict(overruled_guards=["running_pods"])["images"] == []


def test_a_new_engine_that_is_not_there_is_a_note_of_check_mode_alone(node):
    node.give(recorded.texts(OLD))
    target = node.engines["crio"]
    target.missing, target.units = ["crio.service"], {}
    found = node.predict()
    assert found["steps"][0] == switch.START_TARGET
    assert "crio.service does not exist or is masked" in found["notes"][0]
    assert "the cgroup driver of CRI-O is only known when it runs" in found["notes"]


def test_the_driver_of_an_engine_that_was_left_is_remembered(node, tmp_path):
    node.give(recorded.texts("unix:///run/crio/crio.sock", "systemd"))
    (tmp_path / "var/lib/cri-node").mkdir(parents=True)
    journal.record(node.layout, "containerd", "crio", "cgroupfs")
    node.engines["containerd"].units = {"containerd.service": DOWN}
    found = node.predict(engine="containerd")
    assert (found["former"], found["driver"]) == ("crio", "cgroupfs")
    assert "cgroupDriver: cgroupfs" in found["files"][recorded.CONFIGURATION][1]


@pytest.mark.parametrize(
    ("image", "there", "action", "names"),
    [
        (IMAGE, [], "carry", ["a.io/b:1"]),
        (IMAGE, [{**IMAGE, "id": "aa"}], "none", ["a.io/b:1"]),
        (IMAGE, [{**IMAGE, "id": "cc"}], "keep", ["a.io/b:1"]),
        ({**IMAGE, "tags": ["a.io/b:1", "a.io/b:2"]}, [IMAGE], "carry", ["a.io/b:2"]),
        ({**IMAGE, "tags": []}, [], "carry", ["a.io/b@sha256:bb"]),
        ({**IMAGE, "tags": [], "digests": []}, [], "unnamed", []),
    ],
)
def test_what_becomes_of_an_image(node, image, there, action, names):
    node.give(recorded.texts(OLD))
    node.engines["containerd"].listed, node.engines["crio"].listed = [image], there
    (row,) = node.predict()["images"]
    assert (row["action"], row["names"]) == (action, names)


def test_a_name_by_digest_is_not_promised_if_the_manifest_is_a_new_one(node):
    node.give(recorded.texts("unix:///var/run/cri-dockerd.sock"))
    node.engines["docker"].listed = [{**IMAGE, "tags": []}]
    assert node.predict()["images"][0]["action"] == "unnamed"


def test_an_interrupted_migration_is_noted_in_check_mode(node, tmp_path):
    node.give(recorded.texts("unix:///run/crio/crio.sock"))
    noted = {"former": "docker", "target": "crio", "taken": [switch.STOP_KUBELET], "containers": []}
    journal.write(node.layout, {**noted, "units": {}, "files": {}, "written": {}})
    found = node.predict()
    assert (found["changed"], found["former"]) == (True, "docker")
    assert found["notes"][0] == "an interrupted migration would be undone before this one"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        '{"format": 9}',
        '{"format": 1, "former": "docker"}',
        '{"format": 1, "former": "docker", "target": "crio", "taken": [], "units": {}, "files": {"/a": {}},'
        ' "written": {}, "containers": []}',
    ],
)
def test_a_damaged_journal_stops_the_run_with_its_path(node, tmp_path, text):
    node.give({"/var/lib/cri-node/migration-under-way.json": text})
    with pytest.raises(journal.DamagedDocument, match=r"migration-under-way\.json"):
        node.predict()
