# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that the log of the node's own crio about a candidate is parsed."""

from types import SimpleNamespace

import pytest

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
