# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of the test bed's files and of its output."""

from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"
STANDIN = Path(__file__).resolve().parent / "standin"
CHECKOUT = Path(__file__).resolve().parents[2]
STATE = CHECKOUT / "build" / "testbed"
COLLECTIONS = CHECKOUT / "build" / "collections"


def link_collection() -> Path:
    """Make the checkout importable as ansible_collections.cri.node; return the collections path.

    Python, ansible-playbook and Molecule all follow the symbolic link. A checkout in such a directory, which is what
    ansible-test requires, is importable as it is.
    """
    if CHECKOUT.parts[-3:] == ("ansible_collections", "cri", "node"):
        return CHECKOUT.parents[2]
    link = COLLECTIONS / "ansible_collections" / "cri" / "node"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(CHECKOUT, target_is_directory=True)
    except FileExistsError:
        if link.resolve() != CHECKOUT:
            # A copied or moved checkout still points at where it came from.
            link.unlink()
            link.symlink_to(CHECKOUT, target_is_directory=True)
    return COLLECTIONS
