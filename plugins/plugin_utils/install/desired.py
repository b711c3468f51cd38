# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of crio_packages: what is wrong with them, and the requests to the node that follow from them."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.install import openpgp, platforms, repositories
from ansible_collections.cri.node.plugins.plugin_utils.problem import Problem
from ansible_collections.cri.node.plugins.plugin_utils.value_types import kind

VARIABLE = "crio_packages"
SPEC: dict[str, Any] = {
    "version": {"type": "raw", "default": ""},  # a number would lose a zero
    "repository": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "default": repositories.OFFICIAL},
            "suite": {"type": "str", "default": "/"},
            "components": {"type": "list", "elements": "str", "default": []},
            "key": {"type": "str"},
            "key_fingerprint": {"type": "str"},
        },
    },
    "packages": {"type": "list", "elements": "str"},
    "hold": {"type": "bool", "default": True},
    "lock_timeout": {"type": "int", "default": 120},
}
_NO_REPOSITORY: dict[str, Any] = {
    "url": repositories.OFFICIAL,
    "suite": "/",
    "components": [],
    "key": None,
    "key_fingerprint": None,
}
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}(?:\.\d{1,6}(?:~[A-Za-z0-9.]{1,20})?)?", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,100}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+~-]{0,200}", re.ASCII)
_SCHEMES = ("https", "http", "file")
_ACCEPTED_VERSION = 'a minor version such as "1.36", or a release such as "1.36.3"'
_ACCEPTED_URL = "for example https://mirror.example.com/cri-o/v{minor}/{format}/"
_ACCEPTED_FINGERPRINT = "40 hexadecimal digits, as gpg --show-keys prints them"
_MOST_SECONDS = 7 * 24 * 3600


def repository_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the repository with their defaults."""
    given = options["repository"] or {}
    return {
        name: given.get(name) if given.get(name) is not None else value
        for name, value in _NO_REPOSITORY.items()
    }


def problems(options: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with validated options. Keys that are files of the controller are read."""
    repository = repository_of(options)
    version = options["version"]
    if not isinstance(version, str):
        fault = f"is {kind(version)}, not a string: YAML reads 1.40 without quotes as 1.4"
        yield Problem("crio_version", "", shown(version, 40), fault, _ACCEPTED_VERSION)
        return
    if version and not _VERSION.fullmatch(version):
        yield Problem(
            "crio_version", "", f'"{shown(version, 80)}"', "is not a version of CRI-O", _ACCEPTED_VERSION
        )
    if not version and "{minor}" in repository["url"]:
        fault = "is required, since the address of the repository depends on the minor version"
        yield Problem("crio_version", "", None, fault, _ACCEPTED_VERSION)
    yield from _problems_of_url(repository["url"])
    for name in ("suite", *(f"components[{index}]" for index in range(len(repository["components"])))):
        value = repository["suite"] if name == "suite" else repository["components"][int(name[11:-1])]
        if value != "/" and not _WORD.fullmatch(value):
            yield _problem(
                f"repository.{name}", value, "is not the name of a suite or a component", "for example stable"
            )
    yield from _problems_of_suite(repository)
    names = options["packages"]
    for index, name in enumerate(names or []):
        if not _PACKAGE.fullmatch(name):
            yield _problem(f"packages[{index}]", name, "is not the name of a package", "for example cri-o")
    if names == []:
        yield _problem("packages", None, "is empty", "at least the package of CRI-O, for example [cri-o]")
    if not 0 <= options["lock_timeout"] <= _MOST_SECONDS:
        yield _problem(
            "lock_timeout", options["lock_timeout"], "is not a number of seconds up to one week", "120"
        )
    yield from _problems_of_key(repository, options["version"])


def _problems_of_suite(repository: dict[str, Any]) -> Iterator[Problem]:
    is_path = repository["suite"].endswith("/")
    if is_path and repository["components"]:
        fault = "are not possible with a suite that ends with a slash"
        yield _problem("repository.components", None, fault, "a suite such as stable, or no components")
    if not is_path and not repository["components"]:
        fault = "is a suite, which requires components"
        yield _problem(
            "repository.suite", repository["suite"], fault, "/, or also components, such as [main]"
        )


def _problems_of_url(url: str) -> Iterator[Problem]:
    """Yield problems of the address; it may contain credentials, so it is shown without them."""
    key, given = "repository.url", download.redacted(url)
    try:
        parts = urllib.parse.urlsplit(url)
        _port = parts.port
    except ValueError:
        yield _problem(key, given, "is not a valid URL", _ACCEPTED_URL)
        return
    if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not parts.hostname):
        yield _problem(key, given, "is not a URL of http, https or file", _ACCEPTED_URL)
    elif parts.query or parts.fragment:
        yield _problem(
            key, given, "has a query or a fragment, to which package managers add their paths", _ACCEPTED_URL
        )
    elif re.search(r"[\s\"'<>\\^`|]", url) or re.search(r"\{(?!minor\}|format\})", url):
        yield _problem(
            key, given, "contains a character that a URL cannot have", f"{_ACCEPTED_URL}, percent-encoded"
        )
    else:
        repository = repositories.of_url(url)
        if (
            not re.fullmatch(r"\S*", repository.user + repository.password)
            or not (repository.user + repository.password).isprintable()
        ):
            yield _problem(
                key,
                given,
                "has credentials with a blank or an invisible character, which no package manager accepts",
            )


def _problems_of_key(repository: dict[str, Any], version: str) -> Iterator[Problem]:
    fingerprint = repository["key_fingerprint"]
    if fingerprint and not openpgp.is_fingerprint(fingerprint):
        yield _problem(
            "repository.key_fingerprint",
            shown(fingerprint, 80),
            "is not a full fingerprint",
            _ACCEPTED_FINGERPRINT,
        )
        return
    key = repository["key"]
    url = repository["url"] if key is None else key if is_url(key) else ""
    if url and not url.startswith("https://") and not fingerprint:
        fault = "is required, because the key is not fetched over HTTPS"
        yield _problem("repository.key_fingerprint", None, fault, _ACCEPTED_FINGERPRINT)
    if key is not None and not is_url(key):
        for method in platforms.FORMATS:  # the path may depend on it
            try:
                checked_key(read_key(key, minor_of(version), method), key, fingerprint)
            except openpgp.KeyFileError as error:
                yield _problem("repository.key", None, str(error))
                return


def is_url(key: str) -> bool:
    """Return whether the option `key` is the URL of one."""
    return not is_content(key) and download.is_url(key)


def is_content(key: str) -> bool:
    """Return whether the option `key` is the key itself."""
    return "-----BEGIN PGP" in key


def read_key(key: str, minor: str, method: str) -> bytes:
    """Return the content of a key that is given as text or as a file of the controller. Raises KeyFileError."""
    if is_content(key):
        return key.encode()
    path = repositories.address(key, minor, method)
    try:
        with open(path, "rb") as file:
            return file.read(openpgp.LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise openpgp.KeyFileError(f"{shown(path, 200)} cannot be read on the controller: {reason}") from None


def checked_key(content: bytes, source: str, fingerprint: str | None) -> openpgp.PublicKey:
    """Return the key in `content`. Raises KeyFileError if it is not the only one, or has another fingerprint."""
    name = (
        "the key"
        if is_content(source)
        else shown(download.redacted(source) if is_url(source) else source, 200)
    )
    try:
        key = openpgp.read(content)
    except openpgp.KeyFileError as error:
        raise openpgp.KeyFileError(f"{name} {error}") from None
    if fingerprint and key.fingerprint != openpgp.normalised(fingerprint):
        raise openpgp.KeyFileError(
            f"{name} has the fingerprint {key.fingerprint}, not {openpgp.normalised(fingerprint)}"
        )
    return key


def minor_of(version: str) -> str:
    """Return the minor version of an option `version`, "" for ""."""
    return ".".join(version.split(".")[:2])


class Desired:
    """The desired packages and files of nodes with each package manager, from options without problems."""

    def __init__(self, options: dict[str, Any]) -> None:
        given = repository_of(options)
        self.version: str = options["version"]
        self.minor = minor_of(self.version)
        self.names = options["packages"] or list(platforms.PACKAGES)
        self.required = len(options["packages"] or platforms.PACKAGES[:1])
        self.hold: bool = options["hold"]
        self.lock_timeout: int = options["lock_timeout"]
        self.fingerprint = openpgp.normalised(given["key_fingerprint"] or "")
        self._key: str | None = given["key"]
        self._given = given

    def repository(self, method: str) -> repositories.Repository:
        """Return the repository for this package manager."""
        url = repositories.address(self._given["url"], self.minor, method)
        return repositories.of_url(url, self._given["suite"], tuple(self._given["components"]))

    def key_url(self, method: str) -> str:
        """Return the URL of the key, with credentials; "" if it is given as text or as a file."""
        if self._key is None:
            url = repositories.address(self._given["url"], self.minor, method)
            return f"{url.rstrip('/')}/{repositories.KEYS[method]}"
        return repositories.address(self._key, self.minor, method) if is_url(self._key) else ""

    def key(self, method: str) -> openpgp.PublicKey | None:
        """Return the key, None if it has to be fetched from `key_url`. Raises KeyFileError."""
        if self._key is None or is_url(self._key):
            return None
        return checked_key(read_key(self._key, self.minor, method), self._key, self.fingerprint)

    def files(self, method: str, key: openpgp.PublicKey | None) -> list[dict[str, Any]]:
        """Return the files of the repository, see repositories.files."""
        return repositories.files(self.repository(method), method, key.armored() if key else None)

    def digest(self, method: str) -> str:
        """Return a hash of what the node's record depends on: names of packages, the repository and its key."""
        repository = self.repository(method)
        key = download.redacted(self.key_url(method))
        data = [self.names, self.required, repository._replace(password="", user=""), key, self.fingerprint]
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def reading(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return (the request that reads a node, its secrets)."""
        methods: dict[str, Any] = {}
        hashes: dict[str, str] = {}
        for method in platforms.FORMATS:
            methods[method] = []
            for each in self.files(method, self.key(method)):
                content = each["content"]
                digest = hashlib.sha256(content.encode()).hexdigest() if content else content
                if each["secret"] and content:
                    hashes[each["path"]], digest = str(digest), ""
                methods[method].append({"path": each["path"], "mode": each["mode"], "sha256": digest})
        request = {
            "call": "read",
            "names": self.names,
            "families": platforms.METHODS,
            "methods": methods,
            "digests": {method: self.digest(method) for method in platforms.FORMATS},
        }
        return request, {"secret_hashes": hashes}

    def installing(self, method: str, key: openpgp.PublicKey) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return (the request that installs, its secrets)."""
        files = self.files(method, key)
        contents = {each["path"]: each["content"] for each in files if each["secret"] and each["content"]}
        request = {
            "call": "install",
            "names": self.names,
            "required": self.required,
            "dependencies": list(platforms.DEPENDENCIES[method]),
            "method": method,
            "version": self.version,
            "files": [{**each, "content": ""} if each["path"] in contents else each for each in files],
            "hold": self.hold,
            "lock_timeout": self.lock_timeout,
            "digest": self.digest(method),
        }
        return request, {"secret_contents": contents}


def _problem(key: str, value: object, message: str, accepted: str | None = None) -> Problem:
    given = None if value is None else shown(f'"{value}"' if isinstance(value, str) else value, 200)
    return Problem(VARIABLE, key, given, message, accepted)
