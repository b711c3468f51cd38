# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds malformed output of crictl to everything that reads it."""
