# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node's own crio reports about a candidate is understood as it is written in its log."""

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
def test_a_handler_that_crio_leaves_out_is_refused_with_its_reason(line, table):
    asked = request(f'{table}\nruntime_path = "/nowhere/kata"\n')
    with pytest.raises(TransactionError, match="would ignore the handler kata") as caught:
        candidate._refuse_dropped_handlers(asked, [line], SERVICE)
    assert caught.value.detail == (
        "kata: invalid runtime_path for runtime 'kata': stat /nowhere/kata: no such file or directory"
    )


def test_a_handler_of_somebody_else_that_crio_leaves_out_refuses_nothing():
    candidate._refuse_dropped_handlers(request("[crio.runtime.runtimes.crun]\n"), [LINE], SERVICE)
