# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as CRI-O shows them: GET /config and `crictl info`."""

import re

import crio_toml
from crio_checks import ANNOTATIONS
from crio_settings import HANDLER_KEYS, HANDLERS, KEYS, TABLES, WORKLOADS, as_go_writes

RESOURCES = ("CPUShares", "CPUQuota", "CPUPeriod", "CPUSet", "CPULimit")


def to_toml(settings):
    """Return the settings as in GET /config: nested tables, without lists that are not set."""
    out = []
    for table in TABLES:
        out.append(f"{_indent(table)}[{table}]")
        out += [
            _line(key.name, _shown_value(key, settings[key.name]))
            for key in KEYS.values()
            if key.name.rpartition(".")[0] == table
            and settings[key.name] is not None
            and (key.name != "crio.network.plugin_dir" or settings[key.name])
        ]
        if table == "crio.runtime":
            out += _entries(HANDLERS, {name: _shown(each) for name, each in settings.handlers.items()})
            out += _entries(WORKLOADS, {name: _workload(each) for name, each in settings.workloads.items()})
    return "\n".join(out) + "\n"


def _shown_value(key, value):
    return as_go_writes(value) if key.kind == "duration" else value


def _shown(one):
    shown = {name: one[name] for name, (_kind, _field, always) in HANDLER_KEYS.items() if always or one[name]}
    return {
        name: dict(sorted(each.items())) if isinstance(each, dict) else each for name, each in shown.items()
    }


def _workload(one):
    """Return a workload with the names of CRI-O's encoder: the names of Go fields for fields without a TOML name."""
    allowed = one.get("allowed_annotations") or []
    shown = {name: one.get(name, "") for name in ("activation_annotation", "annotation_prefix")}
    shown.update({"allowed_annotations": allowed} if allowed else {})
    shown["DisallowedAnnotations"] = [each for each in ANNOTATIONS if each not in allowed]
    if "resources" in one:
        shown["resources"] = {
            field: one["resources"].get(field.lower(), "" if field == "CPUSet" else 0) for field in RESOURCES
        }
    return shown


def _workload_info(one):
    shown = _workload(one)
    told = {
        "ActivationAnnotation": shown["activation_annotation"],
        "AllowedAnnotations": shown.get("allowed_annotations"),
        "AnnotationPrefix": shown["annotation_prefix"],
        "DisallowedAnnotations": shown["DisallowedAnnotations"],
    }
    set_ones = {name: value for name, value in one.get("resources", {}).items() if value}
    return {**told, "Resources": set_ones if "resources" in one else None}


def _entries(key, entries):
    out = [f"{_indent(key)}[{key}]"] if entries else []
    for name, entry in sorted(entries.items()):
        place, indent = f"{key}.{_quoted(name)}", _indent(key) + "  "
        out.append(f"{indent}[{place}]")
        tables = {each: value for each, value in entry.items() if isinstance(value, dict)}
        out += [
            f"{indent}  {each} = {crio_toml.value(value)}"
            for each, value in entry.items()
            if each not in tables
        ]
        for each, values in tables.items():
            out.append(f"{indent}  [{place}.{each}]")
            out += [
                f"{indent}    {_quoted(inner)} = {crio_toml.value(value)}" for inner, value in values.items()
            ]
    return out


def _quoted(name):
    return name if re.fullmatch("[A-Za-z0-9_-]+", name, re.ASCII) else crio_toml.value(name)


def _indent(table):
    return "  " * table.count(".")


def _line(name, value):
    table, _dot, key = name.rpartition(".")
    return f"{_indent(table)}  {key} = {crio_toml.value(value)}"


def to_info(settings):
    """Return the settings as `crictl info` shows them below config.crio: [crio.runtime] has the names of CRI-O's Go fields."""
    shown = {key.field: settings[key.name] for key in KEYS.values() if key.field != "-"}
    shown["Runtimes"] = {
        name: {field: one[key] or (None if kind in ("list", "map") else one[key])
               for key, (kind, field, _always) in HANDLER_KEYS.items()}
        for name, one in settings.handlers.items()
    }  # fmt: skip
    shown["Workloads"] = {name: _workload_info(each) for name, each in settings.workloads.items()} or None
    return dict(sorted(shown.items()))
