# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates layouts of configuration files, options and variables, each with the traps that it contains."""

import random
from collections import Counter
from dataclasses import dataclass, field

MAIN = "crio.conf"
FOLDER = "crio.conf.d"

# Some keys of each type, with values that `crio config` accepts on every host.
SCALARS = {
    "crio.runtime.log_level": ['"debug"', '"info"', '"warn"', '"error"'],
    "crio.runtime.log_filter": ['"a.*"', '"b"', '""'],
    "crio.runtime.pids_limit": ["1024", "2_048", "0x400", "-1"],
    "crio.runtime.drop_infra_ctr": ["true", "false"],
    "crio.runtime.no_pivot": ["true", "false"],
    "crio.runtime.namespaces_dir": ['"/run/a"', "'/run/b'", '"/run/\\u0063"'],
    "crio.runtime.timezone": ['"local"', '""'],
    "crio.runtime.hostnetwork_disable_selinux": ["true", "false"],
    "crio.runtime.cgroup_manager": ['"systemd"', '"cgroupfs"'],
    "crio.runtime.default_runtime": ['"crun"'],
    "crio.api.stream_port": ['"0"', '"10010"'],
    "crio.api.listen": ['"/run/a.sock"', '"""/run/b.sock"""'],
    "crio.image.pause_image": ['"registry.example.com/pause:1"', '"registry.example.com/pause:2"'],
    "crio.image.pause_command": ['"/pause"', '"/sleep"'],
    "crio.image.short_name_mode": ['"disabled"', '"enforcing"'],
    "crio.network.network_dir": ['"/etc/cni/a/"', '"/etc/cni/b/"'],
    "crio.metrics.enable_metrics": ["true", "false"],
    "crio.metrics.metrics_port": ["9537", "9_538", "+9539"],
    "crio.tracing.tracing_endpoint": ['"127.0.0.1:4317"', '"10.0.0.1:4317"'],
    "crio.stats.collection_period": ["0", "10"],
    "crio.nri.nri_listen": ['"/run/nri.sock"', '"/run/nri2.sock"'],
    "crio.nri.default_validator.nri_enable_default_validator": ["true", "false"],
    "crio.log_dir": ['"/var/log/a"', '"/var/log/b"'],
    "crio.internal_wipe": ["true", "false"],
}
LISTS = {
    "crio.runtime.default_sysctls": ['"net.ipv4.ip_forward=1"', '"kernel.shm_rmid_forced=1"'],
    "crio.runtime.default_env": ['"A=1"', '"B=2"', '"C=3"'],
    "crio.runtime.allowed_devices": ['"/dev/fuse"', '"/dev/net/tun"', '"/dev/kvm"'],
    "crio.runtime.default_capabilities": ['"CHOWN"', '"KILL"', '"SETUID"'],
    "crio.image.pinned_images": ['"registry.example.com/a:1"', '"registry.example.com/b:1"'],
    "crio.network.plugin_dirs": ['"/opt/cni/a/"', '"/opt/cni/b/"'],
}
DURATIONS = {
    "crio.image.pull_progress_timeout": ['"10s"', '"1m30s"', '"90s"', "1500000000", "0"],
    "crio.nri.nri_plugin_request_timeout": ['"1500ms"', '"2s"', "3000000000"],
}
OPTIONS = {
    "--log-level": ["debug", "trace"],
    "--pids-limit": ["100", "0x10", "010"],
    "--default-sysctls": ["net.ipv4.ip_forward=1", "a.b=1,c.d=2"],
    "--metrics-port": ["9600"],
    "--enable-metrics": ["true", "false"],
    "--storage-opt": ["x=1,y=2", "z=3"],
    "--cni-plugin-dir": ["/opt/one", "/opt/one, /opt/two"],
    "--pull-progress-timeout": ["5s"],
    "--timezone": ["local"],
    "--root": ["/var/lib/other", ""],
    "--nri-listen": ["/run/other.sock"],
    "--default-env": ["X=1", "X=1,Y=2"],
}
VARIABLES = {
    "CONTAINER_LOG_LEVEL": ["error", "debug"],
    "CONTAINER_PIDS_LIMIT": ["200", ""],
    "CONTAINER_ENABLE_METRICS": ["true", "0", ""],
    "CONTAINER_DEFAULT_SYSCTLS": ["e.f=1", "e.f=1, g.h=2"],
    "CONTAINER_PAUSE_IMAGE": ["registry.example.com/pause:3"],
    "CONTAINER_LISTEN": ["/run/v.sock", ""],
    "CONTAINER_STOP_TIMEOUT": ["40", "5"],
    "CONTAINER_TIME_ZONE": ["local"],
    "ENABLE_POD_EVENTS": ["true"],
    "CONTAINER_INCLUDED_POD_METRICS": ["cpu,memory"],
    "PULL_IN_A_CGROUP": ["pod"],
    "CONTAINER_DEFAULT_ENV": ["V=1"],
}
NAMES = {
    "plain": ["05-x.conf", "10-a.conf", "20-b.conf", "60-cri-node.conf", "99-z.conf"],
    "backup": [
        "10-a.conf.bak", "10-a.conf~", "10-a.conf.4711.2024-05-01@10:11:12~", "60-cri-node.conf.orig",
        ".10-a.conf.swp", "#10-a.conf#",
    ],
    "package": ["10-a.conf.rpmsave", "10-a.conf.rpmnew", "10-a.conf.dpkg-old", "20-b.conf.dpkg-dist"],
    "without suffix": ["README", "10", "zz", "Makefile", "\u00e4-umlaut", "10-\u65e5"],
    "hidden": [".hidden.conf", ".ansible_tmpxyz10-a.conf"],
    "nested": ["15-dir/x.conf", "10-a.conf.d/y", "sub/deep/z.conf", "sub.conf", "sub/a"],
}  # fmt: skip
TRAPS = (
    "scalar replaced", "list replaced", "list emptied", "storage options collected", "handler replaced", "handler added",
    "handler lost keys", "workload replaced", "backup", "package", "without suffix", "hidden", "nested", "option", "variable",
    "option over variable", "inline table", "dotted keys", "quoted names", "other case", "unknown key", "link to a file",
    "empty root", "below a minimum", "conmon overrides handlers", "number as a duration", "empty default runtime",
    "no main file", "empty file", "only comments", "list in several lines", "lines end with CRLF", "criu disabled",
    "runtimes option",
    # what CRI-O refuses
    "not TOML", "wrong type", "link to a folder", "broken link", "unknown option", "named file is missing",
    "key defined twice", "table is a value", "two forms of an option",
)  # fmt: skip
REFUSED = frozenset(TRAPS[TRAPS.index("not TOML") :])


@dataclass
class Layout:
    """Files by relative path, links by relative path, options and variables; the traps, and whether CRI-O refuses it."""

    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    named: bool = True
    traps: list[str] = field(default_factory=list)


def layouts(seed: int, count: int) -> list[Layout]:
    """Return so many layouts; layout n has the trap n modulo their number, and some at random."""
    return [_Maker(random.Random(f"{seed}-{number}")).make(number) for number in range(count)]


def coverage(made: list[Layout]) -> Counter:
    """Count the layouts of each trap."""
    return Counter(trap for layout in made for trap in set(layout.traps))


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.layout = Layout()

    def make(self, number: int) -> Layout:
        self._plain_files()
        wanted = [TRAPS[number % len(TRAPS)]]
        harmless = [trap for trap in TRAPS if trap not in REFUSED]
        wanted += self.chance.sample(harmless, self.chance.randint(1, 5))
        for trap in dict.fromkeys(wanted):
            self._add(trap)
        if "named file is missing" in wanted:
            self.layout.files.pop(MAIN, None)
        self.layout.named = MAIN in self.layout.files or "named file is missing" in wanted
        return self.layout

    def _add(self, trap: str) -> None:
        self.layout.traps.append(trap)
        add = getattr(self, "_" + trap.replace(" ", "_").lower(), None)
        if add:
            add()
        else:
            self._file(self.chance.choice(NAMES[trap]), self._settings())

    def _file(self, name: str, text: str) -> None:
        path = name if name == MAIN else f"{FOLDER}/{name}"
        while path in self.layout.files or self._is_taken(path):
            path += "x"
        self.layout.files[path] = text

    def _is_taken(self, path: str) -> bool:
        used = [*self.layout.files, *self.layout.links]
        return any(
            other == path or other.startswith(path + "/") or path.startswith(other + "/") for other in used
        )

    def _plain_files(self) -> None:
        if self.chance.random() < 0.7:
            self.layout.files[MAIN] = self._settings()
        for name in self.chance.sample(NAMES["plain"], self.chance.randint(1, 3)):
            self._file(name, self._settings())

    def _settings(self) -> str:
        """Return one file with some keys, in one of the forms that TOML has."""
        chosen = {}
        for table, most in ((SCALARS, 6), (LISTS, 3), (DURATIONS, 1)):
            for key in self.chance.sample(sorted(table), self.chance.randint(0, min(most, len(table)))):
                chosen[key] = self._list(table[key]) if table is LISTS else self.chance.choice(table[key])
        return self._written(chosen)

    def _list(self, items: list[str]) -> str:
        return f"[{', '.join(self.chance.sample(items, self.chance.randint(0, len(items))))}]"

    def _written(self, chosen: dict[str, str]) -> str:
        tables: dict[str, list[str]] = {}
        for key, value in chosen.items():
            table, _dot, name = key.rpartition(".")
            tables.setdefault(table, []).append(f"{name} = {value}")
        names = list(tables)
        self.chance.shuffle(names)
        lines = ["# a comment = 1", ""]
        for table in names:
            lines += [f"[{table}]", *tables[table], ""]
        return "\n".join(lines)

    # Merging

    def _two(self, first: str, second: str) -> None:
        self._file("30-first.conf", first)
        self._file("40-second.conf", second)

    def _scalar_replaced(self) -> None:
        self._two("[crio.runtime]\nlog_level = 'warn'\n", "[crio.runtime]\nlog_level = 'trace'\n")

    def _list_replaced(self) -> None:
        self._two('[crio.runtime]\ndefault_env = ["A=1", "B=2"]\n', '[crio.runtime]\ndefault_env = ["C=3"]\n')

    def _list_emptied(self) -> None:
        self._two(
            '[crio.runtime]\nallowed_devices = ["/dev/kvm"]\n', "[crio.runtime]\nallowed_devices = []\n"
        )

    def _storage_options_collected(self) -> None:
        self._two('[crio]\nstorage_option = ["a=1", "b=2"]\n', '[crio]\nstorage_option = ["c=3", "a=1"]\n')
        self._file("45-third.conf", '[crio]\nstorage_option = ["b=2", "d=4", "b=2"]\n')

    def _handler_replaced(self) -> None:
        whole = '[crio.runtime.runtimes.crun]\nruntime_path = "/usr/bin/crun"\nruntime_root = "/run/x"\nmonitor_path = "/c"\n'
        self._two(
            whole, '[crio.runtime.runtimes.crun]\nmonitor_env = ["P=1"]\ncontainer_min_memory = "1MiB"\n'
        )

    def _handler_lost_keys(self) -> None:
        whole = '[crio.runtime.runtimes.kata]\nruntime_path = "/k"\nruntime_type = "vm"\nprivileged_without_host_devices = true\n'
        self._two(whole, "[crio.runtime.runtimes.kata]\n")

    def _handler_added(self) -> None:
        self._two(
            '[crio.runtime.runtimes.runc]\nruntime_path = "/r"\nallowed_annotations = ["b", "a"]\n',
            '[crio.runtime.runtimes.Runc]\nruntime_path = "/R"\ndefault_annotations = {x = "1"}\n',
        )

    def _workload_replaced(self) -> None:
        self._two(
            '[crio.runtime.workloads.w]\nactivation_annotation = "a/b"\nannotation_prefix = "p"\nresources = {cpushares = 5}\n',
            '[crio.runtime.workloads.w]\nactivation_annotation = "c/d"\n[crio.runtime.workloads.w.resources]\ncpuset = "0-1"\n',
        )

    def _empty_root(self) -> None:
        self._two(
            '[crio]\nroot = "/var/lib/a"\nrunroot = "/run/a"\n',
            '[crio]\nroot = ""\nrunroot = "/run/b"\nstorage_driver = ""\n',
        )

    # Names and kinds of files

    def _link_to_a_file(self) -> None:
        self.layout.files["elsewhere/target"] = self._settings()
        self.layout.links[f"{FOLDER}/50-link.conf"] = "../elsewhere/target"

    def _no_main_file(self) -> None:
        self.layout.files.pop(MAIN, None)

    def _empty_file(self) -> None:
        self._file("55-empty.conf", "")

    def _only_comments(self) -> None:
        self._file("56-comments", "# log_level = 'x'\n\n   # [crio]\n")

    # Forms of TOML

    def _inline_table(self) -> None:
        self._file(
            "31-inline.conf",
            'crio = {log_dir = "/var/log/i", api = {listen = "/run/i"}, metrics.metrics_port = 1}\n',
        )

    def _dotted_keys(self) -> None:
        self._file(
            "32-dotted.conf",
            'crio.runtime.log_level = "warn"\ncrio.runtime.runtimes.runc.runtime_path = "/d"\n',
        )

    def _quoted_names(self) -> None:
        self._file(
            "33-quoted.conf",
            '["crio".\'runtime\'.runtimes."ka ta"]\n"runtime_path" = "/q"\n[crio."runtime"]\n\'log_level\'="warn"\n',
        )

    def _other_case(self) -> None:
        self._file(
            "34-case.conf",
            "[CRIO.Runtime]\nLOG_LEVEL = 'debug'\n[Crio.Runtime.Runtimes.CRUN]\nRuntime_Path = '/u'\n",
        )

    def _list_in_several_lines(self) -> None:
        self._file("35-lines.conf", "[crio.runtime]\ndefault_env = [\n  'A=1', # one\n\n  'B=2',\n]\n")

    def _lines_end_with_crlf(self) -> None:
        self._file(
            "36-crlf.conf",
            "[crio.runtime]\r\nlog_level = 'warn' # x\r\n\r\nallowed_devices = [\r\n'/dev/a',\r\n]\r\n",
        )

    def _unknown_key(self) -> None:
        self._file(
            "37-unknown.conf",
            "[crio.runtime]\nlog_levle = 'x'\n[runtime]\nlog_level = 'x'\n[crio.nosuch]\na = [1, 2.5, {}]\n",
        )

    # Adaptations

    def _below_a_minimum(self) -> None:
        self._file(
            "38-minimum.conf",
            "[crio.runtime]\nctr_stop_timeout = 5\n[crio.api]\ngrpc_max_send_msg_size = -1\n",
        )

    def _conmon_overrides_handlers(self) -> None:
        self._file(
            "39-conmon.conf",
            '[crio.runtime]\nconmon = "/bin/conmon"\nconmon_cgroup = "pod"\nconmon_env = ["Z=1"]\n',
        )

    def _number_as_a_duration(self) -> None:
        self._file("41-duration.conf", "[crio.image]\npull_progress_timeout = 90_000_000_000\n")

    def _empty_default_runtime(self) -> None:
        self._file("99-zz.conf", '[crio.runtime]\ndefault_runtime = ""\n')

    def _criu_disabled(self) -> None:
        self._file("42-criu.conf", "[crio.runtime]\nenable_criu_support = false\n")

    # Options and variables

    def _option(self) -> None:
        for name in self.chance.sample(sorted(OPTIONS), 3):
            self._give(name, self.chance.choice(OPTIONS[name]))

    def _give(self, name: str, value: str) -> None:
        """Add an option in one of its forms; CRI-O refuses two forms of one option."""
        short = name == "--log-level" and ("-l" in self.layout.options or self.chance.random() < 0.3)
        if name == "--log-level" and any(word.startswith(name) for word in self.layout.options):
            short = False
        if name != "--enable-metrics" and self.chance.random() < 0.3:
            self.layout.options += ["-l" if short else name, value]
        elif short:
            self.layout.options += ["-l", value]
        else:
            self.layout.options.append(f"{name}={value}")

    def _variable(self) -> None:
        for name in self.chance.sample(sorted(VARIABLES), 3):
            self.layout.variables[name] = self.chance.choice(VARIABLES[name])

    def _option_over_variable(self) -> None:
        self._give("--log-level", "fatal")
        self.layout.variables["CONTAINER_LOG_LEVEL"] = "panic"

    def _runtimes_option(self) -> None:
        self.layout.options.append(
            "--runtimes=kata:/usr/bin/kata:/run/kata:vm:true,runc:/usr/bin/runc:/run/runc"
        )

    # What CRI-O refuses

    def _not_toml(self) -> None:
        texts = [
            "[crio.runtime\n",
            "log_level = debug\n",
            "just words\n",
            "a = 'x\n",
            "\x00",
            "a = 1 b = 2\n",
            "[crio]\n= 1\n",
        ]
        self._file("70-broken", self.chance.choice(texts))

    def _wrong_type(self) -> None:
        texts = [
            '[crio.runtime]\nlog_size_max = "10"\n',
            "[crio.api]\nstream_port = 0\n", '[crio.runtime]\ndefault_env = "A=1"\n',
            "[crio.runtime]\ndefault_env = [1]\n", '[crio.image]\npull_progress_timeout = "ten"\n',
            "[crio.runtime]\npids_limit = 1.0\n",
            "[crio.runtime.workloads.w]\nactivation_annotation='a/b'\nresources = {cpushares = '5'}\n",
            "[crio.metrics]\nenable_metrics = 1\n", "[crio.runtime.runtimes.kata.default_annotations]\na = 1\n",
        ]  # fmt: skip
        self._file("71-type.conf", self.chance.choice(texts))

    def _table_is_a_value(self) -> None:
        texts = [
            "crio = 1\n",
            "[crio]\napi = 'x'\n",
            "[[crio.runtime]]\n",
            "[crio.runtime.runtimes]\nkata = 1\n",
        ]
        self._file("72-table.conf", self.chance.choice(texts))

    def _link_to_a_folder(self) -> None:
        self.layout.files["elsewhere/folder/x.conf"] = ""
        self.layout.links[f"{FOLDER}/73-folder"] = "../elsewhere/folder"

    def _broken_link(self) -> None:
        self.layout.links[f"{FOLDER}/74-broken.conf"] = "../elsewhere/nothing"

    def _unknown_option(self) -> None:
        self.layout.options.append("--no-such-option")

    def _named_file_is_missing(self) -> None:
        self.layout.files.pop(MAIN, None)

    def _key_defined_twice(self) -> None:
        self._file("75-twice.conf", "[crio.runtime]\nlog_level = 'info'\nlog_level = 'info'\n")

    def _two_forms_of_an_option(self) -> None:
        self.layout.options = ["-l", "debug", "--log-level=debug"]
