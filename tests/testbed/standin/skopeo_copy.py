# SPDX-License-Identifier: GPL-3.0-or-later
"""skopeo copy SOURCE containers-storage:[STORE]NAME, into the containerd of the stand-in instead of CRI-O's storage."""

import os
import subprocess
import sys
import tempfile

import containerd

SKOPEO = "/usr/bin/skopeo"
_TEMPORARY = "/var/tmp"  # where skopeo puts large files, too


def main(arguments):
    """Copy an image with skopeo into an archive, and import that; return the exit code."""
    *options, source, target = arguments
    name = target.partition("]")[2] or target.partition(":")[2]
    # A copy from one kind of archive into the other would give the image another ID.
    kind = "docker-archive" if source.startswith("docker-archive:") else "oci-archive"
    with tempfile.TemporaryDirectory(prefix="crio-standin-", dir=_TEMPORARY) as folder:
        archive = os.path.join(folder, "image.tar")
        copied = subprocess.run([SKOPEO, *options, source, f"{kind}:{archive}:{name}"], check=False)
        if copied.returncode:
            return copied.returncode
        try:
            containerd.import_image(archive, name)
        except containerd.ContainerdError as error:
            print(f'level=fatal msg="{error}"', file=sys.stderr)
            return 1
    return 0
