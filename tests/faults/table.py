# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of faults: their descriptions, allowed outcomes and judges."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from testbed.playbooks import Run

BEFORE, AFTER, EITHER = "before", "after", "either"
REFUSED, UNDONE, DONE, FAILS, ANY = "refused", "undone", "done", "fails", "any"

# A fault's story: what goes wrong and the run that meets it, a yield of that run (None for one that was cut off) for the judge,
# then whatever heals the node.
Story = Callable[..., Generator[Run | None, None, None]]


@dataclass(frozen=True)
class Fault:
    """One fault.

    name: a sentence. story: see Story; gets a scene.Scene.
    ends: whether the files and the daemon end as before the run, as after it, or as either of them.
    reports: what the run reports: `refused` (nothing was touched: the same daemon process), `undone` (and as before), `done`,
    `fails` (either of the two), or `any`.
    names: words of the cause that the failed run's message must contain; any one of a tuple.
    not_named: words that its message must not contain.
    daemon: the unit's ActiveState that systemd must report at the end; empty for the state that it was working towards.
    loud: whether the run may report that the node is not as before.
    untidy: whether files that could not be removed from a broken disk may stay until the next run.
    crio: how the node gets CRI-O: `preinstalled`, or a method of the role's crio_install.
    unfinished: whether packages may stay half-installed until the next run, which completes them.
    real_crio: why the stand-in cannot reproduce it.
    limit: seconds from the end of the run within which the node must be consistent.
    """

    name: str
    story: Story
    theme: str
    ends: str = EITHER
    reports: str = ANY
    names: tuple = ()
    not_named: tuple = ()
    daemon: str = ""
    loud: bool = False
    untidy: bool = False
    crio: str = "preinstalled"
    unfinished: bool = False
    real_crio: str = ""
    limit: float = 60
    weight: float = 1


FAULTS: list[Fault] = []


def fault(name: str, **more) -> Callable[[Story], Story]:
    """Add a fault to the table."""

    def add(story: Story) -> Story:
        FAULTS.append(Fault(name, story, story.__module__.rpartition(".")[2], **more))
        return story

    return add


def chosen(patterns: Iterable[str]) -> list[Fault]:
    """Return the faults whose name or theme contains one of these texts, in the order of the table; all without texts."""
    lowered = [pattern.lower() for pattern in patterns]
    return [
        each
        for each in FAULTS
        if not lowered or any(text in each.name.lower() or text == each.theme for text in lowered)
    ]
