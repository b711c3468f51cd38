# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo shows, point by point. Each function gets a Session, types commands and checks what comes of them."""

import json
import tomllib

from demo.session import Session
from testbed.node import Node
from testbed.observed import live_configuration, metrics_answer, running_containers, service

APPLY = "cri.node.runtime : Apply the runtime configuration"
INSTALL = "cri.node.crio : Install CRI-O from its static bundle"
APPLY_REGISTRIES = "cri.node.registries : Apply the configuration of registries"
DROP_IN = "/etc/crio/crio.conf.d/60-cri-node.conf"
UNLISTED_IMAGE = "unlisted:5000/hello-world:1"
IMAGE = "registry:5000/hello-world:1"
HELLO = "Hello from a container"  # what the image says
METRICS_PORT = 9537
CONDITIONS = {"RuntimeReady": True, "NetworkReady": True}

# runtime, what configures it, what reads and uses it through CRI
RUNTIMES = (
    ("docker", "-", "by cri-dockerd's socket as endpoint; not tried yet"),
    ("containerd", "-", "by its socket as endpoint; its answers are known to the tests"),
    ("cri-o", "roles crio, registries, crictl, runtime", "by all modules, without being asked"),
    ("isulad", "-", "by its socket as endpoint; not tried yet"),
    (
        "kata-containers",
        "as a handler of CRI-O (crio_config)",
        "as pods of CRI-O (runtimeClassName); not tried yet",
    ),
)


def provision(session: Session) -> None:
    """Both nodes provisioned, twice, and verified."""
    screen = session.screen
    screen.heading("Provision two nodes: what is wanted, said once")
    session.show_file("hosts.ini")
    session.add_variables("crio_variables.yml", "group_vars/nodes/crio.yml")
    programs = session.each(_crio_binary)
    screen.say("What a run would change, and what that disturbs, before anything is changed:")
    preview = session.play(
        "cri.node.provision", "--check", "--skip-tags", "verify", show=("Report the changes",)
    )
    run = session.play("cri.node.provision", show=("Report the changes", "Report the results", "RECAP"))
    screen.check(
        "each node was changed, by one task", session.each(lambda n: run.stats[n.name]["changed"]), 1
    )
    planned, done = _plans(preview), _plans(run)
    screen.check(
        "the preview names a restart, and the same files as the run",
        session.each(
            lambda n: (planned[n.name]["disruption"], planned[n.name]["files"] == done[n.name]["files"])
        ),
        ("restart", True),
    )
    screen.check(
        "the run made the first generation", session.each(lambda n: done[n.name]["generations"][n.name]), 1
    )
    screen.check(
        "nothing was installed: CRI-O was there", session.each(_crio_binary), programs[_first(session)]
    )
    screen.check("selinux is told as without effect", _told_of_selinux(session, run), True)
    loaded = session.each(_invocation)

    screen.heading("Once more: nothing to do, so nothing is done")
    again = session.play("cri.node.provision", show=("RECAP",))
    screen.check("no task changed anything", session.each(lambda n: again.stats[n.name]["changed"]), 0)
    same = {name: loaded[name] == now for name, now in session.each(_invocation).items()}
    screen.check("CRI-O was not restarted", same)

    screen.heading("Verify: files, daemon, network, metrics, a pod that runs to its end")
    session.play("cri.node.verify", show=("Report the results",))
    report = json.loads((session.folder / "cri-node-verify.json").read_text())
    screen.check(
        "the report says passed", {name: node["status"] for name, node in report["nodes"].items()}, "passed"
    )
    failed = {
        name: [check for check in node["checks"] if check["status"] not in ("passed", "skipped")]
        for name, node in report["nodes"].items()
    }
    screen.check("no check of it failed or warns", failed, [])


def runtimes(session: Session) -> None:
    """Point 1."""
    screen = session.screen
    screen.heading("Point 1: the container runtimes of the day, and what the collection does for each")
    for name, configured, read in (("runtime", "configured by", "read and used through CRI"), *RUNTIMES):
        screen.line(f"    {name:<16} {configured:<40} {read}")
    run = session.play("runtimes.yml", show=("Tell ", "Show "))
    told = session.of(run, "Read the runtime", lambda result: _info(result)["version"]["runtime_name"])
    screen.check("the facts name the runtime", told, "cri-o")
    handlers = session.of(run, "Read the runtime", lambda result: "crun" in str(_info(result)["handlers"]))
    screen.check("and the handlers that it can start pods with", handlers)
    rendered = run.of("Show what crio.conf would contain")["msg"]
    screen.check("Kata is accepted as a handler of it", {"here": "[crio.runtime.runtimes.kata]" in rendered})


def preinstalled(session: Session) -> None:
    """Point 2."""
    screen = session.screen
    screen.heading("Point 2: CRI-O is preinstalled on the nodes (crio_install: preinstalled, the default)")
    screen.say(
        "It is found by its unit and never replaced. crio_install: bundle is the other way: CRI-O's static bundle."
    )
    versions = session.type_on_nodes(
        "crio --version | head -2; systemctl is-enabled crio; systemctl is-active crio"
    )
    known = {node.name: node.crio for node in session.nodes}
    screen.check("crio is there", {name: known[name] in said.out for name, said in versions.items()})
    states = {name: said.out.split()[-2:] for name, said in versions.items()}
    screen.check("it runs, and the next boot starts it", states, ["enabled", "active"])


def settings(session: Session) -> None:
    """Point 3."""
    screen = session.screen
    screen.heading("Point 3: the article's crio.conf: selinux, plugin_dirs, metrics on 9537")
    session.type_on_nodes(f"cat {DROP_IN}")
    live = session.each(lambda node: tomllib.loads(live_configuration(node))["crio"])
    screen.say("And what the running daemon uses, as it tells it on its socket:")
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
    screen.check(f"metrics of CRI-O come from port {METRICS_PORT}", metrics)
    screen.say(
        "Storage is left to containers-storage.conf(5). What CRI-O reloads on SIGHUP costs no restart: see point 7."
    )
    storage = session.each(lambda node: "storage" in node.read_file(DROP_IN))
    screen.check("the collection's file says nothing of storage", storage, False)


def conditions(session: Session) -> None:
    """Point 4."""
    screen = session.screen
    screen.heading("Point 4: crictl info: RuntimeReady and NetworkReady, as facts")
    run = session.play("conditions.yml", show=("Tell ",))
    found = session.of(run, "Read the runtime", lambda result: _statuses(_info(result)["conditions"]))
    screen.check("both conditions hold, as booleans", found, CONDITIONS)
    own = session.each(lambda node: _statuses(node.crictl("info")["status"]["conditions"]))
    screen.check("crictl info says the same on the node", own, CONDITIONS)


def containers(session: Session) -> None:
    """Point 5. Leaves a running container, whose life the later points must not end."""
    screen = session.screen
    screen.heading("Point 5: list what runs, list by state, read a log")
    screen.say(
        "Beforehand each node was given two containers, as by a kubelet: web, which runs, and writer, which has ended."
    )
    session.each(_start_containers)
    run = session.play("containers.yml", show=("Tell ",))
    running = session.of(
        run, "List the running containers", lambda result: sorted(c["id"] for c in _containers(result))
    )
    screen.check("the facts list what crictl ps lists", _same(running, session.each(running_containers)))
    ended = session.of(run, "List those that ended", lambda result: [_end(c) for c in _containers(result)])
    screen.check("by state: writer, exited with 0", ended, [("writer", "exited", 0)])
    logs = session.of(run, "Read the last lines of one of them", _entries)
    own = session.each(
        lambda node: node.check("crictl logs --tail 2 $(crictl ps -aq --name writer) 2>&1").splitlines()
    )
    screen.check("the log's last lines are those of crictl logs", _same(logs, own))


def hello_world(session: Session) -> None:
    """Point 6."""
    screen = session.screen
    screen.heading("Point 6: a container from the article's Pod manifest, without kubelet and API server")
    session.show_file("hello_world.yml", limit=17)
    session.type_on_nodes(f"crictl rmi {IMAGE}")
    run = session.play("hello_world.yml", show=("Tell ",))
    first, second = (
        "Run the pod, whose image the node does not have",
        "Run it again, now that the node has the image",
    )
    screen.check(
        "the image was pulled on demand", session.of(run, first, lambda result: result["pulled"]), [IMAGE]
    )
    screen.check(
        "and not again once it was there", session.of(run, second, lambda result: result["pulled"]), []
    )
    states = session.of(run, first, lambda result: [_end(c) for c in result["containers"]])
    screen.check("the container ended at once", states, [("hello-world", "exited", 0)])
    log = session.of(run, "Read its log, though it has ended", lambda result: _logs(result)["text"].strip())
    screen.check("its log can still be read", log, HELLO)
    listed = session.type_on_nodes("crictl ps -a | grep hello-world | tr -s ' '")
    screen.check("crictl shows it as exited", {name: "Exited" in said.out for name, said in listed.items()})
    screen.say(
        "The third way, an image imported from an archive without any registry, comes later: it is not built."
    )


def insecure_registry(session: Session) -> None:
    """Point 7."""
    screen = session.screen
    screen.heading("Point 7: a registry without TLS")
    refused = session.type_on_nodes(f"crictl pull {UNLISTED_IMAGE}", only="level=fatal")
    words = "server gave HTTP response to HTTPS client"
    screen.check(
        "a registry that nobody listed is refused",
        {name: words in said.err for name, said in refused.items()},
    )
    session.add_variables("registries_variables.yml", "group_vars/nodes/registries.yml")
    invocations, running = session.each(_invocation), session.each(running_containers)
    run = session.play(
        "registries.yml", "--diff", show=("Apply the configuration", "Report the changes", "RECAP"), limit=12
    )
    screen.check("the plan was a reload", session.of(run, APPLY_REGISTRIES, _disruption), "reload")
    screen.check("CRI-O was not restarted", _same(session.each(_invocation), invocations))
    pulled = session.type_on_nodes(f"crictl pull {UNLISTED_IMAGE}")
    screen.check("the same pull works now", {name: said.rc for name, said in pulled.items()}, 0)
    screen.check("what ran before still runs", _same(session.each(running_containers), running))
    screen.say(
        "The article's other form, spec.registrySources of OpenShift's Image, comes later: it is not built."
    )


POINTS = (provision, runtimes, preinstalled, settings, conditions, containers, hello_world, insecure_registry)


# What is looked at


def _first(session: Session) -> str:
    return session.nodes[0].name


def _same(one: dict, other: dict) -> dict[str, bool | tuple]:
    """True for each node where both are equal, else both."""
    return {name: value == other[name] or (value, other[name]) for name, value in one.items()}


def _crio_binary(node: Node) -> str:
    return node.check("sha256sum $(command -v crio)")


def _invocation(node: Node) -> str:
    return service(node, "InvocationID")


def _told_of_selinux(session: Session, run) -> dict[str, bool]:
    """Whether each node was told that selinux has no effect; on a host with SELinux, whether it was not."""
    words = "crio.runtime.selinux is set, without effect here"
    enforced = session.each(lambda node: node.exists("/sys/fs/selinux/enforce"))
    told = session.of(run, APPLY, lambda result: words in str(result.get("warnings")))
    return {name: told[name] != enforced[name] for name in told}


def _plans(run) -> dict[str, dict]:
    """What the statistics of a run say of each node that it changes, or would change."""
    plans = run.custom["_run"]["cri_node_plan"]["plans"]
    return {name: plan for plan in plans for name in plan["nodes"]}


def _disruption(result) -> str:
    return result["plan"]["disruption"]


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


def _logs(result) -> dict:
    return result["ansible_facts"]["crictl_logs"]


def _entries(result) -> list[str]:
    return [entry["text"] for entry in _logs(result)["entries"]]


def _start_containers(node: Node) -> None:
    node.run_pod("long-running", name="web")
    writer = node.run_pod("log-writer", name="writer")
    node.wait_for(
        "writer ended",
        lambda: (writer.container_id in (out := node.check("crictl ps -q --no-trunc --state exited")), out),
    )
