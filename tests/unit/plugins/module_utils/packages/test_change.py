# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the node's half of crio_packages below a temporary root, with commands that do what apt and dpkg do to its files."""

import json
import os

import pytest

from ansible_collections.cri.node.plugins.module_utils import program
from ansible_collections.cri.node.plugins.module_utils.crio import service as crio_service
from ansible_collections.cri.node.plugins.module_utils.errors import NodeError
from ansible_collections.cri.node.plugins.module_utils.layout import Layout
from ansible_collections.cri.node.plugins.module_utils.packages import change, held_service
from ansible_collections.cri.node.plugins.plugin_utils.install import desired, openpgp, platforms

KEY = openpgp.read(bytes([0x99, 0, 20]) + b"\x04" + bytes(19))
SOURCES = "etc/apt/sources.list.d/cri-node-crio.sources"
ASC = "etc/apt/keyrings/cri-node-crio.asc"
CREDENTIALS = "etc/apt/auth.conf.d/cri-node-crio.conf"
INTENT, RECORD = "var/lib/cri-node/packages-install.json", "var/lib/cri-node/packages.json"
DROP_IN = "run/systemd/system/crio.service.d/60-cri-node-packages.conf"


class Killed(BaseException):
    """The process ends here, as after a SIGKILL: nothing is undone."""


class Debian:
    """A node below a folder. repository: {package: versions}. fails: {beginning of a command: (status, what it prints)}."""

    def __init__(self, root):
        self.root, self.layout = root, Layout(str(root))
        self.repository = {"cri-o": ["1.36.3-1.1", "1.36.2-1.1"], "cri-tools": ["1.36.0-1.1"]}
        self.packages = {}  # name: [version, status]
        self.fails = {}
        self.killed_at = ""
        self.calls = []
        self.audit = ""
        for path, text in {"etc/os-release": "ID=debian\nVERSION_ID=13\n", "usr/bin/true": ""}.items():
            self.write(path, text)

    def write(self, path, text):
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def run(self, arguments, *_more, **_options):
        self.calls.append(list(arguments))
        line = " ".join(arguments)
        if self.killed_at and self.killed_at in line:
            raise Killed
        for words, answer in self.fails.items():
            if words in line:
                for each in arguments[arguments.index("install") + 1 :] if "install" in arguments else []:
                    # apt-get marks a package for installation before it begins.
                    self.packages.get(each.partition("=")[0], ["", ""])[1] = "ii"
                return (*answer, "") if len(answer) == 2 else answer
        return 0, self.answer(arguments) or "", ""

    def answer(self, arguments):
        name = arguments[0]
        if name == "dpkg-query" and arguments[1] == "-W":
            return "".join(
                f"{each}\t{self.packages[each][0]}\t{self.packages[each][1]} \n"
                for each in arguments[3:] or self.packages  # without a name, all of them
                if each in self.packages
            )
        if name == "dpkg-query":
            return "cri-o: /usr/bin/crio\n"
        if name == "dpkg":
            text, self.audit = self.audit, "" if "--configure" in arguments else self.audit
            return text
        if name == "apt-cache":
            wanted = arguments[arguments.index("madison") + 1 :]
            return "".join(
                f"{each} | {version} | x\n" for each in wanted for version in self.repository.get(each, [])
            )
        if name == "apt-mark":
            for each in arguments[2:]:
                self.packages[each][1] = "hi" if arguments[1] == "hold" else "ii"
        if name == "apt-get" and "install" in arguments and "-s" not in arguments:
            assert (self.root / DROP_IN).exists(), "the package could start the service"
            for each in arguments[arguments.index("install") + 1 :]:
                package, _equals, version = each.partition("=")
                self.packages[package] = [version, self.packages.get(package, ["", "ii"])[1]]
            self.write("usr/bin/crio", "a program")
        return ""

    def files(self):
        """Return everything below the root: {path: (mode, content)}."""
        return {
            str(path.relative_to(self.root)): (
                path.stat().st_mode,
                path.read_text() if path.is_file() else None,
            )
            for path in sorted(self.root.rglob("*"))
            if not str(path.relative_to(self.root)).startswith("run")
        }


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Debian(tmp_path / "root")

    class Service:
        binary = property(
            lambda _self: (
                str(tmp_path / "root/usr/bin/crio") if (tmp_path / "root/usr/bin/crio").exists() else None
            )
        )

    monkeypatch.setattr(program, "run", made.run)
    monkeypatch.setattr(crio_service, "CrioService", Service)
    monkeypatch.setattr(crio_service, "version_of", lambda _binary: "1.36.3")
    monkeypatch.setattr(change, "_is_there", lambda _method: True)
    monkeypatch.setattr(time_module(), "sleep", lambda _seconds: None)
    return made


def time_module():
    from ansible_collections.cri.node.plugins.module_utils.packages import manager

    return manager.time


def options(**more):
    repository = {
        "url": "https://mirror.example.com/{minor}/",
        "key": KEY.armored(),
        **more.pop("repository", {}),
    }
    plain = {
        "version": "1.36",
        "packages": None,
        "hold": True,
        "lock_timeout": 0,
        "repository": repository,
        **more,
    }
    assert list(desired.problems(plain)) == []
    return desired.Desired(plain)


def joined(request, secrets):
    for each in request.get("files", []):
        each["content"] = secrets["secret_contents"].get(each["path"], each["content"])
    for files in request.get("methods", {}).values():
        for each in files:
            each["sha256"] = secrets["secret_hashes"].get(each["path"], each["sha256"])
    return request


def read(node, wanted, check=False):
    return change.read(node.layout, joined(*wanted.reading()), check)


def install(node, wanted, folder, check=False):
    folder.mkdir(exist_ok=True)
    place = folder / str(len(os.listdir(folder)))
    place.mkdir()
    return change.install(node.layout, joined(*wanted.installing("apt", KEY)), str(place), check)


def test_an_installation_is_predicted_and_made_and_read_as_settled(node, tmp_path):
    wanted, before = options(), node.files()
    predicted = install(node, wanted, tmp_path / "folders", check=True)
    assert node.files().keys() - before.keys() <= {"run"}
    done = install(node, wanted, tmp_path / "folders")
    assert predicted == done
    assert done["versions"] == {"cri-o": "1.36.3-1.1", "cri-tools": "1.36.0-1.1"}
    assert (node.root / ASC).read_text() == KEY.armored()
    assert not (node.root / CREDENTIALS).exists()
    assert not (node.root / DROP_IN).exists()
    assert not (node.root / INTENT).exists()
    assert node.packages["cri-o"] == ["1.36.3-1.1", "hi"]
    found = read(node, wanted)
    assert (found["as_desired"], found["held"], found["interrupted"]) == (True, ["cri-o", "cri-tools"], False)
    assert found["crio"] == {"binary": str(node.root / "usr/bin/crio"), "owner": "cri-o", "version": None}
    again = install(node, wanted, tmp_path / "folders")
    assert again["changed"] is False


def test_the_index_is_read_before_anything_is_written(node, tmp_path):
    install(node, options(), tmp_path / "folders")
    first = next(call for call in node.calls if call[:2] == ["apt-get", "update"])
    assert any(word.startswith(f"Dir::State::lists={tmp_path}/folders") for word in first)
    updates = [call for call in node.calls if call[:2] == ["apt-get", "update"]]
    assert len(updates) == 2
    assert "Dir::Etc::sourceparts=-" in updates[1]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("apt-get update", "reading the index of the repository failed: E: no"),
        ("madison", "reading the versions in the repository failed: E: no"),
        ("-s -o", "the installation failed: E: no"),
    ],
)
def test_what_fails_before_the_change_leaves_nothing(node, tmp_path, at, message):
    before = node.files()
    node.fails = {at: (100, "Reading...\nE: no\n")}
    for check in (True, False):
        with pytest.raises(NodeError, match=message):
            install(node, options(), tmp_path / "folders", check)
        assert {path for path in node.files() if not path.startswith("var")} == {
            path for path in before if not path.startswith("var")
        }
        assert not (node.root / INTENT).exists()


@pytest.mark.parametrize("at", ["-q -o DPkg::Lock", "apt-mark hold"])
@pytest.mark.parametrize("replaced", [False, True])
def test_what_fails_after_files_were_written_puts_them_back(node, tmp_path, at, replaced):
    if replaced:
        node.write(SOURCES, "# of an earlier run\n")
        node.write(CREDENTIALS, "machine x login y password z\n")
        os.chmod(node.root / CREDENTIALS, 0o600)
    before = node.files()
    node.fails = {at: (100, "E: no space\n")}
    with pytest.raises(NodeError, match=r"E: no space\. The files of repositories are as before"):
        install(node, options(), tmp_path / "folders")
    after = node.files()
    for path in (SOURCES, ASC, CREDENTIALS, "etc/apt/keyrings"):
        assert after.get(path) == before.get(path), path
    assert not (node.root / INTENT).exists()
    assert not (node.root / DROP_IN).exists()


@pytest.mark.parametrize("at", ["apt-get update", "-q -o DPkg::Lock", "apt-mark hold", "dpkg-query -S"])
def test_a_run_that_is_killed_is_ended_by_the_next_one(node, tmp_path, at):
    wanted = options()
    node.killed_at = at
    with pytest.raises(Killed):
        install(node, wanted, tmp_path / "folders")
    node.killed_at = ""
    assert (node.root / DROP_IN).exists()
    predicted = read(node, wanted, check=True)
    assert (predicted["interrupted"], (node.root / INTENT).exists()) == (True, True)
    found = read(node, wanted)
    assert (found["interrupted"], (node.root / INTENT).exists()) == (True, False)
    assert not (node.root / SOURCES).exists()
    assert not (node.root / DROP_IN).exists()
    assert install(node, wanted, tmp_path / "folders")["changed"] is True
    assert read(node, wanted)["as_desired"] is True


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1, "files": [{"path": "x"}], "directories": []}', '{"format": 9}']
)
def test_a_damaged_intent_is_set_aside(node, text):
    node.write(INTENT, text)
    assert read(node, options())["interrupted"] is True
    assert not (node.root / INTENT).exists()
    assert (node.root / f"{INTENT}.damaged").read_text() == text


def test_what_dpkg_has_not_finished_is_completed_first(node, tmp_path):
    node.audit = "The following packages are only half configured:\n cri-o  runtime\n"
    node.packages["cri-o"] = ["1.36.3-1.1", "iF"]
    predicted = install(node, options(), tmp_path / "folders", check=True)
    assert predicted["completed"] == "dpkg --audit: cri-o  runtime"
    assert not any("--configure" in call for call in node.calls)
    install(node, options(), tmp_path / "folders")
    configure = next(index for index, call in enumerate(node.calls) if "--configure" in call)
    assert configure < next(
        index
        for index, call in enumerate(node.calls)
        if call[:2] == ["apt-get", "update"] and index > configure
    )


def test_a_lock_is_waited_for_and_named(node, tmp_path):
    node.fails = {
        "-q -o DPkg::Lock": (
            100,
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)\n",
        )
    }
    with pytest.raises(
        NodeError,
        match=r"another package manager is still running after 0 s: E: Could not get lock .* process 7",
    ):
        install(node, options(), tmp_path / "folders")


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ({"cri-o": ["1.35.1-1.1"]}, "the repository has no cri-o 1.36; it has: 1.35.1-1.1"),
        ({}, "the repository has no cri-o 1.36; it has: none"),
    ],
)
def test_a_missing_version_is_named(node, tmp_path, repository, message):
    node.repository = repository
    with pytest.raises(NodeError, match=message):
        install(node, options(), tmp_path / "folders", check=True)


def test_only_packages_that_are_named_must_exist(node, tmp_path):
    node.repository = {"cri-o": ["1.36.3-1.1"]}
    with pytest.raises(NodeError, match="the repository has no package cri-tools"):
        install(node, options(packages=["cri-o", "cri-tools"]), tmp_path / "folders", check=True)
    done = install(node, options(), tmp_path / "folders")
    assert done["unavailable"] == ["cri-tools"]
    assert read(node, options())["unavailable"] == ["cri-tools"]
    # For another repository, that is not known.
    assert read(node, options(repository={"url": "https://other.example.com/{minor}/"}))["unavailable"] == []


def test_a_pin_moves_both_ways_and_a_minor_version_does_not(node, tmp_path):
    install(node, options(version="1.36.2"), tmp_path / "folders")
    assert node.packages["cri-o"][0] == "1.36.2-1.1"
    assert install(node, options(), tmp_path / "folders")["changed"] is False
    assert install(node, options(version="1.36.3"), tmp_path / "folders")["installed"] == ["cri-o"]
    assert install(node, options(version="1.36.2"), tmp_path / "folders")["installed"] == ["cri-o"]
    assert node.packages["cri-o"] == ["1.36.2-1.1", "hi"]


def test_what_was_held_before_a_failed_installation_is_held_after_it(node, tmp_path):
    install(node, options(version="1.36.2"), tmp_path / "folders")
    node.fails = {"-q -o DPkg::Lock": (100, "E: no space\n")}
    with pytest.raises(NodeError, match="E: no space"):
        install(node, options(version="1.36.3"), tmp_path / "folders")
    assert node.packages["cri-o"] == ["1.36.2-1.1", "hi"]
    node.packages["cri-o"][1] = "ii"
    with pytest.raises(NodeError, match="E: no space"):
        install(node, options(version="1.36.3"), tmp_path / "folders")
    assert node.packages["cri-o"] == ["1.36.2-1.1", "ii"]


def test_a_first_installation_that_fails_holds_nothing(node, tmp_path):
    node.packages["of-others"] = ["1.0", "ii"]
    node.fails = {"-q -o DPkg::Lock": (100, "E: no space\n")}
    with pytest.raises(NodeError, match="E: no space"):
        install(node, options(), tmp_path / "folders")
    assert [name for name, each in node.packages.items() if each[1] == "hi"] == []


def test_credentials_come_and_go_and_are_never_shown(node, tmp_path):
    url = "https://ops:canary@mirror.example.com/{minor}/"
    done = install(node, options(repository={"url": url}), tmp_path / "folders")
    assert "canary" not in json.dumps(done)
    assert (node.root / CREDENTIALS).stat().st_mode & 0o777 == 0o600
    assert "canary" in (node.root / CREDENTIALS).read_text()
    assert "canary" not in (node.root / RECORD).read_text()
    assert read(node, options(repository={"url": url}))["as_desired"] is True
    assert read(node, options())["as_desired"] is False
    gone = install(node, options(), tmp_path / "folders")
    assert gone["files"] == {"/" + CREDENTIALS: ["", None]}
    assert not (node.root / CREDENTIALS).exists()


def test_a_package_manager_that_only_says_that_it_succeeded_is_a_failure(node, tmp_path):
    real = node.answer
    node.answer = lambda arguments: "" if "install" in arguments else real(arguments)
    with pytest.raises(NodeError, match="reported success, but cri-o is not installed"):
        install(node, options(hold=False), tmp_path / "folders")
    assert not (node.root / SOURCES).exists()


def test_a_link_in_place_of_a_file_is_refused(node, tmp_path):
    (node.root / "etc/apt/sources.list.d").mkdir(parents=True)
    os.symlink("/nowhere", node.root / SOURCES)
    with pytest.raises(NodeError, match="is a symbolic link to /nowhere"):
        install(node, options(), tmp_path / "folders")


@pytest.mark.parametrize(
    ("path", "text", "counts"),
    [
        ("etc/apt/sources.list.d/crio.list", "deb http://a/isv:/cri-o:/stable:/v1.36/deb/ /\n", True),
        (
            "etc/apt/sources.list.d/crio.sources",
            "Types: deb\nURIs: https://a/addons:/cri-o:/x/\nSuites: /\n",
            True,
        ),
        ("etc/apt/sources.list", "deb http://deb/debian trixie main\ndeb http://a/crio/ /\n", True),
        ("etc/apt/sources.list.d/crio.list", "# deb http://a/isv:/cri-o:/ /\n", False),
        ("etc/apt/sources.list.d/crio.list.save", "deb http://a/isv:/cri-o:/ /\n", False),
        ("etc/apt/sources.list.d/x.sources", "Types: deb\nURIs: http://a/cri-o/\nEnabled: no\n", False),
        ("etc/apt/sources.list.d/x.list", "deb http://a/microcrion/ /\n", False),
        (SOURCES, "URIs: http://a/cri-o/\n", False),
    ],
)
def test_repositories_of_others_are_found(node, path, text, counts):
    node.write(path, text)
    assert read(node, options())["others"] == (["/" + path] if counts else [])


def test_the_service_cannot_be_started_while_it_is_held(node):
    held_service.hold(node.layout)
    text = (node.root / DROP_IN).read_text()
    assert "RefuseManualStart=yes" in text
    assert "RefuseManualStop=yes" in text
    held_service.release(node.layout)
    assert not (node.root / DROP_IN).parent.exists()
    assert node.calls == [["systemctl", "daemon-reload"]] * 2


def test_a_node_without_a_known_package_manager_is_reported_as_one(node):
    node.write("etc/os-release", "ID=arch\n")
    found = read(node, options())
    assert (found["method"], found["manager"], found["identity"]["ID"]) == ("", False, "arch")
    assert platforms.METHODS.get("arch") is None
