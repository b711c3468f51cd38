# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls images with skopeo, which reads registries.conf with the same library as CRI-O, and imports them."""

import base64
import json
import os
import re
import tempfile

import containerd
import crio_registries

_FATAL = re.compile(r'level=fatal msg="(.*)"\s*$', re.DOTALL)


class PullError(Exception):
    """An image cannot be pulled; the message is that of CRI-O or of its library."""


def full_names(name, mode):
    """Return where to look for an image, with short names resolved as in CRI-O since 1.34. Raises PullError."""
    first, slash, _rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return [name]
    search, aliases = crio_registries.search()
    repository, tag = re.fullmatch(r"([^:@]+)(.*)", name).groups()
    if repository in aliases:
        return [aliases[repository] + tag]
    if not search:
        raise PullError(
            f'short-name "{name}" did not resolve to an alias and no unqualified-search registries are defined in'
            f' "{crio_registries.CONTAINERS}/registries.conf"'
        )
    if mode == "enforcing" and len(search) > 1:
        shown = name if tag else f"{name}:latest"
        raise PullError(f"short name mode is enforcing, but image name {shown} returns ambiguous list")
    return [
        f"{registry}/{'library/' if registry == 'docker.io' and not slash else ''}{name}"
        for registry in search
    ]


def pull(name, auth, settings):
    """Import an image into containerd, and return its full name. Raises PullError.

    `auth` is CRI's AuthConfig; its credentials go into a file of their own, never onto a command line.
    """
    errors = []
    for full in full_names(name, settings["crio.image.short_name_mode"]):
        full = full if re.search(r"[:@][^/]+$", full) else f"{full}:latest"
        try:
            _pull(full, auth, settings)
        except PullError as error:
            errors.append(str(error))
        else:
            return full
    raise PullError(errors[-1])


def _pull(name, auth, settings):
    with tempfile.TemporaryDirectory(prefix="crio-standin-") as folder:
        archive = os.path.join(folder, "image.tar")
        command = []
        if settings["crio.image.signature_policy"]:
            command += ["--policy", settings["crio.image.signature_policy"]]
        command += [
            "copy",
            "--quiet",
            "--remove-signatures",  # after their verification: an archive cannot contain them
            *_authfile(name, auth, settings, folder),
            f"docker://{name}",
            f"oci-archive:{archive}:{name}",
        ]
        done = crio_registries.skopeo(*command)
        if done.returncode:
            fatal = _FATAL.search(done.stderr.strip())
            told = fatal[1] if fatal else done.stderr.strip()
            raise PullError(told.replace('\\"', '"').replace("\\\\", "\\"))
        try:
            containerd.import_image(archive, name)
        except containerd.ContainerdError as error:
            raise PullError(str(error)) from None


def _authfile(name, auth, settings, folder):
    secret = auth.auth or base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
    if auth.auth or auth.username:
        path = os.path.join(folder, "auth.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump({"auths": {name.partition("/")[0]: {"auth": secret}}}, file)
        return ["--authfile", path]
    if settings["crio.image.global_auth_file"]:
        return ["--authfile", settings["crio.image.global_auth_file"]]
    return []
