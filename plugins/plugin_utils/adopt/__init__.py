# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopting nodes that something else has set up: the settings of a node, those of a fleet, their files, and the report."""
