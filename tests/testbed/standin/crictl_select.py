# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions that several commands share: selecting objects, and printing lists and statuses."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import crictl_output as output
from crictl_errors import CrictlError, HelpWanted, log, quoted
from crictl_options import Options

_CLEAR_SCREEN = "\033[2J\033[H"


def no_arguments(options: Options) -> None:
    """Raise HelpWanted if a command without arguments gets any."""
    if options.arguments:
        raise HelpWanted


def labels(pairs: Sequence[str]) -> dict[str, str]:
    """Return labels; a value with a = is refused, as in crictl."""
    for pair in pairs:
        if pair.count("=") != 1:
            raise CrictlError(f"incorrectly specified label: {pair}")
    return dict(pair.split("=") for pair in pairs)


def state_number(wanted: str, known: Sequence[str], told: str) -> int | None:
    """Return the number of a state, None for any."""
    if not wanted:
        return None
    if wanted.lower() not in known:
        now = time.strftime("%Y/%m/%d %H:%M:%S")
        raise CrictlError(f"{now} --state should be {told}", logged=False)
    return known.index(wanted.lower())


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern matches a name; an invalid pattern matches nothing."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def newest(found: list[dict[str, Any]], options: Options) -> list[dict[str, Any]]:
    """Return the objects, newest first, limited by --latest or --last."""
    last = options["last"] if options["last"] > 0 else 1 if options["latest"] else len(found)
    return sorted(found, key=lambda each: -int(each["createdAt"]))[:last]


def require_some(found: Sequence[str]) -> None:
    """Print an error and the help if there is no ID, which is not a failure in crictl."""
    if not found:
        log("error", "No IDs provided or nothing found per filter")
        raise HelpWanted


def statuses(
    client: Any, method: str, field: str, found: Sequence[str], options: Options
) -> list[dict[str, Any]]:
    """Return all statuses, or raise the error of the first one that is not available."""
    require_some(found)
    return [client.call(method, {field: each, "verbose": not options["quiet"]}) for each in found]


def remove_each(names: Sequence[str], remove: Callable[[str], None]) -> None:
    """Remove all objects, and report those that could not be removed."""
    errors = []
    for name in names:
        try:
            remove(name)
        except CrictlError as error:
            errors.append(str(error))
    if errors:
        raise CrictlError("\n".join(errors))


def nothing_to_remove(asked: bool, told: str) -> None:
    """Handle an empty list: valid with --all, else the command was called without a name."""
    if not asked:
        raise HelpWanted
    log("info", told)


def stats_filter(options: Options) -> dict[str, Any]:
    """Return the filter of a request for samples: ID and labels. Raises HelpWanted for more than one ID."""
    if len(options.arguments) > 1:
        raise HelpWanted
    wanted = options["id"] or (options.arguments or [""])[0]
    return {"label_selector": labels(options["label"])} | ({"id": wanted} if wanted else {})


def print_stats(
    sample: Callable[[], list[dict[str, Any]]],
    draw: Callable[[Mapping[str, Any], Mapping[str, Any]], str],
    options: Options,
) -> None:
    """Print a sample as JSON, or a table of two samples; sample() gets one, draw() makes the table."""

    def by_id() -> dict[str, Any]:
        return dict(sorted((each["attributes"]["id"], each) for each in sample()))

    before = by_id()
    if options["output"] == "json":
        print(output.message_text({"stats": list(before.values())}))
        return
    time.sleep(max(options["seconds"], 0))
    try:
        print(_CLEAR_SCREEN + draw(before, by_id()))
    except ValueError as error:
        raise CrictlError(str(error)) from None


def wants_json(options: Options, told: str) -> bool:
    """Return whether a list is printed as JSON, else as a table. Raises CrictlError for any other format."""
    wanted = options["output"]
    if wanted not in ("json", "table"):
        raise CrictlError(f"{told}unsupported output format {quoted(wanted)}")
    return wanted == "json"


def print_ids(found: Sequence[Mapping[str, Any]]) -> None:
    """Print one ID per line."""
    for each in found:
        print(each["id"])


def print_documents(documents: Sequence[Any], wanted: str) -> None:
    """Print status documents; the stand-in only supports JSON."""
    if wanted not in ("", "json"):
        raise CrictlError(f"unsupported format: {quoted(wanted)}")
    print(output.document_text(documents))
