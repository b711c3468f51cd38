# SPDX-License-Identifier: GPL-3.0-or-later
"""The command crio of the stand-in."""

VERSION = "1.37.0"


def main(arguments):
    print(f"crio version {VERSION}")
    return 0
