# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration of the documentation site. `make docs` copies this folder beside the generated reference."""

from pathlib import Path

import yaml
from docutils import nodes

# `make docs` copies galaxy.yml here, too.
_GALAXY = yaml.safe_load((Path(__file__).parent / "galaxy.yml").read_text(encoding="utf-8"))

project = "cri.node"
author = "The cri.node contributors"
copyright = author
release = _GALAXY["version"]

extensions = ["sphinx_antsibull_ext", "myst_parser"]
# Copied beside the pages for this file only.
exclude_patterns = ["galaxy.yml"]
nitpicky = True
# The lexer of ansible-output does not know the indented results of newer versions; it shows them without colors.
suppress_warnings = ["misc.highlighting_failure"]
default_role = "any"
highlight_language = "yaml+jinja"
pygments_style = "ansible"
pygments_dark_style = "monokai"
# Options such as --check keep their hyphens.
smartquotes = False
# Headings of Markdown pages get anchors, as on GitHub.
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"cri.node {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "source_repository": _GALAXY["repository"],
    "footer_icons": [
        {"name": "GitHub", "url": _GALAXY["repository"], "html": "Sources", "class": ""},
    ],
}

# The reference refers to pages of Ansible's own documentation. Their addresses are derived from the label instead of an
# inventory, so that a build needs no network and gives the same pages everywhere.
ANSIBLE_DOCS = "https://docs.ansible.com/ansible/latest"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
ANSIBLE_PLUGIN = "ansible_collections.ansible.builtin."


def ansible_address(label):
    """The address of a label of Ansible's documentation; None for any other label.

    Plugins have labels such as ansible_collections.ansible.builtin.copy_module__parameter-src.
    """
    if label in ANSIBLE_PAGES:
        return f"{ANSIBLE_DOCS}/{ANSIBLE_PAGES[label]}"
    if not label.startswith(ANSIBLE_PLUGIN):
        return None
    page, _separator, anchor = label.removeprefix(ANSIBLE_PLUGIN).partition("__")
    return f"{ANSIBLE_DOCS}/collections/ansible/builtin/{page}.html" + (f"#{anchor}" if anchor else "")


def _link_to_ansible(_app, _environment, reference, text):
    address = ansible_address(reference["reftarget"]) if reference["reftype"] == "ref" else None
    if address is None:
        return None  # Sphinx reports it
    link = nodes.reference("", "", internal=False, refuri=address)
    link.append(text)
    return link


def setup(app):
    """Register the handler with Sphinx."""
    app.connect("missing-reference", _link_to_ansible)
    return {"parallel_read_safe": True}
