# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cri.node.plugins.plugin_utils.crio.catalogue import CATALOGUE
from ansible_collections.cri.node.plugins.plugin_utils.files import crio_conf
from ansible_collections.cri.node.plugins.plugin_utils.layers import merge


def nested(dotted, value):
    """{"crio": {"root": value}} of crio.root."""
    for name in reversed(dotted.split(".")):
        value = {name: value}
    return value


def checked(data, *versions):
    merged, sources = merge([("crio_config", data)])
    return crio_conf.check_data(merged, sources, versions)


def sentences(problems):
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("key", "value", "typed"),
    [
        pytest.param("crio.metrics.metrics_port", "9537", 9537, id="an integer as text"),
        pytest.param("crio.api.stream_port", 10010, "10010", id="a port that CRI-O wants as text"),
        pytest.param("crio.runtime.selinux", "True", True, id="a boolean as text"),
        pytest.param("crio.runtime.log_level", "DEBUG", "DEBUG", id="a level in capitals, which CRI-O takes"),
        pytest.param("crio.runtime.log_size_max", -1, -1, id="no limit"),
        pytest.param("crio.image.short_name_mode", "", "", id="an empty mode, which is enforcing"),
        pytest.param("crio.image.pull_progress_timeout", "10s", "10s", id="a duration"),
        pytest.param(
            "crio.metrics.metrics_collectors",
            ["crio_operations_total"],
            ["crio_operations_total"],
            id="a prefix",
        ),
        pytest.param(
            "crio.runtime.runtimes.crun.container_create_timeout", 0, 0, id="zero means the default"
        ),
        pytest.param(
            "crio.runtime.default_sysctls", ["net.a=0 1"], ["net.a=0 1"], id="a space inside a sysctl's value"
        ),
    ],
)
def test_a_good_value_becomes_its_type(key, value, typed):
    result = checked(nested(key, value))
    assert sentences(result.problems) == []
    assert result.data == nested(key, typed)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        pytest.param(
            "crio.metrics.metrics_port",
            99999,
            "crio.metrics.metrics_port = 99999: is out of range; accepted: an integer from 0 to 65535",
            id="above the maximum",
        ),
        pytest.param(
            "crio.runtime.ctr_stop_timeout",
            20,
            "crio.runtime.ctr_stop_timeout = 20: is out of range; accepted: an integer from 30",
            id="below what CRI-O takes silently",
        ),
        pytest.param(
            "crio.runtime.cgroup_manager",
            "sytemd",
            'crio.runtime.cgroup_manager = "sytemd": is not accepted by CRI-O, which does not start with it; '
            "did you mean systemd?; accepted: cgroupfs, systemd",
            id="no choice",
        ),
        pytest.param(
            "crio.network.cni_status_grace_period",
            10,
            "crio.network.cni_status_grace_period = 10: is a number, which CRI-O reads as nanoseconds: "
            'write the unit; accepted: a string with a unit, for example "90s" or "1m30s"',
            id="ten nanoseconds",
        ),
        pytest.param(
            "crio.runtime.default_ulimits",
            "nofile=1:2",
            'crio.runtime.default_ulimits = "nofile=1:2": is a string, not a list: '
            "write it as a list with one entry; accepted: a list of strings",
            id="a scalar for a list",
        ),
        pytest.param(
            "crio.runtime.default_capabilities",
            ["KILL", "CAP_CHOWN"],
            'crio.runtime.default_capabilities[1] = "CAP_CHOWN": has the prefix CAP_, which CRI-O adds itself: '
            "write CHOWN; accepted: a capability without CAP_, for example NET_RAW",
            id="CAP_ in front",
        ),
        pytest.param(
            "crio.runtime.log_levle",
            "info",
            "crio.runtime.log_levle: is unknown to CRI-O, which silently ignores it; "
            "did you mean crio.runtime.log_level?",
            id="a typo",
        ),
        pytest.param(
            "crio.runtime.LOG_LEVEL",
            "info",
            "crio.runtime.LOG_LEVEL: is not spelled as in crio.conf; did you mean crio.runtime.log_level?",
            id="another case",
        ),
        pytest.param(
            "runtime.log_level",
            "info",
            "runtime: is not in crio.conf, whose only top-level table is crio; did you mean crio.runtime?",
            id="without the top-level table",
        ),
        pytest.param(
            "crio.runtime",
            "info",
            "crio.runtime: is a string, not a mapping: crio.conf has a table here; accepted: a mapping of its keys",
            id="a scalar for a table",
        ),
        pytest.param(
            "crio.runtime.manage_ns_lifecycle",
            True,
            "crio.runtime.manage_ns_lifecycle: was removed in CRI-O 1.21, which silently ignores it; "
            "replacement: none, CRI-O always manages namespaces itself",
            id="removed long ago",
        ),
        pytest.param(
            "crio.runtime.runtimes.kata.allowed_annotations",
            ["io.kubernetes.cri-o.Device"],
            "crio.runtime.runtimes.kata.allowed_annotations[0]",
            id="an annotation for which CRI-O drops the handler",
        ),
    ],
)
def test_a_problem_says_where_what_and_what_else(key, value, sentence):
    result = checked(nested(key, value))
    assert len(result.problems) == 1
    assert str(result.problems[0]).startswith(f"crio_config: {sentence}")
    assert CATALOGUE.walk(result.data) == []


def test_a_dotted_key_is_told_to_nest():
    [problem] = checked({"crio": {"runtime.log_level": "info"}}).problems
    assert "nested" in str(problem)


def test_everything_wrong_is_told_at_once_and_the_rest_is_kept():
    data = {
        "crio": {"runtime": {"log_level": "loud", "no_pivot": 7}, "metrics": {"metrics_port": 1}},
        "extra": 1,
    }
    result = checked(data)
    assert [problem.key for problem in result.problems] == [
        "crio.runtime.log_level",
        "crio.runtime.no_pivot",
        "extra",
    ]
    assert result.data == {"crio": {"metrics": {"metrics_port": 1}}}


def test_a_problem_names_the_layer_that_brought_the_value():
    good, bad = nested("crio.metrics.metrics_port", 9537), nested("crio.metrics.metrics_port", "many")
    data, sources = merge([("crio_config", good), ("crio_config__lab", bad)])
    [problem] = crio_conf.check_data(data, sources).problems
    assert problem.variable == "crio_config__lab"


@pytest.mark.parametrize(
    "value", ["PASSWORD=hunter2", ["PASSWORD", "hunter2"], [["hunter2"]], {"PASSWORD": "hunter2"}, "hunter2"]
)
@pytest.mark.parametrize("key", sorted(key.key for key in CATALOGUE.keys if key.secret))
def test_a_value_that_may_be_secret_is_never_printed(key, value):
    result = checked(nested(key.replace("*", "kata"), value))
    assert result.problems
    assert "hunter2" not in "".join(sentences([*result.problems, *result.warnings]))


def test_the_value_of_an_unknown_key_is_not_printed():
    result = checked(nested("crio.runtime.default_envs", ["PASSWORD=hunter2"]))
    assert "hunter2" not in "".join(sentences(result.problems))


@pytest.mark.parametrize(
    ("key", "value", "versions", "wrong"),
    [
        pytest.param(
            "crio.image.short_name_mode", "disabled", ("1.33",), True, id="not yet in the declared version"
        ),
        pytest.param(
            "crio.image.short_name_mode", "disabled", ("1.34",), False, id="in the declared version"
        ),
        pytest.param("crio.api.tls_min_version", "VersionTLS13", ("1.35.0",), True, id="before the backport"),
        pytest.param("crio.api.tls_min_version", "VersionTLS13", ("1.35.1",), False, id="after the backport"),
        pytest.param(
            "crio.network.cni_status_grace_period",
            "5s",
            (),
            False,
            id="none declared: right in one is enough",
        ),
        pytest.param(
            "crio.network.cni_status_grace_period", "5s", ("1.34", "1.35"), True, id="wrong in all of several"
        ),
        pytest.param(
            "crio.metrics.metrics_collectors", ["default_runtime"], ("1.33",), True, id="a value too new"
        ),
        pytest.param(
            "crio.metrics.metrics_collectors",
            ["default_runtime"],
            ("1.35.2",),
            True,
            id="a value before its backport",
        ),
        pytest.param(
            "crio.metrics.metrics_collectors",
            ["default_runtime"],
            ("1.35.3",),
            False,
            id="a value after its backport",
        ),
        pytest.param(
            "crio.metrics.metrics_collectors",
            ["operations"],
            ("1.29",),
            False,
            id="a value of an old version",
        ),
        pytest.param(
            "crio.metrics.metrics_collectors", ["operations"], ("1.30",), True, id="a removed value"
        ),
        pytest.param(
            "crio.metrics.metrics_collectors", ["default_runtime"], (), False, id="a value of some version"
        ),
        pytest.param("crio.image.registries", ["a.io"], ("1.30",), False, id="an old version still has it"),
    ],
)
def test_the_declared_version_decides(key, value, versions, wrong):
    assert bool(checked(nested(key, value), *versions).problems) is wrong


def test_a_key_too_new_says_since_when_it_is_there():
    [problem] = checked(nested("crio.runtime.min_injected_gomaxprocs", 1), "1.32").problems
    assert "since 1.33.12, 1.34.8, 1.35.3, 1.36" in str(problem)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.30", "which only logs it and collects no such metrics"),
        ("1.34.11", "which only logs it and collects no such metrics"),
        ("1.35.1", "does not start with it or collects no metrics"),
        ("1.36", "is not accepted by CRI-O, which does not start with it"),
    ],
)
def test_what_becomes_of_an_unknown_metric_depends_on_the_version(version, words):
    [problem] = checked(nested("crio.stats.included_pod_metrics", ["dsk"]), version).problems
    assert words in str(problem)


@pytest.mark.parametrize(
    ("key", "value", "version", "words"),
    [
        ("crio.image.insecure_registries", ["a.io"], "1.33", None),
        ("crio.image.insecure_registries", ["a.io"], "1.34", "is deprecated since CRI-O 1.34"),
        ("crio.image.insecure_registries", ["a.io"], "1.36", "has no effect since CRI-O 1.35"),
        ("crio.image.registries", ["a.io"], "1.30", "has no effect, because"),
        ("crio.runtime.enable_criu_support", False, "1.36", None),
        ("crio.runtime.enable_criu_support", False, "1.37", "is deprecated since CRI-O 1.37"),
        ("crio.runtime.uid_mappings", "0:1:2", "1.28", None),
        ("crio.runtime.uid_mappings", "0:1:2", "1.29", "is deprecated since CRI-O 1.29"),
        ("crio.runtime.pids_limit", 5, "1.28", "is deprecated: use podPidsLimit"),
    ],
)
def test_the_version_decides_whether_a_key_is_deprecated(key, value, version, words):
    result = checked(nested(key, value), version)
    assert sentences(result.problems) == []
    assert [words in str(warning) for warning in result.warnings] == ([True] if words else [])


def handler(**keys):
    return {"crio": {"runtime": {"runtimes": {"kata": keys}}}}


def runtime(**keys):
    return {"crio": {"runtime": keys}}


def storage(driver, *options):
    return {"crio": {"storage_driver": driver, "storage_option": list(options)}}


def workload(**keys):
    return {"crio": {"runtime": {"workloads": {"pinned": keys}}}}


@pytest.mark.parametrize(
    ("data", "key"),
    [
        pytest.param(
            handler(runtime_path="/x", runtime_config_path="/y"),
            "runtimes.kata.runtime_config_path",
            id="only for type vm",
        ),
        pytest.param(
            handler(runtime_path="/containerd-shim-x", runtime_type="vm", no_sync_log=True),
            "runtimes.kata.no_sync_log",
            id="only for type oci",
        ),
        pytest.param(
            handler(runtime_path="/x", stream_websockets=True),
            "runtimes.kata.stream_websockets",
            id="only for type pod",
        ),
        pytest.param(
            handler(runtime_path="/usr/bin/kata", runtime_type="vm"),
            "runtimes.kata.runtime_path",
            id="no containerd shim",
        ),
        pytest.param(
            workload(annotation_prefix="x"), "workloads.pinned", id="a workload that nothing activates"
        ),
        pytest.param(
            workload(activation_annotation="x", resources={"cpuquota": 5, "cpushares": 10}),
            "workloads.pinned.resources.cpuquota",
            id="a quota below the shares",
        ),
        pytest.param(
            {"crio": {"api": {"stream_enable_tls": True, "stream_tls_key": ""}}},
            "stream_tls_key",
            id="TLS without a key",
        ),
        pytest.param(
            {"crio": {"stats": {"included_pod_metrics": ["all", "cpu"]}}},
            "included_pod_metrics",
            id="all and some",
        ),
        pytest.param(handler(runtime_path="crun"), "runtimes.kata.runtime_path", id="a relative program"),
        pytest.param(
            handler(runtime_path="/containerd-shim-x", runtime_type="vm", runtime_config_path="y"),
            "runtimes.kata.runtime_config_path",
            id="a relative file of a vm",
        ),
        pytest.param(
            handler(runtime_path="/x", seccomp_profile="y.json"),
            "runtimes.kata.seccomp_profile",
            id="a relative profile",
        ),
        pytest.param(
            handler(runtime_path="/x", monitor_path="conmon"),
            "runtimes.kata.monitor_path",
            id="a relative monitor",
        ),
        pytest.param(
            runtime(conmon="conmon"), "crio.runtime.conmon", id="a relative monitor of all handlers"
        ),
        pytest.param(
            runtime(cgroup_manager="cgroupfs", conmon_cgroup="crio.slice"),
            "crio.runtime.conmon_cgroup",
            id="a slice without systemd",
        ),
        pytest.param(
            runtime(
                cgroup_manager="cgroupfs",
                runtimes={"kata": {"runtime_path": "/x", "monitor_cgroup": "crio.slice"}},
            ),
            "runtimes.kata.monitor_cgroup",
            id="a slice of one handler without systemd",
        ),
        pytest.param(storage("vfs", "overlay.mountopt=nodev"), "storage_option[0]", id="of another driver"),
        pytest.param(storage("overlay", "a.mountopt=nodev"), "storage_option[0]", id="of no driver"),
        pytest.param(storage("", "vfs.mountopt=nodev"), "storage_option[0]", id="not of its own driver"),
        pytest.param(storage("", "overlay.size=10Gi"), "storage_option[0]", id="half a unit"),
        pytest.param(storage("overlay2", "overlay.inodes=-5"), "storage_option[0]", id="no number"),
        pytest.param(storage("", "overlay.force_mask=999"), "storage_option[0]", id="no mode"),
        pytest.param(storage("", "overlay.use_composefs=yes"), "storage_option[0]", id="no boolean"),
        pytest.param(storage("", "overlay.imagestore=a"), "storage_option[0]", id="no absolute path"),
    ],
)
def test_keys_that_do_not_fit_each_other_are_a_problem(data, key):
    [problem] = checked(data).problems
    assert problem.key.endswith(key)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            handler(inherit_default_runtime=True, stream_websockets=True), id="the type is inherited"
        ),
        pytest.param(
            handler(runtime_path="/containerd-shim-kata-v2", runtime_type="vm", runtime_config_path="/y"),
            id="a vm",
        ),
        pytest.param(workload(activation_annotation="x", resources={"cpuset": "0-3"}), id="a whole workload"),
        pytest.param({"crio": {"stats": {"included_pod_metrics": ["all"]}}}, id="all alone"),
        pytest.param(
            handler(inherit_default_runtime=True, runtime_path="crun"), id="the program is inherited"
        ),
        pytest.param(
            runtime(conmon="/conmon", runtimes={"kata": {"runtime_path": "/x", "monitor_path": "conmon"}}),
            id="a relative monitor that another one overrides",
        ),
        pytest.param(
            handler(runtime_path="/x", runtime_type="pod", monitor_path="conmonrs"),
            id="CRI-O searches conmonrs",
        ),
        pytest.param(
            runtime(
                cgroup_manager="cgroupfs",
                conmon_cgroup="pod",
                runtimes={"kata": {"runtime_path": "/x", "monitor_cgroup": "crio.slice"}},
            ),
            id="a slice that another cgroup overrides",
        ),
        pytest.param(
            runtime(cgroup_manager="cgroupfs", conmon_cgroup="system.slice"),
            id="the default slice becomes none",
        ),
        pytest.param(storage("overlay", "overlay.mountopt=nodev", ".size=10G", "inodes=5"), id="of overlay"),
        pytest.param(storage("overlay2", "overlay2.force_mask=shared", "Overlay.Size=5"), id="of overlay2"),
        pytest.param(storage("vfs", "vfs.ignore_chown_errors=true", ".imagestore=x"), id="of vfs"),
        pytest.param(storage("", "zfs.fsname=x", "btrfs.min_space=1G"), id="of some driver"),
    ],
)
def test_keys_that_fit_each_other_are_no_problem(data):
    assert sentences(checked(data).problems) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            handler(runtime_path="crun"),
            'crio.runtime.runtimes.kata.runtime_path = "crun": is not an absolute path: CRI-O then ignores'
            " the handler, or does not start if it is the default handler; accepted: a path that begins"
            " with /",
        ),
        (
            runtime(cgroup_manager="cgroupfs", conmon_cgroup="crio.slice"),
            'crio.runtime.conmon_cgroup = "crio.slice": is a slice of systemd, but cgroup_manager is'
            ' cgroupfs: CRI-O does not start with it; accepted: "pod" or an empty string',
        ),
        (
            storage("vfs", "overlay.mountopt=nodev"),
            'crio.storage_option[0] = "overlay.mountopt=nodev": is no option of the storage driver vfs, and'
            " CRI-O does not start with it",
        ),
        (
            storage("", "bogus=1"),
            'crio.storage_option[0] = "bogus=1": is no option of any storage driver, and CRI-O does not'
            " start with it",
        ),
        (
            storage("", "overlay.size=10Gi"),
            'crio.storage_option[0] = "overlay.size=10Gi": has half a unit: CRI-O does not start with it;'
            ' accepted: a number of bytes with or without a unit, for example "12MiB"',
        ),
        (
            storage("", "overlay.inodes=x"),
            'crio.storage_option[0] = "overlay.inodes=x": is not a number of inodes: CRI-O does not start'
            " with it; accepted: NAME=number",
        ),
        (
            storage("", "overlay.force_mask=x"),
            'crio.storage_option[0] = "overlay.force_mask=x": is not a mode: CRI-O does not start with it;'
            " accepted: shared, private, or an octal mode",
        ),
        (
            storage("", "overlay.use_composefs=x"),
            'crio.storage_option[0] = "overlay.use_composefs=x": is not a boolean: CRI-O does not start'
            " with it; accepted: NAME=true or NAME=false",
        ),
        (
            storage("", "overlay.imagestore=x"),
            'crio.storage_option[0] = "overlay.imagestore=x": is not an absolute path: CRI-O does not start'
            " with it; accepted: NAME=/path",
        ),
        (
            {"crio": {"tracing": {"enable_tracing": True, "tracing_endpoint": "%zz"}}},
            'crio.tracing.tracing_endpoint = "%zz": cannot be part of a URL: CRI-O does not start with it; accepted: host:port',
        ),
        (
            nested("crio.root", "/a\0b"),
            'crio.root = "/a\\u0000b": contains a NUL character, which no path, name or variable can hold;'
            " accepted: other characters",
        ),
    ],
)
def test_a_problem_of_a_rule_says_what_crio_does_with_the_value(data, sentence):
    assert sentences(checked(data).problems) == [f"crio_config: {sentence}"]


def test_a_faulty_key_does_not_also_count_as_missing():
    problems = checked(workload(activation_annotation=["x"])).problems
    assert [problem.key for problem in problems] == ["crio.runtime.workloads.pinned.activation_annotation"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            nested("crio.image.insecure_registries", ["a.io"]), "insecure: true", id="without effect"
        ),
        pytest.param(nested("crio.runtime.pids_limit", 1024), "podPidsLimit", id="deprecated"),
        pytest.param(handler(monitor_path="/x"), "replaces that of earlier files", id="part of a handler"),
    ],
)
def test_what_is_only_unwise_is_a_warning(data, words):
    result = checked(data)
    assert sentences(result.problems) == []
    [warning] = result.warnings
    assert words in str(warning)


def test_a_whole_handler_gets_no_warning():
    assert checked(handler(runtime_path="/x")).warnings == []


def test_a_handler_without_any_key_is_kept():
    assert checked({"crio": {"runtime": {"runtimes": {"crun": {}}}}}).data == {
        "crio": {"runtime": {"runtimes": {"crun": {}}}}
    }


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
KEYS = st.sampled_from([key.key.replace("*", "x") for key in CATALOGUE.keys])


@given(st.lists(st.tuples(KEYS, JUNK), max_size=4), JUNK)
def test_no_data_makes_the_check_fail(settings, junk):
    layers = [("crio_config", nested(key, value)) for key, value in settings]
    data, sources = merge([*layers, ("stray", junk if isinstance(junk, dict) else {"crio": junk})])
    result = crio_conf.check_data(data, sources)
    for problem in (*result.problems, *result.warnings):
        assert str(problem)
    again = crio_conf.check_data(result.data, {})
    assert again.data == result.data


def metrics(*names):
    return refused({"crio": {"metrics": {"metrics_collectors": list(names)}}})


def refused(data):
    return sentences(crio_conf.check_data(data, {}).problems)


class TestChoices:
    """A value that is not among the choices: what CRI-O does with it, what was meant, and the choices once."""

    def test_of_a_list_are_named_once(self):
        found = metrics("operations", "image_pulls_failures", "operations_total", "nothing_like_it", "x", "y")
        assert len(found) == 5
        assert (
            '[0] = "operations": is unknown to CRI-O, which silently ignores it and serves no such metric'
            in found[0]
        )
        assert "did you mean operations_total?; accepted: image_pulls_layer_size, " in found[0]
        assert "did you mean image_pulls_failure_total?" in found[1]
        assert [each for each in found if "accepted: " in each] == found[:1]
        assert "did you mean" not in found[2]

    @pytest.mark.parametrize(
        "name", ["operations_totl", "crio_operations_totl", "container_runtime_crio_operations_totl"]
    )
    def test_are_suggested_with_and_without_a_prefix(self, name):
        assert "did you mean operations_total?" in metrics(name)[0]

    @pytest.mark.parametrize(
        ("keys", "value", "said"),
        [
            ("api.tls_min_version", "VersionTLS1.3", "does not start with it; did you mean VersionTLS13?"),
            ("image.image_volumes", "binds", "does not start with it; did you mean bind?"),
            ("stats.included_pod_metrics", ["cpus"], "does not start with it; did you mean cpu?"),
            (
                "runtime.runtimes.kata.runtime_type",
                "VM",
                "ignores the handler, or does not start if it is the default handler; did you mean vm?",
            ),
            ("runtime.runtimes.kata.exec_cpu_affinity", "last", "then ignores the handler"),
            (
                "runtime.runtimes.kata.allowed_annotations",
                ["io.kubernetes.cri-o.ShmSiz"],
                "did you mean io.kubernetes.cri-o.ShmSize?",
            ),
            ("runtime.runtimes.kata.monitor_exec_cgroup", "pod", "every exec in a container fails"),
            ("runtime.workloads.w.allowed_annotations", ["shm"], "does not start with it"),
        ],
    )
    def test_are_refused_with_what_crio_does(self, keys, value, said):
        data = value
        for name in reversed(f"crio.{keys}".split(".")):
            data = {name: data}
        [found] = [each for each in refused(data) if "activation_annotation" not in each]
        assert said in found
        assert found.count("accepted: ") == 1
