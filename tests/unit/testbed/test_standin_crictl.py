# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the stand-in's crictl prints the recorded output of the real one for the same answers of a runtime.

Anything that needs gRPC is tested on nodes: tests/integration/test_standin_crictl.py.
"""

import copy
import datetime
import json
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.paths import STANDIN

sys.path.insert(0, str(STANDIN))

import crictl
import crictl_logs
import crictl_messages
import crictl_output
import crictl_tables
from crictl_client import CallError
from crictl_commands import COMMANDS
from crictl_errors import CrictlError, HelpWanted, UsageError, log, log_failed_call
from crictl_options import number, parse, seconds, switch, text, texts
from crictl_settings import GLOBAL_OPTIONS, Settings, read_file, settle

RECORDED = Path(__file__).parents[1] / "fixtures" / "crictl-1.37"
TIMES = ("createdAt", "startedAt", "finishedAt")


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """The recordings are from a node in UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


class FakeClient:
    """Answers each call from `answers`, and records the requests."""

    def __init__(self, **answers):
        self.answers, self.requests, self.settings = answers, [], Settings()

    def connect(self, images=False):
        pass

    def call(self, method, request, timeout=-1, logged=True):
        self.requests.append((method, request))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return copy.deepcopy(answer)

    def fields(self, name):
        return list(
            recorded({"ContainerStatus": "inspect.json", "PodSandboxStatus": "inspectp.json"}[name])["status"]
        )


def run(client, *words):
    name, *rest = words
    command = COMMANDS[name]
    command.run(client, parse(command.options, rest, {}, command.bundles))


def recorded(name):
    return json.loads((RECORDED / name).read_text())


def nanoseconds(written):
    """Invert crictl_output.rfc3339 with another implementation."""
    whole, _separator, fraction = written.removesuffix("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    passed = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (passed.days * 86400 + passed.seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)


def answer_of(document):
    """Return the runtime's answer from which a recorded status document was created."""
    status = {
        key: str(nanoseconds(value))
        if key in TIMES and value != crictl_output.NEVER
        else "0"
        if key in TIMES
        else value
        for key, value in document["status"].items()
    }
    return {"status": status, "info": {"info": json.dumps(document["info"])}}


class TestRecordings:
    @pytest.mark.parametrize(
        ("words", "method", "file"),
        [
            (["ps", "-o", "json"], "ListContainers", "ps.json"),
            (["ps", "-ao", "json"], "ListContainers", "ps-a.json"),
            (["pods", "-o", "json"], "ListPodSandbox", "pods.json"),
            (["images", "-o", "json"], "ListImages", "images.json"),
            (["stats", "-o", "json"], "ListContainerStats", "stats.json"),
            (["statsp", "-o", "json"], "ListPodSandboxStats", "statsp.json"),
        ],
    )
    def test_a_list_is_printed_as_recorded(self, capsys, words, method, file):
        run(FakeClient(**{method: recorded(file)}), *words)
        assert capsys.readouterr().out == (RECORDED / file).read_text()

    @pytest.mark.parametrize("file", ["inspect.json", "inspect-created.json", "inspect-exited.json"])
    def test_a_container_is_printed_as_recorded(self, capsys, file):
        run(FakeClient(ContainerStatus=answer_of(recorded(file))), "inspect", "some-id")
        assert capsys.readouterr().out == (RECORDED / file).read_text()

    def test_a_pod_is_printed_as_recorded(self, capsys):
        run(FakeClient(PodSandboxStatus=answer_of(recorded("inspectp.json"))), "inspectp", "some-id")
        assert capsys.readouterr().out == (RECORDED / "inspectp.json").read_text()

    def test_an_image_is_printed_as_recorded(self, capsys):
        document = recorded("inspecti.json")
        info = {"info": json.dumps(document["info"])}
        run(FakeClient(ImageStatus={"image": document["status"], "info": info}), "inspecti", "some-id")
        assert capsys.readouterr().out == (RECORDED / "inspecti.json").read_text()

    def test_file_systems_are_printed_as_recorded(self, capsys):
        run(FakeClient(ImageFsInfo=recorded("imagefsinfo.json")["status"]), "imagefsinfo")
        assert capsys.readouterr().out == (RECORDED / "imagefsinfo.json").read_text()

    @pytest.mark.parametrize("file", ["info.json", "info-quiet.json", "info-network-notready.json"])
    def test_the_runtime_is_printed_as_recorded(self, capsys, file):
        document = recorded(file)
        handlers = [
            {
                "name": handler.get("name", ""),
                "features": {
                    "recursiveReadOnlyMounts": "recursive_read_only_mounts" in handler["features"],
                    "userNamespaces": "user_namespaces" in handler["features"],
                },
            }
            for handler in document["runtimeHandlers"]
        ]
        answer = {
            "status": document["status"],
            "info": {"config": json.dumps(document["config"])} if "config" in document else {},
            "runtimeHandlers": handlers,
            "features": {"supplementalGroupsPolicy": True, "userNamespacesHostNetwork": True},
        }
        client = FakeClient(Status=answer)
        run(client, "info", *(["-q"] if "config" not in document else []))
        assert capsys.readouterr().out == (RECORDED / file).read_text()
        assert client.requests == [("Status", {"verbose": "config" in document})]

    def test_texts_are_printed_as_recorded(self, capsys):
        words = {
            "version": "0.1.0",
            "runtimeName": "cri-o",
            "runtimeVersion": "1.37.0",
            "runtimeApiVersion": "v1",
        }
        run(FakeClient(Version=words), "version")
        assert capsys.readouterr().out == (RECORDED / "version.txt").read_text()
        run(FakeClient(RuntimeConfig={"linux": {"cgroupDriver": "CGROUPFS"}}), "runtime-config")
        assert capsys.readouterr().out == (RECORDED / "runtime-config.txt").read_text()


class TestDocuments:
    def test_several_documents_are_an_array_and_one_is_an_object(self):
        assert json.loads(crictl_output.document_text([{"a": 1}])) == {"a": 1}
        assert json.loads(crictl_output.document_text([{"a": 1}, {"b": 2}])) == [{"a": 1}, {"b": 2}]

    def test_a_message_that_is_not_set_is_null_in_a_status(self):
        status = {"state": "CONTAINER_RUNNING", "createdAt": "0", "startedAt": "0", "finishedAt": "0"}
        assert crictl_output.container_status(status, ["user", "state"])["user"] is None

    def test_an_unknown_container_has_ended_only_if_the_runtime_knows_when(self):
        status = {"state": "CONTAINER_UNKNOWN", "createdAt": "0", "startedAt": "0", "finishedAt": "0"}
        assert crictl_output.container_status(status, [])["finishedAt"] == crictl_output.NEVER
        assert crictl_output.container_status(status | {"finishedAt": "1"}, [])["finishedAt"].startswith(
            "1970-01-01T"
        )

    @given(st.integers(0, 4 * 10**18))
    def test_a_time_has_only_significant_digits(self, moment):
        written = crictl_output.rfc3339(moment)
        assert nanoseconds(written) == moment
        assert re.fullmatch(r"[\d-]+T[\d:]+(\.\d*[1-9])?Z", written)


class TestLists:
    CONTAINERS = recorded("ps-a.json")

    def test_the_runtime_filters_by_state_and_label_and_pod(self):
        client = FakeClient(ListContainers={"containers": []})
        run(client, "ps", "--state", "Exited", "--label", "a=b,c=d", "-p", "pod", "-q")
        expected = {"label_selector": {"a": "b", "c": "d"}, "pod_sandbox_id": "pod", "state": {"state": 2}}
        assert client.requests == [("ListContainers", {"filter": expected})]

    def test_only_running_containers_are_listed_without_all_or_last(self):
        for words, state in (
            (["ps"], {"state": 1}),
            (["ps", "-a"], None),
            (["ps", "-l"], None),
            (["ps", "-n", "3"], None),
        ):
            client = FakeClient(ListContainers={"containers": []})
            run(client, *words)
            assert client.requests[0][1]["filter"].get("state") == state

    @pytest.mark.parametrize(
        ("words", "names"),
        [
            ([], ["c2", "c1"]),
            (["--name", "^c1"], ["c1"]),
            (["--name", "(" * 3], []),
            (["--latest"], ["c2"]),
            (["--last", "5"], ["c2", "c1"]),
            (["--namespace", "unknown"], ["c2", "c1"]),
            (["--namespace", "default"], []),
        ],
        ids=lambda words: " ".join(words) or "none",
    )
    def test_crictl_itself_filters_by_name_and_count(self, capsys, words, names):
        run(FakeClient(ListContainers=self.CONTAINERS), "ps", "-a", "-o", "json", *words)
        found = json.loads(capsys.readouterr().out)["containers"]
        assert [each["metadata"]["name"] for each in found] == names

    def test_nothing_to_inspect_prints_help_without_an_error(self):
        with pytest.raises(HelpWanted):
            run(FakeClient(ListContainers={"containers": []}), "inspect", "--state", "exited")

    def test_a_later_id_that_fails_leaves_no_output(self, capsys):
        with pytest.raises(CrictlError, match=r"^get the status of containers: get container status: gone$"):
            run(
                FakeClient(
                    ContainerStatus=CrictlError("gone"),
                ),
                "inspect",
                "a",
            )
        assert capsys.readouterr().out == ""


class TestTables:
    def test_containers(self):
        rows = crictl_tables.containers_table(
            recorded("ps-a.json")["containers"], 1795478700.0, whole=False
        ).splitlines()
        assert rows[0].partition("  ")[0] == "CONTAINER"
        assert re.split(r"\s{2,}", rows[1]) == [
            "de7bb61d642a4", "localhost/bb:1", "48 seconds ago", "Exited", "c2", "0", "6899d3b55ea82", "unknown", "unknown",
        ]  # fmt: skip
        assert rows[0].index("IMAGE") == rows[1].index("localhost/bb:1") == 20

    def test_images(self):
        rows = crictl_tables.images_table(recorded("images.json")["images"], True, False, True).splitlines()
        assert re.split(r"\s{2,}", rows[1]) == [
            "172.17.0.1:5000/hello", "1", "7f754817b68a5", "c3598912096d4", "1.99MB", "false",
        ]  # fmt: skip

    def test_an_image_without_tags_has_the_name_of_its_digest(self):
        image = {
            "repoTags": [],
            "repoDigests": ["a/b@sha256:123"],
            "id": "sha256:9",
            "size": "5",
            "pinned": False,
        }
        assert crictl_tables.images_table([image], False, False, False).splitlines()[1].split() == [
            "a/b",
            "<none>",
            "9",
            "5B",
        ]

    @pytest.mark.parametrize(
        ("passed", "words"),
        [
            (0.2, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (3000, "50 minutes"),
            (3600, "About an hour"), (36000, "10 hours"), (3 * 86400, "3 days"), (20 * 86400, "2 weeks"),
            (90 * 86400, "3 months"), (800 * 86400, "2 years"),
        ],
    )  # fmt: skip
    def test_ages(self, passed, words):
        assert crictl_tables.ago(0, passed) == f"{words} ago"

    def test_cpu_usage_is_calculated_from_two_samples(self):
        (before,) = recorded("stats.json")["stats"]
        after = copy.deepcopy(before)
        after["cpu"]["timestamp"] = str(int(before["cpu"]["timestamp"]) + 10**9)
        after["cpu"]["usageCoreNanoSeconds"]["value"] = str(6039000 + 25 * 10**7)
        name = before["attributes"]["id"]
        rows = crictl_tables.container_stats_table({name: before}, {name: after}, every=False).splitlines()
        assert re.split(r"\s{2,}", rows[1])[1:] == ["hello-world", "25.00", "0B", "12B", "10", "0B"]
        with pytest.raises(ValueError, match="cpu stat is not updated during sample"):
            crictl_tables.container_stats_table({name: before}, {name: before}, every=False)


OPTIONS = [
    switch("all", "a"),
    switch("quiet", "q"),
    text("output", "o", default="table"),
    texts("label"),
    number("last", "n"),
]


class TestOptions:
    @pytest.mark.parametrize(
        ("words", "values", "arguments"),
        [
            ("-a x", {"all": True}, ["x"]),
            ("x -a", {"all": False}, ["x", "-a"]),
            ("-aq", {"all": True, "quiet": True}, []),
            ("-ao json", {"all": True, "output": "json"}, []),
            ("--all=false -all", {"all": True}, []),
            ("--all=false", {"all": False}, []),
            ("-o=json", {"output": "json"}, []),
            (
                "--output json --label a=b --label c=d,e=f",
                {"output": "json", "label": ["a=b", "c=d", "e=f"]},
                [],
            ),
            ("-n 0x10 -- -a", {"last": 16, "all": False}, ["-a"]),
            ("- -a", {"all": False}, ["-", "-a"]),
        ],
    )
    def test_options_are_parsed_like_go_programs_do(self, words, values, arguments):
        options = parse(OPTIONS, words.split(), {})
        assert {name: options[name] for name in values} == values
        assert options.arguments == arguments

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--bogus", "flag provided but not defined: -bogus"),
            ("-az", "flag provided but not defined: -az"),
            ("--aq", "flag provided but not defined: -aq"),
            ("-o", "flag needs an argument: -o"),
            ("--last x", 'invalid value "x" for flag -last: parse error'),
            ("--all=maybe", 'invalid boolean value "maybe" for -all: parse error'),
            ("---all", "bad flag syntax: ---all"),
        ],
    )
    def test_an_invalid_option_is_refused_with_go_s_message(self, words, message):
        with pytest.raises(UsageError) as error:
            parse(OPTIONS, words.split(), {})
        assert str(error.value) == message

    @pytest.mark.parametrize(
        ("written", "expected"),
        [("2s", 2), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("0", 0), ("-1s", -1)],
    )
    def test_durations(self, written, expected):
        assert seconds(written) == pytest.approx(expected)

    @pytest.mark.parametrize("written", ["", "2", "s", "1d", "1 s"])
    def test_invalid_durations(self, written):
        with pytest.raises(ValueError, match=f"^{written}$"):
            seconds(written)

    def test_every_command_has_options_that_do_not_clash(self):
        for name, command in COMMANDS.items():
            names = [each for option in command.options for each in option.names]
            assert len(names) == len(set(names)), name


class TestSettings:
    @pytest.mark.parametrize(
        ("words", "environment", "file", "expected"),
        [
            ([], {}, "", Settings()),
            (
                [],
                {},
                "runtime-endpoint: unix:///file\ntimeout: 7\ndebug: true\n",
                Settings("unix:///file", None, 7.0, True),
            ),
            ([], {"CONTAINER_RUNTIME_ENDPOINT": "e"}, "runtime-endpoint: file", Settings("e")),
            (["-r", "flag"], {"CONTAINER_RUNTIME_ENDPOINT": "e"}, "runtime-endpoint: file", Settings("flag")),
            (["-r", ""], {}, "runtime-endpoint: file", Settings("")),
            (["-i", "flag"], {"IMAGE_SERVICE_ENDPOINT": "e"}, "image-endpoint: file", Settings(None, "flag")),
            (["-t", "0s"], {}, "timeout: 7", Settings()),
            (["-t", "90s"], {}, "timeout: 7", Settings(timeout=90.0)),
            ([], {}, "timeout: -1", Settings()),
            ([], {}, "timeout: 7\nunknown: 1\n", Settings()),
            ([], {}, "timeout: 7s\n", Settings()),
            ([], {}, "runtime-endpoint: '/quoted' # said\n", Settings("/quoted")),
            (
                [],
                {},
                "pull-image-on-create: true\ndisable-pull-on-run: true",
                Settings(None, None, 2.0, False, True, True),
            ),
        ],
    )
    def test_flags_override_the_environment_which_overrides_the_file(
        self, tmp_path, words, environment, file, expected
    ):
        (tmp_path / "crictl.yaml").write_text(file)
        options = parse(GLOBAL_OPTIONS, words, environment)
        options.values["config"] = str(tmp_path / "crictl.yaml")
        assert settle(options, "/nowhere") == expected

    def test_a_named_file_must_be_valid(self, tmp_path):
        (tmp_path / "mine.yaml").write_text("unknown: 1\n")
        options = parse(GLOBAL_OPTIONS, [], {"CRI_CONFIG_FILE": str(tmp_path / "mine.yaml")})
        with pytest.raises(CrictlError, match=r"^load config file: Config option 'unknown' is not valid$"):
            settle(options, "/nowhere")

    def test_the_program_s_directory_is_used_if_the_file_is_missing(self, tmp_path, capsys):
        (tmp_path / "crictl.yaml").write_text("timeout: 9\n")
        options = parse(GLOBAL_OPTIONS, ["-c", "/nowhere.yaml"], {})
        assert settle(options, str(tmp_path)).timeout == 9
        assert 'msg="Config \\"/nowhere.yaml\\" does not exist, trying next:' in capsys.readouterr().err

    def test_invalid_yaml_is_refused_with_its_line(self):
        with pytest.raises(CrictlError, match="yaml: line 2"):
            read_file("debug: true\nnonsense\n")


LOG = b"""2026-11-24T00:04:10.5+00:00 stdout P par
2026-11-24T00:04:10.6+00:00 stdout F tial
2026-11-24T00:04:11.593779053Z stderr F oops
nonsense
2026-11-24T08:04:12+08:00 stdout F:tag last
"""


class TestLogs:
    @pytest.fixture
    def log_file(self, tmp_path):
        file = tmp_path / "0.log"
        file.write_bytes(LOG)
        return str(file)

    @pytest.mark.parametrize(
        ("options", "out", "err"),
        [
            ({}, "partial\nlast\n", "oops\n"),
            ({"tail": 1}, "last\n", ""),
            ({"tail": 0}, "", ""),
            ({"tail": 99}, "partial\nlast\n", "oops\n"),
            ({"limit": 5}, "parti", ""),
            ({"limit": 0}, "", ""),
            ({"after": crictl_logs.moment("2026-11-24T00:04:12Z")[0]}, "last\n", ""),
            ({"streams": ("stderr",)}, "", "oops\n"),
            (
                {"timestamps": True},
                "2026-11-24T00:04:10.500000000Z partial\n2026-11-24T08:04:12.000000000+08:00 last\n",
                "2026-11-24T00:04:11.593779053Z oops\n",
            ),
        ],
    )
    def test_streams_are_printed_separately(self, capfdbinary, log_file, options, out, err):
        crictl_logs.print_log(log_file, **options)
        output = capfdbinary.readouterr()
        assert output.out.decode() == out
        assert re.sub(r"E\d{4} .*\n", "", output.err.decode()) == err

    def test_new_lines_are_followed_while_the_container_runs(self, capfdbinary, log_file):
        looks = iter([True, False])

        def running():
            alive = next(looks, False)
            if alive:
                with open(log_file, "ab") as file:
                    file.write(b"2026-11-24T00:04:20Z stdout F more\n")
            return alive

        crictl_logs.print_log(log_file, tail=1, running=running)
        assert capfdbinary.readouterr().out == b"last\nmore\n"

    def test_a_missing_or_foreign_file_is_an_error(self, tmp_path):
        with pytest.raises(
            CrictlError, match=r"failed to try resolving symlinks .*: no such file or directory$"
        ):
            crictl_logs.print_log(str(tmp_path / "none"))
        (tmp_path / "foreign").write_text("hello\n")
        with pytest.raises(CrictlError, match="failed to get parse function: unsupported log format"):
            crictl_logs.print_log(str(tmp_path / "foreign"))

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("10s", 990), ("1795478051", 1795478051), ("2026-11-24T00:04:10Z", 1795478650),
            ("2026-11-24T00:04", 1795478640), ("2026-11-24", 1795478400),
        ],
    )  # fmt: skip
    def test_since_is_a_duration_or_a_time(self, value, expected):
        assert crictl_logs.since(value, 1000.0) == expected * 10**9


class TestTheProgram:
    def test_a_log_line_has_the_format_of_logrus(self, capsys):
        log("fatal", 'say "x"')
        log("info", "word")
        first, second = capsys.readouterr().err.splitlines()
        assert re.fullmatch(r'time="[-\dT:]+(Z|[+-]\d\d:\d\d)" level=fatal msg="say \\"x\\""', first)
        assert second.endswith(" level=info msg=word")

    def test_a_failed_call_is_first_logged_by_the_library(self, capsys):
        log_failed_call("remote_runtime.go:1", "Failed", "why", {"containerID": "nope"})
        expected = r'E\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ remote_runtime\.go:1\] "Failed" err="why" containerID="nope"\n'
        assert re.fullmatch(expected, capsys.readouterr().err)

    @pytest.mark.parametrize(
        ("words", "status", "out"),
        [
            (["--version"], 0, "crictl version v1.36.0\n"),
            (["--help"], 0, "NAME:\n   crictl - client for CRI\n"),
            (["ps", "extra"], 0, "NAME:\n   crictl ps - List containers\n"),
            (
                ["ps", "--bogus"],
                1,
                "Incorrect Usage: flag provided but not defined: -bogus\n\nNAME:\n   crictl ps",
            ),
            (["nosuch"], 3, ""),
            (["start"], 1, ""),
            (["-r", "unix:///nowhere.sock", "start", "x"], 1, ""),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_exit_status_and_help(self, capsys, monkeypatch, words, status, out):
        monkeypatch.setattr("os.environ", {"CRI_CONFIG_FILE": "/dev/null"})
        assert crictl.main(words) == status
        assert capsys.readouterr().out.startswith(out)

    def test_a_missing_socket_has_go_s_message(self, capsys):
        assert crictl.main(["-c", "/dev/null", "-r", "unix:///nowhere.sock", "ps"]) == 1
        expected = (
            'msg="validate service connection: validate CRI v1 runtime API for endpoint \\"unix:///nowhere.sock\\": rpc error: '
            'code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial unix /nowhere.sock: '
            'connect: no such file or directory\\""\n'
        )
        assert capsys.readouterr().err.endswith(expected)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion_knows_commands_and_options(self, capsys, shell):
        assert crictl.main(["-c", "/dev/null", "completion", shell]) == 0
        output = capsys.readouterr().out
        assert all(name in output for name in COMMANDS)
        assert "runtime-endpoint" in output

    def test_the_later_fields_include_every_signal(self):
        assert (len(crictl_messages.SIGNALS), crictl_messages.SIGNALS[23]) == (66, "SIGTERM")

    def test_an_error_of_several_lines_is_separated(self, capsys):
        log_failed_call("remote_runtime.go:1", "Failed", "one\ntwo", {})
        assert capsys.readouterr().err.endswith('"Failed" err=<\n\tone\n\ttwo\n >\n')


class TestExecution:
    @pytest.mark.parametrize(("limit", "shown"), [("0", "0s"), ("90", "1m30s"), ("3600", "1h0m0s")])
    def test_a_command_that_takes_too_long_is_reported_with_its_limit(self, limit, shown):
        client = FakeClient(ExecSync=CallError("DeadlineExceeded", "late"))
        with pytest.raises(CrictlError) as error:
            run(client, "exec", "-s", "--timeout", limit, "id", "sleep", "9")
        shown = f'command timed out: "sleep 9" timed out after {shown}'
        assert str(error.value) == f"execing command in container id synchronously: {shown}"

    def test_only_synchronous_output_ends_with_line_feeds(self, capfdbinary):
        answer = {"stdout": "b3V0Cg==", "stderr": "ZXJy", "exitCode": 0}
        run(FakeClient(ExecSync=answer), "exec", "--sync", "id", "x")
        assert capfdbinary.readouterr() == (b"out\n\nerr\n", b"")
        run(FakeClient(ExecSync=answer, Exec={}), "exec", "id", "x")
        assert capfdbinary.readouterr() == (b"out\n", b"err")

    def test_a_failing_command_loses_its_output(self, capfdbinary):
        answer = {"stdout": "b3V0Cg==", "stderr": "ZXJy", "exitCode": 3}
        with pytest.raises(CrictlError, match=r"command 'x y' exited with 3: err$"):
            run(FakeClient(ExecSync=answer), "exec", "-s", "id", "x", "y")
        assert capfdbinary.readouterr() == (b"", b"")
