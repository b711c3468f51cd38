# SPDX-License-Identifier: GPL-3.0-or-later
"""The verification of nodes: the table of checks, their judges, and the report."""
