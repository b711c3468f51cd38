# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests which images and pods of a node a change of registries concerns, in a plan and in the report of all nodes."""

import pytest

from ansible_collections.cri.node.plugins.module_utils import toml_reader
from ansible_collections.cri.node.plugins.plugin_utils.plan import plan, report
from ansible_collections.cri.node.plugins.plugin_utils.plan.desired import DesiredFiles
from ansible_collections.cri.node.plugins.plugin_utils.plan.earlier import EarlierFiles

FOLDER = "/etc/containers/registries.conf.d"
PATH = f"{FOLDER}/zz-cri-node.conf"
CRIO = "/etc/crio/crio.conf.d/60-cri-node.conf"
DIGEST = f"a.io/db@sha256:{'0' * 64}"
ABSENT = {"file_type": "absent", "as_wanted": False, "loaded": False, "disruption": "reload"}
OTHER = {**ABSENT, "file_type": "file", "mode": "0644", "content": "", "sha256": "0" * 64}
IMAGES = [
    {"name": "a.io/app:1", "pinned": False, "pods": ["default/web", "default/api"]},
    {"name": "a.io/pause:3", "pinned": True, "pods": []},
    {"name": DIGEST, "pinned": False, "pods": ["default/db"]},
    {"name": "z.io/other:1", "pinned": False, "pods": ["default/other"]},
]


def in_use(text="", **more):
    """Return what a node reports of its registries. text: its present drop-in, "" for none."""
    data = toml_reader.loads(text.encode())
    files = [{"path": PATH, "drop_in": True, "data": data}] if text else []
    return {
        "main": "/etc/containers/registries.conf",
        "folders": [FOLDER],
        "files": files,
        "aliases": None,
        "short_name_mode": "enforcing",
        "reloads_itself": False,
        "images": IMAGES,
        **more,
    }


def node(found, desired=True, **more):
    unit = {"name": "crio.service", "active": True, "enabled": True, "binary_replaced": False}
    reload = {"log_level": '"info"', "log_filter": '""', "options": [], "invisible": ""}
    return {
        "files": {PATH: found} if desired else {},
        "orphans": {} if desired else {PATH: found},
        "unit": {**unit, "phase": "serving", "reloads": True},
        "crio": {"binary": "/usr/bin/crio", "version": "1.37.0"},
        "reload": reload,
        "live": {},
        "effective": {},
        "missing_paths": [],
        "newer_paths": [],
        "unanswered_paths": [],
        **more,
    }


def wanted(config, crio=None):
    entries = [
        {
            "path": PATH,
            "owner": "registries",
            "kind": "registries_conf",
            "layers": [["registries_config", config]],
        }
    ]
    if crio:
        entries.append(
            {"path": CRIO, "owner": "crio", "kind": "crio_conf", "layers": [["crio_config", {"crio": crio}]]}
        )
    return DesiredFiles(entries)


def table(**more):
    return {"registry": [{"location": "a.io", **more}]}


TEXT = '[[registry]]\nlocation = "a.io"\n'


def test_a_mirror_for_digests_costs_a_reload_and_concerns_no_image():
    config = table(mirror=[{"location": "m.io", "pull-from-mirror": "digest-only"}])
    made = plan.make(wanted(config), node(ABSENT, registries=in_use())).as_data()
    assert (made["disruption"], made["reasons"]) == ("reload", [f"{PATH} is new"])
    assert "images" not in made


def test_blocking_a_registry_names_its_images_and_the_pods_that_run_with_them():
    made = plan.make(wanted(table(blocked=True)), node(OTHER, registries=in_use(TEXT))).as_data()
    assert made["disruption"] == "reload"
    blocked = {"effect": "blocked", "reason": "a.io is blocked"}
    assert made["images"] == [{**image, **blocked} for image in IMAGES[:3]]
    assert made["reasons"] == [
        f"{PATH} changes",
        "3 images of this node can no longer be pulled: a.io/app:1, a.io is blocked;"
        f" {DIGEST}, a.io is blocked; a.io/pause:3 (pinned), a.io is blocked; 3 running pods have them",
    ]


def test_removing_a_registry_with_a_mirror_names_what_is_pulled_from_elsewhere():
    text = '[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io"\n'
    found = node(OTHER, desired=False, registries=in_use(text, images=IMAGES[:1]))
    made = plan.make(wanted({}), found)
    assert made.files == {PATH: "remove"}
    [image] = made.images
    assert image["effect"] == "elsewhere"
    assert image["reason"] == "from a.io/app:1 instead of m.io/app:1 or a.io/app:1"
    assert made.reasons[-1].startswith("1 image of this node will be pulled from elsewhere: a.io/app:1, from")
    assert made.reasons[-1].endswith("; 2 running pods have them")


def test_a_later_file_of_somebody_else_decides_as_it_does_on_the_node():
    later = {"path": f"{FOLDER}/zzz.conf", "drop_in": True, "data": table()}
    found = in_use()
    made = plan.make(wanted(table(blocked=True)), node(ABSENT, registries={**found, "files": [later]}))
    assert made.images == []


@pytest.mark.parametrize("folders", [[], ["/root/.config/containers/registries.conf.d"]])
def test_a_file_that_crio_on_the_node_does_not_read_concerns_no_image(folders):
    found = in_use(main="/root/.config/containers/registries.conf", folders=folders)
    assert plan.make(wanted(table(blocked=True)), node(ABSENT, registries=found)).images == []


def test_the_short_name_mode_of_the_run_decides_after_the_change():
    search = {"unqualified-search-registries": ["a.io", "b.io"]}
    text = 'unqualified-search-registries = ["a.io"]\n'
    images = [{"name": "app:1", "pinned": False, "pods": ["default/web"]}]
    found = node(OTHER, registries=in_use(text, images=images))
    [image] = plan.make(wanted(search), found).images
    assert image["effect"] == "refused"
    found["files"][CRIO] = {**ABSENT, "disruption": "restart"}
    disabled = wanted(search, {"image": {"short_name_mode": "disabled"}})
    assert plan.make(disabled, found).images == []


def test_a_rollback_knows_the_images_from_the_kept_content():
    file = {"mode": "0644", "secret": False, "disruption": "reload", "content": f"{TEXT}blocked = true\n"}
    earlier = EarlierFiles({"generation": 1, "files": {PATH: file}})
    made = plan.make(earlier, node(OTHER, registries=in_use(TEXT)))
    assert [image["effect"] for image in made.images] == ["blocked"] * 3


def test_unknown_images_and_a_daemon_that_reloads_registries_itself_are_reasons():
    found = in_use(images=[], reloads_itself=True, problem="crictl is not installed")
    made = plan.make(wanted(table()), node(ABSENT, registries=found))
    assert any("crio.image.auto_reload_registries" in reason for reason in made.reasons)
    assert made.reasons[-1] == (
        "which images the change of registries concerns is not known: crictl is not installed"
    )


def result(images):
    made = plan.make(wanted(table(blocked=True)), node(OTHER, registries=in_use(TEXT, images=images)))
    return {"changed": True, "plan": made.as_data()}


def test_nodes_with_an_equal_change_are_one_row_whatever_images_they_have():
    results = {"node-1": result(IMAGES), "node-2": result(IMAGES[:1]), "node-3": result([])}
    made = report.document(results, (), check_mode=True)
    [row] = made["plans"]
    assert row["nodes"] == ["node-1", "node-2", "node-3"]
    assert row["reasons"] == [f"{PATH} changes"]
    assert [(image["name"], image["nodes"], image["pods"]) for image in row["images"]] == [
        ("a.io/app:1", 2, 4),
        (DIGEST, 1, 1),
        ("a.io/pause:3", 1, 0),
    ]
    text = " ".join(" ".join(report.table(made)).split())
    assert (
        "image a.io/app:1 can no longer be pulled on 2 nodes, used by 4 running pods: a.io is blocked"
    ) in text
    assert "image a.io/pause:3 (pinned) can no longer be pulled on 1 node: a.io is blocked" in text
