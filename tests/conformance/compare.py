# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a set of files with the collection, and compares verdict, effective registries and endpoints with a real program."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from ansible_collections.cri.node.plugins.module_utils.crio import registries_files
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.plugin_utils.files import registries_conf
from ansible_collections.cri.node.plugins.plugin_utils.registries import document, of_report, resolution
from ansible_collections.cri.node.plugins.plugin_utils.registries.auth_keys import AuthFile
from ansible_collections.cri.node.plugins.plugin_utils.registries.effective import Effective
from ansible_collections.cri.node.plugins.plugin_utils.registries.resolution import Endpoint, Resolution
from conformance.cases import FOLDER, Case
from conformance.programs import Attempt, Judged, Pull

_POSITION = re.compile(r"toml: line \d+ (?=\(last key)")
# A document that went through JSON has lost which lists were made of [[headers]], and times.
_TYPES = (("[]map[string]any", "[]any"), ("time.Time", "map[string]any"))


@dataclasses.dataclass
class Ours:
    """What the collection makes of a set."""

    effective: Effective
    main_mode: str  # short-name-mode of registries.conf, which CRI-O logs
    auth: list[AuthFile]
    unread: list[str]  # why a file is not TOML

    def resolved(self, name: str, mode: str) -> Resolution:
        """Return the endpoints of a name."""
        return resolution.resolve(name, self.effective, mode, self.auth)


def judge(case: Case) -> Ours:
    """Read the files as a node does, and merge them as the controller does."""
    with tempfile.TemporaryDirectory(prefix="cri-node-conformance-") as root:
        for path, text in case.files.items():
            place = Path(root, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        layout = Layout(root)
        places = registries_files.Places(layout)
        files = registries_files.read(places, layout)
        recorded = registries_files.read_aliases(layout)
        auth = registries_files.read_auth_keys(registries_files.auth_paths(""), layout)
    mains = [file for file in files if not file["drop_in"]]
    modes = [
        value for file in mains for name, value in file.get("data", {}).items() if name == "short-name-mode"
    ]
    return Ours(
        of_report.effective_of(files, recorded),
        modes[0] if modes else "",
        of_report.auth_files(auth),
        [f"{file['path']} {file['problem']}" for file in files if "problem" in file],
    )


def differences(case: Case, ours: Ours, theirs: Judged, shows_result: bool = True) -> list[str]:
    """Return a line for each difference. shows_result: the program logs the registries that it applies."""
    if ours.unread:
        return [] if theirs.refusal else [f"accepted, but here {ours.unread[0]}"]
    if ours.effective.faults:
        fault = str(ours.effective.faults[0])
        refusal = _POSITION.sub("", theirs.refusal)
        if not any(_same_words(fault, words) for words in (refusal, *_lossy(refusal))):
            return [f"refused with {refusal or 'nothing'!r}, here with {fault!r}"]
        return []
    if theirs.refusal:
        return [f"refused with {theirs.refusal!r}, here accepted"]
    found = []
    if shows_result and theirs.applied != as_go_prints(ours):
        found.append(f"applied {theirs.applied}, here {as_go_prints(ours)}")
    for name, pull in theirs.pulls.items():
        found += [f"{name}: {line}" for line in _of_pull(case, ours.resolved(name, case.mode), pull)]
    return found


def check_differences(case: Case) -> list[str]:
    """Return a line for each drop-in whose check on the controller disagrees with what containers/image does with it."""
    found = []
    for path, text in case.files.items():
        if not path.startswith(FOLDER) or not path.endswith(".conf"):
            continue
        try:
            data = toml_reader.loads(text.encode())
        except toml_reader.TomlSyntaxError:
            continue
        found += [f"{path}: {line}" for line in _of_check(data)]
    return found


def _of_check(data: dict[str, Any]) -> list[str]:
    checked = registries_conf.check([("registries_config", data)])
    problems = [str(problem) for problem in checked.problems]
    refusals = [each for each in problems if "CRI-O refuses " in each]
    try:
        document.load("/x", data, drop_in=True)
    except document.RefusedError as error:
        if "(last key " in str(error) or "v1" in str(error):
            # A value of another type is converted or refused; version 1 is a key of its own.
            return [] if problems or _loads(checked.data) else [f"not refused: {error}"]
        return [] if any(_contains(each, str(error)) for each in refusals) else [f"{problems}, not {error}"]
    if refusals:
        return [f"accepted by containers/image, here: {refusals}"]
    return [] if _loads(checked.data) else ["the checked data is refused"]


def _contains(problem: str, words: str) -> bool:
    return " ".join(words.split())[:300] in problem or any(line in problem for line in words.split("\n"))


def _loads(data: dict[str, Any]) -> bool:
    try:
        document.load("/x", data, drop_in=True)
    except document.RefusedError:
        return False
    return True


def _same_words(ours: str, theirs: str) -> bool:
    """Whether two refusals are the same. CRI-O lists aliases at random; what it prints of a mixed file is a dump of memory."""
    if "is not supported: " in ours and "mixing" in ours:
        return theirs.startswith(ours)
    return sorted(ours.split("\n")) == sorted(theirs.split("\n"))


def _lossy(text: str) -> list[str]:
    return [text.replace(before, after) for before, after in _TYPES]


def _of_pull(case: Case, expected: Resolution, pull: Pull) -> list[str]:
    if expected.error:
        problem = (
            []
            if pull.error == expected.error
            else [f"failed with {pull.error!r}, here with {expected.error!r}"]
        )
        return problem + [f"contacted {each.reference}, here nothing" for each in pull.attempts]
    reasons = [problem.partition("rewriting reference: ")[2] for problem in expected.problems]
    last = expected.candidates[-1]
    if (
        reasons
        and expected.problems[-1].startswith(f"{last}: ")
        and f"rewriting reference: {reasons[-1]}" not in pull.error
    ):
        return [f"failed with {pull.error!r}, here because of {reasons[-1]!r}"]
    if not reasons and "rewriting reference" in pull.error:
        return [f"failed with {pull.error!r}, here all names can be rewritten"]
    wanted = [_attempt(case, each) for each in expected.endpoints]
    seen = _once(pull.attempts, expected)
    if seen != wanted:
        return [f"contacted {_shown(seen)}, here {_shown(wanted)}"]
    return []


def _attempt(case: Case, endpoint: Endpoint) -> Attempt:
    if endpoint.blocked:
        # It is not contacted: no program looks for a credential, nor shows whether it is insecure.
        return Attempt(endpoint.reference, False, endpoint.blocked, "")
    credential = endpoint.credential["path"] if endpoint.credential else ""
    if case.credentials and endpoint.gets_pod_credentials:
        credential = "pod"
    return Attempt(endpoint.reference, endpoint.insecure, "", credential)


def _once(attempts: list[Attempt], expected: Resolution) -> list[Attempt]:
    """Return the attempts without those that CRI-O repeats, as it tries to pull a name that is no image as an artifact."""
    seen: list[Attempt] = []
    rest = [_without_blocked(each) for each in attempts]
    for candidate in expected.candidates:
        count = sum(each.candidate == candidate for each in expected.endpoints)
        first, rest = rest[:count], rest[count:]
        seen += first
        if count and rest[:count] == first:
            rest = rest[count:]
    return seen + rest


def _without_blocked(attempt: Attempt) -> Attempt:
    return dataclasses.replace(attempt, insecure=False, credential="") if attempt.blocked else attempt


def _shown(attempts: list[Attempt]) -> str:
    return ", ".join(
        f"{each.reference}{' insecure' if each.insecure else ''}{f' blocked by {each.blocked}' if each.blocked else ''}"
        f"{f' with {each.credential}' if each.credential else ''}"
        for each in attempts
    )


def as_go_prints(ours: Ours) -> str:
    """Return the effective registries as CRI-O logs them (%+v of V2RegistriesConf)."""
    effective = ours.effective
    tables = " ".join(
        f"{{Prefix:{each.prefix} Endpoint:{_endpoint(each.location, each.insecure, '')}"
        f" Mirrors:[{' '.join(_endpoint(*mirror) for mirror in each.mirrors)}]"
        f" Blocked:{_flag(each.blocked)} MirrorByDigestOnly:{_flag(each.mirror_by_digest_only)}}}"
        for each in effective.registries.values()
    )
    return (
        f"&{{Registries:[{tables}] UnqualifiedSearchRegistries:[{' '.join(effective.search)}]"
        f" CredentialHelpers:[{' '.join(effective.credential_helpers)}] ShortNameMode:{ours.main_mode}"
        f" AdditionalLayerStoreAuthHelper:{effective.auth_helper} shortNameAliasConf:{{Aliases:map[]}}}}"
    )


def _endpoint(location: str, insecure: bool, pulls: str) -> str:
    return f"{{Location:{location} Insecure:{_flag(insecure)} PullFromMirror:{pulls}}}"


def _flag(value: bool) -> str:
    return str(value).lower()


# Faults that a run can seed into the merge, to show that the comparison finds them: by name, what they do to the result.
SEEDED: dict[str, Callable[[Ours], Ours]] = {}


def _seeded(name: str) -> Callable[[Callable[[Effective], Effective]], None]:
    def add(change: Callable[[Effective], Effective]) -> None:
        SEEDED[name] = lambda ours: dataclasses.replace(ours, effective=change(ours.effective))

    return add


@_seeded("the first search list wins")
def _the_first_search_list_wins(effective: Effective) -> Effective:
    lost = any(each.key == ("unqualified-search-registries",) for each in effective.replaced)
    return effective._replace(search=("first.io",)) if lost else effective


@_seeded("mirrors of an earlier file stay")
def _mirrors_of_an_earlier_file_stay(effective: Effective) -> Effective:
    replaced = {each.key[1] for each in effective.replaced if each.key[0] == "registry"}
    tables = {
        prefix: table._replace(insecure=not table.insecure) if prefix in replaced else table
        for prefix, table in effective.registries.items()
    }
    return effective._replace(registries=tables)


@_seeded("an empty alias is kept")
def _an_empty_alias_is_kept(effective: Effective) -> Effective:
    aliases = {
        name: alias if alias.value else alias._replace(value="a.io/kept")
        for name, alias in effective.aliases.items()
    }
    return effective._replace(aliases=aliases)


@_seeded("recorded aliases are not read")
def _recorded_aliases_are_not_read(effective: Effective) -> Effective:
    return effective._replace(recorded_aliases={})


@_seeded("blocked is not merged")
def _blocked_is_not_merged(effective: Effective) -> Effective:
    return effective._replace(
        registries={prefix: table._replace(blocked=False) for prefix, table in effective.registries.items()}
    )
