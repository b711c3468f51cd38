# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the stand-in's crictl with their options, as in crictl 1.36."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import crictl_completion as completion
import crictl_container_life as life
import crictl_containers as containers
import crictl_images as images
import crictl_pods as pods
import crictl_runtime as runtime
from crictl_options import Option, Options, duration, number, switch, text, texts


@dataclass(frozen=True)
class Command:
    """One command. bundles: whether -aq means -a -q."""

    run: Callable[[Any, Options], None]
    purpose: str
    options: Sequence[Option] = ()
    arguments: str = ""
    aliases: tuple[str, ...] = field(default=())
    bundles: bool = True


_OUTPUT = text("output", "o")
_QUIET = switch("quiet", "q")
_TEMPLATE = text("template")
_LIST_OUTPUT = text("output", "o", default="table")
_NAME = [text("name"), text("namespace")]
_NEWEST = [switch("latest", "l"), number("last", "n")]
_PULL = [
    text("creds"),
    text("auth"),
    text("username"),
    duration("pull-timeout", "pt", environment="CRICTL_PULL_TIMEOUT"),
]
_CREATE = [switch("no-pull"), switch("with-pull"), duration("cancel-timeout", "T"), *_PULL]
_SAMPLE = [text("id"), texts("label"), _OUTPUT, number("seconds", "s", default=1)]
_CONTAINERS = [
    text("pod", "p"),
    text("image"),
    text("state", "s"),
    texts("label"),
    switch("all", "a"),
    *_NAME,
    *_NEWEST,
]
_PODS = [text("state", "s"), texts("label"), *_NAME, *_NEWEST]
_IDS = "CONTAINER-ID [CONTAINER-ID...]"
_POD_IDS = "POD-ID [POD-ID...]"

COMMANDS = {
    "completion": Command(
        completion.completion, "Output shell completion code", arguments="SHELL", bundles=False
    ),
    "create": Command(
        life.create_container,
        "Create a new container",
        _CREATE,
        "POD container-config.[json|yaml] pod-config.[json|yaml]",
        bundles=False,
    ),
    "exec": Command(
        life.execute,
        "Run a command in a running container",
        [switch("sync", "s"), number("timeout"), switch("tty", "t"), switch("interactive", "i")],
        "[CONTAINER-ID] COMMAND [ARG...]",
    ),
    "imagefsinfo": Command(runtime.image_file_systems, "Return image filesystem info", [_OUTPUT, _TEMPLATE]),
    "images": Command(
        images.images,
        "List images",
        [_QUIET, _OUTPUT, switch("digests"), switch("no-trunc"), switch("pinned")],
        "[REPOSITORY[:TAG]]",
        ("image", "img"),
    ),
    "info": Command(
        runtime.info,
        "Display information of the container runtime",
        [text("output", "o", default="json"), _QUIET, _TEMPLATE],
    ),
    "inspect": Command(
        containers.inspect,
        "Display the status of one or more containers",
        [_OUTPUT, _QUIET, _TEMPLATE, *_CONTAINERS],
        _IDS,
        bundles=False,
    ),
    "inspecti": Command(
        images.inspect_images,
        "Return the status of one or more images",
        [_OUTPUT, _QUIET, _TEMPLATE, text("name")],
        "IMAGE-ID [IMAGE-ID...]",
    ),
    "inspectp": Command(
        pods.inspect_pods,
        "Display the status of one or more pods",
        [_OUTPUT, _QUIET, _TEMPLATE, *_PODS],
        _POD_IDS,
    ),
    "logs": Command(
        containers.logs,
        "Fetch the logs of a container",
        [
            switch("follow", "f"),
            switch("previous", "p"),
            switch("reopen", "r"),
            number("tail", default=-1),
            number("limit-bytes", default=-1),
            text("since"),
            switch("timestamps", "t"),
            text("stream", "s"),
        ],
        "CONTAINER-ID",
    ),
    "pods": Command(
        pods.pods,
        "List pods",
        [text("id"), _QUIET, _LIST_OUTPUT, switch("no-trunc"), *_PODS],
    ),
    "ps": Command(
        containers.containers,
        "List containers",
        [text("id"), _QUIET, _LIST_OUTPUT, switch("no-trunc"), *_CONTAINERS],
    ),
    "pull": Command(
        images.pull,
        "Pull an image from a registry",
        [
            text("creds", environment="CRICTL_CREDS"),
            text("auth", environment="CRICTL_AUTH"),
            text("pod-config"),
            texts("annotation", "a"),
            _PULL[-1],
        ],
        "NAME[:TAG|@DIGEST]",
    ),
    "rm": Command(
        life.remove_containers,
        "Remove one or more containers",
        [switch("force", "f"), switch("keep-logs", "k"), switch("all", "a")],
        _IDS,
    ),
    "rmi": Command(
        images.remove_images,
        "Remove one or more images",
        [switch("all", "a"), switch("prune", "q")],
        "IMAGE-ID [IMAGE-ID...]",
    ),
    "rmp": Command(
        pods.remove_pods,
        "Remove one or more pods",
        [switch("force", "f"), switch("all", "a")],
        _POD_IDS,
    ),
    "run": Command(
        life.run_container,
        "Run a new container inside a sandbox",
        [*_CREATE, text("runtime", "r")],
        "container-config.[json|yaml] pod-config.[json|yaml]",
        bundles=False,
    ),
    "runp": Command(
        pods.run_pod,
        "Run a new pod",
        [text("runtime", "r"), duration("cancel-timeout", "T")],
        "pod-config.[json|yaml]",
        bundles=False,
    ),
    "runtime-config": Command(runtime.runtime_config, "Retrieve the container runtime configuration"),
    "start": Command(
        life.start_containers, "Start one or more created containers", arguments=_IDS, bundles=False
    ),
    "stats": Command(
        containers.container_stats,
        "List container(s) resource usage statistics",
        [switch("all", "a"), text("pod", "p"), *_SAMPLE],
        "[ID]",
    ),
    "statsp": Command(pods.pod_stats, "List pod statistics", _SAMPLE, "[ID]"),
    "stop": Command(
        life.stop_containers,
        "Stop one or more running containers",
        [number("timeout", "t"), switch("all", "a")],
        _IDS,
    ),
    "stopp": Command(pods.stop_pods, "Stop one or more running pods", arguments=_POD_IDS, bundles=False),
    "version": Command(runtime.version, "Display runtime version information", bundles=False),
}
