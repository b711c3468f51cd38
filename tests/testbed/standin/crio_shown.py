# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as CRI-O shows them: GET /config and `crictl info`."""

import crio_toml
from crio_settings import HANDLER_KEYS, HANDLERS, KEYS, TABLES, WORKLOADS


def to_toml(settings):
    """The settings as GET /config shows them: tables inside tables, lists that are not set left out."""
    out = []
    for table in TABLES:
        out.append(f"{_indent(table)}[{table}]")
        out += [
            _line(key.name, settings[key.name])
            for key in KEYS.values()
            if key.name.rpartition(".")[0] == table
            and settings[key.name] is not None
            and (key.name != "crio.network.plugin_dir" or settings[key.name])
        ]
        if table == "crio.runtime":
            out += _entries(HANDLERS, {name: _shown(each) for name, each in settings.handlers.items()})
            out += _entries(WORKLOADS, settings.workloads)
    return "\n".join(out) + "\n"


def _shown(one):
    return {name: one[name] for name, (_kind, _field, always) in HANDLER_KEYS.items() if always or one[name]}


def _entries(key, entries):
    out = [f"{_indent(key)}[{key}]"] if entries else []
    for name, entry in sorted(entries.items()):
        place = f"{key}.{name}"
        out.append(f"{_indent(place)}[{place}]")
        tables = {each: value for each, value in entry.items() if isinstance(value, dict)}
        out += [_line(f"{place}.{each}", value) for each, value in entry.items() if each not in tables]
        for each, values in tables.items():
            out.append(f"{_indent(place)}  [{place}.{each}]")
            out += [_line(f"{place}.{each}.{inner}", value) for inner, value in sorted(values.items())]
    return out


def _indent(table):
    return "  " * table.count(".")


def _line(name, value):
    table, _dot, key = name.rpartition(".")
    return f"{_indent(table)}  {key} = {crio_toml.value(value)}"


def to_info(settings):
    """The settings as `crictl info` shows them below config.crio: [crio.runtime] under the names of CRI-O's own fields."""
    shown = {key.field: settings[key.name] for key in KEYS.values() if key.field != "-"}
    shown["Runtimes"] = {
        name: {field: one[key] or (None if kind in ("list", "map") else one[key])
               for key, (kind, field, _always) in HANDLER_KEYS.items()}
        for name, one in settings.handlers.items()
    }  # fmt: skip
    shown["Workloads"] = settings.workloads or None
    return dict(sorted(shown.items()))
