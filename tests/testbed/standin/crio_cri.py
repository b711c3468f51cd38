# SPDX-License-Identifier: GPL-3.0-or-later
"""The CRI server: it answers calls for which CRI-O differs from containerd, and passes all others to containerd as bytes."""

import json
import os
import re
import time
from concurrent import futures
from pathlib import Path

import api_pb2 as api
import containerd
import crio_answers
import crio_images
import grpc
from crio import VERSION
from crio_checks import reference_problem
from crio_shown import to_info
from google.protobuf import json_format

PATH = f"{containerd.STATE}/cri.sock"
RUNTIME, IMAGE = "/runtime.v1.RuntimeService/", "/runtime.v1.ImageService/"
_LONGEST = 10**6  # seconds; nobody waits longer
# In a StatusResponse: features (4), in that user_namespaces_host_network (2), true. CRI 0.32 does not know it yet; what is
# written behind a message counts as part of it.
_USER_NAMESPACES_HOST_NETWORK = b"\x22\x02\x10\x01"
_NOTICE = 0.3  # seconds that containerd may take to see a changed network
_STREAMS = ("GetContainerEvents",)
# What containerd says `not found` to, and CRI-O's words for it.
_CONTAINER = (
    'could not find container "{0}": container with ID starting with {0} not found: ID does not exist'
)
_POD = 'could not find pod "{0}": PodSandbox with ID starting with {0} not found: ID does not exist'
_ENDED = "container is not created or running: checking if PID of {} is running failed: container process not found"
_BY_ID = {
    "ContainerStatus": (api.ContainerStatusRequest, "container_id", _CONTAINER),
    "ContainerStats": (api.ContainerStatsRequest, "container_id", _CONTAINER),
    "StartContainer": (api.StartContainerRequest, "container_id", _CONTAINER),
    "RemoveContainer": (api.RemoveContainerRequest, "container_id", _CONTAINER),
    "Exec": (api.ExecRequest, "container_id", _CONTAINER),
    "ExecSync": (api.ExecSyncRequest, "container_id", _CONTAINER),
    "UpdateContainerResources": (api.UpdateContainerResourcesRequest, "container_id", _CONTAINER),
    "ReopenContainerLog": (api.ReopenContainerLogRequest, "container_id", _CONTAINER),
    "PodSandboxStatus": (api.PodSandboxStatusRequest, "pod_sandbox_id", _POD),
    "PodSandboxStats": (api.PodSandboxStatsRequest, "pod_sandbox_id", _POD),
    "CreateContainer": (
        api.CreateContainerRequest,
        "pod_sandbox_id",
        "specified sandbox not found: {0}: PodSandbox with ID starting with {0} not found: ID does not exist",
    ),
}
_WITHOUT_CODE = ("Exec", "CreateContainer")  # where CRI-O's error says no more than its words
# Stopping what is not there is no error in CRI-O.
_NOT_THERE_IS_FINE = {
    "StopContainer": api.StopContainerResponse,
    "StopPodSandbox": api.StopPodSandboxResponse,
    "RemovePodSandbox": api.RemovePodSandboxResponse,
}


class CriError(Exception):
    """A call failed; the message is CRI-O's."""

    def __init__(self, message, code=grpc.StatusCode.UNKNOWN):
        super().__init__(message)
        self.code = code


def _bytes(content):
    return content


class CriServer(grpc.GenericRpcHandler):
    """Serves CRI at PATH for a daemon that has `settings`, `metrics` and `journal`."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.channel = grpc.insecure_channel(
            f"unix://{containerd.SOCKET}", options=[("grpc.max_receive_message_length", -1)]
        )
        self.own = {
            "Version": self._version,
            "Status": self._status,
            "RuntimeConfig": self._runtime_config,
            "RunPodSandbox": self._run_pod,
            "PullImage": self._pull_image,
            "ImageStatus": self._image_status,
            "ListImages": self._list_images,
            "RemoveImage": self._remove_image,
            "ImageFsInfo": self._image_file_systems,
            "ListContainers": self._list_containers,
            "ContainerStatus": self._container_status,
            "ListPodSandbox": self._list_pods,
            "PodSandboxStatus": self._pod_status,
            "ListContainerStats": self._list_container_stats,
            "ListPodSandboxStats": self._list_pod_stats,
        }

    def start(self):
        """Start serving; return the gRPC server."""
        if os.path.exists(PATH):
            os.unlink(PATH)
        server = grpc.server(
            futures.ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)]
        )
        server.add_generic_rpc_handlers((self,))
        server.add_insecure_port(f"unix://{PATH}")
        server.start()
        return server

    def service(self, details):
        """Return the handler of one method; called by gRPC."""
        service, _slash, name = details.method.rpartition("/")
        if f"{service}/" not in (RUNTIME, IMAGE):
            return None
        if name in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(
                lambda request, _context: self.channel.unary_stream(details.method, _bytes, _bytes)(request)
            )
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._answer(details.method, name, request, context)
        )

    def _answer(self, method, name, request, context):
        with self.daemon.journal.request(method):
            return self._answer_in_words(method, name, request, context)

    def _answer_in_words(self, method, name, request, context):
        started, failed = time.monotonic(), True
        self.daemon.journal.debug(f"Request: {method}")
        try:
            answer = self.own[name](request) if name in self.own else self._forward(method, request, context)
            failed = False
        except CriError as error:
            context.abort(error.code, str(error))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND and name in _NOT_THERE_IS_FINE:
                failed = False
                return _NOT_THERE_IS_FINE[name]().SerializeToString()
            context.abort(*_in_words(name, request, error))
        finally:
            self.daemon.metrics.count(name, started, failed)
        return answer

    def _forward(self, method, request, context=None):
        limit = context.time_remaining() if context else None
        # What comes without a deadline has one at the end of time, which the next call would take for the past.
        limit = limit if limit is not None and limit < _LONGEST else None
        return self.channel.unary_unary(method, _bytes, _bytes)(request, timeout=limit)

    def ask(self, name, request, answer, service=RUNTIME):
        """Call containerd; `answer` is the class of its answer. Raises grpc.RpcError."""
        return answer.FromString(self._forward(f"{service}{name}", request.SerializeToString()))

    def remove_pods(self):
        """Stop and remove every pod. Raises grpc.RpcError."""
        for pod in self.ask("ListPodSandbox", api.ListPodSandboxRequest(), api.ListPodSandboxResponse).items:
            self.ask(
                "StopPodSandbox", api.StopPodSandboxRequest(pod_sandbox_id=pod.id), api.StopPodSandboxResponse
            )
            self.ask(
                "RemovePodSandbox",
                api.RemovePodSandboxRequest(pod_sandbox_id=pod.id),
                api.RemovePodSandboxResponse,
            )

    def _version(self, _request):
        said = api.VersionResponse(
            version="0.1.0", runtime_name="cri-o", runtime_version=VERSION, runtime_api_version="v1"
        )
        return said.SerializeToString()

    def _runtime_config(self, _request):
        manager = self.daemon.settings["crio.runtime.cgroup_manager"]
        driver = api.CGROUPFS if manager == "cgroupfs" else api.SYSTEMD
        return api.RuntimeConfigResponse(
            linux=api.LinuxRuntimeConfiguration(cgroup_driver=driver)
        ).SerializeToString()

    def _status(self, request):
        settings = self.daemon.settings
        self._bring_network()
        below = self.ask("Status", api.StatusRequest(), api.StatusResponse).status.conditions
        answer = api.StatusResponse()
        for condition in below:
            if condition.type not in ("RuntimeReady", "NetworkReady"):
                continue
            told = answer.status.conditions.add(type=condition.type, status=condition.status)
            if not condition.status:
                told.reason, told.message = condition.reason, condition.message
            if not condition.status and condition.type == "NetworkReady":
                folder = settings["crio.network.network_dir"]
                told.message = (
                    "Network plugin returns error: no CNI configuration file in"
                    f" {folder}. Has your network provider started?"
                )
        answer.features.supplemental_groups_policy = True
        for name in settings.handlers:
            names = [name, ""] if name == settings["crio.runtime.default_runtime"] else [name]
            for each in names:
                handler = answer.runtime_handlers.add(name=each)
                handler.features.SetInParent()
                read_only, users = settings.features.get(name, (False, False))
                handler.features.recursive_read_only_mounts = read_only
                handler.features.user_namespaces = users
        if api.StatusRequest.FromString(request).verbose:
            shown = {"sandboxImage": settings["crio.image.pause_image"], "crio": to_info(settings)}
            answer.info["config"] = json.dumps(shown)
        return answer.SerializeToString() + _USER_NAMESPACES_HOST_NETWORK

    def _bring_network(self):
        if containerd.bring_network(self.daemon.settings):
            time.sleep(_NOTICE)

    def _run_pod(self, request):
        settings, wanted = self.daemon.settings, api.RunPodSandboxRequest.FromString(request)
        handler = wanted.runtime_handler
        # A reload shows new handlers but gives them to no pod (cri-o#10202).
        if handler and handler not in self.daemon.started_with.handlers:
            known = " ".join(f"{name}:0xc000000000" for name in sorted(self.daemon.started_with.handlers))
            raise CriError(f"failed to find runtime handler {handler} from runtime list map[{known}]")
        self._bring_network()
        pause = settings["crio.image.pause_image"]
        if not self._find(pause):
            try:
                crio_images.pull(pause, api.AuthConfig(), settings)
            except crio_images.PullError as error:
                raise CriError(f"unable to pull image: {error}") from None
        return self._forward(f"{RUNTIME}RunPodSandbox", request)

    def _pull_image(self, request):
        wanted = api.PullImageRequest.FromString(request)
        name = wanted.image.image
        self.daemon.journal.info(f"Pulling image: {name}")
        try:
            full = crio_images.pull(name, wanted.auth, self.daemon.settings)
        except crio_images.PullError as error:
            self.daemon.metrics.pull_errors += 1
            raise CriError(_pull_words(str(error), name)) from None
        image = self._find(full)
        if image is None:
            raise CriError(f"unable to pull image: {full} was imported, and is not there")
        self.daemon.metrics.pulled += 1
        identity = image.id.removeprefix("sha256:")
        self.daemon.journal.info(f"Pulled image: {identity}")
        return api.PullImageResponse(image_ref=identity).SerializeToString()

    def _find(self, name):
        request = api.ImageStatusRequest(image=api.ImageSpec(image=name))
        found = self.ask("ImageStatus", request, api.ImageStatusResponse, IMAGE)
        return found.image if found.HasField("image") else None

    def _image_status(self, request):
        wanted = api.ImageStatusRequest.FromString(request)
        asked = wanted.image.image
        if not asked:
            raise CriError("no image specified")
        self.daemon.journal.info(f"Checking image status: {asked}", "server/image_status.go:31")
        problem = reference_problem(asked)
        if problem:
            raise CriError(f'cannot parse input: "{asked}": {problem}')
        try:
            names = crio_images.full_names(
                wanted.image.image, self.daemon.settings["crio.image.short_name_mode"]
            )
        except crio_images.PullError:
            names = []
        answer = api.ImageStatusResponse()
        for name in dict.fromkeys([*names, wanted.image.image]):
            wanted.image.image = name
            answer = self.ask("ImageStatus", wanted, api.ImageStatusResponse, IMAGE)
            if answer.HasField("image"):
                self._as_crio_shows(answer.image)
                crio_answers.complete_image(answer)
                break
        else:
            self.daemon.journal.info(f"Neither image nor artifact {asked} found", "server/image_status.go:47")
        return answer.SerializeToString()

    def _list_images(self, request):
        wanted = api.ListImagesRequest.FromString(request)
        answer = self.ask("ListImages", wanted, api.ListImagesResponse, IMAGE)
        for image in answer.images:
            self._as_crio_shows(image)
        return answer.SerializeToString()

    def _as_crio_shows(self, image):
        """Name images by their hash, and pin the pause image and the configured images, as CRI-O does."""
        image.id = image.id.removeprefix("sha256:")
        settings = self.daemon.settings
        pinned = [*(settings["crio.image.pinned_images"] or []), settings["crio.image.pause_image"]]
        image.pinned = any(name in pinned for name in image.repo_tags)

    def _list_containers(self, request):
        wanted = api.ListContainersRequest.FromString(request)
        answer = self.ask("ListContainers", wanted, api.ListContainersResponse)
        digests = self._digests() if answer.containers else {}
        for container in answer.containers:
            _name_image(container, digests)
        return answer.SerializeToString()

    def _container_status(self, request):
        wanted = api.ContainerStatusRequest.FromString(request)
        verbose, wanted.verbose = wanted.verbose, True
        answer = self.ask("ContainerStatus", wanted, api.ContainerStatusResponse)
        _name_image(answer.status, self._digests())
        crio_answers.complete_container(answer, verbose)
        return answer.SerializeToString()

    def _list_pods(self, request):
        wanted = api.ListPodSandboxRequest.FromString(request)
        answer = self.ask("ListPodSandbox", wanted, api.ListPodSandboxResponse)
        for pod in answer.items:
            crio_answers.label_pod(pod.labels)
        return answer.SerializeToString()

    def _pod_status(self, request):
        wanted = api.PodSandboxStatusRequest.FromString(request)
        answer = self.ask("PodSandboxStatus", wanted, api.PodSandboxStatusResponse)
        crio_answers.complete_pod(answer)
        return answer.SerializeToString()

    def _list_container_stats(self, request):
        wanted = api.ListContainerStatsRequest.FromString(request)
        answer = self.ask("ListContainerStats", wanted, api.ListContainerStatsResponse)
        for stats in answer.stats:
            crio_answers.complete_stats(stats)
        return answer.SerializeToString()

    def _list_pod_stats(self, request):
        """Calculate samples of pods from those of containers and interfaces: containerd has none without a cgroup."""
        wanted = api.ListPodSandboxStatsRequest.FromString(request).filter
        chosen = api.PodSandboxFilter(id=wanted.id, label_selector=wanted.label_selector)
        asked = api.ListPodSandboxRequest(filter=chosen).SerializeToString()
        pods = api.ListPodSandboxResponse.FromString(self._list_pods(asked)).items
        listed = self.ask("ListContainers", api.ListContainersRequest(), api.ListContainersResponse)
        pod_of = {container.id: container.pod_sandbox_id for container in listed.containers}
        containers = {}
        for stats in api.ListContainerStatsResponse.FromString(
            self._list_container_stats(api.ListContainerStatsRequest().SerializeToString())
        ).stats:
            sample = json_format.MessageToDict(stats)
            containers.setdefault(pod_of.get(stats.attributes.id), []).append(sample)
        answer = crio_answers.pod_stats(
            [json_format.MessageToDict(pod) for pod in pods],
            containers,
            {pod.id: self._counted(pod.id) for pod in pods},
        )
        return json_format.ParseDict(answer, api.ListPodSandboxStatsResponse()).SerializeToString()

    def _counted(self, pod):
        """/proc/net/dev of a pod, empty where it has ended."""
        request = api.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True)
        said = self.ask("PodSandboxStatus", request, api.PodSandboxStatusResponse).info
        try:
            return Path(f"/proc/{json.loads(said['info'])['pid'] or 'none'}/net/dev").read_text()
        except OSError:
            return ""

    def _digests(self):
        """Return {image id: the digest it was pulled by} of all images."""
        listed = self.ask("ListImages", api.ListImagesRequest(), api.ListImagesResponse, IMAGE)
        return {image.id: image.repo_digests[0] for image in listed.images if image.repo_digests}

    def _remove_image(self, request):
        wanted = api.RemoveImageRequest.FromString(request)
        found = self._find(wanted.image.image)
        identity = found.id.removeprefix("sha256:") if found else ""
        for container in self.ask(
            "ListContainers", api.ListContainersRequest(), api.ListContainersResponse
        ).containers:
            if container.image_ref.removeprefix("sha256:") == identity:
                raise CriError(f"image used by {container.id}: image is in use by a container")
        return self._forward(f"{IMAGE}RemoveImage", request)

    def _image_file_systems(self, request):
        """Add the container file systems, which are the same as those of images in CRI-O."""
        wanted = api.ImageFsInfoRequest.FromString(request)
        answer = self.ask("ImageFsInfo", wanted, api.ImageFsInfoResponse, IMAGE)
        if not answer.container_filesystems:
            answer.container_filesystems.extend(answer.image_filesystems)
        return answer.SerializeToString()


def _name_image(container, digests):
    """Return a container's image as CRI-O does: by the digest it was pulled by, and by the hash of its id."""
    identity = container.image_ref
    container.image_id = identity.removeprefix("sha256:")
    container.image_ref = digests.get(identity, container.image_id)
    container.image.user_specified_image = ""


def _pull_words(said, name):
    """Return CRI-O's message for a missing manifest, which it also tries as an artifact."""
    if "manifest unknown" in said:
        reading = said.partition("reading manifest")
        again = f"image reference: get manifest from ref: create image source: {''.join(reading[1:])}"
        return f"unable to pull image or OCI artifact: pull image err: {said}; artifact err: {again}"
    return f"unable to pull image: {said}"


def _in_words(name, request, error):
    """Return CRI-O's code and message for an error of containerd."""
    if name in _BY_ID:
        message, field, words = _BY_ID[name]
        identity = getattr(message.FromString(request), field)
        if error.code() == grpc.StatusCode.NOT_FOUND:
            code = grpc.StatusCode.UNKNOWN if name in _WITHOUT_CODE else error.code()
            return code, words.format(identity)
        if state := re.search(r"container is in CONTAINER_(\w+) state", error.details()):
            if name == "StartContainer":
                told = {"EXITED": "stopped"}.get(state[1], state[1].lower())
                return error.code(), f"container {identity} is not in created state: {told}"
            if name in ("Exec", "ExecSync"):
                return grpc.StatusCode.NOT_FOUND, _ENDED.format(identity)
    return error.code(), error.details()
