# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of crio_packages: checks the key, selects what the node's distribution needs, and shows the change."""

from __future__ import annotations

from typing import Any

from ansible_collections.cri.node.plugins.module_utils import download
from ansible_collections.cri.node.plugins.module_utils.packages import versions
from ansible_collections.cri.node.plugins.module_utils.text import shown
from ansible_collections.cri.node.plugins.plugin_utils.install import desired, openpgp, platforms
from ansible_collections.cri.node.plugins.plugin_utils.task import fetched_once
from ansible_collections.cri.node.plugins.plugin_utils.task.checked_action import CheckedAction, Examined
from ansible_collections.cri.node.plugins.plugin_utils.task.failure import TaskFailure, refuse, succeeded

ARGUMENT_SPEC = desired.SPEC
_LONGEST = 200  # characters of a word of the node


class ActionModule(CheckedAction):
    """Makes one remote call if the packages are already installed, else two."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    VARIABLES = {"version": "crio_version"}
    MODULE = "cri.node.node_crio_packages"

    @classmethod
    def examine(cls, options: dict[str, Any]) -> Examined:
        return Examined(list(desired.problems(options)))

    def perform(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        refuse(desired.problems(options))
        wanted = desired.Desired(options)
        request, secrets = wanted.reading()
        here = succeeded(self.ask_node(request, task_vars, secrets))
        _refuse_platform(here)
        _refuse_installed(here, wanted)
        if here["others"]:
            return _of_another_repository(here, wanted)
        if _is_settled(here, wanted):
            return _unchanged(here, wanted)
        key = wanted.key(here["method"]) or _fetched(wanted, here["method"])
        request, secrets = wanted.installing(here["method"], key)
        self.secrets = [text for text in _credentials(wanted, here["method"]) if text]
        made = succeeded(self.ask_node(request, task_vars, secrets), self.secrets)
        return self._result(here, made, wanted, key)

    def _result(
        self, here: dict[str, Any], made: dict[str, Any], wanted: desired.Desired, key: openpgp.PublicKey
    ) -> dict[str, Any]:
        chosen = {name: shown(version, _LONGEST) for name, version in made["versions"].items()}
        main = wanted.names[0]
        result = {
            # Without versions (zypper in check mode), the version is only known if it is a release.
            **_known(here, wanted, chosen or {main: wanted.version}),
            "changed": made["changed"] or here["interrupted"],
            "installed": [shown(name, _LONGEST) for name in made["installed"]],
            "key_fingerprint": key.fingerprint,
        }
        notes = list(_warnings(here, wanted, made))
        if notes:
            result["warnings"] = notes
        if self._task.diff:
            result["diff"] = _diff(here, made, chosen)
        return result


def _refuse_platform(here: dict[str, Any]) -> None:
    """Raise TaskFailure for a node that cannot get packages."""
    identity = here["identity"]
    name = shown(identity["PRETTY_NAME"] or identity["ID"] or "an unknown distribution", _LONGEST)
    platform = platforms.find(identity)
    if platform and not platform.method:
        raise TaskFailure(
            f"crio_packages: {name} has no packages for this ({platform.proof}: {platform.note})"
        )
    if not here["method"]:
        raise TaskFailure(
            f"crio_packages: no packages are known for {name}; use crio_install: bundle, or install CRI-O otherwise"
        )
    if here["read_only"] or here["ostree"]:
        why = "is an image of ostree" if here["ostree"] else "has a read-only /usr"
        raise TaskFailure(
            f"crio_packages: this {name} {why}, in which no package can be installed; use crio_install: bundle"
        )
    if not here["manager"]:
        raise TaskFailure(
            f"crio_packages: {here['method']}, the package manager of {name}, is not on this node"
        )


def _refuse_installed(here: dict[str, Any], wanted: desired.Desired) -> None:
    """Raise TaskFailure for a CRI-O that must not be replaced."""
    main, crio = wanted.names[0], here["crio"]
    if crio["binary"] and crio["owner"] != main:
        version = shown(crio["version"] or "of unknown version", _LONGEST)
        binary, owner = shown(crio["binary"]), shown(crio["owner"], _LONGEST)
        if owner:
            raise TaskFailure(
                f"CRI-O is installed from the package {owner}, not {main}; name it in crio_packages.packages, or use"
                " crio_install: preinstalled"
            )
        raise TaskFailure(
            f"CRI-O {version} is installed as {binary}, which does not belong to a package; use crio_install: bundle or"
            f" preinstalled, or stop CRI-O and remove {binary} first"
        )
    present = here["packages"].get(main)
    if present and wanted.minor and versions.minor(present["version"]) != wanted.minor:
        raise TaskFailure(
            f"CRI-O {shown(versions.upstream(present['version']), _LONGEST)} is installed, but crio_version is"
            f" {wanted.version}: a different minor version removes all pods of the node when it starts. Drain the node, stop"
            f" CRI-O and remove the package {main} first"
        )


def _fits(here: dict[str, Any], wanted: desired.Desired) -> bool:
    present = here["packages"].get(wanted.names[0])
    return bool(present and present["complete"] and versions.fits(present["version"], wanted.version))


def _of_another_repository(here: dict[str, Any], wanted: desired.Desired) -> dict[str, Any]:
    """Return the result for a node with a repository of somebody else, or raise TaskFailure."""
    others = ", ".join(shown(path, _LONGEST) for path in here["others"])
    main = wanted.names[0]
    if not _fits(here, wanted):
        present = here["packages"].get(main)
        found = (
            f"{main} {shown(present['version'], _LONGEST)} is installed"
            if present
            else f"{main} is not installed"
        )
        raise TaskFailure(
            f"crio_packages: another repository with CRI-O is configured in {others}, and {found}. Remove that file, or"
            " install CRI-O from there and set crio_install: preinstalled"
        )
    note = f"CRI-O is used as it is installed: its repository is configured in {others}, and no other one was added"
    return {**_unchanged(here, wanted), "warnings": [note]}


def _is_settled(here: dict[str, Any], wanted: desired.Desired) -> bool:
    """Return whether there is nothing to do."""
    packages, unavailable = here["packages"], here["unavailable"]
    missing = [name for name in wanted.names if not packages.get(name, {}).get("complete")]
    if missing and not set(missing) <= set(unavailable) & set(wanted.names[wanted.required :]):
        return False
    held = {name for name, each in packages.items() if each["held"]}
    as_held = set(packages) <= held if wanted.hold else not held & set(here["held"])
    return bool(here["as_desired"] and as_held and _fits(here, wanted))


def _unchanged(here: dict[str, Any], wanted: desired.Desired) -> dict[str, Any]:
    known = {name: shown(each["version"], _LONGEST) for name, each in here["packages"].items()}
    return {**_known(here, wanted, known), "changed": here["interrupted"], "installed": []}


def _known(here: dict[str, Any], wanted: desired.Desired, packages: dict[str, str]) -> dict[str, Any]:
    return {
        "version": versions.upstream(packages.get(wanted.names[0], "")),
        "packages": packages,
        "method": here["method"],
        "repository": wanted.repository(here["method"]).url,
    }


def _warnings(here: dict[str, Any], wanted: desired.Desired, made: dict[str, Any]) -> list[str]:
    found = []
    identity = here["identity"]
    if platforms.find(identity) is None:
        name = shown(identity["PRETTY_NAME"] or identity["ID"], _LONGEST)
        found.append(
            f"{name} is not a platform that is known to crio_packages; {here['method']} is used as on a similar one"
        )
    if not wanted.fingerprint and wanted.key_url(here["method"]):
        found.append(
            "the key of the repository was fetched over HTTPS and not compared with a fingerprint; set"
            " crio_packages.repository.key_fingerprint to the returned key_fingerprint"
        )
    if made["completed"]:
        found.append(f"an interrupted installation is completed first: {shown(made['completed'])}")
    return found


def _diff(here: dict[str, Any], made: dict[str, Any], chosen: dict[str, str]) -> list[dict[str, str]]:
    found = []
    for path, (before, after) in sorted(made["files"].items()):
        name = shown(path)
        hidden = "" in (before, after)
        if hidden:
            after_words = "(its content is secret, and changes)\n" if after is not None else ""
            found.append({"before_header": name, "after_header": name, "before": "", "after": after_words})
        else:
            found.append(
                {"before_header": name, "after_header": name, "before": before or "", "after": after or ""}
            )
    lines = {
        "before": "".join(
            f"{name} {shown(here['packages'][name]['version'], _LONGEST)}\n"
            for name in made["installed"]
            if name in here["packages"]
        ),
        "after": "".join(
            f"{shown(name, _LONGEST)} {chosen.get(name, '')}".rstrip() + "\n" for name in made["installed"]
        ),
    }
    if made["installed"]:
        found.append({"before_header": "packages", "after_header": "packages", **lines})
    return found


def _credentials(wanted: desired.Desired, method: str) -> list[str]:
    repository = wanted.repository(method)
    return [repository.password, repository.user if repository.password else ""]


def _fetched(wanted: desired.Desired, method: str) -> openpgp.PublicKey:
    """Return the key from its URL, which the controller fetches once in a run. Raises TaskFailure."""
    url = wanted.key_url(method)
    try:
        with open(fetched_once.path_of(url), "rb") as file:
            content = file.read(openpgp.LARGEST + 1)
        return desired.checked_key(content, url, wanted.fingerprint)
    except download.DownloadError as error:
        raise TaskFailure(f"crio_packages: the key of the repository {error}") from None
    except openpgp.KeyFileError as error:
        raise TaskFailure(f"crio_packages: repository.key: {error}") from None
