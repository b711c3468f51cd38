# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen on a node becomes checks: which one fails, warns or is skipped, and in which words."""

import copy

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification
from ansible_collections.cri.node.plugins.plugin_utils.verify.checks import Asked

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
OLD = "/etc/containers/registries.conf.d/zz-cri-node.conf"
IMAGE = "registry.example.com/hello-world:1"
APP = "registry.example.com/app:1"
PORT = "crio.metrics.metrics_port"
ENTRY = {
    "path": PATH,
    "owner": "crio",
    "content": "[crio.metrics]\nmetrics_port = 9537\n",
    "mode": "0644",
    "secret": False,
    "disruption": "restart",
    "config": {"data": {"crio": {"metrics": {"metrics_port": 9537}}}, "expect": {PORT: "9537"}, "layers": {}},
}
HANDLER = {
    **ENTRY,
    "config": {
        "data": {"crio": {"runtime": {"runtimes": {"kata": {"runtime_path": "/opt/kata"}, "crun": {}}}}},
        "layers": {"crio.runtime.runtimes.kata.runtime_path": "crio_config__kata"},
    },
}
HANDLER["config"]["expect"] = config_lines(HANDLER["config"]["data"])
KATA = "crio.runtime.runtimes.kata"
GONE = {key: None for key, value in HANDLER["config"]["expect"].items() if KATA in key and value is not None}
LOADED = {"file_type": "file", "as_wanted": True, "loaded": True, "disruption": "restart"}
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "restart"}
NO_CNI = "Network plugin returns error: no CNI configuration file in /etc/cni/net.d/."
HEALTHY = {
    "state": {
        "crio": {"installed": True, "binary": "/usr/bin/crio", "version": "1.37.0"},
        "unit": {
            "name": "crio.service",
            "masked": False,
            "active": True,
            "phase": "serving",
            "enabled": True,
            "reloads": True,
            "binary_replaced": False,
        },
        "files": {PATH: LOADED},
        "orphans": {},
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
        "selinux": True,
        "root_registries": "",
        "notes": [],
        "interrupted": False,
    },
    "owners": ["crio"],
    "configuration_error": "",
    "plugin_dirs": {"/opt/cni/bin": 0, "/usr/lib/cni": 16},
    "cni_files": [],
    "conditions": [
        {"type": "RuntimeReady", "status": True, "reason": "", "message": ""},
        {"type": "NetworkReady", "status": True, "reason": "", "message": ""},
    ],
    "metrics": {
        "enabled": True,
        "port": 9537,
        "url": "http://127.0.0.1:9537/metrics",
        "socket": "",
        "lines": 214,
    },
    "pod": {"log_lines": 1},
    "pulls": {APP: ""},
}
IDLE = {"state": {"unit": {"active": False}}}


def node(change):
    """A healthy node but for the change, which is merged deeply; None takes a key away."""

    def merge(base, more):
        for key, value in more.items():
            if value is None and key in base:
                del base[key]
            elif isinstance(value, dict) and isinstance(base.get(key), dict) and value:
                merge(base[key], value)
            else:
                base[key] = value
        return base

    return merge(copy.deepcopy(HEALTHY), change)


def network(reason, message, *files):
    return {
        "cni_files": list(files),
        "conditions": [
            {"type": "RuntimeReady", "status": True, "reason": "", "message": ""},
            {"type": "NetworkReady", "status": False, "reason": reason, "message": message},
        ],
    }


def checks(change, entries=(ENTRY,), **asked):
    asked = Asked(**{"network": "optional", "image": IMAGE, "pull": [APP], "check_mode": False, **asked})
    seen = node(change)
    if not seen["state"]["unit"]["active"] and seen["state"]["unit"]["phase"] == "serving":
        seen["state"]["unit"]["phase"] = "stopped"
    if not seen["state"]["unit"]["active"] or not seen["state"]["crio"]["installed"]:
        seen = {"state": seen["state"], "owners": seen["owners"]}
    found = verification.judge(plan.WantedFiles(list(entries), ["crio"]), seen, asked)
    return {check["name"]: check for check in found}


def test_all_checks_of_a_healthy_node_pass_in_a_fixed_order():
    found = checks({})
    assert list(found) == [
        "service", "runtime", "network", "files", "loaded", "settings", "cni_plugins", "metrics", "pod", f"pull {APP}",
    ]  # fmt: skip
    assert {check["status"] for check in found.values()} == {"passed"}
    assert found["metrics"]["detail"] == "214 metrics at http://127.0.0.1:9537/metrics"
    assert found["cni_plugins"]["detail"] == "16 programs in /opt/cni/bin, /usr/lib/cni"


@pytest.mark.parametrize(
    ("change", "asked", "name", "status", "words"),
    [
        pytest.param(
            {"state": {"crio": {"installed": False}}}, {}, "service", "failed", "CRI-O is not installed",
            id="no CRI-O",
        ),
        pytest.param(IDLE, {}, "service", "failed", "crio.service does not run", id="stopped"),
        pytest.param(
            {"state": {"unit": {"masked": True, "active": False}}}, {"check_mode": True},
            "service", "failed", "is masked", id="masked: no run changes that",
        ),
        pytest.param(
            {"state": {"unit": {"enabled": False}}}, {}, "service", "warning", "no boot starts it", id="not enabled"
        ),
        pytest.param(IDLE, {}, "metrics", "skipped", "does not tell", id="nobody to ask for metrics"),
        pytest.param(
            {"conditions": None, "conditions_error": "crictl info gave no answer within 10 s"}, {},
            "runtime", "failed", "no answer within 10 s", id="deaf",
        ),
        pytest.param(
            {"conditions": HEALTHY["conditions"][1:]}, {}, "runtime", "failed", "does not tell the condition RuntimeReady",
            id="a condition is missing",
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI), {}, "network", "passed", NO_CNI, id="no CNI yet, which is optional"
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI), {"network": "required"},
            "network", "failed", "NetworkReady is false: NetworkPluginNotReady: Network plugin", id="no CNI, but required",
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI, "/etc/cni/net.d/10-x.conflist"), {},
            "network", "failed", "its files: /etc/cni/net.d/10-x.conflist",
            id="a CNI that CRI-O overlooks",
        ),
        pytest.param(
            network("NetworkPluginNotReady", 'plugin type="bridge" failed'), {},
            "network", "failed", 'plugin type="bridge" failed', id="a broken CNI passes never",
        ),
        pytest.param(
            {"state": {"files": {PATH: ABSENT}}}, {}, "files", "failed", f"{PATH} is missing", id="a file is missing"
        ),
        pytest.param(
            {"state": {"orphans": {OLD: {**ABSENT, "file_type": "file"}}}}, {},
            "files", "failed", f"{OLD} is not wanted any more", id="an orphan",
        ),
        pytest.param(
            {"state": {"interrupted": True}}, {}, "files", "failed", "interrupted and is still open", id="an open change"
        ),
        pytest.param(
            {"state": {"files": {PATH: {"loaded": False}}}}, {},
            "loaded", "failed", "has not loaded it", id="not restarted after a change",
        ),
        pytest.param(
            {"state": {"files": {PATH: {"loaded": False}}}}, {},
            "settings", "skipped", "has not loaded the wanted files", id="values are compared once they can be live",
        ),
        pytest.param(
            {"state": {"unit": {"binary_replaced": True}}}, {},
            "loaded", "failed", "another crio than /usr/bin/crio is now", id="upgraded, not restarted",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}}}, {},
            "settings", "failed", f"{PORT} is set to 9537, but the running CRI-O uses 9999", id="outranked",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}, "effective": {PORT: "9537"}}}, {}, "settings", "failed",
            f"{PORT}: the running CRI-O uses 9999, while its files now say 9537: it was not restarted since",
            id="an old daemon",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}, "effective": {PORT: "9999"}}}, {}, "settings", "failed", "outranks it",
            id="still outranked",
        ),
        pytest.param(
            {"state": {"notes": ["state.json was damaged\x1b; it was rebuilt"]}}, {}, "files", "warning",
            "state.json was damaged\ufffd; it was rebuilt", id="a record of the node was damaged",
        ),
        pytest.param(
            {"state": {"notes": ["state.json was rebuilt"], "files": {PATH: ABSENT}}}, {}, "files", "failed",
            f"{PATH} is missing; state.json was rebuilt", id="damaged, and a file is missing",
        ),
        pytest.param(
            {"state": {"unit": {"phase": "between", "state": "activating (auto-restart)", "active": False}}}, {},
            "service", "failed", "crio.service is activating (auto-restart), neither running nor stopped", id="between",
        ),
        pytest.param(
            {"plugin_dirs": {"/opt/cni/bin": 0}, "plugin_dir_errors": {"/opt/cni/bin": "Not a directory"}}, {},
            "cni_plugins", "passed", "16 programs in /opt/cni/bin (Not a directory), /usr/lib/cni", id="no directory",
        ),
        pytest.param(
            {"configuration_error": "GET /config: HTTP status 500"}, {}, "settings", "failed", "HTTP status 500",
            id="no live configuration",
        ),
        pytest.param(
            {"plugin_dirs": {"/usr/lib/cni": 0}}, {},
            "cni_plugins", "warning", "no program in crio.network.plugin_dirs: /opt/cni/bin, /usr/lib/cni", id="no CNI plugin",
        ),
        pytest.param({"metrics": {"enabled": False}}, {}, "metrics", "skipped", "is off", id="metrics off"),
        pytest.param({"metrics": {"port": 0}}, {}, "metrics", "skipped", "any free port", id="any metrics port"),
        pytest.param(
            {"metrics": {"error": "timed out"}}, {}, "metrics", "failed", "9537/metrics: timed out", id="firewalled"
        ),
        pytest.param({"metrics": {"lines": 0}}, {}, "metrics", "failed", "without metrics of CRI-O", id="not CRI-O's"),
        pytest.param(
            {"metrics": {"socket": "/run/crio/metrics.sock"}}, {},
            "metrics", "passed", "the socket /run/crio/metrics.sock was not asked", id="a metrics socket",
        ),
        pytest.param({}, {"image": ""}, "pod", "skipped", "no image is given", id="no pod"),
        pytest.param({"pod": {"log_lines": 0}}, {}, "pod", "failed", "its log is empty", id="an empty log"),
        pytest.param(
            {"pod": {"error": "it ended with exit code 1", "kubelet": False}}, {},
            "pod", "failed", f"{IMAGE}: it ended with exit code 1", id="the pod fails",
        ),
        pytest.param(
            {"pod": {"error": "it vanished", "kubelet": True}}, {}, "pod", "failed", "kubelet runs", id="a kubelet at work"
        ),
        pytest.param({}, {"check_mode": True}, "pod", "skipped", "check mode", id="no pod in check mode"),
        pytest.param({}, {"check_mode": True}, f"pull {APP}", "skipped", "check mode", id="no pull in check mode"),
        pytest.param({"pulls": {APP: "manifest unknown"}}, {}, f"pull {APP}", "failed", "manifest unknown", id="no image"),
        pytest.param(
            {"pod": {}, "pulls": {}}, {}, f"pull {APP}", "skipped", "cannot be asked", id="no crictl to pull with"
        ),
    ],
)  # fmt: skip
def test_a_fault_has_one_check_and_says_why(change, asked, name, status, words):
    check = checks(change, **asked)[name]
    assert check["status"] == status
    assert words in check["detail"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": {"files": {PATH: ABSENT}}}, id="a file to write"),
        pytest.param({"state": {"files": {PATH: {"loaded": False}}}}, id="a daemon to restart"),
        pytest.param({"state": {"interrupted": True}}, id="a change to undo"),
        pytest.param({"state": {"live": {PORT: "1"}, "effective": {PORT: "9537"}}}, id="an old daemon"),
        pytest.param(IDLE, id="a daemon to start"),
        pytest.param({"state": {"crio": {"installed": False}}}, id="a CRI-O to install"),
    ],
)
def test_in_check_mode_what_a_run_would_change_fails_nothing(change):
    found = checks(change, check_mode=True).values()
    assert "failed" not in {check["status"] for check in found}
    assert "failed" in {check["status"] for check in checks(change).values()}


def test_a_file_beside_the_daemon_is_missed_only_where_its_role_was_at_work():
    path = "/etc/crictl.yaml"
    config = {**ENTRY, "path": path, "owner": "crictl", "disruption": "none", "config": None}
    missing = {"state": {"files": {path: {**ABSENT, "disruption": "none"}}}}
    assert checks(missing, [ENTRY, config])["files"]["status"] == "passed"
    found = checks({**missing, "owners": ["crictl", "crio"]}, [ENTRY, config])["files"]
    assert (found["status"], found["detail"]) == ("failed", f"{path} is missing")


def test_nothing_asked_for_is_nothing_to_hold_against_the_node():
    found = checks({"state": {"files": {}}}, entries=())
    assert (found["files"]["status"], found["settings"]["status"]) == ("skipped", "skipped")


def test_credentials_and_control_characters_of_an_error_are_not_shown():
    said = "proxyconnect tcp: dial http://user:tr0ub4dor@proxy.example.com:3128:\n\x1b[31mrefused"
    detail = checks({"pulls": {APP: said}})[f"pull {APP}"]["detail"]
    assert detail == "proxyconnect tcp: dial http://***@proxy.example.com:3128: \ufffd[31mrefused"


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        pytest.param({"handlers": ["runc", "kata", "crun"]}, "passed", "CRI-O offers crun, kata", id="all are there"),
        pytest.param(
            {"handlers": ["crun"], "state": {"missing_paths": ["/opt/kata"]}}, "failed",
            f"CRI-O does not offer the handler kata: {KATA}.runtime_path (from crio_config__kata): /opt/kata does not exist",
            id="dropped for its program",
        ),
        pytest.param(
            {"handlers": ["crun"]}, "failed",
            f"CRI-O does not offer the handler kata: {KATA}.runtime_path (from crio_config__kata); CRI-O ignores a handler",
            id="dropped for a reason that only its log has",
        ),
        pytest.param(
            {"handlers": ["kata"]}, "failed", "CRI-O does not offer the handler crun: crio.runtime.runtimes.crun;",
            id="dropped without any key",
        ),
        pytest.param(
            {"handlers": ["kata", "crun"], "state": {"missing_paths": ["/opt/kata"]}}, "failed",
            "the handler kata cannot be used: ", id="its program was removed after the start",
        ),
        pytest.param(
            {"state": {"live": GONE}}, "failed", "does not offer the handler kata", id="an old crictl, by /config",
        ),
        pytest.param({"state": {"live": {}}}, "passed", "crun, kata", id="an old crictl, and all are live"),
        pytest.param(
            {"handlers_error": "crictl printed str", "configuration_error": "no answer"}, "skipped", "crictl printed str",
            id="nobody reports them",
        ),
        pytest.param(
            {"handlers": [], "state": {"files": {PATH: {"loaded": False}}}}, "skipped", "has not loaded",
            id="not loaded yet",
        ),
        pytest.param(IDLE, "skipped", "does not run", id="idle"),
    ],
)  # fmt: skip
def test_handlers_that_are_asked_for_are_those_that_the_runtime_offers(change, status, words):
    found = checks(change, [HANDLER])
    assert found["handlers"]["status"] == status
    assert words in found["handlers"]["detail"]
    assert "without_effect" not in found or status == "skipped"  # told once, not twice


def test_a_key_that_crio_silently_does_without_is_a_warning():
    data = {"crio": {"runtime": {"seccomp_profile": "/etc/crio/seccomp.json", "selinux": True}}}
    entry = {**ENTRY, "config": {"data": data, "expect": {}, "layers": {}}}
    lacking = {"state": {"missing_paths": ["/etc/crio/seccomp.json"], "selinux": False}}
    found = checks(lacking, [entry])["without_effect"]
    assert found["status"] == "warning"
    assert "selinux" not in found["detail"]  # which a fleet of both kinds may have
    assert (
        "seccomp.json does not exist on this node; CRI-O falls back to its built-in profile"
        in found["detail"]
    )
    assert "without_effect" not in checks({}, [entry])


def test_a_handler_that_was_dropped_blames_no_later_file():
    found = checks({"handlers": ["crun"], "state": {"live": GONE}}, [HANDLER])["settings"]
    assert found["status"] == "failed"
    assert "read later" not in found["detail"]
    assert found["detail"].count(KATA) == 1


def test_a_path_without_an_answer_is_a_warning():
    found = checks({"state": {"unanswered_paths": ["/mnt/nfs/policy.json"]}})["without_effect"]
    assert found["status"] == "warning"
    assert "/mnt/nfs/policy.json: its file system gave no answer in time" in found["detail"]


@pytest.mark.parametrize(("check_mode", "status"), [(False, "failed"), (True, "skipped")])
def test_a_handler_that_the_next_run_loads_fails_only_outside_of_check_mode(check_mode, status):
    change = {"handlers": ["crun"], "state": {"live": GONE, "newer_paths": ["/opt/kata"]}}
    found = checks(change, [HANDLER], check_mode=check_mode)
    for name in ("handlers", "settings"):
        assert found[name]["status"] == status
        assert "/opt/kata was installed or changed after that" in found[name]["detail"]
    both = {**change, "handlers": []}
    assert checks(both, [HANDLER], check_mode=check_mode)["handlers"]["status"] == "failed"
