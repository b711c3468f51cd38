# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests what the site changes on the page that antsibull-docs generates for the collection."""

from docsite.build import for_the_site

GENERATED = """\
Guides
------

.. toctree::
    :maxdepth: 1

    docsite/first_node

Plugin Index
------------

* :ansplugin:`crictl_pod module <cri.node.crictl_pod#module>` -- Run a Kubernetes Pod manifest
* :ansplugin:`node_crictl_pod module <cri.node.node_crictl_pod#module>` -- Internal\\: node side of cri.node.crictl_pod

.. toctree::
    :hidden:

    crictl_pod_module
    node_crictl_pod_module
    crictl_role
"""


def test_the_navigation_has_short_names_and_no_guides_or_internal_modules():
    assert for_the_site(GENERATED) == (
        GENERATED.partition("Plugin Index")[1]
        + GENERATED.partition("Plugin Index")[2].replace(
            "    crictl_pod_module\n    node_crictl_pod_module\n    crictl_role\n",
            "    crictl_pod (module) <crictl_pod_module>\n    crictl (role) <crictl_role>\n",
        )
    )
