# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of handlers in crio.conf, `[crio.runtime.runtimes.NAME]`, for a version of CRI-O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import Version, parse_version
from ansible_collections.cri.node.plugins.plugin_utils.handlers.known import OCI, Kind
from ansible_collections.cri.node.plugins.plugin_utils.layers import Data, Path, merge
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.plugin_utils.handlers.handler import Handler

TABLE: Path = ("crio", "runtime", "runtimes")


def of_handler(name: str, kind: Kind, packaged: bool, path: str, own: Data) -> Data:
    """Return the entry of a handler in crio.conf: what is known of its kind, and over it the user's own settings.

    packaged: whether a package of the distribution installs it. path: of its program.
    """
    config = kind.config[0 if packaged else 1]
    known: Data = {
        "runtime_type": kind.type,
        # As CRI-O completes it. It is written, because what it is decides whether running pods can be controlled.
        **({"runtime_root": f"/run/{name}"} if kind.type == OCI else {}),
        **kind.settings,
        **({"runtime_config_path": config} if config else {}),
    }
    return merge([("", known), ("", _placed(kind.path_key, path)), ("", own)])[0]


def _placed(key: Path, path: str) -> Data:
    table: Data = {key[-1]: path}
    for name in reversed(key[:-1]):
        table = {name: table}
    return table


def as_layer(handlers: Iterable[Handler], version: object = "") -> Data:
    """Return the handlers as settings of crio.conf. version: the declared one; "" for all supported ones.

    Keys and annotations that a handler has because of its kind, but this version does not have, are left out.
    """
    release = _parsed(version)
    entries = {each.name: _for_version(each, release) for each in handlers}
    return {"crio": {"runtime": {"runtimes": entries}}} if entries else {}


def problems(handlers: Iterable[Handler], version: object) -> list[Problem]:
    """Return a problem for each handler that does not work with the declared version of CRI-O; "" for an unknown one."""
    release = _parsed(version)
    return [
        Problem(
            "oci_runtimes_config",
            each.name,
            None,
            f"{each.kind.name} requires CRI-O {each.kind.crio_since} or later, but the version is {version}",
        )
        for each in handlers
        if release and each.kind.crio_since and release.line < parse_version(each.kind.crio_since).line
    ]


def _parsed(version: object) -> Version | None:
    try:
        return parse_version(version) if isinstance(version, str) and version else None
    except ValueError:
        return None  # refused where it is declared


def _for_version(handler: Handler, release: Version | None) -> Data:
    if release is None:
        return handler.settings
    known = {*handler.kind.settings, "runtime_type", "runtime_root"} - handler.own
    return {
        name: value
        for name, value in handler.settings.items()
        if name not in known or _is_known_to(release, name)
    }


def _is_known_to(release: Version, name: str) -> bool:
    key = CATALOGUE.lookup((*TABLE, "*", name))
    return key is None or key.exists_in(release)
