# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_bundle: picks the architecture's bundle, sends it where asked to."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile

from ansible.module_utils.urls import open_url

from ansible_collections.cri.node.plugins.plugin_utils.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task_failure import TaskFailure, succeeded

ARGUMENT_SPEC = {
    "source": {"type": "str", "required": True},
    "sha256": {"type": "dict", "required": True},
    "fetched_by": {"type": "str", "choices": ["node", "controller"], "default": "node"},
}
_MODULE = "cri.node.crio_bundle"
_BLOCK = 1024 * 1024


class ActionModule(CheckedAction):
    """One remote call where the bundle is installed already; else a second one, and perhaps an upload."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def perform(self, options, task_vars):
        _refuse_bad_hashes(options["sha256"])
        here = self._call({"call": "read"}, task_vars)
        architecture = here["architecture"]
        sha256 = options["sha256"].get(architecture, "").lower()
        if not sha256:
            known = ", ".join(sorted(options["sha256"])) or "none"
            raise TaskFailure(
                f"crio_bundle has no SHA-256 for this node's architecture {architecture}; it has: {known}"
            )
        if here["sha256"] == sha256:
            return {"changed": False, "version": here["installed"], "architecture": architecture}
        source = options["source"].replace("{arch}", architecture)
        if "://" not in source or options["fetched_by"] == "controller":
            source = self._send(source, sha256)
        version = self._call({"call": "install", "archive": source, "sha256": sha256}, task_vars)["version"]
        result = {"changed": True, "version": version, "architecture": architecture}
        if self._task.diff:
            before = _installed(here["installed"], here["sha256"]) if here["installed"] else ""
            result["diff"] = {"before": before, "after": _installed(version, sha256)}
        return result

    def _call(self, arguments, task_vars):
        return succeeded(
            self._execute_module(module_name=_MODULE, module_args=arguments, task_vars=task_vars)
        )

    def _send(self, source, sha256):
        """Bring the bundle onto the node. Its hash is checked here first: a wrong one never travels."""
        with tempfile.NamedTemporaryFile(prefix="cri-node-bundle-") as fetched:
            path = source
            if "://" in source:
                _fetch(source, fetched)
                path = fetched.name
            if not os.path.isfile(path):
                raise TaskFailure(f"crio_bundle: the file {path} does not exist on the controller")
            found = _hash_of(path)
            if found != sha256:
                raise TaskFailure(f"crio_bundle: {source} has the SHA-256 {found}, not {sha256}")
            if not self._connection._shell.tmpdir:
                self._make_tmp_path()
            remote = self._connection._shell.join_path(self._connection._shell.tmpdir, "bundle.tar.gz")
            self._transfer_file(path, remote)
        return remote


def _installed(version, sha256):
    return f"CRI-O {version} (bundle with SHA-256 {sha256 or 'unknown'})\n"


def _refuse_bad_hashes(hashes):
    for architecture, value in hashes.items():
        if not re.fullmatch(r"[0-9a-fA-F]{64}", str(value)):
            raise TaskFailure(
                f"crio_bundle: sha256.{architecture} is {value!r}; a SHA-256 is 64 hexadecimal digits,"
                " as sha256sum prints it"
            )


def _fetch(url, file):
    try:
        response = open_url(url, timeout=60)
        for block in iter(lambda: response.read(_BLOCK), b""):
            file.write(block)
        file.flush()
    except Exception as error:
        raise TaskFailure(f"crio_bundle: {url} cannot be fetched: {error}") from error


def _hash_of(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            found.update(block)
    return found.hexdigest()
