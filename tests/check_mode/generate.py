# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates changes of nodes from a seed: the same seed gives the same changes.

A change is what somebody does on the node by hand, and the settings of the run that follows. Each change is dealt one card of a
fixed deck, so that each feature occurs however the dice fall; their order, the values, the layers and what happens besides are
random. A walk is the sequence of changes of one node, each of which starts where the one before it ended.
"""

import collections
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from check_mode import settings as known
from check_mode.settings import COSTS, LAYERS, RELOAD, RESTART, Settings
from testbed.openshift_objects import pem

NODES = 2
CONTROLLER, NODE, RUN = "on the controller", "on the node", "only by the run"


@dataclass
class Refusal:
    """A change that must be refused. where: the earliest place that can know it. why_late: why check mode cannot."""

    where: str
    words: tuple[str, ...]
    why_late: str = ""


@dataclass
class Change:
    """One change of a walk."""

    number: int
    features: list[str]
    settings: Settings
    before: Settings  # those of the last run that succeeded
    by_hand: list[str] = field(default_factory=list)  # shell commands on the node, beforehand
    tidy: list[str] = field(default_factory=list)  # and after a refused change
    variables: dict[str, Any] = field(default_factory=dict)  # further ones of this change alone
    refusal: Refusal | None = None
    module: bool = False  # runtime_config with raw files, instead of the roles
    playbook: bool = (
        False  # the plan is made by the playbook plan, which ends where a node refuses the change
    )
    plain: bool = True  # whether files and daemon are as the last run left them
    foreign: dict[str, Any] = field(default_factory=dict)  # keys of a later file of somebody else

    def __str__(self) -> str:
        return f"change {self.number} ({', '.join(self.features)})"

    def all_variables(self) -> dict[str, Any]:
        """Return the variables of the run."""
        return {**self.settings.variables(), **self.variables}


Card = Callable[["Walk", Change], bool]
_CARDS: dict[str, tuple[int, Card]] = {}
_REAL: set[str] = set()  # the cards that need real CRI-O
PLANNED = {True: "planned by the module", False: "planned by the role"}
BY_THE_PLAYBOOK = "planned by the playbook"
#: how often each feature occurs at least, whatever the seed
MINIMUM: dict[str, int] = {PLANNED[True]: 5, PLANNED[False]: 12, BY_THE_PLAYBOOK: 4}


def _card(name: str, times: int, real: bool = False) -> Callable[[Card], Card]:
    def add(card: Card) -> Card:
        _CARDS[name] = (times, card)
        MINIMUM[name] = times
        if real:
            _REAL.add(name)
        return card

    return add


def minimum(real: bool) -> dict[str, int]:
    """Return how often each feature occurs at least, on real CRI-O or on the stand-in."""
    return {name: times for name, times in MINIMUM.items() if real or name not in _REAL}


def walks(seed: int, real: bool = True) -> list[list[Change]]:
    """Return the changes of each node. real: whether the nodes have real CRI-O, which some changes need."""
    chance = random.Random(seed)
    deck = [
        name for name, (times, _card) in _CARDS.items() for _each in range(times) if real or name not in _REAL
    ]
    chance.shuffle(deck)
    return [list(Walk(chance, deck[start::NODES])) for start in range(NODES)]


def coverage(changes: list[Change]) -> collections.Counter:
    """Return how many changes have each feature."""
    return collections.Counter(feature for change in changes for feature in set(change.features))


class Walk:
    """The changes of one node. A card that does not fit the settings yet is played later."""

    def __init__(self, chance: random.Random, cards: list[str]):
        self.chance = chance
        self.cards = collections.deque(cards)
        self.now = first(chance)
        self.foreign: dict[str, Any] = {}

    def __iter__(self) -> Iterator[Change]:
        yield _planned(Change(0, ["first run"], self.now.copy(), Settings(), plain=False))
        for number in itertools.count(1):
            if not self.cards:
                return
            change = self._deal(number)
            yield _planned(change)
            if change.refusal is None:
                self.now = change.settings.copy()
            self.foreign = dict(change.foreign)

    def _deal(self, number: int) -> Change:
        """Return the change of the first card that fits; settings in which all cards fit if none does."""
        for name in list(self.cards):
            change = self._change(number, name)
            if _CARDS[name][1](self, change):
                self.cards.remove(name)
                return change
        change = self._change(number, "settings anew")
        change.settings = first(self.chance)
        change.settings.raw = {known.RAW_NOTES: {"content": "anew\n", "disruption": "none", "mode": "0644"}}
        change.module = True
        return change

    def _change(self, number: int, name: str) -> Change:
        return Change(number, [name], self.now.copy(), self.now.copy(), foreign=dict(self.foreign))

    # What a card may choose

    def key(self, cost: str) -> str:
        """Return a key whose change costs this."""
        return self.chance.choice([key for key, (each, _values) in COSTS.items() if each == cost])

    def other(self, change: Change, key: str) -> Any:
        """Return a value of a key other than its present one."""
        present = change.settings.merged().get(key)
        return self.chance.choice([value for value in COSTS[key][1] if value != present])

    def set(self, change: Change, key: str) -> None:
        """Set a key to another value, in a layer in which it counts."""
        value = self.other(change, key)
        layers = change.settings.layers
        last = max((LAYERS.index(layer) for layer in layers if key in layers[layer]), default=0)
        layer = self.chance.choice(LAYERS[last:])
        layers.setdefault(layer, {})[key] = value

    def besides(self, change: Change) -> None:
        """Change the settings too, half of the times."""
        if self.chance.random() < 0.5:
            cost = self.chance.choice((RELOAD, RESTART))
            self.set(change, self.key(cost))
            change.features.append(f"{cost} key")


def _planned(change: Change) -> Change:
    """Decide what makes the plan of a change."""
    change.playbook = not change.module and change.refusal is None and change.number % 3 == 0
    change.features.append(BY_THE_PLAYBOOK if change.playbook else PLANNED[change.module])
    return change


def first(chance: random.Random) -> Settings:
    """Return settings with a bit of everything."""
    found = Settings()
    found.layers = {
        "crio_config": {"crio.metrics.enable_metrics": True, "crio.metrics.metrics_port": 9537},
        "crio_config__rack": {},
        "crio_config__site": {},
    }
    for cost in (RELOAD, RESTART):
        for key in chance.sample([key for key, each in COSTS.items() if each[0] == cost], 3):
            found.layers[chance.choice(LAYERS)][key] = chance.choice(COSTS[key][1])
    found.registries = {"unlisted:5000": {"insecure": True}, "mirrored.example": {"blocked": False}}
    found.crictl = {"timeout": 20}
    found.completion = ["bash"]
    found.environment = {"NO_PROXY": "registry"}
    return found


# The cards: what each does to a change. False if it does not fit the settings.


@_card("reload key", 3)
def _reload_key(walk: Walk, change: Change) -> bool:
    walk.set(change, walk.key(RELOAD))
    return True


@_card("restart key", 2)
def _restart_key(walk: Walk, change: Change) -> bool:
    walk.set(change, walk.key(RESTART))
    return True


@_card("several keys", 2)
def _several_keys(walk: Walk, change: Change) -> bool:
    for cost in (RELOAD, RESTART, walk.chance.choice((RELOAD, RESTART))):
        walk.set(change, walk.key(cost))
    return True


def _forget(change: Change, key: str) -> None:
    for layer in change.settings.layers.values():
        layer.pop(key, None)


@_card("key removed", 2)
def _key_removed(walk: Walk, change: Change) -> bool:
    keys = [key for key in change.settings.merged() if key in COSTS]
    if not keys:
        return False
    key = walk.chance.choice(keys)
    if walk.chance.random() < 0.5:
        _forget(change, key)
    else:
        change.settings.layers.setdefault(LAYERS[-1], {})[key] = None
        change.features.append("key removed by a later layer")
    return True


@_card("later layer wins", 1)
def _later_layer_wins(walk: Walk, change: Change) -> bool:
    layers = change.settings.layers
    keys = [
        key for key in layers.get(LAYERS[0], {}) if key in COSTS and key not in layers.get(LAYERS[-1], {})
    ]
    if not keys:
        return False
    key = walk.chance.choice(keys)
    layers.setdefault(LAYERS[-1], {})[key] = walk.other(change, key)
    return True


@_card("layer that changes nothing", 1)
def _layer_that_changes_nothing(walk: Walk, change: Change) -> bool:
    layers = change.settings.layers
    keys = [
        key
        for key in layers.get(LAYERS[0], {})
        if key in COSTS and change.settings.merged().get(key) is not None
    ]
    if not keys:
        return False
    key = walk.chance.choice(keys)
    value = change.settings.merged()[key]
    _forget(change, key)
    layers.setdefault(walk.chance.choice(LAYERS[1:]), {})[key] = value
    return True


@_card("file removed", 3)
def _file_removed(walk: Walk, change: Change) -> bool:
    settings = change.settings
    ways = [name for name in ("registries", "environment", "completion", "raw") if getattr(settings, name)]
    ways += ["crio.conf"] if settings.merged() else []
    if not ways:
        return False
    way = walk.chance.choice(ways)
    if way == "crio.conf":
        settings.layers, settings.tables = {}, {}
    else:
        getattr(settings, way).clear()
        change.module = way == "raw"
    return True


@_card("registries", 2)
def _registries(walk: Walk, change: Change) -> bool:
    registries = change.settings.registries
    way = walk.chance.choice(("add", "change", "remove") if len(registries) > 1 else ("add",))
    if way == "add":
        number = next(each for each in range(99) if f"added-{each}.example" not in registries)
        registries[f"added-{number}.example"] = {"insecure": walk.chance.choice((True, False))}
    elif way == "remove":
        del registries[walk.chance.choice(sorted(registries))]
    else:
        table = registries[walk.chance.choice(sorted(registries))]
        table["mirror"] = [{"location": f"mirror-{walk.chance.randrange(1000)}.example"}]
    return True


@_card("registry of images", 1)
def _registry_of_images(walk: Walk, change: Change) -> bool:
    """The plan names the images of the pods that run on the node."""
    registries = change.settings.registries
    if not registries.pop("registry:5000", None):
        registries["registry:5000"] = {"insecure": True, "blocked": True}
    return True


def _toggled(walk: Walk, entries: dict[str, Any], name: str, value: Any) -> bool:
    """Set an entry, or remove it at times if it exists."""
    if name in entries and walk.chance.random() < 0.5:
        del entries[name]
    else:
        entries[name] = value
    return True


@_card("credentials", 3)
def _credentials(walk: Walk, change: Change) -> bool:
    password = f"secret-{walk.chance.randrange(1 << 32)}"
    host = walk.chance.choice(known.HOSTS)
    return _toggled(walk, change.settings.auth, host, {"username": "robot", "password": password})


_REQUIREMENTS = ([{"type": "reject"}], [{"type": "insecureAcceptAnything"}])


def _policy_with(walk: Walk, policy: dict[str, Any]) -> None:
    """Change one scope of a policy, or its default."""
    policy.setdefault("default", _REQUIREMENTS[1])
    if walk.chance.random() < 0.3:
        policy["default"] = walk.chance.choice(_REQUIREMENTS)
    scopes = policy.setdefault("transports", {}).setdefault("docker", {})
    scopes.setdefault("registry:5000", _REQUIREMENTS[1])  # of the images that the walk uses
    _toggled(walk, scopes, walk.chance.choice(known.HOSTS), walk.chance.choice(_REQUIREMENTS))


@_card("signature policy", 3)
def _signature_policy(walk: Walk, change: Change) -> bool:
    if change.settings.policy and walk.chance.random() < 0.3:
        change.settings.policy = {}
    else:
        _policy_with(walk, change.settings.policy)
    return True


@_card("policy of a namespace", 2)
def _policy_of_a_namespace(walk: Walk, change: Change) -> bool:
    policies, namespace = change.settings.namespaced_policies, walk.chance.choice(known.NAMESPACES)
    if namespace in policies and walk.chance.random() < 0.5:
        del policies[namespace]
    else:
        _policy_with(walk, policies.setdefault(namespace, {}))
    return True


@_card("signatures", 2)
def _signatures(walk: Walk, change: Change) -> bool:
    scopes = change.settings.signatures.setdefault("docker", {})
    _toggled(walk, scopes, walk.chance.choice(known.HOSTS), {"use-sigstore-attachments": True})
    if not scopes:
        change.settings.signatures = {}
    return True


@_card("certificates", 2)
def _certificates(walk: Walk, change: Change) -> bool:
    host = walk.chance.choice([host for host in known.HOSTS if "/" not in host])
    name = f"authority-{walk.chance.randrange(1000)}"
    return _toggled(walk, change.settings.certificates, host, {"ca": pem(name)})


@_card("storage", 2, real=True)
def _storage(walk: Walk, change: Change) -> bool:
    """Options that concern no image and no container."""
    if change.settings.storage and walk.chance.random() < 0.5:
        change.settings.storage = {}
    else:
        options = {
            "pull_options": {
                "convert_images": "false",
                "use_hard_links": walk.chance.choice(("true", "false")),
            }
        }
        change.settings.storage = {"storage": {"driver": "overlay", "options": options}}
    return True


# Writes an entry as podman login or an administrator does. The program is in single quotes.
_ENTRY = """
import json, os
path, section, name, value = {arguments}
os.makedirs(os.path.dirname(path), exist_ok=True)
new = {"default": [{"type": "insecureAcceptAnything"}]} if "policy" in path else {}
data = json.load(open(path)) if os.path.exists(path) else new
here = data
for each in section.split("."):
    here = here.setdefault(each, {})
here[name] = value
json.dump(data, open(path, "w"))
"""


@_card("entry of somebody else", 2)
def _entry_of_somebody_else(walk: Walk, change: Change) -> bool:
    """The run changes other entries of the file, or none, and this one stays."""
    name = f"theirs-{walk.chance.randrange(1000)}.example.com"
    if walk.chance.random() < 0.5:
        arguments: tuple[Any, ...] = (known.AUTH, "auths", name, {"auth": "dGhlaXJzOng="})
        _credentials(walk, change)
    else:
        arguments = (known.POLICY, "transports.docker", name, [{"type": "reject"}])
        _signature_policy(walk, change)
    program = _ENTRY.replace("{arguments}", json.dumps(arguments))
    change.by_hand.append(f"python3 -c '{program}'")
    change.plain = False
    return True


@_card("crictl", 1)
def _crictl(walk: Walk, change: Change) -> bool:
    settings = change.settings
    if walk.chance.random() < 0.5:
        settings.crictl["timeout"] = settings.crictl.get("timeout", 20) + 1
    else:
        shell = walk.chance.choice(sorted(known.COMPLETION))
        settings.completion = sorted({*settings.completion} ^ {shell})
    return True


@_card("unit drop-in", 1)
def _unit(walk: Walk, change: Change) -> bool:
    service = change.settings.service["Service"]
    service["LimitNOFILE"] = service.get("LimitNOFILE", 524288) + 1
    if walk.chance.random() < 0.3:
        change.settings.service["Unit"] = {"Description": f"CRI-O {walk.chance.randrange(1000)}"}
    return True


@_card("environment", 1)
def _environment(walk: Walk, change: Change) -> bool:
    change.settings.environment["NO_PROXY"] = f"registry,added-{walk.chance.randrange(1000000)}.example"
    return True


@_card("secret key", 1)
def _secret_key(walk: Walk, change: Change) -> bool:
    _forget(change, known.SECRET_KEY)
    value = [f"TOKEN=secret-{walk.chance.randrange(1 << 32)}"]
    change.settings.layers.setdefault(LAYERS[0], {})[known.SECRET_KEY] = value
    return True


@_card("whole entry", 1)
def _whole_entry(walk: Walk, change: Change) -> bool:
    tables = change.settings.tables
    if tables and walk.chance.random() < 0.4:
        tables.clear()
    else:
        annotation = f"example/{walk.chance.randrange(1000)}"
        tables["heavy"] = {"activation_annotation": annotation, "annotation_prefix": "example.heavy"}
    return True


@_card("raw files", 3)
def _raw_files(walk: Walk, change: Change) -> bool:
    change.module = True
    raw, number = change.settings.raw, walk.chance.randrange(1000)
    path = walk.chance.choice((known.RAW_CRIO, known.RAW_REGISTRIES, known.RAW_NOTES))
    if path in raw and walk.chance.random() < 0.3:
        del raw[path]
    elif path == known.RAW_CRIO:
        size = 83887000 + number
        content = f"[crio.api]\ngrpc_max_send_msg_size = {size}\n"
        raw[path] = {"content": content, "live": {"crio.api.grpc_max_send_msg_size": size}}
    elif path == known.RAW_REGISTRIES:
        raw[path] = {"content": f'[[registry]]\nlocation = "raw-{number}.example"\n', "disruption": "reload"}
    else:
        mode = walk.chance.choice(("0644", "0640", "0600"))
        raw[path] = {"content": f"note {number}\n", "disruption": "none", "mode": mode}
    return True


# What somebody does by hand; the run undoes it.


def _present(change: Change) -> list[str]:
    """Return the files that the last run left, and that are not secret."""
    settings = change.before
    secret = known.SECRET_KEY in settings.merged()
    found = [known.UNIT, known.CRICTL]
    found += [known.CRIO] if settings.merged() and not secret else []
    return found + ([known.REGISTRIES] if settings.registries else [])


_EDITS = {
    known.CRIO: "printf '[crio.api]\\nstream_address = \"127.0.0.4\"\\n' > {path}",
    known.UNIT: "printf '[Service]\\nNice=1\\n' >> {path}",
    known.CRICTL: "printf 'debug: true\\n' >> {path}",
    known.REGISTRIES: "printf '[[registry]]\\nlocation = \"by-hand.example\"\\n' >> {path}",
}


@_card("edited by hand", 3)
def _edited(walk: Walk, change: Change) -> bool:
    path = walk.chance.choice(_present(change))
    change.by_hand.append(_EDITS[path].format(path=path))
    if path == known.UNIT and walk.chance.random() < 0.5:
        change.by_hand.append("systemctl daemon-reload")
    change.plain = False
    walk.besides(change)
    return True


@_card("edited by hand and loaded", 1)
def _edited_and_loaded(walk: Walk, change: Change) -> bool:
    paths = [path for path in _present(change) if path in (known.CRIO, known.REGISTRIES)]
    if not paths:
        return False
    path = walk.chance.choice(paths)
    how = walk.chance.choice(("systemctl restart crio", "systemctl reload crio; sleep 1"))
    change.by_hand += [_EDITS[path].format(path=path), how]
    change.plain = False
    walk.besides(change)
    return True


@_card("mode or owner by hand", 2)
def _mode(walk: Walk, change: Change) -> bool:
    path = walk.chance.choice(_present(change))
    change.by_hand.append(
        f"{walk.chance.choice(('chmod 0664', 'chmod 0600', 'chown 1:1', 'chown :7'))} {path}"
    )
    change.plain = False
    return True


@_card("removed by hand", 1)
def _removed(walk: Walk, change: Change) -> bool:
    change.by_hand.append(f"rm {walk.chance.choice(_present(change))}")
    change.plain = False
    walk.besides(change)
    return True


@_card("touched by hand", 1)
def _touched(walk: Walk, change: Change) -> bool:
    path = walk.chance.choice(_present(change))
    change.by_hand.append(f"cp -p {path} {path}.new; mv {path}.new {path}; touch {path}")
    change.plain = False
    return True


@_card("foreign drop-in", 2)
def _foreign(walk: Walk, change: Change) -> bool:
    restarts = walk.chance.random() < 0.6
    if change.foreign and walk.chance.random() < 0.7:
        change.by_hand.append(f"rm {known.FOREIGN}")
        change.foreign = {}
    else:
        key = walk.chance.choice(("crio.runtime.ctr_stop_timeout", "crio.api.grpc_max_recv_msg_size"))
        value = 34 if key.endswith("timeout") else 83886099
        table, _dot, name = key.rpartition(".")
        change.by_hand.append(f"printf '[{table}]\\n{name} = {value}\\n' > {known.FOREIGN}")
        change.foreign = {key: value}
    change.by_hand += ["systemctl restart crio"] if restarts else []
    change.plain = False
    walk.besides(change)
    return True


@_card("stopped by hand", 1)
def _stopped(walk: Walk, change: Change) -> bool:
    change.by_hand.append("systemctl stop crio")
    change.plain = False
    walk.besides(change)
    return True


@_card("disabled by hand", 1)
def _disabled(walk: Walk, change: Change) -> bool:
    change.by_hand.append(f"systemctl disable {walk.chance.choice(('', '--now '))}crio")
    change.plain = False
    walk.besides(change)
    return True


@_card("restarted by hand", 1)
def _restarted(walk: Walk, change: Change) -> bool:
    change.by_hand.append("systemctl restart crio")
    change.plain = False
    walk.besides(change)
    return True


# What must be refused.


def _refused(change: Change, where: str, *words: str, why_late: str = "") -> bool:
    change.refusal = Refusal(where, words, why_late)
    change.features.append(f"refused {where}")
    return True


@_card("invalid value", 1)
def _invalid(walk: Walk, change: Change) -> bool:
    key, value = walk.chance.choice(
        (
            ("crio.runtime.log_level", "loud"),
            ("crio.runtime.log_size_max", "many"),
            ("crio.runtime.default_ulimits", ["nofile"]),
            ("crio.runtime.no_such_key", 1),
        )
    )
    change.settings.layers.setdefault(walk.chance.choice(LAYERS), {})[key] = value
    _later(change, key)
    return _refused(change, CONTROLLER, key)


def _later(change: Change, key: str) -> None:
    """Keep only the last layer's value of a key."""
    holders = [layer for layer in LAYERS if key in change.settings.layers.get(layer, {})]
    value = next(
        each
        for each in (change.settings.layers[layer][key] for layer in holders)
        if key not in COSTS or each not in (*COSTS[key][1], None)
    )
    for layer in holders:
        del change.settings.layers[layer][key]
    change.settings.layers[holders[-1]][key] = value


@_card("invalid for CRI-O", 2)
def _invalid_for_crio(walk: Walk, change: Change) -> bool:
    """A raw file is not checked on the controller."""
    change.module = True
    content, word = walk.chance.choice(
        (
            ('[crio.runtime]\ncgroup_manager = "systemdd"\n', "systemdd"),
            ('[crio.runtime.runtimes.crun]\nruntime_path = "/nowhere/crun"\n', "/nowhere/crun"),
            ("[crio.runtime\n", "55-raw.conf"),
        )
    )
    change.settings.raw[known.RAW_CRIO] = {"content": content}
    return _refused(change, NODE, word)


@_card("invalid registries for CRI-O", 1)
def _invalid_registries(walk: Walk, change: Change) -> bool:
    change.module = True
    content = '[[registry]]\nlocation = "http://raw.example"\n'
    change.settings.raw[known.RAW_REGISTRIES] = {"content": content, "disruption": "reload"}
    return _refused(change, NODE, "URI schemes are not supported")


@_card("invalid file of somebody else", 1)
def _invalid_stranger(walk: Walk, change: Change) -> bool:
    path = "/etc/crio/crio.conf.d/95-broken"
    change.by_hand.append(f"echo 'not TOML' > {path}")
    change.tidy.append(f"rm {path}")
    walk.set(change, walk.key(RESTART))
    change.plain = False
    return _refused(change, NODE, path)


@_card("invalid for systemd", 1)
def _invalid_for_systemd(walk: Walk, change: Change) -> bool:
    change.settings.service["Service"]["LimitNOFILE"] = "plenty"
    return _refused(change, NODE, "plenty")


@_card("link at the path", 1)
def _link(walk: Walk, change: Change) -> bool:
    path = walk.chance.choice((known.UNIT, known.CRICTL))
    change.by_hand.append(f"mv {path} {path}.away; ln -s /dev/null {path}")
    change.tidy.append(f"mv {path}.away {path}")
    change.plain = False
    change.settings.crictl["timeout"] = change.settings.crictl.get("timeout", 20) + 1
    return _refused(change, NODE, path, "symbolic link")


@_card("above the limit", 1)
def _above_the_limit(walk: Walk, change: Change) -> bool:
    walk.set(change, walk.key(RESTART))
    change.variables["runtime_max_disruption"] = "reload"
    return _refused(change, NODE, "runtime_max_disruption", "needs a restart")


@_card("containers at risk", 1, real=True)
def _containers_at_risk(walk: Walk, change: Change) -> bool:
    change.settings.service = {"Service": {"LimitNOFILE": 524287}}
    return _refused(change, NODE, "KillMode is control-group")


@_card("port taken", 1)
def _port_taken(walk: Walk, change: Change) -> bool:
    _forget(change, "crio.metrics.metrics_port")
    change.settings.layers.setdefault(LAYERS[-1], {})["crio.metrics.metrics_port"] = 22
    change.settings.layers[LAYERS[-1]]["crio.metrics.enable_metrics"] = True
    return _refused(
        change,
        RUN,
        "metrics_port = 22",
        why_late="only a daemon that serves binds its ports, and a dry start never serves",
    )


@_card("reload that CRI-O refuses", 2, real=True)
def _refused_reload(walk: Walk, change: Change) -> bool:
    key, value = walk.chance.choice(
        (
            ("crio.runtime.blockio_config_file", known.BAD_FILE),
            ("crio.runtime.seccomp_profile", known.BAD_FILE),
            ("crio.runtime.default_runtime", "nowhere"),
        )
    )
    if key.endswith("default_runtime") or walk.chance.random() < 0.4:
        path = "/etc/crio/crio.conf.d/91-foreign.conf"
        name = key.rpartition(".")[2]
        change.by_hand.append(f"printf '[crio.runtime]\\n{name} = \"{value}\"\\n' > {path}")
        change.tidy.append(f"rm {path}")
        change.plain = False
        walk.set(change, walk.key(RELOAD))
        return _refused(change, NODE, name.partition("_")[0])
    _forget(change, key)
    change.settings.layers.setdefault(LAYERS[-1], {})[key] = value
    return _refused(change, NODE, f'{key} = "{value}"')
