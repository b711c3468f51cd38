# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the node after the role ran: CRI-O pulls as configured and was not restarted."""

testinfra_hosts = ["ansible://nodes"]

DROP_IN = "/etc/containers/registries.conf.d/zz-cri-node.conf"


def pull(host, image):
    """Pull an image after removing it from the node."""
    host.run("crictl rmi %s", image)
    return host.run("crictl pull %s", image)


def test_the_file_contains_all_layers_and_nothing_else(host):
    assert host.file(DROP_IN).content_string == (
        "# Written by the role cri.node.registries, which undoes what is changed here: set registries_config instead.\n"
        "[[registry]]\n"
        "blocked = true\n"
        'location = "blocked.example.com"\n'
        "\n"
        "[[registry]]\n"
        "blocked = true\n"
        'location = "source.example.com"\n'
        "\n"
        "[[registry.mirror]]\n"
        "insecure = true\n"
        'location = "registry:5000"\n'
        "\n"
        "[[registry]]\n"
        "insecure = true\n"
        'location = "unlisted:5000"\n'
        'prefix = ""\n'
    )
    assert (host.file(DROP_IN).mode, host.file(DROP_IN).user) == (0o644, "root")


def test_crio_pulls_from_a_registry_over_plain_http(host):
    done = pull(host, "unlisted:5000/hello-world:1")
    assert done.rc == 0, done.stderr


def test_crio_pulls_from_a_mirror(host):
    done = pull(host, "source.example.com/hello-world:1")
    assert done.rc == 0, done.stderr


def test_a_blocked_registry_is_not_contacted_for_an_image_that_its_mirror_lacks(host):
    done = pull(host, "source.example.com/not-in-the-mirror:1")
    assert done.rc != 0
    assert "source.example.com is blocked in" in done.stderr


def test_a_blocked_registry_is_refused(host):
    done = pull(host, "blocked.example.com/hello-world:1")
    assert done.rc != 0
    assert "blocked.example.com is blocked in" in done.stderr


def test_crio_was_not_restarted(host):
    running = host.check_output("systemctl show --value --property=InvocationID crio.service")
    assert running == host.file("/root/invocation").content_string.strip()
    assert host.service("crio").is_running


def test_files_of_other_owners_are_unchanged(host):
    remembered = host.file("/root/strangers").content_string.splitlines()
    assert any("70-stranger.conf" in line for line in remembered)
    for line in remembered:
        path = line.split()[0]
        assert host.check_output("stat --format='%%n %%Z %%a %%U' %s", path) == line


def test_a_run_leaves_no_temporary_files(host):
    assert not host.file("/etc/crio/.cri-node").exists
    assert not host.file("/var/lib/cri-node/transaction/intent.json").exists
    assert host.check_output("systemctl list-units --all --no-legend 'cri-node-*'") == ""
