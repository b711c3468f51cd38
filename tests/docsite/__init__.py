# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site: `python -m docsite` builds it, test_pages.py opens it in Chromium, record.py records its outputs."""
