# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in the styles of other tools are adopted, and applying the variables changes nothing that CRI-O uses."""

import json
import tomllib

import pytest
import yaml

from merge import compare
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


def used(node):
    """Return what CRI-O computes from its files and options, and what the running daemon uses, without empty values.

    A key that a file sets to an empty list and one that no file sets are printed differently, and have the same effect.
    """
    options = "$CRIO_CONFIG_OPTIONS $CRIO_METRICS_OPTIONS"
    command = f". /etc/sysconfig/crio 2>/dev/null; crio {options} config 2>/dev/null"
    live = tomllib.loads(live_configuration(node))
    return [_not_empty(compare.parse(node.check(["sh", "-c", command]))), _not_empty(live)]


def _not_empty(values):
    found = {name: _not_empty(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {name: value for name, value in found.items() if value not in ("", [], {}, False, 0)}


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
    before = used(node)
    run, folder = adopt(node)
    run.expect_success()
    result = run.of("cri.node.crio_adopt", node.name)
    assert result["crio_config"]["crio"]
    assert "stays" in {each["kind"] for each in result["findings"]}
    files = yaml.safe_load((folder / "group_vars" / "cri_node_adopted.yml").read_text())
    assert files == {"crio_config": result["crio_config"]}
    inventory = ("-i", str(folder))
    unwritten = {"plan_report_file": ""}
    planned = run_playbook("cri.node.plan", node, *inventory, variables=unwritten).expect_success()
    assert article.DROP_IN in planned.out
    run_playbook(article.ROLE, node, *inventory).expect_success()
    assert node.exists(article.DROP_IN)
    assert used(node) == before
    again = run_playbook(article.ROLE, node, *inventory).expect_success()
    assert again.changed == 0
    assert used(node) == before


def test_the_settings_remain_when_the_files_of_the_other_tool_are_removed(fresh_node, adopt, run_playbook):
    node = fresh_node()
    lay(node, "kubespray")
    before = used(node)
    run, folder = adopt(node)
    run.expect_success()
    assert run.of("cri.node.crio_adopt", node.name)["left"] == []
    run_playbook(article.ROLE, node, "-i", str(folder)).expect_success()
    node.check(["rm", "/etc/crio/crio.conf"])
    restart(node)
    after = used(node)
    # CRI-O reads this key, but does not use it, so that it is not in the variables.
    assert before[0].pop("crio.image.insecure_registries") == ["10.0.0.0/24"]
    assert before[1]["crio"]["image"].pop("insecure_registries") == ["10.0.0.0/24"]
    assert after == before


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
    before = [used(node) for node in nodes]
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
    assert [used(node) for node in nodes] == before
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
