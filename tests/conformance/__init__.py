# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the collection's knowledge of registries.conf with the real CRI-O and skopeo; see README.md."""
