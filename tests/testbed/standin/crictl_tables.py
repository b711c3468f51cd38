# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the runtime's answers to the tables that crictl prints. Pure functions; now: seconds since the epoch."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

SHORT_ID = 13  # characters
_DIGEST = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([0-9a-fA-F]{32,})")
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


def ago(nanoseconds: int | str, now: float) -> str:
    """Return approximately how long ago. now: seconds since the epoch."""
    passed = now - int(nanoseconds) / 1e9
    minutes, hours = int(passed / 60), int(passed / 3600 + 0.5)
    for limit, words in (
        (passed < 1, "Less than a second"),
        (passed < 2, "1 second"),
        (passed < 60, f"{int(passed)} seconds"),
        (minutes == 1, "About a minute"),
        (minutes < 60, f"{minutes} minutes"),
        (hours == 1, "About an hour"),
        (hours < 48, f"{hours} hours"),
        (hours < 24 * 7 * 2, f"{hours // 24} days"),
        (hours < 24 * 30 * 2, f"{hours // 24 // 7} weeks"),
        (hours < 24 * 365 * 2, f"{hours // 24 // 30} months"),
    ):
        if limit:
            return f"{words} ago"
    return f"{int(passed / 3600) // 24 // 365} years ago"


def human_size(size: int | str, digits: int = 4) -> str:
    """Return a number of bytes in decimal units."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.{digits}g}{_SIZES[unit]}"


def short(identifier: str, prefix: str = "") -> str:
    """Return the first characters of an ID."""
    return identifier.removeprefix(prefix)[:SHORT_ID]


def table(rows: Sequence[Sequence[str]], least: int = 20) -> str:
    """Return columns with a minimum width, three characters apart; the last one has any width."""
    widths = [max(least, *(len(cell) + 3 for cell in column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)) + row[-1]
        for row in rows
    )


def containers_table(containers: Sequence[Mapping[str, Any]], now: float, whole: bool) -> str:
    """The table of ps. whole: with full IDs."""
    cut = (lambda text: text) if whole else short
    rows = [["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"]]
    for each in containers:
        image = each.get("image", {}).get("image", "")
        digest = _DIGEST.fullmatch(image)
        labels, metadata = each["labels"], each.get("metadata", {})
        rows.append(
            [
                cut(each["id"]),
                short(digest[2]) if digest and not whole else image,
                ago(each["createdAt"], now),
                str(each["state"]).removeprefix("CONTAINER_").capitalize(),
                metadata.get("name", ""),
                str(metadata.get("attempt", 0)),
                cut(each["podSandboxId"]),
                labels.get("io.kubernetes.pod.name", "unknown"),
                labels.get("io.kubernetes.pod.namespace", "unknown"),
            ]
        )
    return table(rows)


def pods_table(pods: Sequence[Mapping[str, Any]], now: float, whole: bool) -> str:
    """The table of pods. whole: with full IDs."""
    rows = [["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"]]
    for each in pods:
        metadata = each.get("metadata", {})
        rows.append(
            [
                each["id"] if whole else short(each["id"]),
                ago(each["createdAt"], now),
                {"SANDBOX_READY": "Ready", "SANDBOX_NOTREADY": "NotReady"}[each["state"]],
                metadata.get("name", ""),
                metadata.get("namespace", ""),
                str(metadata.get("attempt", 0)),
                each["runtimeHandler"] or "(default)",
            ]
        )
    return table(rows)


def images_table(images: Sequence[Mapping[str, Any]], digests: bool, whole: bool, pinned: bool) -> str:
    """The table of images: a row for each tag."""
    rows = [["IMAGE", "TAG", *(["DIGEST"] if digests else []), "IMAGE ID", "SIZE"]]
    rows[0] += ["PINNED"] if pinned else []
    for each in images:
        name, digest = _repository(each["repoDigests"])
        for tag in each["repoTags"] or [f"{name}:<none>"]:
            repository, _separator, tag = tag.rpartition(":")
            row = [name if repository == "<none>" else repository, tag]
            row += [digest if whole else short(digest, "sha256:")] if digests else []
            row += [each["id"] if whole else short(each["id"], "sha256:"), human_size(each["size"], 3)]
            rows.append(row + ([str(each["pinned"]).lower()] if pinned else []))
    return table(rows)


def _repository(digests: Sequence[str]) -> tuple[str, str]:
    name, _separator, digest = digests[0].partition("@") if digests else ("<none>", "", "<none>")
    return name, digest


def container_stats_table(before: Mapping[str, Any], after: Mapping[str, Any], every: bool) -> str:
    """The table of stats, from two samples by ID. every: containers that use nothing, too. Raises ValueError."""
    rows = [["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"]]
    for identifier, each in after.items():
        cpu, memory = _amount(each, "cpu", "usageCoreNanoSeconds"), _amount(each, "memory", "workingSetBytes")
        if identifier in before and (cpu or memory or every):
            rows.append(
                [
                    short(identifier),
                    each["attributes"].get("metadata", {}).get("name", ""),
                    _cpu_percent(before[identifier], each) if cpu else "0.00",
                    human_size(memory),
                    human_size(_amount(each, "writableLayer", "usedBytes")),
                    str(_amount(each, "writableLayer", "inodesUsed")),
                    human_size(_amount(each, "swap", "swapUsageBytes")),
                ]
            )
    return table(rows)


def pod_stats_table(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The table of statsp, from two samples by ID. Raises ValueError."""
    rows = [["POD", "POD ID", "CPU %", "MEM"]]
    for identifier, each in after.items():
        used = each.get("linux", {})
        cpu, memory = _amount(used, "cpu", "usageCoreNanoSeconds"), _amount(used, "memory", "workingSetBytes")
        if identifier in before and (cpu or memory):
            name = each["attributes"].get("metadata", {}).get("name", "")
            percent = _cpu_percent(before[identifier]["linux"], used) if cpu else "0.00"
            rows.append([name, short(identifier), percent, human_size(memory)])
    return table(rows)


def _cpu_percent(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    used = _amount(after, "cpu", "usageCoreNanoSeconds") - _amount(before, "cpu", "usageCoreNanoSeconds")
    passed = int(after["cpu"]["timestamp"]) - int(before.get("cpu", {}).get("timestamp", 0))
    if not passed:
        raise ValueError("cpu stat is not updated during sample")
    return f"{used / passed * 100:.2f}"


def _amount(sample: Mapping[str, Any], *keys: str) -> int:
    for key in keys:
        sample = sample.get(key) or {}
    return int(sample.get("value", 0))
