# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that code blocks are found with their context, and that the recorder writes output to the right place."""

import pytest

from docsite.blocks import blocks
from docsite.record import Recorder, RecordError, brief, excerpt

GUIDE = """\
.. _label:

Title
=====

.. code-block:: ini
    :caption: hosts.ini

    [nodes]
    node-1 ansible_host=192.0.2.1

Words.

.. code-block:: console

    $ git clone https://example.com/
    $ ansible-playbook -i hosts.ini site.yml
    # crictl ps

.. recorded: prepare ansible -i hosts.ini nodes -m ping
.. recorded: show Second | RECAP

.. code-block:: ansible-output
    :caption: $ ansible-playbook -i hosts.ini verify.yml
    :name: verify

    old

.. code-block:: json
    :caption: report.json

    {}

The end.
"""
OUTPUT = """\
PLAY [nodes] ***

TASK [First] ***
ok: [node-1]

TASK [Second] ***
the report is in FOLDER/report.json

    indented

PLAY RECAP ***
node-1 : ok=2
"""


@pytest.fixture
def guide(tmp_path):
    path = tmp_path / "guide.rst"
    path.write_text(GUIDE)
    return path


@pytest.fixture
def play(tmp_path, guide):
    """Return play(exit status of ansible-playbook) -> (text of the guide, commands that ran)."""

    def played(status=0):
        ran = []

        def run(command):
            ran.append(command)
            (tmp_path / "report.json").write_text('{\n  "nodes": {}\n}\n')
            return (status if "verify.yml" in command else 0), OUTPUT.replace("FOLDER", str(tmp_path))

        def run_on_node(command):
            ran.append(f"node: {command}")
            return 0, ""

        return Recorder(tmp_path, "[nodes]\nreal\n", run, run_on_node).play(guide), ran

    return played


def test_blocks_have_a_caption_a_name_notes_and_a_line(guide):
    found = {block.language: block for block in blocks(guide)}
    assert list(found) == ["ini", "console", "ansible-output", "json"]
    assert found["ini"].caption == "hosts.ini"
    assert found["ini"].text == "[nodes]\nnode-1 ansible_host=192.0.2.1\n"
    assert found["ini"].notes == ()
    assert found["ansible-output"].options["name"] == "verify"
    assert found["ansible-output"].notes == (
        ("prepare", "ansible -i hosts.ini nodes -m ping"),
        ("show", "Second | RECAP"),
    )
    assert GUIDE.splitlines()[found["json"].line - 1] == ".. code-block:: json"


def test_the_commands_of_a_guide_run_in_order_and_their_output_is_recorded(play, tmp_path):
    text, ran = play()
    assert ran == [
        "ansible-playbook -i hosts.ini site.yml",
        "node: crictl ps",
        "ansible -i hosts.ini nodes -m ping",
        "ansible-playbook -i hosts.ini verify.yml",
    ]
    assert (tmp_path / "hosts.ini").read_text() == "[nodes]\nreal\n"
    before, _old, after = GUIDE.partition("    old\n")
    assert text == (
        before
        + "    TASK [Second] ***\n    the report is in /home/ops/nodes/report.json\n\n        indented\n\n"
        + "    PLAY RECAP ***\n    node-1 : ok=2\n"
        + after.replace("    {}\n", '    {\n      "nodes": {}\n    }\n')
    )


def test_a_recorded_guide_can_be_recorded_again(play, guide):
    text, _ran = play()
    guide.write_text(text)
    assert play()[0] == text


def test_a_command_that_fails_unexpectedly_stops_the_recording(play):
    with pytest.raises(
        RecordError, match=r"guide\.rst:\d+: ansible-playbook -i hosts.ini verify.yml: exit status 2"
    ):
        play(2)


def test_a_command_that_unexpectedly_succeeds_stops_the_recording(play, guide):
    guide.write_text(GUIDE.replace(".. recorded: show", ".. recorded: fails\n.. recorded: show"))
    assert "TASK [Second]" in play(2)[0]
    with pytest.raises(RecordError, match="exit status 0"):
        play(0)


def test_an_empty_excerpt_is_an_error():
    with pytest.raises(RecordError, match="Third"):
        excerpt(OUTPUT, ["Third"])


def test_a_brief_output_omits_tasks_that_only_print_their_status():
    assert brief(OUTPUT) == excerpt(OUTPUT, ["Second", "RECAP"])
    failed = "PLAY [nodes] ***\n\nTASK [First] ***\nfatal: [node-1]: FAILED! => msg: no\n"
    assert brief(failed) == failed.partition("\n\n")[2]
