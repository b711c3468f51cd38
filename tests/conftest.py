# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ansible_collections.cri.node, for every test."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from testbed.paths import link_collection

COLLECTIONS = str(link_collection())
if COLLECTIONS not in sys.path:
    sys.path.insert(0, COLLECTIONS)
os.environ["ANSIBLE_COLLECTIONS_PATH"] = COLLECTIONS
