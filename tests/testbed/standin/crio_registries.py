# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.conf as the daemon has loaded it: the files at its start or its last reload, not the current ones.

skopeo reads these files at each start, CRI-O does not. So skopeo runs in a mount namespace of its own, where
/etc/containers has the remembered files; all else in it is today's, as CRI-O reads it anew for each pull.
"""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass

from containerd import STATE

CONTAINERS = "/etc/containers"
_VIEW, _TODAY = f"{STATE}/registries", f"{STATE}/containers"
_NAMES = ("registries.conf", "registries.conf.d")
_ENTER = 'mount --bind "$1" "$2" && mount --bind "$3" "$1" && shift 3 && exec skopeo "$@"'
_ALIASES = "/var/cache/containers/short-name-aliases.conf"


class RegistriesError(Exception):
    """The files cannot be used; the message is that of the library that CRI-O uses."""


@dataclass(frozen=True)
class Places:
    """The paths of the registries configuration: options --registries-conf and --registries-conf-dir, "" where not given."""

    conf: str = ""
    folder: str = ""

    def main(self):
        """The main file, which may not exist: that of root takes precedence over that of the system."""
        own = f"{_own()}/registries.conf"
        return self.conf or (own if os.path.exists(own) else f"{CONTAINERS}/registries.conf")

    def drop_ins(self):
        """The drop-ins, which are read after it."""
        folders = [f"{CONTAINERS}/registries.conf.d", f"{_own()}/registries.conf.d"]
        if self.folder:
            folders = [self.folder]
        elif not self.conf and self.main().startswith(_own()):
            folders = folders[1:]
        for folder in filter(os.path.isdir, folders):
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if name.endswith(".conf") and not (os.path.isdir(path) and not os.path.islink(path)):
                    yield path


SYSTEM = Places()


def _own():
    return os.path.join(os.environ.get("HOME") or os.path.expanduser("~root"), ".config/containers")


def check(places=SYSTEM):
    """Validate the current files with skopeo, which then fails to connect to an unused port. Raises RegistriesError."""
    if places == SYSTEM:
        _judge(os.environ, {})
        return
    main = places.main()
    if places.conf and not os.path.exists(main):
        told = f"open {main}: no such file or directory"
        raise RegistriesError(f'loading registries configuration "{main}": {told}')
    with tempfile.TemporaryDirectory(prefix="crio-standin-") as home:
        # skopeo has no option for the folder; what lies below HOME is read instead of all that lies elsewhere.
        shown = os.path.join(home, ".config/containers")
        os.makedirs(f"{shown}/registries.conf.d")
        names = {f"{shown}/registries.conf": main}
        for number, path in enumerate(places.drop_ins()):
            names[f"{shown}/registries.conf.d/{number:04}.conf"] = path
        for link, path in names.items():
            os.symlink(path if os.path.exists(path) else os.devnull, link)
        _judge({**os.environ, "HOME": home}, names)


def _judge(environment, names):
    command = ["skopeo", "inspect", "--raw", "docker://127.0.0.1:1/registries-check"]
    said = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
        check=False,
    ).stderr
    # skopeo's own words before the library's, which name the file, are left out.
    found = re.search(r'(loading (?:drop-in )?registries configuration \\".*)"\s*$', said, re.DOTALL)
    if found:
        told = found[1].replace('\\"', '"').replace("\\\\", "\\")
        # The longest first: the one file's name begins the names of the others.
        for shown, path in sorted(names.items(), reverse=True):
            told = told.replace(shown, path)
        raise RegistriesError(told)


def remember(places=SYSTEM):
    """Load the current files. Raises RegistriesError, and keeps the loaded ones then."""
    check(places)
    shutil.rmtree(_VIEW, ignore_errors=True)
    os.makedirs(f"{_VIEW}/registries.conf.d")
    os.makedirs(_TODAY, exist_ok=True)
    if places == SYSTEM:
        # Under their own names: root's own files are read anew for each pull.
        for path in _files(CONTAINERS):
            shutil.copy(path, os.path.join(_VIEW, os.path.relpath(path, CONTAINERS)))
        return
    if os.path.exists(places.main()):
        shutil.copy(places.main(), f"{_VIEW}/registries.conf")
    for number, path in enumerate(places.drop_ins()):
        shutil.copy(path, f"{_VIEW}/registries.conf.d/{number:04}.conf")


def _files(folder):
    main, drop_ins = (os.path.join(folder, name) for name in _NAMES)
    if os.path.exists(main):
        yield main
    if os.path.isdir(drop_ins):
        yield from (
            os.path.join(drop_ins, name) for name in sorted(os.listdir(drop_ins)) if name.endswith(".conf")
        )


def skopeo(*arguments):
    """Run skopeo with the loaded files; return the completed process."""
    command = ["skopeo", *arguments]
    if os.path.isdir(CONTAINERS):
        _link_the_rest()
        command = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", CONTAINERS, _TODAY, _VIEW, *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def _link_the_rest():
    wanted = set(os.listdir(CONTAINERS)) - set(_NAMES)
    for name in set(os.listdir(_VIEW)) - wanted - set(_NAMES):
        os.unlink(os.path.join(_VIEW, name))
    for name in wanted - set(os.listdir(_VIEW)):
        os.symlink(os.path.join(_TODAY, name), os.path.join(_VIEW, name))


def search():
    """Return (search registries, {short name: full name}) of the loaded files."""
    registries, aliases = [], {}
    for path in [*_files(_VIEW), *([_ALIASES] if os.path.exists(_ALIASES) else [])]:
        with open(path, "rb") as file:
            data = tomllib.load(file)
        registries = data.get("unqualified-search-registries", registries)
        aliases.update(data.get("aliases", {}))
    return registries, {name: full for name, full in aliases.items() if full}
