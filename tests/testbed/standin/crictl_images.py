# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands about images. Each takes a client (call, connect), its options, and prints."""

from typing import Any

import crictl_output as output
import crictl_select as select
import crictl_tables as tables
from crictl_client import CallError
from crictl_errors import CrictlError, HelpWanted, doing, log, quoted
from crictl_files import load_pod_config
from crictl_options import Options


def images(client: Any, options: Options) -> None:
    """crictl images; a format it does not know means the table."""
    if len(options.arguments) > 1:
        raise HelpWanted
    client.connect(images=True)
    with doing("listing images"):
        found = list_images(client, (options.arguments or [""])[0])
    if options["output"] == "json":
        print(output.message_text({"images": found}))
    elif options["quiet"]:
        select.print_ids(found)
    else:
        print(tables.images_table(found, options["digests"], options["no-trunc"], options["pinned"]))


def list_images(client: Any, name: str) -> list[dict[str, Any]]:
    """Return the images that match a name, or all images, sorted by their first tag."""
    found = client.call("ListImages", {"filter": {"image": {"image": name}}})["images"]
    return sorted(found, key=lambda each: (*each["repoTags"], *each["repoDigests"], each["id"])[:1])


def inspect_images(client: Any, options: Options) -> None:
    """crictl inspecti."""
    client.connect(images=True)
    found = options.arguments
    if not found:
        with doing("listing images"):
            found = [each["id"] for each in list_images(client, options["name"])]
    select.require_some(found)
    answers = []
    for name in found:
        with doing(f"image status for {quoted(name)} request"):
            answer = client.call("ImageStatus", {"image": {"image": name}, "verbose": not options["quiet"]})
        if "image" not in answer:
            raise CrictlError(f"no such image {quoted(name)} present")
        answers.append(answer)
    select.print_documents(
        [output.document(each["image"], each["info"]) for each in answers], options["output"]
    )


def pull(client: Any, options: Options) -> None:
    """crictl pull."""
    if not options.arguments or not options.arguments[0]:
        raise CrictlError("image name cannot be empty")
    if len(options.arguments) > 1:
        raise HelpWanted
    client.connect(images=True)
    auth = credentials(options)
    pod_config = None
    if options["pod-config"]:
        with doing("load podSandboxConfig"):
            pod_config = load_pod_config(options["pod-config"])
    annotations = select.labels(options["annotation"])
    with doing("pulling image"):
        found = pull_image(
            client, options.arguments[0], auth, pod_config, options["pull-timeout"], annotations
        )
    print(f"Image is up to date for {found}")


def remove_images(client: Any, options: Options) -> None:
    """crictl rmi."""
    client.connect(images=True)
    found = dict.fromkeys(options.arguments)
    prune = options["prune"]
    if options["all"] or prune:
        listed = client.call("ListImages", {})["images"]
        found |= dict.fromkeys(each["id"] for each in listed if not (prune and each["pinned"]))
    if prune:
        for container in client.call("ListContainers", {})["containers"]:
            status = client.call("ImageStatus", {"image": {"image": container["image"]["image"]}})
            found.pop(status.get("image", {}).get("id", ""), None)
    if not found:
        select.nothing_to_remove(options["all"] or prune, "No images to remove")
        return

    def remove(name: str) -> None:
        with doing(f"image status request for {quoted(name)} failed"):
            image = client.call("ImageStatus", {"image": {"image": name}}).get("image")
        if not image:
            raise CrictlError(f"no such image {name}")
        tags = image["repoTags"]
        if len(tags) > 1 and not name.startswith("sha256:") and (":" in name or "/" in name):
            told = "has multiple tags. Removing this image will delete all of the following tags:"
            for line in (f"Image {quoted(name)} {told}", *(f"  {tag}" for tag in tags)):
                log("warning", line)
        try:
            client.call("RemoveImage", {"image": {"image": name}})
        except CallError as error:
            if prune:
                return
            raise CrictlError(f"error of removing image {quoted(name)}: {error}") from None
        for gone in tags or image["repoDigests"]:
            print(f"Deleted: {gone}")

    select.remove_each(list(found), remove)


def pull_image(
    client: Any,
    image: str,
    auth: dict[str, str] | None,
    pod_config: dict[str, Any] | None,
    timeout: float,
    annotations: dict[str, str] | None = None,
) -> str:
    """Pull an image and return its reference. timeout: seconds, 0 for none."""
    if timeout < 0:
        raise CrictlError("timeout should be bigger than 0")
    request = {
        "image": {"image": image, "annotations": annotations},
        "auth": auth,
        "sandbox_config": pod_config,
    }
    try:
        return client.call("PullImage", request, timeout or None)["imageRef"]
    except CallError as error:
        # The code of an unknown error tells nothing; the real client leaves it out.
        raise CrictlError(error.details if error.status == "Unknown" else str(error)) from None


def credentials(options: Options) -> dict[str, str] | None:
    """Return the credentials from --creds or --auth. Raises CrictlError."""
    if options["creds"] and options["auth"]:
        raise CrictlError("both `--creds` and `--auth` are specified")
    if options["auth"]:
        return {"auth": options["auth"]}
    if not options["creds"]:
        return None
    username, separator, password = options["creds"].partition(":")
    if separator and not username:
        raise CrictlError("username can't be empty")
    return {"username": username, "password": password}
