# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types what crictl prints about images: parsed JSON in, plain data out. Pure functions; see fields.py."""

from __future__ import annotations

from typing import Any

from .fields import entries, identity, mapping


def image_ids(document: Any) -> list[str]:
    """Read crictl images: the ID of each image."""
    return [identity(mapping(item, "images")) for item in entries(document, "crictl images", "images")]


def image_id(document: Any) -> str:
    """Read crictl inspecti of one image: its ID."""
    return identity(mapping(mapping(document, "crictl inspecti").get("status"), "status"))
