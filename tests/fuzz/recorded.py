# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded output of crictl and related programs: the seeds of all mutations, and the answers for other commands."""

import json
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "unit" / "fixtures"
CRICTL = FIXTURES / "crictl-1.37"
UNUSED = "example.com/unused:1"
CONTAINER = "5b1bde730afdd888575431f4017f653ce7d076b48451f85e1f3b60c08130f625"

_REFERENCE = "org.opencontainers.image.ref.name"
_CONTAINERD_INFO = {
    "status": {
        "conditions": [
            {"type": "RuntimeReady", "status": True, "reason": "", "message": ""},
            {
                "type": "NetworkReady",
                "status": False,
                "reason": "NetworkPluginNotReady",
                "message": "cni plugin not initialized",
            },
        ]
    },
    "config": {
        "containerd": {
            "defaultRuntimeName": "runc",
            "runtimes": {"runc": {"options": {"SystemdCgroup": True}}},
        },
        "sandboxImage": "pause:1",
    },
    "runtimeHandlers": [
        {"features": {"recursiveReadOnlyMounts": True}, "name": "runc"},
        {"features": None, "name": "kata"},
    ],
}
_LATER = "e" * 64
_LABELS = {
    "io.kubernetes.container.name": "c0",
    "io.kubernetes.pod.name": "web",
    "io.kubernetes.pod.namespace": "default",
    "io.kubernetes.pod.uid": "u",
}
_STDERR = (
    'time="2026-11-24T00:00:00Z" level=fatal msg="getting the status: rpc error: code = NotFound desc = could not find '
    'container \\"nope\\": container with ID starting with nope not found: ID does not exist"\n',
    'E1124 07:00:00.123456   12 remote_image.go:238] "PullImage from image service failed" err="rpc error: code = Unknown '
    'desc = pinging: Get \\"https://user:hunter2@registry:5000/v2/\\": EOF" image="registry:5000/a:1"\nFATA[0000] pulling '
    'image: rpc error: code = Unknown desc = pinging: Get "https://user:hunter2@registry:5000/v2/": EOF\n',
    'WARN[0000] runtime connect using default endpoints: [unix:///run/crio/crio.sock]\ntime="2026-11-24T00:00:00Z" '
    'level=error msg="validate CRI v1 runtime API: rpc error: code = Unavailable desc = \\"transport\\""\n',
)
_LOG = (
    "2026-11-24T00:04:10.439642065Z stdout F hello\n"
    "2026-11-24T00:04:10.439642065Z stderr P a part \n"
    "2026-11-24T01:04:10.5+01:00 stderr F and its end\n"
    "2026-11-24T00:04:11Z stdout F\n",
    '{"log":"hello\\n","stream":"stdout","time":"2026-11-24T00:04:10.439642065Z"}\n'
    '{"log":"no end","stream":"stderr","time":"2026-11-24T00:04:10Z"}\n',
)
HELP = "NAME:\n   crictl - client for CRI\n\nUSAGE:\n   crictl [global options] command [command options]\n"
KLOG = 'E1124 07:00:00.123456   12 remote_runtime.go:569] "ContainerStatus from runtime service failed" err="x"\n'


def _document(name):
    return json.loads((CRICTL / name).read_text())


def _slim(name):
    """Return the document without the OCI runtime's specification, which is nine tenths of it and which nothing reads."""
    document = _document(name)
    document["info"].pop("runtimeSpec", None)
    return document


def _labelled(name, key):
    document = _document(name)
    for item in document[key]:
        item["labels"] = dict(_LABELS)
    return document


def _started_again(document):
    """Return the same container and its next attempt."""
    (item,) = document["containers"]
    later = dict(
        item, id=_LATER, createdAt="1795478059977943215", metadata={**item["metadata"], "attempt": 2}
    )
    return {"containers": [later, item]}


def _two_of_them():
    first, second = _slim("inspect.json"), _slim("inspect.json")
    second["status"]["id"] = _LATER
    return [first, second]


def _ended_well():
    document = _slim("inspect.json")
    document["status"].update(
        state="CONTAINER_EXITED", exitCode=0, finishedAt=document["status"]["startedAt"]
    )
    return document


def _configured():
    """Return a container with all fields of CRI's ContainerStatus, in the format of crictl's JSON."""
    document = _slim("inspect.json")
    mapping = {"hostId": 65536, "containerId": 0, "length": 65536}
    document["info"]["runtimeSpec"] = {"annotations": {"org.opencontainers.image.stopSignal": "SIGQUIT"}}
    document["status"].update(
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
        mounts=[
            {
                "containerPath": "/data",
                "hostPath": "/srv",
                "readonly": True,
                "selinuxRelabel": False,
                "propagation": "PROPAGATION_HOST_TO_CONTAINER",
                "uidMappings": [mapping],
                "gidMappings": [mapping],
                "recursiveReadOnly": False,
                "image": {"image": "registry.example.com/data:1"},
                "imageSubPath": "models",
            }
        ],
        resources={
            "linux": {
                "cpuPeriod": "100000",
                "cpuQuota": "50000",
                "cpuShares": "512",
                "memoryLimitInBytes": "134217728",
                "oomScoreAdj": "-998",
                "cpusetCpus": "0-3",
                "cpusetMems": "0",
                "hugepageLimits": [{"pageSize": "2MB", "limit": "4194304"}],
                "unified": {"memory.high": "120795955"},
                "memorySwapLimitInBytes": "134217728",
            }
        },
        user={"linux": {"uid": "1000", "gid": "1000", "supplementalGroups": ["1000", "2000"]}},
    )
    return document


def _in_user_namespace():
    document = _slim("inspectp.json")
    mapping = {"hostId": 65536, "containerId": 0, "length": 65536}
    document["status"]["linux"]["namespaces"]["options"].update(
        network="NODE",
        pid="TARGET",
        targetId=CONTAINER,
        usernsOptions={"mode": "POD", "uids": [mapping], "gids": [mapping]},
    )
    return document


def _of_containerd():
    """Return images as containerd lists them: IDs have a prefix, some images have a user, some have no name or no container."""
    document = _document("images.json")
    for number, item in enumerate(document["images"]):
        item.update(id=f"sha256:{item['id']}", uid={"value": str(number)}, repoTags=None, spec=None)
    unused = {"id": f"sha256:{'b' * 64}", "repoTags": [UNUSED], "repoDigests": [], "size": "1000"}
    document["images"].append(unused)
    return document


#: {command: documents of its JSON}; the first is what it answers where another command's answer is mutated
DOCUMENTS = {
    "info": [
        *map(_document, ("info.json", "info-quiet.json", "info-network-notready.json")),
        _CONTAINERD_INFO,
    ],
    "ps": [
        _started_again(_labelled("ps.json", "containers")),
        _labelled("ps.json", "containers"),
        _document("ps.json"),
        _document("ps-a.json"),
    ],
    "pods": [_labelled("pods.json", "items"), _document("pods.json")],
    "images": [_document("images.json"), _of_containerd()],
    "archive": [
        [{"Config": "c.json", "RepoTags": ["example.com/a:1", "hello"], "Layers": []}],
        {"manifests": [{"digest": f"sha256:{'a' * 64}", "annotations": {_REFERENCE: "example.com/a:1"}}]},
    ],
    "imagefsinfo": [_document("imagefsinfo.json")],
    "inspecti": [_document("inspecti.json")],
    "inspect": [
        _two_of_them(),
        _ended_well(),
        _configured(),
        *map(_slim, ("inspect.json", "inspect-exited.json", "inspect-created.json")),
    ],
    "inspectp": [_slim("inspectp.json"), _in_user_namespace()],
}
#: large ones, mutated less often
WHOLE = {"inspect": [_document("inspect.json")], "inspectp": [_document("inspectp.json")]}
#: {source: texts}: commands without JSON, what crictl prints when it fails, a container's log, CRI-O's configuration
TEXTS = {
    "version": [(CRICTL / "version.txt").read_text()],
    "runtime-config": [(CRICTL / "runtime-config.txt").read_text()],
    "runp": [f"{CONTAINER}\n"],
    "create": [f"{CONTAINER}\n"],
    "stderr": list(_STDERR),
    "log": list(_LOG),
    "config": [(FIXTURES / "crio-1.37" / "crio-status-config.toml").read_text()],
}
#: what each source prints when it is well
ANSWERS = {
    **{name: json.dumps(documents[0]).encode() for name, documents in DOCUMENTS.items()},
    **{name: texts[0].encode() for name, texts in TEXTS.items()},
    "start": b"",
    "stop": b"",
    "rmp": b"",
    "rmi": b"",
    "pull": b"Image is up to date\n",
}
