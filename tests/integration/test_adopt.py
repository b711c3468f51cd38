# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in the styles of other tools are adopted, and applying the variables changes nothing that CRI-O uses."""

import json

import pytest
import yaml

from testbed import article
from testbed.observed import live_configuration, observe
from testbed.paths import CHECKOUT

pytestmark = pytest.mark.real_crio("crio config shows the effective configuration")
FIXTURES = CHECKOUT / "tests/unit/fixtures/adopt"
FOLDER = "/etc/crio/crio.conf.d"
ADOPT = "cri.node.adopt"
# The files of each style, and those of the node that it replaces.
STYLES = {
    "kubespray": ({"/etc/crio/crio.conf": "kubespray/crio.conf"}, ["10-crio.conf", "10-testbed.conf"]),
    "alvistack": (
        {f"{FOLDER}/00-defaults.conf": "alvistack/00-defaults.conf", f"{FOLDER}/10-crio.conf": "package/10-crio.conf"},
        [],
    ),
    "package": ({f"{FOLDER}/10-crio.conf": "package/10-crio.conf"}, []),
}  # fmt: skip


def lay(node, style):
    """Replace the configuration of a node by one of this style, and restart CRI-O."""
    files, removed = STYLES[style]
    for name in removed:
        node.check(["rm", "-f", f"{FOLDER}/{name}"])
    for path, source in files.items():
        node.copy_in(path, (FIXTURES / source).read_text())
    restart(node)


def restart(node):
    node.check("systemctl restart crio")
    node.wait_for_crio()


def printed(node):
    """What CRI-O computes from its files, options and variables."""
    return node.check(
        ["sh", "-c", ". /etc/sysconfig/crio 2>/dev/null; crio $CRIO_CONFIG_OPTIONS config 2>/dev/null"]
    )


@pytest.fixture
def adopt(run_playbook, tmp_path):
    """adopt(nodes, *options) -> (Run, folder); the nodes stay as they are."""

    def on(nodes, *options):
        nodes = nodes if isinstance(nodes, list) else [nodes]
        folder = tmp_path / "adopted"
        before = [observe(node) for node in nodes]
        run = run_playbook(ADOPT, nodes, *options, variables={"adopt_directory": str(folder)})
        assert [observe(node) for node in nodes] == before
        assert run.changed == 0
        return run, folder

    return on


@pytest.mark.parametrize("style", STYLES)
def test_each_style_is_adopted_and_applied_without_a_change_in_effect(style, fresh_node, adopt, run_playbook):
    node = fresh_node()
    lay(node, style)
    before = printed(node), live_configuration(node)
    run, folder = adopt(node)
    run.expect_success()
    result = run.of("cri.node.crio_adopt", node.name)
    assert result["crio_config"]["crio"]
    assert "stays" in {each["kind"] for each in result["findings"]}
    files = yaml.safe_load((folder / "group_vars" / "cri_node_adopted.yml").read_text())
    assert files == {"crio_config": result["crio_config"]}
    inventory = ("-i", str(folder))
    planned = run_playbook("cri.node.plan", node, *inventory).expect_success()
    assert article.DROP_IN in planned.out
    run_playbook(article.ROLE, node, *inventory).expect_success()
    assert node.exists(article.DROP_IN)
    assert (printed(node), live_configuration(node)) == before
    again = run_playbook(article.ROLE, node, *inventory).expect_success()
    assert again.changed == 0
    assert (printed(node), live_configuration(node)) == before


def test_the_settings_remain_when_the_files_of_the_other_tool_are_removed(fresh_node, adopt, run_playbook):
    node = fresh_node()
    lay(node, "kubespray")
    before = printed(node), live_configuration(node)
    run, folder = adopt(node)
    run.expect_success()
    assert run.of("cri.node.crio_adopt", node.name)["left"] == []
    run_playbook(article.ROLE, node, "-i", str(folder)).expect_success()
    node.check(["rm", "/etc/crio/crio.conf"])
    restart(node)
    after = printed(node), live_configuration(node)
    # What CRI-O read, but does not use, is not in the variables.
    dead = [line for line in before[1].splitlines() if "insecure_registries" in line]
    assert dead == ['insecure_registries = ["10.0.0.0/24"]'] or dead[0].strip().startswith(
        "insecure_registries"
    )
    assert _without_dead(after) == _without_dead(before)


def _without_dead(texts):
    return [
        [line for line in text.splitlines() if "insecure_registries" not in line and '"10.0.0.0/24"' not in line]
        for text in texts
    ]  # fmt: skip


def test_a_fleet_has_one_file_and_a_layer_for_the_node_that_differs(fresh_node, adopt, run_playbook):
    nodes = [fresh_node() for _number in range(3)]
    for node in nodes:
        lay(node, "package")
    odd = nodes[-1]
    odd.copy_in(
        f"{FOLDER}/99-local.conf",
        '[crio.runtime]\nlog_level = "debug"\ndefault_env = ["TOKEN=CANARY"]\n',
        0o600,
    )
    odd.check(["sh", "-c", "echo 'CRIO_METRICS_OPTIONS=--metrics-port=9600' >>/etc/sysconfig/crio"])
    restart(odd)
    before = [(printed(node), live_configuration(node)) for node in nodes]
    run, folder = adopt(nodes)
    run.expect_success()
    assert "3 nodes: 1 incomplete, 2 adopted; 1 node with settings of its own" in run.out
    layer = yaml.safe_load((folder / "host_vars" / f"{odd.name}.yml").read_text())["crio_config__node"][
        "crio"
    ]
    assert layer == {"metrics": {"metrics_port": 9600}, "runtime": {"log_level": "debug"}}
    found = run.of("cri.node.crio_adopt", odd.name)
    kinds = {each["kind"] for each in found["findings"]}
    assert kinds >= {"option", "outranks", "secret"}
    assert "CANARY" not in run.out + json.dumps(found)
    run_playbook(article.ROLE, nodes, "-i", str(folder)).expect_success()
    assert [(printed(node), live_configuration(node)) for node in nodes] == before
    again, _folder = adopt(nodes)
    assert "nothing is overwritten" in " ".join((again.out + again.err).split())


def test_a_node_that_cannot_be_adopted_is_reported_and_fails(fresh_node, adopt, bare_node):
    broken = fresh_node()
    broken.copy_in(f"{FOLDER}/70-broken.conf", "[crio.runtime\n")
    run, folder = adopt([broken, bare_node])
    assert run.rc == 2
    assert "70-broken.conf is not valid TOML" in " ".join(run.out.split())
    assert {name: stats["failures"] for name, stats in run.stats.items()} == {
        broken.name: 1,
        bare_node.name: 1,
    }
    assert not folder.exists()
