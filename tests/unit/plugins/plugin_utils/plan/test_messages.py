# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that lines printed by CRI-O 1.37 are traced to the settings that caused them."""

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio import live_values
from ansible_collections.cri.node.plugins.plugin_utils.files.kinds import KINDS
from ansible_collections.cri.node.plugins.plugin_utils.findings import Checked
from ansible_collections.cri.node.plugins.plugin_utils.plan import messages
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFile, DesiredFiles


class Unchecked(DesiredFiles):
    """Unchecked settings, including those that the check would refuse, because a node may accept other values."""

    def __init__(self, data):
        checked = Checked(data, dict.fromkeys([()], "v"), [], [])
        file = DesiredFile("/f", "crio", KINDS["crio_conf"], checked, "x", True, "0600", "restart")
        self.by_path = self._files = {"/f": file}


def settings(tables):
    return Unchecked({"crio": tables})


TABLES = {
    "metrics": {"enable_metrics": True, "metrics_port": 9537, "metrics_host": "192.0.2.1"},
    "runtime": {
        "cgroup_manager": "systemdd",
        "log_level": "info",
        "runtimes": {"crun": {"runtime_path": "/nowhere/crun", "runtime_type": "oci"}},
    },
}


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        pytest.param(
            "create metrics endpoint on 192.0.2.1:9537: creating listener: listen tcp 192.0.2.1:9537: bind: cannot assign"
            " requested address",
            ["crio.metrics.metrics_host", "crio.metrics.metrics_port"],
            id="metrics listener",
        ),
        pytest.param(
            "get and merge config from context: update config from path: walk path: unable to decode configuration /f: toml:"
            ' line 2 (last key "crio.runtime.log_level"): incompatible types: TOML value has type integer; destination has'
            " type string",
            ["crio.runtime.log_level"],
            id="wrong type",
        ),
        pytest.param(
            "validating runtime config: unable to update cgroup manager: invalid cgroup manager: systemdd",
            ["crio.runtime.cgroup_manager"],
            id="cgroup manager",
        ),
        pytest.param(
            "validating runtime config: runtime validation: invalid runtime_path for runtime 'crun': stat /nowhere/crun:"
            " no such file or directory",
            ["crio.runtime.runtimes.crun.runtime_path"],
            id="handler without its program",
        ),
        pytest.param("something about nothing", [], id="nothing that is known"),
    ],
)
def test_a_line_of_crio_is_traced_to_its_settings(line, keys):
    assert sorted(each["key"] for each in messages.blamed(line, settings(TABLES).settings())) == keys


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        pytest.param({}, "Nothing was changed on the node.", id="refused"),
        pytest.param({"rolled_back": True, "as_before": True}, "the node is as it was.", id="undone"),
        pytest.param(
            {"rolled_back": True, "as_before": False, "problem": "crio.service did not start again"},
            "The change was undone, but the node is not as it was: crio.service did not start again.",
            id="undone in part",
        ),
    ],
)
def test_a_message_ends_with_the_state_of_the_node(outcome, ending):
    message = messages.failure({"message": "CRI-O refuses it", "detail": "line", **outcome}, settings({}))
    assert message.startswith("CRI-O refuses it: line. ")
    assert message.endswith(ending)


NETWORK = {
    "network": {
        "cni_default_network": "nowhere",
        "network_dir": "/etc/cni/other.d",
        "plugin_dirs": ["/opt/cni/other"],
        "cni_status_grace_period": "5s",
    },
    "runtime": {"log_level": "info"},
}


@pytest.mark.parametrize(
    ("outcome", "keys"),
    [
        pytest.param(
            {
                "message": "after 60 s NetworkReady is false: NetworkPluginNotReady: Network plugin returns error: no CNI"
                " configuration file in /etc/cni/other.d. Has your network provider started?"
            },
            ["cni_default_network", "network_dir", "plugin_dirs"],
            id="the runtime's reason in the message",
        ),
        pytest.param(
            {
                "message": "CRI-O did not restart with the new configuration",
                "detail": "validating network config: cannot create network_dir: /etc/cni/other.d: mkdir: not a directory",
            },
            ["network_dir"],
            id="network_dir",
        ),
        pytest.param(
            {"message": "x", "detail": 'failed to find plugin "bridge" in path [/opt/cni/other]'},
            ["plugin_dirs"],
            id="a plugin that is not there",
        ),
        pytest.param(
            {
                "message": "x",
                "detail": "validating network config: invalid plugin_dirs entry: mkdir /opt/cni/other",
            },
            ["plugin_dirs"],
            id="plugin_dirs",
        ),
        pytest.param(
            {"message": "x", "detail": "initialize CNI plugin: failed to create directory"},
            ["cni_default_network", "network_dir", "plugin_dirs"],
            id="the plugins as a whole",
        ),
    ],
)
def test_a_network_that_is_not_ready_names_the_keys_and_their_variable(outcome, keys):
    desired = settings(NETWORK)
    text = messages.failure(outcome, desired)
    assert [key for key in NETWORK["network"] if f"crio.network.{key} = " in text] == keys
    assert "log_level" not in text


ALL = {
    "api": {"listen": "/run/a.sock", "stream_address": "nohost", "stream_port": "nonsense", "stream_idle_timeout": "x",
            "stream_tls_cert": "/c", "stream_tls_key": "/k", "tls_min_version": "VersionTLS13"},
    "runtime": {"pinns_path": "/p", "seccomp_profile": "/s.json", "apparmor_profile": "mine", "hooks_dir": ["/h"], "conmon": "/m",
                "namespaces_dir": "/n", "infra_ctr_cpuset": "0", "default_sysctls": ["a=b"], "timezone": "Mars/Base",
                "additional_devices": ["/dev/none"], "blockio_config_file": "/b", "default_ulimits": ["x=1"],
                "default_runtime": "kata",
                "runtimes": {"kata": {"runtime_path": "/kata", "allowed_annotations": ["x"]}}},
    "image": {"pause_image": "Bad"},
    "stats": {"included_pod_metrics": ["odd"]},
    "nri": {"nri_listen": "/nri"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("Failed to listen: listen unix /run/a.sock: bind: permission denied", ["crio.api.listen"]),
        ("already existing connection on /run/a.sock", ["crio.api.listen"]),
        ("unable to parse timeout as duration", ["crio.api.stream_idle_timeout"]),
        ("lookup tcp/nonsense: unknown port", ["crio.api.stream_port"]),
        ("unable to create streaming server", ["crio.api.stream_address", "crio.api.stream_port"]),
        ("load stream server x509 key pair: open /c: no such file", ["crio.api.stream_tls_cert"]),
        ("stream TLS key path is empty", ["crio.api.stream_tls_cert", "crio.api.stream_tls_key"]),
        (
            "validating runtime config: pinns validation: invalid pinns path: stat /p: no such file",
            ["crio.runtime.pinns_path"],
        ),
        (
            "unable to load seccomp profile: open seccomp profile: open /s.json: no such file",
            ["crio.runtime.seccomp_profile"],
        ),
        (
            'unable to load AppArmor profile: config provided AppArmor profile "mine" not loaded',
            ["crio.runtime.apparmor_profile"],
        ),
        ("Skipping invalid hooks directory: /h exists but is not a directory", ["crio.runtime.hooks_dir"]),
        ("initialize nsmgr: invalid namespaces_dir: mkdir /n", ["crio.runtime.namespaces_dir"]),
        ('"taskset" not found in $PATH: executable file not found', ["crio.runtime.infra_ctr_cpuset"]),
        ("invalid default_sysctls: invalid sysctl", ["crio.runtime.default_sysctls"]),
        ("invalid timezone: Mars/Base", ["crio.runtime.timezone"]),
        ("/dev/none is not a valid device: stat", ["crio.runtime.additional_devices"]),
        ("blockio configuration: reading blockio config file failed", ["crio.runtime.blockio_config_file"]),
        ("unrecognized ulimit x=1: no", ["crio.runtime.default_ulimits"]),
        ('default_runtime set to "kata", but no runtime entry table', ["crio.runtime.default_runtime"]),
        ('"kata" not found in $PATH: exec', ["crio.runtime.default_runtime"]),
        (
            "invalid runtime_path for runtime 'kata': stat /kata",
            ["crio.runtime.runtimes.kata.runtime_path", "crio.runtime.default_runtime"],
        ),
        ("invalid allowed_annotation: x", ["crio.runtime.runtimes.kata.allowed_annotations"]),
        ('invalid pause image "Bad": invalid reference format', ["crio.image.pause_image"]),
        ('invalid pod metrics "odd", available metrics: [cpu]', ["crio.stats.included_pod_metrics"]),
        ("failed to create NRI interface: listen unix /nri", ["crio.nri.nri_listen"]),
        ("validating tls_min_version: bad", ["crio.api.tls_min_version"]),
        ("conmon path is not absolute: m", ["crio.runtime.conmon"]),
    ],
)
def test_each_reason_of_crio_is_traced_to_its_key(line, keys):
    found = {each["key"] for each in messages.blamed(line, settings(ALL).settings())}
    assert found
    assert found <= {*keys}


def test_output_of_a_node_is_one_printable_line_without_credentials_and_secrets():
    desired = settings({"runtime": {"default_env": ["TOKEN=CANARY", "OTHER='CANARY two'"]}})
    outcome = {
        "message": "CRI-O refuses it\x1b]0;owned\x07",
        "detail": "invalid: TOKEN=CANARY and CANARY two\n via http://user:pass@proxy \u202e\ud800",
    }
    text = messages.failure(outcome, desired)
    assert text.isprintable()
    assert "CANARY" not in text
    assert "pass" not in text
    live = live_values.of_key({"key": "k", "wanted": "a", "live": "\x1b[2J"})
    assert live.isprintable()


def test_a_secret_value_is_never_shown():
    desired = settings({"runtime": {"default_env": ["TOKEN=hidden"]}})
    message = messages.failure({"message": "CRI-O refuses it", "detail": "invalid default_env"}, desired)
    assert "hidden" not in message
    assert "crio.runtime.default_env = (secret)" in message


def test_a_line_of_systemd_about_the_drop_in_names_directive_and_variable():
    path = "/etc/systemd/system/crio.service.d/60-cri-node.conf"
    layers = [["crio_service", {"Service": {"KillMode": "gently", "Environment": "TOKEN=canary"}}]]
    desired = DesiredFiles([{"path": path, "owner": "crio", "kind": "unit_drop_in", "layers": layers}])
    detail = f"{path}:4: Failed to parse kill mode specification, ignoring: gently"
    [named] = messages.blamed(detail, desired.settings())
    assert (named["key"], named["variable"]) == ("Service.KillMode", "crio_service")
    outcome = {"message": "systemd refuses the unit's settings", "detail": detail}
    assert "Service.KillMode" in messages.failure(outcome, desired)


@pytest.mark.parametrize(
    ("directive", "status"),
    [("LimitNOFILE", "202/FDS"), ("User", "217/USER"), ("ReadOnlyPaths", "226/NAMESPACE")],
)
@pytest.mark.parametrize(
    "said",
    [
        "crio.service: Main process exited, code=exited, status={number}/{step}",
        "crio.service: Failed at step {step} spawning /usr/local/bin/crio: Invalid argument",
        "systemd reports for crio.service: exit-code, status {number}",
    ],
    ids=["of the process", "of the step", "of the unit"],
)
def test_an_exit_status_of_systemd_names_the_directive(directive, status, said):
    service = {directive: "4", "KillMode": "process"}
    entry = {
        "path": "/u",
        "owner": "crio",
        "kind": "unit_drop_in",
        "layers": [["crio_service", {"Service": service}]],
    }
    number, step = status.split("/")
    [named] = messages.blamed(said.format(number=number, step=step), DesiredFiles([entry]).settings())
    assert named["key"] == f"Service.{directive}"


def probed(subject, detail, crio=None, registries=None):
    """Return the keys that the message of a failed probe names."""
    files = [("crio_conf", "crio", crio), ("registries_conf", "registries", registries)]
    entries = [
        {"path": f"/{kind}", "owner": owner, "kind": kind, "layers": [["v", data]]}
        for kind, owner, data in files
        if data
    ]
    outcome = {
        "message": "it failed",
        "detail": detail,
        "probed": subject,
        "phase": "probe",
        "rolled_back": True,
    }
    message = messages.failure(outcome, DesiredFiles(entries))
    named = message.partition("[")[2].rpartition("]")[0]
    return [each.partition(": ")[2].partition(" = ")[0] for each in named.split("; ") if each]


HANDLERS = {
    "default_runtime": "crun",
    "seccomp_profile": "/etc/seccomp.json",
    "runtimes": {"runc": {"runtime_path": "/usr/bin/runc"}, "crun": {"runtime_path": "/usr/bin/crun"}},
}
OF_RUNC = "crio.runtime.runtimes.runc.runtime_path"


@pytest.mark.parametrize(
    ("handler", "detail", "keys"),
    [
        pytest.param("runc", "container create failed: no luck", [OF_RUNC], id="its settings"),
        pytest.param(
            "runc", "load seccomp profile", [OF_RUNC, "crio.runtime.seccomp_profile"], id="a known cause, too"
        ),
        pytest.param("kata", "no luck", [], id="a handler of another file"),
        pytest.param(
            "runc",
            "failed to find runtime handler runc from runtime list map[crun:0x1]",
            [OF_RUNC],
            id="ignored",
        ),
    ],
)
def test_a_failed_probe_of_a_handler_names_its_settings_and_not_those_of_others(handler, detail, keys):
    assert probed({"handler": handler}, detail, {"crio": {"runtime": HANDLERS}}) == keys


def test_a_failed_probe_of_the_default_handler_of_another_file_names_the_default():
    crio = {"crio": {"runtime": {"default_runtime": "kata", "log_level": "info"}}}
    assert probed({"handler": "kata"}, "no luck", crio) == ["crio.runtime.default_runtime"]


REGISTRIES = {
    "unqualified-search-registries": ["docker.io"],
    "registry": [
        {"location": "a.example.com", "mirror": [{"location": "mirror.example.com"}]},
        {"location": "a.example.com/team", "blocked": True},
        {"prefix": "*.example.org", "blocked": True},
    ],
}


@pytest.mark.parametrize(
    ("image", "keys"),
    [
        ("a.example.com/app:1", ['registry."a.example.com".location', 'registry."a.example.com".mirror']),
        (
            "a.example.com/team/app:1",
            ['registry."a.example.com/team".blocked', 'registry."a.example.com/team".location'],
        ),
        ("b.example.org/app:1", ['registry."*.example.org".blocked', 'registry."*.example.org".prefix']),
        ("app:1", ["unqualified-search-registries"]),
        ("c.example.net/app:1", []),
    ],
)
def test_a_failed_pull_names_the_settings_of_the_registry_of_the_image(image, keys):
    assert sorted(probed({"image": image}, "connection refused", registries=REGISTRIES)) == keys
