# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's architecture, by the name that Go and the releases of container software use for it."""

from __future__ import annotations

import platform

_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}  # the others are the same


def architecture() -> str:
    """Return amd64, arm64, ppc64le, s390x or what uname -m prints."""
    return _NAMES.get(platform.machine(), platform.machine())
