# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which checks fail, warn or are skipped for the result of a node, and their details."""

import copy

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.live import config_lines
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.verify import checks as verification
from ansible_collections.cri.node.plugins.plugin_utils.verify.evidence import Evidence, Options
from ansible_collections.cri.node.plugins.plugin_utils.verify.verdict import Verdict

PATH = "/etc/crio/crio.conf.d/60-cri-node.conf"
OLD = "/etc/containers/registries.conf.d/zz-cri-node.conf"
IMAGE = "registry.example.com/hello-world:1"
APP = "registry.example.com/app:1"
PORT = "crio.metrics.metrics_port"
ENTRY = {
    "path": PATH,
    "owner": "crio",
    "kind": "crio_conf",
    "layers": [["crio_config", {"crio": {"metrics": {"metrics_port": 9537}}}]],
}
HANDLERS = {"crio": {"runtime": {"runtimes": {"kata": {"runtime_path": "/opt/kata"}, "crun": {}}}}}
HANDLER = {**ENTRY, "layers": [["crio_config__kata", HANDLERS]]}
KATA = "crio.runtime.runtimes.kata"
GONE = {key: None for key, value in config_lines(HANDLERS).items() if KATA in key and value is not None}
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
    """Return a healthy node with a change, which is merged deeply; None removes a key."""

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


def checks(change, entries=(ENTRY,), **requested):
    options = Options(
        **{"network": "optional", "image": IMAGE, "pull": [APP], "check_mode": False, **requested}
    )
    seen = node(change)
    if not seen["state"]["unit"]["active"] and seen["state"]["unit"]["phase"] == "serving":
        seen["state"]["unit"]["phase"] = "stopped"
    if not seen["state"]["unit"]["active"] or not seen["state"]["crio"]["installed"]:
        seen = {"state": seen["state"], "owners": seen["owners"]}
    found = verification.judge(Evidence(DesiredFiles(list(entries), ["crio"]), options, seen))
    return {check["name"]: check for check in found}


def test_all_checks_of_a_healthy_node_pass_in_the_order_of_the_table():
    found = checks({})
    assert list(found) == [
        "service", "runtime", "network", "files", "loaded", "settings", "cni_plugins", "metrics", "pod", f"pull {APP}",
    ]  # fmt: skip
    assert {check["status"] for check in found.values()} == {"passed"}
    assert found["metrics"]["detail"] == "214 metrics at http://127.0.0.1:9537/metrics"
    assert found["cni_plugins"]["detail"] == "16 executables in /opt/cni/bin, /usr/lib/cni"


@pytest.mark.parametrize(
    ("change", "requested", "name", "status", "words"),
    [
        pytest.param(
            {"state": {"crio": {"installed": False}}}, {}, "service", "failed", "CRI-O is not installed",
            id="no CRI-O",
        ),
        pytest.param(IDLE, {}, "service", "failed", "crio.service is not running; see journalctl -u crio.service", id="stopped"),
        pytest.param(
            {"state": {"unit": {"masked": True, "active": False}}}, {"check_mode": True},
            "service", "failed", "is masked", id="masked, which no run changes",
        ),
        pytest.param(
            {"state": {"unit": {"enabled": False}}}, {}, "service", "warning", "it will not start at boot", id="not enabled"
        ),
        pytest.param(IDLE, {}, "metrics", "skipped", "not reported by the runtime", id="no metrics settings"),
        pytest.param(
            {"conditions": None, "conditions_error": "crictl info did not answer within 10 s"}, {},
            "runtime", "failed", "did not answer within 10 s", id="no answer",
        ),
        pytest.param(
            {"conditions": HEALTHY["conditions"][1:]}, {}, "runtime", "failed", "does not report the condition RuntimeReady",
            id="a condition is missing",
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI), {}, "network", "passed", NO_CNI, id="no CNI yet, and optional"
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI), {"network": "required"},
            "network", "failed", "NetworkReady is false: NetworkPluginNotReady: Network plugin", id="no CNI, but required",
        ),
        pytest.param(
            network("NetworkPluginNotReady", NO_CNI, "/etc/cni/net.d/10-x.conflist"), {},
            "network", "failed", "existing CNI configuration: /etc/cni/net.d/10-x.conflist",
            id="a CNI configuration that CRI-O does not use",
        ),
        pytest.param(
            network("NetworkPluginNotReady", 'plugin type="bridge" failed'), {},
            "network", "failed", 'plugin type="bridge" failed', id="a broken CNI configuration",
        ),
        pytest.param(
            {"state": {"files": {PATH: ABSENT}}}, {}, "files", "failed", f"{PATH} is missing", id="a file is missing"
        ),
        pytest.param(
            {"state": {"orphans": {OLD: {**ABSENT, "file_type": "file"}}}}, {},
            "files", "failed", f"{OLD} is no longer part of the configuration", id="an orphan",
        ),
        pytest.param(
            {"state": {"interrupted": True}}, {},
            "files", "failed", "a change was interrupted; the next run will undo it", id="an interrupted change",
        ),
        pytest.param(
            {"state": {"files": {PATH: {"loaded": False}}}}, {},
            "loaded", "failed", "has not loaded it", id="not restarted after a change",
        ),
        pytest.param(
            {"state": {"files": {PATH: {"loaded": False}}}}, {},
            "settings", "skipped", "has not loaded the desired files", id="values that cannot be live yet",
        ),
        pytest.param(
            {"state": {"unit": {"binary_replaced": True}}}, {},
            "loaded", "failed", "a different binary than /usr/bin/crio, the one installed now", id="upgraded, not restarted",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}}}, {},
            "settings", "failed", f"{PORT} is set to 9537, but the running CRI-O uses 9999", id="outranked",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}, "effective": {PORT: "9537"}}}, {}, "settings", "failed",
            f"{PORT}: the running CRI-O uses 9999, but its files now set 9537: it has not been restarted since",
            id="not restarted since",
        ),
        pytest.param(
            {"state": {"live": {PORT: "9999"}, "effective": {PORT: "9999"}}}, {}, "settings", "failed", "outranks it",
            id="still outranked",
        ),
        pytest.param(
            {"state": {"notes": ["state.json was damaged\x1b; it was rebuilt"]}}, {}, "files", "warning",
            "state.json was damaged\ufffd; it was rebuilt", id="damaged records",
        ),
        pytest.param(
            {"state": {"notes": ["state.json was rebuilt"], "files": {PATH: ABSENT}}}, {}, "files", "failed",
            f"{PATH} is missing; state.json was rebuilt", id="damaged records and a missing file",
        ),
        pytest.param(
            {"state": {"unit": {"phase": "between", "state": "activating (auto-restart)", "active": False}}}, {},
            "service", "failed", "crio.service is activating (auto-restart), neither running nor stopped", id="neither",
        ),
        pytest.param(
            {"plugin_dirs": {"/opt/cni/bin": 0}, "plugin_dir_errors": {"/opt/cni/bin": "Not a directory"}}, {},
            "cni_plugins", "passed", "16 executables in /opt/cni/bin (Not a directory), /usr/lib/cni", id="not a directory",
        ),
        pytest.param(
            {"configuration_error": "GET /config: HTTP status 500"}, {}, "settings", "failed", "HTTP status 500",
            id="no live configuration",
        ),
        pytest.param(
            {"plugin_dirs": {"/usr/lib/cni": 0}}, {},
            "cni_plugins", "warning", "no executable in crio.network.plugin_dirs: /opt/cni/bin, /usr/lib/cni", id="no CNI plugin",
        ),
        pytest.param({"metrics": {"enabled": False}}, {}, "metrics", "skipped", "enable_metrics is false", id="metrics disabled"),
        pytest.param({"metrics": {"port": 0}}, {}, "metrics", "skipped", "any free port", id="any metrics port"),
        pytest.param(
            {"metrics": {"error": "timed out"}}, {}, "metrics", "failed", "9537/metrics: timed out", id="a firewall"
        ),
        pytest.param(
            {"metrics": {"lines": 0}}, {}, "metrics", "failed", "returns no metrics of CRI-O", id="another program"
        ),
        pytest.param(
            {"metrics": {"socket": "/run/crio/metrics.sock"}}, {},
            "metrics", "passed", "the socket /run/crio/metrics.sock was not queried", id="a metrics socket",
        ),
        pytest.param({}, {"image": ""}, "pod", "skipped", "no image is configured", id="no pod"),
        pytest.param({"pod": {"log_lines": 0}}, {}, "pod", "failed", "its log is empty", id="an empty log"),
        pytest.param(
            {"pod": {"error": "it exited with code 1", "kubelet": False}}, {},
            "pod", "failed", f"{IMAGE}: it exited with code 1", id="the pod fails",
        ),
        pytest.param(
            {"pod": {"error": "it vanished", "kubelet": True}}, {},
            "pod", "failed", "a kubelet is running on this node", id="a kubelet",
        ),
        pytest.param({}, {"check_mode": True}, "pod", "skipped", "not run in check mode", id="no pod in check mode"),
        pytest.param({}, {"check_mode": True}, f"pull {APP}", "skipped", "not run in check mode", id="no pull in check mode"),
        pytest.param({"pulls": {APP: "manifest unknown"}}, {}, f"pull {APP}", "failed", "manifest unknown", id="no image"),
        pytest.param(
            {"pod": {}, "pulls": {}}, {}, f"pull {APP}", "skipped", "cannot be queried", id="no crictl"
        ),
    ],
)  # fmt: skip
def test_a_fault_is_reported_by_its_check_with_the_reason(change, requested, name, status, words):
    check = checks(change, **requested)[name]
    assert check["status"] == status
    assert words in check["detail"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"state": {"files": {PATH: ABSENT}}}, id="a file to write"),
        pytest.param({"state": {"files": {PATH: {"loaded": False}}}}, id="a daemon to restart"),
        pytest.param({"state": {"interrupted": True}}, id="a change to undo"),
        pytest.param(
            {"state": {"live": {PORT: "1"}, "effective": {PORT: "9537"}}}, id="values that a restart applies"
        ),
        pytest.param(IDLE, id="a daemon to start"),
        pytest.param({"state": {"crio": {"installed": False}}}, id="a CRI-O to install"),
    ],
)
def test_a_fault_that_the_next_run_fixes_does_not_fail_in_check_mode(change):
    found = checks(change, check_mode=True).values()
    assert "failed" not in {check["status"] for check in found}
    assert "failed" in {check["status"] for check in checks(change).values()}


def test_a_file_that_no_daemon_reads_is_missing_only_if_its_role_was_applied():
    path = "/etc/crictl.yaml"
    config = {"path": path, "owner": "crictl", "disruption": "none", "content": "timeout: 10\n"}
    missing = {"state": {"files": {path: {**ABSENT, "disruption": "none"}}}}
    assert checks(missing, [ENTRY, config])["files"]["status"] == "passed"
    found = checks({**missing, "owners": ["crictl", "crio"]}, [ENTRY, config])["files"]
    assert (found["status"], found["detail"]) == ("failed", f"{path} is missing")


def test_without_managed_files_there_is_nothing_to_compare():
    found = checks({"state": {"files": {}}}, entries=())
    assert (found["files"]["status"], found["settings"]["status"]) == ("skipped", "skipped")


def test_credentials_and_control_characters_of_an_error_are_not_shown():
    message = "proxyconnect tcp: dial http://user:tr0ub4dor@proxy.example.com:3128:\n\x1b[31mrefused"
    detail = checks({"pulls": {APP: message}})[f"pull {APP}"]["detail"]
    assert detail == "proxyconnect tcp: dial http://***@proxy.example.com:3128: \ufffd[31mrefused"


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        pytest.param({"handlers": ["runc", "kata", "crun"]}, "passed", "CRI-O offers crun, kata", id="all are offered"),
        pytest.param(
            {"handlers": ["crun"], "state": {"missing_paths": ["/opt/kata"]}}, "failed",
            f"CRI-O does not offer the handler kata: {KATA}.runtime_path (from crio_config__kata): /opt/kata does not exist",
            id="its binary is missing",
        ),
        pytest.param(
            {"handlers": ["crun"]}, "failed",
            f"CRI-O does not offer the handler kata: {KATA}.runtime_path (from crio_config__kata); CRI-O ignores a handler",
            id="ignored for a reason that only the log has",
        ),
        pytest.param(
            {"handlers": ["kata"]}, "failed", "CRI-O does not offer the handler crun: crio.runtime.runtimes.crun;",
            id="ignored without any key set",
        ),
        pytest.param(
            {"handlers": ["kata", "crun"], "state": {"missing_paths": ["/opt/kata"]}}, "failed",
            "the handler kata cannot be used: ", id="its binary was removed after the start",
        ),
        pytest.param(
            {"state": {"live": GONE}}, "failed", "does not offer the handler kata", id="an old crictl, compared with /config",
        ),
        pytest.param({"state": {"live": {}}}, "passed", "crun, kata", id="an old crictl, all are live"),
        pytest.param(
            {"handlers_error": "crictl printed str", "configuration_error": "no answer"}, "skipped", "crictl printed str",
            id="not reported",
        ),
        pytest.param(
            {"handlers": [], "state": {"files": {PATH: {"loaded": False}}}}, "skipped", "has not loaded",
            id="not loaded yet",
        ),
        pytest.param(IDLE, "skipped", "is not running", id="not running"),
    ],
)  # fmt: skip
def test_the_configured_handlers_are_compared_with_the_offered_ones(change, status, words):
    found = checks(change, [HANDLER])
    assert found["handlers"]["status"] == status
    assert words in found["handlers"]["detail"]
    assert "without_effect" not in found or status == "skipped"  # reported once, not twice


def test_a_setting_that_crio_silently_ignores_is_a_warning():
    data = {"crio": {"runtime": {"seccomp_profile": "/etc/crio/seccomp.json", "selinux": True}}}
    entry = {**ENTRY, "layers": [["crio_config", data]]}
    lacking = {"state": {"missing_paths": ["/etc/crio/seccomp.json"], "selinux": False}}
    found = checks(lacking, [entry])["without_effect"]
    assert found["status"] == "warning"
    assert "selinux" not in found["detail"]  # one configuration may serve hosts with and without it
    assert (
        "seccomp.json does not exist on this node; CRI-O falls back to its built-in profile"
        in found["detail"]
    )
    assert "without_effect" not in checks({}, [entry])


def test_an_ignored_handler_is_not_reported_as_outranked_by_a_later_file():
    found = checks({"handlers": ["crun"], "state": {"live": GONE}}, [HANDLER])["settings"]
    assert found["status"] == "failed"
    assert "read later" not in found["detail"]
    assert found["detail"].count(KATA) == 1


def test_a_path_on_an_unresponsive_file_system_is_a_warning():
    found = checks({"state": {"unanswered_paths": ["/mnt/nfs/policy.json"]}})["without_effect"]
    assert found["status"] == "warning"
    assert "/mnt/nfs/policy.json: its file system did not answer in time" in found["detail"]


@pytest.mark.parametrize(("check_mode", "status"), [(False, "failed"), (True, "skipped")])
def test_a_handler_that_the_next_run_loads_fails_only_outside_of_check_mode(check_mode, status):
    change = {"handlers": ["crun"], "state": {"live": GONE, "newer_paths": ["/opt/kata"]}}
    found = checks(change, [HANDLER], check_mode=check_mode)
    for name in ("handlers", "settings"):
        assert found[name]["status"] == status
        assert "/opt/kata was installed or changed later" in found[name]["detail"]
    both = {**change, "handlers": []}
    assert checks(both, [HANDLER], check_mode=check_mode)["handlers"]["status"] == "failed"


def test_a_node_that_cannot_be_read_has_one_failed_check_without_secrets():
    secret = {
        "path": "/etc/crio/cri-node.environment", "owner": "crio", "kind": "environment_file",
        "layers": [["crio_environment", {"TOKEN": "CANARY"}]],
    }  # fmt: skip
    desired = DesiredFiles([secret], ["crio"])
    evidence = Evidence(desired, Options("optional", "", [], False), error="Invalid line TOKEN=CANARY\n")
    [result] = verification.judge(evidence)
    assert (result["name"], result["status"]) == ("node", "failed")
    assert "Invalid line" in result["detail"]
    assert "CANARY" not in result["detail"]


def test_each_verdict_of_a_check_is_a_result_named_after_its_subject():
    images = ["b:1", "a:1"]
    found = checks({"pulls": {"b:1": "", "a:1": "manifest unknown"}}, pull=images)
    assert {name: each["status"] for name, each in found.items() if name.startswith("pull")} == {
        "pull b:1": "passed",
        "pull a:1": "failed",
    }
    assert list(found)[-2:] == ["pull b:1", "pull a:1"]


def test_a_row_of_the_table_is_all_that_a_check_needs():
    def judge(evidence):
        return [
            Verdict("passed" if free else "failed", f"{free} bytes", path)
            for path, free in evidence.observation["free"]
        ]

    row = verification.Check("disk", "Is there space left?", judge, "Fails if there is none.", subject="PATH")
    evidence = Evidence(
        DesiredFiles([], []), Options("optional", "", [], False), {"free": [("/", 5), ("/run", 0)]}
    )
    assert verification.judge(evidence, [row]) == [
        {"name": "disk /", "status": "passed", "detail": "5 bytes"},
        {"name": "disk /run", "status": "failed", "detail": "0 bytes"},
    ]


DEFERRED = "the change is deferred: max_disruption is reload"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"state": {"files": {PATH: {**LOADED, "as_wanted": False}}}}, "files"),
        ({"state": {"files": {PATH: {**LOADED, "loaded": False}}}}, "loaded"),
        ({"state": {"live": {PORT: "9090"}, "effective": {PORT: "9537"}}}, "settings"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_a_deferred_change_would_have_applied_is_a_warning_with_its_reason(change, name, check_mode):
    found = checks(change, deferred=DEFERRED, check_mode=check_mode)[name]
    assert (found["status"], found["detail"].endswith(f"; {DEFERRED}")) == ("warning", True)
    assert "would be" not in found["detail"]
    assert checks(change)[name]["status"] == "failed"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (IDLE, "service"),
        ({"state": {"interrupted": True}}, "files"),
        ({"state": {"live": {PORT: "9090"}, "effective": {PORT: "9090"}}}, "settings"),
        ({"metrics": {"error": "refused"}}, "metrics"),
    ],
)
def test_a_fault_that_no_deferred_change_explains_stays_a_failure(change, name):
    assert checks(change, deferred=DEFERRED)[name]["status"] == "failed"
