# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that check mode and a plan tell the truth: what they predict for generated changes is what a run then does.

The changes of a seed are the same in every run; `SEED=7 pytest ...` generates others. See tests/check_mode/generate.py.
"""

import collections
import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from check_mode import generate
from check_mode.judge import judge
from check_mode.play import play, prepare

SEED = 1037
LEAST = 40  # changes
# What must have happened on the nodes, beside the features that the generator counts.
HAPPENED = {
    "file created": 5, "file changed": 10, "file removed": 3, "mode or owner alone": 2, "daemon: none": 3, "daemon: reload": 4,
    "daemon: restart": 6, "daemon: start": 1, "enabled": 1, "unchanged": 2, "refused": 7, "undone": 1,
}  # fmt: skip


@pytest.mark.real_crio("it judges by what changes of keys cost on CRI-O")
def test_what_check_mode_and_a_plan_predict_is_what_the_run_does(testbed, crio_source):
    seed = int(os.environ.get("SEED", SEED))
    walks = generate.walks(seed, real=not crio_source.standin)
    nodes = testbed.add(*[f"truth-{number}" for number in range(1, len(walks) + 1)])
    try:
        with ThreadPoolExecutor(len(nodes)) as pool:
            played = list(pool.map(lambda node, walk: _play(node, walk, testbed), nodes, walks))
    finally:
        testbed.remove(*[node.name for node in nodes])
    untrue, features = [], generate.coverage(list(itertools.chain(*walks)))
    happened: collections.Counter = collections.Counter()
    for node, changes in zip(nodes, played, strict=True):
        for each in changes:
            found, seen = judge(each)
            untrue += [f"{node.name}: {sentence}" for sentence in found]
            happened.update(seen)
    print(f"SEED={seed}: {sum(map(len, played))} changes")
    print("features: " + ", ".join(f"{name} {count}" for name, count in sorted(features.items())))
    print("on the nodes: " + ", ".join(f"{name} {count}" for name, count in sorted(happened.items())))
    assert not untrue, f"SEED={seed}\n" + "\n".join(untrue)
    assert sum(map(len, played)) >= LEAST
    least = {**generate.minimum(not crio_source.standin), **HAPPENED}
    rare = {
        name: (features + happened)[name]
        for name, count in least.items()
        if (features + happened)[name] < count
    }
    assert not rare, f"SEED={seed}: too few of {rare}"


def _play(node, walk, testbed):
    prepare(node)
    return play(node, walk, testbed)
