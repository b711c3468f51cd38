# SPDX-License-Identifier: GPL-3.0-or-later
"""Concurrent runs, repeated runs, and runs during a recovery."""

import json
import tempfile
import time
from pathlib import Path

from faults.scene import ACTION, DROP_IN, UNIT_DROP_IN, Scene, expect, message, results
from faults.table import AFTER, ANY, BEFORE, EITHER, UNDONE, fault
from faults.unit_states import TAKEN_PORT
from testbed import bed, playbooks

ROUNDS = 20
BUSY = ("another change", "changed after", "in progress")
LAST_RENAME = f"os.rename {UNIT_DROP_IN}"


def both(scene: Scene, rounds: list[tuple[dict, dict]]) -> playbooks.Run:
    """Rounds of two concurrent runs: one controller, two names for the same node, and one play and observation per round."""
    [(_name, host)] = scene.bed.inventory([scene.node])["all"]["children"]["nodes"]["hosts"].items()
    names = ("first", "second")
    hosts = {
        name: {
            **host,
            "ansible_control_path": f"{host['ansible_control_path']}-{name}",
        }
        for name in names
    }
    plays = []
    for number, pair in enumerate(rounds):
        of_host = dict(zip(names, pair, strict=True))
        tasks = [
            {"name": f"round {number}", "ansible.builtin.include_role": {"name": "cri.node.runtime"}},
        ]
        plays.append(
            {
                "hosts": "nodes",
                "gather_facts": False,
                "strategy": "free",
                "vars": {key: f"{{{{ asked[inventory_hostname].{key} }}}}" for key in pair[0]}
                | {"asked": of_host},
                "tasks": [
                    {
                        "name": "both",
                        "block": tasks,
                        "rescue": [{"name": "told", "ansible.builtin.meta": "noop"}],
                    }
                ],
            }
        )
        plays.append(
            {
                "hosts": "first",
                "gather_facts": False,
                "tasks": [
                    {"name": f"look {number}", "ansible.builtin.command": f"cat {DROP_IN} {UNIT_DROP_IN}"}
                ],
            }
        )
    inventory = {"all": {"children": {"nodes": {"hosts": hosts}}}}
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        (Path(folder) / "inventory.json").write_text(bed.inventory_text(inventory))
        (Path(folder) / "playbook.yml").write_text(json.dumps(plays))
        return playbooks.ansible_playbook(
            "--inventory", f"{folder}/inventory.json", f"{folder}/playbook.yml", limit=1500
        )


@fault(
    f"two runs with different settings compete for a node, {ROUNDS} rounds",
    ends=EITHER,
    reports=ANY,
    weight=10,
)
def twenty_rounds(scene):
    scene.before = scene.look()
    rounds, marks = [], []
    for _round in range(ROUNDS):
        pair = []
        for _each in range(2):
            pair.append(scene.variables())
            marks.append(scene.desired[DROP_IN])
        rounds.append(tuple(pair))
    run = both(scene, rounds)
    expect("Traceback" not in run.out + run.err, f"a traceback: {(run.out + run.err)[-3000:]}")
    for number in range(ROUNDS):
        judge_round(run, number, marks[2 * number : 2 * number + 2])
    last = [mark for mark in marks[-2:] if str(mark) in run.of(f"look {ROUNDS - 1}")["stdout"]]
    scene.desired = dict.fromkeys(scene.desired, last[0])
    # The failures of the rounds are judged; the node's end is that of a run that succeeded.
    yield None


def judge_round(run: playbooks.Run, number: int, marks: list[int]) -> None:
    """Expect one run to succeed, the other to succeed or to report that it was too late, and the node to match one of them."""
    begin = _position(run, f"look {number - 1}") if number else 0
    end = _position(run, f"look {number}")
    reported = {
        entry["host"]: entry
        for entry in run.results[begin:end]
        if entry["action"] == ACTION and (entry["status"] == "failed" or "plan" in entry["result"])
    }
    seen = run.results[end]["result"]["stdout"]
    there = [str(mark) in seen for mark in marks]
    succeeded = [reported.get(name, {}).get("status") == "ok" for name in ("first", "second")]
    failures = [entry["result"]["msg"] for entry in reported.values() if entry["status"] == "failed"]
    expect(any(succeeded), f"round {number}: neither of the two succeeded: {failures}")
    expect(sum(there) == 1, f"round {number}: the node matches neither or both of them: {seen}")
    expect(succeeded[there.index(True)], f"round {number}: the node matches the run that failed: {failures}")
    for text in failures:
        expect(
            any(word in text for word in BUSY),
            f"round {number}: it does not say that another run was there: {text}",
        )


def _position(run: playbooks.Run, task: str) -> int:
    return next(number for number, entry in enumerate(run.results) if entry["task"] == task)


@fault(
    "a run waits for the same change in progress, which is undone",
    ends=BEFORE,
    reports=UNDONE,
    names=("address already in use",),
)
def second_of_the_same(scene):
    scene.hook("pause", at="run systemctl restart")
    first = scene.begin(**TAKEN_PORT)
    scene.reached()
    second = scene.again()
    time.sleep(4)
    expect(
        not second.done() or second.result().rc, "the second run reports success while the first is in flight"
    )
    scene.go()
    run = first.result()
    expect(second.result().rc, "the second run reports success, and the change was undone")
    yield run


@fault(
    "a run waits for another change in progress, which hangs",
    ends=EITHER,
    reports=ANY,
    names=(("another change", "in progress"),),
)
def second_waits_in_vain(scene):
    scene.hook("pause", at=LAST_RENAME)
    scene.ready = 6
    first = scene.begin()
    scene.reached()
    desired = dict(scene.desired)
    run = scene.apply()
    expect(run.rc, "the second run reports success while the first is in flight")
    expect(
        any(word in message(run) for word in BUSY),
        f"it does not say that another run is there: {message(run)}",
    )
    scene.go()
    scene.desired = desired
    yield first.result()


@fault("check mode waits for a change in progress", ends=AFTER, reports=ANY)
def check_mode_waits(scene):
    scene.hook("pause", at="run systemctl restart")
    first = scene.begin()
    scene.reached()
    asked = scene.asked
    check = scene.again("--check", variables=asked)
    time.sleep(4)
    scene.go()
    run = first.result()
    predicted = check.result()
    expect(
        predicted.rc == 0 and not results(predicted)[-1]["changed"],
        f"check mode read a node between two states: {message(predicted)}",
    )
    yield run


@fault("SSH reconnects and repeats the call whose connection was cut", ends=AFTER, reports=ANY)
def ssh_retry(scene):
    scene.before = scene.look()
    variables = scene.variables()
    scene.hook("pause", at="run systemctl restart")
    future = scene.again(
        variables=variables, env={"ANSIBLE_SSH_RETRIES": "5", "ANSIBLE_RECONNECTION_RETRIES": "5"}
    )
    scene.reached()
    starts = scene.sh("journalctl -q --no-pager -o cat -u crio | grep -c ^Started")
    scene.sh("pkill -9 sshd-session || pkill -9 -f 'sshd: root@'")
    time.sleep(3)
    scene.go()
    run = future.result()
    expect(run.rc == 0, f"the repeated call does not get the first one's outcome: {message(run)}")
    after = scene.sh("journalctl -q --no-pager -o cat -u crio | grep -c ^Started")
    expect(int(after) == int(starts) + 1, f"the daemon was started {int(after) - int(starts)} times")
    yield run


@fault("a run starts during the recovery of a killed one", ends=EITHER, reports=ANY)
def meets_recovery(scene):
    scene.hook("kill", at=LAST_RENAME, then=1)
    scene.unit_settings("ExecStartPre=/bin/sleep 3")
    first = scene.begin()
    scene.reached()
    desired = dict(scene.desired)
    scene.unhook()
    run = scene.apply()
    first.result()
    if run.rc:
        scene.desired = desired
    yield run
    scene.no_unit_settings()


@fault("three controllers die one after the other in the middle of their changes", ends=EITHER, reports=ANY)
def controllers_die(scene):
    for _each in range(3):
        process = scene.controller()
        time.sleep(4)
        scene.kill_controller(process)
    time.sleep(8)
    expect(
        scene.node.wait_for(
            "an end of all changes", lambda: (not scene.look().litter, scene.look().litter), 90
        )
        == [],
        "never",
    )
    run = scene.apply()
    yield run
