# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the files that configure CRI-O's package repository, for each package manager.

Sources: sources.list(5) and apt_auth.conf(5) of apt, dnf.conf(5), and the manual of libzypp.
"""

from __future__ import annotations

import urllib.parse
from typing import Any, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.install.platforms import APT, DNF, FORMATS, ZYPPER

#: CRI-O's own repositories: one for each minor version and format
OFFICIAL = "https://download.opensuse.org/repositories/isv:/cri-o:/stable:/v{minor}/{format}/"
#: where a repository has its key
KEYS = {APT: "Release.key", DNF: "repodata/repomd.xml.key", ZYPPER: "repodata/repomd.xml.key"}
NAME = "cri-node-crio"
_HEADER = "# Written by cri.node. Changes are overwritten.\n"


class Paths(NamedTuple):
    """Where the files of a package manager are: the repository, its key, and its credentials ("": in the repository's file)."""

    repository: str
    key: str
    credentials: str = ""


_RPM_KEY = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{NAME}"
PATHS = {
    APT: Paths(
        f"/etc/apt/sources.list.d/{NAME}.sources",
        f"/etc/apt/keyrings/{NAME}.asc",
        f"/etc/apt/auth.conf.d/{NAME}.conf",
    ),
    DNF: Paths(f"/etc/yum.repos.d/{NAME}.repo", _RPM_KEY),
    ZYPPER: Paths(f"/etc/zypp/repos.d/{NAME}.repo", _RPM_KEY, f"/etc/zypp/credentials.d/{NAME}"),
}


class Repository(NamedTuple):
    """A repository. url: without credentials, with a slash at its end. suite, components: of a deb repository."""

    url: str
    user: str = ""
    password: str = ""
    suite: str = "/"
    components: tuple[str, ...] = ()


def address(template: str, minor: str, method: str) -> str:
    """Return an address with its placeholders replaced."""
    return template.replace("{minor}", minor).replace("{format}", FORMATS[method])


def of_url(url: str, suite: str = "/", components: tuple[str, ...] = ()) -> Repository:
    """Return the repository at a valid URL, which may contain credentials, percent-encoded."""
    parts = urllib.parse.urlsplit(url)
    userinfo, _at, host = parts.netloc.rpartition("@")
    user, _colon, password = userinfo.partition(":")
    plain = urllib.parse.urlunsplit(parts._replace(netloc=host, query="", fragment=""))
    return Repository(
        plain if plain.endswith("/") else f"{plain}/",
        urllib.parse.unquote(user),
        urllib.parse.unquote(password),
        suite,
        components,
    )


def files(repository: Repository, method: str, key: str | None) -> list[dict[str, Any]]:
    """Return [{path, mode, secret, key, content}, ...]: the repository first, then its key, then credentials; "" for no file.

    key: armored text, None if it is not known yet.
    """
    paths = PATHS[method]
    has_credentials = bool(repository.user or repository.password)
    in_repository = has_credentials and not paths.credentials
    found = [
        _file(paths.repository, _RENDERERS[method](repository, paths), secret=in_repository),
        {**_file(paths.key, key), "key": True},
    ]
    if paths.credentials:
        content = _credentials(repository, method) if has_credentials else ""
        found.append(_file(paths.credentials, content, secret=True))
    return found


def _file(path: str, content: str | None, secret: bool = False) -> dict[str, Any]:
    return {
        "path": path,
        "mode": "0600" if secret else "0644",
        "secret": secret,
        "key": False,
        "content": content,
    }


def _apt(repository: Repository, paths: Paths) -> str:
    lines = ["Types: deb", f"URIs: {repository.url}", f"Suites: {repository.suite}"]
    if repository.components:
        lines.append(f"Components: {' '.join(repository.components)}")
    return _HEADER + "\n".join([*lines, f"Signed-By: {paths.key}", ""])


def _dnf(repository: Repository, paths: Paths) -> str:
    lines = _ini(repository.url, paths)
    if repository.user or repository.password:
        lines += [f"username={repository.user}", f"password={repository.password}"]
    return _HEADER + "\n".join([*lines, ""])


def _zypper(repository: Repository, paths: Paths) -> str:
    has_credentials = bool(repository.user or repository.password)
    url = f"{repository.url}?credentials={NAME}" if has_credentials else repository.url
    return _HEADER + "\n".join([*_ini(url, paths), "autorefresh=0", "type=rpm-md", ""])


def _ini(url: str, paths: Paths) -> list[str]:
    return [
        f"[{NAME}]",
        "name=CRI-O (cri.node)",
        f"baseurl={url}",
        "enabled=1",
        "gpgcheck=1",
        f"gpgkey=file://{paths.key}",
    ]


def _credentials(repository: Repository, method: str) -> str:
    if method == APT:
        # With the scheme, since apt otherwise sends credentials over TLS only.
        return f"machine {repository.url} login {repository.user} password {repository.password}\n"
    return f"username={repository.user}\npassword={repository.password}\n"


_RENDERERS = {APT: _apt, DNF: _dnf, ZYPPER: _zypper}
