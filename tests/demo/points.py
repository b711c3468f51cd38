# SPDX-License-Identifier: GPL-3.0-or-later
"""The points of the article, and the order of all parts of the demo. Each gets a Session, runs commands and checks results."""

import hashlib
import json
import tarfile
import tomllib
from pathlib import Path

from demo import changes
from demo.comparisons import plans, same
from demo.session import Session
from testbed.node import Node
from testbed.observed import live_configuration, metrics_answer, running_containers, service

APPLY = "cri.node.runtime : Apply the runtime configuration"
APPLY_REGISTRIES = "cri.node.registries : Apply the registries configuration"
RESOLVE = "Read the registries as CRI-O does"
REGISTRIES = "group_vars/nodes/registries.yml"
DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNLISTED_IMAGE = "unlisted:5000/hello-world:1"
IMAGE = "registry:5000/hello-world:1"
ARCHIVE = "/root/hello-world.tar"
HELLO = "Hello from a container"  # what the image prints
METRICS_PORT = 9537
CONDITIONS = {"RuntimeReady": True, "NetworkReady": True}

# runtime, how the collection configures it, how it accesses it through CRI
RUNTIMES = (
    ("docker", "-", "with the socket of cri-dockerd as endpoint; not tested yet"),
    ("containerd", "-", "with its socket as endpoint; tested on nodes with containerd alone"),
    ("cri-o", "roles crio, registries, crictl, runtime", "by default in all modules"),
    ("isulad", "-", "with its socket as endpoint; not tested yet"),
    (
        "kata-containers",
        "as a handler of CRI-O (crio_config)",
        "as pods of CRI-O (runtimeClassName); not tested yet",
    ),
)


def provision(session: Session) -> None:
    """Provision both nodes twice, then verify them."""
    screen = session.screen
    screen.heading("Provision two nodes with the desired configuration")
    session.show_file("hosts.ini")
    session.add_variables("crio_variables.yml", "group_vars/nodes/crio.yml")
    programs = session.each(_crio_binary)
    screen.say("Check mode shows what a run would change and what it would disrupt, and changes nothing:")
    preview = session.play(
        "cri.node.provision", "--check", "--skip-tags", "verify", show=("Report the changes",)
    )
    run = session.play("cri.node.provision", show=("Report the changes", "Report the results", "RECAP"))
    screen.check("one task changed each node", session.each(lambda n: run.stats[n.name]["changed"]), 1)
    planned, done = plans(preview), plans(run)
    screen.check(
        "the plan of each node was a restart, with the same files as in the run",
        session.each(
            lambda n: (planned[n.name]["disruption"], planned[n.name]["files"] == done[n.name]["files"])
        ),
        ("restart", True),
    )
    screen.check(
        "the run created the first generation",
        session.each(lambda n: done[n.name]["generations"][n.name]),
        1,
    )
    screen.check(
        "CRI-O was already installed and was not replaced",
        session.each(_crio_binary),
        programs[_first(session)],
    )
    screen.check("the role warns that selinux has no effect", _warned_of_selinux(session, run), True)
    loaded = session.each(_invocation)

    screen.heading("Provision again: the nodes already match the desired state")
    again = session.play("cri.node.provision", "--skip-tags", "verify", show=("RECAP",))
    screen.check("no task changed anything", session.each(lambda n: again.stats[n.name]["changed"]), 0)
    same = {name: loaded[name] == now for name, now in session.each(_invocation).items()}
    screen.check("CRI-O was not restarted", same)

    screen.heading("Verify files, daemon, network, metrics and a pod that runs to completion")
    session.play("cri.node.verify", show=("Report the results",))
    report = json.loads((session.folder / "cri-node-verify.json").read_text())
    screen.check(
        "the report lists each node as passed",
        {name: node["status"] for name, node in report["nodes"].items()},
        "passed",
    )
    failed = {
        name: [check for check in node["checks"] if check["status"] not in ("passed", "skipped")]
        for name, node in report["nodes"].items()
    }
    screen.check("no check failed or warned", failed, [])


def runtimes(session: Session) -> None:
    """Point 1."""
    screen = session.screen
    screen.heading("Point 1: container runtimes and how the collection supports them")
    for name, configured, read in (("runtime", "configuration", "access through CRI"), *RUNTIMES):
        screen.line(f"    {name:<16} {configured:<40} {read}")
    run = session.play("runtimes.yml", show=("TASK [Show ",))
    names = session.of(
        run, "Gather facts about the runtime", lambda result: _info(result)["version"]["runtime_name"]
    )
    screen.check("the facts contain the name of the runtime", names, "cri-o")
    handlers = session.of(
        run, "Gather facts about the runtime", lambda result: "crun" in str(_info(result)["handlers"])
    )
    screen.check("the facts contain the handlers of the runtime", handlers)
    rendered = run.of("Show the rendered crio.conf")["msg"]
    screen.check(
        "Kata Containers is accepted as a handler", {"here": "[crio.runtime.runtimes.kata]" in rendered}
    )


def preinstalled(session: Session) -> None:
    """Point 2."""
    screen = session.screen
    screen.heading("Point 2: CRI-O is preinstalled on the nodes (crio_install: preinstalled, the default)")
    screen.say(
        "The role finds CRI-O by its unit and never replaces it. With crio_install: bundle, it installs CRI-O's static bundle."
    )
    versions = session.type_on_nodes(
        "crio --version | head -2; systemctl is-enabled crio; systemctl is-active crio"
    )
    known = {node.name: node.crio for node in session.nodes}
    screen.check("CRI-O is installed", {name: known[name] in done.out for name, done in versions.items()})
    states = {name: done.out.split()[-2:] for name, done in versions.items()}
    screen.check("CRI-O is running and enabled", states, ["enabled", "active"])


def settings(session: Session) -> None:
    """Point 3."""
    screen = session.screen
    screen.heading("Point 3: the article's crio.conf with selinux, plugin_dirs and metrics on port 9537")
    session.type_on_nodes(f"cat {DROP_IN}")
    live = session.each(lambda node: tomllib.loads(live_configuration(node))["crio"])
    screen.say("The values that the running daemon uses, read from its socket:")
    session.type_on_nodes(
        "curl -s --unix-socket /var/run/crio/crio.sock http://crio/config"
        " | grep -E '^ *(selinux|plugin_dirs|enable_metrics|metrics_port) ='"
    )
    screen.check("selinux = true is live", _live(live, "runtime", "selinux"), True)
    folders = ["/usr/libexec/cni", "/usr/lib/cni"]
    screen.check("plugin_dirs is live", _live(live, "network", "plugin_dirs"), folders)
    screen.check("enable_metrics is live", _live(live, "metrics", "enable_metrics"), True)
    screen.check("metrics_port is live", _live(live, "metrics", "metrics_port"), METRICS_PORT)
    session.type_on_nodes(
        f"curl -s http://127.0.0.1:{METRICS_PORT}/metrics | grep ^container_runtime_crio", limit=3
    )
    metrics = session.each(lambda node: metrics_answer(node, METRICS_PORT))
    screen.check(f"CRI-O serves its metrics on port {METRICS_PORT}", metrics)
    screen.say(
        "Storage is configured in containers-storage.conf(5). Settings that CRI-O reloads need no restart: see point 7."
    )
    storage = session.each(lambda node: "storage" in node.read_file(DROP_IN))
    screen.check("the drop-in contains no storage settings", storage, False)


def conditions(session: Session) -> None:
    """Point 4."""
    screen = session.screen
    screen.heading("Point 4: crictl info as facts: RuntimeReady and NetworkReady")
    run = session.play("conditions.yml", show=("TASK [Show ",))
    found = session.of(
        run, "Gather facts about the runtime", lambda result: _statuses(_info(result)["conditions"])
    )
    screen.check("both conditions are true, as booleans", found, CONDITIONS)
    own = session.each(lambda node: _statuses(node.crictl("info")["status"]["conditions"]))
    screen.check("crictl info shows the same on the node", own, CONDITIONS)


def containers(session: Session) -> None:
    """Point 5. Leaves a running container, which the later points must not stop."""
    screen = session.screen
    screen.heading("Point 5: list running containers, list containers by state, read a log")
    screen.say(
        "Each node has two containers, started as by a kubelet: web, which is running, and writer, which has exited."
    )
    session.each(_start_containers)
    run = session.play("containers.yml", show=("TASK [Show ",))
    running = session.of(
        run, "List the running containers", lambda result: sorted(c["id"] for c in _containers(result))
    )
    screen.check(
        "the facts list the same containers as crictl ps", same(running, session.each(running_containers))
    )
    ended = session.of(
        run, "List the exited containers", lambda result: [_end(c) for c in _containers(result)]
    )
    screen.check("the exited container is writer, with exit code 0", ended, [("writer", "exited", 0)])
    logs = session.of(run, "Read the last lines of a log", _entries)
    own = session.each(
        lambda node: node.check("crictl logs --tail 2 $(crictl ps -aq --name writer) 2>&1").splitlines()
    )
    screen.check("the last lines are the same as those of crictl logs", same(logs, own))


def hello_world(session: Session) -> None:
    """Point 6."""
    screen = session.screen
    screen.heading("Point 6: run the article's Pod manifest without a kubelet or an API server")
    session.add_variables("hello_world_variables.yml", "group_vars/nodes/hello_world.yml")
    session.type_on_nodes(f"crictl rmi {IMAGE}")
    run = session.play("hello_world.yml", show=("TASK [Show ",))
    first, second = (
        "Run the pod with a missing image",
        "Run the pod again with an existing image",
    )
    screen.check(
        "the missing image was pulled", session.of(run, first, lambda result: result["pulled"]), [IMAGE]
    )
    screen.check(
        "the existing image was not pulled again",
        session.of(run, second, lambda result: result["pulled"]),
        [],
    )
    states = session.of(run, first, lambda result: [_end(c) for c in result["containers"]])
    screen.check("the container exited with code 0", states, [("hello-world", "exited", 0)])
    log = session.of(
        run, "Read the log of the exited container", lambda result: _logs(result)["text"].strip()
    )
    screen.check("the log of the exited container can be read", log, HELLO)
    listed = session.type_on_nodes("crictl ps -a | grep hello-world | tr -s ' '")
    screen.check("crictl shows it as exited", {name: "Exited" in done.out for name, done in listed.items()})


def imported_image(session: Session) -> None:
    """Point 6, with an image that no registry provides. Needs the pod of hello_world."""
    screen, maker = session.screen, session.nodes[0]
    screen.heading("Point 6: run the same Pod with an image that is imported offline")
    screen.say("An archive of the image is made while the registry can be reached:")
    session.type_on(maker, f"skopeo copy --quiet docker://{IMAGE} docker-archive:{ARCHIVE}:{IMAGE}")
    identity = _id_in_archive(session.copy_from(maker, ARCHIVE))
    session.type_on_nodes(
        f"crictl rmp --force $(crictl pods --quiet --name hello-world) && crictl rmi {IMAGE}"
    )
    with session.without_registry():
        refused = session.type_on_nodes(f"crictl pull {IMAGE}", only="level=fatal")
        screen.check("the image cannot be pulled", {name: done.rc for name, done in refused.items()}, 1)
        session.show_file("imported_image.yml", limit=17)
        run = session.play("imported_image.yml", show=("TASK [Show ",))
    added = session.of(run, "Import the image from an archive", lambda result: _added(result["images"]))
    screen.check("the archive's image was imported", added, [(IMAGE, "import", identity)])
    pod = "Run the pod with the imported image"
    screen.check("nothing was pulled", session.of(run, pod, lambda result: result["pulled"]), [])
    log = session.of(run, "Read the log of the container", lambda result: _logs(result)["text"].strip())
    screen.check("the container ran, and its log can be read", log, HELLO)


def insecure_registry(session: Session) -> None:
    """Point 7."""
    screen = session.screen
    screen.heading("Point 7: pull from a registry without TLS")
    refused = session.type_on_nodes(f"crictl pull {UNLISTED_IMAGE}", only="level=fatal")
    words = "server gave HTTP response to HTTPS client"
    screen.check(
        "CRI-O refuses to pull from a registry that is not configured",
        {name: words in done.err for name, done in refused.items()},
    )
    session.add_variables("registries_variables.yml", REGISTRIES)
    invocations, running = session.each(_invocation), session.each(running_containers)
    run = session.play(
        "registries.yml",
        "--diff",
        show=("Apply the registries configuration", "Report the changes", "RECAP"),
        limit=12,
    )
    screen.check("the plan was a reload", session.of(run, APPLY_REGISTRIES, _disruption), "reload")
    screen.check("CRI-O was not restarted", same(session.each(_invocation), invocations))
    pulled = session.type_on_nodes(f"crictl pull {UNLISTED_IMAGE}")
    screen.check("the same pull now succeeds", {name: done.rc for name, done in pulled.items()}, 0)
    screen.check("the running containers are still running", same(session.each(running_containers), running))
    screen.say("The article's alternative is OpenShift's Image resource. It replaces the variables above:")
    named = session.play("endpoints.yml", show=("TASK [Show ",))
    session.remove(REGISTRIES)
    session.add_variables("openshift_variables.yml", REGISTRIES)
    session.play("registries.yml", show=("Report the changes",))
    by_object = session.play("endpoints.yml", show=("TASK [Show ",))
    screen.check(
        "both configure the same registries",
        same(session.of(by_object, RESOLVE, _registries), session.of(named, RESOLVE, _registries)),
    )
    places = session.of(by_object, RESOLVE, lambda result: result["images"][0]["endpoints"][0]["insecure"])
    screen.check("the image is pulled over plain HTTP", places, True)


PARTS = (
    provision,
    runtimes,
    preinstalled,
    settings,
    conditions,
    containers,
    hello_world,
    imported_image,
    insecure_registry,
    changes.plan,
    changes.drift,
    changes.rollback,
)


# Values that the checks compare


def _first(session: Session) -> str:
    return session.nodes[0].name


def _crio_binary(node: Node) -> str:
    return node.check("sha256sum $(command -v crio)")


def _invocation(node: Node) -> str:
    return service(node, "InvocationID")


def _warned_of_selinux(session: Session, run) -> dict[str, bool]:
    """Return whether each node has the warning that selinux has no effect, or, on a host with SELinux, does not have it."""
    words = "crio.runtime.selinux is set, but has no effect on this node"
    enforced = session.each(lambda node: node.exists("/sys/fs/selinux/enforce"))
    warned = session.of(run, APPLY, lambda result: words in str(result.get("warnings")))
    return {name: warned[name] != enforced[name] for name in warned}


def _disruption(result) -> str:
    return result["plan"]["disruption"]


def _registries(result) -> list[dict]:
    return result["registries"]


def _info(result) -> dict:
    return result["ansible_facts"]["crictl_info"]


def _statuses(found) -> dict[str, bool]:
    return {each["type"]: each["status"] for each in found if each["type"] in CONDITIONS}


def _live(live: dict, table: str, key: str) -> dict:
    return {name: tables[table][key] for name, tables in live.items()}


def _containers(result) -> list[dict]:
    return result["ansible_facts"]["crictl_ps"]["containers"]


def _end(container) -> tuple:
    return container["name"], container["state"], container["exit_code"]


def _id_in_archive(path: Path) -> str:
    """Return the ID of the only image of a docker-archive, which is the hash of its configuration."""
    with tarfile.open(path) as archive:
        (image,) = json.load(archive.extractfile("manifest.json"))
        return hashlib.sha256(archive.extractfile(image["Config"]).read()).hexdigest()


def _added(images) -> list[tuple]:
    return [(image["name"], image["action"], image["id"]) for image in images]


def _logs(result) -> dict:
    return result["ansible_facts"]["crictl_logs"]


def _entries(result) -> list[str]:
    return [entry["text"] for entry in _logs(result)["entries"]]


def _start_containers(node: Node) -> None:
    node.run_pod("long-running", name="web")
    writer = node.run_pod("log-writer", name="writer")
    node.wait_for(
        "writer has exited",
        lambda: (writer.container_id in (out := node.check("crictl ps -q --no-trunc --state exited")), out),
    )
