# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of OpenShift that are read, and their fields (openshift/api: config/v1, operator/v1alpha1).

A Field describes a field that is read. A text is the reason why a field has no effect on nodes; it is accepted with a warning.
None stands for a field that a cluster writes itself, such as status, and that is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Union

from ansible_collections.cri.node.plugins.plugin_utils.registries.openshift import scopes

IMAGE = "Image"
DIGEST_MIRRORS = "ImageDigestMirrorSet"
TAG_MIRRORS = "ImageTagMirrorSet"
CONTENT_SOURCES = "ImageContentSourcePolicy"
CONFIG_MAP = "ConfigMap"
CONFIG = "config.openshift.io/v1"
VERSIONS = {
    IMAGE: CONFIG,
    DIGEST_MIRRORS: CONFIG,
    TAG_MIRRORS: CONFIG,
    CONTENT_SOURCES: "operator.openshift.io/v1alpha1",
    CONFIG_MAP: "v1",
}
#: the list of sources and mirrors in the spec of each kind that has one
MIRROR_LISTS = {
    DIGEST_MIRRORS: "imageDigestMirrors",
    TAG_MIRRORS: "imageTagMirrors",
    CONTENT_SOURCES: "repositoryDigestMirrors",
}
ALLOW, NEVER = "AllowContactingSource", "NeverContactSource"
CLUSTER = "cluster"  # the name of the only Image that the operator reads
NAMESPACE = "openshift-config"  # of the ConfigMap with certificates
MOST_REGISTRIES = 1024  # entries of one list of registrySources
LONGEST_REGISTRY = 256  # characters of one entry
_API_SERVER = "only concerns OpenShift's API server: it has no effect on nodes"


class Field(NamedTuple):
    """A field that is read.

    kind: text, texts, boolean, map (names to texts), table or tables (a list of tables).
    unique: the API refuses an entry of a list that occurs twice.
    """

    kind: str
    required: bool = False
    fields: Mapping[str, Field | str | None] | None = None
    choices: tuple[str, ...] = ()
    unique: bool = False
    longest: int = 0  # characters of each text; 0: no limit
    most: int = 0  # entries of a list; 0: no limit
    accepted: str | None = None


Fields = Mapping[str, Union[Field, str, None]]
TEXT = Field("text")

_METADATA: Fields = {
    "name": Field("text", required=True),
    "namespace": TEXT,
    **dict.fromkeys(
        "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName generation labels"
        " managedFields ownerReferences resourceVersion selfLink uid".split()
    ),
}
_REGISTRIES = Field(
    "texts",
    longest=LONGEST_REGISTRY,
    most=MOST_REGISTRIES,
    accepted=f"a list of registries: {scopes.ACCEPTED}",
)
_IMAGE_SPEC: Fields = {
    "registrySources": Field(
        "table",
        fields={
            "insecureRegistries": _REGISTRIES,
            "blockedRegistries": _REGISTRIES,
            "allowedRegistries": _REGISTRIES,
            "containerRuntimeSearchRegistries": Field("texts", unique=True, accepted="a list of host[:port]"),
        },
    ),
    "additionalTrustedCA": Field("table", fields={"name": Field("text", required=True)}),
    "allowedRegistriesForImport": _API_SERVER,
    "externalRegistryHostnames": _API_SERVER,
    "imageStreamImportMode": _API_SERVER,
}
_MIRRORS: dict[str, Field | str | None] = {
    "source": Field("text", required=True),
    "mirrors": Field("texts", unique=True),
    "mirrorSourcePolicy": Field("text", choices=(NEVER, ALLOW)),
}
# The API has neither of the two limits for this older kind.
_OLDER_MIRRORS: Fields = {"source": _MIRRORS["source"], "mirrors": Field("texts")}


def _object(spec: Fields) -> Fields:
    return {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": Field("table", required=True, fields=_METADATA),
        "spec": Field("table", required=True, fields=spec),
        "status": None,
    }


OBJECTS: dict[str, Fields] = {
    IMAGE: _object(_IMAGE_SPEC),
    DIGEST_MIRRORS: _object({"imageDigestMirrors": Field("tables", fields=_MIRRORS)}),
    TAG_MIRRORS: _object({"imageTagMirrors": Field("tables", fields=_MIRRORS)}),
    CONTENT_SOURCES: _object({"repositoryDigestMirrors": Field("tables", fields=_OLDER_MIRRORS)}),
    CONFIG_MAP: {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": Field("table", required=True, fields=_METADATA),
        "data": Field("map"),
        "binaryData": Field("map"),
        "immutable": None,
    },
}
