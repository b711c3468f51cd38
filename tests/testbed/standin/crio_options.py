# SPDX-License-Identifier: GPL-3.0-or-later
"""crio's options and the environment variables that stand for them."""

from crio_settings import KEYS

# Most options are called as their key; these are not. The key log_dir and its like share a name with no other key.
OTHER_NAMES = {
    "storage-opt": "crio.storage_option",
    "insecure-registry": "crio.image.insecure_registries",
    "log-journald": "crio.runtime.log_to_journald",
    "cni-config-dir": "crio.network.network_dir",
    "cni-plugin-dir": "crio.network.plugin_dirs",
    "checkpoint-restore-container-level-enabled": "crio.checkpoint_restore.container_level_enabled",
}
LETTERS = {
    "c": "config", "d": "config-dir", "l": "log-level", "r": "root", "s": "storage-driver", "tz": "timezone",
}  # fmt: skip
# Options that are no key of crio.conf, and whether they take a value.
PLAIN = {"config": True, "config-dir": True, "log": True, "log-format": True, "registries-conf": True,
         "registries-conf-dir": True, "profile": False, "profile-cpu": True, "profile-mem": True, "profile-port": True,
         "enable-profile-unix-socket": False}  # fmt: skip


class OptionError(Exception):
    """An option that crio does not have, or a value that it does not take; the message is crio's."""


def _names():
    names = {key.rpartition(".")[2].replace("_", "-"): key for key in KEYS}
    return {**{name: key for name, key in names.items() if key not in OTHER_NAMES.values()}, **OTHER_NAMES}


NAMES = _names()


def parse(arguments, environment):
    """Part the command line: ({key of crio.conf or plain option: value}, [command, ...]). Raises OptionError."""
    options = {}
    for name in [*NAMES, *PLAIN]:
        variable = f"CONTAINER_{name.upper().replace('-', '_')}"
        if environment.get(variable):
            _set(options, name, environment[variable])
    words = list(arguments)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        name = LETTERS.get(name, name)
        if name not in NAMES and name not in PLAIN:
            raise OptionError(f"flag provided but not defined: -{name}")
        if not equals:
            takes_value = PLAIN[name] if name in PLAIN else KEYS[NAMES[name]].kind != "boolean"
            if takes_value and not words:
                raise OptionError(f"flag needs an argument: -{name}")
            value = words.pop(0) if takes_value else "true"
        _set(options, name, value)
    return options, words


def _set(options, name, text):
    if name in PLAIN:
        options[name] = text
        return
    key = KEYS[NAMES[name]]
    options[key.name] = _typed(key.kind, name, text)


def _typed(kind, name, text):
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise OptionError(f'invalid value "{text}" for flag -{name}: parse error') from None
    if kind == "boolean":
        if text.lower() not in ("true", "false", "1", "0", "t", "f"):
            raise OptionError(f'invalid boolean value "{text}" for -{name}: parse error')
        return text.lower() in ("true", "1", "t")
    return text.split(",") if kind == "list" else text
