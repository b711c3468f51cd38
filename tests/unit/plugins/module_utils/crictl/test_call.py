# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that only the runtime influences the output of crictl, and that every failure is one sentence."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.cri.node.plugins.module_utils.crictl import call as crictl_module
from ansible_collections.cri.node.plugins.module_utils.crictl import failure, queries, start
from ansible_collections.cri.node.plugins.module_utils.crictl.call import Crictl, CrictlError

FIXTURES = Path(__file__).parents[3] / "fixtures"
FAKE = str(FIXTURES / "crictl-fake" / "crictl")
RECORDED = FIXTURES / "crictl-1.37"


@pytest.fixture
def listening(tmp_path):
    """Return the path of a socket that accepts connections and never answers."""
    path = str(tmp_path / "cri.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(50)
        yield path


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Return the directory with the answers of the fake crictl."""
    folder = tmp_path / "answers"
    (folder / "inspect").mkdir(parents=True)
    monkeypatch.setenv("FAKE_CRICTL", str(folder))
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    return folder


@pytest.fixture
def crictl(listening, answers):
    return Crictl(endpoint=listening, binary=FAKE, timeout=5)


def calls(answers):
    return [json.loads(line) for line in (answers / "calls.jsonl").read_text().splitlines()]


def script(answers, text):
    (answers / "script").write_text(text)


def add_containers(answers, count, state="CONTAINER_RUNNING"):
    status = json.loads((RECORDED / "inspect.json").read_text())
    listed = []
    for number in range(count):
        identity = f"{number:064x}"
        labels = {"io.kubernetes.pod.name": f"pod-{number}"}
        listed.append({"id": identity, "state": state, "labels": labels})
        status["status"].update(id=identity, state=state)
        (answers / "inspect" / f"{identity}.json").write_text(json.dumps(status))
    (answers / "ps.json").write_text(json.dumps({"containers": listed}))
    return [item["id"] for item in listed]


class TestCall:
    def test_passes_endpoints_and_timeout_and_ignores_configuration(
        self, crictl, answers, listening, monkeypatch
    ):
        for name in ("CONTAINER_RUNTIME_ENDPOINT", "IMAGE_SERVICE_ENDPOINT", "CRI_CONFIG_FILE"):
            monkeypatch.setenv(name, "elsewhere")
        (answers / "info.json").write_text("{}")
        assert crictl.json("info") == {}
        (call,) = calls(answers)
        assert call["environment"] == {}
        assert call["arguments"] == [
            *("--config", "/dev/null"),
            *("--runtime-endpoint", f"unix://{listening}"),
            *("--image-endpoint", f"unix://{listening}"),
            *("--timeout", "5s"),
            *("info", "-o", "json"),
        ]

    def test_the_image_endpoint_may_differ(self, listening, answers):
        (answers / "version.txt").write_text("Version: 1")
        Crictl(f"unix://{listening}", image_endpoint="/run/images.sock", binary=FAKE).text("version")
        assert "unix:///run/images.sock" in calls(answers)[0]["arguments"]

    @pytest.mark.parametrize(
        "endpoint", ["unix:///run/a.sock", "unix:/run/a.sock", "UNIX:///run/a.sock", "/run/a.sock"]
    )
    def test_an_endpoint_may_have_every_format_that_crictl_accepts(self, endpoint):
        assert Crictl(endpoint, image_endpoint="", binary=FAKE).image_endpoint == "unix:///run/a.sock"

    def test_flags_come_before_ids(self, crictl, answers):
        (identity,) = add_containers(answers, 1)
        crictl.json("inspect", identity)
        assert calls(answers)[0]["arguments"][-4:] == ["inspect", "-o", "json", identity]

    def test_consecutive_documents_are_a_list(self, crictl, answers):
        ids = add_containers(answers, 3)
        (answers / "concatenated").touch()
        assert [item["status"]["id"] for item in crictl.json("inspect", *ids)] == ids

    def test_text_is_returned(self, crictl, answers):
        shutil.copy(RECORDED / "version.txt", answers)
        assert crictl.text("version").startswith("Version:  0.1.0\n")

    def test_arguments_are_not_interpreted_by_a_shell(self, crictl, answers):
        (answers / "info.json").write_text("{}")
        crictl.json("info", "$(touch /tmp/x); `id`", "*")
        assert calls(answers)[0]["arguments"][-2:] == ["$(touch /tmp/x); `id`", "*"]

    def test_documents_reach_crictl_without_being_written_to_disk(self, crictl, answers):
        script(answers, 'shift 8; cat "$2" "$4"; readlink "$2" >&2; readlink "$2" >"$FAKE_CRICTL/where"')
        assert crictl.text("create", {"secret": "a"}, "pod", {"b": [1]}) == '{"secret": "a"}{"b": [1]}'
        assert (answers / "where").read_text().startswith("/memfd:")
        assert "secret" not in (answers / "calls.jsonl").read_text()

    def test_a_call_may_have_a_longer_timeout(self, crictl, answers):
        (answers / "info.json").write_text("{}")
        crictl.within(60).json("info")
        assert "60s" in calls(answers)[0]["arguments"]
        assert crictl.timeout == 5

    def test_calls_run_concurrently(self, crictl, answers):
        others = f"ls {answers}/here.* | grep -v here.$$"
        script(
            answers,
            f"touch {answers}/here.$$; until {others}; do sleep 0.02; done >&2; echo '{{}}'; sleep 0.2",
        )
        assert crictl.together(lambda: crictl.json("info"), lambda: crictl.json("ps")) == [{}, {}]

    def test_many_calls_run_in_groups_and_results_keep_their_order(self, crictl):
        running, most, lock = [], [], threading.Lock()

        def call(number):
            with lock:
                running.append(number)
                most.append(len(running))
            time.sleep(0.01)
            with lock:
                running.remove(number)
            return number

        calls = [functools.partial(call, number) for number in range(100)]
        assert crictl.together(*calls) == list(range(100))
        assert 1 < max(most) <= 16
        assert crictl.together() == []

    def test_the_first_error_of_concurrent_calls_is_raised(self, crictl, answers):
        script(answers, "exit 1")
        with pytest.raises(CrictlError, match="crictl info failed"):
            crictl.together(lambda: crictl.json("info"), lambda: crictl.json("ps"))


class TestFailure:
    def fails(self, kind, call, match=None):
        with pytest.raises(CrictlError, match=match) as caught:
            call()
        assert caught.value.kind == kind
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_message_of_several_lines_is_reported_on_one_line(self, crictl, answers):
        script(
            answers, r"""printf %s 'time="t" level=fatal msg="open \"a\": no\n[pinns]: exit 1"' >&2; exit 1"""
        )
        self.fails("failed", lambda: crictl.text("runp"), r'open "a": no \[pinns\]: exit 1$')

    def test_no_crictl(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setattr(start, "_DIRECTORIES", ("/nowhere/else",))
        self.fails("missing", Crictl, "there is no crictl in PATH or in /nowhere/else")
        self.fails("missing", lambda: Crictl(binary="/nowhere/crictl"), "no program /nowhere/crictl")

    def test_crictl_is_found_outside_of_path(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setattr(start, "_DIRECTORIES", (os.path.dirname(FAKE),))
        assert Crictl().binary == FAKE

    def test_crictl_is_not_executable(self, listening, tmp_path):
        broken = tmp_path / "crictl"
        broken.write_bytes(b"\x7fELF for another machine")
        broken.chmod(0o755)
        self.fails(
            "missing", lambda: Crictl(listening, binary=str(broken)).json("info"), "cannot run .*Exec format"
        )

    def test_no_socket_is_noticed_before_crictl_is_started(self, answers, tmp_path):
        crictl = Crictl(str(tmp_path / "no.sock"), binary=FAKE)
        self.fails(
            "unreachable",
            lambda: crictl.json("info"),
            "there is no socket .*/no.sock; check that the runtime is running",
        )
        assert not (answers / "calls.jsonl").exists()

    def test_a_socket_without_a_listener(self, answers, tmp_path):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "dead.sock"))
        self.fails(
            "unreachable",
            lambda: Crictl(str(tmp_path / "dead.sock"), binary=FAKE).json("info"),
            "nothing listens",
        )

    def test_a_file_that_is_not_a_socket(self, answers, tmp_path):
        (tmp_path / "file").touch()
        self.fails(
            "unreachable", lambda: Crictl(str(tmp_path / "file"), binary=FAKE).json("info"), "not a socket"
        )

    @pytest.mark.skipif(os.getuid() == 0, reason="root may use every socket")
    def test_no_permission(self, answers, listening):
        os.chmod(listening, 0)
        self.fails("permission", lambda: Crictl(listening, binary=FAKE).json("info"), "become")

    def test_tcp_is_refused(self):
        self.fails(
            "failed", lambda: Crictl("tcp://127.0.0.1:10010", binary=FAKE), "must be the path of a socket"
        )

    @pytest.mark.parametrize("seconds", [0, -1, 86401, 10**4000])
    def test_a_timeout_of_zero_or_of_days_is_refused(self, seconds):
        self.fails("failed", lambda: Crictl(timeout=seconds, binary=FAKE), "between 1 and 86400 seconds")

    def test_no_call_waits_for_days(self, crictl):
        assert crictl.within(10**30).timeout == 86400

    @pytest.mark.parametrize(
        "endpoint", ["unix:///a\0b", "/a\nb", "/\x1b]0;t\x07", "x" * 100_000, "/" + "x" * 200]
    )
    def test_an_endpoint_that_is_not_the_path_of_a_socket(self, answers, endpoint):
        with pytest.raises(CrictlError) as caught:
            Crictl(endpoint, binary=FAKE).json("info")
        assert str(caught.value).isprintable()

    def test_braces_in_a_path_are_not_placeholders(self, answers, tmp_path):
        (tmp_path / "{x}").symlink_to("{x}")
        self.fails(
            "unreachable", lambda: Crictl(f"{tmp_path}/{{x}}", binary=FAKE).json("info"), "cannot connect to"
        )

    @pytest.mark.parametrize("argument", ["a\0b", "\ud800"])
    def test_an_argument_that_no_program_can_receive(self, crictl, argument):
        self.fails(
            "failed", lambda: crictl.text("inspecti", argument), "crictl inspecti: an argument contains"
        )

    @pytest.mark.parametrize(
        "said",
        [
            'time="t" level=fatal msg="pulling image: Get \\"https://user:hunter2@registry/v2/\\": no such host"',
            "FATA[0000] Get https://user:hunter2@registry/v2/: EOF",
            "no scheme user:hunter2@registry",
            'E1124 00:00:00.0 1 remote_image.go:1] "PullImage failed" err="https://u:hunter2@registry/: EOF"',
        ],
    )
    def test_no_message_contains_the_password_of_a_registry(self, crictl, answers, said):
        (answers / "stderr").write_text(said)
        script(answers, f"cat {answers}/stderr >&2; exit 1")
        assert "hunter2" not in self.fails("failed", lambda: crictl.text("pull", "registry/a"), "registry")
        script(answers, f"cat {answers}/stderr")
        assert "hunter2" not in self.fails("not_json", lambda: crictl.json("images"))

    @pytest.mark.parametrize("width", [1, 5_000_000])
    def test_the_last_lines_of_endless_output_are_kept(self, crictl, answers, width):
        (answers / "stderr").write_text(
            f"{'n' * width}\n" * (6_000_000 // width) + 'time="t" level=fatal msg="the cause"\n'
        )
        script(answers, f"cat {answers}/stderr >&2; exit 1")
        self.fails("failed", lambda: crictl.text("pull"), "crictl pull failed: the cause$")

    @pytest.mark.parametrize("said", ['time="t" level=fatal msg="{}', "FATA[0000] {}", "{}", 'time="{}'])
    @pytest.mark.parametrize(
        "filling", ["x", " ", '\\"', "\x1b[2J", "level=error msg=", "a@b:", "\udcff", "\u202e"]
    )
    def test_a_message_is_short_and_printable_and_quick_to_make(self, crictl, answers, said, filling):
        text = said.format(filling * (1_000_000 // len(filling)))
        (answers / "stderr").write_text(text, errors="surrogateescape")
        script(answers, f"cat {answers}/stderr >&2; exit 1")
        started = time.process_time()
        message = self.fails("failed", lambda: crictl.text("pull"))
        assert time.process_time() - started < 2
        assert (message.isprintable(), len(message) < 2100) == (True, True)

    def test_a_crictl_that_never_answers_is_killed_with_its_children(self, listening, answers, tmp_path):
        script(answers, f"sleep 60 & echo $! > {tmp_path}/child; sleep 60")
        started = time.monotonic()
        crictl = Crictl(listening, binary=FAKE, timeout=1)
        self.fails("timeout", lambda: crictl.json("info"), "crictl info did not answer within 1 s")
        assert time.monotonic() - started < 20
        child = int((tmp_path / "child").read_text())
        for _each in range(50):
            if (
                not os.path.exists(f"/proc/{child}")
                or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
            ):
                break
            time.sleep(0.05)
        else:
            pytest.fail("the child lives")

    def test_a_child_that_outlives_crictl_does_not_block_the_call(self, listening, answers):
        script(answers, "sleep 60 & echo '{}'")
        crictl = Crictl(listening, binary=FAKE, timeout=1)
        self.fails("timeout", lambda: crictl.json("info"), "did not answer within 1 s")

    def test_endless_output_is_cut_off(self, crictl, answers, monkeypatch):
        monkeypatch.setattr(crictl_module, "_OUTPUT_LIMIT", 2**20)
        script(answers, "yes '{'")
        self.fails("failed", lambda: crictl.json("info"), "printed more than 1 MiB")

    def test_endless_errors_are_not_kept(self, crictl, answers, monkeypatch):
        monkeypatch.setattr(crictl_module, "_ERROR_LIMIT", 1000)
        script(answers, "head -c 5000000 /dev/zero >&2; echo '{}'")
        assert crictl.json("info") == {}

    @pytest.mark.parametrize(
        ("output", "shown"),
        [
            ("NAME:\\n   crictl - client for CRI\\n\\nUSAGE:\\n", "its help"),
            ("", "nothing"),
            ("CONTAINER   IMAGE", "'CONTAINER IMAGE'"),
            ("{", "'{'"),
            ("{} trailing", "'{} trailing'"),
            ("5", "'5'"),
            ("\\377\\376", "'"),
            ("[" * 20_000, r"'\[+'"),
        ],
        ids=["help", "nothing", "a table", "half", "more", "a number", "bytes", "depth"],
    )
    def test_output_with_status_0_that_is_not_json(self, crictl, answers, output, shown):
        script(answers, f"printf '{output}'")
        self.fails("not_json", lambda: crictl.json("ps"), f"exited with status 0, but printed {shown}")

    def test_help_is_not_accepted_as_text(self, crictl, answers):
        script(answers, "printf 'NAME:\\n   crictl - client for CRI\\n'")
        self.fails("failed", lambda: crictl.text("version"), "printed its help")

    @pytest.mark.parametrize(
        ("stderr", "kind", "message"),
        [
            (
                'E1123 07:00:00.1 12 remote_runtime.go:569] "failed" err="x"\n'
                'time="2026-11-24T00:00:00Z" level=fatal msg="getting the status: rpc error: '
                'code = NotFound desc = could not find container \\"nope\\": ID does not exist"',
                "not_found",
                "getting the status: rpc error: code = NotFound desc = could not find container "
                '"nope": ID does not exist',
            ),
            (
                "FATA[0000] rpc error: code = DeadlineExceeded desc = x",
                "timeout",
                "rpc error: code = DeadlineExceeded desc = x",
            ),
            (
                'time="x" level=fatal msg="validate connection: rpc error: code = Unavailable desc = y"',
                "unreachable",
                "validate connection: rpc error: code = Unavailable desc = y",
            ),
            (
                'time="x" level=fatal msg="dial unix /x: connect: permission denied"',
                "permission",
                "dial unix",
            ),
            ("out of memory", "failed", "out of memory"),
            ("", "failed", "exit status 1"),
        ],
        ids=["not found", "old log format", "unreachable", "permission", "prose", "silence"],
    )
    def test_an_error_of_crictl_is_one_sentence(self, crictl, answers, stderr, kind, message):
        (answers / "stderr").write_text(stderr)
        script(answers, f"cat {answers}/stderr >&2; exit 1")
        assert self.fails(kind, lambda: crictl.json("inspect", "nope")).startswith(
            f"crictl inspect failed: {message}"
        )

    def test_python_below_3_9(self, monkeypatch):
        monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
        self.fails("failed", Crictl, "Python 3.9 or newer is required")

    def test_does_not_import_ansible(self):
        script = (
            "import sys\n"
            f"sys.path[:0] = {[path for path in sys.path if 'site-packages' not in path]!r}\n"
            "import ansible_collections.cri.node.plugins.module_utils.crictl.call\n"
            "assert not [name for name in sys.modules if name.split('.')[0] == 'ansible']\n"
        )
        subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


class TestStartedEarly:
    """A call that was started before Crictl exists is read by it, and terminated if nobody reads it."""

    @pytest.fixture
    def options(self, listening, monkeypatch):
        monkeypatch.setenv("PATH", os.path.dirname(FAKE), prepend=os.pathsep)
        return {"endpoint": listening, "image_endpoint": None, "timeout": 5}

    def test_its_output_is_read_and_no_other_call_is_made(self, options, answers):
        (answers / "info.json").write_text('{"a": 1}')
        started = start.early(options, start.json_arguments("info"))
        with Crictl(**options, started=started) as crictl:
            assert crictl.json("info") == {"a": 1}
        assert len(calls(answers)) == 1

    def test_a_call_whose_output_is_not_read_is_terminated(self, options, answers):
        script(answers, "sleep 60")
        started = start.early(options, ("version",))
        call = started[("version",)]
        with Crictl(**options, started=started):
            pass
        assert call.process.returncode == -9

    def test_a_call_that_cannot_be_started_fails_when_it_is_read(self, options, answers, tmp_path):
        options["endpoint"] = str(tmp_path / "no.sock")
        started = start.early(options, ("version",))
        assert started == {}
        with pytest.raises(CrictlError, match="there is no socket"):
            Crictl(**options, started=started).text("version")

    def test_only_this_module_is_loaded_before_the_call_starts(self):
        """Each further module would be compiled before crictl runs, instead of meanwhile."""
        code = (
            "import sys\n"
            f"sys.path[:0] = {sys.path!r}\n"
            "from ansible_collections.cri.node.plugins.module_utils.crictl import start\n"
            "print(*[name for name in sys.modules if '.module_utils.' in name])"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert {name.partition(".module_utils.")[2] for name in run.stdout.split()} == {
            "crictl",
            "crictl.start",
        }


class TestContainers:
    def test_labels_of_the_kubelet_make_the_second_call_unnecessary(self, crictl, answers):
        add_containers(answers, 2)
        assert [item["pod"]["name"] for item in queries.containers(crictl)] == ["pod-0", "pod-1"]
        assert len(calls(answers)) == 1

    def test_without_labels_pods_are_listed(self, crictl, answers):
        for name in ("ps.json", "pods.json"):
            shutil.copy(RECORDED / name, answers)
        assert queries.containers(crictl)[0]["pod"]["name"] == "hello-pod"

    def test_details_of_300_containers_take_6_calls(self, crictl, answers):
        ids = add_containers(answers, 300)
        assert list(queries.container_details(crictl, ids)) == ids
        assert len(calls(answers)) == 6

    def test_details_of_no_containers_take_no_call(self, crictl, answers):
        assert queries.container_details(crictl, []) == {}
        assert not (answers / "calls.jsonl").exists()

    def test_a_container_that_vanished_is_omitted(self, crictl, answers):
        ids = add_containers(answers, 3)
        assert list(queries.container_details(crictl, ["gone", *ids])) == ids
        assert [call["arguments"][8] for call in calls(answers)] == ["inspect", "ps", "inspect"]

    def test_a_container_that_is_listed_but_cannot_be_inspected_is_omitted(self, crictl, answers):
        ids = add_containers(answers, 3)
        (answers / "inspect" / f"{ids[1]}.json").unlink()
        assert list(queries.container_details(crictl, ids)) == [ids[0], ids[2]]


@pytest.mark.parametrize("before", ["", " " * 990, " " * 16_300])
def test_a_password_that_is_longer_than_a_message_is_not_shown(before):
    said = f'{before}"https://user:{"hunter2" * 400}@host/"'
    with pytest.raises(CrictlError, match="instead of JSON") as caught:
        crictl_module.parse(said.encode(), "ps")
    error = failure.failure("pull", 1, b"", f"x{said}\n".encode())
    assert "hunter2" not in f"{caught.value} {error}"
