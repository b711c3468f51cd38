# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: a table of them, played on real nodes (`python -m faults`), and drivers that stop a transaction at a named point."""
