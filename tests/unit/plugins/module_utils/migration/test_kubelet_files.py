# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubelet's files keep everything but the values that a migration changes; what is not understood is refused."""

import pytest

from ansible_collections.cri.node.plugins.module_utils.migration import kubelet_files
from testbed import kubelet as recorded

CRIO = "unix:///var/run/crio/crio.sock"
OLD = "unix:///run/containerd/containerd.sock"
CONFIGURATION, FLAGS, EXTRA = recorded.CONFIGURATION, recorded.FLAGS, recorded.EXTRA
YAML = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"


@pytest.fixture
def kubelet(tmp_path):
    """Return kubelet({path: text}, *words of a running one) -> Kubelet."""

    def make(files, *words):
        for path, text in files.items():
            place = tmp_path / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        proc = tmp_path / "proc"
        proc.mkdir(exist_ok=True)
        if words:
            (proc / "7").mkdir()
            (proc / "7" / "comm").write_text("kubelet\n")
            (proc / "7" / "cmdline").write_text("".join(f"{word}\0" for word in ("kubelet", *words)))
        return kubelet_files.Kubelet(str(tmp_path), str(proc))

    return make


def edited(found, endpoint=CRIO, driver="systemd"):
    return {path: after for path, (_before, after) in found.edits(endpoint, driver).items()}


def test_the_files_of_kubeadm_only_change_their_values(kubelet):
    found = kubelet(recorded.texts(OLD, "cgroupfs"))
    assert found.endpoint == ("/run/containerd/containerd.sock", FLAGS)
    assert found.driver == ("cgroupfs", CONFIGURATION)
    wanted = recorded.texts(CRIO, "systemd")
    del wanted[EXTRA]
    assert edited(found) == wanted
    assert edited(kubelet(recorded.texts(CRIO, "systemd"))) == {}


def test_run_and_var_run_are_one_directory(kubelet):
    assert edited(kubelet(recorded.texts("unix:///run/crio/crio.sock", "systemd"))) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"containerRuntimeEndpoint: {OLD}\n", f"containerRuntimeEndpoint: {CRIO}\n"),
        (f"'containerRuntimeEndpoint' :   '{OLD}'  # x\n", f"'containerRuntimeEndpoint' :   '{CRIO}'  # x\n"),
        (f'containerRuntimeEndpoint: "{OLD}"\r\na: b\r\n', f'containerRuntimeEndpoint: "{CRIO}"\r\na: b\r\n'),
        (
            f"imageServiceEndpoint: {OLD}\ncontainerRuntimeEndpoint: {OLD}\n",
            f"imageServiceEndpoint: {CRIO}\ncontainerRuntimeEndpoint: {CRIO}\n",
        ),
        ("staticPodPath: /x\n", f"staticPodPath: /x\ncontainerRuntimeEndpoint: {CRIO}\n"),
        ("staticPodPath: /x", f"staticPodPath: /x\ncontainerRuntimeEndpoint: {CRIO}\n"),
        (
            f"nested:\n  containerRuntimeEndpoint: {OLD}\n",
            f"nested:\n  containerRuntimeEndpoint: {OLD}\ncontainerRuntimeEndpoint: {CRIO}\n",
        ),
    ],
)
def test_a_value_is_replaced_in_its_line_and_a_missing_one_is_added(kubelet, before, after):
    found = kubelet({CONFIGURATION: YAML + before})
    assert edited(found, driver="") == {CONFIGURATION: YAML + after}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"{YAML}containerRuntimeEndpoint: a\ncontainerRuntimeEndpoint: b\n",
            "sets containerRuntimeEndpoint 2 times",
        ),
        (
            f"{YAML}containerRuntimeEndpoint: &x {OLD}\n",
            "the value of containerRuntimeEndpoint is not understood",
        ),
        (
            f"{YAML}containerRuntimeEndpoint:\n  {OLD}\n",
            "the value of containerRuntimeEndpoint is not understood",
        ),
        ('{"containerRuntimeEndpoint": "x"}', "is written in JSON, which is not edited"),
        ('{"kind": "KubeletConfiguration"}', "is not one document of YAML"),
        (f"{YAML}---\nkind: Other\n", "is not one document of YAML"),
        (f"{YAML}...\n", "is not one document of YAML"),
        ("  apiVersion: x\n  kind: KubeletConfiguration\n", "whose keys begin their lines"),
    ],
)
def test_a_configuration_that_cannot_be_edited_safely_is_refused(kubelet, text, words):
    with pytest.raises(kubelet_files.KubeletRefused) as caught:
        edited(kubelet({CONFIGURATION: text}))
    assert words in str(caught.value)
    assert str(caught.value).startswith(CONFIGURATION)
    assert str(caught.value).endswith("Nothing was changed")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f'# --container-runtime-endpoint=x\nA="--v=2 --container-runtime-endpoint={OLD}"\n',
            f'# --container-runtime-endpoint=x\nA="--v=2 --container-runtime-endpoint={CRIO}"\n',
        ),
        (
            f"A='--container-runtime-endpoint {OLD} --cgroup-driver=cgroupfs --x=1'",
            f"A='--container-runtime-endpoint {CRIO} --cgroup-driver=systemd --x=1'",
        ),
        (
            f"A=--container-runtime-endpoint={OLD}\nB=--container-runtime-endpoint-x=1\n",
            f"A=--container-runtime-endpoint={CRIO}\nB=--container-runtime-endpoint-x=1\n",
        ),
    ],
)
def test_options_are_replaced_in_their_lines(kubelet, before, after):
    configuration = f"{YAML}cgroupDriver: systemd\n"
    assert edited(kubelet({CONFIGURATION: configuration, EXTRA: before})) == {EXTRA: after}


@pytest.mark.parametrize("value", ['$SOCKET"', "\\\n  x", "'a'", ""])
def test_options_that_are_not_understood_are_refused(kubelet, value):
    with pytest.raises(kubelet_files.KubeletRefused, match="--container-runtime-endpoint is not understood"):
        edited(kubelet({EXTRA: f'A="--container-runtime-endpoint={value}\n'}))


def test_an_option_of_the_unit_itself_is_refused_since_no_file_could_change_it(kubelet):
    found = kubelet({CONFIGURATION: YAML}, f"--container-runtime-endpoint={OLD}")
    assert found.endpoint[0] == "/run/containerd/containerd.sock"
    with pytest.raises(kubelet_files.KubeletRefused, match="Move it there, from its unit"):
        edited(found)


def test_the_dockershim_is_refused(kubelet):
    with pytest.raises(kubelet_files.KubeletRefused, match="dockershim"):
        edited(kubelet({FLAGS: 'A="--container-runtime=docker"\n'}))


def test_the_last_option_counts_and_outranks_the_configuration(kubelet):
    texts = {**recorded.texts(OLD), EXTRA: f"KUBELET_EXTRA_ARGS=--container-runtime-endpoint={CRIO}\n"}
    found = kubelet(texts)
    assert found.endpoint == ("/run/crio/crio.sock", EXTRA)
    # The kubelet uses the new engine, but for a later change of that file all of them agree.
    assert EXTRA not in edited(found)
    assert set(edited(found)) == {CONFIGURATION, recorded.INSTANCE, FLAGS}


def test_the_default_driver_is_not_written(kubelet):
    text = f"{YAML}containerRuntimeEndpoint: {CRIO}\n"
    assert edited(kubelet({CONFIGURATION: text}), driver="cgroupfs") == {}
    assert edited(kubelet({CONFIGURATION: text})) == {CONFIGURATION: f"{text}cgroupDriver: systemd\n"}


def test_drop_ins_of_a_running_kubelet_are_edited_too(kubelet, tmp_path):
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "10.conf").write_text(f"{YAML}containerRuntimeEndpoint: {OLD}\n")
    (tmp_path / "own.yaml").write_text(f"{YAML}cgroupDriver: systemd\n")
    proc = tmp_path / "proc" / "7"
    proc.mkdir(parents=True)
    (proc / "comm").write_text("kubelet\n")
    (proc / "cmdline").write_text(f"kubelet\0--config={tmp_path}/own.yaml\0--config-dir={folder}\0")
    found = kubelet_files.Kubelet("", str(tmp_path / "proc"))
    assert edited(found) == {f"{folder}/10.conf": f"{YAML}containerRuntimeEndpoint: {CRIO}\n"}


def test_the_name_of_the_node_is_that_of_the_cluster(kubelet):
    assert kubelet({EXTRA: "KUBELET_EXTRA_ARGS=--hostname-override=worker-7.example.com\n"}).node_name == (
        "worker-7.example.com"
    )


def test_a_node_without_files_has_no_kubelet(kubelet):
    found = kubelet({})
    assert (found.exists, found.endpoint, found.driver) == (False, ("", ""), ("", ""))
    with pytest.raises(kubelet_files.KubeletRefused, match="does not exist"):
        found.edits(CRIO, "systemd")
