# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the demo about changes of nodes that run containers: plan, apply, find a difference, repair it, roll back."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from demo.comparisons import by_node, plans, same
from demo.session import Session
from testbed.node import Node
from testbed.observed import live_configuration, observe, running_containers, service
from testbed.playbooks import Run

DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
PINNED_IMAGES, METRICS_PORT = "crio.image.pinned_images", "crio.metrics.metrics_port"
PINNED = ["registry:5000/pause:1"]
# The generations: 1 of the first run, 2 and 3 of the registries in point 7, 4 of the planned change, 5 of the repair.
BEFORE_THE_PLAN = 3
PROVISION = ("cri.node.provision", "--skip-tags", "verify")
UNDISTURBED = "CRI-O was not restarted, and the same containers are running"


def plan(session: Session) -> None:
    """Plan a change, then make it."""
    screen = session.screen
    screen.heading("Plan a change key by key, then make it")
    session.add_variables("pinned_images.yml", "group_vars/nodes/images.yml")
    before = session.each(observe)
    session.play("cri.node.plan", "--diff", show=("Plan the change", "Report the plans"), limit=30)
    planned = by_node(json.loads((session.folder / "cri-node-plan.json").read_text())["plans"])
    screen.check(
        "the plan of each node is a reload, and names the key and its variable",
        session.each(lambda node: _reasons(planned[node.name])),
        ("reload", [(PINNED_IMAGES, "crio_config__images")]),
    )
    screen.check("nothing was changed on the nodes", same(session.each(observe), before))
    running = session.each(_undisturbed)
    run = session.play(*PROVISION, show=("Report the changes", "RECAP"))
    done = plans(run)
    screen.check(
        "the run did what was planned",
        session.each(lambda node: _reasons(done[node.name]) == _reasons(planned[node.name])),
    )
    screen.check("the running CRI-O uses the new value", session.each(_pinned_images), PINNED)
    screen.check(UNDISTURBED, same(session.each(_undisturbed), running))


def drift(session: Session) -> None:
    """Edit a file of one node by hand, find the difference, and repair it."""
    screen = session.screen
    edited = session.nodes[0]
    screen.heading("Find what was changed by hand, and repair it")
    session.type_on(edited, f"sed -i 's/^metrics_port = .*/metrics_port = 9999/' {DROP_IN}")
    before, running = session.each(observe), session.each(_undisturbed)
    found = session.play("cri.node.drift", show=("Report the drift", "RECAP"), fails=True)
    report = json.loads((session.folder / "cri-node-drift.json").read_text())
    screen.check(
        "only the edited node differs from its desired state, by one key of one file",
        session.each(
            lambda node: (
                _differences(report, node) == ([("changed", DROP_IN, METRICS_PORT)] if node is edited else [])
            )
        ),
    )
    screen.check("only this node failed, so that a pipeline fails", _failures(session, found, [edited]))
    screen.check("nothing was changed on the nodes", same(session.each(observe), before))
    screen.say(
        "The next run restores the file. CRI-O is reloaded, since a reload after the edit may have made it use the edited file:"
    )
    run = session.play(*PROVISION, show=("Report the changes", "RECAP"))
    screen.check(
        "only the edited node was changed, with a reload",
        session.each(lambda node: _disruption(run, node) == ("reload" if node is edited else None)),
    )
    screen.check(UNDISTURBED, same(session.each(_undisturbed), running))
    again = session.play("cri.node.drift", show=("Report the drift",))
    screen.check("no node differs any more", _failures(session, again, []))


def rollback(session: Session) -> None:
    """Return both nodes to the generation before the planned change."""
    screen = session.screen
    screen.heading("Return to the configuration before the planned change")
    session.play("generations.yml", show=("TASK [Show ",))
    running = session.each(_undisturbed)
    run = session.play(
        "cri.node.rollback",
        "-e",
        f"rollback_generation={BEFORE_THE_PLAN}",
        show=("Report the changes", "RECAP"),
    )
    screen.check(
        "each node was changed with a reload",
        session.each(lambda node: _disruption(run, node)),
        "reload",
    )
    screen.check("the running CRI-O has its former value again", session.each(_pinned_images), [])
    screen.check(UNDISTURBED, same(session.each(_undisturbed), running))


def _disruption(run: Run, node: Node) -> str | None:
    """Return the disruption of a node; None if the run did not change it."""
    return plans(run)[node.name]["disruption"] if node.name in plans(run) else None


def _reasons(found: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    return found["disruption"], [(each["key"], each["variable"]) for each in found["keys"]]


def _differences(report: Mapping[str, Any], node: Node) -> list[tuple[str, str, str]]:
    position = report["nodes"][node.name]["drift"]
    found = [] if position is None else report["drifts"][position]["differences"]
    return [(each["kind"], each["path"], each["key"]) for each in found]


def _failures(session: Session, run: Run, expected: list[Node]) -> dict[str, bool]:
    """Return, for each node, whether it failed exactly if this is expected."""
    return {node.name: bool(run.stats[node.name]["failures"]) == (node in expected) for node in session.nodes}


def _undisturbed(node: Node) -> tuple[str, Any]:
    return service(node, "InvocationID"), running_containers(node)


def _pinned_images(node: Node) -> list[str]:
    return tomllib.loads(live_configuration(node))["crio"]["image"]["pinned_images"]
