# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the effective configuration that the collection computes with what CRI-O's own `crio config` prints."""
