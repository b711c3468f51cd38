# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a check may consider: the desired configuration, the options of the verification, and the node's answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import (
    Verdict,
    failed,
    skipped,
    warning,
)

if TYPE_CHECKING:
    from ansible_collections.cri.node.plugins.module_utils.contract import Observation, Report, UnitReport


# Reasons to skip a check that several checks share.
NOT_RUNNING = "CRI-O is not running"
NOT_LOADED = "not compared: the daemon has not loaded the desired files"
NOT_REPORTED = "not reported by the runtime"
NO_QUERIES = "the runtime cannot be queried"
CHECK_MODE = "not run in check mode"


class Options(NamedTuple):
    """The options of a verification, as runtime_verify documents them."""

    network: str  # optional or required
    image: str  # of the pod to run; empty for no pod
    pull: list[str]
    check_mode: bool
    deferred: str = ""  # why the change of the node was deferred; empty if it was not


def _nothing() -> Observation:
    return {}


@dataclass(frozen=True)
class Evidence:
    """What is known of one node.

    desired: the desired file set of the node.
    observation: what module_utils/observation.observe returned, which documents its keys; empty if there is an `error`.
    error: why the node could not be read.
    """

    desired: DesiredFiles
    options: Options
    observation: Observation = field(default_factory=_nothing)
    error: str = ""

    @cached_property
    def state(self) -> Report:
        """The node's state, as node_state.read reports it, without files that do not concern this node.

        A file that no daemon reads is compared only if its role has already been applied to this node: the role crictl
        desires such files by default, and a node that it does not manage lacks nothing.
        """
        state, owners = self.observation["state"], self.observation["owners"]
        files = {
            path: found
            for path, found in state["files"].items()
            if found["disruption"] != "none" or self.desired.file(path).owner in owners
        }
        return {**state, "files": files}

    @property
    def unit(self) -> UnitReport:
        """The state of CRI-O's systemd unit."""
        return self.state["unit"]

    @cached_property
    def changes(self) -> plan.Plan:
        """The plan of the next run of runtime_config."""
        return plan.make(self.desired, self.state)

    @property
    def is_settled(self) -> bool:
        """Whether the running daemon has loaded all desired files, so that its live values can be compared with them."""
        return plan.is_settled(self.state)

    @property
    def answers(self) -> bool:
        """Whether CRI-O is installed and running, so that it was asked for its configuration and its conditions."""
        return "configuration_error" in self.observation

    def fixable(self, detail: str) -> list[Verdict]:
        """Return the verdict for a fault that the next run of runtime_config fixes: in check mode that run is only predicted."""
        return skipped(detail) if self.options.check_mode else failed(detail)

    def unapplied(self, detail: str) -> list[Verdict]:
        """Return the verdict for a difference that a run of runtime_config removes: no fault while that change is deferred."""
        if self.options.deferred:
            return warning(f"{detail}; {self.options.deferred}")
        return self.fixable(detail)
