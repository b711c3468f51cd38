# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection costs, in figures that hold on any machine: against a reference measured beside it.

`python -m bench` (`make bench`) writes build/bench.json and prints a table. Playbooks are held against a play of one
ping on the same nodes, modules against the bare crictl call for the same data, remote calls against nothing.
"""
