# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed output of crictl, through everything that reads it."""
