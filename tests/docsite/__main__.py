# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site into build/docs/html."""

import sys

from docsite.build import BuildError, build
from testbed.paths import CHECKOUT


def main() -> int:
    """Return the exit status."""
    try:
        html = build()
    except BuildError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    print(f"docs: {len(list(html.rglob('*.html')))} pages, {(html / 'index.html').relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
