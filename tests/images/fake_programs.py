# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for crictl, skopeo, podman and ctr on a node whose images are in $FAKE_IMAGES/state.json.

Removals, and what a name means, follow CRI-O 1.37 and containerd 1.6, as observed with them. `registry` of the state says what a
pull of a name gives: {"id", "digest"}, or {"error"}. Every call is kept in calls.jsonl.
"""

import fcntl
import hashlib
import json
import os
import sys
import tarfile
from pathlib import Path

FOLDER = Path(os.environ["FAKE_IMAGES"])
PLAIN = ("images", "ps", "pods")


def fail(message, status=1):
    print(f'time="2026-11-24T00:00:00Z" level=fatal msg="{message}"', file=sys.stderr)
    sys.exit(status)


def bare(identity):
    return identity.removeprefix("sha256:")


class Store:
    """The images of the node, while the file is locked."""

    def __enter__(self):
        self.lock = open(FOLDER / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.state = json.loads((FOLDER / "state.json").read_text())
        return self

    def __exit__(self, *_error):
        (FOLDER / "state.json").write_text(json.dumps(self.state))
        self.lock.close()

    @property
    def images(self):
        return self.state["images"]

    def find(self, name):
        if self.state["runtime"] == "cri-o" and "/" not in name and bare(name) != name:
            return None  # CRI-O does not know an ID with a prefix
        aliases = [name, *(f"{registry}/{name}" for registry in self.state.get("search", []))]
        aliases += [f"{each}:latest" for each in aliases]
        for image in self.images:
            known = [*image["repoTags"], *image["repoDigests"], image["id"], bare(image["id"])]
            if any(each in known for each in aliases) or (
                len(name) > 5 and bare(image["id"]).startswith(bare(name))
            ):
                return image
        return None

    def tag(self, identity, name, digest=None):
        for image in self.images:
            if name in image["repoTags"]:
                image["repoTags"].remove(name)
        self.images[:] = [each for each in self.images if each["repoTags"] or each["repoDigests"]]
        prefix = "" if self.state["runtime"] == "cri-o" else "sha256:"
        image = next((each for each in self.images if bare(each["id"]) == identity), None)
        if image is None:
            image = {
                "id": prefix + identity,
                "repoTags": [],
                "repoDigests": [],
                "size": "1000",
                "pinned": False,
            }
            self.images.append(image)
        if "@" not in name:
            image["repoTags"].append(name)
        if digest:
            reference = f"{name.partition('@')[0].rpartition(':')[0] or name}@{digest}"
            image["repoDigests"] = sorted({*image["repoDigests"], reference})

    def remove(self, name):
        image = self.find(name)
        if image is None:
            fail(f"no such image {name}")
        tags = image["repoTags"]
        if self.state["runtime"] == "cri-o" and name in tags and len(tags) > 1:
            tags.remove(name)
            return
        users = [each["id"] for each in self.state["containers"] if each.get("imageId") == image["id"]]
        if users and self.state["runtime"] == "cri-o":
            fail(f"rpc error: code = Unknown desc = image used by {users[0]}: image is in use by a container")
        self.images.remove(image)


def crictl(arguments):
    while arguments[0].startswith("--"):
        arguments = arguments[2:]
    command, *rest = arguments
    rest = [each for each in rest if each not in ("-o", "json", "-q", "-a")]
    with Store() as store:
        if command == "version":
            print(f"Version:  0.1.0\nRuntimeName:  {store.state['runtime']}\nRuntimeVersion:  1")
        elif command in PLAIN:
            key = {"images": "images", "ps": "containers", "pods": "items"}[command]
            print(json.dumps({key: store.state.get(key, [])}))
        elif command == "inspecti":
            inspect(store, rest)
        elif command == "pull":
            pull(store, rest[-1])
        elif command == "rmi":
            store.remove(rest[-1])
        else:
            fail(f"unknown command {command}")


def inspect(store, names):
    documents = []
    for name in names:
        image = store.find(name)
        if image is None:
            fail(f'no such image \\"{name}\\" present')
        documents.append({"status": image, "info": {"imageSpec": {"created": image.get("created")}}})
    print(json.dumps(documents if len(documents) > 1 else documents[0]))


def pull(store, name):
    found = store.state["registry"].get(name, {"error": "manifest unknown"})
    if "error" in found:
        fail(f"pulling image: rpc error: code = NotFound desc = {found['error']}")
    if found.get("credentials", os.environ.get("CRICTL_CREDS")) != os.environ.get("CRICTL_CREDS"):
        fail("pulling image: unauthorized")
    store.tag(found["id"], found.get("name", name), found["digest"])
    print("Image is up to date")


def skopeo(arguments):
    source, target = arguments[-2:]
    with Store() as store:
        identity = identities()[int(source.partition(":@")[2] or 0)]
        store.tag(identity, target.rpartition("]")[2])


def podman(arguments):
    while arguments[0].startswith("--"):
        arguments = arguments[2:]
    command, *rest = arguments
    with Store() as store:
        if command == "load":
            for identity, names in archived():
                for name in names:
                    store.tag(identity, name)
        elif command == "images":
            for image in store.images:
                names = [image["id"]] if "--quiet" in rest else image["repoTags"]
                wanted = [each.rpartition("=")[2] for each in rest if each.startswith("--filter")]
                if not wanted or bare(image["id"]) in wanted:
                    print("\n".join(names))
        elif command == "tag":
            for name in rest[1:]:
                store.tag(bare(rest[0]), name)
        elif command == "untag":
            store.find(rest[0])["repoTags"].remove(rest[1])


def ctr(arguments):
    arguments = arguments[arguments.index("images") + 1 :]
    command, *rest = arguments
    with Store() as store:
        if command == "list":
            print("\n".join(name for image in store.images for name in (*image["repoTags"], image["id"])))
        elif command == "import":
            for identity, names in archived():
                for name in names:
                    store.tag(identity, name)
            if "--index-name" in rest:
                store.tag(identities()[0], rest[rest.index("--index-name") + 1])
        elif command == "tag":
            store.tag(bare(store.find(rest[-2])["id"]), rest[-1])
        elif command == "remove":
            store.find(rest[-1])["repoTags"].remove(rest[-1])


def archived():
    """Return (ID, names) of the images of the docker-archive that is the standard input."""
    with tarfile.open("/proc/self/fd/0") as archive:
        entries = json.load(archive.extractfile("manifest.json"))
        return [
            (
                hashlib.sha256(archive.extractfile(entry["Config"]).read()).hexdigest(),
                entry["RepoTags"] or [],
            )
            for entry in entries
        ]


def identities():
    return [identity for identity, _names in archived()]


def main():
    name, arguments = os.path.basename(sys.argv[1]), sys.argv[2:]
    with open(FOLDER / "calls.jsonl", "a") as file:
        secret = os.environ.get("CRICTL_CREDS")
        file.write(json.dumps({"program": name, "arguments": arguments, "credentials": secret}) + "\n")
    {"crictl": crictl, "skopeo": skopeo, "podman": podman, "ctr": ctr}[name](arguments)


if __name__ == "__main__":
    main()
