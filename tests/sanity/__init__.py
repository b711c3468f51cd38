# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tools of Ansible and REUSE on a copy of the collection: `python -m sanity`."""
