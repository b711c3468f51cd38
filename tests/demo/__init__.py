# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the collection on two nodes and checks each result: ``make demo``, or ``python -m demo``.

The playbooks in this directory are what a user would write. The demo copies them to a directory and runs the commands that it
prints. points.py has one function for each point of the demo.
"""
