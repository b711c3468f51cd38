# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the log of the node's own crio about a candidate is parsed."""

from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.module_utils.crio.live import CrioSocketError
from ansible_collections.cri.node.plugins.module_utils.errors import TransactionError
from ansible_collections.cri.node.plugins.module_utils.transaction import candidate

SERVICE = SimpleNamespace(config_directory="/etc/crio/crio.conf.d")
LINE = (
    'time="2026-11-25T14:39:14.130477047Z" level=warning msg="Runtime handler \\"kata\\" is being ignored due to: invalid'
    " runtime_path for runtime 'kata': stat /nowhere/kata: no such file or directory\""
)


def request(text):
    return {"contents": {"/etc/crio/crio.conf.d/60-cri-node.conf": text}}


@pytest.mark.parametrize("line", [LINE, LINE.replace('\\"', "")], ids=["quoted", "not quoted"])
@pytest.mark.parametrize("table", ["[crio.runtime.runtimes.kata]", '[crio.runtime.runtimes."kata"]'])
def test_a_handler_that_crio_ignores_is_refused_with_its_reason(line, table):
    requested = request(f'{table}\nruntime_path = "/nowhere/kata"\n')
    with pytest.raises(TransactionError, match="would ignore the handler kata") as caught:
        candidate._refuse_dropped_handlers(requested, [line], SERVICE)
    assert caught.value.detail == (
        "kata: invalid runtime_path for runtime 'kata': stat /nowhere/kata: no such file or directory"
    )


def test_an_ignored_handler_of_another_owner_does_not_refuse_the_change():
    candidate._refuse_dropped_handlers(request("[crio.runtime.runtimes.crun]\n"), [LINE], SERVICE)


BLOCKIO, HANDLER = "crio.runtime.blockio_config_file", "crio.runtime.default_runtime"
APPARMOR, RDT = "crio.runtime.apparmor_profile", "crio.runtime.rdt_config_file"
LIVE = {APPARMOR: '"crio-default"', BLOCKIO: '""', HANDLER: '"crun"', RDT: '""'}
DRY_START = {
    "config_directory": "/etc/crio/crio.conf.d",
    "binary": "/usr/bin/crio",
    "options": [],
    "environment": {},
    "socket": "",
}


def rehearse_reload(monkeypatch, complaint, loaded, desired):
    """Let a dry start end with this complaint, before a reload of a daemon that has loaded other values."""
    line = f'time="2026-11-25T14:39:14Z" level=fatal msg="validating runtime config: {complaint}"'
    monkeypatch.setattr(candidate, "run", lambda *_command, **_options: (1, "", line))
    monkeypatch.setattr(candidate, "live_configuration", lambda _socket: {**LIVE, **loaded})
    service, configuration = SimpleNamespace(**DRY_START), {**LIVE, **desired}
    copied = SimpleNamespace(arguments=[], registries_arguments=[], environment={}, real_names=str)
    only = candidate._refused_by_a_reload(service, configuration)
    candidate.dry_start(request(""), service, copied, configuration, only=only)


@pytest.mark.parametrize(
    ("complaint", "loaded", "desired"),
    [
        ("invalid registries: invalid location", {}, {}),
        ("unable to load seccomp profile: decoding seccomp profile failed", {}, {}),
        ("blockio configuration: parsing blockio config failed", {}, {BLOCKIO: '"/etc/crio/blockio.yaml"'}),
        ("default_runtime set to nowhere, but no runtime entry table", {}, {HANDLER: '"nowhere"'}),
        ("unable to load default seccomp profile: out of memory", {}, {}),
        ("unable to load AppArmor profile: mine is not loaded", {}, {APPARMOR: '"mine"'}),
        ("rdt configuration: parsing RDT config failed", {}, {RDT: '"/etc/crio/rdt.yaml"'}),
    ],
)
def test_a_reload_is_refused_for_a_complaint_that_it_has_too(monkeypatch, complaint, loaded, desired):
    with pytest.raises(TransactionError, match="could not start with this configuration") as caught:
        rehearse_reload(monkeypatch, complaint, loaded, desired)
    assert caught.value.detail == complaint


@pytest.mark.parametrize(
    "reason",
    [
        "invalid runtime_path for runtime 'crun': stat /nowhere/crun: no such file or directory",
        "runtime_config_path can only be used with the 'vm' runtime type",
    ],
)
def test_a_reload_is_refused_for_an_invalid_default_handler_also_if_its_name_is_the_same(monkeypatch, reason):
    with pytest.raises(TransactionError) as caught:
        rehearse_reload(monkeypatch, f"runtime validation: {reason}", {}, {})
    assert (caught.value.kind, caught.value.detail) == ("validate", reason)


@pytest.mark.parametrize(
    ("complaint", "loaded", "desired"),
    [
        ("pinns_path: stat /nowhere/pinns: no such file or directory", {}, {BLOCKIO: '"/etc/b.yaml"'}),
        ("blockio configuration: parsing blockio config failed", *[{BLOCKIO: '"/etc/b.yaml"'}] * 2),
        ("default_runtime set to nowhere, but no runtime entry table", *[{HANDLER: '"nowhere"'}] * 2),
        ("unable to load AppArmor profile: mine is not loaded", *[{APPARMOR: '"mine"'}] * 2),
        ("rdt configuration: parsing RDT config failed", *[{RDT: '"/etc/crio/rdt.yaml"'}] * 2),
        ("unable to update cgroup manager: invalid", {}, {}),
    ],
)
def test_a_reload_is_not_refused_for_a_file_that_only_a_start_reads(monkeypatch, complaint, loaded, desired):
    rehearse_reload(monkeypatch, complaint, loaded, desired)


def test_a_daemon_that_does_not_report_its_configuration_is_reloaded_as_far_as_can_be_known(monkeypatch):
    def silent(_socket):
        raise CrioSocketError("no answer")

    monkeypatch.setattr(candidate, "live_configuration", silent)
    words = candidate._refused_by_a_reload(SimpleNamespace(**DRY_START), LIVE)
    assert words == candidate._REFUSED_BY_A_RELOAD
