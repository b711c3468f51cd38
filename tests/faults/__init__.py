# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects faults on real nodes (`python -m faults`), with drivers that stop a transaction at a named point."""
