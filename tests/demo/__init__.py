# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection does, shown on two nodes and checked: ``make demo``, or ``python -m demo``.

The playbooks beside this file are what a user would write; the demo copies them into a folder and types the commands that it
prints. points.py has one function for each point that is shown.
"""
