# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: one migration with the collection's code, which is killed when a step was taken, before the next is recorded.

    python3 migration_driver.py FOLDER STEP < request.json

FOLDER contains ansible_collections. No production code knows of faults.
"""

import json
import os
import signal
import sys

FOLDER, STEP = sys.argv[1:3]
sys.path.insert(0, FOLDER)

from ansible_collections.cri.node.plugins.module_utils.migration import journal, migration, switch  # noqa: E402

if STEP not in switch.STEPS:
    sys.exit(f"no such step: {STEP}")


def killed_after(real, taken):
    """Wrap what follows a step. taken: arguments -> the steps that were taken."""

    def wrapped(*arguments):
        if taken(*arguments) == STEP:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    return wrapped


def before_the_last(_layout, noted):
    """Return the step before the one that is being recorded."""
    steps = noted["taken"]
    return steps[-2] if len(steps) > 1 else ""


journal.write = killed_after(journal.write, before_the_last)
journal.record = killed_after(journal.record, lambda *_arguments: switch.STEPS[-1])
print(json.dumps(migration.migrate(json.load(sys.stdin), check=False)))
