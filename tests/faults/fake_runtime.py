# SPDX-License-Identifier: GPL-3.0-or-later
"""A container runtime behind crictl, in memory."""

import hashlib
import itertools

from ansible_collections.cri.node.plugins.module_utils.crictl.call import CrictlError


class FakeRuntime:
    """A runtime behind crictl, in memory: pods, containers, images, and all calls.

    ends: the state of containers at each inspection after their start, by name: exit codes, or None while they run.
    fails: the error message of crictl, by command. broken: handlers whose pods do not start. refused: images that are not pulled.
    on_call, on_done: are called with each command before and after it; they may raise.
    """

    timeout = 10

    def __init__(self):
        self.pods, self.containers, self.images = {}, {}, set()
        self.calls, self.ends, self.fails = [], {}, {}
        self.broken, self.refused = set(), set()
        self.on_call = self.on_done = lambda *_call: None
        self.numbers = itertools.count(1)

    def within(self, _seconds):
        return self

    def together(self, *calls):
        return [call() for call in calls]

    def names(self):
        return [call[0] for call in self.calls]

    def json(self, *call):
        self.calls.append(call)
        self.on_call(*call)
        if call[0] in self.fails:
            raise CrictlError(f"crictl {call[0]} failed: {self.fails[call[0]]}", "failed")
        try:
            return getattr(self, f"do_{call[0]}")(*call[1:])
        finally:
            self.on_done(*call)

    text = json

    def details(self, ids):
        self.calls.append(("inspect", *ids))
        self.on_call("inspect", *ids)
        found = {}
        for identity in [each for each in self.calls[-1][1:] if each in self.containers]:
            item = self.containers[identity]
            ends = self.ends.get(item["metadata"]["name"])
            if item["state"] == "CONTAINER_RUNNING" and ends:
                code = ends.pop(0)
                if code is not None:
                    item.update(state="CONTAINER_EXITED", code=code)
            detail = {"id": identity, "name": item["metadata"]["name"], "state": item["state"][10:].lower()}
            found[identity] = {**detail, "exit_code": item["code"]} if detail["state"] == "exited" else detail
        self.on_done("inspect")
        return found

    def do_runp(self, *call):
        if self.broken.intersection(call[:-1]):
            raise CrictlError("crictl runp failed: container create failed: no luck", "failed")
        config, identity = call[-1], f"pod{next(self.numbers)}"
        kept = {key: config.get(key, {}) for key in ("metadata", "labels", "annotations")}
        self.pods[identity] = {
            "id": identity,
            "state": "SANDBOX_READY",
            "createdAt": f"{next(self.numbers)}",
            **kept,
        }
        return f"{identity}\n"

    def do_create(self, pod, config, _sandbox):
        identity = f"container{next(self.numbers)}"
        image = config["image"]
        assert image["image"] in self.images
        kept = {key: config[key] for key in ("metadata", "labels", "annotations", "image")}
        self.containers[identity] = {
            "id": identity,
            "podSandboxId": pod,
            "state": "CONTAINER_CREATED",
            **kept,
        }
        return f"{identity}\n"

    def do_start(self, *ids):
        for each in ids:
            self.containers[each].update(state="CONTAINER_RUNNING")
        return "\n".join(ids)

    def do_stop(self, _flag, _grace, identity):
        self.containers[identity].update(state="CONTAINER_EXITED", code=137)
        return identity

    def do_rmp(self, _flag, pod):
        del self.pods[pod]
        self.containers = {key: item for key, item in self.containers.items() if item["podSandboxId"] != pod}
        return f"Removed sandbox {pod}"

    def do_pods(self, *_filters):
        return {"items": list(self.pods.values())}

    def do_ps(self, *_filters):
        return {"containers": list(self.containers.values())}

    def do_inspectp(self, _flag, pod):
        return {"status": {**self.pods[pod], "network": {"ip": "10.0.0.2"}}}

    def do_inspecti(self, _flag, image):
        if image not in self.images:
            raise CrictlError(f'no such image "{image}" present', "not_found")
        return {"status": {"id": self.image_id(image)}}

    def image_id(self, name):
        return hashlib.sha256(name.encode()).hexdigest()

    def do_images(self):
        return {"images": [{"id": self.image_id(name)} for name in sorted(self.images)]}

    def do_rmi(self, identity):
        used = {item["image"]["image"] for item in self.containers.values()}
        if identity in map(self.image_id, used):
            raise CrictlError("crictl rmi failed: delete image: image is in use by a container", "failed")
        self.images = {name for name in self.images if self.image_id(name) != identity}
        return f"Deleted: {identity}"

    def do_pull(self, *call):
        if call[-1] in self.refused:
            raise CrictlError("crictl pull failed: RegistryUnavailable: connection refused", "failed")
        self.images.add(call[-1])
        return "Image is up to date"
