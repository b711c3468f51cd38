# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls a CRI runtime over its socket, with the error messages of crictl."""

import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from crictl_errors import CrictlError, log, log_failed_call, quoted
from crictl_messages import Messages, fill, to_data
from crictl_settings import PROBED, Settings

_IMAGE_CALLS = ("ListImages", "ImageStatus", "PullImage", "RemoveImage", "ImageFsInfo")
_SILENT = ("PodSandboxStatus",)  # a failure that the client library does not log
_LIMIT = 16 << 20  # bytes of one answer, as the real client has it


class CallError(CrictlError):
    """The runtime refused a call. status: gRPC's code as in Go (NotFound); details: the runtime's message."""

    def __init__(self, status: str, details: str):
        super().__init__(f"rpc error: code = {status} desc = {details}")
        self.status, self.details = status, details


class Client:
    """The runtime and its image service, each connected on the first call."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._channels: dict[bool, Any] = {}
        self._messages: Messages | None = None

    @property
    def messages(self) -> Messages:
        """CRI's messages, loaded on first use."""
        if self._messages is None:
            self._messages = Messages()
        return self._messages

    def fields(self, name: str) -> list[str]:
        """Return the names of a message's fields, in order."""
        return self.messages.fields(name)

    def connect(self, images: bool = False) -> None:
        """Connect to the runtime or its image service. Raises CrictlError if it does not answer."""
        if images in self._channels:
            return
        runtime, image = self.settings.runtime_endpoint, self.settings.image_endpoint
        option, endpoint = ("image", image or runtime) if images else ("runtime", runtime)
        if endpoint == "":
            raise CrictlError(f"--{option}-endpoint is not set")
        if endpoint is not None:
            self._open(images, endpoint)
            return
        who = "Image" if images else "runtime"
        told = "As the default settings are now deprecated, you should set the endpoint instead."
        log("warning", f"{who} connect using default endpoints: [{' '.join(PROBED)}]. {told}")
        for endpoint in PROBED:
            try:
                self._open(images, endpoint)
                return
            except CrictlError as error:
                log("error", str(error))
                last = error
        raise last

    def _open(self, images: bool, endpoint: str) -> None:
        path = _socket_path(endpoint)
        what, first = ("image", "ImageFsInfo") if images else ("runtime", "Version")
        try:
            _dial(path)
            import grpc

            options = [("grpc.max_receive_message_length", _LIMIT), ("grpc.default_authority", "localhost")]
            self._channels[images] = grpc.insecure_channel(f"unix://{path}", options)
            self._send(first, {}, self.settings.timeout)
        except CallError as error:
            self._channels.pop(images, None)
            raise CrictlError(
                f"validate service connection: validate CRI v1 {what} API for endpoint {quoted(endpoint)}: {error}"
            ) from None

    def call(
        self, method: str, request: Mapping[str, Any], timeout: float | None = -1, logged: bool = True
    ) -> dict[str, Any]:
        """Call a method with fields as in api.proto, and return the answer as crictl prints it.

        timeout: seconds, None for none, the settings' by default; logged: whether the client library logs a
        failure. Raises CrictlError.
        """
        images = method in _IMAGE_CALLS
        self.connect(images)
        try:
            return self._send(method, request, self.settings.timeout if timeout == -1 else timeout)
        except CallError as error:
            if logged and method not in _SILENT:
                what = "image" if images else "runtime"
                told = f"{method} from {what} service failed"
                log_failed_call(f"remote_{what}.go:1", told, str(error), _subject(request))
            raise

    def _send(self, method: str, request: Mapping[str, Any], timeout: float | None) -> dict[str, Any]:
        import grpc

        message = self.messages.kind(f"{method}Request")()
        fill(message, request)
        images = method in _IMAGE_CALLS
        service = "ImageService" if images else "RuntimeService"
        if self.settings.debug:
            log("debug", f"{method}Request: {request}")
        send = self._channels[images].unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=lambda made: made.SerializeToString(),
            response_deserializer=self.messages.kind(f"{method}Response").FromString,
        )
        try:
            answer = to_data(send(message, timeout=timeout))
        except grpc.RpcError as error:
            raise _call_error(error) from None
        if self.settings.debug:
            log("debug", f"{method}Response: {answer}")
        return answer


def _socket_path(endpoint: str) -> str:
    parts = urlsplit(endpoint if "://" in endpoint else f"unix://{endpoint}")
    if parts.scheme != "unix":
        raise CrictlError("only support unix socket endpoint")
    return parts.path


def _dial(path: str) -> None:
    """Connect once without gRPC, whose library does not report why a socket does not answer."""
    with socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.connect(path)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            said = f"transport: Error while dialing: dial unix {path}: connect: {why}"
            raise CallError("Unavailable", f"connection error: desc = {quoted(said)}") from None


def _call_error(error: Any) -> CallError:
    status = "".join(word.capitalize() for word in error.code().name.split("_"))
    details = error.details() or ""
    if details == "Deadline Exceeded":
        details = "context deadline exceeded"
    return CallError({"Cancelled": "Canceled", "Ok": "OK"}.get(status, status), details)


def _subject(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the object of a request, as in the log of the client library."""
    spelled = {"container_id": "containerID", "pod_sandbox_id": "podSandboxID"}
    about = {word: request[key] for key, word in spelled.items() if key in request}
    return about | ({"image": request["image"]["image"]} if "image" in request else {})
