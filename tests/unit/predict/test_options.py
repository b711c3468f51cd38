# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make predict` finds about options that SIGHUP discards, with a daemon that the test plays."""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace

import pytest

from ansible_collections.cri.node.plugins.plugin_utils.crio.versions import parse_version
from ansible_collections.cri.node.plugins.plugin_utils.text import toml
from predict import __main__ as program
from predict import base, changes, options
from predict.evidence import Evidence
from predict.judge import CONFIRMED, CONTRADICTED, UNPROVED
from testbed.node import NodeError

BASE = base.configuration("/usr/bin/conmon")
ALL = changes.changes(parse_version("1.37"))


class Played:
    """A daemon that loses the options in `lost` with SIGHUP, and does not start with those in `refused`."""

    def __init__(self, made, form, lost=(), refused=(), unshown=(), reloads=True):
        self.rows = {options.row(each, form): each for each in made}
        self.lost, self.refused, self.unshown, self.reloads = lost, refused, unshown, reloads
        self.asked, self.live, self.starts = "", copy.deepcopy(BASE), 0
        self.node = SimpleNamespace(copy_in=self._written, check=self._checked)

    def _written(self, _path, content):
        self.asked = content

    def _checked(self, command):
        if command[0] == "rm":
            self.asked = ""

    def _given(self):
        return [name for name in self.rows if re.search(rf'[" =]{re.escape(name)}=', self.asked)]

    def restart(self):
        self.starts += 1
        given = set(self._given())
        if given & set(self.refused):
            return f"refuses {sorted(given & set(self.refused))}"
        self.live = copy.deepcopy(BASE)
        for name in given - set(self.unshown):
            self._put(self.rows[name])
        return ""

    def reload(self):
        given = set(self._given()) - set(self.lost) - set(self.unshown)
        self.live = copy.deepcopy(BASE)
        for name in given:
            self._put(self.rows[name])
        return "" if self.reloads else "it refuses"

    def look(self, _shown_by):
        return Evidence({"config": toml.dumps(self.live)})

    def _put(self, change):
        here = self.live
        for name in change.printed_path[:-1]:
            here = here.setdefault(name, {})
        here[change.printed_path[-1]] = {} if change is options.HANDLER else change.value


@pytest.fixture(params=options.FORMS)
def form(request):
    return request.param


def predicted_lost(made, form):
    return [options.row(each, form) for each in made if options.is_discarded(each)]


def test_options_that_sighup_discards_are_confirmed_and_the_others_are_not_counted(form):
    made = options.given(ALL, form)
    daemon = Played(made, form, lost=predicted_lost(made, form))
    found = options.observe(daemon, made, form)
    assert sorted(each.key for each in found) == sorted(predicted_lost(made, form))
    assert {each.outcome for each in found} == {CONFIRMED}
    assert daemon.starts == 2
    assert daemon.asked == ""


def test_an_option_that_is_lost_unexpectedly_and_one_that_is_kept_unexpectedly_contradict(form):
    made = options.given(ALL, form)
    kept, lost = (
        predicted_lost(made, form)[0],
        next(options.row(each, form) for each in made if not options.is_discarded(each)),
    )
    daemon = Played(made, form, lost=[*predicted_lost(made, form)[1:], lost])
    found = {each.key: each for each in options.observe(daemon, made, form)}
    assert {name for name, each in found.items() if each.outcome == CONTRADICTED} == {kept, lost}
    assert (found[lost].predicted, found[lost].observed) == (options.KEPT, options.LOST)


def test_an_option_with_which_crio_does_not_start_or_that_it_does_not_show_is_unproved(form):
    made = options.given(ALL, form)
    refused, unshown, *_rest = names = predicted_lost(made, form)
    daemon = Played(made, form, lost=names, refused=[refused], unshown=[unshown])
    found = {each.key: each for each in options.observe(daemon, made, form)}
    assert {name for name, each in found.items() if each.outcome == UNPROVED} == {refused, unshown}
    assert "refuses" in found[refused].why
    assert "does not show" in found[unshown].why


def test_a_refused_reload_ends_the_part(form):
    made = options.given(ALL, form)
    with pytest.raises(NodeError, match="CRI-O refuses a reload with these"):
        options.observe(Played(made, form, reloads=False), made, form)


def test_the_losses_are_those_of_the_keys_that_reload_and_of_handlers():
    made = options.given(ALL, options.OPTIONS)
    lost = predicted_lost(made, options.OPTIONS)
    assert {
        "--log-level",
        "--default-runtime",
        "--runtimes",
        "--pause-image",
        "--decryption-keys-path",
    } <= set(lost)
    assert not {"--ctr-stop-timeout", "--read-only"} & set(lost)
    variables = predicted_lost(options.given(ALL, options.VARIABLES), options.VARIABLES)
    assert {"CONTAINER_RUNTIMES", "CONTAINER_LOG_LEVEL"} <= set(variables)
    assert not [name for name in variables if "DECRYPTION" in name]


def test_values_are_written_as_the_command_line_takes_them():
    made = {each.key: each for each in ALL}
    chosen = [made["crio.metrics.enable_metrics"], made["crio.network.plugin_dirs"], options.HANDLER]
    assert options.drop_in(chosen, options.OPTIONS) == (
        '[Service]\nEnvironment="CRIO_RUNTIME_OPTIONS=--enable-metrics=true'
        f" --cni-plugin-dir=/opt/cni/bin,/usr/lib/cni,{base.FILES}/empty"
        f' --runtimes=given:{base.WRAPPER}:/run/predict-given"\n'
    )
    assert options.drop_in(chosen[:1], options.VARIABLES) == (
        '[Service]\nEnvironment="CONTAINER_ENABLE_METRICS=true"\n'
    )


def test_options_are_a_part_of_the_whole_run_and_can_be_chosen():
    whole = program._parts(ALL, ALL, "")
    assert [part.name for part in whole][-2:] == list(options.FORMS)
    chosen = program._parts([], ALL, "--log-level")
    assert [(part.name, part.rows) for part in chosen] == [(options.OPTIONS, [("--log-level", options.LOST)])]
