# SPDX-License-Identifier: GPL-3.0-or-later
"""crio's options and the environment variables that stand for them, read as its library (urfave/cli) does."""

from crio_settings import DURATION, HANDLERS, KEYS

# Most options are called as their key; these are not. The key log_dir and its like share a name with no other key.
OTHER_NAMES = {
    "storage-opt": "crio.storage_option",
    "insecure-registry": "crio.image.insecure_registries",
    "log-journald": "crio.runtime.log_to_journald",
    "cni-config-dir": "crio.network.network_dir",
    "cni-plugin-dir": "crio.network.plugin_dirs",
    "checkpoint-restore-container-level-enabled": "crio.checkpoint_restore.container_level_enabled",
    "runtimes": HANDLERS,
}
WITHOUT_OPTION = ("crio.network.plugin_dir",)
LETTERS = {
    "c": "config", "d": "config-dir", "l": "log-level", "r": "root", "s": "storage-driver", "tz": "timezone",
}  # fmt: skip
# Options that are no key of crio.conf, and what they take.
PLAIN = {"config": "string", "config-dir": "string", "log": "string", "log-format": "string", "registries-conf": "string",
         "registries-conf-dir": "string", "profile": "boolean", "profile-cpu": "string", "profile-mem": "string",
         "profile-port": "integer", "enable-profile-unix-socket": "boolean", "address": "string"}  # fmt: skip
# Most variables are called CONTAINER_ and the option's name; these are not.
OTHER_VARIABLES = {
    "separate-pull-cgroup": ["PULL_IN_A_CGROUP"],
    "cni-status-grace-period": ["CNI_STATUS_GRACE_PERIOD"],
    "enable-profile-unix-socket": ["ENABLE_PROFILE_UNIX_SOCKET"],
    "auto-reload-registries": ["AUTO_RELOAD_REGISTRIES"],
    "min-injected-gomaxprocs": ["CONTAINER_INJECT_GOMAXPROCS"],
    "container-attach-socket-dir": ["CONTAINER_ATTACH_SOCKET_DIR"],
    "container-exits-dir": ["CONTAINER_EXITS_DIR"],
    "ctr-stop-timeout": ["CONTAINER_STOP_TIMEOUT"],
    "stream-enable-tls": ["CONTAINER_ENABLE_TLS"],
    "stream-tls-ca": ["CONTAINER_TLS_CA"],
    "stream-tls-cert": ["CONTAINER_TLS_CERT"],
    "stream-tls-key": ["CONTAINER_TLS_KEY"],
    "stream-idle-timeout": ["STREAM_IDLE_TIMEOUT"],
    "oci-artifact-mount-support": ["CONTAINER_OCI_ARTIFACT_SUPPORT"],
    "collection-period": ["COLLECTION_PERIOD"],
    "included-pod-metrics": ["CONTAINER_INCLUDED_POD_METRCIS", "CONTAINER_INCLUDED_POD_METRICS"],
    "enable-pod-events": ["ENABLE_POD_EVENTS"],
    "disable-hostport-mapping": ["DISABLE_HOSTPORT_MAPPING"],
    "timezone": ["CONTAINER_TIME_ZONE"],
}
# Options that no variable stands for, beside all that begin with nri- or nri's name.
WITHOUT_VARIABLE = (
    "address decryption-keys-path additional-artifact-stores blockio-config-file blockio-reload irqbalance-config-file "
    "irqbalance-config-restore-file rdt-config-file enable-nri device-ownership-from-security-context"
).split()
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_BASES = {"0x": 16, "0b": 2, "0o": 8}


class OptionError(Exception):
    """An unknown option or an invalid value; the message is crio's."""


def _names():
    names = {key.rpartition(".")[2].replace("_", "-"): key for key in KEYS if key not in WITHOUT_OPTION}
    return {**{name: key for name, key in names.items() if key not in OTHER_NAMES.values()}, **OTHER_NAMES}


NAMES = _names()


def variables(name):
    """Return the environment variables of an option; the first one that is set is used, even if it is empty."""
    if name in WITHOUT_VARIABLE or name.startswith("nri-"):
        return []
    return OTHER_VARIABLES.get(name, [f"CONTAINER_{name.upper().replace('-', '_')}"])


def parse(arguments, environment):
    """Split the command line: ({key of crio.conf or plain option: value}, [command, ...]). Raises OptionError."""
    options = {}
    for name in [*NAMES, *PLAIN]:
        for variable in variables(name):
            if variable in environment:
                _set_from_variable(options, name, variable, environment[variable])
                break
    words, lists = list(arguments), set()
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if not name or name.startswith("-"):
            raise OptionError(f"bad flag syntax: {word}")
        given, name = name, LETTERS.get(name, name)
        if name not in NAMES and name not in PLAIN:
            raise OptionError(f"flag provided but not defined: -{name}")
        kind = _kind(name)
        if not equals:
            if kind != "boolean" and not words:
                raise OptionError(f"flag needs an argument: -{given}")
            value = words.pop(0) if kind != "boolean" else "true"
        if kind == "list" and name in lists:
            options[_key(name)] = options[_key(name)] + _typed(kind, given, value)
            continue
        lists.add(name)
        options[_key(name)] = _typed(kind, given, value)
    return options, words


def _key(name):
    return NAMES.get(name, name)


def _kind(name):
    if name == "runtimes":
        return "list"
    return PLAIN[name] if name in PLAIN else KEYS[NAMES[name]].kind


def _set_from_variable(options, name, variable, text):
    kind = _kind(name)
    if not text and kind in ("integer", "duration"):
        return  # as if it were not set
    if not text and kind == "boolean":
        text = "false"
    try:
        options[_key(name)] = _typed(kind, name, text)
    except OptionError:
        what = {"integer": "int", "boolean": "bool"}.get(kind, kind)
        reason = {"integer": "strconv.ParseInt", "boolean": "strconv.ParseBool"}.get(kind)
        told = f'{reason}: parsing "{text}": invalid syntax' if reason else f'time: invalid duration "{text}"'
        where = f'environment variable "{variable}" for flag {name}'
        raise OptionError(f'could not parse "{text}" as {what} value from {where}: {told}') from None


def _typed(kind, name, text):
    if kind == "integer":
        try:
            return int(text, _BASES.get(text.lstrip("+-")[:2].lower(), 8 if _is_octal(text) else 10))
        except ValueError:
            raise OptionError(f'invalid value "{text}" for flag -{name}: parse error') from None
    if kind == "boolean":
        if text not in (*_TRUE, *_FALSE):
            raise OptionError(f'invalid boolean value "{text}" for -{name}: parse error')
        return text in _TRUE
    if kind == "duration" and not DURATION.fullmatch(text):
        raise OptionError(f'invalid value "{text}" for flag -{name}: parse error')
    return [each.strip() for each in text.split(",")] if kind == "list" else text


def _is_octal(text):
    bare = text.lstrip("+-")
    return len(bare) > 1 and bare.startswith("0")
