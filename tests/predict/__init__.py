# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's prediction of what makes a changed key live, compared with a running CRI-O."""
