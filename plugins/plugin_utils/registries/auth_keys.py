# SPDX-License-Identifier: GPL-3.0-or-later
"""Which credential of the auth files containers/image sends to a registry, by the keys of the files; values are never needed.

The source is pkg/docker/config of containers/image 5.38 (findCredentialsInFile).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import AUTH_FILES, Effective

_DOCKER_HUB = ("docker.io", "registry-1.docker.io")
_NORMALIZED_DOCKER_HUB = "index.docker.io"


class AuthFile(NamedTuple):
    """The keys of an auth file."""

    path: str
    keys: tuple[str, ...]  # of auths, with a credential
    empty_keys: tuple[str, ...] = ()  # of auths, without one
    helpers: tuple[str, ...] = ()  # keys of credHelpers
    old_format: bool = False  # ~/.dockercfg


class Credential(NamedTuple):
    """The credential that is sent: its key and file, or the helper that is asked for the host."""

    key: str
    path: str  # "" for a helper of registries.conf
    helper: str  # "" for an entry of auths


def credential_of(
    repository: str, files: Iterable[AuthFile], helpers: Iterable[str] = (AUTH_FILES,)
) -> Credential | None:
    """Return the credential for host[:port]/path: the most specific key of the first file that has one.

    helpers: credential-helpers of registries.conf. An external one may have none for the host; the next one is asked then, which
    is not known here, so that the first one is returned.
    """
    host = repository.partition("/")[0]
    found = list(files)
    for helper in helpers:
        if helper != AUTH_FILES:
            return Credential(host, "", helper)
        for file in found:
            credential = _credential_in(repository, host, file)
            if credential:
                return credential
    return None


def mirrors_without_credentials(effective: Effective, files: Iterable[AuthFile]) -> Iterator[tuple[str, str]]:
    """Yield (prefix, location) of each mirror without a credential whose source has one.

    The credentials of a pod (imagePullSecrets) are not sent to a mirror on another host, so that such a mirror must be public.
    """
    known = list(files)
    for prefix, table in effective.registries.items():
        source = table.location or prefix.removeprefix("*.")
        if not credential_of(source, known, effective.credential_helpers):
            continue
        for mirror in table.mirrors:
            if not credential_of(mirror.location, known, effective.credential_helpers):
                yield prefix, mirror.location


def lookup_order(repository: str, old_format: bool = False) -> list[str]:
    """Return the keys of auths that apply to host[:port]/path, the most specific one first."""
    parts = repository.split("/")
    return [parts[0]] if old_format else ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _credential_in(repository: str, host: str, file: AuthFile) -> Credential | None:
    if host in file.helpers:
        return Credential(host, file.path, "credHelpers")
    for key in lookup_order(repository, file.old_format):
        if key in file.empty_keys:
            return None  # it ends the search in this file
        if key in file.keys:
            return Credential(key, file.path, "")
    wanted = _normalized_host(host)
    matching = [
        key for key in (*file.keys, *file.empty_keys) if _normalized_key(key, file.old_format) == wanted
    ]
    usable = [key for key in matching if key in file.keys]
    return Credential(usable[0], file.path, "") if usable else None


def _normalized_key(key: str, old_format: bool) -> str:
    bare = key.removeprefix("http://").removeprefix("https://")
    if old_format or bare != key:
        bare = bare.partition("/")[0]
    return _normalized_host(bare)


def _normalized_host(host: str) -> str:
    return _NORMALIZED_DOCKER_HUB if host in _DOCKER_HUB else host
