# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a Kubernetes Pod (v1): the type of each supported field, or why a field is not supported.

A Field describes a field that is supported on one node; a text is the reason why a field is not supported.
manifest.py uses this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Union

NO_SERVER = "requires a Kubernetes API server, which is not involved in this pod"
NO_SCHEDULER = "is for the scheduler, but this pod runs on the node of the task"
NO_KUBELET = "is handled by a kubelet, but nothing manages this pod after the task"
UNSUPPORTED = "is not supported"
NO_VOLUME = "is not supported; hostPath is the only supported volume type"

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*"
_LABEL_WORDS = "at most 63 lowercase letters, digits and '-'"
_PORT: dict[str, Any] = {"minimum": 1, "maximum": 65535}
_ID: dict[str, Any] = {"minimum": 0, "maximum": 2**31 - 1}


class Field(NamedTuple):
    """A supported field.

    kind: text, boolean, integer, quantity, integers, texts, map (names to texts), table, or tables (a list).
    pattern: what a text, or each text of a list or map, must match completely; `accepted` describes it.
    fields: the fields of a table, or of each of tables. others: additional fields of a table, each a pattern of names and its
    Field or reason. secret: the value must not be shown.
    assigns: the part of the value after = must not be shown.
    """

    kind: str
    required: bool = False
    fields: Mapping[str, Field | str] | None = None
    choices: tuple[Any, ...] = ()
    pattern: str | None = None
    accepted: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    assigns: bool = False
    others: tuple[Any, ...] = ()


Fields = dict[str, Union[Field, str]]
TEXT = Field("text")
BOOLEAN = Field("boolean")
NAME = Field("text", required=True, pattern=_LABEL, accepted=_LABEL_WORDS)
ABSOLUTE = Field(
    "text",
    required=True,
    pattern=r"(?!(?s:.*)(^|/)\.\.(/|\Z))/[^:\0-\x1f]*",
    accepted="an absolute path without '..', ':' and control characters",
)


_PROFILE = Field(
    "table",
    fields={
        "type": Field("text", required=True, choices=("RuntimeDefault", "Unconfined", "Localhost")),
        "localhostProfile": Field("text", pattern=r"(?!.*(^|/)\.\.(/|\Z)).+", accepted="a name without '..'"),
    },
)
_SELINUX = Field("table", fields={"user": TEXT, "role": TEXT, "type": TEXT, "level": TEXT})

_SECURITY: Fields = {
    "appArmorProfile": _PROFILE,
    "runAsGroup": Field("integer", **_ID),
    "runAsNonRoot": BOOLEAN,
    "runAsUser": Field("integer", **_ID),
    "seLinuxChangePolicy": UNSUPPORTED,
    "seLinuxOptions": _SELINUX,
    "seccompProfile": _PROFILE,
    "windowsOptions": "is for Windows",
}

POD_SECURITY: Fields = {
    **_SECURITY,
    "fsGroup": Field("integer", **_ID),
    "fsGroupChangePolicy": "is for volumes that a kubelet sets up",
    "supplementalGroups": Field("integers", **_ID),
    "supplementalGroupsPolicy": UNSUPPORTED,
    "sysctls": Field(
        "tables",
        fields={
            "name": Field(
                "text", required=True, pattern=r"[a-z0-9_.-]+", accepted="a name such as net.core.somaxconn"
            ),
            "value": Field("text", required=True),
        },
    ),
}

CONTAINER_SECURITY: Fields = {
    **_SECURITY,
    "allowPrivilegeEscalation": BOOLEAN,
    "capabilities": Field(
        "table",
        fields={
            name: Field("texts", pattern=r"[A-Z][A-Z0-9_]*", accepted="a name such as NET_ADMIN, or ALL")
            for name in ("add", "drop")
        },
    ),
    "privileged": BOOLEAN,
    "procMount": Field("text", choices=("Default",)),
    "readOnlyRootFilesystem": BOOLEAN,
}

RESOURCES: Fields = {
    "cpu": Field("quantity"),
    "memory": Field("quantity"),
    "ephemeral-storage": "is measured and enforced by a kubelet, but nothing manages this pod after the task",
    "storage": "is for volume claims, not for containers",
}
# Resources by patterns of their names.
OTHER_RESOURCES = (
    (r"hugepages-.*", Field("quantity")),
    (r"(requests\.|limits\.).*", "is for quotas, not for containers"),
    (r".*/.*", "is provided by device plugins of a kubelet, which are not involved in this pod"),
)

CONTAINER: Fields = {
    "args": Field("texts"),
    "command": Field("texts"),
    "env": Field(
        "tables",
        fields={
            "name": Field(
                "text", required=True, pattern=r"[^=\0-\x1f]+", accepted="a name without '='", assigns=True
            ),
            "value": Field("text", secret=True),
            "valueFrom": f"{NO_SERVER}; set value",
        },
    ),
    "envFrom": NO_SERVER,
    "image": Field("text", required=True),  # rules.py checks its format
    "imagePullPolicy": Field("text", choices=("Always", "IfNotPresent", "Never")),
    "lifecycle": NO_KUBELET,
    "livenessProbe": NO_KUBELET,
    "name": NAME,
    "ports": Field(
        "tables",
        fields={
            "containerPort": Field("integer", required=True, **_PORT),
            "hostIP": TEXT,
            "hostPort": Field("integer", **_PORT),
            "name": TEXT,
            "protocol": Field("text", choices=("TCP", "UDP", "SCTP")),
        },
    ),
    "readinessProbe": NO_KUBELET,
    "resizePolicy": NO_KUBELET,
    "resources": Field(
        "table",
        fields={
            "claims": NO_SERVER,
            "limits": Field("table", fields=RESOURCES, others=OTHER_RESOURCES),
            "requests": Field("table", fields=RESOURCES, others=OTHER_RESOURCES),
        },
    ),
    "restartPolicy": NO_KUBELET,
    "restartPolicyRules": NO_KUBELET,
    "securityContext": Field("table", fields=CONTAINER_SECURITY),
    "startupProbe": NO_KUBELET,
    "stdin": BOOLEAN,
    "stdinOnce": BOOLEAN,
    "terminationMessagePath": NO_KUBELET,
    "terminationMessagePolicy": NO_KUBELET,
    "tty": BOOLEAN,
    "volumeDevices": UNSUPPORTED,
    "volumeMounts": Field(
        "tables",
        fields={
            "mountPath": ABSOLUTE,
            "mountPropagation": Field("text", choices=("None", "HostToContainer", "Bidirectional")),
            "name": NAME,
            "readOnly": BOOLEAN,
            "recursiveReadOnly": Field("text", choices=("Disabled",)),
            "subPath": f"{UNSUPPORTED}; set the directory in the hostPath of the volume",
            "subPathExpr": UNSUPPORTED,
        },
    ),
    "workingDir": TEXT,
}

_HOST_PATH: Fields = {
    "path": ABSOLUTE,
    "type": Field(
        "text",
        choices=(
            "",
            "DirectoryOrCreate",
            "Directory",
            "FileOrCreate",
            "File",
            "Socket",
            "CharDevice",
            "BlockDevice",
        ),
    ),
}

SPEC: Fields = {
    "activeDeadlineSeconds": NO_KUBELET,
    "affinity": NO_SCHEDULER,
    "automountServiceAccountToken": Field("boolean", choices=(False,)),
    "containers": Field("tables", required=True, fields=CONTAINER),
    "dnsConfig": Field(
        "table",
        fields={
            "nameservers": Field("texts", pattern=r"[0-9A-Fa-f.:]+", accepted="an IP address"),
            "options": Field("tables", fields={"name": Field("text", required=True), "value": TEXT}),
            "searches": Field("texts"),
        },
    ),
    "dnsPolicy": Field("text", choices=("Default", "None")),
    "enableServiceLinks": Field("boolean", choices=(False,)),
    "ephemeralContainers": UNSUPPORTED,
    "hostAliases": NO_KUBELET,
    "hostIPC": BOOLEAN,
    "hostNetwork": BOOLEAN,
    "hostPID": BOOLEAN,
    "hostUsers": Field("boolean", choices=(True,)),
    "hostname": Field("text", pattern=_LABEL, accepted=_LABEL_WORDS),
    "hostnameOverride": UNSUPPORTED,
    "imagePullSecrets": f"{NO_SERVER}; the credentials of the runtime are used",
    "initContainers": Field("tables", fields=CONTAINER),
    "nodeName": NO_SCHEDULER,
    "nodeSelector": NO_SCHEDULER,
    "os": Field("table", fields={"name": Field("text", required=True, choices=("linux",))}),
    "overhead": NO_SCHEDULER,
    "preemptionPolicy": NO_SCHEDULER,
    "priority": NO_SCHEDULER,
    "priorityClassName": NO_SCHEDULER,
    "readinessGates": NO_SERVER,
    "resourceClaims": NO_SERVER,
    "resources": f"{UNSUPPORTED}; set resources of the containers",
    "restartPolicy": Field(
        "text", choices=("Never",), accepted="Never, because nothing restarts containers without a kubelet"
    ),
    "runtimeClassName": Field("text", pattern=_SUBDOMAIN, accepted="the name of a handler"),
    "schedulerName": NO_SCHEDULER,
    "schedulingGates": NO_SCHEDULER,
    "securityContext": Field("table", fields=POD_SECURITY),
    "serviceAccount": NO_SERVER,
    "serviceAccountName": NO_SERVER,
    "setHostnameAsFQDN": Field("boolean", choices=(False,)),
    "shareProcessNamespace": BOOLEAN,
    "subdomain": NO_SERVER,
    "terminationGracePeriodSeconds": Field("integer", minimum=0, maximum=86400),
    "tolerations": NO_SCHEDULER,
    "topologySpreadConstraints": NO_SCHEDULER,
    "volumes": Field(
        "tables",
        fields={
            "name": NAME,
            "hostPath": Field("table", fields=_HOST_PATH),
            **dict.fromkeys(
                "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc"
                " flexVolume flocker gcePersistentDisk gitRepo glusterfs image iscsi nfs persistentVolumeClaim"
                " photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume".split(),
                NO_VOLUME,
            ),
        },
    ),
    "workloadRef": NO_SCHEDULER,
}

METADATA: Fields = {
    "annotations": Field("map"),
    "creationTimestamp": NO_SERVER,
    "deletionGracePeriodSeconds": NO_SERVER,
    "deletionTimestamp": NO_SERVER,
    "finalizers": NO_SERVER,
    "generateName": f"{NO_SERVER}; set name",
    "generation": NO_SERVER,
    "labels": Field(
        "map",
        pattern=r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?",
        accepted="at most 63 letters, digits, '-', '_' and '.'",
    ),
    "managedFields": NO_SERVER,
    "name": Field(
        "text", required=True, pattern=_SUBDOMAIN, accepted="lowercase letters, digits, '-' and '.'"
    ),
    "namespace": NAME._replace(required=False),
    "ownerReferences": NO_SERVER,
    "resourceVersion": NO_SERVER,
    "selfLink": NO_SERVER,
    "uid": Field(
        "text",
        pattern=r"[0-9A-Za-z][-0-9A-Za-z]{0,62}",
        accepted="letters, digits and '-', as in a UUID",
    ),
}

POD: Fields = {
    "apiVersion": Field("text", required=True, choices=("v1",)),
    "kind": Field("text", required=True, choices=("Pod",)),
    "metadata": Field("table", required=True, fields=METADATA),
    "spec": Field("table", required=True, fields=SPEC),
    "status": NO_SERVER,
}
