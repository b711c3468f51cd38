# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the desired, the effective and the live configuration key by key, and says why they differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.cri.node.plugins.module_utils.text import shown, without_credentials
from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import ANY, CATALOGUE, Key
from ansible_collections.cri.node.plugins.plugin_utils.crio.effective_configuration import (
    DEFAULT,
    EMPTY,
    SECRET,
    Effective,
    Value,
    canonical,
)
from ansible_collections.cri.node.plugins.plugin_utils.crio.live import HANDLERS
from ansible_collections.cri.node.plugins.plugin_utils.layers import Path
from ansible_collections.cri.node.plugins.plugin_utils.text import go_duration, toml

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import ConfigurationReport, FoundSetting


_EMPTY: tuple[Any, ...] = ("", [], {}, False, 0, None)


class _Reason(NamedTuple):
    reason: str
    detail: str


def live_values(settings: Iterable[FoundSetting]) -> dict[Path, Any]:
    """Return {path: value} of the known keys that the daemon reports; a secret one is SECRET."""
    found: dict[Path, Any] = {}
    for setting in settings:
        path = canonical(tuple(setting["path"]))
        key = CATALOGUE.lookup(path)
        if key is not None:
            found[path] = _normal(key, SECRET if setting.get("secret") else setting.get("value"))
    return found


def differences(
    report: ConfigurationReport, effective: Effective, from_files: Effective, desired: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Return an entry for each key whose values differ, sorted by key.

    from_files: the effective configuration without variables and options. desired: typed data that mirrors crio.conf.
    """
    live = None if report["live"] is None else live_values(report["live"])
    wanted = {
        path: _normal(key, _masked(value))
        for path, key, value in CATALOGUE.walk(desired or {})
        if not key.secret
    }
    found: list[dict[str, Any]] = []
    for path in sorted({*effective.values, *(live or {}), *wanted}):
        value = effective.values.get(path)
        reason = _of_desired(path, wanted, value)
        if reason is None and live is not None:
            reason = _of_live(path, live, value, from_files.values.get(path), report)
        if reason is None:
            continue
        entry: dict[str, Any] = {
            "key": toml.dotted(path),
            "reason": reason.reason,
            "detail": shown(reason.detail),
        }
        if path in wanted:
            entry["desired"] = wanted[path]
        if value is not None:
            entry["effective"] = value.value
            entry["source"] = value.source.name
        if live is not None and path in live:
            entry["live"] = live[path]
        found.append(entry)
    return found


def _normal(key: Key, value: Any) -> Any:
    if key.type == "duration" and value is not SECRET:
        nanoseconds = go_duration.parse(str(value))
        return value if nanoseconds is None else go_duration.render(nanoseconds)
    return value


def _masked(value: Any) -> Any:
    """Return a value as the node returns it, without credentials in URLs."""
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    return value


def _of_desired(path: Path, wanted: dict[Path, Any], value: Value | None) -> _Reason | None:
    if path not in wanted or (value is not None and value.value == wanted[path]):
        return None
    name = toml.dotted(path)
    earlier = [source for before, source in value.overridden if before == wanted[path]] if value else []
    if value is None:
        return _Reason("not_applied", f"{name} is desired, but no file sets it")
    if value.adapted:
        return _Reason("adapted", f"CRI-O does not use the desired value of {name}: {value.adapted}")
    if earlier:
        return _Reason(
            "outranked",
            f"{earlier[-1].name} has the desired value of {name}, but {value.source.name} outranks it",
        )
    by = "no file sets it" if value.source.kind == DEFAULT else f"{value.source.name} sets another one"
    return _Reason("not_applied", f"{name} has not the desired value: {by}")


def _of_live(
    path: Path,
    live: dict[Path, Any],
    value: Value | None,
    from_files: Value | None,
    report: ConfigurationReport,
) -> _Reason | None:
    key = CATALOGUE.lookup(path)
    used = live.get(path)
    if (
        key is None
        or SECRET in (_plain(used), _plain(value.value if value else None))
        or _agree(value, used, key)
    ):
        return None
    is_set = value is not None and value.source.kind != DEFAULT
    if not is_set and (key.unprinted or path not in live or (value is None and not _is_of_an_entry(key))):
        return None  # the host or this build decides about it, as on every node
    name = toml.dotted(path)
    if key.unprinted:
        return _Reason(
            "printed_differently", f"CRI-O completes or adapts {name}, or reports it in another form"
        )
    if path not in live and value is not None:
        return _absent(path, live, name)
    if (
        value is not None
        and value.source.kind in ("option", "variable")
        and key.reloads
        and from_files
        and from_files.value == used
    ):
        return _Reason(
            "option_dropped",
            f"a reload has discarded {value.source.name}: the running CRI-O uses the value of the files",
        )
    if _changed_since_start(value, report):
        return _Reason(
            "not_loaded", f"{name} was changed after the running CRI-O was started, which has not loaded it"
        )
    if value is not None and value.source.kind == DEFAULT:
        return _Reason(
            "default_differs",
            f"no file sets {name}, and this build of CRI-O has another default, or has not been restarted",
        )
    source = value.source.name if value else "no file"
    return _Reason(
        "unexplained",
        f"{source} sets {name}, but the running CRI-O uses another value: it may have been started with other files or options",
    )


def _is_of_an_entry(key: Key) -> bool:
    return ANY in key.key.split(".")


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else None


def _agree(value: Value | None, used: Any, key: Key) -> bool:
    if value is None:
        return used in _EMPTY
    if value.value == used:
        return True
    if value.value in _EMPTY and (used is None or key.unprinted_when_empty):
        return True
    return used is None and value.value == EMPTY[key.type]


def _absent(path: Path, live: dict[Path, Any], name: str) -> _Reason:
    entry = path[: len(HANDLERS) + 1]
    if path[: len(HANDLERS)] == HANDLERS and not any(other[: len(entry)] == entry for other in live):
        return _Reason(
            "handler_ignored",
            f"the running CRI-O does not have {toml.dotted(entry)}: it ignored the handler, whose program or values it does not"
            " accept, or has not been restarted since the handler was added",
        )
    return _Reason("not_printed", f"the running CRI-O does not report {name}")


def _changed_since_start(value: Value | None, report: ConfigurationReport) -> bool:
    started = report["started_at"]
    if not started:
        return False
    changed = {file["path"]: file.get("changed_at", 0.0) for file in report["files"]}
    latest = max(report["folders_changed_at"] or 0, changed.get(value.source.name, 0) if value else 0)
    return latest > started
