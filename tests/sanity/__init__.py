# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's and the licence's own tools on a copy of the collection: `python -m sanity`."""
