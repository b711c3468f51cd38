# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands about the runtime itself. Each takes a client (call, connect), its options, and prints."""

from typing import Any

import crictl_output as output
import crictl_tables as tables
from crictl_errors import doing
from crictl_options import Options
from crictl_select import no_arguments, print_documents


def version(client: Any, options: Options) -> None:
    """crictl version."""
    no_arguments(options)
    client.connect()
    with doing("getting the runtime version"):
        answer = client.call("Version", {"version": "v1"})
    for key in ("version", "runtimeName", "runtimeVersion", "runtimeApiVersion"):
        print(f"{key[0].upper()}{key[1:]}:  {answer[key]}")


def info(client: Any, options: Options) -> None:
    """crictl info."""
    no_arguments(options)
    client.connect()
    with doing("getting status of runtime"):
        answer = client.call("Status", {"verbose": not options["quiet"]})
        print_documents([output.info_document(answer)], options["output"])


def runtime_config(client: Any, options: Options) -> None:
    """crictl runtime-config."""
    with doing("get runtime client"):
        client.connect()
    with doing("get runtime config: call RuntimeConfig RPC"):
        answer = client.call("RuntimeConfig", {})
    if "linux" in answer:
        print(tables.table([["cgroup driver:", answer["linux"]["cgroupDriver"]]], least=10))


def image_file_systems(client: Any, options: Options) -> None:
    """crictl imagefsinfo."""
    client.connect(images=True)
    with doing("image filesystem info request"):
        answer = client.call("ImageFsInfo", {})
    print_documents([output.document(answer, {})], options["output"])
