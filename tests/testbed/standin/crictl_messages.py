# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts CRI's messages to and from plain data in crictl's spelling.

Debian's api.proto is CRI 0.32. crictl 1.36 knows fields added since, and prints them even where the runtime has never
heard of them; LATER adds those that it shows.
"""

import base64
from typing import Any

from crictl_errors import CrictlError, quoted

# What field descriptors call these, in google.protobuf.descriptor.FieldDescriptor and descriptor.proto.
_INT64, _UINT64, _ENUM, _MESSAGE = 2, 4, 8, 10  # cpp_type
_BYTES, _REPEATED = 12, 3  # type, label
_TYPES = {"double": 1, "int64": 3, "uint64": 4, "bool": 8, "string": 9}

SIGNALS = (
    "RUNTIME_DEFAULT SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL "
    "SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU "
    "SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIGRTMIN "
    + " ".join(f"SIGRTMINPLUS{count}" for count in range(1, 16))
    + " "
    + " ".join(f"SIGRTMAXMINUS{count}" for count in range(14, 0, -1))
    + " SIGRTMAX"
).split()

# message: {field: (number, type)}, from CRI 0.36's api.proto; a type that is no scalar is a message, or Signal
LATER = {
    "PsiData": {
        "Total": (1, "uint64"),
        "Avg10": (2, "double"),
        "Avg60": (3, "double"),
        "Avg300": (4, "double"),
    },
    "PsiStats": {"Full": (1, "PsiData"), "Some": (2, "PsiData")},
    "IoUsage": {"timestamp": (1, "int64"), "psi": (2, "PsiStats")},
    "CpuUsage": {"psi": (4, "PsiStats")},
    "MemoryUsage": {"psi": (8, "PsiStats")},
    "ContainerStats": {"io": (6, "IoUsage")},
    "LinuxPodSandboxStats": {"io": (6, "IoUsage")},
    "Mount": {"image_sub_path": (10, "string")},
    "ImageSpec": {"image_ref": (20, "string")},
    "ContainerConfig": {"stop_signal": (18, "Signal")},
    "ContainerStatus": {"stop_signal": (19, "Signal")},
    "RuntimeFeatures": {"user_namespaces_host_network": (2, "bool")},
}


class Messages:
    """Creates CRI's messages by name."""

    def __init__(self):
        # The stand-in's library, made when its image is; late, because nothing else takes as long to import.
        import api_pb2
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        described = descriptor_pb2.FileDescriptorProto.FromString(api_pb2.DESCRIPTOR.serialized_pb)
        _add_later(described)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(described)
        self._pool, self._factory = pool, message_factory.MessageFactory(pool)

    def kind(self, name: str) -> type:
        """Return the class of a message."""
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(f"runtime.v1.{name}"))

    def fields(self, name: str) -> list[str]:
        """Return the names of a message's fields as crictl prints them, in the order of their declaration."""
        return [field.json_name for field in self.kind(name).DESCRIPTOR.fields]


def _add_later(described: Any) -> None:
    described.enum_type.add(name="Signal")
    for number, name in enumerate(SIGNALS):
        described.enum_type[-1].value.add(name=name, number=number)
    messages = {message.name: message for message in described.message_type}
    for name, fields in LATER.items():
        message = messages.get(name)
        if message is None:
            message = messages[name] = described.message_type.add(name=name)
        present = {field.name for field in message.field}
        for field, (number, kind) in fields.items():
            if field in present:  # a newer api.proto has it
                continue
            added = message.field.add(name=field, number=number, label=1)
            if kind in _TYPES:
                added.type = _TYPES[kind]
            else:
                added.type = 14 if kind == "Signal" else 11
                added.type_name = f".runtime.v1.{kind}"


def to_data(message: Any) -> dict[str, Any]:
    """A message as protobuf's JSON mapping has it, with every default: camelCase, 64-bit integers as strings,
    enumerations by name; messages that are not set are left out.
    """
    data = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.label == _REPEATED:
            if field.cpp_type == _MESSAGE and field.message_type.GetOptions().map_entry:
                data[field.json_name] = dict(sorted(value.items()))
            else:
                data[field.json_name] = [_to_value(field, each) for each in value]
        elif field.cpp_type != _MESSAGE or message.HasField(field.name):
            data[field.json_name] = _to_value(field, value)
    return data


def _to_value(field: Any, value: Any) -> Any:
    if field.cpp_type == _MESSAGE:
        return to_data(value)
    if field.cpp_type in (_INT64, _UINT64):
        return str(value)
    if field.cpp_type == _ENUM:
        named = field.enum_type.values_by_number.get(value)
        return named.name if named else value
    return base64.b64encode(value).decode() if field.type == _BYTES else value


def fill(message: Any, data: Any) -> None:
    """Put data into a message as Go's encoding/json does: keys spelled as in api.proto, in any case; unknown ones are
    ignored; enumerations and 64-bit integers are numbers. Raises CrictlError for another type.
    """
    fields = {field.name.lower(): field for field in message.DESCRIPTOR.fields}
    if not isinstance(data, dict):
        raise _refused(data, message.DESCRIPTOR.name)
    for key, value in data.items():
        field = fields.get(key.lower())
        if field is None or value is None:
            continue
        place = f"{message.DESCRIPTOR.name}.{field.name}"
        try:
            _set(message, field, value)
        except (TypeError, ValueError, AttributeError):
            raise _refused(value, place) from None


def _set(message: Any, field: Any, value: Any) -> None:
    here = getattr(message, field.name)
    if field.label != _REPEATED:
        if field.cpp_type == _MESSAGE:
            here.SetInParent()
            fill(here, value)
        else:
            setattr(message, field.name, value)
    elif field.cpp_type != _MESSAGE:
        here.extend(value)
    elif field.message_type.GetOptions().map_entry:
        here.update(value)
    else:
        for each in value:
            fill(here.add(), each)


def _refused(value: Any, place: str) -> CrictlError:
    kind = {str: "string", bool: "bool", list: "array", dict: "object"}.get(type(value), "number")
    what = f"json: cannot unmarshal {kind} into Go struct field {place}"
    return CrictlError(f"error unmarshaling JSON: while decoding JSON: {what} ({quoted(str(value))})")
