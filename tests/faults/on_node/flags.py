# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: makes a file immutable (+) or mutable (-), like chattr, because e2fsprogs is not installed."""

import fcntl
import os
import struct
import sys

GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h

path, sign = sys.argv[1:]
handle = os.open(path, os.O_RDONLY)
flags = struct.unpack("L", fcntl.ioctl(handle, GET_FLAGS, b"\0" * 8))[0]
fcntl.ioctl(handle, SET_FLAGS, struct.pack("L", flags | IMMUTABLE if sign == "+" else flags & ~IMMUTABLE))
