# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls the images of a JSON list on standard input, one after the other, and records in a file which registries served them.

Record: {"invocation": ID of the running CRI-O, "pulls": [{"image", "rc", "stderr", "served_by": [names of registries]}]}.
A registry served an image if its log has a successful request for a manifest.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

LOGS = Path("/var/log/pulls")
SERVED = re.compile(rb'"GET /v2/[^ ]+/manifests/[^ ]+ HTTP/[^"]+" 200 ')
LOG_LIMIT = 5  # seconds for a log's line after a pull that succeeded


def sizes():
    """Return the size of each log, by the name of its registry."""
    return {path.stem: path.stat().st_size for path in LOGS.glob("*.log")}


def served_since(former):
    """Return the names of registries that have served a manifest since then."""
    return sorted(
        name for name in sizes() if SERVED.search((LOGS / f"{name}.log").read_bytes()[former.get(name, 0) :])
    )


def pull(image):
    """Pull an image and return its record."""
    former = sizes()
    done = subprocess.run(["crictl", "pull", image], capture_output=True, text=True, check=False)
    served_by, end = served_since(former), time.monotonic() + LOG_LIMIT
    while done.returncode == 0 and not served_by and time.monotonic() < end:
        time.sleep(0.05)
        served_by = served_since(former)
    return {"image": image, "rc": done.returncode, "stderr": done.stderr, "served_by": served_by}


def main():
    """Pull all images and write the record."""
    command = ["systemctl", "show", "--value", "--property=InvocationID", "crio.service"]
    invocation = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    pulls = [pull(image) for image in json.load(sys.stdin)]
    Path(sys.argv[1]).write_text(json.dumps({"invocation": invocation, "pulls": pulls}, indent=2))


if __name__ == "__main__":
    main()
