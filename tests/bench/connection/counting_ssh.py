# SPDX-License-Identifier: GPL-3.0-or-later
"""The ssh connection, which also appends a line to the file that BENCH_CALLS names for each remote call."""

import os

from ansible.plugins.connection import ssh

DOCUMENTATION = ssh.DOCUMENTATION.replace("name: ssh", "name: counting_ssh")


def _note(address):
    # Many forks write here; one small write at the end of a file is never torn.
    with open(os.environ["BENCH_CALLS"], "a") as file:
        file.write(f"{address}\n")


class Connection(ssh.Connection):
    """Counts what takes a round trip: a command, an upload, a download."""

    transport = "counting_ssh"

    def exec_command(self, *arguments, **options):
        _note(self._play_context.remote_addr)
        return super().exec_command(*arguments, **options)

    def put_file(self, *arguments, **options):
        _note(self._play_context.remote_addr)
        return super().put_file(*arguments, **options)

    def fetch_file(self, *arguments, **options):
        _note(self._play_context.remote_addr)
        return super().fetch_file(*arguments, **options)
