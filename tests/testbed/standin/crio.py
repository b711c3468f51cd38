# SPDX-License-Identifier: GPL-3.0-or-later
"""The command crio of the stand-in: `crio config`, `crio version`, and the daemon."""

import os
import sys

VERSION = "1.37.0"
CONFIG = "/etc/crio/crio.conf"
CONFIG_DIRECTORY = "/etc/crio/crio.conf.d"
VERSION_TEXT = f"""{VERSION}
   GitCommit:        none, this is the stand-in for CRI-O of a test bed
   Platform:         linux
   Linkmode:         Python {sys.version.split()[0]} over containerd"""


def main(arguments):
    """Run the command; returns the exit code."""
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
        print("NAME:\n   crio - OCI-based implementation of Kubernetes Container Runtime Interface")
        journal.fatal(str(error))
        return 1
    return _run(options, rest, journal)


def _run(options, rest, journal):
    from crio_checks import Refused, check
    from crio_shown import to_toml

    if rest[:1] == ["version"]:
        print(f"Version:          {VERSION_TEXT}")
        return 0
    try:
        settings = load(options, journal)
        _apply_log_options(settings, journal)
        if rest[:1] == ["config"]:
            check(settings, journal)
            print(to_toml(settings), end="")
            return 0
        journal.info(f"Starting CRI-O, version: {VERSION}, git: stand-in(clean)")
        if rest:
            raise Refused(f'command "{rest[0]}" not supported')
    except Refused as error:
        journal.fatal(str(error))
        return 1
    from crio_daemon import run

    return run(settings, lambda: reread(options, journal), journal)


def load(options, journal):
    """The settings from files and options. Raises crio_checks.Refused in CRI-O's words."""
    import crio_settings
    from crio_checks import Refused
    from crio_settings import TomlError

    settings = crio_settings.defaults()
    path = options.get("config", CONFIG)
    before = "get and merge config from context: update config from"
    if path:
        try:
            crio_settings.merge_file(settings, path)
        except FileNotFoundError:
            journal.info(f'Skipping not-existing config file "{path}"')
            if "config" in options:
                told = f"open {path}: no such file or directory"
                raise Refused(f"{before} file: update config from drop-in file: {told}") from None
        except (OSError, TomlError) as error:
            raise Refused(f"{before} file: update config from drop-in file: {error}") from None
    _merge_directory(settings, options.get("config-dir", CONFIG_DIRECTORY), f"{before} path", journal)
    settings.values.update({name: value for name, value in options.items() if name.startswith("crio.")})
    return settings


def _merge_directory(settings, directory, before, journal):
    import crio_settings
    from crio_checks import Refused
    from crio_settings import TomlError

    journal.info(f"Updating config from path: {directory}")
    for path in _walk(directory):
        journal.info(f"Updating config from drop-in file: {path}")
        try:
            crio_settings.merge_file(settings, path)
        except IsADirectoryError:
            raise Refused(f"{before}: walk path: read {path}: is a directory") from None
        except (OSError, TomlError) as error:
            raise Refused(f"{before}: walk path: {_told(error, path)}") from None


def _told(error, path):
    return f"open {path}: {error.strerror.lower()}" if isinstance(error, OSError) else str(error)


def _walk(directory):
    """Every file below, whatever its name, in the order of Go's filepath.Walk; symbolic links are not followed as folders."""
    if os.path.isdir(directory):
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if os.path.isdir(path) and not os.path.islink(path):
                yield from _walk(path)
            else:
                yield path


def _apply_log_options(settings, journal):
    from crio_checks import Refused
    from crio_journal import LevelError

    try:
        journal.set_level(settings["crio.runtime.log_level"])
        journal.set_filter(settings["crio.runtime.log_filter"])
    except LevelError as error:
        raise Refused(str(error)) from None


def reread(options, journal):
    """The settings for a reload: the files anew, the options forgotten, as CRI-O does it (cri-o#7586)."""
    from crio_checks import Refused

    kept = {name: value for name, value in options.items() if not name.startswith("crio.")}
    try:
        return load(kept, journal)
    except Refused as error:
        told = str(error).removeprefix("get and merge config from context: ")
        raise Refused(told.replace("update config from file", "update config from single file")) from None
