# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the small parts: waiting, images, owners, the command line."""

import io
import json
import os
import tarfile

import pytest

from testbed import bed, workloads
from testbed.__main__ import parser
from testbed.wait import NotReached, wait_for


def test_wait_returns_the_last_value():
    seen = iter([(False, 1), (True, 2)])
    assert wait_for("two", lambda: next(seen), limit=5, interval=0) == 2


def test_wait_reports_the_last_value_on_timeout():
    with pytest.raises(NotReached, match=r"node up: not within 0 s; last seen: starting"):
        wait_for("node up", lambda: (False, "starting"), limit=0)


def test_images_list_their_contents():
    images = workloads.make_images(b"busybox")
    assert {image.name for image in images} == {"pause", "hello-world", "log-writer", "long-running"}
    for image in images:
        manifest = json.loads(image.manifest)
        for part in [manifest["config"], *manifest["layers"]]:
            assert len(image.blobs[part["digest"]]) == part["size"]
    assert images == workloads.make_images(b"busybox")


def test_layer_has_a_shell():
    tar = tarfile.open(fileobj=io.BytesIO(workloads.layer(b"busybox")))
    assert tar.getmember("bin/sh").linkname == "busybox"
    assert tar.extractfile("bin/busybox").read() == b"busybox"


def test_owners_are_distinguished():
    mark = bed.owner_mark()
    assert mark.startswith(f"{os.getpid()}-")
    assert mark == bed.owner_mark(os.getpid())
    assert bed.owner_mark(2**22 + 1) == ""


def test_command_line():
    options = parser().parse_args(["up", "--nodes", "3", "--prefix", "mine"])
    assert (options.nodes, options.prefix, options.bare) == (3, "mine", False)
