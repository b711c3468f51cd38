# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of CRI-O's keys, compared with what a CRI-O itself prints, contains and documents."""
