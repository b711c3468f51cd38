# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the stand-in's crictl prints the same as the real crictl, for the same runtime at the same time.

Both are installed on a node with real CRI-O, and on one with the stand-in for it. A field that a later crictl adds shows up
here as a sentence that names it; the table of such fields is crictl_messages.LATER. The output of the stand-in's daemon is
compared with CRI-O in the same way.

The stand-in was written after one crictl, crictl_build.RECORDED. Another one, built from an earlier or a later source, prints
other fields and words: then the comparisons are skipped by name, with both builds in the reason, and counted.
"""

import io
import json
import re
import tarfile

import pytest

from testbed import TestBed, bed, images, pick_source
from testbed.crictl_build import RECORDED
from testbed.node import Result
from testbed.paths import STANDIN
from testbed.source import standin_source

if pick_source().standin:
    pytest.skip(
        "needs real CRI-O: both programs are asked about it at the same time", allow_module_level=True
    )

compared = pytest.mark.recorded_for(RECORDED)
REAL, OURS = "/usr/local/bin/real-crictl", "/usr/local/bin/standin-crictl"
LIBRARY = "/usr/local/lib/standin"
RUNTIMES = ("CRI-O", "the stand-in")
# Samples: two programs never see the same ones.
SAMPLED = re.compile(
    r"\.(timestamp|usageCoreNanoSeconds|usageNanoCores|\w*[bB]ytes|\w*[fF]aults|inodesUsed|(rx|tx)Errors|processCount"
    r"|avg\d+|total|Avg\d+|Total)\b"
)
AGO = re.compile(r"(Less than a second|1 second|\d+ seconds|About a minute|\d+ minutes) ago +")
TIMES = re.compile(r'time="[^"]*"|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d')
IDENTITY = re.compile(r"[0-9a-f]{64}|0x[0-9a-f]+")
# CRI-O prints its handlers in another order each time.
HANDLERS = re.compile(r"runtime list map\[[^\]]*\]")
# The client library's own lines; the words and places in them are its version's.
LIBRARY_LINE = re.compile(r'^E\d{4} .*?\] ".*?" (err=(?:".*?(?<!\\)"|<\n(?:\t.*\n)* >)).*$', re.MULTILINE)

# Runs each command line by both programs, one right after the other: what they tell changes with time.
RUNNER = f"""
import json, subprocess, sys
def run(program, words):
    done = subprocess.run([program, *words], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr
print(json.dumps([[run(program, words) for program in ({REAL!r}, {OURS!r})] for words in json.load(sys.stdin)]))
"""

DOCUMENTS = [
    "info",
    "info -q",
    "ps -o json",
    "ps -a -o json",
    "ps -ao json",
    "ps -o json --id {prefix}",
    "ps -o json --id nope",
    "ps -o json --pod {pod}",
    "ps -a -o json --state exited",
    "ps -o json --state created",
    "ps -a -o json --name ^good$",
    "ps -a -o json --namespace other",
    "ps -a -o json --label app=a",
    "ps -a -o json --latest",
    "ps -o json --last 2",
    "ps -a -o json --image registry:5000/hello-world:1",
    "ps -a -o json --image registry:5000/unknown:1",
    "pods -o json",
    "pods -o json --state notready",
    "pods -o json --name ba -n 1",
    "images -o json",
    "images -o json registry:5000/pause:1",
    "inspect {running}",
    "inspect {prefix}",
    "inspect -q {good}",
    "inspect {bad}",
    "inspect {created}",
    "inspect {running} {bad}",
    "inspect --name nope",
    "inspect --state exited --latest",
    "inspectp {pod}",
    "inspectp -q {pod}",
    "inspecti registry:5000/hello-world:1",
    "inspecti -q registry:5000/hello-world:1",
    "inspecti",
    "stats -o json",
    "stats -a -o json",
    "stats -o json --id {prefix}",
    "statsp -o json",
    "imagefsinfo",
]
TEXTS = [
    "version",
    "runtime-config",
    "ps",
    "ps -a",
    "ps -aq",
    "ps -a --no-trunc",
    "pods",
    "pods -q",
    "images",
    "images --digests --pinned --no-trunc",
    "images -q",
    "images -o bogus",
    "logs {good}",
    "logs --tail 1 {running}",
    "logs --limit-bytes 4 {running}",
    "logs -t {bad}",
    "logs --since 1h {good}",
    "logs --since 2099-01-01T00:00:00Z {good}",
    "logs --stream stdout {bad}",
    "exec -s {running} echo hello",
    "exec -s {running} false",
    "exec {running} echo hello",
    "exec {running} false",
    "exec -s {good} true",
    "stop nope",
    "stopp nope",
]
REFUSALS = [
    # what is not there
    "inspect nope",
    "inspectp nope",
    "inspecti nope",
    "inspect {running} nope",
    "inspect {pod}",
    "rm nope",
    "rm {running}",
    "rmp {pod}",
    "rmp nope",
    "rmi registry:5000/nope:1",
    "rmi registry:5000/long-running:1",
    "logs nope",
    "start nope",
    "exec -s nope true",
    "exec nope true",
    "exec {good} true",
    "start {running}",
    "start {good}",
    "create nope /root/created.json /root/pod.json",
    "pull registry:5000/nope:1",
    "pull unlisted:5000/hello-world:1",
    "pull --creds :x registry:5000/pause:1",
    "pull --creds a:b --auth c registry:5000/pause:1",
    "runp /root/nope.json",
    "runp --runtime nope /root/pod.json",
    "create {pod} /root/nope.json /root/pod.json",
    # what cannot be meant
    "ps --state bogus",
    "ps --label a=b=c",
    "ps -o bogus",
    "ps --bogus",
    "ps -o",
    "ps --last x",
    "ps --all=maybe",
    "ps -az",
    "ps extra",
    "info extra",
    "version extra",
    "stats {running} -o json",
    "inspect --latest --state unknown -o bogus {running}",
    "inspectp --name nope",
    "logs --since yesterday {good}",
    "logs --stream both {good}",
    "logs --tail 1 --stream stdout {good}",
    "rm",
    "rmi",
    "rmp",
    "start",
    "stop",
    "stop --all x",
    "stopp",
    "logs",
    "pull",
    "exec",
    "completion tcsh",
    "nosuch",
    "--bogus ps",
    "help ps",
    "ps --help",
    # whom to ask
    "-r unix:///nowhere.sock ps",
    "-r /nowhere.sock info",
    "-r unix:///nowhere.sock images",
    "-i unix:///nowhere.sock images",
    "-r tcp://localhost:1 ps",
    "--runtime-endpoint= ps",
    "--timeout abc ps",
    "--timeout 3 ps",
    "--timeout 1ns ps",
    "-c /nowhere ps",
]


def test_a_difference_is_described_in_a_sentence():
    real = {"a": [{"new": 1, "same": "x"}], "b": "1", "moment": {"timestamp": "1"}}
    ours = {"a": [{"same": "x", "odd": None}], "b": 1, "moment": {"timestamp": "2"}}
    assert list(differences(real, ours)) == [
        "the real crictl prints .a[0].new (1), the stand-in's does not",
        "the stand-in's crictl prints .a[0].odd (null), the real one does not",
        '.b is "1" by the real crictl, and 1 by the stand-in\'s',
    ]


def differences(real, ours, path=""):
    """Return the differences of two documents as sentences; samples are compared by their type."""
    if isinstance(real, dict) and isinstance(ours, dict):
        for key in [*real, *(key for key in ours if key not in real)]:
            here = f"{path}.{key}"
            if key not in ours:
                yield f"the real crictl prints {here} ({json.dumps(real[key])}), the stand-in's does not"
            elif key not in real:
                yield f"the stand-in's crictl prints {here} ({json.dumps(ours[key])}), the real one does not"
            else:
                yield from differences(real[key], ours[key], here)
    elif isinstance(real, list) and isinstance(ours, list):
        if len(real) != len(ours):
            yield f"{path} has {len(real)} items by the real crictl, and {len(ours)} by the stand-in's"
        for index, pair in enumerate(zip(real, ours, strict=False)):
            yield from differences(*pair, f"{path}[{index}]")
    elif type(real) is not type(ours) or (real != ours and not SAMPLED.search(path)):
        yield f"{path} is {json.dumps(real)} by the real crictl, and {json.dumps(ours)} by the stand-in's"


@pytest.fixture(scope="module")
def crio(testbed, crio_source):
    """Return a node with real CRI-O and both programs."""
    node = testbed.add("crictl", beneath=images.standin_image())[0]
    install(node, crio_source)
    yield node
    testbed.remove("crictl")


@pytest.fixture(scope="module")
def standin(testbed, crio, crio_source):
    """Return a node with the stand-in for CRI-O and both programs."""
    # The same test bed, for its network and registry; only where its CRI-O comes from is another matter.
    beside = TestBed(testbed.prefix, standin_source(), owner=bed.owner_mark())
    node = beside.add("crictl-standin")[0]
    install(node, crio_source)
    yield node
    testbed.remove("crictl-standin")


def install(node, source):
    tree = tarfile.open(fileobj=io.BytesIO(source.tree()))
    node.copy_in(REAL, tree.extractfile("usr/local/bin/crictl").read(), mode=0o755)
    for path in STANDIN.glob("crictl*.py"):
        node.copy_in(f"{LIBRARY}/{path.name}", path.read_text())
    node.copy_in(OURS, (STANDIN / "bin" / "crictl").read_text(), mode=0o755)


@pytest.fixture(scope="module")
def runs(crio, standin):
    """Return the results of both programs for each command line on each node: {runtime: {command: (real, ours)}}."""
    return dict(zip(RUNTIMES, map(run_all, (crio, standin)), strict=True))


def run_all(node):
    places = workload(node)
    commands = [*DOCUMENTS, *TEXTS, *REFUSALS]
    words = [[word.format(**places) for word in command.split()] for command in commands]
    ran = json.loads(node.check(["python3", "-c", RUNNER], stdin=json.dumps(words), limit=900))
    return {command: [Result(*run) for run in pair] for command, pair in zip(commands, ran, strict=True)}


def workload(node):
    """Create containers in each state: running with labels, unusual characters and mounts, succeeded, failed, never started."""
    running = node.run_pod(
        "long-running", name="running", labels={"app": "a", "odd": "<&>"}, annotations={"b": "c d"}
    )
    good = node.run_pod("hello-world", name="good", namespace="other")
    bad = node.run_pod("hello-world", ["/bin/sh", "-c", "echo oops >&2; exit 7"], name="bad")
    created = json.dumps(
        {
            "metadata": {"name": "created", "attempt": 2},
            "image": {"image": node.image("hello-world")},
            "linux": {},
        }
    )
    pod = json.dumps({"metadata": {"name": "running", "namespace": "default", "uid": "u"}, "linux": {}})
    node.copy_in("/root/created.json", created)
    node.copy_in("/root/pod.json", pod)
    made = node.check(f"crictl create {running.pod_id} /root/created.json /root/pod.json 2>/dev/null").strip()
    for ended in (good, bad):
        node.wait_for("container ended", lambda pod=ended: state(node, pod.container_id))
    node.check("crictl stats -o json")  # CRI-O tells how many cores are used from the second sample on
    return {
        "running": running.container_id,
        "prefix": running.container_id[:9],
        "pod": running.pod_id,
        "good": good.container_id,
        "bad": bad.container_id,
        "created": made,
    }


def state(node, container):
    output = node.crictl("inspect", container)["status"]["state"]
    return output == "CONTAINER_EXITED", output


@compared
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("command", DOCUMENTS)
def test_documents_are_equal(runs, command, runtime):
    real, ours = runs[runtime][command]
    assert (real.rc, real.err) == (ours.rc, ours.err) == (0, "")
    assert list(differences(*map(parsed, (real, ours)))) == []


@compared
@pytest.mark.parametrize(
    "command", ["info", "inspect {running}", "inspecti registry:5000/hello-world:1", "imagefsinfo"]
)
def test_status_documents_are_identical(runs, command):
    real, ours = (re.sub(r'"timestamp": "\d+"', "", run.out) for run in runs["CRI-O"][command])
    if command == "info":  # CRI-O lists its handlers in another order each time
        real, ours = (sorted(line.rstrip(",") for line in text.splitlines()) for text in (real, ours))
    assert ours == real


@compared
def test_lists_are_equal_except_for_spaces(runs):
    real, ours = (re.sub(r'":  ?', '": ', run.out) for run in runs["CRI-O"]["ps -a -o json"])
    assert ours == real


@compared
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("command", TEXTS)
def test_texts_are_equal(runs, command, runtime):
    real, ours = runs[runtime][command]
    assert output_of(ours) == output_of(real)


@compared
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("command", REFUSALS)
def test_refusals_are_equal(runs, command, runtime):
    real, ours = runs[runtime][command]
    assert output_of(ours) == output_of(real)


@compared
@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_stand_in_returns_the_same_facts_as_crio(runs, command):
    crio, standin = (shape(json.loads(runs[runtime][command][0].out)) for runtime in RUNTIMES)
    found = [f"CRI-O prints {path}, the stand-in does not" for path in sorted(crio - standin)]
    found += [f"the stand-in prints {path}, CRI-O does not" for path in sorted(standin - crio)]
    assert found == []


def parsed(run):
    """Return a document with its handlers sorted by name: CRI-O lists them in another order each time."""
    document = json.loads(run.out)
    if isinstance(document, dict) and "runtimeHandlers" in document:
        document["runtimeHandlers"].sort(key=lambda each: each.get("name", ""))
    return document


def shape(value, path=""):
    """Return the paths of a document with their types. The OCI runtime's specification is containerd's own."""
    if isinstance(value, dict):
        inner = [
            shape(each, f"{path}.{key}") for key, each in value.items() if key not in ("runtimeSpec", "crio")
        ]
    elif isinstance(value, list):
        inner = [shape(each, f"{path}[]") for each in value]
    else:
        inner = []
    return {f"{path} ({type(value).__name__})"}.union(*inner)


@compared
@pytest.mark.parametrize(
    "command",
    [
        "runtime-config",
        "version",
        "rm {running}",
        "rmi registry:5000/long-running:1",
        *(each for each in REFUSALS if "nope" in each),
    ],
)
def test_the_stand_in_refuses_calls_with_crio_s_messages(runs, command):
    crio, standin = (output_of(runs[runtime][command][0]) for runtime in RUNTIMES)
    assert [IDENTITY.sub("ID", str(each)) for each in standin] == [
        IDENTITY.sub("ID", str(each)) for each in crio
    ]


@compared
@pytest.mark.parametrize(
    ("content", "environment"),
    [
        ("", {}),
        ("runtime-endpoint: unix:///nowhere.sock\n", {}),
        (
            "runtime-endpoint: unix:///nowhere.sock\n",
            {"CONTAINER_RUNTIME_ENDPOINT": "unix:///var/run/crio/crio.sock"},
        ),
        ("# a comment\nruntime-endpoint: 'unix:///var/run/crio/crio.sock' # another\ntimeout: 5\n", {}),
        ("image-endpoint: unix:///nowhere.sock\nruntime-endpoint: unix:///var/run/crio/crio.sock\n", {}),
        ("runtime-endpoint: unix:///nowhere.sock\nno-such-key: 1\n", {}),
        ("runtime-endpoint: unix:///nowhere.sock\ntimeout: 2s\n", {}),
        ("no-such-key: 1\n", {"CRI_CONFIG_FILE": "/etc/crictl.yaml"}),
        ("timeout: 2s\n", {"CRI_CONFIG_FILE": "/etc/crictl.yaml"}),
        ("", {"CRI_CONFIG_FILE": "/etc/other.yaml"}),
    ],
)
def test_settings_have_the_same_precedence(crio, content, environment):
    before = crio.read_file("/etc/crictl.yaml")
    crio.copy_in("/etc/crictl.yaml", content)
    try:
        real, ours = (crio.run([program, "ps"], environment=environment) for program in (REAL, OURS))
    finally:
        crio.copy_in("/etc/crictl.yaml", before)
    assert output_of(ours) == output_of(real)


@compared
def test_commands_that_change_pods_print_the_same_output(crio):
    """Create, start, stop and remove a pod with each program, with separate files."""
    lives = [life(crio, program, name) for program, name in ((REAL, "real-life"), (OURS, "our-life"))]
    real, ours = ([re.sub(r"(real|our)-life|[0-9a-f]{64}", "X", text) for text in each] for each in lives)
    assert ours == real


def life(node, program, name):
    image = node.image("long-running")
    pod = {
        "metadata": {"name": name, "namespace": "default", "uid": name, "attempt": 0},
        "log_directory": "/var/log/pods",
    }
    container = {
        "metadata": {"name": name},
        "image": {"image": image},
        "log_path": f"{name}.log",
        "nonsense": 1,
    }
    node.copy_in("/root/life-pod.json", json.dumps(pod))
    node.copy_in("/root/life-container.json", json.dumps(container))
    output = []

    def do(*words):
        run = node.run([program, *words])
        output.append(str(output_of(run)))
        return run.out.strip()

    do("pull", image)
    pod_id = do("runp", "/root/life-pod.json")
    container_id = do("create", "--with-pull", pod_id, "/root/life-container.json", "/root/life-pod.json")
    do("start", container_id)
    do("exec", "-s", container_id, "echo", "<hello>")
    do("rm", container_id)
    do("stop", "-t", "1", container_id)
    do("rm", container_id)
    do("run", "--no-pull", "/root/life-container.json", "/root/life-pod.json")
    do("rm", "--force", do("ps", "-q", "--name", name))
    do("rmp", pod_id)
    do("rmp", "--force", pod_id)
    do("pods", "-q", "--name", name)
    return output


def output_of(run):
    """Return the output of a program without times and the client library's own wording; of a help only that it is one."""
    out = re.sub(r"CREATED +", "CREATED ", run.out)  # as wide as the longest time below
    out = AGO.sub("AGO ", re.sub(r"(?s)\n\nUSAGE:.*", " ...", out))
    err = TIMES.sub("TIME", LIBRARY_LINE.sub(r"LIBRARY \1", HANDLERS.sub("HANDLERS", run.err)))
    return run.rc, out, err
