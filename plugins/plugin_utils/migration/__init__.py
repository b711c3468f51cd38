# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a migration from one container engine to another."""
