# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of crio.conf on the controller, compared with what the real CRI-O accepts."""
