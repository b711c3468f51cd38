# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what a play's verification found: a table, a file of JSON, and statistics for a job runner."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
from datetime import datetime, timezone

from ansible.utils.display import Display

from ansible_collections.cri.node.plugins.module_utils.errors import os_reason
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.plain import plain
from ansible_collections.cri.node.plugins.plugin_utils.task import option_rules
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure
from ansible_collections.cri.node.plugins.plugin_utils.verify import report as verification_report

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["checked", "reported"], "default": "reported"},
    "results": {"type": "dict"},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "waiting": {"type": "list", "elements": "str", "default": []},
    "lost": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "str", "default": ""},
}


class ActionModule(CheckedAction):
    """No remote call."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    _requires_connection = False

    VARIABLES = {"path": "verify_report_file"}

    def perform(self, options, task_vars):
        if options["state"] == "checked":
            result = {"changed": False}
            self._add_file(result, options["path"], None)
            return result
        if options["results"] is None:
            raise TaskFailure("verify_report: results is missing")
        report = verification_report.document(
            verification_report.with_reasons(plain(options["results"]), plain(options["earlier"])),
            options["waiting"],
            options["lost"],
            bool(self._task.check_mode),
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        Display().display("\n".join(verification_report.table(report)))
        told = {"summary": report["summary"], "not_passed": verification_report.not_passed(report)}
        # As set_stats does; a later report of the same run has all that an earlier one has, and replaces it.
        stats = {"data": {"cri_node_verification": told}, "per_host": False, "aggregate": False}
        result = {"changed": False, **told, "ansible_stats": stats}
        self._add_file(result, options["path"], report)
        return result

    def _add_file(self, result, path, report):
        """Write the report, or only test the path where there is none. A file that cannot be written is a warning."""
        if not path:
            return
        only_tested = report is None or bool(self._task.check_mode)
        try:
            path = _write(path, report, only_tested)
        except TaskFailure as failure:
            label = option_rules.labelled("path", self.VARIABLES)
            result["warnings"] = [f"{label}: {failure}"]
            return
        if not only_tested:
            result["path"] = path
            Display().display(f"The whole report is in {path}")


def _write(path, report, check_mode=False):
    """Replace the file whole, so that no reader ever sees half of it. Returns its absolute path.

    A target that is not a regular file is refused, a symbolic link too: in a folder that others write to it can lead anywhere.
    In check mode nothing is written, and the same targets are refused, as is a folder that cannot be written to.
    """
    if path.endswith("/"):
        raise TaskFailure(f"the report's path {shown(path)} names a folder; it must name a file")
    path = os.path.abspath(os.path.expanduser(path))
    failed = f"the report cannot be written to {shown(path)}"
    try:
        # ASCII alone, so that a node's odd bytes, as lone surrogates, are escaped.
        content = json.dumps(report, indent=2, sort_keys=True).encode("ascii") + b"\n"
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mode = _mode_of_target(folder, path)
            if check_mode and not os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not check_mode:
                _replace(folder, os.path.basename(path), content, mode)
        finally:
            os.close(folder)
    except OSError as error:
        error.filename = error.filename2 = None  # relative to the folder
        raise TaskFailure(f"{failed}: {os_reason(error, path)}") from error
    except (
        TypeError,
        ValueError,
        RecursionError,
    ) as error:  # a path with a NUL, or a result that is not data
        raise TaskFailure(f"{failed}: {shown(str(error))}") from error
    return path


def _mode_of_target(folder, path):
    """The mode of the file that is to be replaced, None where there is none; TaskFailure for one that is not replaced."""
    try:
        status = os.stat(os.path.basename(path), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        link = shown(os.readlink(os.path.basename(path), dir_fd=folder))
        raise TaskFailure(
            f"the report is not written to {shown(path)}, which is a symbolic link to {link}; set path to the file itself"
        )
    if not stat.S_ISREG(status.st_mode):
        raise TaskFailure(
            f"the report is not written to {shown(path)}, which is {_kind(status.st_mode)};"
            " set path to a new or a regular file"
        )
    return stat.S_IMODE(status.st_mode)


def _kind(mode):
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _replace(folder, name, content, mode):
    """Write the content beside the file, under a name that did not exist, and rename it; the mode of a former file stays."""
    partial = f".cri-node-report-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial, dir_fd=folder)
        raise
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
