# SPDX-License-Identifier: GPL-3.0-or-later
"""The command crio of the stand-in: `crio config`, `crio version`, and the daemon."""

import os
import sys

VERSION = "1.37.0"
CONFIG = "/etc/crio/crio.conf"
CONFIG_DIRECTORY = "/etc/crio/crio.conf.d"
USAGE = "NAME:\n   crio - OCI-based implementation of Kubernetes Container Runtime Interface"
VERSION_TEXT = f"""{VERSION}
   GitCommit:        none, this is the stand-in for CRI-O of a test bed
   Platform:         linux
   Linkmode:         Python {sys.version.split()[0]} over containerd"""


def main(arguments):
    """Run the command; return the exit code."""
    if arguments[:1] in (["--version"], ["-v"]):
        print(f"crio version {VERSION_TEXT}")
        return 0
    # Imported late: `crio --version` is asked in every run of a role.
    from crio_journal import Journal
    from crio_options import OptionError, parse

    journal = Journal()
    try:
        options, rest = parse(arguments, os.environ)
    except OptionError as error:
        print(f"Incorrect Usage: {error}\n\n{USAGE}")
        journal.fatal(str(error))
        return 1
    return _run(options, rest, journal)


def _run(options, rest, journal):
    from crio_checks import Refused

    if rest[:1] == ["version"]:
        print(f"Version:          {VERSION_TEXT}")
        return 0
    try:
        settings = load(options, journal)
        _apply_log_options(settings, options, journal)
        if rest[:1] == ["config"]:
            return _config(settings, rest[1:], journal)
        journal.info(f"Starting CRI-O, version: {VERSION}, git: stand-in(clean)")
        if rest:
            raise Refused(f'command "{rest[0]}" not supported')
    except Refused as error:
        journal.fatal(str(error))
        return 1
    from crio_daemon import run
    from crio_registries import Places

    places = Places(options.get("registries-conf", ""), options.get("registries-conf-dir", ""))
    return run(settings, lambda: reread(options, journal), journal, places)


def _config(settings, arguments, journal):
    """Print what `crio config` prints. Raises Refused."""
    import crio_settings
    from crio_checks import Refused, check
    from crio_template import to_template

    everything = arguments[:1] in (["--default"], ["-default"])
    if arguments and arguments[0].startswith("-") and not everything:
        told = f"flag provided but not defined: -{arguments[0].lstrip('-')}"
        print(f"Incorrect Usage: {told}\n\n{USAGE}")
        raise Refused(told)
    # CRI-O logs without time here, and at a level of its own.
    journal.timestamps = journal.places = journal.as_json = False
    journal.set_level("info")
    if everything:
        settings = crio_settings.defaults()
    check(settings, journal)
    print(to_template(settings, everything), end="")
    return 0


def load(options, journal):
    """Return the settings from files and options. Raises crio_checks.Refused with CRI-O's message."""
    import crio_settings
    from crio_checks import Refused
    from crio_settings import TomlError

    settings = crio_settings.defaults()
    path = options.get("config", CONFIG)
    before = "get and merge config from context: update config from"
    if path:
        journal.info(f"Updating config from single file: {path}")
        journal.info(f"Updating config from drop-in file: {path}")
        try:
            crio_settings.merge_file(settings, path)
        except FileNotFoundError:
            journal.info(f'Skipping not-existing config file "{path}"')
            if "config" in options:
                told = f"open {path}: no such file or directory"
                raise Refused(f"{before} file: update config from drop-in file: {told}") from None
        except (OSError, TomlError) as error:
            raise Refused(f"{before} file: update config from drop-in file: {_told(error, path)}") from None
    _merge_directory(settings, options.get("config-dir", CONFIG_DIRECTORY), f"{before} path", journal)
    settings.values.update({name: value for name, value in options.items() if name in crio_settings.KEYS})
    for entry in options.get(crio_settings.HANDLERS, []):
        name, handler = _handler(entry)
        settings.handlers[name] = handler
    return settings


def _handler(entry):
    """Parse a handler of --runtimes, name:path:root[:type[:privileged[:configuration[:memory]]]]. Raises Refused."""
    import crio_settings
    from crio_checks import Refused

    fields = entry.split(":")
    if not 3 <= len(fields) <= 7:
        raise Refused(f'get and merge config from context: invalid format for --runtimes: "{entry}"')
    name, path, root, kind, privileged, configuration, memory = [
        *fields,
        *["oci", "", "", ""][len(fields) - 3 :],
    ]
    if len(fields) == 7 and not crio_settings.SIZE.fullmatch(memory):
        told = f"invalid value \"{memory}\" for --runtimes:container_min_memory: invalid size: '{memory}'"
        raise Refused(f"get and merge config from context: {told}")
    return name, crio_settings.handler(
        runtime_path=path,
        runtime_root=root,
        runtime_type=kind,
        privileged_without_host_devices=privileged == "true",
        runtime_config_path=configuration,
        container_min_memory=memory,
    )


def _merge_directory(settings, directory, before, journal):
    import crio_settings
    from crio_checks import Refused
    from crio_settings import TomlError

    journal.info(f"Updating config from path: {directory}")
    for path in _walk(directory) if os.path.exists(directory) else []:
        journal.info(f"Updating config from drop-in file: {path}")
        try:
            crio_settings.merge_file(settings, path)
        except (OSError, TomlError) as error:
            raise Refused(f"{before}: walk path: {_told(error, path)}") from None


def _told(error, path):
    if not isinstance(error, OSError):
        return str(error)
    step = "read" if isinstance(error, IsADirectoryError) else "open"
    return f"{step} {path}: {os.strerror(error.errno).lower()}"


def _walk(path):
    """Yield all files below, in the order of Go's filepath.Walk, which does not follow links, including the first name."""
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)):
            yield from _walk(os.path.join(path, name))
    else:
        yield path


def _apply_log_options(settings, options, journal):
    from crio_checks import Refused
    from crio_journal import LevelError

    kind = options.get("log-format", "text")
    try:
        journal.set_level(settings["crio.runtime.log_level"])
        journal.set_filter(settings["crio.runtime.log_filter"])
        if options.get("log"):
            journal.stream = open(options["log"], "a", encoding="utf-8")
    except LevelError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(_told(error, options["log"])) from None
    if kind not in ("text", "json"):
        raise Refused(f'unknown log-format "{kind}"')
    journal.as_json = kind == "json"


def reread(options, journal):
    """Return the settings for a reload: the files are read again, and options are discarded, as in CRI-O (cri-o#7586)."""
    from crio_checks import Refused

    kept = {name: value for name, value in options.items() if not name.startswith("crio.")}
    path = kept.get("config", CONFIG)
    if not os.path.exists(path):
        journal.info(f'Skipping not-existing config file "{path}"')
        kept["config"] = ""
    try:
        return load(kept, journal)
    except Refused as error:
        told = str(error).removeprefix("get and merge config from context: ")
        raise Refused(told.replace("update config from file", "update config from single file")) from None
