# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults for a transaction that runs on a node: the production code, stopped at a named point from outside of it."""
