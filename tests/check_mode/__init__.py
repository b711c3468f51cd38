# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated changes of a node: what check mode and a plan predict, compared with what the run then does."""
