# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that containerd's answers become CRI-O's; messages are plain objects here, which the functions also accept."""

import json
import sys
from types import SimpleNamespace

import pytest

from testbed.paths import STANDIN

sys.path.insert(0, str(STANDIN))

import crio_answers

SAID = {
    "config": {"linux": {"security_context": {"privileged": True}}},
    "pid": 5,
    "removing": False,
    "runtimeSpec": {"process": {"user": {"uid": 1000, "gid": 7, "additionalGids": [7, 8]}}},
    "sandboxID": "pod",
}
COUNTED = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0:   54       1    2    0    0     0          0         0      866       8    3    0    0     0       0          0
    lo:    0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
"""


def container(**info):
    linux = SimpleNamespace(uid=0, gid=0, supplemental_groups=[])
    return SimpleNamespace(status=SimpleNamespace(user=SimpleNamespace(linux=linux)), info=dict(info))


def test_a_container_s_user_is_read_from_its_spec():
    answer = container(info=json.dumps(SAID))
    crio_answers.complete_container(answer, verbose=False)
    linux = answer.status.user.linux
    assert (linux.uid, linux.gid, linux.supplemental_groups, answer.info) == (1000, 7, [7, 8], {})


def test_verbose_information_is_limited_to_what_crio_returns():
    answer = container(info=json.dumps(SAID))
    crio_answers.complete_container(answer, verbose=True)
    kept = json.loads(answer.info["info"])
    assert sorted(kept) == ["pid", "privileged", "runtimeSpec", "sandboxID"]
    assert kept["privileged"] is True


def test_a_container_without_a_spec_runs_as_root():
    answer = container()
    crio_answers.complete_container(answer, verbose=False)
    assert answer.status.user.linux.supplemental_groups == [0]


@pytest.mark.parametrize(
    ("labels", "expected"), [({}, {}), ({"a": "b"}, {"a": "b", "io.kubernetes.container.name": "POD"})]
)
def test_a_pod_with_labels_gets_one_additional_label(labels, expected):
    answer = SimpleNamespace(
        status=SimpleNamespace(labels=labels), info={"info": '{"pid": 1, "snapshotter": "x"}'}
    )
    crio_answers.complete_pod(answer)
    assert (answer.status.labels, answer.info) == (expected, {"info": '{"pid": 1}'})


def sample(container_id):
    return {"attributes": {"id": container_id}}


def test_a_pod_s_samples_are_calculated_from_its_containers_and_interfaces():
    pods = [{"id": "p1", "metadata": {"name": "n"}, "state": "SANDBOX_READY"}, {"id": "p2"}]
    made = crio_answers.pod_stats(pods, {"p1": [sample("c2"), sample("c1")]}, {"p1": COUNTED})
    first, second = made["stats"]
    assert first["attributes"] == {"id": "p1", "metadata": {"name": "n"}}
    assert first["linux"]["containers"] == [sample("c1"), sample("c2")]
    network = first["linux"]["network"]
    assert network["defaultInterface"]["name"] == "lo"
    assert network["interfaces"] == [
        {
            "name": "eth0",
            "rxBytes": {"value": "54"},
            "rxErrors": {"value": "2"},
            "txBytes": {"value": "866"},
            "txErrors": {"value": "3"},
        }
    ]
    assert second["linux"] == {"network": {"timestamp": "0", "interfaces": []}, "containers": []}
