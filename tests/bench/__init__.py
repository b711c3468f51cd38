# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what the collection costs, in figures that are valid on any machine: relative to a reference measured alongside.

`python -m bench` (`make bench`) writes build/bench.json and prints a table. Playbooks are compared with a play of one
ping on the same nodes, modules with the plain crictl call for the same data, remote calls with nothing.
"""
