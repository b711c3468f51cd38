# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a play fails after its report: those of the last batch, because a batch that fails as a whole ends the play."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.cri.node.plugins.plugin_utils.text.name_ranges import shortened


def failures(
    messages: Mapping[str, str], pending: int, batch: Sequence[str], left: Collection[str], earlier_nodes: str
) -> dict[str, str]:
    """Return {node of the batch: message} for the nodes that must fail; {} while the batches of other nodes have not run.

    The nodes of earlier batches are in the message of the first node. messages: by node, in the order of the play. pending: the
    number of nodes whose batch has not run. batch: nodes of the current batch. left: nodes that have not failed yet.
    earlier_nodes: the beginning of the sentence about nodes of earlier batches.
    """
    if pending:
        return {}
    open_messages = {node: message for node, message in messages.items() if node in left}
    found = {node: open_messages[node] for node in batch if node in open_messages}
    earlier = [node for node in open_messages if node not in batch]
    if earlier and batch:
        told = f"{earlier_nodes}: {shortened(earlier)}"
        found[batch[0]] = "; ".join([*([found[batch[0]]] if batch[0] in found else []), told])
    return found
